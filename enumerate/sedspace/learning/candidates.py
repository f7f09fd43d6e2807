"""What may be measured next: all that a space holds, or what has been drawn of it, but for what is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace import counting, draws
from sedspace.errors import BadInput
from sedspace.scores import Score, passing
from sedspace.scores.vocabulary import condition_on
from sedspace.spaces import Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.functional_classes import LIMIT, lowest_of_classes
from sedspace.spaces.parts import Indices

MOST = 1 << 24  # architectures that are gone through
DRAWN = 1 << 16  # architectures that stand for more than can be gone through


@dataclass(frozen=True, eq=False)
class Candidates:
    """Architectures to choose from.

    Attributes
    ----------
    indices : int64[n] or object[n]
        Ascending.
    among : str
        What they are: ``all of tss``, say.
    """

    indices: Indices
    among: str

    def __len__(self) -> int:
        return len(self.indices)

    def without(self, space: Space, measured: Iterable[int], unique: bool) -> Candidates:
        """Return those that are not measured; if unique one of each functional class, of which none is measured."""
        known = np.array(list(measured), self.indices.dtype)
        if not (unique and has_classes(space)):
            return Candidates(self.indices[~np.isin(self.indices, known)], self.among)
        lowest = lowest_of_classes(space)
        kinds, first = np.unique(lowest[self.indices], return_index=True)
        kept = np.sort(first[~np.isin(kinds, lowest[known.astype(np.int64)])])
        return Candidates(self.indices[kept], self.among)


def has_classes(space: Space) -> bool:
    """Return whether it is known of every architecture of a space which others compute the same."""
    return isinstance(space, CellSpace) and space.size <= LIMIT


def listed(space: Space, indices: Iterable[int], among: str) -> Candidates:
    """Return some architectures, each once."""
    return Candidates(np.array(sorted(set(indices)), np.int64 if space.size <= 1 << 63 else object), among)


def given_ones(space: Space, indices: ArrayLike, where: str | None, scores: Mapping[str, Score]) -> Candidates:
    """Return those architectures of a list that meet a condition; raise `BadInput` if there are others in it.

    The condition may name `scores` too.
    """
    given = np.asarray(indices)
    if given.ndim != 1 or not len(given):
        raise BadInput(f"among of shape {given.shape}: expected a list of indices")
    all_of_them = listed(space, map(space.check_index, given.tolist()), "")
    found, among = all_of_them.indices, f"{len(all_of_them):,} candidates"
    if where is not None:
        condition, needed = condition_on(space, where, scores)
        digits = space.digits_of(found)
        values: dict[str, NDArray[Any]] = {name: one.values(one.at(space, digits)) for name, one in needed.items()}
        values |= {"index": found} if "index" in condition.names else {}
        values |= {"arch": space.archs(digits)} if "arch" in condition.names else {}
        found = found[condition.holds(values)] if values else found
    return Candidates(found, among)


def of_space(space: Space, where: str | None, scores: Mapping[str, Score], most: int, seed: int) -> Candidates:
    """Return the architectures of a space that meet a condition: all of up to `most`, else `DRAWN` random ones.

    The condition may name `scores` too.
    """
    if space.size <= MOST:
        found = _all(space, where, scores)
        if len(found) <= most:
            return Candidates(found, f"all {len(found):,}")
        drawn = draws.subset(draws.integers(seed), len(found), DRAWN)
        return Candidates(found[drawn], f"{DRAWN:,} drawn of {len(found):,}")
    members = counting.members_by(space, where, scores)
    if members.count <= DRAWN:
        return Candidates(members.at(range(members.count)), f"all {members.count:,}")
    return Candidates(members.sample(DRAWN, seed), f"{DRAWN:,} drawn of {members.count:,}")


def _all(space: Space, where: str | None, scores: Mapping[str, Score]) -> Indices:
    if where is None:
        return np.arange(space.size)
    condition, needed = condition_on(space, where, scores)
    found = passing(space, [], condition, list(needed.values()), 0, space.size)
    return np.concatenate([np.empty(0, np.int64), *(rows["index"] for rows in found)]).astype(np.int64)
