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
def hashes(
    digits: NDArray[Any], sources: NDArray[np.int64], targets: NDArray[np.int64], kinds: NDArray[Any], out: NDArray[Any]
) -> None:
    """Write the hash of the value of each cell, 0 if it has none.

    Parameters
    ----------
    digits : unsigned integer[n, edges]
    sources, targets : int64[edges]
        In an order in which a node is a target before it is a source; node 0 is the input, the last target the output.
    kinds : uint64[choices]
        `NONE`, `SKIP`, or any other number, one for each operation.
    out : uint64[n]
    """
    nodes = targets[-1] + 1
    value = np.empty(nodes, np.uint64)
    terms = np.empty(nodes, np.int64)
    for i in range(len(digits)):
        value[:] = _ZERO
        terms[:] = 0
        value[0], terms[0] = _TOKEN, 1
        for e in range(len(sources)):
            s, t, kind = sources[e], targets[e], kinds[digits[i, e]]
            if terms[s] == 0 or kind == NONE:
                continue
            value[t] += value[s] if kind == SKIP else _mix(_mix(value[s]) ^ kind)
            terms[t] += terms[s] if kind == SKIP else 1
        out[i] = value[nodes - 1]


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
