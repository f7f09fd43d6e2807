"""Commands as users give them: in this process, in one of their own, in a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

import pytest

from sedspace.cli import main
from sedspace.scores import only_registered


@dataclass(frozen=True)
class Said:
    """What a command wrote."""

    stdout: str
    stderr: str


class Stream(io.TextIOWrapper):
    """A stream that is kept, perhaps as if a terminal showed it."""

    def __init__(self, terminal: bool) -> None:
        super().__init__(io.BytesIO(), "utf-8", write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        """Return whether it is said to be a terminal."""
        return self.terminal

    def text(self) -> str:
        """Return all that was written."""
        return self.buffer.getvalue().decode()


def sedspace(*arguments: object, status: int = 0, columns: int | None = None) -> Said:
    """Run a command in this process, as if it had one of its own; whatever is no exit of its own is raised.

    With `columns` its output seems to be a terminal of that width.
    """
    out, err = Stream(columns is not None), Stream(False)
    with pytest.MonkeyPatch.context() as patch, only_registered({}):
        patch.setattr("sys.path", list(sys.path))
        if columns is not None:
            patch.setenv("COLUMNS", str(columns))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
    assert ended.value.code == status, err.text()
    return Said(out.text(), err.text())


def process(*arguments: object, status: int = 0) -> Said:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "sedspace", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    return Said(result.stdout, result.stderr)


def in_a_terminal(columns: int, *arguments: object) -> str:
    """Run a command in a terminal so many characters wide; return all that it shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-m", "sedspace", *map(str, arguments)], stdout=theirs, stderr=theirs, env=environment
    ) as running:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux: the other end is closed
            while part := os.read(ours, 1 << 16):
                shown += part
        assert running.wait(60) == 0, shown.decode()
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")
