"""Functional classes: cells that compute the same network once dead edges and identities are gone.

The value of a node is a sum of terms, each as often as it comes in. An edge without an operation, or from a node
without a value, adds none; a skip connection adds the terms of its source. A convolution is a term of its own, since it
has weights of its own: one that comes in twice is not two of them. A pooling has none: of equal values it is the same
term. The input is a term too, and the cell's value is that of its last node.

So a cell is a graph of terms, and two cells compute the same if their graphs are, whatever the terms are called. A
graph is hashed in two passes: from the input on, a term by its operation and what goes into it; from the output back,
by where it goes, which tells one term that is used twice from two that look alike. The order of sums and the names of
nodes do not matter. That different graphs have different hashes is not certain, but proved by the tests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit
from sedspace_kernels.parallel import split

NONE, SKIP = 0, 1
PARTS = 16
_TOKEN = np.uint64(0x9E3779B97F4A7C15)
_ROOT = np.uint64(0xD1B54A32D192ED03)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_27, _30, _31 = np.uint64(27), np.uint64(30), np.uint64(31)
_ZERO = np.uint64(0)


@jit
def _mix(x: np.uint64) -> np.uint64:
    """Scatter 64 bits over 64 bits, one to one (the finaliser of SplitMix64)."""
    x = (x ^ (x >> _30)) * _A
    x = (x ^ (x >> _27)) * _B
    return x ^ (x >> _31)


@jit
def _times(term: np.uint64, often: int) -> np.uint64:
    """Return what a term adds to the hash of a value in which it comes so often."""
    return _mix(term + np.uint64(often) * _TOKEN)


@jit
def _hash_of(value: NDArray[np.int64], of_term: NDArray[np.uint64]) -> np.uint64:
    """Return the hash of a value, 0 if it has no terms."""
    total = _ZERO
    for t in range(len(value)):
        if value[t] > 0:
            total += _times(of_term[t], value[t])
    return total


@jit
def _same_pooling(e: int, sources: NDArray[np.int64], kind: NDArray[np.uint64], value: NDArray[np.int64]) -> int:
    """Return the first edge that pools the same value in the same way."""
    for before in range(e):
        if kind[before] == kind[e] and np.array_equal(value[sources[before]], value[sources[e]]):
            return before
    return e


@jit
def _hash_forward(
    first: int,
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    kind: NDArray[np.uint64],
    weightless: NDArray[np.bool_],
    value: NDArray[np.int64],
    of_node: NDArray[np.uint64],
    forward: NDArray[np.uint64],
) -> None:
    """Make the values of all nodes from the target of an edge on; the term of edge e is number e + 1, the input 0."""
    for e in range(first, len(sources)):
        source, target = sources[e], targets[e]
        if source == 0:  # all that goes into the node before is known
            of_node[target - 1] = _hash_of(value[target - 1], forward)
            value[target] = 0
        if kind[e] == NONE or of_node[source] == _ZERO:
            continue
        if kind[e] == SKIP:
            value[target] += value[source]
            continue
        term = 1 + (_same_pooling(e, sources, kind, value) if weightless[e] else e)
        value[target, term] += 1
        forward[term] = _mix(_mix(of_node[source]) ^ kind[e])


@jit
def _hash_backward(
    sources: NDArray[np.int64], value: NDArray[np.int64], forward: NDArray[np.uint64], backward: NDArray[np.uint64]
) -> np.uint64:
    """Return the hash of the graph of terms that lead to the last node, 0 if there are none."""
    root = value[-1]
    for t in range(len(root)):
        backward[t] = _times(_ROOT, root[t]) if root[t] > 0 else _ZERO
    total = _ZERO
    for e in range(len(sources) - 1, -1, -1):  # what a term goes into comes later
        if backward[e + 1] == _ZERO:
            continue
        whole = _mix(_mix(backward[e + 1]) ^ forward[e + 1])
        total += whole
        source = value[sources[e]]
        for t in range(e + 1):
            if source[t] > 0:
                backward[t] += _times(whole, source[t])
    return total if backward[0] == _ZERO else total + _mix(backward[0] ^ _TOKEN)


@jit
def hashes(
    start: int,
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    kinds: NDArray[np.uint64],
    weightless: NDArray[np.bool_],
    out: NDArray[np.uint64],
) -> None:
    """Write the hashes of consecutive cells, 0 if they have no value.

    Parameters
    ----------
    start : int
        The index of the first cell: its choices as digits, the first edge most significant.
    sources, targets : int64[edges]
        Grouped by target, ascending; node 0 is the input, the last target the output.
    kinds : uint64[choices]
        The same at every edge: `NONE`, `SKIP`, or any other number, one for each operation.
    weightless : bool[choices]
        Which of these give equal terms of equal values.
    out : uint64[n]
    """
    radix, edges = len(kinds), len(sources)
    chosen = np.empty(edges, np.int64)
    for e in range(edges - 1, -1, -1):
        chosen[e] = start % radix
        start //= radix
    kind, pools = kinds[chosen], weightless[chosen]
    value = np.zeros((targets[-1] + 1, edges + 1), np.int64)
    forward, backward = np.zeros(edges + 1, np.uint64), np.zeros(edges + 1, np.uint64)
    of_node = np.zeros(targets[-1] + 1, np.uint64)
    value[0, 0], forward[0] = 1, _TOKEN
    first = 0  # of the edges into the first node that is not as in the cell before
    for i in range(len(out)):
        _hash_forward(first, sources, targets, kind, pools, value, of_node, forward)
        out[i] = _hash_backward(sources, value, forward, backward)
        e = edges - 1
        while e > 0 and chosen[e] == radix - 1:
            chosen[e], kind[e], pools[e] = 0, kinds[0], weightless[0]
            e -= 1
        chosen[e] = (chosen[e] + 1) % radix
        kind[e], pools[e] = kinds[chosen[e]], weightless[chosen[e]]
        first = e - sources[e]


@jit
def hashes_of(
    cells: NDArray[np.unsignedinteger],
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    kinds: NDArray[np.uint64],
    weightless: NDArray[np.bool_],
    out: NDArray[np.uint64],
) -> None:
    """Write the hashes of any cells: as `hashes` does.

    Parameters
    ----------
    cells : unsigned integer[n, edges]
        The operation of every edge, by its number in `kinds`.
    sources, targets, kinds, weightless, out
        As those of `hashes`.
    """
    edges = len(sources)
    value = np.zeros((targets[-1] + 1, edges + 1), np.int64)
    forward, backward = np.zeros(edges + 1, np.uint64), np.zeros(edges + 1, np.uint64)
    of_node = np.zeros(targets[-1] + 1, np.uint64)
    value[0, 0], forward[0] = 1, _TOKEN
    kind, pools = np.empty(edges, np.uint64), np.empty(edges, np.bool_)
    for i in range(len(out)):
        for e in range(edges):
            kind[e], pools[e] = kinds[cells[i, e]], weightless[cells[i, e]]
        _hash_forward(0, sources, targets, kind, pools, value, of_node, forward)
        out[i] = _hash_backward(sources, value, forward, backward)


@jit
def _first(
    values: NDArray[np.uint64], part: int, slots: NDArray[np.uint64], firsts: NDArray[np.int32], out: NDArray[np.int32]
) -> None:
    """Write where each value of one part first stands, by a table of open addresses."""
    mask = np.uint64(len(slots) - 1)
    for i in range(len(values)):
        value = values[i]
        if value % np.uint64(PARTS) != np.uint64(part):
            continue
        slot = np.int64((value // np.uint64(PARTS)) & mask)
        while firsts[slot] >= 0 and slots[slot] != value:
            slot = (slot + 1) & (len(slots) - 1)
        if firsts[slot] < 0:
            slots[slot], firsts[slot] = value, i
        out[i] = firsts[slot]


def first_equals(values: NDArray[np.uint64], threads: int) -> NDArray[np.int32]:
    """Return for each of many values where an equal one first stands.

    Parameters
    ----------
    values : uint64[n]
        Scattered, as hashes are; fewer than 2^31.
    threads : int

    Returns
    -------
    int32[n]
    """
    out = np.empty(len(values), np.int32)
    size = 1 << max(4, (2 * len(values) // PARTS).bit_length() + 1)

    def work(lo: int, hi: int) -> None:
        for part in range(lo, hi):
            _first(values, part, np.empty(size, np.uint64), np.full(size, -1, np.int32), out)

    split(work, PARTS, threads, grain=1)
    return out
