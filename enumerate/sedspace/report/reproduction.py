"""The published figures of the SED paper and of the survey, beside what is measured here, with a verdict for each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sedspace.census import distribution, sample, top_k
from sedspace.crosscheck.rows import Study
from sedspace.errors import BadInput
from sedspace.join import key_of, read_table, refuse_repeated, with_index
from sedspace.machine import cpu_name
from sedspace.published import published
from sedspace.report import pictures
from sedspace.report.page import Part, Report, Section, Table
from sedspace.report.sections import duration, number
from sedspace.report.statistics import Judgement, correlation, judge
from sedspace.report.values import data_free, summary
from sedspace.scores import score as score_all
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.version import __version__

TABLES = {
    "tss": ("nats_tss.parquet", ("cifar10_test", "cifar100_test", "imagenet16_test")),
    "sss": ("nats_sss.parquet", ("cifar10_test", "cifar100_test", "imagenet16_test")),
}
DARTS_TABLE, DARTS_COLUMN = "nb301_1218.parquet", "cifar10_val_surrogate"
HARDWARE_TABLE = "hw_nas_bench_cifar10.parquet"
_CLOSE_RANK = 1.25  # tables of accuracies differ between releases: the paper's ranks of #params do by up to 6 %
_CLOSE_RHO = 0.05
_OTHER_TRAINING = 0.5  # percent: of sss there are accuracies after 12 and after 90 epochs
_BUDGETS = 0.1, 0.25, 0.5, 0.75, 1.0


@dataclass(frozen=True)
class Claim:
    """A published figure, what is measured, and whether they agree."""

    what: str
    published: str
    measured: str
    verdict: str

    def row(self) -> list[str]:
        """Return it as a row of a table."""
        return [self.what, self.published, self.measured, self.verdict]


HEADS = ["claim", "published", "measured", "verdict"]


def reproduction(tables: Path, study: Study | None = None) -> Report:
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
    known = {name: _accuracies(tables, name) for name in TABLES}
    sections = [
        Section("Selected architectures", list(_selected(known))),
        Section("Correlations", list(_correlations(known, tables))),
        Section("Time", list(_times(study))),
        Section("Search among DARTS cells", list(_darts())),
        Section("The survey: best by proxy", list(_survey(known))),
        Section("The survey: networks within a budget of hardware", list(_hardware(known, tables))),
        Section("What is not checked", list(_unchecked())),
    ]
    claims = list(_claims(sections))
    counted = ", ".join(f"{claims.count(verdict)} {verdict}" for verdict in dict.fromkeys(claims))
    about = (
        f"Published figures of {published()['sed_paper']['source']} and of {published()['survey']['source']}, beside "
        f"what sedspace {__version__} measures on this machine ({cpu_name()}). A rank is reproduced if it is "
        f"within a factor of {_CLOSE_RANK}, since releases of the accuracy tables differ, a correlation within "
        f"{_CLOSE_RHO} (or higher, which is said), an accuracy to two digits; one that is off by more than "
        f"{_OTHER_TRAINING} points comes from a table of another training and says nothing about the claim. "
        f"Of {len(claims)} claims: {counted}."
    )
    return Report("SED: published and measured", [Section("Summary", [about]), *sections])


def _claims(sections: list[Section]) -> Iterator[str]:
    """Yield the verdicts."""
    for section in sections:
        for part in section.parts:
            if isinstance(part, Table) and list(part.heads) == HEADS:
                yield from (row[-1] for row in part.rows)


def _table(claims: list[Claim]) -> Table:
    return Table(HEADS, [claim.row() for claim in claims])


def _accuracies(tables: Path, name: str) -> tuple[Space, pl.DataFrame, pl.DataFrame] | None:
    """Return a space, its table of accuracies by index, and the data-free scores of the same architectures."""
    path = tables / TABLES[name][0]
    if not path.is_file():
        return None
    space = find_space(name)
    keyed = _keyed(path, space, TABLES[name][1]).sort("index")
    if len(keyed) != space.size:
        raise BadInput(f"table {path} has {len(keyed)} architectures of {name}, expected all {space.size}")
    return space, keyed, data_free(space, keyed["index"])


def _check_columns(path: Path, table: pl.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in table.columns:
            raise BadInput(f"table {path} has no column {column}: it has {', '.join(table.columns)}")


def _keyed(path: Path, space: Space, columns: Sequence[str] = ()) -> pl.DataFrame:
    """Return a table by index, those columns only if any are named."""
    table = read_table(path)
    _check_columns(path, table, columns)
    keyed, unreadable = with_index(table, key_of(table), space)
    if unreadable:
        raise BadInput(f"table {path}: {unreadable[0]}")
    refuse_repeated(keyed, space)
    return keyed.select("index", *columns) if columns else keyed


def _judged(known: tuple[Space, pl.DataFrame, pl.DataFrame], score: str, column: str) -> Judgement:
    _, keyed, free = known
    judged = judge(free[score], keyed[column], keyed["index"])
    assert judged is not None
    return judged


def _verdict(close: bool) -> str:
    return "reproduced" if close else "not reproduced"


def _same(told: float, found: float, also: bool = True) -> str:
    """Return the verdict on an accuracy in percent: one that is far off was measured after another training."""
    if abs(found - told) > _OTHER_TRAINING:
        return "another table"
    return _verdict(abs(found - told) < 0.01 and also)


def _missing(name: str) -> str:
    return f"{name} is not in --tables"


def _selected(known: dict[str, Any]) -> Iterator[Part]:
    best = published()["sed_paper"]["best_by_proxy"]
    yield "Table 2 of the paper: rank by test accuracy, and test accuracy, of the best architecture by a score."
    claims = []
    for name, (file, columns) in TABLES.items():
        for score in ("sed", "params"):
            for column in columns:
                dataset = column.removesuffix("_test")
                told = best[name][score][dataset]
                what = f"{name}, {dataset}: best by {score}"
                shown = f"rank {told['rank']:,}, {told['test_accuracy']:.2f} %"
                if known[name] is None:
                    claims.append(Claim(what, shown, _missing(file), "unchecked"))
                    continue
                judged = _judged(known[name], score, column)
                ratio = max(judged.rank, told["rank"]) / min(judged.rank, told["rank"])
                verdict = _same(told["test_accuracy"], judged.accuracy, also=ratio <= _CLOSE_RANK)
                claims.append(Claim(what, shown, f"rank {judged.rank:,}, {judged.accuracy:.2f} %", verdict))
    yield _table(claims)


def _correlations(known: dict[str, Any], tables: Path) -> Iterator[Part]:
    told = published()["sed_paper"]["spearman"]
    claims = []
    for column in TABLES["tss"][1]:
        dataset = column.removesuffix("_test")
        value = told["tss_minimum_accuracy_of_equal_sed"][dataset]
        what = f"tss, {dataset}: SED with the least accuracy among equal SED (Spearman)"
        found = None if known["tss"] is None else _judged(known["tss"], "sed", column).minimum
        claims.append(_rho(what, value, found, TABLES["tss"][0]))
    found = None
    if (tables / DARTS_TABLE).is_file():
        table, space = read_table(tables / DARTS_TABLE), find_space("darts")
        _check_columns(tables / DARTS_TABLE, table, ("genotype", DARTS_COLUMN))
        index = pl.Series("index", space.parse(table["genotype"]))
        found = correlation(data_free(space, index, ("sed",))["sed"], table[DARTS_COLUMN]).spearman
    what = "darts: SED with the accuracy of 2,000 random cells (here those of the table)"
    claims.append(_rho(what, told["darts_2000_random"], found, DARTS_TABLE))
    yield _table(claims)
    for name, (_, columns) in TABLES.items():
        if known[name] is None:
            continue
        free = known[name][2].columns
        rows = []
        for score in free:
            judged = [_judged(known[name], score, column) for column in columns]
            cells = [f"{number(one.all.spearman)} ({number(one.all.kendall)})" for one in judged]
            best = [f"{number(one.best.spearman)} ({number(one.best.kendall)})" for one in judged]
            rows.append([score, *(cell for pair in zip(cells, best, strict=True) for cell in pair)])
        heads = [head for column in columns for head in (f"{column}: all", "best 5 %")]
        yield f"Spearman (Kendall) on all of `{name}`, and on the best 5 % by accuracy."
        yield Table(["score", *heads], rows)
    if known["tss"] is not None:
        _, keyed, free = known["tss"]
        yield "Figure 2 of the paper: parameters, SED and test accuracy of all cells."
        yield pictures.plane(free["params"], free["sed"], keyed[TABLES["tss"][1][0]], TABLES["tss"][1][0])


def _rho(what: str, told: float, found: float | None, file: str) -> Claim:
    if found is None:
        return Claim(what, f"{told:.2f}", _missing(file), "unchecked")
    verdict = "higher" if found > told + _CLOSE_RHO else _verdict(found >= told - _CLOSE_RHO)
    return Claim(what, f"{told:.2f}", f"{found:.2f}", verdict)


def _times(study: Study | None) -> Iterator[Part]:
    paper = published()["sed_paper"]
    text, space = paper["text"], find_space("tss5")
    score_all(space)  # once before it counts
    began = time.perf_counter()
    score_all(space)
    seconds = time.perf_counter() - began
    each = seconds / space.size
    told = text["tss5_by_sed_hours"] * 3600
    claims = [
        Claim(
            "SED of one architecture",
            duration(text["sed_seconds_per_architecture"]),
            duration(each),
            _verdict(each <= text["sed_seconds_per_architecture"]),
        ),
        Claim("Example 1: SED of all of tss5", duration(told), duration(seconds), _verdict(seconds <= told)),
    ]
    what = "Example 1: grad_norm of all of tss5"
    hours = f"{text['tss5_by_grad_norm_gpu_hours']:,} h on a GPU"
    costs = {row["proxy"]: row for row in summary(study)} if study is not None else {}
    if "grad_norm" in costs and study is not None:
        one = costs["grad_norm"]
        total = (one["seconds"] + one["build_seconds"]) * space.size
        machine = f"{duration(total)} on {study.setting.machine} ({study.setting.device})"
        close = 1 / 3 <= total / 3600 / text["tss5_by_grad_norm_gpu_hours"] <= 3
        claims.append(Claim(what, hours, machine, _verdict(close)))
        told_ratio = text["grad_norm_seconds_per_architecture"] / text["sed_seconds_per_architecture"]
        ratio = one["seconds"] / each
        verdict = _verdict(ratio >= told_ratio)
        claims.append(Claim("grad_norm / SED, seconds", f"{told_ratio:,.0f}", f"{ratio:,.0f}", verdict))
    else:
        claims.append(Claim(what, hours, "no --study with grad_norm", "unchecked"))
    yield _table(claims)
    yield "Seconds are faster here or slower with the machine; grad_norm counts as reproduced within a factor of 3."
    if costs:
        told_seconds = paper["seconds_per_architecture"]["tss_cifar10"]
        rows = [[name, f"{row['seconds']:.3g}", number(told_seconds.get(name), "g")] for name, row in costs.items()]
        rows.append(["sed", f"{each:.2g}", number(told_seconds["sed"], "g")])
        yield f"Table 1 of the paper (tss, CIFAR-10, {paper['hardware']}), and the study's medians: seconds of one."
        yield Table(["proxy", "measured", "published"], rows)


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
    yield _table(
        [
            Claim(
                "the best of random cells: seconds of the search",
                duration(days),
                duration(searched),
                _verdict(searched <= days),
            )
        ]
    )
    yield (
        f"The best of 2,000 random cells (seed 0) has SED {values[best]:g}; {rank - 1:,} of the {space.size:,} are "
        f"better. The best of all of them, SED {top['sed'][0]:g}, takes {duration(exact)} to find: `{top['arch'][0]}`. "
        f"The paper's network (error {told['cifar10_error_percent']} %, {told['params_millions']} million parameters) "
        f"was trained; nothing here is."
    )


def _survey(known: dict[str, Any]) -> Iterator[Part]:
    told = published()["survey"]["test_accuracy_of_best_by_proxy"]
    yield f"{published()['survey']['source']}: test accuracy of the best by each proxy, SED as a new row."
    columns = [(name, dataset) for name in TABLES for dataset in ("cifar100", "imagenet16")]
    claims = []
    for name, dataset in columns:
        if known[name] is None:
            claims.append(Claim(f"{name}, {dataset}", "-", _missing(TABLES[name][0]), "unchecked"))
            continue
        accuracy = known[name][1][f"{dataset}_test"]
        truth = told["ground_truth"][f"{name}_{dataset}"]
        best = float(accuracy.max())
        claims.append(Claim(f"{name}, {dataset}: best of all", f"{truth:.2f}", f"{best:.2f}", _same(truth, best)))
        for score, column in (("params", "params"), ("flops", "macs")):
            value = told[score][f"{name}_{dataset}"]
            found = _judged(known[name], column, f"{dataset}_test").accuracy
            what = f"{name}, {dataset}: best by {score}"
            claims.append(Claim(what, f"{value:.2f}", f"{found:.2f}", _same(value, found)))
    yield _table(claims)
    rows = []
    for proxy, values in told.items():
        rows.append([proxy, *(number(values.get(f"{name}_{dataset}")) for name, dataset in columns)])
    cells = [
        "-" if known[name] is None else number(_judged(known[name], "sed", f"{dataset}_test").accuracy)
        for name, dataset in columns
    ]
    rows.append(["SED, measured here", *cells])
    yield Table(["best by", *(f"{name}, {dataset}" for name, dataset in columns)], rows)


def _hardware(known: dict[str, Any], tables: Path) -> Iterator[Part]:
    if known["tss"] is None or not (tables / HARDWARE_TABLE).is_file():
        missing = HARDWARE_TABLE if known["tss"] is not None else TABLES["tss"][0]
        yield f"Unchecked: {_missing(missing)}."
        return
    space, keyed, free = known["tss"]
    hardware = _keyed(tables / HARDWARE_TABLE, space)
    frame = keyed.with_columns(free.select("sed", "params")).join(hardware, on="index", how="inner")
    costs = [name for name in hardware.columns if name.endswith(("_latency", "_energy"))]
    yield (
        "Figures 18 and 19 of the survey ask which networks a score picks within a budget of latency or energy. Of the "
        "cheapest share of all cells: the accuracy (cifar100) of the best by SED, of the best by #params, "
        "and of the truly best; and how many of the cells that are Pareto-optimal by SED and cost are so by accuracy."
    )
    rows = []
    for cost in costs:
        cells = []
        for share in _BUDGETS:
            within = frame.filter(pl.col(cost) <= pl.col(cost).quantile(share))
            picks = [
                within.sort([score, "index"], descending=[True, False])["cifar100_test"][0]
                for score in ("sed", "params")
            ]
            cells.append(f"{picks[0]:.1f} / {picks[1]:.1f} / {within['cifar100_test'].max():.1f}")
        ours, truth = (_front(frame, score, cost) for score in ("sed", "cifar100_test"))
        rows.append([cost, *cells, f"{len(ours & truth)} of {len(ours)}, truly {len(truth)}"])
    yield Table(["SED / #params / best", *(f"cheapest {share:.0%}" for share in _BUDGETS), "Pareto-optimal"], rows)


def _front(frame: pl.DataFrame, score: str, cost: str) -> set[int]:
    """Return the indices of the cells that no other beats by score at no more cost; equal ones by the lowest index."""
    ranked = frame.select("index", score, cost).sort([cost, score, "index"], descending=[False, True, False])
    before = ranked[score].cum_max().shift(1)
    return set(ranked.filter(before.is_null() | (ranked[score] > before))["index"].to_list())


def _unchecked() -> Iterator[Part]:
    yield (
        "What needs training: the test errors of searched networks on CIFAR-10 and ImageNet. What needs each proxy on "
        "a whole space: Table 2 of all scores but SED and #params (`sedspace crosscheck` computes them on samples). "
        "The paper's equations (1) to (5), which were not available: SED here is the form identified from these "
        "figures."
    )
