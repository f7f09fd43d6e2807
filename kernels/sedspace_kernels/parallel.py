"""Work spread over threads: plain ones, around kernels that release the GIL."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Part = TypeVar("Part")


def available_threads() -> int:
    """Return the number of CPUs this process may use, which on a cluster is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def _helpers(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="sedspace")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork: the child makes its own
    os.register_at_fork(after_in_child=_helpers.cache_clear)


def split(work: Callable[[int, int], Part], length: int, threads: int, grain: int = 1 << 16) -> list[Part]:
    """Run `work(lo, hi)` over parts of [0, length) on several threads and return the results in order.

    Plain threads around kernels that release the GIL: unlike numba's own threading layers this may be called from any
    number of threads at once, survives a fork, and costs no compilation of a second, parallel kernel.
    `work` must not itself call `split` with more than one thread.
    """
    workers = max(1, min(threads, length // grain))
    parts = workers if workers == 1 else min(workers * 8, length // grain)  # so that a late thread holds nobody up
    bounds = [length * part // parts for part in range(parts + 1)]
    results: dict[int, Part] = {}
    todo = deque(range(parts))

    def worker() -> None:
        while True:
            try:
                part = todo.popleft()
            except IndexError:
                return
            results[part] = work(bounds[part], bounds[part + 1])

    helpers = [_helpers(workers - 1).submit(worker) for _ in range(workers - 1)]
    try:
        worker()
    finally:  # even then nobody may go on writing to what the caller takes back
        todo.clear()
        wait([helper for helper in helpers if not helper.cancel()])
    for helper in helpers:
        if not helper.cancelled():
            helper.result()
    return [results[part] for part in range(parts)]
