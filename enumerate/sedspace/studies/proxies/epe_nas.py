"""EPE-NAS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace.studies.proxies.base import BATCH, Batch, proxy
from sedspace.studies.proxies.forward_pass import image_gradients

_K = 1e-5


@proxy("epe_nas", needs=(image_gradients, BATCH))
def epe_nas(gradients: NDArray[np.float64], batch: Batch) -> float:
    """Return the sum over classes of ``|sum of log(|correlation| + k)|`` of the gradients of their images.

    ``k = 1e-5`` (Lopes et al., arXiv 2102.08099, their form for up to 100 classes). A class of one image counts
    ``log(1 + k)``. How many images share a class moves the value more than the architecture does: compare values of one
    batch only.
    """
    labels = batch.labels.cpu().numpy()
    total = 0.0
    for label in np.unique(labels):
        correlations = np.atleast_2d(np.corrcoef(gradients[labels == label]))
        total += abs(float(np.log(np.abs(correlations) + _K).sum()))
    return total
