"""Rank sums: ranks by several scores added up, against plain sorting."""

from __future__ import annotations

import json
import pickle
from fractions import Fraction
from itertools import islice
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import sedspace as ss
from commands import sedspace
from sedspace.counting import rank_sums

COMBINATIONS = [
    ("tss", ("sed", "params"), ()),
    ("tss", ("sed",), ("params",)),
    ("tss", (), ("macs",)),
    ("tss", ("live_sed", "layers", "n_skip"), ("live_params",)),
    ("tss", ("propagated_sed", "params"), ("depth",)),
    ("sss", ("sed",), ("params", "macs")),
    ("transnas_macro", ("sed", "layers"), ("n_halvings",)),
    ("transnas_micro", ("propagated_sed", "live_sed"), ()),
]


def expected(space, maximize, minimize):
    """Rank sums of a whole space."""
    columns = [ss.score(space, one).tolist() for one in (*maximize, *minimize)]
    return list(map(float, naive.rank_sums(columns, [1] * len(maximize) + [-1] * len(minimize))))


def brute(space, name, values):
    """Every architecture with a rank sum, as a frame."""
    space = ss.space(space)
    return pl.DataFrame({"index": range(space.size), name: values}, schema_overrides={"index": pl.Int64})


@pytest.mark.parametrize(("space", "maximize", "minimize"), COMBINATIONS)
def test_rank_sums_of_whole_spaces(space, maximize, minimize):
    score, values = ss.rank_sum(*maximize, minimize=minimize), expected(space, maximize, minimize)
    assert ss.score(space, score).tolist() == values
    some = Random(1).sample(range(len(values)), 50)
    assert ss.score(space, score, indices=some).tolist() == [values[i] for i in some]
    counts = pl.Series(score.name, values).value_counts(sort=False).sort(score.name)
    found = ss.distribution(space, score)
    assert (found.values.tolist(), found.counts) == (counts[score.name].to_list(), counts["count"].to_list())
    assert ss.histogram(space, score)["count"].to_list() == found.counts
    order = brute(space, score.name, values).sort(score.name, "index", descending=[True, False])
    assert ss.top_k(space, 40, score).select("index", score.name).rows() == order.head(40).rows()
    assert list(islice(ss.best_first(space, score), 100)) == order.head(100).rows()
    start, stop = len(values) // 3, len(values) // 2
    within = order.filter(pl.col("index").is_between(start, stop - 1))
    assert ss.top_k(space, 9, score, start, stop).select("index", score.name).rows() == within.head(9).rows()
    ascending = order.sort(score.name, "index").head(7)
    assert ss.top_k(space, 7, score, ascending=True).select("index", score.name).rows() == ascending.rows()


def test_the_mean_of_a_rank_sum_is_known():
    assert ss.score("tss", ss.rank_sum("sed", "params", "depth")).mean() == -3 * (1 + 15_625) / 2


@pytest.mark.usefixtures("forget_scores")
def test_conditions_and_answers():
    both = ss.register(ss.rank_sum("sed", minimize="params", name="both"))
    values = expected("tss", ["sed"], ["params"])
    frame = brute("tss", "both", values).with_columns(
        params=ss.score("tss", "params"), sed=ss.score("tss"), n_skip=ss.score("tss", "n_skip")
    )
    passing = frame.filter((pl.col("both") >= -9000) & (pl.col("n_skip") <= 2))
    where = "both >= -9000 AND n_skip <= 2"
    found = ss.members("tss", where=where)
    assert [found[i] for i in range(found.count)] == passing["index"].to_list() != []
    assert ss.top_k("tss", 5, "sed", where=where)["index"].to_list() == (
        passing.sort("sed", "index", descending=[True, False])["index"].head(5).to_list()
    )
    indexed = "both >= -9000 AND n_skip <= 2 AND index >= 9000"  # gone through one by one
    assert ss.census("tss", [], "both", where=indexed)["count"].sum() == (passing["index"] >= 9000).sum()
    points = sorted(set(zip((-frame["both"]).to_list(), frame["sed"].to_list(), strict=True)))
    front = ss.pareto("tss", maximize="both", minimize="sed")
    assert sorted(zip((-front["both"]).to_list(), front["sed"].to_list(), strict=True)) == [
        point for point, is_on in zip(points, naive.on_front(points), strict=True) if is_on
    ]
    best = ss.best_within("tss", [400_000], by=both)
    assert best["both"].item() == frame.filter(pl.col("params") <= 400_000)["both"].max()
    drawn = ss.sample("tss", 20, stratify="both", seed=3)
    assert drawn["both"].to_list() == [values[i] for i in drawn["index"]]


def of_distributions(space, names, index):
    """The rank sum of one architecture, from exact counts."""
    total = Fraction(0)
    for name in names:
        found = ss.distribution(space, name)
        value = ss.score(space, name, indices=[index]).item()
        total -= found.rank(value) + Fraction(found.ties(value) - 1, 2)
    return float(total)


@pytest.mark.parametrize(
    ("space", "names"), [("darts", ("sed", "params")), ("tss6", ("sed", "macs")), ("tss8", ("sed", "params", "layers"))]
)
def test_rank_sums_of_spaces_of_any_size(space, names):
    space, score = ss.space(space), ss.rank_sum(*names)
    indices = sorted(Random(7).sample(range(min(space.size, 10**18)), 6))
    values = ss.score(space, score, indices=indices).tolist()
    assert values == [of_distributions(space, names, index) for index in indices]
    if space.name != "darts":
        found = ss.distribution(space, score)
        assert found.total == space.size
        assert set(values) <= set(found.values.tolist())
        mean = (
            sum(Fraction(value) * n for value, n in zip(found.values.tolist(), found.counts, strict=True)) / space.size
        )
        assert float(mean) == pytest.approx(-len(names) * (space.size + 1) / 2, rel=1e-12)
        index, value = ss.top_k(space, 1, score).select("index", score.name).row(0)
        assert (int(index), value) == next(ss.best_first(space, score))
        assert value == found.values[-1] == of_distributions(space, names, int(index))
        assert value >= max(values)


def test_where_ranks_are_beyond_int64_values_are_the_same(monkeypatch):
    whole = ss.score("tss", ss.rank_sum("sed", "n_skip", minimize="params"))
    monkeypatch.setattr(rank_sums, "_INT64", 0)
    assert np.array_equal(ss.score("tss", ss.rank_sum("sed", "n_skip", minimize="params")), whole)


OPERATIONS = [
    {"name": "zero", "kind": "none"},
    {"name": "id", "kind": "skip"},
    {"name": "conv", "kind": "conv", "kernel": 3},
    {"name": "pool", "kind": "pool", "kernel": 5},
]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_rank_sums_of_own_and_restricted_spaces(data):
    operations = data.draw(st.lists(st.sampled_from(OPERATIONS), min_size=2, max_size=4, unique_by=lambda o: o["name"]))
    space = ss.cell_space("mine", data.draw(st.integers(2, 4)), operations)
    if data.draw(st.booleans()):
        space = ss.restrict(space, ss.AtMost(data.draw(st.integers(1, 2)), operations[0]["name"]))
    known = ["sed", "live_sed", "params", "layers", "residual", "paths", "propagated_sed"]
    names = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
    cut = data.draw(st.integers(0, len(names)))
    score, values = ss.rank_sum(*names[:cut], minimize=names[cut:]), expected(space, names[:cut], names[cut:])
    assert ss.score(space, score).tolist() == values
    found = ss.distribution(space, score)
    assert found.values.tolist() == sorted(set(values))
    assert found.counts == [values.count(value) for value in found.values]
    best = ss.top_k(space, 5, score).select(score.name, "index").rows()
    assert best == naive.best(values, 5)


def test_nan_ranks_last_either_way():
    odd = ss.AdditiveScore("odd", {"n": "n_skip"}, lambda n: np.where(n % 2 == 1, np.nan, n), dtype="float64")
    some = ss.AdditiveScore("no", {"n": "n_skip"}, lambda n: n * np.nan, dtype="float64")
    for maximize, minimize in ((("params",), (odd,)), ((odd,), ()), ((some,), ())):
        assert ss.score("tss", ss.rank_sum(*maximize, minimize=minimize)).tolist() == expected(
            "tss", maximize, minimize
        )


def test_constant_scores_and_single_ones():
    nothing = ss.AdditiveScore("nothing", {"n": {}}, lambda n: n)
    assert set(ss.score("tss", ss.rank_sum(nothing)).tolist()) == {-(1 + 15_625) / 2}
    alone = ss.rank_sum("sed")
    assert ss.top_k("tss6", 5, alone)["index"].equals(ss.top_k("tss6", 5)["index"])
    assert ss.score("tss", alone).max() == -1
    assert ss.top_k("darts", 4, alone)["index"].equals(ss.top_k("darts", 4)["index"])


def test_a_rank_sum_may_have_rank_sums():
    inner = ss.rank_sum("sed", "params", name="inner")
    values = [ss.score("tss", inner).tolist(), ss.score("tss", "depth").tolist()]
    found = ss.score("tss", ss.rank_sum(inner, "depth"))
    assert found.tolist() == list(map(float, naive.rank_sums(values, [1, 1])))
    assert ss.distribution("tss8", ss.rank_sum(inner, "macs")).total == 5**28


@pytest.mark.usefixtures("forget_scores")
def test_a_name_stands_for_the_score_that_is_registered_now():
    alone = ss.rank_sum("mine")
    for feature in ("n_skip", "params"):
        ss.register(ss.AdditiveScore("mine", {"n": feature}, lambda n: n, dtype="int32"))
        assert ss.score("tss", alone).tolist() == expected("tss", [feature], [])


@pytest.mark.usefixtures("forget_scores")
def test_a_rank_sum_cannot_be_made_of_itself():
    ss.register(ss.rank_sum("sed", "loop", name="loop"))
    for ask in (ss.score, ss.distribution, ss.histogram):
        with pytest.raises(ss.BadInput, match="score loop: loop is made of scores, too: expected the Score, not"):
            ask("tss", "loop")


@pytest.mark.usefixtures("forget_scores")
def test_it_is_a_column_of_a_run(tmp_path):
    score = ss.register(ss.rank_sum("sed", "live_sed", minimize="params"))
    run = ss.enumerate_space(
        "tss", tmp_path / "run", columns=["sed", "rank_sum"], where="rank_sum >= -17000", progress=False
    )
    values = np.array(expected("tss", ["sed", "live_sed"], ["params"]))
    assert run.scan().collect()["rank_sum"].to_list() == values[values >= -17000].tolist()
    assert run.verify(full=True) == []
    assert pickle.loads(pickle.dumps(score)).parameters == {"maximize": "sed, live_sed", "minimize": "params"}
    assert np.array_equal(ss.score("tss", pickle.loads(pickle.dumps(score))), values)


def test_on_the_command_line(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import sedspace as ss\nss.register(ss.rank_sum('sed', 'params', name='both'))\n")
    options = "-k", 1, "--by", "both", "--where", "params < 1500000", "--json"
    (row,) = json.loads(sedspace("--scores", file, "top", "tss6", *options).stdout)
    index, value = ss.top_k("tss6", 1, ss.rank_sum("sed", "params"), where="params < 1500000").row(0)[:2]
    assert (row["index"], row["both"]) == (index, value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ss.rank_sum(), "a rank sum of no scores: expected one or more"),
        (lambda: ss.rank_sum("sed", minimize="sed"), "a rank sum of sed, sed: sed stands there twice"),
        (lambda: ss.rank_sum("sed", 3), r"scores \('sed', 3\): expected the name of a score, a Score, or several"),
        (lambda: ss.rank_sum("sed", minimize=3), "minimize 3: expected the name of a score, a Score, or several"),
        (lambda: ss.rank_sum("sed", name="a b"), "score name 'a b' cannot be a column"),
        (lambda: ss.score("tss", ss.rank_sum("sed", "parms")), "unknown score 'parms'.*params"),
        (lambda: ss.score("nb101", ss.rank_sum("sed", "live_sed")), "unknown score 'live_sed'"),
        (lambda: ss.top_k("tss", 1, ss.rank_sum("sed", "arch")), "unknown score 'arch'"),
        (lambda: ss.top_k("tss6", 1, ss.rank_sum("sed", "depth"), where="sed > 3"), "depth is no sum over positions"),
        (lambda: ss.score("tss6", ss.rank_sum("depth"), 0, 9), "depth is no sum over positions"),
        (lambda: ss.distribution("tss", ss.rank_sum(ss.sed("1/2")), where="sed > 1"), "two scores have the name sed"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ss.BadInput, match=f"^{message}") as refused:
        make()
    assert "\n" not in str(refused.value)
