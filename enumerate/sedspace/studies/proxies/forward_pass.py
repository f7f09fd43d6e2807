"""One forward pass of a batch through a network, and the two backward passes from it: what most proxies start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sedspace.studies.proxies.activations import RELUS, Call, fires, kept, recorded, refuse_other_activations
from sedspace.studies.proxies.base import BATCH, LOSS, NETWORK, WANTED, Batch, Function, Loss, Undefined, shared
from sedspace.studies.proxies.gradients import layers


@dataclass(frozen=True)
class Forward:
    """A forward pass.

    Attributes
    ----------
    network : nn.Module
        As it was built, but for the statistics of BatchNorm.
    images : float32[n, 3, side, side]
        To be differentiated by, where an image's gradient is wanted.
    logits : float32[n, classes]
    outputs : list of Call
        Of every convolution and linear layer; none unless wanted.
    patterns : list of bool[n, values]
        Which inputs of each ReLU are positive; none unless wanted.
    """

    network: nn.Module
    images: Tensor
    logits: Tensor
    outputs: list[Call]
    patterns: list[Tensor]


@shared(NETWORK, BATCH, WANTED)
def forward(network: nn.Module, batch: Batch, wanted: frozenset[Function]) -> Forward:
    """Return a forward pass with what is wanted of it recorded."""
    images = batch.images.clone().requires_grad_(True) if image_gradients in wanted else batch.images
    outputs = (nn.Conv2d, nn.Linear) if output_gradients in wanted else ()
    relus = RELUS if relu_agreements in wanted else ()
    differentiated = bool(wanted & {loss_gradients, image_gradients})
    with (
        recorded(network, *outputs) as calls,
        kept(network, *relus, of=fires) as patterns,
        torch.set_grad_enabled(differentiated),
    ):
        logits = network(images)
    return Forward(network, images, logits, [call for call in calls if call.result.requires_grad], patterns)


@shared(forward, BATCH, LOSS, WANTED)
def loss_gradients(found: Forward, batch: Batch, loss: Loss, wanted: frozenset[Function]) -> dict[Tensor, Tensor]:
    """Return the gradient of the loss by weights and by outputs of layers, as far as they are wanted."""
    by = [layer.weight for layer in layers(found.network)] if weight_gradients in wanted else []
    by += [call.result for call in found.outputs]
    value = loss(found.logits, batch.labels)
    gradients = torch.autograd.grad(value, by, retain_graph=image_gradients in wanted, allow_unused=True)
    return {one: gradient for one, gradient in zip(by, gradients, strict=True) if gradient is not None}


@shared(forward, loss_gradients)
def weight_gradients(found: Forward, gradients: dict[Tensor, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Return weight and gradient of the loss of every convolution and linear layer that has one."""
    weights = [layer.weight for layer in layers(found.network)]
    return [(weight.detach(), gradients[weight]) for weight in weights if weight in gradients]


@shared(forward, loss_gradients)
def output_gradients(found: Forward, gradients: dict[Tensor, Tensor]) -> list[tuple[Call, Tensor]]:
    """Return every call of a convolution or linear layer with the gradient of the loss by its result, if it has one."""
    return [(call, gradients[call.result]) for call in found.outputs if call.result in gradients]


@shared(forward, WANTED)
def image_gradients(found: Forward, wanted: frozenset[Function]) -> NDArray[np.float64]:
    """Return the gradient of the sum of all logits by every image: float64[n, pixels].

    Raises
    ------
    Undefined
        If an image's is constant, so that it correlates with nothing.
    """
    (gradient,) = torch.autograd.grad(found.logits.sum(), found.images, retain_graph=loss_gradients in wanted)
    rows: NDArray[np.float64] = gradient.reshape(len(gradient), -1).double().cpu().numpy()
    if not (rows.std(axis=1) > 0).all():
        raise Undefined("an image has no influence on the logits")
    return rows


@dataclass(frozen=True)
class Agreements:
    """In how many inputs of ReLUs every two images agree in the sign: float64[n, n], of `inputs` for each image."""

    counts: Tensor
    inputs: int


@shared(forward)
def relu_agreements(found: Forward) -> Agreements:
    """Return in how many inputs of ReLUs every two images agree in the sign, exactly.

    Both positive, or neither: by one product of matrices, the rest are row sums. Counts of a call are below 2^24.
    """
    refuse_other_activations(found.network, found.patterns)
    images = len(found.logits)
    counts = torch.zeros(images, images, dtype=torch.float64, device=found.logits.device)
    for pattern in found.patterns:
        positive = pattern.float()
        both = (positive @ positive.T).double()
        counts += 2 * both - both.diagonal()[:, None] - both.diagonal()[None, :] + pattern.shape[1]
    return Agreements(counts, sum(pattern.shape[1] for pattern in found.patterns))
