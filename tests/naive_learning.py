"""Textbook twins of what learns: explicit inverses and sums over pairs, nothing of sedspace."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np


def normal_scores(values):
    """The normal quantile of the mean rank of each value among all."""
    normal = statistics.NormalDist()
    out = []
    for value in values:
        below, equal = sum(v < value for v in values), sum(v == value for v in values)
        out.append(normal.inv_cdf((below + equal / 2) / len(values)))
    return out


def gaussian_kernel(length, signal):
    """The kernel of two architectures by features and priors."""
    return lambda x, p, y, q: signal * math.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / length) + p * q


def gaussian_process(x, prior, y, asked, asked_prior, kernel, noise):
    """The mean and the standard deviation of a Gaussian process, by the explicit inverse of the kernel's matrix."""
    rows = range(len(y))
    matrix = np.array([[kernel(x[i], prior[i], x[j], prior[j]) + noise * (i == j) for j in rows] for i in rows])
    inverse = np.linalg.inv(matrix)
    mean, deviation = [], []
    for one, p in zip(asked, asked_prior, strict=True):
        near = np.array([kernel(one, p, x[i], prior[i]) for i in rows])
        mean.append(near @ inverse @ y)
        deviation.append(math.sqrt(kernel(one, p, one, p) - near @ inverse @ near))
    return mean, deviation


def most_likely(x, prior, y):
    """The length, signal and noise of the greatest marginal likelihood on the grid, by determinant and inverse."""
    rows = range(len(y))
    squared = [sum((a - b) ** 2 for a, b in zip(x[i], x[j], strict=True)) for i in rows for j in range(i)]
    best = -math.inf, None
    for times in (0.3, 1, 3, 10):
        for signal in (0.3, 1, 3):
            for noise in (0.03, 0.1, 0.3, 1):
                kernel = gaussian_kernel(2 * statistics.median(squared) * times, signal)
                matrix = np.array(
                    [[kernel(x[i], prior[i], x[j], prior[j]) + noise * (i == j) for j in rows] for i in rows]
                )
                likely = -y @ np.linalg.inv(matrix) @ y / 2 - np.linalg.slogdet(matrix)[1] / 2
                if likely > best[0]:
                    best = likely, (2 * statistics.median(squared) * times, signal, noise)
    return best[1]


def ridge(x, y, penalty, asked):
    """Ridge regression with a constant that is not held back, by the normal equations, and its deviations."""
    center = x.mean(axis=0)
    away = x - center
    inverse = np.linalg.inv(away.T @ away + penalty * np.eye(x.shape[1]))
    weights = inverse @ away.T @ (y - y.mean())
    apart = asked - center
    variance = [1 / len(y) + row @ inverse @ row for row in apart]
    return y.mean() + apart @ weights, np.sqrt(variance)


def ridge_not_below_0(x, y, penalty, bounded):
    """The weights of ridge regression of which some must be 0 or more: the best of all choices of those that are 0."""
    away, of = x - x.mean(axis=0), y - y.mean()
    best, found = np.inf, None
    for zeros in itertools.product(*([False, True] if one else [False] for one in bounded)):
        some = np.flatnonzero(~np.array(zeros))
        weights, own = np.zeros(x.shape[1]), away[:, some]
        weights[some] = np.linalg.inv(own.T @ own + penalty * np.eye(len(some))) @ own.T @ of
        loss = ((of - away @ weights) ** 2).sum() + penalty * (weights**2).sum()
        if loss < best and not any(must and w < 0 for must, w in zip(bounded, weights, strict=True)):
            best, found = loss, weights.tolist()
    return found


def left_out_error(x, y, penalty):
    """The mean square of what is left over of each row, if its columns are kept and its value is forgotten.

    That is a fit to all rows in which its own value is the one that is predicted of it.
    """
    errors = []
    for i in range(len(y)):
        said = []
        for value in (0.0, 1.0):
            known = y.copy()
            known[i] = value
            said.append(ridge(x, known, penalty, x[i : i + 1])[0][0])
        own = said[0] / (1 - (said[1] - said[0]))  # what is predicted goes straight with the value
        errors.append((y[i] - own) ** 2)
    return float(np.mean(errors))
