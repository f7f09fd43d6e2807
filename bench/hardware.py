"""How well additive tables explain measured hardware costs: fitted to one half, judged on the other.

    python bench run hardware --tables DIRECTORY

DIRECTORY holds hw_nas_bench_cifar10.parquet, with a column arch (NATS-Bench's strings) and one column for each device:
the measurements of HW-NAS-Bench (arXiv 2103.10584). Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.tables import read_table


def measure(path: Path) -> dict[str, dict[str, float]]:
    """Return for each latency or energy in the table how good its fits are on the held-out half."""
    table = read_table(path)
    out = {}
    for column in table.columns:
        if not column.endswith(("_latency", "_energy")):
            continue
        fit = ss.fit_costs("tss", table, column)
        plain = ss.fit_costs("tss", table, column, by_position=False)
        out[column] = {
            "r2": fit.r2,
            "spearman": fit.spearman,
            "kendall": fit.kendall,
            "r2 by operation": plain.r2,
            "spearman by operation": plain.spearman,
            "held out": fit.held_out,
        }
    return out


def markdown(results: dict[str, dict[str, Any]]) -> str:
    """Return the figures as the table of the README."""
    held_out = next(iter(results.values()))["held out"]
    heads = (f"on {held_out:,} held-out cells", "R^2", "Spearman", "Kendall", "by operation only: R^2", "Spearman")
    figures = ("r2", "spearman", "kendall", "r2 by operation", "spearman by operation")
    rows = [(name, *(f"{found[figure]:.3f}" for figure in figures)) for name, found in results.items()]
    return "\n".join(markdown_table(heads, rows))
