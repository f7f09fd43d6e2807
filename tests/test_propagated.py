"""Propagated SED: every value is the float32 next to the exact one, by fractions, whatever the space."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import naive
import sedspace as ss
from sedspace.correlation import rank_correlation

QUARTER = Fraction(1, 4)
WITH_M = ss.propagated_sed("1/4")


def written(exact):
    """The float32 that is nearest to a fraction, the even one of two."""
    near = np.float32(float(exact))
    around = [np.nextafter(near, np.float32(end)) for end in (-np.inf, np.inf)]
    return min([near, *around], key=lambda one: (abs(Fraction(float(one)) - exact), int(one.view(np.int32)) & 1))


def check(found, exact):
    assert_array_equal(found, np.array([written(one) for one in exact], np.float32))


def random_cells(space, count, seed):
    space = ss.space(space)
    random = np.random.default_rng(seed)
    digits = np.stack([random.integers(0, radix, count) for radix in space.radices], axis=1)
    return digits.astype(space.digit_dtype), np.asarray(space.index(digits.astype(space.digit_dtype)))


@pytest.fixture(scope="module")
def tss5():
    """The propagated SED of every cell of tss5."""
    return ss.score("tss5", "propagated_sed")


@pytest.mark.parametrize(("name", "radix"), [("tss", 5), ("transnas_micro", 4)])
def test_every_cell_of_four_nodes(name, radix):
    rows = [naive.digits(index, [radix] * 6) for index in range(radix**6)]
    check(ss.score(name, "propagated_sed"), [naive.tss_propagated(row, 4) for row in rows])
    check(ss.score(name, WITH_M), [naive.tss_propagated(row, 4, QUARTER) for row in rows])


@pytest.mark.parametrize(("nodes", "count"), [(2, 5), (3, 125), (5, 1500), (6, 400), (8, 30)])
def test_cells_of_other_numbers_of_nodes(nodes, count):
    digits, indices = random_cells(f"tss{nodes}", count, nodes)
    rows = digits.tolist()
    check(ss.score(f"tss{nodes}", indices=indices, by="propagated_sed"), [naive.tss_propagated(r, nodes) for r in rows])
    check(ss.score(f"tss{nodes}", indices=indices, by=WITH_M), [naive.tss_propagated(r, nodes, QUARTER) for r in rows])


def test_darts():
    digits, indices = random_cells("darts", 150, 1)
    check(ss.score("darts", "propagated_sed", indices=indices), [naive.darts_propagated(row) for row in digits])
    check(ss.score("darts", WITH_M, indices=indices), [naive.darts_propagated(row, QUARTER) for row in digits])


def test_nb101():
    space = ss.space("nb101")
    chosen = [*range(400), *np.random.default_rng(1).integers(0, space.size, 800).tolist()]
    cells = [space.matrix(index) for index in chosen]
    check(ss.score(space, "propagated_sed", indices=chosen), [naive.nb101_propagated(*cell) for cell in cells])
    check(ss.score(space, WITH_M, indices=chosen), [naive.nb101_propagated(*cell, QUARTER) for cell in cells])


OPERATIONS = [
    {"name": "none", "kind": "none"},
    {"name": "skip_connect", "kind": "skip"},
    {"name": "conv_5x5", "kind": "conv", "kernel": 5, "groups": 4},
    {"name": "conv_1x1", "kind": "conv", "kernel": 1},
    {"name": "max_pool_3x3", "kind": "pool", "kernel": 3},
    {"name": "avg_pool_5x5", "kind": "pool", "kernel": 5},
    {"name": "pool_1x1", "kind": "pool", "kernel": 1},
    {"name": "dil_conv_3x3", "kind": "conv", "kernel": 3, "dilation": 2},
    {"name": "sep_conv_7x7", "kind": "conv", "kernel": 7, "separable": True},
    {"name": "dw_conv_3x3", "kind": "conv", "kernel": 3, "depthwise": True},
    {"name": "zero", "kind": "none"},
    {"name": "identity", "kind": "skip"},
]


@st.composite
def own_spaces(draw):
    """Cells of any operations, some edges with operations of their own."""
    nodes = draw(st.integers(2, 5))
    operations = draw(st.lists(st.sampled_from(OPERATIONS), min_size=2, max_size=8, unique_by=lambda o: o["name"]))
    some = st.lists(st.sampled_from([o["name"] for o in operations]), min_size=1, unique=True)
    names = [f"{source}->{target}" for source, target in naive.edges(nodes)]
    return ss.cell_space("mine", nodes, operations, edges=draw(st.dictionaries(st.sampled_from(names), some)))


@settings(max_examples=60)
@given(own_spaces(), st.sampled_from(["0", "1/4", "2/7"]), st.data())
def test_own_spaces(space, m, data):
    indices = data.draw(st.lists(st.integers(0, space.size - 1), min_size=1, max_size=20))
    exact = []
    for index in indices:
        what = [(o.kind, o.kernel, o.dilation) for o in space.chosen(index)]
        edges = [(*ends, one) for ends, one in zip(space.edges, what, strict=True)]
        exact.append(naive.propagated_sed(edges, 1, {space.nodes - 1}, Fraction(m)))
    check(ss.score(space, ss.propagated_sed(m), indices=indices), exact)


def test_every_value_of_tss5_is_the_float32_next_to_the_exact_one(tss5):
    """No float64 is so near the middle between two float32 that its own error, below 2^-46, could turn it over.

    So values that are equal exactly are written equal, and are ties.
    """
    score, space = ss.propagated_sed(), ss.space("tss5")
    for start in range(0, space.size, 1 << 20):
        keys = score.at(space, space.digits_of_range(start, min(start + (1 << 20), space.size)))
        for error in (-(2.0**-46), 0, 2.0**-46):
            assert_array_equal((keys * (1 + error)).astype(np.float32), tss5[start : start + len(keys)])


def test_the_oracle_tells_the_even_one_of_two():
    above = [float(np.float32(1) + n * np.spacing(np.float32(1))) for n in range(3)]
    assert written(1 + Fraction(1, 1 << 24)) == above[0]
    assert written(1 + Fraction(3, 1 << 24)) == above[2]
    assert written(1 + Fraction(1, 1 << 24) + Fraction(1, 1 << 90)) == above[1]


# -- answers ----------------------------------------------------------------------------------------------------------


def few_operations(found, position, choice):
    found += choice >= 2
    return found if found <= 2 else None


def test_restricted_spaces(tss5):
    """A cell of a restricted space scores as it does in the whole one."""
    space = ss.restrict("tss5", ss.OwnRule("few", 0, few_operations), name="few_propagated")
    assert_array_equal(ss.score(space, "propagated_sed"), tss5[ss.space("tss5").index(space.digits(range(space.size)))])
    some = ss.restrict("nb101", ss.OwnRule("even", 0, lambda _, position, choice: None if choice % 2 else 0))
    assert_array_equal(
        ss.score(some, "propagated_sed", 0, 500), ss.score("nb101", "propagated_sed", indices=range(0, 1000, 2))
    )
    some = ss.restrict("darts", ss.OwnRule("no first choice", 0, lambda _, position, choice: 0 if choice else None))
    indices = ss.space("darts").parse(some[10**15 : 10**15 + 50])
    assert_array_equal(
        ss.score(some, "propagated_sed", 10**15, 10**15 + 50), ss.score("darts", "propagated_sed", indices=indices)
    )


def test_ranges_do_not_depend_on_threads_nor_on_where_they_start(tss5):
    for threads in (1, 3):
        assert_array_equal(ss.score("tss5", "propagated_sed", 123_457, 345_679, threads=threads), tss5[123_457:345_679])
    start = 5**200
    found = ss.score("tss23", "propagated_sed", start, start + 50)
    assert_array_equal(found[::7], ss.score("tss23", "propagated_sed", indices=range(start, start + 50, 7)))


def test_best_and_histogram_of_ranges(tss5):
    part = tss5[123_456:1_234_567]
    best = 123_456 + np.argsort(-part, kind="stable")[:300]
    assert_array_equal(ss.top_k("tss5", 300, "propagated_sed", 123_456, 1_234_567)["index"], best)
    found = ss.histogram("tss5", "propagated_sed", 123_456, 1_234_567)
    values, counts = np.unique(part, return_counts=True)
    assert_array_equal(found["propagated_sed"], values)
    assert_array_equal(found["count"], counts)


def test_runs(tmp_path):
    values = ss.score("tss", "propagated_sed")
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "propagated_sed"], progress=False)
    assert run.verify(full=True) == []
    assert_array_equal(run.scan().collect()["propagated_sed"], values)
    best = run.top(5, by="propagated_sed", where="sed < 5")
    assert best.select("index", "propagated_sed").equals(
        run.scan()
        .filter(pl.col("sed") < 5)
        .sort(["propagated_sed", "index"], descending=[True, False])
        .head(5)
        .select("index", "propagated_sed")
        .collect()
    )
    kept = ss.enumerate_space(
        "tss", tmp_path / "kept", columns=["propagated_sed"], where="propagated_sed >= 2", progress=False
    )
    assert_array_equal(kept.scan().collect()["index"], np.flatnonzero(values >= 2))


def test_runs_record_m(tmp_path):
    """A run with m is opened, verified and continued as such; with another m it is refused."""
    run = ss.enumerate_space("tss", tmp_path / "run", columns=[WITH_M], stop=3000, progress=False)
    (column,) = [column for column in ss.open_run(tmp_path / "run").request.columns if column.name == "propagated_sed"]
    assert column.parameters == {"m": "1/4"}
    assert ss.open_run(tmp_path / "run").verify(full=True) == []
    assert_array_equal(run.scan().collect()["propagated_sed"], ss.score("tss", WITH_M, stop=3000))
    with pytest.raises(ss.SedspaceError, match="propagated_sed"):
        ss.enumerate_space("tss", tmp_path / "run", columns=["propagated_sed"], stop=3000, progress=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ss.propagated_sed("x"), "m 'x' is not a fraction"),
        (lambda: ss.propagated_sed("5/4"), "m 5/4 is out of range"),
        (lambda: ss.propagated_sed(Fraction(1, 1001)), "m 1/1001 is out of range"),
        (lambda: ss.score("sss", ss.propagated_sed()), "propagated_sed is of cells, not of sss"),
        (lambda: ss.score("sss", "propagated_sed"), "score 'propagated_sed'"),
        (lambda: ss.register(ss.propagated_sed()), "'propagated_sed' is taken"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ss.BadInput, match=message):
        call()


# -- the bound --------------------------------------------------------------------------------------------------------


def bound_is_kept(space, digits):
    for score in (ss.propagated_sed(), WITH_M):
        values = score.values(score.at(space, digits))
        limits = score.bound.values(score.bound.at(space, digits))
        assert (values <= limits).all()


def test_the_bound_of_every_cell_of_tss():
    """It is what the score is of cells without poolings and dead edges."""
    space = ss.space("tss")
    digits = space.digits(range(space.size))
    bound_is_kept(space, digits)
    bound = ss.propagated_sed().bound
    rows = digits.tolist()
    whole = [
        sum(naive.propagated_weight(naive.what(name)) for name in naive.operations(row)) * (1 + naive.residual(row, 4))
        for row in rows
    ]
    check(bound.values(bound.at(space, digits)), whole)
    live = [4 not in row and naive.without_dead(row, 4) == row and any(row) for row in rows]
    tight = ss.score(space, "propagated_sed") == ss.score(space, bound)
    assert tight[live].all()


@pytest.mark.parametrize("name", ["tss5", "tss8", "transnas_micro", "darts", "nb101"])
def test_the_bound_of_samples(name):
    bound_is_kept(ss.space(name), random_cells(name, 20_000, 3)[0])


def test_the_bound_of_darts():
    digits, indices = random_cells("darts", 100, 4)
    bound = ss.propagated_sed().bound
    exact = []
    for row in digits:
        cells = []
        for cell in naive.darts_edges(row):
            weight = sum(naive.propagated_weight(naive.what(name)) for _, name in cell)
            cells.append(weight * (1 + sum(source < 2 and "skip" in name for source, name in cell)))
        exact.append(Fraction(9, 10) * cells[0] + Fraction(1, 10) * cells[1])
    check(ss.score("darts", bound, indices=indices), exact)


@pytest.mark.parametrize(
    ("where", "k"),
    [
        (None, 1000),
        ("n_skip >= 3", 300),
        ("n_none = 0 AND n_pool >= 2 AND params < 700000", 200),
        ("live_sed < 3 AND residual = 1", 200),
        ("propagated_sed < 2 AND depth = 1", 100),
        ("n_pool = 6", 10),
    ],
)
@pytest.mark.parametrize("m", ["0", "1/4"])
def test_the_best_of_tss_are_those_of_its_rows(where, k, m):
    score = ss.propagated_sed(m)
    names = ["n_skip", "n_none", "n_pool", "params", "residual", "live_sed", "depth"]
    columns = {name: ss.score("tss", name) for name in names}
    rows = pl.DataFrame({"index": np.arange(5**6), "propagated_sed": ss.score("tss", score), **columns})
    if where is not None:
        rows = rows.filter(pl.sql_expr(where))
    best = rows.sort(["propagated_sed", "index"], descending=[True, False]).head(k)
    found = ss.top_k("tss", k, score, where=where)
    assert found.select("index", "propagated_sed").equals(best.select("index", "propagated_sed"))


def test_the_best_of_tss5_are_those_of_its_rows(tss5):
    where = "n_pool >= 2 AND n_skip >= 2 AND params < 900000"
    names = ["n_pool", "n_skip", "params"]
    rows = pl.DataFrame({"index": np.arange(5**10), "propagated_sed": tss5, **{n: ss.score("tss5", n) for n in names}})
    best = rows.filter(pl.sql_expr(where)).sort(["propagated_sed", "index"], descending=[True, False]).head(200)
    assert ss.top_k("tss5", 200, "propagated_sed", where=where)["index"].to_list() == best["index"].to_list()
    best = np.argsort(-tss5, kind="stable")[:2000]
    assert_array_equal(ss.top_k("tss5", 2000, "propagated_sed")["index"], best)


def test_the_best_of_spaces_that_nobody_can_go_through():
    """A 1x1 convolution instead of a 3x3 costs 1.5, so that all of these are ties; with a pooling it is more."""
    space = ss.space("tss8")
    best = ss.top_k(space, 28, "propagated_sed")
    assert best["propagated_sed"].to_list() == [54.0] + [52.5] * 27
    digits = np.full((28, 28), 3, np.uint8)
    digits[:, 21] = 1  # the edge from the input to the output
    edges = [edge for edge in range(28) if edge != 21]
    digits[range(1, 28), edges] = 2
    assert best["index"].to_list() == [space.index(digits[0]), *sorted(space.index(digits[1:]).tolist())]
    bound = ss.propagated_sed().bound
    for where in (None, "params < 3000000", "n_skip_normal <= 2 AND params < 4000000"):  # where bounds are reached
        best, limits = (ss.top_k("darts", 20, by, where=where) for by in ("propagated_sed", bound))
        assert best["propagated_sed"].to_list() == limits[bound.name].to_list()
        exact = [naive.darts_propagated(row) for row in ss.space("darts").digits(best["index"].to_list())]
        check(best["propagated_sed"], exact)


# -- accuracies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "space", "column", "rho", "rho_with_m"),
    [
        ("nats_tss", "tss", "cifar10_test", 0.891, 0.875),
        ("nats_tss", "tss", "cifar100_test", 0.871, 0.854),
        ("nats_tss", "tss", "imagenet16_test", 0.866, 0.858),
        ("nb101_20k", "nb101", "val_acc_108ep", 0.734, 0.756),
        ("nb301_1218", "darts", "cifar10_val_surrogate", 0.781, 0.785),
        ("transnas101_micro", "transnas_micro", "class_scene", 0.810, 0.792),
        ("transnas101_micro", "transnas_micro", "class_object", 0.736, 0.763),
        ("darts_214_trained", "darts", "cifar10_test_acc", 0.606, 0.616),
    ],
)
def test_correlation_with_accuracy(shared, file, space, column, rho, rho_with_m):
    table = pl.read_parquet(shared / "benchmarks" / f"{file}.parquet")
    archs = table["adjacency"] + table["ops"] if space == "nb101" else table["genotype" if space == "darts" else "arch"]
    indices = ss.space(space).parse(archs)
    for score, expected in (("propagated_sed", rho), (WITH_M, rho_with_m)):
        found = rank_correlation(ss.score(space, score, indices=indices), table[column]).spearman
        assert found == pytest.approx(expected, abs=6e-4)


def test_picks_of_tss(shared):
    """The best cell's rank by accuracy, as SED's: it is the same cell."""
    best = ss.top_k("tss", 1, "propagated_sed")
    assert best["index"].item() == ss.top_k("tss", 1)["index"].item()
    table = pl.read_parquet(shared / "benchmarks" / "nats_tss.parquet")
    (picked,) = table.filter(pl.col("arch") == best["arch"].item()).iter_rows(named=True)
    names = ["cifar10_test", "cifar100_test", "imagenet16_test"]
    assert [1 + (table[name] > picked[name]).sum() for name in names] == [3, 1, 26]
