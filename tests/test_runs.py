"""Runs on disk: complete, exact, byte-identical, resumable, readable by anyone, and honest about damage."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import naive
import sedspace as ss
from conftest import write_manifest

DEFAULT = ["index", "sed", "n_none", "n_skip", "n_conv1x1", "n_conv3x3", "n_pool", "residual", "params", "macs"]
DTYPES = [pl.Int64, pl.Float32, *[pl.UInt8] * 6, pl.Int32, pl.Int64]


def write(path, space="tss", **options):
    return ss.enumerate_space(space, path, progress=False, **options)


def hashes(path):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(Path(path).iterdir())}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of tss in four shards, not to be changed."""
    return write(tmp_path_factory.mktemp("runs") / "tss", shard_rows=4000)


@pytest.fixture
def damaged(finished, tmp_path):
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(finished.path, tmp_path / "copy"))


def test_every_row_of_tss(finished):
    frame = finished.scan().collect()
    assert dict(frame.schema) == dict(zip(DEFAULT, DTYPES, strict=True))
    rows = []
    for index in range(5**6):
        digits = naive.digits(index, [5] * 6)
        _, _, one, three, _ = counts = naive.counts(digits)
        rows.append(
            (
                index,
                float(naive.sed(digits, 4)),
                *counts,
                naive.residual(digits, 4),
                73_306 + 243_040 * three + 28_000 * one,
                7_783_050 + 35_389_440 * three + 3_932_160 * one,
            )
        )
    assert frame.rows() == rows


@pytest.mark.parametrize(
    ("space", "start"), [("tss6", 2**33), ("tss7", 2**48 + 12_345), ("tss8", 2**63 - 3000), ("tss5", 624)]
)
def test_slices(tmp_path, space, start):
    stop = start + 3000
    run = write(tmp_path / "run", space, start=start, stop=stop, shard_rows=700, columns=[*DEFAULT, "arch"])
    frame = run.scan().collect()
    nodes = int(space[3:])
    assert frame["index"].to_list() == list(range(start, stop))
    for index, sed, pool, params, arch in frame.select("index", "sed", "n_pool", "params", "arch").rows()[::37]:
        digits = naive.digits(index, [5] * (nodes * (nodes - 1) // 2))
        assert (sed, pool, params) == (naive.sed(digits, nodes), naive.counts(digits)[4], naive.params(digits))
        assert arch == naive.arch(digits, nodes)
    assert run.verify() == []


def test_bytes_do_not_depend_on_threads_or_order(tmp_path):
    for threads in (1, 4):
        write(tmp_path / str(threads), "tss5", stop=300_000, shard_rows=20_000, threads=threads)
    assert hashes(tmp_path / "1") == hashes(tmp_path / "4")


def test_an_interrupted_run_is_continued_to_the_same_bytes(finished, damaged):
    whole = hashes(finished.path)
    (damaged / "manifest.json").unlink()
    (damaged / "part-00001-of-00004.parquet").unlink()
    (damaged / ".part-00001-of-00004.parquet.tmp").write_bytes(b"what a crash left")
    kept = (damaged / "part-00002-of-00004.parquet").stat().st_mtime_ns
    assert write(damaged, shard_rows=4000).rows_found == 5**6 - 4000
    assert hashes(damaged) == whole
    assert (damaged / "part-00002-of-00004.parquet").stat().st_mtime_ns == kept


def test_a_finished_run_is_left_alone(finished):
    before = {file: file.stat().st_mtime_ns for file in finished.path.iterdir()}
    again = write(finished.path, shard_rows=4000)
    assert again.rows == again.rows_found == finished.rows
    assert {file: file.stat().st_mtime_ns for file in finished.path.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shard_rows": 5000}, "its shard_rows is 4000, the request's 5000"),
        ({"space": "tss5"}, "its space name is tss, the request's tss5"),
        ({"stop": 10}, "its range stop is 15625, the request's 10"),
        (
            {"columns": ["index", "sed"]},
            r"its columns is \['index', 'sed', 'n_none'.*, the request's \['index', 'sed'\];",
        ),
        (
            {"columns": [*DEFAULT[:1], ss.sed("1/2"), *DEFAULT[2:]]},
            "its columns sed parameters lam is 3/4, the request's 1/2",
        ),
    ],
)
@pytest.mark.parametrize("unfinished", [False, True])
def test_another_request_is_refused(damaged, options, message, unfinished):
    if unfinished:
        (damaged / "manifest.json").unlink()
    before = hashes(damaged)
    with pytest.raises(ss.BadInput, match=message):
        write(damaged, **{"shard_rows": 4000, **options})
    assert hashes(damaged) == before


def test_foreign_files_are_refused_and_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("five years of work")
    with pytest.raises(ss.BadInput, match=r"holds 'thesis.tex', which is no part of a run"):
        write(tmp_path)
    assert hashes(tmp_path).keys() == {"thesis.tex"}
    with pytest.raises(ss.BadInput, match="is a file: expected a directory"):
        write(tmp_path / "thesis.tex")


def test_a_foreign_parquet_file_with_our_name_is_refused(tmp_path):
    file = tmp_path / "part-00000-of-00001.parquet"
    pq.write_table(pa.table({"x": [1]}), file)
    with pytest.raises(ss.RunError, match="was not written by sedspace"):
        write(tmp_path)
    file.write_bytes(b"not Parquet at all")
    with pytest.raises(ss.RunError, match="is not a readable Parquet file"):
        write(tmp_path)
    assert file.read_bytes() == b"not Parquet at all"


# -- what is written ------------------------------------------------------------------------------------------------


def test_manifest(finished):
    manifest = json.loads((finished.path / "manifest.json").read_text())
    assert manifest["format_version"] == 1
    assert manifest["space"]["name"] == "tss"
    assert manifest["space"]["positions"][2] == {
        "name": "1->2",
        "choices": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"],
    }
    assert [column["name"] for column in manifest["columns"]] == DEFAULT
    assert manifest["columns"][1]["parameters"] == {"lam": "3/4"}
    assert all(column["unit"] and column["meaning"] for column in manifest["columns"])
    assert [(s["start"], s["stop"]) for s in manifest["shards"]] == [
        (0, 4000),
        (4000, 8000),
        (8000, 12000),
        (12000, 15625),
    ]
    for shard in manifest["shards"]:
        data = (finished.path / shard["file"]).read_bytes()
        assert (shard["bytes"], shard["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert shard["rows"] == shard["stop"] - shard["start"]


def test_a_lone_shard_explains_itself(finished):
    schema = pq.read_schema(finished.files()[1])
    about = json.loads(schema.metadata[b"sedspace"])
    assert about["space"]["name"] == "tss"
    assert about["shard"] == {"start": 4000, "stop": 8000}
    assert schema.field("params").metadata == {
        b"unit": b"parameters",
        b"meaning": b"trainable parameters of NATS-Bench's cifar10 network",
    }


def test_others_read_a_run_without_sedspace(finished):
    expected = finished.scan().select(pl.col("sed").sum(), pl.col("index").len()).collect().row(0)
    pattern = f"{finished.path}/*.parquet"
    assert pl.scan_parquet(pattern).select(pl.col("sed").sum(), pl.len()).collect().row(0) == expected
    assert duckdb.sql(f"SELECT sum(sed), count(*) FROM '{pattern}'").fetchall() == [expected]
    pandas_frame = pd.concat(map(pd.read_parquet, finished.files()))
    assert (float(pandas_frame["sed"].sum()), len(pandas_frame)) == expected
    table = pa.concat_tables([pq.read_table(file) for file in finished.files()])
    assert (float(np.sum(table["sed"].to_numpy())), table.num_rows) == expected


def test_columns_on_request(tmp_path):
    run = write(tmp_path / "run", columns=["skip_sed", "conv_sed", "pool_sed", "arch", "macs_imagenet16"])
    frame = run.scan().collect()
    assert frame.columns == ["index", "skip_sed", "conv_sed", "pool_sed", "arch", "macs_imagenet16"]
    sed = frame["skip_sed"] * frame["conv_sed"] - frame["pool_sed"]
    assert sed.to_list() == ss.score("tss").tolist()
    assert frame["arch"].to_list() == ss.space("tss").arch(np.arange(5**6)).tolist()
    assert run.verify() == []


def test_users_scores_are_columns(tmp_path, forget_scores):
    ss.register(ss.AdditiveScore("edges", {"n": {"none": -1}}, lambda n: n + 6, dtype="uint8", meaning="in use"))
    ss.register(ss.DigitScore("first", lambda digits: digits[0] - digits[5] + 200 * digits[1], dtype="int16"))
    run = write(tmp_path / "run", columns=["sed", "edges", "first"])
    frame = run.scan().collect()
    assert frame["edges"].to_list() == [6 - naive.counts(naive.digits(i, [5] * 6))[0] for i in range(5**6)]
    assert frame["first"].to_list() == [i // 5**5 - i % 5 + 200 * (i // 5**4 % 5) for i in range(5**6)]
    assert ss.open_run(tmp_path / "run").verify() == []
    forget_scores()
    assert ss.open_run(tmp_path / "run").verify() == []  # not recomputed, but still vouched for by the hashes
    ss.register(ss.AdditiveScore("edges", {"n": {"none": -1}}, lambda n: n + 7, dtype="uint8", meaning="in use"))
    assert re.search(r"edges of index \d+ is (\d), recomputed (?!\1)\d", str(ss.open_run(tmp_path / "run").verify()[0]))


# -- verify ---------------------------------------------------------------------------------------------------------


def flip_bit(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "part-00002-of-00004.parquet: is missing"),
        (flip_bit, "part-00002-of-00004.parquet: has SHA-256"),
        (
            lambda file: file.write_bytes(file.read_bytes()[:-9]),
            "part-00002-of-00004.parquet: is .* bytes, the manifest",
        ),
        (lambda file: (file.parent / "notes.txt").write_text(""), "notes.txt: does not belong to this run"),
    ],
)
def test_verify_names_what_is_wrong(damaged, damage, message):
    assert ss.open_run(damaged).verify() == []
    damage(damaged / "part-00002-of-00004.parquet")
    (problem,) = ss.open_run(damaged).verify()
    assert re.match(message, str(problem))


def reforge(directory, change):
    """Replace a shard's rows and make the manifest agree: only recomputing rows can tell."""
    name = "part-00001-of-00004.parquet"
    table = pq.read_table(directory / name)
    pq.write_table(change(table), directory / name)
    data = (directory / name).read_bytes()
    manifest = json.loads((directory / "manifest.json").read_text())
    entry = manifest["shards"][1]
    manifest["bytes"] += len(data) - entry["bytes"]
    entry.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    write_manifest(directory, manifest)


@pytest.mark.parametrize("column", DEFAULT)
def test_verify_recomputes_rows(damaged, column):
    def change(table):
        i = table.schema.get_field_index(column)
        values = table[column].to_numpy() + np.ones(1, table[column].to_numpy().dtype)
        return table.set_column(i, table.schema.field(i), pa.array(values))

    reforge(damaged, change)
    (problem,) = ss.open_run(damaged).verify()
    said = (
        r"row (\d+) is index \d+, expected \d+" if column == "index" else rf"{column} of index \d+ is \S+, recomputed "
    )
    assert re.match("part-00001-of-00004.parquet: " + said, str(problem))


def test_junk_that_the_manifest_vouches_for_is_named(damaged):
    reforge(damaged, lambda table: table)
    file = damaged / "part-00001-of-00004.parquet"
    old = file.read_bytes()
    file.write_bytes(b"junk" * (len(old) // 4) + b"j" * (len(old) % 4))
    manifest = damaged / "manifest.json"
    new = hashlib.sha256(file.read_bytes()).hexdigest()
    text = manifest.read_text().replace(hashlib.sha256(old).hexdigest(), new)
    write_manifest(damaged, json.loads(text))
    (problem,) = ss.open_run(damaged).verify()
    assert "part-00001-of-00004.parquet: is not readable Parquet" in str(problem)


def test_a_run_of_another_pyarrow_verifies_and_says_so(damaged, monkeypatch):
    monkeypatch.setattr("sedspace.runs.request.Request.pyarrow_version", "99.0")
    run = ss.open_run(damaged)
    assert run.verify() == []
    assert run.manifest()["pyarrow_version"] == pa.__version__


@pytest.mark.parametrize("noted", [False, True])
@pytest.mark.parametrize("at", [4, 300, 9000, -3000])
def test_continuing_notices_bit_rot_anywhere_in_a_shard(damaged, at, noted):
    file = damaged / "part-00001-of-00004.parquet"
    data = bytearray(file.read_bytes())
    if noted:
        line = {"file": file.name, "sha256": hashlib.sha256(data).hexdigest()}
        (damaged / ".finished").write_text(json.dumps(line) + '\n{"file": "part-000')
    (damaged / "manifest.json").unlink()
    (damaged / "part-00003-of-00004.parquet").unlink()
    data[at] ^= 1
    file.write_bytes(data)
    with pytest.raises(ss.SedspaceError, match=r"part-00001-of-00004\.parquet "):
        write(damaged, shard_rows=4000)
    assert file.read_bytes() == data


def test_a_finished_run_that_lacks_something_is_not_called_finished(damaged):
    (damaged / "part-00002-of-00004.parquet").unlink()
    with pytest.raises(ss.RunError, match=r"part-00002-of-00004\.parquet: is missing; `sedspace verify --repair"):
        write(damaged, shard_rows=4000)
    with pytest.raises(ss.RunError, match="is missing; `sedspace verify --repair"):
        ss.open_run(damaged).top()
    (damaged / "part-00002-of-00004.parquet").write_bytes(b"PAR1")
    with pytest.raises(ss.RunError, match=r"is 4 bytes, the manifest says \d+; `sedspace verify --repair"):
        ss.open_run(damaged).top()


def test_a_finished_run_of_a_score_that_was_redefined(tmp_path, forget_scores):
    ss.register(ss.AdditiveScore("mine", {"n": "n_skip"}, lambda n: n, dtype="int32"))
    write(tmp_path / "run", columns=["mine"])
    ss.register(ss.AdditiveScore("mine", {"n": "n_skip"}, lambda n: n + 1, dtype="int32"))
    with pytest.raises(ss.RunError, match=r"mine of index \d+ is \d, recomputed \d"):
        write(tmp_path / "run", columns=["mine"])


@pytest.mark.parametrize("old_new", [("edges with none", "edges, none"), ('"where": null', '"where": "sed > 0"')])
def test_verify_notices_an_edited_manifest(damaged, old_new):
    text = (damaged / "manifest.json").read_text()
    write_manifest(damaged, json.loads(text.replace(*old_new)))
    problems = ss.open_run(damaged).verify()
    assert [problem.what for problem in problems] == ["describes another run than manifest.json does"] * 4


def test_verify_counts_rows_and_compares_descriptions(damaged):
    reforge(damaged, lambda table: table.slice(1))
    assert "has 3999 rows, the manifest says 4000" in str(ss.open_run(damaged).verify()[0])
    reforge(damaged, lambda table: pq.read_table(damaged / "part-00000-of-00004.parquet"))
    assert "describes another run than manifest.json does" in str(ss.open_run(damaged).verify()[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "manifest.json cannot be read"),
        (lambda text: "[]", "manifest.json is damaged"),
        (
            lambda text: text.replace('"format_version": 1', '"format_version": 2'),
            "has format version 2, .* update sedspace",
        ),
        (lambda text: text.replace('"start": 4000', '"start": 4001'), "is altered: its shards do not cover"),
        (lambda text: text.replace('"rows": 15625', '"rows": 15624'), "is altered: .*15624.* do not add up"),
        (lambda text: text.replace('"name": "tss"', '"name": "tsx"'), "unknown space 'tsx'"),
        (lambda text: text.replace('"size": 15625', '"size": 15626'), "its space size is 15626, expected 15625"),
        (lambda text: text.replace('"name": "0->1"', '"name": "0->2"'), "its space positions is"),
        (lambda text: text.replace('"dtype": "int64"', '"dtype": "x"'), "is damaged"),
        (lambda text: text.replace('"unit": "edges"', '"unit": null'), "is damaged"),
        (lambda text: text.replace('"shard_rows": 4000', '"shard_rows": 0'), "is damaged"),
        (lambda text: text.replace('"start": 0,\n', '"start": null,\n'), "is damaged"),
        (lambda text: re.sub('"bytes": [0-9]+', '"bytes": null', text), "is damaged"),
        (lambda text: text.replace('"rows": 4000', '"rows": 3999', 1), "its shards do not cover"),
    ],
)
def test_a_damaged_manifest_is_named(damaged, change, message):
    file = damaged / "manifest.json"
    file.write_text(change(file.read_text()))
    with pytest.raises(ss.SedspaceError, match=message):
        ss.open_run(damaged)


def test_a_manifest_vouches_for_all_of_itself(finished, damaged):
    """Whatever character is changed: opening refuses it, or nothing else is read than before."""
    whole, chance = (damaged / "manifest.json").read_bytes(), random.Random(3)
    named = [whole.rindex(b"manifest_sha256") + 3, whole.index(b"edges with none"), whole.rindex(b'"sha256": "') + 15]
    for at in [*named, *chance.sample(range(len(whole)), 200)]:
        data = bytearray(whole)
        data[at] ^= 1 << chance.randrange(7)
        (damaged / "manifest.json").write_bytes(data)
        opened = None
        with contextlib.suppress(ss.RunError):
            opened = ss.open_run(damaged)
        assert opened is None or (at not in named and opened.manifest() == finished.manifest())


def test_open_run_of_nothing(tmp_path):
    with pytest.raises(ss.BadInput, match="is not a directory"):
        ss.open_run(tmp_path / "nowhere")
    with pytest.raises(ss.BadInput, match="holds no run"):
        ss.open_run(tmp_path)


# -- bad requests and failing disks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": "tss6"}, "30,517,578,125 rows of tss6 at about .* bytes are .* bytes, and .* free: write a slice"),
        ({"space": "tss8"}, "int64, so --range must end at 9223372036854775808"),
        ({"space": "tss9x"}, "unknown space"),
        ({"columns": ["sedd"]}, "unknown column 'sedd': did you mean 'sed'"),
        ({"columns": ["sed", "sed"]}, "column 'sed' is asked for twice"),
        ({"columns": ["functional"]}, "unknown column 'functional'"),
        ({"threads": 0}, "threads 0"),
        ({"shard_rows": 0}, "shard-rows 0: expected 1 or more"),
        ({"shard_rows": 1.5}, r"shard-rows 1\.5 is not an integer"),
        ({"space": "tss5", "shard_rows": 1}, "bytes, and .* free"),
        (
            {"space": "tss7", "where": "sed > 34", "shard_rows": 1_000_000},
            "476,837,159 files: give a larger --shard-rows",
        ),
        ({"columns": "sed"}, "columns 'sed' is one string"),
        ({"start": 20, "stop": 10}, "range 20:10 is not within tss"),
        ({"start": 10, "stop": 10}, "range 10:10 of tss is empty"),
        ({"stop": 15626}, "range 0:15626 is not within tss"),
        ({"start": -1}, "range -1:15625 is not within tss"),
    ],
)
def test_bad_requests_write_nothing(tmp_path, monkeypatch, options, message):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
    with pytest.raises(ss.BadInput, match=message) as caught:
        write(tmp_path / "run", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_unwritable_directory():
    with pytest.raises(ss.BadInput, match="cannot write to /proc/runs"):
        write("/proc/runs/tss")


def test_a_full_disk_keeps_what_was_finished(tmp_path):
    """A limit on file size stands in for a full disk: the shards fit, the fourth (with its arch strings) does not."""
    code = (
        "import resource, sys, sedspace as ss\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "try:\n"
        "    ss.enumerate_space('tss', sys.argv[1], shard_rows=4500, threads=1, progress=False)\n"
        "except ss.RunError as error:\n"
        "    print(error)\n"
    )
    sizes = [file.stat().st_size for file in sorted(write(tmp_path / "whole", shard_rows=4500).files())]
    limit = sorted(sizes)[-1] - 1
    arguments = [sys.executable, "-c", code, str(tmp_path / "run"), str(limit)]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "File too large; finished shards stay valid" in result.stdout
    left = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert all(name.startswith(("part-", ".finished")) for name in left)
    assert len([name for name in left if name.startswith("part-")]) < len(sizes)
    write(tmp_path / "run", shard_rows=4500)
    assert hashes(tmp_path / "run") == hashes(tmp_path / "whole")


# -- top ------------------------------------------------------------------------------------------------------------


def test_samples_of_a_run(finished):
    rows = finished.scan().collect()
    drawn = finished.sample(40, stratify="n_skip", where="residual = 1 AND n_skip < 4", seed=3)
    assert drawn.equals(finished.sample(40, stratify="n_skip", where="residual = 1 AND n_skip < 4", seed=3))
    assert not drawn.equals(finished.sample(40, stratify="n_skip", where="residual = 1 AND n_skip < 4", seed=4))
    assert drawn["index"].is_sorted()
    assert drawn["index"].n_unique() == 40
    assert drawn["residual"].unique().to_list() == [1]
    sizes = drawn["n_skip"].value_counts().sort("n_skip")
    assert sizes["n_skip"].to_list() == [1, 2, 3]
    assert set(sizes["count"]) == {13, 14}
    assert drawn.drop("arch").equals(rows.filter(pl.col("index").is_in(drawn["index"].implode())))
    everything = finished.sample(finished.rows)
    assert everything.drop("arch").equals(rows)
    often = pl.concat([finished.sample(2, where="index < 5", seed=seed) for seed in range(300)])
    counts = often["index"].value_counts()["count"]
    assert len(counts) == 5
    assert counts.min() > 80  # 120 on average
    for wrong, said in (
        ({"n": 0}, "n 0: expected 1 or more"),
        ({"n": 5, "stratify": "sad"}, "unknown column 'sad': did you mean 'sed'"),
        ({"n": 99_999}, "n 99999: only 15625 architectures meet the request"),
        ({"n": 2, "where": "n_skip = 7"}, "n 2: only 0 architectures"),
        ({"n": 2, "seed": -1}, "seed -1: expected 0 or more"),
    ):
        with pytest.raises(ss.BadInput, match=said):
            finished.sample(**wrong)


def test_top_of_a_run_equals_sorting_all_rows(finished):
    frame = finished.scan().collect()
    expected = frame.sort(["sed", "index"], descending=[True, False]).head(20)
    assert finished.top(20).drop("arch").equals(expected)
    assert finished.top(20)["arch"].to_list() == [ss.space("tss").arch(i) for i in expected["index"]]
    some = frame.filter((pl.col("params") < 500_000) & (pl.col("n_skip") <= 2))
    expected = some.sort(["macs", "index"], descending=[True, False]).head(5)
    assert finished.top(5, by="macs", where="params < 500000 AND n_skip <= 2").drop("arch").equals(expected)


def test_differences_of_counts_do_not_wrap(finished):
    (row,) = finished.top(1, by="n_skip", where="n_conv3x3 - n_skip > 3").rows(named=True)
    assert row["n_conv3x3"] - row["n_skip"] > 3
    found = finished.sql("SELECT min(n_conv3x3 - n_skip) AS least FROM archs WHERE n_skip - n_none > 2").item()
    assert found == -6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k 0"),
        ({"by": "sex"}, "unknown column 'sex': did you mean 'sed'"),
        ({"where": "parms < 3"}, "unknown column 'parms': did you mean 'params'"),
        ({"where": "params <"}, "is not a condition in SQL"),
        ({"where": "params + 1"}, "gives numbers, expected a condition"),
        ({"where": "params < 'a'"}, "cannot be evaluated"),
    ],
)
def test_bad_questions(finished, options, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        finished.top(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC * FROM archs", "expected one that begins with SELECT or WITH"),
        ("SELECT sedd FROM archs", "unknown column 'sedd': did you mean 'sed'"),
        ("SELECT * FROM runs", "cannot be answered: .*; the table is called archs$"),
    ],
)
def test_bad_sql(finished, statement, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        finished.sql(statement)
    assert "\n" not in str(caught.value)


def test_describe_is_what_the_rows_say(finished):
    frame = finished.scan().collect()
    for row in finished.describe().rows(named=True):
        column = frame[row["column"]]
        assert (row["min"], row["max"], row["distinct"]) == (str(column.min()), str(column.max()), column.n_unique())


def test_directories_are_not_patterns(tmp_path):
    for name in ("qa", "q?", "g[1]"):
        write(tmp_path / name, stop=10)
    assert ss.open_run(tmp_path / "q?").sql("SELECT count(*) FROM archs").item() == 10
    assert ss.open_run(tmp_path / "g[1]").scan().collect().height == 10


def test_a_score_of_the_users_cannot_pass_for_ours(tmp_path):
    mine = ss.AdditiveScore("params", {"n": "n_skip"}, lambda n: n, dtype="int32", parameters={"v": "1"})
    with pytest.raises(ss.BadInput, match="column 'params': another score has that name"):
        write(tmp_path / "run", columns=[mine])
    assert write(tmp_path / "run", columns=[ss.sed("1/2")]).verify() == []


@pytest.mark.parametrize("ask", [ss.Run.describe, lambda run: run.sql("SELECT max(sed) FROM archs"), ss.Run.top])
def test_damaged_files_are_the_runs_fault(damaged, ask):
    (damaged / "part-00001-of-00004.parquet").write_bytes(b"PAR1")
    with pytest.raises(ss.RunError, match="is 4 bytes, the manifest says"):
        ask(ss.open_run(damaged))
