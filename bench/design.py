"""The best network within budgets: exact, with its proof, beside an evolutionary search and CP-SAT.

    python bench run design                    (three minutes)

The exact answer comes from best-first search: nothing that it has not looked at can be better. *Evolution* is
Algorithm 1 of Incorporated-NAS (Electronics 13(16) 3325, 2024): a population of 256, a random member mutated at each of
96,000 iterations, the worst removed. It asks for the same score and keeps to the same budgets, from the same tables as
the exact answer. *CP-SAT* is OR-tools' solver (``pip install ortools``), asked for the same maximum over the same
machine; without it, its column is empty.
"""

from __future__ import annotations

import importlib.util
import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np

import sedspace as ss
from bench.measuring import THREADS, markdown_table, timed
from sedspace.counting.compiled import States
from sedspace.scores import AdditiveScore, find_score
from sedspace.searching.algorithms.incorporated import evolved
from sedspace.searching.ways import Ways

POPULATION, ITERATIONS, SEEDS = 256, 96_000, 3
PATIENCE = 30.0  # seconds that CP-SAT has
MOST = 100_000  # pairs of states and choices that it is given
_SPACES: dict[str, Mapping[str, float]] = {
    "ofa_mbv3": {"macs": 300_000_000, "params": 6_000_000},
    "ezennet_resnet": {"params": 1_000_000},
    "ezennet_mobile": {"macs": 400_000_000, "params": 6_000_000},
}
QUESTIONS: dict[str, tuple[str, str, Mapping[str, float]]] = {
    f"{space} by {title}": (space, by, budgets)
    for space, budgets in _SPACES.items()
    for by, title in (("sed", "SED"), ("entropy", "entropy"), ("e_score", "E-score"))
}
"""Space, score and the most that an architecture may have of others."""


@dataclass
class Problem:
    """A question as tables: what each choice adds in each state, and what is made of the sums.

    Attributes
    ----------
    space : Space
    scores : list of AdditiveScore
        The objective, then what is bounded.
    most : list of float
        Of each bounded score.
    steps : list of int32[states, choices]
    tables : list of list of int64[states, choices, sums]
        For each score and position.
    """

    space: ss.Space
    scores: list[AdditiveScore]
    most: list[float]
    steps: list[Any]
    tables: list[list[Any]]

    @classmethod
    def of(cls, name: str, by: str, budgets: Mapping[str, float]) -> Problem:
        """Return a question as tables."""
        space = ss.space(name)
        scores = [find_score(space, one) for one in (by, *budgets)]
        assert all(isinstance(score, AdditiveScore) for score in scores)
        states = States(space, scores)
        steps = states.steps_of(range(len(space.positions)))
        tables = [states.expanded(score, score.tables(space)) for score in scores]
        if steps is None:  # one state
            steps = [np.zeros((1, radix), np.int32) for radix in space.radices.tolist()]
            tables = [[table[None] for table in own] for own in tables]
        return cls(space, scores, list(budgets.values()), steps, tables)

    def room(self, number: int) -> int:
        """Return what choices may add at most to a bounded score, beyond what every architecture has of it."""
        score = self.scores[number]
        every = score.values(score.keys(self.space, np.zeros((1, 1), np.int64)))[0].item()
        return math.floor(self.most[number - 1] - every)

    def values(self, sums: list[Any]) -> list[float]:
        """Return the values of all scores of one architecture, from its sums."""
        return [
            score.values(score.keys(self.space, own[None]))[0].item()
            for score, own in zip(self.scores, sums, strict=True)
        ]


class Evolution:
    """Algorithm 1 of Incorporated-NAS on a space, asked for values by tables: see `sedspace.searching`.

    The first member is the first architecture of the space, its smallest.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        self._random = random.Random(seed)
        self._steps = [step.tolist() for step in problem.steps]
        self._added = [np.concatenate(at, axis=-1) for at in zip(*problem.tables, strict=True)]
        self._ends = np.cumsum([table[0].shape[-1] for table in problem.tables])[:-1]

    def run(self, population: int, iterations: int) -> float:
        """Return the best value that is found."""
        space = self._problem.space
        ways = Ways(space.radices.tolist(), self._problem.steps)
        proposals = evolved(ways, space.digits(0).tolist(), self._random, population)
        if (best := self._value(next(proposals))) is None:
            raise SystemExit(f"architecture 0 of {space.name} does not keep to the budgets")
        value: float | None = best
        for _ in range(iterations):
            value = self._value(proposals.send(value))
            best = best if value is None else max(best, value)
        return best

    def _value(self, digits: Sequence[int]) -> float | None:
        """Return the value of an architecture; None if it breaks a budget."""
        state, sums = 0, 0
        for step, table, digit in zip(self._steps, self._added, digits, strict=True):
            sums = sums + table[state, digit]
            state = step[state][digit]
        value, *costs = self._problem.values(np.split(sums, self._ends))
        within = all(cost <= most for cost, most in zip(costs, self._problem.most, strict=True))
        return value if within else None


def cp_sat(problem: Problem) -> dict[str, Any] | None:
    """Return what CP-SAT answers: a way through the machine, an integer for each sum; None where it cannot be asked.

    What is to be optimised, and what is bounded, must be a sum; of the E-score the entropy is, and its penalty is a
    table of what the other two sums may be.
    """
    if importlib.util.find_spec("ortools") is None or any(len(score.features) > 1 for score in problem.scores[1:]):
        return None
    objective = problem.scores[0]
    if sum(step.size for step in problem.steps) > MOST or (
        objective.name != "e_score" and any(_varies(problem, column) for column in range(1, len(objective.features)))
    ):
        return None
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    taken, sums = way(model, problem.steps, problem.tables)
    for number, (cost,) in enumerate(sums[1:], start=1):
        model.add(cost <= problem.room(number))
    model.maximize(_objective(model, problem, sums[0]))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.max_time_in_seconds = THREADS, PATIENCE
    status = solver.solve(model)
    out: dict[str, Any] = {"status": solver.status_name(status), "value": None}
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        state, found = 0, [0] * len(problem.scores)
        for position, step in enumerate(problem.steps):
            digit = next(d for (at, d), one in taken[position].items() if at == state and solver.value(one))
            for number, tables in enumerate(problem.tables):
                found[number] = found[number] + tables[position][state, digit]
            state = step[state, digit]
        out["value"] = problem.values(found)[0]
    return out


def _varies(problem: Problem, column: int) -> bool:
    """Return whether architectures differ in a sum of the objective."""
    return any(table[..., column].any() for table in problem.tables[0])


def way(
    model: Any, steps: list[Any], scores: list[list[Any]]
) -> tuple[list[dict[tuple[int, int], Any]], list[list[Any]]]:
    """Return for each position a variable for each state and choice, and the sums of each score along the way."""
    taken: list[dict[tuple[int, int], Any]] = []
    sums: list[list[Any]] = [[0] * tables[0].shape[-1] for tables in scores]
    arriving: dict[int, list[Any]] = {0: [1]}
    for position, step in enumerate(steps):
        here = {
            (s, d): model.new_bool_var("") for s, d in zip(*map(np.ndarray.tolist, np.nonzero(step >= 0)), strict=True)
        }
        for state, ways in arriving.items():
            model.add(sum(one for (at, _), one in here.items() if at == state) == sum(ways))
        arriving = {}
        for (state, digit), one in here.items():
            arriving.setdefault(int(step[state, digit]), []).append(one)
            for own, tables in zip(sums, scores, strict=True):
                for column, added in enumerate(tables[position][state, digit].tolist()):
                    own[column] = own[column] + added * one
        taken.append(here)
    return taken, sums


def _objective(model: Any, problem: Problem, sums: list[Any]) -> Any:
    """Return what is to be maximised, in the unit of the first sum."""
    score = problem.scores[0]
    if score.name != "e_score":
        return sums[0]
    total, square, penalty = (model.new_int_var(-(1 << 50), 1 << 50, "") for _ in range(3))
    model.add(total == sums[1])
    model.add(square == sums[2])
    most = [sum(int(table[..., column].max()) for table in problem.tables[0]) for column in (1, 2)]
    pairs = np.array([(0, *pair) for pair in product(*(range(one + 1) for one in most))], np.int64)
    keys = score.keys(problem.space, pairs)
    lost = np.maximum(np.rint((keys - keys[0]) * (1 << 32)), -(2.0**50)).astype(np.int64)
    rows = [(a, b, one) for (_, a, b), one in zip(pairs.tolist(), lost.tolist(), strict=True)]
    model.add_allowed_assignments([total, square, penalty], rows)
    return sums[0] + penalty


def measure(iterations: int = ITERATIONS, seeds: int = SEEDS) -> dict[str, Any]:
    """Return what each side finds for each question, and in what time."""
    out: dict[str, Any] = {
        "population": POPULATION,
        "iterations": iterations,
        "patience": PATIENCE,
        "questions": {},
    }
    for name, (space, by, budgets) in QUESTIONS.items():
        where = " AND ".join(f"{cost} <= {most}" for cost, most in budgets.items())
        best, seconds = timed(partial(ss.top_k, space, 1, by, where=where))
        problem = Problem.of(space, by, budgets)
        runs = [
            timed(lambda seed=seed, p=problem: Evolution(p, seed).run(POPULATION, iterations)) for seed in range(seeds)
        ]
        solver, its_seconds = timed(partial(cp_sat, problem))
        value = best[by].item()
        found = [one for one, _ in runs] + ([solver["value"]] if solver and solver["value"] is not None else [])
        if max(found) > value + 1e-6 * abs(value):
            raise SystemExit(f"{name}: {max(found)} is found, better than {value}, which should be the best")
        out["questions"][name] = {
            "size": str(problem.space.size),
            "budgets": budgets,
            "value": value,
            "index": str(best["index"].item()),
            "arch": best["arch"].item(),
            "seconds": seconds,
            "evolution": {
                "values": [one for one, _ in runs],
                "seconds": statistics.median(one for _, one in runs),
            },
            "cp_sat": solver and {**solver, "seconds": its_seconds},
        }
    return out


def markdown(results: dict[str, Any]) -> str:
    """Return the results as a table of the README."""
    heads = ["best network", "exact: value", "seconds", "evolution: regret", "seconds", "CP-SAT: regret", "seconds"]
    rows = []
    for name, one in results["questions"].items():
        values, solver = one["evolution"]["values"], one["cp_sat"]
        regret = (one["value"] - statistics.median(values)) / abs(one["value"])
        cells = [
            name,
            f"{one['value']:,.2f}",
            f"{one['seconds']:.1f}",
            f"{regret:.2%}",
            f"{one['evolution']['seconds']:.1f}",
        ]
        rows.append([*cells, *_of_solver(one["value"], solver)])
    return "\n".join(
        [
            *markdown_table(heads, rows),
            "",
            f"Budgets: {'; '.join(_of_budgets(results))}.",
            f"CP-SAT has {results.get('patience', 300):.0f} seconds for each; a dash: its machine is too large for it.",
            f"Evolution: a population of {results['population']}, {results['iterations']:,} iterations, the median of "
            f"{len(values)} seeds. Regret is the difference from the exact best in percent of it.",
        ]
    )


def _of_budgets(results: dict[str, Any]) -> Iterator[str]:
    """Yield the budgets of each space."""
    known = {name.split()[0]: one["budgets"] for name, one in results["questions"].items()}
    for space, budgets in known.items():
        yield f"`{space}` {' and '.join(f'{most / 1e6:,.0f} million {cost}' for cost, most in budgets.items())}"


def _of_solver(value: float, solver: dict[str, Any] | None) -> tuple[str, str]:
    """Return regret and seconds of CP-SAT."""
    if solver is None:
        return "-", "-"
    if solver["value"] is None:
        return solver["status"].lower(), f"{solver['seconds']:.1f}"
    proved = "" if solver["status"] == "OPTIMAL" else " (not proved)"
    return f"{(value - solver['value']) / abs(value):.2%}{proved}", f"{solver['seconds']:.1f}"
