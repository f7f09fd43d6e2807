"""The macro network of NATS-Bench around a cell: what it costs, and what each operation on an edge adds to that.

Skeleton (NATS-Bench, arXiv 2009.00437, section 3): a 3x3 convolution stem, three stages of equal cells, a residual
block that halves the resolution and doubles the channels before the second and third, then BatchNorm, global pooling
and a linear classifier. Every convolution is bias-free and followed by an affine BatchNorm, except the residual blocks'
1x1 shortcuts, which have none.

*params* are trainable parameters. *MACs* are multiply-accumulates of the convolutions and of the classifier, its bias
counted as one each; BatchNorm, ReLU and pooling are excluded. That is the figure NATS-Bench prints as "FLOPs"; thop and
ptflops count otherwise and print other numbers.

*Layers* are trainable layers: every convolution and every linear layer of the network, whatever it is for, each once
and whether or not anything reaches it. BatchNorm, pooling and identities are none; a separable convolution is two, and
what halves the resolution by two 1x1 convolutions side by side is two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sedspace.spaces.parts import Operation


@dataclass(frozen=True)
class Cost:
    """Trainable parameters, multiply-accumulates and layers."""

    params: int
    macs: int
    layers: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.params + other.params, self.macs + other.macs, self.layers + other.layers)

    def __mul__(self, times: int) -> Cost:
        return Cost(self.params * times, self.macs * times, self.layers * times)


FREE = Cost(0, 0)


def conv(kernel: int, c_in: int, c_out: int, side: int, batch_norm: bool = True, groups: int = 1) -> Cost:
    """Return the cost of a bias-free convolution whose output is `side` pixels square."""
    weights = kernel * kernel * c_in * c_out // groups
    return Cost(weights + 2 * c_out * batch_norm, weights * side * side, 1)


def classifier(c_in: int, classes: int) -> Cost:
    """Return the cost of a linear classifier."""
    weights = c_in * classes + classes
    return Cost(weights, weights, 1)


@dataclass(frozen=True)
class Skeleton:
    """The network of one dataset: input side in pixels and number of classes."""

    dataset: str
    side: int
    classes: int
    widths: tuple[int, ...] = (16, 32, 64)
    cells: int = 5

    def stages(self) -> Iterator[tuple[int, int]]:
        """Yield the channels and the side in pixels of each stage."""
        for stage, width in enumerate(self.widths):
            yield width, self.side >> stage

    def around(self) -> Cost:
        """Return the cost of everything but the cells."""
        first, last = self.widths[0], self.widths[-1]
        total = conv(3, 3, first, self.side)
        for (c_in, _), (c_out, side) in pairwise(self.stages()):
            shortcut = conv(1, c_in, c_out, side, batch_norm=False)
            total += conv(3, c_in, c_out, side) + conv(3, c_out, c_out, side) + shortcut
        return total + Cost(2 * last, 0) + classifier(last, self.classes)

    def fixed_convolutions(self) -> Iterator[tuple[int, int]]:
        """Yield input channels and kernel of the convolutions outside the cells, the shortcuts' left out."""
        yield 3, 3
        for c_in, c_out in pairwise(self.widths):
            yield c_in, 3
            yield c_out, 3

    def on_edge(self, operation: Operation) -> Cost:
        """Return what `operation` on one edge of the cell costs, over all cells of all stages.

        There is one BatchNorm, behind all that the operation is made of.
        """
        total = FREE
        for width, side in self.stages():
            for number, (kernel, groups) in enumerate(operation.convolutions(width)):
                total += conv(kernel, width, width, side, batch_norm=number == 0, groups=groups) * self.cells
        return total


TRANSNAS_BENCH = Skeleton("class_scene", 256, 47), Skeleton("class_object", 256, 75)

NATS_BENCH = (Skeleton("cifar10", 32, 10), Skeleton("cifar100", 32, 100), Skeleton("imagenet16", 16, 120))
