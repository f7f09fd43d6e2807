"""The tables of benchmarks that a directory may hold: measured accuracies, and scores of the same architectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sedspace.errors import BadInput
from sedspace.report.architectures import data_free
from sedspace.report.statistics import Judgement, judge
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.tables import read_table, refuse_repeated, with_index

TABLES = {
    "tss": ("nats_tss.parquet", ("cifar10_test", "cifar100_test", "imagenet16_test")),
    "sss": ("nats_sss.parquet", ("cifar10_test", "cifar100_test", "imagenet16_test")),
}
DARTS_TABLE, DARTS_COLUMN = "nb301_1218.parquet", "cifar10_val_surrogate"
HARDWARE_TABLE = "hw_nas_bench_cifar10.parquet"


@dataclass(frozen=True)
class Benchmark:
    """A space, and by index the accuracies and the data-free scores of all its architectures."""

    space: Space
    accuracies: pl.DataFrame
    scores: pl.DataFrame

    def judged(self, score: str, column: str) -> Judgement:
        """Return how well a score predicts a column of accuracies."""
        judged = judge(self.scores[score], self.accuracies[column], self.accuracies["index"])
        assert judged is not None
        return judged

    def best_accuracy(self, column: str) -> float:
        """Return the best of a column of accuracies."""
        return float(self.accuracies[column].to_numpy().max())


Benchmarks = Mapping[str, Benchmark | None]
"""By the names in `TABLES`, None where the table is not there."""


def benchmarks_in(tables: Path) -> Benchmarks:
    """Return the benchmarks whose tables are in a directory."""
    return {name: _benchmark(tables / file, find_space(name), columns) for name, (file, columns) in TABLES.items()}


def _benchmark(path: Path, space: Space, columns: Sequence[str]) -> Benchmark | None:
    if not path.is_file():
        return None
    keyed = by_index(path, space, columns).sort("index")
    if len(keyed) != space.size:
        raise BadInput(f"table {path} has {len(keyed)} architectures of {space.name}, expected all {space.size}")
    return Benchmark(space, keyed, data_free(space, keyed["index"]))


def check_columns(path: Path, table: pl.DataFrame, columns: Sequence[str]) -> None:
    """Raise `BadInput` if a table lacks one of some columns."""
    for column in columns:
        if column not in table.columns:
            raise BadInput(f"table {path} has no column {column}: it has {', '.join(table.columns)}")


def by_index(path: Path, space: Space, columns: Sequence[str] = ()) -> pl.DataFrame:
    """Return a table by index, those columns only if any are named."""
    table = read_table(path)
    check_columns(path, table, columns)
    keyed, _ = with_index(table, space, "refuse", what=f"table {path}")
    refuse_repeated(keyed, space)
    return keyed.select("index", *columns) if columns else keyed
