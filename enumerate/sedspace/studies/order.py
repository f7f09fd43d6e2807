"""What a study has computed, on its way to the workers of another process or machine."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Sequence
from dataclasses import dataclass

from sedspace.errors import RunError, first_line
from sedspace.executors import pickled
from sedspace.studies.file import Row
from sedspace.studies.proxies import Proxy
from sedspace.studies.worker import Evaluator, Todo


@dataclass(frozen=True)
class Task:
    """Values of one architecture and repeat, as they travel."""

    index: int
    repeat: int
    proxies: tuple[str, ...]

    @classmethod
    def of(cls, todo: Sequence[Todo]) -> Task:
        """Return the task to compute some values."""
        return cls(todo[0].index, todo[0].repeat, tuple(one.proxy.name for one in todo))


def order_of(evaluator: Evaluator, todo: Sequence[Todo]) -> bytes:
    """Return what every task needs; raise `BadInput` if it cannot be handed to workers."""
    proxies = {one.proxy.name: one.proxy for one in todo}
    return pickled((evaluator, proxies), "a proxy or the space", "crosscheck")


def ordered_rows(order: bytes, task: Task) -> list[Row]:
    """Return the rows of a task, in a process that knows the order alone."""
    evaluator, proxies = _ordered(order)
    return evaluator.rows([Todo(task.index, proxies[name], task.repeat) for name in task.proxies])


@functools.lru_cache(maxsize=1)
def _ordered(order: bytes) -> tuple[Evaluator, dict[str, Proxy]]:
    try:
        evaluator, proxies = pickle.loads(order)
    except Exception as error:  # of a user's module, anything
        raise RunError(f"a worker cannot make the study's proxies or space: {first_line(error)}") from None
    return evaluator, proxies
