"""Rank sums: several scores as one, by the ranks that they give to an architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from threading import RLock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.distributions import distribution
from sedspace.errors import BadInput
from sedspace.scores import Score, find_score
from sedspace.scores.base import Keys, Values
from sedspace.scores.composed import ComposedScore
from sedspace.spaces import Space
from sedspace_kernels.tables import distinct_rows

_INT64 = 1 << 63
_FLOAT64 = 1 << 1023
_lock = RLock()  # a member may be a rank sum itself


@dataclass(frozen=True)
class Ranks:
    """The ranks that a score gives in a space, 1 to the best.

    Attributes
    ----------
    values : array[levels]
        Ascending, without NaN.
    twice : list of int
        Twice the mean rank of the architectures of each value, and last of those whose value is NaN.
    """

    values: Values
    twice: list[int]

    def levels(self, values: Values) -> NDArray[np.intp]:
        """Return where in `twice` values stand."""
        last = len(self.values) - 1
        return np.where(np.isnan(values), last + 1, np.minimum(np.searchsorted(self.values, values), last))


class RankSum(ComposedScore):
    """What `rank_sum` returns."""

    def __init__(self, name: str, maximize: Sequence[str | Score], minimize: Sequence[str | Score]) -> None:
        asked = {"maximize": maximize, "minimize": minimize}
        parameters = {sign: ", ".join(map(_written, given)) for sign, given in asked.items() if given}
        said = "; ".join(f"{sign} {names}" for sign, names in parameters.items())
        meaning = f"minus the sum of the ranks in the whole space, 1 the best, ties sharing their mean: {said}"
        super().__init__(name, "float64", 1, "ranks", meaning, parameters)
        self._asked = [*((one, 1) for one in maximize), *((one, -1) for one in minimize)]
        self._known: WeakKeyDictionary[Space, tuple[list[Score], list[Ranks]]] = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, object]:
        """Return what travels to another process: all but what is known of spaces here."""
        return {**self.__dict__, "_known": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._known = WeakKeyDictionary()

    def members(self, space: Space) -> list[Score]:
        """Return the scores whose ranks are added."""
        found = [find_score(space, one) for one, _ in self._asked]
        for (asked, _), member in zip(self._asked, found, strict=True):
            if isinstance(asked, str) and isinstance(member, ComposedScore):  # which may be this one
                raise BadInput(f"score {self.name}: {asked} is made of scores, too: expected the Score, not its name")
        return found

    def composed(self, space: Space, values: Sequence[Values]) -> Keys:
        """Return minus the sums of ranks of architectures that have these values: exact, then rounded once."""
        ranks = self._ranks(space)
        levels = [one.levels(own) for one, own in zip(ranks, values, strict=True)]
        most = 2 * len(ranks) * space.size
        if most < _INT64:
            twice = np.sum([np.array(r.twice)[own] for r, own in zip(ranks, levels, strict=True)], axis=0)
            return np.asarray(twice / -2)
        if most >= _FLOAT64:
            raise BadInput(f"score {self.name}: ranks among the architectures of {space.name} are beyond float64")
        found, of = distinct_rows(levels)
        rows = zip(*(own[found].tolist() for own in levels), strict=True)
        sums = [sum(r.twice[level] for r, level in zip(ranks, row, strict=True)) for row in rows]
        return np.array([one / -2 for one in sums], np.float64)[of]

    def _ranks(self, space: Space) -> list[Ranks]:
        with _lock:  # several threads may ask at once
            members = self.members(space)
            known, ranks = self._known.get(space, ([], []))
            if list(map(id, known)) != list(map(id, members)):  # another one may have been registered by a name
                ranks = [_ranks_of(space, one, sign) for one, (_, sign) in zip(members, self._asked, strict=True)]
                self._known[space] = members, ranks
            return ranks


def _ranks_of(space: Space, score: Score, sign: int) -> Ranks:
    """Return the ranks of a score of which more (1) or less (-1) is better, NaN behind all others."""
    found = distribution(space, score)
    counts = [*found.counts[::-sign], space.size - found.total]  # from the best on
    twice = [2 * upto - count + 1 for upto, count in zip(accumulate(counts), counts, strict=True)]
    return Ranks(found.values, [*twice[:-1][::-sign], twice[-1]])


def _written(score: str | Score) -> str:
    """Return a score's name, and with what it was made."""
    if isinstance(score, str):
        return score
    made = ", ".join(f"{name}={value}" for name, value in score.parameters.items())
    return f"{score.name}({made})" if made else score.name


def _listed(given: str | Score | Sequence[str | Score], what: str) -> list[str | Score]:
    out = [given] if isinstance(given, str | Score) else list(given) if isinstance(given, Sequence) else None
    if out is None or not all(isinstance(one, str | Score) for one in out):
        raise BadInput(f"{what} {given!r}: expected the name of a score, a Score, or several")
    return out


def rank_sum(
    *scores: str | Score, minimize: str | Score | Sequence[str | Score] = (), name: str = "rank_sum"
) -> RankSum:
    """Return a score that adds up the ranks which several scores give to an architecture.

    Ranks are among all architectures of the space, 1 the best, and counted, not estimated; those of equal values share
    the mean of their ranks, and NaN ranks behind all others. The value is minus the sum of the ranks, since of a score
    more is better: an architecture that is first by both of two scores has -2.

    It is a score like any other: a column, a rank, an objective, part of a condition. Where all scores are sums over
    positions, so are its answers exact at any size; any others need a space that can be gone through. Ranks are of the
    whole space, whatever range or condition is asked for.

    Parameters
    ----------
    *scores : str or Score
        Of which more is better.
    minimize : str, Score or sequence of them, optional
        Of which less is better.
    name : str, default "rank_sum"
        The column's name.

    Returns
    -------
    Score
        float64, each value the nearest to the exact sum: half integers are exact down to -4.5e15, and where ranks
        go beyond that, sums that differ by less than 1e-15 of themselves may be one value, none in reversed order.

    Raises
    ------
    BadInput
        If no score is given, or one twice. When it is used: if the space has no such score, or it is no sum and the
        space too large to go through.

    Examples
    --------
    >>> import sedspace as ss
    >>> both = ss.rank_sum("sed", "params")
    >>> ss.top_k("tss", 2, by=both).select("index", "rank_sum").rows()
    [(11668, -17.5), (8543, -89.5)]
    >>> ss.top_k("tss8", 1, by=both)["rank_sum"].item()
    -72.5
    >>> light = ss.rank_sum("sed", minimize="params", name="light")
    >>> ss.score("tss", light, indices=[11668])
    array([-15610.5])
    """
    maximized, minimized = _listed(scores, "scores"), _listed(minimize, "minimize")
    names = [one if isinstance(one, str) else one.name for one in (*maximized, *minimized)]
    if not names:
        raise BadInput("a rank sum of no scores: expected one or more")
    for one in names:
        if names.count(one) > 1:
            raise BadInput(f"a rank sum of {', '.join(names)}: {one} stands there twice, expected different names")
    return RankSum(name, maximized, minimized)
