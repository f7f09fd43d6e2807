"""Which architectures a search may look at: those that meet a condition, and stand in a table if there is one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from sedspace import draws
from sedspace.condition import Condition
from sedspace.counting import members
from sedspace.errors import BadInput
from sedspace.scores import Score
from sedspace.scores.vocabulary import condition_on
from sedspace.spaces import Space
from sedspace.spaces.radix import INT64_END

_AT_ONCE = 256  # random architectures that a condition is asked about
_MOST_MET = 1 << 20  # answers of the condition that are kept
_TRIES = 1 << 16  # of them before those that meet it are counted


class Existing:
    """The architectures that there are for a search.

    Parameters
    ----------
    space : Space
    where : str, optional
        A condition on features and scores in SQL.
    listed : sequence of int, optional
        These, and no others.
    scores : iterable of Score
        That the condition may name, beside those of the space.

    Attributes
    ----------
    count : int or None
        How many there are; None if that is not known, for a condition on a large space.
    """

    def __init__(
        self,
        space: Space,
        where: str | None = None,
        listed: Sequence[int] | None = None,
        scores: Iterable[Score] = (),
    ) -> None:
        self._space, self._where = space, where
        self._condition: Condition | None = None
        named: dict[str, Score] = {}
        if where is not None:
            self._condition, named = condition_on(space, where, {score.name: score for score in scores})
        if self._condition is not None and "index" in self._condition.names and space.size > INT64_END:
            raise BadInput(f"where {where!r} names index, and those of {space.name} exceed int64")
        self._scores = {name: (score, score.lookup(space)) for name, score in named.items()}
        self._members: set[int] | None = None
        self._met: dict[int, bool] = {}
        self._listed = None if listed is None else self.among(listed)
        self._members = None if self._listed is None else {*self._listed}
        if self._listed == []:
            raise BadInput(
                f"no architecture of the table meets {where!r}" if listed else "the table has no architectures"
            )
        self.count = len(self._listed) if self._listed is not None else space.size if where is None else None

    def among(self, indices: Sequence[int]) -> list[int]:
        """Return those of some architectures that there are, in order."""
        if self._members is not None:
            return [index for index in indices if index in self._members]
        if self._condition is None:
            return [*indices]
        if len(self._met) > _MOST_MET:
            self._met.clear()
        new = [index for index in dict.fromkeys(indices) if index not in self._met]
        if new:
            self._met.update(zip(new, self._holds(self._condition, new), strict=True))
        return [index for index in indices if self._met[index]]

    def _holds(self, condition: Condition, indices: Sequence[int]) -> list[bool]:
        """Return which architectures meet the condition."""
        digits = self._space.digits_of(np.array(indices, np.int64 if self._space.size <= INT64_END else object))
        known: dict[str, NDArray[np.generic]] = {
            name: score.values(lookup(digits)) for name, (score, lookup) in self._scores.items()
        }
        if "index" in condition.names:
            known["index"] = np.array(indices, np.int64)
        if "arch" in condition.names:
            known["arch"] = self._space.archs(digits)
        held: list[bool] = condition.holds(known).tolist()
        return held

    def draw(self, random: Random) -> int:
        """Return one, each equally likely."""
        return self.several(random, 1)[0]

    def several(self, random: Random, n: int) -> list[int]:
        """Return n different ones, every set equally likely, ascending; fewer if there are no more.

        Raises
        ------
        BadInput
            If there are none, or so few that none was found and they cannot be counted.
        """
        if self._listed is not None:
            return [
                self._listed[number] for number in draws.subset(random, len(self._listed), min(n, len(self._listed)))
            ]
        if self._where is None:
            return draws.subset(random, self._space.size, min(n, self._space.size))
        found: dict[int, None] = {}
        for tried in range(0, max(_TRIES, 64 * n), _AT_ONCE):
            found |= dict.fromkeys(self.among([random.randrange(self._space.size) for _ in range(_AT_ONCE)]))
            if len(found) >= n:
                return sorted([*found][:n])
            if tried >= _TRIES and not found:
                break
        return self._counted(random, n)

    def _counted(self, random: Random, n: int) -> list[int]:
        """Return n different ones of few."""
        try:
            every = members(self._space, where=self._where)
        except BadInput as error:
            raise BadInput(
                f"{_TRIES:,} random architectures of {self._space.name}, hardly one of which meets {self._where!r}, "
                f"and they cannot be counted: {error}"
            ) from None
        if not every.count:
            raise BadInput(f"no architecture of {self._space.name} meets {self._where!r}")
        return [int(index) for index in every.at(draws.subset(random, every.count, min(n, every.count)))]
