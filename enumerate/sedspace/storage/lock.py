"""One writer to a directory or file: a lock that the operating system releases when its holder dies in any way."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import lock_descriptor

from sedspace.errors import RunError
from sedspace.storage.regular import open_regular

LOCK = ".lock"


@contextlib.contextmanager
def sole_writer(target: Path) -> Iterator[None]:
    """Hold the lock of a directory, or of a file, for the time of the block.

    The file names its holder for people; what excludes others is the operating system's lock on it, so that a file left
    by a process that is gone is simply taken over.

    Raises
    ------
    RunError
        If another process (or thread) holds it; names the holder. Or if what is there is no file of ours to lock: a
        link, a pipe.
    """
    path = target / LOCK if target.is_dir() else target.with_name(f".{target.name}{LOCK}")
    handle = _acquire(path, target)
    try:
        holder = f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}"
        os.ftruncate(handle, 0)
        os.write(handle, f" {holder}".encode())  # Windows locks the first byte: nobody else can read it
        yield
    finally:
        with contextlib.suppress(PermissionError):  # Windows removes no open file: the next holder takes it over
            path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path, target: Path) -> int:
    while True:
        handle = open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            if not lock_descriptor(handle, blocking=False):
                raise RunError(f"{target} is being written by {_holder(handle)}: wait for it, or choose another --out")
            if _is_still_there(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its last holder removed the file between our opening and locking it: try the new one


def _holder(handle: int) -> str:
    os.lseek(handle, 1, os.SEEK_SET)
    return os.read(handle, 1000).decode(errors="replace") or "another process"


def _is_still_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False
