"""The published figures of the SED paper and of the survey, beside what is measured here, with a verdict for each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from sedspace.correlation import rank_correlation
from sedspace.counting import distribution, sample, top_k
from sedspace.errors import BadInput
from sedspace.frames import pareto_front
from sedspace.provenance import cpu_name
from sedspace.published import published
from sedspace.report import claims, pictures
from sedspace.report.architectures import data_free
from sedspace.report.benchmarks import (
    DARTS_COLUMN,
    DARTS_TABLE,
    HARDWARE_TABLE,
    TABLES,
    Benchmark,
    Benchmarks,
    benchmarks_in,
    by_index,
    check_columns,
)
from sedspace.report.claims import Claim
from sedspace.report.costs import time_claims
from sedspace.report.numbers import duration, number
from sedspace.report.page import Part, Report, Section, Table
from sedspace.spaces import space as find_space
from sedspace.studies import Study
from sedspace.tables import indices_of, read_table
from sedspace.version import __version__

_BUDGETS = 0.1, 0.25, 0.5, 0.75, 1.0


def reproduction_of(tables: Path, study: Study | None = None) -> Report:
    """Return the report; what there is no table for is said to be unchecked.

    Parameters
    ----------
    tables : Path
        A directory with any of nats_tss.parquet, nats_sss.parquet (``arch`` and the accuracies cifar10_test,
        cifar100_test, imagenet16_test), nb301_1218.parquet (``genotype``, cifar10_val_surrogate) and
        hw_nas_bench_cifar10.parquet (``arch``, latencies and energies).
    study : Study, optional
        Of tss5 or tss, for what gradient proxies cost on this machine.
    """
    if not tables.is_dir():
        raise BadInput(f"--tables {tables} is not a directory: expected one with accuracy tables")
    if study is not None and (name := study.setting.space["name"]) not in ("tss", "tss5"):
        raise BadInput(f"the study is of {name}: expected one of tss5 or tss, as the published seconds are")
    if study is not None:
        study.seconds_of_sed()
    known = benchmarks_in(tables)
    sections = [
        Section("Selected architectures", list(_selected(known))),
        Section("Correlations", list(_correlations(known, tables))),
        Section("Time", list(time_claims(study))),
        Section("Search among DARTS cells", list(_darts())),
        Section("The survey: best by proxy", list(_survey(known))),
        Section("The survey: networks within a budget of hardware", list(_hardware(known, tables))),
        Section("What is not checked", list(_unchecked())),
    ]
    found = list(claims.verdicts(sections))
    counted = ", ".join(f"{found.count(verdict)} {verdict}" for verdict in dict.fromkeys(found))
    about = (
        f"Published figures of {published()['sed_paper']['source']} and of {published()['survey']['source']}, beside "
        f"what sedspace {__version__} measures on this machine ({cpu_name()}). A rank is reproduced if it is "
        f"within a factor of {claims.CLOSE_RANK}, since releases of the accuracy tables differ, a correlation within "
        f"{claims.CLOSE_RHO} (or higher, which is said), an accuracy to two digits, seconds if they are no more. "
        f"Only what is of one kind is compared. Where the published accuracy is not that of the published rank in the "
        f"table at hand, or the best accuracies of all differ, that is {claims.OTHER_TABLE}, of another training, and "
        f"says nothing about the claim; nor does another device, another data set or another sample. "
        f"Of {len(found)} claims: {counted}."
    )
    return Report("SED: published and measured", [Section("Summary", [about]), *sections])


def _selected(known: Benchmarks) -> Iterator[Part]:
    best = published()["sed_paper"]["best_by_proxy"]
    yield "Table 2 of the paper: rank by test accuracy, and test accuracy, of the best architecture by a score."
    yield claims.table_of(
        _best_by(name, score, column, best[name][score][column.removesuffix("_test")], known[name])
        for name, (_, columns) in TABLES.items()
        for score in ("sed", "params")
        for column in columns
    )


def _best_by(name: str, score: str, column: str, told: Mapping[str, float], known: Benchmark | None) -> Claim:
    """Return the claim on rank and accuracy of the best architecture by a score."""
    what = f"{name}, {column.removesuffix('_test')}: best by {score}"
    shown = f"rank {told['rank']:,}, {told['test_accuracy']:.2f} %"
    if known is None:
        return claims.unchecked(what, shown, TABLES[name][0])
    judged = known.judged(score, column)
    ratio = max(judged.rank, told["rank"]) / min(judged.rank, told["rank"])
    same = claims.same_accuracy(told["test_accuracy"], judged.accuracy)
    verdict = claims.verdict(same and ratio <= claims.CLOSE_RANK)
    if not claims.is_of_table(told["rank"], told["test_accuracy"], known.accuracies[column]):
        verdict = claims.OTHER_TABLE
    return Claim(what, shown, f"rank {judged.rank:,}, {judged.accuracy:.2f} %", verdict)


def _correlations(known: Benchmarks, tables: Path) -> Iterator[Part]:
    yield claims.table_of([*_least_accuracies(known["tss"]), _random_darts(tables / DARTS_TABLE)])
    for name, (_, columns) in TABLES.items():
        if (benchmark := known[name]) is not None:
            yield f"Spearman (Kendall) on all of `{name}`, and on the best 5 % by accuracy."
            yield _table_of_correlations(benchmark, columns)
    if (tss := known["tss"]) is not None:
        column = TABLES["tss"][1][0]
        yield "Figure 2 of the paper: parameters, SED and test accuracy of all cells."
        yield pictures.plane(tss.scores["params"], tss.scores["sed"], tss.accuracies[column], column)


def _least_accuracies(tss: Benchmark | None) -> Iterator[Claim]:
    """Yield the claims on SED and the least accuracy among cells of equal SED."""
    told = published()["sed_paper"]["spearman"]["tss_minimum_accuracy_of_equal_sed"]
    file, columns = TABLES["tss"]
    for column in columns:
        dataset = column.removesuffix("_test")
        what = f"tss, {dataset}: SED with the least accuracy among equal SED (Spearman)"
        if tss is None:
            yield claims.unchecked(what, f"{told[dataset]:.2f}", file)
        else:
            yield claims.of_rho(what, told[dataset], tss.judged("sed", column).minimum)


def _random_darts(path: Path) -> Claim:
    """Return the claim on SED and accuracy of random DARTS cells."""
    what = "darts: SED with the accuracy of 2,000 random cells"
    told = f"{published()['sed_paper']['spearman']['darts_2000_random']:.2f}"
    if not path.is_file():
        return claims.unchecked(what, told, DARTS_TABLE)
    table, space = read_table(path), find_space("darts")
    check_columns(path, table, ("genotype", DARTS_COLUMN))
    index = pl.Series("index", indices_of(table.rename({"genotype": "arch"}), space, "refuse")[0])
    found = rank_correlation(data_free(space, index, ("sed",))["sed"], table[DARTS_COLUMN])
    return Claim(what, told, f"{number(found.spearman)} of {found.n:,}", "another sample")


def _table_of_correlations(benchmark: Benchmark, columns: Sequence[str]) -> Table:
    rows = []
    for score in benchmark.scores.columns:
        judged = [benchmark.judged(score, column) for column in columns]
        both = [found for one in judged for found in (one.all, one.best)]
        rows.append([score, *(f"{number(one.spearman)} ({number(one.kendall)})" for one in both)])
    return Table(["score", *(head for column in columns for head in (f"{column}: all", "best 5 %"))], rows)


def _darts() -> Iterator[Part]:
    told = published()["sed_paper"]["darts_search"]["sed"]
    space = find_space("darts")
    began = time.perf_counter()
    drawn = sample(space, 2000, seed=0)
    values = data_free(space, drawn["index"], ("sed",))["sed"]
    best = int(np.lexsort((drawn["index"], -values.to_numpy()))[0])
    searched = time.perf_counter() - began
    began = time.perf_counter()
    top = top_k(space, 1)
    exact = time.perf_counter() - began
    days = told["cpu_days"] * 86400
    rank = distribution(space, "sed").rank(float(values[best]))
    yield claims.table_of(
        [claims.of_seconds("the best of random cells: seconds of the search on a CPU", days, searched)]
    )
    yield (
        f"The best of 2,000 random cells (seed 0) has SED {values[best]:g}; {rank - 1:,} of the {space.size:,} are "
        f"better. The best of all of them, SED {top['sed'][0]:g}, takes {duration(exact)} to find: `{top['arch'][0]}`. "
        f"The paper's network (error {told['cifar10_error_percent']} %, {told['params_millions']} million parameters) "
        f"was trained; nothing here is."
    )


def _survey(known: Benchmarks) -> Iterator[Part]:
    told = published()["survey"]["test_accuracy_of_best_by_proxy"]
    yield f"{published()['survey']['source']}: test accuracy of the best by each proxy, SED as a new row."
    columns = [(name, dataset) for name in TABLES for dataset in ("cifar100", "imagenet16")]
    yield claims.table_of(claim for name, dataset in columns for claim in _best_by_size(name, dataset, known[name]))
    rows = []
    for proxy, values in told.items():
        rows.append([proxy, *(number(values.get(f"{name}_{dataset}")) for name, dataset in columns)])
    rows.append(["SED, measured here", *(_reached_by_sed(name, dataset, known[name]) for name, dataset in columns)])
    yield Table(["best by", *(f"{name}, {dataset}" for name, dataset in columns)], rows)


def _other_table(name: str, dataset: str, benchmark: Benchmark) -> str | None:
    """Return what is said of a table that is not the survey's: the best accuracy of all is another one."""
    truth = published()["survey"]["test_accuracy_of_best_by_proxy"]["ground_truth"][f"{name}_{dataset}"]
    same = claims.same_accuracy(truth, benchmark.best_accuracy(f"{dataset}_test"))
    return None if same else claims.OTHER_TABLE


def _best_by_size(name: str, dataset: str, benchmark: Benchmark | None) -> Iterator[Claim]:
    """Yield the survey's claims on the best accuracy of all, and on those of the largest architectures."""
    if benchmark is None:
        yield claims.unchecked(f"{name}, {dataset}", "-", TABLES[name][0])
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


def _hardware(known: Benchmarks, tables: Path) -> Iterator[Part]:
    tss = known["tss"]
    if tss is None or not (tables / HARDWARE_TABLE).is_file():
        yield f"Unchecked: {claims.missing(TABLES['tss'][0] if tss is None else HARDWARE_TABLE)}."
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


def _unchecked() -> Iterator[Part]:
    yield (
        "What needs training: the test errors of searched networks on CIFAR-10 and ImageNet. What needs each proxy on "
        "a whole space: Table 2 of all scores but SED and #params (`sedspace crosscheck` computes them on samples). "
        "The paper's equations (1) to (5), which were not available: SED here is the form identified from these "
        "figures."
    )
