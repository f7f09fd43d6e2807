"""VKDNW, and with the size of the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from sedspace.studies.proxies.base import NETWORK, Batch, Loss, Undefined, proxy

_TENSORS = 128
_TOGETHER = 8
_EVEN = 0.05


@proxy("vkdnw")
def vkdnw(network: nn.Module, batch: Batch, loss: Loss) -> float:
    """Return the entropy of the nine deciles of the eigenvalues of the Fisher information, as shares of their sum.

    Tybl and Neumann, CVPR 2025, arXiv 2502.04975, equation 11. The Fisher information ``mean over images of J^T
    (diag(p) - p p^T) J`` is that of one weight, the first, of each of the network's first 128 tensors of parameters; J
    are its gradients of the logits, and p is the softmax, of which 0.05 are shared out evenly. As in their code weights
    are initialised by Kaiming's normal with fan-in, and BatchNorms are in evaluation mode, where they do nothing yet.
    Their code multiplies J by the Cholesky factor L of the matrix in the middle, so that it has ``L^T L`` where the
    Fisher information has ``L L^T``: values differ by some hundredths, and rank nearly alike.
    """
    jacobian = _jacobian(_initialised(network), batch.images).double()
    with torch.no_grad():
        logits = network(batch.images).double()
    shares = (1 - _EVEN) * logits.softmax(dim=1) + _EVEN / logits.shape[1]
    middle = torch.diag_embed(shares) - shares[:, :, None] * shares[:, None, :]
    fisher = (jacobian.mT @ middle @ jacobian).mean(dim=0)
    eigenvalues = torch.linalg.eigvalsh(fisher).clamp(min=0)
    deciles = eigenvalues.quantile(torch.arange(0.1, 0.95, 0.1, dtype=torch.float64, device=fisher.device))
    if deciles.sum() <= 0:
        raise Undefined("nine tenths of the eigenvalues of the Fisher information are 0")
    of_sum = deciles / deciles.sum()
    return float(-torch.special.xlogy(of_sum, of_sum).sum())


@proxy("vkdnw_single", needs=(NETWORK, vkdnw))
def vkdnw_single(network: nn.Module, entropy: float) -> float:
    """Return `vkdnw` plus the number of tensors of parameters, as the size of the network.

    Equation 12 of the same paper, whose layers are tensors of parameters in its code. `vkdnw` is at most ``log 9 =
    2.2``, so that it ranks networks of one size.
    """
    return len(list(network.parameters())) + entropy


def _initialised(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    return network.eval()


def _jacobian(network: nn.Module, images: Tensor) -> Tensor:
    """Return the gradients of logits by the first weight of each of the first tensors: float[n, classes, tensors]."""
    tensors = {name: tensor.detach() for name, tensor in network.named_parameters()}
    firsts = torch.stack([tensor.flatten()[0] for tensor in tensors.values()][:_TENSORS])

    def logits_of(firsts: Tensor, image: Tensor) -> Tensor:
        moved = dict(tensors)
        for (name, tensor), first in zip(tensors.items(), firsts, strict=False):
            moved[name] = torch.cat([first[None], tensor.flatten()[1:]]).view_as(tensor)
        logits: Tensor = functional_call(network, moved, (image[None],))[0]
        return logits

    together = (images[start : start + _TOGETHER] for start in range(0, len(images), _TOGETHER))
    with torch.no_grad():
        return torch.cat([vmap(jacrev(logits_of), in_dims=(None, 0))(firsts, some) for some in together])
