"""The tables of accuracies that a directory may hold, and scores of the same architectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from sedspace.errors import BadInput
from sedspace.report.architectures import data_free, without_dead_operations
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.statistics import Judgement, judge
from sedspace.tables import read_table, refuse_repeated, with_index

HARDWARE_TABLE = "hw_nas_bench_cifar10.parquet"
_TESTS = "cifar10_test", "cifar100_test", "imagenet16_test"
_TASKS = "class_scene", "class_object", "jigsaw", "room_layout", "autoencoder", "normal", "segmentsemantic"
_SMALL = "c100_base_acc", "flower_base_acc", "chaoyang_base_acc"  # ViT-Bench-101's data sets
_DISTILLED = "c100_kd_acc", "flower_kd_acc", "chaoyang_kd_acc"
_IDENTIFIED, _CHOSEN = "identified", "chosen"  # from figures published on a table; by what is best on it


@dataclass(frozen=True)
class AccuracyTable:
    """A table of accuracies, as it is published, and which scores had been made with it before.

    Attributes
    ----------
    name : str
        That of its file, without ``.parquet``.
    space : str
    columns : tuple of str
        More is better of each.
    key : tuple of str
        The columns that together, in this order, are the text of an architecture.
    whole : bool
        Whether all architectures of the space must be in it.
    fractions : bool
        Whether accuracies are fractions, which are made percentages.
    part : mapping of str to str
        The scores that it had a part in, and which. For all others its architectures are held out.
    peers : str, optional
        The space that published correlations of proxies with the same accuracies are of.
    datasets : tuple of str
        What published figures call the columns. Default: the columns, without ``_test``.
    """

    name: str
    space: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ("arch",)
    whole: bool = False
    fractions: bool = False
    part: Mapping[str, str] = field(default_factory=dict)
    peers: str | None = None
    datasets: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.name}.parquet"

    def dataset(self, column: str) -> str:
        """Return what published figures call a column."""
        return dict(zip(self.columns, self.datasets, strict=False)).get(column, column.removesuffix("_test"))

    def part_said(self) -> str:
        """Return what is said of its part in scores."""
        return ", ".join(f"`{score}` {how}" for score, how in self.part.items()) or "held out"


ACCURACY_TABLES = {
    table.name: table
    for table in (
        AccuracyTable(
            "nats_tss", "tss", _TESTS, whole=True, part={"sed": _IDENTIFIED, "propagated_sed": _CHOSEN}, peers="tss"
        ),
        AccuracyTable(
            "nb201_zero_cost_cifar10",
            "tss",
            ("val_accuracy",),
            part={"sed": _IDENTIFIED, "propagated_sed": _CHOSEN},  # its cells are some of tss
            datasets=("cifar10",),
        ),
        AccuracyTable("nats_sss", "sss", _TESTS, whole=True, part={"sed": _IDENTIFIED}),
        AccuracyTable(
            "nb101_20k",
            "nb101",
            ("val_acc_108ep",),
            key=("adjacency", "ops"),
            fractions=True,
            part={"propagated_sed": "chosen on half"},
            peers="nb101",
            datasets=("cifar10",),
        ),
        AccuracyTable(
            "nb301_1218",
            "darts",
            ("cifar10_val_surrogate",),
            key=("genotype",),
            part={"sed": "identified (one figure)", "propagated_sed": _CHOSEN},
            peers="darts",
            datasets=("cifar10",),
        ),
        AccuracyTable("transnas101_micro", "transnas_micro", _TASKS, peers="transnas_micro"),
        AccuracyTable("transnas101_macro", "transnas_macro", _TASKS, peers="transnas_macro"),
        AccuracyTable("darts_214_trained", "darts", ("cifar10_test_acc",), key=("genotype",)),
        AccuracyTable("nas_bench_macro", "nas_bench_macro", ("cifar10_test",), whole=True, part={"sed": _CHOSEN}),
        AccuracyTable(
            "accel_nasbench_half",
            "mnasnet",
            ("imagenet_val_top1_proxy",),
            part={"sed": _CHOSEN},
            datasets=("imagenet",),
        ),
        AccuracyTable("nas_bench_bert_half", "flexibert", ("glue",)),
        AccuracyTable("vit_bench_autoformer_tiny_half", "autoformer_tiny", (*_DISTILLED, "imagenet_super_acc")),
        AccuracyTable("vit_bench_pit", "pit", (*_SMALL, *_DISTILLED)),
    )
}
"""By name; a new one is a line here."""


@dataclass(frozen=True)
class Benchmark:
    """A table of accuracies as it was read: by index its accuracies, and the data-free scores of its architectures."""

    table: AccuracyTable
    space: Space
    accuracies: pl.DataFrame
    scores: pl.DataFrame

    def judged(self, score: str, column: str) -> Judgement:
        """Return how well a score predicts a column of accuracies."""
        judged = judge(self.scores[score], self.accuracies[column], self.accuracies["index"], resample=False)
        assert judged is not None
        return judged

    def best_accuracy(self, column: str) -> float:
        """Return the best of a column of accuracies."""
        return float(self.accuracies[column].to_numpy().max())

    def without_dead_operations(self) -> Benchmark:
        """Return the cells in which every operation is live; see `sedspace.report.architectures`."""
        kept = without_dead_operations(self.space, self.accuracies["index"])
        return Benchmark(self.table, self.space, self.accuracies.filter(kept), self.scores.filter(kept))


class Benchmarks:
    """The benchmarks whose tables are in a directory, each read when it is first asked for.

    Parameters
    ----------
    tables : Path
    """

    def __init__(self, tables: Path) -> None:
        self.tables = tables
        self._read: dict[str, Benchmark | None] = {}

    def get(self, table: AccuracyTable) -> Benchmark | None:
        """Return the benchmark of a table, None if it is not there."""
        if table.name not in self._read:
            path = self.tables / table.file
            self._read[table.name] = _benchmark(path, table) if path.is_file() else None
        return self._read[table.name]


def _benchmark(path: Path, table: AccuracyTable) -> Benchmark:
    space = find_space(table.space)
    keyed = by_index(path, space, table.columns, table.key).sort("index")
    if table.whole and len(keyed) != space.size:
        raise BadInput(f"table {path} has {len(keyed)} architectures of {space.name}, expected all {space.size}")
    if table.fractions:
        keyed = keyed.with_columns(pl.col(table.columns) * 100)
    return Benchmark(table, space, keyed, data_free(space, keyed["index"]))


def by_index(path: Path, space: Space, columns: Sequence[str] = (), key: Sequence[str] = ()) -> pl.DataFrame:
    """Return a table by index, those columns only if any are named.

    Parameters
    ----------
    path : Path
    space : Space
    columns : sequence of str
    key : sequence of str
        Columns that together are the text of an architecture. Default: ``arch`` or ``index``.
    """
    table = read_table(path)
    keyed_by_arch = tuple(key) in ((), ("arch",))  # or by index, which any table may be
    _check_columns(path, table, (*columns, *(() if keyed_by_arch else key)))
    if not keyed_by_arch:
        table = table.with_columns(pl.concat_str(key).alias("arch"))
    keyed, _ = with_index(table, space, "refuse", what=f"table {path}")
    refuse_repeated(keyed, space)
    return keyed.select("index", *columns) if columns else keyed


def _check_columns(path: Path, table: pl.DataFrame, columns: Sequence[str]) -> None:
    """Raise `BadInput` if a table lacks one of some columns."""
    for column in columns:
        if column not in table.columns:
            raise BadInput(f"table {path} has no column {column}: it has {', '.join(table.columns)}")
