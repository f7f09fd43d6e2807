"""The shards of a run on the workers of a Dask cluster, a task for each.

Workers write shards, the client writes the manifest. What a task does is what a thread of the local engine does, so
that the files are the same, byte for byte; a task that is done twice writes the same file twice. Workers that die are
replaced, and their tasks done again, by Dask itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING

from sedspace.cluster import done
from sedspace.errors import RunError, SedspaceError
from sedspace.runs.division import Shard, shards_of
from sedspace.runs.order import Order, do_ordered, order_of
from sedspace.runs.request import Request
from sedspace.runs.work import Done
from sedspace.storage import Location

if TYPE_CHECKING:
    from distributed import Client


def by_cluster(client: Client, directory: Location, request: Request, noted: Mapping[str, str]) -> Generator[Done]:
    """Yield all shards of a run as the workers of a cluster get them done."""
    order = order_of(directory, request)
    shards = shards_of(request)
    futures = [client.submit(_on_worker, order, shard, noted.get(shard.name), pure=False) for shard in shards]
    with contextlib.closing(done(client, futures)) as results:
        yield from results


def _on_worker(order: Order, shard: Shard, noted: str | None) -> Done:
    from distributed import get_worker

    try:
        return do_ordered(order, shard, noted)
    except SedspaceError as error:
        raise RunError(f"worker {get_worker().address}: {error}") from None
