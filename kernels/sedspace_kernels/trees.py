"""Predictions of ensembles of regression trees, architecture by architecture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit


@jit
def predictions(
    features: NDArray[np.float32],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    value: NDArray[np.float64],
    roots: NDArray[np.int64],
    members: NDArray[np.int64],
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> None:
    """Write the mean and the standard deviation over an ensemble's members, each the sum of some trees.

    Parameters
    ----------
    features : float32[n, features]
    feature, left, right : int32[nodes]
        Which feature a node asks for, and where it leads to if that is at most its threshold, or more; of a leaf left
        is -1.
    threshold, value : float64[nodes]
    roots : int64[trees]
    members : int64[members + 1]
        Which tree is the first of each member; last the number of trees.
    mean, deviation : float64[n]
    """
    count = len(members) - 1
    for i in range(len(features)):
        total, squares, first = 0.0, 0.0, 0.0
        for member in range(count):
            found = 0.0
            for tree in range(members[member], members[member + 1]):
                node = roots[tree]
                while left[node] >= 0:
                    node = left[node] if features[i, feature[node]] <= threshold[node] else right[node]
                found += value[node]
            if member == 0:
                first = found
            total += found - first
            squares += (found - first) ** 2
        mean[i] = first + total / count
        deviation[i] = math.sqrt(max(squares / count - (total / count) ** 2, 0.0))
