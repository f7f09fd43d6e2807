"""How the digits of an architecture follow each other: which choices lead on, position after position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from sedspace.spaces import Space

State = tuple[int, ...]
"""The states that a machine may be in: several where it guesses; none to tell apart without one."""


class Ways:
    """The choices that lead to an architecture, from what was chosen before.

    Parameters
    ----------
    radices : sequence of int
        The number of choices at each position.
    steps : sequence of integers[states, choices], optional
        For each position, the state that each choice leads to from each state, -1 where there is no such architecture;
        as a `Machine` has them. None: every combination of choices is one.
    """

    def __init__(self, radices: Sequence[int], steps: Sequence[Any] | None = None) -> None:
        self._radices, self._steps = radices, steps
        self._free = {radix: dict.fromkeys(range(radix), ()) for radix in radices if steps is None}
        self._known: dict[tuple[int, State], Mapping[int, State]] = {}
        self.begin: State = () if steps is None else tuple(range(len(steps[0])))

    @classmethod
    def of(cls, space: Space) -> Ways:
        """Return those of a space."""
        return cls(space.radices.tolist(), None if space.machine is None else space.machine.steps)

    def on(self, position: int, state: State) -> Mapping[int, State]:
        """Return the choices at a position that lead on from a state, each with the state behind it."""
        if self._steps is None:
            return self._free[self._radices[position]]
        if (position, state) not in self._known:
            led = self._steps[position][list(state)]
            ends = {choice: tuple(sorted({*led[:, choice].tolist()} - {-1})) for choice in range(led.shape[1])}
            self._known[position, state] = {choice: end for choice, end in ends.items() if end}
        return self._known[position, state]

    def followed(self, digits: Sequence[int], random: Random, anew: int | None = None) -> list[int]:
        """Return the digits of an architecture: given ones, and others where they do not lead on.

        Parameters
        ----------
        digits : sequence of int
            One for each position.
        random : Random
            Draws the others.
        anew : int, optional
            A position whose digit is drawn in any case.
        """
        state, out = self.begin, []
        for position, digit in enumerate(digits):
            on = self.on(position, state)
            if position == anew or digit not in on:
                digit = random.choice([*on])
            out.append(digit)
            state = on[digit]
        return out
