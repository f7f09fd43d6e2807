"""One order everywhere: greater values first, ties by the lowest index, whatever the numbers and whoever is asked."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import islice

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sedspace as ss
from sedspace.scores.ranking import opposite
from toy import Toy, some_scores

LEAST = np.iinfo(np.int64).min
NAN = float("nan")

numbers = st.sampled_from([LEAST, LEAST + 1, -1, 0, 1, np.iinfo(np.int64).max])
floats = st.sampled_from([NAN, -np.inf, -1.5, -0.0, 0.0, 1e-9, 3.25, np.inf])


def ranked(values, ascending=False):
    """Return indices, best first: the slow and obvious way."""
    known = [(value, index) for index, value in enumerate(values) if value == value]
    return [index for _, index in sorted(known, key=lambda pair: (pair[0] if ascending else -pair[0], pair[1]))]


def scores_of(values, dtype):
    """Return the same values as a score that adds up, and as functions of the digits."""
    table = np.array(values, dtype)

    def of(digits):
        return table[digits.astype(np.int64) @ np.array([4, 1])]

    yield ss.AdditiveScore("x", {"i": [[0, 4, 8], [0, 1, 2, 3]]}, lambda i: table[i], dtype=dtype)
    yield ss.ArrayScore("x", of, dtype=dtype)


@given(
    st.one_of(st.lists(numbers, min_size=12, max_size=12), st.lists(floats, min_size=12, max_size=12)), st.booleans()
)
def test_all_ways_to_the_best_agree(values, ascending):
    space = Toy([3, 4])
    expected = ranked(values, ascending)
    part = [i for i in expected if 2 <= i < 9]
    dtype = "float64" if any(isinstance(value, float) for value in values) else "int64"
    for score in scores_of(values, dtype):
        for k in (1, 5, 20):
            assert ss.top_k(space, k, score, ascending=ascending)["index"].to_list() == expected[:k]
            assert ss.top_k(space, k, score, 2, 9, ascending=ascending)["index"].to_list() == part[:k]
            everything = ss.top_k(space, k, score, where="kernels >= 0", ascending=ascending)
            assert everything["index"].to_list() == expected[:k]
            lazily = ss.best_first(space, score, where="kernels >= 0", ascending=ascending)
            assert [index for index, _ in islice(lazily, k)] == expected[:k]
            assert [index for index, _ in ss.best_first(space, score, 2, 9, ascending=ascending)] == part


@settings(max_examples=30)
@given(st.lists(numbers, min_size=12, max_size=12), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_fronts_order_the_least_integer_last(values, costs):
    space = Toy([3, 4])
    table = np.array(costs)
    cost = ss.AdditiveScore("y", {"i": [[0, 4, 8], [0, 1, 2, 3]]}, lambda i: table[i], dtype="int64")
    best = {c: max(v for v, d in zip(values, costs, strict=True) if d <= c) for c in set(costs)}
    expected = {(v, c) for c, v in best.items() if all(best[d] < v for d in best if d < c)}
    for score in scores_of(values, "int64"):
        assert set(ss.pareto(space, score, cost).select("x", "y").rows()) == expected
        assert ss.pareto(space, score, cost)["x"].to_list() == sorted((v for v, _ in expected), reverse=True)


@given(st.lists(numbers, min_size=1), st.lists(floats, min_size=1))
def test_the_opposite_order_has_no_exception(integers, reals):
    keys = np.array(integers, np.int64)
    assert np.array_equal(opposite(opposite(keys)), keys)
    assert np.array_equal(np.sort(opposite(keys)), opposite(np.sort(keys)[::-1]))
    assert np.array_equal(opposite(opposite(np.array(reals))), np.array(reals), equal_nan=True)


def test_what_float32_writes_as_one_value_is_a_tie(tmp_path):
    close = ss.ArrayScore("close", lambda digits: 1.0 + 1e-12 * digits[:, 0])
    assert ss.top_k("tss", 3, close)["index"].to_list() == [0, 1, 2]
    run = ss.enumerate_space("tss", tmp_path / "run", columns=[close], progress=False)
    assert run.top(3, "close")["index"].to_list() == [0, 1, 2]
    large = ss.AdditiveScore("large", {"n": "macs"}, lambda n: n * 1_000_003)
    run = ss.enumerate_space("tss", tmp_path / "large", columns=[large], progress=False)
    assert run.top(400, "large")["index"].equals(ss.top_k("tss", 400, large)["index"])


@pytest.fixture(scope="module", params=["tss", "sss", "nb101", "transnas_micro", "transnas_macro"])
def everything(request, tmp_path_factory):
    """Return a run of a whole space with every column."""
    names = [name for name in some_scores(request.param) if name != "representative"]
    directory = tmp_path_factory.mktemp("everything") / request.param
    return ss.enumerate_space(request.param, directory, columns=names, progress=False)


@pytest.mark.parametrize("ascending", [False, True])
def test_runs_and_spaces_have_the_same_best(everything, ascending):
    run, space = everything, everything.space.name
    for name in [name for name in run.columns if name != "index"]:
        found = run.top(100, name, ascending=ascending).select("index", name, "arch")
        assert found.equals(ss.top_k(space, 100, name, ascending=ascending)), name
        some = "index % 3 = 1 AND sed > 2"
        assert run.top(9, name, where=some, ascending=ascending)["index"].to_list() == (
            ss.top_k(space, 9, name, where=some, ascending=ascending)["index"].to_list()
        )


@pytest.mark.parametrize("space", ["tss5", "darts"])
def test_ranges_of_large_spaces_have_the_same_best(tmp_path, space):
    start = ss.space(space).size // 3
    run = ss.enumerate_space(space, tmp_path / "run", start=start, stop=start + 50_000, progress=False)
    for column in run.request.columns[1:]:
        found = run.top(50, column.name).select("index", column.name)
        expected = ss.top_k(space, 50, column.name, start, start + 50_000)
        assert found.equals(expected.select("index", column.name)), column.name


def test_more_columns_of_the_best():
    found = ss.top_k("tss", 3, columns=["params", "depth", "sed"])
    assert found.columns == ["index", "sed", "params", "depth", "arch"]
    assert found["params"].to_list() == [ss.score("tss", "params", i, i + 1).item() for i in found["index"]]
    assert found.schema["depth"] == pl.UInt8


def test_some_columns_of_a_run(tmp_path):
    run = ss.enumerate_space("tss", tmp_path / "run", progress=False)
    for columns in (["params"], ["index", "params", "sed", "params"], [], ["arch", "params"]):
        found = run.top(3, columns=columns)
        assert found.columns == ["index", "sed", *(["params"] if "params" in columns else []), "arch"]
        assert found["index"].to_list() == ss.top_k("tss", 3)["index"].to_list()
    with pytest.raises(ss.BadInput, match="unknown column 'parms'"):
        run.top(3, columns=["parms"])


def test_a_run_is_asked_as_a_space_is(tmp_path):
    mine = ss.AdditiveScore("mine", {"n": "n_skip"}, lambda n: 6 - n, dtype="uint8")
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "params", "representative"], progress=False)
    wanted = ["depth", mine, "arch"]
    of_space = ss.top_k("tss", 40, where="params < 900000", unique="functional", columns=wanted)
    assert ss.top_k(run, 40, where="params < 900000", unique="functional", columns=wanted).equals(of_space)
    assert run.top(40, where="params < 900000", unique="functional", columns=wanted).equals(of_space)
    assert ss.top_k(run, 3, ss.sed()).equals(run.top(3))
    drawn = ss.sample(run, 40, stratify="sed", where="params < 900000", unique="functional", seed=3)
    assert drawn.equals(run.sample(40, stratify="sed", where="params < 900000", unique="functional", seed=3))
    assert drawn["representative"].to_list() == [1] * 40
    assert drawn["params"].max() < 900_000


@pytest.mark.parametrize("value", [5, np.int64(5), NAN])
def test_a_scalar_from_h_is_refused(value):
    constant = ss.AdditiveScore("constant", {"n": "n_skip"}, lambda n: value)
    for ask in (
        lambda: ss.score("tss", constant),
        lambda: ss.top_k("tss", 1, constant),
        lambda: ss.distribution("tss", constant),
    ):
        with pytest.raises(ss.BadInput, match=r"score constant: its function returned shape \(\) for sums of \("):
            ask()


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: ss.top_k("tss6", 10**9), "k 1,000,000,000"),
        (lambda: ss.top_k("tss6", 10**30, start=3), "k 30,517,578,122"),
        (lambda: ss.top_k("darts", 10**20), "k 1,076,746,950,455,072,400"),
        (lambda: ss.sample("tss6", 10**10), "n 10,000,000,000"),
        (lambda: ss.sample("tss6", 10**11, importance="sed"), "n 100,000,000,000"),
    ],
)
def test_more_than_memory_holds_is_refused_before_it_is_made(call, what):
    with pytest.raises(ss.BadInput, match=rf"{what}: so many architectures of \w+ take about [\d,]+ GB, and this"):
        call()


def test_all_there_are_may_be_asked_for():
    assert len(ss.top_k("tss6", 10**20, where="sed >= 24")) == 15
    assert len(ss.top_k("tss", 10**20)) == 15625
    with pytest.raises(ss.BadInput, match="n 10000000000: only 15 architectures"):
        ss.sample("tss6", 10**10, where="sed >= 24")


def test_integers_beyond_int64_are_refused():
    far = np.uint64(2**63 + 5)
    for score in (
        ss.ArrayScore("u", lambda digits: np.full(len(digits), far), dtype="float64"),
        ss.AdditiveScore("u", {"n": "n_skip"}, lambda n: np.full(n.shape, far), dtype="float64"),
    ):
        with pytest.raises(ss.BadInput, match="returned 9223372036854775813, beyond int64"):
            ss.score("tss", score)


def test_a_function_may_do_what_it_likes_with_its_digits():
    def spoiled(digits):
        digits[:, 0] = 0
        return digits.sum(axis=1)

    mine = ss.ArrayScore("mine", spoiled, dtype="int64")
    found = ss.top_k("tss", 1, columns=[mine, "n_conv3x3"])
    assert found.select("index", "n_conv3x3", "arch").row(0) == (11668, 5, ss.space("tss").arch(11668))


def test_bounds_beyond_the_type_and_nan():
    most = ss.AdditiveScore("most", {"n": "n_skip"}, lambda n: np.full(n.shape, 2**63 - 1), dtype="int64")
    tally = ss.distribution("tss", most)
    assert (tally.at_least(2**63 - 1), tally.at_least(2**63), tally.rank(2**63)) == (15625, 0, 1)
    with pytest.raises(ss.BadInput, match="nan: expected a number"):
        ss.distribution("tss").rank(NAN)
    gaps = ss.AdditiveScore("gaps", {"n": "n_skip"}, lambda n: np.where(n == 0, NAN, n), dtype="float64")
    assert ss.census("tss", [], by=gaps)["gaps"].to_list()[:-1] == [6, 5, 4, 3, 2, 1]


def test_numbers_of_any_type():
    expected = ss.best_within("tss", [1_000_000])["index"].to_list()
    for budget in (
        np.array(1_000_000),
        Fraction(1_000_000),
        Decimal(1_000_000),
        np.int64(1_000_000),
        [np.float32(1e6)],
    ):
        assert ss.best_within("tss", budget)["index"].to_list() == expected
    assert ss.distribution("tss").quantile(np.float32(0.5)) == ss.distribution("tss").quantile(0.5)
    drawn = [ss.sample("tss", 3, importance="sed", temperature=t) for t in (2, np.float32(2), np.int64(2))]
    assert drawn[0].equals(drawn[1])
    assert drawn[0].equals(drawn[2])
