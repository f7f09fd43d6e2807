"""Spaces in which not every combination of choices exists."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.errors import BadInput
from sedspace.spaces.base import Space
from sedspace.spaces.constraints import rules_of
from sedspace.spaces.machine import Machine, together
from sedspace.spaces.parts import Digits, Indices
from sedspace.spaces.radix import INT64_END, MixedRadix
from sedspace.spaces.registry import is_named
from sedspace.spaces.rules import Rule


class Ranks(MixedRadix):
    """Numbers of the combinations of digits that a machine accepts, in the order of all combinations.

    Parameters
    ----------
    name : str
        What errors call the numbers.
    radices : sequence of int
    machine : Machine
    """

    def __init__(self, name: str, radices: Sequence[int], machine: Machine) -> None:
        super().__init__(name, radices)
        self.machine = machine
        self.size = machine.size

    def digits_of_one(self, index: int) -> Digits:
        """Return the digits of one index: shape (positions,)."""
        one: Digits = self.digits_of(np.array([index], np.int64 if self.size <= INT64_END else object))[0]
        return one

    def digits_of(self, indices: Indices) -> Digits:
        """Return the digits of many indices: shape (n, positions)."""
        digits: Digits = self.machine.unrank(indices).astype(self.dtype)
        return digits

    def digits_of_range(self, start: int, stop: int) -> Digits:
        """Return the digits of the indices from `start` up to, not including, `stop`."""
        digits = np.empty((stop - start, len(self.radices)), self.dtype)
        self.machine.unrank_range(start, stop, digits)
        return digits

    def index_of_one(self, digits: Iterable[int]) -> int:
        """Return the index of one row of digits."""
        return int(self.indices_of(np.array([list(digits)]))[0])

    def indices_of(self, rows: NDArray[np.integer]) -> Indices:
        """Return the indices of many rows of digits."""
        ranks = self.machine.rank(rows)
        return ranks.astype(np.int64) if self.size <= INT64_END else ranks.astype(object)


class Restricted(Space):
    """What a space of any kind is besides, once rules say which of its architectures exist.

    Attributes
    ----------
    base : Space
        The space without the rules.
    definitions : str
        The rules as JSON.
    parts : tuple of Machine
        What each rule accepts.
    machine : Machine
        Accepts what meets all of them.
    """

    base: Space
    definitions: str
    parts: tuple[Machine, ...]
    machine: Machine

    def indices_of_combinations(self, numbers: Indices) -> Indices:
        """Return the indices of architectures by their number among all combinations of choices."""
        every = MixedRadix(self.name, self.radices.tolist())
        return self.numbers.indices_of(every.digits_of(numbers))

    def describe(self) -> dict[str, object]:
        """Return the space as plain JSON values: what it restricts, and the rules."""
        rules = json.loads(self.definitions)
        return {"name": self.name, "size": self.size, "restricts": self.base.describe(), "rules": rules}

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[object, ...]]:
        """Travel to another process as the space and its rules."""
        return restricted, (self.base, self.definitions, self.name)

    @overload
    def index(self, digits: Sequence[int]) -> int: ...
    @overload
    def index(self, digits: ArrayLike) -> int | Indices: ...
    def index(self, digits: ArrayLike) -> int | Indices:
        """Return the index of one row of digits, or of many; raise `BadInput` that names the rule if there is none."""
        self.base.index(digits)  # checks their shape and range
        rows = np.atleast_2d(np.asarray(digits))
        for row in np.flatnonzero(~self.machine.accepts(rows))[:1]:
            raise self._forbidden(rows[row])
        return self.numbers.index_of_one(rows[0]) if np.ndim(digits) == 1 else self.numbers.indices_of(rows)

    def _parse_one(self, arch: str) -> list[int]:
        digits = self.base.digits(self.base.parse(arch))
        if not self.machine.accepts(digits[None])[0]:
            raise self._forbidden(digits)
        return [int(digit) for digit in digits]

    def _forbidden(self, digits: NDArray[np.integer]) -> BadInput:
        broken = next(machine.name for machine in self.parts if not machine.accepts(digits[None])[0])
        (arch,) = self.base.archs(digits[None].astype(self.digit_dtype))
        return BadInput(f"arch {arch!r} is not in {self.name}: it breaks the {broken}")


def restricted_by(base: Space, rules: Sequence[Rule], name: str | None) -> Space:
    """Return the space that rules leave of another; `restrict` says how."""
    for rule in rules:
        if not isinstance(rule, Rule):
            raise BadInput(f"rule {rule!r}: expected a Rule, such as ss.Connected() or an ss.OwnRule")
    if not rules:
        raise BadInput(f"no rules to restrict {base.name} by: expected one or more")
    if name is not None and (not isinstance(name, str) or not (name.isidentifier() and name.isascii())):
        raise BadInput(f"name {name!r}: expected letters, digits and underscores")
    if name is not None and is_named(name):
        raise BadInput(f"name {name!r} is one of sedspace's own spaces, choose another")
    definitions = [rule.definition(base) for rule in rules]
    if isinstance(base, Restricted):
        name, definitions = name or base.name, [*json.loads(base.definitions), *definitions]
        base = base.base
    return restricted(base, json.dumps(definitions), name or f"{base.name}_restricted")


@functools.lru_cache(maxsize=64)
def restricted(base: Space, definitions: str, name: str) -> Space:
    """Return the space that rules, as JSON, leave of another; the same object for the same."""
    kind = _kind(type(base))
    made = kind.__new__(kind)
    made.__dict__.update(vars(base))
    made.base, made.definitions, made.name = base, definitions, name
    made.title = f"{base.title}, restricted"
    made.parts = tuple(rule.machine(base) for rule in rules_of(json.loads(definitions), f"space {name!r}"))
    made.machine = together([*([base.machine] if base.machine else []), *made.parts])
    made.numbers = Ranks(name, base.radices.tolist(), made.machine)
    made.size = made.numbers.size
    return made


@functools.cache
def _kind(kind: type[Space]) -> type[Restricted]:
    """Return the class of restricted spaces of a kind: all that the kind is, and `Restricted`."""
    return type(f"Restricted{kind.__name__}", (Restricted, kind), {"__doc__": kind.__doc__})
