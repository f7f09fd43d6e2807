"""Proxies from the gradients of single images or of parts of a batch: gradsign, ntk_cond, zico."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sedspace.crosscheck.proxies.proxy import Batch, Loss, Undefined, gradients, layers, proxy


def _rows(network: nn.Module, values: Tensor) -> Iterator[Tensor]:
    """Yield the gradient of each of some values by all weights of convolutions and linear layers, one vector each."""
    weights = [layer.weight for layer in layers(network)]
    for value in values:
        found = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
        yield torch.cat(
            [torch.zeros_like(w).flatten() if g is None else g.flatten() for w, g in zip(weights, found, strict=True)]
        )


@proxy("gradsign")
def gradsign(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over weights of ``|sum over images of the sign of the gradient of its loss|`` (arXiv 2110.08616).

    The images go through the network together, so that BatchNorm sees the whole batch.
    """
    logits = network(batch.images)
    losses = torch.stack([loss(logits[i : i + 1], batch.labels[i : i + 1]) for i in range(len(logits))])
    total: Tensor | float = 0.0
    for row in _rows(network, losses):
        total = total + row.sign()
    return float(torch.as_tensor(total).abs().sum())


@proxy("ntk_cond", better="less")
def ntk_cond(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the condition number of the neural tangent kernel of the sum of logits (TE-NAS, arXiv 2102.11535).

    Less is better. Where the kernel is singular there is none.
    """
    rows = torch.stack(list(_rows(network, network(batch.images).sum(dim=1)))).double()
    values = torch.linalg.eigvalsh(rows @ rows.T)
    if values[0] <= 0:
        raise Undefined("ntk_cond: the neural tangent kernel is singular")
    return float(values[-1] / values[0])


@proxy("zico")
def zico(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over layers of ``log of sum over weights of mean |gradient| / its standard deviation``.

    Over the two halves of the batch (Li et al., arXiv 2301.11300, with the two batches of its code). Weights whose
    gradient does not vary are left out.
    """
    half = len(batch.images) // 2
    if half < 1:
        raise Undefined("zico: a batch of one image has no two halves")
    halves = [
        [g.clone() for _, g in gradients(network, Batch(batch.images[part], batch.labels[part]), loss)]
        for part in (slice(0, half), slice(half, 2 * half))
    ]
    total = 0.0
    for pair in zip(*halves, strict=True):
        together = torch.stack(pair)
        spread, size = together.std(dim=0, unbiased=False), together.abs().mean(dim=0)
        varies = spread > 0
        if varies.any():
            total += float((size[varies] / spread[varies]).sum().log())
    if total == 0.0:
        raise Undefined("zico: no gradient varies (a dead cell)")
    return total
