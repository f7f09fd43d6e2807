"""A Gaussian process: near architectures are alike, and what is far from all that was measured is uncertain.

The kernel of two architectures with features x, y and priors p, q (normal scores of a zero-shot score) is ``signal *
exp(-|x - y|^2 / length) + p * q``; measurements are normal scores of their ranks, with independent noise. The greatest
marginal likelihood on a grid chooses length, signal and noise. See C. E. Rasmussen, C. K. I. Williams: Gaussian
Processes for Machine Learning. MIT Press 2006, algorithm 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedspace import draws
from sedspace.errors import BadInput
from sedspace.learning.blas import one_thread
from sedspace_kernels.gaussian import posterior

LENGTHS = (0.3, 1.0, 3.0, 10.0)  # times twice the median squared distance of what was measured
SIGNALS = (0.3, 1.0, 3.0)
NOISES = (0.03, 0.1, 0.3, 1.0)
CHOOSING = 500  # rows that choose among these


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A Gaussian process that has seen some architectures.

    Attributes
    ----------
    known : float32[features, m]
    known_prior, weights : float64[m]
    root : float64[m, m]
        As `sedspace_kernels.gaussian.posterior` has them.
    length, signal, noise : float
    """

    known: NDArray[np.float32]
    known_prior: NDArray[np.float64]
    weights: NDArray[np.float64]
    root: NDArray[np.float64]
    length: float
    signal: float
    noise: float

    @classmethod
    def learned(cls, x: NDArray[np.float64], prior: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> Gaussian:
        """Return the process that has seen features x, priors and normal scores y, of the best marginal likelihood.

        Of more than `CHOOSING` rows a random part chooses length, signal and noise; all of them are learned from.
        """
        some = np.arange(len(y))
        if len(y) > CHOOSING:
            some = np.sort(draws.arrays(seed).permutation(len(y))[:CHOOSING])
        with one_thread(len(some)):
            length, signal, noise = _most_likely(squared_distances(x[some]), prior[some], y[some])
        with one_thread(len(y)):
            matrix = signal * np.exp(-squared_distances(x) / length) + np.outer(prior, prior) + noise * np.eye(len(x))
            root = np.tril(np.linalg.inv(np.linalg.cholesky(matrix)))
            weights, known = root.T @ (root @ y), np.ascontiguousarray(x.T, np.float32)
        return cls(known, prior, weights, np.ascontiguousarray(root.T), length, signal, noise)

    @property
    def width(self) -> int:
        """How many features and priors there must be."""
        return len(self.known) + 1

    def predicted(
        self, x: NDArray[np.float64], prior: NDArray[np.float64], *, deviation: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and, if asked for, standard deviations (without noise), as normal scores."""
        mean, spread = np.empty(len(x)), np.empty(len(x) if deviation else 0)
        posterior(
            np.ascontiguousarray(x, np.float32),
            prior,
            self.known,
            self.known_prior,
            self.length,
            self.signal,
            self.weights,
            self.root,
            mean,
            spread,
        )
        return mean, spread

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a file holds of it."""
        return {
            "known": self.known,
            "known_prior": self.known_prior,
            "weights": self.weights,
            "root": self.root,
            "hyperparameters": np.array([self.length, self.signal, self.noise]),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Gaussian:
        """Return the process that a file holds."""
        length, signal, noise = arrays["hyperparameters"].tolist()
        known = np.ascontiguousarray(arrays["known"], np.float32)
        names = ("known_prior", "weights", "root")
        prior, weights, root = (np.ascontiguousarray(arrays[name], np.float64) for name in names)
        if not (known.shape[1:] == prior.shape == weights.shape == root.shape[1:] and len(root) == len(weights)):
            raise BadInput("its arrays do not fit together")
        return cls(known, prior, weights, root, length, signal, noise)

    def described(self) -> dict[str, float]:
        """Return its hyperparameters."""
        return {"length": self.length, "signal": self.signal, "noise": self.noise}


def squared_distances(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared distance of every two rows."""
    squares = (x**2).sum(axis=1)
    out: NDArray[np.float64] = np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0.0)
    np.fill_diagonal(out, 0.0)
    return out


def _most_likely(
    squared: NDArray[np.float64], prior: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return the length, signal and noise of the greatest marginal likelihood."""
    median = float(np.median(squared[np.triu_indices(len(y), 1)])) or 1.0
    best, chosen = -np.inf, (1.0, 1.0, 1.0)
    for times, signal in product(LENGTHS, SIGNALS):
        length = 2 * median * times
        plain = signal * np.exp(-squared / length) + np.outer(prior, prior)
        for noise in NOISES:
            found = log_likelihood(plain + noise * np.eye(len(y)), y, noise)
            if found > best:
                best, chosen = found, (length, signal, noise)
    return chosen


def log_likelihood(matrix: NDArray[np.float64], y: NDArray[np.float64], noise: float) -> float:
    """Return the logarithm of the density of y under a normal distribution, but for a constant.

    The Cholesky factor of the matrix with y for one more row and column has, as its last row, what solves the factor
    itself for y: nothing else needs to be solved. The corner is more than y's square can reach.

    Parameters
    ----------
    matrix : float64[m, m]
        Of no eigenvalue below `noise`.
    y : float64[m]
    noise : float
    """
    corner = float(y @ y) / noise + 1.0
    factor = np.linalg.cholesky(np.block([[matrix, y[:, None]], [y[None, :], np.full((1, 1), corner)]]))
    return float(-0.5 * (factor[-1, :-1] ** 2).sum() - np.log(np.diag(factor)[:-1]).sum())
