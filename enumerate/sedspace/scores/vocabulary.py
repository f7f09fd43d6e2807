"""The vocabulary of conditions on a space: what they may name there, and the scores that this needs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sedspace.condition import Condition
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.scores.registry import known_scores
from sedspace.spaces import Space

TEXTS = {"index": "int64", "arch": "string"}
"""The dtypes of what is no score, but known of every architecture."""

_MOST_CHOICES = 1 << 12  # of a position that can be named: those of nb101 are its architectures


class ChoiceScore(AdditiveScore):
    """The digit at one position, so that a condition may name the position: ``"0->3" = 'skip_connect'``."""

    def __init__(self, space: Space, position: int) -> None:
        rows = [np.arange(n) if p == position else np.zeros(n, np.int64) for p, n in enumerate(space.radices)]
        super().__init__("digit", {"digit": rows}, lambda digit: digit, dtype="int32", per_group=False)
        self.name = space.positions[position].name  # it need not be an identifier: no column is written


def choices_of(space: Space) -> dict[str, list[str]]:
    """Return the positions that a condition may name, each with what its digits stand for."""
    return {p.name: [c.name for c in p.choices] for p in space.positions if len(p.choices) <= _MOST_CHOICES}


def condition_on(space: Space, where: str, scores: Mapping[str, Score]) -> tuple[Condition, dict[str, Score]]:
    """Return a condition on the architectures of a space, and the scores that it names.

    Parameters
    ----------
    space : Space
    where : str
        It may name ``index``, ``arch``, every score of the space, those that are given, and positions: what stands
        there, as text, or as a number if all choices are numbers.
    scores : mapping of str to Score
        By their names, beside those that the space has; their companions may be named too.

    Raises
    ------
    BadInput
        If it is no such condition.
    """
    known = {**known_scores(space)}
    for name, score in scores.items():
        known |= {name: score, **{one.name: one for one in score.companions}}
    choices = {name: names for name, names in choices_of(space).items() if name not in known}
    condition = Condition(where, {name: one.dtype for name, one in known.items()} | TEXTS, choices)
    numbers = {position.name: number for number, position in enumerate(space.positions)}
    needed = [name for name in condition.names if name not in TEXTS]
    return condition, {n: known[n] if n in known else ChoiceScore(space, numbers[n]) for n in needed}
