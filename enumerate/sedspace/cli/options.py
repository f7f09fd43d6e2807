"""Options that several commands have, and the cluster that some of them lead to."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

from sedspace.cli.arguments import PATH, TEXT, refuse
from sedspace.cluster import connected, note_dashboard
from sedspace.errors import BadInput

if TYPE_CHECKING:
    from distributed import Client

_Command = TypeVar("_Command", bound=Callable[..., object])

where_option = click.option(
    "--where",
    type=TEXT,
    metavar="SQL",
    help='A condition on features and scores, e.g. "params < 500000 AND n_skip <= 2".',
)
unique_option = click.option(
    "--unique", type=click.Choice(["functional"]), help="One architecture of each functional class, the lowest index."
)
table_option = click.option("--out", type=PATH, metavar="FILE", help="Write the answer here: .csv, .jsonl or .parquet.")
_engine_option = click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    help="Threads of this process, or the workers of a Dask cluster.  [default: local, dask with --scheduler]",
)
_scheduler_option = click.option(
    "--scheduler",
    metavar="tcp://HOST:PORT",
    help="Of the Dask cluster; whoever can reach it can run code as you. tls:// takes the certificates of Dask's "
    "configuration.  [default: processes on this machine, with TLS]",
)
_timeout_option = click.option(
    "--worker-timeout",
    type=float,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the first worker of --scheduler.",
)


def json_option(shape: str) -> Callable[[_Command], _Command]:
    """Give a command the option to print JSON, whose shape its help tells."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print JSON instead: {shape}.")


def engine_options(command: _Command) -> _Command:
    """Give a command the options that choose what does the work."""
    return _engine_option(_scheduler_option(_timeout_option(command)))


@contextlib.contextmanager
def cluster_client(
    engine: str | None, scheduler: str | None, workers: int | None, worker_timeout: float
) -> Iterator[Client | None]:
    """Yield the client of the cluster that the options of `engine_options` choose; None without one."""
    if engine == "local" and scheduler is not None:
        raise BadInput(f"--engine local with --scheduler {scheduler}: expected one of the two")
    if scheduler is None:
        refuse("is for --scheduler", "worker_timeout")
    if engine != "dask" and scheduler is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise BadInput(f"--threads {workers} with --scheduler: the workers of {scheduler} have their own")
    logging.disable()  # Dask's: what matters is raised, and said in one line
    with connected(scheduler, workers, worker_timeout) as client:
        note_dashboard(client)
        yield client
