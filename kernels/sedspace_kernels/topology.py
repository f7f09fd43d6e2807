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

PARTS = ("every", "counts", "paths", "least", "most", "sums", "roles", "shares", "powers")
"""What a bit of `wanted` asks for, the lowest first, in the order in which the features stand."""


@jit
def features_of_cells(
    chosen: NDArray[np.unsignedinteger],
    ends: NDArray[np.int64],
    inputs: int,
    kinds: NDArray[np.int64],
    kept_high: NDArray[np.float64],
    every: NDArray[np.int16],
    counts: NDArray[np.int16],
    passes: NDArray[np.int64],
    least: NDArray[np.int16],
    most: NDArray[np.int16],
    longest: int,
    wanted: int,
    first: int,
    out: NDArray[np.float64],
) -> None:
    """Write the features of cells; 0 where nothing gets to the output, ``longest + 1`` where a least sum has no path.

    Tables have a row for each edge and choice.

    Parameters
    ----------
    chosen : unsigned integer[n, edges]
        What stands on every edge.
    ends : int64[2, edges]
        Source and target, in an order in which a node is a target before it is a source, and never after; the last
        target is the output. At most 23 nodes, or as many paths: up to 2^21, so that no sum leaves int64.
    inputs : int
        The first nodes.
    kinds : int64[edges * choices]
    kept_high : float64[edges * choices]
        What a pooling hands on of the high power; 1 elsewhere.
    every, counts : int16[edges * choices, lanes]
        What an edge adds; what a live one does.
    passes : int64[edges * choices, 4]
        Whether a path of all, of identities, without pooling, without convolution goes along: -1 if so, else 0.
    least, most : int16[edges * choices, lanes]
        What an edge adds to a path; of `most`, the first four are convolutions, poolings, weight and length.
    longest : int
    wanted : int
        Which parts to write, as bits: see `PARTS`.
    first : int
        The column of the first feature.
    out : float64[n, first + every + counts + 4 + least + most + 4 + ROLES + SHARES + POWERS or more]
    """
    edges, nodes = ends.shape[1], int(ends[1, -1]) + 1
    live, handed = np.empty((edges, 4), np.uint16), np.empty(edges)
    forward, backward = np.empty((nodes, 4), np.int64), np.empty((nodes, 4), np.int64)
    lower, upper = np.empty((nodes, least.shape[1]), np.int16), np.empty((nodes, most.shape[1]), np.int16)
    sets, numbers, powers = np.empty((3, nodes), np.int64), np.empty((FULL + 1, 5), np.int64), np.empty((nodes, 6))
    at_counts = first + every.shape[1]
    at_paths = at_counts + counts.shape[1]
    at_least, at_most = at_paths + 4, at_paths + 4 + least.shape[1]
    at_sums = at_most + most.shape[1]
    at_powers = at_sums + 4 + ROLES + SHARES
    for i in range(len(chosen)):
        for column in range(first, at_powers + POWERS):
            out[i, column] = 0.0
        found = _live(chosen, i, ends, inputs, kinds, live)
        if wanted & 1:
            _every(chosen, every, out, i, first)
        if wanted & 1 << 3:
            _least(live, found, inputs, least, longest + 1, lower, out, i, at_least)
        if found == 0:
            continue
        if wanted & 1 << 1:
            _counts(live, found, counts, out, i, at_counts)
        if wanted & (1 << 2 | 7 << 5):
            _paths(live, found, inputs, passes, forward, backward, out, i, at_paths)
        if wanted & 1 << 4:
            _most(live, found, most, upper, out, i, at_most)
        _along_paths(live, found, inputs, most, forward, backward, sets, numbers, wanted, out, i, at_sums)
        if wanted & 1 << 8:
            _powers(live, found, inputs, kept_high, powers, handed, out, i, at_powers)


@jit
def _along_paths(
    live: NDArray[np.uint16],
    found: int,
    inputs: int,
    most: NDArray[np.int16],
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
    sets: NDArray[np.int64],
    numbers: NDArray[np.int64],
    wanted: int,
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write the parts that are made of numbers of paths: sums, roles and shares."""
    if wanted & (1 << 5 | 1 << 7):
        _sums(live, found, forward, backward, most, out, i, at)
    if wanted & 1 << 6:
        _skips_around(live, found, sets)
        _roles(live, found, inputs, most, forward, backward, sets, numbers, out, i, at + 4)
    if wanted & 1 << 7:
        _shares(live, found, forward, backward, out, i, at, at + 4 + ROLES)


@jit
def _live(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    ends: NDArray[np.int64],
    inputs: int,
    kinds: NDArray[np.int64],
    live: NDArray[np.uint16],
) -> int:
    """Write of the live edges, in order, their rows in tables, source, target and kind; return how many there are."""
    edges = ends.shape[1]
    choices = len(kinds) // edges
    reached, onward = (np.int64(1) << inputs) - 1, np.int64(1) << ends[1, -1]
    for e in range(edges):
        if kinds[e * choices + np.int64(chosen[i, e])] != NONE:
            reached |= (reached >> ends[0, e] & 1) << ends[1, e]
    found = edges
    for e in range(edges - 1, -1, -1):
        row, source, target = e * choices + np.int64(chosen[i, e]), ends[0, e], ends[1, e]
        if kinds[row] != NONE and reached >> source & onward >> target & 1:
            onward |= np.int64(1) << source
            found -= 1
            live[found, 0], live[found, 1], live[found, 2], live[found, 3] = row, source, target, kinds[row]
    for number in range(edges - found):
        for part in range(4):
            live[number, part] = live[found + number, part]
    return int(edges - found)


@jit
def _every(
    chosen: NDArray[np.unsignedinteger], every: NDArray[np.int16], out: NDArray[np.float64], i: int, at: int
) -> None:
    """Write what all edges add up to."""
    edges = chosen.shape[1]
    choices = len(every) // edges
    for e in range(edges):
        for lane in range(every.shape[1]):
            out[i, at + lane] += every[e * choices + np.int64(chosen[i, e]), lane]


@jit
def _counts(
    live: NDArray[np.uint16],
    found: int,
    counts: NDArray[np.int16],
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write what the live edges add up to."""
    for number in range(found):
        row = live[number, 0]
        for lane in range(counts.shape[1]):
            out[i, at + lane] += counts[row, lane]


@jit
def _paths(
    live: NDArray[np.uint16],
    found: int,
    inputs: int,
    passes: NDArray[np.int64],
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write how many paths there are of each sort, and of every node how many lead to it, and from it to the output."""
    last = forward.shape[0] - 1
    for node in range(last + 1):
        for lane in range(4):
            forward[node, lane] = 1 if node < inputs else 0
            backward[node, lane] = 1 if node == last else 0
    for number in range(found):
        row, source, target = live[number, 0], live[number, 1], live[number, 2]
        for lane in range(4):
            forward[target, lane] += forward[source, lane] & passes[row, lane]
    for number in range(found - 1, -1, -1):
        row, source, target = live[number, 0], live[number, 1], live[number, 2]
        for lane in range(4):
            backward[source, lane] += backward[target, lane] & passes[row, lane]
    for lane in range(4):
        out[i, at + lane] = forward[last, lane]


@jit
def _least(
    live: NDArray[np.uint16],
    found: int,
    inputs: int,
    table: NDArray[np.int16],
    none: int,
    lower: NDArray[np.int16],
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write the least sum of a path, `none` if there is none, and of every node that of a path to it, FAR if none."""
    for node in range(lower.shape[0]):
        start = np.int16(0 if node < inputs else FAR)
        for lane in range(lower.shape[1]):
            lower[node, lane] = start
    for number in range(found):
        row, source, target = live[number, 0], live[number, 1], live[number, 2]
        for lane in range(table.shape[1]):
            lower[target, lane] = min(lower[target, lane], np.int16(lower[source, lane] + table[row, lane]))
    last = lower.shape[0] - 1
    for lane in range(lower.shape[1]):
        out[i, at + lane] = lower[last, lane] if lower[last, lane] < FAR else none


@jit
def _most(
    live: NDArray[np.uint16],
    found: int,
    table: NDArray[np.int16],
    upper: NDArray[np.int16],
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write the greatest sum of a path, and of every node that of a path to it."""
    upper[:] = 0
    for number in range(found):
        row, source, target = live[number, 0], live[number, 1], live[number, 2]
        for lane in range(table.shape[1]):
            upper[target, lane] = max(upper[target, lane], np.int16(upper[source, lane] + table[row, lane]))
    last = upper.shape[0] - 1
    for lane in range(upper.shape[1]):
        out[i, at + lane] = upper[last, lane]


@jit
def _sums(
    live: NDArray[np.uint16],
    found: int,
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
    most: NDArray[np.int16],
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write the sums over all paths: an edge counts as often as paths go along it."""
    for number in range(found):
        row, source, target = live[number, 0], live[number, 1], live[number, 2]
        through = forward[source, 0] * backward[target, 0]
        for lane in range(4):
            out[i, at + lane] += through * most[row, lane]


@jit
def _skips_around(
    live: NDArray[np.uint16],
    found: int,
    sets: NDArray[np.int64],
) -> None:
    """Write of every node where identities lead to that start there or before it, and which nodes it reaches."""
    for node in range(sets.shape[1]):
        sets[0, node], sets[2, node] = 0, np.int64(1) << node
    for number in range(found - 1, -1, -1):
        source, target, kind = live[number, 1], live[number, 2], live[number, 3]
        sets[2, source] |= sets[2, target]
        if kind <= SKIP:
            sets[0, source] |= sets[0, target] | np.int64(1) << target
    for node in range(sets.shape[1]):
        sets[1, node] = sets[0, node]
    for number in range(found):
        source, target = live[number, 1], live[number, 2]
        sets[1, target] |= sets[1, source]


@jit
def _roles(
    live: NDArray[np.uint16],
    found: int,
    inputs: int,
    most: NDArray[np.int16],
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
    sets: NDArray[np.int64],
    numbers: NDArray[np.int64],
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write how many nodes and edges there are of each role; without branches, which would rarely be foreseen.

    Edges next to an input and to the output, on every path, with identities around, and on a path without the other
    sort of operation are counted by kind in `numbers`, int64[kinds, 5].
    """
    output, one = forward.shape[0] - 1, np.int64(1)
    near_input, near_output, inner, from_input, to_output = (one << inputs) - 1, one << output, one << output, 0, 0
    for number in range(found):
        row, source, target, kind = live[number, 0], live[number, 1], live[number, 2], live[number, 3]
        joins = np.int64(kind == JOIN)
        from_input += source < inputs
        to_output += target == output
        near_input |= np.int64(source < inputs) * joins << target
        near_output |= np.int64(target == output) * joins << source
        inner |= np.int64(most[row, 3] > 0) << target
    for kind in range(numbers.shape[0]):
        for role in range(5):
            numbers[kind, role] = 0
    for number in range(found):
        source, target, kind = live[number, 1], live[number, 2], live[number, 3]
        without = 3 if kind == POOL else 2
        numbers[kind, 0] += near_input >> source & 1
        numbers[kind, 1] += near_output >> target & 1
        numbers[kind, 2] += forward[source, 0] * backward[target, 0] == forward[output, 0]
        numbers[kind, 3] += sets[1, source] & sets[2, target] != 0
        numbers[kind, 4] += forward[source, without] * backward[target, without] > 0
    nodes = -1  # the output
    for node in range(output + 1):
        nodes += inner >> node & 1
    out[i, at], out[i, at + 1], out[i, at + 2] = nodes, from_input, to_output
    for kind in range(4):
        out[i, at + 3 + kind] = numbers[SKIP + kind, 0]
        out[i, at + 7 + kind] = numbers[SKIP + kind, 1]
    for role in range(3):
        out[i, at + 11 + role] = numbers[POOL, 2 + role]
        out[i, at + 14 + role] = numbers[LIGHT, 2 + role] + numbers[FULL, 2 + role]


@jit
def _shares(
    live: NDArray[np.uint16],
    found: int,
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
    out: NDArray[np.float64],
    i: int,
    at_sums: int,
    at: int,
) -> None:
    """Write shares of paths, summed over convolutions of each size, and the mean of their sum over paths."""
    paths, convolutions = forward[-1, 0], out[i, at_sums]
    for number in range(found):
        source, target, kind = live[number, 1], live[number, 2], live[number, 3]
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
    live: NDArray[np.uint16],
    found: int,
    inputs: int,
    kept_high: NDArray[np.float64],
    nodes: NDArray[np.float64],
    handed: NDArray[np.float64],
    out: NDArray[np.float64],
    i: int,
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
        row, source, target, kind = live[number, 0], live[number, 1], live[number, 2], live[number, 3]
        low, high, share = nodes[source, 0], nodes[source, 1], 1.0 / (nodes[source, 0] + nodes[source, 1])
        if kind >= LIGHT:
            nodes[target, 0] += low * share
            nodes[target, 1] += high * share
            nodes[target, 3] += _of_relu(nodes[source, 3] * share)
            nodes[target, 4] += nodes[source, 4] * share + 1.0
        else:
            high *= kept_high[row]
            share *= low + high
            nodes[target, 0] += low
            nodes[target, 1] += high
            for part in range(2, 5):
                nodes[target, part] += share * nodes[source, part]
        handed[number] = share
    for number in range(found - 1, -1, -1):
        nodes[live[number, 1], 5] += nodes[live[number, 2], 5] * handed[number]
    out[i, at], out[i, at + 1] = nodes[last, 0], nodes[last, 1]
    for part in range(2, 5):
        out[i, at + part] = nodes[last, part] / (nodes[last, 0] + nodes[last, 1])
    for node in range(inputs):
        out[i, at + 5] += nodes[node, 5]


@jit
def _of_relu(correlation: float) -> float:
    """Return the correlation that a wide layer with ReLU makes of one (Cho and Saul 2009)."""
    if correlation == 0.0:
        return 1.0 / math.pi
    c = min(correlation, 1.0)
    return (math.sqrt(1.0 - c * c) + c * (math.pi - math.acos(c))) / math.pi
