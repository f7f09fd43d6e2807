"""ZiCo."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy
from sedspace.studies.proxies.gradients import layers


@proxy("zico")
def zico(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over layers of ``log of sum over weights of mean |gradient| / its standard deviation``.

    Mean and standard deviation over two batches, here the two halves of the given one (Li et al., arXiv 2301.11300,
    whose code takes two batches of the whole size): of gradients a and b that is ``(|a| + |b|) / |a - b|``. Weights
    whose gradient does not vary are left out, and layers with no other weights, as in their code.
    """
    half = len(batch.images) // 2
    if half < 2:
        raise Undefined(f"a batch of {len(batch.images)} has no two halves of two images, as BatchNorm needs")
    first, second = (
        _gradients(network, loss, batch.images[part], batch.labels[part])
        for part in (slice(0, half), slice(half, 2 * half))
    )
    logarithms = []
    for a, b in zip(first, second, strict=True):
        difference = (a - b).abs()
        ratios = ((a.abs() + b.abs()) / difference)[difference > 0]
        if len(ratios):
            logarithms.append(float(ratios.sum().log()))
    if not logarithms:
        raise Undefined("no gradient varies")
    return sum(logarithms)


def _gradients(network: nn.Module, loss: Loss, images: Tensor, labels: Tensor) -> list[Tensor]:
    """Return the gradient of the loss by the weights of every convolution and linear layer that has one."""
    network.zero_grad()
    torch.autograd.backward(loss(network(images), labels))
    return [layer.weight.grad for layer in layers(network) if layer.weight.grad is not None]
