"""A user's own table, such as measured accuracies: read, and its rows told apart by ``arch`` or ``index``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.errors import BadInput, as_path, first_line, quoted
from sedspace.forked import refuse_fork
from sedspace.spaces import Space, known_spaces
from sedspace.spaces import space as find_space
from sedspace.spaces.radix import INT64_END
from sedspace.spaces.restricted import Restricted
from sedspace.storage import LocalPath, read_given

KEYS = ("arch", "index")

NATS_INDEX = "nats_index"
"""The column of NATS-Bench's own indices."""

Unreadable = Literal["refuse", "leave out"]
"""What to do about a row whose architecture cannot be read."""


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
        table = _read_csv(data, file) if kind == "CSV" else _read_parquet(data, file)
    except BadInput:  # it is no file, or has two columns of a name
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, OSError, ValueError) as error:
        raise BadInput(f"table {file} cannot be read as {kind}: {first_line(error)}") from None
    if not len(table):
        raise BadInput(f"table {file} has no rows: expected some under its {len(table.columns)} columns")
    return table


def _read_csv(data: bytes, file: Path) -> pl.DataFrame:
    header = pl.read_csv(data, has_header=False, n_rows=1, infer_schema=False).row(0)
    _refuse_repeated_names(header, file)  # polars would give each a name of its own
    table = pl.read_csv(data, infer_schema_length=None, schema_overrides={"arch": pl.String})
    return table.with_columns(_numbers(table[name]) for name in table.columns if name != "arch")


def _numbers(column: pl.Series) -> pl.Series:
    """Return a column as numbers if all its texts are: ``nan`` is to polars text, and makes all of them texts."""
    if column.dtype != pl.String:
        return column
    numbers = column.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == column.null_count() else column


def check_numbers(table: pl.DataFrame, column: str) -> None:
    """Raise `BadInput` unless a table has a column of that name, of numbers."""
    if column not in table.columns:
        raise BadInput(f"the table has no column {column}: it has {', '.join(table.columns)}")
    given = table[column]
    if given.dtype.is_numeric():
        return
    wrong = given.filter(given.cast(pl.Float64, strict=False).is_null()) if given.dtype == pl.String else given
    first = next((f", not {quoted(text)}" for text in wrong.drop_nulls()), "")
    raise BadInput(f"column {column} is {given.dtype}: expected numbers{first}")


def table_of(given: pl.DataFrame | str | Path) -> pl.DataFrame:
    """Return a table that is given as a frame, or as the path of a file."""
    if not isinstance(given, pl.DataFrame | str | os.PathLike):
        raise BadInput(f"table {quoted(given)} is no path and no polars frame")
    return given if isinstance(given, pl.DataFrame) else read_table(given)


def _read_parquet(data: bytes, file: Path) -> pl.DataFrame:
    _refuse_repeated_names(pq.read_schema(pa.BufferReader(data)).names, file)
    table = pq.read_table(pa.BufferReader(data))  # polars panics on damaged files,
    table.validate(full=True)  # and on text that is no UTF-8
    return pl.DataFrame(pl.from_arrow(table))


def _refuse_repeated_names(names: Iterable[str | None], file: Path) -> None:
    for name, times in Counter(names).items():
        if name is not None and times > 1:
            raise BadInput(f"table {file} has {times} columns {name}: expected different names")


def key_of(table: pl.DataFrame, on: str | None = None) -> str:
    """Return the column by which a table names architectures, ``arch`` or ``index``; raise `BadInput` without one."""
    key = on or next((name for name in KEYS if name in table.columns), None)
    if key not in KEYS or key not in table.columns:
        own = "; ss.nats_indices says what NATS-Bench's own indices are" if NATS_INDEX in table.columns else ""
        raise BadInput(f"the table has no column {key or 'arch or index'}: it has {', '.join(table.columns)}{own}")
    return key


def indices_of(
    table: pl.DataFrame, space: Space, unreadable: Unreadable, *, on: str | None = None, what: str = "the table"
) -> tuple[list[int | None], list[str]]:
    """Return the indices of the architectures that the rows of a table name.

    Parameters
    ----------
    table : polars.DataFrame
        With a column ``arch`` or ``index``.
    space : Space
    unreadable : {"refuse", "leave out"}
        What to do about a row whose architecture is missing or malformed.
    on : {"arch", "index"}, optional
        The column to go by. Default: ``arch`` if the table has it, else ``index``.
    what : str
        What an error calls the table.

    Returns
    -------
    list of int
        One for each row; None for those that are left out.
    list of str
        What is wrong with the malformed ones, a line each.

    Raises
    ------
    BadInput
        If there is no key or it is of another type, or architectures are of another space; for the first row that
        cannot be read, if such are to be refused.

    Examples
    --------
    >>> from sedspace.spaces import space
    >>> indices_of(pl.DataFrame({"index": [3, None]}), space("tss"), "leave out")
    ([3, None], [])
    """
    key = key_of(table, on)
    indices, wrong = (_by_index if key == "index" else _by_arch)(table[key], space)
    if unreadable == "refuse" and None in indices:
        row = indices.index(None)
        missing = f"{key} None is not {'an integer' if key == 'index' else 'a string'}"
        raise BadInput(f"{what}: row {row}: {wrong.get(row, missing)}")
    return indices, [f"row {row}: {error}" for row, error in wrong.items()]


def with_index(
    table: pl.DataFrame, space: Space, unreadable: Unreadable, *, on: str | None = None, what: str = "the table"
) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows of a table whose architecture is read, with the ``index`` of each, and what is wrong with others.

    It asks and refuses as `indices_of` does, and what does not fit int64. An ``index`` that is not what the rows are
    known by becomes ``index_table``.
    """
    refuse_fork()
    indices, wrong = indices_of(table, space, unreadable, on=on, what=what)
    if max((index for index in indices if index is not None), default=0) >= INT64_END:
        raise BadInput(f"{what} has architectures of {space.name}: expected indices that fit int64")
    rest = table.rename({"index": "index_table"}, strict=False) if key_of(table, on) == "arch" else table
    return rest.with_columns(index=pl.Series(indices, dtype=pl.Int64)).drop_nulls("index"), wrong


def _by_index(column: pl.Series, space: Space) -> tuple[list[int | None], dict[int, str]]:
    if not column.dtype.is_integer():
        raise BadInput(f"the table's index is {column.dtype}, expected integers")
    indices: list[int | None] = column.to_list()
    known = [index for index in indices if index is not None]
    for index in {min(known, default=0), max(known, default=0)}:
        space.check_index(index)
    return indices, {}


def _by_arch(column: pl.Series, space: Space) -> tuple[list[int | None], dict[int, str]]:
    if column.dtype != pl.String:
        raise BadInput(f"the table's arch is {column.dtype}, expected strings")
    indices: list[int | None] = []
    wrong = {}
    for row, arch in enumerate(column):
        try:
            indices.append(None if arch is None else space.parse(arch))
        except BadInput as error:
            _refuse_other_space(row, arch, space)
            indices.append(None)
            wrong[row] = str(error)
    return indices, wrong


def nats_indices(space: str | Space, table: pl.DataFrame | str | Path) -> dict[int, int]:
    """Return the index here of each of NATS-Bench's own indices, by a table of yours that has both.

    NATS-Bench numbers the architectures of its topology space in an order of its own, which nothing but its files
    tells; those of its size space are numbered as here.

    Parameters
    ----------
    space : str or Space
    table : polars.DataFrame, or path of a Parquet or CSV file
        With the columns ``nats_index`` and ``arch``.

    Returns
    -------
    dict of int to int

    Raises
    ------
    BadInput
        If the table has not both columns, a row cannot be read, or a number or an architecture stands there twice.

    Examples
    --------
    >>> import sedspace as ss
    >>> table = pl.DataFrame({"nats_index": [9930], "arch": [ss.space("tss").arch(11668)]})
    >>> ss.nats_indices("tss", table)[9930]
    11668
    """
    space = find_space(space)
    frame = table_of(table)
    if NATS_INDEX not in frame.columns or not frame[NATS_INDEX].dtype.is_integer():
        raise BadInput(f"the table has no column {NATS_INDEX} of integers: it has {', '.join(frame.columns)}")
    keyed, _ = with_index(frame, space, "refuse", on="arch")
    refuse_repeated(keyed, space)
    if (wrong := keyed.filter(pl.col(NATS_INDEX).is_null() | pl.col(NATS_INDEX).is_duplicated())).height:
        raise BadInput(f"{NATS_INDEX} {wrong[NATS_INDEX][0]} of {wrong.height} rows, expected a different one for each")
    return dict(zip(keyed[NATS_INDEX].to_list(), keyed["index"].to_list(), strict=True))


def read_indices(path: str | Path, space: Space) -> list[int]:
    """Return the indices of the architectures in a Parquet or CSV file.

    Raises
    ------
    BadInput
        If a row cannot be read, or there are none.
    """
    indices, _ = indices_of(read_table(path), space, "refuse", what=f"table {path}")
    if not indices:
        raise BadInput(f"table {path}: no architectures")
    return [index for index in indices if index is not None]


def refuse_repeated(keyed: pl.DataFrame, space: Space) -> None:
    """Raise `BadInput` if an architecture stands in a table more than once."""
    repeated = keyed.filter(pl.col("index").is_duplicated())
    if len(repeated):
        index = min(repeated["index"].to_list())
        times = len(repeated.filter(pl.col("index") == index))
        raise BadInput(f"architecture {index} stands in the table {times} times, expected once: {space.arch(index)}")


def _refuse_other_space(row: int, arch: str, space: Space) -> None:
    if isinstance(space, Restricted) and arch in space.base:
        return  # there are only rules against it
    for other in known_spaces():
        try:
            other.parse(arch)
        except BadInput:
            continue
        raise BadInput(
            f"row {row} of the table, {str(arch)!r}, is an architecture of {other.name}; the run's are of {space.name}"
        )
