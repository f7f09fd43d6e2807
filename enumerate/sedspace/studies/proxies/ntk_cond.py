"""The condition number of the neural tangent kernel."""

from __future__ import annotations

import torch
from torch import nn

from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy
from sedspace.studies.proxies.gradients import one_by_one


@proxy("ntk_cond", better="less")
def ntk_cond(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the condition number of the neural tangent kernel of the sum of logits: less is better.

    TE-NAS, Chen et al., arXiv 2102.11535. One backward pass per image, all gradients held at once: n times the
    parameters. Where the kernel is singular there is no value.
    """
    rows = torch.stack(list(one_by_one(network, network(batch.images).sum(dim=1)))).double()
    values = torch.linalg.eigvalsh(rows @ rows.T)
    if values[0] <= 0:
        raise Undefined("the neural tangent kernel is singular")
    return float(values[-1] / values[0])
