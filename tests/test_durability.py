"""Runs survive: kills, second writers, bit rot; and repair touches nothing but what is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import sedspace as ss
from bench import torture
from conftest import write_manifest


def write(path):
    return ss.enumerate_space("tss", path, shard_rows=4000, progress=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a run of tss in four shards, not to be changed."""
    return write(tmp_path_factory.mktemp("runs") / "tss")


@pytest.fixture
def damaged(finished, tmp_path):
    """Return a copy of it, to be damaged."""
    return Path(shutil.copytree(finished.path, tmp_path / "copy"))


def test_killed_at_random_moments_and_resumed(tmp_path):
    kills = torture.torture(tmp_path, kills=4, seed=1, rows=1_000_000)
    assert {kill.shards for kill in kills} == {50}
    assert any(0 < kill.finished < 50 for kill in kills)


HOLD = """
import sys, time
from pathlib import Path
from sedspace.storage.lock import sole_writer
with sole_writer(Path(sys.argv[1])):
    print('held', flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_refused_and_a_dead_one_succeeded(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ss.RunError, match=rf"is being written by process {holder.pid} on .* since .*: wait for it"):
            write(run)
        holder.kill()
    assert (run / ".lock").exists()
    write(run)
    assert sorted(path.name for path in run.iterdir())[0] == "manifest.json"  # no lock is left


def test_repair_rebuilds_exactly_what_is_wrong(damaged, finished):
    flipped = damaged / "part-00001-of-00004.parquet"
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 1
    flipped.write_bytes(data)
    (damaged / "part-00003-of-00004.parquet").unlink()
    (damaged / "notes.txt").write_text("mine")
    untouched = {n: (damaged / n).stat().st_mtime_ns for n in ("part-00000-of-00004.parquet", "manifest.json")}
    assert [problem.file for problem in ss.repair_run(damaged)] == [flipped.name, "part-00003-of-00004.parquet"]
    assert {n: (damaged / n).stat().st_mtime_ns for n in untouched} == untouched
    assert [problem.file for problem in ss.open_run(damaged).verify()] == ["notes.txt"]
    (damaged / "notes.txt").unlink()
    assert torture.digests(damaged) == torture.digests(finished.path)
    assert ss.repair_run(damaged) == []


def test_repair_does_not_make_a_lying_manifest_true(damaged):
    file = damaged / "manifest.json"
    entry = json.loads(file.read_text())["shards"][2]
    write_manifest(damaged, json.loads(file.read_text().replace(entry["sha256"], "0" * 64)))
    before = torture.digests(damaged)
    with pytest.raises(ss.RunError, match=r"rebuilt, it still is not what manifest\.json says"):
        ss.repair_run(damaged)
    assert torture.digests(damaged) == before


def test_repair_by_another_version_is_refused(damaged):
    (damaged / "part-00000-of-00004.parquet").unlink()
    write_manifest(damaged, {**ss.open_run(damaged).manifest(), "pyarrow_version": "1.0"})
    with pytest.raises(ss.BadInput, match=f"its pyarrow_version is 1.0, .* {pa.__version__}"):
        ss.repair_run(damaged)


def test_repair_needs_the_scores(tmp_path, forget_scores):
    ss.register(ss.AdditiveScore("mine", {"n": "n_skip"}, lambda n: n, dtype="uint8"))
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["mine"], progress=False)
    forget_scores()
    run.files()[0].unlink()
    with pytest.raises(ss.BadInput, match="column 'mine', a score that is not registered here"):
        ss.repair_run(run.path)
