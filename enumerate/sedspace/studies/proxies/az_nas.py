"""The parts of AZ-NAS (Lee and Ham, arXiv 2403.19232) that need a network.

Its fourth part, complexity, is `macs`; `sedspace.report` makes the rank aggregate of the four. All on the features that
go into the first cell and those that leave the cells and reduction blocks, the blocks of a MobileNet or the layers of a
transformer, whose tokens take the place of pixels; weights initialised by Kaiming's normal with fan-in. Where this
departs from the authors' code: a block that does nothing is none, images are those of the study (theirs are noise), and
eigenvalues are in double precision and never below 0 (in single precision tiny negative ones give their code NaN).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from sedspace.networks.layers import Block
from sedspace.studies.proxies.activations import recorded
from sedspace.studies.proxies.base import BATCH, NETWORK, Batch, Undefined, proxy, shared


@shared(NETWORK, BATCH)
def block_features(network: nn.Module, batch: Batch) -> list[Tensor]:
    """Return what goes into the first block, and what each block puts out."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    with recorded(network, Block) as calls:
        network(batch.images.clone().requires_grad_(True))  # a network without a stem is differentiated by them
    blocks = [call for call in calls if call.result is not call.given]
    if not blocks:
        raise Undefined("the network has no blocks")
    return [blocks[0].given, *(block.result for block in blocks)]


@shared(block_features)
def block_entropies(features: list[Tensor]) -> Tensor:
    """Return the entropy of the principal components of each block's features: float64[blocks + 1].

    ``-sum of p log(p + 1e-8)`` over the eigenvalues, as shares p, of the channels' covariance over images and pixels.
    """
    found = []
    for feature in features:
        rows = _by_channel(feature.detach()).double()
        if len(rows) < 2:
            raise Undefined("a block puts out one channel, which has no principal components")
        values = torch.linalg.eigvalsh(torch.cov(rows, correction=0)).clamp(min=0)
        if values.sum() <= 0:
            raise Undefined("a block puts out a constant")
        shares = values / values.sum()
        found.append(-(shares * (shares + 1e-8).log()).sum())
    return torch.stack(found)


@proxy("az_expressivity", needs=(block_entropies,))
def az_expressivity(entropies: Tensor) -> float:
    """Return the sum over blocks of the entropy of their features' principal components."""
    return float(entropies.sum())


@proxy("az_progressivity", needs=(block_entropies,))
def az_progressivity(entropies: Tensor) -> float:
    """Return the least increase of that entropy from one block to the next."""
    return float(entropies.diff().min())


@proxy("az_trainability", needs=(block_features,))
def az_trainability(features: list[Tensor]) -> float:
    """Return the mean over blocks of ``2 - s - 1 / (s + 1e-6)``, greatest where gradients keep their size.

    s is the largest singular value of ``mean over pixels of g_in g_out^T``: g_out are random signs at the block's
    output, g_in the gradient that arrives at the output of the block before (pixels of a block that halves the
    resolution gathered into channels). A block that passes gradients on unchanged would count -infinity in the authors'
    code: there is no value then.
    """
    total = torch.zeros((), dtype=torch.float64)
    for before, after in pairwise(features):
        out = torch.empty(after.shape, device=after.device).bernoulli_(0.5) * 2 - 1  # the same in any memory format
        (given,) = torch.autograd.grad(after, before, out, retain_graph=True)
        if given.shape == out.shape and torch.equal(given, out):
            raise Undefined("a block passes gradients on unchanged")
        if not given.any():
            raise Undefined("a block passes no gradient on")
        signs = _by_channel(out)
        pairs = _by_channel(_at_places_of(given, after)) @ signs.T / signs.shape[1]
        s = torch.linalg.matrix_norm(pairs.double(), 2).cpu()
        total += 2 - s - 1 / (s + 1e-6)
    return float(total / (len(features) - 1))


def _by_channel(features: Tensor) -> Tensor:
    """Return features as float32[channels, images * places]."""
    return features.movedim(1 if features.dim() == 4 else 2, 0).flatten(1)


def _at_places_of(given: Tensor, after: Tensor) -> Tensor:
    """Return features of a block with the places of the next one's: pixels that are gathered become channels."""
    if given.dim() == 4:
        return nn.functional.pixel_unshuffle(given, given.shape[2] // after.shape[2])
    if given.shape[1] != after.shape[1]:
        raise Undefined("tokens are pooled between two blocks")
    return given
