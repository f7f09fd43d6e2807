"""Snip."""

from __future__ import annotations

from torch import Tensor

from sedspace.studies.proxies.base import proxy
from sedspace.studies.proxies.forward_pass import weight_gradients


@proxy("snip", needs=(weight_gradients,))
def snip(gradients: list[tuple[Tensor, Tensor]]) -> float:
    """Return the sum over weights of ``|weight * gradient of the loss|``.

    Lee et al., arXiv 1810.02340; summed as a proxy by Abdelfattah et al., arXiv 2101.08134. Not divided by its sum, as
    pruning by it does.
    """
    return sum(float((weight * gradient).abs().sum()) for weight, gradient in gradients)
