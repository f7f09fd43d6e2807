"""Powers of low and high frequencies, propagated through a cell from its input to its output.

A cell is a graph whose edges carry operations. Its inputs have the powers (3/4, 1/4); an edge hands on what its source
has, as its operation makes it; a node adds up what comes in. An edge is live if it is on a way from an input to the
output on which every edge passes something.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit

LOW, HIGH = 0.75, 0.25


@jit
def values_of_cells(
    chosen: NDArray[np.unsignedinteger],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    inputs: int,
    divisors: NDArray[np.float64],
    weights: NDArray[np.int64],
    residuals: NDArray[np.int64],
    m: float,
    out: NDArray[np.float64],
) -> None:
    """Write the propagated SED of each cell, -1 if nothing gets from its inputs to its output.

    Parameters
    ----------
    chosen : unsigned integer[n, edges]
        What stands on every edge.
    sources, targets : int64[edges]
        In an order in which a node is a target before it is a source, and never after; the last target is the output.
    inputs : int
        The first nodes, which have power of their own. At most 63 nodes in all.
    divisors : float64[edges, choices]
        By what the high power is divided where it passes, 0 if nothing passes.
    weights : int64[edges, choices]
        Of a convolution, which scales both powers so that they add up to 1, in quarters; 0 if it is none.
    residuals : int64[edges, choices]
        1 if it is a residual skip.
    m : float
        The value is divided by ``1 + m * fewest``, with the fewest convolutions on a way from an input to the output.
    out : float64[n]
    """
    output, edges = targets[-1], len(sources)
    low, high = np.empty(output + 1), np.empty(output + 1)
    fewest = np.empty(output + 1, np.int64)
    for i in range(len(chosen)):
        for node in range(output + 1):
            low[node], high[node], fewest[node] = 0.0, 0.0, edges
        for node in range(inputs):
            low[node], high[node], fewest[node] = LOW, HIGH, 0
        for e in range(edges):
            choice, source, target = chosen[i, e], sources[e], targets[e]
            divisor, whole = divisors[e, choice], low[source] + high[source]
            if divisor == 0.0 or whole == 0.0:
                continue
            if weights[e, choice] > 0:
                low[target] += low[source] / whole
                high[target] += high[source] / whole
                fewest[target] = min(fewest[target], fewest[source] + 1)
            else:
                low[target] += low[source]
                high[target] += high[source] / divisor
                fewest[target] = min(fewest[target], fewest[source])
        whole = low[output] + high[output]
        if whole == 0.0:
            out[i] = -1.0
            continue
        onward = np.int64(1) << output  # the nodes that lead to the output
        weight, residual = 0, 0
        for e in range(edges - 1, -1, -1):
            choice, source = chosen[i, e], sources[e]
            if onward >> targets[e] & 1 and divisors[e, choice] > 0.0 and low[source] > 0.0:
                onward |= np.int64(1) << source
                weight += weights[e, choice]
                residual += residuals[e, choice]
        value = weight * (1 + residual) * high[output] / whole  # weights are quarters, high is a quarter of H
        out[i] = value / (1.0 + m * fewest[output])
