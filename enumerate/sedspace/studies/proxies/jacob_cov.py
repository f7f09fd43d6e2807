"""jacob_cov."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace.studies.proxies.base import proxy
from sedspace.studies.proxies.forward_pass import image_gradients

_K = 1e-5


@proxy("jacob_cov", needs=(image_gradients,))
def jacob_cov(gradients: NDArray[np.float64]) -> float:
    """Return ``-sum of (log(v + k) + 1 / (v + k))`` over the eigenvalues v of the images' correlations.

    The correlations of the gradients of the sum of logits by each image; ``k = 1e-5`` (Mellor et al., arXiv 2006.04647,
    version 1). A cell through which nothing passes has no correlations.
    """
    values = np.linalg.eigvalsh(np.corrcoef(gradients)) + _K
    return float(-np.sum(np.log(values) + 1 / values))
