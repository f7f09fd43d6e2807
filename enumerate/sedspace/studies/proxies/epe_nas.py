"""EPE-NAS."""

from __future__ import annotations

import numpy as np
from torch import nn

from sedspace.studies.proxies.base import Batch, Loss, proxy
from sedspace.studies.proxies.gradients import image_gradients

_K = 1e-5


@proxy("epe_nas")
def epe_nas(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over classes of ``|sum of log(|correlation| + k)|`` of the gradients of their images.

    ``k = 1e-5`` (Lopes et al., arXiv 2102.08099, their form for up to 100 classes). A class of one image counts
    ``log(1 + k)``. How many images share a class moves the value more than the architecture does: compare values of one
    batch only.
    """
    rows, labels = image_gradients(network, batch), batch.labels.cpu().numpy()
    total = 0.0
    for label in np.unique(labels):
        correlations = np.atleast_2d(np.corrcoef(rows[labels == label]))
        total += abs(float(np.log(np.abs(correlations) + _K).sum()))
    return total
