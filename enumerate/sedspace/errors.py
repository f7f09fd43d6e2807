"""The errors a user meets: one line each, with the offending value and what was expected."""

from __future__ import annotations

import contextlib
import difflib
import importlib.metadata
import math
import operator
import os
import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


class SedspaceError(Exception):
    """Base of every error that sedspace raises on purpose; the message is one line, fit to be shown as it is."""

    exit_code = 1


class BadInput(SedspaceError, ValueError):
    """A request that cannot be carried out as it stands; nothing was written."""

    exit_code = 2


class RunError(SedspaceError):
    """A run that failed, or that is not what its manifest says; what was finished stays valid."""


COLUMNS = "`sedspace spaces SPACE --topology` or `sedspace describe RUN`"
"""The commands that list columns and scores."""

_SHOWN = 12  # names of a long list
_LONGEST = 120  # characters of a value: an arch string of NATS-Bench's is shorter
_ELSEWHERE = {
    "flops": "macs",
    "nasbench101": "nb101",
    "nasbench201": "tss",
    "nasbench301": "darts",
    "nats": "tss",
    "natsbench": "tss",
    "natssss": "sss",
    "natstss": "tss",
    "nb201": "tss",
    "nb301": "darts",
}
"""What others call what has another name here, in small letters and digits."""


def unknown(what: str, name: object, known: Iterable[str], listed: str = "") -> BadInput:
    """Return the error for a name that is not there, with the nearest one that is.

    Parameters
    ----------
    what : str
        What has such names.
    name : object
    known : iterable of str
    listed : str, optional
        What lists them: of many, the error names the first and this.
    """
    names = list(known)
    own = _ELSEWHERE.get("".join(filter(str.isalnum, str(name).lower())))
    near = [own] if own in names else difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if listed and len(names) > _SHOWN:
        names[_SHOWN:] = [f"and {len(names) - _SHOWN} more, see {listed}"]
    return BadInput(f"unknown {what} {name!r}: {hint}known: {', '.join(names)}")


def quoted(value: object) -> str:
    """Return a value as an error shows it: in one line, and not at any length."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def as_names(value: Any, what: str) -> list[Any]:
    """Return the different names of a sequence, in order; raise `BadInput` for a single name, or no sequence."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise BadInput(f"{what} {value!r}: expected a sequence of names")
    return list(dict.fromkeys(value))


def as_number(value: Any, what: str) -> int | float:
    """Return a number of any type as a Python int, or else float; raise `BadInput` for what is none, and for NaN."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    try:
        number = float(value) if not isinstance(value, str | bytes | bool | np.bool_) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number):
        raise BadInput(f"{what} {value!r}: expected a number")
    return number


def as_int(value: Any, what: str) -> int:
    """Return an integer of any type as a Python int; raise `BadInput` for what is none, and for True and False."""
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            return operator.index(value)
    raise BadInput(f"{what} {value!r} is not an integer")


def at_least_one(number: object, what: str) -> int:
    """Return a number of any type as a Python int; raise `BadInput` if it is none, or below 1."""
    if (found := as_int(number, what)) < 1:
        raise BadInput(f"{what} {found}: expected 1 or more")
    return found


def as_path(path: object, what: str) -> Path:
    """Return a path of this machine, given as text or as a path; raise `BadInput` for anything else."""
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise BadInput(f"{what} {quoted(path)} is no path")
    return Path(path)


def needs(module: str, extra: str, what: str) -> BadInput:
    """Return the error for a module that is not installed, with the command that installs it.

    Parameters
    ----------
    module : str
    extra : str
        The optional dependencies of sedspace that it is one of.
    what : str
        What needs it, with the verb: ``pictures need``.
    """
    return BadInput(f"{what} {module}: pip install {' '.join(map(shlex.quote, _requirements(extra)))}")


def _requirements(extra: str) -> list[str]:
    """Return what an extra stands for: that can be installed from anywhere, whether or not sedspace is published."""
    checkout = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if checkout.is_file():
        extras = tomllib.loads(checkout.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
        return list(extras[extra])
    parts = (one.partition(";") for one in importlib.metadata.requires("sedspace") or [])
    return [name.strip() for name, _, marker in parts if marker.replace('"', "'").strip() == f"extra == '{extra}'"]


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return str(error).strip().split("\n")[0]
