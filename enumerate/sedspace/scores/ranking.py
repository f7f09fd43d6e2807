"""What is best: the k best of a stream, ties by the lowest index, and the rows of a table that none beats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sedspace.scores.base import Keys

if TYPE_CHECKING:
    import polars as pl


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


def pareto_front(rows: pl.DataFrame, maximize: str, minimize: str) -> pl.DataFrame:
    """Return the rows that no other beats in both, more of one column and less of the other; of equal ones the first.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"sed": [3.0, 5.0, 4.0, 5.0], "params": [1, 2, 2, 2], "index": [0, 1, 2, 3]})
    >>> pareto_front(rows, "sed", "params").rows()
    [(3.0, 1, 0), (5.0, 2, 1)]
    """
    import polars as pl

    ordered = rows.sort([minimize, maximize], descending=[False, True], maintain_order=True)
    before = pl.col(maximize).cum_max().shift(1)
    return ordered.filter(before.is_null() | (pl.col(maximize) > before))
