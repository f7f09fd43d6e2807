"""MeCo and its optimised variant."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.activations import kept, one_image
from sedspace.studies.proxies.base import BATCH, NETWORK, Batch, Undefined, proxy, shared

_ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU)
_LAYERS = (nn.Conv2d, nn.BatchNorm2d, *_ACTIVATIONS, nn.AvgPool2d, nn.MaxPool2d)
_CHANNELS = 8
_SIDE = 64


@shared(NETWORK, BATCH)
def feature_maps(network: nn.Module, batch: Batch) -> list[Tensor]:
    """Return the feature maps of an image of noise that each layer puts out: float32[channels, pixels]."""
    if any(isinstance(module, nn.LayerNorm) for module in network.modules()):
        raise Undefined("the tokens of a transformer are no feature maps")
    noise = torch.randn((1, 3, _SIDE, _SIDE), dtype=batch.images.dtype, device=batch.images.device)
    maps_of = kept(network, *_LAYERS, of=lambda call: call.result[0].flatten(1).clone())
    with maps_of as maps, one_image(), torch.no_grad():
        network(noise)
    return [some for some in maps if min(some.shape) > 1]


@proxy("meco", needs=(feature_maps,))
def meco(maps: list[Tensor]) -> float:
    """Return the sum over layers of the least eigenvalue of the correlations between the channels of one image.

    Jiang et al., "MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue of Correlation",
    NeurIPS 2023. As in their code the image is noise, standard normal and of 64 x 64 pixels whatever the data set,
    alone in its batch: of 32 x 32, the last layers of small networks had no more pixels than channels, and the
    eigenvalue of such is 0 but for rounding. Layers are convolutions, BatchNorms, activations and poolings, each once
    per call; their code also counts every block that holds them, again and again, so that its values depend on how a
    network is nested. Eigenvalues are in double precision, theirs in float32. A channel that is constant correlates
    with none, not even itself (0, as theirs). Transformers have tokens instead of feature maps, and no value.
    """
    return _sum([_least(some) for some in maps])


@proxy("meco_opt", needs=(feature_maps,))
def meco_opt(maps: list[Tensor]) -> float:
    """Return `meco` with 8 random channels of each layer, each layer's value times its channels / 8.

    The faster variant of the same paper: eigenvalues of 8 x 8 matrices. Layers of fewer than 8 channels are left out,
    and it depends on the seed twice, by the noise and by the channels.
    """
    drawn = []
    for some in maps:
        if len(some) >= _CHANNELS:
            chosen = torch.randperm(len(some))[:_CHANNELS].to(some.device)
            drawn.append(_least(some[chosen]) * len(some) / _CHANNELS)
    return _sum(drawn)


def _least(maps: Tensor) -> Tensor:
    least: Tensor = torch.linalg.eigvalsh(torch.nan_to_num(torch.corrcoef(maps.double())))[0]
    return least


def _sum(values: list[Tensor]) -> float:
    if not values:
        raise Undefined("no layer has feature maps enough")
    return float(torch.stack(values).sum())
