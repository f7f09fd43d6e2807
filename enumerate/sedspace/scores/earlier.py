"""What a cost may depend on: choices at earlier positions, remembered as the states of a machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sedspace.errors import BadInput
from sedspace.spaces import Space
from sedspace.spaces.machine import Machine, explored

_AND, _IS = " AND ", "="


class Fact(NamedTuple):
    """That a position has an operation."""

    position: int
    operation: str


Facts = frozenset[Fact]


def read_facts(text: str, space: Space, before: int, what: str) -> Facts:
    """Return what a text says of the positions before one: ``POSITION=OPERATION``, several joined by ``AND``.

    Raises
    ------
    BadInput
        If it says something else.
    """
    names = [position.name for position in space.positions[:before]]
    out = set()
    for part in text.split(_AND):
        name, _, operation = (one.strip() for one in part.partition(_IS))
        if name not in names:
            could = ", ".join(names) or "none"
            raise BadInput(f"{what}: state {part!r}, expected POSITION=OPERATION of a position before it: {could}")
        position = names.index(name)
        known = _operations(space, position)
        if operation not in known:
            raise BadInput(f"{what}: state {part!r}, expected an operation of {name}: {', '.join(known)}")
        out.add(Fact(position, operation))
    return frozenset(out)


def _operations(space: Space, position: int) -> list[str]:
    choices = space.positions[position].choices
    return list(dict.fromkeys(operation.name for choice in choices for operation in choice.operations))


def remembering(name: str, space: Space, asked: Mapping[Fact, Iterable[int]]) -> tuple[Machine, list[list[Facts]]]:
    """Return the machine that remembers facts as long as they are asked for, and what its states stand for.

    Parameters
    ----------
    name : str
        What errors call it.
    space : Space
    asked : mapping
        The positions that ask for each fact.
    """
    last = {fact: max(positions) for fact, positions in asked.items()}
    new: list[Sequence[Facts]] = [
        [
            frozenset(fact for operation in choice.operations if (fact := Fact(p, operation.name)) in last)
            for choice in position.choices
        ]
        for p, position in enumerate(space.positions)
    ]

    def step(state: Facts, position: int, choice: int) -> Facts:
        return frozenset(fact for fact in state | new[position][choice] if last[fact] > position)

    return explored(name, space.radices.tolist(), [frozenset()], step)
