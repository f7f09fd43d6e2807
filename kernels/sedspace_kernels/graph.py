"""What a cell is as a graph: its longest way from input to output, and how many ways there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit


@jit
def longest_way(
    digits: NDArray[np.unsignedinteger],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Write the length of the longest way from the input to the output of each cell, -1 if there is none.

    Parameters
    ----------
    digits : unsigned integer[n, edges]
    sources, targets : int64[edges]
        In an order in which a node is a target before it is a source; node 0 is the input, the last target the output.
    lengths : int64[choices]
        Of an edge by its operation, -1 if nothing passes.
    out : int64[n]
    """
    far = np.empty(targets[-1] + 1, np.int64)
    for i in range(len(digits)):
        far[:] = -1
        far[0] = 0
        for e in range(len(sources)):
            length = lengths[digits[i, e]]
            if length >= 0 and far[sources[e]] >= 0:
                far[targets[e]] = max(far[targets[e]], far[sources[e]] + length)
        out[i] = far[-1]


@jit
def ways(
    digits: NDArray[np.unsignedinteger],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    passes: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Write the number of ways from the input to the output of each cell; as `longest_way`, `passes` 1 or 0."""
    number = np.empty(targets[-1] + 1, np.int64)
    for i in range(len(digits)):
        number[:] = 0
        number[0] = 1
        for e in range(len(sources)):
            number[targets[e]] += number[sources[e]] * passes[digits[i, e]]
        out[i] = number[-1]
