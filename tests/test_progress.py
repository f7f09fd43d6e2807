"""What shows how far something is: a bar in a terminal or a notebook, else a line now and then."""

from __future__ import annotations

import io
import sys
import types

import pytest

import sedspace as ss
from sedspace import progress
from sedspace.progress import Lines, progress_of


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self, monkeypatch, *modules):
        self.now = 1000.0
        for module in modules:
            monkeypatch.setattr(f"{module}.time.monotonic", lambda: self.now)


class Terminal(io.StringIO):
    """A terminal that keeps what it is given."""

    def isatty(self):
        """It is one."""
        return True


def test_a_line_every_thirty_seconds_where_stderr_is_no_terminal(monkeypatch, capsys):
    clock = Clock(monkeypatch, "sedspace.progress")
    with progress_of(2000, "value", initial=1000) as bar:
        for _ in range(7):
            clock.now += 10
            bar.update(50)
    expected = "sedspace: 57% of 2,000 values, 02:50 left\nsedspace: 65% of 2,000 values, 02:20 left\n"
    assert capsys.readouterr() == ("", expected)
    with progress_of(None, "arch", what="best") as bar:
        clock.now += 31
        bar.update(12_345)
    with progress_of(10, "value", shown=False) as bar:
        clock.now += 1000
        bar.update()
    with progress_of(10, "value") as bar:
        clock.now += 1000
        bar.update(0)
    assert capsys.readouterr().err == ("sedspace: best: 12,345 archs so far\nsedspace: 0% of 10 values, ? left\n")


def test_a_bar_in_a_terminal_counts_what_is_there(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_of(8, "value", initial=6) as bar:
        bar.update(2)
    last = sys.stderr.getvalue().split("\r")[-1]
    assert "100%" in last
    assert "8/8" in last
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_of(8, "value", passing=True) as bar, progress_of(8, "value", shown=False) as none:
        bar.update(8)
        none.update(8)
    assert sys.stderr.getvalue() == ""


def test_a_bar_in_a_notebook(monkeypatch):
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    made = []
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=lambda **given: made.append(given)))
    progress_of(8, "value", initial=6)
    assert (made[0]["total"], made[0]["initial"], made[0]["disable"]) == (8, 6, False)
    assert isinstance(progress_of(8, "value", shown=False), Lines)
    shell.config = {}  # a terminal's
    assert isinstance(progress_of(8, "value"), Lines)


def test_a_run_that_is_continued_counts_what_is_there(monkeypatch, capsys, tmp_path):
    ss.enumerate_space("tss", tmp_path / "run", shard_rows=4000)
    (tmp_path / "run" / "manifest.json").unlink()
    (tmp_path / "run" / "part-00001-of-00004.parquet").unlink()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    run = ss.enumerate_space("tss", tmp_path / "run", shard_rows=4000, threads=1)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["74%", "100%", "100%", "100%"]
    assert lines[-1] == "sedspace: 100% of 15,625 archs, 00:00 left"
    run.verify(progress=True)
    assert capsys.readouterr().err.splitlines()[-1].endswith("100% of 4 shards, 00:00 left")


def test_a_study_that_is_continued_counts_what_is_there(monkeypatch, capsys, tmp_path):
    pytest.importorskip("torch")
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    options = {"proxies": ["params"], "out": tmp_path / "check.parquet", "batch": 2}
    ss.crosscheck("tss3", [3, 4], **options)
    ss.crosscheck("tss3", [3, 4, 5, 6], **options)
    ss.crosscheck("tss3", [3, 4, 5, 6], **options)  # nothing is left
    said = [line.split(",")[0] for line in capsys.readouterr().err.splitlines()]
    assert said == [f"sedspace: {share} values" for share in ("50% of 2", "100% of 2", "75% of 4", "100% of 4")]
