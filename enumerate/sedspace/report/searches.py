"""What searches show: how far each algorithm stays behind the exact optimum, by how many architectures it looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from sedspace.report import pictures
from sedspace.report.numbers import duration
from sedspace.report.page import Part, Section, Table
from sedspace.searching import Trajectory
from sedspace.searching.side_by_side import Question, compared, questions


def search_sections(searches: Iterable[Trajectory]) -> list[Section]:
    """Return a section for each question that searches were asked."""
    return [Section(_title(one), list(_parts(one))) for one in questions(searches)]


def _title(question: Question) -> str:
    setting = question.searches[0].setting
    names = " and ".join(f"{'least' if one['less'] else 'most'} {one['name']}" for one in setting.objectives)
    within = f" where {setting.where}" if setting.where else ""
    return f"Searching {setting.space['name']} for {names}{within}"


def _parts(question: Question) -> Iterator[Part]:
    setting, first = question.searches[0].setting, question.judged[0]
    size = f"{setting.space['size']:,} architectures of `{setting.space['name']}`"
    if first.optimum is not None:
        among = "" if first.among is None else f"; {first.among:,} have a value"
        yield f"The exact optimum among the {size} is {first.optimum.value:g}, index {first.optimum.index}{among}."
    elif len(setting.objectives) == 1:
        yield f"The optimum among the {size} is not known."
    else:
        yield f"The exact front is that of the {size}."
    for note in dict.fromkeys(note for one in question.judged for note in one.notes):
        yield f"A dash: {note}."
    frame = compared(question)
    yield Table(frame.columns, [[_cell(name, value) for name, value in row.items()] for row in frame.to_dicts()])
    yield (
        "Medians over the seeds, of the last step. Regret: how far the best is behind the optimum; rank: among all."
        if len(setting.objectives) == 1
        else "Medians over the seeds, of the last step. Found: points of the exact front; hypervolume: by the front's."
    )
    lines, label = _lines(question)
    yield pictures.searches(_title(question), lines, label)


def _cell(name: str, value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return duration(value) if name == "seconds" else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _lines(question: Question) -> tuple[dict[str, pl.DataFrame], str]:
    """Return by algorithm the median, least and most of a measure at each step, and what the measure is called."""
    two = len(question.searches[0].setting.objectives) > 1
    known = question.judged[0].optimum is not None
    measure = "hypervolume" if two else "regret" if known else "value"
    out = {}
    for name, runs in question.by_name.items():
        columns = [
            judged.rows.unique("step", keep="last", maintain_order=True).select("step", pl.col(measure).alias(str(run)))
            for run, (_, judged) in enumerate(runs)
        ]
        most = max(len(one.rows) for one, _ in runs)
        frame = pl.DataFrame({"step": range(1, most + 1)}, {"step": pl.Int64})
        for column in columns:
            frame = frame.join(column, on="step", how="left", maintain_order="left")
        each = [str(run) for run in range(len(runs))]
        frame = frame.with_columns(pl.col(each).forward_fill()).drop_nulls(each)
        listed = pl.concat_list(each)
        out[name] = frame.select("step", median=listed.list.median(), least=listed.list.min(), most=listed.list.max())
    return out, {"regret": "regret: behind the exact optimum", "value": "best so far", "hypervolume": "hypervolume"}[
        measure
    ]
