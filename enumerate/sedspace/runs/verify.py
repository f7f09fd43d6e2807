"""Whether shards on disk are what they should be, by a sample of their rows, or by every value.

What `check_shards` finds:

- By hashes all that is not byte for byte what the manifest records. `sedspace.runs.intact` says what is seen of that
  before a question is answered.
- By its sample: what a manifest was made to agree with, and an unfinished run with its list of finished shards, as far
  as chance goes. Of every shard the rows at four places are looked at, 100 in all. If all rows of a shard are wrong,
  that is certain to be found; half of a shard in one piece, 15 times of 16; a tenth, 1 time in 3; a single row hardly
  ever.
- With `full`: everything, whatever the manifest says.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.forked import refuse_fork
from sedspace.runs.division import Shard
from sedspace.runs.intact import Problem, Wrong, on_threads, problem_of, read_intact, what_may_fail
from sedspace.runs.request import Request
from sedspace.runs.rows import Filter, filter_of, tables
from sedspace.runs.shards import Written, schema_of
from sedspace.storage import Location

_PLACES = 4  # of a shard, at which rows are recomputed
_ROWS = 25  # of each
_SPAN = 10_000_000  # architectures, at most, between two rows of a filtered run that are looked at for rows that lack
_TOGETHER = 100  # shards whose samples are recomputed at once


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


def unchecked(request: Request) -> list[str]:
    """Return the columns that cannot be recomputed: scores of the user's that are not registered here."""
    known = ("index", "arch", *request.space.texts)
    return [column.name for column in request.columns if column.score is None and column.name not in known]


def check_shards(
    directory: Location, request: Request, shards: Sequence[Written], *, full: bool = False, progress: bool = False
) -> Report:
    """Return what is wrong with shards: bytes, rows, description, and values recomputed, of a sample or all."""
    refuse_fork()
    passing, judged = _judged(request)
    report = Report(sum(written.rows for written in shards), judged)
    if full and report.condition is False:
        raise BadInput(f"where {request.where!r} needs a score that is not registered here: which rows pass, it says")

    def look(written: Written) -> Problem | pl.DataFrame | int:
        try:
            data = read_intact(directory, request, written)
            return _recompute_all(request, written, data) if full else _sample(request, passing, written.shard, data)
        except what_may_fail() as error:
            return problem_of(written, error)

    samples: list[tuple[Shard, pl.DataFrame]] = []
    for written, found in zip(shards, on_threads(look, shards, "verifying", progress), strict=True):
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


def _judged(request: Request) -> tuple[Filter | None, bool | None]:
    """Return what rows must meet, and whether that can be evaluated here, None if there is nothing."""
    try:
        passing = filter_of(request)
    except BadInput:
        return None, False
    return passing, None if passing is None else True


def _sample(request: Request, passing: Filter | None, shard: Shard, data: bytes) -> pl.DataFrame:
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
        check_indices(request, shard, part["index"].to_numpy(), start)
    if passing is not None:
        at = int(random.integers(len(starts)))
        ends = starts[at] == 0, starts[at] + length == count
        _check_none_lacks(request, passing, shard, parts[at]["index"].to_numpy(), ends)
    return pl.concat(parts)


def check_indices(request: Request, shard: Shard, indices: NDArray[np.int64], first: int) -> None:
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
        raise Wrong(f"row {first + at} is index {indices[at]}, {hint.format(expected[at])}")


def _check_none_lacks(
    request: Request, passing: Filter, shard: Shard, found: NDArray[np.int64], ends: tuple[bool, bool]
) -> None:
    """Compare the rows of one place with what meets the condition from the first to the last of them.

    `ends` says whether no row of the shard is before them, and whether none is after: then from its start, and to its
    end. At most so many architectures.
    """
    start = shard.start if ends[0] or not len(found) else int(found[0])
    stop = shard.stop if ends[1] or not len(found) else int(found[-1]) + 1
    if stop - start > _SPAN:
        start += int(np.random.default_rng().integers(stop - start - _SPAN, endpoint=True))
        stop = start + _SPAN
    needed = tuple(c for c in request.columns if c.name == "index" or c.name in passing.condition.names)
    only = replace(request, columns=needed)
    indices = [table["index"].to_numpy() for table in tables(only, schema_of(only, shard), start, stop)]
    expected = np.concatenate([np.empty(0, np.int64), *indices])
    found = found[(found >= start) & (found < stop)]
    if not np.array_equal(found, expected):
        lacks, more = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
        what = f"lacks index {lacks[0]}, which meets" if len(lacks) else f"has index {more[0]}, which does not meet"
        raise Wrong(f"{what} {request.where}")


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


def _differ(found: NDArray[np.generic], expected: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return which values differ; NaN equals NaN here, in arrays of texts, too."""
    different: NDArray[np.bool_] = ~((found == expected) | ((found != found) & (expected != expected)))
    return different


def _wrong_value(name: str, index: int, found: object, expected: object) -> str:
    return f"{name} of index {index} is {found}, recomputed {expected}"


def _recompute(request: Request, indices: NDArray[np.int64]) -> dict[str, NDArray[np.generic]]:
    """Return the columns of some architectures, without those that this process has no score for."""
    digits = request.space.digits(indices)
    out: dict[str, NDArray[np.generic]] = {}
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
    schema, done = schema_of(today, shard), 0
    groups = (file.read_row_group(group, columns=schema.names) for group in range(file.num_row_groups))
    recomputed = tables(today, schema, shard.start, shard.stop)
    for found, expected in itertools.zip_longest(groups, recomputed, fillvalue=schema.empty_table()):
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
                raise Wrong(f"row {first + at} is index {there[at]}, recomputed {wanted[at]}")
            raise Wrong(_wrong_value(name, expected["index"][at].as_py(), there[at], wanted[at]))
    if found.num_rows != expected.num_rows:
        raise Wrong(f"has {first + found.num_rows} rows so far where recomputed there are {first + expected.num_rows}")
