"""Costs that depend on earlier choices: rows, exact answers, files, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import naive
import sedspace as ss
from sedspace.cli import cli

COSTS = {"none": "0", "skip_connect": "0.25", "nor_conv_1x1": "1", "nor_conv_3x3": "2.5", "avg_pool_3x3": "0.75"}
STATES = {
    ("1->2", "nor_conv_3x3", (("0->1", "nor_conv_3x3"),)): "1.25",
    ("1->2", "nor_conv_3x3", (("0->1", "nor_conv_1x1"),)): "1.75",
    ("2->3", "nor_conv_3x3", (("0->1", "nor_conv_3x3"), ("1->2", "nor_conv_3x3"))): "0.5",
    ("2->3", "nor_conv_3x3", (("1->2", "nor_conv_3x3"),)): "1.5",
    ("2->3", "avg_pool_3x3", (("0->3", "none"),)): "3",
    ("2->3", "avg_pool_3x3"): "0.5",
}


def written(key):
    """The key of a table of costs, of one for the naive twin."""
    position, operation, *before = key
    return position, operation, *(" AND ".join("=".join(one) for one in facts) for facts in before)


def exact():
    return {(None, operation): Fraction(cost) for operation, cost in COSTS.items()} | {
        key: Fraction(cost) for key, cost in STATES.items()
    }


@pytest.fixture
def latency(forget_scores):
    plain = {(None, operation): float(cost) for operation, cost in COSTS.items()}
    return ss.register(ss.TableCost("latency", {**plain, **{written(k): float(c) for k, c in STATES.items()}}, 0.5))


def by_hand(digits):
    chosen = {f"{a}->{b}": o for (a, b), o in zip(naive.edges(4), naive.operations(digits), strict=True)}
    return naive.table_cost_by_state(exact(), Fraction(1, 2), chosen)


def test_every_cell_costs_what_it_does_by_hand(latency):
    expected = [float(by_hand(naive.digits(index, [5] * 6))) for index in range(5**6)]
    assert ss.score("tss", latency).tolist() == expected
    assert latency.error_bound("tss") == 0
    assert latency.at(ss.space("tss"), ss.space("tss").digits([11668, 3])).tolist() == [
        latency.denominator * expected[11668],
        latency.denominator * expected[3],
    ]


def test_exact_answers_know_the_states(latency, tmp_path):
    values, sed = ss.score("tss", "latency"), ss.score("tss")
    within = np.flatnonzero(values <= 5.25)
    best = within[np.lexsort((within, -sed[within]))][:9]
    assert ss.top_k("tss", 9, where="latency <= 5.25")["index"].to_list() == best.tolist()
    assert ss.members("tss", where="latency <= 5.25").count == len(within)
    levels, counts = np.unique(values, return_counts=True)
    assert ss.distribution("tss", "latency").frame().sort("latency").select("latency", "count").rows() == list(
        zip(levels.tolist(), counts.tolist(), strict=True)
    )
    points = list(zip(-sed, values, strict=True))
    distinct = sorted(set(points))
    front = [p for p, on in zip(distinct, naive.on_front(distinct), strict=True) if on]
    assert [(-a, b) for a, b in ss.pareto("tss", minimize="latency").select("sed", "latency").rows()] == front
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["latency"], progress=False)
    assert run.scan().collect()["latency"].to_list() == values.tolist()
    assert run.verify() == []


def test_costs_of_whole_networks_by_position_choice_and_state():
    space = ss.space("nas_bench_macro")
    names = [position.name for position in space.positions]
    costs = {(None, choice.name): cost for choice, cost in zip(space.positions[0].choices, (0.5, 2, 3), strict=True)}
    skip, small, large = (operation for _, operation in costs)
    costs[names[1], small, f"{names[0]}={large}"] = 2.25
    costs[names[4], large, f"{names[2]}={skip} AND {names[3]}={skip}"] = 2.5
    cost = ss.TableCost("latency", costs)
    twin = {
        (*key[:2], *(tuple(tuple(one.split("=")) for one in text.split(" AND ")) for text in key[2:])): Fraction(str(c))
        for key, c in costs.items()
    }
    found = ss.score(space, cost).tolist()
    for index in range(0, space.size, 7):
        chosen = dict(zip(names, [(skip, small, large)[int(digit)] for digit in space.arch(index)], strict=True))
        assert found[index] == naive.table_cost_by_state(twin, 0, chosen)
    within = ss.top_k(space, 3, where="params < 2000000", columns=[cost])
    assert within["latency"].to_list() == [found[index] for index in within["index"]]


def test_tables_with_states_are_written_and_read_again(latency, tmp_path):
    latency.frame().write_csv(tmp_path / "latency.csv")
    again = ss.read_costs(tmp_path / "latency.csv")
    assert (again.costs, again.parameters) == (latency.costs, latency.parameters)
    asked = ["--costs", str(tmp_path / "latency.csv"), "top", "tss6", "-k", "2", "--where", "latency <= 5", "--json"]
    found = CliRunner().invoke(cli, asked)
    assert found.exit_code == 0, found.output
    top = ss.top_k("tss6", 2, where="latency <= 5")
    assert [str(index) in found.output for index in top["index"]] == [True, True]


PLAIN = {(None, operation): 1 for operation in COSTS}


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ({("1->2", "none", "0->9=none"): 1}, "state '0->9=none', expected POSITION=OPERATION of a position before it"),
        ({("1->2", "none", "1->2=none"): 1}, "expected POSITION=OPERATION of a position before it: 0->1, 0->2"),
        ({("1->2", "none", "0->1"): 1}, "state '0->1', expected an operation of 0->1: none, skip_connect"),
        ({("1->2", "none", "0->1=pool"): 1}, "state '0->1=pool', expected an operation of 0->1: none"),
        ({("1->2", "none", " "): 1}, "expected an operation, a pair of position and operation, or these and a state"),
        (
            {("1->2", "none", "0->1=none"): 1, ("1->2", "none", "0->2=none"): 2},
            "of 'none' at 1->2: 2 states hold together and say as much, expected one that says more",
        ),
    ],
)
def test_states_that_are_none_are_told_in_one_line(costs, told):
    with pytest.raises(ss.BadInput) as caught:
        ss.score("tss", ss.TableCost("latency", {**PLAIN, **costs}))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_state_needs_a_position_and_everything_a_cost(tmp_path):
    (tmp_path / "latency.csv").write_text("operation,state,cost\nnone,0->1=none,1\n")
    with pytest.raises(ss.BadInput, match=r"row 0: state '0->1=none' of no position"):
        ss.read_costs(tmp_path / "latency.csv")
    some = {("0->1", o): 1 for o in COSTS} | {("0->2", o, "0->1=none"): 1 for o in COSTS}
    with pytest.raises(ss.BadInput, match=r"no cost of 'none' at 0->2 where its states do not hold"):
        ss.score("tss", ss.TableCost("latency", some))
    rounded = ss.TableCost("latency", {**PLAIN, ("0->2", "none", "0->1=none"): 1.3}, quantum=1)
    assert rounded.error_bound("tss") == pytest.approx(0.3)
    frame = rounded.frame()
    assert isinstance(frame, pl.DataFrame)
    assert frame["state"].to_list()[-1] == "0->1=none"
