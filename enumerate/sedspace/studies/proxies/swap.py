"""SWAP."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from sedspace.studies.proxies.activations import relu_patterns
from sedspace.studies.proxies.base import Batch, Loss, proxy


@proxy("swap")
def swap(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return how many different patterns over the images the inputs of ReLUs have the signs of.

    SWAP-Score without its regularisation (Peng et al., arXiv 2403.04161). The other way round from `linear_regions`:
    one pattern of n bits for each value. With 64 images nearly all patterns differ, and it counts ReLU inputs.
    """
    bits = torch.cat(relu_patterns(network, batch), dim=1).T.cpu().numpy()
    return float(len(np.unique(np.packbits(bits, axis=1), axis=0)))
