"""How good the best of some random architectures is likely to be: from counting all, nothing is drawn."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate

import numpy as np
import polars as pl

from sedspace.counting import distribution
from sedspace.counting.distributions import integers
from sedspace.errors import BadInput, at_least_one
from sedspace.scores import Score
from sedspace.spaces import Space

_MOST = 1_000_000
_CERTAIN = -40.0  # the logarithm of what is nothing beside 1


def best_of(space: str | Space, n: int, by: str | Score = "sed", *, where: str | None = None) -> pl.DataFrame:
    """Return how likely the best of n random architectures is to have at least each value of a score.

    The n are different, and every set of n is equally likely. Nothing is drawn: all architectures are counted, as
    `distribution` does.

    Parameters
    ----------
    space : str or Space
    n : int
    by : str or Score, default "sed"
    where : str, optional
        A condition on features and scores in SQL: they are drawn among what meets it.

    Returns
    -------
    polars.DataFrame
        The score, best first, ``at_least`` (how many architectures have this or more, exact) and ``probability`` that
        the best of n has, computed from exact counts to twelve digits.

    Raises
    ------
    BadInput
        If n is below 1 or above a million, there are fewer architectures, or all cannot be counted.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.best_of("tss", 100)["probability"].head(3).round(6).to_list()
    [0.0064, 0.037797, 0.097673]
    """
    number, every = at_least_one(n, "n"), distribution(space, by, where=where)
    if number > min(every.total, _MOST):
        raise BadInput(f"n {number:,}: expected at most {min(every.total, _MOST):,} of {every.total:,} architectures")
    at_least = list(accumulate(reversed(every.counts)))
    return pl.DataFrame(
        [
            pl.Series(every.name, every.values[::-1]),
            integers("at_least", at_least, every.total),
            pl.Series("probability", _chances(every.total, at_least, number), pl.Float64),
        ]
    )


def _chances(total: int, at_least: list[int], n: int) -> list[float]:
    """Return how likely at least one of n different of so many is among the good, for ascending numbers of good ones.

    None is with probability ``prod (1 - good / (total - i))``, i from 0 to n - 1; n and the good may change places.
    """
    out: list[float] = []
    for good in at_least:
        few, many = sorted([good, n])
        if few + many > total:
            break
        left = np.arange(few, dtype=np.float64)
        none = float(np.log1p(-many / (float(total) - left)).sum())
        if none < _CERTAIN:
            break
        out.append(-math.expm1(none))
    return out + [1.0] * (len(at_least) - len(out))


def reached(found: pl.DataFrame, probability: float) -> float:
    """Return the greatest value that the best of n reaches with at least a probability, of what `best_of` returns."""
    place = bisect_left(found["probability"].to_list(), probability)
    value: float = found[found.columns[0]][min(place, len(found) - 1)]
    return value
