"""Zero-Cost-PT: a supernet loses operation after operation, those whose loss a proxy minds least."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from sedspace.errors import BadInput
from sedspace.networks import skeleton_of
from sedspace.searching.task import Proposals, Task
from sedspace.spaces.darts import DartsSpace
from sedspace.studies import chosen_proxies

if TYPE_CHECKING:
    from torch import nn

    from sedspace.networks.supernet import Supernet

Measure = Callable[["nn.Module"], float | None]


def zero_cost_pt(task: Task, random: Random, proxy: str, n: int, rounds: int, batch: int, device: str) -> Proposals:
    """Discretise a supernet n times, and propose what comes out, the best by the proxy over many batches first.

    Xiang et al., "Zero-Cost Operation Scoring in Differentiable Architecture Search" (arXiv 2106.06799), there too with
    NASWOT, 10 candidates and 100 batches that validate them. In random order, every edge keeps the operation without
    which the supernet's proxy would be the least; in `darts` then every node loses the edges without which it is the
    greatest, until two are left. Images are random, and a new batch is drawn for every edge; fresh networks are
    validated. Where a search is continued, the supernet is gone through again.
    """
    measures = _Measures(task, random, proxy, batch, device)
    found: dict[int, None] = {}
    for _ in range(n):
        found.setdefault(discretised(task, measures.supernet(), random, measures.on_one_batch))
    there = [index for index in found if task.exists(index)]
    scored = sorted((-measures.validated(index, rounds), index) for index in there)
    yield from (index for _, index in scored)


class _Measures:
    """A proxy on networks of a space, with a new random batch whenever one is asked for.

    Parameters
    ----------
    task : Task
    random : Random
        Draws the seed of weights and images.
    name : str
        The proxy's.
    batch : int
    device : str
    """

    def __init__(self, task: Task, random: Random, name: str, batch: int, device: str) -> None:
        one, *more = chosen_proxies([name])
        if more or one.name != name:
            raise BadInput(f"{name} is made of several proxies: expected one")
        if one.better == "less":
            raise BadInput(f"option proxy {name!r}: less of it is better, expected one of which more is")
        from sedspace.studies.images import Batches
        from sedspace.studies.worker import hardware_for

        self._task, self._proxy, self._seed = task, one, random.getrandbits(31)
        self._dataset = "cifar10_8cells" if isinstance(task.space, DartsSpace) else None
        self._batches = Batches(skeleton_of(task.space, self._dataset), batch, self._seed)
        self._device = hardware_for(device).device
        self._drawn = count()

    def supernet(self) -> Supernet:
        """Return the supernet, the same weights every time."""
        import torch

        from sedspace.networks.supernet import supernet

        torch.manual_seed(self._seed)
        return supernet(self._task.space, self._dataset).to(self._device)

    def on_one_batch(self) -> Measure:
        """Return the proxy on a new batch: of a network, None where it has no value."""
        import torch
        from torch.nn.functional import cross_entropy

        from sedspace.studies.proxies import Batch, Undefined

        found = self._batches.of(next(self._drawn))
        batch = Batch(found.images.to(self._device), found.labels.to(self._device))

        def measured(network: nn.Module) -> float | None:
            torch.manual_seed(self._seed)
            try:
                return self._proxy.value(copy.deepcopy(network).train(), batch, cross_entropy)
            except Undefined:
                return None

        return measured

    def validated(self, index: int, rounds: int) -> float:
        """Return the sum of the proxy over some batches on a fresh network of an architecture."""
        import torch

        torch.manual_seed(self._seed)
        network = self._task.space.network(index, self._dataset).to(self._device)
        return sum(value for _ in range(rounds) if (value := self.on_one_batch()(network)) is not None)


def discretised(task: Task, net: Supernet, random: Random, on_one_batch: Callable[[], Measure]) -> int:
    """Return the architecture that is left of a supernet, which is changed."""
    chosen = [0] * len(net.shares)
    for edge in _in_turn([random.sample(edges, len(edges)) for edges in net.cells]):
        measure, shares, values = on_one_batch(), list(net.shares[edge]), list[float]()
        for operation in range(len(shares)):
            net.shares[edge][:] = [0.0 if one == operation else share for one, share in enumerate(shares)]
            value = measure(net)
            values.append(float("inf") if value is None else value)
        chosen[edge] = values.index(min(values))
        net.keep(edge, chosen[edge])
    if not net.nodes:
        return task.space.index(chosen)
    from sedspace.networks.supernet import darts_digits

    assert isinstance(task.space, DartsSpace)
    kept = [list(edges) for edges in net.nodes]
    for node in random.sample(range(len(kept)), len(kept)):
        measure = on_one_batch()
        while len(kept[node]) > 2:
            lost = max(kept[node], key=lambda edge: _without(net, edge, measure))
            kept[node].remove(lost)
            net.shares[lost][:] = [0.0] * len(net.shares[lost])
    return task.space.index(darts_digits(task.space, kept, chosen))


def _in_turn(cells: list[list[int]]) -> list[int]:
    """Return the edges of cells of several kinds, one of each in turn."""
    return [edge for some in zip(*cells, strict=True) for edge in some]


def _without(net: Supernet, edge: int, measure: Measure) -> float:
    """Return the proxy of a supernet without an edge."""
    shares = list(net.shares[edge])
    net.shares[edge][:] = [0.0] * len(shares)
    value = measure(net)
    net.shares[edge][:] = shares
    return float("-inf") if value is None else value
