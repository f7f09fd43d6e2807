"""The features of a cell, written from what `sedspace_kernels.topology` has found out of its block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit
from sedspace_kernels.topology_layout import (
    AT_INPUT,
    AT_OUTPUT,
    BLOCK,
    BY_KIND,
    FAR,
    FULL,
    GRADIENT,
    LIGHT,
    LIVE,
    ON_EVERY_PATH,
    PACKED,
    PATH_SUMS,
    POOL,
    POWER_HIGH,
    POWER_LOW,
    ROLE_MOST,
    ROW,
    SKIP,
    TO,
)


@jit
def ratio(a: float, b: float) -> float:
    """Divide by what is not 0: a plain division might raise."""
    return float(np.divide(a, b))


@jit
def write_counts(
    of_edge: NDArray[np.int64],
    table: NDArray[np.int64],
    of_live: bool,
    width: int,
    out: NDArray[np.float64],
    i: int,
    count: int,
    at: int,
) -> None:
    """Write what edges add up to, or live ones only."""
    for word in range(table.shape[1]):
        for c in range(count):
            total = np.int64(0)
            for e in range(len(of_edge)):
                total += table[of_edge[e, ROW + c], word] & (of_edge[e, LIVE + c] if of_live else -1)
            for lane in range(word * PACKED, min(width, (word + 1) * PACKED)):
                out[i + c, at + lane] = total & 0xFF
                total >>= 8


@jit
def write_paths(
    of_node: NDArray[np.int64],
    sums: NDArray[np.int16],
    least: int,
    most: int,
    none: int,
    out: NDArray[np.float64],
    i: int,
    c: int,
    at: int,
) -> None:
    """Write how many paths there are of each sort, and their least and greatest sums; `none` if there is no path."""
    output = len(of_node) - 1
    for sort in range(4):
        out[i + c, at + sort] = of_node[output, BLOCK * sort + c]
    for lane in range(least):
        out[i + c, at + 4 + lane] = sums[output, c, lane] if sums[output, c, lane] < FAR else none
    for lane in range(least, least + most):
        out[i + c, at + 4 + lane] = -np.int64(sums[output, c, lane])


@jit
def write_roles(of_cell: NDArray[np.int64], out: NDArray[np.float64], i: int, c: int, at: int) -> None:
    """Write what `_roles` found: sums, then roles."""
    for number in range(7):
        out[i + c, at + number] = of_cell[BLOCK * number + c]
    for kind in range(4):
        role = of_cell[BY_KIND + BLOCK * (SKIP + kind) + c]
        out[i + c, at + 7 + kind] = role >> AT_INPUT & ROLE_MOST
        out[i + c, at + 11 + kind] = role >> AT_OUTPUT & ROLE_MOST
    pools = of_cell[BY_KIND + BLOCK * POOL + c]
    convolutions = of_cell[BY_KIND + BLOCK * LIGHT + c] + of_cell[BY_KIND + BLOCK * FULL + c]
    for role in range(3):
        out[i + c, at + 15 + role] = pools >> (ON_EVERY_PATH + 12 * role) & ROLE_MOST
        out[i + c, at + 18 + role] = convolutions >> (ON_EVERY_PATH + 12 * role) & ROLE_MOST


@jit
def write_shares(
    of_node: NDArray[np.int64],
    of_cell: NDArray[np.int64],
    shares: NDArray[np.float64],
    out: NDArray[np.float64],
    i: int,
    c: int,
    at: int,
) -> None:
    """Write shares of paths, summed over convolutions of each size, and the mean of their sum over paths."""
    output, convolutions = len(of_node) - 1, of_cell[PATH_SUMS + c]
    paths = of_node[output, TO + c]
    for part in range(6):
        out[i + c, at + part] = shares[BLOCK * part + c]
    depth = ratio(convolutions, paths)
    out[i + c, at + 6] = depth
    without = of_node[output, TO + 3 * BLOCK + c]
    out[i + c, at + 7] = ratio(paths - without, depth) if convolutions > 0 else 0.0


@jit
def write_powers(inputs: int, powers: NDArray[np.float64], out: NDArray[np.float64], i: int, c: int, at: int) -> None:
    """Write what becomes of the powers of the inputs, and of what is carried along in proportion to them."""
    output = len(powers) - 1
    low, high = powers[output, POWER_LOW + c], powers[output, POWER_HIGH + c]
    out[i + c, at], out[i + c, at + 1] = low, high
    for part in range(2, 5):
        out[i + c, at + part] = ratio(powers[output, BLOCK * part + c], low + high)
    gradient = 0.0
    for node in range(inputs):
        gradient += powers[node, GRADIENT + c]
    out[i + c, at + 5] = gradient
