"""A space as a problem of pymoo's: imported only where one is asked for, since pymoo is optional."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymoo.core.problem import Problem
from pymoo.core.repair import Repair
from pymoo.core.sampling import Sampling

from sedspace import counting, draws
from sedspace.condition import Condition
from sedspace.errors import BadInput
from sedspace.scores import Score, find_score
from sedspace.scores.vocabulary import TEXTS, condition_on
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits, Indices

if TYPE_CHECKING:
    import polars as pl

_BEYOND = 0.1  # how far the reference point is behind the front, by the front's own extent
_MOST_OBJECTIVES = 3


class SpaceProblem(Problem):  # type: ignore[misc]  # pymoo has no types
    """The architectures of a space as digits, an integer at each position; see `sedspace.pymoo_problem`.

    Attributes
    ----------
    space : Space
    objectives : list of tuple of Score and int
        Each with 1 if more is better, else -1.
    sampling : pymoo.core.sampling.Sampling
        Draws architectures of the space, each equally likely.
    repair : pymoo.core.repair.Repair
        Rounds, and replaces digits that lead nowhere by the nearest that do.
    """

    def __init__(
        self, space: Space, maximize: Sequence[str | Score], minimize: Sequence[str | Score], where: str | None
    ) -> None:
        self.space, self.where = space, where
        self.objectives = [(find_score(space, one), 1) for one in maximize]
        self.objectives += [(find_score(space, one), -1) for one in minimize]
        names = [score.name for score, _ in self.objectives]
        if not 1 <= len(names) <= _MOST_OBJECTIVES or len(set(names)) < len(names):
            given = ", ".join(names) or "none"
            raise BadInput(f"objectives {given}: expected one to {_MOST_OBJECTIVES} different ones")
        self._parts: list[Condition] = []
        self._named: dict[str, Score] = {}
        if where is not None:
            condition, self._named = condition_on(space, where, {score.name: score for score, _ in self.objectives})
            self._parts = list(condition.parts())
            for name in condition.names:
                if name in TEXTS:
                    raise BadInput(f"where names {name}: expected scores, features and positions")
        self.sampling, self.repair = _Uniform(), _Mending()
        super().__init__(
            n_var=len(space.positions),
            n_obj=len(names),
            n_ieq_constr=len(self._parts) + (space.machine is not None),
            xl=np.zeros(len(space.positions)),
            xu=space.radices - 1,
            vtype=int,
        )

    def mended(self, rows: NDArray[np.number]) -> Digits:
        """Return the digits of architectures, each the nearest to a number that leads on: shape (n, positions)."""
        digits = np.clip(np.rint(rows), 0, self.space.radices - 1).astype(self.space.digit_dtype)
        machine = self.space.machine
        return digits if machine is None else machine.mended(digits).astype(self.space.digit_dtype)

    def indices(self, rows: NDArray[np.number]) -> Indices:
        """Return the indices of the architectures that rows of digits are, or are mended to: shape (n,)."""
        given, wanted = np.atleast_2d(np.asarray(rows)), len(self.space.positions)
        numbers = given.dtype.kind in "iufb" and np.isfinite(given).all()
        if not numbers or given.ndim != 2 or given.shape[1] != wanted:
            raise BadInput(f"rows {str(rows)[:80]!r}: expected {wanted} numbers in each, one for each position")
        return np.asarray(self.space.index(self.mended(given)))

    def reference_point(self) -> NDArray[np.float64]:
        """Return a point that every point of the front beats, to measure hypervolumes from.

        It is a tenth of the front's extent behind the worst of each objective on the front, or 1 where that has none.
        """
        front = self.pareto_front()
        extent = np.ptp(front, axis=0)
        point: NDArray[np.float64] = front.max(axis=0) + np.where(extent > 0, _BEYOND * extent, 1)
        return point

    def _evaluate(self, rows: NDArray[np.number], out: dict[str, object], *_: object, **__: object) -> None:
        digits = self.mended(rows)
        out["F"] = self._minimized([score.values(score.at(self.space, digits)) for score, _ in self.objectives])
        values = {name: score.values(score.at(self.space, digits)) for name, score in self._named.items()}
        excess = [part.excess({name: values[name] for name in part.names}) for part in self._parts]
        if self.space.machine is not None:
            excess.append((np.rint(rows) != digits).mean(axis=1))
        if excess:
            out["G"] = np.stack(excess, axis=1)

    def _minimized(self, values: Sequence[NDArray[np.number]]) -> NDArray[np.float64]:
        """Return objectives of which less is better; what is no number is the worst there is."""
        columns = [-sign * column.astype(np.float64) for (_, sign), column in zip(self.objectives, values, strict=True)]
        rows = np.stack(columns, axis=1)
        return np.where(np.isnan(rows), np.inf, rows)

    def _calc_pareto_front(self) -> NDArray[np.float64]:
        front = self._front
        return self._minimized([front[score.name].to_numpy() for score, _ in self.objectives])

    def _calc_pareto_set(self) -> Digits:
        return self.space.digits_of([int(index) for index in self._front["index"]])

    @cached_property
    def _front(self) -> pl.DataFrame:
        if (front := self._exact()).is_empty():
            raise BadInput(f"no architecture of {self.space.name} meets {self.where!r}: there is no front")
        return front

    def _exact(self) -> pl.DataFrame:
        if len(self.objectives) == 1:
            ((score, sign),) = self.objectives
            return counting.top_k(self.space, 1, score, where=self.where, ascending=sign < 0)
        more, less = ([score for score, sign in self.objectives if sign == wanted] for wanted in (1, -1))
        return counting.pareto(self.space, more, less, where=self.where)


class _Uniform(Sampling):  # type: ignore[misc]
    """Architectures of the space, each equally likely; drawn by pymoo's source of random numbers."""

    def _do(
        self, problem: SpaceProblem, n_samples: int, *_: object, random_state: Any = None, **__: object
    ) -> NDArray[np.int64]:
        source = np.random if random_state is None else random_state
        random, space = draws.integers(int(source.random() * (1 << 53))), problem.space
        return space.digits_of([random.randrange(space.size) for _ in range(n_samples)]).astype(np.int64)


class _Mending(Repair):  # type: ignore[misc]
    """What crossover and mutation make, as architectures of the space."""

    def _do(self, problem: SpaceProblem, X: NDArray[np.number], **_: object) -> NDArray[np.int64]:  # noqa: N803
        return problem.mended(X).astype(np.int64)
