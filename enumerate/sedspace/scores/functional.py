"""Functional classes: which cells compute the same network, up to the order of summation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from threading import Lock
from typing import overload

import numpy as np
from numpy.typing import NDArray

from sedspace.condition import parsed
from sedspace.errors import BadInput
from sedspace.scores.base import Keys, Score
from sedspace.scores.one_by_one import OneByOne
from sedspace.scores.ranking import chunks
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.parts import Digits
from sedspace_kernels.functional import NONE, SKIP, first_equals, hashes, hashes_of
from sedspace_kernels.parallel import available_threads, split

LIMIT = 1 << 24  # architectures whose classes are held in memory, four bytes each
_ROWS = 1 << 16
_lock = Lock()


def _lowest(space: Space) -> NDArray[np.int32]:
    """Return the lowest index of the functional class of every architecture."""
    cells = _check(space)
    codes = {"none": NONE, "skip": SKIP}
    kinds = tuple(codes.get(o.kind, 2 + code) for code, o in enumerate(cells.operations))
    pools = tuple(o.kind == "pool" for o in cells.operations)
    with _lock:  # several shards of a run may ask at once
        if cells.machine is None and all(position.choices == cells.operations for position in cells.positions):
            return class_of_every_cell(cells.edges, kinds, pools)
        return _class_in(_Some(cells, kinds, pools))


def _check(space: Space) -> CellSpace:
    if not isinstance(space, CellSpace):
        raise BadInput(f"functional classes are of cells with an operation on every edge, not of {space.name}")
    if space.size > LIMIT:
        raise BadInput(
            f"functional classes of {space.name}: its {space.size:,} architectures are too many, expected at most "
            f"{LIMIT:,}"
        )
    return space


@lru_cache(maxsize=4)  # by what determines them: a space that is read from a file, or sent to a worker, is another one
def class_of_every_cell(
    edges: tuple[tuple[int, int], ...], kinds: tuple[int, ...], pools: tuple[bool, ...]
) -> NDArray[np.int32]:
    """Return the functional class of every cell: the index of the first of its class."""
    sources, targets = (np.array(ends, np.int64) for ends in zip(*edges, strict=True))
    values = np.empty(len(kinds) ** len(edges), np.uint64)
    codes, weightless, threads = np.array(kinds, np.uint64), np.array(pools), available_threads()
    split(lambda lo, hi: hashes(lo, sources, targets, codes, weightless, values[lo:hi]), len(values), threads)
    return first_equals(values, threads)


class _Some:
    """Some of all cells: alike if their operations and what tells which there are, are."""

    def __init__(self, cells: CellSpace, kinds: tuple[int, ...], pools: tuple[bool, ...]) -> None:
        self.cells, self.kinds, self.pools = cells, kinds, pools
        steps = cells.machine.steps if cells.machine else []
        choices = tuple(tuple(choice.name for choice in position.choices) for position in cells.positions)
        self._key = cells.edges, kinds, pools, choices, tuple((step.shape, step.tobytes()) for step in steps)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Some) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=4)
def _class_in(some: _Some) -> NDArray[np.int32]:
    """Return the functional class of every cell of a space: the index of the first of its class in this space."""
    cells = some.cells
    sources, targets = (np.array(ends, np.int64) for ends in zip(*cells.edges, strict=True))
    values = np.empty(cells.size, np.uint64)
    kinds, weightless, threads = np.array(some.kinds, np.uint64), np.array(some.pools), available_threads()

    def work(lo: int, hi: int) -> None:
        for start, stop in chunks(lo, hi, _ROWS):
            codes = np.ascontiguousarray(cells.codes(cells.digits_of_range(start, stop)))
            hashes_of(codes, sources, targets, kinds, weightless, values[start:stop])

    split(work, len(values), threads)
    return first_equals(values, threads)


class FunctionalScore(OneByOne):
    """A number of the functional class of each cell: its lowest index, or whether this cell has it.

    Parameters
    ----------
    name, dtype, unit, meaning : str
    representative : bool
    """

    def __init__(self, name: str, dtype: str, unit: str, meaning: str, representative: bool) -> None:
        super().__init__(name, dtype, 1, unit, meaning, {})
        self._representative = representative

    def _of(self, lowest: NDArray[np.int32], indices: NDArray[np.int64]) -> NDArray[np.int64]:
        return (lowest == indices if self._representative else lowest).astype(np.int64)

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures."""
        indices = np.asarray(space.index(digits))
        return self._of(_lowest(space)[indices], indices)

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        return self._of(_lowest(space)[start:stop], np.arange(start, stop))


CLASS = FunctionalScore(
    "functional_class",
    "int64",
    "1",
    "the lowest index of all cells that compute the same once dead edges and identities are gone",
    representative=False,
)
REPRESENTATIVE = FunctionalScore(
    "representative", "uint8", "1", "1 if the index is the lowest of its functional class", representative=True
)


def functional_scores(space: Space, _: Mapping[str, str]) -> Iterator[Score]:
    """Yield the columns of functional classes, if the space has such and is small enough to hold them all."""
    if isinstance(space, CellSpace) and space.size <= LIMIT:
        yield CLASS
        yield REPRESENTATIVE


@overload
def functional_class(space: str | Space, index: int) -> int: ...
@overload
def functional_class(space: str | Space, index: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]: ...
def functional_class(space: str | Space, index: int | Sequence[int] | NDArray[np.integer]) -> int | NDArray[np.int64]:
    """Return the functional class of one architecture, or of many: the lowest index of its class.

    Two cells are of one class if some bijection of their convolutions makes them compute the same up to the order of
    sums, once edges that carry nothing and identities are gone. The value of a node is a sum of terms, each as often as
    it comes in; an edge adds nothing if its operation is none or its source has no value, the terms of its source if it
    is a skip connection, and else one term. A convolution is a term of its own, since it has weights of its own: the
    same one twice is not two of them. A pooling has none: of one value it is one term. The pool of a sum is not taken
    for the sum of the pools, which holds for averages only: classes mean the same for every pooling.

    Parameters
    ----------
    space : str or Space
        A space of cells with an operation on every edge, of at most 16,777,216 architectures.
    index : int or integer array-like of shape (n,)

    Returns
    -------
    int, or int64 array of shape (n,)

    Raises
    ------
    BadInput
        If an index is outside the space, or the space is another one or too large.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.functional_class("tss", 3)  # one convolution, of a node without a value: the same as nothing
    0
    >>> ss.functional_class("tss", [25, 626])  # the input handed on to the output, in one step or in two
    array([25, 25])
    """
    space = find_space(space)
    lowest = _lowest(space)
    if not hasattr(index, "__len__"):
        return int(lowest[space.check_index(index)])
    found: NDArray[np.int64] = lowest[np.asarray(space.index(space.digits(index)))].astype(np.int64)
    return found


def only_unique(space: Space, where: str | None, unique: str | None) -> str | None:
    """Return a condition that also keeps one architecture of each class only, if `unique` says which classes.

    Raises
    ------
    BadInput
        If `unique` is neither None nor ``"functional"``, the space has no functional classes, or the condition is none.
    """
    if unique is None:
        return where
    if unique != "functional":
        raise BadInput(f"unique {unique!r}: expected 'functional'")
    _check(space)
    if where is not None:
        parsed(where)  # by itself: what is wrong with it is the user's
    return "representative = 1" if where is None else f"({where}) AND representative = 1"
