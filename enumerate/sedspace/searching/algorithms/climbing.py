"""Local search: to the first neighbour that is better, and from a random architecture again where none is."""

from __future__ import annotations

from random import Random

from sedspace.searching.task import Proposals, Task


def local_search(task: Task, random: Random) -> Proposals:
    """Climb from random architectures: look at the neighbours in random order, and go to the first that is better.

    White, Nolen and Savani, "Exploring the loss landscape in neural architecture search" (arXiv 2005.02960), there in
    the form that looks at all neighbours before it goes; going at once takes fewer evaluations where there are many.
    """
    while True:
        at = task.draw(random)
        fitness = yield at
        climbing = fitness is not None
        while climbing:
            climbing = False
            near = task.around(at)
            random.shuffle(near)
            for one in near:
                found = yield one
                if fitness is not None and found is not None and found > fitness:
                    at, fitness, climbing = one, found, True
                    break
