"""Whether shards on disk are what they should be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sedspace.runs.files import MANIFEST, Written
from sedspace.runs.place import failures, what_failed
from sedspace.runs.request import Request, Shard
from sedspace.scores.top import chunks
from sedspace_kernels._jit import available_threads

_WINDOW = 1000  # rows read of one row group of every shard
_STEP = 10  # every so many of them are recomputed
_TOGETHER = 100  # shards whose samples are recomputed at once


@dataclass(frozen=True)
class Problem:
    """Something wrong with a run: the file and what about it."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


class _Wrong(Exception):
    """What is wrong with the shard at hand."""


def check_shards(directory: Path, request: Request, shards: Sequence[Written]) -> Iterator[Problem]:
    """Yield what is wrong with shards: bytes, rows, description, and a sample of recomputed rows of each."""

    def read(written: Written) -> pa.Table | Problem:
        try:
            return _read_sample(directory, request, written)
        except _Wrong as wrong:
            return Problem(written.shard.name, str(wrong))

    with ThreadPoolExecutor(available_threads()) as pool:
        for lo, hi in chunks(0, len(shards), _TOGETHER):
            results = list(pool.map(read, shards[lo:hi]))
            samples = [(w.shard, r) for w, r in zip(shards[lo:hi], results, strict=True) if isinstance(r, pa.Table)]
            yield from (result for result in results if isinstance(result, Problem))
            yield from _compare(request, [one for one in samples if one[1].num_rows])


def _read_sample(directory: Path, request: Request, written: Written) -> pa.Table:
    """Check all of a shard but its values, and return some of its rows."""
    try:
        data = (directory / written.shard.name).read_bytes()
    except FileNotFoundError:
        raise _Wrong("is missing") from None
    except failures() as error:
        raise _Wrong(f"cannot be read: {what_failed(error)}") from None
    if len(data) != written.bytes:
        raise _Wrong(f"is {len(data)} bytes, the manifest says {written.bytes}")
    digest = hashlib.sha256(data).hexdigest()
    if digest != written.sha256:
        raise _Wrong(f"has SHA-256 {digest}, the manifest says {written.sha256}")
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        _check_description(request, written, file)
        return _sample(request, written.shard, file)
    except (pa.ArrowException, OSError) as error:
        raise _Wrong(f"is not readable Parquet: {error}".replace("\n", " ")) from None


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


def _sample(request: Request, shard: Shard, file: pq.ParquetFile) -> pa.Table:
    """Return rows from the start of one row group, the same one every time, after a check of their indices."""
    if not file.metadata.num_rows:
        return file.schema_arrow.empty_table()
    group = int(np.random.default_rng(shard.start).integers(file.metadata.num_row_groups))
    batch = next(file.iter_batches(batch_size=_WINDOW, row_groups=[group], use_threads=False))
    indices = batch.column("index").to_numpy()
    if request.where is None:  # every index of the range has its row
        before = sum(file.metadata.row_group(g).num_rows for g in range(group))
        expected = shard.start + before + np.arange(len(indices))
    else:
        expected = np.clip(np.maximum.accumulate(indices), shard.start, shard.stop - 1)
    if not np.array_equal(indices, expected):
        at = int(np.argmax(indices != expected))
        raise _Wrong(f"row {at} of row group {group} is index {indices[at]}, not {expected[at]}")
    return pa.Table.from_batches([batch]).take(np.arange(0, len(indices), _STEP))


def _compare(request: Request, samples: Sequence[tuple[Shard, pa.Table]]) -> Iterator[Problem]:
    """Recompute sampled rows of many shards together, and yield the first wrong value of each shard."""
    if not samples:
        return
    table = pa.concat_tables([sample for _, sample in samples])
    owner = np.repeat(np.arange(len(samples)), [sample.num_rows for _, sample in samples])
    indices = table["index"].to_numpy()
    reported: set[int] = set()
    for name, values in _recompute(request, indices).items():
        found = table[name].to_numpy()
        wrong = np.flatnonzero(~((found == values) | ((found != found) & (values != values))))  # NaN equals NaN here
        for at in wrong[np.unique(owner[wrong], return_index=True)[1]]:
            if owner[at] not in reported:
                reported.add(owner[at])
                what = f"{name} of index {indices[at]} is {found[at]}, recomputed {values[at]}"
                yield Problem(samples[owner[at]][0].name, what)


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
