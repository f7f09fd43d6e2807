"""A Dask cluster: connected to or started on this machine, its workers checked, its results waited for.

Needs ``dask[distributed]``. Runs and studies have their engines in `sedspace.runs.dask` and `sedspace.studies.engine`.
"""

from __future__ import annotations

import contextlib
import logging
import math
import numbers
import sys
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sedspace.errors import BadInput, RunError, first_line, needs
from sedspace.provenance import code_version
from sedspace.scores import check_threads

if TYPE_CHECKING:
    from distributed import Client, Future

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
        _refuse_silent(scheduler)
        client = distributed.Client(scheduler, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError, TypeError, TimeoutError) as error:  # a TypeError: TLS without a certificate
        raise BadInput(f"scheduler {scheduler}: no Dask scheduler answers: {first_line(error)}") from None
    with client:
        wait_for_worker(client, worker_timeout)
        yield client


def _refuse_silent(scheduler: str) -> None:
    """Raise what stands in the way of a connection, before there is a `Client`.

    A `Client` that fails to connect leaves its thread and itself behind; Python collects it at any later time, in any
    thread, and there it waits: even in the thread of the next `Client`, which then does not start.
    """
    import asyncio

    from distributed.comm import connect
    from distributed.security import Security

    async def connect_once() -> None:
        options = Security().get_connection_args("client")
        comm = await connect(scheduler, timeout=_CONNECT_SECONDS, **options)
        await comm.close()

    with ThreadPoolExecutor(1) as thread:  # a notebook's own thread already runs an event loop
        thread.submit(lambda: asyncio.run(connect_once())).result()


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
    options: dict[str, object] = {
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


def check_client(client: object) -> None:
    """Raise `BadInput` for what takes no tasks."""
    if not hasattr(client, "submit"):
        raise BadInput(
            f"client {client!r}: expected a distributed.Client, such as sedspace.cluster.connected yields, or a "
            f"concurrent.futures.Executor"
        )


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


def done(client: Client, futures: Iterable[Future]) -> Generator[Any]:
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
