"""grad_norm."""

from __future__ import annotations

from torch import nn

from sedspace.studies.proxies.base import Batch, Loss, proxy
from sedspace.studies.proxies.gradients import weight_gradients


@proxy("grad_norm")
def grad_norm(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the sum over layers of the Euclidean norm of the loss's gradient by the weights.

    Abdelfattah et al., arXiv 2101.08134. The sum of the layers' norms, not the norm of the whole gradient. It falls as
    the batch grows, since the loss is a mean over images: compare values of one batch size only.
    """
    return sum(float(gradient.norm()) for _, gradient in weight_gradients(network, batch, loss))
