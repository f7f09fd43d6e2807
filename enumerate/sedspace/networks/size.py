"""Five stages of any width around fixed cells: the network of NATS-Bench's size space."""

from __future__ import annotations

from torch import nn

from sedspace.networks.layers import Block, EdgeCell, Head, Reduction, conv, network_of
from sedspace.spaces import Operation
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.sss import WIDTHS, SssSpace

_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_CONV, _SKIP = Operation("nor_conv_3x3", "conv", 3), Operation("skip_connect", "skip")
_CELL = (_CONV, _CONV, _CONV, _SKIP, _CONV, _CONV)


def size_network(space: SssSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    """Return a stem, cells and residual blocks by turns, and a head."""
    widths = [WIDTHS[digit] for digit in space.digits(index)]
    stem = nn.Sequential(conv(3, 3, widths[0]), nn.BatchNorm2d(widths[0]))
    cells: list[Block] = []
    before = widths[0]
    for stage, width in enumerate(widths):
        halves = stage % 2 == 1
        cells.append(Reduction(before, width) if halves else EdgeCell(_EDGES, _CELL, before, width))
        before = width
    last = nn.Sequential(nn.BatchNorm2d(before), nn.ReLU())
    return network_of(stem=stem, cells=nn.Sequential(*cells), last=last, head=Head(before, skeleton.classes))
