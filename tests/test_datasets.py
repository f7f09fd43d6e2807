"""Datasets to be published: files that are the run's, a card that says what is in them, and nothing half-written."""

from __future__ import annotations

import json
import os
import shlex

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

import sedspace as ss
from commands import sedspace

yaml = pytest.importorskip("yaml", reason="cards are read with PyYAML")


def card(directory):
    """The header of a card, and the rest."""
    text = (directory / "README.md").read_text(encoding="utf-8")
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


def features(directory):
    return {one["name"]: one["dtype"] for one in card(directory)[0]["dataset_info"]["features"]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    where, columns = "n_skip <= 2 AND sed > 1", ["sed", "n_skip", "params", "arch"]
    directory = tmp_path_factory.mktemp("runs") / "tss"
    return ss.enumerate_space("tss", directory, columns, start=100, shard_rows=5000, where=where, progress=False)


def test_a_run(run, tmp_path):
    out = tmp_path / "new" / "dataset"
    assert str(out) in sedspace("export", run.path, "--out", out, "--license", "cc-by-4.0").stdout
    assert sorted(os.listdir(out)) == ["README.md", "data"]
    assert sorted(os.listdir(out / "data")) == sorted(os.listdir(run.path))
    assert all((out / "data" / name).read_bytes() == (run.path / name).read_bytes() for name in os.listdir(run.path))
    assert ss.open_run(out / "data").verify() == []

    header, body = card(out)
    assert (header["license"], header["size_categories"]) == ("cc-by-4.0", ["10K<n<100K"])
    ((split,),) = ([one["data_files"] for one in header["configs"]],)
    pattern = str(out / split[0]["path"])
    expected = run.scan().collect()
    assert pl.read_parquet(pattern).equals(expected)
    assert duckdb.sql(f"SELECT count(*) FROM '{pattern}'").fetchall() == [(run.rows,)]
    assert features(out) == run.columns
    for column in run.request.columns:
        assert f"| `{column.name}` | {column.dtype} | {column.unit} | {column.meaning} |" in body
    command = next(line for line in body.splitlines() if line.startswith("sedspace enumerate"))
    sedspace(*(str(tmp_path / "again") if word == "RUN" else word for word in shlex.split(command)[1:]))
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (run.path / "manifest.json").read_bytes()
    assert run.manifest()["manifest_sha256"] in body


@pytest.mark.parametrize(
    ("space", "arguments", "columns"),
    [
        ("tss5", [], None),
        ("tss8", ["--features", "n_skip", "--by", "sed", "--where", "n_skip > 20"], ["sed", "n_skip"]),
        ("autoformer_base", ["--features", "n_layers"], ["n_layers"]),
    ],
)
def test_a_census(tmp_path, space, arguments, columns):
    out = tmp_path / "dataset"
    sedspace("export", space, "--out", out, *arguments)
    sedspace("census", space, "--out", tmp_path / "census.parquet", *arguments)
    found, expected = (pl.read_parquet(path) for path in (out / "data" / "*.parquet", tmp_path / "census.parquet"))
    assert found.equals(expected)
    schema = pq.read_schema(out / "data" / "census.parquet")
    known = ss.known_scores(space)
    for field in schema:
        if field.name in known:
            score = known[field.name]
            assert field.metadata == {b"unit": score.unit.encode(), b"meaning": score.meaning.encode()}
            assert features(out)[field.name] == score.dtype
    if columns is not None:
        assert list(features(out)) == [*columns, "count", "index"]
    body = card(out)[1]
    assert f"{len(found):,} rows" in body
    again = shlex.split(next(line for line in body.splitlines() if line.startswith("sedspace export")))
    sedspace(*(str(tmp_path / "again") if word == "DATASET" else word for word in again[1:]))
    assert (tmp_path / "again" / "README.md").read_text() == (out / "README.md").read_text()


def test_a_space_of_ones_own_is_in_the_card(tmp_path):
    space = ss.restrict("tss", ss.AtMost(2, "avg_pool_3x3"), name="few")
    out = ss.export_dataset(space, tmp_path / "dataset", features=["n_pool"])
    body = card(out)[1]
    assert "sedspace export few.toml" in body
    assert json.loads(body.split("```json\n")[1].split("```")[0]) == space.describe()
    assert pl.read_parquet(out / "data" / "*.parquet")["count"].sum() == space.size


def test_a_score_of_ones_own_is_described(tmp_path):
    score = ss.AdditiveScore("skips", {"n": {"skip_connect": 1}}, lambda n: n, dtype="uint8", unit="u", meaning="a|b")
    out = ss.export_dataset("tss", tmp_path / "dataset", by=score, features=["params"])
    assert features(out) == {"skips": "uint8", "params": "int32", "count": "int64", "index": "int64"}
    assert "| `skips` | uint8 | u | a\\|b |" in card(out)[1]


def test_a_column_that_not_everybody_can_compute_says_so(tmp_path, forget_scores):
    score = ss.AdditiveScore("skips", {"n": {"skip_connect": 1}}, lambda n: n, dtype="uint8")
    run = ss.enumerate_space("tss", tmp_path / "run", [score], stop=100, progress=False)
    out = ss.export_dataset(ss.open_run(run.path), tmp_path / "dataset")
    assert "- skips: a score of one's own; the command takes its file by `--scores`" in card(out)[1]


def test_nothing_half_written_is_left(run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    out = tmp_path / "dataset"
    out.mkdir()
    monkeypatch.setattr("sedspace.datasets._write_card", full)
    with pytest.raises(ss.RunError, match="dataset cannot be written: No space left on device"):
        ss.export_dataset(run, out)
    monkeypatch.setattr("sedspace.datasets._write_card", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ss.export_dataset(run, out)
    assert os.listdir(tmp_path) == ["dataset"]
    assert os.listdir(out) == []
    monkeypatch.undo()
    assert ss.export_dataset(run, out) == out


def interrupted(*_):
    raise KeyboardInterrupt


def test_what_is_refused(run, tmp_path):
    out = tmp_path / "there"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for arguments, message in (
        ([run.path, "--out", out], "holds 'notes.txt': expected a new or empty directory"),
        ([run.path, "--out", tmp_path / "file"], "is a file: expected a directory"),
        ([run.path, "--out", "s3://bucket/x"], "s3://bucket/x is no directory of this machine"),
        ([run.path, "--out", tmp_path / "x", "--by", "sed"], "by is for a census, and"),
        ([run.path, "--out", tmp_path / "x", "--license", "My Own"], "licence 'My Own': expected an identifier"),
        (["tss", "--out", tmp_path / "x", "--by", "sad"], "unknown score 'sad'"),
        (["nothing", "--out", tmp_path / "x"], "is no directory of a run, and no space"),
    ):
        assert message in sedspace("export", *arguments, status=2).stderr
    assert sorted(os.listdir(tmp_path)) == ["file", "there"]
    assert os.listdir(out) == ["notes.txt"]


def test_damaged_runs_are_not_published(run, tmp_path):
    copy = ss.export_dataset(run, tmp_path / "copy") / "data"
    shard = next(copy.glob("*.parquet"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(ss.RunError, match=shard.name):
        ss.export_dataset(ss.open_run(copy), tmp_path / "again")
    assert sorted(os.listdir(tmp_path)) == ["copy"]
