"""Spaces by what users and files say of them: a name, the path of a definition, a description."""

from __future__ import annotations

from collections.abc import Mapping

from sedspace.errors import BadInput
from sedspace.spaces.base import Space
from sedspace.spaces.custom import from_definition, read_space
from sedspace.spaces.registry import named_space
from sedspace.spaces.restricted import restrict
from sedspace.spaces.rules import rules_of


def space(name: str | Space) -> Space:
    """Return a search space by its name.

    Parameters
    ----------
    name : str or Space
        One that `known_spaces` lists, such as ``tss`` (NATS-Bench's topology space, NAS-Bench-201) or ``darts``; of
        the family ``tss2`` to ``tss23`` (the same construction on that many nodes); or the path of a TOML file that
        describes a space of one's own (`read_space`). A `Space` is returned as it is.

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
    return read_space(name) if str(name).endswith(".toml") else named_space(str(name))


def described(about: Mapping[str, object]) -> Space:
    """Return the space of what `Space.describe` says of it, in a manifest or a study.

    Those come from anywhere: a name is one of sedspace's own, never a file to read.
    """
    name = about["name"]
    if "restricts" in about:
        return _restricted(about)
    if "definition" in about:
        return from_definition(about["definition"], f"space {name!r}")
    if not isinstance(name, str):
        raise BadInput(f"space {name!r}: expected a name")
    return named_space(name)


def _restricted(about: Mapping[str, object]) -> Space:
    name, base, rules = about["name"], about["restricts"], about.get("rules")
    if not isinstance(name, str) or not isinstance(base, Mapping) or not isinstance(rules, list):
        raise BadInput(f"space {name!r}: expected a name, the space that it restricts, and rules")
    return restrict(described(base), *rules_of(rules, f"space {name!r}"), name=name)
