"""Spaces by what users and files say of them: a name, the path of a definition, a description."""

from __future__ import annotations

from collections.abc import Mapping

from sedspace.errors import BadInput
from sedspace.spaces.base import Space
from sedspace.spaces.constraints import rules_of
from sedspace.spaces.custom import from_definition
from sedspace.spaces.files import read_space
from sedspace.spaces.registry import named_space
from sedspace.spaces.restricted import restricted_by
from sedspace.spaces.rules import Rule


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
    return _found(name)


def _found(name: str | Space) -> Space:
    if isinstance(name, Space):
        return name
    return read_space(name) if str(name).endswith(".toml") else named_space(str(name))


def restrict(space: str | Space, *rules: Rule, name: str | None = None) -> Space:
    """Return the space of those architectures that meet some rules.

    It is a space like any other, of exact size, with indices of its own: the ranks of what exists, in the order of the
    digits.

    Parameters
    ----------
    space : str or Space
    *rules : Rule
        One or more: `Forbidden`, `AtMost`, `AtLeast`, `Connected`, `Equal`, `Unequal`, or a machine of one's own,
        `OwnRule`.
    name : str, optional
        Letters, digits, underscores. Default: the space's name with ``_restricted``; that of a restricted one.

    Returns
    -------
    Space

    Raises
    ------
    BadInput
        If a rule does not fit the space, no architecture meets all of them (the message names those that contradict
        each other), or the machine that they make has too many states.

    Examples
    --------
    >>> import sedspace as ss
    >>> lean = ss.restrict("tss5", ss.Connected(every_edge=True), ss.AtMost(2, "avg_pool_3x3"), name="lean")
    >>> lean.size, lean.arch(0)
    (3634711, '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|+|skip_connect~0|none~1|none~2|none~3|')
    >>> ss.top_k(lean, 1)["sed"].item()
    15.75
    """
    return restricted_by(_found(space), rules, name)


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
    return restricted_by(described(base), rules_of(rules, f"space {name!r}"), name)
