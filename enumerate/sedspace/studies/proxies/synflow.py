"""SynFlow."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy
from sedspace.studies.proxies.gradients import layers


@proxy("synflow")
def synflow(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the natural logarithm of the sum of ``|weight| * gradient`` of the sum of logits for an image of ones.

    Weights by their absolute values, in double precision, BatchNorm left out (Tanaka et al., arXiv 2006.05467; as a
    proxy arXiv 2101.08134). Without double precision it overflows on ordinary networks; published tables hold the sum
    itself or its logarithm.
    """
    net = network.double()
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
        raise Undefined("nothing flows from the input to the output")
    return float(flow.log())
