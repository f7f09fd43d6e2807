"""Rules that are often wanted: forbidden combinations, numbers of operations, connected cells, equal choices.

A new one is a class here and a line in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from sedspace.errors import BadInput, as_int, unknown
from sedspace.spaces.base import Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.darts import DartsSpace
from sedspace.spaces.functional_classes import lowest_of_classes
from sedspace.spaces.machine import Machine, explored, of_rows
from sedspace.spaces.parts import Position
from sedspace.spaces.rules import OwnRule, Rule

_PER = ("architecture", "cell", "node")
_Made = TypeVar("_Made", bound=Rule)
_Nodes = tuple[frozenset[int], frozenset[int]]


class Forbidden(Rule):
    """These choices are not made all at once.

    Parameters
    ----------
    choices : mapping of str to str or sequence of str
        By position, one choice or several: the combination is met if each of the positions has one of its own. A choice
        is named as the space names it; of choices with several operations (the nodes of darts), an operation, or an
        operation and its source (``skip_connect~0``), stands for all that have it.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.restrict("tss", ss.Forbidden({"0->1": "none", "0->2": ["none", "skip_connect"]})).size
    14375
    """

    kind = "forbidden"

    def __init__(self, choices: Mapping[str, str | Sequence[str]]) -> None:
        if not isinstance(choices, Mapping) or not choices:
            raise BadInput(f"forbidden choices {choices!r}: expected choices by the names of positions")
        self.choices = {
            position: _names(names, f"forbidden choices at {position}") for position, names in choices.items()
        }
        together = " with ".join(f"{' or '.join(names)} at {position}" for position, names in self.choices.items())
        self.name = f"forbidden {together}"

    def machine(self, space: Space) -> Machine:
        """Return the machine; it knows whether all so far are the forbidden ones."""
        numbers = _numbers(space, self.choices)
        which = {
            number: _chosen(space.positions[number], names)
            for number, names in zip(numbers, self.choices.values(), strict=True)
        }
        last = max(numbers)

        def step(all_so_far: bool, position: int, choice: int) -> bool | None:
            if position in which and choice not in which[position]:
                return False
            return None if all_so_far and position == last else all_so_far and position < last

        return explored(self.called, space.radices.tolist(), [True], step)[0]

    def definition(self, space: Space) -> dict[str, object]:
        """Return the rule as plain JSON values."""
        return {"rule": self.kind, "choices": {position: list(names) for position, names in self.choices.items()}}

    @classmethod
    def of(cls, definition: Mapping[str, object], where: str) -> Forbidden:
        """Return the rule of a definition."""
        (choices,) = _values(definition, ("choices",), where)
        return _made(where, lambda: cls(choices))


class _Number(Rule):
    """How often some operations may occur."""

    words: ClassVar[str]

    def __init__(self, n: int, operations: str | Sequence[str], per: str = "architecture") -> None:
        self.n = as_int(n, f"{self.words} n")
        self.operations, self.per = _names(operations, f"{self.words} {self.n}: operations"), per
        if self.n < 0:
            raise BadInput(f"{self.words} n {self.n}: expected 0 or more")
        if per not in _PER:
            raise unknown(f"per of {self.words} {self.n}", per, _PER)
        self.name = f"{self.words} {self.n} {' or '.join(self.operations)} per {per}"

    def definition(self, space: Space) -> dict[str, object]:
        """Return the rule as plain JSON values."""
        return {"rule": self.kind, "n": self.n, "operations": list(self.operations), "per": self.per}

    @classmethod
    def of(cls, definition: Mapping[str, object], where: str) -> Self:
        """Return the rule of a definition."""
        n, operations, per = _values(definition, ("n", "operations"), where, {"per": "architecture"})
        return _made(where, lambda: cls(n, operations, per))

    def _counting(self, space: Space, least: int, most: int | None) -> Machine:
        """Return the machine; it knows how many there are so far of each part of which not all positions are read."""
        known = [operation.name for operation in space.operations]
        for name in self.operations:
            if name not in known:
                raise unknown(f"operation of the rule {self.name!r} on {space.name}", name, known)
        amounts = [
            [sum(o.name in self.operations for o in choice.operations) for choice in position.choices]
            for position in space.positions
        ]
        parts = _parts(space, self.per)
        of = {position: number for number, positions in enumerate(parts) for position in positions}
        lasts = {positions[-1] for positions in parts}

        def step(so_far: tuple[int, ...], position: int, choice: int) -> tuple[int, ...] | None:
            part = of[position]
            number = so_far[part] + amounts[position][choice]
            if (most is not None and number > most) or (position in lasts and number < least):
                return None
            number = 0 if position in lasts else number if most is not None else min(number, least)
            return (*so_far[:part], number, *so_far[part + 1 :])

        return explored(self.called, space.radices.tolist(), [(0,) * len(parts)], step)[0]


class AtMost(_Number):
    """An operation, or several together, occurs at most n times.

    Parameters
    ----------
    n : int
    operations : str or sequence of str
        Their names; of several all are counted.
    per : str, default "architecture"
        Where it is at most n: in the whole ``architecture``, in each ``cell``, or into each ``node``.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.restrict("tss", ss.AtMost(2, "avg_pool_3x3")).size
    14080
    """

    kind, words = "at_most", "at most"

    def machine(self, space: Space) -> Machine:
        """Return the machine."""
        return self._counting(space, 0, self.n)


class AtLeast(_Number):
    """An operation, or several together, occurs at least n times.

    Parameters
    ----------
    n : int
    operations : str or sequence of str
        Their names; of several all are counted.
    per : str, default "architecture"
        Where it is at least n: in the whole ``architecture``, in each ``cell``, or into each ``node``.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.restrict("tss", ss.AtLeast(1, ["nor_conv_1x1", "nor_conv_3x3"], per="node")).size
    3136
    """

    kind, words = "at_least", "at least"

    def machine(self, space: Space) -> Machine:
        """Return the machine."""
        return self._counting(space, self.n, None)


class Connected(Rule):
    """The cell's input reaches its output, by edges that are not none.

    Parameters
    ----------
    every_edge : bool, default False
        Whether also each edge that is not none is on such a way: nothing in the cell is dead.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.restrict("tss", ss.Connected()).size, ss.restrict("tss", ss.Connected(every_edge=True)).size
    (15284, 9444)
    """

    kind = "connected"

    def __init__(self, every_edge: bool = False) -> None:
        if not isinstance(every_edge, bool):
            raise BadInput(f"connected: every_edge {every_edge!r}, expected True or False")
        self.every_edge = every_edge
        self.name = "connected, every edge" if every_edge else "connected"

    def machine(self, space: Space) -> Machine:
        """Return the machine; it knows of each node so far whether the input reaches it, and whether it goes on."""
        if not isinstance(space, CellSpace):
            raise BadInput(f"{self.called} is of cells with an operation on every edge, not of {space.name}")
        output = space.nodes - 1
        passes = [[choice.operations[0].kind != "none" for choice in position.choices] for position in space.positions]

        def step(so_far: _Nodes, position: int, choice: int) -> _Nodes | None:
            """Go on: `so_far` are the nodes that are reached, and those of them that have no edge onward yet."""
            reached, waiting = so_far
            source, target = space.edges[position]
            if passes[position][choice]:
                if source in reached:
                    reached, waiting = reached | {target}, waiting - {source}
                elif self.every_edge:
                    return None
            if source == target - 1 and target in reached and target < output and self.every_edge:
                waiting |= {target}
            return reached, waiting

        def accept(so_far: _Nodes) -> bool:
            reached, waiting = so_far
            return output in reached and not waiting

        begin: _Nodes = frozenset([0]), frozenset()
        return explored(self.called, space.radices.tolist(), [begin], step, accept)[0]

    def definition(self, space: Space) -> dict[str, object]:
        """Return the rule as plain JSON values."""
        return {"rule": self.kind, "every_edge": self.every_edge}

    @classmethod
    def of(cls, definition: Mapping[str, object], where: str) -> Connected:
        """Return the rule of a definition."""
        (every_edge,) = _values(definition, (), where, {"every_edge": False})
        return _made(where, lambda: cls(every_edge))


class OnePerClass(Rule):
    """One cell of each functional class: that of the lowest index among those that all other rules leave.

    Of spaces of cells of which at most 16,777,216 are left by the other rules, since these are gone through.
    `functional_class` says when two cells are of one class.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.restrict("tss", ss.OnePerClass()).size
    5260
    """

    kind = "one_per_class"
    comes_last = True
    name = "one per class"

    def machine(self, space: Space) -> Machine:
        """Return the smallest machine that accepts the first of each class."""
        first = np.flatnonzero(lowest_of_classes(space) == np.arange(space.size))
        return of_rows(self.called, space.radices.tolist(), space.digits_of(first))

    def definition(self, space: Space) -> dict[str, object]:
        """Return the rule as plain JSON values."""
        return {"rule": self.kind}

    @classmethod
    def of(cls, definition: Mapping[str, object], where: str) -> OnePerClass:
        """Return the rule of a definition."""
        _values(definition, (), where)
        return cls()


class _Compared(Rule):
    """Choices at some positions, compared by their names."""

    def __init__(self, *positions: str) -> None:
        if len(positions) < 2 or len(set(positions)) < len(positions) or not all(isinstance(p, str) for p in positions):
            raise BadInput(f"{self.kind} {', '.join(map(repr, positions))}: expected two or more different positions")
        self.positions = positions
        self.name = f"{self.kind} {', '.join(positions)}"

    def definition(self, space: Space) -> dict[str, object]:
        """Return the rule as plain JSON values."""
        return {"rule": self.kind, "positions": list(self.positions)}

    @classmethod
    def of(cls, definition: Mapping[str, object], where: str) -> Self:
        """Return the rule of a definition."""
        (positions,) = _values(definition, ("positions",), where)
        if not isinstance(positions, list):
            raise BadInput(f"{where}: positions {positions!r}, expected a list of them")
        return _made(where, lambda: cls(*positions))

    def _comparing(self, space: Space, equal: bool) -> Machine:
        """Return the machine; it knows the names so far: the only one, or all different ones."""
        compared = set(_numbers(space, self.positions))
        names = {number: [choice.name for choice in space.positions[number].choices] for number in compared}
        last = max(compared)

        def step(so_far: frozenset[str], position: int, choice: int) -> frozenset[str] | None:
            if position not in compared:
                return so_far
            name = names[position][choice]
            if so_far and (name not in so_far if equal else name in so_far):
                return None
            return frozenset[str]() if position == last else so_far | {name}

        return explored(self.called, space.radices.tolist(), [frozenset[str]()], step)[0]


class Unequal(_Compared):
    """The choices at some positions are all different.

    Parameters
    ----------
    *positions : str
        Two or more.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.restrict("tss", ss.Unequal("0->1", "0->2")).size
    12500
    """

    kind = "unequal"

    def machine(self, space: Space) -> Machine:
        """Return the machine."""
        return self._comparing(space, equal=False)


class Equal(_Compared):
    """The choices at some positions are all the same.

    Parameters
    ----------
    *positions : str
        Two or more.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.restrict("tss", ss.Equal("0->1", "1->2", "2->3")).size
    625
    """

    kind = "equal"

    def machine(self, space: Space) -> Machine:
        """Return the machine."""
        return self._comparing(space, equal=True)


RULES: dict[str, type[Rule]] = {
    rule.kind: rule for rule in (OwnRule, Forbidden, AtMost, AtLeast, Connected, Unequal, Equal, OnePerClass)
}
"""The rules that a definition may name."""


def rule_of(definition: object, where: str) -> Rule:
    """Return the rule of a definition, as `Rule.definition` writes it."""
    if not isinstance(definition, Mapping):
        raise BadInput(f"{where} is {definition!r}: expected a rule and what it speaks of")
    kind = definition.get("rule")
    if not isinstance(kind, str) or kind not in RULES:
        raise unknown(f"rule of {where}", str(kind), RULES)
    return RULES[kind].of(definition, where)


def rules_of(definitions: Sequence[object], where: str) -> list[Rule]:
    """Return the rules of definitions."""
    return [rule_of(definition, f"{where}, rule {number}") for number, definition in enumerate(definitions)]


def _made(where: str, make: Callable[[], _Made]) -> _Made:
    """Return a rule; errors begin with `where` it is written down."""
    try:
        return make()
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _values(
    definition: Mapping[str, object], needed: Sequence[str], where: str, optional: Mapping[str, object] | None = None
) -> list[Any]:
    """Return the values of a definition's keys; what they are is checked by the rule."""
    known = [*needed, *(optional or {})]
    for key in definition:
        if key != "rule" and key not in known:
            raise BadInput(f"{where}: {unknown('key', key, known)}")
    whole = {**(optional or {}), **definition}
    for key in needed:
        if key not in whole:
            raise BadInput(f"{where} has no {key}: expected {', '.join(needed)}")
    return [whole[key] for key in known]


def _names(given: str | Sequence[str], what: str) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise BadInput(f"{what} {given!r}, expected a name or several")
    return names


def _numbers(space: Space, names: Iterable[str]) -> list[int]:
    """Return the numbers of the positions of some names."""
    numbers = {position.name: number for number, position in enumerate(space.positions)}
    for name in names:
        if name not in numbers:
            raise unknown(f"position of {space.name}", name, numbers)
    return [numbers[name] for name in names]


def _chosen(position: Position, names: Iterable[str]) -> set[int]:
    """Return the numbers of a position's choices that have one of some names."""
    out: set[int] = set()
    have: dict[str, set[int]] = {}
    for number, choice in enumerate(position.choices):
        for name in {choice.name, *choice.name.split(), *(operation.name for operation in choice.operations)}:
            have.setdefault(name, set()).add(number)
    for name in names:
        if name not in have:
            known = sorted({o.name for choice in position.choices for o in choice.operations})
            raise unknown(f"choice at {position.name}", name, known)
        out |= have[name]
    return out


def _parts(space: Space, per: str) -> list[tuple[int, ...]]:
    """Return the positions of each part of an architecture in which operations are counted, ascending."""
    every = tuple(range(len(space.positions)))
    if per == "architecture":
        return [every]
    if per == "cell":
        parts = [tuple(sorted(group.positions)) for group in space.groups]
        if sorted(sum(parts, ())) != list(every):
            raise BadInput(f"per cell: the cells of {space.name} are not apart")
        return parts
    if isinstance(space, DartsSpace):
        return [(position,) for position in every]
    if isinstance(space, CellSpace):
        return [tuple(part) for _, part in groupby(every, lambda position: space.edges[position][1])]
    raise BadInput(f"per node: {space.name} has no nodes that edges lead into")
