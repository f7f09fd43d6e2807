"""grad_norm."""

from __future__ import annotations

from torch import Tensor

from sedspace.studies.proxies.base import proxy
from sedspace.studies.proxies.forward_pass import weight_gradients


@proxy("grad_norm", needs=(weight_gradients,))
def grad_norm(gradients: list[tuple[Tensor, Tensor]]) -> float:
    """Return the sum over layers of the Euclidean norm of the loss's gradient by the weights.

    Abdelfattah et al., arXiv 2101.08134. The sum of the layers' norms, not the norm of the whole gradient. It falls as
    the batch grows, since the loss is a mean over images: compare values of one batch size only.
    """
    return sum(float(gradient.norm()) for _, gradient in gradients)
