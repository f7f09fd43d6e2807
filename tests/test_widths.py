"""The spaces of widths, NATS-Bench's size space and TransNAS-Bench-101's networks: written, read, scored, costed."""

from __future__ import annotations

import math
from itertools import pairwise, product
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


CLASSES = {"params": 47, "macs": 47, "params_class_object": 75, "macs_class_object": 75}


def macro_codes():
    return [
        "".join(modules)
        for n in (4, 5, 6)
        for modules in product("1234", repeat=n)
        if 1 <= sum(m in "34" for m in modules) <= 4 and 1 <= sum(m in "24" for m in modules) <= 3
    ]


def test_every_network_of_transnas_macro():
    space = ss.space("transnas_macro")
    codes = macro_codes()
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


@pytest.fixture(scope="module")
def macros():
    """Return every architecture of transnas_macro with what it costs, layer by layer."""
    rows = []
    for index, code in enumerate(macro_codes()):
        costs = []
        for classes in (47, 75):
            layers = naive.transnas_macro_layers(code, classes)
            costs += [sum(n for n, _ in layers), sum(n * pixels for n, pixels in layers)]
        halvings, doublings = (sum(module in which for module in code) for which in ("34", "24"))
        rows.append((index, code, len(code), halvings, doublings, *costs, naive.trainable(layers)))
    names = ["index", "code", "n_modules", "n_halvings", "n_doublings", *CLASSES, "layers"]
    return pl.DataFrame(rows, names, orient="row").with_columns(sed=ss.score("transnas_macro"))


def test_every_feature_of_transnas_macro(macros):
    space = ss.space("transnas_macro")
    for name in space.features:
        assert ss.score(space, name).tolist() == macros[name].to_list(), name
        assert ss.score(space, name, 100, 3100, threads=3).tolist() == macros[name][100:3100].to_list()


def test_costs_of_transnas_macro_are_those_of_its_networks():
    torch = pytest.importorskip("torch")
    space = ss.space("transnas_macro")
    seen = []

    def count(module, _, out):
        pixels = out.shape[2] * out.shape[3] if out.ndim == 4 else 1
        seen.append(sum(p.numel() for p in module.parameters()) * pixels)

    for index in (0, space.size - 1, *Random(2).sample(range(space.size), 4)):
        for dataset, suffix in (("class_scene", ""), ("class_object", "_class_object")):
            with torch.device("meta"):
                network = space.network(index, dataset)
                for module in network.modules():
                    if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
                        module.register_forward_hook(count)
                seen.clear()
                network.eval()(torch.zeros(1, 3, 256, 256))
            assert ss.score(space, f"macs{suffix}", indices=[index]).item() == sum(seen)
            params = sum(p.numel() for p in network.parameters())
            assert ss.score(space, f"params{suffix}", indices=[index]).item() == params


def test_digits_of_transnas_macro_fill_the_last_positions():
    space = ss.space("transnas_macro")
    digits = space.digits(range(space.size))
    assert digits.tolist() == [
        [0] * (6 - len(code)) + [int(c) for c in code[:-4]] + [int(c) - 1 for c in code[-4:]] for code in macro_codes()
    ]
    assert sorted(digits.tolist()) == digits.tolist()
    assert space.index(digits).tolist() == list(range(space.size))
    assert [space.index(row) for row in digits[::100]] == list(range(0, space.size, 100))
    assert "\n".join(f"module {n}  {name}" for n, name in enumerate(["none"] * 2 + ["plain"] * 3 + ["both"], 1)) == (
        space.draw(0)
    )
    for absent in ([1, 0, 0, 0, 0, 3], [0] * 6, [4, 4, 3, 3, 3, 3]):
        with pytest.raises(ss.BadInput, match="are no architecture of transnas_macro"):
            space.index(absent)
    with pytest.raises(ss.BadInput, match=r"digits \[0, 0, 0, 0, 0, 0\] are no architecture"):
        space.index([digits[0].tolist(), [0] * 6])


@pytest.mark.parametrize("by", ["sed", *CLASSES])
def test_exact_answers_about_transnas_macro(macros, by):
    space = ss.space("transnas_macro")
    assert ss.top_k(space, 5000, by)["index"].to_list() == best(macros, by, 5000)
    assert ss.top_k(space, 99, by, 1000, 2000)["index"].to_list() == best(macros[1000:2000], by, 99)
    where = "n_halvings <= 2 AND \"module 1\" = 'none' AND \"module 5\" <> 'both' AND macs < 30000000000"
    kept = macros.filter((pl.col("n_halvings") <= 2) & (pl.col("n_modules") < 6) & (pl.col("macs") < 30_000_000_000))
    kept = kept.filter(pl.col("code").str.slice(-2, 1) != "4")
    assert ss.top_k(space, 50, by, where=where)["index"].to_list() == best(kept, by, 50)
    assert ss.members(space, where=where)[:].tolist() == kept["index"].to_list()
    counts = macros.group_by(by).len().sort(by)
    found = ss.distribution(space, by)
    assert (found.values.tolist(), found.counts) == (counts[by].to_list(), counts["len"].to_list())
    classes = macros.group_by({"sed", "n_modules", by}).agg(pl.len(), pl.col("index").min())
    census = ss.census(space, ["n_modules", by])
    assert census.select("count", "index").sort("index").rows() == (classes.select("len", "index").sort("index").rows())


def test_fronts_and_budgets_of_transnas_macro(macros):
    front = ss.pareto("transnas_macro", "sed", ["params", "macs"])
    expected = [
        row
        for row in macros.select("sed", "params", "macs").unique().rows()
        if not any(
            (macros["sed"] >= row[0])
            & (macros["params"] <= row[1])
            & (macros["macs"] <= row[2])
            & ((macros["sed"] > row[0]) | (macros["params"] < row[1]) | (macros["macs"] < row[2]))
        )
    ]
    assert sorted(front.select("sed", "params", "macs").rows()) == sorted(expected)
    for row in ss.best_within("transnas_macro", [2e6, 5e6, 2e7, 1e8]).rows(named=True):
        within = macros.filter(pl.col("params") <= row["budget"])
        assert row["index"] == best(within, "sed", 1)[0]
        assert row["count"] == len(within.filter(pl.col("sed") == row["sed"]))


def test_a_restricted_transnas_macro(macros):
    def step(last, position, choice):  # no two modules of one kind in a row
        code = choice if position < 2 else choice + 1
        return None if code and code == last else code

    rule = ss.OwnRule("no two alike", 0, step)
    space = ss.restrict("transnas_macro", rule)
    kept = macros.filter(pl.col("code").map_elements(lambda c: all(a != b for a, b in pairwise(c)), pl.Boolean))
    assert space.arch(range(space.size)).tolist() == [f"64-{code}-basic" for code in kept["code"]]
    for name in ("sed", *CLASSES):
        assert ss.score(space, name).tolist() == kept[name].to_list(), name
    own = kept.with_columns(index=pl.int_range(len(kept)))
    assert ss.top_k(space, 30, "macs", where="params < 5000000")["index"].to_list() == (
        best(own.filter(pl.col("params") < 5_000_000), "macs", 30)
    )
    census = ss.census(space, ["params"], by=None)
    assert sorted(census["index"]) == sorted(own.group_by("params").agg(pl.col("index").min())["index"])
    again = ss.restrict(space, ss.OwnRule("doubles last", 0, lambda _, p, c: c if p < 5 or c == 1 else None))
    assert again.size == len(kept.filter(pl.col("code").str.ends_with("2")))
    with pytest.raises(ss.BadInput, match="breaks the rule 'no two alike'"):
        space.parse("64-1144-basic")
    with pytest.raises(ss.BadInput, match="modules '1111'"):
        space.parse("64-1111-basic")
    with pytest.raises(ss.BadInput, match="no architecture of transnas_macro"):
        space.index([1, 0, 0, 1, 0, 2])


def test_runs_of_transnas_macro_with_costs(macros, tmp_path):
    columns = ["index", "sed", *CLASSES, "arch"]
    run = ss.enumerate_space("transnas_macro", tmp_path / "run", columns=columns, shard_rows=500, progress=False)
    assert run.scan().select("index", *CLASSES).collect().rows() == macros.select("index", *CLASSES).rows()
    run.verify()
    some = ss.enumerate_space("transnas_macro", tmp_path / "some", where="params < 2000000", progress=False)
    assert some.rows == len(macros.filter(pl.col("params") < 2_000_000))


def test_transnas_macro_has_what_was_trained(shared):
    """The table at hand has accuracies only: no parameters and no FLOPs that ours could be compared with."""
    table = pl.read_parquet(shared / "benchmarks" / "transnas101_macro.parquet")
    indices = ss.space("transnas_macro").parse(table["arch"])
    assert len(set(indices.tolist())) == len(table) == 3255
    assert not {"params", "flops", "macs"} & set(table.columns)


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
