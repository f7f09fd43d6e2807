"""The size of a network, which any other proxy has to beat: params, macs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from sedspace.studies.proxies.activations import recorded
from sedspace.studies.proxies.base import BATCH, NETWORK, Batch, proxy


@proxy("params", needs=(NETWORK,), counts=True)
def params(network: nn.Module) -> float:
    """Return the number of trainable parameters, counted on the network."""
    return float(sum(parameter.numel() for parameter in network.parameters()))


@proxy("macs", needs=(NETWORK, BATCH), counts=True)
def macs(network: nn.Module, batch: Batch) -> float:
    """Return the multiply-accumulates per image, counted as the network runs.

    Those of convolutions, linear layers and, in attention, of products of matrices. A bias counts as one each, as it
    does not in closed forms of whole networks; BatchNorm, ReLU and pooling are left out: the figure that NATS-Bench
    calls FLOPs.
    """
    images, total = batch.images[:2], 0
    with recorded(network, nn.Conv2d, nn.Linear) as calls, torch.no_grad():
        network(images)
    for call in calls:
        places = call.result[0].numel() // len(call.weight)
        total += places * sum(parameter.numel() for parameter in call.module.parameters())
    if any(isinstance(module, nn.LayerNorm) for module in network.modules()):  # a transformer
        total += _products(network, images)
    return float(total)


def _products(network: nn.Module, images: Tensor) -> int:
    """Return the multiply-accumulates per image of products of matrices."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(images)
    return int(counter.get_flop_counts()["Global"].get(torch.ops.aten.bmm, 0)) // (2 * len(images))
