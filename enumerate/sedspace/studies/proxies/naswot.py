"""NASWOT."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from sedspace.studies.proxies.activations import relu_patterns
from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy


@proxy("naswot")
def naswot(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the logarithm of the determinant of how many ReLU inputs every two images agree in the sign of.

    Mellor et al., arXiv 2006.04647. Each ReLU counts once per call (hooks on both a block and its ReLU would count it
    twice). Where two images agree in all, the determinant is 0 and there is no value.
    """
    kernel = torch.zeros(len(batch.images), len(batch.images), dtype=torch.float64, device=batch.images.device)
    for pattern in relu_patterns(network, batch):
        fires = pattern.float()
        kernel += (fires @ fires.T + (1 - fires) @ (1 - fires).T).double()
    sign, value = np.linalg.slogdet(kernel.cpu().numpy())
    if sign <= 0 or not np.isfinite(value):
        raise Undefined("two images agree in every ReLU")
    return float(value)
