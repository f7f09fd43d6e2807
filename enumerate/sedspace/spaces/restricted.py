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
from sedspace.spaces.machine import Machine, together
from sedspace.spaces.parts import Digits, Indices
from sedspace.spaces.radix import INT64_END, MixedRadix
from sedspace.spaces.registry import is_named, named_space
from sedspace.spaces.rules import Rule, rules_of


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
    machine : Machine
        Accepts what meets all of them.
    """

    base: Space
    definitions: str
    machine: Machine

    def indices_of_combinations(self, numbers: Indices) -> Indices:
        """Return the indices of architectures by their number among all combinations of choices."""
        return self.numbers.indices_of(self.base.digits_of(numbers))

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
        rules = rules_of(json.loads(self.definitions), self.name)
        broken = next(rule.name for rule in rules if not rule.machine(self.base).accepts(digits[None])[0])
        arch = self.base.arch(self.base.index(digits.tolist()))
        return BadInput(f"arch {arch!r} is not in {self.name}: it breaks the rule {broken!r}")


def restrict(space: str | Space, *rules: Rule, name: str | None = None) -> Space:
    """Return the space of those architectures that meet some rules.

    It is a space like any other, of exact size, with indices of its own: the ranks of what exists, in the order of the
    digits.

    Parameters
    ----------
    space : str or Space
    *rules : Rule
        One or more.
    name : str, optional
        Letters, digits, underscores. Default: the space's name with ``_restricted``.

    Returns
    -------
    Space

    Raises
    ------
    BadInput
        If a rule does not fit the space, or no architecture meets all of them.
    """
    base = named_space(space) if isinstance(space, str) else space
    for rule in rules:
        if not isinstance(rule, Rule):
            raise BadInput(f"rule {rule!r}: expected a Rule, such as an OwnRule")
    if not rules:
        raise BadInput(f"no rules to restrict {base.name} by: expected one or more")
    definitions = [rule.definition(base) for rule in rules]
    if isinstance(base, Restricted):
        name, definitions = name or base.name, [*json.loads(base.definitions), *definitions]
        base = base.base
    name = name or f"{base.name}_restricted"
    if not (name.isidentifier() and name.isascii()) or is_named(name):
        raise BadInput(f"name {name!r}: expected letters, digits and underscores, and none of sedspace's own spaces")
    return restricted(base, json.dumps(definitions), name)


@functools.lru_cache(maxsize=64)
def restricted(base: Space, definitions: str, name: str) -> Space:
    """Return the space that rules, as JSON, leave of another; the same object for the same."""
    kind = _kind(type(base))
    made = kind.__new__(kind)
    made.__dict__.update(vars(base))
    made.base, made.definitions, made.name = base, definitions, name
    made.title = f"{base.title}, restricted"
    made.machine = together([rule.machine(base) for rule in rules_of(json.loads(definitions), name)])
    made.numbers = Ranks(name, base.radices.tolist(), made.machine)
    made.size = made.numbers.size
    return made


@functools.cache
def _kind(kind: type[Space]) -> type[Restricted]:
    """Return the class of restricted spaces of a kind: all that the kind is, and `Restricted`."""
    return type(f"Restricted{kind.__name__}", (Restricted, kind), {"__doc__": kind.__doc__})
