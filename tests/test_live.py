"""Live scores: rows by the kernel, exact answers by the machine, and both against going all ways through every cell."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import naive
import sedspace as ss
from sedspace.correlation import rank_correlation
from sedspace.scores import find_score
from sedspace.scores.live import LiveScore

LIVE = ["live_sed", "n_live_skip", "n_live_conv1x1", "n_live_conv3x3", "n_live_pool", "live_residual", "live_params"]


def twins(digits, nodes):
    """The live scores of a cell of tssN: the scores of the cell without what is dead."""
    alive = naive.without_dead(digits, nodes)
    params = naive.params(alive)
    return [float(naive.sed(alive, nodes)), *naive.counts(alive)[1:], naive.residual(alive, nodes), params]


def live_names(space):
    """The names of live scores; there are topology features of what is live, too."""
    return [name for name, score in ss.known_scores(space).items() if isinstance(score, LiveScore)]


def frame(space, start=0, stop=None, names=LIVE):
    stop = ss.space(space).size if stop is None else stop
    columns = {name: ss.score(space, name, start, stop) for name in names}
    return pl.DataFrame({"index": np.arange(start, stop), **columns})


@pytest.fixture(scope="module")
def tss():
    return frame("tss")


@pytest.fixture(scope="module")
def tss5():
    return frame("tss5")


def test_every_cell_of_tss(tss):
    expected = [twins(naive.digits(index, [5] * 6), 4) for index in range(5**6)]
    assert tss.select(LIVE).rows() == [tuple(row) for row in expected]


def test_cells_of_tss5(tss5):
    chosen = np.random.default_rng(5).integers(0, 5**10, 3000)
    expected = [tuple(twins(naive.digits(int(index), [5] * 10), 5)) for index in chosen]
    assert tss5[chosen].select(LIVE).rows() == expected


def test_every_cell_of_tss5_is_as_the_digits_say(tss5):
    """A plain search in NumPy over all cells at once, edge by edge, for what the kernel does block by block."""
    digits = ss.space("tss5").digits_of_range(0, 5**10)
    ends = naive.edges(5)
    reached, onward = np.zeros((2, 5, 5**10), bool)
    reached[0], onward[4] = True, True
    for edge, (source, target) in enumerate(ends):
        reached[target] |= reached[source] & (digits[:, edge] > 0)
    for edge, (source, target) in reversed(list(enumerate(ends))):
        onward[source] |= onward[target] & (digits[:, edge] > 0)
    for code, name in enumerate(LIVE[1:5], start=1):
        count = np.zeros(5**10, np.uint8)
        for edge, (source, target) in enumerate(ends):
            count += reached[source] & onward[target] & (digits[:, edge] == code)
        assert_array_equal(tss5[name], count)
    n = {name: tss5[name].to_numpy().astype(np.int64) for name in LIVE}
    assert_array_equal(n["live_residual"], digits[:, 6] == 1)
    sed = (4 + 3 * n["live_residual"]) * (4 * n["n_live_conv3x3"] + 3 * n["n_live_conv1x1"]) - 4 * n["n_live_pool"]
    assert_array_equal(tss5["live_sed"], (sed / 16).astype(np.float32))
    assert_array_equal(n["live_params"], 73306 + 243040 * n["n_live_conv3x3"] + 28000 * n["n_live_conv1x1"])


@settings(max_examples=20)
@given(st.integers(0, 5**15 - 50), st.sampled_from(LIVE))
def test_ranges_of_tss6(start, name):
    expected = [twins(naive.digits(start + i, [5] * 15), 6)[LIVE.index(name)] for i in range(50)]
    assert ss.score("tss6", name, start, start + 50).tolist() == expected
    assert ss.score("tss6", name, indices=range(start, start + 50)).tolist() == expected


@pytest.mark.parametrize(("space", "start"), [("tss6", 5**13 - 40_001), ("tss8", 5**27 - 5_000), ("tss23", 5**200)])
def test_ranges_are_as_their_architectures_are_one_by_one(space, start):
    """Across many blocks, pieces and threads, also where exact answers are out of reach and indices beyond 2^63."""
    stop = start + 80_000
    for name in ("live_sed", "live_params"):
        found = ss.score(space, name, start, stop, threads=3)
        assert_array_equal(found[::97], ss.score(space, name, indices=range(start, stop, 97)))
        assert_array_equal(found[:3], ss.score(space, name, start, start + 3))


def test_histogram_and_best_of_ranges(tss5):
    part = tss5[123_456:1_234_567]
    found = ss.histogram("tss5", "live_sed", 123_456, 1_234_567)
    assert found.rows() == part.group_by("live_sed").agg(pl.len()).sort("live_sed").rows()
    best = ss.top_k("tss5", 500, by="live_sed", start=123_456, stop=1_234_567)
    expected = part.sort(["live_sed", "index"], descending=[True, False]).head(500)
    assert best["index"].to_list() == expected["index"].to_list()


# -- exact answers ----------------------------------------------------------------------------------------------------


def check_census(space, rows, names, where=None):
    kept = rows if where is None else rows.filter(pl.sql_expr(where))
    expected = kept.group_by(names).agg(pl.len().alias("count"), pl.col("index").min())
    found = ss.census(space, names, by=None, where=where).select(expected.columns)
    assert sorted(found.rows()) == sorted(expected.rows())


@pytest.mark.parametrize("name", LIVE)
def test_distributions_of_tss5_are_those_of_its_rows(tss5, name):
    found = dict(ss.distribution("tss5", name).frame().select(name, "count").rows())
    assert found == Counter(tss5[name].to_list())


def test_classes_of_tss5_are_those_of_its_rows(tss5):
    rows = tss5.with_columns(n_skip=ss.score("tss5", "n_skip"), sed=ss.score("tss5"))
    check_census("tss5", rows, ["sed", "live_sed", "live_params"])
    where = "live_params < 900000 AND n_live_skip < n_skip AND live_residual = 1"
    check_census("tss5", rows, ["sed", "live_sed", "n_live_pool"], where)


@pytest.mark.parametrize("where", [None, "live_params < 700000 AND n_live_pool >= 2", "live_sed = 0"])
def test_best_and_members_of_tss5(tss5, where):
    kept = tss5 if where is None else tss5.filter(pl.sql_expr(where))
    best = kept["index"].to_numpy()[np.argsort(-kept["live_sed"].to_numpy(), kind="stable")[:300]]
    assert_array_equal(ss.top_k("tss5", 300, by="live_sed", where=where)["index"], best)
    members = ss.members("tss5", where=where or "live_sed >= 0")
    expected = (kept if where else tss5.filter(pl.col("live_sed") >= 0))["index"]
    assert members.count == len(expected)
    assert_array_equal(members[: len(expected) : 1009], expected.to_numpy()[::1009])


def test_front_of_live_scores(tss):
    found = ss.pareto("tss", maximize="live_sed", minimize="live_params").select("live_sed", "live_params", "index")
    expected, least = [], float("inf")
    for sed, params, index in sorted(
        tss.select("live_sed", "live_params", "index").rows(), key=lambda r: (-r[0], *r[1:])
    ):
        if params < least:
            expected.append((sed, params, index))
            least = params
    assert sorted(found.rows()) == sorted(expected)


def test_samples_are_stratified_by_live_scores(tss):
    found = ss.sample("tss", 300, stratify="live_sed", seed=3)
    assert_array_equal(found["live_sed"], tss["live_sed"].to_numpy()[found["index"].to_numpy()])
    assert found["live_sed"].n_unique() == tss["live_sed"].n_unique()


@pytest.mark.parametrize("space", ["tss6", "tss7", "tss8"])
def test_totals_are_the_sizes(space):
    distribution = ss.distribution(space, "live_sed")
    assert distribution.at_least(-1000) == ss.space(space).size
    best = ss.top_k(space, 1, by="live_sed")
    assert best["live_sed"].item() == ss.top_k(space, 1)["sed"].item()


# -- other spaces -----------------------------------------------------------------------------------------------------

OPERATIONS = [
    {"name": "none", "kind": "none"},
    {"name": "skip_connect", "kind": "skip"},
    {"name": "conv_5x5", "kind": "conv", "kernel": 5},
    {"name": "max_pool_3x3", "kind": "pool", "kernel": 3},
    {"name": "dil_conv_3x3", "kind": "conv", "kernel": 3, "dilation": 2},
    {"name": "zero", "kind": "none"},
]


@st.composite
def own_spaces(draw):
    nodes = draw(st.integers(2, 5))
    most = 6 if nodes < 4 else 4 if nodes == 4 else 2
    operations = draw(st.lists(st.sampled_from(OPERATIONS), min_size=2, max_size=most, unique_by=lambda o: o["name"]))
    return ss.cell_space("mine", nodes, operations)


@settings(max_examples=60)
@given(own_spaces())
def test_own_spaces(space):
    """What is live of a cell scores as the cell does from which everything else is taken."""
    names = live_names(space)
    rows = frame(space, names=names)
    digits = space.digits(range(space.size))
    kinds = [operation.kind for operation in space.operations]
    alive = [naive.live([kinds[digit] != "none" for digit in row], space.nodes) for row in digits]
    is_live = np.zeros(digits.shape, bool)
    for row, edges in enumerate(alive):
        is_live[row, list(edges)] = True
    features = {"live_residual": "residual", "live_params": "params"}
    for name in names:
        score = ss.known_scores(space)[name]
        if name == "live_sed":
            keys = [np.where(is_live, row, 0).sum(axis=1) for row in sums_by_edge(ss.sed(), space, digits)]
            expected = ss.sed().values(ss.sed().keys(space, np.stack(keys, axis=-1)))
        else:
            feature = space.features[features.get(name, name.replace("live_", ""))]
            added = np.stack([feature.table[p][digits[:, p]] for p in range(len(space.positions))], axis=-1)
            expected = feature.base + np.where(is_live, added, 0).sum(axis=1)
        assert_array_equal(rows[name], expected)
        assert_array_equal(score.values(score.at(space, digits)), expected)
    check_census(space, rows, names)


def sums_by_edge(score, space, digits):
    tables = score.tables(space)
    for feature in range(tables[0].shape[1]):
        yield np.stack([table[digits[:, p], feature] for p, table in enumerate(tables)], axis=-1)


def test_transnas_micro():
    names = live_names("transnas_micro")
    assert names == ["live_sed", "n_live_skip", "n_live_conv1x1", "n_live_conv3x3", "live_residual"]
    rows = frame("transnas_micro", names=names)
    expected = [twins(naive.digits(index, [4] * 6), 4) for index in range(4096)]
    assert rows.select(names).rows() == [(*row[:4], row[5]) for row in expected]
    check_census("transnas_micro", rows, names)


def few_operations(found, position, choice):
    found += choice >= 2
    return found if found <= 2 else None


def test_restricted_spaces(tss5):
    space = ss.restrict("tss5", ss.OwnRule("few", 0, few_operations), name="few_live")
    kept = tss5[ss.space("tss5").index(space.digits(range(space.size)))].with_columns(index=pl.int_range(pl.len()))
    assert frame(space, names=LIVE[:3]).equals(kept.select("index", *LIVE[:3]))
    check_census(space, kept, ["live_sed", "live_params"])
    where = "live_params < 500000 AND n_live_pool >= 1"
    best = kept.filter(pl.sql_expr(where)).sort(["live_sed", "index"], descending=[True, False])
    assert ss.top_k(space, 100, by="live_sed", where=where)["index"].to_list() == best["index"].head(100).to_list()


# -- runs and input ---------------------------------------------------------------------------------------------------


def test_runs_with_live_columns(tmp_path, tss):
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed", *LIVE], progress=False)
    assert run.verify() == []
    assert run.scan().select("index", *LIVE).collect().equals(tss)
    assert (
        run.top(5, by="live_sed", where="n_live_pool > 0")["index"].to_list()
        == (
            tss.filter(pl.col("n_live_pool") > 0).sort(["live_sed", "index"], descending=[True, False])["index"].head(5)
        ).to_list()
    )
    kept = ss.enumerate_space("tss", tmp_path / "kept", columns=LIVE, where="n_live_skip = 3", progress=False)
    assert kept.scan().collect().equals(tss.filter(pl.col("n_live_skip") == 3))


def test_live_sed_is_made_with_lam():
    half = ss.distribution("tss", find_score(ss.space("tss"), "live_sed", {"lam": "1/2"}))
    digits = [naive.digits(index, [5] * 6) for index in range(5**6)]
    sed = [naive.sed(naive.without_dead(row, 4), 4, naive.Fraction(1, 2)) for row in digits]
    assert dict(half.frame().select("live_sed", "count").rows()) == Counter(map(float, sed))


def test_cells_of_too_many_nodes_have_rows_but_no_distribution():
    with pytest.raises(ss.BadInput, match=r"which edges of tss13 are live takes 2,098,176 states, .* ask for ranges"):
        ss.distribution("tss13", "live_sed")
    assert ss.score("tss13", "live_sed", 0, 2).tolist() == [0.0, 0.0]
    score = ss.known_scores("tss")["live_sed"]
    with pytest.raises(ss.BadInput, match="score live_sed is of cells"):
        ss.score("darts", score, 0, 2)


def test_what_an_operation_is_called_takes_no_column_from_another():
    operations = [*OPERATIONS[:2], {"name": "live_skip_connect", "kind": "conv", "kernel": 1}]
    space = ss.cell_space("mine", 3, operations)
    assert ss.score(space, "n_live_skip_connect", 0, 27).tolist() == [
        naive.digits(index, [3] * 3).count(2) for index in range(27)
    ]


@pytest.mark.parametrize(
    ("column", "rho", "rho_of_least"),
    [("cifar10_test", 0.828, 0.986), ("cifar100_test", 0.835, 0.991), ("imagenet16_test", 0.823, 0.938)],
)
def test_correlation_with_accuracy(shared, column, rho, rho_of_least):
    """Live SED beside the accuracies of NATS-Bench: of every cell, and of the worst of equal score."""
    table = pl.read_parquet(shared / "benchmarks" / "nats_tss.parquet").select("arch", accuracy=column)
    indices = ss.space("tss").parse(table["arch"])
    table = table.with_columns(live_sed=ss.score("tss", "live_sed", indices=indices))
    assert rank_correlation(table["live_sed"], table["accuracy"]).spearman == pytest.approx(rho, abs=5e-4)
    least = table.group_by("live_sed").agg(pl.col("accuracy").min())
    assert rank_correlation(least["live_sed"], least["accuracy"]).spearman == pytest.approx(rho_of_least, abs=5e-4)
