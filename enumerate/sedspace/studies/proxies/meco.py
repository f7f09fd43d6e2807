"""MeCo and its optimised variant."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.activations import kept
from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy

_ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU)
_LAYERS = (nn.Conv2d, nn.BatchNorm2d, *_ACTIVATIONS, nn.AvgPool2d, nn.MaxPool2d)
_CHANNELS = 8


@proxy("meco")
def meco(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over layers of the least eigenvalue of the correlations between the channels of one image.

    Jiang et al., "MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue of Correlation",
    NeurIPS 2023. Layers are convolutions, BatchNorms, activations and poolings, each once per call; the authors' code
    also counts every block that holds them, again and again, so that its values depend on how a network is nested. A
    channel that is constant correlates with none, not even itself (0, as theirs). With more channels than pixels an
    eigenvalue is 0 but for rounding. Transformers have tokens instead of feature maps, and no value.
    """
    return _sum(_least(maps) for maps in _feature_maps(network, batch))


@proxy("meco_opt")
def meco_opt(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return `meco` with 8 random channels of each layer, each layer's value times its channels / 8.

    The faster variant of the same paper: eigenvalues of 8 x 8 matrices. Layers of fewer than 8 channels are left out,
    and it depends on the seed.
    """
    drawn = []
    for maps in _feature_maps(network, batch):
        if len(maps) >= _CHANNELS:
            chosen = torch.randperm(len(maps))[:_CHANNELS].to(maps.device)
            drawn.append(_least(maps[chosen]) * len(maps) / _CHANNELS)
    return _sum(drawn)


def _feature_maps(network: nn.Module, batch: Batch) -> Iterator[Tensor]:
    """Yield the feature maps of the first image that each layer puts out: float32[channels, pixels]."""
    if any(isinstance(module, nn.LayerNorm) for module in network.modules()):
        raise Undefined("the tokens of a transformer are no feature maps")
    with kept(network, *_LAYERS, of=lambda call: call.result[0].flatten(1).clone()) as first, torch.no_grad():
        network(batch.images)
    for maps in first:
        if maps.shape[0] > 1 and maps.shape[1] > 1:
            yield maps


def _least(maps: Tensor) -> Tensor:
    least: Tensor = torch.linalg.eigvalsh(torch.nan_to_num(torch.corrcoef(maps.double())))[0]
    return least


def _sum(values: Iterator[Tensor] | list[Tensor]) -> float:
    found = list(values)
    if not found:
        raise Undefined("no layer has feature maps enough")
    return float(torch.stack(found).sum())
