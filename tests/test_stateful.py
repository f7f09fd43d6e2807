"""Scores of one's own whose sums depend on what came before: rows and exact answers against a twin."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss


def pairs(name="pairs", **options):
    """Return how often a convolution comes right after another one, in the order of the edges."""
    asked = {
        "begin": None,
        "step": lambda last, position, choice: choice,
        "dtype": "uint8",
        "monotone": ["rises"],
        **options,
    }
    return ss.StateScore(
        name, {"n": lambda last, position, choice: int(last in (2, 3) and choice in (2, 3))}, lambda n: n, **asked
    )


@pytest.mark.usefixtures("forget_scores")
@pytest.mark.parametrize(
    "space", [ss.space("tss"), ss.restrict("tss", ss.Connected(), ss.AtMost(2, "none"))], ids=lambda space: space.name
)
def test_rows_and_exact_answers_are_those_of_going_through_all(space):
    score = pairs()
    expected = [naive.convolutions_in_a_row(digits.tolist()) for digits in space.digits(range(space.size))]
    assert ss.score(space, score).tolist() == expected
    assert ss.score(space, score, 100, 200, threads=2).tolist() == expected[100:200]
    rows = pl.DataFrame({"index": range(space.size), "pairs": expected, "params": ss.score(space, "params")})
    tally = ss.distribution(space, score)
    counts = rows.group_by("pairs").len().sort("pairs")
    assert (tally.values.tolist(), list(tally.counts)) == (counts["pairs"].to_list(), counts["len"].to_list())
    ss.register(score)
    where = "params < 600000 AND pairs >= 2"
    kept = rows.filter(pl.sql_expr(where))
    assert ss.members(space, where=where)[:].tolist() == kept["index"].to_list()
    best = kept.sort(["pairs", "index"], descending=[True, False]).head(20)
    assert (
        ss.top_k(space, 20, "pairs", where=where).select("index", "pairs").rows()
        == best.select("index", "pairs").rows()
    )
    front = ss.pareto(space, "pairs", "params")
    assert front["count"].to_list() == [
        len(rows.filter(pairs=pair, params=params)) for pair, params in front.select("pairs", "params").rows()
    ]


def test_a_large_space_is_counted():
    assert ss.distribution("tss8", pairs()).at_least(27) == 2**28
    assert int(sum(ss.distribution("tss12", pairs()).counts)) == 5**66


@pytest.mark.usefixtures("forget_scores")
def test_a_run_has_it_as_a_column(tmp_path):
    ss.register(pairs())
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "pairs"], where="pairs >= 4", progress=False)
    assert run.verify() == []
    assert run.scan().collect()["pairs"].min() == 4


def test_it_travels_to_other_processes():
    cloudpickle = pytest.importorskip("cloudpickle")
    score = pairs()
    before = ss.score("tss", score, 0, 3000).tolist()
    assert ss.score("tss", cloudpickle.loads(cloudpickle.dumps(score)), 0, 3000).tolist() == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ss.StateScore("s", {"n": 3}, lambda n: n, begin=0, step=lambda *_: 0),
            "feature n is 3, expected a function",
        ),
        (lambda: ss.StateScore("s", {}, lambda n: n, begin=0, step=lambda *_: 0), "expected one table or more"),
        (lambda: pairs(step=None), "step None, expected a function of a state"),
        (
            lambda: ss.score("tss", pairs(step=lambda last, p, c: c if c != last else None)),
            r"[\d,]+ architectures of tss lead to",
        ),
        (
            lambda: ss.score("tss", ss.StateScore("s", {"n": lambda *_: 0.5}, lambda n: n, begin=0, step=lambda *_: 0)),
            "feature n is 0.5 at position 0, expected an integer",
        ),
        (
            lambda: ss.score("tss6", pairs(begin=(), step=lambda so_far, p, c: (*so_far, c)), 0, 1),
            "states before position|steps up to position",
        ),
    ],
)
def test_bad_input_is_one_line(make, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_numbers_of_rows_do_not_depend_on_threads():
    assert np.array_equal(
        ss.score("tss5", pairs(), 0, 50_000, threads=1), ss.score("tss5", pairs(), 0, 50_000, threads=2)
    )
