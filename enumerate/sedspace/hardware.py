"""Hardware costs that add up: latencies or energies from a table by operation and position, written down or fitted."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.join import key_of, read_table
from sedspace.scores import AdditiveScore
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.space import Choice, as_int

Costs = Mapping[str, float] | Mapping[tuple[str | None, str], float]
"""The cost of each operation by its name, or by (position, operation); position None stands for all others."""

_LARGEST = 128  # quanta of the largest entry, unless a quantum is given: few sums, so few classes


class TableCost(AdditiveScore):
    """A cost ``constant + sum of costs[position, operation]``, a score like params: for top-k, bounds, Pareto fronts.

    Costs are rounded to whole quanta, so that sums of them are exact and fall into few classes. How much that can
    change the cost of an architecture, `error_bound` says.

    Parameters
    ----------
    name : str
        The column's name.
    costs : mapping
        From operation, or from (position, operation), to a cost. Position None stands for all that are not named.
    constant : float, default 0
        What every architecture costs, the stem's latency, say.
    quantum : float, str or Fraction, optional
        The unit that costs are rounded to. Default: a 128th of the largest cost, to one digit. A finer one is more
        exact and makes more classes.
    unit : str, default "ms"

    Raises
    ------
    BadInput
        If a cost is negative or no number, or the quantum is not positive. When it is used: if an operation of the
        space has no cost.

    Examples
    --------
    >>> import sedspace as ss
    >>> costs = {"none": 0, "skip_connect": 0.02, "nor_conv_1x1": 0.31, "nor_conv_3x3": 0.55, "avg_pool_3x3": 0.12}
    >>> latency = ss.TableCost("latency", costs, constant=1.2, quantum=0.01)
    >>> ss.score("tss", latency, 11668, 11669).item(), latency.error_bound("tss") < 1e-9
    (3.97, True)
    >>> _ = ss.register(latency)
    >>> ss.top_k("tss6", 1, where="latency < 4").select("index", "sed").row(0)
    (975938, 10.9375)
    """

    def __init__(
        self,
        name: str,
        costs: Costs,
        constant: float = 0.0,
        *,
        quantum: float | str | Fraction | None = None,
        unit: str = "ms",
    ) -> None:
        if not isinstance(costs, Mapping):
            raise BadInput(f"cost {name}: costs {costs!r}, expected a mapping from operations to numbers")
        self.costs: dict[tuple[str | None, str], float] = {}
        for key, cost in costs.items():
            pair = key if isinstance(key, tuple) else (None, key)
            if len(pair) != 2 or not isinstance(pair[0], str | None) or not isinstance(pair[1], str):
                raise BadInput(f"cost {name}: {key!r}, expected an operation or a pair of position and operation")
            self.costs[pair] = cost
        for (position, operation), cost in self.costs.items():
            if not _is_number(cost) or cost < 0:
                raise BadInput(
                    f"cost {name} of {operation!r}{_at(position)} is {cost!r}: expected a number of 0 or more"
                )
        if not self.costs or not _is_number(constant):
            raise BadInput(f"cost {name}: constant {constant!r}, {len(costs)} costs: expected a number and one or more")
        self.constant = constant
        self.quantum = _quantum(name, quantum, max(self.costs.values()))
        scale, base = self.quantum.numerator, round(Fraction(constant) / self.quantum)
        self._base = base
        table = json.dumps(sorted(((position or "", o), float(c)) for (position, o), c in self.costs.items()))
        super().__init__(
            name,
            {"cost": {}},
            lambda total: (total + base) * scale,
            dtype="float64",
            denominator=self.quantum.denominator,
            unit=unit,
            meaning=f"additive cost in steps of {float(self.quantum):g}: a constant and the operations' own",
            per_group=False,
            parameters={
                "constant": repr(float(constant)),
                "quantum": str(self.quantum),
                "costs": hashlib.sha256(table.encode()).hexdigest(),
            },
        )

    def tables(self, space: Space) -> list[NDArray[np.int64]]:
        """Return for each position int64[choices, 1]: the cost of each choice in quanta."""
        self._check(space)
        quanta = [[[self._choice(p.name, choice)] for choice in p.choices] for p in space.positions]
        largest = sum(max(row[0] for row in rows) for rows in quanta) + abs(self._base)
        if largest * self.quantum.numerator >= 1 << 62:
            raise BadInput(
                f"cost {self.name} of {space.name} could reach {largest:,} quanta of {float(self.quantum):g}, beyond "
                f"int64: expected a coarser quantum or another unit"
            )
        return [np.array(rows, np.int64) for rows in quanta]

    def _check(self, space: Space) -> None:
        positions = [position.name for position in space.positions]
        operations = [operation.name for operation in space.operations]
        for position, operation in self.costs:
            if operation not in operations or position not in (None, *positions):
                raise BadInput(
                    f"cost {self.name} has {operation!r}{_at(position)}, which {space.name} has not: it has "
                    f"{', '.join(operations)} at {', '.join(positions)}"
                )

    def _cost(self, position: str, operation: str) -> float:
        for key in ((position, operation), (None, operation)):
            if key in self.costs:
                return self.costs[key]
        raise BadInput(f"cost {self.name} has no cost of {operation!r} at {position}: expected one, 0 if it is free")

    def _choice(self, position: str, choice: Choice) -> int:
        """Return the cost of a choice in quanta."""
        return sum(round(Fraction(self._cost(position, o.name)) / self.quantum) for o in choice.operations)

    def error_bound(self, space: str | Space) -> float:
        """Return by how much rounding to quanta can change the cost of any architecture of a space, at most."""

        def off(exact: float) -> Fraction:
            return abs(round(Fraction(exact) / self.quantum) * self.quantum - Fraction(exact))

        worst = off(self.constant)
        for position in find_space(space).positions:
            worst += max(
                sum((off(self._cost(position.name, o.name)) for o in choice.operations), Fraction(0))
                for choice in position.choices
            )
        return float(worst)

    def frame(self) -> pl.DataFrame:
        """Return the table as `read_costs` reads it."""
        rows: list[tuple[str | None, str, float]]
        rows = [(None, "constant", float(self.constant)), (None, "quantum", float(self.quantum))]
        rows += [(position, operation, float(cost)) for (position, operation), cost in self.costs.items()]
        return pl.DataFrame(rows, {"position": pl.String, "operation": pl.String, "cost": pl.Float64}, orient="row")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and math.isfinite(value)


def _at(position: str | None) -> str:
    return f" at {position}" if position is not None else ""


def _column_name(text: str) -> str:
    name = re.sub(r"\W", "_", text)
    return name if name.isidentifier() else f"cost_{name}"


def _quantum(name: str, given: float | str | Fraction | None, largest: float) -> Fraction:
    if given is None:
        return Fraction(f"{largest / _LARGEST:.0e}") if largest else Fraction(1)
    try:
        quantum = Fraction(str(given)).limit_denominator(10**12)  # 0.01 means a hundredth, 0.3333333333333333 a third
    except (ValueError, ZeroDivisionError):
        quantum = Fraction(0)
    if quantum <= 0 or max(quantum.numerator, quantum.denominator) > 10**15:
        raise BadInput(f"cost {name}: quantum {given!r}, expected a positive number such as 0.01")
    return quantum


def read_costs(path: str | Path, name: str | None = None, *, unit: str = "ms") -> TableCost:
    """Read a table of costs.

    Parameters
    ----------
    path : str or Path
        A CSV or Parquet file with columns ``operation`` and ``cost``, and ``position`` if costs depend on it (empty:
        all others). A row whose operation is ``constant`` is what every architecture costs, one whose operation is
        ``quantum`` the unit to round to.
    name : str, optional
        Default: the file's name without its ending, what is no letter or digit made an underscore.
    unit : str, default "ms"

    Returns
    -------
    TableCost

    Raises
    ------
    BadInput
        If the file is no such table.
    """
    table = read_table(path)
    for column in ("operation", "cost"):
        if column not in table.columns:
            raise BadInput(f"table {path} has no column {column}: it has {', '.join(table.columns)}")
    where = pl.col("position").cast(pl.String) if "position" in table.columns else pl.lit(None, pl.String)
    table = table.with_columns(position=where)
    costs: dict[tuple[str | None, str], float] = {}
    for row, (position, operation, cost) in enumerate(table.select("position", "operation", "cost").rows()):
        if (position or None, operation) in costs:
            raise BadInput(f"table {path}, row {row}: {operation!r}{_at(position)} stands there twice")
        if not isinstance(operation, str) or not _is_number(cost):
            raise BadInput(
                f"table {path}, row {row}: cost {cost!r} of {operation!r}, expected a number of an operation"
            )
        costs[position or None, operation] = cost
    constant, quantum = costs.pop((None, "constant"), 0.0), costs.pop((None, "quantum"), None)
    return TableCost(name or _column_name(Path(path).stem), costs, constant, quantum=quantum, unit=unit)


@dataclass(frozen=True)
class Fit:
    """A fitted table of costs and how well it does on what it has not seen.

    Attributes
    ----------
    cost : TableCost
    rows, held_out : int
        How many measurements it was fitted to and judged by.
    r2, spearman, kendall : float
        On the held-out ones: the share of variance explained, and rank correlations.
    """

    cost: TableCost
    rows: int
    held_out: int
    r2: float
    spearman: float
    kendall: float


def fit_costs(
    space: str | Space,
    table: pl.DataFrame | str | Path,
    column: str,
    name: str | None = None,
    *,
    by_position: bool = True,
    quantum: float | str | Fraction | None = None,
    unit: str = "ms",
    seed: int = 0,
) -> Fit:
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
    quantum : float, str or Fraction, optional
        As of `TableCost`.
    unit : str, default "ms"
    seed : int, default 0
        Of the random halves. An architecture that was measured more than once is in one of them.

    Returns
    -------
    Fit
        Its costs are not negative: the cheapest operation is free, and the constant holds the rest.

    Raises
    ------
    BadInput
        If the table has no such column, or fewer measurements than there are costs to find.
    """
    try:
        from scipy.stats import kendalltau, spearmanr
    except ModuleNotFoundError:
        raise BadInput("fitting needs scipy: pip install 'sedspace[plot]'") from None
    space = find_space(space)
    indices, measured = _measurements(space, table, column)
    train, test = _halves(indices, seed)
    digits = space.digits(indices)
    costs, constant = _least_squares(space, digits[train], measured[train], by_position)
    cost = TableCost(name or _column_name(column), costs, constant, quantum=quantum, unit=unit)
    predicted = cost.values(cost.at(space, digits[test]))
    residual, spread = measured[test] - predicted, measured[test] - measured[test].mean()
    return Fit(
        cost,
        len(train),
        len(test),
        1 - float((residual**2).sum() / (spread**2).sum()),
        float(spearmanr(predicted, measured[test]).statistic),
        float(kendalltau(predicted, measured[test]).statistic),
    )


def _measurements(space: Space, table: pl.DataFrame | str | Path, column: str) -> tuple[Any, NDArray[np.float64]]:
    """Return the indices of measured architectures and their measurements."""
    given = table if isinstance(table, pl.DataFrame) else read_table(table)
    if column not in given.columns:
        raise BadInput(f"the table has no column {column}: it has {', '.join(given.columns)}")
    key = key_of(given)
    if not given[column].dtype.is_numeric():
        raise BadInput(f"column {column} is {given[column].dtype}: expected numbers")
    known = given.filter(pl.col(column).cast(pl.Float64).is_finite())
    if known[column].n_unique() < 4:
        raise BadInput(f"column {column} has {known[column].n_unique()} different numbers: expected at least four")
    indices = space.parse(known["arch"]) if key == "arch" else known["index"].to_numpy()
    return indices, known[column].cast(pl.Float64).to_numpy()


def _halves(indices: Any, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of two random halves of the architectures."""
    if as_int(seed, "seed") < 0:
        raise BadInput(f"seed {seed}: expected 0 or more")
    architectures, of = np.unique(indices, return_inverse=True)
    first = np.random.default_rng(seed).permutation(len(architectures)) < len(architectures) // 2
    return np.flatnonzero(first[of]), np.flatnonzero(~first[of])


def _least_squares(
    space: Space, digits: NDArray[Any], measured: NDArray[np.float64], by_position: bool
) -> tuple[dict[tuple[str | None, str], float], float]:
    """Return the costs that explain measurements best, and the constant."""
    uses: dict[str | None, dict[str, Any]] = {}  # how often each architecture has each operation at each position
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
