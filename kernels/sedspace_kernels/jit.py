"""How every kernel is compiled: the one place that configures numba."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import caching

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


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
        for locator in caching.CompileResultCacheImpl._locator_classes  # noqa: SLF001  numba has no public way
    )


class _Cache(caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _CacheImpl


def jit(function: Kernel) -> Kernel:
    """Compile `function` on its first call, without the GIL, and keep the machine code on disk."""
    compiled = numba.njit(nogil=True)(function)
    # Bounds checking is no part of numba's cache key: checked and unchecked code must not meet in one cache.
    if isinstance(compiled, numba.core.dispatcher.Dispatcher) and not numba.config.BOUNDSCHECK:
        with contextlib.suppress(RuntimeError):  # no writable place for a cache: every process compiles for itself
            compiled._cache = _Cache(function)  # noqa: SLF001
    return compiled  # type: ignore[no-any-return]


def compile_for_user(function: Callable[..., Any]) -> Any:
    """Compile a user's function for use inside a kernel; one that is compiled already is returned as it is."""
    if isinstance(function, numba.core.dispatcher.Dispatcher):
        return function
    return numba.njit(nogil=True, boundscheck=True)(function)  # a wrong index must be an error, not another number
