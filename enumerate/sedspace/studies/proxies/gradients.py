"""Gradients that several proxies start from."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn


def layers(network: nn.Module) -> Iterator[nn.Conv2d | nn.Linear]:
    """Yield the convolutions and linear layers, whose weights the proxies look at."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            yield module


def one_by_one(network: nn.Module, values: Tensor) -> Iterator[Tensor]:
    """Yield the gradient of each of some values by all weights of convolutions and linear layers, one vector each."""
    weights = [layer.weight for layer in layers(network)]
    for value in values:
        found = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
        yield torch.cat(
            [torch.zeros_like(w).flatten() if g is None else g.flatten() for w, g in zip(weights, found, strict=True)]
        )
