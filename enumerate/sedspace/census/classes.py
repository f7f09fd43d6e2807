"""All architectures of a space, sorted into classes that no score at hand tells apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedspace.census.diagrams import BlockByBlock, tabulated
from sedspace.errors import BadInput
from sedspace.scores import AdditiveScore, Score, find_score, known_scores
from sedspace.spaces import Space
from sedspace.where import Condition
from sedspace_kernels import diagram
from sedspace_kernels.diagram import exact

_NOTHING = AdditiveScore("nothing", {"zero": lambda _: 0}, lambda zero: zero, meaning="one class of everything")
_SMALL = 1 << 24  # architectures that are looked at one by one, where a score is no sum


class Classes:
    """The architectures of a space as classes, each with the key of every score, its exact count and its lowest index.

    Parameters
    ----------
    space : Space
    scores : sequence of Score
        Of different names.

    Attributes
    ----------
    keys : mapping of str to int64[classes] or float64[classes]
        The exact key of each score. Two classes may have equal keys.

    Raises
    ------
    TooManyClasses
        The message says how many.
    """

    def __init__(self, space: Space, scores: Sequence[Score]) -> None:
        self.space = space
        self.scores = {score.name: score for score in scores}
        sums = [score for score in scores if isinstance(score, AdditiveScore)]
        self._diagrams = BlockByBlock(space, sums).diagrams() if len(sums) == len(scores) else tabulated(space, scores)
        self.keys = self._diagrams.keys

    def __len__(self) -> int:
        return self._diagrams.outer[-1].nodes

    @cached_property
    def counts(self) -> NDArray[Any]:
        """The number of architectures of each class: exact[classes]."""
        return diagram.count(self._diagrams.outer)

    @cached_property
    def least(self) -> NDArray[Any]:
        """The lowest index of each class: exact[classes]."""
        return diagram.least(self._diagrams.outer)

    def values(self, name: str) -> NDArray[Any]:
        """Return the values of a score, as written, by class."""
        return self.scores[name].values(self.keys[name])


class Walks:
    """The ways to the architectures of some classes, in the order of their indices.

    Parameters
    ----------
    classes : Classes
    weights : bool[classes] or exact[classes]
        Which classes, or how often each of their architectures is counted.

    Attributes
    ----------
    count : int
        The number of architectures, each as often as it is counted.
    """

    def __init__(self, classes: Classes, weights: NDArray[Any]) -> None:
        self.classes = classes
        self._outer = diagram.ways(
            classes._diagrams.outer, weights.astype(np.int64) if weights.dtype == bool else weights
        )
        self._inner: dict[tuple[int, int], list[NDArray[Any]]] = {}
        self.count = int(self._outer[0][0])

    def _onward(self, block: int, node: int) -> list[NDArray[Any]]:
        """Return the ways on inside a block that is entered from a node between blocks."""
        if (block, node) not in self._inner:
            layer = self.classes._diagrams.outer[block]
            ends = self._outer[block + 1][layer.child[node, layer.kind_of]]
            self._inner[block, node] = diagram.ways(self.classes._diagrams.inner[block], ends)
        return self._inner[block, node]

    def unrank(self, places: Sequence[int] | NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Return the digits of the architectures at given places, and their classes.

        Parameters
        ----------
        places : sequence of int
            Each below `count`; counted in the order of the architectures' indices.

        Returns
        -------
        digits : unsigned integer[n, positions]
        class : intp[n]
        """
        space, classes = self.classes.space, self.classes
        digits = np.empty((len(places), len(space.positions)), space.digit_dtype)
        node = np.zeros(len(places), np.intp)
        rest: NDArray[Any] = np.array(places, exact(self.count))
        for block, positions in enumerate(classes._diagrams.blocks):
            layer, reached = classes._diagrams.outer[block], np.empty_like(node)
            for entered in np.unique(node):
                rows = np.flatnonzero(node == entered)
                onward = self._onward(block, int(entered))
                chosen, end, rest[rows] = diagram.unrank(classes._diagrams.inner[block], onward, rest[rows])
                if positions:
                    digits[rows[:, None], positions] = chosen
                else:
                    digits[rows] = space.digits(chosen[:, 0])
                reached[rows] = layer.child[entered, layer.kind_of[end]]
            node = reached
        return digits, node

    def below(self, index: int) -> int:
        """Return how many of the architectures have a lower index."""
        space, classes = self.classes.space, self.classes
        if index >= space.size:
            return self.count
        digits = space.digits(index)
        node, before = 0, 0
        for block, positions in enumerate(classes._diagrams.blocks):
            layer = classes._diagrams.outer[block]
            chosen = digits[list(positions)] if positions else np.array([index])
            inside, end = diagram.rank(classes._diagrams.inner[block], self._onward(block, node), chosen[None])
            before += int(inside[0])
            node = int(layer.child[node, layer.kind_of[end[0]]])
        return before

    def holds(self, index: int) -> bool:
        """Return whether an architecture is one of them."""
        return self.below(index + 1) > self.below(index)


# -- requests ----------------------------------------------------------------------------------------------------------


def countable(space: Space, by: str | Score) -> Score:
    """Return a score of a space by its name; raise `BadInput` if it is no sum and the space is not small."""
    score = find_score(space, by)
    if not isinstance(score, AdditiveScore) and space.size > _SMALL:
        raise BadInput(
            f"score {score.name} is a function of the digits and no sum over positions, so that the {space.size:,} "
            f"architectures of {space.name} cannot be counted by it (up to {_SMALL:,} can): score a range (top_k, "
            f"histogram), or enumerate it and query the run"
        )
    return score


def select(
    space: Space, by: Sequence[str | Score], where: str | None = None
) -> tuple[Classes, list[Score], NDArray[np.bool_]]:
    """Return the classes of a space by some scores and those that a condition names, the scores, and what it keeps.

    Raises
    ------
    BadInput
        If a score is unknown, or not additive though the space is large, the condition cannot be read, or there are too
        many classes.
    """
    chosen = [countable(space, one) for one in by]
    needed = {score.name: score for score in chosen}
    condition = None
    if where is not None:
        known = {**known_scores(space), **needed}
        dtypes = {name: score.dtype for name, score in known.items()}
        condition = Condition(where, dtypes | {"index": "int64", "arch": "string"})
        for name in condition.names:
            if name not in known:
                raise BadInput(f"where {where!r} names {name}, no score: give start and stop instead, or query a run")
            needed[name] = countable(space, known[name])
    classes = Classes(space, list(needed.values()) or [_NOTHING])
    if condition is None:
        return classes, chosen, np.ones(len(classes), np.bool_)
    return classes, chosen, condition.holds({name: classes.values(name) for name in condition.names})
