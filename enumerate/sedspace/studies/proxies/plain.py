"""Plain."""

from __future__ import annotations

from torch import Tensor

from sedspace.studies.proxies.base import proxy
from sedspace.studies.proxies.forward_pass import weight_gradients


@proxy("plain", needs=(weight_gradients,))
def plain(gradients: list[tuple[Tensor, Tensor]]) -> float:
    """Return the sum over weights of ``weight * gradient of the loss``, with its sign.

    Abdelfattah et al., arXiv 2101.08134. In front of a BatchNorm the terms of a channel cancel (its output does not
    depend on the scale of its weights), so that little but the classifier's share and rounding is left: it depends on
    the seed far more than on the architecture, and published values cannot be reproduced.
    """
    return sum(float((weight * gradient).sum()) for weight, gradient in gradients)
