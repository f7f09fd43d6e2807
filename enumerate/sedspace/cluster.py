"""Runs and studies on a Dask cluster: one task is one shard, or one architecture. Needs ``dask[distributed]``.

Workers write shards, the client writes the manifest. What a task does is what a thread of the local engine does, so
that the files are the same, byte for byte; a task that is done twice writes the same file twice. Workers that die are
replaced, and their tasks done again, by Dask itself.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import math
import numbers
import pickle
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sedspace.errors import BadInput, RunError, SedspaceError, first_line, needs
from sedspace.provenance import code_version
from sedspace.runs.request import Request, Shard
from sedspace.runs.threads import Done, do_shard
from sedspace.scores import Score, check_threads, find_score, register_again, registered
from sedspace.storage import Location, as_location

if TYPE_CHECKING:
    from distributed import Client

_LOST_WORKERS = 10  # how many workers may die over one task before it is given up: machines of a cluster come and go
_CONNECT_SECONDS = 30
WORKER_SECONDS = 30.0
_DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)"  # Ctrl-C is the client's, who stops its workers


@contextlib.contextmanager
def connected(
    scheduler: str | None = None, workers: int | None = None, worker_timeout: float = WORKER_SECONDS
) -> Iterator[Client]:
    """Connect to a Dask scheduler, or start workers on this machine and stop them in the end.

    Whoever can reach a scheduler can have its workers run any code, as the user who started them. Processes on this
    machine therefore speak TLS, with a certificate made for this one call and held by them alone; their dashboard, on
    127.0.0.1, shows what they do to other users of this machine, but takes no orders. A scheduler that is given is
    taken as it is: sedspace assumes that only those whom you trust can reach it. If it speaks TLS (``tls://...``),
    Dask's own configuration names the certificates, ``distributed.comm.tls``.

    Parameters
    ----------
    scheduler : str, optional
        Its address, such as ``tcp://node1:8786`` or ``tls://node1:8786``. Default: processes on this machine.
    workers : int, optional
        How many of these. Default: one for every CPU that this process may use.
    worker_timeout : float, default 30
        How many seconds to wait for the first worker.

    Yields
    ------
    distributed.Client

    Raises
    ------
    BadInput
        If Dask is not installed, no scheduler answers, or it has no worker in time.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise needs(str(error.name), "cluster", "a cluster needs") from None
    _check_seconds(worker_timeout)
    if scheduler is None:
        with _own_cluster(check_threads(workers)) as client:
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError, TypeError, TimeoutError) as error:  # a TypeError: TLS without a certificate
        raise BadInput(f"scheduler {scheduler}: no Dask scheduler answers: {first_line(error)}") from None
    with client:
        wait_for_worker(client, worker_timeout)
        yield client


@contextlib.contextmanager
def _own_cluster(workers: int) -> Iterator[Client]:
    """Start workers on this machine that nobody else can connect to, and stop them in the end."""
    import dask
    from distributed import Client, LocalCluster

    try:
        from distributed.security import Security

        security = Security.temporary()
    except ImportError:  # Dask's own message names another command
        raise needs("cryptography", "cluster", "a cluster on this machine needs") from None
    options: dict[str, Any] = {
        "threads_per_worker": 1,
        "dashboard_address": "127.0.0.1:0",
        "preload": _DEAF,
        "silence_logs": logging.CRITICAL,
        "security": security,
    }
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": _LOST_WORKERS}),
        LocalCluster(n_workers=workers, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client


def wait_for_worker(client: Client, seconds: float = WORKER_SECONDS) -> None:
    """Return as soon as a cluster has a worker; raise `BadInput` if there is none in time, or no cluster any more."""
    try:
        client.wait_for_workers(1, _check_seconds(seconds))
    except TimeoutError:
        raise BadInput(
            f"the Dask cluster at {_address(client)} has no workers, {seconds:g} seconds were waited: start one or more"
        ) from None
    except OSError as error:
        raise BadInput(f"the Dask scheduler at {_address(client)} does not answer: {first_line(error)}") from None


def _check_seconds(seconds: float) -> float:
    if not isinstance(seconds, numbers.Real) or not 0 < seconds < math.inf:
        raise BadInput(f"worker timeout {seconds!r}: expected a number of seconds above 0")
    return float(seconds)


def refuse_other_code(client: Client) -> None:
    """Wait for the first worker, and raise `BadInput` if a worker has other versions than this process."""
    wait_for_worker(client)
    ours = code_version()
    try:
        theirs = client.run(code_version)
    except (ModuleNotFoundError, AttributeError) as error:
        raise BadInput(f"a worker of {_address(client)} has no {ours}: {first_line(error)}") from None
    for worker, version in theirs.items():
        if version != ours:
            raise BadInput(f"worker {worker} has {version}, this process {ours}: expected the same")


def done(client: Client, futures: Iterable[Any]) -> Generator[Any]:
    """Yield the results of futures as they come; in the end, however it is reached, cancel what is left.

    Raises
    ------
    RunError
        If the scheduler is gone, or tasks lost all workers that they were given to.
    """
    from distributed import CancelledError, KilledWorker, as_completed
    from distributed.comm import CommClosedError

    waiting = list(futures)
    gone = (
        f"the Dask scheduler at {_address(client)} is gone; what is finished stays valid, give the same command again"
    )
    try:
        for future in as_completed(waiting, loop=client.loop):
            yield future.result()
    except KilledWorker as error:
        what = f"{error.allowed_failures + 1} workers died over one task, {error.last_worker.address} as the last"
        raise RunError(f"{what}: out of memory? What is finished stays valid") from None
    except (CancelledError, CommClosedError):
        raise RunError(gone) from None
    finally:
        if client.status == "running":
            client.cancel(waiting, force=True)


def _address(client: Client) -> str:
    return str(client.scheduler.address) if client.scheduler is not None else "its address"


def note_dashboard(client: Client) -> None:
    """Say on stderr where the cluster can be watched."""
    workers = len(client.nthreads())
    many = "worker" if workers == 1 else "workers"
    print(f"sedspace: {workers} Dask {many}, dashboard at {client.dashboard_link}", file=sys.stderr)


# -- runs -------------------------------------------------------------------------------------------------------------


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
    futures = [client.submit(_on_worker, order, shard, noted.get(shard.name), pure=False) for shard in request.shards()]
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
def _request_of(order: Order) -> Request:
    if code_version() != order.code:  # a worker that came later than the client looked
        raise BadInput(f"this worker has {code_version()}, the client {order.code}: expected the same")
    register_again(pickle.loads(order.scores))
    start, stop, shard_rows = order.limits
    request = Request.make(pickle.loads(order.space), pickle.loads(order.columns), start, stop, shard_rows, order.where)
    if _digest(request) != order.digest:
        raise BadInput("this worker makes another request of the same order: expected the same scores and spaces")
    return request


def _on_worker(order: Order, shard: Shard, noted: str | None) -> Done:
    from distributed import get_worker

    directory = as_location(order.directory)
    try:
        return do_shard(directory, _request_of(order), shard, noted)
    except SedspaceError as error:
        raise RunError(f"worker {get_worker().address}: {error}") from None
