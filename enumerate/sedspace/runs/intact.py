"""Whether shards are byte for byte what the manifest records: looked at before a question is answered.

A file is hashed. In a store, where that would mean to fetch everything, sizes and footers are compared: that finds a
shard that is missing, short, another one's or another run's. Flipped bits of values are found there by the checksums of
pages as pyarrow reads them; not all of those in headers of pages, and no values that were encoded anew, to the same
sizes and statistics.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.errors import RunError, first_line
from sedspace.progress import progress_of
from sedspace.runs.manifest import MANIFEST
from sedspace.runs.request import Request
from sedspace.runs.shards import Written, footer_of, schema_of
from sedspace.storage import Location, storage_errors, what_failed
from sedspace_kernels.parallel import available_threads

T = TypeVar("T")
_SETTLED = 10**9  # nanoseconds after which another change of a file has another time


@dataclass(frozen=True)
class Problem:
    """Something wrong with a run: the file and what about it."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


class Wrong(Exception):
    """What is wrong with the shard at hand."""


_NO_PARQUET = (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def what_may_fail() -> tuple[type[BaseException], ...]:
    """Return what `problem_of` can tell about."""
    return (Wrong, RunError, *_NO_PARQUET, *storage_errors())


_intact: dict[str, tuple[Written, tuple[int, ...]]] = {}
"""Files that this process has found to be as recorded, each with what would tell that it changed since."""


def refuse_damaged(directory: Location, request: Request, shards: Sequence[Written]) -> None:
    """Raise `RunError` if a shard is not what the manifest records; a local file is read once, until it changes."""
    there = None if directory.compared_whole else directory.sizes()

    def look(written: Written) -> None:
        path = directory / written.shard.name
        try:
            if there is None:
                _look_at_file(path, request, written)
            else:
                _look_at_object(path, request, written, there.get(path.name))
        except what_may_fail() as error:
            what = f"{directory}: {problem_of(written, error)}"
            raise RunError(f"{what}; `sedspace verify --repair {directory}` rebuilds it") from None

    new = [written for written in shards if there is not None or not _is_known(directory / written.shard.name, written)]
    for _ in on_threads(look, new, "reading", progress=True):
        pass


def _is_known(path: Location, written: Written) -> bool:
    try:
        return _intact.get(str(path)) == (written, _state(os.stat(path.path)))
    except OSError:
        return False


def _look_at_file(path: Location, request: Request, written: Written) -> None:
    with path.open() as file:
        state = _state(os.fstat(file.fileno()))
        _check_size(os.fstat(file.fileno()).st_size, written)
        _check_hash(hashlib.file_digest(file, "sha256").hexdigest(), written)
        _check_description(request, written, pq.ParquetFile(file))
    if time.time_ns() - state[-1] > _SETTLED:
        _intact[str(path)] = (written, state)


def _state(about: os.stat_result) -> tuple[int, ...]:
    return about.st_dev, about.st_ino, about.st_size, about.st_ctime_ns


def _look_at_object(path: Location, request: Request, written: Written, size: int | None) -> None:
    if size is None:
        raise FileNotFoundError
    _check_size(size, written)
    with path.open() as file:
        footer = footer_of(file)
    if written.footer is not None and hashlib.sha256(footer).hexdigest() != written.footer:
        raise Wrong("has another footer than the manifest says")
    _check_description(request, written, pq.ParquetFile(io.BytesIO(footer)))


def problem_of(written: Written, error: BaseException) -> Problem:
    """Return what is wrong with a shard, of what was raised when it was looked at."""
    if isinstance(error, FileNotFoundError):
        what = "is missing"
    elif isinstance(error, Wrong):
        what = str(error)
    elif isinstance(error, _NO_PARQUET) or (isinstance(error, OSError) and error.errno is None):  # so says pyarrow
        what = f"is not readable Parquet: {first_line(error)}"
    else:
        what = f"cannot be read: {what_failed(error)}"
    return Problem(written.shard.name, what)


def read_intact(directory: Location, request: Request, written: Written) -> bytes:
    """Return the bytes of a shard if they are as recorded."""
    data = (directory / written.shard.name).read()
    _check_size(len(data), written)
    _check_hash(hashlib.sha256(data).hexdigest(), written)
    _check_description(request, written, pq.ParquetFile(io.BytesIO(data)))
    return data


def _check_size(size: int, written: Written) -> None:
    if size != written.bytes:
        raise Wrong(f"is {size} bytes, the manifest says {written.bytes}")


def _check_hash(digest: str, written: Written) -> None:
    if digest != written.sha256:
        raise Wrong(f"has SHA-256 {digest}, the manifest says {written.sha256}")


def _check_description(request: Request, written: Written, file: pq.ParquetFile) -> None:
    expected, rows = schema_of(request, written.shard), file.metadata.num_rows
    if rows != written.rows:
        raise Wrong(f"has {rows} rows, the manifest says {written.rows}")
    if request.where is None and rows != written.shard.scanned:
        raise Wrong(f"has {rows} rows of {written.shard.scanned}")
    if file.schema_arrow.metadata != expected.metadata:
        raise Wrong(f"describes another run than {MANIFEST} does")
    if not file.schema_arrow.equals(expected):
        raise Wrong(f"has columns {file.schema_arrow.names}, the manifest says {expected.names}")


def on_threads(look: Callable[[Written], T], shards: Sequence[Written], what: str, progress: bool) -> Iterator[T]:
    """Yield what a function returns of every shard, in order; a bar on what takes over a second."""
    if not shards:
        return
    bar = progress_of(len(shards), "shard", what=what, shown=progress, passing=True)
    pool = ThreadPoolExecutor(min(available_threads(), len(shards)))
    try:
        with bar:
            for result in pool.map(look, shards):
                yield result
                bar.update()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
