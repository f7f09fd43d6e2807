"""GraSP."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy
from sedspace.studies.proxies.gradients import layers


@proxy("grasp")
def grasp(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over weights of ``-weight * (Hessian of the loss @ gradient)``.

    Wang et al., arXiv 2002.07376; with this sign and summed as a proxy by Abdelfattah et al., arXiv 2101.08134, whose
    values these are. The first ones prune single weights by it, divide logits by a temperature of 200, which makes the
    softmax nearly even, and balance classes: sums of theirs would differ by more than a factor. Sums of both signs:
    values of one architecture differ by much between seeds. A second derivative, so it needs about three times
    grad_norm's time and memory.
    """
    weights = [layer.weight for layer in layers(network)]
    value = loss(network(batch.images), batch.labels)
    first = torch.autograd.grad(value, weights, create_graph=True, allow_unused=True)
    product = sum((one.detach() * one).sum() for one in first if one is not None)
    if not isinstance(product, Tensor) or not product.requires_grad:
        raise Undefined("the loss does not depend on the weights")
    second = torch.autograd.grad(product, weights, allow_unused=True)
    return sum(float((-w.detach() * h).sum()) for w, h in zip(weights, second, strict=True) if h is not None)
