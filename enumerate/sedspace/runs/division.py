"""How a run is divided into shards: a filtered one by the work of looking, and by the rows that pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sedspace import draws
from sedspace.condition import Condition
from sedspace.counting.classes import Walks, classes_by_sums
from sedspace.counting.compiled import TooManyClasses
from sedspace.runs.request import Request
from sedspace.scores import AdditiveScore, Score, passing
from sedspace.scores.filtering import is_by_sums
from sedspace.spaces import Space

SHARD_ROWS = 1_000_000
MOST_RANGES = 1000
SECOND = {True: 1_000_000_000, False: 1_000_000}  # architectures a thread looks at, in sums or else one by one
_STRETCH, _STRETCHES = 1024, 64


@dataclass(frozen=True)
class Shard:
    """One file of a run: the rows of one range of indices."""

    name: str
    start: int
    stop: int

    @property
    def scanned(self) -> int:
        """The number of architectures that are looked at."""
        return self.stop - self.start


def shard_count(request: Request) -> int:
    """Return the number of shards of a run."""
    return -(-request.scanned // request.shard_rows)


def shards_of(request: Request) -> Iterator[Shard]:
    """Yield the shards of a run in order.

    Examples
    --------
    >>> from sedspace.runs.ask import request_of
    >>> [shard.name for shard in shards_of(request_of("tss", ["sed"], 0, 300, shard_rows=200))]
    ['part-00000-of-00002.parquet', 'part-00001-of-00002.parquet']
    """
    count = shard_count(request)
    width = max(5, len(str(count)))
    for number in range(count):
        start = request.start + number * request.shard_rows
        name = f"part-{number:0{width}d}-of-{count:0{width}d}.parquet"
        yield Shard(name, start, min(start + request.shard_rows, request.stop))


def rows_per_shard(space: Space, condition: Condition, needed: Sequence[Score], start: int, stop: int) -> int:
    """Return how many architectures of a filtered run belong to a shard.

    About a second's work of one thread, more where that would be over 1,000 shards, fewer where over a million rows of
    a shard would pass on average. It follows from the request alone, never from time or threads.

    Parameters
    ----------
    space : Space
    condition : Condition
        What a row must meet.
    needed : sequence of Score
        The scores that the condition names; it may also name ``index`` and ``arch``.
    start, stop : int
        The range of indices.
    """
    scanned = stop - start
    if scanned <= SHARD_ROWS:
        return SHARD_ROWS
    counted = is_by_sums(condition, needed)
    length = max(SECOND[counted], -(-scanned // MOST_RANGES))
    if length <= SHARD_ROWS:
        return length
    rows = _rows(space, condition, needed, start, stop) if counted else _estimate(space, condition, needed, start, stop)
    return min(length, SHARD_ROWS * scanned // rows) if rows else length


def _rows(space: Space, condition: Condition, needed: Sequence[Score], start: int, stop: int) -> int:
    """Return how many rows pass, counted exactly if there are not too many classes for that."""
    sums = [score for score in needed if isinstance(score, AdditiveScore)]
    try:
        classes = classes_by_sums(space, sums)
    except TooManyClasses:
        return _estimate(space, condition, needed, start, stop)
    walks = Walks(classes, condition.holds({name: classes.values(name) for name in condition.names}))
    return walks.below(stop) - walks.below(start)


def _estimate(space: Space, condition: Condition, needed: Sequence[Score], start: int, stop: int) -> int:
    """Return about how many rows pass, judged by stretches at fixed random places."""
    first = draws.subset(draws.integers(0), stop - start - _STRETCH, _STRETCHES)
    parts = (passing(space, [], condition, needed, start + one, start + one + _STRETCH) for one in first)
    passed = sum(len(values["index"]) for part in parts for values in part)
    return passed * (stop - start) // (_STRETCH * _STRETCHES)
