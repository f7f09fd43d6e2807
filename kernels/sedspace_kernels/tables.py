"""Scores from tables: a cell's features are the sum of two table entries, of its high and of its low positions.

The low positions span one *block* of consecutive indices; blocks whose high positions have equal feature sums show the
same row of values. So a score is evaluated once for every pair of feature classes, and a range of cells is written by
copying rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit

_WORD = 1 << 62
_FEW = 64  # sums that are not worth a search for equal ones


@dataclass(frozen=True)
class Packing:
    """How features are packed into words: equal columns once, each in its own unit and from its least sum on.

    Attributes
    ----------
    low, unit : int64[features]
        A feature is ``low + unit * column``.
    column_of : intp[features]
    words : list of list of tuple
        For each word its columns, the least significant first, as (column, number of values).
    """

    low: NDArray[np.int64]
    unit: NDArray[np.int64]
    column_of: NDArray[np.intp]
    words: list[list[tuple[int, int]]]

    def values(self) -> int:
        """Return how many feature vectors there could be, whatever the choices."""
        return math.prod(spread for packed in self.words for _, spread in packed)


def pack(tables: Sequence[NDArray[np.int64]]) -> tuple[Packing, list[NDArray[np.int64]]]:
    """Pack features into as few integers as hold them without carries, so that classes are found by sorting integers.

    Returns
    -------
    packing : Packing
    words : list of int64[choices, words]
        One array per position; adding the words of the choices adds their features.
    """
    ends = np.cumsum([len(table) for table in tables])[:-1]
    shifted = np.concatenate([table - table.min(axis=0) for table in tables])
    unit = np.maximum(np.gcd.reduce(shifted, axis=0), 1)
    scaled = np.ascontiguousarray((shifted // unit).T)
    numbers: dict[bytes, int] = {}  # equal columns are packed once
    column_of = np.array([numbers.setdefault(column.tobytes(), len(numbers)) for column in scaled], np.intp)
    columns = scaled[np.unique(column_of, return_index=True)[1]].T
    spreads = 1 + sum(part.max(axis=0).astype(object) for part in np.split(columns, ends))
    packed: list[list[tuple[int, int]]] = [[]]
    bound = 1
    for column, spread in enumerate(spreads):
        if bound * spread > _WORD:
            packed.append([])
            bound = 1
        packed[-1].append((column, spread))
        bound *= spread
    words = np.zeros((len(columns), len(packed)), np.int64)
    for w, word in enumerate(packed):
        for column, spread in reversed(word):
            words[:, w] = words[:, w] * spread + columns[:, column]
    low = np.sum([table.min(axis=0) for table in tables], axis=0)
    return Packing(low, unit, column_of, packed), np.split(words, ends)


def unpack(packing: Packing, words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the features that sums of words stand for."""
    columns = np.empty((len(words), sum(len(packed) for packed in packing.words)), np.int64)
    for w, packed in enumerate(packing.words):
        rest = words[:, w]
        for column, spread in packed:
            rest, columns[:, column] = np.divmod(rest, spread)
    return packing.low + packing.unit * columns[:, packing.column_of]


def distinct(words: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each distinct row of words first stands, and for each row which distinct one it is."""
    code = words[:, 0]
    for word in words.T[1:]:
        code = np.unique(code, return_inverse=True)[1]
        values, number = np.unique(word, return_inverse=True)
        code = code * len(values) + number
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return first, inverse


def distinct_rows(columns: Sequence[NDArray[np.number]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Do what `distinct` does for rows that are given as columns of any numbers; NaN equals NaN."""
    codes = []
    for column in columns:
        wide = column.dtype.kind == "f" or (len(column) and int(column.max()) - int(column.min()) >= _WORD)
        codes.append(np.unique(column, return_inverse=True)[1] if wide else column)
    if not len(codes[0]):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    return distinct(pack([np.stack(codes, axis=-1).astype(np.int64, copy=False)])[1][0])


def _word_classes(
    words: Sequence[NDArray[np.int64]], start: int, stop: int
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Do what `feature_classes` does, on words: extend the classes of all positions but the last by the last one."""
    *parents, last = words
    radix, width = last.shape
    parent_start, parent_words, parent_of = 0, np.zeros((1, width), np.int64), np.zeros(1, np.intp)
    if parents:
        parent_start = start // radix
        parent_words, parent_of = _word_classes(parents, parent_start, -(-stop // radix))
    sums = (parent_words[:, None, :] + last[None, :, :]).reshape(-1, width)
    number = np.arange(len(sums))
    if len(sums) > _FEW:
        first, number = distinct(sums)
        sums = sums[first]
    of = number.reshape(-1, radix)[parent_of].reshape(-1)
    skipped = start - parent_start * radix
    of = of[skipped : skipped + stop - start]
    if len(of) < len(sums):  # a short range: drop what does not occur in it before it multiplies
        used, of = np.unique(of, return_inverse=True)
        sums = sums[used]
    return sums, of


def feature_classes(
    tables: Sequence[NDArray[np.int64]], start: int, stop: int
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Sort a range of indices into classes of equal feature sums.

    Parameters
    ----------
    tables : non-empty sequence of int64[choices, features]
        For each position, the features of each choice. Sums must stay below 2^62.
    start, stop : int
        Any size: a range of a space beyond 2^63 is fine, as long as its length is not.

    Returns
    -------
    features : int64[classes, features]
        Feature sums, among them all that occur. Never more than there are indices.
    of : intp[stop - start]
        The class of each index.
    """
    packing, words = pack(tables)
    found, of = _word_classes(words, start, stop)
    return unpack(packing, found), of


@jit
def tile(rows: NDArray[np.generic], row_of_block: NDArray[np.intp], offset: int, out: NDArray[np.generic]) -> None:
    """Write the values of consecutive cells, block after block.

    Parameters
    ----------
    rows : any[distinct rows, block length]
    row_of_block : intp[blocks]
    offset : int
        Where the first cell stands, counted from the start of the first block.
    out : any[cells]
        Of the type of `rows`.
    """
    length = rows.shape[1]
    block = offset // length
    skipped = offset - block * length
    done = 0
    while done < out.size:
        source = rows[row_of_block[block], skipped:]
        target = out[done:]
        for i in range(min(source.size, target.size)):  # a slice assignment would take thrice the time
            target[i] = source[i]
        done += source.size
        skipped = 0
        block += 1


@jit
def histogram(
    rows: NDArray[np.intp], row_of_block: NDArray[np.intp], offset: int, length: int, counts: NDArray[np.int64]
) -> None:
    """Count how often each level occurs among `length` consecutive cells, and add that to `counts`.

    Parameters
    ----------
    rows : intp[distinct rows, block length]
        The level of each cell of a block.
    row_of_block : intp[blocks]
    offset, length : int
        The cells, counted from the start of the first block.
    counts : int64[levels]
    """
    size = rows.shape[1]
    stop = offset + length
    whole = np.zeros(rows.shape[0], np.int64)
    for block in range(offset // size, (stop + size - 1) // size):
        lo = max(offset - block * size, 0)
        hi = min(stop - block * size, size)
        if lo == 0 and hi == size:
            whole[row_of_block[block]] += 1
        else:
            for i in range(lo, hi):
                counts[rows[row_of_block[block], i]] += 1
    for row in range(rows.shape[0]):
        if whole[row]:
            for i in range(size):
                counts[rows[row, i]] += whole[row]


@jit
def collect_above(
    rows: NDArray[np.number],
    row_max: NDArray[np.number],
    row_of_block: NDArray[np.intp],
    offset: int,
    stop: int,
    threshold: float,
    inclusive: bool,
    keys: NDArray[np.number],
    offsets: NDArray[np.int64],
) -> tuple[int, int]:
    """Collect the cells above (or at) a threshold, in order, until the buffer is full.

    Parameters
    ----------
    rows : number[distinct rows, block length]
    row_max : number[distinct rows]
        The greatest value of each row: whole blocks below the threshold are passed over.
    row_of_block : intp[blocks]
    offset, stop : int
        The cells, counted from the start of the first block.
    threshold : number
        Of the type of `rows`: a cell must be greater,
    inclusive : bool
        or equal, if this is set. NaN is neither.
    keys : number[capacity]
        Receives the values.
    offsets : int64[capacity]
        Receives where they stand, counted from the start of the first block.

    Returns
    -------
    found, next : int
        How many cells were collected, and the first cell not looked at (`stop` when all were).
    """
    size = rows.shape[1]
    found = 0
    for block in range(offset // size, (stop + size - 1) // size):
        row = row_of_block[block]
        if not (row_max[row] > threshold or (inclusive and row_max[row] == threshold)):
            continue
        for i in range(max(offset - block * size, 0), min(stop - block * size, size)):
            if rows[row, i] > threshold or (inclusive and rows[row, i] == threshold):
                if found == keys.size:
                    return found, block * size + i
                keys[found] = rows[row, i]
                offsets[found] = block * size + i
                found += 1
    return found, stop
