"""The best by a score that comes with a bound: architectures are looked at in the order of their bounds.

What has been looked at is certain as soon as nothing that is still to come has a bound above it. How many are looked at
depends on how tight the bound is, not on how large the space is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from sedspace.condition import Condition
from sedspace.counting.aims import Aim, Request, add_condition, extremes, monotone
from sedspace.counting.classes import classes_by_sums
from sedspace.counting.compiled import TooManyClasses
from sedspace.counting.descent import descending
from sedspace.counting.search import Found, searched
from sedspace.errors import BadInput
from sedspace.progress import progress_of
from sedspace.scores import AdditiveScore, BoundedScore, Score
from sedspace.scores.base import Keys, Values, as_keys
from sedspace.scores.composed import is_of_sums
from sedspace.scores.ranking import opposite
from sedspace.scores.vocabulary import condition_on
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits, Indices

LOOKED_AT = 1 << 23  # architectures at most: half a minute for a compiled score
_FIRST = 1 << 6  # architectures to begin with: twice as many each time
_LARGEST_EXACT = 1 << 51  # of whole numbers, which even divided stay apart as float64

_Candidates = Iterator[tuple[Digits, Keys]]
"""Digits and limits of architectures by descending limits, ties by the lowest index, some at a time."""


class TooLoose(BadInput):
    """A bound by which too many architectures would have to be looked at."""


def best_by_bound(
    space: Space, score: BoundedScore, where: str | None, start: int, stop: int, most: int | None = None
) -> Iterator[Found]:
    """Return the architectures of a range that meet a condition, best first, lowest index first, some at a time.

    What a condition says of sums decides which architectures are candidates. The rest of it, which may name any scores,
    ``index`` and ``arch``, is asked of those that are looked at.

    Parameters
    ----------
    space : Space
    score : BoundedScore
    where : str, optional
    start, stop : int
        The range of indices.
    most : int, optional
        How many are wanted at most.

    Raises
    ------
    BadInput
        If the bound is below a value.
    TooManyClasses
        If architectures can be neither counted nor searched by the bound.
    TooLoose
        If more than `LOOKED_AT` would have to be looked at.
    """
    condition, named = (None, {}) if where is None else condition_on(space, where, {score.name: score})
    parts = [] if condition is None else list(condition.parts())
    if any("index" in part.names for part in parts) and stop > 1 << 63:
        raise BadInput(f"where names index, which is beyond int64 in {space.name}: give start and stop")
    sums = [part for part in parts if names_only_sums(space, part, named)]
    candidates, left = _candidates(space, score, sums, named, start, stop)
    rest = [part for part in parts if part not in sums or part in left]
    return _Best(space, score, rest, named, most).found(candidates)


def names_only_sums(space: Space, condition: Condition, named: Mapping[str, Score]) -> bool:
    """Return whether a condition on some scores can be asked of classes of equal sums."""
    return all(name in named and is_of_sums(space, named[name]) for name in condition.names)


# -- in the order of the bound -----------------------------------------------------------------------------------------


def _candidates(
    space: Space,
    score: BoundedScore,
    sums: Sequence[Condition],
    named: Mapping[str, Score],
    start: int,
    stop: int,
) -> tuple[_Candidates, list[Condition]]:
    """Return what may be among the best, and what of conditions on sums is left to be asked of it."""
    bound = _bound(score)
    try:
        return _from_classes(space, score, bound, sums, named, start, stop), []
    except TooManyClasses as refusal:
        try:
            asked, left = _request(space, bound, sums, named, refusal)
        except TooManyClasses:
            if not sums:
                raise
            return _from_classes(space, score, bound, [], {}, start, stop), list(sums)
    if sums and len(left) == len(sums):  # nothing that is asked for would shorten a search
        with contextlib.suppress(TooManyClasses):
            return _from_classes(space, score, bound, [], {}, start, stop), left
    return _from_search(asked, start, stop), left


def _bound(score: BoundedScore) -> AdditiveScore:
    """Return the bound under a name that no other score has, written as finely as the score needs."""
    bound: AdditiveScore = object.__new__(type(score.bound))
    vars(bound).update(vars(score.bound), name=f"the bound of {score.name}")
    bound.dtype = "float32" if score.dtype == "float32" else "float64"
    return bound


def _limits(score: BoundedScore, bound: AdditiveScore, keys: Keys) -> Keys:
    """Return what values cannot exceed: the bound's, rounded as the score's values are."""
    if keys.dtype.kind == "i" and np.dtype(score.dtype).kind != "f":
        return keys // bound.denominator
    limits = bound.values(keys).astype(np.float64)
    return np.where(np.isnan(limits), np.inf, limits)


def _from_classes(
    space: Space,
    score: BoundedScore,
    bound: AdditiveScore,
    sums: Sequence[Condition],
    named: Mapping[str, Score],
    start: int,
    stop: int,
) -> _Candidates:
    scores = {name: named[name] for part in sums for name in part.names}
    classes = classes_by_sums(space, [bound, *scores.values()])
    limits = _limits(score, bound, classes.diagrams.keys[bound.name])
    wanted = np.ones(len(classes), np.bool_)
    for part in sums:
        wanted &= part.holds({name: classes.values(name) for name in part.names})
    return ((digits, limits[of]) for digits, of in descending(classes, limits, wanted, start, stop))


def _request(
    space: Space,
    bound: AdditiveScore,
    sums: Sequence[Condition],
    named: Mapping[str, Score],
    refusal: TooManyClasses,
) -> tuple[Request, list[Condition]]:
    """Return a request for what is best by the bound, and what of conditions on sums it cannot ask for."""
    asked = Request(space, [Aim(monotone(space, bound, refusal), 1)])
    if bound.dtype != "float32" and max(map(abs, extremes(space, bound))) >= _LARGEST_EXACT:
        raise refusal  # different keys could be the same limit, and be in the wrong order
    left = []
    for part in sums:
        try:
            add_condition(asked, part, named, refusal)
        except TooManyClasses:
            left.append(part)
    return asked, left


def _from_search(asked: Request, start: int, stop: int) -> _Candidates:
    found, size = searched(asked, start, stop), 1
    while rows := list(islice(found, size)):
        yield (
            np.concatenate([row.digits for row in rows]),
            np.concatenate([row.values for row in rows]).astype(np.float64),
        )
        size = min(2 * size, _FIRST)


# -- looking at them ---------------------------------------------------------------------------------------------------


class _Best:
    """The best of what was looked at.

    Parameters
    ----------
    space : Space
    score : BoundedScore
    rest : sequence of Condition
        What an architecture must meet, too.
    named : mapping of str to Score
        The scores that conditions name.
    most : int, optional
        How many are wanted at most.
    """

    def __init__(
        self,
        space: Space,
        score: BoundedScore,
        rest: Sequence[Condition],
        named: Mapping[str, Score],
        most: int | None,
    ) -> None:
        self.space, self.score, self._rest, self._named = space, score, rest, named
        self._floors = [one for part in rest if part.names == [score.name] for sign, one in part.bounds() if sign > 0]
        self._wanted = most
        self._looked = self._certain = 0
        self._keys = as_keys(np.empty(0, score.dtype), "")  # of what was looked at and is not certain yet, in any order
        self._indices: Indices = np.empty(0, np.int64)

    def found(self, candidates: _Candidates) -> Iterator[Found]:
        """Yield the best of candidates, some at a time."""
        with progress_of(None, "arch", passing=True) as bar:
            for digits, limits in _growing(candidates):
                indices = np.asarray(self.space.index(digits))
                certain = (self._keys > limits[0]) | ((self._keys == limits[0]) & (self._indices < indices[0]))
                if certain.any():
                    yield self._taken(certain)
                if self._wanted == 0 or not self._may_meet(limits[:1]):
                    break
                self._look(digits, indices, limits)
                bar.update(len(digits))
        yield self._taken(np.ones(len(self._keys), np.bool_))

    def _may_meet(self, limit: Keys) -> bool:
        """Return whether anything within a limit is as great as conditions on the score ask for."""
        if np.dtype(self.score.dtype).kind != "f":
            ends = np.iinfo(self.score.dtype)
            limit = np.clip(np.floor(limit), ends.min, ends.max)
        return all(one.holds({self.score.name: limit.astype(self.score.dtype)}).all() for one in self._floors)

    def _taken(self, certain: NDArray[np.bool_]) -> Found:
        """Return what is certain, best first, and forget it."""
        keys, indices = self._keys[certain], self._indices[certain]
        order = _order(keys, indices)[: self._wanted]
        self._keys, self._indices = self._keys[~certain], self._indices[~certain]
        self._certain += len(order)
        if self._wanted is not None:
            self._wanted -= len(order)
        indices = indices[order]
        return Found(self.space.digits(indices), indices, keys[order].astype(self.score.dtype))

    def _look(self, digits: Digits, indices: Indices, limits: Keys) -> None:
        """Take in what may still be among the best."""
        if (looked := self._looked + len(digits)) > LOOKED_AT:
            raise TooLoose(
                f"the best of {self.space.name} by {self.score.name}: only {self._certain:,} found for certain after "
                f"{self._looked:,} architectures, since many more have a bound ({self.score.bound.name}) as high as "
                f"{limits[0]}: ask for fewer, a range or a narrower condition, or give a tighter bound"
            )
        self._looked = looked
        values = self.score.values(self.score.at(self.space, digits))
        keys = as_keys(values, f"score {self.score.name}")
        self._check(keys, indices, limits)
        kept = keys == keys  # NaN never ranks
        if self._wanted is not None and len(self._keys) == self._wanted:
            kept &= keys >= self._keys.min()
        for part in self._rest:
            kept[kept] = part.holds(self._columns(part.names, digits[kept], indices[kept], values[kept]))
        self._keys = np.concatenate([self._keys, keys[kept]])
        self._indices = np.concatenate([self._indices, indices[kept]])
        if self._wanted is not None and len(self._keys) > self._wanted:
            best = _order(self._keys, self._indices)[: self._wanted]
            self._keys, self._indices = self._keys[best], self._indices[best]

    def _check(self, keys: Keys, indices: Indices, limits: Keys) -> None:
        """Raise `BadInput` if a value is above what its bound says."""
        if len(wrong := np.flatnonzero(keys > limits)):
            first = wrong[0]
            raise BadInput(
                f"score {self.score.name}: architecture {indices[first]} of {self.space.name} has {keys[first]}, above "
                f"its bound {self.score.bound.name}, {limits[first]}: expected a bound that is never below the score"
            )

    def _columns(
        self, names: Iterable[str], digits: Digits, indices: Indices, values: Values
    ) -> dict[str, NDArray[np.generic]]:
        """Return what a condition names of some architectures."""
        known: dict[str, NDArray[np.generic]] = {self.score.name: values}
        for name in names:
            if name == "index":
                known[name] = indices.astype(np.int64)
            elif name == "arch":
                known[name] = self.space.archs(digits)
            elif name not in known:
                one = self._named[name]
                known[name] = one.values(one.at(self.space, digits))
        return known


def _order(keys: Keys, indices: Indices) -> NDArray[np.intp]:
    """Return the order of keys, best first, ties by the lowest index."""
    order = np.argsort(indices, kind="stable")
    return order[np.argsort(opposite(keys[order]), kind="stable")]


def _growing(candidates: _Candidates) -> _Candidates:
    """Yield candidates few at a time, then more and more, so that not many are looked at in vain."""
    size = _FIRST
    for digits, limits in candidates:
        lo = 0
        while lo < len(limits):
            yield digits[lo : lo + size], limits[lo : lo + size]
            lo, size = lo + size, 2 * size
