"""Any executor of `concurrent.futures` as what does the work: its results are waited for, its failures said in a line.

Of the standard library, of mpi4py, joblib's loky or Dask: all have ``submit``, and give futures that can be waited for.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor, as_completed, wait
from typing import TypeVar

from sedspace.errors import BadInput, RunError, first_line, needs

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_DIED = (
    'a worker of the executor died: out of memory, or a script without `if __name__ == "__main__":`? What is finished '
    "stays valid; give the same call again with a new executor"
)


def shares_memory(executor: Executor) -> bool:
    """Return whether workers are threads of this process, so that nothing need be pickled."""
    return isinstance(executor, ThreadPoolExecutor)


def results(executor: Executor, function: Callable[[_Task], _Result], tasks: Iterable[_Task]) -> Generator[_Result]:
    """Yield what a function makes of tasks, as they get done.

    However this ends, no more tasks are begun, and those that run are waited for. The executor is left open.

    Raises
    ------
    RunError
        If a worker died, or the executor takes no work.
    """
    futures: list[Future[_Result]] = []
    try:
        futures.extend(_submitted(executor, function, task) for task in tasks)
        for future in as_completed(futures):
            yield future.result()
    except BrokenExecutor:
        raise RunError(_DIED) from None
    except CancelledError:
        raise RunError("the executor was shut down; what is finished stays valid, give the same call again") from None
    finally:
        wait([future for future in futures if not future.cancel()])


def _submitted(executor: Executor, function: Callable[[_Task], _Result], task: _Task) -> Future[_Result]:
    """Hand a task to an executor; raise `RunError` if it was shut down."""
    try:
        return executor.submit(function, task)
    except BrokenExecutor:
        raise
    except RuntimeError as error:
        raise RunError(f"the executor takes no work: {first_line(error)}; give the same call with another") from None


def pickled(what: object, name: str, extra: str) -> bytes:
    """Return what workers need, functions of the user's too; raise `BadInput` if it cannot be handed to them.

    `extra` are the optional dependencies that name cloudpickle.
    """
    try:
        import cloudpickle
    except ModuleNotFoundError as error:
        raise needs(str(error.name), extra, "workers need") from None
    try:
        return bytes(cloudpickle.dumps(what))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise BadInput(f"{name} cannot be handed to workers: {first_line(error)}") from None
