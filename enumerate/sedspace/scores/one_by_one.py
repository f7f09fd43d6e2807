"""Scores that are computed architecture by architecture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sedspace.scores.base import Keys, Score, Values
from sedspace.scores.ranking import Ranked, chunks, keep_best, opposite, threshold
from sedspace.spaces import Space

_CHUNK = 1 << 20


class OneByOne(Score):
    """A score that is computed architecture by architecture, over ranges cut into pieces."""

    @abstractmethod
    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        """Return the keys of a range."""

    def fill(self, space: Space, start: int, out: Values, threads: int) -> None:
        """Write the values of the architectures from `start` on into `out`."""
        for lo, hi in chunks(0, len(out), _CHUNK):
            out[lo:hi] = self.values(self._keys(space, start + lo, start + hi, threads))

    def histogram(self, space: Space, start: int, stop: int, threads: int) -> tuple[Keys, NDArray[np.int64]]:
        """Return the distinct keys of a range, ascending, and how often each occurs."""
        parts = []
        for lo, hi in chunks(start, stop, _CHUNK):
            keys, counts = np.unique(self._keys(space, lo, hi, threads), return_counts=True)
            parts.append((keys, counts.astype(np.int64)))
        return merge_counts(parts)

    def best(
        self, space: Space, start: int, stop: int, k: int, threads: int, ascending: bool = False
    ) -> tuple[Keys, list[int]]:
        """Return the keys and indices of the k best of a range."""
        best: Ranked | None = None
        for lo, hi in chunks(start, stop, _CHUNK):
            keys = self.comparable(self._keys(space, lo, hi, threads))
            keys = opposite(keys) if ascending else keys
            best = best or Ranked(keys[:0], np.empty(0, np.int64))
            limit, inclusive = threshold(best, k)
            above = np.flatnonzero(keys >= limit if inclusive else keys > limit)
            best = keep_best([best, Ranked(keys[above], above + (lo - start))], k)
        if best is None:
            return np.empty(0, np.int64), []
        return opposite(best.keys) if ascending else best.keys, [start + offset for offset in best.offsets.tolist()]


def merge_counts(
    parts: Sequence[tuple[Keys, NDArray[np.int64]]],
) -> tuple[Keys, NDArray[np.int64]]:
    """Add up histograms over different keys; keys that do not occur are left out."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    keys, of = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, of, np.concatenate([part[1] for part in parts]))
    return keys[counts > 0], counts[counts > 0]
