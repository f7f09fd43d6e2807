"""Several networks of a study side by side, each in a process of this machine with one torch thread.

A process is started afresh, never forked, and imports the script that asks for it. It computes all proxies of one
architecture and repeat at a time, and ends with the process that started it, however that ends. With GPUs it has one
of them, the processes in turn: several to a GPU, since networks of benchmarks are small for one. What that gains was
not measured.
"""

from __future__ import annotations

import contextlib
import inspect
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import islice
from multiprocessing.sharedctypes import Synchronized

import torch

from sedspace.errors import RunError, at_least_one
from sedspace.spaces import Space
from sedspace.studies.engine import ThisProcess
from sedspace.studies.file import Row, SedSeconds
from sedspace.studies.order import Task, order_of, ordered_rows
from sedspace.studies.worker import Evaluator, Hardware, Todo, by_architecture, hardware_for

_DIED = "a worker process died: out of memory? What is done is kept; go on by the same call, perhaps with fewer workers"
_UNGUARDED = (
    "the workers ended before they began: they import the script that asks for them, whose calls belong under "
    '`if __name__ == "__main__":`'
)
_SCRIPT = "__mp_main__"  # what multiprocessing calls a script that a new process imports


class Processes:
    """Processes of this machine. Those of GPUs are tested on processors only."""

    def __init__(self, workers: int) -> None:
        self.workers = at_least_one(workers, "workers")
        _leave_if_imported()

    def hardware(self, device: str) -> Hardware:
        """Return what they compute on: what this process would, with one thread."""
        found = hardware_for(device)
        return found if found.device == "cuda" else replace(found, threads=1)

    def sed_seconds(self, space: Space, index: int) -> SedSeconds:
        """Measure it in this process."""
        return ThisProcess().sed_seconds(space, index)

    def rows(self, evaluator: Evaluator, todo: list[Todo]) -> Generator[list[Row]]:
        """Yield the rows of an architecture and repeat together; after a Ctrl-C those that are being computed."""
        tasks = list(by_architecture(todo).values())
        order = order_of(evaluator, todo)
        spawn = multiprocessing.get_context("spawn")
        begun = spawn.Value("i", 0)
        arguments = order, evaluator.setting.device, begun
        pool = ProcessPoolExecutor(min(self.workers, len(tasks)), spawn, initializer=_begin, initargs=arguments)
        try:
            with contextlib.closing(_as_done(pool, tasks, self.workers + 1)) as results:
                yield from results
        except BrokenProcessPool:
            raise RunError(_DIED if begun.value else _UNGUARDED) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _as_done(pool: ProcessPoolExecutor, tasks: Sequence[list[Todo]], at_once: int) -> Generator[list[Row]]:
    """Yield results as they come, with few tasks handed out at a time: those that are, are waited for in the end."""
    left = iter(tasks)
    waiting: set[Future[list[Row]]] = set()
    with _no_interrupts():  # processes begin with what is blocked here
        waiting |= {pool.submit(_rows, task) for task in map(Task.of, islice(left, at_once))}
    try:
        while waiting:
            done = wait(waiting, return_when=FIRST_COMPLETED).done
            waiting |= {pool.submit(_rows, task) for task in map(Task.of, islice(left, len(done)))}
            for future in done:
                waiting.remove(future)
                yield future.result()
    except KeyboardInterrupt:
        for future in waiting:
            if not future.cancel():
                yield future.result()
        raise


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Put off Ctrl-C, here and in the processes that are started."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# -- in a worker -----------------------------------------------------------------------------------------------------


_order_here = b""


def _begin(order: bytes, device: str, begun: Synchronized[int]) -> None:
    """Make this process a worker, the next of those that have begun."""
    global _order_here
    with begun.get_lock():
        number = begun.value
        begun.value += 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the study's process says when it is over
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    if device == "cuda":
        torch.cuda.set_device(number % torch.cuda.device_count())
    _order_here = order


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _rows(task: Task) -> list[Row]:
    return ordered_rows(_order_here, task)


def _leave_if_imported() -> None:
    """End a process that was started as a worker, and asks for workers while it still imports the user's script."""
    for frame in inspect.stack(context=0):
        if frame.function == "<module>" and frame.frame.f_globals.get("__name__") == _SCRIPT:
            sys.exit(1)  # in silence: the process that started this one says why
