"""What the live edges of a cell look like as a graph: paths, what lies on them, and the powers that flow along them.

A cell is a graph whose edges carry operations. An edge is live if it is on a path from an input to the output on which
every edge passes something. All is computed edge by edge, no path is gone along: forwards over the edges that something
gets to, backwards over those of them that are live, and forwards over the live ones once more. Along a path *lanes* are
added up, several numbers per edge at once, of which a node keeps the least; a greatest sum is that of negative numbers.

What the first pass finds out of a node depends on earlier edges only. So what a cell has in common with the one before
it is kept: of consecutive cells all but the last nodes, most often.
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
"""How many features there are of nodes and edges in a role, of shares of paths, and of powers."""

LANES = 48
"""A table of lanes has so many columns, used or not: loops of a fixed length become operations on vectors."""

PACKED = 8
"""How many counts a word has, each of eight bits, the first lowest: no cell has more than 253 edges."""

SOURCE, TARGET, KIND, FIRST, PASSES, ADDED, COLUMNS = 0, 1, 2, 3, 4, 8, 12
"""The columns of a table of edges: ends and kind; the first edge with the same target; whether a path of all, of
identities, without pooling, without convolution goes along, -1 if so, else 0; convolutions, poolings, weight and length
that it adds to a path."""

_BEFORE, _AFTER, _SKIPS, _SKIPPED, _REACHED = 0, 4, 8, 9, 10
"""Of a node: the paths to it, and from it, as `PASSES`; and, as bits, where identities lead to that start there, or
there or before it, and which nodes it reaches."""

_LOW, _HIGH, _INPUT, _CORRELATION, _DEPTH, _SHARE, _RELU, _GRADIENT = range(8)
"""Of a node: its powers, and, weighted by power, the part of the input, a correlation, and how many convolutions it has
been through; 1 / power, the correlation behind a convolution, and its gradient."""

_UNKNOWN = -1.0
"""A correlation that nobody has asked for."""

_NEAR_INPUT, _NEAR_OUTPUT, _ON_EVERY_PATH, _BYPASSED, _WITHOUT = 0, 12, 24, 36, 48
"""Where, in one integer for each kind, the edges of a role are counted."""
_MOST = (1 << 12) - 1


@jit
def features_of_cells(
    chosen: NDArray[np.unsignedinteger],
    inputs: int,
    edges: NDArray[np.int64],
    kept_high: NDArray[np.float64],
    every: NDArray[np.int64],
    counts: NDArray[np.int64],
    lanes: NDArray[np.int16],
    widths: tuple[int, int, int, int],
    longest: int,
    first: int,
    out: NDArray[np.float64],
) -> None:
    """Write the features of cells; 0 where nothing gets to the output, ``longest + 1`` where a least sum has no path.

    Tables have a row for each edge and choice.

    Parameters
    ----------
    chosen : unsigned integer[n, edges]
        What stands on every edge.
    inputs : int
        The first nodes.
    edges : int64[edges * choices, COLUMNS]
        By target, ascending; the last one is the output. At most 23 nodes, or as many paths: up to 2^21, so that no sum
        leaves int64.
    kept_high : float64[edges * choices]
        What a pooling hands on of the high power; 1 elsewhere.
    every, counts : int64[edges * choices, words]
        What an edge adds to counts, and what a live one does: `PACKED` of them to a word.
    lanes : int16[edges * choices, LANES]
        What an edge adds to a path: for least sums, then, negative, for greatest ones.
    widths : tuple of int
        The columns in use: of `every`, `counts`, and of `lanes` for least and for greatest sums.
    longest, first : int
        The most edges of a path; the column of the first feature.
    out : float64[n, first + sum(widths) + 8 + ROLES + SHARES + POWERS or more]
    """
    length, nodes = chosen.shape[1], edges[-1, TARGET] + 1
    choices = len(edges) // length
    rows, live, handed = np.empty(length, np.int64), np.empty(length, np.int64), np.empty(length)
    of_node, powers = np.zeros((nodes, 12), np.int64), np.zeros((nodes, 8))
    sums = np.zeros((nodes, LANES), np.int16)
    by_kind, numbers, shares = np.empty(FULL + 1, np.int64), np.empty(7, np.int64), np.empty((FULL + 1, 3))
    of_node[:inputs, _BEFORE : _BEFORE + 4] = 1
    powers[:inputs, _LOW], powers[:inputs, _HIGH], powers[:inputs, _INPUT] = LOW, HIGH, LOW + HIGH
    powers[:inputs, _SHARE], powers[:inputs, _RELU] = 1.0 / (LOW + HIGH), _of_relu(0.0)
    at_least = first + widths[0] + widths[1] + 4
    at_sums = at_least + widths[2] + widths[3]
    at_powers = at_sums + 4 + ROLES + SHARES
    for i in range(len(chosen)):
        same = _in_common(chosen, i)
        if same == length:
            for column in range(first, at_powers + POWERS):
                out[i, column] = out[i - 1, column]
            continue
        _forward(chosen, i, same, choices, edges, kept_high, lanes, rows, handed, of_node, sums, powers)
        _write_counts(rows, 0, every, widths[0], out, i, first)
        if of_node[nodes - 1, _BEFORE] == 0:
            for column in range(first + widths[0], at_powers + POWERS):
                out[i, column] = longest + 1 if at_least <= column < at_least + widths[2] else 0
            continue
        start, near_output = _backward(edges, rows, handed, of_node, powers, live)
        _write_counts(live, start, counts, widths[1], out, i, first + widths[0])
        _write_paths(of_node, sums, widths[2], widths[3], longest + 1, out, i, at_least - 4)
        _roles(live, start, edges, inputs, near_output, of_node, by_kind, numbers, shares)
        _write_roles(by_kind, numbers, out, i, at_sums)
        _write_shares(of_node, numbers[0], shares, out, i, at_powers - SHARES)
        _write_powers(inputs, powers, out, i, at_powers)


@jit
def _in_common(chosen: NDArray[np.unsignedinteger], i: int) -> int:
    """Return how many edges a cell has in common with the one before it, before the first that differs."""
    e = 0
    while i > 0 and e < chosen.shape[1] and chosen[i, e] == chosen[i - 1, e]:
        e += 1
    return e


@jit
def _forward(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    same: int,
    choices: int,
    edges: NDArray[np.int64],
    kept_high: NDArray[np.float64],
    lanes: NDArray[np.int16],
    rows: NDArray[np.int64],
    handed: NDArray[np.float64],
    of_node: NDArray[np.int64],
    sums: NDArray[np.int16],
    powers: NDArray[np.float64],
) -> None:
    """Write the row of every edge, and what is known of nodes from the inputs on, where that is not as it was."""
    node = -1
    for e in range(edges[same * choices, FIRST], chosen.shape[1]):
        row = e * choices + np.int64(chosen[i, e])
        rows[e], source = row, int(edges[row, SOURCE])
        if node != edges[row, TARGET]:
            if node >= 0 and of_node[node, _BEFORE] > 0:
                _finish(powers, node)
            node = int(edges[row, TARGET])
            _begin(of_node, sums, powers, node)
        if edges[row, KIND] == NONE or of_node[source, _BEFORE] == 0:
            continue
        for lane in range(4):
            of_node[node, _BEFORE + lane] += of_node[source, _BEFORE + lane] & edges[row, PASSES + lane]
        for lane in range(LANES):
            sums[node, lane] = min(sums[node, lane], np.int16(sums[source, lane] + lanes[row, lane]))
        handed[e] = _hand_on(powers, source, node, edges[row, KIND], kept_high[row])


@jit
def _begin(of_node: NDArray[np.int64], sums: NDArray[np.int16], powers: NDArray[np.float64], node: int) -> None:
    """Write that nothing gets to a node."""
    for lane in range(4):
        of_node[node, _BEFORE + lane] = 0
    for part in range(_GRADIENT + 1):
        powers[node, part] = 0.0
    for lane in range(LANES):
        sums[node, lane] = FAR


@jit
def _finish(powers: NDArray[np.float64], node: int) -> None:
    """Write of a node what is to be known before anything is handed on."""
    powers[node, _SHARE] = _ratio(1.0, powers[node, _LOW] + powers[node, _HIGH])
    powers[node, _RELU] = _UNKNOWN


@jit
def _hand_on(powers: NDArray[np.float64], source: int, target: int, kind: int, kept_high: float) -> float:
    """Add what an edge hands on of the powers of its source, almost without branches; return the share of it."""
    is_conv, share = kind >= LIGHT, powers[source, _SHARE]
    if is_conv and powers[source, _RELU] == _UNKNOWN:  # few nodes are asked for it, and it takes a while
        powers[source, _RELU] = _of_relu(powers[source, _CORRELATION] * share)
    low = powers[source, _LOW] * (share if is_conv else 1.0)
    high = powers[source, _HIGH] * (share if is_conv else kept_high)
    handed = share if is_conv else share * (low + high)
    powers[target, _LOW] += low
    powers[target, _HIGH] += high
    powers[target, _INPUT] += 0.0 if is_conv else handed * powers[source, _INPUT]
    powers[target, _CORRELATION] += powers[source, _RELU] if is_conv else handed * powers[source, _CORRELATION]
    powers[target, _DEPTH] += handed * powers[source, _DEPTH] + (1.0 if is_conv else 0.0)
    return float(handed)


@jit
def _ratio(a: float, b: float) -> float:
    """Divide by what is not 0: where a plain division might raise, references to all arrays are counted."""
    return float(np.divide(a, b))


@jit
def _of_relu(correlation: float) -> float:
    """Return the correlation that a wide layer with ReLU makes of one (Cho and Saul 2009)."""
    if correlation == 0.0:
        return 1.0 / math.pi
    c = min(correlation, 1.0)
    return (math.sqrt(1.0 - c * c) + c * (math.pi - math.acos(c))) / math.pi


@jit
def _backward(
    edges: NDArray[np.int64],
    rows: NDArray[np.int64],
    handed: NDArray[np.float64],
    of_node: NDArray[np.int64],
    powers: NDArray[np.float64],
    live: NDArray[np.int64],
) -> tuple[int, int]:
    """Write what is known of nodes from the output back, and the rows of the live edges, in order, the last ones.

    Return where these begin, and which nodes a join leads from to the output.
    """
    output, start, near_output = len(of_node) - 1, len(rows), np.int64(1) << (len(of_node) - 1)
    for node in range(len(of_node)):
        for lane in range(4):
            of_node[node, _AFTER + lane] = 1 if node == output else 0
        of_node[node, _SKIPS], of_node[node, _REACHED] = 0, np.int64(1) << node
        powers[node, _GRADIENT] = 1.0 if node == output else 0.0
    for e in range(len(rows) - 1, -1, -1):
        row = rows[e]
        source, target, kind = edges[row, SOURCE], edges[row, TARGET], edges[row, KIND]
        if kind == NONE or of_node[source, _BEFORE] == 0 or of_node[target, _AFTER] == 0:
            continue
        start -= 1
        live[start] = row
        for lane in range(4):
            of_node[source, _AFTER + lane] += of_node[target, _AFTER + lane] & edges[row, PASSES + lane]
        of_node[source, _REACHED] |= of_node[target, _REACHED]
        if kind <= SKIP:
            of_node[source, _SKIPS] |= of_node[target, _SKIPS] | np.int64(1) << target
        near_output |= np.int64(kind == JOIN and target == output) << source
        powers[source, _GRADIENT] += powers[target, _GRADIENT] * handed[e]
    for node in range(len(of_node)):
        of_node[node, _SKIPPED] = of_node[node, _SKIPS]
    return start, int(near_output)


@jit
def _write_counts(
    rows: NDArray[np.int64],
    start: int,
    table: NDArray[np.int64],
    width: int,
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write what edges add up to."""
    for word in range(table.shape[1]):
        total = np.int64(0)
        for number in range(start, len(rows)):
            total += table[rows[number], word]
        for lane in range(word * PACKED, min(width, (word + 1) * PACKED)):
            out[i, at + lane] = total & 0xFF
            total >>= 8


@jit
def _write_paths(
    of_node: NDArray[np.int64],
    sums: NDArray[np.int16],
    least: int,
    most: int,
    none: int,
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write how many paths there are of each sort, and their least and greatest sums; `none` if there is no path."""
    output = len(of_node) - 1
    for lane in range(4):
        out[i, at + lane] = of_node[output, _BEFORE + lane]
    for lane in range(least):
        out[i, at + 4 + lane] = sums[output, lane] if sums[output, lane] < FAR else none
    for lane in range(least, least + most):
        out[i, at + 4 + lane] = -np.int64(sums[output, lane])


@jit
def _roles(
    live: NDArray[np.int64],
    start: int,
    edges: NDArray[np.int64],
    inputs: int,
    near_output: int,
    of_node: NDArray[np.int64],
    by_kind: NDArray[np.int64],
    numbers: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> None:
    """Count the edges of each role by kind; in `numbers` what paths add up to, nodes, and degrees; and shares of paths.

    An edge counts as often as paths go along it. An edge next to the input or the output is one that a join leads to.
    Shares are summed for every kind: without branches, which would rarely be foreseen.
    """
    output = len(of_node) - 1
    near_input, inner = (np.int64(1) << inputs) - 1, np.int64(1) << output
    paths = of_node[output, _BEFORE]
    for kind in range(FULL + 1):
        by_kind[kind] = 0
        for part in range(3):
            shares[kind, part] = 0.0
    for number in range(7):
        numbers[number] = 0
    for number in range(start, len(live)):
        row = live[number]
        source, target, kind = edges[row, SOURCE], edges[row, TARGET], edges[row, KIND]
        without = 3 if kind == POOL else 2
        through = of_node[source, _BEFORE] * of_node[target, _AFTER]
        clean = of_node[source, _BEFORE + without] * of_node[target, _AFTER + without]
        is_around = of_node[source, _SKIPPED] & of_node[target, _REACHED] != 0
        by_kind[kind] += (
            (near_input >> source & 1) << _NEAR_INPUT
            | (near_output >> target & 1) << _NEAR_OUTPUT
            | np.int64(through == paths) << _ON_EVERY_PATH
            | np.int64(is_around) << _BYPASSED
            | np.int64(clean > 0) << _WITHOUT
        )
        shares[kind, 0] += _ratio(of_node[source, _BEFORE + 2], of_node[source, _BEFORE])
        shares[kind, 1] += _ratio(of_node[target, _AFTER + 2], of_node[target, _AFTER])
        shares[kind, 2] += _ratio(through, paths)
        for lane in range(4):
            numbers[lane] += through * edges[row, ADDED + lane]
        is_new = np.int64(edges[row, ADDED + 3] > 0) & ~(inner >> target)
        inner |= is_new << target
        numbers[4] += is_new
        numbers[5] += source < inputs
        numbers[6] += target == output
        near_input |= np.int64(kind == JOIN and source < inputs) << target
        of_node[target, _SKIPPED] |= of_node[source, _SKIPPED]


@jit
def _write_roles(
    by_kind: NDArray[np.int64], numbers: NDArray[np.int64], out: NDArray[np.float64], i: int, at: int
) -> None:
    """Write what `_roles` found: sums, then roles; without branches, which would rarely be foreseen."""
    for number in range(7):
        out[i, at + number] = numbers[number]
    for kind in range(4):
        out[i, at + 7 + kind] = by_kind[SKIP + kind] >> _NEAR_INPUT & _MOST
        out[i, at + 11 + kind] = by_kind[SKIP + kind] >> _NEAR_OUTPUT & _MOST
    pools, convolutions = by_kind[POOL], by_kind[LIGHT] + by_kind[FULL]
    for role in range(3):
        out[i, at + 15 + role] = pools >> (_ON_EVERY_PATH + 12 * role) & _MOST
        out[i, at + 18 + role] = convolutions >> (_ON_EVERY_PATH + 12 * role) & _MOST


@jit
def _write_shares(
    of_node: NDArray[np.int64],
    convolutions: int,
    shares: NDArray[np.float64],
    out: NDArray[np.float64],
    i: int,
    at: int,
) -> None:
    """Write shares of paths, summed over convolutions of each size, and the mean of their sum over paths."""
    output = len(of_node) - 1
    paths = of_node[output, _BEFORE]
    for part in range(3):
        out[i, at + part], out[i, at + 3 + part] = shares[LIGHT, part], shares[FULL, part]
    depth = _ratio(convolutions, paths)
    out[i, at + 6] = depth
    out[i, at + 7] = _ratio(paths - of_node[output, _BEFORE + 3], depth) if convolutions > 0 else 0.0


@jit
def _write_powers(inputs: int, powers: NDArray[np.float64], out: NDArray[np.float64], i: int, at: int) -> None:
    """Write what becomes of the powers of the inputs, and of what is carried along in proportion to them."""
    output = len(powers) - 1
    low, high = powers[output, _LOW], powers[output, _HIGH]
    out[i, at], out[i, at + 1] = low, high
    for part in range(_INPUT, _DEPTH + 1):
        out[i, at + part] = _ratio(powers[output, part], low + high)
    gradient = 0.0
    for node in range(inputs):
        gradient += powers[node, _GRADIENT]
    out[i, at + 5] = gradient
