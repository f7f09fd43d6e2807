"""The networks of TransNAS-Bench-101: modules of two blocks, which are cells or residual blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from sedspace.networks.layers import Block, EdgeCell, Head, conv, network_of, relu_conv_bn
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.transnas_macro import TransnasMacroSpace
from sedspace.spaces.transnas_micro import MODULES, TransnasMicroSpace

_FIRST = 64


class BasicBlock(Block):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(relu_conv_bn(3, c_in, c_out, stride), relu_conv_bn(3, c_out, c_out))
        same = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if same else nn.Sequential(conv(1, c_in, c_out, stride), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        out: Tensor = self.shortcut(x) + self.body(x)
        return out


def micro_network(space: TransnasMicroSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    """Return the network of the micro space with a cell for every block."""
    operations = space.chosen(index)
    return _modules(MODULES, skeleton, lambda *shape: EdgeCell(space.edges, operations, *shape))


def macro_network(space: TransnasMacroSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    """Return the network of an architecture's modules, of residual blocks."""
    return _modules([int(module.code) for module in space.modules(index)], skeleton, BasicBlock)


def _modules(modules: Sequence[int], skeleton: Skeleton, block: Callable[[int, int, int], nn.Module]) -> nn.Sequential:
    """Return a stem that quarters the side, modules of two blocks each, and a head.

    A module is 1 plain, 2 doubles the channels, 3 halves the resolution, 4 does both.
    """
    half = _FIRST // 2
    stem = nn.Sequential(conv(3, 3, half, 2), nn.BatchNorm2d(half), relu_conv_bn(3, half, _FIRST, 2))
    cells, before = [], _FIRST
    for module in modules:
        width = 2 * before if module in (2, 4) else before
        cells += [block(before, width, 2 if module in (3, 4) else 1), block(width, width, 1)]
        before = width
    return network_of(stem=stem, cells=nn.Sequential(*cells), head=Head(before, skeleton.classes))
