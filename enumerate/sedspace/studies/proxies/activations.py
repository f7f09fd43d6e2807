"""What passes through the modules of a network, recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sedspace.studies.proxies.base import Batch


@dataclass(frozen=True)
class Call:
    """One call of a module: its first argument and its result."""

    module: nn.Module
    given: Tensor
    result: Tensor


def _itself(call: Call) -> Any:
    return call


@contextmanager
def recorded(network: nn.Module, *kinds: type[nn.Module], keep: Callable[[Call], Any] = _itself) -> Iterator[list[Any]]:
    """Record every call of the modules of some kinds, in the order of the calls, or what `keep` makes of it."""
    kept: list[Any] = []

    def hook(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        kept.append(keep(Call(module, given[0], result)))

    handles = [module.register_forward_hook(hook) for module in network.modules() if isinstance(module, kinds)]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def relu_patterns(network: nn.Module, batch: Batch) -> list[Tensor]:
    """Return for every call of a ReLU which of its inputs are positive: bool[n, values]."""
    with recorded(network, nn.ReLU, keep=lambda call: (call.given > 0).flatten(1)) as patterns, torch.no_grad():
        network(batch.images)
    return patterns
