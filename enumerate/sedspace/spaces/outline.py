"""A network as people read it: a line for each block, or for each layer of a transformer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from sedspace.spaces.blocks import Block, Classifier, ConvBlock, GlobalPool
from sedspace.spaces.skeleton import FREE, Cost
from sedspace.spaces.tokens import Attention, FeedForward, LastNorm, PatchEmbedding, TokenEmbedding, TokenPooling

Colour = Literal["none", "skip", "conv", "pool", "attention"]
"""What a block is drawn as."""


@dataclass(frozen=True)
class Line:
    """A block, or a layer of a transformer.

    Attributes
    ----------
    part : str
        The part of the network that it is of: ``input``, ``stem``, ``stage 1``, ``between``, ``head``.
    what : str
    shape : str
        Of its output: ``height x width x channels``, or ``tokens x width``.
    cost : Cost
    colour : str
    residual : bool
        Whether its input is added to its output.
    """

    part: str
    what: str
    shape: str
    cost: Cost
    colour: Colour = "none"
    residual: bool = False


def lines_of(blocks: Sequence[Block]) -> list[Line]:
    """Return the lines of a network, from its input on.

    Examples
    --------
    >>> import sedspace as ss
    >>> lines = lines_of(ss.space("nas_bench_macro").blocks(6560))
    >>> lines[2].part, lines[2].what, lines[2].shape
    ('stage 1', 'mbconv 5x5, expansion 6, stride 2, relu', '16x16x64')
    """
    out = [Line("input", "", _input_shape(blocks[0]), FREE)]
    last = max(block.stage for block in blocks)
    seen = 0
    for before, block in pairwise((None, *blocks)):
        assert block is not None
        seen = max(seen, block.stage)
        part = f"stage {block.stage}" if block.stage else "stem" if not seen else "head" if seen == last else "between"
        if isinstance(block, FeedForward) and isinstance(before, Attention):
            layer = out[-1]
            out[-1] = replace(layer, what=f"{layer.what}; {_what(block)}", cost=layer.cost + block.cost)
        else:
            residual = isinstance(block, ConvBlock | Attention) and block.has_residual
            out.append(Line(part, _what(block), _shape(block), block.cost, _colour(block), residual))
    return out


def drawn(blocks: Sequence[Block]) -> str:
    """Return a drawing in text: a line for each block, and the sum of what they cost."""
    first, *lines = lines_of(blocks)
    total = sum((line.cost for line in lines), FREE)
    rows = [("", "", "output", "params", "MACs"), (first.part, first.what, first.shape, "", "")]
    for before, line in pairwise((first, *lines)):
        part = line.part if line.part != before.part else ""
        rows.append((part, line.what, line.shape, f"{line.cost.params:,}", f"{line.cost.macs:,}"))
    rows.append(("total", "", "", f"{total.params:,}", f"{total.macs:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(_aligned(row, widths)).rstrip() for row in rows)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """Yield text to the left, numbers to the right."""
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if place < 3 else cell.rjust(width)


# -- in words -------------------------------------------------------------------------------------------------------


def _what(block: Block) -> str:
    """Return what a block does."""
    match block:
        case ConvBlock():
            return ", ".join(_words(block))
        case GlobalPool():
            return "average of each channel"
        case Classifier():
            return "linear"
        case PatchEmbedding():
            stride = f", stride {block.stride}" if block.stride != block.patch else ""
            return f"patches {block.patch}x{block.patch}{stride}, class token"
        case TokenEmbedding():
            return f"embeddings of {block.vocabulary:,} words"
        case Attention():
            return f"{_MIXING[block.kind]}, {block.heads} heads of {block.head_width}"
        case FeedForward():
            return f"feed-forward {block.hidden}" + (f" x {block.stack}" if block.stack > 1 else "")
        case TokenPooling():
            return "pooling 3x3, stride 2"
        case LastNorm():
            return "LayerNorm"
    return type(block).__name__


_MIXING = {
    "SDP": "attention",
    "WMA": "attention WMA",
    "DFT": "Fourier transform",
    "DCT": "cosine transform",
    "DSC": "attention and convolution",
}


def _words(block: ConvBlock) -> Iterator[str]:
    """Yield the words for a block of convolutions."""
    if block.is_identity:
        yield "skip"
        return
    name = "skip by conv" if block.kind == "skip" else block.kind
    yield f"{name} {block.kernel}x{block.kernel}"
    if block.kind == "mbconv":
        yield f"expansion {block.middle / block.c_in:.3g}"
    elif block.middle and block.middle != block.c_out:
        yield f"{block.middle} channels between"
    for word, value, usual in (("stride", block.stride, 1), ("groups", block.groups, 1), ("SE", block.squeezed, 0)):
        if value != usual:
            yield f"{word} {value}"
    if block.activation != "none":
        yield block.activation
    if block.has_residual:
        yield "residual" if block.shortcut is None else "residual by conv 1x1"


def _colour(block: Block) -> Colour:
    if isinstance(block, ConvBlock):
        return "skip" if block.kind == "skip" else "conv"
    if isinstance(block, GlobalPool | TokenPooling):
        return "pool"
    return "attention" if isinstance(block, Attention) else "none"


def _shape(block: Block) -> str:
    """Return the shape of a block's output."""
    match block:
        case ConvBlock():
            side = block.out_side
            return f"{side}x{side}x{block.c_out}" if side > 1 else str(block.c_out)
        case GlobalPool():
            return str(block.channels)
        case Classifier():
            return str(block.classes)
        case TokenPooling():
            return f"{block.out_side**2 + 1}x{block.c_out}"
        case PatchEmbedding() | TokenEmbedding() | Attention() | FeedForward() | LastNorm():
            return f"{block.tokens}x{block.width}"
    return ""


def _input_shape(first: Block) -> str:
    """Return the shape of the input of a network's first block."""
    match first:
        case ConvBlock():
            return f"{first.side}x{first.side}x{first.c_in}"
        case PatchEmbedding():
            return f"{first.side}x{first.side}x3"
        case TokenEmbedding():
            return str(first.tokens)
    return ""
