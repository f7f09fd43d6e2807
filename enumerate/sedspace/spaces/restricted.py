"""Spaces in which not every combination of choices exists."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput, quoted
from sedspace.spaces.base import Space
from sedspace.spaces.constraints import rules_of
from sedspace.spaces.machine import Machine, together
from sedspace.spaces.ranks import Ranks
from sedspace.spaces.registry import is_named
from sedspace.spaces.rules import Rule


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

    def describe(self) -> dict[str, object]:
        """Return the space as plain JSON values: what it restricts, and the rules."""
        rules = json.loads(self.definitions)
        return {"name": self.name, "size": self.size, "restricts": self.base.describe(), "rules": rules}

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[object, ...]]:
        """Travel to another process as the space and its rules."""
        return restricted, (self.base, self.definitions, self.name)

    def _parse_one(self, arch: object) -> list[int]:
        index = self.base.parse(arch)
        if not isinstance(index, int):
            raise BadInput(f"arch {quoted(arch)} is not a string")
        digits = self.base.digits(index)
        if not self.machine.accepts(digits[None])[0]:
            raise self.absent(digits)
        return [int(digit) for digit in digits]

    def absent(self, digits: NDArray[np.integer]) -> BadInput:
        """Return the error for digits of no architecture: it names the rule."""
        if self.base.machine is not None and not self.base.machine.accepts(digits[None])[0]:
            return self.base.absent(digits)
        broken = next(machine.name for machine in self.parts if not machine.accepts(digits[None])[0])
        (arch,) = self.base.archs(digits[None].astype(self.digit_dtype))
        return BadInput(f"arch {quoted(arch)} is not in {self.name}: it breaks the {broken}")


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
    rules = rules_of(json.loads(definitions), f"space {name!r}")
    made.parts = tuple(rule.machine(base) for rule in rules if not rule.comes_last)
    if first := [*([base.machine] if base.machine else []), *made.parts]:
        _number(made, together(first))
    for rule in rules:
        if rule.comes_last:
            _number(made, rule.machine(made))
            made.parts += (made.machine,)
    return made


def _number(space: Restricted, machine: Machine) -> None:
    """Have a space hold what a machine accepts."""
    space.machine = machine
    space.numbers = Ranks(space.name, space.radices.tolist(), machine)
    space.size = space.numbers.size


@functools.cache
def _kind(kind: type[Space]) -> type[Restricted]:
    """Return the class of restricted spaces of a kind: all that the kind is, and `Restricted`."""
    return type(f"Restricted{kind.__name__}", (Restricted, kind), {"__doc__": kind.__doc__})
