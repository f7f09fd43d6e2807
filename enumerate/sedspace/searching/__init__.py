"""Search algorithms, judged by the exact optimum, and spaces as other optimisers take them."""

from sedspace.searching.multiobjective import pymoo_problem
from sedspace.searching.trials import suggest_index, trial_of

__all__ = ["pymoo_problem", "suggest_index", "trial_of"]
