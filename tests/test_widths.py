"""The spaces of widths, NATS-Bench's size space and TransNAS-Bench-101's networks: written, read, scored, costed."""

from __future__ import annotations

import math
from itertools import product
from random import Random

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)


def test_every_architecture_of_sss():
    space = ss.space("sss")
    widths = list(product(WIDTHS, repeat=5))
    archs = [":".join(map(str, row)) for row in widths]
    assert space.arch(range(space.size)).tolist() == archs
    assert space.parse(archs).tolist() == list(range(space.size))
    values = ss.score(space)
    exact = [int(np.prod(row, dtype=np.int64)) for row in widths]
    assert np.allclose(values, np.log2(np.array(exact, float)), rtol=1e-6)
    keys = ss.known_scores(space)["sed"].at(space, space.digits(range(space.size)))
    order = np.argsort(keys, kind="stable")
    assert (np.diff(np.array(exact)[order]) >= 0).all()  # ranked as the exact products, ties and all
    assert len(np.unique(keys)) == len(set(exact))
    assert ss.top_k(space, 1)["arch"].item() == "64:64:64:64:64"


NETWORKS = {"cifar10": "", "cifar100": "_cifar100", "imagenet16": "_imagenet16"}
COSTS = [f"{cost}{suffix}" for suffix in NETWORKS.values() for cost in ("params", "macs")]


@pytest.fixture(scope="module")
def sizes():
    """Return every architecture of sss with its SED, its channels and what its networks cost, layer by layer."""
    rows = []
    for widths in product(WIDTHS, repeat=5):
        layers = [naive.sss_layers(widths, dataset) for dataset in NETWORKS]
        costs = [(sum(n for n, _ in one), sum(n * pixels for n, pixels in one)) for one in layers]
        rows.append((sum(widths), *(number for pair in costs for number in pair)))
    table = pl.DataFrame(rows, ["channels", *COSTS], orient="row").with_row_index("index")
    return table.with_columns(pl.col("index").cast(pl.Int64), sed=ss.score("sss"))


@pytest.fixture
def unscanned(monkeypatch):
    """Refuse to go through architectures one after the other."""

    def refuse(*_):
        raise AssertionError("no answer needs a range of architectures")

    monkeypatch.setattr(type(ss.space("sss")), "digits_of_range", refuse)


def best(table, by, k, ascending=False):
    return table.sort([by, "index"], descending=[not ascending, False]).head(k)["index"].to_list()


def test_every_network_of_sss(sizes):
    space = ss.space("sss")
    for name in ("channels", *COSTS):
        assert ss.score(space, name).tolist() == sizes[name].to_list(), name
        assert ss.score(space, name, 4321, 9876, threads=3).tolist() == sizes[name][4321:9876].to_list()
    some = Random(3).sample(range(space.size), 40)
    assert ss.score(space, "macs", indices=some).tolist() == sizes["macs"][some].to_list()


def test_costs_of_sss_are_no_scan(sizes, unscanned):
    for name in ("channels", *COSTS):
        assert ss.top_k("sss", 300, name)["index"].to_list() == best(sizes, name, 300)
        assert ss.top_k("sss", 300, name, ascending=True)["index"].to_list() == best(sizes, name, 300, ascending=True)
        counts = sizes.group_by(name).len().sort(name)
        found = ss.distribution("sss", name)
        assert (found.values.tolist(), found.counts) == (counts[name].to_list(), counts["len"].to_list())
    where = "params < 100000 AND macs_cifar100 > 6000000 AND channels <= 200"
    kept = sizes.filter(pl.sql_expr(where))
    assert ss.members("sss", where=where)[:].tolist() == kept["index"].to_list()
    assert ss.top_k("sss", 99, where=where)["index"].to_list() == best(kept, "sed", 99)
    assert ss.top_k("sss", 99, "macs", 1000, 30_000, where=where)["index"].to_list() == (
        best(kept.filter(pl.col("index").is_between(1000, 29_999)), "macs", 99)
    )


def test_a_census_of_sss_is_no_scan(sizes, unscanned):
    classes = sizes.group_by("sed", *COSTS).agg(pl.len().alias("count").cast(pl.Int64), pl.col("index").min())
    expected = classes.sort(["sed", "index"], descending=[True, False])
    found = ss.census("sss", COSTS)
    assert found.rows() == expected.select(found.columns).rows()


def test_fronts_and_budgets_of_sss_are_no_scan(sizes, unscanned):
    front, most = [], -1.0
    for params, sed in sizes.group_by("params").agg(pl.col("sed").max()).sort("params").rows():
        if sed > most:
            front.append((sed, params))
            most = sed
    found = ss.pareto("sss")
    assert found.select("sed", "params").rows() == front[::-1]
    lowest = sizes.group_by("sed", "params").agg(pl.col("index").min())
    assert found.join(lowest, ["sed", "params"], maintain_order="left")["index_right"].equals(
        found["index"], check_names=False
    )
    for row in ss.best_within("sss", range(12_000, 300_000, 9_000), "params", "macs").rows(named=True):
        within = sizes.filter(pl.col("params") <= row["budget"])
        assert row["index"] == best(within, "macs", 1)[0]
        assert row["count"] == len(within.filter(pl.col("macs") == row["macs"]))


def test_a_restricted_sss_has_the_same_costs(sizes):
    growing = ss.restrict("sss", ss.OwnRule("growing", 0, lambda last, _, choice: choice if choice >= last else None))
    of = ss.space("sss").index(growing.digits(range(growing.size)))
    kept = sizes[of]
    assert growing.size == math.comb(12, 5)
    for name in ("sed", *COSTS):
        assert ss.score(growing, name).tolist() == kept[name].to_list(), name
    own = kept.with_columns(index=pl.int_range(len(kept)))
    assert ss.top_k(growing, 50, "macs", where="params > 90000")["index"].to_list() == (
        best(own.filter(pl.col("params") > 90_000), "macs", 50)
    )


def test_ones_own_sums_by_the_width_before(sizes):
    space = ss.space("sss")
    both = ss.AdditiveScore("both", {"p": "params", "c": "channels"}, lambda p, c: p - 100 * c, dtype="int64")
    expected = (sizes["params"] - 100 * sizes["channels"]).to_list()
    assert ss.score(space, both).tolist() == expected
    assert ss.top_k(space, 1, both)["index"].item() == int(np.argmax(expected))
    states = [len(step) for step in space.feature_machine.steps]
    assert states == [1, 8, 8, 8, 8]
    wider = [np.array([[choice > before for choice in range(8)] for before in range(n)]) for n in states]
    wider[0][:] = False
    steps = ss.AdditiveScore("steps", {"n": wider}, lambda n: n, dtype="uint8")
    digits = space.digits(range(space.size)).astype(int)
    assert ss.score(space, steps).tolist() == (np.diff(digits, axis=1) > 0).sum(axis=1).tolist()
    assert ss.census(space, [steps], by=None)["count"].sum() == space.size
    with pytest.raises(ss.BadInput, match="the table of sss at stage 2 must be 8 integers, one per choice"):
        ss.score(space, ss.AdditiveScore("rows", {"n": [np.ones((1, 8), int)] * 5}, lambda n: n))


def test_exact_answers_about_sss():
    params, sed = ss.score("sss", "params"), ss.score("sss")
    kept = np.flatnonzero(params < 60_000)
    best = kept[np.lexsort((kept, -sed[kept]))][:30]
    assert ss.top_k("sss", 30, where="params < 60000")["index"].to_list() == best.tolist()
    front = ss.pareto("sss")
    assert front["params"].to_list() == sorted(front["params"].to_list(), reverse=True)
    for row in front.rows(named=True):
        assert not ((sed > row["sed"]) & (params <= row["params"])).any()
    assert ss.census("sss", ["channels"], by=None)["count"].sum() == 8**5


def test_sss_is_natsbenchs(shared):
    table = pl.read_parquet(shared / "benchmarks" / "nats_sss.parquet")
    assert ss.space("sss").parse(table["arch"]).tolist() == table["nats_index"].to_list()
    assert ss.score("sss", "params")[table["nats_index"].to_numpy()].tolist() == table["params_cifar10"].to_list()


def test_every_network_of_transnas_macro():
    space = ss.space("transnas_macro")
    codes = [
        "".join(modules)
        for n in (4, 5, 6)
        for modules in product("1234", repeat=n)
        if 1 <= sum(m in "34" for m in modules) <= 4 and 1 <= sum(m in "24" for m in modules) <= 3
    ]
    assert len(codes) == space.size == 3256
    archs = [f"64-{code}-basic" for code in codes]
    assert space.arch(range(space.size)).tolist() == archs
    assert space.parse(archs).tolist() == list(range(space.size))
    expected = []
    for code in codes:
        channels, total = 64, 0
        for module in code:
            channels *= 2 if module in "24" else 1
            total += math.log2(channels)
        expected.append(total)
    assert ss.score(space).tolist() == expected


@pytest.mark.parametrize(
    ("space", "arch", "message"),
    [
        ("sss", "8:8:8:8", "expected 5 widths such as"),
        ("sss", "8:8:12:8:8", "stage 3 is '12', expected one of 8, 16"),
        ("sss", 8, "expected 5 widths"),
        ("transnas_macro", "64-123-basic", "modules '123', expected four to six"),
        ("transnas_macro", "64-1111-basic", "modules '1111'"),
        ("transnas_macro", "1234", "expected 64-<modules>-basic"),
    ],
)
def test_malformed_archs_of_sizes(space, arch, message):
    with pytest.raises(ss.BadInput, match=message):
        ss.space(space).parse([arch])
