"""Scores that are no sums: any function of an architecture's digits, compiled and called for every one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numba.core.errors import NumbaError
from numpy.typing import ArrayLike

from sedspace.errors import BadInput, SedspaceError
from sedspace.scores.base import Keys, as_keys
from sedspace.scores.one_by_one import OneByOne
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits
from sedspace_kernels.jit import compile_for_user
from sedspace_kernels.parallel import split
from sedspace_kernels.radix import digit_mapper

Returned = TypeVar("Returned")


class OfDigits(OneByOne):
    """A score made from a function of digits: of one architecture's (`DigitScore`) or of many (`ArrayScore`)."""

    def __init__(
        self,
        name: str,
        function: Callable[[Digits], ArrayLike],
        *,
        dtype: str = "float32",
        denominator: int = 1,
        unit: str = "",
        meaning: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, dtype, denominator, unit, meaning, parameters or {})
        if not callable(function):
            raise BadInput(f"score {name}: {function!r}, expected a function of the digits")
        self._take(function)

    @abstractmethod
    def _take(self, function: Callable[[Digits], ArrayLike]) -> None:
        """Keep the function, ready to be called."""

    def _failed(self, error: Exception) -> BadInput:
        """Return the error for what a user's function raised, which may be anything."""
        what = f"{type(error).__name__}: {error}".replace("\n", " ")
        return BadInput(f"score {self.name}: its function of the digits failed: {what}")


class ArrayScore(OfDigits):
    """A score that is a NumPy function of the digits of many architectures.

    Parameters
    ----------
    name : str
        The column's name.
    function : callable
        Takes the digits of n architectures (unsigned integers of shape (n, positions)) and returns n numbers. Called
        from several threads at once.
    dtype : str, default "float32"
        The type of the values as written: uint8, int16, int32, int64, float32 or float64.
    denominator : int, default 1
        The values are ``function(digits) / denominator``.
    unit, meaning : str
        Written into every file that has the column.
    parameters : mapping of str to str, optional
        What the score was made with: recorded in every run, compared when one is continued.

    Raises
    ------
    BadInput
        If the name cannot be a column's or the dtype is another. When the score is used: if the function fails or
        returns another shape, or a value does not fit `dtype`.

    Examples
    --------
    >>> import sedspace as ss
    >>> kinds = ss.ArrayScore("kinds", lambda digits: 1 + (np.diff(np.sort(digits)) > 0).sum(axis=1), dtype="uint8")
    >>> ss.score("tss", kinds, start=11665, stop=11670)
    array([3, 2, 3, 2, 3], dtype=uint8)
    """

    def _take(self, function: Callable[[Digits], ArrayLike]) -> None:
        self.function = function

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures."""
        try:
            keys = np.asarray(self.function(digits.copy()))  # which it may sort, or fill, as it likes
        except SedspaceError:
            raise
        except Exception as error:
            raise self._failed(error) from error
        if keys.shape != (len(digits),) or keys.dtype.kind not in "iufb":
            raise BadInput(
                f"score {self.name}: its function returned {keys.dtype} of shape {keys.shape} for {len(digits)} "
                f"architectures, expected as many numbers"
            )
        return as_keys(keys, f"score {self.name}: its function")

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        parts = split(
            lambda lo, hi: self.at(space, space.digits_of_range(start + lo, start + hi)), stop - start, threads, 1 << 14
        )
        return np.concatenate(parts)


class DigitScore(OfDigits):
    """A score that is a function of the digits, for what is not additive.

    Parameters
    ----------
    name : str
        The column's name.
    function : callable
        Takes the digits of one architecture (int64 array of shape (positions,)) and returns a number. It is compiled
        with numba unless it is already.
    dtype : str, default "float32"
        The type of the values as written: uint8, int16, int32, int64, float32 or float64.
    denominator : int, default 1
        The values are ``function(digits) / denominator``. A function that returns integers makes the score exact.
    unit, meaning : str
        Written into every file that has the column.
    parameters : mapping of str to str, optional
        What the score was made with: recorded in every run, compared when one is continued.

    Raises
    ------
    BadInput
        If the name cannot be a column's or the dtype is another. When the score is used: if numba cannot compile the
        function, it fails, or a value does not fit `dtype`.

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

    def _take(self, function: Callable[[Digits], ArrayLike]) -> None:
        self._function = compile_for_user(function)
        self._kernel = digit_mapper(self._function)

    def _key_dtype(self, space: Space) -> np.dtype[np.number]:
        """Return int64 if the function returns integers, float64 if it returns floats; compiles it."""
        value = self._guarded(lambda: self._function(space.digits(0).astype(np.int64)))
        if not isinstance(value, int | float | np.number):
            raise BadInput(f"score {self.name}: its function returned {value!r}, expected a number")
        return np.dtype(np.float64 if isinstance(value, float | np.floating) else np.int64)

    def _guarded(self, call: Callable[[], Returned]) -> Returned:
        try:
            return call()
        except NumbaError as error:
            lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("Failed in")]
            what = f"numba cannot compile its function of the digits: {' '.join(lines[:1])}"
            raise BadInput(f"score {self.name}: {what}") from error
        except Exception as error:
            raise self._failed(error) from error

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        if space.machine is not None:  # the next architecture is not that of the next digits
            return self.at(space, space.digits_of_range(start, stop))
        out = np.empty(stop - start, self._key_dtype(space))

        def part(lo: int, hi: int) -> None:
            self._kernel(space.digits(start + lo).astype(np.int64), space.radices, out[lo:hi])

        if len(out):
            self._guarded(lambda: part(0, 1))  # in one thread: numba compiles under a lock of its own
            self._guarded(lambda: split(part, len(out), threads, grain=1 << 12))
        return out

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures."""
        out = np.empty(len(digits), self._key_dtype(space))

        def fill() -> None:
            for i, row in enumerate(digits.astype(np.int64)):
                self._kernel(row, space.radices, out[i : i + 1])

        self._guarded(fill)
        return out
