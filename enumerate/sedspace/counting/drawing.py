"""Random architectures: uniform, stratified by a score, or drawn more often the better they score."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sedspace import draws
from sedspace.counting.classes import Classes, Walks, select
from sedspace.counting.distributions import integers
from sedspace.errors import BadInput, as_int, as_number, at_least_one
from sedspace.scores import Score, check_rows_fit, only_unique
from sedspace.spaces import Space
from sedspace.spaces import space as find_space

if TYPE_CHECKING:
    import polars as pl

_MOST_STRATA = 1 << 20

_Rows = list[tuple[int, int, float]]
"""Index, class, and the weight or probability of each drawn architecture."""


def sample(
    space: str | Space,
    n: int,
    *,
    stratify: str | Score | None = None,
    strata: int | None = None,
    importance: str | Score | None = None,
    temperature: float | None = None,
    where: str | None = None,
    unique: str | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Draw random architectures from a space: see `sedspace.sample`."""
    import polars as pl

    space = find_space(space)
    n = at_least_one(n, "n")
    by = _check(stratify, strata, importance, temperature)
    random = draws.integers(seed)
    classes, scores, wanted = select(space, [] if by is None else [by], only_unique(space, where, unique))
    if importance is None:
        check_enough(n, int(classes.counts[wanted].sum()))
    check_rows_fit(space, n, "n")
    if importance is not None:
        rows = _by_importance(classes, scores[0], wanted, n, 1.0 if temperature is None else float(temperature), random)
    elif stratify is not None:
        rows = _stratified(classes, scores[0], wanted, n, strata, random)
    else:
        rows = _uniform(classes, wanted, n, random)
    indices, of = [row[0] for row in rows], [row[1] for row in rows]
    return pl.DataFrame(
        [
            integers("index", indices, space.size),
            *(pl.Series(score.name, classes.values(score.name)[of]) for score in scores),
            pl.Series("weight" if importance is None else "probability", [row[2] for row in rows], dtype=pl.Float64),
            pl.Series("arch", space.arch(indices).tolist(), dtype=pl.String),
        ]
    )


def _check(
    stratify: str | Score | None, strata: int | None, importance: str | Score | None, temperature: float | None
) -> str | Score | None:
    """Return the score that the draw goes by."""
    if stratify is not None and importance is not None:
        raise BadInput("stratify and importance exclude each other: expected one of them")
    if strata is not None and (stratify is None or not 1 <= as_int(strata, "strata") <= _MOST_STRATA):
        raise BadInput(f"strata {strata}: expected 1 to {_MOST_STRATA:,}, and a score to stratify by")
    if temperature is not None and not (math.isfinite(as_number(temperature, "temperature")) and temperature):
        raise BadInput(f"temperature {temperature}: expected a number other than 0")
    if importance is None and temperature is not None:
        raise BadInput(f"temperature {temperature} without importance: it is that of a draw by importance")
    return stratify if importance is None else importance


def _draw(classes: Classes, wanted: NDArray[np.bool_], n: int, weight: float, random: Random) -> _Rows:
    """Draw n different architectures of some classes."""
    walks = Walks(classes, wanted)
    return [(index, kind, weight) for index, kind in _walked(walks, draws.subset(random, walks.count, n))]


def _walked(walks: Walks, ranks: list[int]) -> list[tuple[int, int]]:
    """Return index and class of the architectures of some ranks."""
    digits, of = walks.unrank(ranks)
    return list(zip(np.asarray(walks.classes.space.index(digits)).tolist(), of.tolist(), strict=True))


def _uniform(classes: Classes, wanted: NDArray[np.bool_], n: int, random: Random) -> _Rows:
    total = int(classes.counts[wanted].sum())
    check_enough(n, total)
    return _draw(classes, wanted, n, total / n, random)


def _stratified(
    classes: Classes, score: Score, wanted: NDArray[np.bool_], n: int, strata: int | None, random: Random
) -> _Rows:
    values = classes.values(score.name)
    wanted = wanted & np.isfinite(values)
    stratum = np.full(len(values), -1)
    if strata is not None and wanted.any():
        known = values[wanted].astype(np.float64)
        width = (known.max() - known.min()) / strata or 1.0
        stratum[wanted] = np.minimum((known - known.min()) // width, strata - 1).astype(np.intp)
        values = stratum.copy()
    stratum[wanted] = np.unique(values[wanted], return_inverse=True)[1]
    sizes = [0] * (int(stratum.max(initial=-1)) + 1)
    for number, count in zip(stratum[wanted].tolist(), classes.counts[wanted].tolist(), strict=True):
        sizes[number] += count
    check_enough(n, sum(sizes))
    shares = shares_of(sizes, n, random)
    drawn = sum(share > 0 for share in shares)
    rows: _Rows = []
    for number, (size, share) in enumerate(zip(sizes, shares, strict=True)):
        if share:
            weight = size / share * (len(sizes) / drawn)
            rows += sorted(_draw(classes, stratum == number, share, weight, random))
    return rows


def shares_of(sizes: list[int], n: int, random: Random) -> list[int]:
    """Deal n out to strata evenly, none more than it has; what is left over falls to strata at random."""
    shares = [0] * len(sizes)
    while n > 0:
        room = [number for number, size in enumerate(sizes) if shares[number] < size]
        each = n // len(room)
        if each == 0:
            room = [room[i] for i in draws.subset(random, len(room), n)]
            each = 1
        for number in room:
            given = min(each, sizes[number] - shares[number])
            shares[number] += given
            n -= given
    return shares


def _by_importance(
    classes: Classes, score: Score, wanted: NDArray[np.bool_], n: int, temperature: float, random: Random
) -> _Rows:
    values = classes.values(score.name).astype(np.float64)
    wanted = wanted & np.isfinite(values)
    check_enough(1, int(classes.counts[wanted].sum()))
    best = values[wanted].max() if temperature > 0 else values[wanted].min()
    # As integers, so fine that even all that is rounded away together would not be drawn in ages.
    one = 1 << (64 + classes.space.size.bit_length())
    with np.errstate(over="ignore", invalid="ignore"):
        density = np.exp(np.where(wanted, (values - best) / temperature, -np.inf))
    weights = np.array([int(Fraction(share) * one) for share in density.tolist()], object)
    walks = Walks(classes, weights)
    ranks = [random.randrange(walks.count) for _ in range(n)]
    return [(index, kind, weights[kind] / walks.count) for index, kind in _walked(walks, ranks)]


def check_enough(n: int, total: int) -> None:
    """Raise `BadInput` if fewer architectures meet a request than it wants."""
    if n > total:
        raise BadInput(f"n {n}: only {total} architectures meet the request")
