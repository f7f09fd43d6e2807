"""One Parquet file that says what it holds and has its own SHA-256 inside: a study, a trajectory."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.errors import BadInput, RunError, first_line
from sedspace.storage.base import Location, read_given
from sedspace.storage.failures import naming, storage_errors, what_failed

_Said = TypeVar("_Said")

_KEY = b"sedspace"
_SAVE_SECONDS = 2.0
_MARK, _BLANK = b'"sha256": "', "0" * 64


def write_sealed(file: Location, rows: pl.DataFrame, about: Mapping[str, object]) -> None:
    """Write rows, and what is known of them as JSON, as one file, whole or not at all."""
    data = io.BytesIO()
    table = rows.cast({name: pl.String for name, dtype in rows.schema.items() if dtype == pl.Int128}).to_arrow()
    with pq.ParquetWriter(data, table.schema, compression="zstd") as writer:  # Parquet has no integers of 128 bits
        writer.write_table(table)
        writer.add_key_value_metadata({_KEY: json.dumps({**about, "sha256": _BLANK}).encode()})
    whole = data.getvalue()
    at = _digest_at(whole)
    whole = whole[:at] + hashlib.sha256(whole).hexdigest().encode() + whole[at + len(_BLANK) :]
    try:
        file.write(whole)
    except storage_errors() as error:
        raise RunError(f"{file} cannot be written: {what_failed(error)}") from None


def _digest_at(data: bytes) -> int:
    """Return where the SHA-256 of a file stands in it, which is that of the file with zeros there; -1 if nowhere."""
    at = data.rfind(_MARK)  # the metadata comes last in a file, and text in JSON has no bare quotes
    return -1 if at < 0 else at + len(_MARK)


def is_whole(data: bytes) -> bool:
    """Return whether a file has the SHA-256 that it says: looked at before anything takes the bytes apart."""
    at = _digest_at(data)
    told, blank = data[at : at + len(_BLANK)], data[:at] + _BLANK.encode() + data[at + len(_BLANK) :]
    return at > 0 and hashlib.sha256(blank).hexdigest().encode() == told


def says(file: Location, key: str) -> bool:
    """Return whether a file is one that `write_sealed` wrote, and says something under a key."""
    try:
        data = file.read()
        about = (pq.read_metadata(pa.BufferReader(data)).metadata or {}).get(_KEY) if is_whole(data) else None
        return about is not None and key in json.loads(about)
    except storage_errors(pa.ArrowException, RunError, ValueError, TypeError):
        return False


def read_sealed(file: Location, kind: str, command: str) -> tuple[pl.DataFrame, bytes]:
    """Return the rows of a file that `write_sealed` wrote, and what it says of them, as JSON.

    Parameters
    ----------
    file : Location
    kind, command : str
        What errors call what it holds, and the command that writes such files.

    Raises
    ------
    BadInput
        If there is none, or the file is damaged or something else.
    """
    with naming(file):
        there = file.size() is not None
    if not there:
        raise BadInput(f"{file} is not there: expected the file of a {kind}, as `{command}` writes it")
    try:
        data = read_given(file)
        if not is_whole(data):
            raise BadInput(f"{file} is no {kind}, or damaged: expected a file that `{command}` wrote, unchanged")
        about = (pq.read_metadata(pa.BufferReader(data)).metadata or {}).get(_KEY)
        rows = pl.read_parquet(data)
    except storage_errors(pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise BadInput(f"{file} is no {kind}: {first_line(error)}") from None
    if about is None:
        raise BadInput(f"{file} is no {kind}: expected a file that `{command}` wrote")
    return rows, about


def said_as(kind: Callable[..., _Said], given: Mapping[str, Any]) -> _Said:
    """Return the dataclass of what a file says; raise `TypeError` if a value is of another type than its field."""
    found = kind(**given)
    for name, hint in get_type_hints(kind).items():
        hints = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        if type(value := getattr(found, name)) not in {get_origin(one) or one for one in hints}:
            raise TypeError(f"{name} is {value!r}")
    return found


class Seldom:
    """When a file that grows is written again: every two seconds at most, later if writing it takes long.

    Parameters
    ----------
    times : float
        How many times as long as it took to write the file nothing is written after it.
    """

    def __init__(self, times: float) -> None:
        self._times = times
        self._due = time.monotonic() + _SAVE_SECONDS

    def is_due(self) -> bool:
        """Return whether it is time to write."""
        return time.monotonic() >= self._due

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Note how long it takes to write what is written inside."""
        began = time.monotonic()
        yield
        now = time.monotonic()
        self._due = now + max(_SAVE_SECONDS, self._times * (now - began))
