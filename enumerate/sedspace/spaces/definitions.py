"""Definitions of spaces as plain values, from files and manifests: what they may hold, checked one value at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sedspace.errors import BadInput, unknown

MOST_CHOICES = 1_000_000
"""The most choices that a position may have."""


def with_keys(given: object, known: Mapping[str, bool], where: str) -> Mapping[str, object]:
    """Return a mapping whose keys are all known, and that lacks none of those that are needed."""
    if not isinstance(given, Mapping):
        raise BadInput(f"{where} is {given!r}, expected keys {', '.join(known)}")
    for key in given:
        if key not in known:
            raise BadInput(f"{where}: {unknown('key', key, known)}")
    for key, needed in known.items():
        if needed and key not in given:
            raise BadInput(f"{where} has no {key}: expected {', '.join(k for k, must in known.items() if must)}")
    return given


def identifier(given: object, where: str) -> str:
    """Return a name that may be that of a space; raise `BadInput` for anything else."""
    if not isinstance(given, str) or not (given.isidentifier() and given.isascii()):
        raise BadInput(f"{where}: name {given!r}, expected letters, digits and underscores")
    return given


def number(given: object, least: int, most: int, where: str) -> int:
    """Return an integer within bounds; raise `BadInput` for anything else."""
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise BadInput(f"{where} {given!r}, expected a number from {least} to {most}")
    return given


def flag(given: object, where: str) -> bool:
    """Return a truth value; raise `BadInput` for anything else."""
    if not isinstance(given, bool):
        raise BadInput(f"{where} {given!r}, expected true or false")
    return given


def text(given: object, where: str) -> str:
    """Return an ASCII text; raise `BadInput` for anything else."""
    if not isinstance(given, str) or not given.isascii():
        raise BadInput(f"{where} {given!r}, expected a text in ASCII")
    return given


def one_of(given: object, known: Iterable[str], what: str, where: str) -> str:
    """Return a word that is known; raise `BadInput` that names the nearest for anything else."""
    for word in (words := list(known)):
        if given == word:
            return word
    raise BadInput(f"{where}: {unknown(what, given, words)}")


def decimal(given: object, where: str) -> float:
    """Return a positive number; raise `BadInput` for anything else."""
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 < given <= 1000:
        raise BadInput(f"{where} {given!r}, expected a number above 0, at most 1000")
    return given


def tables(given: object, where: str, least: int = 1) -> list[object]:
    """Return a list of tables, or the only one; raise `BadInput` for anything else."""
    listed = [given] if isinstance(given, Mapping) else given
    if (
        not isinstance(listed, list | tuple)
        or len(listed) < least
        or not all(isinstance(one, Mapping) for one in listed)
    ):
        raise BadInput(f"{where} {given!r}, expected one table or more")
    return list(listed)


def among(given: object, key: str, where: str) -> list[object]:
    """Return what may be chosen: the values of a list, which differ, or the one value that is given."""
    if not isinstance(given, list | tuple):
        return [given]
    if not given or len({(type(one), repr(one)) for one in given}) < len(given):
        raise BadInput(f"{where}: {key} {given!r}, expected one or more different values")
    return list(given)


def filled(template: str, known: Mapping[str, object], where: str) -> str:
    """Return a template with what stands for each ``{name}``; truth values are 0 and 1."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise BadInput(f"{where}: {unknown('name', match[1], known)}, in arch {template!r}")
        one = known[match[1]]
        return str(int(one)) if isinstance(one, bool) else str(one)

    return re.sub(r"\{(\w*)\}", value, template)
