"""Learning curves: how well what was not measured is predicted, by how much was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace import draws
from sedspace.correlation import rank_correlation
from sedspace.learning.learners import Learner
from sedspace.learning.measured import Measured


def learning_curve(
    rows: Measured,
    models: Mapping[str, Callable[[Measured], Learner]],
    scores: Mapping[str, NDArray[np.float64]],
    sizes: Sequence[int],
    repeats: Callable[[int], int],
    *,
    most: int | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Return how what models and scores say of rows that were not learned from agrees with what was measured.

    Parameters
    ----------
    rows : Measured
    models : mapping
        What learns, by name.
    scores : mapping
        What learns nothing: float64[n] by name.
    sizes : sequence of int
        How many random rows are learned from; fewer than there are.
    repeats : callable
        From a size to how many draws.
    most : int, optional
        Ask for this many of the other rows only, at random. Default: all.
    seed : int, default 0

    Returns
    -------
    polars.DataFrame
        For each ``size`` and ``score`` the means of ``spearman`` and ``kendall`` over the draws, and their standard
        deviations as ``..._sd``: NaN of one draw.
    """
    learners = {name: start(rows) for name, start in models.items()}
    out = []
    for size in sizes:
        each: dict[str, list[tuple[float, float]]] = {name: [] for name in (*learners, *scores)}
        for repeat in range(repeats(size)):
            order = draws.arrays(draws.mixed_seed(seed, size, repeat)).permutation(len(rows))
            known, asked = np.sort(order[:size]), np.sort(order[size:][:most])
            said = {name: learner.predict(known, asked) for name, learner in learners.items()}
            for name, values in (said | {name: of[asked] for name, of in scores.items()}).items():
                found = rank_correlation(values, rows.values[asked])
                each[name].append((found.spearman, found.kendall))
        for name, pairs in each.items():
            mean, sd = np.mean(pairs, axis=0), np.full(2, np.nan)
            if len(pairs) > 1:
                sd = np.std(pairs, axis=0, ddof=1)
            out.append((size, name, mean[0], sd[0], mean[1], sd[1]))
    columns = ("spearman", "spearman_sd", "kendall", "kendall_sd")
    schema = {"size": pl.Int64(), "score": pl.String(), **dict.fromkeys(columns, pl.Float64())}
    return pl.DataFrame(out, schema, orient="row")
