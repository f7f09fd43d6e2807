"""NN-Mass and NN-Degree: scores of a network's skip connections.

Their density is the share of possible long-range links that are there. A cell whose nodes are sums, with an operation
on every edge, is mapped so: the chain of edges from each node to the next is the main path, skip connections on the
other edges are the long-range links, the width is the channels of the stage, the depth the length of the chain.

Networks of blocks have residual connections. Bhardwaj et al. say that NN-Mass works for these, too, in ResNets and
MobileNets; how they count them was not at hand: **what is counted here is this project's own extension**. A stage is a
cell: its width is its channels, its depth its layers, which are its blocks but for skips. A chain of layers has room
for one residual connection around each, so that the density is the share of layers that have one: where it is, not
where stride or widths forbid it to an mbconv. Stem and head are in no stage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.spaces import Space
from sedspace.spaces.blocks import Block, ConvBlock
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.parts import Table
from sedspace.spaces.stages import StagesSpace, is_block

_FINEST = 1 << 32  # parts of a unit; shares are exact in stages of up to 22 layers


def nn_mass_scores(space: Space, _: Mapping[str, str]) -> Iterator[Score]:
    """Yield both scores, if the space is one of cells in a network, or of networks of blocks with residual connections.

    - ``nn_mass`` (Bhardwaj et al., CVPR 2021, arXiv 1910.00780): ``sum over cells of density * width * depth``.
    - ``nn_degree`` (survey arXiv 2307.01998): ``sum over cells of width + links / depth``, a channel's average number
      of inputs.

    Of blocks, `links` is the number of a stage's residual connections: each of them gives every channel one more input.

    Examples
    --------
    Of nothing but skips, and of nothing but blocks, of which the first of each stage is not residual:

    >>> import sedspace as ss
    >>> ss.score("nas_bench_macro", "nn_mass", indices=[0, 6560])  # 832 = 1 * 64 + 2 * 128 + 2 * 256
    array([  0., 832.])
    >>> ss.score("nas_bench_macro", "nn_degree", indices=[0, 6560]).round(3)  # 448 + 1/2 + 2/3 + 2/3
    array([448.   , 449.833])
    """
    if isinstance(space, StagesSpace):
        yield from _scores_of_blocks(space)
        return
    if not isinstance(space, CellSpace) or not space.skeletons:
        return
    skeleton = space.skeletons[0]
    chain = space.nodes - 1
    possible = len(space.edges) - chain
    links = [
        [int(o.kind == "skip" and target > source + 1) for choice in position.choices for o in choice.operations]
        for (source, target), position in zip(space.edges, space.positions, strict=True)
    ]
    total = sum(skeleton.widths) * skeleton.cells
    if possible:
        yield AdditiveScore(
            "nn_mass",
            {"links": links},
            lambda links: links * total * chain / possible,
            meaning="NN-Mass: density of skip connections * width * depth, summed over the cells",
            unit="channels",
        )
    yield AdditiveScore(
        "nn_degree",
        {"links": links},
        lambda links: total + links * len(skeleton.widths) * skeleton.cells / chain,
        meaning="NN-Degree: width + skip connections / depth, summed over the cells",
        unit="channels",
    )


def _scores_of_blocks(space: StagesSpace) -> Iterator[Score]:
    base, table = space.sum_of(lambda block: block.c_out if isinstance(block, ConvBlock) and _links(block) else 0)
    if not base and not any(row.any() for row in table):
        return
    yield AdditiveScore(
        "nn_mass",
        {"links": list(table)},
        lambda links: links + base,
        dtype="float64",
        meaning="NN-Mass, extended to blocks: share of residual layers * width * depth, summed over the stages",
        unit="channels",
        per_group=False,
        monotone=["rises"],
    )
    yield _degree_of_blocks(space)


def _degree_of_blocks(space: StagesSpace) -> AdditiveScore:
    base, table = space.sum_of(lambda block: _widens(block, space.stages))
    base += space.stages * next(b.c_in for b in space.blocks(0) if isinstance(b, ConvBlock) and b.stage)
    stages = range(1, space.stages + 1)
    names = [f"{what}_{stage}" for stage in stages for what in ("links", "layers")]
    counted = [_count(space, stage, which) for stage in stages for which in (_links, is_block)]
    most = max(own + sum(int(row.max()) for row in rows) for own, rows in counted)
    unit = min(math.lcm(*range(1, most + 1)), _FINEST)

    def degree(widths: NDArray[np.int64], *counts: NDArray[np.int64]) -> NDArray[np.int64]:
        total = (widths + base) * unit
        known = [count + own for count, (own, _) in zip(counts, counted, strict=True)]
        for links, layers in zip(known[::2], known[1::2], strict=True):
            total = total + links * unit // np.maximum(layers, 1)
        return total

    return AdditiveScore(
        "nn_degree",
        {"widths": list(table), **{name: list(rows) for name, (_, rows) in zip(names, counted, strict=True)}},
        degree,
        dtype="float64",
        denominator=unit,
        meaning="NN-Degree, extended to blocks: width + share of residual layers, summed over the stages",
        unit="channels",
        per_group=False,
        monotone=["rises", *(("rises", "never rises") * space.stages)],
    )


def _count(space: StagesSpace, stage: int, which: Callable[[Block], bool]) -> tuple[int, Table]:
    return space.sum_of(lambda block: int(block.stage == stage and which(block)))


def _links(block: Block) -> bool:
    return isinstance(block, ConvBlock) and block.stage > 0 and block.has_residual


def _widens(block: Block, stages: int) -> int:
    """Return what a block adds to the sum of all stages' channels: they are wider from its own on."""
    if not isinstance(block, ConvBlock) or block.stage == 0:
        return 0
    return (block.c_out - block.c_in) * (stages + 1 - block.stage)
