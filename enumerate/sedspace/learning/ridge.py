"""Ridge regression: the weights of columns, the penalty that predicts best, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedspace.learning.blas import one_thread

PENALTIES = tuple((10.0 ** np.arange(-1, 4, 0.5)).tolist())


@dataclass(frozen=True, eq=False)
class Ridge:
    """Weights of columns, and a constant.

    Attributes
    ----------
    weights, center : float64[columns]
    constant : float
        The prediction is ``constant + (columns - center) @ weights``.
    penalty : float
    noise : float
        The mean square of what is left over of a row that was left out.
    rows : int
    directions : float64[rank, columns]
    known : float64[rank]
        The singular values of the measured columns, by direction.
    """

    weights: NDArray[np.float64]
    center: NDArray[np.float64]
    constant: float
    penalty: float
    noise: float
    rows: int
    directions: NDArray[np.float64]
    known: NDArray[np.float64]

    @classmethod
    def learned(
        cls,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        penalties: Sequence[float] = PENALTIES,
        nonnegative: NDArray[np.bool_] | None = None,
    ) -> Ridge:
        """Return the ridge regression of y on columns x, of the penalty with the least error when a row is left out.

        The weights of some columns may have to be 0 or more, the penalty being chosen as if they had not.

        What is left over of a row that is left out needs no second fit: it is what is left over of the row, divided by
        one minus its leverage. See G. H. Golub, M. Heath, G. Wahba: Generalized cross-validation as a method for
        choosing a good ridge parameter. Technometrics 21, 1979.
        """
        center, constant = x.mean(axis=0), float(y.mean())
        with one_thread(min(x.shape)):
            left, known, right = np.linalg.svd(x - center, full_matrices=False)
        some = known > 1e-10 * max(float(known.max(initial=0.0)), 1e-300)
        left, known, right = left[:, some], known[some], right[some]
        rotated = left.T @ (y - constant)
        best, chosen = np.inf, penalties[0]
        for penalty in penalties:
            kept = known**2 / (known**2 + penalty)
            leverage = 1 / len(y) + left**2 @ kept
            error = ((y - constant - left @ (kept * rotated)) / np.maximum(1 - leverage, 1e-9)) ** 2
            if error.mean() < best:
                best, chosen = float(error.mean()), penalty
        weights = right.T @ (known / (known**2 + chosen) * rotated)
        if nonnegative is not None and (weights[nonnegative] < 0).any():
            within = x - center
            gram = within.T @ within + chosen * np.eye(x.shape[1])
            weights = _not_below_0(gram, within.T @ (y - constant), nonnegative)
        return cls(weights, center, constant, chosen, best, len(y), right, known)

    def predicted(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is predicted of rows."""
        predicted: NDArray[np.float64] = self.constant + (x - self.center) @ self.weights
        return predicted

    def deviation(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far predictions may be off, noise aside: standard deviations under normal weights."""
        away = x - self.center
        along = away @ self.directions.T
        less = 1 / (self.known**2 + self.penalty) - 1 / self.penalty
        variance = 1 / self.rows + (away**2).sum(axis=1) / self.penalty + along**2 @ less
        out: NDArray[np.float64] = np.sqrt(self.noise * np.maximum(variance, 0.0))
        return out

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return what a file holds of it."""
        numbers = np.array([self.constant, self.penalty, self.noise, self.rows])
        parts = {"weights": self.weights, "column_center": self.center, "directions": self.directions}
        return {**parts, "known": self.known, "numbers": numbers}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.float64]]) -> Ridge:
        """Return the regression that a file holds."""
        constant, penalty, noise, rows = arrays["numbers"].tolist()
        weights, center, directions = (arrays[name] for name in ("weights", "column_center", "directions"))
        return cls(weights, center, constant, penalty, noise, int(rows), directions, arrays["known"])


def _not_below_0(
    gram: NDArray[np.float64], moments: NDArray[np.float64], bounded: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the least w of ``w @ gram @ w / 2 - moments @ w`` whose `bounded` parts are 0 or more.

    By the active set of C. L. Lawson, R. J. Hanson: Solving least squares problems. Prentice-Hall 1974, algorithm NNLS.
    """
    some, weights = ~bounded, np.zeros(len(moments))
    for _ in range(10 * len(moments)):  # as a rule, once for each that is not 0
        while True:
            best = np.zeros(len(moments))
            best[some] = np.linalg.solve(gram[np.ix_(some, some)], moments[some])
            below = some & bounded & (best <= 0)
            if not below.any():
                break
            way = np.min(weights[below] / (weights[below] - best[below]))
            weights += way * (best - weights)
            some &= ~(bounded & (weights <= 1e-12))
        weights = best
        slope = np.where(bounded & ~some, moments - gram @ weights, 0.0)
        if slope.max(initial=0.0) <= 1e-10 * np.abs(moments).max(initial=0.0):
            break
        some[slope.argmax()] = True
    return weights
