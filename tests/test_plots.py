"""Pictures: of the right numbers, of runs of any size, whole or not written."""

from __future__ import annotations

import re
import zlib

import matplotlib.collections
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import sedspace as ss
from sedspace.cli import cli
from sedspace.frames import means, pareto_front
from sedspace.runs import plots


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of tss."""
    return ss.enumerate_space("tss", tmp_path_factory.mktemp("plots") / "tss", progress=False)


def test_the_front_is_what_no_row_beats(run):
    frame = run.scan().select("sed", "params").unique().collect()
    front = pareto_front(frame, "sed", "params")
    rows = frame.rows()
    beaten = [any((a > s and p <= q) or (a >= s and p < q) for a, p in rows) for s, q in rows]
    expected = {row for row, is_beaten in zip(rows, beaten, strict=True) if not is_beaten}
    assert set(front.select("sed", "params").rows()) == expected


def test_means_are_the_same_bits_every_time():
    """Of few groups that are not alike, of which polars' own mean differs in one call in a hundred."""
    index = np.arange(0, 15_625, 3)
    sed = ss.score("tss")[index]
    values = np.where(index % 4 == 0, 10 + index / 1e5, 60 + sed * 3 + (index % 97) / 100)
    rows = pl.DataFrame({"sed": sed, "value": values})
    first = means(rows, ["sed"], "value")
    assert all(means(rows, ["sed"], "value").equals(first) for _ in range(300))
    expected = {level: values[sed == level].mean() for level in np.unique(sed)}
    assert dict(first.select("sed", "value").rows()) == pytest.approx(expected)


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


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return a table of made-up accuracies of every third architecture, one in twelve of them a bad one."""
    path = tmp_path_factory.mktemp("table") / "table.parquet"
    index = np.arange(0, 15_625, 3)
    accuracy = np.where(index % 4 == 0, 10 + index / 1e5, 60 + ss.score("tss")[index] * 3 + (index % 97) / 100)
    pl.DataFrame({"index": index, "acc": accuracy, "other $x$": index % 7, "text": "a"}).write_parquet(path)
    return path


def drawings(run, table, width):
    """Every kind of picture with every option."""
    yield plots.density(run, k=3, table=table, color="acc", clip=0.3, width=width)
    yield plots.density(run, clip=0.01, width=width)
    yield plots.distribution(run, clip=0.1, width=width)
    yield plots.accuracy(run, table, "acc", color="other $x$", clip=0.3, width=width)[0]
    yield plots.cells(run, k=3, width=width)


@pytest.mark.parametrize(("ending", "width"), [("pdf", "column"), ("svg", None), ("png", "text")])
def test_the_same_bytes_every_time(run, table, tmp_path, ending, width):
    for one, two in zip(drawings(run, table, width), drawings(run, table, width), strict=True):
        plots.save(one, tmp_path / f"one.{ending}")
        plots.save(two, tmp_path / f"two.{ending}")
        data = (tmp_path / f"one.{ending}").read_bytes()
        assert data == (tmp_path / f"two.{ending}").read_bytes()
    assert b"CreationDate" not in data
    assert data.startswith({"pdf": b"%PDF-1", "svg": b"<?xml", "png": b"\x89PNG"}[ending])
    if ending == "pdf":
        text = b"".join(
            zlib.decompress(one) for one in re.findall(rb"stream\r?\n(x.*?)\r?\nendstream", data, re.DOTALL)
        )
        assert b" Tf" in text  # letters are letters, in fonts that journals take
        assert b"/Type3" not in data


@pytest.mark.parametrize(("width", "inches", "points"), [("column", 3.3, 8), ("text", 6.9, 9)])
def test_widths_of_papers(run, table, width, inches, points):
    for figure in [
        plots.density(run, width=width),
        plots.cells(run, width=width),
        plots.distribution(run, width=width),
    ]:
        assert figure.get_figwidth() == inches
    figure = plots.accuracy(run, table, "acc", width=width)[0]
    assert figure.axes[0].xaxis.label.get_fontsize() == points
    figure.canvas.draw()
    for text in (figure.axes[0].title, *figure.legends[0].get_texts()):
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1  # nothing sticks out
    assert plots.density(run).get_figwidth() == 7.5
    assert plots.density(run).axes[0].xaxis.label.get_fontsize() == 11


def cloud(figure):
    """The dots of a picture and the numbers that colour them, as a dictionary."""
    (dots,) = (one for one in figure.axes[0].collections if one.get_array() is not None)
    assert isinstance(dots, matplotlib.collections.PathCollection)
    return {tuple(map(float, at)): float(c) for at, c in zip(dots.get_offsets(), dots.get_array(), strict=True)}, dots


def test_colours_are_mean_accuracies_of_what_was_measured(run, table):
    values = pl.read_parquet(table)
    at = {}
    params, sed = ss.score("tss", "params"), ss.score("tss")
    for index, acc in values.select("index", "acc").rows():
        at.setdefault((float(params[index]), float(sed[index])), []).append(acc)
    figure = plots.density(run, table=table, color="acc")
    found, dots = cloud(figure)
    assert found == pytest.approx({point: sum(some) / len(some) for point, some in at.items()})
    assert list(found.values()) == sorted(found.values())  # the best on top
    assert dots.get_clim()[0] == values["acc"].min()
    assert figure.axes[0].get_title() == "tss: 5,209 of 15,625 architectures"
    assert figure.axes[1].get_ylabel() == "acc"
    figure, said = plots.accuracy(run, table, "acc", color="other $x$")
    dots = cloud(figure)[1]
    rows = zip(dots.get_offsets().tolist(), dots.get_array().tolist(), strict=True)
    expected = ((float(sed[i]), acc, float(i % 7)) for i, acc in values.select("index", "acc").rows())
    assert sorted((*at, c) for at, c in rows) == sorted(expected)
    assert said == plots.accuracy(run, table, "acc")[1]


def test_a_share_of_architectures_may_fall_off_the_axis(run, table):
    accuracy = np.sort(pl.read_parquet(table)["acc"].to_numpy())
    for clip in (0.01, 0.25, 0.3):
        figure, said = plots.accuracy(run, table, "acc", clip=clip)
        low = figure.axes[0].get_ylim()[0]
        within = figure.axes[0].get_title().split("\n")[0]
        below = int((accuracy < accuracy[int(clip * len(accuracy))]).sum())
        assert within == f"5,209 architectures, {below:,} below the axis"
        assert accuracy[below] - 3 < low < accuracy[below]
        assert said == plots.accuracy(run, table, "acc")[1]  # of all, whatever is shown
        assert cloud(plots.density(run, table=table, color="acc", clip=clip))[1].get_clim()[0] == accuracy[below]
    sed = np.sort(ss.score("tss"))
    for draw, axis in ((plots.density, "y"), (plots.distribution, "x")):
        figure = draw(run, clip=0.2)
        below = int((sed < sed[int(0.2 * len(sed))]).sum())
        assert figure.axes[0].get_title().endswith(f"\n{below:,} below the axis")
        low = getattr(figure.axes[0], f"get_{axis}lim")()[0]
        assert sed[below] - 1 < low < sed[below]
        assert "below" not in draw(run).axes[0].get_title()


def test_many_points_are_hexagons_of_means(run, table, monkeypatch):
    monkeypatch.setattr(plots, "_MAX_POINTS", 10)
    figure = plots.density(run, table=table, color="acc")
    (cells,) = (one for one in figure.axes[0].collections if one.get_array() is not None)
    assert isinstance(cells, matplotlib.collections.PolyCollection)
    assert 10 <= cells.get_array().min() < cells.get_array().max() < 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "cells", "--clip", "0.1"], "--clip is not for --kind cells"),
        (["--kind", "cells", "--color", "acc"], "--color is not for --kind cells"),
        (["--kind", "cells", "--against", "macs"], "--against is not for --kind cells"),
        (["--kind", "distribution", "--table", "TABLE"], "--table is not for --kind distribution"),
        (["--kind", "distribution", "-k", "3"], "-k is not for --kind distribution"),
        (["--kind", "accuracy", "--table", "TABLE", "--against", "acc", "-k", "3"], "-k is not for --kind accuracy"),
        (["--table", "TABLE"], "--table and --color go together"),
        (["--color", "acc"], "--table and --color go together"),
        (["--table", "TABLE", "--color", "akk"], "unknown column 'akk': known: index, acc"),
        (["--table", "TABLE", "--color", "text"], "column 'text' of the table is String, expected numbers"),
        (["--clip", "0.5"], "clip 0.5: expected a share of the architectures, 0 or more and below 0.5"),
        (["--clip", "-0.1"], "clip -0.1: expected a share"),
        (["--clip", "nan"], "clip nan: expected a share"),
        (["--width", "wide"], "'wide' is not one of 'column', 'text'"),
        (["--out", "x.jpg"], "x.jpg: expected a name that ends in .png, .svg or .pdf"),
    ],
)
def test_options_that_do_not_apply_are_refused(run, table, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    given = [str(table) if one == "TABLE" else one for one in arguments]
    result = CliRunner().invoke(cli, ["plot", str(run.path), "--out", "x.png", *given])
    error = str(result.exception) if isinstance(result.exception, ss.BadInput) else result.output
    assert result.exit_code != 0
    assert said in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--table", "TABLE", "--color", "acc", "--clip", "0.01", "--width", "column"],
        ["--kind", "accuracy", "--table", "TABLE", "--against", "acc", "--color", "other $x$", "--width", "text"],
        ["--kind", "distribution", "--clip", "0.01"],
        ["--kind", "cells", "--width", "column"],
    ],
)
def test_command_line(run, table, tmp_path, arguments):
    given = [str(table) if one == "TABLE" else one for one in arguments]
    result = CliRunner().invoke(cli, ["plot", str(run.path), "--out", str(tmp_path / "x.pdf"), *given])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF-")


def test_python_calls_are_checked(run, table):
    for call in (
        lambda: plots.density(run, color="acc"),
        lambda: plots.density(run, table=table),
        lambda: plots.density(run, width="wide"),
        lambda: plots.distribution(run, clip="0.1"),
        lambda: plots.accuracy(run, table, "acc", color="none"),
        lambda: plots.accuracy(run, table, "acc", clip=True),
    ):
        with pytest.raises(ss.BadInput) as error:
            call()
        assert "\n" not in str(error.value)
