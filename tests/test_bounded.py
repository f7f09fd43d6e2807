"""Scores that come with a bound: rows, and the best of spaces of any size, against going through all."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import sedspace as ss
from commands import sedspace
from sedspace.counting import best, bounded, compiled
from sedspace.spaces import Group
from toy import Toy, with_sums_up_to


def run_of_convs():
    """Return the longest run of 3x3 convolutions, never longer than there are such convolutions."""
    run = ss.DigitScore(
        "run", naive.longest_run, dtype="uint8", unit="edges", meaning="longest run", parameters={"v": "1"}
    )
    return ss.BoundedScore(run, ss.AdditiveScore("convs", {"n": "n_conv3x3"}, lambda n: n, dtype="uint8"))


def test_rows_are_those_of_the_score():
    bounded = run_of_convs()
    plain = bounded.score
    for name in ("name", "dtype", "denominator", "unit", "meaning", "parameters"):
        assert getattr(bounded, name) == getattr(plain, name)
    expected = [naive.longest_run(digits.tolist()) for digits in ss.space("tss").digits_of_range(0, 15_625)]
    assert ss.score("tss", bounded).tolist() == expected
    assert ss.score("tss", bounded, indices=[11_718, 3]).tolist() == [expected[11_718], expected[3]]
    assert ss.histogram("tss", bounded).equals(ss.histogram("tss", plain))
    assert ss.distribution("tss", bounded).frame().equals(ss.distribution("tss", plain).frame())
    for ascending in (False, True):
        assert ss.top_k("tss", 30, bounded, ascending=ascending).equals(ss.top_k("tss", 30, plain, ascending=ascending))


@pytest.mark.usefixtures("forget_scores")
def test_it_is_a_column_of_a_run(tmp_path):
    ss.register(run_of_convs())
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "run"], where="run >= 3", progress=False)
    assert run.verify(full=True) == []
    assert run.scan().collect()["run"].min() == 3


def test_it_travels_to_other_processes():
    cloudpickle = pytest.importorskip("cloudpickle")
    there = cloudpickle.loads(cloudpickle.dumps(run_of_convs()))
    assert there.bound.name == "convs"
    assert ss.score("tss", there, 0, 3000).tolist() == ss.score("tss", run_of_convs(), 0, 3000).tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ss.BoundedScore("sed", ss.sed()), "score 'sed': expected a Score, such as a DigitScore"),
        (lambda: ss.BoundedScore(ss.sed(), "params"), "score sed: bound 'params', expected an AdditiveScore"),
        (
            lambda: ss.BoundedScore(ss.sed(), run_of_convs()),
            "score sed: bound <score run .*, expected an AdditiveScore",
        ),
    ],
)
def test_bad_input_is_one_line(make, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


# -- the best, equal to brute force ---------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 7, 500, 15_625, 20_000])
def test_the_best_of_tss(k):
    values = [naive.longest_run(digits.tolist()) for digits in ss.space("tss").digits_of_range(0, 15_625)]
    found = ss.top_k("tss", k, run_of_convs(), columns=["n_skip"])
    assert found.select("index", "run").rows() == naive.best_of(values, k)
    assert found["arch"].to_list() == ss.space("tss").arch(found["index"].to_list()).tolist()
    assert found["n_skip"].to_list() == ss.score("tss", "n_skip", indices=found["index"].to_list()).tolist()
    assert list(islice(ss.best_first("tss", run_of_convs()), k)) == naive.best_of(values, k)


WHERES = [
    "params < 500000 AND n_skip <= 2",
    "n_conv3x3 <> 3 AND \"0->3\" = 'skip_connect'",
    "run < 3",
    "run = 2 AND n_pool = 1",
    "run > 6",
    "run + n_pool > 5 OR n_skip = 4",
    "index > 7000 AND index < 9000 AND run < 4",
    "arch LIKE '|skip%' AND n_pool >= 1",
    "representative = 1 AND run <= 4 AND params < 900000",
    "n_skip > 6",
]


@pytest.fixture(scope="module")
def rows():
    """Return what the conditions name of every cell of tss."""
    space = ss.space("tss")
    names = ["params", "n_skip", "n_conv3x3", "n_pool", "representative"]
    run = [naive.longest_run(digits.tolist()) for digits in space.digits_of_range(0, space.size)]
    return pl.DataFrame({name: ss.score(space, name) for name in names}).with_columns(
        pl.Series("run", run),
        pl.Series("arch", space.archs(space.digits_of_range(0, space.size)).tolist()),
        pl.Series("0->3", [space.positions[3].choices[d].name for d in space.digits_of_range(0, space.size)[:, 3]]),
        index=pl.int_range(pl.len()),
    )


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("where", WHERES)
def test_the_best_that_meet_a_condition(rows, where, counted, monkeypatch):
    kept = set(rows.filter(pl.sql_expr(where))["index"].to_list())
    expected = naive.best_of(rows["run"].to_list(), 40, kept.__contains__)
    score = run_of_convs()
    score.bound.monotone = ("rises",)
    if not counted:
        monkeypatch.setattr(compiled, "LIMIT", 0)
    assert ss.top_k("tss", 40, score, where=where).select("index", "run").rows() == expected
    assert list(islice(ss.best_first("tss", score, where=where), 40)) == expected
    within = naive.best_of(rows["run"].to_list(), 40, lambda index: index in kept and 3001 <= index < 9000)
    assert ss.top_k("tss", 40, score, 3001, 9000, where=where).select("index", "run").rows() == within


def test_one_of_each_functional_class(rows):
    unique = set(rows.filter(representative=1)["index"].to_list())
    found = ss.top_k("tss", 40, run_of_convs(), unique="functional")
    assert found.select("index", "run").rows() == naive.best_of(rows["run"].to_list(), 40, unique.__contains__)


GROUPINGS = [[(0, 1, 2, 3, 4)], [(0, 1), (2, 3, 4)], [(0, 2, 4), (1, 3)]]
PENALTIES = [[0], [0, 1], [0, 0, 0, 5], [0, 1, 2, 3], [0, 40]]


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 4), min_size=5, max_size=5),
    st.sampled_from(GROUPINGS),
    st.sampled_from(PENALTIES),
    st.sampled_from(["int32", "float32", "float64"]),
    st.sampled_from([1, 3]),
    st.booleans(),
    st.sampled_from(["counted", "searched", "filtered"]),
    st.integers(0, 2**32 - 1),
)
def test_any_space_against_brute_force(radices, grouping, penalties, dtype, denominator, restricted, way, seed):
    random = np.random.default_rng(seed)
    space = Toy(radices, [Group(f"g{i}", p, 1 + i) for i, p in enumerate(grouping)])
    if restricted:
        space = with_sums_up_to(space, int(random.integers(1, 8)))
    scale = denominator if dtype == "int32" else 1
    tables = {f: [random.integers(-2, 4, radix) for radix in radices] for f in "xy"}
    bound = ss.AdditiveScore(
        "b",
        tables,
        lambda x, y: scale * (x + np.minimum(y, 3)),
        denominator=denominator,
        monotone=["rises", "never falls"] if way == "searched" else None,
    )
    weights = random.integers(0, 100, 5)

    def values(digits):
        lost = np.array(penalties)[(digits.astype(np.int64) @ weights) % len(penalties)]
        below = bound.at(space, digits) - scale * lost
        return below if dtype == "int32" else np.where(lost == 1, np.nan, np.where(lost == 3, -np.inf, below))

    score = ss.BoundedScore(ss.ArrayScore("s", values, dtype=dtype, denominator=denominator), bound)
    every = np.asarray(ss.score(space, score.score))
    low = int(random.integers(100, 112))
    where = str(random.choice([f"kernels < {low}", f"kernels <> {low} AND s < 7", f"s > 4 AND kernels >= {low}"]))
    frame = pl.DataFrame({"s": every, "kernels": ss.score(space, "kernels")}).with_row_index("index").fill_nan(None)
    kept = set(frame.filter(pl.sql_expr(where))["index"].to_list())
    start, stop = sorted(random.integers(0, space.size + 1, 2).tolist())
    k = int(random.integers(1, 30))
    with pytest.MonkeyPatch.context() as patch:
        if way == "searched":
            patch.setattr(compiled, "LIMIT", 0)
        if way == "filtered":
            patch.setattr(bounded, "_FIRST", 1)
        assert list(ss.best_first(space, score)) == naive.best_of(every.tolist(), space.size)
        assert list(ss.best_first(space, score, where=where)) == naive.best_of(
            every.tolist(), space.size, kept.__contains__
        )
        found = ss.top_k(space, k, score, start, stop, where=where).select("index", "s").rows()
        assert found == naive.best_of(every.tolist(), k, lambda index: index in kept and start <= index < stop)


# -- spaces that cannot be gone through -----------------------------------------------------------------------------


def test_the_best_of_tss5_are_those_of_going_through_it():
    score = run_of_convs()
    for kwargs in ({}, {"start": 1_000_000, "stop": 9_000_000}):
        assert ss.top_k("tss5", 300, score, **kwargs).equals(ss.top_k("tss5", 300, score.score, **kwargs))
    values = ss.score("tss5", score)
    cells = pl.DataFrame({"run": values, **{name: ss.score("tss5", name) for name in ("params", "n_skip")}})
    for where in ("params < 600000 AND n_skip >= 2", "run <= 4 AND n_skip = 3"):
        kept = cells.with_row_index("index").filter(pl.sql_expr(where))
        expected = kept.sort(["run", "index"], descending=[True, False]).head(200).select("index", "run")
        assert ss.top_k("tss5", 200, score, where=where).select("index", "run").rows() == expected.rows()


def test_the_best_of_a_space_far_too_large_to_go_through():
    score, space = run_of_convs(), ss.space("tss8")
    found = ss.top_k(space, 60, score)
    assert found["run"].to_list()[:2] == [28, 27]
    assert found["run"].is_sorted(descending=True)
    one_else = [[3] * p + [d] + [3] * (27 - p) for p in range(28) for d in (0, 1, 2, 4)]
    ranked = sorted((-naive.longest_run(row), naive.index(row, [5] * 28)) for row in [[3] * 28, *one_else])
    runs_of_26 = [[a, b, *[3] * 26] for a in range(5) for b in (0, 1, 2, 4)] + [
        row for a in range(5) for b in (0, 1, 2, 4) for row in ([*[3] * 26, b, a], [a, *[3] * 26, b])
    ]
    ranked += [(-26, naive.index(row, [5] * 28)) for row in runs_of_26 if naive.longest_run(row) == 26]
    assert found.select("index", "run").rows() == [(index, -run) for run, index in sorted(set(ranked))[:60]]
    assert list(islice(ss.best_first(space, score), 60)) == found.select("index", "run").rows()
    few = ss.top_k(space, 5, score, where="n_skip = 14 AND n_none >= 4")
    assert few["run"].to_list() == [10] * 5
    assert few["index"][0] == naive.index([0] * 4 + [1] * 14 + [3] * 10, [5] * 28)
    assert ss.top_k(space, 3, score, where="run >= 29").is_empty()  # no bound reaches that
    assert ss.top_k(space, 1, score, 5**27, 2 * 5**27)["index"].item() == naive.index([1] + [3] * 27, [5] * 28)
    rare = ss.restrict(space, ss.AtMost(2, "nor_conv_3x3"))
    assert ss.top_k(rare, 1, score)["arch"].item() == space.arch(naive.index([0] * 26 + [3] * 2, [5] * 28))


def test_the_best_of_darts_by_a_float():
    """A float64 score, whose bound is a float32: what is exact by the bound is not cut off by its rounding."""
    space = ss.space("darts")
    radices = space.radices.tolist()
    total = ss.ArrayScore("total", lambda digits: digits.sum(axis=1) / 3 - (digits[:, 0] % 2 > 0), dtype="float64")
    most = ss.AdditiveScore("most", {"n": [range(n) for n in radices]}, lambda n: n, denominator=3, per_group=False)
    rows = {tuple(n - 1 for n in radices)}
    for _ in range(4):  # one less at any position, again and again
        rows |= {(*row[:p], row[p] - 1, *row[p + 1 :]) for row in rows for p in range(len(row))}
    ranked = sorted((-(sum(row) / 3 - (row[0] % 2 > 0)), naive.index(row, radices)) for row in rows)
    found = ss.top_k(space, 40, ss.BoundedScore(total, most))
    assert found.select("index", "total").rows() == [(index, -value) for value, index in ranked[:40]]


def test_classes_that_are_too_many_are_searched():
    """A bound of costs that hardly two architectures share."""
    random = np.random.default_rng(1)
    rows = random.integers(0, 1 << 40, (28, 5))
    bound = ss.AdditiveScore("costs", {"n": rows}, lambda n: n, dtype="int64", monotone=["rises"])
    score = ss.BoundedScore(ss.ArrayScore("s", lambda digits: bound.at(None, digits) - 0, dtype="int64"), bound)
    with pytest.raises(ss.BadInput, match="its function of the digits failed"):
        ss.top_k("tss8", 1, score)
    score = ss.BoundedScore(
        ss.ArrayScore("s", lambda digits: rows[range(28), digits].sum(axis=1) // 2 * 2, dtype="int64"), bound
    )
    highest = rows.argmax(axis=1).tolist()
    found = ss.top_k("tss8", 2, score)
    assert found["index"][0] == naive.index(highest, [5] * 28)
    assert found["s"][0] == rows.max(axis=1).sum() // 2 * 2
    runner = rows.max(axis=1).sum() - np.diff(np.sort(rows, axis=1)[:, -2:], axis=1).min()
    assert found["s"][1] == runner // 2 * 2
    assert ss.top_k("tss8", 1, score, where="n_skip >= 25")["s"].item() <= found["s"][0]


@pytest.mark.usefixtures("forget_scores")
@pytest.mark.parametrize("where", ["run >= 3 AND params < 900000", "index > 5000 AND n_skip = 1", "run + n_skip > 6"])
def test_sums_under_conditions_that_are_none(where, monkeypatch):
    """A sum is its own bound, so that any condition may be asked of a large space."""
    ss.register(run_of_convs())
    expected = ss.top_k("tss", 30, where=where)
    monkeypatch.setattr(best, "SMALL", 0)
    assert ss.top_k("tss", 30, where=where).equals(expected)
    assert ss.top_k("tss", 30, "params", 3000, 9000, where=where)["index"].is_between(3000, 8999).all()
    found = ss.top_k("tss8", 4, where="run >= 14 AND n_skip >= 14")
    assert found["sed"].to_list() == [14 * 1.75] * 4


# -- refused --------------------------------------------------------------------------------------------------------


def wrong():
    """Return a score whose bound is below it for a single cell, 8000."""
    space = ss.space("tss")
    function = lambda digits: 5.0 - (np.asarray(space.index(digits)) != 8000)  # noqa: E731
    return ss.BoundedScore(
        ss.ArrayScore("s", function), ss.AdditiveScore("four", {"n": "n_skip"}, lambda n: 4 - (n > 5))
    )


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: ss.top_k("tss", 15_625, wrong()),
            r"^score s: architecture 8000 of tss has 5.0, above its bound four, 4.0: expected a bound that is never",
        ),
        (lambda: ss.top_k("tss8", 1, run_of_convs(), ascending=True), r"^the least run of 37,2.* bounded from above"),
        (
            lambda: ss.top_k("tss8", 1, run_of_convs(), ascending=True, where="n_skip < 3"),
            r"^the least run of 37,2.* up to 16,777,216$",
        ),
        (lambda: ss.best_first("tss8", run_of_convs(), ascending=True), r"^the least run of 37,2.* bounded from above"),
        (lambda: ss.top_k("tss8", 1, run_of_convs(), where="index < 3"), "^where names index, .* give start and stop$"),
        (lambda: ss.top_k("tss8", 1, run_of_convs(), where="runs < 3"), "unknown column 'runs'"),
        (lambda: ss.top_k("tss8", 9, run_of_convs(), where="run < 3"), "^the best of tss8 by run: only 0 found"),
        (lambda: ss.census("tss8", [run_of_convs()]), "^run is no sum over positions"),
        (lambda: ss.distribution("tss8", run_of_convs()), "^run is no sum over positions"),
        (lambda: ss.histogram("tss8", run_of_convs()), "^going through 37,2.* takes too long"),
        (lambda: ss.pareto("tss8", run_of_convs(), "params"), "^run is no sum over positions"),
        (lambda: ss.best_within("tss8", [10**6], by=run_of_convs()), "^run is no sum over positions"),
        (lambda: ss.sample("tss8", 3, stratify=run_of_convs()), "^run is no sum over positions"),
        (lambda: ss.sample("tss8", 3, importance=run_of_convs()), "^run is no sum over positions"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_line(ask, message, monkeypatch):
    monkeypatch.setattr(bounded, "LOOKED_AT", 20_000)
    with pytest.raises(ss.BadInput, match=message) as caught:
        ask()
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("forget_scores")
def test_conditions_on_it_are_not_counted_on_a_large_space():
    ss.register(run_of_convs())
    for ask in (ss.members, lambda space, where: ss.sample(space, 2, where=where)):
        with pytest.raises(ss.BadInput, match=r"^run is no sum over positions"):
            ask("tss8", where="run > 3")


def test_a_bound_that_is_too_loose(monkeypatch):
    """It is refused where a space cannot be gone through, saying how many were looked at, and else gone through."""
    monkeypatch.setattr(bounded, "LOOKED_AT", 1000)
    loose = ss.BoundedScore(run_of_convs().score, ss.AdditiveScore("much", {"n": "n_skip"}, lambda n: n + 100))
    assert ss.top_k("tss", 20, loose).equals(ss.top_k("tss", 20, loose.score))
    with pytest.raises(ss.BadInput, match=r"only 0 found for certain after 960 .* bound \(much\) as high as 1"):
        ss.top_k("tss8", 1, loose)
    with pytest.raises(ss.BadInput, match="only 0 found"):
        ss.top_k("tss", 1, loose, where="n_none < 3")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bound_that_is_no_number_bounds_nothing(value):
    score = run_of_convs()
    score = ss.BoundedScore(
        score.score, ss.AdditiveScore("b", {"n": "n_conv3x3"}, lambda n: np.where(n == 2, value, n + 0.5))
    )
    assert ss.top_k("tss", 50, score).equals(ss.top_k("tss", 50, score.score))


def test_from_the_command_line(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import sedspace as ss\n"
        "def longest_run(digits):\n"
        "    best = run = 0\n"
        "    for digit in digits:\n"
        "        run = run + 1 if digit == 3 else 0\n"
        "        best = max(best, run)\n"
        "    return best\n"
        "convs = ss.AdditiveScore('convs', {'n': 'n_conv3x3'}, lambda n: n)\n"
        "ss.register(ss.BoundedScore(ss.DigitScore('run', longest_run, dtype='uint8'), convs))\n"
    )
    where = "n_skip >= 14 AND run > 12"
    said = sedspace("--scores", tmp_path / "mine.py", "top", "tss8", "-k", 2, "--by", "run", "--where", where, "--json")
    found = json.loads(said.stdout)
    assert [row["run"] for row in found] == [14, 14]
    assert [row["index"] for row in found] == ss.top_k("tss8", 2, run_of_convs(), where=where)["index"].to_list()
