"""Studies whose networks are computed side by side, in processes of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from unittest import mock

import pytest

import sedspace as ss
from sedspace.studies import crosscheck, read_study
from sedspace.studies.proxies import proxy
from sedspace.studies.proxies.base import NETWORK, REGISTERED, shared

pytestmark = pytest.mark.usefixtures("one_torch_thread")

OPTIONS = {"batch": 2, "progress": False, "seed": 7}
TIMELESS = ["index", "arch", "sed", "proxy", "repeat", "value", "reason", "device", "dtype", "batch", "seed"]


@pytest.fixture(autouse=True)
def _own_proxies():
    with mock.patch.dict(REGISTERED):
        yield


def test_the_values_are_those_of_this_process(tmp_path):
    factor = 3

    @shared(NETWORK)
    def modules(network):
        return len(list(network.modules()))

    @proxy("mine", needs=(modules,))
    def mine(modules):
        return factor * modules

    @proxy("broken")
    def broken(network, batch, loss):
        raise ValueError("no")

    names, out = ["grad_norm", "zen", "naswot", "mine", "broken"], tmp_path / "check.parquet"
    here = crosscheck("tss3", [33, 0, 100], names, repeats=2, **OPTIONS)
    crosscheck("tss3", [33], names[:2], out, **OPTIONS)
    there = crosscheck("tss3", [33, 0, 100], names, out, repeats=2, workers=2, **OPTIONS)
    assert there.rows.select(TIMELESS).equals(here.rows.select(TIMELESS))
    assert there.setting == here.setting
    assert there.setting.threads == 1
    assert read_study(out).rows.equals(there.rows)


def test_a_worker_that_is_killed_leaves_what_is_done(tmp_path):
    out, armed = tmp_path / "check.parquet", tmp_path / "armed"
    armed.touch()
    seen = tmp_path / "seen"

    @proxy("deadly")
    def deadly(network, batch, loss):
        with seen.open("a") as file:
            file.write("x")
        if armed.exists() and len(seen.read_text()) == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return 1.0

    with pytest.raises(ss.RunError, match="a worker process died: out of memory"):
        crosscheck("tss3", range(5, 11), ["deadly"], out, workers=1, **OPTIONS)
    assert read_study(out).rows.height == 2  # the first one was computed twice
    armed.unlink()
    assert crosscheck("tss3", range(5, 11), ["deadly"], out, **OPTIONS).rows["value"].to_list() == [1.0] * 6


SLOW = """
import pathlib, time
from sedspace.studies.proxies import proxy

@proxy("slow")
def slow(network, batch, loss):
    pathlib.Path(r"{began}").touch()
    time.sleep(1)
    return 1.0
"""


def test_ctrl_c_ends_it_in_good_order(tmp_path):
    own, began, out = tmp_path / "own.py", tmp_path / "began", tmp_path / "check.parquet"
    own.write_text(SLOW.format(began=began))
    command = ["crosscheck", "tss3", "--proxies-from", own, "--proxies", "slow", "--batch", 2, "--out", out]
    process = subprocess.Popen(
        [sys.executable, "-m", "sedspace", *map(str, command), "--workers", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while not began.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of its processes
    said = process.communicate()
    expected = f"sedspace: interrupted; what is done is kept in {out}, give the same command again to continue\n"
    assert (process.returncode, *said) == (130, "", expected)
    assert 1 <= read_study(out).rows.height < 64
    with contextlib.suppress(ProcessLookupError):
        for _ in range(600):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
        pytest.fail("workers are still there")


def test_a_script_that_is_imported_by_its_workers(tmp_path):
    call = "ss.crosscheck('tss3', [1], ['params'], batch=2, workers=1)"
    (tmp_path / "script.py").write_text(f"import sedspace as ss\n{call}\n")
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("Traceback") == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("sedspace.errors.RunError: the workers ended before they began: they import the script that")
    assert last.endswith('`if __name__ == "__main__":`')


def test_what_cannot_be_handed_to_workers(monkeypatch):
    lock = threading.Lock()

    @proxy("locked")
    def locked(network, batch, loss):
        with lock:
            return 1.0

    with pytest.raises(ss.BadInput, match=r"cannot be handed to workers: cannot pickle '_thread\.lock' object"):
        crosscheck("tss3", [1], ["locked"], workers=1, **OPTIONS)
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(ss.BadInput, match=r"workers need cloudpickle: pip install .*cloudpickle"):
        crosscheck("tss3", [1], ["params"], workers=1, **OPTIONS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": 0}, "workers 0: expected 1 or more"),
        ({"workers": "two"}, "workers 'two' is not an integer"),
        ({"workers": 2, "client": object()}, "workers 2 with a cluster, which has its own: expected one of the two"),
    ],
)
def test_workers_that_cannot_be(options, said):
    with pytest.raises(ss.BadInput, match=said):
        crosscheck("tss3", [1], ["params"], **options, **OPTIONS)
