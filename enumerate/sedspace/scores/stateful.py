"""Scores of one's own that must know what came before: sums by the states of a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.errors import BadInput
from sedspace.scores.additive import AdditiveScore, Trend
from sedspace.spaces import Space
from sedspace.spaces.machine import Machine, State, Step, explored, together

Adds = Callable[[Any, int, int], int]
"""From a state, the number of a position and the number of a choice there to what the choice adds."""

_lock = Lock()


class StateScore(AdditiveScore):
    """A score ``function(sums) / denominator`` of integers that depend on what came before.

    A machine reads an architecture's choices and goes from state to state; what a choice adds may depend on the state
    that it is made in. Rows go through it one by one; exact answers about spaces of any size know its states.

    Parameters
    ----------
    name : str
        The column's name.
    features : mapping of str to callable
        For each argument of `function`: from the state, the number of a position and the number of a choice there to
        the integer that the choice adds.
    function : callable
        As of `AdditiveScore`: from the sums of many architectures, one int64 array for each feature, to numbers.
    begin : hashable
        The state to begin in.
    step : callable
        From a state, a position and a choice to the next state. Every architecture of the space must lead to one.
    dtype, denominator, unit, meaning, parameters, monotone
        As of `AdditiveScore`.

    Raises
    ------
    BadInput
        As of `AdditiveScore`; when it is used, also if an architecture leads to no state, a feature returns what is no
        integer, or there are too many states.

    Examples
    --------
    How often a convolution comes right after another one, in the order of the edges:

    >>> import sedspace as ss
    >>> pairs = ss.StateScore(
    ...     "pairs",
    ...     {"n": lambda last, position, choice: int(last in (2, 3) and choice in (2, 3))},
    ...     lambda n: n,
    ...     begin=None,
    ...     step=lambda last, position, choice: choice,
    ...     dtype="uint8",
    ... )
    >>> ss.score("tss", pairs, indices=[11668, 0]), ss.distribution("tss8", pairs).at_least(27)
    (array([3, 0], dtype=uint8), 268435456)
    """

    def __init__(
        self,
        name: str,
        features: Mapping[str, Adds],
        function: Callable[..., ArrayLike],
        *,
        begin: State,
        step: Step,
        dtype: str = "float32",
        denominator: int = 1,
        unit: str = "",
        meaning: str = "",
        parameters: Mapping[str, str] | None = None,
        monotone: list[Trend] | None = None,
    ) -> None:
        super().__init__(
            name,
            {feature: {} for feature in features} if isinstance(features, Mapping) else features,
            function,
            dtype=dtype,
            denominator=denominator,
            unit=unit,
            meaning=meaning,
            per_group=False,
            parameters=parameters,
            monotone=monotone,
        )
        for feature, adds in features.items():
            if not callable(adds):
                raise BadInput(f"score {name}: feature {feature} is {adds!r}, expected a function of a state")
        if not callable(step):
            raise BadInput(f"score {name}: step {step!r}, expected a function of a state")
        self.begin, self.step, self._adds = begin, step, dict(features)
        self._known: WeakKeyDictionary[Space, tuple[Machine, list[NDArray[np.int64]]]] = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, object]:
        """Return what travels to another process: all but what is known of spaces here."""
        return {**self.__dict__, "_known": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._known = WeakKeyDictionary()

    def machine(self, space: Space) -> Machine:
        """Return the machine, the same for the same space."""
        return self._of(space)[0]

    def has_states(self, space: Space) -> bool:
        """Return that it has."""
        return True

    def tables(self, space: Space) -> list[NDArray[np.int64]]:
        """Return for each position int64[states, choices, sums]: what each choice adds in each state of `machine`."""
        return self._of(space)[1]

    def _of(self, space: Space) -> tuple[Machine, list[NDArray[np.int64]]]:
        with _lock:  # several threads may ask at once
            if space not in self._known:
                self._known[space] = self._made(space)
            return self._known[space]

    def _made(self, space: Space) -> tuple[Machine, list[NDArray[np.int64]]]:
        what = f"score {self.name}"
        machine, states = explored(what, space.radices.tolist(), [self.begin], self.step)
        whole = machine if space.machine is None else together([space.machine, machine])
        if whole.size != space.size:
            raise BadInput(f"{what}: {space.size - whole.size:,} architectures of {space.name} lead to no state")
        tables = [
            np.array([[self._row(state, p, choice) for choice in range(radix)] for state in at], np.int64)
            for p, (at, radix) in enumerate(zip(states, space.radices.tolist(), strict=True))
        ]
        self._check_reach(space, sum(int(np.abs(table).max()) for table in tables))
        return machine, tables

    def _row(self, state: State, position: int, choice: int) -> list[int]:
        out = []
        for feature, adds in self._adds.items():
            added = adds(state, position, choice)
            if not isinstance(added, int | np.integer) or abs(int(added)) >= 1 << 62:
                raise BadInput(
                    f"score {self.name}: feature {feature} is {added!r} at position {position}, expected an integer"
                )
            out.append(int(added))
        return out
