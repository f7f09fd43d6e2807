"""What the survey of zero-shot NAS says: the best by each proxy, and networks within budgets of hardware."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from sedspace.frames import pareto_front
from sedspace.published import published
from sedspace.report import claims
from sedspace.report.benchmarks import HARDWARE_TABLE, Benchmark, Benchmarks, by_index
from sedspace.report.claims import Claim
from sedspace.report.numbers import number
from sedspace.report.page import Part, Table
from sedspace.report.paper import OF_SPACE

_BUDGETS = 0.1, 0.25, 0.5, 0.75, 1.0


def best_by_proxy(known: Benchmarks) -> Iterator[Part]:
    """Yield Table IV of the survey, with SED as a new row."""
    told = published()["survey"]["test_accuracy_of_best_by_proxy"]
    yield f"{published()['survey']['source']}: test accuracy of the best by each proxy, SED as a new row."
    columns = [(name, dataset) for name in OF_SPACE for dataset in ("cifar100", "imagenet16")]
    yield claims.table_of(
        claim for name, dataset in columns for claim in _best_by_size(name, dataset, known.get(OF_SPACE[name]))
    )
    rows = []
    for proxy, values in told.items():
        rows.append([proxy, *(number(values.get(f"{name}_{dataset}")) for name, dataset in columns)])
    reached = (_reached_by_sed(name, dataset, known.get(OF_SPACE[name])) for name, dataset in columns)
    rows.append(["SED, measured here", *reached])
    yield Table(["best by", *(f"{name}, {dataset}" for name, dataset in columns)], rows)


def _other_table(name: str, dataset: str, benchmark: Benchmark) -> str | None:
    """Return what is said of a table that is not the survey's: the best accuracy of all is another one."""
    truth = published()["survey"]["test_accuracy_of_best_by_proxy"]["ground_truth"][f"{name}_{dataset}"]
    same = claims.same_accuracy(truth, benchmark.best_accuracy(f"{dataset}_test"))
    return None if same else claims.OTHER_TABLE


def _best_by_size(name: str, dataset: str, benchmark: Benchmark | None) -> Iterator[Claim]:
    """Yield the survey's claims on the best accuracy of all, and on those of the largest architectures."""
    if benchmark is None:
        yield claims.unchecked(f"{name}, {dataset}", "-", OF_SPACE[name].file)
        return
    told = published()["survey"]["test_accuracy_of_best_by_proxy"]
    truth, best = told["ground_truth"][f"{name}_{dataset}"], benchmark.best_accuracy(f"{dataset}_test")
    other = _other_table(name, dataset, benchmark)
    yield Claim(f"{name}, {dataset}: best of all", f"{truth:.2f}", f"{best:.2f}", other or "reproduced")
    for score, column in (("params", "params"), ("flops", "macs")):
        value, found = told[score][f"{name}_{dataset}"], benchmark.judged(column, f"{dataset}_test").accuracy
        verdict = other or claims.verdict(claims.same_accuracy(value, found))
        yield Claim(f"{name}, {dataset}: best by {score}", f"{value:.2f}", f"{found:.2f}", verdict)


def _reached_by_sed(name: str, dataset: str, benchmark: Benchmark | None) -> str:
    if benchmark is None:
        return "-"
    other = _other_table(name, dataset, benchmark)
    return number(benchmark.judged("sed", f"{dataset}_test").accuracy) + (f" ({other})" if other else "")


def within_hardware(known: Benchmarks, tables: Path) -> Iterator[Part]:
    """Yield what scores pick within a budget of latency or energy."""
    tss = known.get(OF_SPACE["tss"])
    if tss is None or not (tables / HARDWARE_TABLE).is_file():
        yield f"Unchecked: {claims.missing(OF_SPACE['tss'].file if tss is None else HARDWARE_TABLE)}."
        return
    hardware = by_index(tables / HARDWARE_TABLE, tss.space)
    frame = (
        tss.accuracies.with_columns(tss.scores.select("sed", "params"))
        .join(hardware, on="index", how="inner")
        .sort("index")
    )
    costs = [name for name in hardware.columns if name.endswith(("_latency", "_energy"))]
    yield (
        "Figures 18 and 19 of the survey ask which networks a score picks within a budget of latency or energy. Of the "
        "cheapest share of all cells: the accuracy (cifar100) of the best by SED, of the best by #params, "
        "and of the truly best; and how many of the cells that are Pareto-optimal by SED and cost are so by accuracy."
    )
    rows = [_within_budgets(frame, cost) for cost in costs]
    yield Table(["SED / #params / best", *(f"cheapest {share:.0%}" for share in _BUDGETS), "Pareto-optimal"], rows)


def _within_budgets(frame: pl.DataFrame, cost: str) -> list[str]:
    """Return the row of a cost: what is reached within each budget, and how the fronts by SED and accuracy agree."""
    cells = []
    for share in _BUDGETS:
        within = frame.filter(pl.col(cost) <= pl.col(cost).quantile(share))
        by_sed, by_params, by_accuracy = (
            within.sort([score, "index"], descending=[True, False])["cifar100_test"][0]
            for score in ("sed", "params", "cifar100_test")
        )
        cells.append(f"{by_sed:.1f} / {by_params:.1f} / {by_accuracy:.1f}")
    ours, truth = (set(pareto_front(frame, score, cost)["index"]) for score in ("sed", "cifar100_test"))
    return [cost, *cells, f"{len(ours & truth)} of {len(ours)}, truly {len(truth)}"]
