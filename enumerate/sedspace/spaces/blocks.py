"""What whole networks are made of: blocks, one after the other, each a plain description.

Costs, PyTorch networks, scores and drawings are derived from it. *params* are trainable parameters; *MACs* are the
multiply-accumulates of convolutions, linear layers and products of matrices, for one input. Biases, normalisation,
activations, pooling and look-ups in tables of embeddings have none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sedspace.spaces.skeleton import FREE, Cost

Activation = Literal["none", "relu", "relu6", "hswish", "silu", "gelu"]
Gate = Literal["sigmoid", "hsigmoid"]
Init = Literal["pytorch", "fan_out", "fan_out_small_head", "truncated", "normal"]
Kind = Literal["conv", "mbconv", "residual", "bottleneck", "skip"]


@dataclass(frozen=True)
class Conv:
    """A convolution, with what is behind it.

    Attributes
    ----------
    kernel, c_in, c_out, stride, groups : int
    side : int
        Of its output, in pixels.
    bias, batch_norm : bool
    activation : str
        Behind the BatchNorm.
    shuffles : bool
        Whether the channels of its groups are shuffled at the end.
    """

    kernel: int
    c_in: int
    c_out: int
    side: int
    stride: int = 1
    groups: int = 1
    bias: bool = False
    batch_norm: bool = True
    activation: Activation = "none"
    shuffles: bool = False

    @property
    def cost(self) -> Cost:
        """Its parameters, MACs and trainable layers."""
        weights = self.kernel * self.kernel * self.c_in * self.c_out // self.groups
        return Cost(weights + self.c_out * (self.bias + 2 * self.batch_norm), weights * self.side * self.side, 1)

    @property
    def thop_macs(self) -> int:
        """Its MACs as thop counts them: an affine BatchNorm has four for each of its outputs."""
        return self.cost.macs + 4 * self.batch_norm * self.c_out * self.side * self.side


@dataclass(frozen=True)
class SqueezeExcite:
    """Channels that are weighed by a network of their averages: to `squeezed` channels, `activation`, back, `gate`."""

    channels: int
    squeezed: int
    side: int
    activation: Activation = "relu"
    gate: Gate = "sigmoid"

    @property
    def cost(self) -> Cost:
        """Its parameters, biases among them, MACs and trainable layers."""
        weights = 2 * self.channels * self.squeezed
        return Cost(weights + self.channels + self.squeezed, weights, 2)

    @property
    def thop_macs(self) -> int:
        """Its MACs as thop counts them: the averages have one for each input and each output."""
        return self.cost.macs + self.channels * (self.side * self.side + 1)


class Block(ABC):
    """One block of a network.

    Attributes
    ----------
    stage : int
        The number of its stage, from 1 on; 0 for what is outside of them: stem and head.
    """

    stage: int

    @property
    @abstractmethod
    def cost(self) -> Cost:
        """Its parameters, MACs and trainable layers."""


@dataclass(frozen=True)
class ConvBlock(Block):
    """A block of convolutions; what they are, `steps` says.

    Attributes
    ----------
    kind : str
        ``conv``: one convolution; ``mbconv``: 1x1 convolution to `middle` channels, depthwise one, squeeze-and-excite,
        1x1 convolution; ``residual``: two convolutions; ``bottleneck``: 1x1, any, 1x1; ``skip``: nothing, or a 1x1
        convolution where the shape changes.
    c_in, c_out, kernel : int
    side : int
        Of its input, in pixels.
    stage, stride : int
    middle : int
        Channels between its convolutions; 0 where there are none.
    groups : int
        Of the convolutions of several pixels, or of an mbconv's two 1x1 convolutions, the first of which then shuffles.
    squeezed : int
        Channels that its squeeze-and-excite has in the middle; 0: it has none.
    activation : str
    squeeze_activation, gate : str
        Of its squeeze-and-excite.
    expands : bool
        Whether an mbconv has its first 1x1 convolution.
    batch_norm : bool
    """

    kind: Kind
    c_in: int
    c_out: int
    kernel: int
    side: int
    stage: int = 0
    stride: int = 1
    middle: int = 0
    groups: int = 1
    squeezed: int = 0
    activation: Activation = "relu"
    squeeze_activation: Activation = "relu"
    gate: Gate = "sigmoid"
    expands: bool = True
    batch_norm: bool = True

    @property
    def out_side(self) -> int:
        """The side of its output, in pixels."""
        return self.side // self.stride

    @property
    def keeps_shape(self) -> bool:
        """Whether its output has the shape of its input."""
        return self.stride == 1 and self.c_in == self.c_out

    @property
    def is_identity(self) -> bool:
        """Whether it does nothing."""
        return self.kind == "skip" and self.keeps_shape

    @property
    def has_residual(self) -> bool:
        """Whether its input, as it is or through `shortcut`, is added to what `steps` make of it."""
        return self.kind in ("residual", "bottleneck") or (self.kind == "mbconv" and self.keeps_shape)

    @cached_property
    def steps(self) -> tuple[Conv | SqueezeExcite, ...]:
        """What it does to its input, one after the other."""
        first, last = self.side, self.out_side
        if self.kind == "mbconv":
            grouped, act = self.groups, self.activation
            expand = Conv(1, self.c_in, self.middle, first, 1, grouped, activation=act, shuffles=grouped > 1)
            squeeze = SqueezeExcite(self.middle, self.squeezed, last, self.squeeze_activation, self.gate)
            return (
                *((expand,) if self.expands else ()),
                Conv(self.kernel, self.middle, self.middle, last, self.stride, self.middle, activation=act),
                *((squeeze,) if self.squeezed else ()),
                Conv(1, self.middle, self.c_out, last, 1, grouped),
            )
        if self.kind == "residual":
            return (
                Conv(self.kernel, self.c_in, self.middle, last, self.stride, self.groups, activation=self.activation),
                Conv(self.kernel, self.middle, self.c_out, last, 1, self.groups),
            )
        if self.kind == "bottleneck":
            return (
                Conv(1, self.c_in, self.middle, first, activation=self.activation),
                Conv(self.kernel, self.middle, self.middle, last, self.stride, self.groups, activation=self.activation),
                Conv(1, self.middle, self.c_out, last),
            )
        if self.is_identity:
            return ()
        only = Conv(
            self.kernel,
            self.c_in,
            self.c_out,
            last,
            self.stride,
            self.groups,
            batch_norm=self.batch_norm,
            activation=self.activation,
        )
        return (only,)

    @property
    def shortcut(self) -> Conv | None:
        """The 1x1 convolution that its input goes through before it is added; None: it is added as it is, or not."""
        if self.kind in ("residual", "bottleneck") and not self.keeps_shape:
            return Conv(1, self.c_in, self.c_out, self.out_side, self.stride)
        return None

    @property
    def activation_after(self) -> Activation:
        """The activation behind the sum of both ways."""
        return self.activation if self.kind in ("residual", "bottleneck") else "none"

    @property
    def convolutions(self) -> tuple[Conv, ...]:
        """The convolutions of `steps`, without those of squeeze-and-excite."""
        return tuple(step for step in self.steps if isinstance(step, Conv))

    @cached_property
    def cost(self) -> Cost:
        """Its parameters, MACs and trainable layers."""
        total = FREE if self.shortcut is None else self.shortcut.cost
        for step in self.steps:
            total += step.cost
        return total

    @property
    def thop_macs(self) -> int:
        """Its MACs as thop counts them."""
        return sum(step.thop_macs for step in (*self.steps, *((self.shortcut,) if self.shortcut else ())))


@dataclass(frozen=True)
class GlobalPool(Block):
    """The average of each channel."""

    channels: int
    side: int
    stage: int = 0

    @property
    def cost(self) -> Cost:
        """Nothing."""
        return FREE

    @property
    def thop_macs(self) -> int:
        """Its MACs as thop counts them: one for each input and each output."""
        return self.channels * (self.side * self.side + 1)


@dataclass(frozen=True)
class Classifier(Block):
    """A linear layer, with a bias, from `width` features to the classes."""

    width: int
    classes: int
    stage: int = 0

    @property
    def cost(self) -> Cost:
        """Its parameters, MACs and trainable layers."""
        return Cost(self.width * self.classes + self.classes, self.width * self.classes, 1)

    @property
    def thop_macs(self) -> int:
        """Its MACs as thop counts them: the same."""
        return self.cost.macs
