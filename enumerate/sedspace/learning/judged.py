"""How well predictions do on what they have not seen: repeated cross-validation, the same folds for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace import draws
from sedspace.correlation import rank_correlation
from sedspace.statistics import best_share, ndcg

FOLDS = 5

Floats = NDArray[np.float64]
Predict = Callable[[NDArray[np.intp], NDArray[np.intp]], Floats]
"""From the rows to learn from and the rows to predict to what is predicted of these."""


@dataclass(frozen=True)
class Figures:
    """How well one order of architectures agrees with what was measured: see `Fit.judgement`."""

    spearman: float
    kendall: float
    spearman_best: float
    ndcg: float
    regret: float


def figures(predicted: Floats, measured: Floats, less: bool = False) -> Figures:
    """Return how well predictions agree with measurements; `less` says that less of these is better.

    Examples
    --------
    >>> figures(np.array([1.0, 3.0, 2.0]), np.array([50.0, 60.0, 70.0])).regret
    10.0
    """
    if less:
        predicted, measured = -predicted, -measured
    ranks = rank_correlation(predicted, measured)
    best = best_share(measured, np.arange(len(measured)))
    known = np.isfinite(predicted)
    if not known.any():
        return Figures(math.nan, math.nan, math.nan, math.nan, math.nan)
    found = measured[known][np.argmax(predicted[known])]
    among = rank_correlation(predicted[best], measured[best]).spearman if len(best) else math.nan
    gain = ndcg(predicted[known], measured[known])
    return Figures(ranks.spearman, ranks.kendall, among, gain, float(measured.max() - found))


def folds(rows: int, seed: int, repeat: int, parts: int = FOLDS) -> list[NDArray[np.intp]]:
    """Return the rows of each fold of a repeat: a random division into parts that are as large as they can."""
    order = draws.arrays(draws.mixed_seed(seed, repeat)).permutation(rows)
    return [np.sort(part) for part in np.array_split(order, parts)]


def judged(
    measured: Floats, predict: Mapping[str, Predict], others: Mapping[str, Floats], repeats: int, seed: int, less: bool
) -> pl.DataFrame:
    """Return how well models and scores agree with measurements.

    Parameters
    ----------
    measured : float64[n]
    predict : mapping
        The models by name. What is predicted of all rows, fold by fold, is judged together.
    others : mapping
        Scores that learn nothing: float64[n] by name.
    repeats : int
    seed : int
    less : bool
        Whether less of what was measured is better.

    Returns
    -------
    polars.DataFrame
        A row for each: ``score``, the means of `Figures`, and their standard deviations over the repeats as ``..._sd``;
        of scores that learn nothing 0, of one repeat null. What is undefined is null.
    """
    out = []
    parts = [folds(len(measured), seed, repeat) for repeat in range(repeats)]
    for name, model in predict.items():
        each = [figures(_left_out(model, part, len(measured)), measured, less) for part in parts]
        out.append(_row(name, each))
    out += [_row(name, [figures(values, measured, less)] * repeats) for name, values in others.items()]
    return as_judgement(out)


def as_judgement(rows: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    """Return rows, or columns, as `judged` returns them."""
    frame = pl.DataFrame(rows, strict=False)
    return frame.with_columns(pl.exclude("score").cast(pl.Float64).fill_nan(None))


def _left_out(predict: Predict, parts: list[NDArray[np.intp]], rows: int) -> Floats:
    """Return what is predicted of each row by what has learned from the other folds."""
    out = np.full(rows, np.nan)
    for part in parts:
        if len(part):
            out[part] = predict(np.setdiff1d(np.arange(rows), part), part)
    return out


def _row(name: str, each: list[Figures]) -> dict[str, str | float | None]:
    row: dict[str, str | float | None] = {"score": name}
    for figure in asdict(each[0]):
        values = np.array([getattr(one, figure) for one in each])
        row |= {figure: float(values.mean()), f"{figure}_sd": float(values.std(ddof=1)) if len(values) > 1 else None}
    return row
