"""The values of a study by the workers of any executor of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Executor
from functools import partial

from sedspace.executors import results, shares_memory
from sedspace.spaces import Space
from sedspace.studies.engine import ThisProcess
from sedspace.studies.file import Row, SedSeconds
from sedspace.studies.order import Task, order_of, ordered_rows
from sedspace.studies.worker import Evaluator, Hardware, Todo, by_architecture, hardware_for


class ExecutorWorkers:
    """The workers of an executor, a task for each architecture and repeat. They must be of one kind.

    Threads of one process wait for each other, since torch's random numbers are shared.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def hardware(self, device: str) -> Hardware:
        """Return what a worker would compute on; each compares itself with it before it computes anything."""
        (found,) = results(self.executor, hardware_for, [device])
        return found

    def sed_seconds(self, space: Space, index: int) -> SedSeconds:
        """Measure it on a worker."""
        (found,) = results(self.executor, partial(ThisProcess().sed_seconds, space), [index])
        return found

    def rows(self, evaluator: Evaluator, todo: list[Todo]) -> Generator[list[Row]]:
        """Yield the rows of an architecture and repeat together."""
        tasks = by_architecture(todo).values()
        if shares_memory(self.executor):
            yield from results(self.executor, evaluator.rows, tasks)
        else:
            yield from results(self.executor, partial(ordered_rows, order_of(evaluator, todo)), map(Task.of, tasks))
