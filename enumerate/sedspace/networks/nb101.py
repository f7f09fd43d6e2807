"""The networks of NAS-Bench-101: operations on vertices, in three stacks of three cells."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sedspace.networks.layers import Block, Head, conv, network_of
from sedspace.spaces.nb101 import OPERATIONS, Nb101Space
from sedspace.spaces.skeleton import Skeleton

_OF_NAME = {operation.name: operation for operation in OPERATIONS}
_STACKS = _CELLS = 3
_STEM = 128


def _conv_bn_relu(kernel: int, c_in: int, c_out: int) -> nn.Sequential:
    """Return convolution, BatchNorm, ReLU: NAS-Bench-101's order."""
    return nn.Sequential(conv(kernel, c_in, c_out), nn.BatchNorm2d(c_out), nn.ReLU())


class VertexCell(Block):
    """A cell of NAS-Bench-101: the input projected to where it goes, sums into vertices, these into the output.

    Parameters
    ----------
    matrix : n rows of n integers
        1 for an edge from row to column.
    names : n strings
        The operations, those of input and output included.
    c_in, c_out : int
    """

    def __init__(self, matrix: Sequence[Sequence[int]], names: Sequence[str], c_in: int, c_out: int) -> None:
        super().__init__()
        self.matrix, self.n = matrix, len(names)
        self.channels = vertex_channels(matrix, c_in, c_out)
        self.project = nn.ModuleDict(
            {str(v): _conv_bn_relu(1, c_in, self.channels[v]) for v in range(1, self.n) if matrix[0][v]}
        )
        self.vertices = nn.ModuleDict()
        for v in range(1, self.n - 1):
            operation, channels = _OF_NAME[names[v]], self.channels[v]
            pools = operation.kind == "pool"
            self.vertices[str(v)] = (
                nn.MaxPool2d(3, 1, 1) if pools else _conv_bn_relu(operation.kernel, channels, channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the value of the output."""
        values: dict[int, Tensor] = {}
        for v in range(1, self.n - 1):
            terms = [values[u][:, : self.channels[v]] for u in range(1, v) if self.matrix[u][v]]
            if self.matrix[0][v]:
                terms.append(self.project[str(v)](x))
            values[v] = self.vertices[str(v)](torch.stack(terms).sum(dim=0))
        last = self.n - 1
        out = [torch.cat(feeding, dim=1)] if (feeding := [values[v] for v in values if self.matrix[v][last]]) else []
        if self.matrix[0][last]:
            out.append(self.project[str(last)](x))
        return out[0] if len(out) == 1 else out[0] + out[1]


def vertex_channels(matrix: Sequence[Sequence[int]], c_in: int, c_out: int) -> list[int]:
    """Return the channels of each vertex (arXiv 1902.09635, supplement S2).

    The vertices that lead into the output share its channels, the first ones taking one more each where they do not
    divide evenly; any other vertex has as many as the widest that it leads into.
    """
    last = len(matrix) - 1
    out = [c_in, *[0] * (last - 1), c_out]
    feeding = [v for v in range(1, last) if matrix[v][last]]
    for number, v in enumerate(feeding):
        out[v] = c_out // len(feeding) + (number < c_out % len(feeding))
    for v in reversed(range(1, last)):
        if v not in feeding:
            out[v] = max(out[to] for to in range(v + 1, last) if matrix[v][to])
    return out


def vertex_network(space: Nb101Space, index: int, skeleton: Skeleton) -> nn.Sequential:
    """Return a stem, three stacks of three cells, each stack twice as wide as the one before, and a head."""
    matrix, names = space.matrix(index)
    stem = _conv_bn_relu(3, 3, _STEM)
    cells: list[nn.Module] = []
    before = _STEM
    for stack in range(_STACKS):
        width = _STEM << stack
        if stack:
            cells.append(nn.MaxPool2d(2, 2))
        for _ in range(_CELLS):
            cells.append(VertexCell(matrix, names, before, width))
            before = width
    return network_of(stem=stem, cells=nn.Sequential(*cells), head=Head(before, skeleton.classes))
