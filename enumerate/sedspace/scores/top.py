"""Keeping the k best of a stream: the order of keys, best first, ties by the lowest index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ranked = tuple[NDArray[Any], NDArray[np.int64]]
"""Keys and places, best first."""


def keep_best(parts: Iterable[Ranked], k: int) -> Ranked:
    """Merge parts and keep the k best."""
    all_keys, all_places = zip(*parts, strict=True)
    keys, places = np.concatenate(all_keys), np.concatenate(all_places)
    order = np.lexsort((places, -keys))[:k]
    return keys[order], places[order]


def lowest(dtype: np.dtype[Any]) -> Any:
    """Return the key below which nothing ranks."""
    return dtype.type(-np.inf) if dtype.kind == "f" else np.iinfo(dtype).min


def threshold(best: Ranked, k: int) -> Any:
    """Return the key that a further cell must exceed: later cells lose ties."""
    keys = best[0]
    return keys[-1] if len(keys) == k else lowest(keys.dtype)


def chunks(start: int, stop: int, length: int) -> Iterator[tuple[int, int]]:
    """Cut [start, stop) into ranges of at most `length`."""
    for lo in range(start, stop, length):
        yield lo, min(lo + length, stop)
