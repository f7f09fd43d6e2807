"""Machines of fewer states: positions between which there is much to remember, taken together as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.machine import Steps, trimmed

FEW = 1 << 10  # states of a position: so many are gone through one by one
CHOICES = 1 << 14  # of positions together
_EDGES = 1 << 22  # states times choices of positions together

Tables = list[NDArray[np.int64]]


@dataclass(frozen=True)
class Contracted:
    """A machine and what its choices add, in which some positions next to each other are one.

    Attributes
    ----------
    starts : list of int
        The first position of each block, and last the number of positions.
    radices : list of tuple of int
        The choices at the positions of each block.
    choices : list of intp[choices]
        Which combinations of choices there are in each block, in the order of their digits.
    steps : list of int32[states, choices]
    tables : list of int64[states, choices, columns]
        Of the combinations of choices in each block.
    """

    starts: list[int]
    radices: list[tuple[int, ...]]
    choices: list[NDArray[np.intp]]
    steps: Steps
    tables: Tables

    def digits(self, block: int, choice: int) -> tuple[int, ...]:
        """Return the digits of a combination of choices."""
        return tuple(map(int, np.unravel_index(self.choices[block][choice], self.radices[block])))

    def last_digits(self, block: int) -> NDArray[np.intp]:
        """Return the last digit of each combination of choices in a block of several positions; 0 in others."""
        *before, last = self.radices[block]
        return self.choices[block] % (last if before else 1)

    def restricted(self, allowed: Sequence[NDArray[np.bool_]]) -> Contracted:
        """Return the machine that has some choices in each block only, and the states that are reached with them."""
        state = np.arange(len(self.steps[0]))
        steps, tables, kept = [], [], [np.flatnonzero(own) for own in allowed]
        for step, table, own in zip(self.steps, self.tables, kept, strict=True):
            led = step[np.ix_(state, own)]
            tables.append(table[np.ix_(state, own)])
            state = np.unique(led[led >= 0])
            steps.append(np.where(led < 0, np.int32(-1), np.searchsorted(state, led).astype(np.int32)))
        steps, left = trimmed(steps)
        choices = [one[own] for one, own in zip(self.choices, kept, strict=True)]
        tables = [table[own] for table, own in zip(tables, left, strict=True)]
        return Contracted(self.starts, self.radices, choices, steps, tables)


def contracted(steps: Steps, tables: Tables, together: bool) -> Contracted:
    """Return a machine with positions taken together where some have many states, so that few are left.

    Parameters
    ----------
    steps : list of int32[states, choices]
    tables : list of int64[states, choices, columns]
    together : bool
        Whether positions may be taken together at all.
    """
    many = together and max(map(len, steps)) > FEW
    starts = _starts(steps) if many else list(range(len(steps) + 1))
    blocks = list(pairwise(starts))
    radices = [tuple(step.shape[1] for step in steps[lo:hi]) for lo, hi in blocks]
    made = [_together(steps[lo:hi], tables[lo:hi]) for lo, hi in blocks]
    steps, tables = [step for step, _ in made], [table for _, table in made]
    return Contracted(starts, radices, [np.arange(step.shape[1]) for step in steps], steps, tables)


def _starts(steps: Steps) -> list[int]:
    """Return where to begin blocks so that the states before them are fewest."""
    n = len(steps)
    best: list[tuple[float, int]] = [(0.0, n)] * (n + 1)  # the states of this and later beginnings, where the next is
    for lo in reversed(range(n)):
        choices, options = 1, []
        for hi in range(lo + 1, n + 1):
            choices *= steps[hi - 1].shape[1]
            if hi > lo + 1 and (choices > CHOICES or len(steps[lo]) * choices > _EDGES):
                break
            options.append((len(steps[lo]) + best[hi][0], hi))
        best[lo] = min(options)
    starts = [0]
    while starts[-1] < n:
        starts.append(best[starts[-1]][1])
    return starts


def _together(steps: Steps, tables: Tables) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the step and the table of positions one after the other."""
    led, added = steps[0], tables[0]
    for step, table in zip(steps[1:], tables[1:], strict=True):
        onward = np.where(led[..., None] < 0, np.int32(-1), step[led])
        added = (added[..., None, :] + table[led]).reshape(len(led), -1, table.shape[-1])
        led = onward.reshape(len(led), -1)
    return led, added
