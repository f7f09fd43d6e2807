"""What a proxy is: a name and a function of a network and a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from sedspace.errors import BadInput
from sedspace.studies.file import AGGREGATES, SCHEMA


@dataclass(frozen=True)
class Batch:
    """Images and labels.

    Attributes
    ----------
    images : float32[n, 3, side, side]
    labels : int64[n]
    """

    images: Tensor
    labels: Tensor


class Undefined(Exception):
    """A proxy has no value on a network: the reason, in one line."""


Loss = Callable[[Tensor, Tensor], Tensor]
Function = Callable[[nn.Module, Batch, Loss], float]


@dataclass(frozen=True)
class Proxy:
    """A zero-cost proxy.

    Attributes
    ----------
    name : str
    function : callable
        From a freshly initialised network in train mode, a batch and a loss to a number; greater is better, unless
        `better` says otherwise. It may leave the network in any state, and raises `Undefined` where it has no value.
    better : {"more", "less"}
    """

    name: str
    function: Function
    better: str = "more"

    def value(self, network: nn.Module, batch: Batch, loss: Loss) -> float:
        """Return the proxy's value.

        Raises
        ------
        Undefined
            If it has none: not a number, or infinite.
        """
        value = float(self.function(network, batch, loss))
        if not math.isfinite(value):
            raise Undefined(f"the value is {value}")
        return value


REGISTERED: dict[str, Proxy] = {}
"""Every proxy by its name, those of one's own too."""


def proxy(name: str, better: str = "more") -> Callable[[Function], Function]:
    """Register a function as a proxy: the one decorator that a proxy of one's own needs.

    A study knows it by its name and its code (`sedspace.studies.code`): if that changes, its values are computed anew.

    Examples
    --------
    >>> from sedspace.studies.proxies import proxy, find_proxy
    >>> @proxy("layers")
    ... def layers(network, batch, loss):
    ...     return len(list(network.modules()))
    >>> find_proxy("layers").name
    'layers'
    """
    if not name.isidentifier() or better not in ("more", "less"):
        raise BadInput(f"proxy {name!r}, better {better!r}: expected a name of letters and digits, and more or less")
    if name in {*SCHEMA, *AGGREGATES, "all"}:
        raise BadInput(f"proxy {name!r}: studies have a column or aggregate of that name, choose another")

    def register(function: Function) -> Function:
        REGISTERED[name] = Proxy(name, function, better)
        return function

    return register
