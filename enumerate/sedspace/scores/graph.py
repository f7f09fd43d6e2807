"""Data-free scores of cells as graphs: depth, paths, receptive field, NN-Mass, NN-Degree, entropy.

Of a cell whose nodes are sums, with an operation on every edge, repeated in stages of different widths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.scores.functional import CLASS, REPRESENTATIVE, classes_are_known
from sedspace.scores.functions import ArrayScore
from sedspace.spaces import Operation
from sedspace.spaces.cell import CellSpace
from sedspace_kernels.graph import longest_way, ways


def graph_scores(space: CellSpace) -> Iterator[Score]:
    """Yield the scores of a space of cells.

    - ``depth`` (operations): the most convolutions and poolings on a way from the cell's input to its output; 0 if
      nothing gets there. Skip connections do not count.
    - ``paths``: how many ways there are from the input to the output on which no edge is none.
    - ``receptive_field`` (pixels): the side of what the output sees of the cell's input,
      ``1 + max over ways of sum of (k - 1) * dilation``; 0 if nothing gets there.
    - ``nn_mass`` (Bhardwaj et al., CVPR 2021, arXiv 1910.00780): ``sum over cells of density * width * depth``. Their
      density is the share of possible long-range links that are there. A sum-type cell is mapped so: the chain of edges
      from each node to the next is the main path, skip connections on the other edges are the long-range links, the
      width is the channels of the stage, the depth the length of the chain.
    - ``nn_degree`` (survey arXiv 2307.01998): ``sum over cells of width + links / depth``, a
      channel's average number of inputs, mapped likewise.
    - ``entropy`` (DeepMAD, arXiv 2303.02165): ``log(r^2 c) * sum of log(c_i k_i^2 / g_i)`` over the network's
      convolutions, c_i their input channels, r and c resolution and channels of the last stage; poolings and skip
      connections add nothing. ``effectiveness``: its rho, the number of those convolutions over the geometric mean of
      ``c_i k_i^2 / g_i``. (The penalised E-score that other work makes of the two is not among these scores: its
      formula was not at hand.)
    - ``functional_class`` and ``representative``: `sedspace.scores.functional`.

    From ``nn_mass`` to ``effectiveness`` only spaces with a macro network have them.
    """
    sources, targets = (np.array(ends, np.int64) for ends in zip(*space.edges, strict=True))

    def of_graph(kernel: Callable[..., None], per_operation: Callable[[Operation], int], plus: int = 0) -> Any:
        table = np.array([per_operation(operation) for operation in space.operations], np.int64)

        def values(digits: NDArray[Any]) -> NDArray[np.int64]:
            out = np.empty(len(digits), np.int64)
            kernel(np.ascontiguousarray(digits), sources, targets, table, out)
            return np.maximum(out + plus, 0)

        return values

    depth = of_graph(longest_way, lambda o: -1 if o.kind == "none" else int(o.kind != "skip"))
    meaning = "most convolutions and poolings on a way from the cell's input to its output"
    yield ArrayScore("depth", depth, dtype="uint8", unit="operations", meaning=meaning)
    paths = of_graph(ways, lambda o: int(o.kind != "none"))
    yield ArrayScore("paths", paths, dtype="int32", unit="paths", meaning="ways from the cell's input to its output")
    seen = of_graph(longest_way, lambda o: -1 if o.kind == "none" else max(o.kernel - 1, 0) * o.dilation, plus=1)
    meaning = "side of what the cell's output sees of its input"
    yield ArrayScore("receptive_field", seen, dtype="int32", unit="pixels", meaning=meaning)
    if space.skeletons:
        yield from _of_network(space)
    if classes_are_known(space):
        yield CLASS
        yield REPRESENTATIVE


def _of_network(space: CellSpace) -> Iterator[Score]:
    skeleton = space.skeletons[0]
    chain = space.nodes - 1
    possible = len(space.edges) - chain
    links = [
        [int(o.kind == "skip" and target > source + 1) for o in space.operations] for source, target in space.edges
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
    convs = [operation for operation in space.operations if operation.kind == "conv"]
    if not convs:
        return
    fixed = [np.log(c * k * k) for c, k in skeleton.fixed_convolutions()]
    per_edge = [sum(skeleton.cells * np.log(c * o.kernel**2) for c in skeleton.widths) for o in convs]
    often = skeleton.cells * len(skeleton.widths)
    side = skeleton.side >> (len(skeleton.widths) - 1)
    scale = np.log(side * side * skeleton.widths[-1])
    counts = {operation.name: {operation.name: 1} for operation in convs}

    def logs(*numbers: NDArray[np.int64]) -> tuple[Any, Any]:
        """Return the sum of the logarithms, and of how many."""
        return (
            sum(fixed) + sum(n * log for n, log in zip(numbers, per_edge, strict=True)),
            len(fixed) + often * sum(numbers),
        )

    def effectiveness(*numbers: NDArray[np.int64]) -> Any:
        total, layers = logs(*numbers)
        return layers / np.exp(total / layers)

    meaning = "entropy of the network: log(r^2 c) * sum of log(c k^2 / g) over its convolutions"
    yield AdditiveScore("entropy", counts, lambda *n: scale * logs(*n)[0], unit="nats^2", meaning=meaning)
    meaning = "DeepMAD's rho: convolutions over the geometric mean of c k^2 / g"
    yield AdditiveScore("effectiveness", counts, effectiveness, unit="1", meaning=meaning)
