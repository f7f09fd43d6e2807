"""Convolutional networks of blocks in stages, built of the blocks that their space describes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import groupby

from torch import Tensor, nn

from sedspace.networks.initial import initialise
from sedspace.networks.layers import ACTIVATIONS, Block, Head, conv, network_of
from sedspace.spaces.blocks import Classifier, Conv, ConvBlock, GlobalPool, SqueezeExcite
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.stages import StagesSpace


class Shuffle(nn.Module):
    """The channels of groups, shuffled: the first of each group, then the second of each."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels in the other order."""
        grouped = x.reshape(x.shape[0], self.groups, -1, *x.shape[2:])
        return grouped.transpose(1, 2).reshape(x.shape)


class Squeeze(nn.Module):
    """Channels that are weighed by a network of their averages."""

    def __init__(self, step: SqueezeExcite) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(step.channels, step.squeezed, 1)
        self.activation = ACTIVATIONS[step.activation]()
        self.excite = nn.Conv2d(step.squeezed, step.channels, 1)
        self.gate = nn.Sigmoid() if step.gate == "sigmoid" else nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels, weighed."""
        weights: Tensor = self.gate(self.excite(self.activation(self.squeeze(x.mean(dim=(2, 3), keepdim=True)))))
        return x * weights


def _convolution(step: Conv) -> nn.Sequential:
    """Return a convolution and what is behind it."""
    layers = OrderedDict[str, nn.Module]()
    layers["conv"] = conv(step.kernel, step.c_in, step.c_out, step.stride, groups=step.groups, bias=step.bias)
    if step.batch_norm:
        layers["norm"] = nn.BatchNorm2d(step.c_out)
    if step.activation != "none":
        layers["activation"] = ACTIVATIONS[step.activation]()
    if step.shuffles:
        layers["shuffle"] = Shuffle(step.groups)
    return nn.Sequential(layers)


class StageBlock(Block):
    """A block of convolutions, beside a residual connection where the block has one."""

    def __init__(self, block: ConvBlock) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(_convolution(step) if isinstance(step, Conv) else Squeeze(step) for step in block.steps)
        )
        self.has_residual = block.has_residual
        self.shortcut = nn.Identity() if block.shortcut is None else _convolution(block.shortcut)
        self.activation = ACTIVATIONS[block.activation_after]()

    def forward(self, x: Tensor) -> Tensor:
        """Return what comes out of the block."""
        out = self.body(x)
        if self.has_residual:
            out = out + self.shortcut(x)
        activated: Tensor = self.activation(out)
        return activated


class DeepHead(Head):
    """Global average pooling, convolutions of the averages, and a linear classifier."""

    def __init__(self, blocks: Sequence[ConvBlock], classes: int) -> None:
        super().__init__(blocks[-1].c_out, classes)
        self.hidden = _chain(blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        out: Tensor = self.classifier(self.hidden(x.mean(dim=(2, 3), keepdim=True)).flatten(1))
        return out


def _chain(blocks: Sequence[ConvBlock]) -> nn.Sequential:
    """Return plain convolutions and blocks, one after the other."""
    return nn.Sequential(
        *(_convolution(b.convolutions[0]) if b.kind == "conv" and b.stage == 0 else StageBlock(b) for b in blocks)
    )


def stages_network(space: StagesSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    """Return a stem, stages of blocks, convolutions before the pooling where there are some, and a head."""
    blocks = space.blocks(index)
    pooling = next(place for place, block in enumerate(blocks) if isinstance(block, GlobalPool))
    *hidden, last = blocks[pooling + 1 :]
    assert isinstance(last, Classifier)
    parts: dict[str, nn.Module] = {}
    for stage, some in groupby((b for b in blocks[:pooling] if isinstance(b, ConvBlock)), key=lambda b: b.stage):
        name = f"stage{stage}" if stage else "last" if parts else "stem"
        parts[name] = _chain(list(some))
    deep = [block for block in hidden if isinstance(block, ConvBlock)]
    parts["head"] = DeepHead(deep, skeleton.classes) if deep else Head(last.width, skeleton.classes)
    return initialise(network_of(**parts), space.init)
