"""Transformers, built of the blocks that their space describes: of images in patches, or of sequences of words.

Tokens are float32[n, tokens, width]; those of an image have a class token before them.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from sedspace.networks.initial import initialise
from sedspace.networks.layers import ACTIVATIONS, Block, network_of
from sedspace.spaces.layers import LayersSpace
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.tokens import (
    Attention,
    FeedForward,
    LastNorm,
    Norm,
    PatchEmbedding,
    TokenEmbedding,
    TokenPooling,
)

_STD = 0.02  # of what is learned of places


def _learned(*shape: int) -> nn.Parameter:
    """Return a parameter that stands for places, initialised as all sources do."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(shape), std=_STD))


class Patches(nn.Module):
    """An image as tokens: a convolution to patches, a class token, an embedding of positions."""

    def __init__(self, block: PatchEmbedding) -> None:
        super().__init__()
        self.placed_class = block.placed_class
        self.projection = nn.Conv2d(3, block.width, block.patch, block.stride)
        self.class_token = _learned(1, 1, block.width)
        self.positions = _learned(1, block.tokens - (not block.placed_class), block.width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens, the class token first."""
        patches = self.projection(x).flatten(2).transpose(1, 2)
        first = self.class_token.expand(x.shape[0], -1, -1)
        if self.placed_class:
            return torch.cat([first, patches], dim=1) + self.positions
        return torch.cat([first, patches + self.positions], dim=1)


class Words(nn.Module):
    """A sequence of words, by their numbers, as tokens; all of the first type, 0 being no word."""

    def __init__(self, block: TokenEmbedding) -> None:
        super().__init__()
        self.words = nn.Embedding(block.vocabulary, block.narrow, padding_idx=0)
        self.positions = nn.Embedding(block.positions, block.narrow)
        self.types = nn.Embedding(block.types, block.narrow)
        self.norm = nn.LayerNorm(block.narrow)
        same = block.narrow == block.width
        self.projection = nn.Identity() if same else nn.Linear(block.narrow, block.width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens of int64[n, tokens]."""
        places = self.positions.weight[: x.shape[1]]
        out: Tensor = self.projection(self.norm(self.words(x) + self.types.weight[0] + places))
        return out


class RelativePositions(nn.Module):
    """For each pair of tokens the sum of what is learned of their distance across and down, each up to a greatest one.

    The first row of each table is for pairs with the class token.
    """

    def __init__(self, farthest: int, width: int) -> None:
        super().__init__()
        self.farthest = farthest
        self.down, self.across = (_learned(2 * farthest + 2, width) for _ in range(2))

    def forward(self, tokens: int, device: torch.device) -> Tensor:
        """Return float32[tokens, tokens, width]."""
        place = torch.arange(tokens - 1, device=device)
        side = math.isqrt(tokens - 1)
        out = []
        for table, where in ((self.down, place // side), (self.across, place % side)):
            distance = (where[None, :] - where[:, None]).clamp(-self.farthest, self.farthest)
            out.append(table[nn.functional.pad(distance + self.farthest + 1, (1, 0, 1, 0))])
        return out[0] + out[1]


def _apart(x: Tensor, heads: int) -> Tensor:
    """Return tokens head by head: [n, heads, tokens, width of a head]."""
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _together(x: Tensor) -> Tensor:
    """Return tokens of all heads."""
    return x.transpose(1, 2).flatten(2)


class DotProduct(nn.Module):
    """Scaled dot-product attention; its queries may be weighted, its positions relative."""

    def __init__(self, block: Attention) -> None:
        super().__init__()
        self.heads, inner = block.attending, block.attending * block.head_width
        self.query, self.key, self.value = (nn.Linear(block.width, inner) for _ in range(3))
        self.weighted = nn.Linear(inner, inner, bias=False) if block.kind == "WMA" else nn.Identity()
        self.relative = nn.ModuleList(
            RelativePositions(block.relative, block.head_width) for _ in range(2 if block.relative else 0)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the values, weighed: [n, tokens, heads * width of a head]."""
        return self.attended(x, self.query(x))

    def attended(self, x: Tensor, queries: Tensor) -> Tensor:
        """Return the values, weighed by what queries make of the keys."""
        query, key, value = (_apart(y, self.heads) for y in (self.weighted(queries), self.key(x), self.value(x)))
        query = query / math.sqrt(query.shape[-1])
        scores = query @ key.transpose(2, 3)
        if not self.relative:
            return _together(scores.softmax(dim=-1) @ value)
        of_keys, of_values = (relative(x.shape[1], x.device) for relative in self.relative)
        weights = (scores + _by_query(query, of_keys.transpose(1, 2))).softmax(dim=-1)
        return _together(weights @ value + _by_query(weights, of_values))


def _by_query(x: Tensor, matrices: Tensor) -> Tensor:
    """Return the products of [n, heads, tokens, a] and a matrix [a, b] of each token."""
    n, heads, tokens, _ = x.shape
    products = x.permute(2, 0, 1, 3).reshape(tokens, n * heads, -1) @ matrices
    return products.reshape(tokens, n, heads, -1).permute(1, 2, 0, 3)


class DynamicConvolution(DotProduct):
    """Half of the heads attend, the other half convolve, by kernels made of queries and a convolution (ConvBERT)."""

    def __init__(self, block: Attention) -> None:
        super().__init__(block)
        inner, self.kernel = self.heads * block.head_width, block.kernel
        self.separable = nn.Sequential(
            nn.Conv1d(block.width, block.width, self.kernel, padding=self.kernel // 2, groups=block.width, bias=False),
            nn.Conv1d(block.width, inner, 1),
        )
        self.kernels = nn.Linear(inner, self.heads * self.kernel)
        self.convolved = nn.Linear(block.width, inner)

    def forward(self, x: Tensor) -> Tensor:
        """Return the values of both halves, side by side."""
        (n, tokens, _), queries = x.shape, self.query(x)
        keys = self.separable(x.transpose(1, 2)).transpose(1, 2)
        kernels = self.kernels(keys * queries).reshape(n * tokens * self.heads, self.kernel, 1).softmax(dim=1)
        padded = nn.functional.pad(self.convolved(x), (0, 0, self.kernel // 2, self.kernel // 2))
        windows = torch.stack([padded[:, place : place + tokens] for place in range(self.kernel)], dim=-1)
        convolved = windows.reshape(n * tokens * self.heads, -1, self.kernel) @ kernels
        return torch.cat([self.attended(x, queries), convolved.reshape(n, tokens, -1)], dim=2)


class Transform(nn.Module):
    """A linear layer, and a Fourier or cosine transform over tokens and the width of each head: no attention."""

    def __init__(self, block: Attention) -> None:
        super().__init__()
        self.heads, self.cosine = block.heads, block.kind == "DCT"
        self.given = nn.Linear(block.width, block.inner)

    def forward(self, x: Tensor) -> Tensor:
        """Return the real part of the transform."""
        y = _apart(self.given(x), self.heads)
        whole: Tensor = _cosine(_cosine(y).transpose(2, 3)).transpose(2, 3) if self.cosine else torch.fft.fft2(y).real
        return _together(whole)


def _cosine(x: Tensor) -> Tensor:
    """Return the discrete cosine transform (the second, not normalised) of the last dimension."""
    angles = torch.arange(x.shape[-1], dtype=x.dtype, device=x.device) * (math.pi / (2 * x.shape[-1]))
    turned = torch.fft.fft(torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], dim=-1))
    real: Tensor = turned.real * angles.cos() + turned.imag * angles.sin()
    return 2 * real


class Residual(nn.Module):
    """Something beside a residual connection, and a LayerNorm: before it, or behind the sum."""

    def __init__(self, body: nn.Module, width: int, norm: Norm) -> None:
        super().__init__()
        self.body, self.norm, self.before = body, nn.LayerNorm(width), norm == "before"

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        out: Tensor = x + self.body(self.norm(x)) if self.before else self.norm(x + self.body(x))
        return out


def _attention(block: Attention) -> nn.Module:
    if not block.has_residual:
        return Transform(block)
    mixing = DynamicConvolution(block) if block.kind == "DSC" else DotProduct(block)
    out = nn.Linear(block.mixed, block.width)
    return Residual(network_of(mixing=mixing, out=out), block.width, block.norm)


def _feed_forward(block: FeedForward) -> Residual:
    widths = [block.width, *[block.hidden] * block.stack]
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise(widths):
        layers += [nn.Linear(c_in, c_out), ACTIVATIONS[block.activation]()]
    return Residual(nn.Sequential(*layers, nn.Linear(block.hidden, block.width)), block.width, block.norm)


class Layer(Block):
    """An attention, or what stands in its place, and a feed-forward network."""

    def __init__(self, attention: Attention, feed_forward: FeedForward) -> None:
        super().__init__()
        self.attention, self.feed_forward = _attention(attention), _feed_forward(feed_forward)

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens."""
        out: Tensor = self.feed_forward(self.attention(x))
        return out


class Pooling(nn.Module):
    """Patches pooled by a convolution of each channel by itself, the class token by a linear layer."""

    def __init__(self, block: TokenPooling) -> None:
        super().__init__()
        self.side = block.side
        self.patches = nn.Conv2d(block.c_in, block.c_out, 3, 2, 1, groups=block.c_in)
        self.class_token = nn.Linear(block.c_in, block.c_out)

    def forward(self, x: Tensor) -> Tensor:
        """Return fewer and wider tokens."""
        apart = x[:, 1:].transpose(1, 2)
        patches = self.patches(apart.reshape(*apart.shape[:2], self.side, self.side))
        return torch.cat([self.class_token(x[:, :1]), patches.flatten(2).transpose(1, 2)], dim=1)


class TokenHead(nn.Module):
    """The first token, LayerNorm and a linear classifier."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm, self.classifier = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        out: Tensor = self.classifier(self.norm(x[:, 0]))
        return out


def transformer(space: LayersSpace, index: int, skeleton: Skeleton) -> nn.Sequential:
    """Return a stem, stages of layers, poolings between them, and a head, if there are classes."""
    parts: dict[str, nn.Module] = {}
    for block, following in pairwise((*space.blocks(index), None)):
        if isinstance(block, PatchEmbedding):
            parts["stem"] = Patches(block)
        elif isinstance(block, TokenEmbedding):
            parts["stem"] = Words(block)
        elif isinstance(block, Attention):
            assert isinstance(following, FeedForward)
            stage = parts.setdefault(f"stage{block.stage}", nn.Sequential())
            assert isinstance(stage, nn.Sequential)
            stage.append(Layer(block, following))
        elif isinstance(block, TokenPooling):
            parts[f"pooling{len(parts) // 2}"] = Pooling(block)
        elif isinstance(block, LastNorm):
            parts["head"] = TokenHead(block.width, skeleton.classes)
    return initialise(network_of(**parts), space.init)
