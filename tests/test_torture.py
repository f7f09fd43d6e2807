"""A little of ``python bench/torture.py``: runs of every kind survive being killed, changed bytes are noticed."""

from __future__ import annotations

import pytest

from bench import torture


@pytest.mark.parametrize("kind", ["file", "filtered", "unique", "dask"])
def test_runs_of_every_kind_survive_being_killed(tmp_path, kind):
    if kind == "dask":
        pytest.importorskip("distributed", reason="needs Dask: pip install 'sedspace[cluster]'")
    kills = torture.torture(tmp_path, kills=1, seed=2, rows=500_000, kind=kind)
    assert {kill.shards for kill in kills} == {25}


def test_changed_bytes_are_noticed_or_do_no_harm(tmp_path):
    counts = torture.corrupt(tmp_path, places=30, seed=1)
    assert counts["shard", "changed"] == counts["shard", "verify"] > 0
    assert counts["manifest", "changed"] >= counts["manifest", "verify"] > 0
