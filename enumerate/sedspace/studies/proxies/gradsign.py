"""GradSign."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.base import Batch, Loss, proxy
from sedspace.studies.proxies.gradients import one_by_one


@proxy("gradsign")
def gradsign(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over weights of ``|sum over images of the sign of the gradient of its loss|``.

    Zhang and Jia, arXiv 2110.08616. One backward pass per image; the images go through the network together, so that
    BatchNorm sees the whole batch.
    """
    logits = network(batch.images)
    losses = torch.stack([loss(logits[i : i + 1], batch.labels[i : i + 1]) for i in range(len(logits))])
    total: Tensor | float = 0.0
    for row in one_by_one(network, losses):
        total = total + row.sign()
    return float(torch.as_tensor(total).abs().sum())
