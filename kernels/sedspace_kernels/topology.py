"""What the live edges of a cell look like as a graph: paths, what lies on them, and the powers that flow along them.

A cell is a graph whose edges carry operations. An edge is live if it is on a path from an input to the output on which
every edge passes something. Of the live edges in order, forwards and backwards, everything here is computed edge by
edge; no path is gone along. A path adds up *lanes*: several numbers per edge at once, of a table by edge and choice.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit
from sedspace_kernels.propagated import HIGH, LOW

NONE, JOIN, SKIP, POOL, LIGHT, FULL = range(6)
"""What stands on an edge; convolutions are light or full."""

FAR = 10_000
"""What an edge adds to a lane of least sums that must not go along it."""

ROLES, SHARES, POWERS = 17, 8, 6
"""How many features `_roles`, `_shares` and `_powers` write; the rest are as many as there are lanes."""


@jit
def features_of_cells(
    chosen: NDArray[np.unsignedinteger],
    ends: NDArray[np.int64],
    inputs: int,
    kinds: NDArray[np.int64],
    divisors: NDArray[np.float64],
    every: NDArray[np.int16],
    counts: NDArray[np.int16],
    passes: NDArray[np.int16],
    least: NDArray[np.int16],
    most: NDArray[np.int16],
    longest: int,
    out: NDArray[np.float64],
) -> None:
    """Write the features of cells; 0 where nothing gets to the output, ``longest + 1`` where a least sum has no path.

    Parameters
    ----------
    chosen : unsigned integer[n, edges]
        What stands on every edge.
    ends : int64[2, edges]
        Source and target, in an order in which a node is a target before it is a source, and never after; the last
        target is the output. At most 23 nodes, or as many paths: up to 2^21, so that no sum leaves int64.
    inputs : int
        The first nodes.
    kinds : int64[edges, choices]
    divisors : float64[edges, choices]
        By what a pooling divides the high power; 1 elsewhere.
    every, counts : int16[edges, choices, lanes]
        What an edge adds; what a live one does.
    passes : int16[edges, choices, 4]
        Whether a path of all, of identities, without pooling, without convolution goes along.
    least, most : int16[edges, choices, lanes]
        What an edge adds to a path; of `most`, the first four are convolutions, poolings, weight and length.
    longest : int
    out : float64[n, every + counts + 4 + least + most + 4 + ROLES + SHARES + POWERS]
    """
    edges, nodes = ends.shape[1], int(ends[1, -1]) + 1
    live = np.empty(edges, np.int64)
    forward, backward = np.empty((nodes, 4), np.int64), np.empty((nodes, 4), np.int64)
    lower, upper = np.empty((nodes, least.shape[2]), np.int16), np.empty((nodes, most.shape[2]), np.int16)
    sets, powers = np.empty((3, nodes), np.int64), np.empty((nodes, 6))
    at_counts, at_paths = every.shape[2], every.shape[2] + counts.shape[2]
    at_least, at_most = at_paths + 4, at_paths + 4 + least.shape[2]
    at_sums = at_most + most.shape[2]
    at_roles = at_sums + 4
    for i in range(len(chosen)):
        out[i] = 0.0
        found = _live(chosen, i, ends, inputs, kinds, live)
        _every(chosen, i, every, out)
        _counts(chosen, i, live, found, counts, out, at_counts)
        _paths(chosen, i, live, found, ends, inputs, passes, forward, backward)
        _least(chosen, i, live, found, ends, inputs, least, lower)
        for lane in range(4):
            out[i, at_paths + lane] = forward[nodes - 1, lane]
        for lane in range(least.shape[2]):
            out[i, at_least + lane] = lower[nodes - 1, lane] if lower[nodes - 1, lane] < FAR else longest + 1
        if found == 0:
            continue
        _most(chosen, i, live, found, ends, inputs, most, upper)
        for lane in range(most.shape[2]):
            out[i, at_most + lane] = upper[nodes - 1, lane]
        _sums(chosen, i, live, found, ends, forward, backward, most, out, at_sums)
        _skips_around(chosen, i, live, found, ends, kinds, sets)
        _roles(chosen, i, live, found, ends, inputs, kinds, most, forward, backward, sets, out, at_roles)
        _shares(chosen, i, live, found, ends, kinds, forward, backward, out, at_sums, at_roles + ROLES)
        _powers(chosen, i, live, found, ends, inputs, kinds, divisors, powers, out, at_roles + ROLES + SHARES)


@jit
def _live(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    ends: NDArray[np.int64],
    inputs: int,
    kinds: NDArray[np.int64],
    live: NDArray[np.int64],
) -> int:
    """Write the numbers of the live edges, ascending, and return how many there are."""
    edges = ends.shape[1]
    reached, onward = (np.int64(1) << inputs) - 1, np.int64(1) << ends[1, -1]
    for e in range(edges):
        if kinds[e, chosen[i, e]] != NONE:
            reached |= (reached >> ends[0, e] & 1) << ends[1, e]
    first = edges
    for e in range(edges - 1, -1, -1):
        if kinds[e, chosen[i, e]] != NONE and reached >> ends[0, e] & onward >> ends[1, e] & 1:
            onward |= np.int64(1) << ends[0, e]
            first -= 1
            live[first] = e
    for number in range(edges - first):
        live[number] = live[first + number]
    return int(edges - first)


@jit
def _every(chosen: NDArray[np.unsignedinteger], i: int, every: NDArray[np.int16], out: NDArray[np.float64]) -> None:
    """Write what all edges add up to."""
    for e in range(every.shape[0]):
        for lane in range(every.shape[2]):
            out[i, lane] += every[e, chosen[i, e], lane]


@jit
def _counts(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    counts: NDArray[np.int16],
    out: NDArray[np.float64],
    at: int,
) -> None:
    """Write what the live edges add up to."""
    for number in range(found):
        e = live[number]
        for lane in range(counts.shape[2]):
            out[i, at + lane] += counts[e, chosen[i, e], lane]


@jit
def _paths(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    ends: NDArray[np.int64],
    inputs: int,
    passes: NDArray[np.int16],
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
) -> None:
    """Write of every node how many paths lead to it from the inputs, and from it to the output, of each sort."""
    forward[:], backward[:] = 0, 0
    forward[:inputs], backward[-1] = 1, 1
    for number in range(found):
        e = live[number]
        for lane in range(4):
            forward[ends[1, e], lane] += forward[ends[0, e], lane] * passes[e, chosen[i, e], lane]
    for number in range(found - 1, -1, -1):
        e = live[number]
        for lane in range(4):
            backward[ends[0, e], lane] += backward[ends[1, e], lane] * passes[e, chosen[i, e], lane]


@jit
def _least(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    ends: NDArray[np.int64],
    inputs: int,
    table: NDArray[np.int16],
    lower: NDArray[np.int16],
) -> None:
    """Write of every node the least sum of a path to it, in each lane; FAR if there is none."""
    lower[:] = FAR
    lower[:inputs] = 0
    for number in range(found):
        e = live[number]
        source, target, choice = ends[0, e], ends[1, e], chosen[i, e]
        for lane in range(table.shape[2]):
            lower[target, lane] = min(lower[target, lane], np.int16(lower[source, lane] + table[e, choice, lane]))


@jit
def _most(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    ends: NDArray[np.int64],
    inputs: int,
    table: NDArray[np.int16],
    upper: NDArray[np.int16],
) -> None:
    """Write of every node the greatest sum of a path to it, in each lane."""
    upper[:] = 0
    for number in range(found):
        e = live[number]
        source, target, choice = ends[0, e], ends[1, e], chosen[i, e]
        for lane in range(table.shape[2]):
            upper[target, lane] = max(upper[target, lane], np.int16(upper[source, lane] + table[e, choice, lane]))


@jit
def _sums(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    ends: NDArray[np.int64],
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
    most: NDArray[np.int16],
    out: NDArray[np.float64],
    at: int,
) -> None:
    """Write the sums over all paths: an edge counts as often as paths go along it."""
    for number in range(found):
        e = live[number]
        through = forward[ends[0, e], 0] * backward[ends[1, e], 0]
        for lane in range(4):
            out[i, at + lane] += through * most[e, chosen[i, e], lane]


@jit
def _skips_around(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    ends: NDArray[np.int64],
    kinds: NDArray[np.int64],
    sets: NDArray[np.int64],
) -> None:
    """Write of every node where identities lead to that start there or before it, and which nodes it reaches."""
    for node in range(sets.shape[1]):
        sets[0, node], sets[2, node] = 0, np.int64(1) << node
    for number in range(found - 1, -1, -1):
        e = live[number]
        source, target = ends[0, e], ends[1, e]
        sets[2, source] |= sets[2, target]
        if kinds[e, chosen[i, e]] <= SKIP:
            sets[0, source] |= sets[0, target] | np.int64(1) << target
    for node in range(sets.shape[1]):
        sets[1, node] = sets[0, node]
    for number in range(found):
        e = live[number]
        sets[1, ends[1, e]] |= sets[1, ends[0, e]]


@jit
def _roles(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    ends: NDArray[np.int64],
    inputs: int,
    kinds: NDArray[np.int64],
    most: NDArray[np.int16],
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
    sets: NDArray[np.int64],
    out: NDArray[np.float64],
    at: int,
) -> None:
    """Write how many nodes and edges there are of each role."""
    output, near_input, near_output, inner = ends[1, -1], np.int64(0), np.int64(0), np.int64(0)
    for number in range(found):
        e = live[number]
        source, target = ends[0, e], ends[1, e]
        out[i, at + 1] += source < inputs
        out[i, at + 2] += target == output
        if source < inputs:
            near_input |= np.int64(1) << (target if kinds[e, chosen[i, e]] == JOIN else source)
        if target == output:
            near_output |= np.int64(1) << (source if kinds[e, chosen[i, e]] == JOIN else target)
        elif most[e, chosen[i, e], 3] > 0 and inner >> target & 1 == 0:
            inner |= np.int64(1) << target
            out[i, at] += 1
    for number in range(found):
        e = live[number]
        source, target, kind = ends[0, e], ends[1, e], kinds[e, chosen[i, e]]
        if kind == JOIN:
            continue
        out[i, at + 3 + kind - SKIP] += near_input >> source & 1
        out[i, at + 7 + kind - SKIP] += near_output >> target & 1
        if kind == SKIP:
            continue
        first, without = (11, 3) if kind == POOL else (14, 2)
        out[i, at + first] += forward[source, 0] * backward[target, 0] == forward[output, 0]
        out[i, at + first + 1] += sets[1, source] & sets[2, target] != 0
        out[i, at + first + 2] += forward[source, without] * backward[target, without] > 0


@jit
def _shares(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    ends: NDArray[np.int64],
    kinds: NDArray[np.int64],
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
    out: NDArray[np.float64],
    at_sums: int,
    at: int,
) -> None:
    """Write shares of paths, summed over convolutions of each size, and the mean of their sum over paths."""
    paths, convolutions = forward[-1, 0], out[i, at_sums]
    for number in range(found):
        e = live[number]
        source, target, kind = ends[0, e], ends[1, e], kinds[e, chosen[i, e]]
        if kind >= LIGHT:
            first = 3 * (kind - LIGHT)
            out[i, at + first] += forward[source, 2] / forward[source, 0]
            out[i, at + first + 1] += backward[target, 2] / backward[target, 0]
            out[i, at + first + 2] += forward[source, 0] * backward[target, 0] / paths
    if convolutions > 0.0:
        out[i, at + 6] = convolutions / paths
        out[i, at + 7] = (paths - forward[-1, 3]) / out[i, at + 6]


@jit
def _powers(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    live: NDArray[np.int64],
    found: int,
    ends: NDArray[np.int64],
    inputs: int,
    kinds: NDArray[np.int64],
    divisors: NDArray[np.float64],
    nodes: NDArray[np.float64],
    out: NDArray[np.float64],
    at: int,
) -> None:
    """Write what becomes of the powers (low, high) of the inputs, and of what is carried along in proportion to them.

    A node has low, high, and, weighted by power, the part of the input, a correlation, and how many convolutions it has
    been through; at last, from the output back, its gradient.
    """
    last = nodes.shape[0] - 1
    for node in range(last + 1):
        for part in range(6):
            nodes[node, part] = 0.0
    for node in range(inputs):
        nodes[node, 0], nodes[node, 1], nodes[node, 2] = LOW, HIGH, LOW + HIGH
    nodes[last, 5] = 1.0
    for number in range(found):
        e = live[number]
        source, target, choice = ends[0, e], ends[1, e], chosen[i, e]
        whole = nodes[source, 0] + nodes[source, 1]
        if kinds[e, choice] >= LIGHT:
            nodes[target, 0] += nodes[source, 0] / whole
            nodes[target, 1] += nodes[source, 1] / whole
            nodes[target, 3] += _of_relu(nodes[source, 3] / whole)
            nodes[target, 4] += nodes[source, 4] / whole + 1.0
            continue
        high = nodes[source, 1] / divisors[e, choice]
        kept = (nodes[source, 0] + high) / whole
        nodes[target, 0] += nodes[source, 0]
        nodes[target, 1] += high
        for part in range(2, 5):
            nodes[target, part] += kept * nodes[source, part]
    for number in range(found - 1, -1, -1):
        e = live[number]
        source, choice = ends[0, e], chosen[i, e]
        whole = nodes[source, 0] + nodes[source, 1]
        handed = 1.0 if kinds[e, choice] >= LIGHT else nodes[source, 0] + nodes[source, 1] / divisors[e, choice]
        nodes[source, 5] += nodes[ends[1, e], 5] * handed / whole
    out[i, at], out[i, at + 1] = nodes[last, 0], nodes[last, 1]
    for part in range(2, 5):
        out[i, at + part] = nodes[last, part] / (nodes[last, 0] + nodes[last, 1])
    for node in range(inputs):
        out[i, at + 5] += nodes[node, 5]


@jit
def _of_relu(correlation: float) -> float:
    """Return the correlation that a wide layer with ReLU makes of one (Cho and Saul 2009)."""
    c = min(correlation, 1.0)
    return (math.sqrt(1.0 - c * c) + c * (math.pi - math.acos(c))) / math.pi
