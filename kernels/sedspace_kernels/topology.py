"""What the live edges of a cell look like as a graph: paths, what lies on them, and the powers that flow along them.

A cell is a graph whose edges carry operations. An edge is live if it is on a path from an input to the output on which
every edge passes something. All is computed edge by edge, no path is gone along: forwards from the inputs, backwards
from the output, and forwards once more over the edges that turned out to be live. Along a path *lanes* are added up,
several numbers per edge at once, of which a node keeps the least; a greatest sum is that of negative numbers.

A block of cells goes along each edge together. What is known of a node or an edge are *fields*, each with a number for
every cell of the block, side by side: a loop over them without branches becomes operations on vectors, if it touches
few arrays. The compiler gives up on loops that touch many, as it has to ask of each pair whether they overlap.

What the first pass finds out of a node depends on earlier edges only. So what a block has in common with the one before
it is kept: of consecutive cells all but the last nodes, most often.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit
from sedspace_kernels.propagated import HIGH, LOW
from sedspace_kernels.topology_columns import ratio, write_counts, write_paths, write_powers, write_roles, write_shares
from sedspace_kernels.topology_layout import (
    ALONG,
    AT_INPUT,
    AT_OUTPUT,
    BEHIND,
    BLOCK,
    BY_KIND,
    BYPASSED,
    CLEAN,
    CORRELATION,
    DEPTH,
    FAR,
    FIRST,
    FROM,
    FULL,
    GRADIENT,
    HANDED,
    HIGHEST,
    INPUT_DEGREE,
    JOIN,
    KEPT,
    KIND,
    LANES,
    LENGTH,
    LIGHT,
    LIVE,
    NEAR_INPUT,
    NEAR_OUTPUT,
    NODES,
    NONE,
    OF_CELL,
    OF_EDGE,
    OF_INPUT,
    OF_NODE,
    OF_POWER,
    OF_SHARE,
    ON_EVERY_PATH,
    OUTPUT_DEGREE,
    PATH_SUMS,
    POOL,
    POWER_HIGH,
    POWER_LOW,
    POWERS,
    REACHED,
    RELU,
    ROLES,
    ROW,
    SHARE,
    SHARES,
    SKIP,
    SKIPPED,
    SKIPS,
    SOURCE,
    TARGET,
    TO,
)


@jit
def features_of_cells(
    chosen: NDArray[np.unsignedinteger],
    inputs: int,
    edges: NDArray[np.int64],
    kinds: NDArray[np.int64],
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

    Parameters
    ----------
    chosen : unsigned integer[n, edges]
        What stands on every edge.
    inputs : int
        The first nodes.
    edges : int64[edges, COLUMNS]
        By target, ascending; the last one is the output. At most 23 nodes, or as many paths: up to 2^21, so that no sum
        leaves int64.
    kinds : int64[edges, choices]
    kept_high : float64[edges, choices]
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
    of_edge, handed = np.zeros((length, OF_EDGE), np.int64), np.zeros((length, OF_SHARE))
    of_node, powers = np.zeros((nodes, OF_NODE), np.int64), np.zeros((nodes, OF_POWER))
    sums = np.zeros((nodes, BLOCK, LANES), np.int16)
    of_cell, shares = np.zeros(OF_CELL, np.int64), np.zeros(6 * BLOCK)
    of_node[:inputs, TO:FROM] = 1
    powers[:inputs, POWER_LOW:POWER_HIGH], powers[:inputs, POWER_HIGH:OF_INPUT] = LOW, HIGH
    powers[:inputs, OF_INPUT:CORRELATION] = LOW + HIGH
    powers[:inputs, SHARE:RELU], powers[:inputs, RELU:GRADIENT] = 1.0 / (LOW + HIGH), _of_relu(0.0)
    at_live = first + widths[0]
    at_least = at_live + widths[1] + 4
    at_sums = at_least + widths[2] + widths[3]
    end = at_sums + 4 + ROLES + SHARES + POWERS
    for i in range(0, len(chosen), BLOCK):
        count = min(BLOCK, len(chosen) - i)
        same = _in_common(chosen, i, count)
        if same == length:
            out[i : i + count, first:end] = out[i - BLOCK : i - BLOCK + count, first:end]
            continue
        start = edges[same, FIRST]
        _look_up(chosen, i, start, kinds, kept_high, of_edge, handed)
        _forward(start, edges, lanes, of_edge, handed, of_node, sums, powers)
        _backward(edges, of_edge, handed, of_node, powers, of_cell)
        _roles(edges, inputs, of_edge, of_node, of_cell, shares)
        write_counts(of_edge, every, False, widths[0], out, i, count, first)
        write_counts(of_edge, counts, True, widths[1], out, i, count, at_live)
        for c in range(count):
            if of_node[nodes - 1, TO + c] == 0:
                for column in range(at_live, end):
                    out[i + c, column] = longest + 1 if at_least <= column < at_least + widths[2] else 0
                continue
            write_paths(of_node, sums, widths[2], widths[3], longest + 1, out, i, c, at_least - 4)
            write_roles(of_cell, out, i, c, at_sums)
            write_shares(of_node, of_cell, shares, out, i, c, end - POWERS - SHARES)
            write_powers(inputs, powers, out, i, c, end - POWERS)


@jit
def _in_common(chosen: NDArray[np.unsignedinteger], i: int, count: int) -> int:
    """Return how many edges each of some cells has in common with the one a block before it, before any differs."""
    same = chosen.shape[1] if i > 0 else 0
    for c in range(i, i + count):
        e = 0
        while e < same and chosen[c, e] == chosen[c - BLOCK, e]:
            e += 1
        same = e
    return same


@jit
def _look_up(
    chosen: NDArray[np.unsignedinteger],
    i: int,
    start: int,
    kinds: NDArray[np.int64],
    kept_high: NDArray[np.float64],
    of_edge: NDArray[np.int64],
    handed: NDArray[np.float64],
) -> None:
    """Write what stands on edges, in a block that is too short that of the last cell again."""
    choices = kinds.shape[1]
    for e in range(start, chosen.shape[1]):
        for c in range(BLOCK):
            choice = np.int64(chosen[min(i + c, len(chosen) - 1), e])
            of_edge[e, ROW + c] = e * choices + choice
            of_edge[e, KIND + c] = kinds[e, choice]
            handed[e, KEPT + c] = kept_high[e, choice]


@jit
def _forward(
    start: int,
    edges: NDArray[np.int64],
    lanes: NDArray[np.int16],
    of_edge: NDArray[np.int64],
    handed: NDArray[np.float64],
    of_node: NDArray[np.int64],
    sums: NDArray[np.int16],
    powers: NDArray[np.float64],
) -> None:
    """Write what is known of nodes from the inputs on, where that is not as it was."""
    for e in range(start, len(edges)):
        source, node = edges[e, SOURCE], edges[e, TARGET]
        if edges[e, FIRST] == e:
            of_node[node, TO:FROM] = 0
            powers[node, :] = 0.0
            sums[node, :, :] = FAR
        for sort in range(4):
            for c in range(BLOCK):
                along = -(ALONG[sort] >> of_edge[e, KIND + c] & 1)
                of_node[node, BLOCK * sort + c] += of_node[source, BLOCK * sort + c] & along
        for c in range(BLOCK):
            row = of_edge[e, ROW + c]
            for lane in range(LANES):
                sums[node, c, lane] = min(sums[node, c, lane], np.int16(sums[source, c, lane] + lanes[row, lane]))
        _hand_on(e, source, node, of_edge, of_node, handed, powers)
        if e + 1 < len(edges) and edges[e + 1, TARGET] != node:
            _finish(powers, node, edges[e, BEHIND] >= LIGHT)


@jit
def _finish(powers: NDArray[np.float64], node: int, before_conv: bool) -> None:
    """Write of a node what is to be known before anything is handed on."""
    for c in range(BLOCK):
        power = powers[node, POWER_LOW + c] + powers[node, POWER_HIGH + c]
        powers[node, SHARE + c] = ratio(1.0, power if power > 0.0 else 1.0)
    for c in range(BLOCK if before_conv else 0):
        powers[node, RELU + c] = _of_relu(powers[node, CORRELATION + c] * powers[node, SHARE + c])


@jit
def _hand_on(
    e: int,
    source: int,
    target: int,
    of_edge: NDArray[np.int64],
    of_node: NDArray[np.int64],
    handed: NDArray[np.float64],
    powers: NDArray[np.float64],
) -> None:
    """Add what an edge hands on of the powers of its source, field by field, and write the share of it."""
    for c in range(BLOCK):
        passes = (of_edge[e, KIND + c] != NONE) & (of_node[source, TO + c] > 0)
        of_edge[e, LIVE + c] = -np.int64(passes)
    for c in range(BLOCK):
        power = powers[source, POWER_LOW + c] + powers[source, POWER_HIGH + c] * handed[e, KEPT + c]
        handed[e, HANDED + c] = powers[source, SHARE + c] * (1.0 if of_edge[e, KIND + c] >= LIGHT else power)
    for c in range(BLOCK):
        share = powers[source, SHARE + c]
        low = powers[source, POWER_LOW + c] * (share if of_edge[e, KIND + c] >= LIGHT else 1.0)
        powers[target, POWER_LOW + c] += low if of_edge[e, LIVE + c] != 0 else 0.0
    for c in range(BLOCK):
        share = powers[source, SHARE + c]
        high = powers[source, POWER_HIGH + c] * handed[e, KEPT + c]
        high *= share if of_edge[e, KIND + c] >= LIGHT else 1.0
        powers[target, POWER_HIGH + c] += high if of_edge[e, LIVE + c] != 0 else 0.0
    for c in range(BLOCK):
        of_input = handed[e, HANDED + c] * powers[source, OF_INPUT + c]
        passes = (of_edge[e, LIVE + c] != 0) & (of_edge[e, KIND + c] < LIGHT)
        powers[target, OF_INPUT + c] += of_input if passes else 0.0
    for c in range(BLOCK):
        behind, correlation = powers[source, RELU + c], handed[e, HANDED + c] * powers[source, CORRELATION + c]
        added = behind if of_edge[e, KIND + c] >= LIGHT else correlation
        powers[target, CORRELATION + c] += added if of_edge[e, LIVE + c] != 0 else 0.0
    for c in range(BLOCK):
        depth = handed[e, HANDED + c] * powers[source, DEPTH + c] + (1.0 if of_edge[e, KIND + c] >= LIGHT else 0.0)
        powers[target, DEPTH + c] += depth if of_edge[e, LIVE + c] != 0 else 0.0


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
    of_edge: NDArray[np.int64],
    handed: NDArray[np.float64],
    of_node: NDArray[np.int64],
    powers: NDArray[np.float64],
    of_cell: NDArray[np.int64],
) -> None:
    """Write what is known of nodes from the output back, which edges are live, and what joins lead to the output."""
    output = len(of_node) - 1
    of_node[:, FROM:OF_NODE] = 0
    powers[:, GRADIENT:OF_POWER] = 0.0
    of_node[output, FROM:SKIPS], powers[output, GRADIENT:OF_POWER] = 1, 1.0
    for node in range(output + 1):
        of_node[node, REACHED:OF_NODE] = np.int64(1) << node
    of_cell[NEAR_OUTPUT:BY_KIND] = np.int64(1) << output
    for e in range(len(edges) - 1, -1, -1):
        source, target = edges[e, SOURCE], edges[e, TARGET]
        _back(e, source, target, of_edge, handed, of_node, powers, of_cell)
    of_node[:, SKIPPED:REACHED] = of_node[:, SKIPS:SKIPPED]


@jit
def _back(
    e: int,
    source: int,
    target: int,
    of_edge: NDArray[np.int64],
    handed: NDArray[np.float64],
    of_node: NDArray[np.int64],
    powers: NDArray[np.float64],
    of_cell: NDArray[np.int64],
) -> None:
    """Write whether an edge is live, and add to its source what is known of its target.

    A function of its own: of a loop that goes backwards over edges the compiler thinks that fields may overlap.
    """
    from_here, to_output = np.int64(1) << target, np.int64(target == len(of_node) - 1) << source
    for c in range(BLOCK):
        kind = of_edge[e, KIND + c]
        is_live = (kind != NONE) & (of_node[source, TO + c] > 0) & (of_node[target, FROM + c] > 0)
        of_edge[e, LIVE + c] = -np.int64(is_live)
    for sort in range(4):
        for c in range(BLOCK):
            along = -(ALONG[sort] >> of_edge[e, KIND + c] & 1) & of_edge[e, LIVE + c]
            of_node[source, FROM + BLOCK * sort + c] += of_node[target, FROM + BLOCK * sort + c] & along
    for c in range(BLOCK):
        kind, live = of_edge[e, KIND + c], of_edge[e, LIVE + c]
        of_node[source, REACHED + c] |= of_node[target, REACHED + c] & live
        skips = of_node[target, SKIPS + c] | from_here
        of_node[source, SKIPS + c] |= skips & live if kind <= SKIP else 0
        of_cell[NEAR_OUTPUT + c] |= to_output & live if kind == JOIN else 0
    for c in range(BLOCK):
        gradient = powers[target, GRADIENT + c] * handed[e, HANDED + c]
        powers[source, GRADIENT + c] += gradient if of_edge[e, LIVE + c] != 0 else 0.0


@jit
def _roles(
    edges: NDArray[np.int64],
    inputs: int,
    of_edge: NDArray[np.int64],
    of_node: NDArray[np.int64],
    of_cell: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> None:
    """Count live edges by role and kind, nodes and degrees; add up what is on paths, and shares of paths.

    An edge counts as often as paths go along it. An edge next to the input or the output is one that a join leads to.
    """
    output = len(of_node) - 1
    of_cell[:NEAR_INPUT], of_cell[BY_KIND:], shares[:] = 0, 0, 0.0
    of_cell[NEAR_INPUT:NEAR_OUTPUT] = (np.int64(1) << inputs) - 1
    is_there = np.zeros(BLOCK, np.int64)
    for e in range(len(edges)):
        source, target, length = edges[e, SOURCE], edges[e, TARGET], edges[e, LENGTH]
        if edges[e, FIRST] == e:
            is_there[:] = 0
        from_input, to_output = np.int64(source < inputs), np.int64(target == output)
        is_inner = np.int64(target != output and length > 0)
        for c in range(BLOCK):
            kind, live = of_edge[e, KIND + c], of_edge[e, LIVE + c]
            of_node[target, SKIPPED + c] |= of_node[source, SKIPPED + c] & live
            of_cell[PATH_SUMS + 3 * BLOCK + c] += of_node[source, TO + c] * of_node[target, FROM + c] * length & live
            of_cell[NODES + c] += is_inner & live & ~is_there[c]
            is_there[c] |= is_inner & live
            of_cell[INPUT_DEGREE + c] += from_input & live
            of_cell[OUTPUT_DEGREE + c] += to_output & live
            of_cell[NEAR_INPUT + c] |= (from_input & live) << target if kind == JOIN else 0
        if edges[e, HIGHEST] > JOIN:
            _operation(e, source, target, of_edge, of_node, of_cell, shares)


@jit
def _operation(
    e: int,
    source: int,
    target: int,
    of_edge: NDArray[np.int64],
    of_node: NDArray[np.int64],
    of_cell: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> None:
    """Count a live edge with an operation by kind, and what it adds to sums and shares of paths."""
    output = len(of_node) - 1
    for c in range(BLOCK):
        kind, live = of_edge[e, KIND + c], of_edge[e, LIVE + c]
        through = of_node[source, TO + c] * of_node[target, FROM + c] & live
        of_cell[PATH_SUMS + c] += through if kind >= LIGHT else 0
        of_cell[PATH_SUMS + BLOCK + c] += through if kind == POOL else 0
        of_cell[PATH_SUMS + 2 * BLOCK + c] += (through if kind == LIGHT else 0) + (4 * through if kind == FULL else 0)
        before = of_node[source, TO + 3 * BLOCK + c] if kind == POOL else of_node[source, TO + 2 * BLOCK + c]
        behind = of_node[target, FROM + 3 * BLOCK + c] if kind == POOL else of_node[target, FROM + 2 * BLOCK + c]
        is_around = of_node[source, SKIPPED + c] & of_node[target, REACHED + c] != 0
        role = (
            (of_cell[NEAR_INPUT + c] >> source & 1) << AT_INPUT
            | (of_cell[NEAR_OUTPUT + c] >> target & 1) << AT_OUTPUT
            | np.int64(through == of_node[output, TO + c]) << ON_EVERY_PATH
            | np.int64(is_around) << BYPASSED
            | np.int64((before > 0) & (behind > 0)) << CLEAN
        ) & live
        for of_kind in range(SKIP, FULL + 1):
            of_cell[BY_KIND + of_kind * BLOCK + c] += role if kind == of_kind else 0
    for c in range(BLOCK):
        kind, live = of_edge[e, KIND + c], of_edge[e, LIVE + c]
        is_light, is_full = (kind == LIGHT) & (live != 0), (kind == FULL) & (live != 0)
        to, on = max(of_node[source, TO + c], 1), max(of_node[target, FROM + c], 1)  # 0 of edges that are not live
        before = ratio(of_node[source, TO + 2 * BLOCK + c], to)
        behind = ratio(of_node[target, FROM + 2 * BLOCK + c], on)
        through = ratio(to * on, max(of_node[output, TO + c], 1))
        shares[c] += before if is_light else 0.0
        shares[BLOCK + c] += behind if is_light else 0.0
        shares[2 * BLOCK + c] += through if is_light else 0.0
        shares[3 * BLOCK + c] += before if is_full else 0.0
        shares[4 * BLOCK + c] += behind if is_full else 0.0
        shares[5 * BLOCK + c] += through if is_full else 0.0
