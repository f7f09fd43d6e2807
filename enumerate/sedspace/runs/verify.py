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
from sedspace.runs.request import Request, Shard

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
        try:
            yield from _check_content(request, written, pq.ParquetFile(pa.BufferReader(data)))
        except (pa.ArrowException, OSError) as error:
            yield Problem(name, f"is not readable Parquet: {error}".replace("\n", " "))


def _check_content(request: Request, written: Written, file: pq.ParquetFile) -> Iterator[Problem]:
    shard = written.shard
    expected = request.schema(shard)
    rows = file.metadata.num_rows
    if rows != written.rows:
        yield Problem(shard.name, f"has {rows} rows, the manifest says {written.rows}")
    elif request.where is None and rows != shard.scanned:
        yield Problem(shard.name, f"has {rows} rows of {shard.scanned}")
    elif file.schema_arrow.metadata != expected.metadata:
        yield Problem(shard.name, f"describes another run than {MANIFEST} does")
    elif not file.schema_arrow.equals(expected):
        yield Problem(shard.name, f"has columns {file.schema_arrow.names}, the manifest says {expected.names}")
    elif rows:
        yield from _check_sample(request, shard, file)


def _check_sample(request: Request, shard: Shard, file: pq.ParquetFile) -> Iterator[Problem]:
    """Recompute rows of one row group: its first and last, and some between. The same ones every time."""
    random = np.random.default_rng(shard.start)
    group = int(random.integers(file.metadata.num_row_groups))
    table = file.read_row_group(group)
    rows = np.unique(np.r_[0, table.num_rows - 1, random.integers(table.num_rows, size=SAMPLE_ROWS)])
    indices = table["index"].to_numpy()[rows]
    if request.where is None:  # every index of the range has its row
        before = sum(file.metadata.row_group(g).num_rows for g in range(group))
        expected = shard.start + before + rows
    else:
        expected = np.clip(np.maximum.accumulate(indices), shard.start, shard.stop - 1)
    if not np.array_equal(indices, expected):
        at = int(np.argmax(indices != expected))
        yield Problem(shard.name, f"row {rows[at]} of row group {group} is index {indices[at]}, not {expected[at]}")
        return
    for name, values in _recompute(request, indices).items():
        found = table[name].to_numpy()[rows]
        same = (found == values) | ((found != found) & (values != values))  # NaN equals NaN here
        if not same.all():
            at = int(np.argmin(same))
            yield Problem(shard.name, f"{name} of index {indices[at]} is {found[at]}, recomputed {values[at]}")


def _recompute(request: Request, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the columns of some architectures, without those that this process has no score for."""
    digits = request.space.digits(indices)
    out: dict[str, NDArray[Any]] = {}
    for column in request.columns:
        if column.name == "arch":
            out["arch"] = request.space.arch(indices)
        elif column.score is not None:
            out[column.name] = column.score.values(column.score.at(request.space, digits))
    return out
