"""l2_norm."""

from __future__ import annotations

from torch import nn

from sedspace.studies.proxies.base import NETWORK, proxy
from sedspace.studies.proxies.gradients import layers


@proxy("l2_norm", needs=(NETWORK,))
def l2_norm(network: nn.Module) -> float:
    """Return the sum over layers of the Euclidean norm of the initial weights.

    Abdelfattah et al., arXiv 2101.08134. It needs no data and no run, and says how PyTorch initialises: with its
    default, a layer's norm is about ``sqrt(c_out / 3)``, whatever its kernel.
    """
    return sum(float(layer.weight.detach().norm()) for layer in layers(network))
