"""Scores that are no sums: any function of an architecture's digits, compiled and called for every one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores.additive import merge_counts
from sedspace.scores.score import Score
from sedspace.scores.top import Ranked, chunks, keep_best, threshold
from sedspace.spaces import Space
from sedspace_kernels._jit import split
from sedspace_kernels.rank import digit_mapper

_CHUNK = 1 << 20


class DigitScore(Score):
    """A score that is a function of the digits, for what is not additive.

    Parameters
    ----------
    name : str
        The column's name.
    function : callable
        Takes the digits of one architecture (int64 array of shape (positions,)) and returns a number. It is compiled
        with numba unless it is already.
    dtype : str, default "float32"
        The type of the values as written; integer types make the score exact.
    denominator : int, default 1
        The values are ``function(digits) / denominator``.
    integer : bool, optional
        Whether the function returns integers. Default: whether `dtype` is an integer type.
    unit, meaning : str
        Written into every file that has the column.

    Examples
    --------
    >>> import sedspace as ss
    >>> def longest_run(digits):
    ...     best = run = 0
    ...     for digit in digits:
    ...         run = run + 1 if digit == 3 else 0
    ...         best = max(best, run)
    ...     return best
    >>> ss.score("tss", ss.DigitScore("run3", longest_run, dtype="uint8"), start=11665, stop=11670)
    array([3, 3, 3, 3, 3], dtype=uint8)
    """

    def __init__(
        self,
        name: str,
        function: Callable[[NDArray[Any]], Any],
        *,
        dtype: str = "float32",
        denominator: int = 1,
        integer: bool | None = None,
        unit: str = "",
        meaning: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, dtype, denominator, unit, meaning, parameters or {})
        exact = np.dtype(dtype).kind in "iu" if integer is None else integer
        self.key_dtype = np.dtype(np.int64 if exact else np.float64)
        self._kernel = digit_mapper(function)

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> NDArray[Any]:
        out = np.empty(stop - start, self.key_dtype)

        def part(lo: int, hi: int) -> None:
            self._kernel(space.digits(start + lo).astype(np.int64), space.radices, out[lo:hi])

        if len(out):
            self._compiled(part, 0, min(1, len(out)))  # in one thread: numba compiles under a lock of its own
            split(part, len(out), threads, grain=1 << 12)
        return out

    def _compiled(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except NumbaError as error:
            lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("Failed in")]
            raise BadInput(
                f"score {self.name}: numba cannot compile its function of the digits: {' '.join(lines[:1])}"
            ) from error

    def at(self, space: Space, digits: NDArray[Any]) -> NDArray[Any]:
        """Return the keys of any architectures."""
        out = np.empty(len(digits), self.key_dtype)
        for i, row in enumerate(digits.astype(np.int64)):
            self._compiled(self._kernel, row, space.radices, out[i : i + 1])
        return out

    def fill(self, space: Space, start: int, out: NDArray[Any], threads: int) -> None:
        """Write the values of the architectures from `start` on into `out`."""
        for lo, hi in chunks(0, len(out), _CHUNK):
            out[lo:hi] = self.values(self._keys(space, start + lo, start + hi, threads))

    def histogram(self, space: Space, start: int, stop: int, threads: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the distinct keys of a range, ascending, and how often each occurs."""
        parts = []
        for lo, hi in chunks(start, stop, _CHUNK):
            keys, counts = np.unique(self._keys(space, lo, hi, threads), return_counts=True)
            parts.append((keys, counts.astype(np.int64)))
        return merge_counts(parts)

    def best(self, space: Space, start: int, stop: int, k: int, threads: int) -> tuple[NDArray[Any], list[int]]:
        """Return the keys and indices of the k best of a range."""
        best: Ranked = (np.empty(0, self.key_dtype), np.empty(0, np.int64))
        for lo, hi in chunks(start, stop, _CHUNK):
            keys = self._keys(space, lo, hi, threads)
            above = np.flatnonzero(keys > threshold(best, k))
            best = keep_best([best, (keys[above], above + (lo - start))], k)
        return best[0], [start + int(place) for place in best[1]]
