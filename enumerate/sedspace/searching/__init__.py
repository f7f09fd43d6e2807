"""Search algorithms, judged by the exact optimum, and spaces as other optimisers take them."""

from sedspace.searching.multiobjective import pymoo_problem

__all__ = ["pymoo_problem"]
