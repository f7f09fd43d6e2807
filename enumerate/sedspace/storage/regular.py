"""Opening files of this machine that others may have put there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from sedspace.errors import RunError

NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither this nor the first two of those
_NO_WAITING: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: Path, flags: int) -> int:
    """Open a local file of a known name and return its handle, without waiting for anybody.

    Raises
    ------
    RunError
        If it is no regular file; or, for writing, a link to another one.
    """
    writing = flags & (os.O_WRONLY | os.O_RDWR)
    try:
        handle = os.open(path, flags | _NO_WAITING | (NO_FOLLOW if writing else 0), 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):  # a link, a pipe that nobody reads, a directory
            raise RunError(f"{path} is no regular file: {error.strerror}") from None
        raise
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or (writing and about.st_nlink > 1):
        os.close(handle)
        what = "has a second name (a hard link)" if stat.S_ISREG(about.st_mode) else "is no regular file"
        raise RunError(f"{path} {what}{': remove it' if writing else ''}")
    return handle
