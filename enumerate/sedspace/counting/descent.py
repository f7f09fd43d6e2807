"""The architectures of classes in descending order of keys, ties by the lowest index."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.classes import Classes, Walks
from sedspace.scores.base import Keys
from sedspace.scores.ranking import opposite
from sedspace.spaces.parts import Digits
from sedspace_kernels.diagram import Exact, sums_by

_BATCH = 1 << 14  # architectures at once
_FEW = 1 << 12  # classes that are looked at first
_MANY = 1 << 20  # architectures that are sorted at once, if need be


def descending(
    classes: Classes, keys: Keys, wanted: NDArray[np.bool_], start: int, stop: int
) -> Iterator[tuple[Digits, NDArray[np.intp]]]:
    """Yield digits and class of the architectures of wanted classes by descending keys, a bounded number at a time.

    Parameters
    ----------
    classes : Classes
    keys : int64[classes] or float64[classes]
        Without NaN, where wanted.
    wanted : bool[classes]
    start, stop : int
        The range of indices.
    """
    batches = _batches(keys, classes.counts, np.flatnonzero(wanted))
    if (start, stop) != (0, classes.space.size):
        batches = _within(batches, Walks(classes, wanted), wanted, start, stop)
    for batch in batches:
        walks = Walks(classes, batch)
        first, last = walks.below(start), walks.below(stop)
        step = last - first if last - first <= _MANY else _BATCH  # more are only of a single key, or in a long range
        for lo in range(first, last, step or 1):
            digits, of = walks.unrank(range(lo, min(lo + step, last)))
            order = np.argsort(opposite(keys[of]), kind="stable")
            yield digits[order], of[order]


def _within(
    batches: Iterator[NDArray[np.bool_]], walks: Walks, wanted: NDArray[np.bool_], start: int, stop: int
) -> Iterator[NDArray[np.bool_]]:
    """Yield all classes at once if few of their architectures are in a range, else as they come."""
    if walks.below(stop) - walks.below(start) <= _MANY:
        yield wanted
    else:
        yield from batches


def _batches(keys: Keys, counts: Exact, rest: NDArray[np.intp]) -> Iterator[NDArray[np.bool_]]:
    """Yield classes, best keys first: as many keys at once as have no more than a batch of architectures, or one."""
    few = _FEW
    while len(rest):
        part = rest
        if len(part) > few:  # most of what is asked for is among the best few classes: no need to sort them all
            part = rest[keys[rest] >= np.partition(keys[rest], -few)[-few]]
        levels, of = np.unique(keys[part], return_inverse=True)
        total = sums_by(of, counts[part], len(levels))
        high = len(levels)
        while high > 0:
            low, size = high - 1, int(total[high - 1])
            while low > 0 and size + int(total[low - 1]) <= _BATCH:
                low -= 1
                size += int(total[low])
            batch = np.zeros(len(keys), np.bool_)
            batch[part[(of >= low) & (of < high)]] = True
            yield batch
            high = low
        rest = rest[keys[rest] < levels[0]]
        few *= 16
