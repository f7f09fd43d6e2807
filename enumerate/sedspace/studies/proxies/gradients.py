"""Gradients that several proxies start from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sedspace.studies.proxies.base import Batch, Loss, Undefined


def layers(network: nn.Module) -> Iterator[nn.Conv2d | nn.Linear]:
    """Yield the convolutions and linear layers, whose weights the proxies look at."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            yield module


def weight_gradients(network: nn.Module, batch: Batch, loss: Loss) -> list[tuple[Tensor, Tensor]]:
    """Return weight and gradient of the loss of every convolution and linear layer that has one."""
    network.zero_grad()
    torch.autograd.backward(loss(network(batch.images), batch.labels))
    return [(layer.weight.detach(), layer.weight.grad) for layer in layers(network) if layer.weight.grad is not None]


def one_by_one(network: nn.Module, values: Tensor) -> Iterator[Tensor]:
    """Yield the gradient of each of some values by all weights of convolutions and linear layers, one vector each."""
    weights = [layer.weight for layer in layers(network)]
    for value in values:
        found = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
        yield torch.cat(
            [torch.zeros_like(w).flatten() if g is None else g.flatten() for w, g in zip(weights, found, strict=True)]
        )


def image_gradients(network: nn.Module, batch: Batch) -> NDArray[np.float64]:
    """Return the gradient of the sum of all logits by every image: float64[n, pixels].

    Raises
    ------
    Undefined
        If an image's is constant, so that it correlates with nothing: no signal passes the cell.
    """
    images = batch.images.clone().requires_grad_(True)
    torch.autograd.backward(network(images).sum())
    assert images.grad is not None
    rows: NDArray[np.float64] = images.grad.reshape(len(images), -1).double().cpu().numpy()
    if not (rows.std(axis=1) > 0).all():
        raise Undefined("an image has no influence on the logits (a dead cell)")
    return rows
