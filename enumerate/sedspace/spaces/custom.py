"""Spaces of one's own: cells with any operations on any number of nodes, in a network of NATS-Bench's kind."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sedspace.errors import BadInput, as_path, first_line, unknown
from sedspace.spaces.cell import MAX_NODES
from sedspace.spaces.parts import Operation
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.tss import NatsCellSpace

_TITLE = "a space of one's own"
_OWN = r"tss\d*|sss|darts|nb101|transnas_micro|transnas_macro"
_KINDS = ("none", "skip", "conv", "pool")
_KEYS = {"name": True, "nodes": True, "operations": True, "skeleton": False, "title": False}
_OPERATION = {"name": True, "kind": True, "kernel": False, "dilation": False}
_SKELETON = {"dataset": False, "side": False, "classes": False, "widths": False, "cells": False}


class CustomSpace(NatsCellSpace):
    """A space of cells made by `cell_space`; `definition` holds what it was made from, as plain JSON values."""

    definition: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return the space as plain JSON values, with its definition: a run of it can be opened anywhere."""
        return {**super().describe(), "definition": self.definition}


def cell_space(
    name: str,
    nodes: int,
    operations: Sequence[Mapping[str, Any]],
    skeleton: Mapping[str, Any] | None = None,
    title: str = _TITLE,
) -> CustomSpace:
    """Make a space of cells: complete graphs with one of the operations on every edge.

    It has all that sedspace's own spaces have: indices, arch strings in NATS-Bench's notation, counts, SED, parameters
    and MACs, census, runs.

    Parameters
    ----------
    name : str
        Letters, digits, underscores.
    nodes : int
        2 to 23; node 0 is the input, the last one the output.
    operations : sequence of mappings
        In the order of their digits. Each has a ``name`` and a ``kind`` (none, skip, conv or pool); convolutions and
        poolings a ``kernel`` (odd, pixels), dilated convolutions a ``dilation``. A pooling whose name has ``max`` in it
        takes the maximum in a network, any other the average.
    skeleton : mapping, optional
        The network: ``widths`` of its stages (default 16, 32, 64), ``cells`` of a stage (5), ``side`` of the input in
        pixels (32), ``classes`` (10), ``dataset``, a name for it (cifar10).
    title : str, optional

    Returns
    -------
    Space

    Raises
    ------
    BadInput
        If a key is missing or misspelt, or a value is not what it should be.

    Examples
    --------
    >>> import sedspace as ss
    >>> mine = ss.cell_space("mine", nodes=4, operations=[
    ...     {"name": "none", "kind": "none"},
    ...     {"name": "skip_connect", "kind": "skip"},
    ...     {"name": "nor_conv_5x5", "kind": "conv", "kernel": 5},
    ... ])
    >>> mine.size, ss.top_k(mine, 1)["sed"].item()
    (729, 10.9375)
    """
    definition: dict[str, Any] = {"name": name, "nodes": nodes, "operations": operations, "title": title}
    if skeleton is not None:
        definition["skeleton"] = skeleton
    return from_definition(definition, f"space {name!r}")


def read_space(path: str | Path) -> CustomSpace:
    """Read a space of one's own from a TOML file.

    Parameters
    ----------
    path : str or Path
        With the keys ``name``, ``nodes``, perhaps ``title``, a table ``[[operations]]`` for each operation and perhaps
        a table ``[skeleton]``; what they mean, `cell_space` says.

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
    return from_definition(definition, f"space {path}")


def from_definition(definition: Mapping[str, Any], where: str) -> CustomSpace:
    """Return the space of a definition as `read_space` reads it; `where` is what errors name."""
    _keys(definition, _KEYS, where)
    name = definition["name"]
    _check_name(name, where)
    if re.fullmatch(_OWN, name):
        raise BadInput(f"{where}: name {name!r} is one of sedspace's own spaces, choose another")
    nodes = _number(definition["nodes"], 2, MAX_NODES, f"{where}: nodes")
    operations = _operations(definition["operations"], where)
    skeleton = _skeleton(definition.get("skeleton", {}), where)
    title = str(definition.get("title", _TITLE))
    space = CustomSpace(name, title, nodes, operations, [skeleton])
    space.definition = {
        "name": name,
        "nodes": nodes,
        "operations": [vars(operation) for operation in operations.values()],
        "skeleton": {**vars(skeleton), "widths": list(skeleton.widths)},
        "title": title,
    }
    return space


def _check_name(name: Any, place: str) -> None:
    if not isinstance(name, str) or not (name.isidentifier() and name.isascii()):
        raise BadInput(f"{place}: name {name!r}, expected letters, digits and underscores")


def _number(given: Any, least: int, most: int, what: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise BadInput(f"{what} {given!r}, expected a number from {least} to {most}")
    return given


def _keys(given: Any, known: Mapping[str, bool], where: str) -> None:
    if not isinstance(given, Mapping):
        raise BadInput(f"{where} is {given!r}, expected keys {', '.join(known)}")
    for key in given:
        if key not in known:
            raise BadInput(f"{where}: {unknown('key', key, known)}")
    for key, needed in known.items():
        if needed and key not in given:
            raise BadInput(f"{where} has no {key}: expected {', '.join(k for k, must in known.items() if must)}")


def _operations(given: Any, where: str) -> dict[str, Operation]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not 2 <= len(given) <= 256:
        raise BadInput(f"{where}: operations {given!r}, expected 2 to 256 of them")
    out: dict[str, Operation] = {}
    for number, one in enumerate(given):
        place = f"{where}, operation {number}"
        _keys(one, _OPERATION, place)
        operation = Operation(one["name"], one["kind"], one.get("kernel", 0), one.get("dilation", 1))
        _check(operation, place)
        if f"n_{operation.name}" in out:
            raise BadInput(f"{place}: {operation.name!r} stands there twice")
        out[f"n_{operation.name}"] = operation
    return out


def _check(operation: Operation, place: str) -> None:
    _check_name(operation.name, place)
    if operation.kind not in _KINDS:
        raise BadInput(f"{place}: {unknown('kind', operation.kind, _KINDS)}")
    kernel, windowed = operation.kernel, operation.kind in ("conv", "pool")
    if not isinstance(kernel, int) or (windowed and kernel not in range(1, 1000, 2)) or (not windowed and kernel):
        expected = "an odd number of pixels up to 999" if windowed else f"none for a {operation.kind}"
        raise BadInput(f"{place}: kernel {kernel!r}, expected {expected}")
    _number(operation.dilation, 1, 1000, f"{place}: dilation")
    if operation.kind == "pool" and operation.dilation != 1:
        raise BadInput(f"{place}: dilation {operation.dilation} of a pool, expected none")


def _skeleton(given: Any, where: str) -> Skeleton:
    place = f"{where}, skeleton"
    _keys(given, _SKELETON, place)
    widths = given.get("widths", [16, 32, 64])
    if not isinstance(widths, Sequence) or not 1 <= len(widths) <= 16:
        raise BadInput(f"{place}: widths {widths!r}, expected 1 to 16 numbers of channels such as [16, 32, 64]")
    widths = tuple(_number(width, 1, 100_000, f"{place}: width") for width in widths)
    side = _number(given.get("side", 32), 1, 100_000, f"{place}: side")
    classes = _number(given.get("classes", 10), 1, 1_000_000, f"{place}: classes")
    cells = _number(given.get("cells", 5), 1, 1000, f"{place}: cells")
    if side % (1 << (len(widths) - 1)):
        raise BadInput(f"{place}: side {side} cannot be halved {len(widths) - 1} times")
    return Skeleton(str(given.get("dataset", "cifar10")), side, classes, widths, cells)
