"""What a search algorithm is given, and what it is: a generator that yields architectures and is sent their values."""

from __future__ import annotations

from collections.abc import Generator
from random import Random

from sedspace.searching.existing import Existing
from sedspace.searching.ways import Ways
from sedspace.spaces import Space

Fitness = tuple[float, ...] | None
"""A number for each objective, of which more is better; None if an architecture has none."""

Proposals = Generator[int, Fitness, None]
"""Yields the index of an architecture, and is sent its fitness; ends where there is nothing more to propose."""


class Task:
    """A space to search, and which of its architectures exist.

    Attributes
    ----------
    space : Space
    ways : Ways
        How its digits follow each other.
    """

    def __init__(self, space: Space, existing: Existing) -> None:
        self.space, self.existing = space, existing
        self.ways = Ways.of(space)

    def draw(self, random: Random) -> int:
        """Return an architecture that exists, each equally likely."""
        return self.existing.draw(random)

    def around(self, index: int) -> list[int]:
        """Return the neighbours of an architecture that exist, ascending."""
        return self.existing.among(self.space.neighbors(index).tolist())

    def step(self, index: int, random: Random) -> int:
        """Return one of the neighbours that exist, each equally likely; without any an architecture drawn anew."""
        near = self.around(index)
        return near[random.randrange(len(near))] if near else self.draw(random)

    def exists(self, index: int) -> bool:
        """Return whether an architecture exists."""
        return bool(self.existing.among([index]))
