"""Every data-free score beside measured accuracies, on every table at hand; and what functional classes are worth.

    python bench run scores --tables DIRECTORY

DIRECTORY holds Parquet tables, of which those that are there are used: nats_tss.parquet and nats_sss.parquet (arch,
cifar10_test, cifar100_test, imagenet16_test), nb101_20k.parquet (adjacency, ops, val_acc_108ep), nb301_1218.parquet
(genotype, cifar10_val_surrogate). Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.report.architectures import data_free
from sedspace.report.statistics import judge

TABLES = {
    "nats_tss": ("tss", "arch", ("cifar10_test", "cifar100_test", "imagenet16_test")),
    "nb201_zero_cost_cifar10": ("tss", "arch", ("val_accuracy",)),
    "nats_sss": ("sss", "arch", ("cifar10_test", "cifar100_test", "imagenet16_test")),
    "nb101_20k": ("nb101", "cell", ("val_acc_108ep",)),
    "nb301_1218": ("darts", "genotype", ("cifar10_val_surrogate",)),
}


def measure(directory: Path) -> dict[str, Any]:
    """Return the rank correlations of every score on every table, and the spread inside functional classes."""
    out: dict[str, Any] = {"correlations": {}}
    for file, (name, key, columns) in TABLES.items():
        path = directory / f"{file}.parquet"
        if not path.is_file():
            continue
        table = pl.read_parquet(path)
        if key == "cell":
            table = table.with_columns(cell=pl.col("adjacency") + pl.col("ops"))
        space = ss.space(name)
        index = pl.Series("index", space.parse(table[key]))
        values = data_free(space, index)
        for column in columns:
            accuracy = table[column].to_numpy()
            out["correlations"][f"{file} {column}"] = {
                score: correlations(values[score], accuracy, index) for score in values.columns
            }
        if file == "nats_tss":
            alive = values["paths"].to_numpy() > 0
            classes = ss.functional_class(space, index.to_numpy())[alive]
            out["spread"] = {column: spread(classes, table[column].to_numpy()[alive]) for column in columns}
    return out


def correlations(score: Any, accuracy: Any, index: Any) -> list[float | None]:
    """Return Spearman and Kendall over all, and over the best 5 % by accuracy; None where a score is constant."""
    judged = judge(score, accuracy, index)
    assert judged is not None
    found = [one for of in (judged.all, judged.best) for one in (of.spearman, of.kendall)]
    return [None if math.isnan(one) else round(one, 4) for one in found]


def spread(classes: np.ndarray[Any, Any], accuracy: np.ndarray[Any, Any]) -> dict[str, float]:
    """Return the standard deviation of accuracy inside functional classes of two or more cells, and among all these."""
    of = np.unique(classes, return_inverse=True)[1]
    counts = np.bincount(of)
    mean = np.bincount(of, accuracy) / counts
    kept = counts[of] > 1
    inside = ((accuracy - mean[of])[kept] ** 2).sum() / (counts[counts > 1] - 1).sum()
    return {
        "classes": int((counts > 1).sum()),
        "cells": int(kept.sum()),
        "inside": float(np.sqrt(inside)),
        "among all": float(accuracy[kept].std(ddof=1)),
    }


def markdown(results: dict[str, Any]) -> str:
    """Return the results as the tables of the README."""
    lines = []
    for file, (name, *_) in TABLES.items():
        columns = {key: value for key, value in results["correlations"].items() if key.split()[0] == file}
        if not columns:
            continue
        heads = [key.split()[1] for key in columns]
        rows = [
            (score, *(f"{pair(value[score][:2])} / {pair(value[score][2:])}" for value in columns.values()))
            for score in next(iter(columns.values()))
        ]
        lines += ["", *markdown_table((f"`{name}`, {file}: all / best 5 %", *heads), rows)]
    if "spread" in results:
        one = next(iter(results["spread"].values()))
        both = ", ".join(f"{r['inside']:.2f} against {r['among all']:.2f} ({c})" for c, r in results["spread"].items())
        lines += [
            "",
            f"{one['cells']:,} cells of `tss` that compute something share their functional class with others "
            f"({one['classes']:,} classes). Standard deviation of test accuracy inside these classes against that "
            f"among all these cells, in percent: {both}.",
        ]
    return "\n".join(lines).strip()


def pair(values: list[float | None]) -> str:
    """Return Spearman and, in parentheses, Kendall as they are shown."""
    one, other = ("-" if value is None else f"{value:.2f}" for value in values)
    return f"{one} ({other})"
