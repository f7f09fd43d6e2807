"""Numbers of those combinations of digits that exist: their ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sedspace.spaces.machine import Machine
from sedspace.spaces.parts import Digits, Indices
from sedspace.spaces.radix import INT64_END, MixedRadix


class Ranks(MixedRadix):
    """Numbers of the combinations of digits that a machine accepts, in the order of all combinations.

    Parameters
    ----------
    name : str
        What errors call the numbers.
    radices : sequence of int
    machine : Machine
    """

    def __init__(self, name: str, radices: Sequence[int], machine: Machine) -> None:
        super().__init__(name, radices)
        self.machine = machine
        self.size = machine.size

    def digits_of_one(self, index: int) -> Digits:
        """Return the digits of one index: shape (positions,)."""
        one: Digits = self.digits_of(np.array([index], np.int64 if self.size <= INT64_END else object))[0]
        return one

    def digits_of(self, indices: Indices) -> Digits:
        """Return the digits of many indices: shape (n, positions)."""
        digits: Digits = self.machine.unrank(indices).astype(self.dtype)
        return digits

    def digits_of_range(self, start: int, stop: int) -> Digits:
        """Return the digits of the indices from `start` up to, not including, `stop`."""
        digits = np.empty((stop - start, len(self.radices)), self.dtype)
        self.machine.unrank_range(start, stop, digits)
        return digits

    def index_of_one(self, digits: Iterable[int]) -> int:
        """Return the index of one row of digits."""
        return int(self.indices_of(np.array([list(digits)]))[0])

    def indices_of(self, rows: NDArray[np.integer]) -> Indices:
        """Return the indices of many rows of digits."""
        ranks = self.machine.rank(rows)
        return ranks.astype(np.int64) if self.size <= INT64_END else ranks.astype(object)
