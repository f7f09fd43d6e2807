"""What computes the values of a study: this process, or the workers of a Dask cluster (or others, next door)."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

from sedspace.cluster import check_client, done, refuse_other_code
from sedspace.errors import BadInput, first_line
from sedspace.scores import score
from sedspace.spaces import Space
from sedspace.studies.file import Row, SedSeconds
from sedspace.studies.worker import Evaluator, Hardware, Todo, by_architecture, hardware_for

if TYPE_CHECKING:
    from distributed import Client

_RANGE = 10**7


class Engine(Protocol):
    """What computes values."""

    def hardware(self, device: str) -> Hardware:
        """Return what values would be computed on."""

    def sed_seconds(self, space: Space, index: int) -> SedSeconds:
        """Return the seconds per architecture of scoring a range of the space, and of asking for one architecture."""

    def rows(self, evaluator: Evaluator, todo: list[Todo]) -> Generator[list[Row]]:
        """Yield the rows of values, some at a time."""


class ThisProcess:
    """One value after the other, in this process."""

    def hardware(self, device: str) -> Hardware:
        """Return what this process would compute on; raise `BadInput` if it has no such device."""
        return hardware_for(device)

    def sed_seconds(self, space: Space, index: int) -> SedSeconds:
        """Measure it: the median of five."""

        def median(start: int, stop: int) -> float:
            taken = []
            for _ in range(6):
                began = time.perf_counter()
                score(space, "sed", start, stop)
                taken.append(time.perf_counter() - began)
            return statistics.median(taken[1:]) / (stop - start)

        return SedSeconds(whole=median(0, min(space.size, _RANGE)), alone=median(index, index + 1))

    def rows(self, evaluator: Evaluator, todo: list[Todo]) -> Generator[list[Row]]:
        """Yield the rows one by one, those of an architecture and repeat one after the other."""
        for row in evaluator.each_row(todo):
            yield [row]


class DaskWorkers:
    """The workers of a Dask cluster, a task for each architecture and repeat. They must be of one kind."""

    def __init__(self, client: Client) -> None:
        check_client(client)
        refuse_other_code(client)
        self.client = client

    def hardware(self, device: str) -> Hardware:
        """Return what all workers would compute on; raise `BadInput` if they differ."""
        try:
            found: dict[str, Hardware] = self.client.run(hardware_for, device)
        except BadInput:
            raise
        except Exception as error:  # whatever a worker that lacks torch makes of it
            raise BadInput(f"the workers cannot compute proxies: {first_line(error)}") from None
        (first, ours), *others = found.items()
        for worker, theirs in others:
            if theirs != ours:
                raise BadInput(f"worker {worker} has {theirs}, {first} has {ours}: expected workers of one kind")
        return ours

    def sed_seconds(self, space: Space, index: int) -> SedSeconds:
        """Measure it on a worker."""
        found: SedSeconds = self.client.submit(ThisProcess().sed_seconds, space, index, pure=False).result()
        return found

    def rows(self, evaluator: Evaluator, todo: list[Todo]) -> Generator[list[Row]]:
        """Yield the rows of an architecture and repeat together."""
        shared = self.client.submit(_itself, evaluator, pure=False)  # once to each worker, not with every task
        futures = [
            self.client.submit(Evaluator.rows, shared, some, pure=False) for some in by_architecture(todo).values()
        ]
        with contextlib.closing(done(self.client, futures)) as results:
            yield from results


def _itself(evaluator: Evaluator) -> Evaluator:
    return evaluator
