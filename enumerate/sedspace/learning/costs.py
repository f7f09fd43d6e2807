"""Tables of costs that are fitted to measurements: sums without a prior, which serve other spaces, too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace.correlation import rank_correlation
from sedspace.draws import checked_seed
from sedspace.errors import BadInput
from sedspace.learning.features import operations_of, parts_at
from sedspace.learning.judged import folds
from sedspace.learning.measured import measured
from sedspace.learning.ridge import PENALTIES, Ridge
from sedspace.scores.cost import Number, TableCost, column_name
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.parts import Digits

WEAK = (1e-8, 1e-4, 1e-2, *PENALTIES)
"""Penalties of costs, which need not be held back where measurements are many."""


@dataclass(frozen=True)
class CostFit:
    """A fitted table of costs and how well it does on what it has not seen.

    Attributes
    ----------
    cost : TableCost
    rows, held_out : int
        How many architectures it was fitted to and judged by.
    r2, spearman, kendall : float
        On the held-out ones: the share of variance explained, and rank correlations; NaN if these, or what is
        predicted of them, do not differ.
    constant : float
        What every architecture costs.
    warning : str or None
        What is wrong with a constant below 0, which no hardware has.
    notes : tuple of str
        What was done to the table of measurements, a line each.
    """

    cost: TableCost
    rows: int
    held_out: int
    r2: float
    spearman: float
    kendall: float
    notes: tuple[str, ...] = ()

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
    """Fit a table of costs to measurements by ridge regression, on one half of them, and judge it on the other.

    It is weak unless measurements are few or noisy: the penalty is the one that predicts best what is left out.

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
        Of the random halves. Of an architecture that was measured more than once it is the mean.

    Returns
    -------
    CostFit
        Its costs are not negative: where all architectures have equally many operations, the cheapest is free, and the
        constant holds the rest. That one can be below 0, and then `CostFit.warning` says so.

    Raises
    ------
    BadInput
        As of `fit`, and if there are fewer measurements in a half than costs to find.
    """
    space = find_space(space)
    rows = measured(space, table, column)
    test, train = folds(len(rows), checked_seed(seed), 0, parts=2)
    digits = rows.digits
    uses = _Uses(space, by_position)
    if len(train) <= len(uses.names):
        raise BadInput(f"{len(train)} measurements to fit {len(uses.names)} costs to: expected more than that")
    ridge = Ridge.learned(uses.columns(digits[train]), rows.values[train], WEAK, nonnegative=~uses.as_many)
    cost = TableCost(name or column_name(column), *uses.costs(ridge), quantum=quantum, unit=unit)
    predicted, reached = cost.values(cost.at(space, digits[test])), rows.values[test]
    residual, spread = reached - predicted, reached - reached.mean()
    total = float((spread**2).sum())
    r2 = 1 - float((residual**2).sum()) / total if total else math.nan
    ranks = rank_correlation(predicted, reached)
    return CostFit(cost, len(train), len(test), r2, ranks.spearman, ranks.kendall, rows.notes)


class _Uses:
    """How often architectures have each operation, anywhere or at each position.

    Attributes
    ----------
    names : list of tuple of (str or None, str)
        Position, if it matters, and operation, of the columns.
    as_many : bool[columns]
        Whether architectures have as many operations in all there, whichever these are: if so, no more than the
        differences of their costs can be told.
    """

    def __init__(self, space: Space, by_position: bool) -> None:
        self._tables = parts_at(space, operations_of)
        self._where = [position.name if by_position else None for position in space.positions]
        number = [sum(table.values(), np.zeros(1)) for table in self._tables]
        varies = {where for where, at in zip(self._where, number, strict=True) if np.ptp(at)}
        pairs = zip(self._where, self._tables, strict=True)
        self.names = list(dict.fromkeys((where, operation) for where, table in pairs for operation in table))
        self.as_many = np.array([where not in varies for where, _ in self.names], bool)
        self._number = dict.fromkeys(self._where, 0.0)
        for where, at in zip(self._where, number, strict=True):
            self._number[where] += float(at[0])

    def columns(self, digits: Digits) -> NDArray[np.float64]:
        """Return the columns of architectures: float64[n, columns]."""
        out, column = np.zeros((len(digits), len(self.names))), {name: n for n, name in enumerate(self.names)}
        for position, (where, table) in enumerate(zip(self._where, self._tables, strict=True)):
            for operation, times in table.items():
                out[:, column[where, operation]] += times[digits[:, position]]
        return out

    def costs(self, ridge: Ridge) -> tuple[dict[tuple[str | None, str], float], float]:
        """Return what weights make of costs that are not negative, and the constant."""
        constant = ridge.constant - float(ridge.center @ ridge.weights)
        costs = dict(zip(self.names, ridge.weights.tolist(), strict=True))
        free = {name[0] for name, as_many in zip(self.names, self.as_many, strict=True) if as_many}
        for where in free:
            least = min(cost for (at, _), cost in costs.items() if at == where)
            costs |= {name: cost - least for name, cost in costs.items() if name[0] == where}
            constant += least * self._number[where]
        return costs, constant
