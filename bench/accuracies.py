"""The zero-cost proxies beside measured accuracies, on random cells of NAS-Bench-201.

    python bench run accuracies --tables DIRECTORY --study DIRECTORY

All proxies that cells have, and their aggregates, on 150 cells of the table nats_tss.parquet, with random images. With
``--study`` values are kept there, and an interrupted measurement goes on: it takes an hour or so, most of it for
ntk_cond. Needs ``pip install "sedspace[bench,crosscheck]"``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.correlation import rank_correlation
from sedspace.published import published
from sedspace.report.architectures import by_architecture, scores_of
from sedspace.studies.proxies import known_proxies

CELLS = 150
COLUMN = "cifar10_test"
OF_TRANSFORMERS = "dss"
THEIR_NAMES = {"jacob_cov": "jacov", "naswot": "nwot", "macs": "flops"}  # in published tables


def measure(path: Path, count: int, kept: Path | None) -> dict[str, Any]:
    """Return the rank correlations of every proxy and aggregate with accuracy; what has no value ranks last."""
    table = pl.read_parquet(path).sample(count, seed=0)
    table = table.with_columns(index=pl.Series(ss.space("tss").parse(table["arch"])))
    proxies = [name for name in known_proxies() if name != OF_TRANSFORMERS]
    study = ss.crosscheck("tss", table["index"], proxies, kept, device="cpu")
    wide = by_architecture(study).join(table.select("index", COLUMN), on="index")
    found = {}
    for name in scores_of(wide.drop(COLUMN)):
        values = -wide[name] if name in study.less else wide[name]
        ranks = values.cast(pl.Float64).fill_null(-math.inf).rank()
        correlation = rank_correlation(ranks, wide[COLUMN])
        found[name] = {
            "spearman": none_if_nan(correlation.spearman),
            "kendall": none_if_nan(correlation.kendall),
            "undefined": values.null_count(),
        }
    return {"torch": study.setting.torch, "cells": count, "batch": study.setting.batch, "proxies": found}


def told(name: str) -> tuple[float | None, float | None]:
    """Return published Spearman and Kendall correlations with the accuracy on CIFAR-10."""
    spearman = published()["suite_zero"]["spearman"]["tss"].get(THEIR_NAMES.get(name, name), {}).get("cifar10")
    table = published()["az_nas"]["proxies"]
    other = table.get(name) or table.get(THEIR_NAMES.get(name), {})
    return spearman or other.get("spearman", {}).get("cifar10"), other.get("kendall", {}).get("cifar10")


def markdown(results: dict[str, Any]) -> str:
    """Return the results as a table."""
    heads = "proxy", "Spearman", "published", "Kendall", "published", "cells without a value"
    rows = []
    for name, r in sorted(results["proxies"].items(), key=lambda one: -(one[1]["spearman"] or 0)):
        spearman, kendall = told(name)
        figures = r["spearman"], spearman, r["kendall"], kendall
        rows.append((name, *map(number, figures), f"{r['undefined']}"))
    suite, table = published()["suite_zero"], published()["az_nas"]
    about = (
        f"On {results['cells']} random cells, batches of {results['batch']} random images; what has no value ranks "
        f"last. Published: Spearman with validation accuracy on {suite['cells']} (arXiv 2210.03230), Kendall, and "
        f"Spearman of az_nas, on {table['cells']} ({table['source']})."
    )
    return "\n".join([*markdown_table(heads, rows), "", about])


def none_if_nan(value: float) -> float | None:
    """Return a correlation, or none where it is undefined, which JSON cannot say otherwise."""
    return None if math.isnan(value) else value


def number(value: float | None) -> str:
    """Return a correlation, or a dash."""
    return "-" if value is None else f"{value:.2f}"
