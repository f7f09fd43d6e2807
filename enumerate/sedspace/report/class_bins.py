"""The classes of a space or a run, few enough to look at: bins of their columns, counted exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from sedspace.counting import census, pareto
from sedspace.errors import BadInput, as_names
from sedspace.frames import pareto_front
from sedspace.runs import Run
from sedspace.scores import known_scores
from sedspace.spaces import Space

MOST_ROWS = 3000
_MOST_BINS = 60
_USUAL = ("sed", "n_layers", "layers"), ("params", "macs"), ("n_skip",)  # of each the first that there is


@dataclass(frozen=True)
class Bins:
    """All architectures by bins of two or three columns.

    Attributes
    ----------
    space : Space
    columns : tuple of str
        The score first, of which more is better.
    edges : list of list of (number, number)
        For each column and bin, the least and the greatest value in it that an architecture has.
    rows : polars.DataFrame
        For each bin of all columns together that is not empty: the bin of each column; ``count``, how many
        architectures; ``index``, the first of those with the best score, and the value of each column that it has, by
        ``best_`` and the column's name. The best score first.
    front : polars.DataFrame
        The Pareto front of the first column and, the less the better, the second.
    """

    space: Space
    columns: tuple[str, ...]
    edges: list[list[tuple[float, float]]]
    rows: pl.DataFrame
    front: pl.DataFrame


def binned(source: Space | Run, columns: Sequence[str] | None = None) -> Bins:
    """Return all architectures of a space or a run by bins of columns.

    Raises
    ------
    BadInput
        If there are not two or three columns, one is unknown or no number, or there are too many classes.
    """
    space = source if isinstance(source, Space) else source.space
    known = list(known_scores(space)) if isinstance(source, Space) else source.columns
    if columns is not None:
        as_names(columns, "columns")  # refuses what is no sequence
    usual = (next((name for name in names if name in known), None) for names in _USUAL)
    chosen = tuple(columns) if columns is not None else tuple(name for name in usual if name is not None)
    if not 2 <= len(set(chosen)) == len(chosen) <= 3:
        raise BadInput(
            f"columns {','.join(map(str, chosen)) or 'none'}: expected two or three different ones, a score first"
        )
    classes = _classes(source, chosen)
    most = _MOST_BINS
    while (rows := _rows(classes, chosen, most)).height > MOST_ROWS:
        most = most * 3 // 4
    edges = [_edges(classes[name], most) for name in chosen]
    return Bins(space, chosen, edges, rows, _front(source, classes, chosen))


def _classes(source: Space | Run, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return values of the columns, how many architectures have them, and the lowest index."""
    if isinstance(source, Space):
        return census(source, list(columns)).select(*columns, "count", "index")
    there = [name for name in source.columns if name != "index"]
    missing = [name for name in columns if name not in there]
    if missing:
        raise BadInput(f"column {missing[0]!r} is not in {source.path}: expected some of {', '.join(there)}")
    grouped = source.scan().group_by(columns).agg(pl.len().cast(pl.Int64).alias("count"), pl.col("index").min())
    classes = grouped.collect()
    if not all(classes.schema[name].is_numeric() for name in columns):
        raise BadInput(f"columns {','.join(columns)} of {source.path}: expected numbers")
    return classes


def _numbers(values: pl.Series, most: int) -> pl.Series:
    """Return the bin of each value: of few different values, each its own; else of equal width, without empty ones."""
    different, bins = np.unique(values.to_numpy().astype(np.float64), return_inverse=True)
    if len(different) > most:
        width = (different[-1] - different[0]) / most
        equal = np.minimum(((different - different[0]) / width).astype(np.int64), most - 1)
        bins = np.unique(equal, return_inverse=True)[1][bins]
    return pl.Series(bins)


def _rows(classes: pl.DataFrame, columns: tuple[str, ...], most: int) -> pl.DataFrame:
    """Return one row for each bin of all columns together, the best score first, the lowest index among equal ones."""
    numbered = classes.with_columns(_numbers(classes[name], most).alias(f"bin_{name}") for name in columns)
    best = [pl.col(name).first().alias(f"best_{name}") for name in columns]
    bins = [f"bin_{name}" for name in columns]
    ordered = numbered.sort([columns[0], "index"], descending=[True, False])
    rows = ordered.group_by(bins, maintain_order=True).agg(pl.col("count").sum(), pl.col("index").first(), *best)
    return rows.sort([f"best_{columns[0]}", "index"], descending=[True, False])


def _edges(values: pl.Series, most: int) -> list[tuple[float, float]]:
    """Return the least and the greatest value in each bin."""
    frame = pl.DataFrame({"value": values, "bin": _numbers(values, most)})
    found = frame.group_by("bin").agg(pl.col("value").min().alias("least"), pl.col("value").max().alias("greatest"))
    return found.sort("bin").select("least", "greatest").rows()


def _front(source: Space | Run, classes: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return the front of the first column and, the less the better, the second."""
    more, less = columns[:2]
    if isinstance(source, Space):
        return pareto(source, maximize=more, minimize=less).select(more, less, "count", "index")
    front = pareto_front(classes.sort("index"), more, less).drop("count")
    total = classes.group_by(more, less).agg(pl.col("count").sum())
    return front.join(total, on=[more, less]).select(more, less, "count", "index").sort(more, descending=True)
