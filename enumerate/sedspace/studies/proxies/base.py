"""What a proxy is, and how proxies share their work.

A proxy is a function with a name: by default of a freshly initialised network, which it may leave in any state, a batch
and a loss. A pass is a function of the same kind, whose result is for others: what states it among its needs gets that
result as an argument, in place of network, batch and loss. `Passes` runs each pass of a network once, however many need
it, and forgets what nothing needs any more. What needs the network gets a copy of its own, and random numbers as they
were when the network was made; what needs passes goes on with those that the last of them has left. So no value depends
on which others are computed, or in what order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import torch
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


class Given(Enum):
    """What a pass or a proxy may need besides passes."""

    NETWORK = "the freshly initialised network, in train mode: a copy of one's own"
    BATCH = "the batch"
    LOSS = "the loss, a function of logits and labels"
    WANTED = "the passes that are run, a set of functions: to leave out what none of them needs"


NETWORK, BATCH, LOSS, WANTED = Given

Loss = Callable[[Tensor, Tensor], Tensor]
Function = Callable[..., Any]
Need = Given | Function
Marked = TypeVar("Marked", bound=Function)

_NEEDS = "sedspace_needs"


def shared(*needs: Need) -> Callable[[Marked], Marked]:
    """Make a function a pass, with what it needs, in the order of its arguments: network, batch, loss, other passes.

    It is run once for all that need it, none of which may change what it returns.

    Examples
    --------
    >>> from sedspace.studies.proxies import base
    >>> @base.shared(base.NETWORK, base.BATCH)
    ... def logits(network, batch):
    ...     return network(batch.images).detach()
    >>> @base.proxy("largest", needs=(logits,))
    ... def largest(logits):
    ...     return logits.max()
    """

    def mark(function: Marked) -> Marked:
        vars(function)[_NEEDS] = needs  # on the function itself, which takes it along to another process
        return function

    return mark


def needs_of(function: Function) -> tuple[Need, ...]:
    """Return what a pass or the function of a proxy needs, in the order of its arguments."""
    needs: tuple[Need, ...] = getattr(function, _NEEDS, (NETWORK, BATCH, LOSS))
    return needs


def _with_needs(function: Function) -> Iterator[Function]:
    """Yield a function, and all passes that it needs, directly or not: what it starts from comes last."""
    yield function
    for need in needs_of(function):
        if not isinstance(need, Given):
            yield from _with_needs(need)


@dataclass(frozen=True)
class Proxy:
    """A zero-cost proxy.

    Attributes
    ----------
    name : str
    function : callable
        From a freshly initialised network in train mode, a batch and a loss, or from what it is registered to need, to
        a number; greater is better, unless `better` says otherwise. It raises `Undefined` where it has no value.
    better : {"more", "less"}
    counts : bool
        Whether it only counts what a network has, so that it has a value where nothing passes from input to output.
    """

    name: str
    function: Function
    better: str = "more"
    counts: bool = False

    def value(self, network: nn.Module, batch: Batch, loss: Loss) -> float:
        """Return the proxy's value; the network may be left in any state.

        Raises
        ------
        Undefined
            If it has none: not a number, or infinite.
        """
        (found,) = Passes(lambda: network, batch, loss).values([self])
        if found.error is not None:
            raise found.error
        assert found.value is not None
        return found.value


@dataclass(frozen=True)
class Value:
    """The value of a proxy, or why there is none; the seconds that it took, and those of them for passes it needs."""

    proxy: Proxy
    value: float | None
    error: Exception | None
    seconds: float = 0.0
    shared_seconds: float = 0.0


@dataclass(frozen=True)
class _Found:
    result: Any
    error: Exception | None
    seconds: float
    random: list[Tensor] = field(repr=False)


class Passes:
    """The passes of one network and batch, each run when it is first needed.

    Parameters
    ----------
    network : callable
        Makes a copy of the network.
    batch : Batch
    loss : callable
    """

    def __init__(self, network: Callable[[], nn.Module], batch: Batch, loss: Loss) -> None:
        self._network, self._batch, self._loss = network, batch, loss
        self._random = self._random_numbers()
        self._found: dict[Function, _Found] = {}

    def values(self, proxies: Sequence[Proxy]) -> Iterator[Value]:
        """Yield the values of proxies, those that start from the same pass one after the other."""
        starts = [[*_with_needs(proxy.function)][-1] for proxy in proxies]
        order = [proxies[one] for one in sorted(range(len(starts)), key=lambda one: starts.index(starts[one]))]
        wanted = _passes(order)
        for number, proxy in enumerate(order):
            yield self._value(proxy, wanted)
            left = _passes(order[number + 1 :])
            self._found = {function: found for function, found in self._found.items() if function in left}

    def _value(self, proxy: Proxy, wanted: frozenset[Function]) -> Value:
        found = self._run(proxy.function, wanted)
        value, error = None, found.error
        if error is None:
            try:
                value = float(found.result)
                if not math.isfinite(value):
                    value, error = None, Undefined(f"the value is {value}")
            except (TypeError, ValueError, RuntimeError) as raised:  # what a user's proxy returns is no number
                error = raised
        needed = _passes([proxy]) - {proxy.function}
        shared_seconds = sum(self._found[one].seconds for one in needed if one in self._found)
        return Value(proxy, value, error, found.seconds + shared_seconds, shared_seconds)

    def _run(self, function: Function, wanted: frozenset[Function]) -> _Found:
        """Return what a function finds, after all that it needs."""
        if function not in self._found:
            self._found[function] = self._first_run(function, wanted)
        return self._found[function]

    def _first_run(self, function: Function, wanted: frozenset[Function]) -> _Found:
        needs, random = needs_of(function), self._random
        given: dict[Need, object] = {BATCH: self._batch, LOSS: self._loss, WANTED: wanted}
        for need in needs:
            if not isinstance(need, Given):
                found = self._run(need, wanted)
                if found.error is not None:
                    return _Found(None, found.error, 0.0, random)
                given[need], random = found.result, found.random
        error: Exception | None = None
        result, began = None, time.perf_counter()
        try:
            if NETWORK in needs:
                given[NETWORK] = self._network()
            _set_random_numbers(random)
            began = time.perf_counter()
            result = function(*(given[need] for need in needs))
            self._synchronise()
        except SystemExit as left:  # scripts that proxies come from end so
            error = RuntimeError(f"it ended with exit({left.code!r})")
        except Exception as raised:  # a user's may raise anything, and there may be no memory
            error = raised
        return _Found(result, error, time.perf_counter() - began, self._random_numbers())

    def _synchronise(self) -> None:
        if self._batch.images.is_cuda:
            torch.cuda.synchronize()

    def _random_numbers(self) -> list[Tensor]:
        """Return the state of torch's random numbers, on the processor and on a GPU in use."""
        gpu = [torch.cuda.get_rng_state()] if self._batch.images.is_cuda else []
        return [torch.get_rng_state(), *gpu]


def _passes(proxies: Iterable[Proxy]) -> frozenset[Function]:
    """Return the functions of proxies, and all that they need."""
    return frozenset(function for proxy in proxies for function in _with_needs(proxy.function))


def _set_random_numbers(state: list[Tensor]) -> None:
    torch.set_rng_state(state[0])
    for gpu in state[1:]:
        torch.cuda.set_rng_state(gpu)


REGISTERED: dict[str, Proxy] = {}
"""Every proxy by its name, those of one's own too."""


def proxy(
    name: str, better: str = "more", *, needs: tuple[Need, ...] | None = None, counts: bool = False
) -> Callable[[Marked], Marked]:
    """Register a function as a proxy: the one decorator that a proxy of one's own needs.

    Parameters
    ----------
    name : str
        By it and its code (`sedspace.studies.code`) a study knows it: if that changes, its values are computed anew.
    better : {"more", "less"}
    needs : tuple, optional
        The passes of which it is a function. Default: it is one of a network of its own, the batch and the loss.
    counts : bool, default False
        Whether it has a value on dead cells, too; without it a study does not ask it there.

    Examples
    --------
    >>> from sedspace.studies.proxies import proxy, find_proxy
    >>> @proxy("layers")
    ... def layers(network, batch, loss):
    ...     return len(list(network.modules()))
    >>> find_proxy("layers").name
    'layers'
    """
    if not isinstance(name, str) or not name.isidentifier() or better not in ("more", "less"):
        raise BadInput(f"proxy {name!r}, better {better!r}: expected a name of letters and digits, and more or less")
    if name in {*SCHEMA, *AGGREGATES, "all"}:
        raise BadInput(f"proxy {name!r}: studies have a column or aggregate of that name, choose another")

    def register(function: Marked) -> Marked:
        if needs is not None:
            shared(*needs)(function)
        REGISTERED[name] = Proxy(name, function, better, counts)
        return function

    return register
