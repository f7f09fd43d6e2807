"""Proxies from which ReLUs fire: naswot, linear_regions, swap."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from sedspace.crosscheck.proxies.proxy import Batch, Loss, Undefined, proxy, relu_patterns


@proxy("naswot")
def naswot(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the logarithm of the determinant of how many ReLUs every two images agree in (arXiv 2006.04647).

    Each ReLU counts once per call. Where two images agree in all, the determinant is 0.
    """
    kernel = torch.zeros(len(batch.images), len(batch.images), dtype=torch.float64, device=batch.images.device)
    for pattern in relu_patterns(network, batch):
        fires = pattern.float()
        kernel += (fires @ fires.T + (1 - fires) @ (1 - fires).T).double()
    sign, value = np.linalg.slogdet(kernel.cpu().numpy())
    if sign <= 0 or not np.isfinite(value):
        raise Undefined("naswot: two images agree in every ReLU")
    return float(value)


@proxy("linear_regions")
def linear_regions(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return how many different patterns of firing ReLUs the images have (TE-NAS, Chen et al., arXiv 2102.11535)."""
    together = torch.cat(list(relu_patterns(network, batch)), dim=1)
    return float(len(torch.unique(together, dim=0)))


@proxy("swap")
def swap(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return how many different patterns over the images the values at ReLUs have (Peng et al., arXiv 2403.04161).

    The other way round from `linear_regions`: one pattern for each value, of one bit for each image.
    """
    bits = torch.cat(list(relu_patterns(network, batch)), dim=1).T.cpu().numpy()
    packed = np.packbits(bits, axis=1)
    return float(len(np.unique(packed, axis=0)))
