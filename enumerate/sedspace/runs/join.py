"""A user's own table, such as measured accuracies, beside the scores of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sedspace.errors import BadInput, first_line
from sedspace.runs.files import RunFiles, collect
from sedspace.tables import key_of, refuse_repeated, table_of, with_index


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


def match(run: RunFiles, table: pl.DataFrame | str | Path, on: str | None = None) -> Matched:
    """Put a table beside the scores of a run: see `Run.join`."""
    given = table_of(table)
    key = key_of(given, on)
    try:
        return _match(run, given, key)
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"the table cannot be joined by {key}: {first_line(error)}") from None


def _match(run: RunFiles, given: pl.DataFrame, key: str) -> Matched:
    keyed, unreadable = with_index(given, run.space, "leave out", on=key)
    refuse_repeated(keyed, run.space)
    rest = keyed.select(pl.exclude("arch") if key == "arch" else pl.all())
    frame = collect(run, run.scan().join(rest.lazy(), on="index", how="inner", suffix="_table").sort("index"))
    if frame.is_empty():
        raise BadInput(f"no architecture of the table is in {run.path}" + (f"; {unreadable[0]}" if unreadable else ""))
    return Matched(frame, run.rows - len(frame), len(keyed) - len(frame), unreadable)
