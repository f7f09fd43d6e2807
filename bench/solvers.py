"""Exact peers asked what sedspace is asked: Graphillion, OR-tools' CP-SAT, dd and OxiDD.

Each is given a space as the steps of its machine, and scores as what each choice adds in each state. SED multiplies a
factor of skips with the rest. With the factors given it is a sum: peers that know sums only are asked once for each
combination of factors, a slice.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.design import Problem, way

Slice = tuple[int, ...]
"""The skips of each cell; empty where a score is one sum."""
Edge = tuple[int, int, int]
"""A position, a state and a choice."""


class Late(Exception):
    """Time is over before the answer is proved."""


class Sliced:
    """A problem whose objective is a sum in each slice."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.score, self.steps = problem, problem.scores[0], problem.steps
        self.width = len(self.score.features)
        self.groups = problem.tables[0][0].shape[-1] // self.width
        self.multiplies = self.width > 1

    @cached_property
    def base(self) -> int:
        """What every architecture has of the objective's key."""
        return int(self.score.keys(self.problem.space, np.zeros((1, self.groups * self.width), np.int64))[0])

    def skips(self, edge: Edge) -> Slice:
        """Return the skips that a choice adds to each cell."""
        position, state, choice = edge
        row = self.problem.tables[0][position][state, choice]
        return tuple(row[:: self.width].tolist()) if self.multiplies else ()

    def weights(self, one: Slice) -> list[int]:
        """Return what each sum of the objective counts in a slice."""
        if not self.multiplies:
            return [int(self.score.keys(self.problem.space, np.ones((1, 1), np.int64))[0]) - self.base]
        out = []
        for group, factor in enumerate(one):
            units = np.eye(self.width, dtype=np.int64)
            units[:, 0] = factor
            keys = self.score.group_keys(self.problem.space, group, units)
            out += [0, *(int(key) for key in keys[1:])]
        return out

    def edges(self, position: int) -> Iterator[Edge]:
        """Yield the choices at a position by state."""
        for state, choice in zip(*map(np.ndarray.tolist, np.nonzero(self.steps[position] >= 0)), strict=True):
            yield position, state, choice

    def slices(self) -> list[Slice]:
        """Return the slices that there are."""
        known: set[tuple[int, Slice]] = {(0, (0,) * self.groups if self.multiplies else ())}
        for position in range(len(self.steps)):
            adds = {(s, int(self.steps[p][s, d]), self.skips((p, s, d))) for p, s, d in self.edges(position)}
            known = {
                (led, tuple(a + b for a, b in zip(own, more, strict=True)))
                for state, own in known
                for at, led, more in adds
                if at == state
            }
        return sorted(one for _, one in known)

    def key(self, edges: list[Edge]) -> int:
        """Return the key of an architecture."""
        sums = sum(self.problem.tables[0][p][s, d] for p, s, d in edges)
        return int(self.score.keys(self.problem.space, np.asarray(sums)[None])[0])

    def cost(self, number: int) -> list[NDArray[np.int64]]:
        """Return what each choice adds to a bounded score, by position, state and choice."""
        return [table[..., 0] for table in self.problem.tables[number]]


# -- Graphillion -------------------------------------------------------------------------------------------------------


def _family(sliced: Sliced, by_slice: bool) -> dict[Slice, Any]:
    """Return the architectures as sets of edges, by slice or all together."""
    from graphillion import setset

    setset.set_universe([edge for position in range(len(sliced.steps)) for edge in sliced.edges(position)])
    at: dict[tuple[int, Slice], Any] = {(0, (0,) * sliced.groups if by_slice else ()): setset([[]])}
    for position, step in enumerate(sliced.steps):
        kinds: dict[tuple[int, int, Slice], list[list[Edge]]] = {}
        for edge in sliced.edges(position):
            more = sliced.skips(edge) if by_slice else ()
            kinds.setdefault((edge[1], int(step[edge[1], edge[2]]), more), []).append([edge])
        after: dict[tuple[int, Slice], Any] = {}
        for (state, own), family in at.items():
            for (begins, led, more), edges in kinds.items():
                if begins == state:
                    key = led, tuple(a + b for a, b in zip(own, more, strict=True))
                    joined = family.join(setset(edges))
                    after[key] = after[key] | joined if key in after else joined
        at = after
    return {own: family for (_, own), family in at.items()}


def graphillion_top(problem: Problem, k: int) -> list[int]:
    """Return the k greatest keys."""
    sliced = Sliced(problem)
    found: list[int] = []
    for one, family in _family(sliced, sliced.multiplies).items():
        weights = sliced.weights(one)
        worth = {
            edge: int(problem.tables[0][edge[0]][edge[1], edge[2]] @ weights)
            for position in range(len(sliced.steps))
            for edge in sliced.edges(position)
        }
        found += [sliced.key(list(edges)) for edges in islice(family.max_iter(worth), k)]
    return sorted(found, reverse=True)[:k]


def _bounded(sliced: Sliced, number: int) -> Any:
    """Return the architectures that keep to a bound."""
    (family,) = _family(sliced, by_slice=False).values()
    cost = sliced.cost(number)
    unit = math.gcd(*(int(one) for table in cost for one in np.unique(table))) or 1
    edges = [edge for position in range(len(sliced.steps)) for edge in sliced.edges(position)]
    return family.cost_le(
        {(p, s, d): int(cost[p][s, d]) // unit for p, s, d in edges}, sliced.problem.room(number) // unit
    )


def graphillion_count(problem: Problem) -> int:
    """Return how many architectures keep to the first bound."""
    return int(_bounded(Sliced(problem), 1).len())


def graphillion_sample(problem: Problem, n: int) -> list[list[int]]:
    """Return the digits of n architectures that keep to the first bound, drawn uniformly."""
    drawn = islice(_bounded(Sliced(problem), 1).rand_iter(), n)
    return [[choice for _, _, choice in sorted(edges)] for edges in drawn]


# -- CP-SAT ------------------------------------------------------------------------------------------------------------


class _Model:
    """A slice as CP-SAT is asked about it.

    Attributes
    ----------
    model : CpModel
    objective : linear expression
        In the unit of the key.
    costs : list of linear expression
        Of the bounded scores.
    """

    def __init__(self, sliced: Sliced, one: Slice, until: float) -> None:
        from ortools.sat.python import cp_model

        self.model, self._until = cp_model.CpModel(), until
        self._taken, sums = way(self.model, sliced.steps, sliced.problem.tables)
        weights = sliced.weights(one)
        self.objective = sliced.base + sum(w * own for w, own in zip(weights, sums[0], strict=True) if w)
        self.costs = [own for (own,) in sums[1:]]
        for group, factor in enumerate(one):
            self.model.add(sums[0][group * sliced.width] == factor)

    def maximized(self, expression: Any, workers: int = 2) -> Any:
        """Return the solver that has proved a maximum; None if there is nothing; raise `Late` if time is over."""
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = workers
        if (left := self._until - time.perf_counter()) <= 0:
            raise Late
        solver.parameters.max_time_in_seconds = left
        self.model.maximize(expression)
        status = solver.solve(self.model)
        if status == cp_model.INFEASIBLE:
            return None
        if status != cp_model.OPTIMAL:
            raise Late
        return solver

    def forbid(self, solver: Any) -> None:
        """Cut off the architecture that was found."""
        chosen = [one for at in self._taken for one in at.values() if solver.value(one)]
        self.model.add(sum(chosen) < len(chosen))


def cp_sat_top(problem: Problem, k: int, seconds: float) -> list[int]:
    """Return the k greatest keys: the best of each slice, and after each that is taken the next with a cut."""
    sliced, until = Sliced(problem), time.perf_counter() + seconds
    waiting: list[tuple[int, int, _Model, Any]] = []

    def ask(number: int, model: _Model) -> None:
        if (solver := model.maximized(model.objective)) is not None:
            heapq.heappush(waiting, (-solver.value(model.objective), number, model, solver))

    for number, one in enumerate(sliced.slices()):
        ask(number, _Model(sliced, one, until))
    found: list[int] = []
    while waiting and len(found) < k:
        lost, number, model, solver = heapq.heappop(waiting)
        found.append(-lost)
        model.forbid(solver)
        ask(number, model)
    return found


def cp_sat_best(problem: Problem, seconds: float) -> int | None:
    """Return the greatest key within all bounds."""
    sliced, until = Sliced(problem), time.perf_counter() + seconds
    best: int | None = None
    for one in sliced.slices():
        model = _Model(sliced, one, until)
        for number, cost in enumerate(model.costs, start=1):
            model.model.add(cost <= sliced.problem.room(number))
        if best is not None:
            model.model.add(model.objective > best)
        if (solver := model.maximized(model.objective)) is not None:
            best = int(solver.value(model.objective))
    return best


def cp_sat_front(problem: Problem, seconds: float) -> list[tuple[int, int]]:
    """Return the front of key and first cost, by epsilon-constraint in each slice: better ones cheaper each time."""
    sliced, until = Sliced(problem), time.perf_counter() + seconds
    dearest = sum(int(np.abs(table).max()) for table in sliced.cost(1)) + 1
    points = []
    for one in sliced.slices():
        model = _Model(sliced, one, until)
        while (solver := model.maximized(model.objective * dearest - model.costs[0])) is not None:
            points.append((int(solver.value(model.objective)), int(solver.value(model.costs[0]))))
            model.model.add(model.costs[0] < points[-1][1])
    front: list[tuple[int, int]] = []
    for key, cost in sorted(set(points), key=lambda point: (-point[0], point[1])):
        if not front or cost < front[-1][1]:
            front.append((key, cost))
    return front


# -- binary decision diagrams ------------------------------------------------------------------------------------------


def _layers(sliced: Sliced, number: int) -> list[set[tuple[int, int]]]:
    """Return before each position, and behind the last, the states and costs so far that keep to a bound."""
    cost, most = sliced.cost(number), sliced.problem.room(number)
    out = [{(0, 0)}]
    for position, step in enumerate(sliced.steps):
        adds: dict[int, set[tuple[int, int]]] = {}
        for _, s, d in sliced.edges(position):
            adds.setdefault(s, set()).add((int(step[s, d]), int(cost[position][s, d])))
        sums = {(led, total + add) for s, total in out[-1] for led, add in adds[s]}
        out.append({(s, total) for s, total in sums if total <= most})
    return out


def _diagram(sliced: Sliced, variables: list[list[Any]], true: Any, ite: Callable[[Any, Any, Any], Any]) -> Any:
    """Return the diagram of what keeps to the first bound, of one variable for each choice at each position."""
    cost, layers = sliced.cost(1), _layers(sliced, 1)
    false = ~true
    onward = dict.fromkeys(layers[-1], true)
    for position in reversed(range(len(sliced.steps))):
        step, own = sliced.steps[position], variables[position]
        alone = [true]  # none of this and the later choices
        for one in reversed(own):
            alone.append(alone[-1] & ~one)
        alone = alone[::-1]
        here = {}
        for state, total in layers[position]:
            node = false
            for d in reversed(range(len(own))):
                at = int(step[state, d]), total + int(cost[position][state, d])
                chosen = onward.get(at, false) & alone[d + 1] if at[0] >= 0 else false
                node = ite(own[d], chosen, node)
            here[state, total] = node
        onward = here
    return onward[0, 0]


def dd_count(problem: Problem) -> int:
    """Return how many architectures keep to the first bound, by dd's own diagrams in Python."""
    from dd.autoref import BDD

    bdd = BDD()
    names = [[f"x{p}_{d}" for d in range(step.shape[1])] for p, step in enumerate(problem.steps)]
    bdd.declare(*(name for at in names for name in at))
    node = _diagram(Sliced(problem), [[bdd.var(name) for name in at] for at in names], bdd.true, bdd.ite)
    return int(bdd.count(node, nvars=sum(map(len, names))))


def oxidd_count(problem: Problem) -> int:
    """Return how many architectures keep to the first bound, by OxiDD's diagrams."""
    from oxidd.bdd import BDDManager

    manager = BDDManager(1 << 24, 1 << 20, 1)
    total = sum(step.shape[1] for step in problem.steps)
    manager.add_vars(total)
    numbers = iter(range(total))
    variables = [[manager.var(next(numbers)) for _ in range(step.shape[1])] for step in problem.steps]
    node = _diagram(Sliced(problem), variables, manager.true(), lambda one, then, other: one.ite(then, other))
    return int(node.sat_count(total))
