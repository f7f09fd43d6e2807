"""Keeping the k best of a stream: the order of keys, best first, ties by the lowest index."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sedspace.scores.base import Keys


class Ranked(NamedTuple):
    """Some architectures of a range, best first: their keys, and where they stand, counted from the range's start."""

    keys: Keys
    offsets: NDArray[np.int64]


def opposite(keys: Keys) -> Keys:
    """Return numbers in the opposite order: twice is the identity, and unlike ``-keys`` nothing overflows."""
    return np.invert(keys) if keys.dtype.kind == "i" else np.negative(keys)


def keep_best(parts: Iterable[Ranked], k: int) -> Ranked:
    """Merge parts and keep the k best."""
    all_keys, all_offsets = zip(*parts, strict=True)
    keys, offsets = np.concatenate(all_keys), np.concatenate(all_offsets)
    order = np.lexsort((offsets, opposite(keys)))[:k]
    return Ranked(keys[order], offsets[order])


def threshold(best: Ranked, k: int) -> tuple[float, bool]:
    """Return the key that a further cell must exceed, and whether equalling it will do: later cells lose ties."""
    keys = best.keys
    if len(keys) == k:
        return keys[-1], False
    return -math.inf if keys.dtype.kind == "f" else np.iinfo(keys.dtype.name).min, True


def chunks(start: int, stop: int, length: int) -> Iterator[tuple[int, int]]:
    """Cut [start, stop) into ranges of at most `length`."""
    for lo in range(start, stop, length):
        yield lo, min(lo + length, stop)
