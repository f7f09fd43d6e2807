"""The shards of a run on the workers of any executor of `concurrent.futures`, a task for each.

Workers write shards, this process the manifest. Threads get the request as it is, all others an order.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Generator, Mapping
from concurrent.futures import Executor
from functools import partial

from sedspace.errors import RunError, SedspaceError
from sedspace.executors import results, shares_memory
from sedspace.runs.division import Shard, shards_of
from sedspace.runs.order import Order, do_ordered, order_of
from sedspace.runs.request import Request
from sedspace.runs.work import Done, do_shard
from sedspace.storage import Location

_Task = tuple[Shard, str | None]


def by_executor(executor: Executor, directory: Location, request: Request, noted: Mapping[str, str]) -> Generator[Done]:
    """Yield all shards of a run as the workers of an executor get them done."""
    here = shares_memory(executor)
    do = partial(_here, directory, request) if here else partial(_on_worker, order_of(directory, request))
    yield from results(executor, do, ((shard, noted.get(shard.name)) for shard in shards_of(request)))


def _here(directory: Location, request: Request, task: _Task) -> Done:
    return do_shard(directory, request, *task)


def _on_worker(order: Order, task: _Task) -> Done:
    try:
        return do_ordered(order, *task)
    except SedspaceError as error:
        raise RunError(f"worker {os.getpid()} of {platform.node()}: {error}") from None
