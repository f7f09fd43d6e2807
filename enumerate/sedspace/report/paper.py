"""What the SED paper says: the architectures that scores select, correlations, and the search among DARTS cells."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import numpy as np

from sedspace.counting import distribution, sample, top_k
from sedspace.published import published
from sedspace.report import claims, pictures
from sedspace.report.architectures import data_free
from sedspace.report.benchmarks import ACCURACY_TABLES, Benchmark, Benchmarks
from sedspace.report.claims import Claim
from sedspace.report.numbers import duration, number
from sedspace.report.page import Part, Table
from sedspace.spaces import space as find_space

OF_SPACE = {"tss": ACCURACY_TABLES["nats_tss"], "sss": ACCURACY_TABLES["nats_sss"]}
_DARTS = ACCURACY_TABLES["nb301_1218"]


def selected(known: Benchmarks) -> Iterator[Part]:
    """Yield Table 2 of the paper."""
    best = published()["sed_paper"]["best_by_proxy"]
    yield "Table 2 of the paper: rank by test accuracy, and test accuracy, of the best architecture by a score."
    yield claims.table_of(
        _best_by(name, score, column, best[name][score][column.removesuffix("_test")], known.get(table))
        for name, table in OF_SPACE.items()
        for score in ("sed", "params")
        for column in table.columns
    )


def _best_by(name: str, score: str, column: str, told: Mapping[str, float], known: Benchmark | None) -> Claim:
    """Return the claim on rank and accuracy of the best architecture by a score."""
    what = f"{name}, {column.removesuffix('_test')}: best by {score}"
    shown = f"rank {told['rank']:,}, {told['test_accuracy']:.2f} %"
    if known is None:
        return claims.unchecked(what, shown, OF_SPACE[name].file)
    judged = known.judged(score, column)
    ratio = max(judged.rank, told["rank"]) / min(judged.rank, told["rank"])
    same = claims.same_accuracy(told["test_accuracy"], judged.accuracy)
    verdict = claims.verdict(same and ratio <= claims.CLOSE_RANK)
    if not claims.is_of_table(told["rank"], told["test_accuracy"], known.accuracies[column]):
        verdict = claims.OTHER_TABLE
    return Claim(what, shown, f"rank {judged.rank:,}, {judged.accuracy:.2f} %", verdict)


def correlations(known: Benchmarks) -> Iterator[Part]:
    """Yield the paper's correlations, and those of all data-free scores."""
    yield claims.table_of([*_least_accuracies(known.get(OF_SPACE["tss"])), _random_darts(known.get(_DARTS))])
    for name, table in OF_SPACE.items():
        if (benchmark := known.get(table)) is not None:
            yield f"Spearman (Kendall) on all of `{name}`, and on the best 5 % by accuracy."
            yield _table_of_correlations(benchmark)
    if (tss := known.get(OF_SPACE["tss"])) is not None:
        column = tss.table.columns[0]
        yield "Figure 2 of the paper: parameters, SED and test accuracy of all cells."
        yield pictures.plane(tss.scores["params"], tss.scores["sed"], tss.accuracies[column], column)


def _least_accuracies(tss: Benchmark | None) -> Iterator[Claim]:
    """Yield the claims on SED and the least accuracy among cells of equal SED."""
    told = published()["sed_paper"]["spearman"]["tss_minimum_accuracy_of_equal_sed"]
    for column in OF_SPACE["tss"].columns:
        dataset = column.removesuffix("_test")
        what = f"tss, {dataset}: SED with the least accuracy among equal SED (Spearman)"
        if tss is None:
            yield claims.unchecked(what, f"{told[dataset]:.2f}", OF_SPACE["tss"].file)
        else:
            yield claims.of_rho(what, told[dataset], tss.judged("sed", column).minimum)


def _random_darts(cells: Benchmark | None) -> Claim:
    """Return the claim on SED and accuracy of random DARTS cells."""
    what = "darts: SED with the accuracy of 2,000 random cells"
    told = f"{published()['sed_paper']['spearman']['darts_2000_random']:.2f}"
    if cells is None:
        return claims.unchecked(what, told, _DARTS.file)
    found = cells.judged("sed", cells.table.columns[0]).all
    return Claim(what, told, f"{number(found.spearman)} of {found.n:,}", "another sample")


def _table_of_correlations(benchmark: Benchmark) -> Table:
    rows, columns = [], benchmark.table.columns
    for score in benchmark.scores.columns:
        judged = [benchmark.judged(score, column) for column in columns]
        both = [found for one in judged for found in (one.all, one.best)]
        rows.append([score, *(f"{number(one.spearman)} ({number(one.kendall)})" for one in both)])
    return Table(["score", *(head for column in columns for head in (f"{column}: all", "best 5 %"))], rows)


def darts_search() -> Iterator[Part]:
    """Yield what the paper's search among random DARTS cells takes, and what the exact one does."""
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
