"""sedspace: exhaustive, data-free scoring of neural-architecture search spaces.

>>> import sedspace as ss
>>> space = ss.space("tss5")
>>> best = ss.top_k(space, 1)
>>> best["index"].item(), best["sed"].item()
(7323968, 15.75)
"""

import sedspace.namespace  # noqa: F401  gives polars expressions the namespace `sed`
from sedspace.errors import BadInput, RunError, SedspaceError
from sedspace.runs import Problem, Run, enumerate_space, open_run, repair_run
from sedspace.scores import AdditiveScore, DigitScore, Score, histogram, known_scores, register, score, sed, top_k
from sedspace.spaces import Feature, Group, Operation, Position, Space, known_spaces, space
from sedspace.version import __version__

__all__ = [
    "AdditiveScore",
    "BadInput",
    "DigitScore",
    "Feature",
    "Group",
    "Operation",
    "Position",
    "Problem",
    "Run",
    "RunError",
    "Score",
    "SedspaceError",
    "Space",
    "__version__",
    "enumerate_space",
    "histogram",
    "known_scores",
    "known_spaces",
    "open_run",
    "register",
    "repair_run",
    "score",
    "sed",
    "space",
    "top_k",
]
