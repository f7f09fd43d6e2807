"""linear_regions."""

from __future__ import annotations

import torch
from torch import nn

from sedspace.studies.proxies.activations import relu_patterns
from sedspace.studies.proxies.base import Batch, Loss, proxy


@proxy("linear_regions")
def linear_regions(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return how many different patterns of firing ReLUs the images have.

    TE-NAS, Chen et al., arXiv 2102.11535. At most the batch size, and on networks of ordinary size it is just that for
    nearly every architecture: TE-NAS counts on networks of one channel and many more images.
    """
    return float(len(torch.unique(torch.cat(relu_patterns(network, batch), dim=1), dim=0)))
