"""Spaces of one's own of any kind: some positions, each with some choices, of which only the names are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import chain

from sedspace.errors import BadInput, quoted
from sedspace.spaces.arch_strings import ArchStrings
from sedspace.spaces.base import Space
from sedspace.spaces.definitions import MOST_CHOICES, tables, text, with_keys
from sedspace.spaces.parts import Feature, Group, Operation, Position

CHOICES = "choices"
_TITLE = "choices of one's own"
_KEYS = {"kind": True, "name": True, "positions": True, "title": False}
_POSITION = {"name": True, "choices": True}
_MOST_COUNTED = 256  # different choices: more would be no columns that one looks at


class ChoicesSpace(Space):
    """A space of which nothing is known but what may stand where; scores are the user's own.

    Its features count how often each choice stands anywhere, ``n_relu``, up to 256 different ones. An arch string is
    ``position=choice``, joined by commas.

    Parameters
    ----------
    definition : mapping
        As a TOML file has it: ``kind`` ("choices"), ``name``, perhaps ``title``, and a table ``[[positions]]`` for
        each, with its ``name`` and ``choices``, a list of names.
    where : str
        What errors name.

    Examples
    --------
    >>> import sedspace as ss
    >>> from sedspace.spaces.choices import ChoicesSpace
    >>> act, norm = {"name": "act", "choices": ["relu", "gelu"]}, {"name": "norm", "choices": ["batch", "layer", "no"]}
    >>> space = ChoicesSpace({"kind": "choices", "name": "own", "positions": [act, norm]}, "space own")
    >>> space.size, space.arch(4), space.parse("act=relu, norm=no")
    (6, 'act=gelu, norm=layer', 2)
    >>> ss.top_k(space, 1, "n_gelu")["arch"].item()
    'act=gelu, norm=batch'
    """

    def __init__(self, definition: Mapping[str, object], where: str) -> None:
        given = with_keys(definition, _KEYS, where)
        listed = [_position(one, f"{where}, position {n}") for n, one in enumerate(tables(given["positions"], where))]
        names = [position.name for position in listed]
        if len(set(names)) < len(names):
            raise BadInput(f"{where}: positions {', '.join(names)}, expected different names")
        title = text(given.get("title", _TITLE), f"{where}: title")
        super().__init__(str(given["name"]), title, listed, (Group("all", tuple(range(len(listed)))),))
        self.definition, self._where = {**given}, where

    def describe(self) -> dict[str, object]:
        """Return the space as plain JSON values, with its definition: a run of it can be opened anywhere."""
        return {**super().describe(), "definition": self.definition}

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[object, ...]]:
        """Travel as the definition."""
        return ChoicesSpace, (self.definition, self._where)

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """How often each choice stands anywhere."""
        if len(self.operations) > _MOST_COUNTED:
            return {}
        columns = {f"n_{re.sub(r'[^0-9A-Za-z_]', '_', o.name)}": o.name for o in self.operations}
        if len(columns) < len(self.operations):
            return {}  # names that no column could tell apart
        return {
            column: Feature(column, self.table({name: 1}), 0, "int32", "positions", f"positions with {name}")
            for column, name in columns.items()
        }

    @property
    def default_features(self) -> tuple[str, ...]:
        """All of them."""
        return self.feature_names

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each position, its name and the choice."""
        return tuple(
            tuple(f"{', ' if number else ''}{position.name}={choice.name}" for choice in position.choices)
            for number, position in enumerate(self.positions)
        )

    @cached_property
    def _strings(self) -> ArchStrings:
        return ArchStrings(self.name, [position.name for position in self.positions], self.pieces, None)

    def _parse_one(self, arch: object) -> list[int]:
        if not isinstance(arch, str):
            raise BadInput(f"arch {quoted(arch)} is not of {self.name}: expected a string such as {self.arch(0)!r}")
        return self._strings.read(arch)


def _position(given: object, where: str) -> Position:
    known = with_keys(given, _POSITION, where)
    choices = known["choices"]
    if not isinstance(choices, Sequence) or isinstance(choices, str) or not 1 <= len(choices) <= MOST_CHOICES:
        raise BadInput(f"{where}: choices {choices!r}, expected a list of names")
    names = [text(one, f"{where}: choice") for one in choices]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"{where}: choice {twice!r} stands there twice")
    for one in chain([name := text(known["name"], f"{where}: name")], names):
        if not one or one != one.strip():
            raise BadInput(f"{where}: {one!r}, expected a name without blanks around it")
    return Position(name, tuple(Operation(one, "none") for one in names))
