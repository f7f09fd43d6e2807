"""Exact answers about whole spaces of any size, from counting classes of equal feature sums."""

from sedspace.census.best import best_first, best_within, pareto, top_k
from sedspace.census.members import Members, members
from sedspace.census.sample import sample
from sedspace.census.tally import Distribution, census, distribution

__all__ = [
    "Distribution",
    "Members",
    "best_first",
    "best_within",
    "census",
    "distribution",
    "members",
    "pareto",
    "sample",
    "top_k",
]
