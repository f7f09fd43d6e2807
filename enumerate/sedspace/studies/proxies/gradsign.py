"""GradSign and its mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, replace_all_batch_norm_modules_, vmap

from sedspace.studies.proxies.activations import one_image
from sedspace.studies.proxies.base import BATCH, LOSS, NETWORK, Batch, Loss, proxy, shared

_TOGETHER = 8  # more need more memory and are no faster


@shared(NETWORK, BATCH, LOSS)
def sign_counts(network: nn.Module, batch: Batch, loss: Loss) -> list[Tensor]:
    """Return for every weight by how many images more its gradient is positive than negative, layer by layer."""
    replace_all_batch_norm_modules_(network)  # running statistics cannot be kept for several images at a time
    layers = {name: one for name, one in network.named_modules() if isinstance(one, nn.Conv2d | nn.Linear)}
    weights = {f"{name}.weight": layer.weight.detach() for name, layer in layers.items()}

    def loss_of(weights: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        return loss(functional_call(network, weights, (image[None],)), label[None])

    gradients = vmap(grad(loss_of), in_dims=(None, 0, 0))
    counts = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for start in range(0, len(batch.images), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        with one_image(), torch.no_grad():  # nothing is asked of the gradients of gradients
            found = gradients(weights, batch.images[some], batch.labels[some])
        for name, gradient in found.items():
            counts[name] += gradient.sign().sum(dim=0)
    return list(counts.values())


@proxy("gradsign", needs=(sign_counts,))
def gradsign(counts: list[Tensor]) -> float:
    """Return the sum over weights of ``|sum over images of the sign of the gradient of its loss|``.

    Zhang and Jia, arXiv 2110.08616. As in their code the images go through the network one by one, so that BatchNorm
    sees one image at a time: in one batch the images' gradients would depend on each other. Eight at a time by
    `torch.func.vmap`, which computes the same: only a gradient that is 0 but for rounding may have another sign.
    """
    return float(sum(some.abs().sum() for some in counts))


@proxy("gradsign_mean", needs=(sign_counts,))
def gradsign_mean(counts: list[Tensor]) -> float:
    """Return `gradsign` divided by the number of weights: at most the number of images.

    What another script of its authors computes under the same name. It does not grow with the network, so that it ranks
    architectures otherwise.
    """
    return gradsign(counts) / sum(some.numel() for some in counts)
