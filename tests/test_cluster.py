"""Runs and studies on a Dask cluster: the same bytes as without one, whoever dies meanwhile."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import pytest

import sedspace as ss
from sedspace.cluster import connected, refuse_other_code
from sedspace.provenance import code_version
from sedspace.runs.write import enumerate_space, repair_run

pytest.importorskip("distributed", reason="needs Dask: pip install 'sedspace[cluster]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's and bokeh's own

# Scores that workers must be sent; not importable there, as a user's are not. None of them counts on time: one waits
# until it may go on, once the run has a shard; one kills its worker as often as there are tokens; one always does.
SCORES = """
import glob, os, signal, time
import sedspace as ss

DIRECTORY = {directory!r}


def on_worker():
    try:
        from distributed import get_worker
        get_worker()
    except (ImportError, ValueError):
        return False
    return True


def held(n):
    while glob.glob(DIRECTORY + "/*/part-*") and not os.path.exists(DIRECTORY + "/go"):
        time.sleep(0.02)
    return n * 2


def mortal(n):
    for token in glob.glob(DIRECTORY + "/token-*") if on_worker() else ():
        try:
            os.remove(token)
        except FileNotFoundError:
            continue  # the other worker was faster
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def deadly(n):
    if on_worker():
        os._exit(9)
    return n


def last(digits):
    return digits[5]


for function in (held, mortal, deadly):
    ss.register(ss.AdditiveScore(function.__name__, {{"n": {{"nor_conv_3x3": 1}}}}, function, dtype="int32"))
ss.register(ss.DigitScore("last", last, dtype="uint8"))
"""
MANY = 12  # shards of tss5


@pytest.fixture(scope="module")
def client():
    """Two worker processes."""
    with connected(workers=2) as client:
        yield client


@pytest.fixture
def scores(forget_scores, tmp_path):
    """The scores above, registered as if by --scores."""
    source = SCORES.format(directory=str(tmp_path))
    (tmp_path / "scores.py").write_text(source)
    exec(compile(source, "scores.py", "exec"), {"__name__": "users_own"})
    return tmp_path / "scores.py"


def content(path):
    return {file.name: file.read_bytes() for file in Path(path).iterdir()}


REQUESTS = {
    "tss5": {"start": 5, "stop": 1_500_000, "shard_rows": 300_000},
    "darts": {"stop": 50_000, "shard_rows": 20_000, "columns": ["sed", "arch"]},
    "nb101": {"stop": 3000, "shard_rows": 1000, "where": "params < 5000000"},
    "tss": {"shard_rows": 4000, "unique": "functional"},
    "few": {"shard_rows": 4000, "start": 5, "where": "sed > 3"},
}


@pytest.mark.parametrize("space", REQUESTS)
def test_the_same_bytes(client, tmp_path, space):
    options = REQUESTS[space]
    if space == "few":
        space = ss.restrict("tss", ss.OwnRule("no skips", 0, lambda state, _, choice: None if choice == 1 else state))
    local = enumerate_space(space, tmp_path / "local", progress=False, **options)
    there = enumerate_space(space, tmp_path / "dask", progress=False, client=client, **options)
    assert content(there.path) == content(local.path)
    assert there.rows_found == 0
    assert there.verify() == []
    there.files()[-1].write_bytes(b"")
    assert [problem.file for problem in repair_run(there.path)] == [there.files()[-1].name]
    assert content(there.path) == content(local.path)


def test_dasks_own_executor_is_one(client, tmp_path):
    local = enumerate_space("tss", tmp_path / "local", shard_rows=4000, progress=False)
    there = enumerate_space("tss", tmp_path / "there", shard_rows=4000, progress=False, client=client.get_executor())
    assert content(there.path) == content(local.path)


def test_scores_and_spaces_of_ones_own_go_along(client, scores, tmp_path):
    own = ss.AdditiveScore("own", {"n": {"nor_conv_1x1": 3}}, lambda n: n + 1, dtype="int16")
    lam = ss.scores.sed("1/2")
    options = {
        "columns": ["mortal", "last", own, lam],
        "where": "last = 3 AND mortal > 1",
        "progress": False,
        "shard_rows": 5000,
    }
    enumerate_space("tss", tmp_path / "local", **options)
    enumerate_space("tss", tmp_path / "dask", client=client, **options)
    assert content(tmp_path / "dask") == content(tmp_path / "local")
    ops = [{"name": "none", "kind": "none"}, {"name": "conv5", "kind": "conv", "kernel": 5}]
    mine = ss.cell_space("mine", 4, ops)
    enumerate_space(mine, tmp_path / "mine", progress=False)
    enumerate_space(mine, tmp_path / "there", progress=False, client=client)
    assert content(tmp_path / "there") == content(tmp_path / "mine")


def test_what_is_there_is_found_by_either_engine(client, tmp_path):
    options = {"shard_rows": 2000, "progress": False}
    whole = enumerate_space("tss", tmp_path / "whole", **options)
    expected = content(whole.path)
    for name, first in (("a", None), ("b", client)):
        path = tmp_path / name
        enumerate_space("tss", path, client=first, **options)
        (path / "manifest.json").unlink()
        (path / whole.files()[3].name).unlink()
        (path / ".part-00003-of-00008.parquet.0123.tmp").write_bytes(b"left by one that was killed")
        again = enumerate_space("tss", path, client=None if first else client, **options)
        assert content(path) == expected
        assert again.rows_found == 15_625 - 2000
    with pytest.raises(ss.BadInput, match="holds another run: its where is None, the request's sed > 3"):
        enumerate_space("tss", tmp_path / "a", client=client, where="sed > 3", **options)
    with pytest.raises(ss.BadInput, match="threads 3 with a cluster"):
        enumerate_space("tss", tmp_path / "c", threads=3, client=client)
    (tmp_path / "a" / "manifest.json").unlink()
    (tmp_path / "a" / whole.files()[2].name).write_bytes(expected[whole.files()[1].name])
    with pytest.raises(ss.RunError, match=r"worker tls://.*is not what was written"):
        enumerate_space("tss", tmp_path / "a", client=client, **options)


def test_workers_that_are_killed_lose_nothing(scores, tmp_path):
    options = {"columns": ["index", "sed", "mortal"], "shard_rows": 9_765_625 // MANY, "progress": False}
    expected = content(enumerate_space("tss5", tmp_path / "local", **options).path)
    for number in range(4):
        (tmp_path / f"token-{number}").touch()
    with connected(workers=2) as client:
        before = set(client.run(os.getpid).values())
        enumerate_space("tss5", tmp_path / "dask", client=client, **options)
        assert not before & set(client.run(os.getpid).values())
    assert not list(tmp_path.glob("token-*"))
    assert content(tmp_path / "dask") == expected


def test_a_task_that_kills_every_worker_is_given_up(monkeypatch, scores, tmp_path):
    monkeypatch.setattr("sedspace.cluster._LOST_WORKERS", 1)
    said = r"2 workers died over one task, tls://.* as the last: out of memory"
    with connected(workers=1) as client, pytest.raises(ss.RunError, match=said):
        enumerate_space("tss", tmp_path / "run", ["sed", "deadly"], shard_rows=9000, progress=False, client=client)
    assert not list((tmp_path / "run").glob("*.parquet"))


def test_other_code_is_refused(client, monkeypatch, tmp_path):
    refuse_other_code(client)
    assert re.fullmatch(r"sedspace \S+ \(code [0-9a-f]{12}, numpy \S+, pyarrow \S+\)", code_version())
    monkeypatch.setattr(client, "run", lambda function: {"tcp://a:1": code_version(), "tcp://b:2": "sedspace 9.9"})
    with pytest.raises(ss.BadInput, match=r"worker tcp://b:2 has sedspace 9\.9, this process sedspace 0.*expected"):
        enumerate_space("tss", tmp_path / "run", client=client)
    monkeypatch.undo()
    monkeypatch.setattr("sedspace.runs.write.refuse_other_code", lambda client: None)  # a worker that joins later
    monkeypatch.setattr("sedspace.runs.order.code_version", lambda: "sedspace 9.9")
    with pytest.raises(ss.RunError, match=r"this worker has sedspace 0.*, the client sedspace 9\.9: expected the same"):
        enumerate_space("tss", tmp_path / "run", client=client)
    assert not list((tmp_path / "run").glob("*.parquet"))
    monkeypatch.undo()

    def lacking(function):
        raise ModuleNotFoundError("No module named 'sedspace'")

    monkeypatch.setattr(client, "run", lacking)
    with pytest.raises(ss.BadInput, match=r"a worker of tls://.* has no sedspace 0.*: No module named 'sedspace'"):
        enumerate_space("tss", tmp_path / "run", client=client)


@pytest.fixture
def bare():
    """A scheduler of this process that has no worker yet."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=None) as cluster:
        yield cluster


def test_the_first_worker_is_waited_for(bare, monkeypatch, tmp_path):
    """A cluster whose workers were still starting was refused."""
    from distributed import Client

    wait = Client.wait_for_workers

    def and_then_one_comes(self, *arguments, **options):
        assert not self.nthreads()
        bare.scale(1)
        wait(self, *arguments, **options)

    monkeypatch.setattr(Client, "wait_for_workers", and_then_one_comes)
    with connected(bare.scheduler_address) as client:
        assert len(client.nthreads()) == 1
    bare.scale(0)
    with Client(bare.scheduler_address) as client:
        while client.nthreads():
            time.sleep(0.02)
        run = enumerate_space("tss", tmp_path / "run", client=client, progress=False)
    assert run.verify() == []


def test_a_cluster_without_workers(bare, monkeypatch, tmp_path):
    from distributed import Client

    address = bare.scheduler_address
    said = rf"the Dask cluster at {address} has no workers, 0\.1 seconds were waited: start one or more"
    with pytest.raises(ss.BadInput, match=said), connected(address, worker_timeout=0.1):
        pass
    monkeypatch.setattr("sedspace.cluster.wait_for_worker.__defaults__", (0.1,))
    with Client(address) as client, pytest.raises(ss.BadInput, match=said):
        enumerate_space("tss", tmp_path / "run", client=client, progress=False)
    assert not (tmp_path / "run").exists()
    run = sedspace("enumerate", "tss", "--out", tmp_path / "run", "--scheduler", address, "--worker-timeout", "0.1")
    _, heard = run.communicate()
    assert (run.returncode, heard.count("\n")) == (2, 1), heard
    assert re.match("sedspace: " + said, heard)
    for seconds in (0, -1, float("nan"), float("inf"), "soon", None):
        with (
            pytest.raises(ss.BadInput, match=r"worker timeout .*: expected a number of seconds above 0"),
            connected(address, worker_timeout=seconds),
        ):
            pass
    run = sedspace("enumerate", "tss", "--out", tmp_path / "run", "--engine", "dask", "--worker-timeout", "3")
    assert "--worker-timeout is for --scheduler" in run.communicate()[1]


# -- who may connect ----------------------------------------------------------------------------------------------


def test_nobody_else_can_connect_to_our_own_cluster(client, capfd):
    """Whoever reaches a scheduler can run code as the user who started it."""
    from distributed import Client
    from distributed.security import Security

    address = client.scheduler.address
    assert address.startswith("tls://127.0.0.1:")
    with pytest.raises(OSError, match="certificate"):
        Client(address, security=Security.temporary())  # another's
    with pytest.raises(TypeError, match="TLS expects"):
        Client(address)
    gc.collect()  # a client that failed is closed when it is collected: here, and not while another one starts
    said = f"scheduler {address}: no Dask scheduler answers: TLS expects"
    with pytest.raises(ss.BadInput, match=said), connected(address):
        pass
    for worker in client.nthreads():
        assert worker.startswith("tls://127.0.0.1:")
    with Client(address, security=client.security, set_as_default=False) as friend:
        assert friend.nthreads() == client.nthreads()
    assert "PRIVATE KEY" not in "".join(capfd.readouterr())


def test_the_key_is_handed_on_in_memory(client, tmp_path):
    """Not on the command line, which anybody can read, nor in the environment, which programs hand on."""
    if not Path("/proc").is_dir():
        pytest.skip("needs /proc")
    for pid in [os.getpid(), *client.run(os.getpid).values()]:
        shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert b"PRIVATE KEY" not in shown
    run = enumerate_space("tss", tmp_path / "run", client=client, progress=False)
    assert all(b"PRIVATE KEY" not in data for data in content(run.path).values())
    assert "PRIVATE KEY" not in repr(client.security)


def test_a_scheduler_that_speaks_tls(tmp_path):
    """The certificates are those of Dask's configuration."""
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    ours = {"ca-file": security.tls_ca_file, "cert": security.tls_client_cert, "key": security.tls_client_key}
    for name, text in ours.items():
        (tmp_path / name).write_text(text)
    names = {"ca-file": "ca-file", "client.cert": "cert", "client.key": "key"}
    tls = {f"distributed.comm.tls.{key}": str(tmp_path / name) for key, name in names.items()}
    with LocalCluster(1, processes=False, security=security, dashboard_address=None) as cluster:
        assert cluster.scheduler_address.startswith("tls://")
        with dask.config.set(tls), connected(cluster.scheduler_address) as client:
            run = enumerate_space("tss", tmp_path / "run", client=client, progress=False)
    assert run.verify() == []


def test_without_cryptography(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    said = "a cluster on this machine needs cryptography: pip install "
    with pytest.raises(ss.BadInput, match=said), connected(workers=1):
        pass


def test_no_dask_and_no_scheduler(monkeypatch):
    monkeypatch.setattr("sedspace.cluster._CONNECT_SECONDS", 1)
    threads = threading.enumerate()
    with (
        pytest.raises(ss.BadInput, match=r"scheduler tcp://127\.0\.0\.1:9: no Dask scheduler answers"),
        connected("tcp://127.0.0.1:9"),
    ):
        pass
    with (
        pytest.raises(ss.BadInput, match="scheduler nonsense://x: no Dask scheduler answers"),
        connected("nonsense://x"),
    ):
        pass
    gc.collect()
    assert [thread for thread in threading.enumerate() if thread not in threads] == []  # nothing is left running
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ss.BadInput, match=r"a cluster needs distributed: pip install .*'dask\[distributed\]"),
        connected(),
    ):
        pass


# -- the command line, as users have it -----------------------------------------------------------------------------


def sedspace(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "sedspace", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options,
    )  # fmt: skip


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listens(address):
    host, port = address.removeprefix("tcp://").split(":")
    with socket.socket() as one:
        return one.connect_ex((host, int(port))) == 0


@pytest.fixture
def scheduler():
    """A scheduler and a worker, each a process as on a cluster."""
    address = f"tcp://127.0.0.1:{free_port()}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    first = subprocess.Popen([*dask, "scheduler", "--host", address, "--no-dashboard"], **quiet)
    while not listens(address):
        assert first.poll() is None
        time.sleep(0.05)
    second = subprocess.Popen([*dask, "worker", address, "--nthreads", "1", "--no-dashboard"], **quiet)
    yield address, first
    for process in (second, first):
        process.kill()
        process.wait()


def wait_for_shards(path, process):
    while not list(path.glob("part-*.parquet")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def wait_until_gone(group):
    """Wait until no process of a group is left: those that end last may do so a moment after their command."""
    until = time.monotonic() + 60
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(0.05)
        pytest.fail(f"processes of group {group} are still there")


def held_run(scores, path, *more):
    """Begin a run that waits after its first shards, until there is a file called go."""
    shards = ("--shard-rows", 9_765_625 // MANY, "--columns", "index,held")
    return sedspace("--scores", scores, "enumerate", "tss5", "--out", path, *shards, *more)


def test_a_scheduler_that_vanishes(scheduler, scores, tmp_path):
    address, process = scheduler
    run = held_run(scores, tmp_path / "run", "--scheduler", address, "--worker-timeout", "1e6")
    wait_for_shards(tmp_path / "run", run)
    process.kill()
    _, said = run.communicate()
    assert run.returncode == 1
    last = said.strip().splitlines()[-1]
    assert last.startswith(f"sedspace: the Dask scheduler at {address} is gone; what is finished stays valid"), said
    assert "Traceback" not in said
    assert not list((tmp_path / "run").glob("manifest.json"))
    (tmp_path / "go").touch()
    again = held_run(scores, tmp_path / "run")
    out, said = again.communicate()
    assert again.returncode == 0, said
    assert "rows were there already" in out


def test_interrupted_by_the_keyboard(scores, tmp_path):
    run = held_run(scores, tmp_path / "run", "--engine", "dask", "--threads", 2)
    wait_for_shards(tmp_path / "run", run)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does, to all of its processes
    _, said = run.communicate()
    assert run.returncode == 130, said
    assert "interrupted; finished shards stay valid" in said
    assert "Traceback" not in said
    assert "2 Dask workers, dashboard at http://127.0.0.1:" in said
    assert not list((tmp_path / "run").glob(".part-*"))
    (tmp_path / "go").touch()
    again = held_run(scores, tmp_path / "run")
    out, said = again.communicate()
    assert again.returncode == 0, said
    assert "rows were there already" in out
    wait_until_gone(run.pid)


def test_two_runs_of_one_request_at_once_are_both_written(client, tmp_path):
    from distributed import Client

    options = {"stop": 1_000_000, "shard_rows": 20_000, "progress": False}
    expected = content(enumerate_space("tss5", tmp_path / "local", **options).path)
    with Client(client.scheduler.address, security=client.security, set_as_default=False) as other:
        clients = {"a": client, "b": other}
        threads = [
            threading.Thread(target=enumerate_space, args=("tss5", tmp_path / name), kwargs={**options, "client": one})
            for name, one in clients.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert content(tmp_path / "a") == expected
    assert content(tmp_path / "b") == expected


def test_a_shard_that_the_client_does_not_see(client, tmp_path, monkeypatch):
    monkeypatch.setattr("sedspace.storage.LocalPath.names", lambda directory: [])
    with pytest.raises(ss.RunError, match="was written and is not there: do the workers see another"):
        enumerate_space("tss", tmp_path / "run", client=client, progress=False)
    assert not (tmp_path / "run" / "manifest.json").exists()


# -- studies ----------------------------------------------------------------------------------------------------------


def test_a_study_on_a_cluster(client, tmp_path):
    torch = pytest.importorskip("torch")
    from sedspace.studies import crosscheck
    from sedspace.studies.proxies import proxy

    options = {"batch": 4, "progress": False, "repeats": 2, "seed": 3}
    names = ["grad_norm", "zen", "naswot", "l2_norm"]
    there = crosscheck("tss", [3, 0, 11_668], names, tmp_path / "there.parquet", client=client, **options)
    before = torch.get_num_threads()
    torch.set_num_threads(there.setting.threads)
    try:
        here = crosscheck("tss", [3, 0, 11_668], names, **options)
    finally:
        torch.set_num_threads(before)
    timeless = ["index", "arch", "sed", "proxy", "repeat", "value", "reason", "device", "dtype", "batch", "seed"]
    assert there.rows.select(timeless).equals(here.rows.select(timeless))
    assert there.setting == here.setting
    assert min(there.sed_seconds.whole, there.sed_seconds.alone) > 0
    again = crosscheck("tss", [3, 5], names, tmp_path / "there.parquet", client=client, **options)
    assert len(again.rows) == 32
    with pytest.raises(ss.RunError, match="proxy broken on tss 28: ZeroDivisionError"):
        _broken(crosscheck, proxy, client, {**options, "strict": True})


def test_workers_with_threads_compute_the_same():
    torch = pytest.importorskip("torch")
    from distributed import Client, LocalCluster

    from sedspace.studies import crosscheck

    before = torch.get_num_threads()
    options = {"batch": 2, "progress": False}
    with (
        LocalCluster(1, threads_per_worker=4, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as one,
    ):
        there = crosscheck("tss", range(11_600, 11_616), ["l2_norm", "zen"], client=one, **options)
    torch.set_num_threads(there.setting.threads)
    try:
        here = crosscheck("tss", range(11_600, 11_616), ["l2_norm", "zen"], **options)
    finally:
        torch.set_num_threads(before)
    assert there.rows["value"].to_list() == here.rows["value"].to_list()


def _broken(crosscheck, proxy, client, options):
    from sedspace.studies.proxies.base import REGISTERED

    scope: dict = {}
    exec("def broken(network, batch, loss):\n    return 1 / 0", scope)
    with mock.patch.dict(REGISTERED):
        proxy("broken")(scope["broken"])
        crosscheck("tss", [28], ["broken"], client=client, **options)
