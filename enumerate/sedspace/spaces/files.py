"""Spaces that a file describes: cells of one's own, and what constraints leave of them or of sedspace's own spaces."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from sedspace.errors import BadInput, as_path, first_line, unknown
from sedspace.spaces.base import Space
from sedspace.spaces.constraints import RULES, rules_of
from sedspace.spaces.custom import from_definition
from sedspace.spaces.definitions import identifier, with_keys
from sedspace.spaces.registry import named_space
from sedspace.spaces.restricted import restricted_by
from sedspace.spaces.rules import OwnRule, Rule

_RESTRICTION = {"restricts": True, "name": True, "constraints": True}


def read_space(path: str | Path) -> Space:
    """Read a space of one's own from a TOML file.

    Parameters
    ----------
    path : str or Path
        Either of cells, with the keys ``name``, ``nodes``, perhaps ``title``, a table ``[[operations]]`` for each
        operation and perhaps tables ``[edges]`` and ``[skeleton]``; what they mean, `cell_space` says. Or of whole
        networks, with ``kind = "stages"`` (convolutional ones, see `StagesSpace`) or ``kind = "layers"`` (transformers,
        see `LayersSpace`); sedspace's own are such files. Or of choices with names only, ``kind = "choices"`` (see
        `sedspace.spaces.choices.ChoicesSpace`). Or with ``restricts``, the name of a space of sedspace's own,
        and ``name``. A table ``[[constraints]]`` for each rule says which of the
        architectures there are: ``rule`` its kind, and the values that the rule is made of (see `Forbidden`, `AtMost`,
        `AtLeast`, `Connected`, `Equal`, `Unequal`, `OnePerClass`):

            restricts = "tss5"
            name = "lean"

            [[constraints]]
            rule = "connected"
            every_edge = true

            [[constraints]]
            rule = "at_most"
            n = 2
            operations = "avg_pool_3x3"
            per = "cell"

            [[constraints]]
            rule = "forbidden"
            choices = {"0->1" = "none", "0->2" = ["none", "skip_connect"]}

            [[constraints]]
            rule = "unequal"
            positions = ["0->1", "0->2"]

    Returns
    -------
    Space

    Raises
    ------
    BadInput
        If the file is no such thing; the message names the key.
    """
    try:
        with as_path(path, "space").open("rb") as file:
            definition = tomllib.load(file)
    except OSError as error:
        raise BadInput(f"space {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"space {path} is no TOML: {first_line(error)}") from None
    return _of_file(definition, f"space {path}")


def _of_file(definition: Mapping[str, object], where: str) -> Space:
    if "restricts" in definition:
        given = with_keys(definition, _RESTRICTION, where)
        base = _own(given["restricts"], where)
    elif "constraints" in definition:
        given = definition
        base = from_definition({key: value for key, value in given.items() if key != "constraints"}, where)
    else:
        if near := difflib.get_close_matches("constraints", definition, n=1, cutoff=0.8):
            raise BadInput(f"{where}: {unknown('key', near[0], ['constraints'])}")
        return from_definition(definition, where)
    try:
        return restricted_by(base, _constraints(given["constraints"], where), identifier(given["name"], where))
    except BadInput as error:
        raise error if str(error).startswith(where) else BadInput(f"{where}: {error}") from None


def _own(name: object, where: str) -> Space:
    if not isinstance(name, str):
        raise BadInput(f"{where}: restricts {name!r}, expected the name of a space")
    if name.endswith(".toml"):
        raise BadInput(f"{where}: restricts {name!r}, a file: put [[constraints]] into that, and no restricts")
    try:
        return named_space(name)
    except BadInput as error:
        raise BadInput(f"{where}: restricts: {error}") from None


def _constraints(given: object, where: str) -> list[Rule]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise BadInput(f"{where}: constraints {given!r}, expected one table [[constraints]] or more")
    for number, one in enumerate(given):
        if isinstance(one, Mapping) and one.get("rule") == OwnRule.kind:
            known = ", ".join(kind for kind in RULES if kind != OwnRule.kind)
            raise BadInput(f"{where}, rule {number}: a {OwnRule.kind} is made in Python, expected one of {known}")
    return rules_of(given, where)
