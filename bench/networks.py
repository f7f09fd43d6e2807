"""Zero-cost proxies on whole networks, MobileNets and transformers, beside #params, #MACs and measured accuracies.

    python bench run networks --tables DIRECTORY [-n 40] [--study DIRECTORY]

DIRECTORY holds nas_bench_macro.parquet, accel_nasbench_half.parquet, vit_bench_autoformer_tiny_half.parquet and
vit_bench_pit.parquet. Random architectures of each, random images; `-n` is how many. With ``--study DIRECTORY`` values
are kept there, and an interrupted measurement goes on. Needs ``pip install "sedspace[bench,crosscheck]"``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.correlation import rank_correlation
from sedspace.report.benchmarks import ACCURACY_TABLES, by_index
from sedspace.scores import known_scores

COUNT = 40
BATCHES = {  # images of a batch: those of ImageNet's size are large
    "nas_bench_macro": 32,
    "accel_nasbench_half": 8,
    "vit_bench_autoformer_tiny_half": 8,
    "vit_bench_pit": 8,
}
PROXIES = "grad_norm", "snip", "plain", "fisher", "l2_norm", "jacob_cov", "naswot", "synflow", "zen", "dss"
DATA_FREE = "sed", "entropy", "params", "macs"


def measure(tables: Path, count: int, kept: Path | None) -> dict[str, Any]:
    """Return for each table the rank correlations of data-free scores and of proxies with its accuracies."""
    return {
        "count": count,
        "tables": {
            name: one_table(tables, name, count, batch, None if kept is None else kept / f"networks_{name}.parquet")
            for name, batch in BATCHES.items()
            if (tables / f"{name}.parquet").exists()
        },
    }


def one_table(tables: Path, name: str, count: int, batch: int, kept: Path | None) -> dict[str, Any]:
    """Return the correlations of one table: by score and by column of accuracies, None where too few have a value."""
    table = ACCURACY_TABLES[name]
    space = ss.space(table.space)
    keyed = by_index(tables / table.file, space, table.columns, table.key).sort("index")
    keyed = keyed.sample(min(count, keyed.height), seed=0)
    known = known_scores(space)
    scores = {
        one: pl.DataFrame({"index": keyed["index"], "value": ss.score(space, one, indices=keyed["index"].to_list())})
        for one in DATA_FREE
        if one in known
    }
    study = ss.crosscheck(space, keyed["index"].to_list(), PROXIES, kept, batch=batch, device="cpu")
    values = study.rows.filter(pl.col("value").is_not_null()).select("index", "proxy", "value")
    scores |= {proxy: values.filter(proxy=proxy) for proxy in PROXIES if values.filter(proxy=proxy).height >= 5}
    reasons = study.rows.filter(pl.col("value").is_null()).group_by("proxy").agg(pl.col("reason").first()).sort("proxy")
    return {
        "space": space.name,
        "columns": list(table.columns),
        "architectures": keyed.height,
        "batch": batch,
        "spearman": {
            one: [_spearman(frame, keyed, column) for column in table.columns] for one, frame in scores.items()
        },
        "no value": dict(reasons.rows()),
    }


def _spearman(values: pl.DataFrame, keyed: pl.DataFrame, column: str) -> float | None:
    both = values.join(keyed, on="index")
    found = rank_correlation(both["value"], both[column]).spearman
    return None if math.isnan(found) else found


def markdown(results: dict[str, Any]) -> str:
    """Return the results as a table, and why some proxies have no value."""
    names = [*DATA_FREE, *PROXIES]
    rows = []
    for name, one in results["tables"].items():
        what = f"{name}: {', '.join(one['columns']) if len(one['columns']) < 3 else len(one['columns'])}"
        cells = (" / ".join(_short(rho) for rho in one["spearman"].get(score, [])) for score in names)
        rows.append((f"{what}; {one['architectures']} of `{one['space']}`, batch {one['batch']}", *cells))
    reasons = {
        f"`{proxy}` on `{one['space']}`: {reason}"
        for one in results["tables"].values()
        for proxy, reason in one["no value"].items()
    }
    return "\n".join([*markdown_table(("Spearman with", *names), rows), "", f"No value: {'; '.join(sorted(reasons))}."])


def _short(rho: float | None) -> str:
    return "-" if rho is None else f"{rho:.2f}".replace("0.", ".")
