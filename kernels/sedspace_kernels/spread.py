"""What choosing needs of every architecture: how far it is from what is chosen, and how much it may be better."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit


@jit
def nearer(features: NDArray[np.float32], center: NDArray[np.float32], squared: NDArray[np.float64]) -> None:
    """Lower squared distances to those from one more point, where it is nearer.

    Parameters
    ----------
    features : float32[n, features]
    center : float32[features]
    squared : float64[n]
    """
    for i in range(len(features)):
        total = 0.0
        for f in range(len(center)):
            difference = float(features[i, f]) - float(center[f])
            total += difference * difference
        squared[i] = min(squared[i], total)


@jit
def improvements(
    mean: NDArray[np.float64], deviation: NDArray[np.float64], best: float, expected: NDArray[np.float64]
) -> None:
    """Write by how much normally distributed numbers are expected to exceed the best so far.

    That is ``(m - b) F(z) + s f(z)`` with ``z = (m - b) / s``, where F and f are the distribution and the density of a
    normal variable; ``max(m - b, 0)`` where the deviation is 0.

    Parameters
    ----------
    mean, deviation : float64[n]
    best : float
    expected : float64[n]
    """
    for i in range(len(mean)):
        ahead, s = mean[i] - best, deviation[i]
        if s <= 0.0:
            expected[i] = max(ahead, 0.0)
            continue
        z = ahead / s
        density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        expected[i] = max(ahead * 0.5 * math.erfc(-z / math.sqrt(2.0)) + s * density, 0.0)
