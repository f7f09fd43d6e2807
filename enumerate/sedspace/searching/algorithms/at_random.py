"""Random search: architectures drawn uniformly, one after the other."""

from __future__ import annotations

from random import Random

from sedspace.searching.task import Proposals, Task


def random_search(task: Task, random: Random) -> Proposals:
    """Draw architectures, each equally likely."""
    while True:
        yield task.draw(random)
