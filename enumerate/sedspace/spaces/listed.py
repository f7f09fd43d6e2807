"""Spaces that are no product: a list of architectures, each the choice at one single position."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.errors import unknown
from sedspace.spaces.base import Space
from sedspace.spaces.parts import Feature, Group, Operation, Position, Table


class ListedSpace(Space):
    """Architectures in a documented order; an architecture's one digit is its index.

    Parameters
    ----------
    name, title : str
    size : int
    operations : tuple of Operation
    """

    def __init__(self, name: str, title: str, size: int, operations: tuple[Operation, ...]) -> None:
        self._operations = operations
        super().__init__(name, title, [Position("architecture", _Entries(self, size))], [Group("architecture", (0,))])

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The operations of the space."""
        return self._operations

    @cached_property
    @abstractmethod
    def counts(self) -> Mapping[Operation, NDArray[np.int64]]:
        """How often each architecture has each operation: int64[size] by operation."""

    @abstractmethod
    def _archs(self) -> Sequence[str]:
        """Return all arch strings."""

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For the one position, all arch strings."""
        return (tuple(self._archs()),)

    def entry(self, index: int) -> int:
        """Return the number of an architecture in the list, which is its index unless rules leave some of it only."""
        return int(self.digits(index)[0])

    def describe(self) -> dict[str, object]:
        """Return the space as plain JSON values; the order of its architectures is documented, not recorded."""
        return {"name": self.name, "size": self.size, "positions": [{"name": "architecture", "choices": self.size}]}

    def table(self, source: str | Mapping[str, int] | Callable[[Operation], int] | Sequence[ArrayLike]) -> Table:
        """Return the integer of every architecture from any of the forms in which a feature may be given."""
        if isinstance(source, Mapping):
            by_name = dict(source)
            names = [operation.name for operation in self.operations]
            for name in by_name:
                if name not in names:
                    raise unknown("operation", name, names)
            return self.table(lambda operation: by_name.get(operation.name, 0))
        if callable(source):
            return super().table([np.sum([n * source(o) for o, n in self.counts.items()], axis=0)])
        return super().table(source)

    def feature(self, name: str, values: ArrayLike, dtype: str, unit: str, meaning: str) -> Feature:
        """Return a feature that is given for every architecture."""
        return Feature(name, self.table([np.asarray(values)]), 0, dtype, unit, meaning)


@dataclass(frozen=True)
class Entry:
    """A whole architecture as a choice: an entry of the list."""

    name: str
    operations: tuple[Operation, ...]


class _Entries(Sequence[Entry]):
    """The architectures of a listed space as choices, made when they are looked at."""

    def __init__(self, space: ListedSpace, size: int) -> None:
        self._space, self._size = space, size

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self[i] for i in range(self._size)[index]]
        if not 0 <= index < self._size:
            raise IndexError(index)
        operations = tuple(o for o, n in self._space.counts.items() for _ in range(n[index]))
        return Entry(self._space.pieces[0][index], operations)
