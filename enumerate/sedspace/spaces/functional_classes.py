"""Which cells of a space compute the same network: `sedspace.functional_class` says what that means."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.spaces.base import Space
from sedspace.spaces.cell import CellSpace
from sedspace_kernels.functional import NONE, SKIP, first_equals, hashes, hashes_of
from sedspace_kernels.parallel import available_threads, split

LIMIT = 1 << 24  # architectures whose classes are held in memory, four bytes each
_ROWS = 1 << 16
_lock = Lock()


def lowest_of_classes(space: Space) -> NDArray[np.int32]:
    """Return the lowest index of the functional class of every architecture of a space: int32[size].

    Raises
    ------
    BadInput
        If the space is not one of cells with an operation on every edge, or too large.
    """
    cells = cells_with_classes(space)
    codes = {"none": NONE, "skip": SKIP}
    kinds = tuple(codes.get(o.kind, 2 + code) for code, o in enumerate(cells.operations))
    pools = tuple(o.kind == "pool" for o in cells.operations)
    with _lock:  # several shards of a run may ask at once
        if cells.machine is None and all(position.choices == cells.operations for position in cells.positions):
            return class_of_every_cell(cells.edges, kinds, pools)
        return _class_in(_Some(cells, kinds, pools))


def cells_with_classes(space: Space) -> CellSpace:
    """Return a space as one of cells whose classes can be told; raise `BadInput` if it is none, or too large."""
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
        for start in range(lo, hi, _ROWS):
            stop = min(start + _ROWS, hi)
            codes = np.ascontiguousarray(cells.codes(cells.digits_of_range(start, stop)))
            hashes_of(codes, sources, targets, kinds, weightless, values[start:stop])

    split(work, len(values), threads)
    return first_equals(values, threads)
