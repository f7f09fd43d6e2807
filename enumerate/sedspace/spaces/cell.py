"""Cells that are complete graphs: an operation on every edge from every node to every later one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sedspace.spaces.base import Space
from sedspace.spaces.parts import Digits, Feature, Group, Operation, Position, layers_feature
from sedspace.spaces.skeleton import Skeleton

MAX_NODES = 23  # 253 edges: the counts are uint8


class CellSpace(Space):
    """Cells of `nodes` nodes, 0 the input and the last one the output, with one of some operations on every edge.

    Positions are the edges grouped by target node, sources ascending: 0->1, 0->2, 1->2, 0->3, ...

    Parameters
    ----------
    name, title : str
    nodes : int
    operations : mapping of str to Operation
        The operations in the order of their digits, each by the name of the column that counts it.
    skeletons : sequence of Skeleton, optional
        The networks around the cell, of which parameters and MACs are features; the first one's are columns of a run
        unless told otherwise.
    own : mapping of str to sequence of Operation, optional
        The choices at edges (``0->3``) that have others than all operations.
    """

    def __init__(
        self,
        name: str,
        title: str,
        nodes: int,
        operations: Mapping[str, Operation],
        skeletons: Sequence[Skeleton] = (),
        own: Mapping[str, Sequence[Operation]] | None = None,
    ) -> None:
        self.nodes = nodes
        self.skeletons = tuple(skeletons)
        self.counts = dict(operations)
        self.edges = tuple((source, target) for target in range(1, nodes) for source in range(target))
        every, own = tuple(operations.values()), own or {}
        names = [f"{source}->{target}" for source, target in self.edges]
        positions = tuple(Position(name, tuple(own.get(name, every))) for name in names)
        super().__init__(name, title, positions, (Group("cell", tuple(range(len(positions)))),))

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The operations in the order in which the space names them; not every edge need have all."""
        return tuple(self.counts.values())

    @cached_property
    def _codes(self) -> NDArray[np.uint8] | None:
        """The number of each choice's operation: uint8[edges, choices]; None if it is the choice's own everywhere."""
        if all(position.choices == self.operations for position in self.positions):
            return None
        out = np.zeros((len(self.positions), max(self.radices)), np.uint8)
        number = {operation: code for code, operation in enumerate(self.operations)}
        for row, position in zip(out, self.positions, strict=True):
            row[: len(position.choices)] = [number[o] for choice in position.choices for o in choice.operations]
        return out

    def codes(self, digits: Digits) -> Digits:
        """Return the operations, by their numbers in `operations`, that digits of shape (n, edges) stand for."""
        return digits if self._codes is None else self._codes[np.arange(len(self.edges)), digits]

    def chosen(self, index: int) -> list[Operation]:
        """Return the operation on each edge of an architecture."""
        (codes,) = self.codes(self.digits(index)[None])
        return [self.operations[code] for code in codes]

    @property
    def default_features(self) -> tuple[str, ...]:
        """Counts of each operation, the residual skip, and the costs of the first network."""
        return (*self.counts, "residual", *(("params", "macs") if self.skeletons else ()))

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """Counts of each operation, the residual skip, and costs and layers of the networks."""
        return {feature.name: feature for feature in self._features()}

    def _features(self) -> Iterator[Feature]:
        for name, operation in self.counts.items():
            table = self.table({operation.name: 1})
            yield Feature(name, table, 0, "uint8", "edges", f"edges with {operation.name}")
        through = (0, self.nodes - 1)
        residual = [
            [int(o.kind == "skip" and edge == through) for choice in position.choices for o in choice.operations]
            for edge, position in zip(self.edges, self.positions, strict=True)
        ]
        meaning = "1 if skip_connect joins the cell's input to its output directly"
        yield Feature("residual", self.table(residual), 0, "uint8", "skips", meaning)
        for number, skeleton in enumerate(self.skeletons):
            yield from self._costs(skeleton, "" if number == 0 else f"_{skeleton.dataset}")
        if self.skeletons:
            first = self.skeletons[0]  # all have the same layers
            yield layers_feature(self.table(lambda o: first.on_edge(o).layers), first.around().layers)

    def _costs(self, skeleton: Skeleton, suffix: str) -> Iterator[Feature]:
        network, around = self._network_name(skeleton), skeleton.around()
        table = self.table(lambda operation: skeleton.on_edge(operation).params)
        most = around.params + sum(int(row.max()) for row in table)
        dtype = "int32" if most < 1 << 31 else "int64"
        meaning = f"trainable parameters of {network}"
        yield Feature(f"params{suffix}", table, around.params, dtype, "parameters", meaning)
        table = self.table(lambda operation: skeleton.on_edge(operation).macs)
        meaning = f"multiply-accumulates of convolutions and classifier of {network} (NATS-Bench prints them as FLOPs)"
        yield Feature(f"macs{suffix}", table, around.macs, "int64", "MACs per image", meaning)

    def _network_name(self, skeleton: Skeleton) -> str:
        return f"the {skeleton.dataset} network"

    def draw(self, index: int) -> str:
        """Return a drawing of a cell in text: one row per node, one column per source.

        Examples
        --------
        >>> import sedspace as ss
        >>> print(ss.space("tss").draw(11668))
                       from 0        from 1        from 2
        node 1         nor_conv_3x3
        node 2         nor_conv_3x3  nor_conv_3x3
        node 3 output  skip_connect  nor_conv_3x3  nor_conv_3x3
        """
        names = [operation.name for operation in self.chosen(index)]
        chosen = dict(zip(self.edges, names, strict=True))
        width = max(len("from 00"), *map(len, names)) + 2
        head = "".join(f"{f'from {source}':{width}}" for source in range(self.nodes - 1))
        rows = [
            f"node {target} {'output' if target == self.nodes - 1 else '':8}"
            + "".join(f"{chosen[source, target]:{width}}" for source in range(target))
            for target in range(1, self.nodes)
        ]
        return "\n".join(row.rstrip() for row in (f"{'':15}{head}", *rows))
