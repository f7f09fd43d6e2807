"""Predictions of a Gaussian process, architecture by architecture.

Every sum is added up in one order, whatever the architectures beside: the same numbers in a range, alone, or on more
threads, which a product of matrices does not promise.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit


@jit
def posterior(
    features: NDArray[np.float32],
    prior: NDArray[np.float64],
    known: NDArray[np.float32],
    known_prior: NDArray[np.float64],
    length: float,
    signal: float,
    weights: NDArray[np.float64],
    root: NDArray[np.float64],
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> None:
    """Write the mean and the standard deviation of a Gaussian process at some points.

    Its kernel is ``signal * exp(-|x - y|^2 / length) + p(x) * p(y)``.

    Parameters
    ----------
    features : float32[n, features]
    prior : float64[n]
    known : float32[features, m]
        The features of the points that were measured.
    known_prior : float64[m]
    length, signal : float
    weights : float64[m]
        The inverse of the kernel's matrix, noise included, times what was measured.
    root : float64[m, m]
        The transposed inverse of the lower Cholesky factor of that matrix: zero below the diagonal.
    mean : float64[n]
    deviation : float64[n], or float64[0] if it is not asked for
    """
    m = len(weights)
    apart, near, reduced = np.empty(m, np.float32), np.empty(m), np.empty(m)
    for i in range(len(features)):
        apart[:] = 0.0
        for f in range(len(known)):
            x = features[i, f]
            for j in range(m):
                difference = x - known[f, j]
                apart[j] += difference * difference
        total = 0.0
        for j in range(m):
            near[j] = signal * math.exp(-apart[j] / length) + prior[i] * known_prior[j]
            total += near[j] * weights[j]
        mean[i] = total
        if len(deviation) == 0:
            continue
        reduced[:] = 0.0
        for j in range(m):
            for r in range(j, m):
                reduced[r] += root[j, r] * near[j]
        variance = signal + prior[i] * prior[i]
        for r in range(m):
            variance -= reduced[r] * reduced[r]
        deviation[i] = math.sqrt(max(variance, 0.0))
