"""What a report says of how much can be learned from few measured architectures."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from sedspace.learning.curves import learning_curve
from sedspace.learning.features import PRIORS
from sedspace.learning.learners import AnyLearner
from sedspace.learning.measured import LEAST, Measured
from sedspace.report import pictures
from sedspace.report.numbers import number
from sedspace.report.page import Part, Table
from sedspace.spaces import Space

SIZES = 10, 25, 50, 100, 250
DRAWS = 5
ASKED = 1000
LEARNED = "learned (Gaussian process)"
_BESIDE = "sed", "live_sed", "propagated_sed", "params"


def learned(space: Space, column: str, index: pl.Series, accuracy: pl.Series, scores: pl.DataFrame) -> Iterator[Part]:
    """Yield the learning curve of a table of accuracies, if it has enough of them.

    Parameters
    ----------
    space : Space
    column : str
        What was measured.
    index, accuracy : polars.Series
        Ascending indices, and what was measured of them.
    scores : polars.DataFrame
        Data-free scores of the same architectures.
    """
    sizes = [size for size in SIZES if 2 * size <= len(index)]
    if not sizes or accuracy.n_unique() < LEAST:
        yield f"Too few accuracies to learn from: {len(index):,}, expected {2 * SIZES[0]}, of {LEAST} values or more."
        return
    rows = Measured(space, column, index.to_numpy(), accuracy.to_numpy())
    beside = {name: scores[name].to_numpy() for name in _BESIDE if name in scores.columns}
    models = {LEARNED: lambda rows: AnyLearner(rows, "gaussian", None, PRIORS[0], 0)}
    found = learning_curve(rows, models, beside, sizes, lambda _: DRAWS, most=ASKED)
    yield (
        f"What `sedspace fit` learns from few of these accuracies: Kendall's tau with those that it has not seen (at "
        f"most {ASKED:,} of them), the mean of {DRAWS} random draws and the standard deviation over them."
    )
    cells = {(size, name): (mean, sd) for size, name, _, _, mean, sd in found.iter_rows()}
    yield Table(
        ["learned from", *map(str, sizes)],
        [[name, *(_cell(*cells[size, name]) for size in sizes)] for name in (LEARNED, *beside)],
    )
    yield pictures.learning(column, found, LEARNED)


def _cell(mean: float, sd: float) -> str:
    return f"{number(mean)} ({number(sd)})"
