"""Fisher."""

from __future__ import annotations

import torch
from torch import nn

from sedspace.studies.proxies.activations import recorded
from sedspace.studies.proxies.base import Batch, Loss, proxy


@proxy("fisher")
def fisher(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over weights of their channel's ``mean over images of (sum of activation * gradient)^2 / 2``.

    The sum inside is over the pixels of a channel that a convolution or linear layer puts out (Turner et al., arXiv
    1906.04113). As in arXiv 2101.08134 every weight counts with its channel's value, so that a channel counts as often
    as it has weights. The tokens of a transformer are its pixels.
    """
    with recorded(network, nn.Conv2d, nn.Linear) as calls:
        value = loss(network(batch.images), batch.labels)
    outputs = [call for call in calls if call.result.requires_grad]
    for call in outputs:
        call.result.retain_grad()
    torch.autograd.backward(value)
    total = 0.0
    for call in outputs:
        if call.result.grad is not None:
            product = call.result.detach() * call.result.grad
            by_place = product.movedim(-1, 1) if isinstance(call.module, nn.Linear) else product
            by_channel = by_place.reshape(*by_place.shape[:2], -1).sum(-1)
            weights = call.weight[0].numel()
            total += weights * float((by_channel**2).mean(0).sum() / 2)
    return total
