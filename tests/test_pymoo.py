"""Spaces as problems of pymoo's: what it is told of architectures, and the front that it is held against."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

import sedspace as ss

population = pytest.importorskip("pymoo.core.population", reason="pymoo is optional")


def dominated(row, rows):
    """Whether another row is nowhere worse and somewhere better, less being better."""
    return any((other <= row).all() and (other < row).any() for other in rows)


def objectives(problem, rows):
    return problem.evaluate(rows, return_as_dictionary=True)["F"]


def repaired(problem, rows):
    return problem.repair.do(problem, population.Population.new("X", rows)).get("X")


@pytest.fixture(scope="module")
def lean():
    return ss.restrict("tss", ss.AtMost(1, "avg_pool_3x3"), ss.Forbidden({"0->1": "none", "0->2": "none"}))


@pytest.mark.parametrize("where", [None, "n_skip <= 2 AND params < 0.5M AND \"0->3\" = 'skip_connect'"])
def test_objectives_constraints_and_front(where):
    space = ss.space("tss")
    problem = ss.pymoo_problem(space, ["sed"], ["params", "n_none"], where=where)
    digits = space.digits(range(space.size))
    out = problem.evaluate(digits, return_as_dictionary=True)
    columns = [-ss.score(space, "sed"), ss.score(space, "params"), ss.score(space, "n_none")]
    np.testing.assert_array_equal(out["F"], np.stack(columns, axis=1))
    kept = np.ones(space.size, bool)
    if where is not None:
        kept = np.isin(np.arange(space.size), list(ss.members(space, where=where)))
        np.testing.assert_array_equal((out["G"] <= 0).all(axis=1), kept)
        np.testing.assert_allclose(out["G"][:, 0], np.maximum(0, ss.score(space, "n_skip") / 2.0 - 1))
    points = np.unique(out["F"][kept], axis=0)
    front = {tuple(row) for row in points if not dominated(row, points)}
    assert {tuple(row) for row in problem.pareto_front()} == front
    np.testing.assert_array_equal(
        problem.evaluate(problem.pareto_set(), return_values_of=["F"]), problem.pareto_front()
    )
    assert (problem.reference_point() > problem.pareto_front()).all()


def test_one_objective():
    problem = ss.pymoo_problem("tss8", "sed", [], where="params < 1M")
    (best,) = ss.top_k("tss8", 1, where="params < 1M").rows()
    assert problem.pareto_front().tolist() == [[-best[1]]]
    assert problem.indices(problem.pareto_set()).tolist() == [int(best[0])]
    assert problem.reference_point().tolist() == [1 - best[1]]


def nearest(space, exists, digits):
    """The digits of an architecture: from the first position on the nearest choice with which there still is one."""
    chosen = []
    for digit, radix in zip(digits, space.radices.tolist(), strict=True):
        onward = {row[len(chosen)] for row in exists if row[: len(chosen)] == tuple(chosen)}
        chosen.append(min(sorted(onward), key=lambda choice: abs(choice - digit)))
        assert chosen[-1] < radix
    return chosen


def test_what_does_not_exist_is_mended_or_violates(lean):
    problem = ss.pymoo_problem(lean)
    every = np.array(list(itertools.product(range(5), repeat=6)))
    exists = {tuple(row) for row in lean.digits(range(lean.size)).tolist()}
    mended = problem.mended(every)
    assert {tuple(row) for row in mended.tolist()} == exists
    there = np.array([tuple(row) in exists for row in every.tolist()])
    np.testing.assert_array_equal(mended[there], every[there])
    violated = problem.evaluate(every, return_values_of=["G"])[:, 0]
    np.testing.assert_array_equal(violated == 0, there)
    np.testing.assert_allclose(violated, (mended != every).mean(axis=1))
    some = np.random.default_rng(0).choice(len(every), 20, replace=False)
    assert mended[some].tolist() == [nearest(lean, exists, row) for row in every[some].tolist()]
    np.testing.assert_array_equal(repaired(problem, every + 0.3), mended)


@pytest.mark.parametrize("name", ["ofa_mbv3", "autoformer_tiny", "darts", "nb101"])
def test_sampled_and_mended_rows_are_architectures(name):
    space = ss.space(name)
    problem = ss.pymoo_problem(space, "params", "macs")
    sampled, again = (problem.sampling.do(problem, 5, random_state=np.random.default_rng(0)).get("X") for _ in "ab")
    assert space.index(sampled).tolist() == space.index(again).tolist()
    anything = np.random.default_rng(0).integers(0, space.radices, (20, len(space.radices)))
    assert space.index(repaired(problem, anything)).tolist() == problem.indices(anything).tolist()
    assert np.isfinite(objectives(problem, anything)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sad",), "unknown score 'sad'"),
        (("sed", "sed"), "objectives sed, sed: expected one to 3 different ones"),
        (([], []), "objectives none: expected one to 3"),
        ((["sed", "params"], ["macs", "n_skip"]), "objectives sed, params, macs, n_skip: expected one to 3"),
    ],
)
def test_bad_objectives(arguments, message):
    with pytest.raises(ss.BadInput, match=message):
        ss.pymoo_problem("tss", *arguments)


def test_bad_conditions():
    with pytest.raises(ss.BadInput, match="where names arch: expected scores, features and positions"):
        ss.pymoo_problem("tss", where="arch LIKE '%none%'")


def test_without_pymoo(monkeypatch):
    monkeypatch.delitem(sys.modules, "sedspace.searching.problem", raising=False)
    monkeypatch.setitem(sys.modules, "pymoo.core.problem", None)
    with pytest.raises(ss.BadInput, match=r"problems of pymoo need pymoo: pip install .*pymoo>="):
        ss.pymoo_problem("tss")
