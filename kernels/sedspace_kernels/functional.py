"""Functional classes: cells that compute the same network once dead edges and identities are gone.

The value of a node is the multiset of its terms. An edge without an operation, or from a node without a value, adds
none; a skip connection adds the terms of its source; any other operation adds one term, itself applied to the value of
its source. The input's value is a token of its own, and the cell's value is that of its last node.

A term is hashed to 64 bits and a multiset to the sum of its terms' hashes, so that neither the order of summation nor
the names of nodes matter. That different values have different hashes is not certain but proved by the tests, by
comparison with exact normal forms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels._jit import jit, split

NONE, SKIP = 0, 1
PARTS = 16
_TOKEN = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_27, _30, _31 = np.uint64(27), np.uint64(30), np.uint64(31)
_ZERO = np.uint64(0)


@jit
def _mix(x: Any) -> Any:
    """Scatter 64 bits over 64 bits, one to one (the finaliser of SplitMix64)."""
    x = (x ^ (x >> _30)) * _A
    x = (x ^ (x >> _27)) * _B
    return x ^ (x >> _31)


@jit
def _ends(
    prefix: int,
    inner: int,
    sources: NDArray[np.int64],
    targets: NDArray[np.int64],
    kinds: NDArray[Any],
    value: NDArray[Any],
    chosen: NDArray[np.int64],
    out: NDArray[Any],
) -> None:
    """Write the hashes of all cells whose first `inner` edges are those of an index `prefix`, in order."""
    radix = len(kinds)
    for e in range(inner - 1, -1, -1):
        chosen[e] = prefix % radix
        prefix //= radix
    value[:] = _ZERO
    value[0] = _TOKEN
    for e in range(inner):
        value[targets[e]] += _term(value[sources[e]], kinds[chosen[e]])
    out[0] = _ZERO
    length = 1
    for e in range(
        inner, len(sources)
    ):  # every cell of the edges so far, from the last on, becomes one for each choice
        for i in range(length - 1, -1, -1):
            base = out[i]
            for choice in range(radix):
                out[i * radix + choice] = base + _term(value[sources[e]], kinds[choice])
        length *= radix


@jit
def _term(value: Any, kind: Any) -> Any:
    """Return what an edge adds to its target: of a node without a value, whose hash is 0, nothing."""
    if value == _ZERO or kind == NONE:
        return _ZERO
    return value if kind == SKIP else _mix(_mix(value) ^ kind)


@jit
def hashes(
    start: int, sources: NDArray[np.int64], targets: NDArray[np.int64], kinds: NDArray[Any], out: NDArray[Any]
) -> None:
    """Write the hashes of the values of consecutive cells, 0 if they have none.

    Parameters
    ----------
    start : int
        The index of the first cell: its choices as digits, the first edge most significant.
    sources, targets : int64[edges]
        Grouped by target, ascending; node 0 is the input, the last target the output.
    kinds : uint64[choices]
        The same at every edge: `NONE`, `SKIP`, or any other number, one for each operation.
    out : uint64[n]
    """
    inner = 0
    while targets[inner] < targets[-1]:
        inner += 1
    size = len(kinds) ** (len(sources) - inner)
    value = np.empty(targets[-1] + 1, np.uint64)
    chosen = np.empty(len(sources), np.int64)
    ends = np.empty(size, np.uint64)
    done = 0
    while done < len(out):
        prefix, skipped = (start + done) // size, (start + done) % size
        _ends(prefix, inner, sources, targets, kinds, value, chosen, ends)
        length = min(size - skipped, len(out) - done)
        out[done : done + length] = ends[skipped : skipped + length]
        done += length


@jit
def _first(values: NDArray[Any], part: int, slots: NDArray[Any], places: NDArray[Any], out: NDArray[Any]) -> None:
    """Write where each value of one part first stands, by a table of open addresses."""
    mask = np.uint64(len(slots) - 1)
    for i in range(len(values)):
        value = values[i]
        if value % np.uint64(PARTS) != np.uint64(part):
            continue
        slot = np.int64((value // np.uint64(PARTS)) & mask)
        while places[slot] >= 0 and slots[slot] != value:
            slot = (slot + 1) & (len(slots) - 1)
        if places[slot] < 0:
            slots[slot], places[slot] = value, i
        out[i] = places[slot]


def first_places(values: NDArray[Any], threads: int) -> NDArray[np.int32]:
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
