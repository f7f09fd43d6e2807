"""What a search space is made of: positions, choices and groups, and the numbers and texts of an architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.errors import BadInput, as_int

if TYPE_CHECKING:
    from torch import nn

    from sedspace.spaces.base import Space

Digits = NDArray[np.unsignedinteger]
"""The choices at the positions: of shape (positions,), or (n, positions) of many architectures."""

Indices = NDArray[np.int64] | NDArray[np.object_]
"""Indices of architectures: int64, or Python ints (dtype object) where a space is larger than 2^63."""

Table = tuple[NDArray[np.int64], ...]
"""One int64 array per position: the integer that each choice contributes there; where that depends on the choices
before, int64[states, choices], by the states of the space's `feature_machine`."""


Kind = Literal["none", "skip", "conv", "pool"]
"""What an operation does, whatever its size."""


class NetworkBuilder(Protocol):
    """What makes a network of an architecture."""

    def __call__(
        self, space: Space, index: int | str, dataset: str | None = None, *, num_classes: int | None = None
    ) -> nn.Module:
        """Return the network."""


class Choice(Protocol):
    """What a position may be filled with."""

    @property
    def name(self) -> str:
        """As shown to people."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations that it brings."""


@dataclass(frozen=True)
class Operation:
    """What an edge of a cell does to a value; the simplest choice at a position.

    `kernel` is the side of a convolution's or pooling's window in pixels, 0 where there is none; `dilation` the
    distance of the pixels that it looks at. A convolution is in `groups` of channels, each by itself; a depthwise one
    in as many as there are channels; a separable one is a depthwise one and a 1x1 convolution of all channels behind.
    """

    name: str
    kind: Kind
    kernel: int = 0
    dilation: int = 1
    groups: int = 1
    depthwise: bool = False
    separable: bool = False

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operation itself, as that of a choice."""
        return (self,)

    def convolutions(self, channels: int) -> tuple[tuple[int, int], ...]:
        """Return the kernel and the groups of each of its convolutions of so many channels to as many."""
        if self.kind != "conv":
            return ()
        if self.separable:
            return (self.kernel, channels), (1, 1)
        return ((self.kernel, channels if self.depthwise else self.groups),)


@dataclass(frozen=True)
class Inputs:
    """A choice of several inputs of a node at once, each by its source node and the operation on the edge from it."""

    sources: tuple[int, ...]
    operations: tuple[Operation, ...]

    @property
    def name(self) -> str:
        """The operations and their sources, as in ``sep_conv_3x3~0 skip_connect~1``."""
        return " ".join(f"{o.name}~{source}" for o, source in zip(self.operations, self.sources, strict=True))


@dataclass(frozen=True)
class Position:
    """One slot of an architecture: its name (an edge of a cell, say) and its choices in the order of their digits."""

    name: str
    choices: Sequence[Choice]


@dataclass(frozen=True)
class Group:
    """The positions (by number) of one cell, and how often the network repeats that cell for a score's purposes."""

    name: str
    positions: tuple[int, ...]
    multiplicity: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.positions, Iterable):
            raise BadInput(f"group {self.name!r} of {self.positions!r}: expected a name and the numbers of positions")
        positions = tuple(as_int(position, f"group {self.name}: position") for position in self.positions)
        multiplicity = as_int(self.multiplicity, f"group {self.name}: multiplicity")
        if min(positions, default=0) < 0 or multiplicity < 1:
            raise BadInput(
                f"group {self.name}: positions {positions}, {multiplicity} times: expected 0 or more, once or more"
            )
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "multiplicity", multiplicity)


@dataclass(frozen=True, eq=False)
class Feature:
    """An integer that adds up over all positions: ``base + sum of table[position][digit]``.

    Attributes
    ----------
    table : tuple of int64[choices] or int64[states, choices]
        One read-only array per position; by the states of the space's `feature_machine` where these matter.
    base : int
        What an architecture has before any position counts (the stem's parameters, say).
    dtype, unit, meaning : str
        How the feature is written as a column.
    """

    name: str
    table: Table
    base: int
    dtype: str
    unit: str
    meaning: str


@dataclass(frozen=True, eq=False)
class Text:
    """A text that every architecture has beside its arch string.

    Attributes
    ----------
    of : callable
        From int64[n] indices to n strings.
    meaning : str
    """

    of: Callable[[NDArray[np.int64]], list[str]]
    meaning: str


def layers_feature(table: Table, base: int = 0) -> Feature:
    """Return the number of trainable layers of a network, of which `base` are there whatever is chosen."""
    meaning = "convolutions and linear layers of the network, live or not; BatchNorm does not count"
    return Feature("layers", table, base, "int32", "layers", meaning)


def summed(of: Mapping[Operation, int], positions: Iterable[Position]) -> list[list[int]]:
    """Return for each position the sum over the operations of each choice."""
    return [[_total([of[operation] for operation in choice.operations]) for choice in p.choices] for p in positions]


def _total(numbers: Sequence[int]) -> int:
    first, *rest = numbers or [0]
    return sum(rest, first) if rest else first  # the very value, so that what is no integer is seen as it is


def table_of(rows: object, positions: Sequence[Position], states: Sequence[int] | None, space: str) -> Table:
    """Return rows of integers, one row per position, as a table; with `states`, rows may be by the state before.

    Raises
    ------
    BadInput
        If a row is missing or has the wrong length, or a value is not an integer.
    """
    if not isinstance(rows, Sequence | np.ndarray):
        raise BadInput(f"a table of {space}: {rows!r}, expected a feature's name, a mapping, a function or rows")
    if len(rows) != len(positions):
        raise BadInput(f"a table of {space} has {len(positions)} rows, one per position, not {len(rows)}")
    known = [None] * len(rows) if states is None else states
    given = zip(rows, positions, known, strict=True)
    return tuple(_table_row(row, position, before, space) for row, position, before in given)


def _table_row(row: ArrayLike, position: Position, states: int | None, space: str) -> NDArray[np.int64]:
    given, choices = np.asarray(row), len(position.choices)
    shapes = [(choices,)] if states is None else [(choices,), (states, choices)]
    if given.shape not in shapes or given.dtype.kind not in "iub":
        raise BadInput(
            f"the table of {space} at {position.name} must be {choices} integers, one per choice, not "
            f"{given.tolist()!r}"
        )
    out = given.astype(np.int64)
    out.setflags(write=False)
    return out
