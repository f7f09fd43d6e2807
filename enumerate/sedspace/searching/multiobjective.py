"""A space for pymoo's algorithms, with the true front to hold them against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sedspace.errors import needs
from sedspace.scores import Score
from sedspace.spaces import Space
from sedspace.spaces import space as find_space

if TYPE_CHECKING:
    from sedspace.searching.problem import SpaceProblem

_Scores = str | Score | Sequence[str | Score]


def pymoo_problem(
    space: str | Space, maximize: _Scores = "sed", minimize: _Scores = "params", *, where: str | None = None
) -> SpaceProblem:
    """Return a space as a ``pymoo.core.problem.Problem``, with the true front and a reference point.

    A variable is the digit at a position: an integer. Objectives are scores; those to maximise are negated, as pymoo
    minimises. Each part of the condition that AND joins is a constraint, violated by the relative distance to its
    bound, or by 1. Where not all digits exist (rules, variable depth), ``repair`` replaces what leads nowhere by the
    nearest choice that does; without it such rows violate one more constraint, by the share of digits to be replaced.

    Parameters
    ----------
    space : str or Space
    maximize, minimize : str, Score or sequence of them
        The objectives: one to three in all.
    where : str, optional
        A condition in SQL on scores, features and positions.

    Returns
    -------
    SpaceProblem
        A Problem that has ``pareto_front()`` and ``pareto_set()``, exact at any size as `sedspace.pareto` is,
        ``reference_point()`` for hypervolumes, ``sampling`` and ``repair`` for algorithms, and ``indices(X)``.

    Raises
    ------
    BadInput
        If pymoo is not installed, a name is unknown, or there are no objectives or more than three.

    Examples
    --------
    >>> import sedspace as ss
    >>> from pymoo.algorithms.moo.nsga2 import NSGA2
    >>> from pymoo.indicators.hv import HV
    >>> from pymoo.optimize import minimize
    >>> problem = ss.pymoo_problem("tss5", "sed", "params", where="n_pool <= 2")
    >>> algorithm = NSGA2(40, sampling=problem.sampling, repair=problem.repair)
    >>> found = minimize(problem, algorithm, ("n_gen", 30), seed=1)
    >>> share = HV(problem.reference_point())(found.F) / HV(problem.reference_point())(problem.pareto_front())
    >>> 0.9 < share <= 1, len(problem.indices(found.X)) == len(found.F)
    (True, True)
    """
    try:
        from sedspace.searching.problem import SpaceProblem
    except ModuleNotFoundError as error:
        raise needs("pymoo", "search", "problems of pymoo need") from error
    return SpaceProblem(find_space(space), _several(maximize), _several(minimize), where)


def _several(given: _Scores) -> Sequence[str | Score]:
    return given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
