"""Finite machines that read digits: their product, and what is left of one that has no useless states.

A machine is one table for each position, int32[states, choices]: the state that each choice leads to from each state,
-1 where there is no such architecture. Every state of the first position is one to begin in; the last table leads to 0,
which is "accepted", or to -1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Steps = list[NDArray[np.int32]]


def trimmed(steps: Sequence[NDArray[np.int32]]) -> tuple[Steps, list[NDArray[np.intp]]]:
    """Return a machine without the states that lead to nothing accepted.

    Parameters
    ----------
    steps : sequence of int32[states, choices]

    Returns
    -------
    steps : list of int32[states, choices]
        No states at all if nothing is accepted.
    kept : list of intp[states]
        For each position, which of the given states are left.
    """
    out: Steps = []
    kept: list[NDArray[np.intp]] = []
    number = np.array([0, -1], np.int32)  # of each state of the next position among those left, and last of none
    for step in reversed(steps):
        onward = number[step]
        left = np.flatnonzero((onward >= 0).any(axis=1))
        number = np.full(len(step) + 1, -1, np.int32)
        number[left] = np.arange(len(left), dtype=np.int32)
        out.append(onward[left])
        kept.append(left)
    return out[::-1], kept[::-1]


def merged(steps: Sequence[NDArray[np.int32]]) -> Steps:
    """Return a trimmed machine in which states that everything goes on alike from are one; it begins as it did."""
    out: Steps = []
    number = np.array([0, -1], np.int32)  # of each state of the next position among those that differ, and last of none
    for position in range(len(steps) - 1, -1, -1):
        step = steps[position]
        onward = number[step]
        if position:
            onward, of = np.unique(onward, axis=0, return_inverse=True)
            number = np.append(of.reshape(-1), -1).astype(np.int32)
        out.append(onward)
    return out[::-1]


def product(machines: Sequence[Sequence[NDArray[np.int32]]], limit: int) -> tuple[Steps, list[list[NDArray[np.intp]]]]:
    """Return the machine that accepts what all of some machines accept, with the states that are reached only.

    Parameters
    ----------
    machines : sequence of machines
        One or more, over the same positions.
    limit : int
        How many states a position may have.

    Returns
    -------
    steps : list of int32[states, choices]
    parts : list of list of intp[states]
        For each position and each machine, the state that it is in.

    Raises
    ------
    OverflowError
        If there would be more states; its argument is their number.
    """
    begin = np.meshgrid(*(np.arange(len(machine[0])) for machine in machines), indexing="ij")
    states = np.stack([axis.reshape(-1) for axis in begin], axis=-1)
    steps: Steps = []
    parts = []
    for tables in zip(*machines, strict=True):
        if len(states) > limit:
            raise OverflowError(len(states))
        parts.append(states)
        led = np.stack([table[states[:, m]] for m, table in enumerate(tables)], axis=-1)  # states, choices, machines
        flat = led.reshape(-1, len(machines))
        on = np.flatnonzero((flat >= 0).all(axis=1))
        step = np.full(len(flat), -1, np.int32)
        states, of = np.unique(flat[on].astype(np.intp), axis=0, return_inverse=True)
        step[on] = of.reshape(-1)
        steps.append(step.reshape(led.shape[:2]))
    steps, kept = trimmed(steps)
    return steps, [[state[left, m] for m in range(len(machines))] for state, left in zip(parts, kept, strict=True)]
