"""What of a cell is live: sums over the edges that are on a way from its input to its output, and who can tell them.

A cell is a complete graph: nodes in order, 0 the input, the last one the output, an edge from every node to every later
one, by target node, sources ascending. An edge passes or does not (its operation is none). It is live if it is on a way
of passing edges from the input to the output: if it passes, its source is reached from the input, and its target
reaches the output.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit
from sedspace_kernels.machine import Steps, trimmed

_BLOCK = 1 << 16  # entries of the tables of the last edges: they should stay in the cache


@jit
def _reached(
    digits: NDArray[np.integer],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    passes: NDArray[np.bool_],
    edges: int,
) -> np.int64:
    """Return the nodes that the input reaches by the first edges: a set as bits."""
    reached = np.int64(1)
    for e in range(edges):
        if passes[e, digits[e]] and reached >> sources[e] & 1:
            reached |= np.int64(1) << targets[e]
    return reached


@jit
def sums_of_cells(
    digits: NDArray[np.unsignedinteger],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    passes: NDArray[np.bool_],
    table: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Write what the live edges of each cell add up to.

    Parameters
    ----------
    digits : unsigned integer[n, edges]
    sources, targets : int64[edges]
        The last target is the output; at most 63 nodes.
    passes : bool[edges, choices]
        Whether an edge passes, by its choice.
    table : int64[edges, choices]
        What it adds if it is live.
    out : int64[n]
    """
    edges = len(sources)
    for i in range(len(digits)):
        reached = _reached(digits[i], sources, targets, passes, edges)
        onward = np.int64(1) << targets[-1]  # the nodes that reach the output
        total = np.int64(0)
        for e in range(edges - 1, -1, -1):
            if passes[e, digits[i, e]] and reached >> sources[e] & 1 and onward >> targets[e] & 1:
                onward |= np.int64(1) << sources[e]
                total += table[e, digits[i, e]]
        out[i] = total


def last_edges(radices: NDArray[np.int64], nodes: int) -> int:
    """Return how many of the last edges, all of them to the output, `blocks` should tabulate: at least one."""
    low, size = 1, int(radices[-1]) << 1
    while low < nodes - 1 and radices[-1 - low] > 1 and (size := size * int(radices[-1 - low]) << 1) <= _BLOCK:
        low += 1
    return low


@jit
def blocks(
    radices: NDArray[np.int64], passes: NDArray[np.bool_], table: NDArray[np.int64], low: int
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Return what the last edges of all cells do, by which of their sources are reached.

    Parameters
    ----------
    radices : int64[edges]
    passes, table
        As `sums_of_cells` has them.
    low : int
        How many edges: `last_edges`.

    Returns
    -------
    passing : uint16[sources reached, cells of a block]
        Which of them pass: sets as bits.
    added : int64[sources reached, cells of a block]
        What these add.
    """
    high = len(radices) - low
    size = 1
    for e in range(high, len(radices)):
        size *= radices[e]
    passing = np.zeros((1 << low, size), np.uint16)
    added = np.zeros((1 << low, size), np.int64)
    for into in range(1 << low):
        for block in range(size):
            left = block
            for bit in range(low - 1, -1, -1):
                e = high + bit
                choice = left % radices[e]
                left //= radices[e]
                if into >> bit & 1 and passes[e, choice]:
                    passing[into, block] |= 1 << bit
                    added[into, block] += table[e, choice]
    return passing, added


@jit
def sums_of_range(
    first: NDArray[np.int64],
    radices: NDArray[np.int64],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    passes: NDArray[np.bool_],
    table: NDArray[np.int64],
    passing: NDArray[np.uint16],
    added: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Do what `sums_of_cells` does for consecutive cells.

    While the last edges change, the rest of the cell stays: what is live of it depends only on which of the last edges
    pass, of those that come from nodes reached. So all cells of such a block are one addition of two table entries.

    Parameters
    ----------
    first : int64[edges]
        The digits of the first cell.
    radices : int64[edges]
    sources, targets, passes, table
        As `sums_of_cells` has them.
    passing, added
        What `blocks` returns.
    out : int64[n]
        One entry for each cell from the first on.
    """
    low = 0
    while 1 << low < passing.shape[0]:
        low += 1
    high = len(radices) - low
    current = first.copy()
    rest = np.zeros(passing.shape[0], np.int64)
    at = 0
    for e in range(high, len(radices)):
        at = int(at * radices[e] + first[e])
    done = 0
    while done < out.size:
        reached = _reached(current, sources, targets, passes, high)
        into = (reached >> sources[high]) & ((1 << low) - 1)
        for some in range(1 << low):
            if some & ~into == 0:
                rest[some] = _sum_of_rest(current, sources, targets, passes, table, high, reached, some)
        count = min(out.size - done, passing.shape[1] - at)
        target, onto, plus = out[done : done + count], passing[into, at:], added[into, at:]
        for i in range(count):
            target[i] = rest[onto[i]] + plus[i]
        done += count
        at = 0
        _go_on(current, radices, high)


@jit
def _go_on(digits: NDArray[np.int64], radices: NDArray[np.int64], high: int) -> None:
    """Turn the first digits into the next ones."""
    for e in range(high - 1, -1, -1):
        digits[e] += 1
        if digits[e] < radices[e]:
            break
        digits[e] = 0


@jit
def _sum_of_rest(
    digits: NDArray[np.int64],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    passes: NDArray[np.bool_],
    table: NDArray[np.int64],
    high: int,
    reached: np.int64,
    some: int,
) -> np.int64:
    """Return what the live edges before the last ones add, if `some` of the sources of these reach the output."""
    onward = np.int64(1) << targets[-1] | np.int64(some) << sources[high]
    total = np.int64(0)
    for e in range(high - 1, -1, -1):
        if passes[e, digits[e]] and reached >> sources[e] & 1 and onward >> targets[e] & 1:
            onward |= np.int64(1) << sources[e]
            total += table[e, digits[e]]
    return total


def machine(nodes: int, limit: int) -> tuple[Steps, list[NDArray[np.bool_]]]:
    """Return a machine that knows of each edge, when it is read, whether it is live if it passes.

    It begins with a guess of the set L of live inner nodes, of which exactly one comes true. Its states are L; which
    earlier nodes outside L are reached; which nodes of L have an edge on to a live node; and whether the target that is
    being read is reached yet. A reached node outside L must have no edge on to a live node, and every node of L must be
    reached and have one. States from which everything goes on alike are one.

    Parameters
    ----------
    nodes : int
        Two or more.
    limit : int
        How many states an edge may have, at most 2^20. There are ``(4^k + 2^k) / 2``, with k inner nodes.

    Returns
    -------
    steps : list of int32[states, 2]
        For each edge the state that an edge that does not pass (0), or passes (1), leads to; -1 if that is impossible.
    live : list of bool[states]
        Whether an edge that passes is live.

    Raises
    ------
    OverflowError
        If there would be more states; its argument is their number.
    """
    guesses = 1 << (nodes - 2)
    if (most := guesses * (guesses + 1) // 2) > limit:
        raise OverflowError(most)
    states = _state(np.arange(guesses, dtype=np.int64) << 1, 0, 0, 0, nodes)
    steps: Steps = []
    live: list[NDArray[np.bool_]] = []
    for target in range(1, nodes):
        for source in range(target):
            led, is_live = _read(states, source, target, nodes)
            on = led >= 0
            states, number = np.unique(led[on], return_inverse=True)
            step = np.full(led.shape, -1, np.int32)
            step[on] = number
            steps.append(step)
            live.append(is_live)
    steps, kept = trimmed(steps)
    return _merged(steps, [one[left] for one, left in zip(live, kept, strict=True)])


Bits = NDArray[np.int64]
"""For each state a set of nodes as bits, or 0 or 1."""


def _state(chosen: Bits, outside: Bits | int, served: Bits | int, reached: Bits | int, nodes: int) -> Bits:
    """Return states: L; the nodes outside it that are reached; those of L with an edge on; if the target is reached."""
    return chosen | outside << nodes | served << 2 * nodes | reached << 3 * nodes


def _read(states: Bits, source: int, target: int, nodes: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where an edge that does not pass, or does, leads to, int64[states, 2], and whether it is live then."""
    every = (1 << nodes) - 1
    chosen, outside, served = (states >> field * nodes & every for field in range(3))
    reached = states >> 3 * nodes
    live = chosen | 1 | 1 << (nodes - 1)  # the input and the output count as live
    from_live, from_outside, to_live = live >> source & 1, outside >> source & 1, live >> target & 1
    is_live = from_live & to_live
    serves = is_live << source if source else 0
    not_passed = _closed(chosen, outside, served, reached, source, target, nodes)
    passed = _closed(chosen, outside, served | serves, reached | from_live | from_outside, source, target, nodes)
    passed[(from_outside & to_live) == 1] = -1
    return np.stack([not_passed, passed], axis=1), is_live == 1


def _closed(
    chosen: Bits, outside: Bits, served: Bits, reached: Bits, source: int, target: int, nodes: int
) -> NDArray[np.int64]:
    """Return the states after an edge: if it is the last one to its target, what holds of that is settled, or -1."""
    if source < target - 1:
        return _state(chosen, outside, served, reached, nodes)
    if target == nodes - 1:
        return np.where(served == chosen, 0, -1)
    is_live = chosen >> target & 1
    states = _state(chosen, outside | (reached & ~is_live) << target, served, 0, nodes)
    return np.where(is_live > reached, -1, states)


def _merged(
    steps: Sequence[NDArray[np.int32]], live: Sequence[NDArray[np.bool_]]
) -> tuple[Steps, list[NDArray[np.bool_]]]:
    """Return a machine in which states that everything goes on alike from are one, but for those to begin in."""
    number = np.zeros(1, np.int32)
    out: Steps = []
    kept: list[NDArray[np.bool_]] = []
    for position in range(len(steps) - 1, -1, -1):
        onward = np.where(steps[position] < 0, np.int32(-1), number[steps[position]])
        told = np.column_stack([onward, live[position] & (onward[:, 1] >= 0)])
        if position:
            told, of = np.unique(told, axis=0, return_inverse=True)
            number = of.reshape(-1).astype(np.int32)
        out.append(np.ascontiguousarray(told[:, :2].astype(np.int32)))
        kept.append(told[:, 2].astype(np.bool_))
    return out[::-1], kept[::-1]
