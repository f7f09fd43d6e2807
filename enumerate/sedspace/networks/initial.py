"""How the sources of whole networks initialise them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from torch import nn

from sedspace.spaces.blocks import Init

Network = TypeVar("Network", bound=nn.Module)


def _fan_out(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        nn.init.normal_(module.weight, std=math.sqrt(2 / (height * width * module.out_channels)))
    _without_bias(module)


def _small_head(module: nn.Module) -> None:
    _fan_out(module)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.001)


def _truncated(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        _without_bias(module)


def _normal(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding | nn.Conv1d):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        nn.init.zeros_(module.weight[module.padding_idx])
    _without_bias(module)


def _without_bias(module: nn.Module) -> None:
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def _unchanged(module: nn.Module) -> None:
    """Leave a module as PyTorch has initialised it."""


_OF: Mapping[Init, Callable[[nn.Module], None]] = {
    "pytorch": _unchanged,
    "fan_out": _fan_out,
    "fan_out_small_head": _small_head,
    "truncated": _truncated,
    "normal": _normal,
}


def initialise(network: Network, how: Init) -> Network:
    """Initialise the weights of a network, and return it.

    Norms are as PyTorch initialises them: weights of one, biases of zero.

    Parameters
    ----------
    network : torch.nn.Module
    how : str
        ``pytorch``: as PyTorch does (NAS-Bench-Macro, PiT). ``fan_out``: convolutions normal, of the variance 2 /
        (pixels of the kernel * output channels), biases zero (ProxylessNAS, Once-for-all). ``fan_out_small_head``: the
        same, the classifier normal with standard deviation 0.001 (FBNet). ``truncated``: linear layers normal with
        standard deviation 0.02, cut at +-2, biases zero (AutoFormer). ``normal``: linear layers, embeddings and
        convolutions of sequences normal with standard deviation 0.02, biases zero (BERT).
    """
    return network.apply(_OF[how])
