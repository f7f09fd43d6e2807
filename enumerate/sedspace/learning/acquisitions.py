"""What measuring an architecture may bring, by what is predicted of it; and batches that do not ask the same twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput, as_number, unknown
from sedspace_kernels.spread import improvements

Floats = NDArray[np.float64]
Acquisition = Callable[[Floats, Floats, float], Floats]
"""From means, standard deviations and the best so far, all in normal scores, to what measuring may bring."""

EXPECTED_IMPROVEMENT, UPPER_CONFIDENCE_BOUND = KINDS = "expected_improvement", "upper_confidence_bound"
EXPLORATION = 1.0  # standard deviations that an upper confidence bound is above the mean


def expected_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """Return by how much architectures are expected to exceed the best so far.

    See D. R. Jones, M. Schonlau, W. J. Welch: Efficient global optimization of expensive black-box functions. Journal
    of Global Optimization 13, 1998, equation 15.

    Examples
    --------
    >>> expected_improvement(np.array([0.0, 0.0]), np.array([1.0, 0.0]), 0.0).round(4).tolist()
    [0.3989, 0.0]
    """
    out = np.empty(len(mean))
    improvements(mean, deviation, best, out)
    return out


def acquisition_of(kind: str, exploration: float | None) -> Acquisition:
    """Return the function of a name.

    Raises
    ------
    BadInput
        If there is none, or a number was given that it does not ask for.
    """
    if kind not in KINDS:
        raise unknown("acquisition", kind, KINDS)
    if kind == EXPECTED_IMPROVEMENT:
        if exploration is not None:
            raise BadInput(f"exploration {exploration} is for {UPPER_CONFIDENCE_BOUND}: {kind} asks for none")
        return expected_improvement
    times = EXPLORATION if exploration is None else as_number(exploration, "exploration")
    if not 0 <= times < np.inf:
        raise BadInput(f"exploration {exploration}: expected a number of standard deviations, 0 or more")
    return lambda mean, deviation, _: mean + times * deviation


def batch(
    acquisition: Acquisition, mean: Floats, deviation: Floats, alike: NDArray[np.float64], best: float, n: int
) -> tuple[list[int], Floats]:
    """Choose several architectures to be measured at once, each as if those before it had turned out as predicted.

    What has been chosen makes what is alike less uncertain, and so less worth measuring: see T. Desautels, A. Krause,
    J. W. Burdick: Parallelizing exploration-exploitation tradeoffs in Gaussian process bandit optimization. Journal of
    Machine Learning Research 15, 2014.

    Parameters
    ----------
    acquisition : callable
    mean, deviation : float64[m]
    alike : float64[m, m]
        The correlation of what is not known of every two.
    best : float
    n : int
        At most m.

    Returns
    -------
    list of int
        The chosen ones, ties by the lowest place.
    float64[n]
        What each was worth when it was chosen.
    """
    together = alike * deviation[:, None] * deviation
    left, worth = np.ones(len(mean), bool), np.empty(n)
    chosen: list[int] = []
    for k in range(n):
        spread = np.sqrt(np.maximum(np.diag(together), 0.0))
        values = np.where(left, acquisition(mean, spread, best), -np.inf)
        chosen.append(int(values.argmax()))
        worth[k], left[chosen[-1]] = values[chosen[-1]], False
        best = max(best, float(mean[chosen[-1]]))
        along = together[chosen[-1]].copy()
        if along[chosen[-1]] > 0:
            together -= np.outer(along, along) / along[chosen[-1]]
    return chosen, worth
