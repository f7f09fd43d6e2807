"""Proxies from the gradient of the logits by the images: jacob_cov, epe_nas."""

from __future__ import annotations

import numpy as np
from torch import nn

from sedspace.crosscheck.proxies.proxy import Batch, Loss, Undefined, jacobian, proxy

_K = 1e-5


@proxy("jacob_cov")
def jacob_cov(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return ``-sum of (log(v + k) + 1 / (v + k))`` over the eigenvalues v of the images' correlations.

    Of the correlations of their gradients; ``k = 1e-5`` (Mellor et al., arXiv 2006.04647, version 1). A cell through
    which nothing passes has no correlations.
    """
    rows = jacobian(network, batch).double().cpu().numpy()
    if not (rows.std(axis=1) > 0).all():
        raise Undefined("jacob_cov: an image has no influence on the logits (a dead cell)")
    values = np.linalg.eigvalsh(np.corrcoef(rows)) + _K
    return float(-np.sum(np.log(values) + 1 / values))


@proxy("epe_nas")
def epe_nas(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over classes of ``|sum of log(|correlation| + k)|`` of the gradients of their images.

    ``k = 1e-5`` (Lopes et al., arXiv 2102.08099, for up to 100 classes). Classes of one image count with ``log(1 +
    k)``.
    """
    rows, labels = jacobian(network, batch).double().cpu().numpy(), batch.labels.cpu().numpy()
    if not (rows.std(axis=1) > 0).all():
        raise Undefined("epe_nas: an image has no influence on the logits (a dead cell)")
    total = 0.0
    for label in np.unique(labels):
        correlations = np.atleast_2d(np.corrcoef(rows[labels == label]))
        total += abs(float(np.log(np.abs(correlations) + _K).sum()))
    return total
