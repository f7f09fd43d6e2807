"""Whatever is damaged: a question is refused, or answered as if nothing had happened. And verify says what it knows."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import random
import shutil
import uuid
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sedspace as ss
from conftest import write_manifest
from sedspace.runs.shards import parquet_options
from sedspace.storage import as_location

STATEMENT = "SELECT n_skip, sum(params) AS params, max(sed) AS best FROM archs GROUP BY n_skip ORDER BY n_skip"
QUESTIONS = {
    "top": lambda run: run.top(20, where="params < 1000000"),
    "query": lambda run: run.sql(STATEMENT),
    "describe": ss.Run.describe,
    "sample": lambda run: run.sample(5, stratify="n_skip"),
}
OPTIONS = {"shard_rows": 2000, "progress": False}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of tss in eight shards, not to be changed."""
    return ss.enumerate_space("tss", tmp_path_factory.mktemp("runs") / "tss", **OPTIONS)


@pytest.fixture(scope="module")
def filtered(tmp_path_factory):
    """A run of some of the rows, in eight shards, not to be changed."""
    return ss.enumerate_space("tss", tmp_path_factory.mktemp("runs") / "some", where="sed > 5", **OPTIONS)


@pytest.fixture
def damaged(finished, tmp_path):
    """A copy of the run of all rows, to be damaged."""
    return Path(shutil.copytree(finished.path, tmp_path / "copy"))


def answers_or_refuses(directory, expected):
    """Ask every question of a run; return how many were refused, none having been answered otherwise than expected."""
    said = []
    for name, ask in QUESTIONS.items():
        try:
            answer = ask(ss.open_run(directory))
        except ss.RunError as error:
            said.append(str(error))
        else:
            assert answer.equals(expected[name]), name
    assert "\n" not in "".join(said)
    return len(said)


@pytest.fixture(scope="module")
def expected(finished):
    return {name: ask(finished) for name, ask in QUESTIONS.items()}


def test_what_is_whole_is_answered(damaged, expected):
    assert answers_or_refuses(damaged, expected) == 0


def test_a_shard_copied_over_another(damaged, finished, expected):
    pairs = list(itertools.permutations(range(len(finished.shards)), 2))
    for source, target in random.Random(0).sample(pairs, 10):
        whole = finished.files()[target].read_bytes()
        (damaged / finished.files()[target].name).write_bytes(finished.files()[source].read_bytes())
        assert answers_or_refuses(damaged, expected) == len(QUESTIONS)
        (damaged / finished.files()[target].name).write_bytes(whole)
        assert answers_or_refuses(damaged, expected) == 0


def test_a_shard_of_another_run(damaged, tmp_path, expected):
    other = ss.enumerate_space("tss", tmp_path / "other", where="index >= 0", **OPTIONS)
    shutil.copy(other.files()[3], damaged)
    assert answers_or_refuses(damaged, expected) == len(QUESTIONS)


def same_size(file: Path) -> bytes:
    """Return another file of a shard's rows but for two values of SED that changed places, of the same size."""
    table, size = pq.read_table(file), file.stat().st_size
    at = table.schema.get_field_index("sed")
    for first in range(table.num_rows - 1):
        values = table["sed"].to_numpy().copy()
        if values[first] == values[first + 1]:
            continue
        values[[first, first + 1]] = values[[first + 1, first]]
        data = io.BytesIO()
        with pq.ParquetWriter(data, table.schema, **parquet_options(table.schema)) as writer:
            writer.write_table(table.set_column(at, table.schema.field(at), pa.array(values)))
        if data.tell() == size:
            return data.getvalue()
    raise AssertionError("every change changed the size")


def test_other_values_of_the_same_size(damaged, finished, expected):
    for file in finished.files()[:5]:
        target = damaged / file.name
        target.write_bytes(same_size(file))
        assert target.stat().st_size == file.stat().st_size
        assert answers_or_refuses(damaged, expected) == len(QUESTIONS)
        shutil.copy(file, target)


def test_flipped_bits(damaged, finished, expected):
    file = damaged / finished.files()[2].name
    whole, chance = file.read_bytes(), random.Random(6)
    for _ in range(200):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        file.write_bytes(data)
        assert answers_or_refuses(damaged, expected) == len(QUESTIONS)


def test_a_file_that_changed_since_it_was_looked_at(damaged, finished, expected):
    file = damaged / finished.files()[2].name
    long_ago = file.stat().st_mtime_ns
    assert answers_or_refuses(damaged, expected) == 0
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(long_ago, long_ago))
    assert answers_or_refuses(damaged, expected) == len(QUESTIONS)


def test_without_a_look_rows_come_as_polars_reads_them(damaged, finished):
    shutil.copy(finished.files()[0], damaged / finished.files()[1].name)
    rows = ss.open_run(damaged).scan(check=False).collect()
    assert rows["index"].n_unique() == finished.rows - 2000


def test_manifests_without_newer_hashes_are_read(damaged, expected):
    manifest = json.loads((damaged / "manifest.json").read_text())
    assert manifest.pop("manifest_sha256")
    for entry in manifest["shards"]:
        assert entry.pop("footer_sha256")
    (damaged / "manifest.json").write_text(json.dumps(manifest))
    assert answers_or_refuses(damaged, expected) == 0
    assert ss.open_run(damaged).verify() == []
    ss.open_run(damaged).files()[0].unlink()
    assert len(ss.repair_run(damaged)) == 1


def test_pages_have_checksums_and_pyarrow_finds_what_flipped(damaged, finished):
    file = damaged / finished.files()[0].name
    column = pq.read_metadata(file).row_group(0).column(1)
    data = bytearray(file.read_bytes())
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(OSError, match="CRC checksum"):
        pq.ParquetFile(file, page_checksum_verification=True).read(["sed"])


# -- in a store -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored():
    """The same run in a store in memory."""
    pytest.importorskip("upath", reason="needs universal_pathlib: pip install 'sedspace[s3]'")
    return ss.enumerate_space("tss", f"memory://{uuid.uuid4().hex}/run", **OPTIONS)


@pytest.mark.filterwarnings("ignore")
def test_damage_in_a_store(stored, finished, expected, tmp_path):
    assert answers_or_refuses(str(stored.path), expected) == 0
    first, second = stored.files()[:2]
    whole = second.read_bytes()
    column = pq.read_metadata(finished.files()[1]).row_group(0).column(1)  # of sed, which every question needs
    middle = column.dictionary_page_offset + column.total_compressed_size * 3 // 4
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    footer = bytearray(whole)
    for data in (first.read_bytes(), flipped):
        second.write_bytes(data)
        assert answers_or_refuses(str(stored.path), expected) >= 3
    length = int.from_bytes(whole[-8:-4], "little")
    for at in random.Random(1).sample(range(len(whole) - 8 - length, len(whole)), 50):
        footer = bytearray(whole)
        footer[at] ^= 4
        second.write_bytes(footer)
        assert answers_or_refuses(str(stored.path), expected) == len(QUESTIONS)


# -- verify -----------------------------------------------------------------------------------------------------------


def forge(run, number, change):
    """Write other rows into a shard, encoded as ours are, and a manifest that agrees."""
    file, manifest = run.files()[number], json.loads((run.path / "manifest.json").read_text())
    table = pq.read_table(file)
    changed = change(table)
    with pq.ParquetWriter(file, table.schema, **parquet_options(table.schema)) as writer:
        writer.write_table(changed)
    data, entry = file.read_bytes(), manifest["shards"][number]
    manifest["bytes"] += len(data) - entry["bytes"]
    manifest["rows"] += changed.num_rows - entry["rows"]
    entry.update(bytes=len(data), rows=changed.num_rows, sha256=hashlib.sha256(data).hexdigest())
    entry.pop("footer_sha256", None)
    write_manifest(run.path, manifest)


def with_value(table, row, column, value):
    at = table.schema.get_field_index(column)
    values = table[column].to_numpy().copy()
    values[row] = value
    return table.set_column(at, table.schema.field(at), pa.array(values))


def test_full_finds_one_value(damaged, finished):
    forge(ss.open_run(damaged), 3, lambda table: with_value(table, 1234, "macs", 7))
    (problem,) = ss.open_run(damaged).verify(full=True)
    wanted = finished.scan().filter(pl.col("index") == 7234).collect()["macs"].item()
    assert str(problem) == f"part-00003-of-00008.parquet: macs of index 7234 is 7, recomputed {wanted}"


def test_full_recomputes_everything(finished, filtered, tmp_path):
    for run in (finished, filtered):
        report = run.verify(full=True)
        assert (report, report.shards, report.recomputed, report.rows) == ([], 8, run.rows, run.rows)
    assert (finished.verify().condition, filtered.verify(full=True).condition) == (None, True)
    columns = ["arch", "functional_class", "depth", ss.sed("1/2")]
    assert ss.enumerate_space("tss", tmp_path / "run", columns, **OPTIONS).verify(full=True) == []


def test_the_quick_one_says_what_it_looked_at(finished, filtered):
    report = finished.verify()
    assert report.looked_at() == "SHA-256 of 8 compared, 800 of 15,625 rows recomputed"
    assert "rows recomputed, the condition checked" in filtered.verify().looked_at()
    assert filtered.verify().condition is True


def test_the_sample_cannot_be_foreseen(damaged, monkeypatch):
    """Where it looks differs from time to time: in eight shards and five times, by all that is likely."""
    seen = []
    take = ss.runs.verify.check_indices
    monkeypatch.setattr(
        "sedspace.runs.verify.check_indices", lambda *of: (seen.append((of[1].start, of[3])), take(*of))
    )
    for _ in range(5):
        ss.open_run(damaged).verify()
    assert len(set(seen)) > 100  # of 160 looks at about 2,000 places


@pytest.fixture
def tampered(filtered, tmp_path):
    return ss.open_run(shutil.copytree(filtered.path, tmp_path / "tampered"))


@pytest.mark.parametrize("full", [False, True])
def test_rows_that_lack(tampered, full):
    number = int(np.argmin([written.rows or 10**6 for written in tampered.shards]))
    assert 2 < tampered.shards[number].rows <= 100  # then all of it is looked at
    for lacks in (0, 1):
        forge(tampered, number, lambda table, at=lacks: pa.concat_tables([table.slice(0, at), table.slice(at + 1)]))
        (problem,) = ss.open_run(tampered.path).verify(full)
        assert problem.file == tampered.shards[number].shard.name
        assert ("lacks index" if not full else "is index") in problem.what


@pytest.mark.parametrize("full", [False, True])
def test_rows_that_should_not_be_there(tampered, finished, full):
    number = int(np.argmin([written.rows or 10**6 for written in tampered.shards]))
    shard = tampered.shards[number].shard
    rest = pl.col("index").is_between(shard.start, shard.stop - 1) & (pl.col("sed") < 5)
    more = finished.scan().filter(rest).head(1).collect().to_arrow()

    def add(table):
        more_of_it = more.cast(table.schema.remove_metadata()).replace_schema_metadata(table.schema.metadata)
        both = pa.concat_tables([table, pa.Table.from_arrays(more_of_it.columns, schema=table.schema)])
        return both.sort_by("index")

    forge(tampered, number, add)
    (problem,) = ss.open_run(tampered.path).verify(full)
    assert ("does not meet sed > 5" if not full else "is index") in problem.what


def test_a_condition_that_cannot_be_judged(tmp_path, forget_scores):
    ss.register(ss.AdditiveScore("mine", {"n": "n_skip"}, lambda n: n, dtype="uint8"))
    run = ss.enumerate_space("tss", tmp_path / "run", ["mine"], where="mine > 2", **OPTIONS)
    assert ss.open_run(run.path).verify().condition is True
    forget_scores()
    report = ss.open_run(run.path).verify()
    assert (report, report.condition) == ([], False)
    with pytest.raises(ss.BadInput, match="where 'mine > 2' needs a score that is not registered here"):
        ss.open_run(run.path).verify(full=True)


@pytest.mark.parametrize("noted", [False, True])
def test_an_unfinished_run_that_was_tampered_with_is_not_continued(damaged, noted):
    run = ss.open_run(damaged)
    forge(run, 2, lambda table: with_value(table, slice(None), "params", 1))
    (damaged / "manifest.json").unlink()
    run.files()[5].unlink()
    if noted:
        line = {"file": run.files()[2].name, "sha256": hashlib.sha256(run.files()[2].read_bytes()).hexdigest()}
        (damaged / ".finished").write_text(json.dumps(line) + "\n")
    with pytest.raises(ss.RunError, match=r"part-00002-of-00008\.parquet"):
        ss.enumerate_space("tss", damaged, **OPTIONS)
    assert not (damaged / "manifest.json").exists()


# -- what should not be opened ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".lock", ".finished"])
@pytest.mark.parametrize("kind", ["link", "dangling", "hard", "pipe", "directory"])
def test_fixed_names_that_are_no_files_of_ours(tmp_path, name, kind):
    run, mine = tmp_path / "run", tmp_path / "thesis.tex"
    run.mkdir()
    mine.write_text("five years of work")
    trap = run / name
    {
        "link": lambda: trap.symlink_to(mine),
        "dangling": lambda: trap.symlink_to(tmp_path / "new"),
        "hard": lambda: trap.hardlink_to(mine),
        "pipe": lambda: os.mkfifo(trap),
        "directory": trap.mkdir,
    }[kind]()
    with pytest.raises(ss.RunError, match=rf"{name} (is no regular file|has a second name)") as caught:
        ss.enumerate_space("tss", run, **OPTIONS)
    assert "\n" not in str(caught.value)
    assert mine.read_text() == "five years of work"
    assert not (tmp_path / "new").exists()


def test_pipes_are_not_waited_for(damaged, finished):
    shard = damaged / finished.files()[1].name
    shard.unlink()
    os.mkfifo(shard)
    for ask in QUESTIONS.values():
        with pytest.raises(ss.RunError, match="is no regular file"):
            ask(ss.open_run(damaged))
    (problem,) = ss.open_run(damaged).verify()
    assert "is no regular file" in str(problem)
    assert len(ss.repair_run(damaged)) == 1  # by a rename over it
    assert shard.is_file()
    (damaged / "manifest.json").unlink()
    os.mkfifo(damaged / "manifest.json")
    with pytest.raises(ss.RunError, match=r"manifest\.json is no regular file"):
        ss.open_run(damaged)
    (damaged / "manifest.json").unlink()
    shard.unlink()
    os.mkfifo(shard)
    with pytest.raises(ss.RunError, match="is no regular file"):
        ss.enumerate_space("tss", damaged, **OPTIONS)


def test_links_to_shards_are_read(damaged, tmp_path, expected):
    elsewhere = tmp_path / "another disk"
    elsewhere.mkdir()
    for file in ss.open_run(damaged).files()[:3]:
        shutil.move(file, elsewhere)
        file.symlink_to(elsewhere / file.name)
    assert answers_or_refuses(damaged, expected) == 0
    assert ss.open_run(damaged).verify() == []


def set_at(value, *keys):
    def change(manifest):
        for key in keys[:-1]:
            manifest = manifest[key]
        manifest[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_at("../../part-00000-of-00008.parquet", "shards", 0, "file"),
        set_at("/etc/passwd", "shards", 0, "file"),
        set_at(None, "shards", 0, "file"),
        set_at(-1, "shards", 0, "rows"),
        set_at("2000", "shards", 0, "rows"),
        set_at(2000.0, "shards", 0, "rows"),
        set_at(False, "shards", 0, "start"),
        set_at(0.0, "shards", 0, "start"),
        set_at("0", "shards", 0, "sha256"),
        set_at(7, "shards", 0, "footer_sha256"),
        set_at({}, "shards"),
        set_at([[]], "shards"),
        set_at(2000.0, "shard_rows"),
        set_at(True, "shard_rows"),
        set_at(-2000, "shard_rows"),
        set_at("0", "range", "start"),
        set_at([], "range"),
        set_at(3, "where"),
        set_at("1", "format_version"),
        set_at(True, "format_version"),
        set_at([], "sedspace_version"),
        set_at("tss", "space"),
        set_at({}, "columns", 1),
        set_at(5, "columns", 1, "name"),
        set_at([], "columns", 1, "parameters"),
        set_at(7, "bytes"),
    ],
)
def test_manifests_of_other_types(damaged, change):
    manifest = ss.open_run(damaged).manifest()
    change(manifest)
    write_manifest(damaged, manifest)
    with pytest.raises(ss.RunError, match=r"manifest\.json") as caught:
        ss.open_run(damaged)
    assert "\n" not in str(caught.value)


def test_a_manifest_names_no_file(damaged, tmp_path):
    trap = tmp_path / "space.toml"
    os.mkfifo(trap)  # who opens it, waits for ever
    manifest = ss.open_run(damaged).manifest()
    for name in (str(trap), "../space.toml", ["tss"], None):
        manifest["space"]["name"] = name
        write_manifest(damaged, manifest)
        with pytest.raises(ss.RunError, match="space"):
            ss.open_run(damaged)


def test_everything_made_is_synced(tmp_path, monkeypatch):
    """New directories last by their parents, files by the directory that they were renamed in."""
    synced, fsync = set(), os.fsync
    monkeypatch.setattr("os.fsync", lambda handle: (synced.add(os.fstat(handle).st_ino), fsync(handle)))
    run = ss.enumerate_space("tss", tmp_path / "a" / "b" / "run", **OPTIONS)
    made = [run.path, *run.path.parents[:3], *run.files(), run.path / "manifest.json"]
    assert {path.stat().st_ino for path in made} <= synced
    run.files()[0].unlink()
    synced.clear()
    ss.repair_run(run.path)
    assert {run.path.stat().st_ino, run.files()[0].stat().st_ino} <= synced


def test_places(tmp_path):
    assert as_location(f"file://{tmp_path}/a%20b@c").path == tmp_path / "a b@c"
    assert as_location(f"FILE://localhost{tmp_path}").path == as_location(f"local://{tmp_path}").path == tmp_path
    with pytest.raises(ss.BadInput, match=r"^s3:/\.\.\. has one slash: expected s3://") as caught:
        as_location("s3:/KEY:SECRET@bucket")
    assert "SECRET" not in str(caught.value)
