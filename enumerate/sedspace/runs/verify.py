"""Whether a shard on disk is what it should be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sedspace.runs.files import MANIFEST, Written
from sedspace.runs.request import Column, Request, Shard

SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class Problem:
    """Something wrong with a run: the file and what about it."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def check_shard(directory: Path, request: Request, written: Written) -> Iterator[Problem]:
    """Yield what is wrong with a shard: its bytes first, and only if those are right its content."""
    name = written.shard.name
    try:
        data = (directory / name).read_bytes()
    except FileNotFoundError:
        yield Problem(name, "is missing")
        return
    except OSError as error:
        yield Problem(name, f"cannot be read: {error.strerror}")
        return
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != written.bytes:
        yield Problem(name, f"is {len(data)} bytes, the manifest says {written.bytes}")
    elif digest != written.sha256:
        yield Problem(name, f"has SHA-256 {digest}, the manifest says {written.sha256}")
    else:
        yield from _check_content(request, written.shard, pq.ParquetFile(pa.BufferReader(data)))


def _check_content(request: Request, shard: Shard, file: pq.ParquetFile) -> Iterator[Problem]:
    expected = request.schema(shard)
    if file.metadata.num_rows != shard.rows:
        yield Problem(shard.name, f"has {file.metadata.num_rows} rows, the manifest says {shard.rows}")
    elif file.schema_arrow.metadata != expected.metadata:
        yield Problem(shard.name, f"describes another run than {MANIFEST} does")
    elif not file.schema_arrow.equals(expected):
        yield Problem(shard.name, f"has columns {file.schema_arrow.names}, the manifest says {expected.names}")
    else:
        yield from _check_sample(request, shard, file)


def _check_sample(request: Request, shard: Shard, file: pq.ParquetFile) -> Iterator[Problem]:
    """Recompute rows of one row group: its first and last, and some between. The same ones every time."""
    random = np.random.default_rng(shard.start)
    group = int(random.integers(file.metadata.num_row_groups))
    table = file.read_row_group(group)
    first = shard.start + sum(file.metadata.row_group(g).num_rows for g in range(group))
    rows = np.unique(np.r_[0, table.num_rows - 1, random.integers(table.num_rows, size=SAMPLE_ROWS)])
    table, indices = table.take(rows), first + rows
    for column in request.columns:
        expected = _recompute(request, column, indices)
        if expected is None:
            continue
        found = table[column.name].to_numpy()
        same = (found == expected) | ((found != found) & (expected != expected))  # NaN equals NaN here
        if not same.all():
            at = int(np.argmin(same))
            yield Problem(shard.name, f"{column.name} of index {indices[at]} is {found[at]}, recomputed {expected[at]}")


def _recompute(request: Request, column: Column, indices: NDArray[np.int64]) -> NDArray[Any] | None:
    """Return the values a column should have; None for a user's score that this process does not know."""
    space = request.space
    if column.name == "index":
        return indices
    if column.name == "arch":
        archs: NDArray[Any] = space.arch(indices)
        return archs
    if column.score is None:
        return None
    return column.score.values(column.score.at(space, space.digits(indices)))
