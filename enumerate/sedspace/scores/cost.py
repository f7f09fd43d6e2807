"""Costs that add up: latencies or energies from a table by operation and position."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores.additive import AdditiveScore
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.parts import Choice
from sedspace.tables import read_table

Number = float | Decimal | Fraction | np.number
Costs = Mapping[str, Number] | Mapping[tuple[str | None, str], Number]
"""The cost of each operation by its name, or by (position, operation); position None stands for all others."""

_QUANTA = 512  # of the largest cost: with SED on the 15 edges of tss6, twice as many make too many classes
_FEW = 10**7  # ways to fill the positions that a table names: so many classes can always be counted
_COARSE = 128  # quanta of the largest cost where the exact ones are too many
_FINEST = 10**12  # the greatest denominator of a quantum
_EXACT = 1 << 40  # quanta of one cost: a thousand of them are still exact as float64


class TableCost(AdditiveScore):
    """A cost ``constant + sum of costs[position, operation]``, a score like params: for top-k, bounds, Pareto fronts.

    Numbers mean the decimals that they are written as: 12.7 is 127/10, not the nearest binary fraction. Costs are held
    in whole quanta, so that sums of them are exact and fall into classes. If the quantum divides all of them, a value
    is the float64 nearest to the exact cost, the same as its literal: ``latency <= 12.7`` holds for a cost of 12.7.
    Otherwise costs are rounded; by how much that can change the cost of an architecture, `error_bound` says.

    Parameters
    ----------
    name : str
        The column's name.
    costs : mapping
        From operation, or from (position, operation), to a cost: a Python or NumPy number, `Decimal` or `Fraction`.
        Position None stands for all that are not named.
    constant : number, default 0
        What every architecture costs, the stem's latency, say.
    quantum : number or str, optional
        The unit that costs are rounded to. Default: the greatest that divides all costs and the constant, as long as
        that leaves few classes: if costs do not depend on positions, or on so few that they can be filled in at most
        10^7 ways, or if the largest cost is at most 512 quanta. Else a 128th of the largest cost, to one digit.
    unit : str, default "ms"

    Attributes
    ----------
    costs : dict
        From (position or None, operation) to the exact cost, a `Fraction`.
    constant, quantum : Fraction

    Raises
    ------
    BadInput
        If a cost is negative or no number, or the quantum is not positive. When it is used: if an operation of the
        space has no cost.

    Examples
    --------
    >>> import sedspace as ss
    >>> costs = {"none": 0, "skip_connect": 0.02, "nor_conv_1x1": 0.31, "nor_conv_3x3": 0.55, "avg_pool_3x3": 0.12}
    >>> latency = ss.TableCost("latency", costs, constant=1.2)
    >>> latency.quantum, ss.score("tss", latency, 11668, 11669).item(), latency.error_bound("tss")
    (Fraction(1, 100), 3.97, 0.0)
    >>> _ = ss.register(latency)
    >>> ss.top_k("tss6", 1, where="latency <= 3.97").select("index", "sed").row(0)
    (975938, 10.9375)
    """

    def __init__(
        self,
        name: str,
        costs: Costs,
        constant: Number = 0,
        *,
        quantum: Number | str | None = None,
        unit: str = "ms",
    ) -> None:
        self.costs = _exact_costs(name, costs)
        exact = _exact(constant)
        if exact is None:
            raise BadInput(f"cost {name}: constant {constant!r}, expected a number")
        self.constant = exact
        self.quantum = _default(name, self.costs, exact) if quantum is None else _quantum(name, quantum)
        base, scale = self._quanta(exact), self.quantum.numerator
        self._base = base
        table = json.dumps(sorted((position or "", o, _text(cost)) for (position, o), cost in self.costs.items()))
        super().__init__(
            name,
            {"cost": {}},
            lambda total: (total + base) * scale,
            dtype="float64",
            denominator=self.quantum.denominator,
            unit=unit,
            meaning=f"additive cost: a constant and the operations' own, {self.precision}",
            per_group=False,
            monotone=["rises"],
            parameters={
                "constant": _text(exact),
                "quantum": str(self.quantum),
                "costs": hashlib.sha256(table.encode()).hexdigest(),
            },
        )

    @property
    def rounding(self) -> Fraction:
        """By how much rounding changes any one of the costs, or the constant, at most; 0 if all are exact."""
        return max(self._off(cost) for cost in (self.constant, *self.costs.values()))

    @property
    def precision(self) -> str:
        """How exact the cost is, in words."""
        if not self.rounding:
            return f"exact, in steps of {float(self.quantum):g}"
        return f"each rounded to steps of {float(self.quantum):g}, by at most {float(self.rounding):.2g}"

    def _quanta(self, cost: Fraction) -> int:
        return round(cost / self.quantum)

    def _off(self, cost: Fraction) -> Fraction:
        return abs(self._quanta(cost) * self.quantum - cost)

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

    def _cost(self, position: str, operation: str) -> Fraction:
        for key in ((position, operation), (None, operation)):
            if key in self.costs:
                return self.costs[key]
        raise BadInput(f"cost {self.name} has no cost of {operation!r} at {position}: expected one, 0 if it is free")

    def _choice(self, position: str, choice: Choice) -> int:
        """Return the cost of a choice in quanta."""
        return sum(self._quanta(self._cost(position, o.name)) for o in choice.operations)

    def error_bound(self, space: str | Space) -> float:
        """Return by how much rounding to quanta can change the cost of any architecture of a space, at most."""
        worst = self._off(self.constant)
        for position in find_space(space).positions:
            worst += max(
                sum((self._off(self._cost(position.name, o.name)) for o in choice.operations), Fraction(0))
                for choice in position.choices
            )
        return float(worst)

    def frame(self) -> pl.DataFrame:
        """Return the table as `read_costs` reads it."""
        rows: list[tuple[str | None, str, float]]
        rows = [(None, "constant", float(self.constant)), (None, "quantum", float(self.quantum))]
        rows += [(position, operation, float(cost)) for (position, operation), cost in self.costs.items()]
        return pl.DataFrame(rows, {"position": pl.String, "operation": pl.String, "cost": pl.Float64}, orient="row")


def _exact(value: object) -> Fraction | None:
    """Return a number of any type as the decimal that it is written as; None if it is none that a float can be near."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | Decimal | Fraction | np.number):
        return None
    try:
        near = float(value)
    except (OverflowError, ValueError, TypeError):  # 10**400, a signalling NaN, a complex number
        return None
    if not math.isfinite(near) or (near == 0 and value != 0):
        return None
    return Fraction(value) if isinstance(value, int | Fraction) else Fraction(str(value))


def _text(number: Fraction) -> str:
    """Return a number as Python writes it as a float, or else as a fraction."""
    written = repr(float(number))
    return written if Fraction(written) == number else str(number)


def _exact_costs(name: str, costs: Costs) -> dict[tuple[str | None, str], Fraction]:
    if not isinstance(costs, Mapping) or not costs:
        raise BadInput(f"cost {name}: costs {costs!r}, expected a mapping from one or more operations to numbers")
    out: dict[tuple[str | None, str], Fraction] = {}
    for key, cost in costs.items():
        pair = key if isinstance(key, tuple) else (None, key)
        if len(pair) != 2 or not isinstance(pair[0], str | None) or not isinstance(pair[1], str):
            raise BadInput(f"cost {name}: {key!r}, expected an operation or a pair of position and operation")
        exact = _exact(cost)
        if exact is None or exact < 0:
            raise BadInput(f"cost {name} of {pair[1]!r}{_at(pair[0])} is {cost!r}: expected a number of 0 or more")
        out[pair] = exact
    return out


def _at(position: str | None) -> str:
    return f" at {position}" if position is not None else ""


def column_name(text: str) -> str:
    """Return the name of a column for a text: what is no letter or digit made an underscore."""
    name = re.sub(r"\W", "_", text)
    return name if name.isidentifier() else f"cost_{name}"


def _default(name: str, costs: Mapping[tuple[str | None, str], Fraction], constant: Fraction) -> Fraction:
    """Return the greatest quantum that divides a table, or a coarser one if that would make too many classes."""
    numbers = [constant, *costs.values()]
    largest = max(costs.values()) or abs(constant)
    one = math.lcm(*(number.denominator for number in numbers))
    quantum = Fraction(math.gcd(*(int(number * one) for number in numbers)), one) or Fraction(1)
    positions = Counter(position for position, _ in costs if position is not None)
    few = math.prod(positions.values()) <= _FEW or largest <= _QUANTA * quantum
    if few and quantum.denominator <= _FINEST and largest + abs(constant) <= _EXACT * quantum:
        return quantum
    coarse = Fraction(f"{float(largest / _COARSE):.0e}") or Fraction(1)
    if coarse.denominator > _FINEST or largest < coarse:
        raise BadInput(f"cost {name}: costs up to {float(largest):g}, expected some of 1e-9 or more: another unit")
    return coarse


def _quantum(name: str, given: Number | str) -> Fraction:
    number: object = given
    try:
        if isinstance(given, str):
            number = Fraction(given) if "/" in given else Decimal(given)
        exact = _exact(number)
    except (ValueError, ArithmeticError):
        exact = None
    quantum = (exact or Fraction(0)).limit_denominator(_FINEST)  # 0.3333333333333333 is a third
    if quantum <= 0 or quantum.numerator > 10**15:
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
    numbers = list(table["cost"].to_numpy() if table["cost"].dtype == pl.Float32 else table["cost"])  # 12.7 as float32
    costs: dict[tuple[str | None, str], Number] = {}
    for row, (position, operation) in enumerate(table.select("position", "operation").rows()):
        if (position or None, operation) in costs:
            raise BadInput(f"table {path}, row {row}: {operation!r}{_at(position)} stands there twice")
        if not isinstance(operation, str) or _exact(numbers[row]) is None:
            raise BadInput(
                f"table {path}, row {row}: cost {numbers[row]!r} of {operation!r}, expected a number of an operation"
            )
        costs[position or None, operation] = numbers[row]
    constant, quantum = costs.pop((None, "constant"), 0), costs.pop((None, "quantum"), None)
    return TableCost(name or column_name(Path(path).stem), costs, constant, quantum=quantum, unit=unit)
