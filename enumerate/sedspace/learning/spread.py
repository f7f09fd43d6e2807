"""Architectures that are spread over all others: what to measure before anything has been."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace import draws
from sedspace_kernels.spread import nearer


def plus_plus(features: NDArray[np.float32], n: int, seed: int) -> tuple[list[int], NDArray[np.float64]]:
    """Choose rows of features by k-means++: each next with a probability in proportion to its squared distance.

    The distance is that to the nearest of those that are chosen. Once all rows are as some that is chosen, any other
    row will do. See D. Arthur, S. Vassilvitskii: k-means++: the advantages of careful seeding. SODA 2007.

    Parameters
    ----------
    features : float32[m, features]
    n : int
        At most m.
    seed : int

    Returns
    -------
    list of int
    float64[n]
        How far each was from the others when it was chosen; NaN of the first.
    """
    random = draws.arrays(seed)
    squared, far = np.full(len(features), np.inf), np.full(n, np.nan)
    chosen: list[int] = []
    for k in range(n):
        weights = np.ones(len(features)) if k == 0 else squared.copy()
        weights[chosen] = 0.0
        if not weights.any():
            weights[:] = 1.0
            weights[chosen] = 0.0
        up_to = np.cumsum(weights)
        place = int(np.searchsorted(up_to, random.random() * up_to[-1], side="right"))
        far[k] = np.nan if k == 0 else np.sqrt(squared[place])
        chosen.append(place)
        nearer(features, features[place], squared)
    return chosen, far
