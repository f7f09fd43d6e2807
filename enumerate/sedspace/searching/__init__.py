"""Search algorithms and optimisers, ours and others', held against the exact optimum."""

from sedspace.searching.configurations import (
    from_configspace,
    from_configuration,
    to_configspace,
    to_configuration,
)
from sedspace.searching.judged import Judged
from sedspace.searching.luck import best_of
from sedspace.searching.multiobjective import pymoo_problem
from sedspace.searching.objectives import Best
from sedspace.searching.proxies import ProxyObjective
from sedspace.searching.running import search
from sedspace.searching.side_by_side import compare_searches
from sedspace.searching.trajectory import Trajectory, is_trajectory, read_trajectory
from sedspace.searching.trials import suggest_index, trial_of

__all__ = [
    "Best",
    "Judged",
    "ProxyObjective",
    "Trajectory",
    "best_of",
    "compare_searches",
    "from_configspace",
    "from_configuration",
    "is_trajectory",
    "pymoo_problem",
    "read_trajectory",
    "search",
    "suggest_index",
    "to_configspace",
    "to_configuration",
    "trial_of",
]
