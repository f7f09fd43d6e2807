"""The bytes of shards: rows encoded as Parquet, in memory; and what a file says of itself."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from dataclasses import dataclass, field
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.dtypes import DTYPES
from sedspace.errors import RunError, first_line
from sedspace.runs.division import Shard
from sedspace.runs.request import Column, Request
from sedspace.runs.rows import ROW_GROUP_ROWS, tables
from sedspace.storage import Location, storage_errors, what_failed

METADATA_KEY = b"sedspace"
SHARD_NAME = re.compile(r"part-\d{5,}-of-\d{5,}\.parquet")
_MAGIC = b"PAR1"  # a Parquet file's first and last bytes


@dataclass(frozen=True)
class Written:
    """A finished shard, as the manifest records it; `footer` is the SHA-256 of its footer, which older ones lack."""

    shard: Shard
    rows: int
    bytes: int
    sha256: str
    footer: str | None = field(default=None, compare=False)

    def describe(self) -> dict[str, object]:
        """Return the entry of the manifest."""
        out: dict[str, object] = {
            "file": self.shard.name,
            "start": self.shard.start,
            "stop": self.shard.stop,
            "rows": self.rows,
            "bytes": self.bytes,
            "sha256": self.sha256,
        }
        return out if self.footer is None else {**out, "footer_sha256": self.footer}


def parquet_options(schema: pa.Schema) -> dict[str, object]:
    """Return how every file is encoded: the index as differences, all else as dictionaries, zstd over both.

    Every page has a checksum, for readers that look at it (pyarrow if it is told to, not polars).
    """
    return {
        "write_page_checksum": True,
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in schema.names if name != "index"],
        "column_encoding": {"index": "DELTA_BINARY_PACKED"},
    }


def schema_of(request: Request, shard: Shard) -> pa.Schema:
    """Return a shard's Arrow schema, which carries the whole request: a lone file explains itself."""
    about = {**request.description, "shard": {"start": shard.start, "stop": shard.stop}}
    text = json.dumps(about, separators=(",", ":"))
    return pa.schema([_field(column) for column in request.columns], metadata={METADATA_KEY: text.encode()})


def _field(column: Column) -> pa.Field:
    dtype = DTYPES[column.dtype].arrow
    return pa.field(column.name, dtype, nullable=False, metadata={"unit": column.unit, "meaning": column.meaning})


def encode(request: Request, shard: Shard) -> pa.Buffer:
    """Return the bytes of a shard, computed and encoded one row group at a time."""
    schema = schema_of(request, shard)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, **parquet_options(schema)) as writer:
        for table in tables(request, schema, shard.start, shard.stop):
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
    return sink.getvalue()


def as_written(shard: Shard, data: pa.Buffer) -> Written:
    """Return what the manifest records about the bytes of a shard."""
    rows = pq.read_metadata(pa.BufferReader(data)).num_rows
    footer = hashlib.sha256(footer_of(io.BytesIO(data))).hexdigest()
    return Written(shard, rows, len(data), hashlib.sha256(data).hexdigest(), footer)


def footer_of(file: IO[bytes]) -> bytes:
    """Return the end of a Parquet file: where everything is, statistics, the schema and its description."""
    end = file.seek(-8, os.SEEK_END)
    length = int.from_bytes(file.read(4), "little")
    file.seek(max(end - length, 0))
    return file.read()


def read_about(path: Location) -> dict[str, object]:
    """Return the description that a shard carries in its schema.

    Raises
    ------
    RunError
        If the file is no Parquet file, or not one of sedspace.
    """
    try:
        with path.open() as file:
            text = pq.read_schema(file).metadata[METADATA_KEY]
        about: dict[str, object] = dict(json.loads(text))
    except pa.ArrowException as error:
        raise RunError(f"{path} is not a readable Parquet file: {first_line(error)}") from None
    except storage_errors() as error:
        raise RunError(f"{path} cannot be read: {what_failed(error)}") from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise RunError(f"{path} was not written by sedspace: its schema has no description of a run") from None
    return about


def is_torn(path: Location) -> bool:
    """Return whether a file is what a writer that was cut short leaves: it begins as Parquet does, and has no end.

    A store whose put is not atomic leaves the beginning of a file, a power cut may leave zeros. What has an end and
    cannot be read is another thing, damage.
    """
    with path.open() as file:
        begins = file.read(len(_MAGIC))
        file.seek(-min(len(_MAGIC), file.seek(0, os.SEEK_END)), os.SEEK_END)
        return file.read() != _MAGIC and (_MAGIC.startswith(begins) or not any(begins))
