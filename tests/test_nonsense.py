"""Arguments of the wrong type: one line that says what was given and what was expected, never a traceback."""

from __future__ import annotations

import os

import numpy as np
import optuna
import pytest

import sedspace as ss
from sedspace.runs import plots

NONSENSE = {
    'ss.enumerate_space("tss", 5)': "directory 5 is no path",
    'ss.enumerate_space("tss", None)': "directory None is no path",
    'ss.enumerate_space("tss", "")': "directory '' is no path",
    'ss.enumerate_space("tss", "run", columns=5)': "columns 5: expected a sequence of names",
    'ss.enumerate_space("tss", "run", columns=[["sed"]])': "column ['sed']: expected a name or a Score",
    'ss.enumerate_space("tss", "run", threads="x")': "threads 'x' is not an integer",
    'ss.enumerate_space("tss", "run", client=5)': "client 5: expected a distributed.Client",
    'ss.open_run(None)': "directory None is no path",
    'ss.repair_run(5)': "directory 5 is no path",
    'ss.Group("cell", 5)': "group 'cell' of 5: expected a name",
    'ss.Group("cell", (0, -1))': "positions (0, -1), 1 times",
    'ss.Group("cell", ["a"])': "group cell: position 'a' is not an integer",
    'ss.top_k(5)': "unknown space '5'",
    'ss.top_k("tss", "a")': "k 'a' is not an integer",
    'ss.top_k("tss", by=3)': "score 3: expected a name or a Score",
    'ss.top_k("tss", where=3)': "where 3: expected a condition in SQL",
    'ss.score("tss", by=3)': "score 3: expected a name or a Score",
    'ss.score("tss", out=[1])': "out is a list: expected an array",
    'ss.space(None)': "unknown space 'None'",
    'ss.census("tss", features=5)': "features 5: expected a sequence of names",
    'ss.census("tss", features="sed")': "features 'sed': expected a sequence of names",
    'ss.pareto("tss", maximize=3)': "score 3: expected a name or a Score",
    'ss.members("tss", where=3)': "where 3: expected a condition in SQL",
    'ss.members("tss")["a":"b"]': "rank 'a' is not an integer",
    'ss.members("tss").at(5)': "ranks 5: expected a sequence of integers",
    'space.arch("x")': "index 'x' is not an integer",
    'space.digits("abc")': "index 'abc' is not an integer",
    'space.digits([1, [2]])': "[1, [2]] is no array: expected rows of one length",
    'space.index([[1, 2], [3]])': "[[1, 2], [3]] is no array: expected rows of one length",
    'space.index("abc")': "digits of tss are 6 integers",
    'space.parse(5)': "arch 5 is neither a string nor a sequence",
    'space.table(5)': "a table of tss: 5, expected a feature's name",
    'space.table({"none": "a"})': "must be 5 integers",
    'space.arch(True)': "index True is not an integer",
    'space.arch([3, True])': "index True is not an integer",
    'space.digits([True, False])': "index True is not an integer",
    'ss.score("tss", indices=(5, False))': "index False is not an integer",
    'ss.sample("tss", 2, seed=True)': "seed True is not an integer",
    'ss.top_k("tss", True)': "k True is not an integer",
    'ss.best_within("tss", [True])': "budget True: expected a number",
    'ss.sample("tss", "x")': "n 'x' is not an integer",
    'ss.sample("tss", 2, temperature=3)': "temperature 3 without importance",
    'ss.best_within("tss", "a")': "budget 'a': expected a number",
    'ss.best_within("tss", [-1])': "budget -1: params is never below 73306",
    'ss.distribution("tss").quantiles(5)': "quantiles 5: expected a sequence",
    'ss.distribution("tss").at_least("a")': "sed of an architecture 'a': expected a number",
    'ss.register(5)': "score 5: expected a Score",
    'ss.read_space(5)': "space 5 is no path",
    'ss.AdditiveScore(5, {}, len)': "score name 5 cannot be a column",
    'ss.AdditiveScore("a", 5, len)': "score a: features 5, expected one table or more",
    'ss.AdditiveScore("a", {5: "n_skip"}, len)': "score a: features {5: 'n_skip'}",
    'ss.AdditiveScore("a", {"n": "n_skip"}, 5)': "score a: 5, expected a function",
    'ss.score("tss", ss.AdditiveScore("a", {"n": 5}, len))': "a table of tss: 5",
    'ss.DigitScore("a", 5)': "score a: 5, expected a function of the digits",
    'ss.ArrayScore("a", 5)': "score a: 5, expected a function of the digits",
    'ss.TableCost(5, {"none": 1})': "5",
    'ss.read_costs(5)': "table 5 is no path",
    'ss.fit_costs("tss", None, "ms")': "table None is no path",
    'ss.fit("tss", None, "ms")': "table None is no path",
    'ss.fit("tss", "t.csv", "ms", model=5)': "table t.csv is not there",
    'ss.read_fit(5)': "fit 5 is no path",
    'run.join(5)': "table 5 is no path",
    'run.top("a")': "k 'a' is not an integer",
    'run.top(columns="sed")': "columns 'sed': expected a sequence of names",
    'run.sql(None)': "query None: expected one that begins with SELECT or WITH",
    'ss.top_k("tss", columns=5)': "columns 5: expected a sequence of names",
    'ss.top_k(run, 3, start=5)': "range 5: is for spaces, and",
    'ss.top_k(run, 3, threads=2)': "threads is for spaces, and",
    'ss.sample(run, 3, importance="sed")': "importance is for spaces, and",
    'run.sample(3, stratify=5)': "unknown column 5",
    'plots.save(None, None)': "picture None is no path",
    'ss.suggest_index(5, "tss")': "trial 5: expected one of Optuna's",
    'ss.suggest_index(optuna.trial.FixedTrial({}), "tss")': "the trial at 0->1: The value of the parameter '0->1'",
    'ss.suggest_index(optuna.trial.FixedTrial({"0->1": "conv"}), "tss")': "expected one of none, skip_connect",
    'ss.trial_of("tss", 1, [])': "values []: expected one for each objective",
    'ss.to_configspace("tss", seed="x")': "seed 'x' is not an integer",
    'ss.to_configspace("tss", seed=2**32)': "seed 4294967296: ConfigSpace takes those below 2^32",
    'ss.from_configuration("tss", 5)': "configuration 5: expected choices by the names of positions",
    'ss.to_configuration("tss", 5, None)': "configspace is a NoneType: expected a ConfigSpace.ConfigurationSpace",
    'ss.from_configspace({}, "own")': "configspace is a dict: expected a ConfigSpace.ConfigurationSpace",
    'ss.from_configspace(ss.to_configspace("tss"), "own", [5])': "operations [5]: expected tables",
    'ss.pymoo_problem("tss", where="params < 1").reference_point()': "no architecture of tss meets 'params < 1'",
    'ss.pymoo_problem("tss").indices([[1] * 5])': "expected 6 numbers in each, one for each position",
    'ss.pymoo_problem("tss").indices([[float("nan")] * 6])': "expected 6 numbers in each",
    'ss.pymoo_problem("tss").indices("abc")': "rows 'abc': expected 6 numbers in each",
    'ss.search("tss", options=5)': "options 5: expected values by their names",
    'ss.search("tss", algorithm="nsga2", maximize="sed", minimize="sed")': "maximize and minimize are both sed",
    'ss.explore(5)': "explore 5: expected a space, its name, or a run",
    'ss.explore("tss", columns="sed")': "columns 'sed': expected a sequence of names",
    'ss.explore("tss", columns=[5])': "columns 5: expected two or three different ones",
    'ss.explore("tss", "nowhere/x.html")': "--out nowhere/x.html: there is no directory nowhere",
    'ss.crosscheck("tss", 5, ["plain"])': "indices 5: expected a sequence of integers",
    'ss.crosscheck("tss", [], ["plain"])': "no indices: expected one or more architectures",
    'ss.crosscheck("tss", [1], "plain")': "proxies 'plain': expected a sequence of names",
    'ss.crosscheck("tss", [1], ["plain"], images=5)': "images 5 is no path",
    'ss.export_dataset("tss", "out", where="params < 1")': "no architecture of tss meets 'params < 1'",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return ss.enumerate_space("tss", tmp_path_factory.mktemp("nonsense") / "run", progress=False)


@pytest.mark.parametrize("call", NONSENSE)
def test_nonsense_is_refused_in_one_line(call, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"ss": ss, "space": ss.space("tss"), "run": run, "plots": plots, "optuna": optuna}
    with pytest.raises(ss.BadInput) as refused:
        eval(call, names)
    assert "\n" not in str(refused.value)
    assert NONSENSE[call] in str(refused.value)
    assert os.listdir() == []


def test_positions_of_a_group_may_come_in_any_sequence():
    expected = ss.Group("cell", (0, 1, 2))
    assert ss.Group("cell", range(3)) == ss.Group("cell", np.arange(3)) == ss.Group("cell", [0, 1, 2]) == expected
    assert type(ss.Group("cell", np.arange(3)).positions[0]) is int


def test_a_cost_that_can_be_negative_has_negative_budgets():
    within = ss.best_within("tss", [-1, 0], cost="sed", by="n_pool")
    assert within["sed"].to_list() == [-1.5, -1.5]
