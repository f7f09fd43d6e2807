"""Proxies from the gradient of the loss by the weights: grad_norm, snip, grasp, fisher, plain, l2_norm, synflow."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from sedspace.crosscheck.proxies.proxy import Batch, Loss, Undefined, gradients, layers, proxy


@proxy("grad_norm")
def grad_norm(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over layers of the norm of the loss's gradient by the weights (arXiv 2101.08134)."""
    return sum(float(gradient.norm()) for _, gradient in gradients(network, batch, loss))


@proxy("snip")
def snip(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum of ``|weight * gradient|`` (Lee et al., arXiv 1810.02340; as a proxy arXiv 2101.08134)."""
    return sum(float((weight * gradient).abs().sum()) for weight, gradient in gradients(network, batch, loss))


@proxy("plain")
def plain(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum of ``weight * gradient``, with its sign (arXiv 2101.08134)."""
    return sum(float((weight * gradient).sum()) for weight, gradient in gradients(network, batch, loss))


@proxy("l2_norm")
def l2_norm(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over layers of the norm of the weights: no data, but the initialisation (arXiv 2101.08134)."""
    return sum(float(layer.weight.detach().norm()) for layer in layers(network))


@proxy("grasp")
def grasp(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum of ``-weight * (Hessian @ gradient)`` (Wang et al., arXiv 2002.07376; arXiv 2101.08134)."""
    weights = [layer.weight for layer in layers(network)]
    value = loss(network(batch.images), batch.labels)
    first = torch.autograd.grad(value, weights, create_graph=True, allow_unused=True)
    product = sum((one.detach() * one).sum() for one in first if one is not None)
    if not isinstance(product, Tensor) or not product.requires_grad:
        raise Undefined("grasp: the loss does not depend on the weights")
    second = torch.autograd.grad(product, weights, allow_unused=True)
    return sum(float((-w.detach() * h).sum()) for w, h in zip(weights, second, strict=True) if h is not None)


@proxy("fisher")
def fisher(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over weights of their channel's ``mean over images of (sum of activation * gradient)^2 / 2``.

    The sum inside is over the pixels of a channel that a convolution or linear layer puts out (Turner et al., arXiv
    1906.04113). As in arXiv 2101.08134 every weight counts with its channel's value, so that a channel counts as often
    as it has weights.
    """
    outputs: list[tuple[int, Tensor]] = []

    def hook(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        if result.requires_grad:
            result.retain_grad()
            outputs.append((module.weight[0].numel(), result))  # type: ignore[index]

    handles = [layer.register_forward_hook(hook) for layer in layers(network)]
    try:
        torch.autograd.backward(loss(network(batch.images), batch.labels))
    finally:
        for handle in handles:
            handle.remove()
    total = 0.0
    for weights, output in outputs:
        if output.grad is not None:
            product = output.detach() * output.grad
            by_channel = product.flatten(2).sum(-1) if product.dim() > 2 else product
            total += weights * float((by_channel**2).mean(0).sum() / 2)
    return total


@proxy("synflow")
def synflow(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the natural logarithm of the sum of ``|weight| * gradient`` of the sum of logits for an image of ones.

    Weights by their absolute values, in double precision, BatchNorm left out (Tanaka et al., arXiv 2006.05467; as a
    proxy arXiv 2101.08134). Without its logarithm it overflows single precision on ordinary networks.
    """
    net = copy.deepcopy(network).double()
    for module in net.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_()
    torch.autograd.backward(net(torch.ones_like(batch.images[:1], dtype=torch.float64)).sum())
    flow = sum(
        (layer.weight.detach() * layer.weight.grad).abs().sum()
        for layer in layers(net)
        if layer.weight.grad is not None
    )
    if not isinstance(flow, Tensor) or flow <= 0:
        raise Undefined("synflow: nothing flows from the input to the output")
    return float(flow.log())
