"""Linear algebra of small matrices: BLAS as one thread."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator

from threadpoolctl import ThreadpoolController

_SMALL = 512  # rows
_lock = threading.Lock()


@contextlib.contextmanager
def one_thread(rows: int) -> Iterator[None]:
    """Have BLAS be one thread for a while, if matrices are of few rows.

    Threads that wait for each other gain little there, and take a hundred times as long where others work beside them.
    """
    if rows > _SMALL:
        yield
        return
    with _lock, _pools().limit(limits=1, user_api="blas"):  # the number of threads is that of the whole process
        yield


@functools.cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()
