"""Ctrl-C: quiet while modules are imported, in good order once, at once the second time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

IN_IMPORTS = """
import signal, sys
sys.argv, sys.orig_argv = {argv!r}, {orig!r}
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "polars":  # somewhere in the middle of it
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
import sedspace
print("imported")
"""


@pytest.mark.parametrize(
    ("argv", "orig"),
    [
        (["/usr/bin/sedspace", "spaces"], ["python", "/usr/bin/sedspace", "spaces"]),
        (["-m"], ["python", "-m", "sedspace"]),
    ],
)
def test_quiet_while_the_command_is_imported(argv, orig):
    code = IN_IMPORTS.format(argv=argv, orig=orig)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "sedspace: interrupted\n")


def test_a_library_is_interrupted_as_ever():
    code = IN_IMPORTS.format(argv=["mine.py"], orig=["python", "mine.py"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout == ""
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


SLOW = """
import pathlib, time, numpy as np, sedspace as ss
def slowly(digits):
    if len(digits) > 1:  # a shard, not the first look at the score
        pathlib.Path({began!r}).touch()
        time.sleep(600)
    return np.zeros(len(digits), np.int32)
ss.register(ss.ArrayScore("slow", slowly, dtype="int32"))
"""


def test_the_second_ends_at_once(tmp_path):
    """A shard in flight would take ten minutes: the first one waits for it, the second does not."""
    began, scores, out = tmp_path / "began", tmp_path / "scores.py", tmp_path / "run"
    scores.write_text(SLOW.format(began=str(began)))
    command = [sys.executable, "-m", "sedspace", "--scores", scores, "enumerate", "tss", "--out", out]
    options = ["--columns", "slow", "--shard-rows", 4000, "--threads", 2]
    with subprocess.Popen([*map(str, [*command, *options])], stderr=subprocess.PIPE, text=True) as process:
        while not began.exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        while process.poll() is None:  # on a busy machine the first may not have been looked at yet
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert process.returncode == -signal.SIGINT  # 130 in a shell
        assert "Traceback" not in process.stderr.read()
    assert [path.name for path in out.iterdir() if not path.name.startswith(".")] == []
