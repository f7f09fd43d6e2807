"""RBFleX."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.activations import RELUS, kept, one_image
from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy

_IMAGES = 3
_GAMMA_OF_RESPONSES, _GAMMA_OF_FEATURES = 2.68690173088039e-12, 1.02460061284506e-11


@proxy("rbflex")
def rbflex(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return ``3 (log det K + log det Q)`` of kernels of three images, by what ReLUs put out and what classifiers get.

    RBFleX-NAS, Yamasaki et al., arXiv 2503.22733. A kernel is ``exp(-gamma |x_i - x_j|^2)``, every number of x scaled
    to [0, 1] over the images. As in their code the images, here the first of a batch, go through the network one by
    one, BatchNorm in train mode. They find gammas for each space, the least of ten networks; these are the ones of
    their script for NAS-Bench-201. Of gammas as small, another one adds the same to every architecture's value.
    """
    if len(batch.images) < _IMAGES:
        raise Undefined(f"a batch of {len(batch.images)} has no {_IMAGES} images")
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise Undefined("the network has no linear layer as its classifier")
    responses, features = [], []
    for image in batch.images[:_IMAGES]:
        with (
            kept(network, *RELUS, of=lambda call: call.result.flatten()) as outputs,
            kept(linear[-1], nn.Linear, of=lambda call: call.given.flatten()) as given,
            one_image(),
            torch.no_grad(),
        ):
            network(image[None])
        if not outputs:
            raise Undefined("responses are of ReLUs, and the network has none")
        responses.append(torch.cat(outputs))
        features.append(given[-1])
    total = _log_determinant(responses, _GAMMA_OF_RESPONSES) + _log_determinant(features, _GAMMA_OF_FEATURES)
    return _IMAGES * total


def _log_determinant(rows: list[Tensor], gamma: float) -> float:
    """Return the logarithm of the determinant of the kernel of some rows of numbers."""
    values = torch.stack(rows).double()
    least, span = values.amin(dim=0), values.amax(dim=0) - values.amin(dim=0)
    scaled = (values - least) / torch.where(span > 0, span, 1)
    distances = torch.stack([((scaled - one) ** 2).sum(dim=1) for one in scaled])
    sign, logarithm = torch.linalg.slogdet(torch.exp(-gamma * distances))
    if sign <= 0:
        raise Undefined("the kernel of three images is singular")
    return float(logarithm)
