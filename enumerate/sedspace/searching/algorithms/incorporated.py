"""Incorporated-NAS's search: a random member is mutated at one position, and the worst is removed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from random import Random
from typing import Any

from sedspace.searching.task import Proposals, Task
from sedspace.searching.ways import Ways

_MISSES = 1000  # mutations in a row that do not exist


def incorporated_nas(task: Task, random: Random, population: int) -> Proposals:
    """Evolve a population as Algorithm 1 of Incorporated-NAS does (Electronics 13(16) 3325, 2024; there 256 of them).

    It begins with the first architecture of the space, its smallest, or with one that is drawn where that does not
    exist. A mutation that is not within the budgets is no step; after a thousand in a row it begins again elsewhere.
    """
    first = 0 if task.exists(0) else task.draw(random)
    while True:
        proposals, misses = evolved(task.ways, task.space.digits(first).tolist(), random, population), 0
        digits = next(proposals)
        while misses < _MISSES:
            index = task.space.index(digits)
            misses = 0 if task.exists(index) else misses + 1
            digits = proposals.send(None if misses else (yield index))
        first = task.draw(random)


def evolved(
    ways: Ways, first: Sequence[int], random: Random, population: int
) -> Generator[Sequence[int], Any | None, None]:
    """Yield digits, and be sent their value, or None if they are not within the budgets.

    A mutation draws one position anew; what follows stays where that still exists, and is drawn anew where not.
    """
    value = yield first
    members = [] if value is None else [(value, first)]
    while True:
        parent = random.choice(members)[1] if members else first
        digits = ways.followed(parent, random, anew=random.randrange(len(first)))
        value = yield digits
        if value is not None:
            members.append((value, digits))
            if len(members) > population:
                members.remove(min(members))
