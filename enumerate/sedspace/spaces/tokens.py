"""Blocks of transformers: what they do to a sequence of tokens, each a plain description.

*MACs* are those of linear layers, convolutions and products of matrices; Fourier and cosine transforms, softmax,
normalisation and look-ups of embeddings have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sedspace.errors import BadInput
from sedspace.spaces.blocks import Activation, Block
from sedspace.spaces.skeleton import Cost

Mixing = Literal["SDP", "WMA", "DFT", "DCT", "DSC"]
Norm = Literal["before", "after"]


def linear(c_in: int, c_out: int, times: int, bias: bool = True) -> Cost:
    """Return the cost of a linear layer that is used so many times."""
    return Cost(c_in * c_out + c_out * bias, c_in * c_out * times)


def layer_norm(width: int) -> Cost:
    """Return the cost of a LayerNorm."""
    return Cost(2 * width, 0)


@dataclass(frozen=True)
class PatchEmbedding(Block):
    """An image taken apart into patches, each a token, with a class token before them.

    Attributes
    ----------
    width, patch, stride, side : int
        Of a token, of a patch, between patches, of the image, in pixels.
    placed_class : bool
        Whether the class token has an embedding of its position, too.
    stage : int
    """

    width: int
    patch: int
    stride: int
    side: int
    placed_class: bool = True
    stage: int = 0

    @property
    def out_side(self) -> int:
        """How many patches there are side by side."""
        return (self.side - self.patch) // self.stride + 1

    @property
    def tokens(self) -> int:
        """How many tokens there are, with the class token."""
        return self.out_side**2 + 1

    @property
    def cost(self) -> Cost:
        """Its parameters and MACs."""
        positions = self.tokens - (not self.placed_class)
        return linear(3 * self.patch**2, self.width, self.out_side**2) + Cost((1 + positions) * self.width, 0)


@dataclass(frozen=True)
class TokenEmbedding(Block):
    """A look-up of words, positions and types, LayerNorm, and a linear layer if the network's width is another.

    Attributes
    ----------
    width, narrow : int
        Of the network's tokens, and of the look-ups.
    vocabulary, positions, types : int
    tokens : int
        The length of a sequence.
    stage : int
    """

    width: int
    narrow: int
    vocabulary: int
    positions: int
    types: int
    tokens: int
    stage: int = 0

    @property
    def cost(self) -> Cost:
        """Its parameters and MACs."""
        looked_up = Cost((self.vocabulary + self.positions + self.types) * self.narrow, 0)
        whole = looked_up + layer_norm(self.narrow)
        return whole if self.narrow == self.width else whole + linear(self.narrow, self.width, self.tokens)


@dataclass(frozen=True)
class Attention(Block):
    """The half of a layer that mixes tokens.

    Attributes
    ----------
    kind : str
        ``SDP``: scaled dot-product attention; ``WMA``: the same with one more matrix for the queries; ``DFT``, ``DCT``:
        a Fourier or cosine transform behind a linear layer, without residual connection and LayerNorm (FlexiBERT);
        ``DSC``: half of the heads are a dynamic convolution (ConvBERT).
    width, heads, head_width, tokens : int
    stage : int
    kernel : int
        Of the convolution, 0 where there is none.
    relative : int
        The greatest distance of embedded relative positions (AutoFormer), 0: there are none.
    norm : str
        Where its LayerNorm is.
    """

    kind: Mixing
    width: int
    heads: int
    head_width: int
    tokens: int
    stage: int = 1
    kernel: int = 0
    relative: int = 0
    norm: Norm = "before"

    def __post_init__(self) -> None:
        if not self.has_residual and self.inner != self.width:
            heads = f"{self.heads} heads of width {self.head_width}"
            raise BadInput(f"attention {self.kind} of {heads} of tokens of width {self.width}, expected to fill them")
        if self.relative and self.kind not in ("SDP", "WMA"):
            raise BadInput(f"attention {self.kind} with relative positions, expected SDP or WMA")

    @property
    def attending(self) -> int:
        """How many heads attend; where half of them are a convolution, that has as many."""
        return max(1, self.heads // 2) if self.kind == "DSC" else self.heads

    @property
    def mixed(self) -> int:
        """The width of what comes out of all heads."""
        return (2 if self.kind == "DSC" else 1) * self.attending * self.head_width

    @property
    def inner(self) -> int:
        """The width of all heads."""
        return self.heads * self.head_width

    @property
    def has_residual(self) -> bool:
        """Whether its input is added to its output, and there is a LayerNorm."""
        return self.kind not in ("DFT", "DCT")

    @property
    def cost(self) -> Cost:
        """Its parameters and MACs."""
        if self.kind in ("DFT", "DCT"):
            return linear(self.width, self.inner, self.tokens)
        out = layer_norm(self.width)
        if self.kind == "DSC":
            return out + self._convolutional + linear(self.mixed, self.width, self.tokens)
        for _ in range(3):
            out += linear(self.width, self.inner, self.tokens)
        if self.kind == "WMA":
            out += linear(self.inner, self.inner, self.tokens, bias=False)
        out += Cost(0, 2 * self.tokens**2 * self.inner) + linear(self.inner, self.width, self.tokens)
        if self.relative:  # of keys and values, each across and down, and one more for the class token
            tables = 4 * (2 * self.relative + 2) * self.head_width
            out += Cost(tables, 2 * self.tokens**2 * self.inner)
        return out

    @property
    def _convolutional(self) -> Cost:
        heads = self.attending
        inner, k, n = heads * self.head_width, self.kernel, self.tokens
        out = Cost(0, 2 * n * n * inner + n * inner * k)  # attention, and the dynamic convolution
        for _ in range(4):
            out += linear(self.width, inner, n)
        separable = Cost(k * self.width, k * self.width * n) + linear(self.width, inner, n)
        return out + separable + linear(inner, heads * k, n)


@dataclass(frozen=True)
class FeedForward(Block):
    """The half of a layer that works on each token by itself: `stack` hidden layers.

    Attributes
    ----------
    width, hidden, tokens : int
    stage, stack : int
    activation : str
    norm : str
    """

    width: int
    hidden: int
    tokens: int
    stage: int = 1
    stack: int = 1
    activation: Activation = "gelu"
    norm: Norm = "before"

    @property
    def cost(self) -> Cost:
        """Its parameters and MACs."""
        out = layer_norm(self.width) + linear(self.width, self.hidden, self.tokens)
        for _ in range(self.stack - 1):
            out += linear(self.hidden, self.hidden, self.tokens)
        return out + linear(self.hidden, self.width, self.tokens)


@dataclass(frozen=True)
class TokenPooling(Block):
    """Tokens pooled to a quarter by a convolution of each channel by itself, and a linear layer for the class token.

    Attributes
    ----------
    c_in, c_out : int
        Their width before and behind.
    side : int
        How many there are side by side.
    stage : int
    """

    c_in: int
    c_out: int
    side: int
    stage: int = 0

    def __post_init__(self) -> None:
        if self.c_out % self.c_in:
            raise BadInput(f"tokens of width {self.c_in} pooled to {self.c_out}, expected a multiple")

    @property
    def out_side(self) -> int:
        """How many tokens there are side by side, behind it."""
        return (self.side + 1) // 2

    @property
    def cost(self) -> Cost:
        """Its parameters and MACs."""
        return Cost(10 * self.c_out, 9 * self.c_out * self.out_side**2) + linear(self.c_in, self.c_out, 1)


@dataclass(frozen=True)
class LastNorm(Block):
    """The LayerNorm before the head."""

    width: int
    tokens: int
    stage: int = 0

    @property
    def cost(self) -> Cost:
        """Its parameters."""
        return layer_norm(self.width)
