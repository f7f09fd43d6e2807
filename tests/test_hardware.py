"""Costs from tables: sums, rounding and its bound, files, fits, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
import sedspace as ss

COSTS = {"none": 0, "skip_connect": 0.013, "nor_conv_1x1": 0.3111, "nor_conv_3x3": 0.5502, "avg_pool_3x3": 0.12}
EDGES = [f"{a}->{b}" for a, b in naive.edges(4)]


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr("sedspace.scores.registry._registered", {})


def by_hand(costs, constant, digits, nodes):
    """The exact cost of a cell."""
    return constant + sum(
        costs.get((f"{a}->{b}", operation), costs.get((None, operation), costs.get(operation)))
        for (a, b), operation in zip(naive.edges(nodes), naive.operations(digits), strict=True)
    )


@given(
    st.sampled_from([None, 0.001, "1/8", 0.05, 3]),
    st.floats(-5, 50),
    st.lists(st.floats(0, 20), min_size=5, max_size=5),
    st.lists(st.integers(0, 5**10 - 1), min_size=1, max_size=5),
    st.floats(0, 9),
)
def test_costs_are_within_the_stated_bound(quantum, constant, values, indices, special):
    costs = dict(zip([(None, operation) for operation in COSTS], values, strict=True))
    costs["0->4", "nor_conv_3x3"] = special
    cost = ss.TableCost("latency", costs, constant, quantum=quantum)
    bound = cost.error_bound("tss5")
    assert bound <= float(cost.quantum) / 2 * 11 + 1e-12
    for index in indices:
        exact = by_hand(costs, constant, naive.digits(index, [5] * 10), 5)
        value = ss.score("tss5", cost, index, index + 1).item()
        assert abs(value - exact) <= bound + 1e-9 * abs(exact)
        assert round(value / float(cost.quantum)) == pytest.approx(value / float(cost.quantum), abs=1e-6)


def test_a_cost_is_a_score_like_any_other(registry, tmp_path):
    ss.register(ss.TableCost("latency", COSTS, 0.4, quantum=0.01))
    values = ss.score("tss", "latency")
    sed = ss.score("tss")
    within = np.flatnonzero(values <= 1.6)
    best = within[np.lexsort((within, -sed[within]))][:7]
    assert ss.top_k("tss", 7, where="latency <= 1.6")["index"].to_list() == best.tolist()
    points = list(zip(-sed, values, strict=True))
    distinct = sorted(set(points))
    front = [p for p, on in zip(distinct, naive.on_front(distinct), strict=True) if on]
    found = ss.pareto("tss", minimize="latency")
    assert [(-a, b) for a, b in found.select("sed", "latency").rows()] == front
    assert found["count"].to_list() == [points.count(point) for point in front]
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "latency"], progress=False)
    assert run.scan().collect()["latency"].to_list() == values.tolist()
    assert run.verify() == []
    ss.register(ss.TableCost("latency", COSTS, 0.5, quantum=0.01))
    with pytest.raises(ss.BadInput, match=r"latency parameters constant is 0\.4, the request's 0\.5"):
        ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "latency"], progress=False)


def test_tables_are_written_and_read_again(tmp_path):
    costs = {**{(None, name): value for name, value in COSTS.items()}, ("0->3", "skip_connect"): 0.7}
    cost = ss.TableCost("latency", costs, 1.25, quantum="1/400")
    for name, write in (("mine.csv", pl.DataFrame.write_csv), ("mine.parquet", pl.DataFrame.write_parquet)):
        write(cost.frame(), tmp_path / name)
        again = ss.read_costs(tmp_path / name)
        assert (again.name, again.costs, again.constant, again.quantum) == ("mine", costs, 1.25, cost.quantum)
    (tmp_path / "plain.csv").write_text("operation,cost\n" + "\n".join(f"{k},{v}" for k, v in COSTS.items()))
    plain = ss.read_costs(tmp_path / "plain.csv", "latency", unit="mJ")
    (tmp_path / "my-costs.csv").write_text("operation,position,cost\nnone,1,2\nnone,0,3\nskip_connect,,4\n")
    numbered = ss.read_costs(tmp_path / "my-costs.csv")
    assert (numbered.name, list(numbered.costs)) == ("my_costs", [("1", "none"), ("0", "none"), (None, "skip_connect")])
    assert ss.TableCost("x", COSTS, quantum=1 / 3).quantum == Fraction(1, 3)
    assert (plain.costs, plain.constant, plain.unit) == ({(None, k): v for k, v in COSTS.items()}, 0.0, "mJ")


@pytest.mark.parametrize("by_position", [True, False])
def test_a_fit_finds_the_table_that_made_the_measurements(by_position):
    random = np.random.default_rng(3)
    space = ss.space("tss")
    true = {(edge, name): v * (1 + i * by_position) for i, edge in enumerate(EDGES) for name, v in COSTS.items()}
    exact = [by_hand(true, 2.0, naive.digits(i, [5] * 6), 4) for i in range(space.size)]
    noise = random.normal(0, 0.01, space.size)
    table = pl.DataFrame({"arch": space.arch(np.arange(space.size)).tolist(), "ms": exact + noise})
    fit = ss.fit_costs(space, table, "ms", "latency", by_position=by_position, quantum=0.0001)
    assert (fit.rows, fit.held_out, fit.cost.name) == (7812, 7813, "latency")
    assert fit.r2 > 0.99
    assert fit.spearman > 0.99
    assert fit.kendall > 0.9
    assert fit.cost.constant == pytest.approx(2.0, abs=0.01)
    for (edge, name), value in true.items():
        assert fit.cost.costs[edge if by_position else None, name] == pytest.approx(value, abs=0.01)
    assert min(fit.cost.costs.values()) == 0
    if not by_position:
        assert ss.score("tss5", fit.cost, 0, 1).item() == pytest.approx(2.0, abs=0.01)


def test_measurements_of_one_architecture_are_in_one_half():
    random = np.random.default_rng(0)
    indices = np.repeat(random.choice(15625, 80, replace=False), 8)
    noise = np.repeat(random.normal(10, 1, 80), 8) + random.normal(0, 0.01, 640)
    fit = ss.fit_costs("tss", pl.DataFrame({"index": indices, "ms": noise}), "ms", by_position=False)
    assert fit.r2 < 0.2  # pure noise: what was seen must not help
    assert fit.rows + fit.held_out == 640


def test_a_fit_of_choices_of_several_operations():
    random = np.random.default_rng(5)
    space = ss.space("darts")
    values = dict(zip(naive.DARTS, random.uniform(1, 4, 7), strict=True))
    indices = random.integers(0, space.size, 600)
    exact = [
        3 + sum(values[operation] for cell in naive.darts_edges(row) for _, operation in cell)
        for row in space.digits(indices).tolist()
    ]
    fit = ss.fit_costs(space, pl.DataFrame({"index": indices, "ms": exact}), "ms", by_position=False, quantum=0.001)
    least = min(values.values())
    assert fit.cost.constant == pytest.approx(3 + 16 * least)
    assert {name: fit.cost.costs[None, name] + least for name in values} == pytest.approx(values)
    assert fit.r2 > 0.9999


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: ss.TableCost("x", {"none": -0.1}), "cost x of 'none' is -0.1: expected a number of 0 or more"),
        (lambda _: ss.TableCost("x", {("0->1", "none"): float("nan")}), "cost x of 'none' at 0->1 is nan"),
        (lambda _: ss.TableCost("x", {"none": "1"}), "cost x of 'none' is '1'"),
        (lambda _: ss.TableCost("x", {}), "0 costs: expected a number and one or more"),
        (lambda _: ss.TableCost("x", COSTS, float("inf")), "constant inf"),
        (lambda _: ss.TableCost("x", COSTS, quantum=0), "quantum 0, expected a positive number"),
        (lambda _: ss.TableCost("x", COSTS, quantum="tiny"), "quantum 'tiny'"),
        (
            lambda _: ss.score("tss", ss.TableCost("x", {"none": 1, "skip_connect": 2})),
            "cost x has no cost of 'nor_conv_1x1' at 0->1: expected one, 0 if it is free",
        ),
        (lambda _: ss.score("tss", ss.TableCost("x", {**COSTS, "conv": 2})), "cost x has 'conv', which tss has not"),
        (
            lambda _: ss.score("tss", ss.TableCost("x", {("9->9", "none"): 2})),
            "cost x has 'none' at 9->9, which tss has not",
        ),
        (lambda _: ss.TableCost("x", [1, 2]), r"costs \[1, 2\], expected a mapping"),
        (
            lambda _: ss.TableCost("x", {("a", "b", "c"): 1}),
            "expected an operation or a pair of position and operation",
        ),
        (
            lambda _: ss.score("tss", ss.TableCost("x", {**COSTS, "nor_conv_3x3": 5.5e18})),
            "cost x of tss could reach .* quanta of .*, beyond int64",
        ),
        (
            lambda _: ss.fit_costs("tss", pl.DataFrame({"index": range(9), "ms": range(9)}), "ms"),
            "4 measurements to fit",
        ),
        (lambda _: ss.fit_costs("tss", pl.DataFrame({"index": [1], "ms": [1]}), "ms", seed=-1), "different numbers"),
        (lambda d: ss.read_costs(d / "none.csv"), "is not there"),
        (lambda d: ss.read_costs(d / "columns.csv"), "has no column cost: it has operation, price"),
        (lambda d: ss.read_costs(d / "twice.csv"), "row 1: 'none' stands there twice"),
        (lambda d: ss.read_costs(d / "text.csv"), "row 0: cost 'free' of 'none'"),
        (lambda d: ss.fit_costs("tss", d / "twice.csv", "ms"), "the table has no column ms"),
        (lambda d: ss.fit_costs("tss", d / "text.csv", "cost"), "the table has no column arch or index"),
        (
            lambda _: ss.fit_costs("tss", pl.DataFrame({"index": [1, 2], "ms": [1.0, None]}), "ms"),
            "ms has 1 different numbers",
        ),
        (lambda _: ss.fit_costs("tss", pl.DataFrame({"index": [1], "ms": ["a"]}), "ms"), "ms is String: expected num"),
    ],
)
def test_bad_input_is_one_line(call, message, tmp_path):
    (tmp_path / "columns.csv").write_text("operation,price\nnone,1\n")
    (tmp_path / "twice.csv").write_text("operation,cost\nnone,1\nnone,2\n")
    (tmp_path / "text.csv").write_text("operation,cost\nnone,free\n")
    with pytest.raises(ss.BadInput, match=message) as caught:
        call(tmp_path)
    assert "\n" not in str(caught.value)
