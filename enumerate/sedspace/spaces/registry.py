"""The spaces that have a name: a new one is a line here, and a file of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from sedspace.errors import unknown
from sedspace.spaces.base import Space, only
from sedspace.spaces.builders import SHIPPED, shipped_space
from sedspace.spaces.darts import DartsSpace
from sedspace.spaces.nb101 import Nb101Space
from sedspace.spaces.sss import SssSpace
from sedspace.spaces.transnas_macro import TransnasMacroSpace
from sedspace.spaces.transnas_micro import TransnasMicroSpace
from sedspace.spaces.tss import tss_space

LISTED: dict[str, Callable[[], Space]] = {
    "tss": partial(tss_space, 4),
    "tss5": partial(tss_space, 5),
    "tss6": partial(tss_space, 6),
    "tss7": partial(tss_space, 7),
    "tss8": partial(tss_space, 8),
    "sss": partial(only, SssSpace),
    "darts": partial(only, DartsSpace),
    "nb101": partial(only, Nb101Space),
    "transnas_micro": partial(only, TransnasMicroSpace),
    "transnas_macro": partial(only, TransnasMacroSpace),
    **{name: partial(shipped_space, name) for name in SHIPPED},
}
"""What makes the space of a name; always the same object."""

FAMILIES: dict[str, Callable[[int], Space]] = {"tss": tss_space}
"""What makes the spaces of a word and a number, beyond those that are listed."""


def named_space(name: str) -> Space:
    """Return the space of a name; raise `BadInput` if there is none."""
    if name in LISTED:
        return LISTED[name]()
    family = re.fullmatch(r"(\w*?)(0|[1-9]\d{0,3})", name, re.ASCII)
    if family is None or family[1] not in FAMILIES:
        raise unknown("space", name, LISTED, "`sedspace spaces`")
    return FAMILIES[family[1]](int(family[2]))


def is_named(name: str) -> bool:
    """Return whether a name is one of sedspace's own, or looks like one of a family."""
    return name in LISTED or name.rstrip("0123456789") in FAMILIES


def known_spaces() -> list[Space]:
    """Return the spaces that are listed by name; families go on beyond them."""
    return [make() for make in LISTED.values()]
