"""The best of n random architectures by a score that costs nothing, SED unless told otherwise."""

from __future__ import annotations

from random import Random

import numpy as np

from sedspace.scores import find_score
from sedspace.searching.task import Proposals, Task


def best_by_score(task: Task, random: Random, n: int, score: str) -> Proposals:
    """Draw n different architectures and look at them from the best to the least by a score.

    The protocol of the SED paper (arXiv 2411.06236) is the first of 2,000: with a budget of 1.
    """
    chosen = task.existing.several(random, n)
    scorer = find_score(task.space, score)
    values = scorer.values(scorer.at(task.space, task.space.digits(chosen))).astype(np.float64)
    order = np.argsort(-values, kind="stable")  # ties by the lowest index; NaN last
    yield from (chosen[number] for number in order.tolist())
