"""Scores from the topology on tables that none of them was chosen with, and on accuracies under attack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sedspace.correlation import rank_correlation
from sedspace.errors import BadInput
from sedspace.report import claims
from sedspace.report.architectures import data_free
from sedspace.report.benchmarks import ACCURACY_TABLES, AccuracyTable, Benchmark, Benchmarks, by_index
from sedspace.report.numbers import number
from sedspace.report.page import Part, Section, Table
from sedspace.report.protocols import best_published
from sedspace.spaces import space as find_space
from sedspace.statistics import TOP, Judgement

ROBUSTNESS_TABLE = "robustness_tss.parquet"
HEADS = (
    *("Spearman", "Kendall", "best 5 %: Spearman", "least accuracy at equal score: Spearman", f"nDCG at {TOP:,}"),
    *("rank of its best", "regret"),
)


def figures(judged: Judgement) -> list[str]:
    """Return what stands under `HEADS` for a score."""
    values = judged.all.spearman, judged.all.kendall, judged.best.spearman, judged.minimum, judged.ndcg
    return [*map(number, values), f"{judged.rank:,}", f"{judged.regret:.2g}"]


def held_out(known: Benchmarks) -> Iterator[Section]:
    """Yield a section for each of the tables that had no part in any score."""
    for table in ACCURACY_TABLES.values():
        if not table.part:
            yield Section(f"Held out: {table.name}", list(_parts(table, known.get(table))))


def _parts(table: AccuracyTable, benchmark: Benchmark | None) -> Iterator[Part]:
    if benchmark is None:
        yield f"Unchecked: {claims.missing(table.file)}."
        return
    yield (
        f"{len(benchmark.accuracies):,} architectures of `{table.space}`, whose accuracies had no part in any score. "
        f"Regret is what the best of the table reaches more than the best by the score. For nDCG, what is at most 1 "
        f"(SSIM, say) counts as a fraction."
    )
    rows = [
        [f"{column}: {score}", *figures(benchmark.judged(score, column))]
        for column in table.columns
        for score in benchmark.scores.columns
    ]
    yield Table(["", *HEADS], rows)
    best = {column: found for column in table.columns if (found := best_published(table, column)) is not None}
    if best:
        said = ", ".join(f"{column}: {name} {value:.2f}" for column, (name, value) in best.items())
        yield (
            f"The best of 13 proxies of NAS-Bench-Suite-Zero (arXiv 2210.03230, Figure 2; Spearman, 1,000 random "
            f"architectures, validation): {said}."
        )


def robustness(tables: Path) -> Iterator[Part]:
    """Yield how scores correlate with accuracies under attack, of a table of `tss` with any columns of numbers."""
    if not (tables / ROBUSTNESS_TABLE).is_file():
        yield f"Unchecked: {claims.missing(ROBUSTNESS_TABLE)} (`arch` or `index`, and columns of accuracies)."
        return
    space = find_space("tss")
    keyed = by_index(tables / ROBUSTNESS_TABLE, space)
    scores = data_free(space, keyed["index"])
    columns = [name for name, dtype in keyed.schema.items() if dtype.is_numeric() and name != "index"]
    if not columns:
        raise BadInput(f"table {tables / ROBUSTNESS_TABLE} has no column of numbers: it has {', '.join(keyed.columns)}")
    yield f"Spearman (Kendall) with accuracies of {len(keyed):,} cells of `tss` under attack; no score was made for it."
    rows = []
    for score in scores.columns:
        found = [rank_correlation(scores[score], keyed[column]) for column in columns]
        rows.append([score, *(f"{number(one.spearman)} ({number(one.kendall)})" for one in found)])
    yield Table(["score", *columns], rows)
