"""The rows that a fit learns from: architectures of a space, and what was measured of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits, Indices
from sedspace.tables import check_numbers, indices_of, key_of, table_of

LEAST = 8  # architectures that anything is learned from
_NAMED = 5  # rows that an error names

Repeated = Literal["mean", "refuse"]
"""What to do about an architecture that stands in a table with different values."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Architectures, each once, and what was measured of them.

    Attributes
    ----------
    space : Space
    column : str
        What was measured.
    indices : int64[n] or object[n]
        Ascending.
    values : float64[n]
    notes : tuple of str
        What was done to the table, a line each.
    """

    space: Space
    column: str
    indices: Indices
    values: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def digits(self) -> Digits:
        """The digits of the architectures."""
        return self.space.digits_of(self.indices)


def numbers(table: pl.DataFrame | str | Path, column: str) -> pl.DataFrame:
    """Return a table, read if it is a path; raise `BadInput` unless it has a key and a column of numbers."""
    given = table_of(table)
    if column in given.columns:
        key_of(given)  # one without a key is refused before its numbers are looked at
    check_numbers(given, column)
    return given.with_columns(pl.col(column).cast(pl.Float64))


def measured(space: Space, table: pl.DataFrame | str | Path, column: str, repeated: Repeated = "mean") -> Measured:
    """Return what a table says of the architectures of a space.

    Parameters
    ----------
    space : Space
    table : polars.DataFrame, or path of a Parquet or CSV file
        With a column ``arch`` or ``index``.
    column : str
    repeated : {"mean", "refuse"}, default "mean"
        What to do about an architecture with different values: take their mean, and say so, or refuse it.

    Raises
    ------
    BadInput
        If there is no such column or it is no number, a row has none or is of another space, there are too few
        architectures, or all have the same value.
    """
    if repeated not in ("mean", "refuse"):
        raise BadInput(f"repeated {repeated!r}: expected 'mean' or 'refuse'")
    given = numbers(table, column)
    absent = np.flatnonzero(~given[column].is_finite().fill_null(False).to_numpy()).tolist()
    if absent:
        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
        rows = f"row{'s' if len(absent) > 1 else ''} {', '.join(map(str, absent[:_NAMED]))}{more}"
        raise BadInput(f"column {column} has no number in {rows}: expected one in each")
    keys = np.array(indices_of(given, space, "refuse")[0], object)
    indices, of, times = np.unique(keys, return_inverse=True, return_counts=True)
    each = given[column].to_numpy()
    values = np.bincount(of, each, len(indices)) / times
    least, most = np.full(len(indices), np.inf), np.full(len(indices), -np.inf)
    np.minimum.at(least, of, each)
    np.maximum.at(most, of, each)
    values = np.where(least == most, least, values)  # the mean of equal numbers is that number to the bit
    different = np.flatnonzero(least < most)
    notes: tuple[str, ...] = ()
    if len(different):
        first = different[0]
        example = f"{indices[first]} from {least[first]:g} to {most[first]:g}"
        if repeated == "refuse":
            raise BadInput(f"column {column}: architecture {example}, expected one value of each")
        notes = (f"the mean of the values of {len(different)} architectures that have several, {example}, say",)
    if len(indices) < LEAST:
        raise BadInput(f"{len(indices)} measured architectures to learn from: expected {LEAST} or more")
    if values.min() == values.max():
        raise BadInput(f"column {column} is {values[0]:g} everywhere: expected different numbers to learn from")
    with np.errstate(over="ignore"):
        ends = np.array([values.min(), values.max()], np.float32)  # as a fit's column has them
    if not np.isfinite(ends).all() or ends[0] == ends[1]:
        spread = f"{values.min():g} to {values.max():g}"
        raise BadInput(f"column {column} is from {spread}: expected numbers that float32 can hold and tell apart")
    whole = indices.astype(np.int64) if space.size <= 1 << 63 else indices
    return Measured(space, column, whole, values, notes)
