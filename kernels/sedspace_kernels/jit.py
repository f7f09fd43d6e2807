"""How every kernel is compiled and spread over threads: the one place that configures numba."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import caching

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Part = TypeVar("Part")


@functools.cache
def _source_stamp() -> str:
    """Return one hash over every kernel source."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class _WholePackage:
    """Makes cached machine code stale when *any* kernel source changes; numba looks at the function's own file only."""

    def get_source_stamp(self) -> str:
        return _source_stamp()


class _CacheImpl(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = tuple(
        type(locator.__name__, (_WholePackage, locator), {})
        for locator in caching.CompileResultCacheImpl._locator_classes
    )


class _Cache(caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _CacheImpl


def jit(function: Kernel) -> Kernel:
    """Compile `function` on its first call, without the GIL, and keep the machine code on disk."""
    compiled = numba.njit(nogil=True)(function)
    # Bounds checking is no part of numba's cache key: checked and unchecked code must not meet in one cache.
    if isinstance(compiled, numba.core.dispatcher.Dispatcher) and not numba.config.BOUNDSCHECK:
        with contextlib.suppress(RuntimeError):  # no writable place for a cache: every process compiles for itself
            compiled._cache = _Cache(function)
    return compiled  # type: ignore[no-any-return]


def compile_for_user(function: Callable[..., Any]) -> Any:
    """Compile a user's function for use inside a kernel; one that is compiled already is returned as it is."""
    if isinstance(function, numba.core.dispatcher.Dispatcher):
        return function
    return numba.njit(nogil=True, boundscheck=True)(function)  # a wrong index must be an error, not another number


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
