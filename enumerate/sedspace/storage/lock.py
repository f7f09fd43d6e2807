"""One writer to a run: a lock that the operating system releases when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from sedspace.errors import RunError
from sedspace.storage import is_remote, open_regular

LOCK = ".lock"


@contextlib.contextmanager
def sole_writer(target: Path) -> Iterator[None]:
    """Hold the lock of a directory, or of a file, for the time of the block.

    The file names its holder for people; what excludes others is the kernel's lock on it, so that a file left by a
    process that is gone is simply taken over.

    A store has no lock, and needs none: objects are put whole.

    Raises
    ------
    RunError
        If another process (or thread) holds it; names the holder. Or if what is there is no file of ours to lock: a
        link, a pipe.
    """
    if is_remote(target):  # two writers of one request write the same bytes there
        yield
        return
    path = target / LOCK if target.is_dir() else target.with_name(f".{target.name}{LOCK}")
    handle = _acquire(path, target)
    try:
        holder = f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}"
        os.ftruncate(handle, 0)
        os.write(handle, holder.encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path, target: Path) -> int:
    while True:
        handle = open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 1000).decode(errors="replace") or "another process"
            os.close(handle)
            raise RunError(f"{target} is being written by {holder}: wait for it, or choose another --out") from None
        except BaseException:
            os.close(handle)
            raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.lstat(path)):
                return handle
        os.close(handle)  # its last holder removed the file between our opening and locking it: try the new one
