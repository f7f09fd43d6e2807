"""Tables of costs that are fitted to measurements: sums without a penalty or a prior, which serve other spaces, too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace import draws
from sedspace.correlation import rank_correlation
from sedspace.errors import BadInput
from sedspace.learning.measured import numbers
from sedspace.scores.cost import Number, TableCost, column_name
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.parts import Digits, Indices
from sedspace.tables import indices_of


@dataclass(frozen=True)
class CostFit:
    """A fitted table of costs and how well it does on what it has not seen.

    Attributes
    ----------
    cost : TableCost
    rows, held_out : int
        How many measurements it was fitted to and judged by.
    r2, spearman, kendall : float
        On the held-out ones: the share of variance explained, and rank correlations; NaN if these, or what is
        predicted of them, do not differ.
    constant : float
        What every architecture costs.
    warning : str or None
        What is wrong with a constant below 0, which no hardware has.
    """

    cost: TableCost
    rows: int
    held_out: int
    r2: float
    spearman: float
    kendall: float

    @property
    def constant(self) -> float:
        """What every architecture costs."""
        return float(self.cost.constant)

    @property
    def warning(self) -> str | None:
        """What is wrong with a constant below 0."""
        if self.cost.constant >= 0:
            return None
        return (
            f"the fitted constant is {self.constant:.4g}, below 0: what costs least is predicted to cost less than it "
            f"can; the measurements do not add up, or are too few"
        )


def fit_costs(
    space: str | Space,
    table: pl.DataFrame | str | Path,
    column: str,
    name: str | None = None,
    *,
    by_position: bool = True,
    quantum: Number | str | None = None,
    unit: str = "ms",
    seed: int = 0,
) -> CostFit:
    """Fit a table of costs to measurements by least squares, on one half of them, and judge it on the other.

    Parameters
    ----------
    space : str or Space
    table : polars.DataFrame, or path of a Parquet or CSV file
        With a column ``arch`` (the field's strings) or ``index``, and measurements.
    column : str
        The measurements.
    name : str, optional
        The cost's name. Default: `column`.
    by_position : bool, default True
        Whether an operation may cost more at one position than at another. A table that does not depend on positions
        serves other spaces of the same operations too.
    quantum : number or str, optional
        As of `TableCost`.
    unit : str, default "ms"
    seed : int, default 0
        Of the random halves. An architecture that was measured more than once is in one of them.

    Returns
    -------
    CostFit
        Its costs are not negative: the cheapest operation is free, and the constant holds the rest. That one can be
        below 0, and then `CostFit.warning` says so.

    Raises
    ------
    BadInput
        If the table has no such column, or fewer measurements than there are costs to find.
    """
    space = find_space(space)
    indices, measured = _measurements(space, table, column)
    digits = space.digits(indices)
    train, test = _halves(indices, seed)
    costs, constant = _least_squares(space, digits[train], measured[train], by_position)
    cost = TableCost(name or column_name(column), costs, constant, quantum=quantum, unit=unit)
    predicted = cost.values(cost.at(space, digits[test]))
    residual, spread = measured[test] - predicted, measured[test] - measured[test].mean()
    total = float((spread**2).sum())
    r2 = 1 - float((residual**2).sum()) / total if total else math.nan
    ranks = rank_correlation(predicted, measured[test])
    return CostFit(cost, len(train), len(test), r2, ranks.spearman, ranks.kendall)


def _measurements(space: Space, table: pl.DataFrame | str | Path, column: str) -> tuple[Indices, NDArray[np.float64]]:
    """Return the indices of measured architectures and their measurements."""
    given = numbers(table, column)
    known = given.filter(pl.col(column).is_finite())
    if known[column].n_unique() < 4:
        raise BadInput(f"column {column} has {known[column].n_unique()} different numbers: expected at least four")
    return np.array(indices_of(known, space, "refuse")[0], object), known[column].to_numpy()


def _halves(indices: Indices, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of two random halves of the architectures."""
    architectures, of = np.unique(indices, return_inverse=True)
    first = draws.arrays(seed).permutation(len(architectures)) < len(architectures) // 2
    return np.flatnonzero(first[of]), np.flatnonzero(~first[of])


def _least_squares(
    space: Space, digits: Digits, measured: NDArray[np.float64], by_position: bool
) -> tuple[dict[tuple[str | None, str], float], float]:
    """Return the costs that explain measurements best, and the constant."""
    uses: dict[
        str | None, dict[str, NDArray[np.int64]]
    ] = {}  # how often each architecture has each operation at each position
    for p, position in enumerate(space.positions):
        at = uses.setdefault(position.name if by_position else None, {})
        for operation in dict.fromkeys(o.name for choice in position.choices for o in choice.operations):
            count = np.array([sum(o.name == operation for o in choice.operations) for choice in position.choices])
            at[operation] = at.get(operation, 0) + count[digits[:, p]]
    design = [column for at in uses.values() for column in at.values()]
    if len(measured) <= len(design):
        raise BadInput(f"{len(measured)} measurements to fit {len(design)} costs to: expected more than that")
    solution = np.linalg.lstsq(np.stack([np.ones(len(measured)), *design], axis=-1), measured)[0].tolist()
    constant, fitted = solution[0], iter(solution[1:])
    costs: dict[tuple[str | None, str], float] = {}
    for where, at in uses.items():
        values = {operation: next(fitted) for operation in at}
        least = min(values.values())
        constant += least * float(sum(column[0] for column in at.values()))  # as many operations as every one has
        costs |= {(where, operation): value - least for operation, value in values.items()}
    return costs, constant
