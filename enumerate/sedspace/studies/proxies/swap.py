"""SWAP."""

from __future__ import annotations

import torch
from torch import nn

from sedspace.studies.proxies.activations import relu_patterns
from sedspace.studies.proxies.base import Batch, Loss, proxy

_IMAGES = 16


@proxy("swap")
def swap(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return how many different patterns over 16 images the inputs of ReLUs have the signs of.

    SWAP-Score without its regularisation (Peng et al., arXiv 2403.04161), in the setting of their script: standard
    normal weights, and 16 images, here the first of a batch (all, if it has fewer): with 64 images and PyTorch's
    weights nearly all patterns differ, so that it would count ReLU inputs. Of 16 images there are at most 65,536
    patterns, which the largest cells come near. Theirs is the mean over 32 draws of the weights, which a study's
    repeats are, and looks at the ReLUs of feature maps only, here at ReLU6 as well. The other way round from
    `linear_regions`: one pattern of n bits for each value.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    images = batch.images[:_IMAGES]
    bits = torch.cat(relu_patterns(network, Batch(images, batch.labels[:_IMAGES])), dim=1).to(torch.int32)
    places = 2 ** torch.arange(len(images), dtype=torch.int32, device=bits.device)
    return float(torch.bincount((bits * places[:, None]).sum(dim=0)).count_nonzero())
