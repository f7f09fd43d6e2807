"""Layers that several families of networks share.

Convolutions are bias-free unless said; BatchNorm is affine and tracks its statistics.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from sedspace.spaces import Operation
from sedspace.spaces.blocks import Activation

ACTIVATIONS: Mapping[Activation, type[nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hswish": nn.Hardswish,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


def conv(
    kernel: int, c_in: int, c_out: int, stride: int = 1, *, groups: int = 1, dilation: int = 1, bias: bool = False
) -> nn.Conv2d:
    """Return a convolution that keeps the resolution, but for its stride."""
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation=dilation, groups=groups, bias=bias)


def relu_conv_bn(kernel: int, c_in: int, c_out: int, stride: int = 1) -> nn.Sequential:
    """Return ReLU, convolution, BatchNorm: NATS-Bench's and DARTS's order."""
    return nn.Sequential(nn.ReLU(), conv(kernel, c_in, c_out, stride), nn.BatchNorm2d(c_out))


def pooling(operation: Operation, stride: int = 1) -> nn.Module:
    """Return a pooling: of the maximum if its name says max, else of the average, whose border does not count."""
    size, padding = operation.kernel, operation.kernel // 2
    if "max" in operation.name:
        return nn.MaxPool2d(size, stride, padding)
    return nn.AvgPool2d(size, stride, padding, count_include_pad=False)


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

    def forward(self, x: Tensor) -> Tensor:
        """Return both halves, normalised."""
        x = self.relu(x)
        out: Tensor = self.norm(torch.cat([self.halves[0](x), self.halves[1](x[:, :, 1:, 1:])], dim=1))
        return out


class Head(nn.Module):
    """Global average pooling and a linear classifier."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        out: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return out


def network_of(**parts: nn.Module) -> nn.Sequential:
    """Return parts with names, one after the other."""
    return nn.Sequential(OrderedDict(parts))


class Block(nn.Module):
    """A cell, or what halves the resolution between cells: a network is a chain of them."""


def _convolution(operation: Operation, c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """Return ReLU, the convolutions of an operation, BatchNorm; the stride and the dilation are those of the first."""
    (kernel, groups), *more = operation.convolutions(c_out)
    first = conv(kernel, c_in, c_out, stride, groups=groups, dilation=operation.dilation)
    behind = [conv(kernel, c_out, c_out, groups=groups) for kernel, groups in more]
    return nn.Sequential(nn.ReLU(), first, *behind, nn.BatchNorm2d(c_out))


def _edge(operation: Operation, c_in: int, c_out: int, stride: int = 1) -> nn.Module:
    if operation.kind == "none":
        return Zero(c_in, c_out, stride)
    if operation.kind == "conv":
        return _convolution(operation, c_in, c_out, stride)
    if operation.kind == "pool":
        return pooling(operation, stride)
    if stride == 2:
        return FactorizedReduce(c_in, c_out)
    return nn.Identity() if c_in == c_out else relu_conv_bn(1, c_in, c_out)


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
            _edge(operation, c_out, c_out) if source else _edge(operation, c_in, c_out, stride)
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

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        out: Tensor = self.shortcut(x) + self.body(x)
        return out
