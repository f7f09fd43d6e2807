"""Cells of any kind as one: graphs with an operation on every edge, from inputs to an output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from sedspace.spaces import Inputs, Operation, Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.darts import OPERATIONS, DartsSpace
from sedspace.spaces.nb101 import Nb101Space
from sedspace.spaces.parts import Digits, Group
from sedspace_kernels.nb101 import MAX_VERTICES

_NONE, _JOIN = Operation("none", "none"), Operation("join", "skip")


@dataclass(frozen=True)
class Edge:
    """An edge: its ends, and what may stand on it.

    Attributes
    ----------
    source, target : int
    operations : sequence of Operation
        By the number that `Wiring.chosen` gives them.
    is_join : bool
        It hands on what it gets and is no choice of an operation: the space has operations elsewhere.
    length : int
        What it adds to the length of a path.
    is_residual : bool
        A skip connection there is a residual one.
    """

    source: int
    target: int
    operations: Sequence[Operation]
    is_join: bool = False
    length: int = 1
    is_residual: bool = False


@dataclass(frozen=True, eq=False)
class Wiring:
    """The cells of a group of positions, as graphs with an operation on every edge.

    Attributes
    ----------
    name : str
        Of the group, where the space has several, else empty.
    multiplicity : int
        How often the network has the cell.
    inputs : int
        How many of the nodes, the first ones, are inputs; the last one is the output.
    edges : sequence of Edge
        In an order in which a node is a target before it is a source, and never after.
    counts : mapping of str to Operation
        The columns that count operations.
    all_live : bool
        There is no edge but those on a path from an input to the output.
    chosen : callable
        Takes the digits of architectures and returns what stands on each edge: unsigned integer[n, edges].
    """

    name: str
    multiplicity: int
    inputs: int
    edges: Sequence[Edge]
    counts: Mapping[str, Operation]
    all_live: bool
    chosen: Callable[[Digits], Digits]

    @property
    def sources(self) -> NDArray[np.int64]:
        """The source of every edge."""
        return np.array([edge.source for edge in self.edges], np.int64)

    @property
    def targets(self) -> NDArray[np.int64]:
        """The target of every edge."""
        return np.array([edge.target for edge in self.edges], np.int64)

    @property
    def shape(self) -> tuple[int, int]:
        """How many edges there are, and how many operations one may have."""
        return len(self.edges), max(len(edge.operations) for edge in self.edges)


def has_wirings(space: Space) -> bool:
    """Return whether the architectures of a space are cells that are graphs."""
    return isinstance(space, CellSpace | DartsSpace | Nb101Space)


@lru_cache(maxsize=16)
def wirings_of(space: Space) -> tuple[Wiring, ...]:
    """Return the cells of a space, each of its groups as graphs; none if it is not one of cells."""
    if isinstance(space, CellSpace):
        return (_with_operations_on_edges(space),)
    if isinstance(space, DartsSpace):
        return tuple(_with_two_inputs_per_node(space, group) for group in space.groups)
    if isinstance(space, Nb101Space):
        return (_with_operations_on_vertices(space),)
    return ()


def _with_operations_on_edges(space: CellSpace) -> Wiring:
    through = 0, space.nodes - 1
    edges = [
        Edge(*ends, [o for choice in position.choices for o in choice.operations], is_residual=ends == through)
        for ends, position in zip(space.edges, space.positions, strict=True)
    ]
    return Wiring("", 1, 1, edges, space.counts, False, lambda digits: digits)


def _with_two_inputs_per_node(space: DartsSpace, group: Group) -> Wiring:
    """Return a cell of darts: on every edge that there may be an operation or none; all nodes lead to the output."""
    edges: list[Edge] = []
    into = []  # for each position what each of its choices is on each edge
    number = {operation: code for code, operation in enumerate(space.operations, start=1)}
    for node, position in enumerate(group.positions, start=2):
        edges += [Edge(source, node, [_NONE, *number], is_residual=source < 2) for source in range(node)]
        codes = np.zeros((len(space.positions[position].choices), node), np.uint8)
        for row, choice in zip(codes, space.positions[position].choices, strict=True):
            if isinstance(choice, Inputs):
                row[list(choice.sources)] = [number[operation] for operation in choice.operations]
        into.append(codes)
    output = len(into) + 2
    edges += [Edge(node, output, [_JOIN], is_join=True, length=0) for node in range(2, output)]

    def chosen(digits: Digits) -> Digits:
        parts = [codes[digits[:, position]] for codes, position in zip(into, group.positions, strict=True)]
        return np.concatenate([*parts, np.zeros((len(digits), len(into)), np.uint8)], axis=1)

    counts = {f"{name}_{group.name}": operation for name, operation in OPERATIONS.items()}
    return Wiring(group.name, group.multiplicity, 2, edges, counts, True, chosen)


def _with_operations_on_vertices(space: Nb101Space) -> Wiring:
    """Return the cells of nb101: vertex v is an edge, from a node 2 v - 1 that adds up its inputs to a node 2 v."""
    between = range(1, MAX_VERTICES - 1)
    output = 2 * MAX_VERTICES - 3
    edges: list[Edge] = []
    for v in between:
        edges += [Edge(2 * x, 2 * v - 1, [_NONE, _JOIN], is_join=True) for x in range(v)]
        edges.append(Edge(2 * v - 1, 2 * v, [_NONE, *space.operations], length=0))
    last_joins = range(MAX_VERTICES - 1)
    edges += [Edge(2 * x, output, [_NONE, _JOIN], is_join=True, is_residual=x == 0) for x in last_joins]

    @cache
    def of_every_cell() -> Digits:
        cells, last = space.cells, space.cells.vertices.astype(np.intp) - 1
        columns = []
        for v in between:
            is_there = v < last
            columns += [cells.adjacency[:, x, v] * is_there for x in range(v)]
            columns.append((cells.labels[:, v] + 1) * is_there)
        columns += [cells.adjacency[np.arange(len(last)), x, last] for x in last_joins]
        return np.stack(columns, axis=1).astype(np.uint8)

    counts = dict(zip(space.feature_names, space.operations, strict=False))
    return Wiring("", 1, 1, edges, counts, True, lambda digits: of_every_cell()[digits[:, 0]])
