"""Plain."""

from __future__ import annotations

from torch import nn

from sedspace.studies.proxies.base import Batch, Loss, proxy
from sedspace.studies.proxies.gradients import weight_gradients


@proxy("plain")
def plain(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over weights of ``weight * gradient of the loss``, with its sign.

    Abdelfattah et al., arXiv 2101.08134. In front of a BatchNorm the terms of a channel cancel (its output does not
    depend on the scale of its weights), so that little but the classifier's share and rounding is left: it depends on
    the seed far more than on the architecture, and published values cannot be reproduced.
    """
    return sum(float((weight * gradient).sum()) for weight, gradient in weight_gradients(network, batch, loss))
