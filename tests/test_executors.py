"""Runs and studies by executors of `concurrent.futures`: the same bytes, whoever dies meanwhile; arrays of SLURM."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import polars as pl
import pytest

import sedspace as ss
from conftest import ROOT
from sedspace.studies import crosscheck, read_study
from sedspace.studies.proxies import proxy
from sedspace.studies.proxies.base import REGISTERED

pytest.importorskip("cloudpickle", reason="needs cloudpickle")

# As users' are, importable in no worker. One kills the processes that compute it as long as there is a file.
SCORES = """
import multiprocessing, os, signal
import sedspace as ss

ARMED = {armed!r}


def mortal(n):
    if multiprocessing.parent_process() is not None and os.path.exists(ARMED):
        os.kill(os.getpid(), signal.SIGKILL)
    return n * 3


def failing(n):
    if multiprocessing.parent_process() is not None:
        raise ValueError("not today")
    return n


for function in (mortal, failing):
    ss.register(ss.AdditiveScore(function.__name__, {{"n": {{"nor_conv_3x3": 1}}}}, function, dtype="int32"))
"""
OPTIONS = {"shard_rows": 4000, "progress": False}
STUDY = {"proxies": ["naswot", "mine"], "repeats": 2, "batch": 2, "progress": False, "seed": 3}
TIMELESS = ["index", "arch", "sed", "proxy", "repeat", "value", "reason", "device", "dtype", "batch", "seed"]


def processes(workers):
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


@pytest.fixture(scope="module")
def pool():
    """Two processes that are started afresh."""
    with pytest.MonkeyPatch.context() as patch, processes(2) as pool:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield pool


@pytest.fixture
def armed(forget_scores, tmp_path):
    """Return the file that has one of the scores above kill its process; both are registered as if by --scores."""
    exec(compile(SCORES.format(armed=str(tmp_path / "armed")), "scores.py", "exec"), {"__name__": "users_own"})
    return tmp_path / "armed"


def content(path):
    return {file.name: file.read_bytes() for file in Path(path).iterdir()}


def test_runs_are_the_same_to_the_byte(pool, armed, tmp_path):
    few = ss.restrict("tss", ss.OwnRule("no skips", 0, lambda state, _, choice: None if choice == 1 else state))
    own = ss.AdditiveScore("own", {"n": {"nor_conv_1x1": 3}}, lambda n: n + 1, dtype="int16")
    requests = {
        "plain": ("tss", {"start": 5}),
        "own": ("tss", {"columns": ["mortal", own, ss.scores.sed("1/2")], "where": "mortal > 3"}),
        "few": (few, {"where": "sed > 3"}),
        "unique": ("tss", {"unique": "functional"}),
    }
    with ThreadPoolExecutor(2) as threads:
        for name, (space, options) in requests.items():
            expected = content(ss.enumerate_space(space, tmp_path / name, **OPTIONS, **options).path)
            for kind, executor in (("threads", threads), ("processes", pool)):
                run = ss.enumerate_space(space, tmp_path / name / kind, client=executor, **OPTIONS, **options)
                assert content(run.path) == expected
                assert run.verify() == []


def test_a_worker_that_dies_loses_nothing(armed, tmp_path):
    options = {**OPTIONS, "columns": ["index", "mortal"]}
    expected = content(ss.enumerate_space("tss", tmp_path / "whole", **options).path)
    out = tmp_path / "run"
    ss.enumerate_space("tss", out, **options)
    for name in ("manifest.json", "part-00002-of-00004.parquet"):
        (out / name).unlink()
    armed.touch()
    with processes(1) as pool:
        for _ in "dies", "is dead":
            with pytest.raises(ss.RunError, match=r"a worker of the executor died: .* the same call again") as caught:
                ss.enumerate_space("tss", out, client=pool, **options)
            assert "\n" not in str(caught.value)
    assert len(list(out.glob("*.parquet"))) == 3
    armed.unlink()
    with ThreadPoolExecutor(1) as threads:
        run = ss.enumerate_space("tss", out, client=threads, **options)
    assert run.rows_found == 15_625 - 4000
    assert content(out) == expected


def test_what_fails_is_said_in_a_line(pool, armed, monkeypatch, tmp_path):
    with pytest.raises(ss.RunError, match=r"worker \d+ of .*not today") as caught:
        ss.enumerate_space("tss", tmp_path / "run", ["failing"], client=pool, **OPTIONS)
    assert "\n" not in str(caught.value)
    gone = ThreadPoolExecutor(1)
    gone.shutdown()
    with pytest.raises(ss.RunError, match="the executor takes no work: cannot schedule new futures after shutdown"):
        ss.enumerate_space("tss", tmp_path / "run", client=gone, **OPTIONS)
    with pytest.raises(ss.BadInput, match="threads 2 with a cluster"):
        ss.enumerate_space("tss", tmp_path / "run", threads=2, client=gone)
    with pytest.raises(ss.BadInput, match=r"client 'processes': expected .* a concurrent\.futures\.Executor"):
        crosscheck("tss", [0], client="processes")
    monkeypatch.setattr("sedspace.runs.order.code_version", lambda: "sedspace 9.9")
    with pytest.raises(ss.RunError, match=r"worker \d+ .*this worker has sedspace 0.*, the client sedspace 9\.9"):
        ss.enumerate_space("tss", tmp_path / "run", client=pool, **OPTIONS)
    held = threading.Lock()
    lock = ss.AdditiveScore("lock", {"n": {}}, lambda n: n * bool(held), dtype="int32")
    with pytest.raises(ss.RunError, match="a column of the run cannot be handed to workers: "):
        ss.enumerate_space("tss", tmp_path / "run", [lock], client=pool, **OPTIONS)
    assert not list((tmp_path / "run").glob("*.parquet"))


def test_studies_have_the_same_values(pool, one_torch_thread, tmp_path):
    with mock.patch.dict(REGISTERED), ThreadPoolExecutor(2) as threads:

        @proxy("mine")
        def mine(network, batch, loss):
            return float(batch.images.sum())

        here = crosscheck("tss3", [33, 0, 100], **STUDY)
        for kind, executor in (("threads", threads), ("processes", pool)):
            out = tmp_path / kind
            crosscheck("tss3", [33], out=out, client=executor, **STUDY)
            there = crosscheck("tss3", [33, 0, 100], out=out, client=executor, **STUDY)
            assert there.rows.select(TIMELESS).equals(here.rows.select(TIMELESS))
            assert there.setting == here.setting
            assert read_study(out).rows.equals(there.rows)


def test_a_job_array_of_slurm_makes_runs_that_are_read_together(tmp_path):
    for program, module in (("sedspace", "-m sedspace"), ("python", "")):
        (tmp_path / program).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (tmp_path / program).chmod(0o755)
    given = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_COUNT": "2",
        "SLURM_ARRAY_TASK_MIN": "1",
        "SLURM_CPUS_PER_TASK": "1",
    }
    command = ["bash", ROOT / "bench" / "slurm_array.sh", "tss", tmp_path / "run", "--where", "sed >= 6"]
    for task in ("1", "2"):
        environment = {**os.environ, **given, "SLURM_ARRAY_TASK_ID": task}
        subprocess.run(command, env=environment, check=True, capture_output=True)
    limits = [(run.request.start, run.request.stop) for run in map(ss.open_run, sorted(tmp_path.glob("run-*")))]
    assert limits == [(0, 7812), (7812, 15_625)]
    together = pl.scan_parquet(tmp_path / "run-*" / "*.parquet").collect()
    whole = ss.enumerate_space("tss", tmp_path / "whole", where="sed >= 6", progress=False)
    assert together.equals(whole.scan().collect())
