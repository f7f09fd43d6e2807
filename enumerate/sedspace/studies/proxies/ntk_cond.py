"""The condition number of the neural tangent kernel."""

from __future__ import annotations

import torch
from torch import nn

from sedspace.studies.proxies.base import Batch, Loss, Undefined, proxy
from sedspace.studies.proxies.gradients import one_by_one

_SINGULAR = 1e-10


@proxy("ntk_cond", better="less")
def ntk_cond(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the condition number of the neural tangent kernel of the sum of logits: less is better.

    TE-NAS, Chen et al., arXiv 2102.11535: the greatest eigenvalue of the kernel of n images by the least. Theirs is in
    float32 and by the weights of BatchNorms too, which are left out here as in all proxies: the values of cells of
    `tss` differ by less than 1 %. A least eigenvalue below 1e-10 of the greatest is the rounding of gradients in
    float32: the kernel is singular, and there is no value, where theirs prints a number of either sign. One backward
    pass of the whole batch per image, as theirs, since BatchNorm joins the images; all gradients are held at once: n
    times the parameters.
    """
    rows = torch.stack(list(one_by_one(network, network(batch.images).sum(dim=1)))).double()
    values = torch.linalg.eigvalsh(rows @ rows.T)
    if values[0] <= _SINGULAR * values[-1]:
        raise Undefined(f"the neural tangent kernel is singular: least eigenvalue below {_SINGULAR} of the greatest")
    return float(values[-1] / values[0])
