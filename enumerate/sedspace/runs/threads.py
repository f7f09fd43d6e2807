"""The shards of a run on threads of this process."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

from sedspace.runs.division import shards_of
from sedspace.runs.request import Request
from sedspace.runs.work import Done, do_shard
from sedspace.storage import Location


def by_threads(directory: Location, request: Request, noted: Mapping[str, str], threads: int) -> Generator[Done]:
    """Yield all shards of a run as they get done, each thread working on one at a time.

    `noted` has the SHA-256 of those that earlier calls finished. However this ends: what is in flight is finished, and
    nothing more begun.
    """
    pool = ThreadPoolExecutor(threads)
    futures = [pool.submit(do_shard, directory, request, one, noted.get(one.name)) for one in shards_of(request)]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
