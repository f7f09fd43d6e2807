"""Exact answers about whole spaces of any size, from counting classes of equal feature sums."""

from sedspace.counting.best import best_first, pareto, top_k
from sedspace.counting.budgets import best_within
from sedspace.counting.distributions import Distribution, census, distribution
from sedspace.counting.drawing import sample
from sedspace.counting.membership import Members, members, members_by
from sedspace.counting.rank_sums import rank_sum

__all__ = [
    "Distribution",
    "Members",
    "best_first",
    "best_within",
    "census",
    "distribution",
    "members",
    "members_by",
    "pareto",
    "rank_sum",
    "sample",
    "top_k",
]
