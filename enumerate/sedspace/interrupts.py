"""Ctrl-C at the command line. The first one ends a command in good order, the second one ends the process at once.

Before a command begins, while modules are being imported, nothing is at stake yet: then the first one ends the process,
and quietly. Imported by anything but the command, this module does nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType


def _is_command() -> bool:
    """Return whether this process is ``sedspace`` or ``python -m sedspace``, and Ctrl-C as Python has it."""
    started = sys.argv[0] if sys.argv else ""
    module = started == "-m" and sys.orig_argv[sys.orig_argv.index("-m") + 1 :][:1] == ["sedspace"]
    return (
        (module or Path(started).name == "sedspace")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(sys.stderr.fileno(), b"sedspace: interrupted\n")
    os._exit(130)


def _first(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the kernel's: no matter what keeps this process busy
    raise KeyboardInterrupt


def begin() -> None:
    """From now on the first Ctrl-C is an exception, as ever, and the second one ends the process."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _first)


if _is_command():
    signal.signal(signal.SIGINT, _leave)
