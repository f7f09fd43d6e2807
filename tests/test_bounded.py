"""Scores that come with a bound: rows, and the best of spaces of any size, against going through all."""

from __future__ import annotations

import pytest

import naive
import sedspace as ss


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
