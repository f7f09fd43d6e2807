"""WRCor."""

from __future__ import annotations

import torch
from torch import nn

from sedspace.networks.layers import Block
from sedspace.studies.proxies.activations import RELUS, recorded
from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy


@proxy("wrcor")
def wrcor(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the logarithm of the determinant of weighted correlations between images, of responses and gradients.

    Jing et al., "Zero-Shot Neural Architecture Search with Weighted Response Correlation", arXiv 2507.08841. The matrix
    is ``sum of 2^l (|A| + |G|)`` over the ReLUs, of the n x n correlations A of what images give them and G of the
    loss's gradients by it; l numbers the blocks of the network from 0, and what follows the last block comes one after
    it. As in their code a stem is left out, and a ReLU where an image has no correlations (a constant response) counts
    nothing. Blocks are cells and what halves the resolution between them, or the blocks of a MobileNet, of which
    theirs also numbers stem and head.
    """
    levels = _levels(network)
    with recorded(network, *RELUS) as calls:
        value = loss(network(batch.images), batch.labels)
    calls = [call for call in calls if call.module in levels]
    if not calls:
        raise Undefined("responses are what ReLUs get, and the network has none behind its stem")
    responses = [(levels[call.module], call.given.detach()) for call in calls]
    joined = [call for call in calls if call.result.requires_grad]
    gradients = torch.autograd.grad(value, [call.result for call in joined], allow_unused=True)
    for call, gradient in zip(joined, gradients, strict=True):
        if gradient is not None:
            fires = (call.result > 0) & (call.result == call.given)
            responses.append((levels[call.module], gradient * fires))
    size = len(batch.images)
    total = torch.zeros((size, size), dtype=torch.float64, device=batch.images.device)
    for level, response in responses:
        correlations = torch.corrcoef(response.flatten(1)).abs()
        if not correlations.isnan().any():
            total += 2.0**level * correlations
    sign, logarithm = torch.linalg.slogdet(total)
    if sign <= 0:
        raise Undefined("images respond alike: the determinant of their correlations is not positive")
    return float(logarithm)


def _levels(network: nn.Module) -> dict[nn.Module, int]:
    """Return the number of the block that a module is in, and behind the last block one more."""
    levels: dict[nn.Module, int] = {}
    number = 0
    for module in network.modules():
        if isinstance(module, Block):
            levels |= dict.fromkeys(module.modules(), number)
            number += 1
        elif number:
            levels.setdefault(module, number)
    return levels
