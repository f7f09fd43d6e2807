"""A user's own table, such as measured accuracies, beside the scores of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.errors import BadInput, as_path, first_line
from sedspace.forked import refuse_fork
from sedspace.runs import Run
from sedspace.runs.place import read_given
from sedspace.runs.query import collect
from sedspace.spaces import Space, known_spaces
from sedspace.spaces.base import INT64_END

KEYS = ("arch", "index")


@dataclass(frozen=True)
class Matched:
    """What came of joining a table to a run.

    Attributes
    ----------
    frame : polars.DataFrame
        A row for each architecture that both have: the run's columns, then the table's (a name that both have gets the
        suffix ``_table``), by index.
    only_in_run, only_in_table : int
        How many architectures the other one does not have.
    unreadable : list of str
        What is wrong with the rows of the table whose arch string is malformed, a line each.
    """

    frame: pl.DataFrame
    only_in_run: int
    only_in_table: int
    unreadable: list[str]

    def report(self) -> str:
        """Return all that but the rows in a few lines."""
        lines = [
            f"{len(self.frame):,} architectures matched; {self.only_in_run:,} only in the run, "
            f"{self.only_in_table:,} only in the table, {len(self.unreadable):,} rows of the table unreadable"
        ]
        more = [f"and {len(self.unreadable) - 5:,} more"] if len(self.unreadable) > 5 else []
        return "\n".join([*lines, *self.unreadable[:5], *more])


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
        data = read_given(file)
        if kind == "CSV":
            return pl.read_csv(data, infer_schema_length=None)
        table = pq.read_table(pa.BufferReader(data))  # polars panics on damaged files,
        table.validate(full=True)  # and on text that is no UTF-8
        return pl.DataFrame(pl.from_arrow(table))
    except BadInput:  # it is no file
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, OSError, ValueError) as error:
        raise BadInput(f"table {file} cannot be read as {kind}: {first_line(error)}") from None


def join(run: Run, table: pl.DataFrame | str | Path, on: str | None = None) -> Matched:
    """Put a table beside the scores of a run.

    Parameters
    ----------
    run : Run
    table : polars.DataFrame, or path of a Parquet or CSV file
        With a column ``arch`` (the field's strings) or ``index`` (of sedspace, not NATS-Bench's own).
    on : {"arch", "index"}, optional
        The column to match by. Default: ``arch`` if the table has it, else ``index``.

    Returns
    -------
    Matched

    Raises
    ------
    BadInput
        If the table has no key, an architecture stands in it twice, it is of another space, or nothing matches.

    Examples
    --------
    >>> import polars as pl, sedspace as ss, tempfile
    >>> from sedspace.runs.join import join
    >>> table = pl.DataFrame({"index": [3, 11668], "accuracy": [85.1, 94.4]})
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = ss.enumerate_space("tss", directory + "/run", columns=["sed"], progress=False)
    ...     join(run, table).frame.rows()
    [(3, 1.0, 85.1), (11668, 8.75, 94.4)]
    """
    given = table if isinstance(table, pl.DataFrame) else read_table(table)
    key = key_of(given, on)
    try:
        return _join(run, given, key)
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"the table cannot be joined by {key}: {first_line(error)}") from None


def key_of(table: pl.DataFrame, on: str | None = None) -> str:
    """Return the column by which a table names architectures, ``arch`` or ``index``; raise `BadInput` without one."""
    key = on or next((name for name in KEYS if name in table.columns), None)
    if key not in KEYS or key not in table.columns:
        raise BadInput(f"the table has no column {key or 'arch or index'}: it has {', '.join(table.columns)}")
    return key


def _join(run: Run, given: pl.DataFrame, key: str) -> Matched:
    keyed, unreadable = with_index(given, key, run.space)
    refuse_repeated(keyed, run.space)
    rest = keyed.select(pl.exclude("arch") if key == "arch" else pl.all())
    frame = collect(run, run.scan().join(rest.lazy(), on="index", how="inner", suffix="_table").sort("index"))
    if frame.is_empty():
        raise BadInput(f"no architecture of the table is in {run.path}" + (f"; {unreadable[0]}" if unreadable else ""))
    return Matched(frame, run.rows - len(frame), len(keyed) - len(frame), unreadable)


def refuse_repeated(keyed: pl.DataFrame, space: Space) -> None:
    """Raise `BadInput` if an architecture stands in a table more than once."""
    repeated = keyed.filter(pl.col("index").is_duplicated())
    if len(repeated):
        index = min(repeated["index"].to_list())
        times = len(repeated.filter(pl.col("index") == index))
        raise BadInput(f"architecture {index} stands in the table {times} times, expected once: {space.arch(index)}")


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


def _refuse_other_space(row: int, arch: str, space: Space) -> None:
    for other in known_spaces():
        try:
            other.parse(arch)
        except BadInput:
            continue
        raise BadInput(
            f"row {row} of the table, {str(arch)!r}, is an architecture of {other.name}; the run's are of {space.name}"
        )
