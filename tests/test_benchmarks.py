"""Against exact figures and measured accuracies, where those are at hand; skipped where they are not."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest

import naive
import sedspace as ss
from sedspace.published import published


def test_goldens_of_tss(goldens):
    exact = goldens["tss"]
    frame = ss.histogram("tss")
    histogram = {str(round(16 * sed)): count for sed, count in frame.rows()}
    assert histogram == exact["histogram_sed16"]
    assert [[i, round(16 * sed)] for i, sed, _ in ss.top_k("tss", 10).rows()] == exact["top10_index_sed16"]
    assert round(16 * float(ss.score("tss").sum())) == exact["sed16_sum"]
    assert len(frame) == exact["distinct_sed"]


def test_goldens_of_sizes_and_costs(goldens):
    for name in ("tss", "tss5", "tss6"):
        assert ss.space(name).size == goldens[name]["size"]
    space = ss.space("tss")
    for key, per_dataset in goldens["costs"].items():
        if not key.startswith("all_"):
            continue
        index = space.index([naive.OPERATIONS.index(key.removeprefix("all_"))] * 6)
        for dataset, (params, macs) in per_dataset.items():
            suffix = "" if dataset == "cifar10" else f"_{dataset}"
            for name, value in ((f"params{suffix}", params), (f"macs{suffix}", macs)):
                assert ss.score(space, name, index, index + 1).item() == value


def test_published_figures_are_the_goldens(goldens):
    there, here = goldens["published"]["sed_paper"], published()["sed_paper"]
    for space in ("tss", "sss"):
        rows = {
            proxy: [figure for data in results.values() for figure in (data["test_accuracy"], data["rank"])]
            for proxy, results in here["best_by_proxy"][space].items()
        }
        expected = {k: v for k, v in there[f"best_by_proxy_{space}"].items() if k != "columns"}
        assert rows == expected
    assert here["text"]["grad_norm_seconds_per_architecture"] == there["seconds_per_architecture"]["text"]["grad_norm"]


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_every_claim_of_the_paper_on_tss(shared, tmp_path, form):
    """SED beside the measured accuracies of NATS-Bench, judged by the developers' own check."""
    scores = tmp_path / "run" / "part-00000-of-00001.parquet"
    ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "arch"], progress=False)
    if form == "csv":
        pl.read_parquet(scores).write_csv(tmp_path / "scores.csv")
        scores = tmp_path / "scores.csv"
    command = [sys.executable, shared / "check" / "sed_claims.py", "tss", scores]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("ok  ") == 10, result.stdout


@pytest.mark.parametrize(("table", "space", "key"), [("nats_sss", "sss", "arch"), ("nb301_1218", "darts", "genotype")])
def test_claims_of_other_spaces(shared, tmp_path, table, space, key):
    archs = pl.read_parquet(shared / "benchmarks" / f"{table}.parquet").select(arch=key)
    index = pl.Series("index", ss.space(space).parse(archs["arch"]))
    archs.with_columns(index).with_columns(sed=pl.col("index").sed.score(space)).write_parquet(tmp_path / "s.parquet")
    check(shared, "nb301" if space == "darts" else space, tmp_path / "s.parquet")


def test_claims_of_nb101(shared, tmp_path):
    table = pl.read_parquet(shared / "benchmarks" / "nb101_20k.parquet")
    index = ss.space("nb101").parse((table["adjacency"] + table["ops"]).to_list())
    scores = pl.DataFrame({"arch": table["hash"], "sed": ss.score("nb101")[index]})
    assert (ss.score("nb101", "params")[index] == table["params"].to_numpy()).all()
    scores.write_parquet(tmp_path / "s.parquet")
    check(shared, "nb101", tmp_path / "s.parquet")


def check(shared, name, scores):
    command = [sys.executable, shared / "check" / "sed_claims.py", name, scores]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "LOW" not in result.stdout


def test_goldens_of_other_spaces(goldens):
    assert ss.space("nb101").size == goldens["nb101"]["size"]
    assert ss.space("darts").size == goldens["darts"]["size"]
    assert ss.space("transnas_micro").size == goldens["transnas"]["micro"]
    assert ss.space("transnas_macro").size == goldens["transnas"]["macro"]
    assert ss.score("tss", "representative").sum() == goldens["tss"]["functional_classes"]
    assert len(ss.census("tss5")) == goldens["tss5"]["classes_of_counts_and_residual"]
    assert len(ss.census("tss")) == goldens["tss"]["classes_of_counts_and_residual"]
    params, macs = goldens["costs"]["sss_8:8:8:8:8"]["cifar10"]
    assert (ss.score("sss", "params", 0, 1).item(), ss.score("sss", "macs", 0, 1).item()) == (params, macs)
