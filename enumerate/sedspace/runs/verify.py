"""Whether shards on disk are what they should be: at a glance before rows are read, by a sample, or every value.

What finds what:

- `refuse_damaged`, before a question is answered: all that is not byte for byte what the manifest records. In a store,
  where that would mean to fetch everything, sizes and footers are compared: that finds a shard that is missing, short,
  another one's or another run's. Flipped bits of values are found there by the checksums of pages as pyarrow reads
  them; not all of those in headers of pages, and no values that were encoded anew, to the same sizes and statistics.
- `check_shards`, by hashes: the same, everywhere. By its sample: what a manifest was made to agree with, and an
  unfinished run with its list of finished shards, as far as chance goes. Of every shard the rows at four places are
  looked at, 100 in all. If all rows of a shard are wrong, that is certain to be found; half of a shard in one piece, 15
  times of 16; a tenth, 1 time in 3; a single row hardly ever.
- `check_shards` with `full`: everything, whatever the manifest says.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tqdm import tqdm

from sedspace.errors import BadInput, RunError, first_line
from sedspace.forked import refuse_fork
from sedspace.runs.request import Request, Shard
from sedspace.runs.shards import MANIFEST, Written, footer_of
from sedspace.storage import Location, failures, what_failed
from sedspace_kernels.parallel import available_threads

_PLACES = 4  # of a shard, at which rows are recomputed
_ROWS = 25  # of each
_SPAN = 10_000_000  # architectures, at most, between two rows of a filtered run that are looked at for rows that lack
_TOGETHER = 100  # shards whose samples are recomputed at once
_SETTLED = 10**9  # nanoseconds after which another change of a file has another time


@dataclass(frozen=True)
class Problem:
    """Something wrong with a run: the file and what about it."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


class Report(list[Problem]):
    """What is wrong with a run, which is nothing if this list is empty; and what was looked at to say so.

    Attributes
    ----------
    shards : int
        How many were read, compared with their SHA-256 and their description.
    rows : int
        How many the run has.
    recomputed : int
        How many of these were recomputed.
    condition : bool or None
        Whether it was checked that the recomputed rows meet the run's condition, and that none lacks between them. None
        if there is no condition, False if it needs a score that is not registered here.
    """

    def __init__(self, rows: int, condition: bool | None) -> None:
        super().__init__()
        self.shards = self.recomputed = 0
        self.rows, self.condition = rows, condition

    def looked_at(self) -> str:
        """Return what was looked at, as a sentence goes on."""
        kept = {None: "", True: ", the condition checked", False: ", the condition not checked"}[self.condition]
        return f"SHA-256 of {self.shards:,} compared, {self.recomputed:,} of {self.rows:,} rows recomputed{kept}"


class _Wrong(Exception):
    """What is wrong with the shard at hand."""


_NO_PARQUET = (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def _what_may_fail() -> tuple[type[BaseException], ...]:
    return (_Wrong, RunError, *_NO_PARQUET, *failures())


# -- before rows are read ---------------------------------------------------------------------------------------------

_intact: dict[str, tuple[Any, ...]] = {}
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
        except _what_may_fail() as error:
            what = f"{directory}: {_problem(written, error)}"
            raise RunError(f"{what}; `sedspace verify --repair {directory}` rebuilds it") from None

    new = [written for written in shards if there is not None or not _is_known(directory / written.shard.name, written)]
    for _ in _on_threads(look, new, "reading", progress=True):
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
        raise _Wrong("has another footer than the manifest says")
    _check_description(request, written, pq.ParquetFile(io.BytesIO(footer)))


# -- a shard ----------------------------------------------------------------------------------------------------------


def _problem(written: Written, error: BaseException) -> Problem:
    """Return what is wrong with a shard, of what was raised when it was looked at."""
    if isinstance(error, FileNotFoundError):
        what = "is missing"
    elif isinstance(error, _Wrong):
        what = str(error)
    elif isinstance(error, _NO_PARQUET) or (isinstance(error, OSError) and error.errno is None):  # so says pyarrow
        what = f"is not readable Parquet: {first_line(error)}"
    else:
        what = f"cannot be read: {what_failed(error)}"
    return Problem(written.shard.name, what)


def _read(directory: Location, request: Request, written: Written) -> bytes:
    """Return the bytes of a shard if they are as recorded."""
    data = (directory / written.shard.name).read()
    _check_size(len(data), written)
    _check_hash(hashlib.sha256(data).hexdigest(), written)
    _check_description(request, written, pq.ParquetFile(io.BytesIO(data)))
    return data


def _check_size(size: int, written: Written) -> None:
    if size != written.bytes:
        raise _Wrong(f"is {size} bytes, the manifest says {written.bytes}")


def _check_hash(digest: str, written: Written) -> None:
    if digest != written.sha256:
        raise _Wrong(f"has SHA-256 {digest}, the manifest says {written.sha256}")


def _check_description(request: Request, written: Written, file: pq.ParquetFile) -> None:
    expected, rows = request.schema(written.shard), file.metadata.num_rows
    if rows != written.rows:
        raise _Wrong(f"has {rows} rows, the manifest says {written.rows}")
    if request.where is None and rows != written.shard.scanned:
        raise _Wrong(f"has {rows} rows of {written.shard.scanned}")
    if file.schema_arrow.metadata != expected.metadata:
        raise _Wrong(f"describes another run than {MANIFEST} does")
    if not file.schema_arrow.equals(expected):
        raise _Wrong(f"has columns {file.schema_arrow.names}, the manifest says {expected.names}")


def unchecked(request: Request) -> list[str]:
    """Return the columns that cannot be recomputed: scores of the user's that are not registered here."""
    known = ("index", "arch", *request.space.texts)
    return [column.name for column in request.columns if column.score is None and column.name not in known]


def _judged(request: Request) -> bool | None:
    """Return whether the condition can be evaluated here, None if there is none."""
    try:
        return None if request.condition is None else True
    except BadInput:
        return False


# -- verify -----------------------------------------------------------------------------------------------------------


def check_shards(
    directory: Location, request: Request, shards: Sequence[Written], *, full: bool = False, progress: bool = False
) -> Report:
    """Return what is wrong with shards: bytes, rows, description, and values recomputed, of a sample or all."""
    refuse_fork()
    report = Report(sum(written.rows for written in shards), _judged(request))
    if full and report.condition is False:
        raise BadInput(f"where {request.where!r} needs a score that is not registered here: which rows pass, it says")

    def look(written: Written) -> Problem | pl.DataFrame | int:
        try:
            data = _read(directory, request, written)
            return _recompute_all(request, written, data) if full else _sample(request, written.shard, data)
        except _what_may_fail() as error:
            return _problem(written, error)

    samples: list[tuple[Shard, pl.DataFrame]] = []
    for written, found in zip(shards, _on_threads(look, shards, "verifying", progress), strict=True):
        report.shards += 1
        if isinstance(found, Problem):
            report.append(found)
        elif isinstance(found, int):
            report.recomputed += found
        else:
            report.recomputed += len(found)
            samples.append((written.shard, found))
        if len(samples) == _TOGETHER or report.shards == len(shards):
            report += _compare_samples(request, samples)
            samples.clear()
    report.sort(key=lambda problem: problem.file)
    return report


def _on_threads(look: Callable[[Written], Any], shards: Sequence[Written], what: str, progress: bool) -> Iterator[Any]:
    """Yield what a function returns of every shard, in order; a bar on what takes over a second."""
    if not shards:
        return
    bar = tqdm(total=len(shards), unit="shard", desc=what, disable=None if progress else True, delay=1, leave=False)
    pool = ThreadPoolExecutor(min(available_threads(), len(shards)))
    try:
        with bar:
            for result in pool.map(look, shards):
                yield result
                bar.update()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _sample(request: Request, shard: Shard, data: bytes) -> pl.DataFrame:
    """Return rows of unpredictable places of a shard, after a check of their indices."""
    rows = pl.scan_parquet(io.BytesIO(data))
    count = pq.read_metadata(io.BytesIO(data)).num_rows
    random = np.random.default_rng()
    if count <= _PLACES * _ROWS:
        starts, length = [0], count
    else:
        starts, length = random.integers(count - _ROWS, size=_PLACES, endpoint=True).tolist(), _ROWS
    parts = pl.collect_all([rows.slice(start, length) for start in starts])
    for start, part in zip(starts, parts, strict=True):
        _check_indices(request, shard, part["index"].to_numpy(), start)
    if request.where is not None and _judged(request):
        at = int(random.integers(len(starts)))
        _check_none_lacks(request, shard, parts[at]["index"].to_numpy(), starts[at] == 0, starts[at] + length == count)
    return pl.concat(parts)


def _check_indices(request: Request, shard: Shard, indices: NDArray[np.int64], first: int) -> None:
    """Check that rows have the indices that follow one another, and those of the shard."""
    if request.where is None:  # every index of the range has its row
        expected = shard.start + first + np.arange(len(indices))
        wrong = indices != expected
        hint = "expected {}"
    else:
        expected = np.clip(indices, shard.start, shard.stop - 1)
        wrong = (indices != expected) | (np.diff(indices, prepend=shard.start - 1) <= 0)
        hint = "expected ascending ones of the shard's range"
    if wrong.any():
        at = int(np.argmax(wrong))
        raise _Wrong(f"row {first + at} is index {indices[at]}, {hint.format(expected[at])}")


def _check_none_lacks(request: Request, shard: Shard, found: NDArray[np.int64], first: bool, last: bool) -> None:
    """Compare the rows of one place with what meets the condition from the first to the last of them.

    From the start of the shard if there is none before them, to its end if none after; at most so many architectures.
    """
    start = shard.start if first or not len(found) else int(found[0])
    stop = shard.stop if last or not len(found) else int(found[-1]) + 1
    if stop - start > _SPAN:
        start += int(np.random.default_rng().integers(stop - start - _SPAN, endpoint=True))
        stop = start + _SPAN
    needed = tuple(c for c in request.columns if c.name == "index" or c.name in request.condition.names)  # type: ignore[union-attr]
    only = replace(request, columns=needed)
    tables = list(only.tables(only.schema(shard), start, stop))
    expected = np.concatenate([np.empty(0, np.int64), *(table["index"].to_numpy() for table in tables)])
    found = found[(found >= start) & (found < stop)]
    if not np.array_equal(found, expected):
        lacks, more = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
        what = f"lacks index {lacks[0]}, which meets" if len(lacks) else f"has index {more[0]}, which does not meet"
        raise _Wrong(f"{what} {request.where}")


def _compare_samples(request: Request, samples: Sequence[tuple[Shard, pl.DataFrame]]) -> Iterator[Problem]:
    """Recompute sampled rows of many shards together, and yield the first wrong value of each shard."""
    samples = [one for one in samples if len(one[1])]
    if not samples:
        return
    table = pl.concat([sample for _, sample in samples])
    owner = np.repeat(np.arange(len(samples)), [len(sample) for _, sample in samples])
    reported: set[int] = set()
    for name, values in _recompute(request, table["index"].to_numpy()).items():
        found = table[name].to_numpy()
        wrong = np.flatnonzero(_differ(found, values))
        for at in wrong[np.unique(owner[wrong], return_index=True)[1]]:
            if owner[at] not in reported:
                reported.add(owner[at])
                shard = samples[owner[at]][0]
                yield Problem(shard.name, _wrong_value(name, table["index"][int(at)], found[at], values[at]))


def _differ(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[Any]:
    different: NDArray[Any] = ~(
        (found == expected) | ((found != found) & (expected != expected))
    )  # NaN equals NaN here
    return different


def _wrong_value(name: str, index: int, found: object, expected: object) -> str:
    return f"{name} of index {index} is {found}, recomputed {expected}"


def _recompute(request: Request, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the columns of some architectures, without those that this process has no score for."""
    digits = request.space.digits(indices)
    out: dict[str, NDArray[Any]] = {}
    for column in request.columns:
        if column.name == "arch":
            out["arch"] = request.space.arch(indices)
        elif column.name in request.space.texts:
            out[column.name] = np.array(request.space.texts[column.name].of(indices), object)
        elif column.score is not None:
            out[column.name] = column.score.values(column.score.at(request.space, digits))
    return out


def _recompute_all(request: Request, written: Written, data: bytes) -> int:
    """Compare every value of a shard with what would be written today, and return the number of rows."""
    file, shard, out = pq.ParquetFile(io.BytesIO(data)), written.shard, set(unchecked(request))
    today = replace(request, columns=tuple(column for column in request.columns if column.name not in out))
    schema, done = today.schema(shard), 0
    groups = (file.read_row_group(group, columns=schema.names) for group in range(file.num_row_groups))
    tables = today.tables(schema, shard.start, shard.stop)
    for found, expected in itertools.zip_longest(groups, tables, fillvalue=schema.empty_table()):
        _compare_rows(found, expected, done)
        done += found.num_rows
    return done


def _compare_rows(found: pa.Table, expected: pa.Table, first: int) -> None:
    rows = min(found.num_rows, expected.num_rows)
    for name in sorted(expected.column_names, key="index".__ne__):  # a wrong index explains all else
        there, wanted = found[name].to_numpy()[:rows], expected[name].to_numpy()[:rows]
        if (wrong := _differ(there, wanted)).any():
            at = int(np.argmax(wrong))
            if name == "index":
                raise _Wrong(f"row {first + at} is index {there[at]}, recomputed {wanted[at]}")
            raise _Wrong(_wrong_value(name, expected["index"][at].as_py(), there[at], wanted[at]))
    if found.num_rows != expected.num_rows:
        raise _Wrong(f"has {first + found.num_rows} rows so far where recomputed there are {first + expected.num_rows}")
