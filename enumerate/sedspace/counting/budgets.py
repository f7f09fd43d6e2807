"""The best of a whole space within budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import TYPE_CHECKING

import numpy as np

from sedspace.counting.aims import bound, request
from sedspace.counting.classes import select
from sedspace.counting.compiled import TooManyClasses
from sedspace.counting.distributions import integers
from sedspace.counting.search import Found, TooLong, searched
from sedspace.dtypes import DTYPES
from sedspace.errors import BadInput, as_number
from sedspace.scores import Score, find_score
from sedspace.spaces import Space
from sedspace.spaces import space as find_space

if TYPE_CHECKING:
    import polars as pl

_TIES = 1 << 10  # architectures that are counted one by one


def best_within(
    space: str | Space,
    budgets: Iterable[float],
    cost: str | Score = "params",
    by: str | Score = "sed",
    *,
    where: str | None = None,
) -> pl.DataFrame:
    """Return the best architecture within each of several budgets.

    Parameters
    ----------
    space : str or Space
    budgets : iterable of numbers
        In the unit of `cost`; an architecture may cost as much as the budget.
    cost : str or Score, default "params"
    by : str or Score, default "sed"
    where : str, optional
        A condition on features and scores in SQL.

    Returns
    -------
    polars.DataFrame
        One row per budget: ``budget``, the best score, ``count`` (how many architectures within the budget have it,
        exact), and of the one with the lowest index ``index``, its cost and ``arch``. Null where nothing is within;
        where classes are too many to count, ``count`` is null beyond 1,024.

    Raises
    ------
    BadInput
        If a name is unknown, a score of a large space is not additive, or a budget is no number.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.best_within("tss5", [100_000, 1_000_000, 10_000_000]).select("budget", "sed", "params", "count").rows()
    [(100000, 0.0, 73306, 1024), (1000000, 13.125, 970426, 84), (10000000, 15.75, 2260666, 1)]
    """
    import polars as pl

    space = find_space(space)
    limits = _numbers(budgets)
    if find_score(space, cost).name == find_score(space, by).name:
        raise BadInput(f"cost and score are both {find_score(space, by).name}: expected two different ones")
    price, score = find_score(space, cost), find_score(space, by)
    try:
        rows = _counted_within(space, price, score, limits, where)
    except TooManyClasses as refusal:
        rows = [_searched_within(space, price, score, budget, where, refusal) for budget in limits]
    best_values, best_costs, counts, indices, archs = zip(*rows, strict=True)
    return pl.DataFrame(
        [
            pl.Series("budget", limits),
            pl.Series(score.name, best_values, dtype=DTYPES[score.dtype].polars),
            pl.Series(price.name, best_costs, dtype=DTYPES[price.dtype].polars),
            integers("count", counts, space.size),
            integers("index", indices, space.size),
            pl.Series("arch", archs, dtype=pl.String),
        ]
    )


_Row = tuple[object, ...]
"""The best value within a budget, its cost, how many have it, index and arch."""


def _counted_within(space: Space, price: Score, score: Score, limits: Sequence[float], where: str | None) -> list[_Row]:
    classes, _, wanted = select(space, [price, score], where)
    costs, keys, values = classes.values(price.name), classes.keys[score.name], classes.values(score.name)
    _refuse_below(min(limits), price, costs.min())
    wanted = wanted & (keys == keys)
    rows: list[_Row] = []
    for budget in limits:
        within = np.flatnonzero(wanted & (costs <= budget))
        if not len(within):
            rows.append((None,) * 5)
            continue
        best_of = within[keys[within] == keys[within].max()]
        least = classes.least[best_of]
        first = best_of[np.argmin(least)]
        index = int(least.min())
        rows.append((values[first], costs[first], int(classes.counts[best_of].sum()), index, space.arch(index)))
    return rows


def _searched_within(
    space: Space, price: Score, score: Score, budget: float, where: str | None, refusal: TooManyClasses
) -> _Row:
    asked = request(space, [(score, 1)], where, refusal)
    _refuse_below(budget, price, bound(asked, price, -1, lambda values: values <= budget, refusal))
    found = searched(asked, 0, space.size)
    if (first := next(found, None)) is None:
        return (None,) * 5
    value, cost, index = first.values[0], price.values(price.at(space, first.digits))[0], int(first.indices[0])
    return value, cost, _ties(found, value), index, space.arch(index)


def _ties(found: Iterator[Found], value: float) -> int | None:
    """Return how many architectures are as good as the first, which was taken; None if it takes too long to see."""
    try:
        others = sum(1 for _ in islice(takewhile(lambda one: one.values[0] == value, found), _TIES))
    except TooLong:
        return None
    return 1 + others if others < _TIES else None


def _refuse_below(budget: float, price: Score, least: float) -> None:
    if budget < 0 <= least:
        raise BadInput(f"budget {budget}: {price.name} is never below {least}")


def _numbers(budgets: Iterable[float]) -> list[float]:
    """Return budgets as numbers of one type: integers if all are, and fit int64."""
    several = isinstance(budgets, Iterable) and not isinstance(budgets, str) and getattr(budgets, "shape", None) != ()
    given = [as_number(one, "budget") for one in (budgets if several else [budgets])]
    if not given:
        raise BadInput("budgets []: expected at least one number")
    exact = all(isinstance(one, int) and abs(one) < 1 << 63 for one in given)
    return [int(one) if exact else float(one) for one in given]
