"""SED of NATS-Bench's topology space beside measured accuracies and the paper's published figures.

    python bench run claims --tables DIRECTORY

DIRECTORY holds nats_tss.parquet, with the columns arch (NATS-Bench's strings), cifar10_test, cifar100_test and
imagenet16_test (percent), one row for each of the 15,625 architectures. Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.published import published
from sedspace.statistics import judge

DATASETS = {"cifar10": "cifar10_test", "cifar100": "cifar100_test", "imagenet16": "imagenet16_test"}


def measure(path: Path) -> dict[str, dict[str, list[Any]]]:
    """Return the measured figures: for each score and statistic one number per dataset."""
    table = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    space = ss.space("tss")
    index = space.parse(table["arch"])
    if len(np.unique(index)) != space.size:
        raise SystemExit(f"{path} has {len(np.unique(index))} different architectures, expected {space.size}")
    out: dict[str, dict[str, list[Any]]] = {}
    for name in ("sed", "params"):
        score = ss.score(space, name).astype(np.float64)[index]
        figures = [statistics(score, table[column].to_numpy(), index) for column in DATASETS.values()]
        out[name] = {key: [figure[key] for figure in figures] for key in figures[0]}
    return out


def statistics(score: Any, accuracy: Any, index: Any) -> dict[str, float]:
    """Return the figures of one score on one dataset."""
    judged = judge(score, accuracy, index)
    assert judged is not None
    return {
        "rank of the best": judged.rank,
        "accuracy of the best": judged.accuracy,
        "all": judged.all.spearman,
        "best 5 %": judged.best.spearman,
        "minimum": judged.minimum,
    }


def markdown(results: dict[str, dict[str, list[Any]]]) -> str:
    """Return the figures as the table of the README."""
    paper = published()["sed_paper"]
    best = paper["best_by_proxy"]["tss"]["sed"].values()
    minimum = paper["spearman"]["tss_minimum_accuracy_of_equal_sed"].values()
    sed, params = results["sed"], results["params"]

    def cells(values: Any, form: str) -> str:
        return " / ".join(format(value, form) for value in values)

    def row(claim: str, published: str, figure: str, form: str) -> tuple[str, ...]:
        return claim, published, cells(sed[figure], form), cells(params[figure], form)

    rows = [
        row(
            "rank by test accuracy of the architecture with the best score",
            cells((b["rank"] for b in best), ","),
            "rank of the best",
            ",",
        ),
        row("its test accuracy, %", cells((b["test_accuracy"] for b in best), ".2f"), "accuracy of the best", ".2f"),
        row("correlation with the minimum accuracy among equal scores", cells(minimum, ".2f"), "minimum", ".3f"),
        row("correlation over all 15,625", "-", "all", ".3f"),
        row("correlation over the best 5 % by accuracy", "-", "best 5 %", ".2f"),
    ]
    heads = ("claim", "published", "measured: SED", "measured: #params")
    return "\n".join(markdown_table(heads, rows, words=4))
