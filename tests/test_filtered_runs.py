"""Runs of only the rows that pass: exactly those, in order, whatever the condition is made of."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

import naive
import sedspace as ss
from bench import torture
from toy import some_scores


def write(path, space="tss", **options):
    return ss.enumerate_space(space, path, progress=False, **options)


@pytest.mark.parametrize(
    "where",
    [
        "params < 500000 AND sed > 3",
        "n_skip = 2 OR macs_imagenet16 >= 30000000",
        "sed > 100",
        "index % 7 = 3 AND pool_sed > 0.3",
        "run3 = 2 AND sed >= 4.5",
        "NOT (sed < 8.75)",
        "n_conv3x3 - n_skip > 5",
        "abs(n_conv3x3 - n_skip) >= 5 AND (sed > 2 OR NOT (n_pool IN (0, 1)))",
    ],
)
def test_filtered_runs_hold_exactly_the_rows_that_pass(tmp_path, forget_scores, where):
    ss.register(ss.DigitScore("run3", naive.longest_run, dtype="uint8"))
    columns = ["sed", "params", "arch", "run3"]
    known = some_scores("tss5")
    everything = pl.DataFrame(
        {"index": np.arange(600_000, 900_000), **{n: ss.score("tss5", n, 600_000, 900_000) for n in known}}
    )
    wide = everything.with_columns(pl.col(pl.UInt8, pl.Int32).cast(pl.Int64))  # so that differences do not wrap
    expected = everything.filter(wide.select(kept=pl.sql_expr(where))["kept"])
    options = {"space": "tss5", "start": 600_000, "stop": 900_000, "shard_rows": 70_000, "where": where}
    run = write(tmp_path / "run", columns=columns, **options)
    found = run.scan().collect()
    assert found.drop("arch").equals(expected.select("index", "sed", "params", "run3"))
    assert found["arch"].to_list() == ss.space("tss5").arch(expected["index"].to_numpy()).tolist()
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["scanned"], manifest["rows"], manifest["where"]) == (300_000, len(expected), where)
    assert len(run.files()) == 5  # a shard without rows is a file all the same
    assert ss.open_run(tmp_path / "run").verify() == []
    before = torture.digests(tmp_path / "run")
    run.files()[3].unlink()
    (tmp_path / "run" / "manifest.json").unlink()
    write(tmp_path / "run", columns=columns, threads=3, **options)
    assert torture.digests(tmp_path / "run") == before


def test_filtering_all_of_a_large_space(tmp_path):
    """30.5 billion cells are scanned; how many pass is known by counting classes."""
    run = write(tmp_path / "run", "tss6", where="sed >= 23.5", shard_rows=5 * 10**9)
    counts = ss.histogram("tss6").filter(pl.col("sed") >= 23.5)
    assert run.rows == counts["count"].sum()
    assert run.scan().select("index").collect()["index"].to_list() == sorted(ss.top_k("tss6", run.rows)["index"])
    assert run.verify() == []


def test_row_groups_of_filtered_runs_are_full(tmp_path):
    run = write(tmp_path / "run", "tss5", where="n_none < 9", stop=1_000_000, columns=["sed"])
    metadata = pq.read_metadata(run.files()[0])
    sizes = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    assert sizes[:-1] == [250_000] * (len(sizes) - 1)
    assert sum(sizes) == run.rows


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("params <", "is not a condition in SQL"),
        ("parms < 3", "unknown column 'parms': did you mean 'params'"),
        ("params + 1", "expected a condition that is true or false"),
        ("1 = 1", "names no column"),
        ("archs = 'x'", "unknown column 'archs': did you mean 'arch'"),
        ("params < 'x'", "cannot be evaluated"),
        ("sed > avg(sed)", "calls for mean: a condition is about one row at a time"),
        ("n_skip = 2 OR max (n_skip) > 3", "calls for max"),
    ],
)
def test_bad_conditions_write_nothing(tmp_path, where, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        write(tmp_path / "run", where=where)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_another_condition_is_refused(tmp_path):
    write(tmp_path / "run", where="sed > 8")
    with pytest.raises(ss.BadInput, match="its where is sed > 8, the request's sed > 7"):
        write(tmp_path / "run", where="sed > 7")


def test_a_conversion_that_fails_is_the_conditions_fault(tmp_path):
    with pytest.raises(ss.SedspaceError, match=r"where .* cannot be evaluated"):
        write(tmp_path / "run", where="CAST(macs AS TINYINT) > 3")
    run = write(tmp_path / "whole")
    with pytest.raises(ss.BadInput, match="cannot be answered"):
        run.top(where="CAST(macs AS TINYINT) > 3")


def test_runs_with_conditions_and_columns_of_unknown_scores_open_and_verify(tmp_path, forget_scores):
    mine = ss.AdditiveScore("mine", {"n": "n_skip"}, lambda n: n, dtype="uint8", parameters={"v": "1"})
    ss.register(mine)
    write(tmp_path / "run", where="mine > 2", columns=["sed", "mine"])
    forget_scores()
    run = ss.open_run(tmp_path / "run")
    assert run.verify() == []
    assert run.unchecked == ["mine"]
    assert run.top(1)["mine"].item() == 3
