"""Fisher."""

from __future__ import annotations

from torch import Tensor, nn

from sedspace.studies.proxies.activations import Call
from sedspace.studies.proxies.base import proxy
from sedspace.studies.proxies.forward_pass import output_gradients


@proxy("fisher", needs=(output_gradients,))
def fisher(gradients: list[tuple[Call, Tensor]]) -> float:
    """Return the sum over weights of their channel's ``mean over images of (sum of activation * gradient)^2 / 2``.

    The sum inside is over the pixels of a channel that a convolution or linear layer puts out (Turner et al., arXiv
    1906.04113). As in arXiv 2101.08134 every weight counts with its channel's value, so that a channel counts as often
    as it has weights. The tokens of a transformer are its pixels.
    """
    total = 0.0
    for call, gradient in gradients:
        product = call.result.detach() * gradient
        by_place = product.movedim(-1, 1) if isinstance(call.module, nn.Linear) else product
        by_channel = by_place.reshape(*by_place.shape[:2], -1).sum(-1)
        weights = call.weight[0].numel()
        total += weights * float((by_channel**2).mean(0).sum() / 2)
    return total
