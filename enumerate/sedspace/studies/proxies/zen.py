"""Zen-score."""

from __future__ import annotations

import math

import torch
from torch import nn

from sedspace.networks.layers import Head
from sedspace.studies.proxies.activations import recorded
from sedspace.studies.proxies.base import BATCH, NETWORK, Batch, Undefined, proxy

_GAMMA = 1e-2


@proxy("zen", needs=(NETWORK, BATCH))
def zen(network: nn.Module, batch: Batch) -> float:
    """Return ``log of mean |f(x) - f(x + gamma y)| + sum over BatchNorms of log of their root mean variance``.

    f is the network before global pooling; weights, x and y are standard normal, ``gamma = 0.01`` (Lin et al., arXiv
    2102.01063). Once, as NAS-Bench-Suite-Zero does; ZenNAS's own script takes batches of 16 and the mean of 32 such
    scores, each with weights of its own, which is what repeats of a study are. The variances are the running ones after
    both passes, on fresh buffers: those of an earlier proxy would change the score. A network without BatchNorm, or
    without pixels to pool, has no value.
    """
    if not any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        raise Undefined("Zen-score is of networks with BatchNorm")
    _initialise(network)
    with recorded(network, Head) as calls, torch.no_grad():
        noise = torch.randn_like(batch.images)
        network(noise)
        network(noise + _GAMMA * torch.randn_like(noise))
    difference = (calls[0].given - calls[1].given).abs().sum(dim=(1, 2, 3)).mean()
    if difference <= 0:
        raise Undefined("the features do not depend on the image")
    scale = 0.0
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            scale += math.log(float(module.running_var.mean())) / 2
    return math.log(float(difference)) + scale


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.reset_parameters()
