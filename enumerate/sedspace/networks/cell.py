"""Cells with an operation on every edge, in the network of NATS-Bench's topology space."""

from __future__ import annotations

from torch import nn

from sedspace.networks.layers import EdgeCell, Head, Reduction, conv
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.skeleton import Skeleton


def cell_network(space: CellSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    """Return a stem, stages of equal cells with a residual block between them, and a head."""
    operations = space.chosen(index)
    layers: list[nn.Module] = [conv(3, 3, skeleton.widths[0]), nn.BatchNorm2d(skeleton.widths[0])]
    before = skeleton.widths[0]
    for stage, width in enumerate(skeleton.widths):
        if stage:
            layers.append(Reduction(before, width))
        layers += [EdgeCell(space.edges, operations, width, width) for _ in range(skeleton.cells)]
        before = width
    return nn.Sequential(*layers, nn.BatchNorm2d(before), nn.ReLU(), Head(before, skeleton.classes))
