"""Regularized evolution: the best of a sample has a mutated child, and the oldest of the population dies."""

from __future__ import annotations

from collections import deque
from random import Random

from sedspace.searching.task import Fitness, Proposals, Task


def regularized_evolution(task: Task, random: Random, population: int, sample: int) -> Proposals:
    """Evolve a population as Real et al. do (arXiv 1802.01548, algorithm 1).

    There too a population of 100 and samples of 25. The first architectures are drawn uniformly. A child is one of its
    parent's neighbours. What has no value joins no population.
    """
    members: deque[tuple[Fitness, int]] = deque()
    while True:
        if len(members) < population:
            index = task.draw(random)
        else:
            among = [members[random.randrange(population)] for _ in range(sample)]  # with replacement, as there
            _, parent = max(among, key=lambda one: one[0] or ())
            index = task.step(parent, random)
        fitness = yield index
        if fitness is not None:
            members.append((fitness, index))
            if len(members) > population:
                members.popleft()
