"""NN-Mass and NN-Degree: scores of a network's skip connections.

Their density is the share of possible long-range links that are there. A cell whose nodes are sums, with an operation
on every edge, is mapped so: the chain of edges from each node to the next is the main path, skip connections on the
other edges are the long-range links, the width is the channels of the stage, the depth the length of the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.spaces import Space
from sedspace.spaces.cell import CellSpace


def nn_mass_scores(space: Space, _: Mapping[str, str]) -> Iterator[Score]:
    """Yield both scores, if the space is one of cells in a network.

    - ``nn_mass`` (Bhardwaj et al., CVPR 2021, arXiv 1910.00780): ``sum over cells of density * width * depth``.
    - ``nn_degree`` (survey arXiv 2307.01998): ``sum over cells of width + links / depth``, a channel's average number
      of inputs.
    """
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
