"""Pareto fronts of up to three objectives."""

from __future__ import annotations

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
