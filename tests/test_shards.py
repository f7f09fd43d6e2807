"""How many shards a run has: as many as it is told, or as a filtered run chooses for itself, by its request alone."""

from __future__ import annotations

import numpy as np
import pytest

import sedspace as ss
from bench import torture
from sedspace.counting import compiled
from sedspace.counting.compiled import TooManyClasses
from sedspace.runs.ask import request_of
from sedspace.runs.division import MOST_RANGES, SHARD_ROWS, shard_count


def write(path, space="tss", **options):
    return ss.enumerate_space(space, path, progress=False, **options)


def request(space, where=None, shard_rows=None, start=0, stop=None, columns=None):
    return request_of(space, columns, start, stop, shard_rows, where)


@pytest.fixture
def slow(forget_scores):
    """A score that is no sum."""
    ss.register(ss.DigitScore("last", lambda digits: digits[-1], dtype="uint8"))


def test_few_rows_of_many_architectures_are_few_files(tmp_path):
    """15 rows of 30,517,578,125 were 30,518 files."""
    assert ss.members("tss6", where="sed >= 24").count == 15
    assert 4 <= shard_count(request("tss6", "sed >= 24")) <= 64
    good = ss.members("tss6", where="sed >= 23.5")
    start = good[0] - 1_000_000_000
    run = write(tmp_path / "run", "tss6", where="sed >= 23.5", start=start, stop=start + 2_500_000_000)
    assert len(run.shards) == 3
    assert run.verify() == []
    assert run.scan().collect()["index"].to_list() == good[: good.rank(start + 2_500_000_000)].tolist()
    assert run.rows > 10


def test_all_that_passes_is_spread_over_files_of_a_million_rows():
    for where, rows in (("sed >= -100", 5**15), ("n_conv3x3 < 3", ss.members("tss6", where="n_conv3x3 < 3").count)):
        count = shard_count(request("tss6", where))
        assert rows / count <= SHARD_ROWS, where
        assert count <= rows / SHARD_ROWS + 2, where  # and no more of them than that takes


def test_the_range_counts_and_not_the_space():
    high = 5**15 - 2_000_000_000  # the best cells are the last ones
    assert ss.members("tss6", where="n_none = 0").rank(high) < ss.members("tss6", where="n_none = 0").count
    assert shard_count(request("tss6", "n_none = 0", start=0, stop=2_000_000_000)) == 2
    there = request("tss6", "n_none = 0", start=high)
    passing = ss.members("tss6", where="n_none = 0").count - ss.members("tss6", where="n_none = 0").rank(high)
    assert passing / shard_count(there) <= SHARD_ROWS < passing / 2


def test_a_condition_that_is_no_sum_is_sampled(slow):
    """One second's work each, until those were too many; then it matters how many pass."""
    assert request("tss5", "last = 3").shard_rows == 1_000_000
    assert shard_count(request("tss6", "last = 9")) == MOST_RANGES
    fifth = request("tss6", "last = 3")
    assert 0.9 * SHARD_ROWS < 5**14 / shard_count(fifth) < 1.1 * SHARD_ROWS
    assert request("tss6", "last = 3") == fifth
    assert shard_count(request("tss6", "index < 1000")) == MOST_RANGES


def test_too_many_classes_to_count_are_sampled(monkeypatch):
    counted = shard_count(request("tss6", "n_none + n_pool > 5"))
    monkeypatch.setattr(compiled, "LIMIT", 10)
    with pytest.raises(TooManyClasses):
        ss.members("tss6", where="n_none + n_pool > 5")
    assert shard_count(request("tss6", "n_none + n_pool > 5")) == pytest.approx(counted, rel=0.1)


def test_positions_and_architectures_can_be_named():
    fifth = request("tss6", "\"0->3\" = 'skip_connect'")
    assert 5**14 / shard_count(fifth) == pytest.approx(SHARD_ROWS, rel=0.01)
    assert shard_count(request("tss6", "arch LIKE '|none%'")) == pytest.approx(5**14 / SHARD_ROWS, rel=0.2)


def test_a_score_that_is_not_registered_is_counted_too():
    own = ss.AdditiveScore("own", {"n": {"nor_conv_1x1": 3}}, lambda n: n + 1, dtype="int16")
    assert shard_count(request("tss6", "own > 45", columns=["sed", own])) == shard_count(
        request("tss6", "own > 99", columns=[own])
    )
    assert shard_count(request("tss6", "own > 0", columns=["sed", own])) > 30_000


def test_what_is_asked_for_is_obeyed(slow):
    assert shard_count(request("tss6", "sed >= 24", shard_rows=1_000_000)) == 30_518
    assert request("tss5").shard_rows == SHARD_ROWS
    assert request("tss5", "sed > 3", shard_rows=7).shard_rows == 7
    assert request("tss", "sed > 3").shard_rows == SHARD_ROWS  # one file, whatever passes
    assert request("tss", "last = 3").shard_rows == SHARD_ROWS


def test_more_files_than_a_directory_should_hold_are_refused(tmp_path):
    with pytest.raises(ss.BadInput, match=r"files: give a larger --shard-rows, for up to 100,000"):
        write(tmp_path / "run", "tss7", where="sed >= 0")
    assert not (tmp_path / "run").exists()


def test_the_same_bytes_whatever_the_threads(tmp_path, monkeypatch):
    monkeypatch.setattr("sedspace.runs.division.SECOND", {True: 500_000, False: 100_000})
    options = {"where": "params < 500000 AND sed > 3", "stop": 3_000_000}
    one = write(tmp_path / "one", "tss5", threads=1, **options)
    assert len(one.shards) == 6
    write(tmp_path / "three", "tss5", threads=3, **options)
    assert torture.digests(tmp_path / "three") == torture.digests(tmp_path / "one")
    (tmp_path / "three" / "manifest.json").unlink()
    one.files()[2].unlink()
    again = write(tmp_path / "three", "tss5", **options)
    assert again.rows_found == one.rows
    assert torture.digests(tmp_path / "three") == torture.digests(ss.repair_run(one.path) and tmp_path / "one")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64, np.uint64])
def test_integers_of_any_type_are_pythons(tmp_path, kind):
    """200 of a byte wrapped: there were files without end, or a manifest that JSON cannot hold."""
    expected = write(tmp_path / "python", start=50, stop=250, shard_rows=100, threads=2)
    found = write(tmp_path / "numpy", start=kind(50), stop=kind(250), shard_rows=kind(100), threads=kind(2))
    assert torture.digests(found.path) == torture.digests(expected.path)
    assert type(found.request.shard_rows) is int
    assert type(found.shards[1].shard.start) is int
