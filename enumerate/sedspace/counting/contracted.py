"""Machines of fewer states: positions between which there is much to remember, taken together as one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.machine import Steps

FEW = 1 << 10  # states of a position: so many are gone through one by one
_CHOICES = 1 << 14  # of positions together
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
    steps : list of int32[states, choices]
    tables : list of int64[states, choices, columns]
        Of the combinations of choices in each block, in the order of their digits.
    """

    starts: list[int]
    radices: list[tuple[int, ...]]
    steps: Steps
    tables: Tables

    def digits(self, block: int, choice: int) -> tuple[int, ...]:
        """Return the digits of a combination of choices."""
        return tuple(map(int, np.unravel_index(choice, self.radices[block])))


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
    return Contracted(starts, radices, [step for step, _ in made], [table for _, table in made])


def _starts(steps: Steps) -> list[int]:
    """Return where to begin blocks so that the states before them are fewest."""
    n = len(steps)
    best: list[tuple[float, int]] = [(0.0, n)] * (n + 1)  # the states of this and later beginnings, where the next is
    for lo in reversed(range(n)):
        choices, options = 1, []
        for hi in range(lo + 1, n + 1):
            choices *= steps[hi - 1].shape[1]
            if hi > lo + 1 and (choices > _CHOICES or len(steps[lo]) * choices > _EDGES):
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
