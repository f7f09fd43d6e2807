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
_SIDE = 64


@proxy("meco")
def meco(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over layers of the least eigenvalue of the correlations between the channels of one image.

    Jiang et al., "MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue of Correlation",
    NeurIPS 2023. As in their code the image is noise, standard normal and of 64 x 64 pixels whatever the data set,
    alone in its batch: of 32 x 32, the last layers of small networks had no more pixels than channels, and the
    eigenvalue of such is 0 but for rounding. Layers are convolutions, BatchNorms, activations and poolings, each once
    per call; their code also counts every block that holds them, again and again, so that its values depend on how a
    network is nested. Eigenvalues are in double precision, theirs in float32. A channel that is constant correlates
    with none, not even itself (0, as theirs). Transformers have tokens instead of feature maps, and no value.
    """
    return _sum(_least(maps) for maps in _feature_maps(network, batch))


@proxy("meco_opt")
def meco_opt(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return `meco` with 8 random channels of each layer, each layer's value times its channels / 8.

    The faster variant of the same paper: eigenvalues of 8 x 8 matrices. Layers of fewer than 8 channels are left out,
    and it depends on the seed twice, by the noise and by the channels.
    """
    drawn = []
    for maps in _feature_maps(network, batch):
        if len(maps) >= _CHANNELS:
            chosen = torch.randperm(len(maps))[:_CHANNELS].to(maps.device)
            drawn.append(_least(maps[chosen]) * len(maps) / _CHANNELS)
    return _sum(drawn)


def _feature_maps(network: nn.Module, batch: Batch) -> Iterator[Tensor]:
    """Yield the feature maps of an image of noise that each layer puts out: float32[channels, pixels]."""
    if any(isinstance(module, nn.LayerNorm) for module in network.modules()):
        raise Undefined("the tokens of a transformer are no feature maps")
    noise = torch.randn((1, 3, _SIDE, _SIDE), dtype=batch.images.dtype, device=batch.images.device)
    with kept(network, *_LAYERS, of=lambda call: call.result[0].flatten(1).clone()) as first, torch.no_grad():
        network(noise)
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
