"""Pareto fronts: of up to three objectives, and of labels of any number of columns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit


@jit
def _on_front(points: NDArray[np.number], out: NDArray[np.bool_]) -> None:
    """Go through sorted points; keep a staircase of the (second, third) objectives that nothing so far beats.

    The staircase ascends by the second objective and descends by the third. A point is beaten by an earlier one exactly
    if the last step that is not beyond its second objective is not beyond its third either.
    """
    second = np.empty(len(points), points.dtype)
    third = np.empty(len(points), points.dtype)
    steps = 0
    for i in range(len(points)):
        if i > 0 and np.all(points[i] == points[i - 1]):
            out[i] = out[i - 1]
            continue
        y, z = points[i, 1], points[i, 2]
        behind = np.searchsorted(second[:steps], y, side="right")
        out[i] = behind == 0 or third[behind - 1] > z
        if out[i]:
            steps = _insert(second, third, steps, behind, y, z)


@jit
def _insert(second: NDArray[np.number], third: NDArray[np.number], steps: int, behind: int, y: float, z: float) -> int:
    """Put a step into the staircase, in place of those that it beats; return how many steps there are then."""
    start = behind - 1 if behind > 0 and second[behind - 1] == y else behind
    end = behind
    while end < steps and third[end] >= z:
        end += 1
    rest_second, rest_third = second[end:steps].copy(), third[end:steps].copy()
    second[start], third[start] = y, z
    after = start + 1 + steps - end
    second[start + 1 : after], third[start + 1 : after] = rest_second, rest_third
    return after


def front(points: NDArray[np.number]) -> NDArray[np.bool_]:
    """Return which points no other beats.

    Parameters
    ----------
    points : number[n, 3]
        Less is better. Sorted by the first objective, then the second, then the third.

    Returns
    -------
    bool[n]
        Equal points are on the front together.
    """
    out = np.empty(len(points), np.bool_)
    _on_front(np.ascontiguousarray(points), out)
    return out


_GRID = 1 << 23  # cells of a grid of all but one column
_CELLS = 16  # points that are compared in the time that a cell takes


def undominated(points: NDArray[np.int64], strict: NDArray[np.bool_], comparisons: int) -> NDArray[np.bool_] | None:
    """Return which of some different points none other dominates.

    A point dominates another if it is nowhere greater, and less in a strict column: by a column that is not strict
    alone no point is lost.

    Parameters
    ----------
    points : int64[n, columns]
        Less is better. Any number of columns.
    strict : bool[columns]
    comparisons : int
        How many points may be compared with each other, where that is needed.

    Returns
    -------
    bool[n] or None
        None if there are too many to compare.
    """
    ranks, varied = [], []
    for column in range(points.shape[1]):
        levels, rank = np.unique(points[:, column], return_inverse=True)
        if len(levels) > 1:
            varied.append(len(levels))
            ranks.append((rank, bool(strict[column])))
    if not any(is_strict for _, is_strict in ranks):
        return np.ones(len(points), np.bool_)
    order = np.argsort(varied, kind="stable")
    ranks, shape = [ranks[i] for i in order], [varied[i] for i in order[:-1]]
    if math.prod(shape) <= min(_GRID, len(points) ** 2 // _CELLS):
        return ~_beaten_on_grid(ranks, shape)
    points = np.stack([rank for rank, _ in ranks], axis=-1)
    out = np.ones(len(points), np.bool_)
    order = np.lexsort(points.T[::-1])
    sorted_out = np.empty(len(points), np.bool_)
    done = _keep_undominated(points[order], np.array([is_strict for _, is_strict in ranks]), sorted_out, comparisons)
    out[order] = sorted_out
    return out if done else None


def _beaten_on_grid(ranks: list[tuple[NDArray[np.intp], bool]], shape: list[int]) -> NDArray[np.bool_]:
    """Return which points are dominated, by the least last column that any point has up to each cell of the others."""
    *others, (last, last_is_strict) = ranks
    least = np.full(math.prod(shape), len(last), np.int64)
    cell = np.zeros(len(last), np.intp)
    for (rank, _), length in zip(others, shape, strict=True):
        cell = cell * length + rank
    np.minimum.at(least, cell, last)
    grid = least.reshape(shape)
    for axis in range(len(shape)):
        np.minimum.accumulate(grid, axis=axis, out=grid)
    least = grid.reshape(-1)
    beaten = least[cell] < last if last_is_strict else np.zeros(len(last), np.bool_)
    step = 1
    for (rank, is_strict), length in zip(others[::-1], shape[::-1], strict=True):
        if is_strict:
            further = np.flatnonzero(rank > 0)
            beaten[further] |= least[cell[further] - step] <= last[further]
        step *= length
    return beaten


@jit
def _keep_undominated(
    points: NDArray[np.int64], strict: NDArray[np.bool_], out: NDArray[np.bool_], comparisons: int
) -> bool:
    """Compare sorted points with those that are kept so far; return whether the comparisons did."""
    kept = np.empty(len(points), np.int64)
    n = 0
    for i in range(len(points)):
        out[i] = True
        for k in range(n - 1, -1, -1):
            j = kept[k]
            nowhere_greater, is_less = True, False
            for c in range(points.shape[1]):
                if points[j, c] > points[i, c]:
                    nowhere_greater = False
                    break
                if strict[c] and points[j, c] < points[i, c]:
                    is_less = True
            comparisons -= 1
            if nowhere_greater and is_less:
                out[i] = False
                break
        if comparisons < 0:
            return False
        if out[i]:
            kept[n] = i
            n += 1
    return True
