"""Running a search algorithm: what it proposes is looked at once, written down, and told to it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import polars as pl

from sedspace import draws
from sedspace.errors import BadInput, at_least_one
from sedspace.progress import Progress, progress_of
from sedspace.scores import Score, known_scores
from sedspace.searching.algorithms import Algorithm, find_algorithm
from sedspace.searching.existing import Existing
from sedspace.searching.objectives import Objective, ScoreObjective, TableObjective, objective_of
from sedspace.searching.proxies import ProxyObjective, is_proxy
from sedspace.searching.task import Fitness, Proposals, Task
from sedspace.searching.trajectory import (
    Setting,
    Step,
    Trajectory,
    read_trajectory,
    rows_of,
    steps_of,
    write_trajectory,
)
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.storage import Location, as_file, naming
from sedspace.storage.sealed import Seldom
from sedspace.version import __version__

_MOST_KNOWN = 1000  # proposals in a row that were looked at before: the algorithm goes in circles
_MOST_IN_VAIN = 3  # beginnings in a row that lead to nothing new


def search(
    space: str | Space,
    objective: str | Score | Objective | None = None,
    algorithm: str = "evolution",
    budget: int = 1000,
    seed: int = 0,
    *,
    maximize: str | Score | Objective | None = None,
    minimize: str | Score | Objective | None = None,
    where: str | None = None,
    ascending: bool = False,
    table: pl.DataFrame | str | Path | None = None,
    options: Mapping[str, int | str] | None = None,
    out: str | Path | None = None,
    progress: bool = True,
) -> Trajectory:
    """Search a space with an algorithm, so that it can be held against the exact optimum.

    A step is an architecture that is looked at for the first time: what is known is told to the algorithm again and
    costs nothing; an algorithm that goes in circles begins again. What does not meet `where`, or does not stand in the
    table, does not exist: no algorithm looks at it.
    An architecture on which the objective is no number is a step without a value, and the search goes on.

    Parameters
    ----------
    space : str or Space
    objective : str, Score or Objective, optional
        A score, a fit among them; with `table` a column of it; else a zero-cost proxy on networks (`ProxyObjective`
        for one with other batches or another device). Default: ``sed``.
    algorithm : str, default "evolution"
        ``random``, ``local`` (local search), ``evolution`` (regularized, Real et al. 2019), ``nsga2`` (of pymoo, two
        objectives), ``tpe`` (of Optuna), ``best_of`` (n random ones, the best by a score first), ``incorporated``
        (Algorithm 1 of Incorporated-NAS), ``zero_cost_pt`` (what is left of a supernet of `tss` or `darts`).
    budget : int, default 1000
        How many steps; the search ends before if the algorithm has nothing new to propose.
    seed : int, default 0
        The same seed gives the same steps.
    maximize, minimize : str, Score or Objective, optional
        Two objectives instead of one, for ``nsga2``.
    where : str, optional
        A condition on features and scores in SQL, such as ``params < 500000``.
    ascending : bool, default False
        Whether less of the objective is better.
    table : polars.DataFrame or path, optional
        Measured values: Parquet or CSV with ``arch`` or ``index``.
    options : mapping of str to int or str, optional
        The algorithm's: ``population`` (100) and ``sample`` (25) of ``evolution``, ``population`` of ``nsga2`` (100)
        and of ``incorporated`` (256), ``startup`` (10) of ``tpe``, ``n`` (2000) and ``score`` (sed) of ``best_of``;
        of ``zero_cost_pt`` ``proxy`` (naswot), ``n`` (10 candidates), ``rounds`` (100 batches that validate them),
        ``batch`` (64) and ``device`` (auto).
    out : str or Path, optional
        A Parquet file: written every few seconds, continued if it holds a search of the same setting.
    progress : bool, default True
        Whether to show a progress bar on stderr.

    Returns
    -------
    Trajectory
        Its `rows`, the `best` of them, and `judge`: regret and exact rank.

    Raises
    ------
    BadInput
        If a name or option is unknown, the algorithm does not fit, needs what is not installed, nothing meets the
        condition, or `out` holds another search.

    Examples
    --------
    >>> import sedspace as ss
    >>> found = ss.search("tss5", "sed", "evolution", budget=500, seed=1, progress=False)
    >>> found.best["value"], found.judge().rows["rank"][-1]
    (15.75, 1)
    """
    found = find_space(space)
    chosen = find_algorithm(algorithm)
    number = at_least_one(budget, "budget")
    objectives = _objectives(found, chosen, objective, ascending, table, (maximize, minimize), draws.checked_seed(seed))
    listed = next((one.listed for one in objectives if one.listed is not None), None)
    scores = [one.score for one in objectives if isinstance(one, ScoreObjective)]
    task = Task(found, Existing(found, where, listed, scores))
    setting = Setting(
        space=found.describe(),
        objectives=[one.definition for one in objectives],
        where=where,
        algorithm=chosen.name,
        options=chosen.checked({} if options is None else options),
        seed=draws.checked_seed(seed),
        sedspace=__version__,
    )
    file = None if out is None else as_file(out)
    with nullcontext() if file is None else file.sole_writer():
        there = [] if file is None else _found(file, setting, number)
        run = _Run(task, chosen, setting, objectives, there, file)
        with progress_of(number, "step", initial=len(there), shown=progress) as bar:
            return run.to(number, bar)


def _objectives(
    space: Space,
    algorithm: Algorithm,
    objective: str | Score | Objective | None,
    ascending: bool,
    table: pl.DataFrame | str | Path | None,
    two: tuple[str | Score | Objective | None, str | Score | Objective | None],
    seed: int,
) -> list[Objective]:
    """Return what is optimised; raise `BadInput` if the algorithm is for more, or for less."""
    given = [one for one in two if one is not None]
    if given and (objective is not None or ascending or len(given) < 2):
        raise BadInput("maximize and minimize are two objectives together, instead of one: expected both and no other")
    if (count := len(given) or 1) != algorithm.objectives:
        wanted = "one" if algorithm.objectives == 1 else "two: maximize and minimize (--max, --min)"
        raise BadInput(f"algorithm {algorithm.name!r} with {count} objective{'s'[: count - 1]}: expected {wanted}")
    if isinstance(objective, Objective) and (ascending or table is not None):
        raise BadInput("ascending and table belong to the objective that is given: expected neither beside it")
    if given:
        found = [_objective(space, one, less, table, seed) for one, less in zip(given, (False, True), strict=True)]
        for one, less in zip(found, (False, True), strict=True):
            if one.less != less:
                raise BadInput(f"{'less' if less else 'more'} of {one.name} is not better, as it is defined")
        if found[0].name == found[1].name:
            raise BadInput(f"maximize and minimize are both {found[0].name}: expected two different ones")
        return found
    return [_objective(space, "sed" if objective is None else objective, ascending, table, seed)]


def _objective(
    space: Space,
    given: str | Score | Objective,
    less: bool,
    table: pl.DataFrame | str | Path | None,
    seed: int,
) -> Objective:
    """Return what is optimised by a name: a column of a table, a score, or else a proxy."""
    if not isinstance(given, str) or table is not None or given in known_scores(space) or not is_proxy(given):
        return objective_of(space, given, less, table)
    made = ProxyObjective(space, given, seed=seed)
    if less and not made.less:
        raise BadInput(f"ascending with {given}: of this proxy more is better")
    return made


def _found(file: Location, setting: Setting, budget: int) -> list[Step]:
    """Return the steps of an unfinished search of the same setting; none if there is no file."""
    with naming(file):
        if file.size() is None:
            return []
    there, mine = read_trajectory(file.path), _plain(setting)
    for key, value in _plain(there.setting).items():
        if mine.get(key) != value:
            raise BadInput(f"{file} holds another search: its {key} is {value!r}, the request's {mine.get(key)!r}")
    if len(there.rows) > budget:
        raise BadInput(f"{file} holds {len(there.rows):,} steps: expected a budget of so many or more, not {budget:,}")
    return steps_of(there.rows)


def _plain(setting: Setting) -> dict[str, object]:
    """Return a setting as plain values by their names, the space by its name first."""
    out: dict[str, object] = {"space": setting.space["name"], "objectives": [one["name"] for one in setting.objectives]}
    for one in setting.objectives:
        for key, value in one.items():
            inner = value if isinstance(value, dict) else {"": value}
            out |= {" ".join(filter(None, (str(one["name"]), key, name))): within for name, within in inner.items()}
    rest = {key: value for key, value in asdict(setting).items() if key not in ("space", "objectives")}
    return {**out, **rest, "definition of the space": setting.space}


class _Run:
    """A search, from its first step on: steps that were written before are taken from there.

    An algorithm is led again through what it did before, so that it goes on as if it had never been interrupted.
    """

    def __init__(
        self,
        task: Task,
        algorithm: Algorithm,
        setting: Setting,
        objectives: Sequence[Objective],
        there: Sequence[Step],
        file: Location | None,
    ) -> None:
        self._task, self._setting, self._objectives, self._file = task, setting, objectives, file
        self._algorithm, self._random, self._there = algorithm, draws.integers(setting.seed), there
        self._saves = Seldom(times=20)
        self._steps: list[Step] = []
        self._known: dict[int, Fitness] = {}

    def to(self, budget: int, bar: Progress) -> Trajectory:
        """Go on until there are so many steps, or nothing new is proposed."""
        try:
            self._go(budget, bar)
        finally:
            if self._file is not None and len(self._steps) > len(self._there):
                write_trajectory(self._file, self.trajectory())
        return self.trajectory()

    def _go(self, budget: int, bar: Progress) -> None:
        began = time.monotonic()
        for index in self._new():
            step = self._step(index, began)
            self._steps.append(step)
            self._known[index] = self._fitness(step)
            began = time.monotonic()
            if len(self._steps) > len(self._there):
                bar.update()
                self._save_now_and_then()
            if len(self._steps) >= budget or len(self._known) == self._task.existing.count:
                return

    def _new(self) -> Iterator[int]:
        """Yield what is proposed for the first time, and is known when it goes on."""
        in_vain = 0
        while in_vain < _MOST_IN_VAIN:
            begun, again = len(self._known), 0
            proposals = self._algorithm.run(self._task, self._random, **self._setting.options)
            index = next(proposals, None)
            while again < _MOST_KNOWN:
                if index is None:
                    return
                again += 1
                if index not in self._known:
                    again = 0
                    yield index
                index = _sent(proposals, self._known[index])
            in_vain = in_vain + 1 if len(self._known) == begun else 0

    def _save_now_and_then(self) -> None:
        if self._file is not None and self._saves.is_due():
            with self._saves.writing():
                write_trajectory(self._file, self.trajectory())

    def _step(self, index: int, began: float) -> Step:
        """Return a step, as it was written or else looked at now."""
        number = len(self._steps)
        if number < len(self._there):
            if self._there[number].index != index:
                raise BadInput(
                    f"{self._file} holds another search: its step {number + 1} is {self._there[number].index}, and "
                    f"{index} here, where other versions are installed"
                )
            return self._there[number]
        found = [objective.value(index) for objective in self._objectives]
        reasons = [reason for _, reason in found if reason is not None]
        values = tuple(None if reasons else value for value, _ in found)
        return Step(index, values, time.monotonic() - began, "; ".join(reasons) or None)

    def _fitness(self, step: Step) -> Fitness:
        if None in step.values:
            return None
        both = zip(step.values, self._objectives, strict=True)
        return tuple(-value if one.less else value for value, one in both if value is not None)

    def trajectory(self) -> Trajectory:
        """Return what there is so far."""
        rows = rows_of(self._task.space, self._steps, self._setting.objectives)
        tables = [one.path if isinstance(one, TableObjective) else None for one in self._objectives]
        return Trajectory(self._setting, rows, self._objectives, tables=tables)


def _sent(proposals: Proposals, fitness: Fitness) -> int | None:
    """Return what is proposed next; None if nothing is."""
    try:
        return proposals.send(fitness)
    except StopIteration:
        return None
