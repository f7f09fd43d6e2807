"""The architectures of a range that meet a condition, found without looking at each where that can be helped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sedspace.condition import Condition
from sedspace.scores.additive import AdditiveScore, Together, is_by_blocks
from sedspace.scores.base import Score
from sedspace.scores.blocks import Layout
from sedspace.scores.evaluate import score_columns
from sedspace.scores.ranking import chunks
from sedspace.spaces import Space
from sedspace_kernels.tables import collect_above

_CHUNK = 1 << 18

Columns = dict[str, NDArray[np.number]]


def is_by_sums(condition: Condition, needed: Sequence[Score]) -> bool:
    """Return whether a condition on some scores names nothing but sums, so that classes can be looked at instead."""
    return not {"index", "arch"} & set(condition.names) and all(isinstance(scorer, AdditiveScore) for scorer in needed)


def passing(
    space: Space, scorers: Sequence[Score], condition: Condition, needed: Sequence[Score], start: int, stop: int
) -> Iterator[Columns]:
    """Yield the rows of a range that meet a condition, a bounded number at a time, in order.

    Parameters
    ----------
    space : Space
    scorers : sequence of Score
        The columns to return beside ``index``.
    condition : Condition
    needed : sequence of Score
        The scores that the condition names; it may also name ``index`` and ``arch``.
    start, stop : int
        The range of indices.

    Yields
    ------
    dict
        ``index`` (int64) and the values of each score, of one length.
    """
    additive = [scorer for scorer in scorers if isinstance(scorer, AdditiveScore) and is_by_blocks(space, scorer)]
    others = [scorer for scorer in scorers if scorer not in additive]
    if not is_by_sums(condition, needed) or not all(is_by_blocks(space, scorer) for scorer in needed):
        yield from _one_by_one(space, scorers, condition, needed, start, stop)
        return
    together = Together(space, [*additive, *(scorer for scorer in needed if isinstance(scorer, AdditiveScore))])
    for layout in together.layouts(start, stop):
        by_class = together.values(layout)
        for indices, high, low in _cells(layout, condition.holds(by_class)):
            out = {scorer.name: by_class[scorer.name][high, low] for scorer in additive}
            for scorer in others:
                out[scorer.name] = scorer.values(scorer.at(space, space.digits(indices)))
            yield {"index": indices, **out}


def _cells(
    layout: Layout, kept: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]]:
    """Yield index, high and low class of the cells whose pair of classes is kept."""
    rows = layout.rows(kept.astype(np.uint8))
    row_max = rows.max(axis=1)
    keys, offsets = np.empty(_CHUNK, np.uint8), np.empty(_CHUNK, np.int64)
    done, end = layout.offset, layout.offset + layout.length
    while done < end:
        found, done = collect_above(rows, row_max, layout.high_of, done, end, 0, False, keys, offsets)
        block, within = np.divmod(offsets[:found], len(layout.low_of))
        yield layout.start - layout.offset + offsets[:found], layout.high_of[block], layout.low_of[within]


def _one_by_one(
    space: Space, scorers: Sequence[Score], condition: Condition, needed: Sequence[Score], start: int, stop: int
) -> Iterator[Columns]:
    distinct = list({scorer.name: scorer for scorer in (*scorers, *needed)}.values())
    for lo, hi in chunks(start, stop, _CHUNK):
        values: Columns = {"index": np.arange(lo, hi, dtype=np.int64), **score_columns(space, distinct, lo, hi)}
        texts = {"arch": space.archs(space.digits_of_range(lo, hi))} if "arch" in condition.names else {}
        kept = condition.holds({**values, **texts})
        yield {name: values[name][kept] for name in ("index", *(scorer.name for scorer in scorers))}
