"""A process that was forked after polars had begun to work: polars would wait for threads that only its parent has."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from sedspace.errors import BadInput

_TASKS = Path("/proc/self/task")
_begun = False  # sedspace had polars compute in this process, or it was seen that somebody did
_lost = False  # and that was before the fork that this process comes from


def refuse_fork() -> None:
    """Raise `BadInput` if polars would hang in this process: to be called wherever it is about to compute.

    Polars keeps a pool of threads from its first computation on. A fork copies the pool, but not its threads. Having
    imported polars, and building frames, does no harm.
    """
    global _begun
    if _lost:
        raise BadInput(
            "this process was forked after polars had begun to work, and would hang: expected processes that are "
            "started afresh, as those of multiprocessing.get_context('spawn') are"
        )
    _begun = True


def _look_for_threads() -> None:
    """See whether the user had polars compute, before a fork; where there is no /proc, nobody can tell."""
    global _begun
    for task in _TASKS.iterdir() if not _begun and _TASKS.is_dir() else ():
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            _begun = _begun or re.match(r"polars-\d", (task / "comm").read_text()) is not None


def _remember() -> None:
    global _lost
    _lost = _begun


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_look_for_threads, after_in_child=_remember)
