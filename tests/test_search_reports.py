"""Searches side by side, and the pages and pictures of them."""

from __future__ import annotations

import statistics

import pytest

import sedspace as ss
from commands import sedspace
from sedspace.report import write_report


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Three seeds each of two algorithms, of one of them with an option, and a front."""
    directory = tmp_path_factory.mktemp("found")
    out = {}
    for seed in (1, 2, 3):
        for name, options in (("random", {}), ("evolution", {}), ("evolution", {"population": 10})):
            path = directory / f"{name}{len(options)}-{seed}.parquet"
            out[path] = ss.search("tss", "sed", name, 90, seed, options=options, out=path, progress=False)
    path = directory / "front.parquet"
    out[path] = ss.search(
        "tss", algorithm="nsga2", budget=60, maximize="sed", minimize="params", options={"population": 20}, out=path,
        progress=False,
    )  # fmt: skip
    return out


def test_compared(found):
    one = [search for search in found.values() if search.setting.algorithm != "nsga2"]
    frame = ss.compare_searches(one)
    assert frame["searches"].to_list() == [3, 3, 3]
    assert {*frame["algorithm"]} == {"random", "evolution", "evolution population=10"}
    assert frame["regret"].to_list() == sorted(frame["regret"])
    for name, steps, value, regret, rank, seconds in frame.drop("searches").iter_rows():
        last = [search for search in one if search.setting.name == name]
        assert steps == 90
        assert value == statistics.median_low([search.best["value"] for search in last])
        assert regret == statistics.median_low([search.judge().rows["regret"][-1] for search in last])
        assert rank == statistics.median_low([search.judge().rows["rank"][-1] for search in last])
        assert seconds == statistics.median_low([search.rows["seconds"].sum() for search in last])
    with pytest.raises(ss.BadInput, match="2 questions: expected searches of one space"):
        ss.compare_searches([*found.values()])
    with pytest.raises(ss.BadInput, match="0 questions"):
        ss.compare_searches([])


def test_a_page_of_searches(found, tmp_path):
    files = sedspace("report", *found, "--out", tmp_path / "report").stdout.split()
    text = (tmp_path / "report" / "report.md").read_text()
    assert text.startswith("# 10 searches of tss\n")
    assert "## Searching tss for most sed\n" in text
    assert (
        "The exact optimum among the 15,625 architectures of `tss` is 8.75, index 11668; 15,625 have a value." in text
    )
    assert "| evolution population=10 | 3 | 90 |" in text
    assert "## Searching tss for most sed and least params\n" in text
    assert len([file for file in files if file.endswith(".png")]) == 2
    again = write_report(None, tmp_path / "again", searches=[*found.values()])
    for path in again:
        assert path.read_bytes() == (tmp_path / "report" / path.name).read_bytes()


def test_a_page_of_what_is_not_known(tmp_path):
    """Of a score that is not to be had where the page is made, the best so far is drawn, and it is said."""
    path = tmp_path / "own.parquet"
    own = ss.AdditiveScore("own", {"n": {"skip_connect": 1}}, lambda n: n, dtype="uint8")
    ss.search("tss", own, "random", 20, out=path, progress=False)
    write_report(None, tmp_path / "report", searches=[path])
    text = (tmp_path / "report" / "report.md").read_text()
    assert "The optimum among the 15,625 architectures of `tss` is not known." in text
    assert "A dash: tss has no score own here: register it, or give --scores." in text


def test_a_page_of_a_study_and_a_search(found, tmp_path):
    pytest.importorskip("torch", reason="needs torch")
    study = tmp_path / "study.parquet"
    ss.crosscheck("tss", [11_668, 0, 77], ["params", "macs"], study, batch=2, progress=False)
    sedspace("report", study, next(iter(found)), "--out", tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "## What they cost\n" in text
    assert "## Searching tss for most sed\n" in text


def test_bad_input(found, tmp_path):
    other = tmp_path / "other.parquet"
    other.write_bytes(b"nothing")
    said = sedspace("report", other, tmp_path / "none.parquet", "--out", tmp_path / "out", status=2).stderr
    assert f"{other} and {tmp_path / 'none.parquet'} are two studies, or none: expected one, and trajectories" in said
    said = sedspace("report", next(iter(found)), "--accuracy", "x.csv", "--out", tmp_path / "out", status=2).stderr
    assert "accuracies of x.csv are for a study: expected one" in said
    with pytest.raises(ss.BadInput, match="a report of nothing: expected a study, or searches"):
        write_report(None, tmp_path / "out")
