"""Answers about frames that polars has no function for, or none that gives the same bits every time."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def pareto_front(rows: pl.DataFrame, maximize: str, minimize: str) -> pl.DataFrame:
    """Return the rows that no other beats in both, more of one column and less of the other; of equal ones the first.

    Examples
    --------
    >>> rows = pl.DataFrame({"sed": [3.0, 5.0, 4.0, 5.0], "params": [1, 2, 2, 2], "index": [0, 1, 2, 3]})
    >>> pareto_front(rows, "sed", "params").rows()
    [(3.0, 1, 0), (5.0, 2, 1)]
    """
    ordered = rows.sort([minimize, maximize], descending=[False, True], maintain_order=True)
    before = pl.col(maximize).cum_max().shift(1)
    return ordered.filter(before.is_null() | (pl.col(maximize) > before))


def means(rows: pl.DataFrame, by: Sequence[str], column: str) -> pl.DataFrame:
    """Return the mean of a column for each group of rows, and their number as ``len``; groups in order of appearance.

    A group is added up in the order of its rows. The mean that polars makes of a group directly may be put together
    from parts, or not, as a random sample of the rows suggests: the last bits differ from call to call.

    Examples
    --------
    >>> means(pl.DataFrame({"x": [1, 2, 1], "y": [0.5, 4.0, None]}), ["x"], "y").rows()
    [(1, 2, 0.5), (2, 1, 4.0)]
    """
    groups = rows.group_by(by, maintain_order=True).agg(pl.len(), pl.col(column))
    return groups.with_columns(pl.col(column).list.mean())


def with_common_types(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a frame without integers of 128 bits: other readers of Parquet know long decimals, and text.

    Examples
    --------
    >>> with_common_types(pl.DataFrame({"count": pl.Series([1 << 64], dtype=pl.Int128)})).dtypes
    [Decimal(precision=38, scale=0)]
    """
    wide = [name for name, dtype in rows.schema.items() if dtype == pl.Int128]
    longest = max((value for name in wide for value in rows[name].drop_nulls()), default=0)
    return rows.with_columns(pl.col(wide).cast(pl.Decimal(38, 0) if longest < 10**38 else pl.String))
