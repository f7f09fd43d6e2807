"""Spaces of whole networks from their definitions: sedspace's own are files like a user's."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping

from sedspace.shipped import shipped
from sedspace.spaces.definitions import one_of
from sedspace.spaces.layers import LayersSpace
from sedspace.spaces.stages import StagesSpace
from sedspace.spaces.whole import NetworkSpace

Build = Callable[[Mapping[str, object], str], NetworkSpace]

BUILDERS: dict[str, Build] = {"stages": StagesSpace, "layers": LayersSpace}
"""What makes a space, by the ``kind`` of its definition."""

SHIPPED = (
    "nas_bench_macro",
    "mnasnet",
    "ofa_mbv3",
    "proxyless",
    "fbnet",
    "autoformer_tiny",
    "autoformer_small",
    "autoformer_base",
    "flexibert",
    "pit",
    "ezennet_resnet",
    "ezennet_mobile",
)
"""The spaces that are files under ``data/spaces/``."""


def built(definition: Mapping[str, object], where: str) -> NetworkSpace:
    """Return the space of a definition; `where` is what errors name."""
    kind = one_of(definition.get("kind"), BUILDERS, "kind", where)
    space = BUILDERS[kind](definition, where)
    space.definition, space.origin = definition, (built, (definition, where))
    return space


@functools.cache
def shipped_space(name: str) -> NetworkSpace:
    """Return the one space of a file under ``data/spaces/``."""
    space = built(tomllib.loads(shipped(f"spaces/{name}.toml")), f"space {name}")
    space.definition, space.origin = None, (shipped_space, (name,))
    return space
