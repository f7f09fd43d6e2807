"""The zero-cost proxies beside NAS-Bench-Suite-Zero's published values, on random cells of NAS-Bench-201.

    python bench run proxies --tables DIRECTORY

DIRECTORY holds nb201_zero_cost_cifar10.parquet, with the columns arch, grad_norm, snip, plain, l2_norm, grasp, fisher,
synflow, jacov, epe_nas, nwot, zen (CIFAR-10, batches of 64). Our batches are random numbers: what agrees does not come
from the images. With ``--study DIRECTORY`` values are kept there, and an interrupted measurement goes on. Needs
``pip install "sedspace[bench,crosscheck]"``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.correlation import rank_correlation
from sedspace.report import summary

COLUMNS = {  # what the table calls them
    "zen": "zen",
    "synflow": "synflow",
    "snip": "snip",
    "grad_norm": "grad_norm",
    "naswot": "nwot",
    "l2_norm": "l2_norm",
    "jacob_cov": "jacov",
    "fisher": "fisher",
    "epe_nas": "epe_nas",
    "grasp": "grasp",
    "plain": "plain",
}


def measure(path: Path, count: int, repeats: int, kept: Path | None) -> dict[str, Any]:
    """Return for each proxy its rank correlations with the published values, and its seconds."""
    table = pl.read_parquet(path).sample(count, seed=0)
    table = table.with_columns(index=pl.Series(ss.space("tss").parse(table["arch"])))
    study = ss.crosscheck("tss", table["index"], list(COLUMNS), kept, repeats=repeats, device="cpu")
    seconds = dict(summary(study).select("proxy", "seconds").iter_rows())
    out = {}
    for name, column in COLUMNS.items():
        values = study.rows.filter(proxy=name).join(table, on="index")
        means = values.group_by("index", column).agg(pl.col("value").mean())
        once = [rank_correlation(one["value"], one[column]) for one in values.partition_by("repeat")]
        out[name] = {
            "once": sum(0.0 if math.isnan(one.spearman) else one.spearman for one in once) / len(once),
            "mean": rank_correlation(means["value"], means[column]).spearman,
            "architectures": once[0].n,
            "seconds": seconds[name],
        }
    setting = study.setting
    return {"cpu": setting.machine, "torch": setting.torch, "repeats": repeats, "batch": setting.batch, "proxies": out}


def markdown(results: dict[str, Any]) -> str:
    """Return the results as a table."""
    heads = (
        "proxy",
        "Spearman with the published values",
        f"of the mean of {results['repeats']}",
        "cells",
        "seconds",
    )
    rows = [
        (name, f"{r['once']:.2f}", f"{r['mean']:.2f}", f"{r['architectures']}", f"{r['seconds']:.2g}")
        for name, r in results["proxies"].items()
    ]
    where = f"{results['cpu']}, torch {results['torch']}, no GPU; batches of {results['batch']}."
    return "\n".join([*markdown_table(heads, rows), "", where])
