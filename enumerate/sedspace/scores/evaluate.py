"""Scoring ranges of a space: into an array, as a histogram, or the k best."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sedspace.errors import BadInput, at_least_one
from sedspace.scores.additive import AdditiveScore, Together, is_by_blocks
from sedspace.scores.base import Score, Values
from sedspace.scores.one_by_one import merge_counts
from sedspace.scores.registry import find_score
from sedspace.scores.topology import TopologyScore, fill_together, topology_names
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace_kernels.parallel import available_threads

if TYPE_CHECKING:
    import polars as pl

MAX_SCAN = 10**12  # a minute or so for SED, far more for scores whose feature sums rarely coincide


def check_threads(threads: int | None) -> int:
    """Return the number of threads to use: by default every CPU that this process may use."""
    return available_threads() if threads is None else at_least_one(threads, "threads")


def _check_memory(space: Space, rows: int, dtype: np.dtype[np.number]) -> None:
    if rows * dtype.itemsize > (memory := _memory()):
        raise BadInput(
            f"{rows:,} scores of {space.name} are {rows * dtype.itemsize / 1e9:,.0f} GB, and this machine has "
            f"{memory / 1e9:,.0f} GB of memory: give start and stop (histogram and top_k need no array)"
        )


def check_rows_fit(space: Space, rows: int, what: str) -> None:
    """Raise `BadInput` if a frame of so many architectures, arch strings and all, would fill half of the memory."""
    each = 3 * len(space.arch(0)) + len(space.positions) + 200  # as Python, NumPy and polars hold it on the way
    if 2 * rows * each > (memory := _memory()):
        raise BadInput(
            f"{what} {rows:,}: so many architectures of {space.name} take about {rows * each / 1e9:,.0f} GB, and this "
            f"machine has {memory / 1e9:,.0f} GB of memory: ask for fewer, or write a run"
        )


def _memory() -> float:
    """Return the bytes of this machine's memory, infinity where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a POSIX system: let numpy try
        return math.inf


def _check_scan(space: Space, rows: int) -> None:
    if rows > MAX_SCAN:
        raise BadInput(
            f"going through {rows:,} architectures of {space.name} takes too long: give a range of at most "
            f"{MAX_SCAN:,} (top_k and distribution need none if the score is a sum over positions)"
        )


def score(
    space: str | Space,
    by: str | Score = "sed",
    start: int = 0,
    stop: int | None = None,
    *,
    indices: ArrayLike | None = None,
    threads: int | None = None,
    out: Values | None = None,
) -> Values:
    """Score every architecture of a range, or some by their indices.

    Parameters
    ----------
    space : str or Space
    by : str or Score, default "sed"
    start, stop : int
        The range of indices; `stop` is excluded and defaults to the size of the space.
    indices : integer array-like of shape (n,), optional
        These architectures instead of a range, in this order; Python ints beyond 2^63.
    threads : int, optional
        Default: every CPU that this process may use. The result does not depend on it.
    out : array of shape (stop - start,), optional
        Written to and returned, if given; C-contiguous and of the score's dtype.

    Returns
    -------
    array of shape (stop - start,) or (n,)
        Of the score's dtype (float32 for SED): entry i belongs to architecture ``start + i``, or ``indices[i]``.

    Raises
    ------
    BadInput
        If a name is unknown, the range is not within the space, the array would not fit in memory, a value does not fit
        the score's dtype, or a range is given beside indices.

    Examples
    --------
    >>> import sedspace as ss
    >>> sed = ss.score("tss")
    >>> sed.shape, float(sed.max()), int(sed.argmax())
    ((15625,), 8.75, 11668)
    >>> ss.score("tss", "params", indices=[11668, 0])
    array([1288506,   73306], dtype=int32)
    """
    space = find_space(space)
    scorer = find_score(space, by)
    if indices is not None:
        if (start, stop, out) != (0, None, None):
            raise BadInput(f"indices beside start {start}, stop {stop} or out: expected one or the other")
        return scorer.values(scorer.at(space, space.digits_of(indices)))
    start, stop = space.check_range(start, stop)
    workers = check_threads(threads)
    dtype = np.dtype(scorer.dtype)
    if out is None:
        _check_memory(space, stop - start, dtype)
        out = np.empty(stop - start, dtype)
    elif not isinstance(out, np.ndarray):
        raise BadInput(f"out is a {type(out).__name__}: expected an array")
    elif out.shape != (stop - start,) or out.dtype != dtype or not (out.flags.c_contiguous and out.flags.writeable):
        raise BadInput(
            f"out has shape {out.shape} and dtype {out.dtype}, expected a contiguous, writable array of shape "
            f"({stop - start},) and dtype {dtype}"
        )
    scorer.fill(space, start, out, workers)
    return out


def score_columns(space: Space, scorers: Sequence[Score], start: int, stop: int) -> dict[str, Values]:
    """Return the values of several scores over one range, in one thread; what some have in common is computed once."""
    out = {scorer.name: np.empty(stop - start, scorer.dtype) for scorer in scorers}
    additive = [scorer for scorer in scorers if isinstance(scorer, AdditiveScore) and is_by_blocks(space, scorer)]
    if additive:
        together = Together(space, additive)
        for layout in together.layouts(start, stop):
            lo = layout.start - start
            for name, by_class in together.values(layout).items():
                layout.fill(by_class, out[name][lo : lo + layout.length], 1)
    names = topology_names(space)
    features = [scorer for scorer in scorers if isinstance(scorer, TopologyScore) and scorer.name in names]
    if features:
        fill_together(space, features, start, out)
    for scorer in scorers:
        if scorer not in additive and scorer not in features:
            scorer.fill(space, start, out[scorer.name], 1)
    return out


def histogram(
    space: str | Space,
    by: str | Score = "sed",
    start: int = 0,
    stop: int | None = None,
    *,
    threads: int | None = None,
) -> pl.DataFrame:
    """Count how often each value of a score occurs in a range.

    Parameters
    ----------
    space : str or Space
    by : str or Score, default "sed"
    start, stop : int
        The range of indices; `stop` is excluded and defaults to the size of the space.
    threads : int, optional

    Returns
    -------
    polars.DataFrame
        A column named as the score, ascending, and ``count`` (int64). No array of the range's length is made.

    Raises
    ------
    BadInput
        If a name is unknown or the range is not within the space.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.histogram("tss").tail(2).rows()
    [(8.3125, 5), (8.75, 1)]
    """
    import polars as pl

    space = find_space(space)
    scorer = find_score(space, by)
    start, stop = space.check_range(start, stop)
    _check_scan(space, stop - start)
    keys, counts = scorer.histogram(space, start, stop, check_threads(threads))
    values, counts = merge_counts([(scorer.values(keys), counts)])  # keys may differ by less than the values can show
    return pl.DataFrame({scorer.name: values, "count": counts})


def best(
    space: Space,
    scorer: Score,
    k: int,
    start: int = 0,
    stop: int | None = None,
    threads: int | None = None,
    ascending: bool = False,
) -> tuple[Values, list[int]]:
    """Return the values and indices of the k best (or least) of a range, ties by the lowest index."""
    start, stop = space.check_range(start, stop)
    count = min(at_least_one(k, "k"), max(stop - start, 1))
    _check_scan(space, stop - start)
    keys, indices = scorer.best(space, start, stop, count, check_threads(threads), ascending)
    return scorer.values(keys), indices
