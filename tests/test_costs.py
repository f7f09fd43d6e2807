"""Costs from tables: sums, rounding and its bound, files, fits, and what is refused."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import naive
import sedspace as ss
from sedspace.cli import cli

COSTS = {"none": 0, "skip_connect": 0.013, "nor_conv_1x1": 0.3111, "nor_conv_3x3": 0.5502, "avg_pool_3x3": 0.12}
EDGES = [f"{a}->{b}" for a, b in naive.edges(4)]


def exactly(costs):
    """A table of costs as Fractions of the decimals that were written."""
    return {key if isinstance(key, tuple) else (None, key): Fraction(str(cost)) for key, cost in costs.items()}


def by_hand(costs, constant, digits, nodes):
    """The exact cost of a cell."""
    return naive.table_cost(exactly(costs), Fraction(str(constant)), digits, nodes)


REAL = st.just(0.0) | st.floats(1e-6, 20)


@given(
    st.sampled_from([None, 0.001, "1/8", 0.05, 3]),
    REAL | st.floats(-5, -1e-6) | st.floats(20, 50),
    st.lists(REAL, min_size=5, max_size=5),
    st.lists(st.integers(0, 5**10 - 1), min_size=1, max_size=5),
    REAL,
)
def test_costs_are_within_the_stated_bound(quantum, constant, values, indices, special):
    costs = dict(zip([(None, operation) for operation in COSTS], values, strict=True))
    costs["0->4", "nor_conv_3x3"] = special
    cost = ss.TableCost("latency", costs, constant, quantum=quantum)
    bound = cost.error_bound("tss5")
    assert bound <= float(cost.quantum) / 2 * 11 + 1e-12
    assert bound <= float(cost.rounding) * 11 + 1e-12
    for index in indices:
        exact = by_hand(costs, constant, naive.digits(index, [5] * 10), 5)
        value = ss.score("tss5", cost, index, index + 1).item()
        assert abs(value - exact) <= bound + 1e-9 * abs(exact)
        assert round(value / float(cost.quantum)) == pytest.approx(value / float(cost.quantum), abs=1e-6)


def test_a_table_of_almost_nothing_wants_another_unit():
    for costs, constant in ((dict.fromkeys(COSTS, 1e-205), 0), (dict.fromkeys(COSTS, 0), 1e-205)):
        with pytest.raises(ss.BadInput, match=r"costs up to 1e-205, expected some of 1e-9 or more: another unit"):
            ss.TableCost("latency", costs, constant)


TABLES = {
    "by operation": (
        {"none": 0, "skip_connect": 0.1, "nor_conv_1x1": 1.7, "nor_conv_3x3": 2.9, "avg_pool_3x3": 0.3},
        2,
    ),
    "many digits": (COSTS, 1.23456789),
    "by position": ({**{(None, name): v for name, v in COSTS.items()}, ("0->3", "none"): 12.7}, -0.3),
    "decimals": ({name: Decimal(str(v)) / 7 * 7 for name, v in COSTS.items()}, Decimal("0.05")),
    "thirds": ({name: Fraction(i, 3) for i, name in enumerate(COSTS)}, Fraction(1, 7)),
}


@pytest.mark.parametrize("kind", TABLES)
def test_costs_that_the_quantum_divides_are_exact(kind):
    costs, constant = TABLES[kind]
    cost = ss.TableCost("latency", costs, constant)
    exact = [by_hand(costs, constant, naive.digits(i, [5] * 6), 4) for i in range(15_625)]
    assert (cost.rounding, cost.error_bound("tss"), "exact" in cost.meaning) == (0, 0.0, True)
    assert ss.score("tss", cost).tolist() == [one.numerator / one.denominator for one in exact]  # the nearest float64
    assert all((number / cost.quantum).denominator == 1 for number in exact)


def test_a_condition_holds_at_the_decimal_that_was_written(forget_scores):
    costs = {"none": 0, "skip_connect": 0.1, "nor_conv_1x1": 1.7, "nor_conv_3x3": 2.9, "avg_pool_3x3": 0.3}
    cost = ss.TableCost("lat", costs, 0.1)
    ss.register(cost)
    exact = [by_hand(costs, 0.1, naive.digits(i, [5] * 6), 4) for i in range(15_625)]
    sed = ss.score("tss")
    for limit in ("12.7", "12.6", "9.3", "17.5"):
        within = [i for i in range(15_625) if exact[i] <= Fraction(limit)]
        best = min(within, key=lambda i: (-sed[i], i))
        assert ss.top_k("tss", 1, where=f"lat <= {limit}")["index"].item() == best
        assert len(ss.members("tss", where=f"lat <= {limit}")) == len(within)
        assert ss.distribution("tss", "lat", where=f"lat <= {limit}").frame()["count"].sum() == len(within)
        assert ss.best_within("tss", [float(limit)], "lat")["index"].item() == best
    assert cost.quantum == Fraction(1, 10)


NUMBERS = [np.int8, np.uint8, np.int16, np.uint64, np.int64, int, float, np.float32, np.float16, Decimal, Fraction]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("quantum", [None, 1, 4])
def test_numbers_of_every_type_are_the_same_numbers(number, quantum):
    plain = {"none": 0, "skip_connect": 3, "nor_conv_1x1": 101, "nor_conv_3x3": 127, "avg_pool_3x3": 50}
    given = {name: number(value) for name, value in plain.items()}
    cost = ss.TableCost("x", given, number(120), quantum=None if quantum is None else number(quantum))
    same = ss.TableCost("x", plain, 120, quantum=quantum)
    assert (cost.costs, cost.constant, cost.quantum) == (same.costs, same.constant, same.quantum)
    assert (cost.parameters, cost.meaning) == (same.parameters, same.meaning)
    assert cost.error_bound("tss") == same.error_bound("tss") >= 0
    for index in (0, 11_668, 15_624, 8543):
        value = ss.score("tss", cost, index, index + 1).item()
        assert abs(value - by_hand(plain, 120, naive.digits(index, [5] * 6), 4)) <= cost.error_bound("tss")


def test_a_float32_of_a_file_is_the_decimal_that_it_stands_for(tmp_path):
    table = pl.DataFrame({"operation": list(COSTS), "cost": pl.Series([0, 12.7, 0.3, 2.9, 0.1], dtype=pl.Float32)})
    table.write_parquet(tmp_path / "mine.parquet")
    cost = ss.read_costs(tmp_path / "mine.parquet")
    assert cost.costs[None, "skip_connect"] == Fraction(127, 10)
    assert cost.quantum == Fraction(1, 10)


def test_too_fine_a_quantum_is_not_the_default_and_that_is_said():
    def table(nodes):
        return {(f"{a}->{b}", name): 1 + b + j / 1000 for a, b in naive.edges(nodes) for j, name in enumerate(COSTS)}

    assert ss.TableCost("x", table(5)).quantum == Fraction(1, 1000)  # 5^10 cells: their classes can be counted
    coarse = ss.TableCost("x", table(6))
    assert coarse.quantum == Fraction(5, 100)
    assert 0 < coarse.rounding <= coarse.quantum / 2
    assert "rounded to steps of 0.05, by at most 0.004" in coarse.meaning
    assert coarse.error_bound("tss6") > 0
    assert ss.TableCost("x", table(6), quantum="0.001").rounding == 0
    noisy = ss.TableCost("x", {**COSTS, "none": 0.1 + 0.2, "skip_connect": 0.3})
    assert noisy.quantum == Fraction(4, 1000)  # 0.30000000000000004 has no place among so few quanta
    assert "rounded" in noisy.meaning


def test_a_cost_is_a_score_like_any_other(forget_scores, tmp_path):
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
        assert (again.name, again.costs, again.constant) == ("mine", exactly(costs), 1.25)
        assert (again.quantum, again.parameters) == (cost.quantum, cost.parameters)
    (tmp_path / "plain.csv").write_text("operation,cost\n" + "\n".join(f"{k},{v}" for k, v in COSTS.items()))
    plain = ss.read_costs(tmp_path / "plain.csv", "latency", unit="mJ")
    (tmp_path / "my-costs.csv").write_text("operation,position,cost\nnone,1,2\nnone,0,3\nskip_connect,,4\n")
    numbered = ss.read_costs(tmp_path / "my-costs.csv")
    assert (numbered.name, list(numbered.costs)) == ("my_costs", [("1", "none"), ("0", "none"), (None, "skip_connect")])
    assert ss.TableCost("x", COSTS, quantum=1 / 3).quantum == Fraction(1, 3)
    assert (plain.costs, plain.constant, plain.unit) == (exactly(COSTS), 0, "mJ")


@pytest.mark.parametrize("by_position", [True, False])
def test_a_fit_finds_the_table_that_made_the_measurements(by_position):
    random = np.random.default_rng(3)
    space = ss.space("tss")
    true = {(edge, name): v * (1 + i * by_position) for i, edge in enumerate(EDGES) for name, v in COSTS.items()}
    exact = [float(by_hand(true, 2.0, naive.digits(i, [5] * 6), 4)) for i in range(space.size)]
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
    assert (fit.constant, fit.warning) == (float(fit.cost.constant), None)
    if not by_position:
        assert ss.score("tss5", fit.cost, 0, 1).item() == pytest.approx(2.0, abs=0.01)


def test_a_fitted_constant_below_0_is_said(tmp_path):
    indices = range(0, 15_625, 7)
    exact = [float(by_hand(COSTS, -0.3, naive.digits(i, [5] * 6), 4)) for i in indices]
    table = pl.DataFrame({"index": indices, "ms": exact})
    fit = ss.fit_costs("tss", table, "ms", by_position=False)
    assert fit.constant == pytest.approx(-0.3)
    assert fit.warning.startswith("the fitted constant is -0.3, below 0: ")
    table.write_parquet(tmp_path / "table.parquet")
    arguments = ["fit", "tss", str(tmp_path / "table.parquet"), "--column", "ms", "--by-operation", "--out"]
    said = CliRunner().invoke(cli, [*arguments, str(tmp_path / "ms.csv")])
    assert fit.warning in said.output
    said = CliRunner().invoke(cli, [*arguments, str(tmp_path / "ms.csv"), "--json"])
    assert (json.loads(said.stdout)["constant"], json.loads(said.stdout)["warning"]) == (fit.constant, fit.warning)


def test_rounded_costs_are_said_where_answers_are_printed(forget_scores, tmp_path):
    rows = ["operation,cost", *(f"{name},{cost}" for name, cost in COSTS.items())]
    (tmp_path / "lat.csv").write_text("\n".join(rows))
    command = ["--costs", str(tmp_path / "lat.csv"), "top", "tss", "-k", "1", "--where", "lat <= 2"]
    assert CliRunner().invoke(cli, command).stderr == ""
    (tmp_path / "lat.csv").write_text("\n".join([*rows, "quantum,0.1"]))
    said = CliRunner().invoke(cli, command)
    assert said.exit_code == 0
    assert said.stderr == "sedspace: costs of lat: each rounded to steps of 0.1, by at most 0.05\n"
    assert "lat" not in said.stdout


def test_indices_beyond_int64_can_be_fitted_to():
    drawn = ss.sample("tss8", 40, seed=0)["index"]
    measured = [float(by_hand(COSTS, 1, ss.space("tss8").digits(int(i)).tolist(), 8)) for i in drawn]
    fit = ss.fit_costs("tss8", pl.DataFrame({"index": drawn, "ms": measured}), "ms", by_position=False)
    assert fit.constant == pytest.approx(1)


def test_measurements_of_one_architecture_are_in_one_half():
    random = np.random.default_rng(0)
    indices = np.repeat(random.choice(15625, 80, replace=False), 8)
    noise = np.repeat(random.normal(10, 1, 80), 8) + random.normal(0, 0.01, 640)
    fit = ss.fit_costs("tss", pl.DataFrame({"index": indices, "ms": noise}), "ms", by_position=False)
    assert fit.r2 < 0.2  # pure noise: what was seen must not help
    assert (fit.rows, fit.held_out) == (40, 40)
    assert fit.notes[0].startswith("the mean of the values of 80 architectures that have several, ")


UNFIT = {
    "too few": {"index": range(7), "ms": range(7)},
    "one value": {"index": range(90), "ms": [2.5] * 90},
    "no number": {"index": range(90), "ms": [math.nan, *range(89)]},
    "another space": {"index": [*range(89), 15_625], "ms": range(90)},
    "beyond float32": {"index": range(90), "ms": [1e300 * i for i in range(90)]},
}


@pytest.mark.parametrize("kind", UNFIT)
def test_what_a_fit_refuses_costs_refuse_in_the_same_words(kind):
    said = []
    for learn in (ss.fit, ss.fit_costs):
        with pytest.raises(ss.BadInput) as caught:
            learn("tss", pl.DataFrame(UNFIT[kind], strict=False), "ms")
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_costs_of_as_many_operations_as_there_are_are_not_shifted():
    """Cells of nb101 have 0 to 5 operations: what each costs can be told, and none costs less than nothing."""
    space = ss.space("nb101")
    names = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
    indices = np.random.default_rng(2).integers(0, space.size, 300)
    columns = ("n_conv3x3", "n_conv1x1", "n_pool")
    counts = np.stack([ss.score(space, column, indices=indices) for column in columns], axis=1)
    fit = ss.fit_costs(space, pl.DataFrame({"index": indices, "ms": 5 + counts @ [3.0, 1.0, 0.5]}), "ms")
    found = {name: float(cost) for (_, name), cost in fit.cost.costs.items()}
    assert found == pytest.approx(dict(zip(names, (3.0, 1.0, 0.5), strict=True)))
    assert fit.constant == pytest.approx(5)
    cheap = ss.fit_costs(space, pl.DataFrame({"index": indices, "ms": 5 + counts @ [3.0, 1.0, -0.5]}), "ms")
    assert min(cheap.cost.costs.values()) == 0
    assert 0.9 < cheap.r2 < 1


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
        (lambda _: ss.TableCost("x", {}), r"costs \{\}, expected a mapping from one or more operations to numbers"),
        (lambda _: ss.TableCost("x", {"none": True}), "cost x of 'none' is True: expected a number of 0 or more"),
        (lambda _: ss.TableCost("x", {"none": np.float32("nan")}), r"cost x of 'none' is np.float32\(nan\)"),
        (lambda _: ss.TableCost("x", {"none": np.int8(-1)}), r"cost x of 'none' is np.int8\(-1\)"),
        (lambda _: ss.TableCost("x", {"none": Decimal("sNaN")}), "cost x of 'none' is Decimal"),
        (lambda _: ss.TableCost("x", {"none": Decimal("1e-999999999")}), "cost x of 'none' is Decimal"),
        (lambda _: ss.TableCost("x", {"none": 10**400}), "cost x of 'none' is 1000"),
        (lambda _: ss.TableCost("x", {"none": 1e-200, "skip_connect": 1e-17}), "costs up to 1e-17, expected some of"),
        (lambda _: ss.TableCost("x", COSTS, False), "constant False, expected a number"),
        (lambda _: ss.TableCost("x", COSTS, quantum="1e999999999"), "quantum '1e999999999'"),
        (lambda _: ss.TableCost("x", COSTS, quantum=True), "quantum True"),
        (lambda _: ss.TableCost("x", COSTS, quantum="1/0"), "quantum '1/0'"),
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
            lambda _: ss.TableCost("x", {("a", "b", "c", "d"): 1}),
            "expected an operation, a pair of position and operation, or these and a state",
        ),
        (
            lambda _: ss.score("tss", ss.TableCost("x", {**COSTS, "nor_conv_3x3": 5.5e18})),
            "cost x of tss could reach .* quanta of .*, beyond int64",
        ),
        (
            lambda _: ss.fit_costs("tss", pl.DataFrame({"index": range(9), "ms": range(9)}), "ms"),
            "4 measurements to fit",
        ),
        (lambda _: ss.fit_costs("tss", pl.DataFrame({"index": range(99), "ms": range(99)}), "ms", seed=-1), "seed -1"),
        (
            lambda _: ss.fit_costs("tss", pl.DataFrame({"index": [None, *range(8)], "ms": range(9)}), "ms"),
            "index None is not an integer",
        ),
        (lambda d: ss.read_costs(d / "none.csv"), "is not there"),
        (lambda d: ss.read_costs(d / "columns.csv"), "has no column cost: it has operation, price"),
        (lambda d: ss.read_costs(d / "twice.csv"), "row 1: 'none' stands there twice"),
        (lambda d: ss.read_costs(d / "text.csv"), "row 0: cost 'free' of 'none'"),
        (lambda d: ss.read_costs(d / "later.csv"), "row 1: cost 'free' of 'skip_connect'"),
        (lambda d: ss.fit_costs("tss", d / "twice.csv", "ms"), "the table has no column ms"),
        (lambda d: ss.fit_costs("tss", d / "text.csv", "cost"), "the table has no column arch or index"),
        (
            lambda _: ss.fit_costs("tss", pl.DataFrame({"index": [1, 2], "ms": [1.0, None]}), "ms"),
            "ms has no number in row 1: expected one in each",
        ),
        (lambda _: ss.fit_costs("tss", pl.DataFrame({"index": [1], "ms": ["a"]}), "ms"), "ms is String: expected num"),
    ],
)
def test_bad_input_is_one_line(call, message, tmp_path):
    (tmp_path / "columns.csv").write_text("operation,price\nnone,1\n")
    (tmp_path / "twice.csv").write_text("operation,cost\nnone,1\nnone,2\n")
    (tmp_path / "text.csv").write_text("operation,cost\nnone,free\n")
    (tmp_path / "later.csv").write_text("operation,cost\nnone,0.5\nskip_connect,free\n")
    with pytest.raises(ss.BadInput, match=message) as caught:
        call(tmp_path)
    assert "\n" not in str(caught.value)


def test_operations_may_be_numbers(tmp_path):
    """The size space's are: widths, which a CSV file does not tell from other numbers."""
    rows = "".join(f"{width},{width / 10}\n" for width in range(8, 65, 8))
    (tmp_path / "device.csv").write_text(f"operation,cost\n{rows}")
    cost = ss.read_costs(tmp_path / "device.csv")
    assert ss.score("sss", cost, indices=[ss.space("sss").parse("8:16:64:32:8")]).item() == 12.8


def test_a_fit_that_tells_nothing_apart_has_no_correlation():
    """Of a space whose operations are all of one name, and of measurements of which the held-out ones are alike."""
    last = range(2800, 3200)  # of six modules each
    few = pl.DataFrame({"index": last, "ms": [float(min(i, 4)) for i in range(400)]})
    fit = ss.fit_costs("transnas_macro", few, "ms")
    assert fit.r2 < 0
    assert np.isnan([fit.spearman, fit.kendall]).all()
    alike = pl.DataFrame({"index": [0] * 3 + list(range(1, 60)), "ms": [1.0, 2.0, 3.0] + [4.0] * 59})
    fit = ss.fit_costs("tss", alike, "ms", by_position=False)
    assert np.isnan([fit.r2, fit.spearman, fit.kendall]).all()
