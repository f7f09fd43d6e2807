"""All architectures of a space, sorted into classes that no score at hand tells apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores import AdditiveScore, Score, find_score, known_scores
from sedspace.spaces import Space
from sedspace.where import Condition
from sedspace_kernels import diagram
from sedspace_kernels.diagram import Layer, exact
from sedspace_kernels.tables import distinct_rows

_NOTHING = AdditiveScore("nothing", {"zero": lambda _: 0}, lambda zero: zero, meaning="one class of everything")
LIMIT = 1 << 24  # edges of a diagram's layer: more would take gigabytes

Columns = list[NDArray[Any]]


class TooManyClasses(BadInput):
    """The scores tell more architectures apart than can be counted class by class."""


class Classes:
    """The architectures of a space as classes, each with the key of every score, its exact count and its lowest index.

    A space's groups (the cells of DARTS, say) are counted each by itself, as a diagram over its positions; what a group
    adds to the scores is then all that matters of it, and the space is a diagram over its groups.

    Parameters
    ----------
    space : Space
    scores : sequence of AdditiveScore
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

    def __init__(self, space: Space, scores: Sequence[AdditiveScore]) -> None:
        self.space = space
        self.scores = {score.name: score for score in scores}
        groups = [group.positions for group in space.groups]
        apart = sum(groups, ()) == tuple(range(len(space.positions)))
        self._blocks = groups if apart else [tuple(range(len(space.positions)))]
        self._keyed = {score.name: len(self._blocks) > 1 and score.per_group for score in scores}
        self._tables = {score.name: score.tables(space) for score in scores}
        self._inner: list[list[Layer]] = []
        self._outer: list[Layer] = []
        sums: Columns = []
        for block in range(len(self._blocks)):
            sums = self._add_block(block, sums)
        self.keys: dict[str, NDArray[Any]] = {}
        for score in scores:
            columns, sums = sums[: self._width(score)], sums[self._width(score) :]
            keyed = self._keyed[score.name]
            self.keys[score.name] = columns[0] if keyed else score.keys(space, _side_by_side(columns))

    def _width(self, score: AdditiveScore) -> int:
        """Return how many numbers a block adds to what a score is made of: its key, or else its feature sums."""
        return 1 if self._keyed[score.name] else self._tables[score.name][0].shape[1]

    def _add_block(self, block: int, sums: Columns) -> Columns:
        """Append a block to the diagrams and return the sums after it."""
        positions = self._blocks[block]
        tables = [np.hstack(at_position) for at_position in zip(*self._features(block), strict=True)]
        try:
            inner, features = diagram.build(tables, LIMIT)
        except diagram.TooManyClasses as error:
            raise self._too_many(
                f"at most {diagram.most_classes(tables):,} in {self.space.groups[block].name}, {error.classes:,} after "
                f"{error.positions} of its {len(positions)} positions"
            ) from None
        added = self._contributions(block, features)
        found = kind_of = np.arange(len(features))
        if len(self._blocks) > 1:  # classes of one cell may add the same to all scores
            found, kind_of = distinct_rows(added)
            added = [column[found] for column in added]
        nodes, last = len(sums[0]) if sums else 1, block == len(self._blocks) - 1
        if nodes * len(found) > LIMIT:
            raise self._too_many(f"{nodes:,} times {len(found):,} combinations of {self.space.groups[block].name}")
        if sums:
            added = [(s[:, None] + a[None, :]).reshape(-1) for s, a in zip(sums, added, strict=True)]
        child, after = np.arange(nodes * len(found)), nodes * len(found)
        if not last:  # behind the last block there is nothing that merging would spare
            kept, child = distinct_rows(added)
            added, after = [column[kept] for column in added], len(kept)
        size = math.prod(int(self.space.radices[p]) for p in positions)
        counts, least = diagram.count(inner), diagram.least(inner)
        weight, first = np.zeros(len(found), counts.dtype), np.full(len(found), size, least.dtype)
        np.add.at(weight, kind_of, counts)
        np.minimum.at(first, kind_of, least)
        self._inner.append(inner)
        self._outer.append(Layer(child.reshape(nodes, len(found)), after, size, weight, first, kind_of))
        return added

    def _features(self, block: int) -> list[list[NDArray[np.int64]]]:
        """Return the tables of the block's positions, score by score."""
        out = []
        for name, score in self.scores.items():
            width = len(score.features)
            columns = slice(block * width, (block + 1) * width) if self._keyed[name] else slice(None)
            out.append([self._tables[name][p][:, columns] for p in self._blocks[block]])
        return out

    def _contributions(self, block: int, features: NDArray[np.int64]) -> Columns:
        """Return what each class of a block adds to the scores, as `_width` has it."""
        out: Columns = []
        for name, score in self.scores.items():
            width = len(score.features) if self._keyed[name] else self._width(score)
            own, features = features[:, :width], features[:, width:]
            out += [score.group_keys(self.space, block, own)] if self._keyed[name] else list(own.T)
        return out

    def _too_many(self, how_many: str) -> TooManyClasses:
        return TooManyClasses(
            f"the architectures of {self.space.name} fall into too many classes by {', '.join(self.scores)}: "
            f"{how_many}; ask for fewer columns, or for tables of fewer different values"
        )

    def __len__(self) -> int:
        return self._outer[-1].nodes

    @cached_property
    def counts(self) -> NDArray[Any]:
        """The number of architectures of each class: exact[classes]."""
        return diagram.count(self._outer)

    @cached_property
    def least(self) -> NDArray[Any]:
        """The lowest index of each class: exact[classes]."""
        return diagram.least(self._outer)

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
        self._outer = diagram.ways(classes._outer, weights.astype(np.int64) if weights.dtype == bool else weights)
        self._inner: dict[tuple[int, int], list[NDArray[Any]]] = {}
        self.count = int(self._outer[0][0])

    def _onward(self, block: int, node: int) -> list[NDArray[Any]]:
        """Return the ways on inside a block that is entered from a node between blocks."""
        if (block, node) not in self._inner:
            layer = self.classes._outer[block]
            ends = self._outer[block + 1][layer.child[node, layer.kind_of]]
            self._inner[block, node] = diagram.ways(self.classes._inner[block], ends)
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
        for block, positions in enumerate(classes._blocks):
            layer, reached = classes._outer[block], np.empty_like(node)
            for entered in np.unique(node):
                rows = np.flatnonzero(node == entered)
                onward = self._onward(block, int(entered))
                chosen, end, rest[rows] = diagram.unrank(classes._inner[block], onward, rest[rows])
                digits[rows[:, None], positions] = chosen
                reached[rows] = layer.child[entered, layer.kind_of[end]]
            node = reached
        return digits, node

    def below(self, index: int) -> int:
        """Return how many of the architectures have a lower index."""
        space, classes = self.classes.space, self.classes
        if index >= space.size:
            return self.count
        digits = space.digits(index)[None]
        node, before = 0, 0
        for block, positions in enumerate(classes._blocks):
            layer = classes._outer[block]
            inside, end = diagram.rank(classes._inner[block], self._onward(block, node), digits[:, list(positions)])
            before += int(inside[0])
            node = int(layer.child[node, layer.kind_of[end[0]]])
        return before

    def holds(self, index: int) -> bool:
        """Return whether an architecture is one of them."""
        return self.below(index + 1) > self.below(index)


def _side_by_side(columns: Columns) -> NDArray[Any]:
    return columns[0][:, None] if len(columns) == 1 else np.stack(columns, axis=-1)  # one, of millions, is not copied


# -- requests ----------------------------------------------------------------------------------------------------------


def additive(space: Space, by: str | Score) -> AdditiveScore:
    """Return an additive score of a space by its name; raise `BadInput` if it is no sum over positions."""
    score = find_score(space, by)
    if not isinstance(score, AdditiveScore):
        raise BadInput(
            f"score {score.name} is a function of the digits and no sum over positions, so that architectures cannot "
            f"be counted by it: score a range (top_k, histogram), or enumerate it and query the run"
        )
    return score


def select(
    space: Space, by: Sequence[str | Score], where: str | None = None
) -> tuple[Classes, list[AdditiveScore], NDArray[np.bool_]]:
    """Return the classes of a space by some scores and those that a condition names, the scores, and what it keeps.

    Raises
    ------
    BadInput
        If a score is unknown or not additive, the condition cannot be read, or there are too many classes.
    """
    chosen = [additive(space, one) for one in by]
    needed = {score.name: score for score in chosen}
    condition = None
    if where is not None:
        known = {**known_scores(space), **needed}
        dtypes = {name: score.dtype for name, score in known.items()}
        condition = Condition(where, dtypes | {"index": "int64", "arch": "string"})
        for name in condition.names:
            if name not in known:
                raise BadInput(f"where {where!r} names {name}, no score: give start and stop instead, or query a run")
            needed[name] = additive(space, known[name])
    classes = Classes(space, list(needed.values()) or [_NOTHING])
    if condition is None:
        return classes, chosen, np.ones(len(classes), np.bool_)
    return classes, chosen, condition.holds({name: classes.values(name) for name in condition.names})
