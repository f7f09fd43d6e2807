"""Scores: what is measured on an architecture, and how whole ranges of them are."""

from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.scores.bounded import BoundedScore
from sedspace.scores.evaluate import (
    MAX_SCAN,
    best,
    check_rows_fit,
    check_threads,
    histogram,
    score,
    score_columns,
)
from sedspace.scores.filtering import passing
from sedspace.scores.functional import functional_class, only_unique
from sedspace.scores.functions import ArrayScore, DigitScore
from sedspace.scores.propagated import propagated_sed
from sedspace.scores.registry import (
    default_columns,
    find_score,
    known_scores,
    only_registered,
    register,
    register_again,
    registered,
)
from sedspace.scores.sed_score import sed
from sedspace.scores.stateful import StateScore

__all__ = [
    "MAX_SCAN",
    "AdditiveScore",
    "ArrayScore",
    "BoundedScore",
    "DigitScore",
    "Score",
    "StateScore",
    "best",
    "check_rows_fit",
    "check_threads",
    "default_columns",
    "find_score",
    "functional_class",
    "histogram",
    "known_scores",
    "only_registered",
    "only_unique",
    "passing",
    "propagated_sed",
    "register",
    "register_again",
    "registered",
    "score",
    "score_columns",
    "sed",
]
