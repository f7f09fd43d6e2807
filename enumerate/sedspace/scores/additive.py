"""Additive scores: a table of integers per position, summed over a cell, then a function `h` of the sums."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.errors import BadInput
from sedspace.scores.score import Score
from sedspace.scores.top import Ranked, chunks, keep_best, threshold
from sedspace.spaces import Operation, Space
from sedspace.spaces.space import Feature
from sedspace_kernels._jit import split
from sedspace_kernels.tables import collect_above, feature_classes, histogram, tile

FeatureSource = str | Mapping[str, int] | Callable[[Operation], int] | Sequence[ArrayLike]

_BLOCK = 1024  # cells of a block, at most: its rows stay in the cache
_ROW_VALUES = 1 << 22  # values of distinct rows held at once
_MAX_BLOCKS = 1 << 16  # blocks looked at together
_BUFFER = 1 << 16


class AdditiveScore(Score):
    """A score ``sum over groups of multiplicity * h(feature sums of the group) / denominator``.

    Parameters
    ----------
    name : str
        The column's name.
    features : mapping
        For each argument of `h`, where its integers come from: the name of a feature of the space, integers by
        operation name (0 for those not named), a function of an `Operation`, or one row per position of one integer
        per choice.
    h : callable
        Called with one int64 array per feature, in order; all are of one shape, and so must the result be. Integers
        make the score exact, floats are compared as float64.
    dtype : str, default "float32"
        The type of the values as written.
    denominator : int, default 1
        The values are ``h / denominator``: keep `h` on an integer lattice and ties stay ties.
    unit, meaning : str
        Written into every file that has the column.
    per_group : bool, default True
        Whether `h` is applied to each group of positions and weighted by its multiplicity, or once to the sums over
        the whole architecture.

    Examples
    --------
    >>> import sedspace as ss
    >>> convs = ss.AdditiveScore("convs", {"n": {"nor_conv_1x1": 1, "nor_conv_3x3": 1}}, lambda n: n, dtype="uint8")
    >>> ss.score("tss", convs, start=11665, stop=11670)
    array([4, 4, 5, 5, 4], dtype=uint8)
    """

    def __init__(
        self,
        name: str,
        features: Mapping[str, FeatureSource],
        h: Callable[..., Any],
        *,
        dtype: str = "float32",
        denominator: int = 1,
        unit: str = "",
        meaning: str = "",
        per_group: bool = True,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, dtype, denominator, unit, meaning, parameters or {})
        if not features:
            raise BadInput(f"score {name} has no features: expected at least one table")
        self.features = dict(features)
        self.h = h
        self.per_group = per_group

    @classmethod
    def of_feature(cls, feature: Feature) -> AdditiveScore:
        """Return the score whose value is a feature of the space itself."""
        return cls(
            feature.name,
            {feature.name: feature.name},
            lambda total: total + feature.base,
            dtype=feature.dtype,
            unit=feature.unit,
            meaning=feature.meaning,
            per_group=False,
        )

    def tables(self, space: Space) -> list[NDArray[np.int64]]:
        """Return for each position int64[choices, groups * features]: what each choice adds to each sum."""
        tables = [space.table(source) for source in self.features.values()]
        groups = self._groups(space)
        out = [np.zeros((radix, len(groups) * len(tables)), np.int64) for radix in space.radices]
        for g, (positions, _) in enumerate(groups):
            for f, table in enumerate(tables):
                for p in positions:
                    out[p][:, g * len(tables) + f] = table[p]
        bound = sum(int(np.abs(rows).max(initial=0)) for rows in out)
        if bound >= 1 << 62:
            raise BadInput(f"score {self.name}: feature sums over {space.name} could reach {bound}, beyond int64")
        return out

    def keys(self, space: Space, sums: NDArray[np.int64]) -> NDArray[Any]:
        """Return the keys of feature sums of shape (..., groups * features), laid out as `tables` does."""
        width = len(self.features)
        total: Any = 0
        for g, (_, multiplicity) in enumerate(self._groups(space)):
            values = np.asarray(self.h(*(sums[..., g * width + f] for f in range(width))))
            if values.dtype.kind not in "iufb":
                raise BadInput(f"score {self.name}: h returned {values.dtype} values, expected integers or floats")
            if values.shape not in ((), sums.shape[:-1]):
                raise BadInput(f"score {self.name}: h returned shape {values.shape} for sums of {sums.shape[:-1]}")
            values = values.astype(np.float64 if values.dtype.kind == "f" else np.int64, copy=False)
            total = total + multiplicity * values
        return np.array(np.broadcast_to(total, sums.shape[:-1]))

    def _groups(self, space: Space) -> list[tuple[Sequence[int], int]]:
        if self.per_group:
            return [(group.positions, group.multiplicity) for group in space.groups]
        return [(range(len(space.positions)), 1)]

    def at(self, space: Space, digits: NDArray[Any]) -> NDArray[Any]:
        """Return the keys of any architectures: look up every position, add, apply `h`."""
        sums = sum(table[digits[:, p]] for p, table in enumerate(self.tables(space)))
        return self.keys(space, np.asarray(sums))

    def fill(self, space: Space, start: int, out: NDArray[Any], threads: int) -> None:
        """Write the values of the architectures from `start` on into `out`."""
        done = 0
        while done < len(out):
            layout, by_class = _stretch(self, space, start + done, start + len(out))
            layout.fill(by_class, out[done : done + layout.length], threads)
            done += layout.length

    def histogram(self, space: Space, start: int, stop: int, threads: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the distinct keys of a range, ascending, and how often each occurs."""
        parts = []
        for layout in layouts(self.tables(space), start, stop):
            levels, level_of = np.unique(self.keys(space, layout.sums()), return_inverse=True)
            rows = layout.rows(level_of.reshape(len(layout.high), len(layout.low)))
            parts.append((levels, layout.count(rows, len(levels), threads)))
        return merge_counts(parts)

    def best(self, space: Space, start: int, stop: int, k: int, threads: int) -> tuple[NDArray[Any], list[int]]:
        """Return the keys and indices of the k best of a range."""
        best: Ranked | None = None
        base = start
        for layout in layouts(self.tables(space), start, stop):
            rows = layout.rows(self.keys(space, layout.sums()))
            best = best or (rows[0, :0], np.empty(0, np.int64))
            found = layout.best(rows, k, threshold(best, k), threads)
            best = keep_best([best, (found[0], found[1] + (layout.start - base))], k)
        if best is None:
            return np.empty(0, np.int64), []
        return best[0], [base + int(place) for place in best[1]]


def merge_counts(
    parts: Sequence[tuple[NDArray[Any], NDArray[np.int64]]],
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Add up histograms over different keys; keys that do not occur are left out."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    keys, of = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, of, np.concatenate([part[1] for part in parts]))
    return keys[counts > 0], counts[counts > 0]


@dataclass(frozen=True)
class Layout:
    """A range of architectures as blocks: the feature sums of high and low positions, and who has which.

    Attributes
    ----------
    start, length : int
        The range.
    offset : int
        Where it starts, counted from the start of its first block.
    high, low : int64[classes, features]
        The distinct feature sums of the high positions (one class per block) and of the low ones.
    high_of : intp[blocks]
    low_of : intp[block length]
    """

    start: int
    length: int
    offset: int
    high: NDArray[np.int64]
    high_of: NDArray[np.intp]
    low: NDArray[np.int64]
    low_of: NDArray[np.intp]

    def sums(self, columns: slice = slice(None)) -> NDArray[np.int64]:
        """Return the feature sums of every pair of a high and a low class: int64[high, low, features]."""
        return self.high[:, None, columns] + self.low[None, :, columns]

    def rows(self, by_class: NDArray[Any]) -> NDArray[Any]:
        """Spread values by (high, low) class over the cells of a block."""
        return np.take(by_class, self.low_of, axis=1)

    def fill(self, by_class: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        """Write the values of all cells, given those of the classes."""
        same_bits = f"u{out.dtype.itemsize}"  # one compiled copy for each width instead of each type
        rows, target = self.rows(by_class).view(same_bits), out.view(same_bits)
        split(lambda lo, hi: tile(rows, self.high_of, self.offset + lo, target[lo:hi]), self.length, threads)

    def count(self, rows: NDArray[np.intp], levels: int, threads: int) -> NDArray[np.int64]:
        """Count the cells at each level."""

        def part(lo: int, hi: int) -> NDArray[np.int64]:
            counts = np.zeros(levels, np.int64)
            histogram(rows, self.high_of, self.offset + lo, hi - lo, counts)
            return counts

        total: NDArray[np.int64] = np.sum(split(part, self.length, threads, grain=1 << 24), axis=0)
        return total

    def best(self, rows: NDArray[Any], k: int, above: Any, threads: int) -> Ranked:
        """Return the k best cells above a key, their places counted from the start of the range."""
        row_max = np.fmax.reduce(rows, axis=1)  # a NaN must not hide its row

        def part(lo: int, hi: int) -> Ranked:
            keys, places = np.empty(_BUFFER, rows.dtype), np.empty(_BUFFER, np.int64)
            best: Ranked = (keys[:0], places[:0])
            limit, done = rows.dtype.type(above), self.offset + lo
            while done < self.offset + hi:
                found, done = collect_above(rows, row_max, self.high_of, done, self.offset + hi, limit, keys, places)
                best = keep_best([best, (keys[:found], places[:found] - self.offset)], k)
                limit = max(limit, threshold(best, k))
            return best

        return keep_best(split(part, self.length, threads, grain=1 << 24), k)


class Together:
    """Several additive scores of one space, whose tables are looked up together.

    Parameters
    ----------
    space : Space
    scorers : sequence of AdditiveScore
    """

    def __init__(self, space: Space, scorers: Sequence[AdditiveScore]) -> None:
        self.space = space
        self.columns: list[tuple[AdditiveScore, slice]] = []
        tables, width = [], 0
        for scorer in {scorer.name: scorer for scorer in scorers}.values():
            tables.append(scorer.tables(space))
            self.columns.append((scorer, slice(width, width + tables[-1][0].shape[1])))
            width = self.columns[-1][1].stop
        self.tables = [np.hstack(at_position) for at_position in zip(*tables, strict=True)]

    def layouts(self, start: int, stop: int) -> Iterator[Layout]:
        """Cut a range into layouts."""
        return layouts(self.tables, start, stop)

    def values(self, layout: Layout) -> dict[str, NDArray[Any]]:
        """Return the values of each score by (high, low) class."""
        return {
            scorer.name: scorer.values(scorer.keys(self.space, layout.sums(columns)))
            for scorer, columns in self.columns
        }


@functools.lru_cache(maxsize=1)  # scoring a range anew, with other threads or into another array, is mere copying
def _stretch(score: AdditiveScore, space: Space, start: int, stop: int) -> tuple[Layout, NDArray[Any]]:
    """Return a range's first layout, and the score's values by (high, low) class."""
    layout = next(layouts(score.tables(space), start, stop))
    return layout, score.values(score.keys(space, layout.sums()))


def layouts(tables: Sequence[NDArray[np.int64]], start: int, stop: int) -> Iterator[Layout]:
    """Cut a range into layouts whose distinct rows fit in memory.

    Parameters
    ----------
    tables : sequence of int64[choices, features]
        One per position.
    start, stop : int
    """
    first_low, size = len(tables) - 1, len(tables[-1])
    while first_low > 1 and size * len(tables[first_low - 1]) <= _BLOCK:
        first_low -= 1
        size *= len(tables[first_low])
    if first_low == 0:  # a single position: it is the low one, below a high one without a choice
        tables, first_low = [np.zeros_like(tables[0][:1]), *tables], 1
    low, low_of = feature_classes(tables[first_low:], 0, size)
    for lo, hi in chunks(start, stop, size * _blocks_at_once(tables[:first_low], size)):
        first_block, offset = divmod(lo, size)
        high, high_of = feature_classes(tables[:first_low], first_block, -(-hi // size))
        yield Layout(lo, hi - lo, offset, high, high_of, low, low_of)


def _blocks_at_once(high_tables: Sequence[NDArray[np.int64]], size: int) -> int:
    """Return how many blocks to look at together: many where few rows can differ, else as many as rows may be held."""
    spreads = sum(np.ptp(table, axis=0).astype(object) for table in high_tables) + 1
    if math.prod(spreads) * size <= _ROW_VALUES:
        return _MAX_BLOCKS
    return max(1, _ROW_VALUES // size)
