"""The shards of a run on threads of this process."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor

from sedspace.runs.executor import by_executor
from sedspace.runs.request import Request
from sedspace.runs.work import Done
from sedspace.storage import Location


def by_threads(directory: Location, request: Request, noted: Mapping[str, str], threads: int) -> Generator[Done]:
    """Yield all shards of a run as they get done, each thread working on one at a time.

    `noted` has the SHA-256 of those that earlier calls finished. However this ends: what is in flight is finished, and
    nothing more begun.
    """
    with ThreadPoolExecutor(threads) as pool:
        yield from by_executor(pool, directory, request, noted)
