"""A run's request on its way to the workers of another process or machine."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import pickle
from dataclasses import dataclass

from sedspace.errors import BadInput
from sedspace.executors import pickled
from sedspace.provenance import code_version
from sedspace.runs.ask import request_of
from sedspace.runs.division import Shard
from sedspace.runs.request import Request
from sedspace.runs.work import Done, do_shard
from sedspace.scores import Score, find_score, register_again, registered
from sedspace.storage import Location, as_location


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


def order_of(directory: Location, request: Request) -> Order:
    """Return the order for a run in a directory; raise `BadInput` if a score cannot be handed on."""
    columns = [_portable(request, column.name, column.score) for column in request.columns]
    return Order(
        directory.address,
        pickle.dumps(request.space),
        pickled(columns, "a column of the run", "cluster"),
        pickled(registered(), "a score that is registered", "cluster"),
        (request.start, request.stop, request.shard_rows),
        request.where,
        _digest(request),
        code_version(),
    )


def do_ordered(order: Order, shard: Shard, noted: str | None) -> Done:
    """Return a shard that is there already, or compute and write it, in a process that knows the order alone."""
    return do_shard(as_location(order.directory), _request_in(order), shard, noted)


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
