"""The DSS-indicator of transformers."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from sedspace.networks.transformers import DotProduct, Layer
from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy


@proxy("dss")
def dss(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the synaptic diversity of all attentions plus the synaptic saliency of all feed-forward networks.

    TF-TAS, Zhou et al., arXiv 2203.12217. With all parameters by their absolute values, the gradient of the sum of
    logits for an image of ones: an attention's matrix counts the nuclear norm of its gradient times its own, a
    feed-forward network's matrix the sum of ``|weight * gradient|``. As in their code the matrices of queries, keys and
    values are one, LayerNorm stays, and nothing but attention counts by its nuclear norm. Theirs also adds the saliency
    of the classifier, which the paper's sum does not have and is left out here, so that their values are larger by that
    term. This is in double precision, theirs in float32.
    """
    layers = [module for module in network.modules() if isinstance(module, Layer)]
    if not layers:
        raise Undefined("DSS is of transformers")
    net = copy.deepcopy(network).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_()
    torch.autograd.backward(net(torch.ones_like(batch.images[:1], dtype=torch.float64)).sum())
    total = 0.0
    for layer in net.modules():
        if isinstance(layer, Layer):
            total += sum(_diversity(weights) for weights in _of_attention(layer.attention))
            total += sum(_saliency(one.weight) for one in _linear(layer.feed_forward))
    return total


def _of_attention(attention: nn.Module) -> list[list[Tensor]]:
    """Return the matrices of an attention, those of queries, keys and values together."""
    products = [module for module in attention.modules() if isinstance(module, DotProduct)]
    together = [[one.query.weight, one.key.weight, one.value.weight] for one in products]
    known = {id(weight) for some in together for weight in some}
    return [*together, *([one.weight] for one in _linear(attention) if id(one.weight) not in known)]


def _linear(module: nn.Module) -> list[nn.Linear]:
    return [one for one in module.modules() if isinstance(one, nn.Linear)]


def _diversity(weights: list[Tensor]) -> float:
    """Return the nuclear norm of the gradient of matrices, one upon the other, times that of themselves."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    norms = (torch.linalg.matrix_norm(torch.cat(some), "nuc") for some in (weights, gradients))
    first, second = (float(norm.detach()) for norm in norms)
    return first * second


def _saliency(weight: Tensor) -> float:
    assert weight.grad is not None
    return float((weight.detach() * weight.grad).abs().sum())
