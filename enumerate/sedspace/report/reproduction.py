"""The published figures of the SED paper and of the survey, beside what is measured here, with a verdict for each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sedspace.correlation import rank_correlation
from sedspace.counting import distribution, sample, top_k
from sedspace.errors import BadInput
from sedspace.provenance import cpu_name
from sedspace.published import published
from sedspace.report import pictures
from sedspace.report.page import Part, Report, Section, Table
from sedspace.report.sections import duration, number
from sedspace.report.statistics import Judgement, judge
from sedspace.report.values import data_free, summary
from sedspace.scores import score as score_all
from sedspace.scores.ranking import pareto_front
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.studies import Study
from sedspace.tables import key_of, read_table, refuse_repeated, with_index
from sedspace.version import __version__

TABLES = {
    "tss": ("nats_tss.parquet", ("cifar10_test", "cifar100_test", "imagenet16_test")),
    "sss": ("nats_sss.parquet", ("cifar10_test", "cifar100_test", "imagenet16_test")),
}
DARTS_TABLE, DARTS_COLUMN = "nb301_1218.parquet", "cifar10_val_surrogate"
HARDWARE_TABLE = "hw_nas_bench_cifar10.parquet"
_CLOSE_RANK = 1.25  # tables of accuracies differ between releases: the paper's ranks of #params do by up to 6 %
_CLOSE_RHO = 0.05
_CLOSE_ACCURACY = 0.01  # percent: figures are published to two digits
_CLOSE_SECONDS = 3.0  # a factor, of the same kind of device
_OTHER_TABLE = "another table"  # of sss there are accuracies after 12 and after 90 epochs
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
    if study is not None:
        study.seconds_of_sed()
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
        f"{_CLOSE_RHO} (or higher, which is said), an accuracy to two digits, seconds if they are no more. Only what "
        f"is of one kind is compared. Where the published accuracy is not that of the published rank in the table at "
        f"hand, or the best accuracies of all differ, that is {_OTHER_TABLE}, of another training, and says nothing "
        f"about the claim; nor does another device, another data set or another sample. "
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


def _same(told: float, found: float) -> bool:
    """Return whether accuracies in percent are the same to two digits."""
    return abs(found - told) < _CLOSE_ACCURACY


def is_of_table(rank: int, told: float, accuracies: pl.Series) -> bool:
    """Return whether a published accuracy stands about where its published rank says in the table at hand.

    This asks the table only, not what a score finds in it.
    """
    ordered = accuracies.sort(descending=True)
    first, last = int(rank / _CLOSE_RANK), min(int(rank * _CLOSE_RANK) + 1, len(ordered))
    return bool(ordered[last - 1] - _CLOSE_ACCURACY < told < ordered[max(first, 1) - 1] + _CLOSE_ACCURACY)


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
                verdict = _verdict(_same(told["test_accuracy"], judged.accuracy) and ratio <= _CLOSE_RANK)
                if not is_of_table(told["rank"], told["test_accuracy"], known[name][1][column]):
                    verdict = _OTHER_TABLE
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
    what, told_rho = "darts: SED with the accuracy of 2,000 random cells", told["darts_2000_random"]
    if (tables / DARTS_TABLE).is_file():
        table, space = read_table(tables / DARTS_TABLE), find_space("darts")
        _check_columns(tables / DARTS_TABLE, table, ("genotype", DARTS_COLUMN))
        index = pl.Series("index", space.parse(table["genotype"]))
        rho = rank_correlation(data_free(space, index, ("sed",))["sed"], table[DARTS_COLUMN])
        claims.append(Claim(what, f"{told_rho:.2f}", f"{number(rho.spearman)} of {rho.n:,}", "another sample"))
    else:
        claims.append(_rho(what, told_rho, None, DARTS_TABLE))
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
    text, space = published()["sed_paper"]["text"], find_space("tss5")
    alone, whole = _sed_seconds(space)
    told = text["tss5_by_sed_hours"] * 3600
    yield _table(
        [
            _faster("SED of one architecture of tss5, asked for alone", text["sed_seconds_per_architecture"], alone),
            _faster("Example 1: SED of all of tss5", told, whole),
            *_grad_norm(study),
        ]
    )
    yield (
        f"One architecture is held against one, a whole space against a whole space. Seconds are of this machine, "
        f"those of proxies of the study's; grad_norm counts as reproduced within a factor of {_CLOSE_SECONDS:g} on a "
        f"GPU, its hours of a whole space being the study's medians (with building the network) times the size."
    )
    if study is not None:
        yield from _table_1(study)


def _sed_seconds(space: Space) -> tuple[float, float]:
    """Return the seconds of asking for one architecture, a median, and those of scoring the whole space."""

    def taken(start: int, stop: int) -> float:
        began = time.perf_counter()
        score_all(space, "sed", start, stop)
        return time.perf_counter() - began

    taken(0, space.size)  # once before it counts
    return float(np.median([taken(i, i + 1) for i in range(0, space.size, space.size // 100)])), taken(0, space.size)


def _faster(what: str, told: float, found: float) -> Claim:
    return Claim(what, duration(told), duration(found), "reproduced" if found <= told else "slower")


def _grad_norm(study: Study | None) -> Iterator[Claim]:
    """Yield what is published of grad_norm's seconds beside the study's, with verdicts where they are of one kind."""
    text = published()["sed_paper"]["text"]
    costs = {row["proxy"]: row for row in summary(study)} if study is not None else {}
    space = find_space("tss5" if study is None else study.setting.space["name"])
    hours = text[f"{space.name}_by_grad_norm_gpu_hours"]
    what, shown = f"grad_norm of all of {space.name}", f"{hours:,} h on a GPU"
    if study is None or "grad_norm" not in costs:
        yield Claim(what, shown, "no --study with grad_norm", "unchecked")
        return
    each = costs["grad_norm"]["seconds"] + costs["grad_norm"]["build_seconds"]
    total = each * space.size / 3600
    other = other_kind(study)
    close = 1 / _CLOSE_SECONDS <= total / hours <= _CLOSE_SECONDS
    measured = f"{duration(total * 3600)} on {study.setting.machine} ({study.setting.device})"
    yield Claim(what, shown, measured, other or _verdict(close))
    pairs = {"one architecture": (text["grad_norm_seconds_per_architecture"], text["sed_seconds_per_architecture"])}
    if space.name == "tss5":
        pairs["the whole space"] = (hours, text["tss5_by_sed_hours"])
    sed = study.seconds_of_sed()
    for kind, seconds in zip(pairs, (sed.alone, sed.whole), strict=False):
        told, ratio = pairs[kind][0] / pairs[kind][1], each / seconds
        what = f"grad_norm / SED, seconds of {kind}"
        yield Claim(what, f"{told:,.0f}", f"{ratio:,.0f}", other or ("reproduced" if ratio >= told else "less"))


def other_kind(study: Study) -> str | None:
    """Return in what a study's seconds are of another kind than the published ones, None if in nothing."""
    if study.setting.device != "cuda":
        return "another device"
    return "another data set" if study.setting.dataset != "cifar10" else None


def _table_1(study: Study) -> Iterator[Part]:
    """Yield the study's seconds, beside the published ones if these are of its space and data set."""
    paper, setting = published()["sed_paper"], study.setting
    told = paper["seconds_per_architecture"].get(f"{setting.space['name']}_{setting.dataset}", {})
    rows = [[row["proxy"], f"{row['seconds']:.3g}", number(told.get(row["proxy"]), "g")] for row in summary(study)]
    rows.append(["sed, asked for alone", f"{study.seconds_of_sed().alone:.2g}", number(told.get("sed"), "g")])
    yield (
        f"Seconds of one architecture: the study's medians ({setting.space['name']}, {setting.dataset}, "
        f"{setting.machine}), and Table 1 of the paper ({paper['hardware']}) where it has that space and data set."
    )
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
            _faster("the best of random cells: seconds of the search on a CPU", days, searched),
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
    claims, others = [], []
    for name, dataset in columns:
        if known[name] is None:
            claims.append(Claim(f"{name}, {dataset}", "-", _missing(TABLES[name][0]), "unchecked"))
            continue
        accuracy = known[name][1][f"{dataset}_test"]
        truth = told["ground_truth"][f"{name}_{dataset}"]
        best = float(accuracy.max())  # of the table only: if that is another, so is the table
        other = None if _same(truth, best) else _OTHER_TABLE
        others += [(name, dataset)] * (other is not None)
        claims.append(Claim(f"{name}, {dataset}: best of all", f"{truth:.2f}", f"{best:.2f}", other or "reproduced"))
        for score, column in (("params", "params"), ("flops", "macs")):
            value = told[score][f"{name}_{dataset}"]
            found = _judged(known[name], column, f"{dataset}_test").accuracy
            what = f"{name}, {dataset}: best by {score}"
            claims.append(Claim(what, f"{value:.2f}", f"{found:.2f}", other or _verdict(_same(value, found))))
    yield _table(claims)
    rows = []
    for proxy, values in told.items():
        rows.append([proxy, *(number(values.get(f"{name}_{dataset}")) for name, dataset in columns)])
    cells = [
        "-"
        if known[name] is None
        else number(_judged(known[name], "sed", f"{dataset}_test").accuracy)
        + f" ({_OTHER_TABLE})" * ((name, dataset) in others)
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
    frame = keyed.with_columns(free.select("sed", "params")).join(hardware, on="index", how="inner").sort("index")
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
        ours, truth = (set(pareto_front(frame, score, cost)["index"]) for score in ("sed", "cifar100_test"))
        rows.append([cost, *cells, f"{len(ours & truth)} of {len(ours)}, truly {len(truth)}"])
    yield Table(["SED / #params / best", *(f"cheapest {share:.0%}" for share in _BUDGETS), "Pareto-optimal"], rows)


def _unchecked() -> Iterator[Part]:
    yield (
        "What needs training: the test errors of searched networks on CIFAR-10 and ImageNet. What needs each proxy on "
        "a whole space: Table 2 of all scores but SED and #params (`sedspace crosscheck` computes them on samples). "
        "The paper's equations (1) to (5), which were not available: SED here is the form identified from these "
        "figures."
    )
