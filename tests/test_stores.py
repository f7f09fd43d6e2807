"""Runs in an object store: a real S3 server on this machine, and fsspec's store in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import ClassVar

import pytest

import commands
import sedspace as ss
from conftest import s3_server
from sedspace.runs.finished import FINISHED
from sedspace.storage import as_location

pytest.importorskip("upath", reason="needs universal_pathlib: pip install 'sedspace[s3]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the clients of S3

SECRET = "not-to-be-told-" + uuid.uuid4().hex


@pytest.fixture(scope="module")
def server():
    """An S3 server with a bucket, and the environment that leads to it."""
    with s3_server(SECRET) as environment:
        yield environment


@pytest.fixture(params=["s3", "memory"])
def store(request):
    """A prefix of either store that holds nothing yet."""
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}/run"
    request.getfixturevalue("server")
    return f"s3://bucket/{uuid.uuid4().hex}/run"


def objects(url):
    return {one.name: one.read_bytes() for one in as_location(url).path.iterdir()}


def content(path):
    return {one.name: one.read_bytes() for one in path.iterdir()}


OPTIONS = {"shard_rows": 4000, "progress": False}


@pytest.mark.parametrize("where", ["directory", "memory", "s3"])
def test_both_kinds_of_storage_keep_one_contract(where, tmp_path, request):
    if where == "s3":
        request.getfixturevalue("server")
    prefix = {"directory": str(tmp_path), "memory": "memory://", "s3": "s3://bucket"}[where]
    directory = as_location(f"{prefix}/{uuid.uuid4().hex}")
    file = directory / "b.bin"
    assert (directory.names(), file.size(), file.name) == ([], None, "b.bin")
    assert not directory.is_file()
    with pytest.raises(FileNotFoundError):
        file.read()
    directory.make_directory()
    assert directory.is_directory()
    with directory.sole_writer():
        for data in (b"first", memoryview(b"second")):
            file.write(data)
            assert file.read() == bytes(data)
    (directory / "a").write(b"")
    assert directory.names() == ["a", "b.bin"]
    assert directory.sizes() == {"a": 0, "b.bin": 6}
    assert file.size() == 6
    with file.open() as opened:
        assert opened.read(3) == b"sec"
    there = as_location(file.address)
    assert (there.read(), str(there.parent), there.name) == (b"second", str(directory), "b.bin")
    for entry in ("x", "y"):
        (directory / "list").note(entry, f"{entry}\n".encode())
    lines = b"".join((directory / name).read() for name in directory.names() if name.startswith("list"))
    assert lines == b"x\ny\n"
    file.remove()
    file.remove()
    assert file.size() is None
    assert (directory.free_bytes() is None) == (where != "directory")


def test_the_same_bytes_and_every_question(store, tmp_path):
    local = ss.enumerate_space("tss", tmp_path / "run", **OPTIONS)
    run = ss.enumerate_space("tss", store, **OPTIONS)
    assert objects(store) == content(local.path)
    assert str(run.path) == store
    again = ss.open_run(store)
    assert again.manifest() == local.manifest()
    assert again.verify() == []
    assert ss.enumerate_space("tss", store, **OPTIONS).rows_found == 15_625
    assert again.top(3, where="n_skip < 2").equals(local.top(3, where="n_skip < 2"))
    statement = "SELECT n_skip, max(sed) AS best FROM archs WHERE params < 500000 GROUP BY n_skip ORDER BY n_skip"
    assert again.sql(statement).equals(local.sql(statement))
    assert again.describe().equals(local.describe())
    assert again.sample(5, seed=1).equals(local.sample(5, seed=1))
    assert again.scan().collect().equals(local.scan().collect())


def test_continued_and_repaired(store, tmp_path):
    expected = content(ss.enumerate_space("tss", tmp_path / "run", where="sed > 1", **OPTIONS).path)
    run = ss.enumerate_space("tss", store, where="sed > 1", **OPTIONS)
    first, second = run.files()[:2]
    (as_location(store).path / "manifest.json").unlink()
    second.unlink()
    with pytest.raises(ss.RunError, match="a run that is not finished"):
        ss.open_run(store)
    with pytest.raises(ss.BadInput, match="holds another run: its where is sed > 1, the request's None"):
        ss.enumerate_space("tss", store, **OPTIONS)
    again = ss.enumerate_space("tss", store, where="sed > 1", **OPTIONS)
    assert 0 < again.rows_found < again.rows
    assert objects(store) == expected
    first.write_bytes(expected[second.name])
    second.unlink()
    assert [str(problem).split(" ", 1)[0] for problem in again.verify()] == [f"{first.name}:", f"{second.name}:"]
    with pytest.raises(ss.RunError, match=r"is \d+ bytes, the manifest says \d+; `sedspace verify --repair"):
        again.scan()
    assert len(ss.repair_run(store)) == 2
    assert objects(store) == expected
    (as_location(store).path / "mine.txt").write_bytes(b"mine")
    assert [str(problem) for problem in again.verify()] == ["mine.txt: does not belong to this run"]


def test_interrupted(store, tmp_path, monkeypatch):
    """What was finished is known to be whole, without being computed again."""
    expected = content(ss.enumerate_space("tss", tmp_path / "run", **OPTIONS).path)
    calls = []

    def stop(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("sedspace.progress.Lines.update", stop)
    with pytest.raises(KeyboardInterrupt):
        ss.enumerate_space("tss", store, threads=1, **OPTIONS)
    monkeypatch.undo()
    there = objects(store)
    assert sum(name.startswith(FINISHED) for name in there) == 3
    assert "manifest.json" not in there
    assert all(there[name] == expected[name] for name in there if name.startswith("part-"))
    assert ss.enumerate_space("tss", store, **OPTIONS).rows_found >= 12_000
    assert objects(store) == expected


def cli(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "sedspace", *map(str, arguments)],
        capture_output=True, text=True, env={**os.environ, **environment}, timeout=300,
    )  # fmt: skip


def test_the_command_line_tells_no_secrets(server, tmp_path):
    url = f"s3://bucket/{uuid.uuid4().hex}"
    done = cli("enumerate", "tss", "--out", url, "--shard-rows", 4000, "--engine", "dask", "--threads", 2)
    assert done.returncode == 0, done.stderr
    assert objects(url) == content(ss.enumerate_space("tss", tmp_path / "run", **OPTIONS).path)
    assert commands.sedspace("verify", url).stdout.startswith(f"{url}: 4 shards, 15,625 rows, all as written")
    rows = json.loads(commands.sedspace("top", url, "-k", 2, "--json").stdout)
    assert [row["index"] for row in rows] == [11_668, 8543]
    assert "15625" in commands.sedspace("query", url, "SELECT count(*) AS cells FROM archs").stdout
    said = done.stdout + done.stderr
    unreachable = cli("top", url, AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert unreachable.returncode == 1
    for failing in (
        commands.sedspace("verify", "s3://bucket/nothing/here", status=2),
        commands.sedspace("top", "s3://nowhere/run", status=2),
        commands.sedspace("enumerate", "tss", "--out", "s3://nowhere/run", status=1),
        commands.sedspace("enumerate", "tss", "--out", f"s3://somebody:{SECRET}@bucket/run", status=2),
        unreachable,
    ):
        assert failing.stderr.startswith("sedspace: ")
        assert failing.stderr.count("\n") == 1, failing.stderr
        said += failing.stdout + failing.stderr
    assert SECRET not in said
    assert all(SECRET.encode() not in data for data in objects(url).values())


def test_stores_that_are_not_known():
    with pytest.raises(ss.BadInput, match=r"nonsense://x/y: .*nonsense"):
        ss.enumerate_space("tss", "nonsense://x/y")
    for scheme, rest in (("s3", "a:b@bucket"), ("s3", "a:b/c@bucket"), ("S3", "a:b@c"), ("simplecache::s3", "a:b@c")):
        with pytest.raises(ss.BadInput, match=rf"^{scheme}://\.\.\. has @, \? or # in it: expected credentials"):
            ss.open_run(f"{scheme}://{rest}/run")


def test_studies_lie_in_stores_too(store):
    pytest.importorskip("torch")
    from sedspace.studies import crosscheck, read_study

    crosscheck("tss3", [5], ["params"], f"{store}/check.parquet", batch=2, progress=False)
    study = crosscheck("tss3", [5, 6], ["params"], f"{store}/check.parquet", batch=2, progress=False)
    assert read_study(f"{store}/check.parquet").rows.equals(study.rows)
    assert len(study.rows) == 2


# -- stores whose put can be cut short, and what is no store ----------------------------------------------------------


@pytest.fixture
def unsteady():
    """A prefix of a store that loses the connection in the middle of a file, and does not move onto what is there."""
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    class Unsteady(MemoryFileSystem):
        protocol = "unsteady"
        store: ClassVar[dict] = {}
        pseudo_dirs: ClassVar[list] = [""]
        puts_left: ClassVar[int] = 1 << 60

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.removeprefix("unsteady://"))

        def pipe_file(self, path, value, mode="overwrite", **kwargs):
            Unsteady.puts_left -= 1
            super().pipe_file(path, value if Unsteady.puts_left >= 0 else value[: len(value) // 2])
            if Unsteady.puts_left < 0:
                raise ConnectionResetError(104, "Connection reset by peer")

        def rm_file(self, path):
            if Unsteady.puts_left < 0:  # who is gone cleans nothing up
                raise ConnectionResetError(104, "Connection reset by peer")
            super().rm_file(path)

        def mv(self, path1, path2, **kwargs):
            if self.exists(path2):
                raise FileExistsError(17, "File exists", path2)
            super().mv(path1, path2, **kwargs)

    fsspec.register_implementation("unsteady", Unsteady, clobber=True)
    return Unsteady, f"unsteady://{uuid.uuid4().hex}/run"


def test_a_store_that_loses_the_connection(unsteady, tmp_path):
    fs, url = unsteady
    expected = content(ss.enumerate_space("tss", tmp_path / "run", **OPTIONS).path)
    for puts in range(12):
        fs.puts_left = puts
        try:
            ss.enumerate_space("tss", url, threads=1, **OPTIONS)
        except ss.RunError as error:
            assert "Connection reset by peer; finished shards stay valid" in str(error)  # noqa: PT017
        there = objects(url)
        assert all(data == expected[name] for name, data in there.items() if not name.startswith("."))
    fs.puts_left = 1 << 60
    run = ss.enumerate_space("tss", url, **OPTIONS)
    assert objects(url) == expected
    second = run.files()[1]
    second.write_bytes(b"damaged")
    assert len(ss.repair_run(url)) == 1
    assert objects(url) == expected


@pytest.mark.parametrize("left", ["half", "nothing", "zeros"])
@pytest.mark.parametrize("where", ["directory", "store"])
def test_torn_shards_are_written_again(tmp_path, where, left):
    expected = content(ss.enumerate_space("tss", tmp_path / "whole", **OPTIONS).path)
    out = tmp_path / "run" if where == "directory" else f"memory://{uuid.uuid4().hex}/run"
    run = ss.enumerate_space("tss", out, **OPTIONS)
    (run.path / "manifest.json").unlink()
    whole = expected[run.files()[1].name]
    torn = {"half": whole[: len(whole) // 2], "nothing": b"", "zeros": bytes(len(whole))}[left]
    run.files()[1].write_bytes(torn)
    noted = run.path / (FINISHED if where == "directory" else f"{FINISHED}.{run.files()[1].name}")
    noted.write_bytes(json.dumps({"file": run.files()[1].name, "sha256": "0" * 64}).encode() + b"\n")
    with pytest.raises(ss.RunError, match=r"part-00001-of-00004\.parquet"):  # it was whole once: this is damage
        ss.enumerate_space("tss", out, **OPTIONS)
    assert run.files()[1].read_bytes() == torn
    noted.unlink()
    again = ss.enumerate_space("tss", out, **OPTIONS)
    assert again.rows_found == 15_625 - 4000
    assert {one.name: one.read_bytes() for one in again.path.iterdir()} == expected


def test_the_local_file_system_is_no_store(tmp_path):
    from upath import UPath

    expected = content(ss.enumerate_space("tss", tmp_path / "run", **OPTIONS).path)
    urls = [f"file://{tmp_path}/a b", f"local://{tmp_path}/c", (tmp_path / "d e").as_uri()]
    for out in (*urls, UPath(f"file://{tmp_path}/f"), UPath(tmp_path / "g")):
        run = ss.enumerate_space("tss", out, **OPTIONS)
        assert type(run.path) is type(tmp_path)
        assert content(run.path) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a b", "c", "d e", "f", "g", "run"]


def test_a_bucket_that_is_not_there(server):
    with pytest.raises(
        ss.RunError, match="s3://nosuch/run: The specified bucket does not exist: expected a bucket that"
    ):
        ss.enumerate_space("tss", "s3://nosuch/run", progress=False)
    with pytest.raises(ss.BadInput, match="s3://nosuch/run holds no run"):
        ss.open_run("s3://nosuch/run")
