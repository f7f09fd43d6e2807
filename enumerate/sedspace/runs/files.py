"""The shards of a run: encoded in memory, then written whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.errors import RunError, first_line
from sedspace.runs.place import arrow, failures, what_failed, write_whole
from sedspace.runs.request import METADATA_KEY, ROW_GROUP_ROWS, Request, Shard

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Written:
    """A finished shard, as the manifest records it."""

    shard: Shard
    rows: int
    bytes: int
    sha256: str

    def describe(self) -> dict[str, Any]:
        """Return the entry of the manifest."""
        return {
            "file": self.shard.name,
            "start": self.shard.start,
            "stop": self.shard.stop,
            "rows": self.rows,
            "bytes": self.bytes,
            "sha256": self.sha256,
        }


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """Return how every file is encoded: the index as differences, all else as dictionaries, zstd over both."""
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in schema.names if name != "index"],
        "column_encoding": {"index": "DELTA_BINARY_PACKED"},
    }


def encode(request: Request, shard: Shard) -> pa.Buffer:
    """Return the bytes of a shard, computed and encoded one row group at a time."""
    schema = request.schema(shard)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, **parquet_options(schema)) as writer:
        for table in request.tables(schema, shard.start, shard.stop):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
    return sink.getvalue()


def as_written(shard: Shard, data: Any) -> Written:
    """Return what the manifest records about the bytes of a shard."""
    rows = pq.read_metadata(pa.BufferReader(data)).num_rows
    return Written(shard, rows, len(data), hashlib.sha256(data).hexdigest())


def write_shard(directory: Path, request: Request, shard: Shard) -> Written:
    """Compute, encode and write one shard."""
    data = encode(request, shard)
    written = as_written(shard, data)
    if request.where is None and written.rows != shard.scanned:
        raise RunError(f"{shard.name}: encoded {written.rows} rows, expected {shard.scanned}")
    write_whole(directory / shard.name, data)
    return written


def read_about(path: Path) -> dict[str, Any]:
    """Return the description that a shard carries in its schema.

    Raises
    ------
    RunError
        If the file is no Parquet file, or not one of sedspace.
    """
    try:
        text = pq.read_schema(**arrow(path)).metadata[METADATA_KEY]
        about: dict[str, Any] = json.loads(text)
    except pa.ArrowException as error:
        raise RunError(f"{path} is not a readable Parquet file: {first_line(error)}") from None
    except failures() as error:
        raise RunError(f"{path} cannot be read: {what_failed(error)}") from None
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{path} was not written by sedspace: its schema has no description of a run") from None
    return about
