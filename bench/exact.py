"""Exact answers side by side: what sedspace and exact peers say to the same questions, and how long each takes.

    python bench run exact                    (some minutes)

Every answer of a peer equals ours, or the script stops. *Graphillion* (sets of sets as ZDDs) is asked for the best, for
counts under a linear bound and for uniform samples; *CP-SAT* of OR-tools for the best with cuts, the best within two
budgets, and the front by epsilon-constraint; *dd* and *OxiDD* (binary decision diagrams) for counts. SED multiplies the
skips of a cell with its convolutions: with the skips given it is a sum, so that peers are asked once for each slice of
equal skips (2 of a NATS-Bench cell, 81 of DARTS), and the best of the answers is theirs; blocks of Once-for-all have
one slice. Each peer has `LIMIT` seconds for each question. *NSGA-II* of pymoo is no exact method: of it is said how
much of the true front it finds.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

import sedspace as ss
from bench import solvers
from bench.design import Problem
from bench.measuring import markdown_table, timed

LIMIT = 60.0  # seconds of a peer for a question
K, DRAWN, GENERATIONS, POPULATION = 10, 1000, 100, 100
SPACES = {"tss5": "params", "tss6": "params", "tss8": "params", "darts": "params", "ofa_mbv3": "layers"}
"""By what is counted; classes of Once-for-all by parameters are too many."""
QUANTILE = 0.3  # of the architectures keep to a bound, or somewhat more
LIBRARIES = {"Graphillion": "graphillion", "CP-SAT": "ortools", "dd": "dd", "OxiDD": "oxidd", "NSGA-II": "pymoo"}
MILLIONS = {"macs": 300_000_000, "params": 6_000_000}


@dataclass(frozen=True)
class Question:
    """What is asked of a space.

    Attributes
    ----------
    text : str
    ours : callable
        Its answer is in a form that others have, too.
    peers : dict of str to callable
    agrees : callable
        Whether a peer's answer is right.
    """

    text: str
    ours: Callable[[], Any]
    peers: dict[str, Callable[[], Any]]
    agrees: Callable[[Any, Any], bool] = lambda ours, theirs: bool(ours == theirs)


def questions(name: str, seconds: float = LIMIT) -> Iterator[Question]:
    """Yield the questions about a space."""
    cost = SPACES.get(name, "params")
    bound = int(ss.distribution(name, cost).quantile(QUANTILE))
    where = f"{cost} <= {bound}"
    problem = Problem.of(name, "sed", {cost: bound})
    yield Question(
        f"the {K} best by SED",
        lambda: _keys(problem, ss.top_k(name, K)["sed"].to_numpy()),
        {
            "Graphillion": partial(solvers.graphillion_top, problem, K),
            "CP-SAT": partial(solvers.cp_sat_top, problem, K, seconds),
        },
    )
    yield Question(
        f"how many have {where}",
        lambda: _count(name, cost, bound),
        {
            "Graphillion": partial(solvers.graphillion_count, problem),
            "dd": partial(solvers.dd_count, problem),
            "OxiDD": partial(solvers.oxidd_count, problem),
        },
    )
    yield Question(
        f"{DRAWN:,} of these, uniformly",
        lambda: ss.sample(name, DRAWN, seed=0, where=where)["index"].to_list(),
        {"Graphillion": partial(solvers.graphillion_sample, problem, DRAWN)},
        partial(_are_within, problem),
    )
    yield from _of_budgets(name, seconds)


def _of_budgets(name: str, seconds: float) -> Iterator[Question]:
    """Yield the questions that have two sides: budgets, and the front."""
    budgets = dict(MILLIONS)
    if SPACES.get(name) != "layers":
        budgets = {cost: int(ss.distribution(name, cost).quantile(QUANTILE)) for cost in budgets}
    where = " AND ".join(f"{cost} <= {most}" for cost, most in budgets.items())
    problem = Problem.of(name, "sed", budgets)
    yield Question(
        f"the best with {where}",
        lambda: _keys(problem, ss.top_k(name, 1, where=where)["sed"].to_numpy())[0],
        {"CP-SAT": partial(solvers.cp_sat_best, problem, seconds)},
    )
    cost = SPACES.get(name, "params")
    both = Problem.of(name, "sed", {cost: 0})
    nothing = int(both.scores[1].keys(both.space, np.zeros((1, 1), np.int64))[0])
    yield Question(
        f"front of (SED, {cost})",
        lambda: [(key, value - nothing) for key, value in _front(both, name, cost)],
        {"CP-SAT": partial(solvers.cp_sat_front, both, seconds)},
    )


def _keys(problem: Problem, values: Any) -> list[int]:
    """Return values of SED as the integers that they are multiples of a fraction by."""
    return [round(value * problem.scores[0].denominator) for value in values.tolist()]


def _count(name: str, cost: str, bound: float) -> int:
    found = ss.distribution(name, cost)
    return sum(int(count) for value, count in zip(found.values, found.counts, strict=True) if value <= bound)


def _front(problem: Problem, name: str, cost: str) -> list[tuple[int, int]]:
    front = ss.pareto(name, "sed", cost)
    return list(zip(_keys(problem, front["sed"].to_numpy()), front[cost].to_list(), strict=True))


def _are_within(problem: Problem, ours: list[int], theirs: list[list[int]]) -> bool:
    """Return whether as many architectures are drawn, all of which keep to the bound."""
    costs = problem.scores[1].values(problem.scores[1].at(problem.space, problem.space.digits(np.array(ours, object))))
    digits = np.array(theirs, problem.space.digit_dtype)
    others = problem.scores[1].values(problem.scores[1].at(problem.space, digits))
    return len(digits) == len(ours) and max(costs.max(), others.max()) <= problem.most[0]


def asked(call: Callable[[], Any], seconds: float) -> tuple[Any, float]:
    """Return what a process of its own answers, and the seconds it took; raise `solvers.Late` if that is too long."""
    context = multiprocessing.get_context("fork")
    receives, sends = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(call, sends))
    process.start()
    sends.close()
    try:
        if not receives.poll(seconds):
            raise solvers.Late
        answer, took = receives.recv()
    except EOFError:  # killed for memory
        raise solvers.Late from None
    finally:
        process.kill()
        process.join()
    if isinstance(answer, BaseException):
        raise answer
    return answer, took


def _answer(call: Callable[[], Any], sends: Connection) -> None:
    sys.setrecursionlimit(1 << 16)  # dd goes down from variable to variable
    began = time.perf_counter()
    try:
        answer: Any = call()
    except Exception as error:
        answer = error
    sends.send((answer, time.perf_counter() - began))


def measure(names: tuple[str, ...] = tuple(SPACES), seconds: float = LIMIT) -> dict[str, Any]:
    """Return the seconds of each side for each question, and what NSGA-II finds."""
    rows = []
    for name in names:
        for question in questions(name, seconds):
            question.ours()  # compiles
            ours, took = timed(question.ours)
            row: dict[str, Any] = {"space": name, "question": question.text, "ours": took, "peers": {}}
            for peer, call in question.peers.items():
                if importlib.util.find_spec(LIBRARIES[peer]) is None:
                    continue
                try:
                    theirs, took = asked(call, seconds)
                except solvers.Late:
                    row["peers"][peer] = None
                    continue
                if not question.agrees(ours, theirs):
                    raise SystemExit(f"{name}, {question.text}: {peer} says {theirs}, sedspace {ours}")
                row["peers"][peer] = took
            rows.append(row)
    return {"limit": seconds, "rows": rows, "nsga2": [nsga2(name, SPACES.get(name, "params")) for name in names]}


def nsga2(name: str, cost: str, generations: int = GENERATIONS) -> dict[str, Any]:
    """Return how much of the true front of (SED, cost) NSGA-II finds."""
    if importlib.util.find_spec(LIBRARIES["NSGA-II"]) is None:
        return {"space": name, "cost": cost, "found": None}
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.optimize import minimize

    problem = ss.pymoo_problem(name, "sed", cost)
    algorithm = NSGA2(POPULATION, sampling=problem.sampling, repair=problem.repair)
    result, seconds = timed(lambda: minimize(problem, algorithm, ("n_gen", generations), seed=0))
    true, exact_seconds = timed(lambda: {tuple(row) for row in problem.pareto_front().tolist()})
    found = true & {tuple(row) for row in np.atleast_2d(result.F).tolist()}
    return {
        "space": name,
        "cost": cost,
        "found": len(found),
        "front": len(true),
        "evaluations": POPULATION * generations,
        "seconds": seconds,
        "exact_seconds": exact_seconds,
    }


def markdown(results: dict[str, Any]) -> str:
    """Return the results as tables of the README."""
    peers = [peer for peer in LIBRARIES if peer != "NSGA-II"]
    late = f"> {results['limit']:.0f}"
    rows = [
        [
            row["space"],
            row["question"],
            f"{row['ours']:.3f}",
            *("" if peer not in row["peers"] else _seconds(row["peers"][peer], late) for peer in peers),
        ]
        for row in results["rows"]
    ]
    fronts = [
        [one["space"], f"(SED, {one['cost']})", f"{one['front']}", f"{one['found']}", f"{one['seconds']:.1f}"]
        for one in results["nsga2"]
        if one["found"] is not None
    ]
    evaluations = f"NSGA-II finds in {POPULATION * GENERATIONS:,} evaluations"
    return "\n".join(
        [
            *markdown_table(["space", "question", "sedspace: seconds", *peers], rows, words=2),
            "",
            f"A peer has {results['limit']:.0f} seconds for a question: {late} did not finish, or ran out of memory. "
            "Empty: not what it is for.",
            "",
            *markdown_table(["space", "front", "points", evaluations, "seconds"], fronts, words=2),
        ]
    )


def _seconds(took: float | None, late: str) -> str:
    return late if took is None else f"{took:.3f}"
