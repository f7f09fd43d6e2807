"""All cells of NAS-Bench-101, generated from nothing and up to isomorphism.

A cell is a directed acyclic graph on n vertices, 0 the input and n - 1 the output, every vertex on a way from the one
to the other, with an operation on each vertex between them. It is written as *edge bits* (bit ``x + y (y - 1) / 2`` is
the edge x -> y, x < y) and *labels* (one operation per vertex between, the first most significant).

Of all ways to number the vertices along the edges, the canonical one has the least edge bits, and among those the least
labels. That is a complete invariant: an isomorphism is a bijection of the vertices that keeps edges and labels and so
carries one cell's set of numberings, and with it the least one, over to the other's. So the canonical cells are found
one by one, with nothing to compare: a graph is canonical if no numbering of it has lower bits, and a labelling of it if
no automorphism of the graph lowers it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit

MAX_VERTICES = 7
MAX_EDGES = 9
OPERATIONS = 3
_LABELS = OPERATIONS ** (MAX_VERTICES - 2)
_BITS = MAX_VERTICES * (MAX_VERTICES - 1) // 2


def permutations(n: int) -> NDArray[np.int64]:
    """Return all orders of the n - 2 vertices between input and output as int64[(n - 2)!, n], the identity first."""
    from itertools import permutations as orders

    return np.array([(0, *order, n - 1) for order in orders(range(1, n - 1))], np.int64)


@jit
def _renumbered(n: int, bits: int, order: NDArray[np.int64]) -> int:
    """Return the edge bits after vertex v has become ``order[v]``, or -1 if an edge would lead backwards."""
    out = 0
    for y in range(1, n):
        for x in range(y):
            if bits >> (x + y * (y - 1) // 2) & 1:
                a, b = order[x], order[y]
                if a >= b:
                    return -1
                out |= 1 << (a + b * (b - 1) // 2)
    return out


@jit
def _relabelled(n: int, labels: int, order: NDArray[np.int64]) -> int:
    """Return the labels after vertex v has become ``order[v]``."""
    out = 0
    for v in range(n - 2, 0, -1):
        power = 1
        for _ in range(n - 2 - order[v]):
            power *= 3
        out += labels % 3 * power
        labels //= 3
    return out


@jit
def _connected(n: int, bits: int) -> bool:
    """Return whether every vertex is on a way from the input to the output."""
    forward, backward = 1, 1 << (n - 1)
    for y in range(1, n):
        for x in range(y):
            if bits >> (x + y * (y - 1) // 2) & 1 and forward >> x & 1:
                forward |= 1 << y
    for x in range(n - 2, -1, -1):
        for y in range(x + 1, n):
            if bits >> (x + y * (y - 1) // 2) & 1 and backward >> y & 1:
                backward |= 1 << x
    return forward & backward == (1 << n) - 1


@jit
def _edges(bits: int) -> int:
    """Return the number of edges."""
    out = 0
    while bits:
        out += bits & 1
        bits >>= 1
    return out


@jit
def _of_graph(n: int, bits: int, orders: NDArray[np.int64], out: NDArray[np.int64], found: int) -> int:
    """Append the canonical labellings of a graph to `out` if it is canonical itself; return how many there are then."""
    same = np.empty(len(orders), np.int64)
    count = 0
    for i in range(len(orders)):
        other = _renumbered(n, bits, orders[i])
        if 0 <= other < bits:
            return found
        if other == bits:
            same[count] = i
            count += 1
    total = 1
    for _ in range(n - 2):
        total *= 3
    for labels in range(total):
        least = True
        for i in range(count):
            if _relabelled(n, labels, orders[same[i]]) < labels:
                least = False
                break
        if least:
            if found < len(out):
                out[found] = key(n, bits, labels)
            found += 1
    return found


@jit
def key(n: int, bits: int, labels: int) -> int:
    """Return one integer for a cell; keys ascend by vertices, then edge bits, then labels."""
    return (n << 21 | bits) * 243 + labels


@jit
def generate(n: int, orders: NDArray[np.int64], out: NDArray[np.int64]) -> int:
    """Write the keys of all canonical cells of n vertices, ascending.

    Parameters
    ----------
    n : int
    orders : int64[(n - 2)!, n]
        What `permutations` returns.
    out : int64[capacity]

    Returns
    -------
    int
        How many cells there are; only as many as fit were written.
    """
    found = 0
    for bits in range(1 << (n * (n - 1) // 2)):
        if _edges(bits) <= MAX_EDGES and _connected(n, bits):
            found = _of_graph(n, bits, orders, out, found)
    return found


@jit
def canonical(n: int, bits: int, labels: int, orders: NDArray[np.int64]) -> int:
    """Return the key of the canonical numbering of a cell."""
    best = key(n, bits, labels)
    for i in range(len(orders)):
        other = _renumbered(n, bits, orders[i])
        if other >= 0:
            best = min(best, key(n, other, _relabelled(n, labels, orders[i])))
    return best


@jit
def unpack(
    keys: NDArray[np.int64],
    vertices: NDArray[np.integer],
    adjacency: NDArray[np.integer],
    operations: NDArray[np.integer],
) -> None:
    """Write what keys stand for.

    Parameters
    ----------
    keys : int64[cells]
    vertices : integer[cells]
    adjacency : integer[cells, 7, 7]
        1 where there is an edge from row to column.
    operations : integer[cells, 7]
        -1 for the input, -2 for the output and beyond, else the label.
    """
    for i in range(len(keys)):
        labels, rest = keys[i] % 243, keys[i] // 243
        n, bits = rest >> 21, rest & ((1 << 21) - 1)
        vertices[i] = n
        adjacency[i] = 0
        operations[i] = -2
        operations[i, 0] = -1
        for v in range(n - 2, 0, -1):
            operations[i, v] = labels % 3
            labels //= 3
        for y in range(1, n):
            for x in range(y):
                adjacency[i, x, y] = bits >> (x + y * (y - 1) // 2) & 1


@jit
def vertex_channels(n: int, adjacency: NDArray[np.integer], c_in: int, c_out: int, out: NDArray[np.int64]) -> None:
    """Write the channels of each vertex: those that feed the output share its channels, others take what they feed."""
    out[:] = 0
    out[0], out[n - 1] = c_in, c_out
    feeding = 0
    for v in range(1, n - 1):
        if adjacency[v, n - 1]:
            feeding += 1
    if n == 2 or feeding == 0:
        return
    rest = c_out % feeding
    for v in range(1, n - 1):
        if adjacency[v, n - 1]:
            out[v] = c_out // feeding + (1 if rest > 0 else 0)
            rest -= 1
    for v in range(n - 3, 0, -1):
        if not adjacency[v, n - 1]:
            for to in range(v + 1, n - 1):
                if adjacency[v, to]:
                    out[v] = max(out[v], out[to])


@jit
def _cell_weights(
    n: int,
    adjacency: NDArray[np.integer],
    kernels: NDArray[np.int64],
    c_in: int,
    c_out: int,
    channels: NDArray[np.int64],
) -> tuple[int, int]:
    """Return the convolution weights of a cell and the channels that its BatchNorms scale."""
    vertex_channels(n, adjacency, c_in, c_out, channels)
    weights, scaled = 0, 0
    for v in range(1, n):
        c = channels[v]
        if adjacency[0, v]:  # from the input every edge is a projection
            weights += c_in * c
            scaled += c
        if v < n - 1 and kernels[v]:
            weights += kernels[v] * kernels[v] * c * c
            scaled += c
    return weights, scaled


@jit
def costs(
    vertices: NDArray[np.integer],
    adjacency: NDArray[np.integer],
    kernels: NDArray[np.int64],
    params: NDArray[np.integer],
    macs: NDArray[np.integer],
) -> None:
    """Write trainable parameters and multiply-accumulates of the CIFAR-10 network of each cell.

    Stem of 128 channels, three stacks of three cells with 128, 256 and 512 channels, halving before the second and
    third stack, a dense layer (arXiv 1902.09635, section 2).

    Parameters
    ----------
    vertices : integer[cells]
    adjacency : integer[cells, 7, 7]
    kernels : int64[cells, 7]
        The kernel of the convolution at each vertex, 0 if there is none.
    params, macs : int64[cells]
    """
    channels = np.empty(MAX_VERTICES, np.int64)
    for i in range(len(vertices)):
        total, multiplied = 27 * 128 + 2 * 128, 27 * 128 * 32 * 32
        c_in = 128
        for stack in range(3):
            c_out, side = 128 << stack, 32 >> stack
            for _ in range(3):
                weights, scaled = _cell_weights(vertices[i], adjacency[i], kernels[i], c_in, c_out, channels)
                total += weights + 2 * scaled
                multiplied += weights * side * side
                c_in = c_out
        params[i] = total + 512 * 10 + 10
        macs[i] = multiplied + 512 * 10 + 10
