"""The errors a user meets: one line each, with the offending value and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SedspaceError(Exception):
    """Base of every error that sedspace raises on purpose; the message is one line, fit to be shown as it is."""

    exit_code = 1


class BadInput(SedspaceError, ValueError):
    """A request that cannot be carried out as it stands; nothing was written."""

    exit_code = 2


class RunError(SedspaceError):
    """A run that failed, or that is not what its manifest says; what was finished stays valid."""


def unknown(what: str, name: object, known: Iterable[str]) -> BadInput:
    """Return the error for a name that is not there, with the nearest one that is."""
    names = list(known)
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return BadInput(f"unknown {what} {name!r}: {hint}known: {', '.join(names)}")


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return str(error).strip().split("\n")[0]
