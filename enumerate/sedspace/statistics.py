"""Rank correlations, and how well a score finds what is measured to be best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from sedspace import draws
from sedspace.correlation import RankCorrelation, rank_correlation

TOP = 1000  # architectures that nDCG looks at
_FOLDS = 5
TREES = 300
RESAMPLES = 1000
MOST_RESAMPLED = 2000  # pairs of architectures that are compared with each other at once: 4 million
ENSEMBLE = "random forest of all"


@dataclass(frozen=True)
class Intervals:
    """Where rank correlations may lie, 95 % of the resampled ones do: least and greatest, None where unknown."""

    spearman: tuple[float, float] | None
    kendall: tuple[float, float] | None


def intervals(x: ArrayLike, y: ArrayLike, seed: int = 0) -> Intervals:
    """Return percentile bootstrap intervals of Spearman's rho and Kendall's tau-b of the finite pairs.

    Pairs are drawn with replacement, as many as there are, `RESAMPLES` times. There are none of fewer than 3 pairs, of
    more than `MOST_RESAMPLED` (whose sampling error is small, or which are all there is), or if half the resamples
    have no correlation.

    Examples
    --------
    >>> [round(one, 1) for one in intervals([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5]).spearman]
    [0.2, 1.0]
    """
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    known = np.isfinite(a) & np.isfinite(b)
    a, b, n = a[known], b[known], int(known.sum())
    if not 3 <= n <= MOST_RESAMPLED:
        return Intervals(None, None)
    times = draws.arrays(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    spearman, kendall = (_interval(found) for found in resampled(a, b, times))
    return Intervals(spearman, kendall)


def resampled(
    a: NDArray[np.float64], b: NDArray[np.float64], times: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Spearman's rho and Kendall's tau-b of resamples, NaN where there is none.

    Nothing is sorted for a resample: the rank of a value is the number of those below it, of which each counts as often
    as it was drawn.

    Parameters
    ----------
    a, b : float64[n]
    times : int64[resamples, n]
        How often each pair was drawn.
    """
    n = len(a)
    (rank_a, ties_a), (rank_b, ties_b) = _ranks(a, times), _ranks(b, times)
    rank_a, rank_b = rank_a - (n + 1) / 2, rank_b - (n + 1) / 2
    alike = np.sign(a[:, None] - a) * np.sign(b[:, None] - b)
    agreeing = ((times @ alike) * times).sum(axis=1) / 2
    pairs = n * (n - 1) / 2
    with np.errstate(invalid="ignore"):
        norm = np.sqrt((times * rank_a**2).sum(axis=1) * (times * rank_b**2).sum(axis=1))
        rho = (times * rank_a * rank_b).sum(axis=1) / norm
        return rho, agreeing / np.sqrt((pairs - ties_a) * (pairs - ties_b))


def _ranks(values: NDArray[np.float64], times: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean rank of each value in each resample, and the tied pairs of the resample."""
    of = np.unique(values, return_inverse=True)[1]
    order = np.argsort(of, kind="stable")
    each = np.add.reduceat(times[:, order], np.flatnonzero(np.diff(of[order], prepend=-1)), axis=1)
    ranks = np.cumsum(each, axis=1) - (each - 1) / 2
    return ranks[:, of], (each * (each - 1)).sum(axis=1) / 2


def _interval(found: NDArray[np.float64]) -> tuple[float, float] | None:
    known = found[np.isfinite(found)]
    if 2 * len(known) < len(found):
        return None
    low, high = np.clip(np.quantile(known, [0.025, 0.975]), -1.0, 1.0).tolist()
    return low, high


@dataclass(frozen=True)
class Judgement:
    """How well a score predicts measured accuracy.

    Attributes
    ----------
    all, best : RankCorrelation
        Over all architectures that have a score, and over the best 5 % of them by accuracy.
    within, within_best : Intervals
        Where these correlations may lie; of the best only where there is one over all.
    minimum : float
        Spearman's rho of the score's values with the least accuracy among architectures of equal score; NaN if hardly
        any share a score.
    index, accuracy : int, float
        The architecture of the greatest score, ties by the lowest index, and what it reaches.
    rank : int
        1 plus the number of architectures of the whole table that are more accurate.
    regret : float
        What the most accurate architecture of the whole table reaches more than this one, in the unit of accuracies.
    ndcg : float
        See `ndcg`; of accuracies that are no percentages NaN.
    """

    all: RankCorrelation
    within: Intervals
    best: RankCorrelation
    within_best: Intervals
    minimum: float
    index: int
    accuracy: float
    rank: int
    regret: float
    ndcg: float


def judge(
    score: ArrayLike,
    accuracy: ArrayLike,
    index: ArrayLike,
    everyone: ArrayLike | None = None,
    *,
    less: bool = False,
    resample: bool = True,
) -> Judgement | None:
    """Judge a score by measured accuracies.

    Parameters
    ----------
    score, accuracy, index : array_like of shape (n,)
    everyone : array_like, optional
        The accuracies to rank the winner among. Default: `accuracy`.
    less : bool, default False
        Whether less of the score is better: it is turned round first.
    resample : bool, default True
        Whether to ask, by resampling, where the correlations may lie.

    Returns
    -------
    Judgement, or None if fewer than two architectures have a score
    """
    values, reached, indices = np.asarray(score, np.float64), np.asarray(accuracy, np.float64), np.asarray(index)
    known = np.isfinite(values) & np.isfinite(reached)
    among = reached if everyone is None else np.asarray(everyone, np.float64)
    values, reached, indices = (-values if less else values)[known], reached[known], indices[known]
    if len(values) < 2:
        return None
    best = best_share(reached, indices)
    sampled = resample and len(values) <= MOST_RESAMPLED
    winner = int(np.lexsort((indices, -values))[0])
    return Judgement(
        rank_correlation(values, reached),
        intervals(values, reached) if sampled else Intervals(None, None),
        rank_correlation(values[best], reached[best]),
        intervals(values[best], reached[best]) if sampled else Intervals(None, None),
        _minimum(values, reached),
        int(indices[winner]),
        float(reached[winner]),
        int((among > reached[winner]).sum()) + 1,
        float(np.nanmax(among) - reached[winner]),
        ndcg(values, reached),
    )


def best_share(accuracy: NDArray[np.float64], index: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the places of the best 5 % by accuracy, ties by the lowest index."""
    return np.lexsort((index, -accuracy))[: len(accuracy) // 20]


def ndcg(score: ArrayLike, accuracy: ArrayLike, top: int = TOP) -> float:
    """Return the normalized discounted cumulative gain of the order in which a score puts architectures.

    The measure of VKDNW (arXiv 2502.04975, equation 14): place j of the first `top` adds ``(2^a - 1) / log2(1 + j)``,
    where a is the accuracy in percent of the architecture there, and the sum is divided by that of the best order. So
    one point of accuracy counts twice, and only what comes near the best counts at all. Architectures of equal score
    share the places that they have together, as if each of their orders were as likely.

    Parameters
    ----------
    score : array_like of shape (n,)
        Greater for those that come first.
    accuracy : array_like of shape (n,)
        In percent, or all of them as fractions from 0 to 1.
    top : int, default 1000

    Returns
    -------
    float
        1 for the best order; NaN if an accuracy is neither, or none is above 0.

    Examples
    --------
    >>> round(ndcg([3, 2, 1], [60.0, 70.0, 50.0]), 3), ndcg([3, 2, 1], [0.7, 0.6, 0.5])  # the best one second, first
    (0.632, 1.0)
    """
    values, reached = np.asarray(score, np.float64), np.asarray(accuracy, np.float64)
    percent = reached * 100 if reached.max() <= 1 else reached
    if not (percent.min() >= 0 and 0 < percent.max() <= 100):
        return math.nan
    gain = np.exp2(percent) - 1
    discount = np.zeros(len(values))
    discount[:top] = 1 / np.log2(np.arange(2, min(top, len(values)) + 2))
    _, group, size = np.unique(-values, return_inverse=True, return_counts=True)
    shared = np.add.reduceat(discount, np.cumsum(size) - size)
    reached_by_score = (np.bincount(group, gain) / size * shared).sum()
    return float(reached_by_score / (np.sort(gain)[::-1] * discount).sum())


def _minimum(score: NDArray[np.float64], accuracy: NDArray[np.float64]) -> float:
    values, group = np.unique(score, return_inverse=True)
    if 2 * len(values) > len(score):
        return math.nan
    worst = np.full(len(values), np.inf)
    np.minimum.at(worst, group, accuracy)
    return rank_correlation(values, worst).spearman


def ensemble(scores: pl.DataFrame, accuracy: ArrayLike) -> NDArray[np.float64] | None:
    """Return what random forests of all scores predict for architectures that they have not seen.

    In the manner of GreenFactory (arXiv 2505.09344): 300 trees, five folds, always the same ones. Scores that an
    architecture does not have are missing values to the trees.

    Returns
    -------
    float64[n], or None for fewer than 20 architectures
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    if len(scores) < 4 * _FOLDS:
        return None
    forest = RandomForestRegressor(TREES, random_state=0)
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    largest = float(np.finfo(np.float32).max)  # trees compare in single precision
    table = scores.cast(pl.Float64).fill_null(float("nan")).to_numpy().clip(-largest, largest)
    return np.asarray(cross_val_predict(forest, table, np.asarray(accuracy, np.float64), cv=folds))
