"""Pictures: of the right numbers, of runs of any size, whole or not written."""

from __future__ import annotations

import polars as pl
import pytest

import sedspace as ss
from sedspace import plots


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of tss."""
    return ss.enumerate_space("tss", tmp_path_factory.mktemp("plots") / "tss", progress=False)


def test_the_front_is_what_no_row_beats(run):
    frame = run.scan().select("sed", "params").unique().collect()
    front = plots.pareto_front(frame, "sed", "params")
    rows = frame.rows()
    beaten = [any((a > s and p <= q) or (a >= s and p < q) for a, p in rows) for s, q in rows]
    expected = {row for row, is_beaten in zip(rows, beaten, strict=True) if not is_beaten}
    assert set(front.select("sed", "params").rows()) == expected


def test_accuracy_is_of_the_tables_column(run):
    table = pl.DataFrame({"index": [11668, 3, 8543], "params": [1.0, 3.0, 2.0], "name": ["a", "b", "c"]})
    _, found = plots.accuracy(run, table, "params")
    assert (found["spearman"], found["architectures"]) == (-1.0, 3)
    with pytest.raises(ss.BadInput, match="'name' of the table is String, expected numbers"):
        plots.accuracy(run, table, "name")
    with pytest.raises(ss.BadInput, match="unknown column 'macs'"):
        plots.accuracy(run, table, "macs")
    few = pl.DataFrame({"index": [1, 2, 3], "acc": [None, float("nan"), 5.0]})
    with pytest.raises(ss.BadInput, match="'acc' of the table has 1 numbers that match"):
        plots.accuracy(run, few, "acc")


@pytest.mark.parametrize("where", ["sed > 9", "sed > 8.6"])
def test_runs_of_no_rows_and_of_one(tmp_path, where):
    run = ss.enumerate_space("tss", tmp_path / "run", progress=False, where=where)
    for draw in (plots.density, plots.distribution, plots.cells):
        if run.rows:
            plots.save(draw(run), tmp_path / "x.svg")
        else:
            with pytest.raises(ss.BadInput, match="has no rows to draw"):
                draw(run)


def test_nothing_is_lost_when_a_picture_cannot_be_written(run, tmp_path):
    with pytest.raises(ss.BadInput, match="'sed' against itself"):
        plots.density(run, "sed", "sed")
    with pytest.raises(ss.BadInput, match="cannot write"):
        plots.save(plots.distribution(run), tmp_path / "nowhere" / "x.png")
