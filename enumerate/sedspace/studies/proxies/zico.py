"""ZiCo."""

from __future__ import annotations

import torch
from torch import nn

from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy
from sedspace.studies.proxies.gradients import weight_gradients


@proxy("zico")
def zico(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over layers of ``log of sum over weights of mean |gradient| / its standard deviation``.

    Mean and standard deviation over two batches, here the two halves of the given one (Li et al., arXiv 2301.11300,
    whose code takes two batches). Weights whose gradient does not vary are left out, and layers with no other weights.
    """
    half = len(batch.images) // 2
    if half < 2:
        raise Undefined(f"a batch of {len(batch.images)} has no two halves of two images, as BatchNorm needs")
    halves = [
        [g.clone() for _, g in weight_gradients(network, Batch(batch.images[part], batch.labels[part]), loss)]
        for part in (slice(0, half), slice(half, 2 * half))
    ]
    total, known = 0.0, False
    for pair in zip(*halves, strict=True):
        together = torch.stack(pair)
        spread, size = together.std(dim=0, unbiased=False), together.abs().mean(dim=0)
        varies = spread > 0
        if varies.any():
            total += float((size[varies] / spread[varies]).sum().log())
            known = True
    if not known:
        raise Undefined("no gradient varies")
    return total
