"""NSGA-II of pymoo on a space: two objectives, children that the space can write."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import needs
from sedspace.searching.task import Proposals, Task

_OBJECTIVES = 2


def nsga_ii(task: Task, random: Random, population: int) -> Proposals:
    """Evolve a population towards the front, as Deb et al. (2002) do and pymoo implements.

    An individual is an architecture. A child takes each digit from either parent, what does not lead on is drawn, and
    then goes one step to a neighbour; a child that does not exist is drawn anew. What has no value is not feasible.
    """
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.evaluator import Evaluator
        from pymoo.core.problem import Problem
        from pymoo.core.termination import NoTermination
        from pymoo.problems.static import StaticProblem
    except ModuleNotFoundError as error:
        raise needs(str(error.name), "search", "nsga2 needs") from None

    problem = Problem(n_var=1, n_obj=_OBJECTIVES, n_ieq_constr=1, vtype=object)
    algorithm = NSGA2(population, **_operators(task, random))
    algorithm.setup(problem, termination=NoTermination(), seed=random.getrandbits(31))
    while True:
        asked = algorithm.ask()
        if asked is None or not len(asked):  # no child that is new
            return
        values, missing = np.zeros((len(asked), _OBJECTIVES)), np.zeros((len(asked), 1))
        for row, index in enumerate(asked.get("X")[:, 0]):
            fitness = yield int(index)
            if fitness is None:
                missing[row] = 1
            else:
                values[row] = np.negative(fitness)
        Evaluator().eval(StaticProblem(problem, F=values, G=missing), asked)
        algorithm.tell(infills=asked)


def _operators(task: Task, random: Random) -> dict[str, Any]:
    """Return what pymoo makes individuals with: arrays of Python integers of any size."""
    from pymoo.core.crossover import Crossover
    from pymoo.core.duplicate import ElementwiseDuplicateElimination
    from pymoo.core.mutation import Mutation
    from pymoo.core.sampling import Sampling

    class Drawn(Sampling):  # type: ignore[misc]
        def _do(self, problem: Any, n_samples: int, **_: Any) -> NDArray[np.object_]:
            return as_column([task.draw(random) for _ in range(n_samples)])

    class EitherParent(Crossover):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_parents=2, n_offsprings=1)

        def _do(self, problem: Any, parents: NDArray[np.object_], **_: Any) -> NDArray[np.object_]:
            rows = [[task.space.digits(int(one)).tolist() for one in pair] for pair in parents[:, :, 0].T]
            mixed = [[random.choice(both) for both in zip(*pair, strict=True)] for pair in rows]
            return as_column([task.space.index(task.ways.followed(one, random)) for one in mixed])[None]

    class OneStep(Mutation):  # type: ignore[misc]
        def _do(self, problem: Any, given: NDArray[np.object_], **_: Any) -> NDArray[np.object_]:
            return as_column([task.step(int(one), random) for one in given[:, 0]])

    class Same(ElementwiseDuplicateElimination):  # type: ignore[misc]
        def is_equal(self, one: Any, other: Any) -> bool:
            return bool(one.X[0] == other.X[0])

    return {
        "sampling": Drawn(),
        "crossover": EitherParent(),
        "mutation": OneStep(prob=1.0),
        "eliminate_duplicates": Same(),
    }


def as_column(indices: list[int]) -> NDArray[np.object_]:
    """Return indices as individuals of one variable."""
    out = np.empty((len(indices), 1), object)
    out[:, 0] = indices
    return out
