"""Ranges of architectures as blocks of rows that repeat: what is looked at instead of every single one."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sedspace.scores.base import Keys, Values
from sedspace.scores.ranking import Ranked, chunks, keep_best, threshold
from sedspace_kernels.parallel import split
from sedspace_kernels.tables import collect_above, feature_classes, histogram, tile

Scalar = TypeVar("Scalar", bound=np.number)

_BLOCK = 1024  # cells of a block, at most: its rows stay in the cache
_ROW_VALUES = 1 << 22  # values of distinct rows held at once
_MAX_BLOCKS = 1 << 16  # blocks looked at together
_BUFFER = 1 << 16


@dataclass(frozen=True)
class Layout:
    """A range of architectures as blocks: the feature sums of high and low positions, and who has which.

    Attributes
    ----------
    start, length : int
        The range.
    offset : int
        Where it starts, counted from the start of its first block.
    high, low : int64[classes, features]
        The distinct feature sums of the high positions (one class per block) and of the low ones.
    high_of : intp[blocks]
    low_of : intp[block length]
    """

    start: int
    length: int
    offset: int
    high: NDArray[np.int64]
    high_of: NDArray[np.intp]
    low: NDArray[np.int64]
    low_of: NDArray[np.intp]

    def sums(self, columns: slice = slice(None)) -> NDArray[np.int64]:
        """Return the feature sums of every pair of a high and a low class: int64[high, low, features]."""
        return self.high[:, None, columns] + self.low[None, :, columns]

    def rows(self, by_class: NDArray[Scalar]) -> NDArray[Scalar]:
        """Spread values by (high, low) class over the cells of a block."""
        return np.take(by_class, self.low_of, axis=1)

    def fill(self, by_class: NDArray[np.number], out: Values, threads: int) -> None:
        """Write the values of all cells, given those of the classes."""
        same_bits = f"u{out.dtype.itemsize}"  # one compiled copy for each width instead of each type
        rows, target = self.rows(by_class).view(same_bits), out.view(same_bits)
        split(lambda lo, hi: tile(rows, self.high_of, self.offset + lo, target[lo:hi]), self.length, threads)

    def count(self, rows: NDArray[np.intp], levels: int, threads: int) -> NDArray[np.int64]:
        """Count the cells at each level."""

        def part(lo: int, hi: int) -> NDArray[np.int64]:
            counts = np.zeros(levels, np.int64)
            histogram(rows, self.high_of, self.offset + lo, hi - lo, counts)
            return counts

        total: NDArray[np.int64] = np.sum(split(part, self.length, threads, grain=1 << 24), axis=0)
        return total

    def best(self, rows: Keys, k: int, above: tuple[float, bool], threads: int) -> Ranked:
        """Return the k best cells above a threshold, their offsets counted from the start of the range."""
        row_max = np.fmax.reduce(rows, axis=1)  # a NaN must not hide its row

        def part(lo: int, hi: int) -> Ranked:
            keys, offsets = np.empty(_BUFFER, rows.dtype), np.empty(_BUFFER, np.int64)
            best = Ranked(keys[:0], offsets[:0])
            limit, end = above, self.offset + hi
            done = self.offset + lo
            while done < end:
                found, done = collect_above(rows, row_max, self.high_of, done, end, *limit, keys, offsets)
                best = keep_best([best, Ranked(keys[:found], offsets[:found] - self.offset)], k)
                limit = max(limit, threshold(best, k), key=lambda pair: (pair[0], not pair[1]))
            return best

        return keep_best(split(part, self.length, threads, grain=1 << 24), k)


class Tables(tuple[NDArray[np.int64], ...]):
    """Tables that are equal if their content is."""

    def __hash__(self) -> int:
        return hash(tuple(table.tobytes() for table in self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tables) and len(self) == len(other) and all(map(np.array_equal, self, other))


@functools.lru_cache(maxsize=1)  # scoring a range anew, by another score or into another array, is little but copying
def first_layout(tables: Tables, start: int, stop: int) -> Layout:
    """Return the first of a range's layouts."""
    return next(layouts(tables, start, stop))


def layouts(tables: Sequence[NDArray[np.int64]], start: int, stop: int) -> Iterator[Layout]:
    """Cut a range into layouts whose distinct rows fit in memory.

    Parameters
    ----------
    tables : sequence of int64[choices, features]
        One per position.
    start, stop : int
    """
    first_low, size = len(tables) - 1, len(tables[-1])
    while first_low > 1 and size * len(tables[first_low - 1]) <= _BLOCK:
        first_low -= 1
        size *= len(tables[first_low])
    if first_low == 0:  # a single position: it is the low one, below a high one without a choice
        tables, first_low = [np.zeros_like(tables[0][:1]), *tables], 1
    low, low_of = feature_classes(tables[first_low:], 0, size)
    for lo, hi in chunks(start, stop, size * _blocks_at_once(tables[:first_low], size)):
        first_block, offset = divmod(lo, size)
        high, high_of = feature_classes(tables[:first_low], first_block, -(-hi // size))
        yield Layout(lo, hi - lo, offset, high, high_of, low, low_of)


def _blocks_at_once(high_tables: Sequence[NDArray[np.int64]], size: int) -> int:
    """Return how many blocks to look at together: many where few rows can differ, else as many as rows may be held."""
    spreads = sum(np.ptp(table, axis=0).astype(object) for table in high_tables) + 1
    if math.prod(spreads) * size <= _ROW_VALUES:
        return _MAX_BLOCKS
    return max(1, _ROW_VALUES // size)
