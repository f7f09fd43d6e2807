"""The shards of a run on the workers of a Dask cluster, a task for each.

Workers write shards, the client writes the manifest. What a task does is what a thread of the local engine does, so
that the files are the same, byte for byte; a task that is done twice writes the same file twice. Workers that die are
replaced, and their tasks done again, by Dask itself.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import pickle
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sedspace.cluster import done
from sedspace.errors import BadInput, RunError, SedspaceError
from sedspace.provenance import code_version
from sedspace.runs.ask import request_of
from sedspace.runs.division import Shard, shards_of
from sedspace.runs.request import Request
from sedspace.runs.work import Done, do_shard
from sedspace.scores import Score, find_score, register_again, registered
from sedspace.storage import Location, as_location

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class Order:
    """What a worker needs to make a run's request its own: small, since it goes along with every task.

    `space`, `columns` and `scores` are pickled: columns as names, or a user's scores themselves. `digest` is that of
    the description which the client has, so that a worker that would write anything else says so.
    """

    directory: str
    space: bytes
    columns: bytes
    scores: bytes
    limits: tuple[int, int, int]
    where: str | None
    digest: str
    code: str


def by_cluster(client: Client, directory: Location, request: Request, noted: Mapping[str, str]) -> Generator[Done]:
    """Yield all shards of a run as the workers of a cluster get them done."""
    order = _order(directory, request)
    shards = shards_of(request)
    futures = [client.submit(_on_worker, order, shard, noted.get(shard.name), pure=False) for shard in shards]
    with contextlib.closing(done(client, futures)) as results:
        yield from results


def _order(directory: Location, request: Request) -> Order:
    import cloudpickle

    columns = [_portable(request, column.name, column.score) for column in request.columns]
    return Order(
        directory.address,
        pickle.dumps(request.space),
        cloudpickle.dumps(columns),
        cloudpickle.dumps(registered()),
        (request.start, request.stop, request.shard_rows),
        request.where,
        _digest(request),
        code_version(),
    )


def _portable(request: Request, name: str, score: Score | None) -> str | Score:
    """Return a column's name if that is enough to find its score anywhere, else the score."""
    if score is None:
        return name
    with contextlib.suppress(BadInput):
        if find_score(request.space, name) is score:
            return name
    return score


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request.description).encode()).hexdigest()


@functools.lru_cache(maxsize=4)
def _request_in(order: Order) -> Request:
    if code_version() != order.code:  # a worker that came later than the client looked
        raise BadInput(f"this worker has {code_version()}, the client {order.code}: expected the same")
    register_again(pickle.loads(order.scores))
    start, stop, shard_rows = order.limits
    request = request_of(pickle.loads(order.space), pickle.loads(order.columns), start, stop, shard_rows, order.where)
    if _digest(request) != order.digest:
        raise BadInput("this worker makes another request of the same order: expected the same scores and spaces")
    return request


def _on_worker(order: Order, shard: Shard, noted: str | None) -> Done:
    from distributed import get_worker

    directory = as_location(order.directory)
    try:
        return do_shard(directory, _request_in(order), shard, noted)
    except SedspaceError as error:
        raise RunError(f"worker {get_worker().address}: {error}") from None
