"""The networks of DARTS: two kinds of cells in a chain, each fed by the two cells before it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sedspace.networks.layers import Block, FactorizedReduce, Head, conv, pooling, relu_conv_bn
from sedspace.spaces import Inputs, Operation
from sedspace.spaces.darts import NODES, DartsSpace
from sedspace.spaces.skeleton import Skeleton


def _separable(operation: Operation, channels: int, stride: int) -> nn.Sequential:
    kernel, dilation = operation.kernel, operation.dilation

    def once(stride: int) -> list[nn.Module]:
        depthwise = conv(kernel, channels, channels, stride, groups=channels, dilation=dilation)
        return [nn.ReLU(), depthwise, conv(1, channels, channels), nn.BatchNorm2d(channels)]

    return nn.Sequential(*once(stride), *(once(1) if dilation == 1 else []))


def _edge(operation: Operation, channels: int, stride: int) -> nn.Module:
    if operation.kind == "pool":
        return pooling(operation, stride)
    if operation.kind == "conv":
        return _separable(operation, channels, stride)
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)


class DartsCell(Block):
    """A cell of DARTS: two inputs made to fit, four nodes, their values side by side."""

    def __init__(
        self,
        inputs: Sequence[tuple[Sequence[int], Sequence[Operation]]],
        widths: tuple[int, int],
        channels: int,
        reduces: bool,
        reduced_before: bool,
    ) -> None:
        super().__init__()
        first = FactorizedReduce(widths[0], channels) if reduced_before else relu_conv_bn(1, widths[0], channels)
        self.reduces = reduces
        self.fit = nn.ModuleList([first, relu_conv_bn(1, widths[1], channels)])
        self.sources = [tuple(sources) for sources, _ in inputs]
        self.edges = nn.ModuleList(
            _edge(operation, channels, 2 if reduces and source < 2 else 1)
            for sources, operations in inputs
            for source, operation in zip(sources, operations, strict=True)
        )

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Return the values of the four nodes."""
        values = [self.fit[0](before), self.fit[1](last)]
        edges = iter(self.edges)
        for sources in self.sources:
            values.append(torch.stack([next(edges)(values[source]) for source in sources]).sum(dim=0))
        return torch.cat(values[2:], dim=1)


CellInputs = Sequence[tuple[Sequence[int], Sequence[Operation]]]
"""The inputs of each node of a cell: the earlier nodes that they come from, and an operation for each."""


class DartsNetwork(nn.Module):
    """A chain of cells, the reduction cells at one and two thirds: 20 of them to evaluate, 8 to search."""

    def __init__(self, normal: CellInputs, reduce: CellInputs, skeleton: Skeleton) -> None:
        super().__init__()
        total, (first,) = skeleton.cells, skeleton.widths
        stem = 3 * first
        self.stem = nn.Sequential(conv(3, 3, stem), nn.BatchNorm2d(stem))
        widths, channels, reduced = (stem, stem), first, False
        self.cells = nn.ModuleList()
        for number in range(total):
            reduces = number in (total // 3, 2 * total // 3)
            channels *= 2 if reduces else 1
            self.cells.append(DartsCell(reduce if reduces else normal, widths, channels, reduces, reduced))
            widths, reduced = (widths[1], len(NODES) * channels), reduces
        self.head = Head(widths[1], skeleton.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        out: Tensor = self.head(last)
        return out


def darts_network(space: DartsSpace, index: int, skeleton: Skeleton) -> DartsNetwork:
    """Return the network of an architecture."""
    chosen = [p.choices[digit] for p, digit in zip(space.positions, space.digits(index), strict=True)]
    inputs = [(choice.sources, choice.operations) for choice in chosen if isinstance(choice, Inputs)]
    return DartsNetwork(inputs[: len(NODES)], inputs[len(NODES) :], skeleton)
