"""Search algorithms, judged by the exact optimum, and spaces as other optimisers take them."""

from sedspace.searching.configurations import (
    from_configspace,
    from_configuration,
    to_configspace,
    to_configuration,
)
from sedspace.searching.multiobjective import pymoo_problem
from sedspace.searching.trials import suggest_index, trial_of

__all__ = [
    "from_configspace",
    "from_configuration",
    "pymoo_problem",
    "suggest_index",
    "to_configspace",
    "to_configuration",
    "trial_of",
]
