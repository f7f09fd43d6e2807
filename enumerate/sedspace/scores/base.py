"""What a score is: a function of every architecture of a space, and how it is written as a column."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sedspace.dtypes import DTYPES, NUMBERS
from sedspace.errors import BadInput
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits

RESERVED = (
    *("index", "arch", "count", "len", "sedspace"),
    *("at_least", "share", "quantile", "budget", "weight", "probability"),
)
Keys = NDArray[np.number]
"""What architectures are compared by: int64, or float64 where a score has no integers."""

Values = NDArray[np.number]
"""What is written: of a score\'s dtype."""


class Score(ABC):
    """A function of every architecture of a space.

    An architecture has a *key*, an exact integer where the score has one, else float64. The *value* that is written is
    ``key / denominator`` as `dtype`. Values are what architectures are ranked by, so that a ranking never depends on
    what no file shows: greater is better, and among equals the lowest index.

    Attributes
    ----------
    name : str
    dtype : str
        How the value is written: one of uint8, int16, int32, int64, float32, float64.
    denominator : int
    unit, meaning : str
    parameters : mapping of str to str
        What the score was made with, as recorded beside its values.
    """

    name: str
    dtype: str
    denominator: int
    unit: str
    meaning: str
    parameters: Mapping[str, str]

    def __init__(
        self, name: str, dtype: str, denominator: int, unit: str, meaning: str, parameters: Mapping[str, str]
    ) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise BadInput(f"score name {name!r} cannot be a column: expected letters, digits and underscores")
        if name in RESERVED:
            raise BadInput(f"score name {name!r} is taken by sedspace: choose another")
        if dtype not in NUMBERS:
            raise BadInput(f"score {name}: dtype {dtype!r}, expected one of {', '.join(NUMBERS)}")
        if not isinstance(denominator, int) or denominator < 1:
            raise BadInput(f"score {name}: denominator {denominator}, expected 1 or more")
        self.name, self.dtype, self.denominator = name, dtype, denominator
        self.unit, self.meaning, self.parameters = unit, meaning, dict(parameters)

    @property
    def companions(self) -> tuple[Score, ...]:
        """Scores that are known wherever this one is."""
        return ()

    def __repr__(self) -> str:
        return f"<score {self.name} ({self.dtype}): {self.meaning}>"

    def values(self, keys: Keys) -> Values:
        """Return the values of keys: ``keys / denominator`` as `dtype`.

        Raises
        ------
        BadInput
            If a value does not fit `dtype`.
        """
        values = keys if self.denominator == 1 else keys / self.denominator
        target = DTYPES[self.dtype].numpy
        if target.kind == "f" or not keys.size:
            return values.astype(target, copy=False)
        least, most = values.min(), values.max()
        bounds = np.iinfo(target)
        if not bounds.min <= least <= most <= bounds.max or not np.array_equal(values, np.trunc(values)):
            raise BadInput(f"score {self.name}: values from {least} to {most} cannot be written as {self.dtype}")
        return values.astype(target, copy=False)

    def keys_of(self, values: Values) -> Keys:
        """Return the keys of values, in numbers that are wide enough: the inverse of `values`."""
        return values.astype(np.float64 if values.dtype.kind == "f" else np.int64) * self.denominator

    def comparable(self, keys: Keys) -> Keys:
        """Return keys to rank by: those that float32 writes as one value are made one."""
        return self.values(keys).astype(np.float64) * self.denominator if self.dtype == "float32" else keys

    @abstractmethod
    def fill(self, space: Space, start: int, out: Values, threads: int) -> None:
        """Write the values of the architectures from `start` on into `out` (of type `dtype`)."""

    @abstractmethod
    def histogram(self, space: Space, start: int, stop: int, threads: int) -> tuple[Keys, NDArray[np.int64]]:
        """Return the distinct keys of a range, ascending, and how often each occurs."""

    @abstractmethod
    def best(
        self, space: Space, start: int, stop: int, k: int, threads: int, ascending: bool = False
    ) -> tuple[Keys, list[int]]:
        """Return the keys and indices of the k best (or least) of a range, ties by the lowest index."""

    @abstractmethod
    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures, given as digits of shape (n, positions).

        The plain way, one architecture at a time in principle: what `verify` recomputes rows with, independently of
        how ranges are filled.
        """

    def lookup(self, space: Space) -> Callable[[Digits], Keys]:
        """Return what `at` does on a space, for many calls: what does not depend on the digits is done once."""
        return partial(self.at, space)


def as_keys(values: NDArray[np.number], what: str) -> Keys:
    """Return numbers of any type as keys, int64 or float64; raise `BadInput` for integers that int64 does not hold."""
    if values.dtype.kind == "u" and values.size and values.max() >= 1 << 63:
        raise BadInput(f"{what} returned {values.max()}, beyond int64")
    return values.astype(np.float64 if values.dtype.kind == "f" else np.int64, copy=False)
