"""sedspace: exhaustive, data-free scoring of neural-architecture search spaces.

>>> import sedspace as ss
>>> space = ss.space("tss5")
>>> best = ss.top_k(space, 1)
>>> best["index"].item(), best["sed"].item()
(7323968, 15.75)
"""

import sedspace.interrupts  # isort: skip  first, since importing the others takes a second
import sedspace.polars_namespace  # noqa: F401  gives polars expressions the namespace `sed`
from sedspace.answers import sample, top_k
from sedspace.counting import (
    Distribution,
    Members,
    best_first,
    best_within,
    census,
    distribution,
    members,
    pareto,
    rank_sum,
)
from sedspace.datasets import export_dataset
from sedspace.errors import BadInput, RunError, SedspaceError
from sedspace.explained import Architecture, architecture
from sedspace.learning import CostFit, Fit, fit, fit_costs, read_fit, suggest
from sedspace.networks import network
from sedspace.report import Explorer, explore
from sedspace.runs import Matched, Problem, Run, enumerate_space, open_run, repair_run
from sedspace.scores import (
    AdditiveScore,
    ArrayScore,
    BoundedScore,
    DigitScore,
    Score,
    StateScore,
    functional_class,
    histogram,
    known_scores,
    propagated_sed,
    register,
    score,
    sed,
)
from sedspace.scores.cost import TableCost, read_costs
from sedspace.searching import (
    Judged,
    ProxyObjective,
    Trajectory,
    best_of,
    compare_searches,
    from_configspace,
    from_configuration,
    pymoo_problem,
    read_trajectory,
    search,
    suggest_index,
    to_configspace,
    to_configuration,
    trial_of,
)
from sedspace.spaces import (
    AtLeast,
    AtMost,
    Connected,
    Equal,
    Feature,
    Forbidden,
    Group,
    Inputs,
    OnePerClass,
    Operation,
    OwnRule,
    Position,
    Rule,
    Space,
    Unequal,
    cell_space,
    known_spaces,
    read_space,
    restrict,
    space,
)
from sedspace.studies import crosscheck
from sedspace.tables import nats_indices
from sedspace.version import __version__

__all__ = [
    "AdditiveScore",
    "Architecture",
    "ArrayScore",
    "AtLeast",
    "AtMost",
    "BadInput",
    "BoundedScore",
    "Connected",
    "CostFit",
    "DigitScore",
    "Distribution",
    "Equal",
    "Explorer",
    "Feature",
    "Fit",
    "Forbidden",
    "Group",
    "Inputs",
    "Judged",
    "Matched",
    "Members",
    "OnePerClass",
    "Operation",
    "OwnRule",
    "Position",
    "Problem",
    "ProxyObjective",
    "Rule",
    "Run",
    "RunError",
    "Score",
    "SedspaceError",
    "Space",
    "StateScore",
    "TableCost",
    "Trajectory",
    "Unequal",
    "__version__",
    "architecture",
    "best_first",
    "best_of",
    "best_within",
    "cell_space",
    "census",
    "compare_searches",
    "crosscheck",
    "distribution",
    "enumerate_space",
    "explore",
    "export_dataset",
    "fit",
    "fit_costs",
    "from_configspace",
    "from_configuration",
    "functional_class",
    "histogram",
    "known_scores",
    "known_spaces",
    "members",
    "nats_indices",
    "network",
    "open_run",
    "pareto",
    "propagated_sed",
    "pymoo_problem",
    "rank_sum",
    "read_costs",
    "read_fit",
    "read_space",
    "read_trajectory",
    "register",
    "repair_run",
    "restrict",
    "sample",
    "score",
    "search",
    "sed",
    "space",
    "suggest",
    "suggest_index",
    "to_configspace",
    "to_configuration",
    "top_k",
    "trial_of",
]
