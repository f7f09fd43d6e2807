"""Functional classes: cells that compute the same network once dead edges and identities are gone.

The value of a node is a sum of terms, each as often as it comes in. An edge without an operation, or from a node
without a value, adds none; a skip connection adds the terms of its source. A convolution is a term of its own, since it
has weights of its own: one that comes in twice is not two of them. A pooling has none: of equal values it is the same
term. The input is a term too, and the cell's value is that of its last node.

So two cells compute the same if one's terms are the other's, whatever the convolutions are called. A cell is hashed in
two passes. From the input on, a term is hashed by its operation and what goes into it, a value by the sum of its terms:
the order of sums and the names of nodes do not matter. From the output back, the uses of a value are added up, which
tells one convolution that is used twice from two that look alike. A convolution hands its uses on scattered anew. A
pooling hands on a multiple, so that the uses of two equal poolings are those of one. That cells that compute different
things have different hashes is not certain, but proved by the tests.

What lies before the last node is the same in as many consecutive cells as there are choices of the edges into it. These
are hashed together, since the uses of a node depend only on the choices of the edges from it and from later ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit
from sedspace_kernels.parallel import split

NONE, SKIP = 0, 1
PARTS = 256
_INPUT, _OUTPUT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_KIND, _APART = np.uint64(0x8CB92BA72F3D8DD7), np.uint64(0x632BE59BD9B4E019)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_27, _30, _31, _56 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(56)
_ZERO, _ONE = np.uint64(0), np.uint64(1)


@jit
def _mix(x: np.uint64) -> np.uint64:
    """Scatter 64 bits over 64 bits (the finaliser of SplitMix64), 0 to 0."""
    if x == _ZERO:
        return _ZERO
    x ^= _APART  # or what comes of twice a number would often be twice what comes of the number
    x = (x ^ (x >> _30)) * _A
    x = (x ^ (x >> _27)) * _B
    return x ^ (x >> _31)


@jit
def _on(value: np.uint64, kind: np.uint64) -> np.uint64:
    """Return what an edge adds to the value of its target, 0 for nothing."""
    if kind == NONE or value == _ZERO:
        return _ZERO
    return value if kind == SKIP else _mix(value ^ kind * _KIND)


@jit
def _back(uses: np.uint64, term: np.uint64, kind: np.uint64, weightless: bool) -> np.uint64:
    """Return what an edge adds to the uses of its source, from those of its target; 0 for nothing."""
    if kind == SKIP:
        return uses
    if term == _ZERO:
        return _ZERO
    through = uses * (term | _ONE)
    return through if weightless else _mix(through)


@jit
def _values(
    sources: NDArray[np.int64], kind: NDArray[np.uint64], of_node: NDArray[np.uint64], of_edge: NDArray[np.uint64]
) -> None:
    """Write the hashes of what the first edges add, and of the nodes that these lead to."""
    of_node[0], node = _INPUT, 0
    for e in range(len(of_edge)):
        if sources[e] == 0:
            node += 1
            of_node[node] = _ZERO
        of_edge[e] = _on(of_node[sources[e]], kind[e])
        of_node[node] += of_edge[e]


@jit
def _cells_of_one_start(
    kind: NDArray[np.uint64],
    weightless: NDArray[np.bool_],
    kinds: NDArray[np.uint64],
    pools: NDArray[np.bool_],
    of_node: NDArray[np.uint64],
    of_edge: NDArray[np.uint64],
    uses: NDArray[np.uint64],
    out: NDArray[np.uint64],
) -> None:
    """Write the hashes of all cells that differ in the edges into the last node only; `uses` is by node and cell."""
    n = 1  # choices of the edges from later nodes
    uses[:, 0], out[0] = _ZERO, _ZERO
    for node in range(len(uses) - 1, -1, -1):
        for choice in range(len(kinds) - 1, -1, -1):  # the first, which takes the place of what all begin with, last
            on = _on(of_node[node], kinds[choice])
            back = _back(_OUTPUT, on, kinds[choice], pools[choice])
            own = on if kinds[choice] == SKIP else on + back
            cells = slice(choice * n, (choice + 1) * n)
            uses[: node + 1, cells], out[cells] = uses[: node + 1, :n], out[:n]
            uses[node, cells] += back
            out[cells] += own
        n *= len(kinds)
        for before in range(node):
            e = node * (node - 1) // 2 + before
            if of_edge[e] == _ZERO:
                continue
            for i in range(n):
                back = _back(uses[node, i], of_edge[e], kind[e], weightless[e])
                uses[before, i] += back
                out[i] += _ZERO if kind[e] == SKIP else back
    for i in range(n):
        out[i] += _mix(uses[0, i])


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
        Every pair of nodes, grouped by target, both ascending; node 0 is the input, the last target the output.
    kinds : uint64[choices]
        The same at every edge: `NONE`, `SKIP`, or any other number, one for each operation.
    weightless : bool[choices]
        Which of these give equal terms of equal values.
    out : uint64[n]
    """
    radix, last = len(kinds), targets[-1]
    edges, together = len(sources) - last, radix**last
    chosen = np.empty(edges, np.int64)
    at, rest = start % together, start // together
    for e in range(edges - 1, -1, -1):
        chosen[e] = rest % radix
        rest //= radix
    kind, pools = kinds[chosen], weightless[chosen]
    of_node, of_edge = np.empty(last, np.uint64), np.empty(edges, np.uint64)
    uses, of_cell = np.empty((last, together), np.uint64), np.empty(together, np.uint64)
    done = 0
    while done < len(out):
        _values(sources, kind, of_node, of_edge)
        _cells_of_one_start(kind, pools, kinds, weightless, of_node, of_edge, uses, of_cell)
        taken = min(together - at, len(out) - done)
        out[done : done + taken] = of_cell[at : at + taken]
        done, at = done + taken, 0
        for e in range(edges - 1, -1, -1):
            chosen[e] = (chosen[e] + 1) % radix
            kind[e], pools[e] = kinds[chosen[e]], weightless[chosen[e]]
            if chosen[e] > 0:
                break


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
    edges, last = len(sources), targets[-1]
    of_node, of_edge = np.empty(last + 1, np.uint64), np.empty(edges, np.uint64)
    kind, uses = np.empty(edges, np.uint64), np.empty(last + 1, np.uint64)
    for i in range(len(out)):
        for e in range(edges):
            kind[e] = kinds[cells[i, e]]
        _values(sources, kind, of_node, of_edge)
        uses[:], uses[last], out[i] = _ZERO, _OUTPUT, of_node[last]
        for e in range(edges - 1, -1, -1):
            back = _back(uses[targets[e]], of_edge[e], kind[e], weightless[cells[i, e]])
            uses[sources[e]] += back
            out[i] += _ZERO if kind[e] == SKIP else back
        out[i] += _mix(uses[0])


@jit
def _count(values: NDArray[np.uint64], counts: NDArray[np.int64]) -> None:
    """Count the values of each part."""
    for value in values:
        counts[np.int64(value >> _56)] += 1


@jit
def _sort(
    values: NDArray[np.uint64],
    lo: int,
    hi: int,
    places: NDArray[np.int64],
    by_part: NDArray[np.uint64],
    index: NDArray[np.int32],
) -> None:
    """Put values, and where they come from, to the next places of their parts."""
    for i in range(lo, hi):
        part = np.int64(values[i] >> _56)
        by_part[places[part]], index[places[part]] = values[i], i
        places[part] += 1


@jit
def _first(
    values: NDArray[np.uint64], index: NDArray[np.int32], slots: NDArray[np.int32], out: NDArray[np.int32]
) -> None:
    """Write where each value of one part first stands, by a table of open addresses, all of them -1 before."""
    mask = np.uint64(len(slots) - 1)
    for i in range(len(values)):
        slot = np.int64(values[i] & mask)
        while slots[slot] >= 0 and values[slots[slot]] != values[i]:
            slot = (slot + 1) & (len(slots) - 1)
        if slots[slot] < 0:
            slots[slot] = i
        out[index[i]] = index[slots[slot]]


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
    bounds = [len(values) * part // threads for part in range(threads + 1)]
    counts = np.zeros((threads, PARTS), np.int64)
    by_part, index = np.empty(len(values), np.uint64), np.empty(len(values), np.int32)
    out = np.empty(len(values), np.int32)

    def count(lo: int, hi: int) -> None:
        for part in range(lo, hi):
            _count(values[bounds[part] : bounds[part + 1]], counts[part])

    split(count, threads, threads, grain=1)
    ends = counts.T.cumsum().reshape(PARTS, threads).T
    places = np.ascontiguousarray(ends - counts)

    def sort(lo: int, hi: int) -> None:
        for part in range(lo, hi):
            _sort(values, bounds[part], bounds[part + 1], places[part], by_part, index)

    split(sort, threads, threads, grain=1)

    def find(lo: int, hi: int) -> None:
        for part in range(lo, hi):
            stop = int(ends[-1, part])
            start = stop - int(counts[:, part].sum())
            slots = np.full(1 << (2 * (stop - start)).bit_length(), -1, np.int32)
            _first(by_part[start:stop], index[start:stop], slots, out)

    split(find, PARTS, threads, grain=1)
    return out
