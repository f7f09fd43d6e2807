"""The size of a network, which any other proxy has to beat: params, macs."""

from __future__ import annotations

import torch
from torch import nn

from sedspace.studies.proxies.activations import recorded
from sedspace.studies.proxies.base import Batch, Loss, proxy


@proxy("params")
def params(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the number of trainable parameters, counted on the network."""
    return float(sum(parameter.numel() for parameter in network.parameters()))


@proxy("macs")
def macs(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the multiply-accumulates per image of convolutions and linear layers, counted as the network runs.

    A bias counts as one each; BatchNorm, ReLU and pooling are left out: the figure that NATS-Bench calls FLOPs.
    """
    with recorded(network, nn.Conv2d, nn.Linear) as calls, torch.no_grad():
        network(batch.images[:2])
    total = 0
    for call in calls:
        pixels = call.result[0, 0].numel()
        parameters = call.module.parameters()
        total += pixels * sum(parameter.numel() for parameter in parameters)
    return float(total)
