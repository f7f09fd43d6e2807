"""A user's own table, such as measured accuracies: read, and its rows told apart by ``arch`` or ``index``."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.errors import BadInput, as_path, first_line
from sedspace.forked import refuse_fork
from sedspace.spaces import Space, known_spaces
from sedspace.spaces.radix import INT64_END
from sedspace.storage import LocalPath, read_given

KEYS = ("arch", "index")


def read_table(path: str | Path) -> pl.DataFrame:
    """Read a Parquet or CSV file.

    Raises
    ------
    BadInput
        If there is no such file, or it is not what its name says.
    """
    refuse_fork()
    file = as_path(path, "table")
    if not file.exists():
        raise BadInput(f"table {file} is not there: expected a Parquet or CSV file")
    kind = "CSV" if file.suffix.lower() == ".csv" else "Parquet"
    try:
        data = read_given(LocalPath(file))
        if kind == "CSV":
            return pl.read_csv(data, infer_schema_length=None)
        table = pq.read_table(pa.BufferReader(data))  # polars panics on damaged files,
        table.validate(full=True)  # and on text that is no UTF-8
        return pl.DataFrame(pl.from_arrow(table))
    except BadInput:  # it is no file
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, OSError, ValueError) as error:
        raise BadInput(f"table {file} cannot be read as {kind}: {first_line(error)}") from None


def key_of(table: pl.DataFrame, on: str | None = None) -> str:
    """Return the column by which a table names architectures, ``arch`` or ``index``; raise `BadInput` without one."""
    key = on or next((name for name in KEYS if name in table.columns), None)
    if key not in KEYS or key not in table.columns:
        raise BadInput(f"the table has no column {key or 'arch or index'}: it has {', '.join(table.columns)}")
    return key


def with_index(table: pl.DataFrame, key: str, space: Space) -> tuple[pl.DataFrame, list[str]]:
    """Return the readable rows of a table with the ``index`` of each, and what is wrong with the others.

    Raises
    ------
    BadInput
        If the key is of another type, or architectures are of another space.
    """
    if key == "index":
        if not table["index"].dtype.is_integer():
            raise BadInput(f"the table's index is {table['index'].dtype}, expected integers")
        known = table.drop_nulls("index")
        for index in {min(known["index"].to_list(), default=0), max(known["index"].to_list(), default=0)}:
            if space.check_index(index) >= INT64_END:
                raise BadInput(f"index {index} of {space.name}: expected indices that fit int64")
        return known.with_columns(pl.col("index").cast(pl.Int64)), []
    if table["arch"].dtype != pl.String:
        raise BadInput(f"the table's arch is {table['arch'].dtype}, expected strings")
    indices: list[int | None] = []
    unreadable = []
    for row, arch in enumerate(table["arch"]):
        try:
            indices.append(space.parse(arch) if arch is not None else None)
        except BadInput as error:
            _refuse_other_space(row, arch, space)
            indices.append(None)
            unreadable.append(f"row {row}: {error}")
    if max((index for index in indices if index is not None), default=0) >= INT64_END:
        raise BadInput(f"the table's architectures are of {space.name}: expected indices that fit int64")
    keyed = table.rename({"index": "index_table"}, strict=False).with_columns(index=pl.Series(indices, dtype=pl.Int64))
    return keyed.drop_nulls("index"), unreadable


def read_indices(path: str | Path, space: Space) -> list[int]:
    """Return the indices of the architectures in a Parquet or CSV file.

    Raises
    ------
    BadInput
        If a row cannot be read, or there are none.
    """
    table = read_table(path)
    keyed, unreadable = with_index(table, key_of(table), space)
    if unreadable or keyed.is_empty():
        raise BadInput(f"table {path}: {unreadable[0] if unreadable else 'no architectures'}")
    return keyed["index"].to_list()


def refuse_repeated(keyed: pl.DataFrame, space: Space) -> None:
    """Raise `BadInput` if an architecture stands in a table more than once."""
    repeated = keyed.filter(pl.col("index").is_duplicated())
    if len(repeated):
        index = min(repeated["index"].to_list())
        times = len(repeated.filter(pl.col("index") == index))
        raise BadInput(f"architecture {index} stands in the table {times} times, expected once: {space.arch(index)}")


def _refuse_other_space(row: int, arch: str, space: Space) -> None:
    for other in known_spaces():
        try:
            other.parse(arch)
        except BadInput:
            continue
        raise BadInput(
            f"row {row} of the table, {str(arch)!r}, is an architecture of {other.name}; the run's are of {space.name}"
        )
