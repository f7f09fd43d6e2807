"""What passes through the modules of a network, recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.base import Batch, Undefined

Kept = TypeVar("Kept")
RELUS = (nn.ReLU, nn.ReLU6)
_SMOOTH = (nn.Hardswish, nn.SiLU, nn.GELU)


@dataclass(frozen=True)
class Call:
    """One call of a module: its first argument and its result."""

    module: nn.Module
    given: Tensor
    result: Tensor

    @property
    def weight(self) -> Tensor:
        """The weight of the module, a convolution or a linear layer."""
        weight = self.module.weight
        assert isinstance(weight, Tensor)
        return weight


@contextmanager
def kept(network: nn.Module, *kinds: type[nn.Module], of: Callable[[Call], Kept]) -> Iterator[list[Kept]]:
    """Keep something of every call of the modules of some kinds, in the order of the calls."""
    found: list[Kept] = []

    def hook(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        found.append(of(Call(module, given[0], result)))

    handles = [module.register_forward_hook(hook) for module in network.modules() if isinstance(module, kinds)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def recorded(network: nn.Module, *kinds: type[nn.Module]) -> AbstractContextManager[list[Call]]:
    """Record every call of the modules of some kinds, in the order of the calls."""
    return kept(network, *kinds, of=lambda call: call)


@contextmanager
def one_image() -> Iterator[None]:
    """Raise `Undefined` where a BatchNorm cannot do with one image, of which it gets a single pixel."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise Undefined("a BatchNorm gets a single pixel of each image") from None


def fires(call: Call) -> Tensor:
    """Return which inputs of a call are positive: bool[n, values]."""
    return (call.given > 0).flatten(1)


def refuse_other_activations(network: nn.Module, patterns: list[Tensor]) -> None:
    """Raise `Undefined` if a network has activations that are not linear on either side of 0, or no ReLU."""
    smooth = next((type(module).__name__ for module in network.modules() if isinstance(module, _SMOOTH)), None)
    if smooth is not None:
        raise Undefined(f"patterns are of ReLUs, and the network has {smooth}")
    if not patterns:
        raise Undefined("patterns are of ReLUs, and the network has none")


def relu_patterns(network: nn.Module, batch: Batch) -> list[Tensor]:
    """Return for every call of a ReLU or ReLU6 which of its inputs are positive: bool[n, values].

    Raises
    ------
    Undefined
        If the network has other activations, which are not linear on either side of 0, or no ReLU.
    """
    with kept(network, *RELUS, of=fires) as patterns, torch.no_grad():
        network(batch.images)
    refuse_other_activations(network, patterns)
    return patterns
