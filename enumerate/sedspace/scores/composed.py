"""Scores that are made of the values of other scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Keys, Score, Values
from sedspace.scores.one_by_one import OneByOne
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits


class ComposedScore(OneByOne):
    """A function of the values of some scores, its members: counted where they all are sums."""

    @abstractmethod
    def members(self, space: Space) -> Sequence[Score]:
        """Return the scores that it is made of, one or more."""

    @abstractmethod
    def composed(self, space: Space, values: Sequence[Values]) -> Keys:
        """Return the keys of architectures that have these values, one array for each of the members."""

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures."""
        return self.composed(space, [member.values(member.at(space, digits)) for member in self.members(space)])

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        values = []
        for member in self.members(space):
            values.append(np.empty(stop - start, member.dtype))
            member.fill(space, start, values[-1], threads)
        return self.composed(space, values)


def parts(space: Space, score: Score) -> list[Score]:
    """Return what a score is made of in the end: itself, unless it is composed."""
    if not isinstance(score, ComposedScore):
        return [score]
    return [part for member in score.members(space) for part in parts(space, member)]


def is_of_sums(space: Space, score: Score) -> bool:
    """Return whether a score is a sum, or made of sums, so that classes of equal sums can be counted by it."""
    return all(isinstance(part, AdditiveScore) for part in parts(space, score))
