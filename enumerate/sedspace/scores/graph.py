"""Scores of cells as graphs: depth, paths, receptive field.

Of a cell whose nodes are sums, with an operation on every edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sedspace.scores.base import Score
from sedspace.scores.functions import ArrayScore
from sedspace.spaces import Operation, Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.parts import Digits
from sedspace_kernels.graph import longest_way, ways


def graph_scores(space: Space, _: Mapping[str, str]) -> Iterator[Score]:
    """Yield the scores of the cell as a graph, if the space is one of cells.

    - ``depth`` (operations): the most convolutions and poolings on a way from the cell's input to its output; 0 if
      nothing gets there. Skip connections do not count.
    - ``paths``: how many ways there are from the input to the output on which no edge is none.
    - ``receptive_field`` (pixels): the side of what the output sees of the cell's input,
      ``1 + max over ways of sum of (k - 1) * dilation``; 0 if nothing gets there.
    """
    if not isinstance(space, CellSpace):
        return
    sources, targets = (np.array(ends, np.int64) for ends in zip(*space.edges, strict=True))

    def of_graph(
        kernel: Callable[..., None], per_operation: Callable[[Operation], int], plus: int = 0
    ) -> Callable[[Digits], NDArray[np.int64]]:
        table = np.array([per_operation(operation) for operation in space.operations], np.int64)

        def values(digits: Digits) -> NDArray[np.int64]:
            out = np.empty(len(digits), np.int64)
            kernel(np.ascontiguousarray(space.codes(digits)), sources, targets, table, out)
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
