"""Supernets: networks in which every edge of a cell has all its operations, each with a share of what it hands on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sedspace.errors import BadInput
from sedspace.networks.darts import DartsCell, DartsNetwork
from sedspace.networks.layers import EdgeCell
from sedspace.networks.registry import skeleton_of
from sedspace.spaces import Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.darts import NODES, OPERATIONS, DartsSpace

_EDGES = [(source, node) for node in NODES for source in range(node)]


class MixedEdge(nn.Module):
    """All operations of an edge: the sum of what they give, by their shares.

    Parameters
    ----------
    operations : sequence of nn.Module
    shares : list of float
        One for each, looked at in every forward pass; what has none is not computed.
    """

    def __init__(self, operations: Sequence[nn.Module], shares: list[float]) -> None:
        super().__init__()
        self.operations = nn.ModuleList(operations)
        self.shares = shares

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum; zeros if no operation has a share."""
        terms = [share * one(x) for share, one in zip(self.shares, self.operations, strict=True) if share]
        return torch.stack(terms).sum(dim=0) if terms else 0.0 * self.operations[0](x)


class Supernet(nn.Module):
    """A network of cells with all operations on every edge; each cell has weights of its own.

    Attributes
    ----------
    shares : list of list of float
        For each edge, what each operation counts: at first all the same, and 1 together.
    cells : list of list of int
        The edges of each kind of cell.
    nodes : list of list of int
        Edges of which two are kept, by the node that they lead to; none where every edge is.
    """

    def __init__(
        self, network: nn.Module, shares: list[list[float]], cells: list[list[int]], nodes: list[list[int]]
    ) -> None:
        super().__init__()
        self.network, self.shares, self.cells, self.nodes = network, shares, cells, nodes

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.network(x)
        return logits

    def keep(self, edge: int, operation: int) -> None:
        """Leave an edge one operation only."""
        self.shares[edge][:] = [float(number == operation) for number in range(len(self.shares[edge]))]


def supernet(space: Space, dataset: str | None = None) -> Supernet:
    """Return the supernet of a space of cells, of NATS-Bench's kind or DARTS's.

    The network is that of the space (`sedspace.network`), of the same stem, cells in a chain and head, initialised in
    the same way; of `darts` the one of 8 cells unless told otherwise. Pools have no BatchNorm of their own, which the
    supernet of DARTS's authors gives them.

    Parameters
    ----------
    space : Space
        Where every combination of choices exists.
    dataset : str, optional

    Raises
    ------
    BadInput
        If it is of another kind.

    Examples
    --------
    >>> import sedspace as ss
    >>> net = supernet(ss.space("tss"))
    >>> len(net.shares), net.shares[0]
    (6, [0.2, 0.2, 0.2, 0.2, 0.2])
    """
    if space.machine is None and isinstance(space, DartsSpace):
        return _of_darts(space, dataset or "cifar10_8cells")
    if space.machine is None and isinstance(space, CellSpace):
        return _of_cells(space, dataset)
    raise BadInput(
        f"{space.name} has no supernet: expected cells with an operation on every edge, such as tss, or darts"
    )


def _of_cells(space: CellSpace, dataset: str | None) -> Supernet:
    radices = space.radices.tolist()
    rows = [[min(number, radix - 1) for radix in radices] for number in range(max(radices))]
    every = [space.network(space.index(row), dataset) for row in rows]  # operation by operation, the same on all edges
    shares = [[1 / radix] * radix for radix in radices]
    cells = [[module for module in one.modules() if isinstance(module, EdgeCell)] for one in every]
    for alike in zip(*cells, strict=True):
        edges = [[cell.edges[edge] for cell in alike[:radix]] for edge, radix in enumerate(radices)]
        alike[0].edges = nn.ModuleList(MixedEdge(*both) for both in zip(edges, shares, strict=True))
    return Supernet(every[0], shares, [[*range(len(radices))]], [])


def _of_darts(space: DartsSpace, dataset: str) -> Supernet:
    skeleton, operations = skeleton_of(space, dataset), list(OPERATIONS.values())
    inputs = [[(tuple(range(node)), (operation,) * node) for node in NODES] for operation in operations]
    every = [DartsNetwork(one, one, skeleton) for one in inputs]
    shares = [[1 / len(operations)] * len(operations) for _ in range(2 * len(_EDGES))]
    cells = [[module for module in one.modules() if isinstance(module, DartsCell)] for one in every]
    for alike in zip(*cells, strict=True):
        first = len(_EDGES) if alike[0].reduces else 0
        alike[0].edges = nn.ModuleList(
            MixedEdge([cell.edges[edge] for cell in alike], shares[first + edge]) for edge in range(len(_EDGES))
        )
    kinds = [[*range(len(_EDGES))], [*range(len(_EDGES), 2 * len(_EDGES))]]
    into = [[kind[edge] for edge, (_, node) in enumerate(_EDGES) if node == one] for kind in kinds for one in NODES]
    return Supernet(every[0], shares, kinds, into)


def darts_digits(space: DartsSpace, kept: Sequence[Sequence[int]], chosen: Sequence[int]) -> list[int]:
    """Return the digits of the architecture that a supernet of `darts` is made.

    Parameters
    ----------
    space : DartsSpace
    kept : sequence of sequences of int
        For each node of the normal cell, then of the reduction cell, its two edges.
    chosen : sequence of int
        The operation of each edge.
    """
    operations, out = list(OPERATIONS.values()), []
    for position, edges in zip(space.positions, kept, strict=True):
        sources = tuple(_EDGES[edge % len(_EDGES)][0] for edge in sorted(edges))
        names = tuple(operations[chosen[edge]] for edge in sorted(edges))
        out.append(_choice(position.choices, sources, names))
    return out


def _choice(choices: Sequence[object], sources: tuple[int, ...], operations: tuple[object, ...]) -> int:
    pairs = [(tuple(getattr(one, "sources", ())), tuple(getattr(one, "operations", ()))) for one in choices]
    return pairs.index((sources, operations))
