"""Machines: which combinations of choices there are, told by reading the digits one after the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.spaces.parts import Indices
from sedspace_kernels import diagram
from sedspace_kernels.diagram import Exact, Layer, exact
from sedspace_kernels.machine import Steps, merged, product, trimmed

STATES = 1 << 20  # of a position: more are no machine that one would write
_ENTRIES = 1 << 22  # of a table of steps that is looked at at once
STEPS = 1 << 22  # of a machine that a function describes, each of which is asked for

State = Hashable
Known = TypeVar("Known", bound=Hashable)
Step = Callable[[State, int, int], State | None]
"""From a state, the number of a position and a choice there to the next state, or to None: there is no such thing."""


@dataclass(frozen=True, eq=False)
class Machine:
    """A finite machine: it reads a choice at each position, and accepts or not.

    Attributes
    ----------
    name : str
        What errors call it.
    steps : list of int32[states, choices]
        For each position, the state that each choice leads to from each state, -1 where there is no such architecture;
        the last one leads to 0. There are no useless states.
    """

    name: str
    steps: Steps

    @property
    def beginnings(self) -> int:
        """How many states there are to begin in: more than one are a guess, of which one only comes true."""
        return len(self.steps[0])

    @cached_property
    def layers(self) -> list[Layer]:
        """The machine as a diagram: one node for each state."""
        nothing = [np.zeros((*step.shape, 1), np.int64) for step in self.steps]
        return diagram.build(nothing, np.iinfo(np.int64).max, np.iinfo(np.int64).max, self.steps)[0]

    @cached_property
    def onward(self) -> list[Exact]:
        """How many ways there are on from each state: for each position exact[states], and last of the accepted one."""
        return diagram.count_onward(self.layers, np.ones(1, np.int64))

    @cached_property
    def size(self) -> int:
        """How many architectures are accepted."""
        return int(sum(self.onward[0].tolist()))

    def accepts(self, digits: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which architectures are accepted: bool[n]."""
        return np.asarray((self._ways(digits)[-1] >= 0).any(axis=1))

    def mended(self, digits: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return accepted digits for any: read on, each choice that leads nowhere is replaced by the nearest that does.

        Of two that are as near the lower; what is accepted already stays.
        """
        out = np.empty(digits.shape, np.intp)
        width = max(step.shape[1] for step in self.steps) * self.beginnings
        for lo in range(0, len(digits), rows := max(1, _ENTRIES // width)):
            self._mend(digits[lo : lo + rows], out[lo : lo + rows])
        return out

    def _mend(self, digits: NDArray[np.integer], out: NDArray[np.intp]) -> None:
        every = np.arange(len(digits))
        ways = np.tile(np.arange(self.beginnings, dtype=np.int32), (len(digits), 1))
        for p, step in enumerate(self.steps):
            led = np.where(ways[:, :, None] < 0, np.int32(-1), step[ways])  # all steps that are left lead to the end
            far = np.abs(np.arange(step.shape[1]) - digits[:, p, None].astype(np.int64))
            out[:, p] = np.where((led >= 0).any(axis=1), far, step.shape[1]).argmin(axis=1)
            ways = led[every, :, out[:, p]]

    def states(self, digits: NDArray[np.integer]) -> list[NDArray[np.int32]]:
        """Return the state before each position of accepted architectures: for each position int32[n]."""
        *ways, last = self._ways(digits)
        if self.beginnings == 1:
            return [state[:, 0] for state in ways]
        way = (last >= 0).argmax(axis=1)  # of the beginnings one only comes true
        return [state[np.arange(len(digits)), way] for state in ways]

    def _ways(self, digits: NDArray[np.integer]) -> list[NDArray[np.int32]]:
        """Return the states before each position and behind the last, from each beginning: int32[n, beginnings]."""
        ways = [np.tile(np.arange(self.beginnings, dtype=np.int32), (len(digits), 1))]
        for p, step in enumerate(self.steps):
            ways.append(np.where(ways[-1] < 0, np.int32(-1), step[ways[-1], digits[:, p, None]]))
        return ways

    def rank(self, digits: NDArray[np.integer]) -> Indices:
        """Return how many accepted architectures come before each of some: int64[n], or Python integers."""
        return diagram.rank(self.layers, self.onward, digits)[0].astype(exact(self.size))

    def unrank(self, ranks: Indices) -> NDArray[np.intp]:
        """Return the digits of accepted architectures by their ranks: intp[n, positions]."""
        return diagram.unrank(self.layers, self.onward, ranks)[0]

    def unrank_range(self, start: int, stop: int, out: NDArray[np.unsignedinteger]) -> None:
        """Write the digits of accepted architectures from one rank up to another: unsigned integer[n, positions]."""
        diagram.unrank_range(self.layers, self.onward, start, stop, out)

    def is_unambiguous(self) -> bool:
        """Return whether every accepted architecture is accepted in one way."""
        if self.beginnings == 1:
            return True
        try:
            both, _ = product([self.steps, self.steps], STATES)  # counts each architecture by the square of its ways
        except OverflowError as error:
            raise BadInput(
                f"{self.name}: {error.args[0]:,} pairs of states that may both come true, expected at most {STATES:,}"
            ) from None
        return Machine(self.name, both).size == self.size


def explored(
    name: str,
    radices: Sequence[int],
    begin: Sequence[Known],
    step: Callable[[Known, int, int], Known | None],
    accept: Callable[[Known], bool] = lambda _: True,
) -> tuple[Machine, list[list[Known]]]:
    """Return the machine that a function describes, and for each position what its states stand for.

    Parameters
    ----------
    name : str
        What errors call it.
    radices : sequence of int
        The number of choices at each position.
    begin : sequence of hashable
        One or more states to begin in.
    step : callable
        From a state, a position and a choice to the next state, or None.
    accept : callable, optional
        Whether a state behind the last position is accepted. Default: every one.

    Raises
    ------
    BadInput
        If nothing is accepted, an architecture is in more than one way, or there are too many states.
    """
    states = list(dict.fromkeys(begin))
    steps: Steps = []
    labels = []
    asked = 0
    for position, radix in enumerate(radices):
        asked += len(states) * radix
        if len(states) > STATES:
            raise _too_many(name, f"{len(states):,} states before position {position}", STATES)
        if asked > STEPS:
            raise _too_many(name, f"{asked:,} steps up to position {position}", STEPS)
        numbers: dict[Known, int] = {}
        table = np.full((len(states), radix), -1, np.int32)
        for row, state in enumerate(states):
            for choice in range(radix):
                if (led := step(state, position, choice)) is not None:
                    table[row, choice] = numbers.setdefault(led, len(numbers))
        steps.append(table)
        labels.append(states)
        states = list(numbers)
    accepted = np.array([0 if accept(state) else -1 for state in states], np.int32)
    last = steps[-1]
    steps[-1] = np.where(last < 0, np.int32(-1), accepted[last] if len(accepted) else last)
    steps, kept = trimmed(steps)
    return _checked(name, steps), [
        [states[i] for i in left.tolist()] for states, left in zip(labels, kept, strict=True)
    ]


def of_steps(name: str, radices: Sequence[int], steps: Steps) -> Machine:
    """Return the machine of tables that come from anywhere; raise `BadInput` if they are none for these radices."""
    states = [len(step) for step in steps[1:]] + [1]
    fits = len(steps) == len(radices) and all(
        step.shape[1] == radix and step.size and step.min() >= -1 and step.max() < after
        for step, radix, after in zip(steps, radices, states, strict=True)
    )
    if not fits:
        raise BadInput(f"{name}: its steps are none for positions of {', '.join(map(str, radices))} choices")
    return _checked(name, trimmed(steps)[0])


def _checked(name: str, steps: Steps) -> Machine:
    machine = Machine(name, steps)
    if not len(steps[0]):
        raise BadInput(f"{name}: there is no such architecture")
    if not machine.is_unambiguous():
        raise BadInput(f"{name}: some architectures are accepted in more than one way: expected one for each")
    return machine


def of_rows(name: str, radices: Sequence[int], rows: NDArray[np.integer]) -> Machine:
    """Return the machine that accepts some architectures and no others.

    Parameters
    ----------
    name : str
        What errors call it.
    radices : sequence of int
        The number of choices at each position.
    rows : integer[n, positions]
        Their digits, different and in ascending order.
    """
    steps: Steps = []
    state = np.zeros(len(rows), np.int32)
    for position in range(len(radices) - 1, -1, -1):
        begins = np.ones(len(rows), np.bool_)  # with other digits before this position than the row before
        begins[1:] = (rows[1:, :position] != rows[:-1, :position]).any(axis=1)
        table = np.full((int(begins.sum()), radices[position]), -1, np.int32)
        table[np.cumsum(begins) - 1, rows[:, position]] = state
        step, of = np.unique(table, axis=0, return_inverse=True)
        steps.append(step)
        rows, state = rows[begins], of.reshape(-1).astype(np.int32)
    return Machine(name, steps[::-1])


def together(machines: Sequence[Machine]) -> Machine:
    """Return the machine that accepts what all of some machines accept; raise `BadInput` if that is nothing."""
    if len(machines) == 1:
        return machines[0]
    steps, _ = product_of(machines)
    if len(steps[0]):
        return Machine(_named(machines), merged(steps))
    for number in range(len(machines)):  # is it for this one, too, that nothing is left?
        if len(machines) > 2 and not len(product_of(rest := [*machines[:number], *machines[number + 1 :]])[0][0]):
            return together(rest)
    raise BadInput(f"{_named(machines)}: no architecture meets all of them")


def product_of(machines: Sequence[Machine]) -> tuple[Steps, list[list[NDArray[np.intp]]]]:
    """Return the steps of machines side by side, and for each position and machine the state that it is in."""
    try:
        return product([machine.steps for machine in machines], STATES)
    except OverflowError as error:
        raise _too_many(_named(machines), f"{error.args[0]:,} states", STATES) from None


def _too_many(name: str, what: str, most: int) -> BadInput:
    advice = "have less to remember, by fewer rules or smaller numbers"
    return BadInput(f"{name}: {what}, expected at most {most:,}: {advice}")


def _named(machines: Sequence[Machine]) -> str:
    return " and ".join(machine.name for machine in machines)
