"""Mixed-radix numbers: what is the digits of an index, and the index of digits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.errors import BadInput, as_int
from sedspace.spaces.parts import Digits, Indices
from sedspace_kernels.radix import rank, unrank

INT64_END = 1 << 63


class MixedRadix:
    """Numbers that have a radix of their own at every position, the first position most significant.

    Parameters
    ----------
    name : str
        What errors call the numbers.
    radices : sequence of int
        One for each position.
    """

    def __init__(self, name: str, radices: Sequence[int]) -> None:
        self.name = name
        self.radices: NDArray[np.int64] = np.array(radices, np.int64)
        self.size = math.prod(radices)
        self.dtype = np.min_scalar_type(max(radices) - 1)

    def check_index(self, index: object) -> int:
        """Return `index` as a Python int; raise `BadInput` if there is no such number."""
        number = as_int(index, "index")
        if not 0 <= number < self.size:
            shown = number if abs(number) < 10**40 else f"of {len(f'{number:x}')} hexadecimal digits"
            raise BadInput(f"index {shown} is outside {self.name}: expected 0 to {self.size - 1}")
        return number

    def check_range(self, start: object, stop: object) -> tuple[int, int]:
        """Return ``(start, stop)`` as Python ints, `stop` the size if None; raise `BadInput` if that is no range."""
        first, end = as_int(start, "start"), self.size if stop is None else as_int(stop, "stop")
        if not 0 <= first <= end <= self.size:
            raise BadInput(f"range {first}:{end} is not within {self.name}: expected 0 <= start <= stop <= {self.size}")
        return first, end

    def check_indices(self, given: ArrayLike) -> Indices:
        """Return indices as an int64 array, or as one of Python ints where int64 does not suffice for all numbers."""
        if isinstance(given, str | bytes):
            raise BadInput(f"index {given!r} is not an integer")
        array = _integers(given)
        if isinstance(given, list | tuple) and bool in set(map(type, given)):  # among integers NumPy makes them such
            raise BadInput(f"index {next(one for one in given if isinstance(one, bool))} is not an integer")
        if array.ndim != 1 or array.dtype.kind not in ("iuO" if array.size else "iuOf"):  # [] is an array of floats
            raise BadInput(f"indices must be a flat sequence of integers, not {array.dtype} of {array.ndim} dimensions")
        if array.size:
            for one in array.tolist() if array.dtype == object else (array.min(), array.max()):
                self.check_index(one)
        if self.size > INT64_END:
            return np.array(array.tolist(), dtype=object)
        return np.ascontiguousarray(array, dtype=np.int64)

    def digits_of_one(self, index: int) -> Digits:
        """Return the digits of one index: shape (positions,)."""
        digits = np.empty(len(self.radices), self.dtype)
        for p in range(len(digits) - 1, -1, -1):
            index, digits[p] = divmod(index, int(self.radices[p]))
        return digits

    def digits_of(self, indices: Indices) -> Digits:
        """Return the digits of many indices: shape (n, positions)."""
        out = np.empty((len(indices), len(self.radices)), self.dtype)
        for part, size in reversed(self._words):
            within, indices = (indices, indices) if part.start == 0 else (indices % size, indices // size)
            digits = np.empty((len(out), part.stop - part.start), self.dtype)
            unrank(within.astype(np.int64), self.radices[part], digits)
            out[:, part] = digits
        return out

    def digits_of_range(self, start: int, stop: int) -> Digits:
        """Return the digits of the indices from `start` up to, not including, `stop`."""
        small = self.size <= INT64_END
        return self.digits_of(np.arange(start, stop) if small else np.array(range(start, stop), object))

    def index_of_one(self, digits: Iterable[int]) -> int:
        """Return the index of one row of digits."""
        index = 0
        for digit, radix in zip(digits, self.radices, strict=True):
            index = index * int(radix) + int(digit)
        return index

    def indices_of(self, rows: NDArray[np.integer]) -> Indices:
        """Return the indices of many rows of digits, C-contiguous and of shape (n, positions)."""
        first, *more = self._words
        out: Indices = self._word_of(rows, first[0])
        for part, size in more:
            out = out.astype(object) * size + self._word_of(rows, part)
        return out

    def _word_of(self, rows: NDArray[np.integer], part: slice) -> NDArray[np.int64]:
        word = np.empty(len(rows), np.int64)
        rank(np.ascontiguousarray(rows[:, part]), self.radices[part], word)
        return word

    @cached_property
    def _words(self) -> list[tuple[slice, int]]:
        """Runs of positions whose digits together fit an int64, and how many numbers each can hold."""
        runs, start, size = [], 0, 1
        for p, radix in enumerate(self.radices.tolist()):
            if size * radix > INT64_END:
                runs.append((slice(start, p), size))
                start, size = p, 1
            size *= radix
        return [*runs, (slice(start, len(self.radices)), size)]


def as_array(given: ArrayLike) -> NDArray[np.generic]:
    """Return what may be rows as an array; raise `BadInput` if they are of different lengths."""
    try:
        return np.asarray(given)
    except ValueError:
        raise BadInput(f"{str(given)[:80]} is no array: expected rows of one length") from None


def _integers(given: ArrayLike) -> NDArray[np.generic]:
    """Return integers as an array, of Python ints where numpy has no integer type for all of them."""
    wide = str(getattr(given, "dtype", "")) in ("Int128", "UInt128")  # a polars series wider than any type of numpy
    if wide and isinstance(given, Iterable):
        return np.array(list(given), dtype=object)
    array = as_array(given)
    if array.dtype.kind == "f" and not hasattr(given, "__array__"):  # a list that holds more than int64
        return np.array(given, dtype=object)
    return array
