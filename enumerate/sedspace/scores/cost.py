"""Costs that add up: latencies or energies from a table by operation, position and what came before."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import chain
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.earlier import Fact, Facts, read_facts, remembering
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.machine import Machine
from sedspace.tables import read_table

Number = float | Decimal | Fraction | np.number
Key = tuple[str | None, str] | tuple[str, str, str]
Costs = Mapping[str, Number] | Mapping[tuple[str | None, str], Number] | Mapping[Key, Number]
"""The cost of each operation by its name, by (position, operation), where position None stands for all others, or by
(position, operation, state)."""

_Rules = dict[tuple[int, str], list[tuple[Facts, Fraction]]]
_lock = Lock()
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
        From operation, from (position, operation), or from (position, operation, state) to a cost: a Python or NumPy
        number, `Decimal` or `Fraction`. Position None stands for all that are not named. A state says what earlier
        positions have, ``"0->1=nor_conv_3x3"``, several joined by ``" AND "``; of those that hold, the one that says
        most counts.
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
        From (position or None, operation), or (position, operation, state), to the exact cost, a `Fraction`.
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

    A 3x3 convolution that comes right after another one is fused with it:

    >>> fused = ss.TableCost("fused", {**{(None, o): c for o, c in costs.items()},
    ...                                ("1->2", "nor_conv_3x3", "0->1=nor_conv_3x3"): 0.4})
    >>> ss.score("tss", fused, indices=[11668, 0]).tolist()
    [2.62, 0.0]
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
        self._known: WeakKeyDictionary[Space, tuple[Machine, list[NDArray[np.int64]]]] = WeakKeyDictionary()
        table = json.dumps(sorted((p or "", *rest, _text(cost)) for (p, *rest), cost in self.costs.items()))
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

    def __getstate__(self) -> dict[str, object]:
        """Return what travels to another process: all but what is known of spaces here."""
        return {**self.__dict__, "_known": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._known = WeakKeyDictionary()

    def has_states(self, space: Space) -> bool:
        """Return whether a cost depends on what came before."""
        return any(len(key) == 3 for key in self.costs)

    def machine(self, space: Space) -> Machine | None:
        """Return the machine that remembers what costs depend on; None if they do not. The same for the same space."""
        return self._by_state(space)[0] if self.has_states(space) else None

    def tables(self, space: Space) -> list[NDArray[np.int64]]:
        """Return for each position int64[choices, 1], by the states of `machine` if it has any: costs in quanta."""
        if self.has_states(space):
            return self._by_state(space)[1]
        rows = self._rules(space)
        return self._checked(
            space, [np.array(self._row(space, rows, p, frozenset())) for p in range(len(space.radices))]
        )

    def _by_state(self, space: Space) -> tuple[Machine, list[NDArray[np.int64]]]:
        with _lock:  # several threads may ask at once
            if space not in self._known:
                rules = self._rules(space)
                asked: dict[Fact, list[int]] = {}
                for (position, _), some in rules.items():
                    for fact in chain.from_iterable(facts for facts, _ in some):
                        asked.setdefault(fact, []).append(position)
                machine, states = remembering(f"cost {self.name}", space, asked)
                tables = [np.array([self._row(space, rules, p, state) for state in at]) for p, at in enumerate(states)]
                self._known[space] = machine, self._checked(space, tables)
            return self._known[space]

    def _checked(self, space: Space, tables: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        largest = sum(int(table.max()) for table in tables) + abs(self._base)
        if largest * self.quantum.numerator >= 1 << 62:
            raise BadInput(
                f"cost {self.name} of {space.name} could reach {largest:,} quanta of {float(self.quantum):g}, beyond "
                f"int64: expected a coarser quantum or another unit"
            )
        return tables

    def _rules(self, space: Space) -> _Rules:
        """Return for each position and operation what must hold for each of its costs."""
        names = [position.name for position in space.positions]
        operations = [operation.name for operation in space.operations]
        out: _Rules = {}
        for (position, operation, *state), cost in self.costs.items():
            if operation not in operations or position not in (None, *names):
                raise BadInput(
                    f"cost {self.name} has {operation!r}{_at(position)}, which {space.name} has not: it has "
                    f"{', '.join(operations)} at {', '.join(names)}"
                )
            if position is not None:
                place = names.index(position)
                what = f"cost {self.name} of {operation!r}{_at(position)}"
                facts = read_facts(state[0], space, place, what) if state else frozenset()
                out.setdefault((place, operation), []).append((facts, cost))
        return out

    def _row(self, space: Space, rules: _Rules, position: int, state: Facts) -> list[list[int]]:
        """Return the cost of each choice at a position in quanta, where some facts hold."""

        @cache  # nb101 has 423,624 choices of three operations
        def quanta(operation: str) -> int:
            return self._quanta(self._cost(space, rules, position, operation, state))

        choices = space.positions[position].choices
        return [[sum(quanta(operation.name) for operation in choice.operations)] for choice in choices]

    def _cost(self, space: Space, rules: _Rules, position: int, operation: str, state: Facts) -> Fraction:
        name = space.positions[position].name
        hold = [(facts, cost) for facts, cost in rules.get((position, operation), ()) if facts <= state]
        if not hold and (None, operation) in self.costs:
            return self.costs[None, operation]
        if not hold:
            more = " where its states do not hold" if (position, operation) in rules else ""
            raise BadInput(
                f"cost {self.name} has no cost of {operation!r} at {name}{more}: expected one, 0 if it is free"
            )
        most = max(len(facts) for facts, _ in hold)
        first, *others = [cost for facts, cost in hold if len(facts) == most]
        if others:
            raise BadInput(
                f"cost {self.name} of {operation!r} at {name}: {1 + len(others)} states hold together and say as much, "
                f"expected one that says more"
            )
        return first

    def error_bound(self, space: str | Space) -> float:
        """Return by how much rounding to quanta can change the cost of any architecture of a space, at most."""
        found = find_space(space)
        _ = self.tables(found)  # there is a cost of everything
        rules, worst = self._rules(found), self._off(self.constant)
        for p, position in enumerate(found.positions):
            worst += max(
                sum((self._off_at(rules, p, o.name) for o in choice.operations), Fraction(0))
                for choice in position.choices
            )
        return float(worst)

    def _off_at(self, rules: _Rules, position: int, operation: str) -> Fraction:
        """Return by how much rounding changes the cost of an operation at a position at most, whatever came before."""
        own = rules.get((position, operation), [])
        costs = [cost for _, cost in own]
        if all(facts for facts, _ in own) and (None, operation) in self.costs:
            costs.append(self.costs[None, operation])
        return max(map(self._off, costs))

    def frame(self) -> pl.DataFrame:
        """Return the table as `read_costs` reads it."""
        rows: list[tuple[str | None, str, str | None, float]]
        rows = [(None, "constant", None, float(self.constant)), (None, "quantum", None, float(self.quantum))]
        for (position, operation, *state), cost in self.costs.items():
            rows.append((position, operation, state[0] if state else None, float(cost)))
        text = {"position": pl.String, "operation": pl.String, "state": pl.String}
        table = pl.DataFrame(rows, {**text, "cost": pl.Float64}, orient="row")
        return table if any(len(key) == 3 for key in self.costs) else table.drop("state")


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


def _exact_costs(name: str, costs: Costs) -> dict[Key, Fraction]:
    if not isinstance(costs, Mapping) or not costs:
        raise BadInput(f"cost {name}: costs {costs!r}, expected a mapping from one or more operations to numbers")
    out: dict[Key, Fraction] = {}
    for key, cost in costs.items():
        own = _key(name, key)
        exact = _exact(cost)
        if exact is None or exact < 0:
            raise BadInput(f"cost {name} of {own[1]!r}{_at(own[0])} is {cost!r}: expected a number of 0 or more")
        out[own] = exact
    return out


def _key(name: str, given: object) -> Key:
    """Return a key of position, operation and, if there is one, state."""
    match given:
        case str():
            return None, given
        case (str() | None as position, str(operation)):
            return position, operation
        case (str(position), str(operation), str(state)) if state.strip():
            return position, operation, state
    raise BadInput(
        f"cost {name}: {given!r}, expected an operation, a pair of position and operation, or these and a state"
    )


def _at(position: str | None) -> str:
    return f" at {position}" if position is not None else ""


def column_name(text: str) -> str:
    """Return the name of a column for a text: what is no letter or digit made an underscore."""
    name = re.sub(r"\W", "_", text)
    return name if name.isidentifier() else f"cost_{name}"


def _default(name: str, costs: Mapping[Key, Fraction], constant: Fraction) -> Fraction:
    """Return the greatest quantum that divides a table, or a coarser one if that would make too many classes."""
    numbers = [constant, *costs.values()]
    largest = max(costs.values()) or abs(constant)
    one = math.lcm(*(number.denominator for number in numbers))
    quantum = Fraction(math.gcd(*(int(number * one) for number in numbers)), one) or Fraction(1)
    positions = Counter(key[0] for key in costs if key[0] is not None)
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
        A CSV or Parquet file with columns ``operation`` and ``cost``, ``position`` if costs depend on it (empty: all
        others), and ``state`` if they depend on what came before (empty: whatever that was). A row whose operation is
        ``constant`` is what every architecture costs, one whose operation is ``quantum`` the unit to round to.
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
    for column in ("position", "state"):
        own = pl.col(column).cast(pl.String) if column in table.columns else pl.lit(None, pl.String)
        table = table.with_columns(own.alias(column))
    if table["operation"].dtype.is_integer():  # widths, of the size space
        table = table.with_columns(pl.col("operation").cast(pl.String))
    given = table["cost"]
    numbers = list(given.to_numpy() if given.dtype == pl.Float32 else given)  # 12.7 as float32
    if given.dtype == pl.String:  # one of them is no number: which, is said below
        read = given.cast(pl.Float64, strict=False)
        numbers = [text if number is None else number for text, number in zip(given, read, strict=True)]
    costs: dict[Key, Number] = {}
    for row, (position, operation, state) in enumerate(table.select("position", "operation", "state").rows()):
        if not isinstance(operation, str) or _exact(numbers[row]) is None:
            raise BadInput(
                f"table {path}, row {row}: cost {numbers[row]!r} of {operation!r}, expected a number of an operation"
            )
        if state and not position:
            raise BadInput(f"table {path}, row {row}: state {state!r} of no position, expected one")
        key: Key = (position, operation, state) if position and state else (position or None, operation)
        if key in costs:
            raise BadInput(f"table {path}, row {row}: {operation!r}{_at(position)} stands there twice")
        costs[key] = numbers[row]
    constant, quantum = costs.pop((None, "constant"), 0), costs.pop((None, "quantum"), None)
    return TableCost(name or column_name(Path(path).stem), costs, constant, quantum=quantum, unit=unit)
