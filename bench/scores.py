"""Every data-free score beside measured accuracies, on every table at hand, and beside published proxies.

    python bench run scores --tables DIRECTORY

DIRECTORY holds Parquet tables, of which those that are there are used: those that
`sedspace.report.benchmarks.ACCURACY_TABLES` names, each with its columns. Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.published import published
from sedspace.report.benchmarks import ACCURACY_TABLES, AccuracyTable, Benchmark, Benchmarks
from sedspace.report.protocols import OURS, beside, best_published
from sedspace.statistics import Judgement

WITHOUT_DEAD = "without dead operations"
SHOWN = *OURS, "params", "macs"
_TSS = ACCURACY_TABLES["nats_tss"]
_WHAT = {  # more of each is better, but of ranks
    "spearman": "Spearman over all",
    "kendall": "Kendall over all",
    "best": "Spearman over the best 5 % by accuracy",
    "ndcg": "nDCG at 1,000",
    "least": "Spearman with the least accuracy at equal score",
    "rank": "rank of the pick",
}


def measure(directory: Path) -> dict[str, Any]:
    """Return the figures of every score on every table, and the spread inside functional classes."""
    out: dict[str, Any] = {"tables": {}}
    known = Benchmarks(directory)
    for name, table in ACCURACY_TABLES.items():
        if (benchmark := known.get(table)) is None:
            continue
        out["tables"][name] = of_table(benchmark)
        if table is _TSS:
            out["tables"][f"{name} {WITHOUT_DEAD}"] = of_table(benchmark.without_dead_operations())
            out["spread"] = spreads(benchmark)
    return out


def of_table(benchmark: Benchmark) -> dict[str, Any]:
    """Return the figures of every score on every column of a table."""
    scores = {
        column: {score: figures(benchmark.judged(score, column)) for score in benchmark.scores.columns}
        for column in benchmark.table.columns
    }
    return {"architectures": len(benchmark.accuracies), "scores": scores}


def figures(judged: Judgement) -> dict[str, float | None]:
    """Return the figures of a score; None for what is undefined."""
    found = {
        "spearman": judged.all.spearman,
        "kendall": judged.all.kendall,
        "best": judged.best.spearman,
        "best_kendall": judged.best.kendall,
        "ndcg": judged.ndcg,
        "least": judged.minimum,
        "rank": judged.rank,
        "regret": judged.regret,
    }
    return {name: None if math.isnan(value) else round(value, 4) for name, value in found.items()}


def spreads(benchmark: Benchmark) -> dict[str, dict[str, float]]:
    """Return the spread of accuracy inside functional classes of cells that compute something, for each column."""
    alive = benchmark.scores["paths"].to_numpy() > 0
    classes = ss.functional_class(benchmark.space, benchmark.accuracies["index"].to_numpy())[alive]
    return {
        column: spread(classes, benchmark.accuracies[column].to_numpy()[alive]) for column in benchmark.table.columns
    }


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


# -- the short table of the README -------------------------------------------------------------------------------------


def evidence(results: dict[str, Any]) -> str:
    """Return the short table: SED and what came after it, on every table, and which had a part in them."""
    heads = ("Spearman with accuracies of", "their part in scores", *SHOWN, "best published proxy")
    lines = [*markdown_table(heads, _evidence(results["tables"]), words=2), "", *_plainly(results["tables"])]
    return "\n".join(lines)


def _plainly(tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the table does not show of propagated SED, and where others do better."""
    tss, few, micro = _TSS.name, f"{_TSS.name} {WITHOUT_DEAD}", "transnas101_micro"
    if not {tss, few, micro} <= tables.keys():
        return

    def of(name: str, score: str, figure: str) -> str:
        return " / ".join(_short(one[score][figure]) for one in tables[name]["scores"].values())

    def changed(name: str, figure: str) -> str:
        return f"{of(name, 'live_sed', figure)} becomes {of(name, 'propagated_sed', figure)}"

    ranks = [[one[score]["rank"] for one in tables[tss]["scores"].values()] for score in OURS]
    same = "of the same rank" if ranks[1] == ranks[2] else "of another rank"
    nets = published()["vkdnw"]["proxies"].items()
    best, gain = max(((name, one["ndcg"]["imagenet16"]) for name, one in nets if "ndcg" in one), key=lambda one: one[1])
    yield (
        f"By nDCG at 1,000 on the cells without dead operations, as VKDNW compares proxies, SED reaches "
        f"{of(few, 'sed', 'ndcg')}, more than every published figure that is at hand (`{best}`: {_short(gain)} on "
        f"ImageNet16-120); but it was identified from figures published on this very space."
    )
    yield ""
    yield (
        f"Not all gets better. On cells without dead operations the gain of `propagated_sed` is small, and its nDCG "
        f"is less on two of three: {changed(few, 'ndcg')}. On all of `tss`, its correlation with the least accuracy "
        f"among equal scores is less ({changed(tss, 'least')}), and so is that over the best 5 % by accuracy on "
        f"ImageNet16-120 ({changed(tss, 'best')}). Its pick is {same} as that of `live_sed`. On `transnas_micro` the "
        f"receptive field says about as much ({of(micro, 'receptive_field', 'spearman')}). On `transnas_macro`, where "
        f"only widths and resolutions are chosen, SED says little, #MACs much."
    )
    yield from _of_blocks(tables)


def _of_blocks(tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield how SED of networks of blocks does beside what is simpler."""
    found = {name: next(iter(tables[name]["scores"].values())) for name in _OF_BLOCKS if name in tables}
    if len(found) < len(_OF_BLOCKS):
        return
    said = (
        f"on {name} it is {_short(of['sed']['spearman'])}, the number of blocks {_short(of['n_blocks']['spearman'])}, "
        f"#MACs {_short(of['macs']['spearman'])}, #params {_short(of['params']['spearman'])}"
        for name, of in ((_OF_BLOCKS[name], of) for name, of in found.items())
    )
    yield ""
    yield f"SED of networks of blocks is this project's extension of it: {'; '.join(said)}. Transformers have no SED."


_OF_BLOCKS = {"nas_bench_macro": "NAS-Bench-Macro", "accel_nasbench_half": "Accel-NASBench"}


def _evidence(tables: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, found in tables.items():
        table, columns = ACCURACY_TABLES[name.split()[0]], found["scores"]
        if name == "nb201_zero_cost_cifar10":  # of cells of tss, whose test accuracies stand above
            continue
        few = f", {WITHOUT_DEAD}" if WITHOUT_DEAD in name else ""
        data = ", ".join(map(table.dataset, columns)) if len(columns) < 4 else f"{len(columns)} tasks"
        what = f"{table.name}{few}, `{table.space}`: {data}; {found['architectures']:,}"
        ours = [" / ".join(_short(of.get(score, {}).get("spearman")) for of in columns.values()) for score in SHOWN]
        yield what, table.part_said(), *(one if set(one) - set("-/ ") else "" for one in ours), _peers(table, name)


def _peers(table: AccuracyTable, name: str) -> str:
    """Return the best published proxies on a table: their names, and their correlations."""
    if WITHOUT_DEAD in name:
        told = published()["vkdnw"]["proxies"]["vkdnw_agg"]["spearman"]
        found = [("vkdnw_agg", told[data]) if (data := table.dataset(one)) in told else None for one in table.columns]
    else:
        found = [best_published(table, column) for column in table.columns]
    if not any(found):
        return ""
    names = dict.fromkeys(one[0] for one in found if one)
    return f"{', '.join(names)}: {' / '.join(_short(one and one[1]) for one in found)}"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2) + 0:.2f}".replace("0.", ".", 1)  # no -0


# -- the tables of bench/README.md -------------------------------------------------------------------------------------


def markdown(results: dict[str, Any]) -> str:
    """Return the results as the tables of the README."""
    tables = results["tables"]
    lines = ["### Published proxies on the same cells", "", *_beside(tables), "", "### Where propagated SED is worse"]
    lines += ["", *_worse(tables), "", "### Every score on every table"]
    for name, found in tables.items():
        table = ACCURACY_TABLES[name.split()[0]]
        lines += ["", f"`{table.space}`, {name}, {found['architectures']:,} architectures. {_sentence(table)}."]
        for heads, cell in (("Spearman (Kendall): all / best 5 %", _correlations), (_PICK, _pick)):
            lines += ["", *markdown_table((heads, *found["scores"]), _rows(found["scores"], cell))]
    return "\n".join([*lines, *_spread(results)]).strip()


_PICK = "nDCG / least accuracy at equal score / rank of the pick (its regret)"


def _sentence(table: AccuracyTable) -> str:
    return f"Its part in scores: {table.part_said()}" if table.part else "Held out: it had no part in any score"


def _rows(columns: Mapping[str, Any], cell: Any) -> list[tuple[str, ...]]:
    return [(score, *(cell(of[score]) for of in columns.values())) for score in next(iter(columns.values()))]


def _correlations(one: Mapping[str, float | None]) -> str:
    pairs = ("spearman", "kendall"), ("best", "best_kendall")
    return " / ".join(f"{_two(one[a])} ({_two(one[b])})" for a, b in pairs)


def _pick(one: Mapping[str, Any]) -> str:
    return f"{_two(one['ndcg'])} / {_two(one['least'])} / {one['rank']:,} ({one['regret']:.2g})"


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _beside(tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield the published figures of AZ-NAS and VKDNW, and the same of scores from the topology."""
    for source, name in (("az_nas", _TSS.name), ("vkdnw", f"{_TSS.name} {WITHOUT_DEAD}")):
        if name not in tables:
            continue
        told, found = published()[source], tables[name]["scores"]
        more = published()["intrain"]["proxies"] if source == "vkdnw" else {}
        ours = {score: {column: of[score] for column, of in found.items()} for score in (*SHOWN, "layers")}
        table = beside(told["proxies"] | more, ours)
        yield f"{told['source']}, on {told['cells']}; read from {told['read_from']}."
        yield from ("", *markdown_table(table.heads, table.rows), "")


def _worse(tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield where propagated SED is worse than live SED, or than SED where there is none."""
    rows = []
    for name, found in tables.items():
        for column, scores in found["scores"].items():
            if "propagated_sed" not in scores:
                continue
            before, after = scores.get("live_sed", scores["sed"]), scores["propagated_sed"]
            for key, what in _WHAT.items():
                one, other = before[key], after[key]
                if one is not None and other is not None and (one < other if key == "rank" else other < one):
                    rows.append((f"{name}: {column}", what, f"{one:,}", f"{other:,}"))
    if not rows:
        yield "Nowhere."
        return
    yield from markdown_table(("table", "figure", "before", "propagated SED"), rows, words=2)


def _spread(results: Mapping[str, Any]) -> Iterator[str]:
    if "spread" not in results:
        return
    one = next(iter(results["spread"].values()))
    both = ", ".join(f"{r['inside']:.2f} against {r['among all']:.2f} ({c})" for c, r in results["spread"].items())
    yield ""
    yield (
        f"{one['cells']:,} cells of `tss` that compute something share their functional class with others "
        f"({one['classes']:,} classes). Standard deviation of test accuracy inside these classes against that "
        f"among all these cells, in percent: {both}."
    )
