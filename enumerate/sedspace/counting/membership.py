"""The architectures that meet a condition, as a sequence that is never written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

import numpy as np

from sedspace import draws
from sedspace.counting.classes import Walks, select
from sedspace.errors import BadInput, as_int
from sedspace.scores import Score
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.parts import Indices

_CHUNK = 1 << 12


class Members:
    """The architectures of some classes, in the order of their indices.

    Like a sorted list of indices, of any length: ``members[i]`` is the i-th, ``members[i:j]`` an array, ``in`` asks
    whether an architecture belongs, `rank` where it stands. ``len`` works up to 2^63, `count` always.

    Attributes
    ----------
    space : Space
    count : int
        The number of architectures, exact at any size.
    """

    def __init__(self, space: Space, walks: Walks) -> None:
        self.space = space
        self._walks = walks
        self.count = walks.count

    def __repr__(self) -> str:
        return f"<{self.count:,} architectures of {self.space.name}>"

    def __len__(self) -> int:
        return self.count

    def __bool__(self) -> bool:
        return self.count > 0

    @overload
    def __getitem__(self, rank: int) -> int: ...
    @overload
    def __getitem__(self, rank: slice) -> Indices: ...
    def __getitem__(self, rank: int | slice) -> int | Indices:
        if isinstance(rank, slice):
            bounds = (None if one is None else as_int(one, "rank") for one in (rank.start, rank.stop, rank.step))
            return self.at(range(self.count)[slice(*bounds)])
        wanted = as_int(rank, "rank")
        if not -self.count <= wanted < self.count:
            raise IndexError(f"rank {wanted} among {self.count} architectures: expected 0 to {self.count - 1}")
        return int(self.at([wanted % self.count])[0])

    def __iter__(self) -> Iterator[int]:
        for start in range(0, self.count, _CHUNK):
            yield from self[start : start + _CHUNK].tolist()

    def __contains__(self, index: object) -> bool:
        if not isinstance(index, int | np.integer) or not 0 <= int(index) < self.space.size:
            return False
        return self._walks.holds(int(index))

    def at(self, ranks: Sequence[int] | Indices) -> Indices:
        """Return the indices of the architectures of given ranks, each from 0 to ``count - 1``.

        Returns
        -------
        array of shape (ranks,)
            int64; Python ints (dtype object) where the space is larger than 2^63.

        Raises
        ------
        BadInput
            If a rank is no such number.
        """
        if isinstance(ranks, str) or not isinstance(ranks, Iterable):
            raise BadInput(f"ranks {ranks!r}: expected a sequence of integers")
        given = [as_int(rank, "rank") for rank in ranks]
        for rank in given:
            if not 0 <= rank < self.count:
                raise BadInput(f"rank {rank} among {self.count} architectures: expected 0 to {self.count - 1}")
        return np.asarray(self.space.index(self._walks.unrank(given)[0]))

    def rank(self, index: int) -> int:
        """Return how many of the architectures have an index below this one, which need not be one of them.

        Raises
        ------
        BadInput
            If the space has no such index.
        """
        return self._walks.below(self.space.check_index(as_int(index, "index")))

    def sample(self, n: int, seed: int = 0) -> Indices:
        """Return n different architectures, every set of n equally likely, as ascending indices.

        Raises
        ------
        BadInput
            If n is below 0 or there are fewer architectures.
        """
        return self.at(draws.subset(draws.integers(seed), self.count, as_int(n, "n")))


def members(space: str | Space, *, where: str | None = None) -> Members:
    """Return the architectures of a space that meet a condition, as a sequence.

    Nothing is enumerated: counting them, finding the i-th, or choosing some uniformly takes milliseconds at any size.

    Parameters
    ----------
    space : str or Space
    where : str, optional
        A condition on features and scores in SQL: a class (``n_conv3x3 = 6 AND residual = 1``), a level of a score
        (``sed = 8.75``), or bounds (``params < 500000 AND n_skip <= 2``).

    Returns
    -------
    Members

    Raises
    ------
    BadInput
        If a name is unknown, a score of a large space is not additive, or there are too many classes.

    Examples
    --------
    >>> import sedspace as ss
    >>> good = ss.members("tss8", where="sed >= 40 AND params < 5000000")
    >>> good.count, good[0], good[0] in good, good.rank(good[12345])
    (7502613915, 745059013366667968, True, 12345)
    """
    return members_by(find_space(space), where, {})


def members_by(space: Space, where: str | None, scores: Mapping[str, Score]) -> Members:
    """Return the architectures that meet a condition, which may name `scores`, too."""
    classes, _, wanted = select(space, [], where, scores)
    return Members(space, Walks(classes, wanted))
