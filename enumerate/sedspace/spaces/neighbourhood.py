"""One step from an architecture to another: what searches, local and evolutionary, move by."""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray

from sedspace import draws
from sedspace.errors import BadInput
from sedspace.spaces.machine import Machine
from sedspace.spaces.parts import Digits, Indices
from sedspace.spaces.radix import INT64_END, MixedRadix

_MOST = 1_000_000  # rows that are written down for one choice
_NO_WAY = 1 << 30


class Neighbourhood:
    """The neighbours of the architectures of a space.

    To every position and every other choice there belong those architectures with that choice there which differ in as
    few digits as possible: where nothing depends on it, one architecture, one digit away. Where a choice cannot be
    changed alone, what must change with it does: with a stage's depth the blocks that come or go, those that come in
    every way; where a rule allows three convolutions, a fourth takes the place of another. So every neighbour is an
    architecture of the space, in the one way in which the space writes it.
    """

    machine: Machine | None
    numbers: MixedRadix

    def neighbors(self, index: int) -> Indices:
        """Return the architectures one step from another.

        For every position and every other choice there, the architectures that have it and differ in as few digits as
        possible: one digit where nothing depends on it. Of ``nb101`` the cells with one operation exchanged, one edge
        more or less, or one edge with a vertex put on it or taken from it.

        Parameters
        ----------
        index : int

        Returns
        -------
        array of shape (n,)
            Ascending indices: int64; Python ints (dtype object) where the space is larger than 2^63.

        Raises
        ------
        BadInput
            If the space has no such architecture, or over a million neighbours belong to one choice.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.space("tss").neighbors(0)[:5]
        array([1, 2, 3, 4, 5])
        >>> space = ss.space("ofa_mbv3")
        >>> space.digits(space.neighbors(0)[-1])[:5]  # two blocks more in the first stage: 81 such
        array([2, 0, 0, 8, 8], dtype=uint8)
        """
        digits = self.numbers.digits_of_one(self.numbers.check_index(index))
        found = self.numbers.indices_of(self.beside(digits)).tolist()
        return np.array(sorted({*found}), np.int64 if self.numbers.size <= INT64_END else object)

    def mutate(self, index: int, seed: int = 0) -> int:
        """Return one of an architecture's neighbours, each equally likely.

        Parameters
        ----------
        index : int
        seed : int, default 0
            The same seed gives the same neighbour, on any machine.

        Raises
        ------
        BadInput
            As `neighbors` does, or if there are none.

        Examples
        --------
        >>> import sedspace as ss
        >>> space = ss.space("tss5")
        >>> space.mutate(7323968, seed=1) in space.neighbors(7323968)
        True
        """
        return self.mutated(index, draws.integers(seed))

    def mutated(self, index: int, random: Random) -> int:
        """Return one of an architecture's neighbours, drawn by a source of random numbers."""
        near = self.neighbors(index)
        if not len(near):
            raise BadInput(f"architecture {index} of {self.numbers.name} has no neighbours: it stands alone")
        return int(near[random.randrange(len(near))])

    def beside(self, digits: Digits) -> NDArray[np.integer]:
        """Return the digits of the architectures one step from another, perhaps some twice: shape (n, positions)."""
        rows = _one_changed(digits, self.numbers.radices)
        if self.machine is None:
            return rows
        exists = self.machine.accepts(rows)
        if exists.all():
            return rows
        nearest = _Nearest(self.numbers.name, self.machine, digits)
        changed = (rows[~exists] != digits).argmax(axis=1)
        blocked = zip(changed.tolist(), rows[~exists][np.arange(len(changed)), changed].tolist(), strict=True)
        return np.concatenate([rows[exists], *(nearest.rows(*one) for one in blocked)])


def _one_changed(digits: Digits, radices: NDArray[np.int64]) -> Digits:
    """Return all digits that differ from some in one position."""
    rows = np.repeat(digits[None], int((radices - 1).sum()), axis=0)
    at = np.repeat(np.arange(len(digits)), radices - 1)
    others = [np.delete(np.arange(radix), digit) for radix, digit in zip(radices.tolist(), digits, strict=True)]
    rows[np.arange(len(rows)), at] = np.concatenate(others)
    return rows


class _Nearest:
    """The ways through a machine that differ from an architecture's in as few digits as possible.

    Parameters
    ----------
    name : str
        What errors call the space.
    machine : Machine
    digits : unsigned integer[positions]
        Of an architecture that it accepts.
    """

    def __init__(self, name: str, machine: Machine, digits: Digits) -> None:
        self._name, self._digits, self._steps = name, digits, machine.steps
        self._known_to: dict[tuple[int, int], Digits] = {}
        self._known_onward: dict[tuple[int, int], Digits] = {}
        self._changed = [
            (np.arange(step.shape[1]) != digit).astype(np.int64)
            for step, digit in zip(machine.steps, digits, strict=True)
        ]
        self._before = [np.zeros(machine.beginnings, np.int64)]  # how many digits differ on the way to each state
        self._behind = [np.zeros(1, np.int64)]  # and from it on
        sizes = [*(len(step) for step in machine.steps[1:]), 1]
        for step, changed, size in zip(machine.steps, self._changed, sizes, strict=True):
            least = np.full(size, _NO_WAY)
            np.minimum.at(least, step[step >= 0], (self._before[-1][:, None] + changed)[step >= 0])
            self._before.append(least)
        for step, changed in zip(machine.steps[::-1], self._changed[::-1], strict=True):
            behind = np.where(step < 0, _NO_WAY, self._behind[0][step] + changed)
            self._behind.insert(0, behind.min(axis=1))

    def rows(self, position: int, choice: int) -> Digits:
        """Return the nearest architectures that have a choice at a position; none if there is no such."""
        led = self._steps[position][:, choice]
        far = np.where(led < 0, _NO_WAY, self._before[position] + self._behind[position + 1][led])
        states = np.flatnonzero((led >= 0) & (far == far.min())).tolist()
        parts = [(self._to(position, s), self._onward(position + 1, int(led[s]))) for s in states]
        self._refuse_more(sum(len(left) * len(right) for left, right in parts))
        return self._together([_each_with_each(left, choice, right) for left, right in parts], len(self._digits))

    def _to(self, position: int, state: int) -> Digits:
        """Return the digits of the nearest ways to a state before a position."""
        if not position:
            return np.zeros((1, 0), self._digits.dtype)
        if (position, state) not in self._known_to:
            step, changed = self._steps[position - 1], self._changed[position - 1]
            near = self._before[position - 1][:, None] + changed == self._before[position][state]
            parts = [
                _followed(self._to(position - 1, s), choice)
                for s, choice in np.argwhere((step == state) & near).tolist()
            ]
            self._known_to[position, state] = self._together(parts, position)
        return self._known_to[position, state]

    def _onward(self, position: int, state: int) -> Digits:
        """Return the digits of the nearest ways from a state before a position to the end."""
        if position == len(self._steps):
            return np.zeros((1, 0), self._digits.dtype)
        if (position, state) not in self._known_onward:
            led = self._steps[position][state]
            near = self._behind[position + 1][led] + self._changed[position] == self._behind[position][state]
            parts = [
                _followed(self._onward(position + 1, int(led[choice])), choice, first=True)
                for choice in np.flatnonzero((led >= 0) & near).tolist()
            ]
            self._known_onward[position, state] = self._together(parts, len(self._steps) - position)
        return self._known_onward[position, state]

    def _together(self, parts: list[Digits], width: int) -> Digits:
        self._refuse_more(sum(map(len, parts)))
        return np.concatenate([np.zeros((0, width), self._digits.dtype), *parts])

    def _refuse_more(self, rows: int) -> None:
        if rows > _MOST:
            raise BadInput(
                f"one choice of {self._name} leads to {rows:,} neighbours or more, expected at most {_MOST:,}"
            )


def _followed(rows: Digits, digit: int, *, first: bool = False) -> Digits:
    """Return rows with one digit more, at their end or first."""
    return np.insert(rows, 0 if first else rows.shape[1], digit, axis=1)


def _each_with_each(left: Digits, digit: int, right: Digits) -> Digits:
    """Return every row of one side, a digit, and every row of another side."""
    return np.column_stack([_followed(left, digit).repeat(len(right), axis=0), np.tile(right, (len(left), 1))])
