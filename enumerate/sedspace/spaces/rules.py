"""Rules that say which architectures of a space exist, and a user's own machine as one.

A rule is written down as plain JSON values, so that a run of a restricted space can be opened anywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np

from sedspace.errors import BadInput
from sedspace.spaces.base import Space
from sedspace.spaces.machine import Machine, State, Step, explored, of_steps
from sedspace_kernels.machine import merged

_MOST = 1_000_000  # numbers of a machine of one's own that a manifest may hold


class Rule(ABC):
    """Which architectures of a space exist.

    Attributes
    ----------
    kind : str
        What `RULES` knows it by.
    name : str
        What errors call it.
    """

    kind: ClassVar[str]
    comes_last: ClassVar[bool] = False  # whether it is about what all other rules leave
    name: str

    @property
    def called(self) -> str:
        """What its machine is called in errors."""
        return f"rule {self.name!r}"

    @abstractmethod
    def machine(self, space: Space) -> Machine:
        """Return the machine that accepts what meets the rule.

        Raises
        ------
        BadInput
            If the space has not what the rule speaks of, or nothing meets it.
        """

    @abstractmethod
    def definition(self, space: Space) -> dict[str, object]:
        """Return the rule as plain JSON values, ``rule`` its kind."""

    @classmethod
    @abstractmethod
    def of(cls, definition: Mapping[str, object], where: str) -> Rule:
        """Return the rule of a definition; raise `BadInput` that begins with `where` if it is none."""


class OwnRule(Rule):
    """A machine of one's own: it reads an architecture's choices and goes from state to state.

    Parameters
    ----------
    name : str
        What errors call the rule.
    begin : hashable
        The state to begin in.
    step : callable
        From a state, the number of a position and the number of a choice there to the next state, or to None: there is
        no such architecture.
    accept : callable, optional
        Whether the state behind the last position is accepted. Default: every one is.

    Examples
    --------
    >>> import sedspace as ss
    >>> def poolings(so_far, position, choice):
    ...     so_far += choice == 4
    ...     return so_far if so_far <= 2 else None
    >>> few = ss.restrict("tss", ss.OwnRule("at most two poolings", 0, poolings))
    >>> few.size, few.index(few.digits(14_000))
    (14080, 14000)
    """

    kind = "machine"

    def __init__(self, name: str, begin: State, step: Step, accept: Callable[[State], bool] = lambda _: True) -> None:
        self.name, self.begin, self.step, self.accept = name, begin, step, accept

    def machine(self, space: Space) -> Machine:
        """Return the machine."""
        return explored(self.called, space.radices.tolist(), [self.begin], self.step, self.accept)[0]

    def definition(self, space: Space) -> dict[str, object]:
        """Return the rule as its tables of steps: for each position and state, where each choice leads."""
        steps = merged(self.machine(space).steps)
        if (numbers := sum(step.size for step in steps)) > _MOST:
            raise BadInput(f"{self.called}: {numbers:,} numbers of steps, expected at most {_MOST:,}")
        return {"rule": self.kind, "name": self.name, "steps": [step.tolist() for step in steps]}

    @classmethod
    def of(cls, definition: Mapping[str, object], where: str) -> Rule:
        """Return the rule of a definition."""
        return _Steps(definition, where)


class _Steps(Rule):
    """A machine of somebody's own, as it was written down."""

    kind = "machine"

    def __init__(self, definition: Mapping[str, object], where: str) -> None:
        name, steps = definition.get("name"), definition.get("steps")
        if not isinstance(name, str) or not isinstance(steps, list):
            raise BadInput(f"{where}: expected a machine's name and steps")
        self.name, self._where, self._steps = name, where, steps

    def machine(self, space: Space) -> Machine:
        """Return the machine."""
        try:
            steps = [np.array(step, np.int32).reshape(len(step), -1) for step in self._steps]
        except (TypeError, ValueError, OverflowError):
            raise BadInput(f"{self._where}: steps of {self.name!r} are no tables of numbers") from None
        return of_steps(self.called, space.radices.tolist(), steps)

    def definition(self, space: Space) -> dict[str, object]:
        """Return the rule as its tables of steps."""
        return {"rule": self.kind, "name": self.name, "steps": self._steps}

    @classmethod
    def of(cls, definition: Mapping[str, object], where: str) -> Rule:
        """Return the rule of a definition."""
        return cls(definition, where)
