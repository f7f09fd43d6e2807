"""Architectures as PyTorch networks, built as their benchmarks publish them.

The parameters of every network are those that the space counts in closed form. Torch is imported when the first
network is built.
"""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from typing import TYPE_CHECKING

from sedspace.errors import BadInput, as_int, needs
from sedspace.networks.registry import family_of, skeleton_of
from sedspace.spaces import Space
from sedspace.spaces import space as find_space

if TYPE_CHECKING:
    from torch import nn

__all__ = ["network", "skeleton_of"]


def network(
    space: str | Space, index: int | str, dataset: str | None = None, *, num_classes: int | None = None
) -> nn.Module:
    """Return an architecture as a PyTorch network with its benchmark's skeleton.

    Its weights are initialised as PyTorch does, those of a whole network as its definition says, which for sedspace's
    own is as the source does. There is no dropout. Needs torch, the extra ``crosscheck``. ``space.network(index)`` is
    the same.

    Parameters
    ----------
    space : str or Space
    index : int or str
        The architecture, by its index or its arch string.
    dataset : str, optional
        What the network is for. By default cifar10; of the NATS-Bench spaces also cifar100 and imagenet16, of
        `darts` also cifar10_8cells (8 cells from 16 channels on, instead of 20 from 36). The TransNAS spaces have
        class_scene (the default) and class_object, a space of one's own and those of whole networks theirs alone.
    num_classes : int, optional
        How many logits there are. By default as many as the dataset has classes.

    Returns
    -------
    torch.nn.Module
        From float32[n, 3, side, side] to logits of shape (n, classes). Its parameters are as many as the space's
        ``params`` says, its multiply-accumulates as ``macs``. Its parts are ``stem``, ``cells`` (of whole networks
        ``stage1``, ``stage2``, ...) and ``head``. A transformer of sequences is from int64[n, tokens], without classes
        to float32[n, tokens, width].

    Raises
    ------
    BadInput
        If there is no such architecture, torch is missing, or the space has no network for the dataset or no head.

    Examples
    --------
    >>> import sedspace as ss
    >>> network = ss.network("tss", 11668)
    >>> sum(parameter.numel() for parameter in network.parameters())
    1288506
    >>> ss.score("tss", "params", indices=[11668]).item()
    1288506
    """
    space = find_space(space)
    index = space.parse(index) if isinstance(index, str) else space.check_index(index)
    skeleton = skeleton_of(space, dataset)
    if num_classes is not None:
        num_classes = as_int(num_classes, "num_classes")
        if num_classes < 1 or not skeleton.classes:
            expected = "1 or more" if skeleton.classes else f"none, since networks of {space.name} have no head"
            raise BadInput(f"num_classes {num_classes}: expected {expected}")
        skeleton = replace(skeleton, classes=num_classes)
    try:
        build = pkgutil.resolve_name(f"{__name__}.{family_of(space).builder}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise needs("torch", "crosscheck", "networks need") from None
    built: nn.Module = build(space, index, skeleton)
    return built


Space.network_builder = network
