"""Architectures as PyTorch networks, built as their benchmarks publish them.

Convolutions are bias-free; BatchNorm is affine and tracks its statistics. The parameters of every network are those
that the space counts in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sedspace.errors import BadInput, unknown
from sedspace.spaces import Inputs, Operation, Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.darts import CELLS, CHANNELS, NODES, DartsSpace
from sedspace.spaces.nb101 import OPERATIONS as NB101_OPERATIONS
from sedspace.spaces.nb101 import Nb101Space
from sedspace.spaces.skeleton import NATS_BENCH, Skeleton
from sedspace.spaces.sss import WIDTHS, SssSpace
from sedspace.spaces.transnas import TransnasMacroSpace, TransnasMicroSpace
from sedspace_kernels.nb101 import vertex_channels


def conv(kernel: int, c_in: int, c_out: int, stride: int = 1, *, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Return a bias-free convolution that keeps the resolution, but for its stride."""
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation=dilation, groups=groups, bias=False)


def relu_conv_bn(kernel: int, c_in: int, c_out: int, stride: int = 1) -> nn.Sequential:
    """Return ReLU, convolution, BatchNorm: NATS-Bench's and DARTS's order."""
    return nn.Sequential(nn.ReLU(), conv(kernel, c_in, c_out, stride), nn.BatchNorm2d(c_out))


class Block(nn.Module):
    """A cell, or what halves the resolution between cells: a network is a chain of them."""


class Zero(nn.Module):
    """Nothing passes."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.shape = c_in, c_out, stride

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros of the shape that a convolution would give."""
        c_in, c_out, stride = self.shape
        zeros = x[:, :, ::stride, ::stride].mul(0.0)
        return zeros if c_in == c_out else zeros[:, :1].expand(-1, c_out, -1, -1)


class FactorizedReduce(nn.Module):
    """Two 1x1 convolutions of stride 2, one of them a pixel further on, side by side."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.halves = nn.ModuleList([conv(1, c_in, c_out // 2, 2), conv(1, c_in, c_out // 2, 2)])
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Any:
        """Return both halves, normalised."""
        x = self.relu(x)
        return self.norm(torch.cat([self.halves[0](x), self.halves[1](x[:, :, 1:, 1:])], dim=1))


class Head(nn.Module):
    """Global average pooling and a linear classifier."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Any:
        """Return the logits."""
        return self.classifier(x.mean(dim=(2, 3)))


# -- cells with an operation on every edge ----------------------------------------------------------------------------


def edge(operation: Operation, c_in: int, c_out: int, stride: int = 1) -> nn.Module:
    """Return what an edge does."""
    if operation.kind == "none":
        return Zero(c_in, c_out, stride)
    if operation.kind == "conv":
        layers = relu_conv_bn(operation.kernel, c_in, c_out)
        layers[1] = conv(operation.kernel, c_in, c_out, stride, dilation=operation.dilation)
        return layers
    if operation.kind == "pool":
        return pooling(operation, stride)
    if stride == 2:
        return FactorizedReduce(c_in, c_out)
    return nn.Identity() if c_in == c_out else relu_conv_bn(1, c_in, c_out)


def pooling(operation: Operation, stride: int = 1) -> nn.Module:
    """Return a pooling: of the maximum if its name says max, else of the average, whose border does not count."""
    size, padding = operation.kernel, operation.kernel // 2
    if "max" in operation.name:
        return nn.MaxPool2d(size, stride, padding)
    return nn.AvgPool2d(size, stride, padding, count_include_pad=False)


class EdgeCell(Block):
    """A cell whose nodes are the sums of what their edges bring; a stride is that of the edges from the input."""

    def __init__(
        self,
        edges: Sequence[tuple[int, int]],
        operations: Sequence[Operation],
        c_in: int,
        c_out: int,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.ends = list(edges)
        self.edges = nn.ModuleList(
            edge(operation, c_out, c_out) if source else edge(operation, c_in, c_out, stride)
            for (source, _), operation in zip(edges, operations, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the value of the last node."""
        values: dict[int, Tensor] = {0: x}
        for (source, target), module in zip(self.ends, self.edges, strict=True):
            term = module(values[source])
            values[target] = values[target] + term if target in values else term
        return values[self.ends[-1][1]]


class Reduction(Block):
    """A residual block that halves the resolution."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(relu_conv_bn(3, c_in, c_out, 2), relu_conv_bn(3, c_out, c_out))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), conv(1, c_in, c_out))

    def forward(self, x: Tensor) -> Any:
        """Return the sum of both ways."""
        return self.shortcut(x) + self.body(x)


def _cell_network(space: CellSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    operations = [space.operations[digit] for digit in space.digits(index)]
    layers: list[nn.Module] = [conv(3, 3, skeleton.widths[0]), nn.BatchNorm2d(skeleton.widths[0])]
    before = skeleton.widths[0]
    for stage, width in enumerate(skeleton.widths):
        if stage:
            layers.append(Reduction(before, width))
        layers += [EdgeCell(space.edges, operations, width, width) for _ in range(skeleton.cells)]
        before = width
    return nn.Sequential(*layers, nn.BatchNorm2d(before), nn.ReLU(), Head(before, skeleton.classes))


_SIZE_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_CONV, _SKIP = Operation("nor_conv_3x3", "conv", 3), Operation("skip_connect", "skip")
_SIZE_CELL = (_CONV, _CONV, _CONV, _SKIP, _CONV, _CONV)


def _size_network(space: SssSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    widths = [WIDTHS[digit] for digit in space.digits(index)]
    layers: list[nn.Module] = [conv(3, 3, widths[0]), nn.BatchNorm2d(widths[0])]
    before = widths[0]
    for stage, width in enumerate(widths):
        halves = stage % 2 == 1
        layers.append(Reduction(before, width) if halves else EdgeCell(_SIZE_EDGES, _SIZE_CELL, before, width))
        before = width
    return nn.Sequential(*layers, nn.BatchNorm2d(before), nn.ReLU(), Head(before, skeleton.classes))


# -- DARTS ------------------------------------------------------------------------------------------------------------


def _separable(operation: Operation, channels: int, stride: int) -> nn.Sequential:
    kernel, dilation = operation.kernel, operation.dilation

    def once(stride: int) -> list[nn.Module]:
        depthwise = conv(kernel, channels, channels, stride, groups=channels, dilation=dilation)
        return [nn.ReLU(), depthwise, conv(1, channels, channels), nn.BatchNorm2d(channels)]

    return nn.Sequential(*once(stride), *(once(1) if dilation == 1 else []))


def _darts_edge(operation: Operation, channels: int, stride: int) -> nn.Module:
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
        self.fit = nn.ModuleList([first, relu_conv_bn(1, widths[1], channels)])
        self.sources = [tuple(sources) for sources, _ in inputs]
        self.edges = nn.ModuleList(
            _darts_edge(operation, channels, 2 if reduces and source < 2 else 1)
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


class DartsNetwork(nn.Module):
    """A chain of cells, the reduction cells at one and two thirds: 20 of them to evaluate, 8 to search."""

    def __init__(self, space: DartsSpace, index: int, skeleton: Skeleton) -> None:
        super().__init__()
        total, (first,) = skeleton.cells, skeleton.widths
        chosen = [p.choices[digit] for p, digit in zip(space.positions, space.digits(index), strict=True)]
        stem = 3 * first
        self.stem = nn.Sequential(conv(3, 3, stem), nn.BatchNorm2d(stem))
        widths, channels, reduced = (stem, stem), first, False
        self.cells = nn.ModuleList()
        for number in range(total):
            reduces = number in (total // 3, 2 * total // 3)
            channels *= 2 if reduces else 1
            nodes = chosen[len(NODES) :] if reduces else chosen[: len(NODES)]
            inputs = [(choice.sources, choice.operations) for choice in nodes if isinstance(choice, Inputs)]
            self.cells.append(DartsCell(inputs, widths, channels, reduces, reduced))
            widths, reduced = (widths[1], len(NODES) * channels), reduces
        self.head = Head(widths[1], skeleton.classes)

    def forward(self, x: Tensor) -> Any:
        """Return the logits."""
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return self.head(last)


# -- NAS-Bench-101 ----------------------------------------------------------------------------------------------------


def conv_bn_relu(kernel: int, c_in: int, c_out: int) -> nn.Sequential:
    """Return convolution, BatchNorm, ReLU: NAS-Bench-101's order."""
    return nn.Sequential(conv(kernel, c_in, c_out), nn.BatchNorm2d(c_out), nn.ReLU())


class VertexCell(Block):
    """A cell of NAS-Bench-101: the input projected to where it goes, sums into vertices, these into the output."""

    def __init__(self, matrix: Any, labels: Sequence[int], c_in: int, c_out: int) -> None:
        super().__init__()
        self.matrix, self.n = matrix.tolist(), len(labels)
        channels = _channels(matrix, self.n, c_in, c_out)
        self.channels = channels
        self.project = nn.ModuleDict(
            {str(v): conv_bn_relu(1, c_in, channels[v]) for v in range(1, self.n) if self.matrix[0][v]}
        )
        self.vertices = nn.ModuleDict()
        for v in range(1, self.n - 1):
            operation = NB101_OPERATIONS[labels[v]]
            pools = operation.kind == "pool"
            self.vertices[str(v)] = (
                nn.MaxPool2d(3, 1, 1) if pools else conv_bn_relu(operation.kernel, channels[v], channels[v])
            )

    def forward(self, x: Tensor) -> Any:
        """Return the value of the output."""
        values: dict[int, Tensor] = {}
        for v in range(1, self.n - 1):
            terms = [values[u][:, : self.channels[v]] for u in range(1, v) if self.matrix[u][v]]
            if self.matrix[0][v]:
                terms.append(self.project[str(v)](x))
            values[v] = self.vertices[str(v)](torch.stack(terms).sum(dim=0))
        last = self.n - 1
        feeding = [values[v] for v in range(1, last) if self.matrix[v][last]]
        straight = self.project[str(last)](x) if self.matrix[0][last] else None
        if not feeding:
            return straight
        joined = torch.cat(feeding, dim=1)
        return joined if straight is None else joined + straight


def _channels(matrix: Any, n: int, c_in: int, c_out: int) -> list[int]:
    import numpy as np

    out = np.empty(n, np.int64)
    vertex_channels(n, matrix, c_in, c_out, out)
    return [int(channels) for channels in out]


def _vertex_network(space: Nb101Space, index: int, skeleton: Skeleton) -> nn.Sequential:
    n = int(space.cells.vertices[index])
    matrix, labels = space.cells.adjacency[index, :n, :n], space.cells.labels[index, :n].tolist()
    layers: list[nn.Module] = [conv_bn_relu(3, 3, 128)]
    c_in = 128
    for stack in range(3):
        if stack:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(3):
            layers.append(VertexCell(matrix, labels, c_in, 128 << stack))
            c_in = 128 << stack
    return nn.Sequential(*layers, Head(c_in, skeleton.classes))


# -- TransNAS-Bench-101 -----------------------------------------------------------------------------------------------

_MODULES = 4, 1, 4, 1, 4  # of every cell of the micro space
_FIRST = 64


class BasicBlock(Block):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(relu_conv_bn(3, c_in, c_out, stride), relu_conv_bn(3, c_out, c_out))
        same = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if same else nn.Sequential(conv(1, c_in, c_out, stride), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Any:
        """Return the sum of both ways."""
        return self.shortcut(x) + self.body(x)


def _module_network(
    modules: Sequence[int], skeleton: Skeleton, block: Callable[[int, int, int], nn.Module]
) -> nn.Sequential:
    """Return a stem that quarters the side, modules of two blocks each, and a head.

    A module is 1 plain, 2 doubles the channels, 3 halves the resolution, 4 does both.
    """
    stem = [conv(3, 3, _FIRST // 2, 2), nn.BatchNorm2d(_FIRST // 2), relu_conv_bn(3, _FIRST // 2, _FIRST, 2)]
    blocks, before = [], _FIRST
    for module in modules:
        width = 2 * before if module in (2, 4) else before
        blocks += [block(before, width, 2 if module in (3, 4) else 1), block(width, width, 1)]
        before = width
    return nn.Sequential(*stem, *blocks, Head(before, skeleton.classes))


def _micro_network(space: TransnasMicroSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    operations = [space.operations[digit] for digit in space.digits(index)]
    return _module_network(_MODULES, skeleton, lambda *shape: EdgeCell(space.edges, operations, *shape))


def _macro_network(space: TransnasMacroSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    return _module_network([int(code) for code in space.codes[index]], skeleton, BasicBlock)


# -- all of them ------------------------------------------------------------------------------------------------------

_DARTS = (
    Skeleton("cifar10", 32, 10, (CHANNELS,), sum(CELLS.values())),
    Skeleton("cifar10_8cells", 32, 10, (16,), 8),
)
_TRANSNAS = Skeleton("class_scene", 256, 47), Skeleton("class_object", 256, 75)

_Build = Callable[[Any, int, Skeleton], nn.Module]
_KINDS: tuple[tuple[type[Space], tuple[Skeleton, ...], _Build], ...] = (
    (TransnasMicroSpace, _TRANSNAS, _micro_network),
    (TransnasMacroSpace, _TRANSNAS, _macro_network),
    (CellSpace, (), _cell_network),
    (SssSpace, NATS_BENCH, _size_network),
    (DartsSpace, _DARTS, DartsNetwork),
    (Nb101Space, NATS_BENCH[:1], _vertex_network),
)


def _kind(space: Space) -> tuple[tuple[Skeleton, ...], _Build]:
    for kind, skeletons, build in _KINDS:
        if isinstance(space, kind):
            return skeletons or space.skeletons, build  # type: ignore[attr-defined]
    raise BadInput(f"{space.name} has no network")


def skeleton_of(space: Space, dataset: str | None = None) -> Skeleton:
    """Return the input, classes, widths and number of cells of a space's network, by default for its first dataset.

    Raises
    ------
    BadInput
        If the space has no network, or none for the dataset.
    """
    known = {skeleton.dataset: skeleton for skeleton in _kind(space)[0]}
    if dataset is None:
        return next(iter(known.values()))
    if dataset not in known:
        raise unknown("dataset", dataset, known)
    return known[dataset]


def network(space: Space, index: int, dataset: str | None = None) -> nn.Module:
    """Return an architecture as a network, initialised as PyTorch does by default; raise as `skeleton_of` does."""
    skeleton = skeleton_of(space, dataset)
    return _kind(space)[1](space, space.check_index(index), skeleton)
