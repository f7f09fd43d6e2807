"""Incorporated-Score."""

from __future__ import annotations

import math

import torch
from torch import nn

from sedspace.studies.proxies.activations import recorded
from sedspace.studies.proxies.base import BATCH, NETWORK, Batch, proxy, shared
from sedspace.studies.proxies.zen import zen


@shared(NETWORK, BATCH)
def entropy(network: nn.Module, batch: Batch) -> float:
    """Return the sum over convolutions of the logarithms of their outputs' and their kernels' sizes, multiplied."""
    with recorded(network, nn.Conv2d) as calls, torch.no_grad():
        network(batch.images[:2])
    return sum(math.log(call.result[0].numel()) * math.log(call.weight[0].numel()) / 2 for call in calls)


@proxy("incorporated", needs=(zen, entropy))
def incorporated(zen_score: float, entropy: float) -> float:
    """Return ``0.9 * zen + 0.1 * sqrt(entropy)``.

    Nguyen and Han, Electronics 13(16) 3325 (2024), with the square root and the weights of their published code. The
    entropy is DeepMAD's (arXiv 2303.02165): over the convolutions, ``log(c_out h w)`` of the output times ``log(c_in
    k^2 / groups) / 2``. Their code takes c, h and w of a convolution's stage in a network of plain blocks and subtracts
    a penalty on their depth; a cell has neither, so here it is each convolution's own output, without a penalty: values
    of networks of cells can be compared with each other, not with theirs. As `zen`, it is of one draw of the weights.
    """
    return 0.9 * zen_score + 0.1 * math.sqrt(entropy)
