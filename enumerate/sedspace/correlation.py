"""Rank correlation."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sedspace.errors import needs


@dataclass(frozen=True)
class RankCorrelation:
    """Rank correlations of the n pairs of finite numbers of two series.

    Attributes
    ----------
    spearman, kendall : float
        Spearman's rho and Kendall's tau-b; NaN of fewer than two pairs, or where one series is constant.
    n : int
    """

    spearman: float
    kendall: float
    n: int


def rank_correlation(x: ArrayLike, y: ArrayLike) -> RankCorrelation:
    """Return the rank correlations of two series; pairs that are not of two finite numbers are left out.

    Raises
    ------
    BadInput
        If scipy is not installed.

    Examples
    --------
    >>> rank_correlation([1, 2, 3, float("nan")], [2, 4, 6, 1])
    RankCorrelation(spearman=1.0, kendall=1.0, n=3)
    >>> rank_correlation([1, 2], [3, 3])
    RankCorrelation(spearman=nan, kendall=nan, n=2)
    """
    try:
        from scipy.stats import ConstantInputWarning, kendalltau, spearmanr
    except ModuleNotFoundError:
        raise needs("scipy", "plot", "rank correlations need") from None
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    n = int(finite.sum())
    if n < 2:
        return RankCorrelation(math.nan, math.nan, n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantInputWarning)
        rho, tau = (float(of(a[finite], b[finite]).statistic) for of in (spearmanr, kendalltau))
    return RankCorrelation(rho, tau, n)
