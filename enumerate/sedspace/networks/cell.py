"""Cells with an operation on every edge, in the network of NATS-Bench's topology space."""

from __future__ import annotations

from torch import nn

from sedspace.networks.layers import Block, EdgeCell, Head, Reduction, conv, network_of
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.skeleton import Skeleton


def cell_network(space: CellSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    """Return a stem, stages of equal cells with a residual block between them, and a head."""
    operations = space.chosen(index)
    before = skeleton.widths[0]
    stem = nn.Sequential(conv(3, 3, before), nn.BatchNorm2d(before))
    cells: list[Block] = []
    for stage, width in enumerate(skeleton.widths):
        if stage:
            cells.append(Reduction(before, width))
        cells += [EdgeCell(space.edges, operations, width, width) for _ in range(skeleton.cells)]
        before = width
    last = nn.Sequential(nn.BatchNorm2d(before), nn.ReLU())
    return network_of(stem=stem, cells=nn.Sequential(*cells), last=last, head=Head(before, skeleton.classes))
