"""Search algorithms: what they propose, that they go on and repeat themselves, and how they are judged."""

from __future__ import annotations

import json
import math
import random
from itertools import islice, pairwise

import numpy as np
import polars as pl
import pytest

import naive_searching
import sedspace as ss
from commands import sedspace
from sedspace.searching import read_trajectory
from sedspace.searching.algorithms import ALGORITHMS
from sedspace.searching.luck import reached
from sedspace.searching.objectives import found, objective_of
from toy import Toy, small_tss, with_sums_up_to

ONE = [name for name, one in ALGORITHMS.items() if one.objectives == 1 and name != "zero_cost_pt"]
SPACES = {
    "tss": ("tss", "sed", "params < 900000"),
    "transnas_macro": ("transnas_macro", "sed", "n_modules <= 5"),
    "flexibert": ("flexibert", "params", "macs < 5000000000"),
    "sum": (with_sums_up_to(Toy([3, 3, 3, 3]), 4), "kernels", "\"p0\" <> 'o0'"),
}
OPTIONS = {
    "evolution": {"population": 8, "sample": 3},
    "incorporated": {"population": 6},
    "best_of": {"n": 22, "score": "params"},
    "nsga2": {"population": 10},
}


def searched(space, objective, algorithm, budget, **more):
    options = OPTIONS.get(algorithm, {})
    if algorithm == "best_of" and not isinstance(space, str):
        options = {**options, "score": "kernels"}
    return ss.search(space, objective, algorithm, budget, options=options, progress=False, **more)


def without_seconds(trajectory):
    return trajectory.rows.drop("seconds")


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("algorithm", ONE)
def test_steps_are_new_exist_and_repeat(algorithm, kind, tmp_path):
    space, by, where = SPACES[kind]
    kept = ss.members(space, where=where)
    most = 12 if algorithm == "tpe" else 20
    whole = searched(space, by, algorithm, most, seed=3, where=where)
    indices = whole.rows["index"].to_list()
    assert len({*indices}) == len(indices) == most
    assert all(index in kept for index in indices)
    values = ss.score(space, by, indices=indices)
    assert whole.rows["value"].to_list() == values.tolist()
    assert whole.rows["best"].to_list() == np.maximum.accumulate(values).tolist()
    assert whole.rows["arch"].to_list() == ss.space(space).arch(indices).tolist()
    out = tmp_path / "found.parquet"
    for budget in (1, 7, most):  # as if it had been interrupted twice
        part = searched(space, by, algorithm, budget, seed=3, where=where, out=out)
        assert without_seconds(part).equals(without_seconds(whole).head(budget))
    assert without_seconds(read_trajectory(out)).equals(without_seconds(whole))
    assert read_trajectory(out).setting == whole.setting
    other = searched(space, by, algorithm, most, seed=4, where=where)
    assert not without_seconds(other).equals(without_seconds(whole))


def test_two_objectives(tmp_path):
    pytest.importorskip("pymoo", reason="needs pymoo")
    out = tmp_path / "found.parquet"
    asked = {"maximize": "sed", "minimize": "params", "where": "n_none <= 3", "seed": 5, "out": out}
    part = searched("tss", None, "nsga2", 25, **asked)
    whole = searched("tss", None, "nsga2", 120, **asked)
    assert without_seconds(whole).head(25).equals(without_seconds(part))
    indices = whole.rows["index"].to_list()
    assert len({*indices}) == 120
    assert whole.rows["value"].to_list() == ss.score("tss", "sed", indices=indices).tolist()
    assert whole.rows["value_2"].to_list() == ss.score("tss", "params", indices=indices).tolist()
    front = {*ss.pareto("tss", "sed", "params", where="n_none <= 3").select("sed", "params").iter_rows()}
    judged = read_trajectory(out).judge()
    assert judged.rows["front"].to_list() == [len(front)] * len(judged.rows)
    seen = [*whole.rows.select("value", "value_2").iter_rows()]
    for step, n, _, share in judged.rows.iter_rows():
        assert n == len({*seen[:step]} & front)
        assert math.isclose(share, naive_searching.area_share(seen[:step], front))
    assert judged.rows["step"][-1] == 120


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("where", [None, "n_conv3x3 <= 3"])
def test_judged_by_all_that_there_is(ascending, where):
    found = searched("tss", "sed", "random", 60, seed=1, where=where, ascending=ascending)
    judged = found.judge()
    every = ss.score("tss", "sed")
    if where is not None:
        every = every[ss.score("tss", "n_conv3x3") <= 3]
    sign = -1 if ascending else 1
    assert judged.optimum.value == sign * (sign * every).max()
    assert judged.among == len(every)
    assert found.best["value"] == judged.rows["value"][-1]
    for step, index, value, regret, rank in judged.rows.iter_rows():
        assert value == sign * max(sign * one for one in found.rows["value"][:step])
        assert index == found.rows.row(found.rows["value"].to_list().index(value), named=True)["index"]
        assert regret == abs(judged.optimum.value - value)
        assert rank == 1 + sum(sign * every > sign * value)
    assert all(a > b for a, b in pairwise(judged.rows["rank"].to_list()[:-1]))


def test_a_table_is_all_that_there_is(tmp_path):
    draw = random.Random(0)
    rows = draw.sample(range(15_625), 100)
    accuracy = [None if n % 50 == 7 else math.nan if n % 50 == 9 else draw.random() for n in range(100)]
    path = tmp_path / "measured.parquet"
    pl.DataFrame({"index": rows, "accuracy": accuracy}).write_parquet(path)
    known = {index: one for index, one in zip(rows, accuracy, strict=True) if one is not None and one == one}
    out = tmp_path / "found.parquet"
    for algorithm in [name for name in ONE if name != "tpe"]:
        found = searched("tss", "accuracy", algorithm, 10_000, table=path, seed=2, out=out)
        assert {*found.rows["index"]} <= {*rows}
        for index, value, reason in found.rows.select("index", "value", "reason").iter_rows():
            assert (
                (value == known[index]) if index in known else reason in ("the table has no number", "the value is nan")
            )
        assert len(found.rows) == 100 or algorithm not in ("random", "local")  # all of them, and then they end
        assert len(found.rows) >= 20
        judged = read_trajectory(out).judge()
        best = max(known, key=known.get)
        assert (judged.optimum.value, judged.optimum.index, judged.among) == (known[best], best, len(known))
        last = judged.rows["value"][-1]
        assert judged.rows["rank"][-1] == 1 + sum(one > last for one in known.values())
        out.unlink()
    assert found.judge().rows.height


def test_ranks_among_more_than_int64():
    found = searched("tss8", "sed", "evolution", 120, seed=0)
    judged, every = found.judge(), ss.distribution("tss8")
    assert judged.among == 5**28
    assert judged.rows["rank"].to_list() == [every.rank(value) for value in judged.rows["value"]]
    assert judged.notes == ()


def test_what_cannot_be_counted_is_gone_through_or_null(monkeypatch):
    monkeypatch.setattr("sedspace.searching.objectives._LOOKED_AT", 500)
    found = searched("tss8", "propagated_sed", "local", 400, seed=0)
    judged = found.judge()
    assert judged.optimum.value == ss.top_k("tss8", 1, "propagated_sed")["propagated_sed"].item()
    assert judged.among is None
    known = judged.rows.drop_nulls("rank")
    better = [value for _, value in islice(ss.best_first("tss8", "propagated_sed"), 500)]
    assert known["rank"].to_list() == [1 + sum(one > value for one in better) for value in known["value"]]
    assert judged.rows["rank"][0] is None
    assert any(note.startswith("no rank: over 500 are better") for note in judged.notes)
    assert any(note.startswith("not known among how many: ") for note in judged.notes)


def test_a_score_that_is_no_number_everywhere(forget_scores):
    def numbers(digits):
        return np.where(digits[:, 5] == 0, np.nan, digits[:, 0] * 5.0 + digits[:, 5])

    ss.register(ss.ArrayScore("holes", numbers))
    found = searched("tss", "holes", "evolution", 200, seed=1)
    assert found.rows["value"].null_count() > 5
    assert {*found.rows.filter(pl.col("value").is_null())["reason"]} == {"the value is nan"}
    assert found.judge().optimum.value == 24
    assert found.judge().among == 12_500
    nothing = ss.ArrayScore("nothing", lambda digits: np.full(len(digits), np.nan))
    found = ss.search("tss", nothing, "random", 10, progress=False)
    assert found.rows["best"].null_count() == 10
    with pytest.raises(ss.BadInput, match="the search of tss found nothing that has a value"):
        _ = found.best
    assert found.judge().rows.is_empty()


def test_regularized_evolution_is_that_of_its_authors():
    """Against a twin that keeps its population as a list and looks for neighbours among all architectures."""
    space = ss.space("transnas_micro")
    values = ss.score(space, "sed").tolist()
    rows = [tuple(row) for row in space.digits_of_range(0, space.size).tolist()]
    whole = ss.search(space, "sed", "evolution", 60, seed=9, options={"population": 10, "sample": 4}, progress=False)
    twin = naive_searching.evolution(rows, values, 60, random.Random(9), 10, 4)
    assert whole.rows["index"].to_list() == twin


def test_the_best_of_n_by_a_score_comes_first():
    found = ss.search("tss5", "macs", "best_of", 50, seed=1, options={"n": 50}, progress=False)
    sed = ss.score("tss5", "sed", indices=found.rows["index"].to_list())
    assert sed.tolist() == sorted(sed.tolist(), reverse=True)
    assert len(found.rows) == 50
    again = ss.search("tss5", "sed", "best_of", 1, seed=1, options={"n": 50}, progress=False)
    assert again.rows["index"][0] == found.rows["index"][0]


def test_local_search_climbs_to_the_first_better_neighbour():
    space = ss.space("tss")
    rows = searched(space, "sed", "local", 300, seed=2).rows
    at, best = rows["index"][0], rows["value"][0]
    near = {*space.neighbors(at).tolist()}
    for index, value in rows.select("index", "value").iter_rows():
        if index == at:
            continue
        if index not in near:  # begun again: no neighbour is better
            assert best == ss.score(space, "sed", indices=[at, *near]).max()
            break
        if value > best:
            at, best, near = index, value, {*space.neighbors(index).tolist()}


def test_numbers_that_are_none():
    assert found(1.5) == (1.5, None)
    assert found(math.inf) == (None, "the value is inf")


def test_bad_input(tmp_path, monkeypatch):
    def refused(match, *arguments, **more):
        with pytest.raises(ss.BadInput, match=match):
            ss.search(*arguments, progress=False, **more)

    refused("unknown algorithm 'evolutoin': did you mean 'evolution'", "tss", "sed", "evolutoin")
    refused("budget 0: expected 1 or more", "tss", "sed", "random", 0)
    refused("seed -1: expected 0 or more", "tss", "sed", "random", 5, -1)
    refused("unknown score 'sedd'", "tss", "sedd", "random", 5)
    refused("algorithm 'nsga2' with 1 objective: expected two: maximize and minimize", "tss", "sed", "nsga2", 5)
    own = objective_of(ss.space("tss"), "sed", False)
    empty = pl.DataFrame(schema={"index": pl.Int64, "a": pl.Float64})
    refused("ascending and table belong to the objective that is given", "tss", own, "random", 5, ascending=True)
    refused("the table has no architectures", "tss", "a", "random", 5, table=empty)
    two = {"maximize": "sed", "minimize": "params"}
    refused("less of sed is not better, as it is defined", "tss", None, "nsga2", 5, maximize="params", minimize=own)
    refused("algorithm 'evolution' with 2 objectives: expected one", "tss", None, "evolution", 5, **two)
    refused("maximize and minimize are two objectives together", "tss", "sed", "nsga2", 5, **two)
    refused("unknown option of evolution 'populatoin'", "tss", "sed", "evolution", 5, options={"populatoin": 3})
    refused("option population 0: expected 1 or more", "tss", "sed", "evolution", 5, options={"population": 0})
    refused("option 'n': random has none", "tss", "sed", "random", 5, options={"n": 3})
    refused("no architecture of tss meets 'sed > 100'", "tss", "sed", "random", 5, where="sed > 100")
    many = Toy([20_000, 2])
    refused("toy has 20,000 choices of p0, expected at most 10,000 to suggest from", many, "kernels", "tpe", 5)
    refused("the table has no column acc", "tss", "acc", "random", 5, table=pl.DataFrame({"index": [1], "a": [1.0]}))
    refused("column a is String", "tss", "a", "random", 5, table=pl.DataFrame({"index": [1], "a": ["x"]}))
    out = tmp_path / "found.parquet"
    searched("tss", "sed", "random", 5, out=out)
    refused("its seed is 0, the request's 1", "tss", "sed", "random", 5, 1, out=out)
    refused("its sed less is False, the request's True", "tss", "sed", "random", 5, ascending=True, out=out)
    refused("its algorithm is 'random', the request's 'local'", "tss", "sed", "local", 5, out=out)
    refused("its space is 'tss', the request's 'tss5'", "tss5", "sed", "random", 5, out=out)
    refused("holds 5 steps: expected a budget of so many or more, not 4", "tss", "sed", "random", 4, out=out)
    refused("there is no directory", "tss", "sed", "random", 4, out=tmp_path / "nowhere" / "a.parquet")
    out.write_bytes(out.read_bytes()[:-1] + b"x")
    refused("is no trajectory, or damaged", "tss", "sed", "random", 5, out=out)


@pytest.mark.parametrize(("algorithm", "module"), [("nsga2", "pymoo"), ("tpe", "optuna")])
def test_an_optimiser_that_is_not_installed(algorithm, module, monkeypatch):
    import builtins

    whole = builtins.__import__

    def absent(name, *more):
        if name.split(".")[0] == module:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return whole(name, *more)

    monkeypatch.setattr(builtins, "__import__", absent)
    asked = {"maximize": "sed", "minimize": "params"} if algorithm == "nsga2" else {"objective": "sed"}
    with pytest.raises(ss.BadInput, match=rf"{algorithm} needs {module}: pip install"):
        ss.search("tss", algorithm=algorithm, budget=5, progress=False, **asked)


def test_a_search_that_ends_by_itself():
    """Of a space with fewer architectures than the budget all are looked at, and no more."""
    found = ss.search(Toy([2, 3, 2]), "kernels", "evolution", 1000, options={"population": 4}, progress=False)
    assert sorted(found.rows["index"]) == [*range(12)]


def test_the_command(tmp_path):
    out = tmp_path / "found.parquet"
    said = sedspace("search", "tss", "--algorithm", "local", "--budget", "120", "--seed", "1", "--out", out)
    heads, *lines = said.stdout.splitlines()
    assert heads.split() == ["step", "index", "value", "regret", "rank", "among"]
    assert lines[-1].split()[2:] == ["8.75", "0", "1", "15625"]
    assert read_trajectory(out).best["index"] == 11_668
    two = sedspace(
        "search", "tss", "--algorithm", "nsga2", "--max", "sed", "--min", "params", "--budget", "30", "--json"
    )
    assert {*json.loads(two.stdout)[0]} == {"step", "found", "front", "hypervolume"}
    small = ["search", "tss", "--budget", "9", "--set"]
    sedspace(*small, "population=3", "--set", "sample=2", "--where", "params < 400k")
    for words, message in (
        (["--budget", "0"], "budget 0: expected 1 or more"),
        (["--set", "population"], "--set 'population': expected NAME=VALUE, such as population=50"),
        (["--by", "sed", "--max", "sed"], "--by sed beside --max and --min: expected one objective or two"),
        (["--table", "x.csv", "--batch", "8"], "--batch is of a zero-cost proxy: expected --by with its name"),
        (["--max", "sed"], "maximize and minimize are two objectives together, instead of one"),
        (["--algorithm", "evolutoin"], "unknown algorithm 'evolutoin': did you mean 'evolution'?"),
        (["--algorithm", "nsga2"], "algorithm 'nsga2' with 1 objective: expected two"),
    ):
        assert message in sedspace("search", "tss", *words, status=2).stderr


def test_how_likely_the_best_of_n_is_to_be_how_good():
    values = ss.score("tss", "sed").tolist()
    for n in (1, 7, 300):
        frame = ss.best_of("tss", n)
        assert frame["sed"].to_list() == sorted({*values}, reverse=True)
        for value, at_least, probability in frame.iter_rows():
            good = sum(one >= value for one in values)
            assert at_least == good
            assert math.isclose(probability, naive_searching.chance_of_best(len(values), good, n), rel_tol=1e-12)


def test_the_best_of_2000_of_10_to_the_18():
    frame = ss.best_of("darts", 2000)
    assert frame["at_least"].dtype == pl.Int64
    total = frame["at_least"][-1]
    assert total == ss.space("darts").size
    for row in (0, 100, 1000, 2500):
        value, good, probability = frame.row(row)
        assert good == ss.distribution("darts").at_least(value)
        assert math.isclose(probability, naive_searching.chance_of_best(total, good, 2000), rel_tol=1e-11)
    assert reached(frame, 0.5) == frame.filter(pl.col("probability") >= 0.5)["sed"][0]
    assert reached(frame, frame["probability"][0] / 2) == 406.25
    with pytest.raises(ss.BadInput, match="n 0: expected 1 or more"):
        ss.best_of("tss", 0)
    with pytest.raises(ss.BadInput, match="n 15,626: expected at most 15,625 of 15,625 architectures"):
        ss.best_of("tss", 15_626)


def test_a_proxy_on_networks(tmp_path):
    pytest.importorskip("torch", reason="needs torch")
    space, out = small_tss(), tmp_path / "found.parquet"
    objective = ss.ProxyObjective(space, "synflow", seed=3, batch=2, device="cpu")
    whole = ss.search(space, objective, "local", 12, 3, where="params < 1000000", progress=False)
    for budget in (5, 12):
        part = ss.search(space, objective, "local", budget, 3, where="params < 1000000", out=out, progress=False)
    assert without_seconds(part).equals(without_seconds(whole))
    indices = whole.rows["index"].to_list()
    study = ss.crosscheck(space, indices, ["synflow"], seed=3, batch=2, device="cpu", progress=False)
    of = {index: (value, reason) for index, value, reason in study.rows.select("index", "value", "reason").iter_rows()}
    assert [*whole.rows.select("value", "reason").iter_rows()] == [of[index] for index in indices]
    for judged in (whole.judge(), read_trajectory(out).judge()):
        assert judged.optimum is None
        assert judged.rows["regret"].is_null().all()
        assert "synflow is computed on networks" in judged.notes[0]
    less = ss.ProxyObjective(space, "ntk_cond", batch=2, device="cpu")
    assert less.less
    named = ss.search(space, "naswot", "random", 1, seed=1, progress=False)
    assert named.setting.objectives[0]["study"]["seed"] == 1
    with pytest.raises(ss.BadInput, match="az_nas is made of several proxies"):
        ss.search(space, "az_nas", "random", 1, progress=False)
    with pytest.raises(ss.BadInput, match="ascending with naswot: of this proxy more is better"):
        ss.search(space, "naswot", "random", 1, ascending=True, progress=False)
    with pytest.raises(ss.BadInput, match=r"its objectives is \['synflow'\], the request's \['sed'\]"):
        ss.search(space, "sed", "local", 12, 3, where="params < 1000000", out=out, progress=False)
