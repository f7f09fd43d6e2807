"""Labels: what ways to begin, or to go on, add to some scores, without those that others are better than.

Where a space has too many classes to count, what is best can still be found: of two ways that lead to the same state of
all machines, one that is worse in every sum is left out. See H. T. Kung, F. Luccio, F. P. Preparata: On finding the
maxima of a set of vectors. Journal of the ACM 22, 1975, for the word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.aims import Aim, Request, falls, tells_apart
from sedspace.counting.classes import Classes
from sedspace.counting.compiled import Diagrams, States
from sedspace.errors import BadInput
from sedspace.scores.base import Keys
from sedspace.spaces import Space
from sedspace_kernels import diagram
from sedspace_kernels.diagram import Layer, exact
from sedspace_kernels.machine import trimmed
from sedspace_kernels.pareto import undominated
from sedspace_kernels.tables import distinct

Labels = NDArray[np.int64]
"""Labels of some ways, int64[labels, columns]: as `Columns` lays them out, less of each column is better."""

NUMBERS = 1 << 27  # of the labels of one position: a gigabyte
COMPARISONS = 1 << 34  # of labels with each other: a minute


class TooManyLabels(BadInput):
    """There are more labels that no other is better than than can be held."""


class Sums:
    """The columns of one aim: for each group the sums, and last what the groups that are complete add to the key."""

    def __init__(self, space: Space, aim: Aim, start: int) -> None:
        self.space, self.aim = space, aim
        everything = tuple(range(len(space.positions)))
        self.groups = [g.positions for g in space.groups] if aim.score.per_group else [everything]
        self.width = len(aim.score.features)
        self.sums = slice(start, start + len(self.groups) * self.width)
        self.key = self.sums.stop
        self.turn = np.where(np.tile(falls(aim.score), len(self.groups)), aim.sign, -aim.sign)
        self.stop = self.key + (len(self.groups) > 1)

    def strict(self) -> NDArray[np.bool_]:
        """Return in which columns every difference is one in what is to be optimised."""
        if self.aim.limit is not None or not tells_apart(self.space, self.aim.score):
            return np.zeros(self.stop - self.sums.start, np.bool_)
        strict = [trend in ("rises", "falls") for trend in self.aim.score.monotone or ()] * len(self.groups)
        return np.array([*strict, True][: self.stop - self.sums.start])

    def close(self, labels: Labels, groups: Sequence[int]) -> None:
        """Put what groups add to the key in place of their sums."""
        for group in groups:
            own, turn = self._own(group)
            added = self.aim.score.group_keys(self.space, group, labels[:, own] * turn)
            labels[:, self.key] -= self.aim.sign * added.astype(np.int64)
            labels[:, own] = 0

    def _own(self, group: int) -> tuple[slice, NDArray[np.int64]]:
        turn = self.turn[group * self.width : (group + 1) * self.width]
        first = self.sums.start + group * self.width
        return slice(first, first + self.width), turn

    def keys(self, labels: Labels, groups: Sequence[int]) -> Keys:
        """Return the keys of labels of whole architectures of which some groups are not yet put together."""
        if len(self.groups) == 1:
            return self.aim.score.keys(self.space, labels[:, self.sums] * self.turn)
        total: Keys = -self.aim.sign * labels[:, self.key]
        for group in groups:
            own, turn = self._own(group)
            total = total + self.aim.score.group_keys(self.space, group, labels[:, own] * turn)
        return total

    def reach(self, labels: Labels, groups: Sequence[int]) -> NDArray[np.bool_]:
        """Return which labels keep to a bound."""
        return np.asarray(self.aim.sign * self.keys(labels, groups) >= (self.aim.limit or 0))

    def begun(self, position: int) -> list[int]:
        """Return the groups that have positions both before a position and from there on."""
        if len(self.groups) == 1:
            return [0]
        return [g for g, at in enumerate(self.groups) if min(at) < position <= max(at)]

    def ending(self, position: int) -> list[int]:
        """Return the groups to be put together whose last position this is."""
        return [g for g, at in enumerate(self.groups) if len(self.groups) > 1 and max(at) == position]

    def beginning(self, position: int) -> list[int]:
        """Return the groups to be put together whose first position this is."""
        return [g for g, at in enumerate(self.groups) if len(self.groups) > 1 and min(at) == position]


class Columns:
    """What the labels of a request are made of, and how they go on from position to position.

    Attributes
    ----------
    steps : list of int32[states, choices]
        As a `Machine` has them.
    tables : list of int64[states, choices, columns]
        What each choice adds to a label.
    """

    def __init__(self, asked: Request) -> None:
        space = asked.space
        self.asked, self.space = asked, space
        self.parts: list[Sums] = []
        for aim in asked.aims:
            self.parts.append(Sums(space, aim, self.parts[-1].stop if self.parts else 0))
        states = States(space, [aim.score for aim in asked.aims])
        positions = range(len(space.positions))
        steps = states.steps_of(positions) or [np.zeros((1, int(radix)), np.int32) for radix in space.radices]
        steps = [np.where(asked.allowed.get(p, True), step, np.int32(-1)) for p, step in enumerate(steps)]
        tables = [np.zeros((*step.shape, self.parts[-1].stop), np.int64) for step in steps]
        for part in self.parts:
            own = states.expanded(part.aim.score, part.aim.score.tables(space))
            for table, one in zip(tables, own, strict=True):
                table[..., part.sums] = one * part.turn
        self.steps, self.tables = steps, tables
        useful, kept = trimmed(steps)
        if len(useful[0]):  # else nothing is allowed, which will be seen
            self.steps, self.tables = useful, [table[left] for table, left in zip(tables, kept, strict=True)]
        self.strict = np.concatenate([part.strict() for part in self.parts])
        self.bounds = [part for part in self.parts if part.aim.limit is not None]

    def begin(self) -> Labels:
        """Return the labels of the empty beginnings, one for each state."""
        return np.zeros((len(self.steps[0]), self.parts[-1].stop), np.int64)

    def ended(self, labels: Labels, position: int) -> Labels:
        """Return labels of beginnings up to a position, in which what is complete is put together: in place."""
        for part in self.parts:
            part.close(labels, part.ending(position))
        return labels

    def joined(self, labels: Labels, position: int) -> Labels:
        """Return labels of ends from a position on, in which what is complete is put together: in place."""
        for part in self.parts:
            part.close(labels, part.beginning(position))
        return labels

    def within(self, labels: Labels, position: int) -> NDArray[np.bool_]:
        """Return which sums of a beginning's and an end's label, which meet before a position, keep to all bounds."""
        kept = np.ones(len(labels), np.bool_)
        for part in self.bounds:
            kept &= part.reach(labels, part.begun(position))
        return kept

    def least(self) -> list[Labels]:
        """Return for each position and state the least of each column of all ends: int64[states, columns], last 0."""
        out = [np.zeros((1, self.parts[-1].stop), np.int64)]
        for position in reversed(range(len(self.steps))):
            step = self.steps[position]
            onward = self.tables[position] + out[-1][step]
            onward[step < 0] = np.iinfo(np.int64).max
            onward[(step < 0).all(axis=1)] = 0  # of a state that leads nowhere
            out.append(self.joined(onward.min(axis=1), position))
        return out[::-1]


def best_classes(asked: Request) -> Classes:
    """Return the classes of a space that hold all of its architectures on a front, but not all of its architectures.

    A way to begin is left out if another one that leads to the same state is nowhere worse, and better in a sum with
    which an objective strictly grows. Whatever both go on with, that objective is better then, none is worse, and no
    bound is broken: what begins with the one is not on the front. So no beginning of an architecture of the front is
    ever left out, and no two that are equal in all sums are told apart: the numbers of architectures and the lowest
    indices of the classes on the front are exact. Those of the other classes are not.

    Raises
    ------
    TooManyLabels
        If too many ways are left.
    """
    columns = Columns(asked)
    least, layers = columns.least(), []
    labels = columns.begin()
    state = np.arange(len(labels))
    for position in range(len(columns.steps)):
        layer, state, labels = _onward(columns, position, state, labels, least[position + 1])
        layers.append(layer)
    return _as_classes(asked, columns, layers, labels)


def _onward(
    columns: Columns, position: int, state: NDArray[np.intp], labels: Labels, least: Labels
) -> tuple[Layer, NDArray[np.intp], Labels]:
    """Return the layer of a position, and the states and labels behind it that are not dominated."""
    step, table = columns.steps[position], columns.tables[position]
    first, kind_of = diagram.kinds(table, step)
    nodes, kinds, width = len(labels), len(first), labels.shape[1]
    if nodes * kinds * width > NUMBERS:
        raise _too_many(columns.asked, nodes, position)
    led = step[state][:, first].reshape(-1)
    raised = (labels[:, None, :] + table[state][:, first]).reshape(-1, width)
    on = np.flatnonzero(led >= 0)
    raised, after = columns.ended(raised[on], position), led[on].astype(np.intp)
    within = columns.within(raised + least[after], position + 1)
    on, raised, after = on[within], raised[within], after[within]
    varied = np.flatnonzero(np.ptp(raised, axis=0)) if len(raised) else np.empty(0, np.intp)
    found, of = distinct(np.concatenate([after[:, None], raised[:, varied]], axis=1))
    kept = _undominated(columns, raised[found], after[found], position)
    number = np.full(len(found), -1, np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    child: NDArray[np.int32] = np.full(nodes * kinds, -1, np.int32)
    child[on] = number[of]
    layer = Layer(child.reshape(nodes, kinds), len(kept), step.shape[1], np.bincount(kind_of), first, kind_of)
    return layer, after[found][kept], raised[found][kept]


def _undominated(columns: Columns, labels: Labels, state: NDArray[np.intp], position: int) -> NDArray[np.intp]:
    """Return which labels no other of their state dominates."""
    kept = []
    order = np.argsort(state, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(state[order])) + 1):
        left = undominated(labels[own], columns.strict, COMPARISONS)
        if left is None:
            raise _too_many(columns.asked, len(labels), position + 1)
        kept.append(own[left])
    return np.sort(np.concatenate(kept))


def _too_many(asked: Request, labels: int, position: int) -> TooManyLabels:
    return TooManyLabels(
        f"the best of {asked.name} are too many to tell apart: {labels:,} labels after {position} of "
        f"{len(asked.space.positions)} positions; ask for fewer objectives and bounds, or costs of a coarser quantum"
    )


def _as_classes(asked: Request, columns: Columns, layers: list[Layer], labels: Labels) -> Classes:
    """Return labels of whole architectures as classes."""
    space, n = asked.space, len(labels)
    size = math.prod(map(int, space.radices))
    counts, lowest = diagram.count(layers), diagram.least(layers)
    outer = Layer(np.arange(n, dtype=np.int32)[None, :], n, size, counts, lowest.astype(exact(size)), np.arange(n))
    keys = {part.aim.score.name: part.keys(labels, []) for part in columns.parts}
    scores = list({aim.score.name: aim.score for aim in asked.aims}.values())
    blocks = [tuple(range(len(space.positions)))]
    return Classes(space, scores, Diagrams(blocks, [layers], [outer], keys))
