"""Snip."""

from __future__ import annotations

from torch import nn

from sedspace.studies.proxies.base import Batch, Loss, proxy
from sedspace.studies.proxies.gradients import weight_gradients


@proxy("snip")
def snip(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over weights of ``|weight * gradient of the loss|``.

    Lee et al., arXiv 1810.02340; summed as a proxy by Abdelfattah et al., arXiv 2101.08134. Not divided by its sum, as
    pruning by it does.
    """
    return sum(float((weight * gradient).abs().sum()) for weight, gradient in weight_gradients(network, batch, loss))
