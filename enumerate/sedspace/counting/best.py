"""The best of a whole space: the k best, the Pareto front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.aims import request
from sedspace.counting.bounded import LOOKED_AT, TooLoose, best_by_bound, names_only_sums
from sedspace.counting.classes import SMALL, Classes, select
from sedspace.counting.compiled import TooManyClasses
from sedspace.counting.descent import descending
from sedspace.counting.distributions import integers, merge
from sedspace.counting.labels import best_classes
from sedspace.counting.search import Found, TooLong, searched
from sedspace.errors import BadInput, at_least_one
from sedspace.scores import MAX_SCAN, AdditiveScore, BoundedScore, Score, best, check_rows_fit, find_score, only_unique
from sedspace.scores.base import Keys
from sedspace.scores.composed import is_of_sums
from sedspace.scores.ranking import opposite
from sedspace.scores.vocabulary import condition_on
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace_kernels.pareto import front

if TYPE_CHECKING:
    import polars as pl

_QUICK = 1 << 28  # architectures that are gone through rather than searched: seconds


def best_first(
    space: str | Space,
    by: str | Score = "sed",
    start: int = 0,
    stop: int | None = None,
    *,
    where: str | None = None,
    ascending: bool = False,
) -> Iterator[tuple[int, float]]:
    """Go through the architectures of a space from the best to the worst, ties by the lowest index.

    Lazily: what is not asked for is not looked for, in a space of any size.

    Parameters
    ----------
    space : str or Space
    by : str or Score, default "sed"
    start, stop : int
        The range of indices; `stop` is excluded and defaults to the size of the space.
    where : str, optional
        A condition on features and scores in SQL, such as ``params < 500000 AND n_skip <= 2``.
    ascending : bool, default False
        Whether to begin with the least value.

    Returns
    -------
    iterator of (int, int or float)
        Index and value, as the score writes it. NaN never ranks.

    Raises
    ------
    BadInput
        If a name is unknown, a score of a large space is not additive, or there are too many classes.

    Examples
    --------
    >>> import sedspace as ss
    >>> from itertools import islice, takewhile
    >>> list(islice(ss.best_first("tss", where="residual = 0"), 2))
    [(11718, 6.0), (8593, 5.75)]
    """
    space = find_space(space)
    parts: Iterator[Found]
    score = find_score(space, by)
    try:
        parts = _descend(space, score, where, start, stop, ascending)
    except TooManyClasses as refusal:
        parts = _search(space, score, where, start, stop, ascending, refusal)
    return (pair for part in parts for pair in zip(part.indices.tolist(), part.values.tolist(), strict=True))


def _descend(
    space: Space,
    score: Score,
    where: str | None,
    start: int,
    stop: int | None,
    ascending: bool,
    most: int | None = None,
) -> Iterator[Found]:
    """Return the architectures from the best on, some at a time; refuse if there is no room for the `most` first."""
    start, stop = space.check_range(start, stop)
    if not ascending and isinstance(score, AdditiveScore) and _is_beyond_sums(space, score, where):
        score = BoundedScore(score, score)  # its best are looked at one by one
    if isinstance(score, BoundedScore):
        if not ascending:
            check_rows_fit(space, min(most or 0, LOOKED_AT), "k")
            return best_by_bound(space, score, where, start, stop, most)
        _refuse_least(space, score, space.size, SMALL)
    classes, _, wanted = select(space, [score], where)
    keys = classes.keys[score.name]
    wanted = wanted & (keys == keys)  # NaN never ranks
    check_rows_fit(space, min(most or 0, int(classes.counts[wanted].sum())), "k")
    return _parts(classes, score, opposite(keys) if ascending else keys, wanted, start, stop)


def _parts(
    classes: Classes, score: Score, keys: Keys, wanted: NDArray[np.bool_], start: int, stop: int
) -> Iterator[Found]:
    """Yield the architectures of wanted classes by descending keys, a bounded number at a time."""
    for digits, of in descending(classes, keys, wanted, start, stop):
        yield Found(digits, np.asarray(classes.space.index(digits)), score.values(classes.keys[score.name][of]))


def top_k(
    space: str | Space,
    k: int = 10,
    by: str | Score = "sed",
    start: int = 0,
    stop: int | None = None,
    *,
    where: str | None = None,
    unique: str | None = None,
    columns: Sequence[str | Score] = (),
    ascending: bool = False,
    threads: int | None = None,
) -> pl.DataFrame:
    """Return the k best architectures of a space by a score: see `sedspace.top_k`."""
    import polars as pl

    space = find_space(space)
    score = find_score(space, by)
    more = [find_score(space, one) for one in columns]
    first, end = space.check_range(start, stop)
    count = min(at_least_one(k, "k"), max(end - first, 1))
    where = only_unique(space, where, unique)
    found = _found(space, score, count, first, end, where, ascending, threads)
    return pl.DataFrame(
        [
            integers("index", found.indices, space.size),
            pl.Series(score.name, found.values),
            *(pl.Series(one.name, one.values(one.at(space, found.digits))) for one in more if one.name != score.name),
            pl.Series("arch", space.archs(found.digits).tolist(), dtype=pl.String),
        ]
    )


def _found(
    space: Space,
    score: Score,
    k: int,
    start: int,
    stop: int,
    where: str | None,
    ascending: bool,
    threads: int | None,
) -> Found:
    """Return the k best, in the way that takes least."""
    is_whole = (start, stop) == (0, space.size)
    is_by_classes = is_whole and is_of_sums(space, score)
    is_by_bound = not ascending and isinstance(score, BoundedScore)
    if where is None and not is_by_classes and not is_by_bound:
        if isinstance(score, BoundedScore):
            _refuse_least(space, score, stop - start, MAX_SCAN)
        return _scan(space, score, k, start, stop, threads, ascending)
    try:
        return _first(k, _descend(space, score, where, start, stop, ascending, k), space, score)
    except (TooManyClasses, TooLoose, TooLong) as refusal:
        can_scan = where is None and stop - start <= MAX_SCAN
        if can_scan and (stop - start <= _QUICK or not isinstance(refusal, TooManyClasses)):
            return _scan(space, score, k, start, stop, threads, ascending)
        if not isinstance(refusal, TooManyClasses):
            raise
        try:
            return _first(k, _search(space, score, where, start, stop, ascending, refusal), space, score)
        except BadInput:
            if not can_scan:
                raise
            return _scan(space, score, k, start, stop, threads, ascending)


def _is_beyond_sums(space: Space, score: Score, where: str | None) -> bool:
    """Return whether a condition names what is no sum, in a space too large to go through for it."""
    if where is None or space.size <= SMALL:
        return False
    condition, named = condition_on(space, where, {score.name: score})
    return not names_only_sums(space, condition, named)


def _refuse_least(space: Space, score: BoundedScore, rows: int, most: int) -> None:
    """Raise `BadInput` if too many architectures would be gone through for those with the least score."""
    if rows > most:
        raise BadInput(
            f"the least {score.name} of {rows:,} architectures of {space.name}: it is bounded from above only, so that "
            f"all would be gone through, which is done up to {most:,}"
        )


def _search(
    space: Space,
    score: Score,
    where: str | None,
    start: int,
    stop: int | None,
    ascending: bool,
    refusal: TooManyClasses,
) -> Iterator[Found]:
    """Return the architectures from the best on, one at a time, without counting classes; refuse if that cannot be."""
    asked = request(space, [(score, -1 if ascending else 1)], where, refusal)
    return searched(asked, *space.check_range(start, stop))


def _scan(
    space: Space, score: Score, k: int, start: int, stop: int | None, threads: int | None, ascending: bool
) -> Found:
    check_rows_fit(space, k, "k")
    values, indices = best(space, score, k, start, stop, threads, ascending)
    return Found(space.digits(indices), np.array(indices, object), values)


def _first(k: int, parts: Iterator[Found], space: Space, score: Score) -> Found:
    """Return the first k of what comes in parts."""
    taken = [Found(space.digits([]), np.empty(0, object), np.empty(0, score.dtype))]
    while sum(len(part.indices) for part in taken) < k and (part := next(parts, None)) is not None:
        taken.append(part)
    return Found(
        np.concatenate([part.digits for part in taken])[:k],
        np.concatenate([part.indices for part in taken])[:k],
        np.concatenate([part.values for part in taken])[:k],
    )


def _objectives(
    space: Space, maximize: str | Score | Sequence[str | Score], minimize: str | Score | Sequence[str | Score]
) -> list[tuple[Score, int]]:
    """Return the scores and whether more (1) or less (-1) of each is better."""
    out = [
        (find_score(space, one), sign)
        for given, sign in ((maximize, 1), (minimize, -1))
        for one in (given if isinstance(given, Sequence) and not isinstance(given, str) else [given])
    ]
    names = [score.name for score, _ in out]
    if not 2 <= len(out) <= 3 or len(set(names)) < len(out):
        raise BadInput(f"a Pareto front needs two or three different objectives, not {', '.join(names) or 'none'}")
    return out


def _less_is_better(keys: Keys, sign: int) -> Keys:
    """Return keys of an objective, of which more (1) or less (-1) is better, so that less of them is better."""
    return opposite(keys) if sign > 0 else keys


def pareto(
    space: str | Space,
    maximize: str | Score | Sequence[str | Score] = "sed",
    minimize: str | Score | Sequence[str | Score] = "params",
    *,
    where: str | None = None,
) -> pl.DataFrame:
    """Return the exact Pareto front of two or three objectives over a whole space.

    Where classes are too many to count, it is found by leaving out beginnings that others are better than, if all
    objectives say how they go with their sums (`AdditiveScore`, ``monotone``), and the condition is bounds joined by
    AND.

    Parameters
    ----------
    space : str or Space
    maximize, minimize : str, Score or sequence of them
        The objectives: two or three in all.
    where : str, optional
        A condition on features and scores in SQL: the front of what meets it.

    Returns
    -------
    polars.DataFrame
        One row per point of the front: its values, ``count`` (how many architectures have them, exact), ``index`` (the
        lowest of those) and ``arch``; the best by the first objective first.

    Raises
    ------
    BadInput
        If a name is unknown, a score of a large space is not additive, or there are not two or three objectives.

    Examples
    --------
    >>> import sedspace as ss
    >>> front = ss.pareto("tss6")
    >>> front.shape, front.row(0)[:4]
    ((29, 5), (24.5, 3475866, 1, 22888182343))
    """
    import polars as pl

    space = find_space(space)
    objectives = _objectives(space, maximize, minimize)
    scores = [score for score, _ in objectives]
    try:
        classes, _, wanted = select(space, scores, where)
    except TooManyClasses as refusal:
        classes = best_classes(request(space, objectives, where, refusal))
        wanted = np.ones(len(classes), np.bool_)
    wanted = wanted & np.all([keys == keys for keys in (classes.keys[score.name] for score in scores)], axis=0)
    # Ranks instead of keys: whatever their type, smaller is better now.
    ranks = [
        np.unique(_less_is_better(classes.keys[s.name][wanted], sign), return_inverse=True)[1] for s, sign in objectives
    ]
    order = np.lexsort(ranks[::-1])
    points = np.stack([rank[order] for rank in [*ranks, np.zeros_like(ranks[0])][:3]], axis=-1)
    chosen = np.flatnonzero(wanted)[order[front(points)]]
    keys, counts, least = merge(
        [classes.keys[s.name][chosen] for s in scores], classes.counts[chosen], classes.least[chosen]
    )
    order = np.lexsort([_less_is_better(key, sign) for (_, sign), key in zip(objectives, keys, strict=True)][::-1])
    return pl.DataFrame(
        [
            *(pl.Series(score.name, score.values(key[order])) for score, key in zip(scores, keys, strict=True)),
            integers("count", counts[order], space.size),
            integers("index", least[order], space.size),
            pl.Series("arch", [space.arch(int(index)) for index in least[order]], dtype=pl.String),
        ]
    )
