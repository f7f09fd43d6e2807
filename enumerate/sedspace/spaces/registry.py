"""The spaces by their names, and by what manifests and studies say of them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from sedspace.errors import BadInput, unknown
from sedspace.spaces.base import Space
from sedspace.spaces.cell import MAX_NODES
from sedspace.spaces.custom import from_definition, read_space
from sedspace.spaces.darts import DartsSpace
from sedspace.spaces.nb101 import Nb101Space
from sedspace.spaces.sss import SssSpace
from sedspace.spaces.transnas import TransnasMacroSpace, TransnasMicroSpace
from sedspace.spaces.tss import TssSpace

LISTED = ("tss", "tss5", "tss6", "tss7", "tss8", "sss", "darts", "nb101", "transnas_micro", "transnas_macro")


def space(name: str | Space) -> Space:
    """Return a search space by its name.

    Parameters
    ----------
    name : str or Space
        ``tss`` (NATS-Bench's topology space, NAS-Bench-201), ``tss5``, ``tss6``, ... ``tss23`` (the same construction
        on that many nodes), ``sss``, ``darts``, ``nb101``, ``transnas_micro``, ``transnas_macro``; or the path of a
        TOML file that describes a space of one's own (`read_space`). A `Space` is returned as it is.

    Returns
    -------
    Space

    Raises
    ------
    BadInput
        If there is no such space; the message names the nearest.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.space("tss6").size
    30517578125
    """
    if isinstance(name, Space):
        return name
    return read_space(name) if str(name).endswith(".toml") else _space(str(name))


@functools.cache
def _space(name: str) -> Space:
    if name in _SINGLE:
        return _SINGLE[name]()
    match = re.fullmatch(r"tss([1-9]\d{0,3}|0)?", name)
    if match is None:
        raise unknown("space", name, LISTED)
    nodes = int(match[1] or 4)
    if nodes < 2:
        raise BadInput(f"space {name!r}: a cell of {nodes} node has no edges, expected tss2 or more (tss has 4)")
    if nodes > MAX_NODES:
        raise BadInput(f"space {name!r} has too many nodes: expected at most tss{MAX_NODES}, whose counts fit uint8")
    return _space("tss") if name == "tss4" else TssSpace(nodes)


_SINGLE: dict[str, Callable[[], Space]] = {
    "sss": SssSpace,
    "darts": DartsSpace,
    "nb101": Nb101Space,
    "transnas_micro": TransnasMicroSpace,
    "transnas_macro": TransnasMacroSpace,
}


def known_spaces() -> list[Space]:
    """Return the spaces that are listed by name; families go on beyond them."""
    return [space(name) for name in LISTED]


def described(about: Mapping[str, Any]) -> Space:
    """Return the space of what `Space.describe` says of it, in a manifest or a study.

    Those come from anywhere: a name is one of sedspace's own, never a file to read.
    """
    if "definition" in about:
        return from_definition(about["definition"], f"space {about['name']!r}")
    name = about["name"]
    if not isinstance(name, str):
        raise BadInput(f"space {name!r}: expected a name")
    return _space(name)
