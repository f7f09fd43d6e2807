"""The best within bounds, one after the other, by going first where the best can still be: best-first search.

Every beginning of an architecture has a bound: the best that it can still become. Bounds come from labels of all ways
to go on, without those that others are better than; so they are not only bounds but reached, as long as there are few
enough labels. Where there are more, some are rounded to better ones, and bounds become optimistic.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.aims import Request
from sedspace.counting.labels import Columns, Labels
from sedspace.errors import BadInput
from sedspace.scores.base import Keys, Values
from sedspace.spaces.parts import Digits, Indices
from sedspace_kernels import diagram
from sedspace_kernels.pareto import undominated
from sedspace_kernels.tables import distinct

LABELS = 1 << 12  # of the ways on from all states of a position: as many are looked at for each beginning's bound
STEPS = 1 << 16  # beginnings that are gone on with: a minute or two
_COMPARISONS = 1 << 28  # of labels with each other


@dataclass(frozen=True)
class Found:
    """Some architectures, best first: their digits, indices and values of a score."""

    digits: Digits
    indices: Indices
    values: Values


class TooLong(BadInput):
    """A search that would look at too many beginnings."""


def searched(asked: Request, start: int, stop: int) -> Iterator[Found]:
    """Yield the architectures of a range that meet a request's bounds, best by its objective first, lowest index first.

    Beginnings are taken up in the order of (bound, digits), and a whole architecture is a beginning whose bound is its
    key. When one is taken up, every other architecture that is better, or as good and of a lower index, would have to
    begin with something that is still waiting and comes before it; so there is none. A beginning that another one of
    the same state is at least as good as is held back until an architecture with the other one is found (`_Held`).

    Parameters
    ----------
    asked : Request
        Of one objective.
    start, stop : int
        The range of indices.

    Raises
    ------
    TooLong
        If more than `STEPS` beginnings would have to be gone on with.
    """
    if start >= stop:
        return
    first, last = (tuple(asked.space.digits(index).tolist()) for index in (start, stop - 1))
    whole = (start, stop) == (0, asked.space.size)
    search = _Search(asked)
    held = _Held(search.columns.strict)
    waiting = list(search.beginnings())
    heapq.heapify(waiting)
    found = steps = 0
    while waiting:
        bound, digits, state, label = one = heapq.heappop(waiting)
        if len(digits) == len(last):
            found += 1
            yield _one(asked, digits, -asked.aims[0].sign * bound)
            for released in held.released(digits):
                heapq.heappush(waiting, released)
            continue
        inside = first[: len(digits)] < digits < last[: len(digits)]  # all that begins with it is in the range
        if held.holds(one, whole or inside):
            continue
        if (steps := steps + 1) > STEPS:
            raise TooLong(
                f"the best of {asked.name} within these bounds: {found:,} found after {STEPS:,} beginnings; ask for "
                f"fewer architectures or bounds, or for costs of a coarser quantum"
            )
        for one in search.onward(digits, state, label):
            length = len(one[1])
            if first[:length] <= one[1] <= last[:length]:
                heapq.heappush(waiting, one)


def _one(asked: Request, digits: tuple[int, ...], key: float) -> Found:
    rows = np.array([digits], asked.space.digit_dtype)
    return Found(rows, np.asarray(asked.space.index(rows)), asked.aims[0].score.values(np.array([key])))


_Waiting = tuple[int | float, tuple[int, ...], int, Labels]
"""What a beginning waits with: its bound, less is better, its digits, state and label."""


class _Held:
    """Beginnings that are gone on with, and those that are held back until one of these has led to something.

    Whatever both go on with, one whose label is nowhere worse leads to what is at least as good and keeps to all
    bounds; if it also comes first where both are equal, what the other leads to is not yet needed. Once an architecture
    with the better one is found, the other one may be the next, and is released.

    Parameters
    ----------
    strict : bool[columns]
        In which columns every difference is one in what is to be optimised.
    """

    def __init__(self, strict: NDArray[np.bool_]) -> None:
        self._strict = strict
        self._taken: dict[tuple[int, int], tuple[list[tuple[int, ...]], Labels]] = {}
        self._row: dict[tuple[int, ...], tuple[int, int, int]] = {}
        self._held: dict[tuple[int, ...], list[_Waiting]] = {}

    def holds(self, one: _Waiting, may_hold: bool) -> bool:
        """Return whether a beginning is held back; if it is not, and may hold others, it does from now on."""
        _, digits, state, label = one
        key = len(digits), state
        taken, labels = self._taken.get(key, ([], np.empty((16, len(label)), np.int64)))
        for row in np.flatnonzero((labels[: len(taken)] <= label).all(axis=1)).tolist():
            if taken[row] < digits or (labels[row] < label)[self._strict].any():
                self._held.setdefault(taken[row], []).append(one)
                return True
        if may_hold:
            if len(taken) == len(labels):
                labels = np.concatenate([labels, np.empty_like(labels)])
            labels[len(taken)] = label
            self._row[digits] = *key, len(taken)
            taken.append(digits)
            self._taken[key] = taken, labels
        return False

    def released(self, digits: tuple[int, ...]) -> list[_Waiting]:
        """Return what was held back by the beginnings of an architecture that is found; they hold nothing any more."""
        out: list[_Waiting] = []
        for length in range(len(digits)):
            out += self._held.pop(digits[:length], [])
            if (place := self._row.pop(digits[:length], None)) is not None:
                *key, row = place
                self._taken[key[0], key[1]][1][row] = np.iinfo(np.int64).max
        return out


class _Search:
    """Beginnings and their bounds."""

    def __init__(self, asked: Request) -> None:
        self.columns = Columns(asked)
        self._objective = self.columns.parts[0]
        self._ends = _ends(self.columns)
        self._known: dict[tuple[int, int, bytes], tuple[Labels, NDArray[np.int64], Keys]] = {}
        self._kinds = [diagram.kinds(*both) for both in zip(self.columns.tables, self.columns.steps, strict=True)]

    def beginnings(self) -> Iterator[_Waiting]:
        """Yield the empty beginnings, one for each state to begin in, that anything within the bounds begins with."""
        labels = self.columns.begin()
        keys, within = self._bounds(labels, np.arange(len(labels)), 0)
        for state in np.flatnonzero(within).tolist():
            yield keys[state].item(), (), state, labels[state]

    def onward(self, digits: tuple[int, ...], state: int, label: Labels) -> Iterator[_Waiting]:
        """Yield the beginnings that are longer by one choice, and that anything within the bounds begins with."""
        position = len(digits)
        step, (first, kind_of) = self.columns.steps[position][state], self._kinds[position]
        known = position, state, label.tobytes()
        if known not in self._known:
            on = first[step[first] >= 0]
            labels = self.columns.ended(label + self.columns.tables[position][state, on], position)
            keys, within = self._bounds(labels, step[on].astype(np.intp), position + 1)
            of = np.full(len(first), -1, np.int64)
            of[np.flatnonzero(step[first] >= 0)[within]] = np.flatnonzero(within)
            self._known[known] = labels, of[kind_of], keys
        labels, of, keys = self._known[known]
        for choice in np.flatnonzero(of >= 0).tolist():
            row = of[choice]
            yield keys[row].item(), (*digits, choice), int(step[choice]), labels[row]

    def _bounds(self, labels: Labels, state: NDArray[np.intp], position: int) -> tuple[Keys, NDArray[np.bool_]]:
        """Return the bounds of labels, less is better, and which of them lead to anything within the bounds."""
        keys, within = [], []
        for label, ends in zip(labels, (self._ends[position][one] for one in state), strict=True):
            whole = label + ends
            whole = whole[self.columns.within(whole, position)]
            found = self._objective.keys(whole, self._objective.begun(position))
            keys.append(self._best(found))
            within.append(len(whole) > 0)
        return np.array(keys), np.array(within, np.bool_)

    def _best(self, keys: Keys) -> int | float:
        if not len(keys):
            return 0
        aim = self._objective.aim
        best = keys.max(keepdims=True) if aim.sign > 0 else keys.min(keepdims=True)
        number: int | float = (-aim.sign * aim.score.comparable(best)).tolist()[0]
        return number


def _ends(columns: Columns) -> list[list[Labels]]:
    """Return for each position and state the labels of the ways on that no other is better than, some rounded."""
    out = [[np.zeros((1, len(columns.strict)), np.int64)]]
    for position in reversed(range(len(columns.steps))):
        step, table = columns.steps[position], columns.tables[position]
        most = max(LABELS // len(step), 16)
        out.append([_few(_all_ends(columns, position, *row, out[-1]), most) for row in zip(step, table, strict=True)])
    return out[::-1]


def _all_ends(columns: Columns, position: int, step: NDArray[np.int32], table: Labels, onward: list[Labels]) -> Labels:
    """Return the labels of all ways on from a state, equal ones once."""
    _, first = np.unique(np.concatenate([step[:, None], table], axis=1), axis=0, return_index=True)
    parts = [table[choice] + onward[step[choice]] for choice in first if step[choice] >= 0]
    labels = np.concatenate([*parts, np.zeros((0, len(columns.strict)), np.int64)])
    return columns.joined(labels, position)


def _few(labels: Labels, most: int) -> Labels:
    """Return labels of which one is nowhere worse than each that is given, and exactly those where there are few."""
    labels = _best_of(labels)
    while len(labels) > most:
        levels = [np.unique(column, return_inverse=True) for column in labels.T]
        widest = max(range(len(levels)), key=lambda c: len(levels[c][0]))
        values, rank = levels[widest]
        step = max(2, len(labels) // most)
        labels[:, widest] = values[rank // step * step]
        labels = _best_of(labels)
    return labels


def _best_of(labels: Labels) -> Labels:
    """Return the labels that no other is better than, equal ones once."""
    varied = np.flatnonzero(np.ptp(labels, axis=0)) if len(labels) else np.empty(0, np.intp)
    labels = labels[distinct(labels[:, varied])[0]] if len(varied) else labels[:1]
    kept = undominated(labels, np.ones(labels.shape[1], np.bool_), _COMPARISONS)
    return labels if kept is None else labels[kept]
