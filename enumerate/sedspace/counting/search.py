"""The best within bounds, one after the other, by going first where the best can still be: best-first search.

Every beginning of an architecture has a bound: the best that it can still become. Bounds come from labels of all ways
to go on, without those that others are better than; so they are not only bounds but reached, as long as there are few
enough labels. Where there are more, some are rounded to better ones, and bounds become optimistic.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.aims import Request
from sedspace.counting.branches import branches
from sedspace.counting.contracted import Contracted, contracted
from sedspace.counting.labels import Columns, Labels
from sedspace.errors import BadInput
from sedspace.scores.base import Keys, Values
from sedspace.spaces.parts import Digits, Indices
from sedspace_kernels.pareto import undominated
from sedspace_kernels.tables import distinct

LABELS = 1 << 12  # of the ways on from all states of a position: as many are looked at for each beginning's bound
STEPS = 1 << 16  # beginnings that are gone on with: a minute or two
_COMPARISONS = 1 << 28  # of labels with each other
COMPARED = 1 << 12  # labels that are compared with each other as they are
CELLS = 32  # cells to put more of them into, for each label that is to be left
_SUMS = 1 << 18  # of labels and ends at once


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
    begin with something that is still waiting and comes before it; so there is none. Where a request has `branches`,
    each waits as a whole, with its own bound, until it is the best that there can be. A beginning that another one of
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
    columns = Columns(asked)
    searches, waiting = _begun(columns)
    found = steps = 0
    while waiting:
        one = heapq.heappop(waiting)
        bound, digits, number, state, _ = one
        search = searches[number]
        if state == _WHOLE:
            more: Iterable[_Waiting] = search.beginnings()
        elif len(digits) == len(last):
            found += 1
            yield _one(asked, digits, -asked.aims[0].sign * bound)
            more = search.held.released(digits)
        else:
            inside = first[: len(digits)] < digits < last[: len(digits)]  # all that begins with it is in the range
            if search.held.holds(one, whole or inside):
                continue
            if (steps := steps + 1) > STEPS:
                raise TooLong(
                    f"the best of {asked.name} within these bounds: {found:,} found after {STEPS:,} beginnings; ask "
                    f"for fewer architectures or bounds, or for costs of a coarser quantum"
                )
            more = (longer for longer in search.onward(one) if _reaches(longer[1], first, last))
        for longer in more:
            heapq.heappush(waiting, longer)


def _reaches(digits: tuple[int, ...], first: tuple[int, ...], last: tuple[int, ...]) -> bool:
    """Return whether anything in a range begins with some digits."""
    return first[: len(digits)] <= digits <= last[: len(digits)]


def _begun(columns: Columns) -> tuple[list[_Search], list[_Waiting]]:
    """Return the searches of all branches, and what waits at first: each branch as a whole."""
    together = all(len(part.groups) == 1 for part in columns.parts)
    machine = contracted(columns.steps, columns.tables, together)
    nothing = columns.begin()[0]
    if (known := branches(columns, machine)) is None:
        return [_Search(columns, machine, 0)], [(-math.inf, (), 0, _WHOLE, nothing)]
    searches = [_Search(columns, machine, number, one.allowed) for number, one in enumerate(known)]
    waiting: list[_Waiting] = [(one.bound, (), number, _WHOLE, nothing) for number, one in enumerate(known)]
    heapq.heapify(waiting)
    return searches, waiting


def _one(asked: Request, digits: tuple[int, ...], key: float) -> Found:
    rows = np.array([digits], asked.space.digit_dtype)
    return Found(rows, np.asarray(asked.space.index(rows)), asked.aims[0].score.values(np.array([key])))


_Waiting = tuple[int | float, tuple[int, ...], int, int, Labels]
"""What a beginning waits with: its bound, less is better, its digits, the search that it is of, its state and label."""
_WHOLE = -1  # in place of a state: all that a search may find, which it has not begun with


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
        _, digits, _, state, label = one
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
    """Beginnings and their bounds. They are gone on with block by block: by one position, or by some together.

    Parameters
    ----------
    columns : Columns
    machine : Contracted
    number : int
        Of this search, which its beginnings are marked with.
    allowed : list of bool[choices], optional
        Of each block, the choices that there are in it. Default: all.
    """

    def __init__(
        self, columns: Columns, machine: Contracted, number: int, allowed: list[NDArray[np.bool_]] | None = None
    ) -> None:
        self.columns, self.held, self._number = columns, _Held(columns.strict), number
        self._objective = columns.parts[0]
        self._whole, self._allowed = machine, allowed
        self._block = {start: block for block, start in enumerate(machine.starts)}
        self._kinds: dict[tuple[int, int], tuple[NDArray[np.intp], NDArray[np.intp]]] = {}
        self._known: dict[tuple[int, int, bytes], tuple[Labels, NDArray[np.int64], Keys]] = {}

    @cached_property
    def _machine(self) -> Contracted:
        return self._whole if self._allowed is None else self._whole.restricted(self._allowed)

    @cached_property
    def _ends(self) -> list[list[Labels]]:
        return _ends(self.columns, self._machine)

    def beginnings(self) -> Iterator[_Waiting]:
        """Yield the empty beginnings, one for each state to begin in, that anything within the bounds begins with."""
        states = np.arange(len(self._machine.steps[0]))
        labels = np.repeat(self.columns.begin()[:1], len(states), axis=0)
        keys, within = self._bounds(labels, states, 0)
        for state in np.flatnonzero(within).tolist():
            yield keys[state].item(), (), self._number, state, labels[state]

    def onward(self, one: _Waiting) -> Iterator[_Waiting]:
        """Yield the beginnings that are longer by one block, and that anything within the bounds begins with."""
        _, digits, _, state, label = one
        block = self._block[len(digits)]
        step, (first, kind_of) = self._machine.steps[block][state], self._kinds_of(block, state)
        known = block, state, label.tobytes()
        if known not in self._known:
            on = first[step[first] >= 0]
            labels = label + self._machine.tables[block][state, on]
            labels = self.columns.ended(labels, self._machine.starts[block + 1] - 1)
            keys, within = self._bounds(labels, step[on].astype(np.intp), block + 1)
            of = np.full(len(first), -1, np.int64)
            of[np.flatnonzero(step[first] >= 0)[within]] = np.flatnonzero(within)
            self._known[known] = labels, of[kind_of], keys
        labels, of, keys = self._known[known]
        for choice in np.flatnonzero(of >= 0).tolist():
            row = of[choice]
            longer = digits + self._machine.digits(block, choice)
            yield keys[row].item(), longer, self._number, int(step[choice]), labels[row]

    def _kinds_of(self, block: int, state: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the first of each kind of choices in a state, which lead to the same and add the same; each's kind."""
        if (block, state) not in self._kinds:
            step, table = self._machine.steps[block][state], self._machine.tables[block][state]
            self._kinds[block, state] = distinct(np.concatenate([step[:, None], table], axis=1))
        return self._kinds[block, state]

    def _bounds(self, labels: Labels, state: NDArray[np.intp], block: int) -> tuple[Keys, NDArray[np.bool_]]:
        """Return the bounds of labels, less is better, and which of them lead to anything within the bounds."""
        keys: list[Keys] = []
        rows: list[NDArray[np.intp]] = []
        within = np.zeros(len(labels), np.bool_)
        for one in np.unique(state).tolist():
            ends = self._ends[block][one]
            own = np.flatnonzero(state == one)
            for part in np.array_split(own, 1 + len(own) * len(ends) // _SUMS):
                best, good = self._best(labels[part], ends, self._machine.starts[block])
                within[part] = good
                keys.append(best)
                rows.append(part[good])
        found = np.concatenate(keys) if keys else np.empty(0, np.int64)
        out = np.zeros(len(labels), found.dtype)
        out[np.concatenate([*rows, np.empty(0, np.intp)])] = found
        return out, within

    def _best(self, labels: Labels, ends: Labels, position: int) -> tuple[Keys, NDArray[np.bool_]]:
        """Return the bounds of labels of one state that lead to anything within the bounds, and which these are."""
        whole = (labels[:, None] + ends).reshape(-1, labels.shape[1])
        kept = self.columns.within(whole, position)
        within = kept.reshape(len(labels), len(ends))
        good: NDArray[np.bool_] = np.any(within, axis=1)
        keys = self._objective.keys(whole[kept], self._objective.begun(position))
        aim, starts = self._objective.aim, np.cumsum(within.sum(axis=1)[good])
        if not len(starts):
            return keys, good
        of_each = np.concatenate([[0], starts[:-1]])
        best = np.maximum.reduceat(keys, of_each) if aim.sign > 0 else np.minimum.reduceat(keys, of_each)
        return -aim.sign * aim.score.comparable(best), good


def _ends(columns: Columns, machine: Contracted) -> list[list[Labels]]:
    """Return for each block and state the labels of the ways on that no other is better than, some rounded."""
    out = [[np.zeros((1, len(columns.strict)), np.int64)]]
    for block in reversed(range(len(machine.steps))):
        step, table = machine.steps[block], machine.tables[block]
        most = max(LABELS // len(step), 16 if len(machine.radices[block]) == 1 else 64)
        rows = zip(step, table, strict=True)
        out.append([_few(columns.joined(_all_ends(*row, out[-1]), machine.starts[block]), most) for row in rows])
    return out[::-1]


def _all_ends(step: NDArray[np.int32], table: Labels, onward: list[Labels]) -> Labels:
    """Return the labels of all ways on from a state, equal ones once."""
    first, _ = distinct(np.concatenate([step[:, None], table], axis=1))
    led, added = step[first], table[first]
    parts = [
        (added[led == state][:, None] + onward[state]).reshape(-1, table.shape[1])
        for state in np.unique(led[led >= 0]).tolist()
    ]
    return np.concatenate([*parts, np.zeros((0, table.shape[1]), np.int64)])


def _few(labels: Labels, most: int) -> Labels:
    """Return labels of which one is nowhere worse than each that is given, and exactly those where there are few."""
    labels = _best_of(_in_cells(labels, CELLS * most))
    while len(labels) > most:
        levels = [np.unique(column, return_inverse=True) for column in labels.T]
        widest = max(range(len(levels)), key=lambda c: len(levels[c][0]))
        values, rank = levels[widest]
        step = max(2, len(labels) // most)
        labels[:, widest] = values[rank // step * step]
        labels = _best_of(labels)
    return labels


def _in_cells(labels: Labels, most: int) -> Labels:
    """Return the labels, or where they are too many to compare the least in every column of those in each cell."""
    if len(labels) <= max(most, COMPARED):
        return labels
    low = labels.min(axis=0)
    place = (labels - low) / (np.ptp(labels, axis=0) + 1.0)
    cells = 1 << 10
    while True:
        first, of = distinct((place * cells).astype(np.int64))
        if len(first) <= max(most, COMPARED) or cells == 1:
            break
        cells //= 2
    out = np.full((len(first), labels.shape[1]), np.iinfo(np.int64).max)
    np.minimum.at(out, of, labels)
    return out


def _best_of(labels: Labels) -> Labels:
    """Return the labels that no other is better than, equal ones once."""
    varied = np.flatnonzero(np.ptp(labels, axis=0)) if len(labels) else np.empty(0, np.intp)
    labels = labels[distinct(labels[:, varied])[0]] if len(varied) else labels[:1]
    kept = undominated(labels, np.ones(labels.shape[1], np.bool_), _COMPARISONS)
    return labels if kept is None else labels[kept]
