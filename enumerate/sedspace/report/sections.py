"""What a report says: agreement of scores, seconds, what has no value, and measured accuracies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sedspace.correlation import RankCorrelation, rank_correlation
from sedspace.errors import BadInput, unknown
from sedspace.published import published
from sedspace.report import pictures
from sedspace.report.architectures import by_architecture, data_free, first_of, scores_of, summary, title_of
from sedspace.report.costs import cost_parts
from sedspace.report.learned import learned
from sedspace.report.numbers import digits, duration, number
from sedspace.report.page import Part, Report, Section, Table
from sedspace.spaces import Space, described
from sedspace.statistics import (
    ENSEMBLE,
    MOST_RESAMPLED,
    RESAMPLES,
    TOP,
    TREES,
    Intervals,
    Judgement,
    ensemble,
    intervals,
    judge,
)
from sedspace.studies import Study
from sedspace.tables import read_table, refuse_repeated, with_index

_ACCURACY = "(?i)acc|test|val"
_MEASURED = "measured accuracy"  # no score has such a name
_INTERVALS = (
    f"In parentheses: 95 % intervals, by {RESAMPLES:,} bootstrap resamples of the architectures (percentiles, seed 0); "
    f"none of more than {MOST_RESAMPLED:,} architectures."
)
_MOST_PAIRED = 500  # architectures of which every pair of scores has an interval

_MEASURES = (
    f"nDCG at {TOP:,}: how much of what the best order would gain the {TOP:,} first by the score do, if an accuracy of "
    f"a percent gains 2^a - 1 and place j counts 1 / log2(1 + j), as VKDNW (arXiv 2502.04975) defines it; a dash where "
    f"accuracies are no percentages. Regret: what the best of the table reaches more than the best by the score."
)


def report_of(study: Study, accuracy: str | Path | None = None, columns: Sequence[str] | None = None) -> Report:
    """Return the report of a study; see `sedspace.report.write_report`."""
    study.refuse_empty()
    wide, space = by_architecture(study), described(study.setting.space)
    measured = None if accuracy is None else _measured(space, wide, accuracy, columns)  # refused before all is drawn
    proxies, costs = study.rows["proxy"].n_unique(), summary(study)
    sections = [
        Section("The study", list(_about(study, space, wide, costs))),
        Section("Do they rank alike?", list(_agreement(study, wide))),
        Section("What they cost", list(cost_parts(study, space, costs))),
        Section("What has no value", list(_undefined(study))),
    ]
    if measured is not None:
        for column in measured.columns:
            sections += [Section(f"Against {column}", list(_accuracy(study, column, measured, wide)))]
            sections += [Section(f"Learning {column} from few", list(_learned(space, column, measured)))]
    title = (
        f"{len(wide):,} architectures of {space.name}: {title_of(first_of(wide))} beside {proxies} zero-cost proxies"
    )
    return Report(title, sections)


# -- the study itself -------------------------------------------------------------------------------------------------


def _about(study: Study, space: Space, wide: pl.DataFrame, summed: pl.DataFrame) -> Iterator[Part]:
    setting = study.setting
    repeats = study.rows["repeat"].n_unique()
    images = "random images" if setting.images == "random" else f"given images (SHA-256 {setting.images[:12]}...)"
    yield (
        f"{len(wide):,} of the {space.size:,} architectures of `{space.name}`, {repeats} "
        f"{'value' if repeats == 1 else 'values'} of each proxy on each. Networks for {setting.dataset}, freshly "
        f"initialised, float32; batches of {setting.batch} {images}, the same for all architectures; "
        f"seed {setting.seed}."
    )
    if study.samples:
        yield f"They are: {'; '.join(map(str, study.samples))}."
    yield f"{setting.machine} ({setting.device}); sedspace {setting.sedspace}, torch {setting.torch}."
    costs, sed = dict(summed.select("proxy", "seconds").iter_rows()), study.sed_seconds
    if sed is None:
        yield f"The space has no SED: proxies are held against {title_of(first_of(wide))}."
        return
    name = "grad_norm" if "grad_norm" in costs else max(costs, key=lambda one: costs[one])
    agreement = rank_correlation(wide["sed"], wide[name])
    yield (
        f"SED and `{name}` rank them with Spearman {number(agreement.spearman)}. One value of `{name}` takes "
        f"{duration(costs[name])} here. SED of one architecture, asked for alone, takes "
        f"{duration(sed.alone)}, {digits(costs[name] / sed.alone)} times less; "
        f"of one among a whole space, scored at once, {duration(sed.whole)}, "
        f"{digits(costs[name] / sed.whole)} times less."
    )


def _agreement(study: Study, wide: pl.DataFrame) -> Iterator[Part]:
    names = scores_of(wide)
    pairs = {(a, b): rank_correlation(wide[a], wide[b]) for i, a in enumerate(names) for b in names[: i + 1]}
    pairs |= {(b, a): found for (a, b), found in pairs.items()}
    note = (
        f" Less is better of {', '.join(f'`{one}`' for one in study.less)}; signs are as they are."
        if study.less
        else ""
    )
    first = first_of(wide)
    stratified = (
        "one stratified by SED, as `sedspace crosscheck` draws it unless told otherwise, spreads SED evenly, and shows "
        "greater ones than the whole space has."
    )
    yield (
        f"Rank correlations over the architectures that both have a value on; repeats averaged.{note} They are of this "
        f"sample{f': {stratified}' if first == 'sed' else '.'}"
    )
    others = [name for name in names if name != first]
    yield Table(
        [f"with {title_of(first)}", "Spearman", "Kendall", "architectures"],
        [
            [name, *_within(pairs[first, name], intervals(wide[first], wide[name])), str(pairs[first, name].n)]
            for name in others
        ],
    )
    yield _INTERVALS
    labels = {name: f"rho {number(pairs[first, name].spearman)}" for name in others}
    if others:
        yield pictures.scatters(wide, first, others, labels)
    spans = _spans(wide, names)
    yield f"Every pair: Spearman (Kendall){', and the interval of the first' if spans else ''}."
    yield Table(["", *names], [[a, *(_pair(pairs[a, b], spans.get((a, b))) for b in names)] for a in names])
    yield pictures.heatmap(names, [[pairs[a, b].spearman for b in names] for a in names])


def _within(found: RankCorrelation, within: Intervals) -> list[str]:
    """Return both correlations, each with its interval."""
    pairs = ((found.spearman, within.spearman), (found.kendall, within.kendall))
    return [number(one) + (f" ({span[0]:.2f} to {span[1]:.2f})" if span else "") for one, span in pairs]


def _pair(found: RankCorrelation, span: tuple[float, float] | None) -> str:
    return f"{number(found.spearman)} ({number(found.kendall)})" + (f", {span[0]:.2f} to {span[1]:.2f}" if span else "")


def _spans(wide: pl.DataFrame, names: Sequence[str]) -> dict[tuple[str, str], tuple[float, float] | None]:
    """Return the interval of Spearman's rho of every two scores, of few architectures: every pair takes its time."""
    if len(wide) > _MOST_PAIRED:
        return {}
    found = {(a, b): intervals(wide[a], wide[b]).spearman for i, a in enumerate(names) for b in names[:i]}
    return found | {(b, a): span for (a, b), span in found.items()}


def _undefined(study: Study) -> Iterator[Part]:
    missing = study.rows.filter(pl.col("value").is_null()).group_by("proxy", "reason").len().sort("proxy", "reason")
    if missing.is_empty():
        yield "Every proxy has a value on every architecture."
        return
    yield "Where a proxy has no value nothing stands in for it: such architectures are left out of its correlations."
    yield Table(["proxy", "values", "reason"], [[r["proxy"], str(r["len"]), r["reason"]] for r in missing.to_dicts()])


# -- measured accuracies ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Measured:
    """A table of measured accuracies.

    Attributes
    ----------
    by_index, scores : polars.DataFrame
        The table in the order of indices, and the data-free scores of the same architectures.
    columns : list of str
        Which of its columns the report is about.
    lost : str
        What is said of unreadable rows.
    """

    by_index: pl.DataFrame
    scores: pl.DataFrame
    columns: list[str]
    lost: str

    def of(self, column: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the rows that have a number in a column, by ``index``, and the scores of the same architectures."""
        reached = self.by_index.select("index", pl.col(column).cast(pl.Float64).alias(_MEASURED))
        known = reached[_MEASURED].is_finite().fill_null(False)
        return reached.filter(known), self.scores.filter(known)


def _measured(space: Space, wide: pl.DataFrame, path: str | Path, columns: Sequence[str] | None) -> _Measured:
    """Return a table of accuracies; raise `BadInput` if it does not match the study."""
    table = read_table(path)
    chosen = _columns(table, columns, path)
    keyed, unreadable = with_index(table, space, "leave out")
    refuse_repeated(keyed, space)
    keyed = keyed.sort("index")
    if (both := wide["index"].is_in(keyed["index"].implode()).sum()) < 2:
        raise BadInput(f"table {path}: {both} architectures of the study are in it, expected two or more")
    lost = f" {len(unreadable):,} rows of the table are unreadable, the first: {unreadable[0]}." if unreadable else ""
    return _Measured(keyed, data_free(space, keyed["index"]), chosen, lost)


def _columns(table: pl.DataFrame, columns: Sequence[str] | None, path: str | Path) -> list[str]:
    numeric = [name for name, dtype in table.schema.items() if dtype.is_numeric() and name != "index"]
    if columns is None:
        found = [name for name in numeric if pl.Series([name]).str.contains(_ACCURACY).item()]
        if not found:
            raise BadInput(
                f"table {path} has no column with acc, test or val in its name: expected --column, one of "
                f"{', '.join(numeric)}"
            )
        return found
    for name in columns:
        if name not in numeric:
            raise unknown(f"numeric column of {path}", name, numeric)
    return list(columns)


def _learned(space: Space, column: str, measured: _Measured) -> Iterator[Part]:
    reached, free = measured.of(column)
    return learned(space, column, reached["index"], reached[_MEASURED], free)


def _accuracy(study: Study, column: str, measured: _Measured, wide: pl.DataFrame) -> Iterator[Part]:
    reached, free = measured.of(column)
    index, accuracy = reached["index"], reached[_MEASURED]
    names = scores_of(wide)
    sample = wide.join(reached, on="index", how="inner").sort("index")
    judged = {name: judge(free[name], accuracy, index) for name in free.columns}
    yield f"Scores that need the topology only, on all {len(accuracy):,} architectures of the table.{measured.lost}"
    yield _judgements(judged, study, column)
    on_sample = {
        name: judge(sample[name], sample[_MEASURED], sample["index"], accuracy, less=name in study.less)
        for name in names
    }
    predicted = ensemble(sample.select(names), sample[_MEASURED])
    if predicted is not None:
        on_sample[ENSEMBLE] = judge(predicted, sample[_MEASURED], sample["index"], accuracy)
    yield (
        f"Everything, on the {len(sample):,} architectures of the study that the table has. A rank is that of the "
        f"study's best by the score among all {len(accuracy):,}; published ones are of the best of the whole space."
    )
    yield _judgements(on_sample, study, column)
    yield _INTERVALS
    yield _MEASURES
    if predicted is not None:
        yield (
            f"`{ENSEMBLE}`: what {TREES} random trees that combine all other rows predict of architectures they were "
            f"not trained on (five folds), in the manner of GreenFactory (arXiv 2505.09344). Unlike all others it "
            f"needs measured accuracies."
        )
    rho = [math.nan if one is None else one.all.spearman for one in on_sample.values()]
    first = first_of(free)
    yield pictures.accuracies(column, free[first], accuracy, list(on_sample), rho)


def _judgements(judged: dict[str, Judgement | None], study: Study, column: str) -> Table:
    paper = published()["sed_paper"]["best_by_proxy"].get(study.setting.space["name"], {})
    dataset = column.removesuffix("_test")
    heads = ["score", "Spearman", "Kendall", "best 5 %: Spearman", "Kendall", "least accuracy at equal score: Spearman"]
    rows = []
    for name, one in judged.items():
        ranks = paper.get(name, {}).get(dataset, {}).get("rank")
        if one is None:
            rows.append([name, *["-"] * 11])
            continue
        among = [*_within(one.best, one.within_best), number(one.minimum), number(one.ndcg)]
        best = [str(one.index), f"{one.accuracy:.2f}", f"{one.rank:,}", number(ranks, ","), f"{one.regret:.2f}"]
        rows.append([name, *_within(one.all, one.within), *among, *best])
    heads += [f"nDCG at {TOP:,}", "its best", "reaches", "rank", "published rank", "regret"]
    return Table(heads, rows)
