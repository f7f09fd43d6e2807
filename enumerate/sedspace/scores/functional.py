"""Functional classes: which cells compute the same network, up to the order of summation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from sedspace.condition import parsed
from sedspace.errors import BadInput
from sedspace.scores.base import Keys, Score
from sedspace.scores.one_by_one import OneByOne
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.functional_classes import LIMIT, cells_with_classes, lowest_of_classes
from sedspace.spaces.parts import Digits


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
        return self._of(lowest_of_classes(space)[indices], indices)

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        return self._of(lowest_of_classes(space)[start:stop], np.arange(start, stop))


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
    for the sum of the pools, which holds for averages only: classes mean the same for every pooling. (If it were,
    `tss` would have 5,044 classes, not 5,260.)

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
    lowest = lowest_of_classes(space)
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
    cells_with_classes(space)
    if where is not None:
        parsed(where)  # by itself: what is wrong with it is the user's
    return "representative = 1" if where is None else f"({where}) AND representative = 1"
