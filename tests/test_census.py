"""Exact answers about whole spaces: each equals brute force where that is possible, at every step of the way."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import combinations, islice
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import sedspace as ss
from sedspace.counting import compiled
from sedspace.spaces import Group
from toy import Toy

COLUMNS = ["sed", "n_none", "n_skip", "n_conv1x1", "n_conv3x3", "n_pool", "residual", "params", "macs"]
CONDITIONS = [
    None,
    "params < 500000 AND n_skip <= 2",
    "sed >= 3 AND residual = 0",
    "n_conv3x3 - n_pool > 1 OR sed = 8.75",
    "params < 0",
]


@pytest.fixture(scope="module")
def tss():
    """Every architecture of tss by the definitions themselves: a frame of all columns in the order of the indices."""
    digits = [naive.digits(i, [5] * 6) for i in range(5**6)]
    costs = {}
    rows = []
    for row in digits:
        counts = naive.counts(row)
        key = (counts[2], counts[3])
        costs[key] = costs.get(key) or (naive.params(row), naive.macs(row))
        rows.append((float(naive.sed(row, 4)), *counts, naive.residual(row, 4), *costs[key]))
    return pl.DataFrame(rows, COLUMNS, orient="row").with_row_index("index")


def kept(frame, where):
    return frame if where is None else frame.filter(pl.sql_expr(where))


# -- all of tss -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", CONDITIONS)
@pytest.mark.parametrize("features", [None, ["n_skip"], ["params", "residual"]])
def test_census_of_tss(tss, where, features):
    found = ss.census("tss", features, where=where)
    names = ["sed", *(COLUMNS[1:] if features is None else features)]
    expected = (
        kept(tss, where)
        .group_by(names)
        .agg(pl.len().alias("count"), pl.col("index").min())
        .sort("sed", "index", descending=[True, False])
    )
    assert found.columns == expected.columns
    assert found.rows() == expected.rows()
    if features is None and where is None:
        assert len(found) == 335


@pytest.mark.parametrize("by", ["sed", "params", "n_pool"])
@pytest.mark.parametrize("where", CONDITIONS)
def test_distribution_of_tss(tss, by, where):
    values = sorted(kept(tss, where)[by].to_list())
    found = ss.distribution("tss", by, where=where)
    assert [value for value, count in zip(found.values, found.counts, strict=True) for _ in range(count)] == values
    assert found.total == len(values)
    for value in {*values[:: max(1, len(values) // 7)], -100, 0.3, 10**9}:
        assert found.at_least(value) == sum(other >= value for other in values)
        assert found.rank(value) == 1 + sum(other > value for other in values)
        assert found.ties(value) == values.count(value)
    for q in (0, 0.1, "1/3", 0.5, 0.999, 1) if values else ():
        share = pl.Series([q]).cast(pl.String).item() if isinstance(q, str) else q
        position = math.ceil(len(values) * (1 / 3 if share == "1/3" else share))
        assert found.quantile(q) == values[max(position, 1) - 1]
    frame = found.frame()
    assert frame["at_least"].to_list() == [found.at_least(value) for value in frame[by].to_list()]
    assert frame["count"].sum() == found.total


@pytest.mark.parametrize("where", CONDITIONS)
def test_members_of_tss(tss, where):
    found = ss.members("tss", where=where)
    expected = kept(tss, where)["index"].to_list()
    assert (found.count, len(found), bool(found)) == (len(expected), len(expected), bool(expected))
    assert found[:].tolist() == list(found) == expected
    assert found[5:900:7].tolist() == expected[5:900:7]
    assert [found.rank(i) for i in range(0, 5**6, 61)] == [
        sum(other < i for other in expected) for i in range(0, 5**6, 61)
    ]
    members = set(expected)
    assert [i in found for i in range(0, 5**6, 61)] == [i in members for i in range(0, 5**6, 61)]
    assert -1 not in found
    assert 5**6 not in found
    if expected:
        assert (found[0], found[-1]) == (expected[0], expected[-1])
    with pytest.raises(IndexError, match=f"among {len(expected)} architectures"):
        found[len(expected)]


@pytest.mark.parametrize("where", CONDITIONS)
@pytest.mark.parametrize("by", ["sed", "macs", "conv_sed"])
def test_top_of_tss(tss, where, by):
    frame = tss.with_columns(conv_sed=0.75 * pl.col("n_conv1x1") + pl.col("n_conv3x3"))
    expected = kept(frame, where).sort(by, "index", descending=[True, False]).select("index", by)
    for k in (1, 10, 5**6 + 1):
        found = ss.top_k("tss", k, by, where=where)
        assert found.select("index", by).rows() == expected.head(k).rows()
        assert found["arch"].to_list() == [ss.space("tss").arch(i) for i in found["index"].to_list()]
    within = kept(frame, where).filter(pl.col("index").is_between(3001, 9000, closed="left"))
    expected = within.sort(by, "index", descending=[True, False]).select("index", by).rows()
    assert list(ss.best_first("tss", by, 3001, 9000, where=where)) == expected
    assert ss.top_k("tss", 50, by, 3001, 9000, where=where).select("index", by).rows() == expected[:50]


@pytest.mark.parametrize("where", CONDITIONS)
@pytest.mark.parametrize(
    ("maximize", "minimize"),
    [("sed", "params"), ("sed", ["params", "n_skip"]), (["sed", "n_none"], "macs"), (["n_pool", "n_skip"], [])],
)
def test_pareto_of_tss(tss, where, maximize, minimize):
    more, less = ([one] if isinstance(one, str) else one for one in (maximize, minimize))
    names = [*more, *less]
    points = kept(tss, where).group_by(names).agg(pl.len().alias("count"), pl.col("index").min())
    signed = [tuple(-row[n] if n in more else row[n] for n in names) for row in points.to_dicts()]
    order = [pl.col(name) * (-1 if name in more else 1) for name in names]
    expected = points.filter(pl.Series(naive.on_front(signed), dtype=pl.Boolean)).sort(
        [column.cast(pl.Float64) for column in order]
    )
    found = ss.pareto("tss", maximize, minimize, where=where)
    assert found.columns == [*names, "count", "index", "arch"]
    assert found.drop("arch").rows() == expected.rows()


@pytest.mark.parametrize("where", CONDITIONS)
def test_best_within_budgets_of_tss(tss, where):
    budgets = [0, 73_306, 73_305, 200_000, 500_000.5, 10**9]
    found = ss.best_within("tss", budgets, where=where).rows(named=True)
    for budget, row in zip(budgets, found, strict=True):
        within = kept(tss, where).filter(pl.col("params") <= budget)
        assert row["budget"] == budget
        if within.is_empty():
            assert {row[name] for name in ("sed", "params", "count", "index", "arch")} == {None}
            continue
        best = within.filter(pl.col("sed") == pl.col("sed").max())
        first = best.row(0, named=True)
        assert (row["sed"], row["count"], row["index"]) == (first["sed"], len(best), first["index"])
        assert row["params"] == first["params"]


# -- tss5 and larger ------------------------------------------------------------------------------------------------


def test_census_of_tss5_against_every_cell():
    columns = {name: ss.score("tss5", name) for name in ("sed", "params", "n_skip")}
    expected = (
        pl.DataFrame(columns)
        .with_row_index("index")
        .group_by(list(columns))
        .agg(pl.len().alias("count"), pl.col("index").min())
        .sort("sed", "index", descending=[True, False])
    )
    assert ss.census("tss5", ["params", "n_skip"]).rows() == expected.rows()
    where = "params < 500000 AND n_skip <= 2"
    kept = np.flatnonzero((columns["params"] < 500_000) & (columns["n_skip"] <= 2))
    order = kept[np.lexsort((kept, -columns["sed"][kept]))]
    assert ss.top_k("tss5", 100_000, where=where)["index"].to_numpy().tolist() == order[:100_000].tolist()
    assert np.array_equal(ss.members("tss5", where=where)[:], kept)


def test_census_of_tss6_against_the_enumeration_kernels():
    assert ss.distribution("tss6").frame()[::-1].select("sed", "count").rows() == ss.histogram("tss6").rows()
    assert ss.distribution("tss6").total == 5**15
    scanned = ss.top_k("tss6", 30, start=1)  # a range: gone through by blocks
    assert ss.top_k("tss6", 30).rows() == scanned.rows()


@settings(max_examples=25)
@given(st.sampled_from(["tss6", "tss8", "tss9", "darts", "transnas_micro"]), st.data())
def test_members_in_random_ranges(name, data):
    space = ss.space(name)
    start = data.draw(st.integers(0, space.size - 2000))
    level = data.draw(st.sampled_from(["sed > 5 AND n_skip = 2", "sed = 4", "n_skip < 4", "sed < 1.5"]))
    sed, skips = (ss.score(space, column, start, start + 2000) for column in ("sed", "n_skip"))
    holds = {
        "sed > 5 AND n_skip = 2": (sed > 5) & (skips == 2),
        "sed = 4": sed == 4,
        "n_skip < 4": skips < 4,
        "sed < 1.5": sed < 1.5,
    }[level]
    found = ss.members(space, where=level)
    expected = [start + offset for offset in np.flatnonzero(holds).tolist()]
    first = found.rank(start)
    assert found.rank(start + 1999) - first == len(expected) - bool(holds[-1])
    assert found.at(range(first, first + len(expected))).tolist() == expected
    assert [index in found for index in range(start, start + 40)] == holds[:40].tolist()


def test_a_score_of_too_many_classes_is_gone_through(monkeypatch):
    wild = ss.AdditiveScore("wild", {"t": [[0, 7**p, 2 * 5**p, 3, 4**p] for p in range(6)]}, lambda t: t, dtype="int64")
    expected = ss.top_k("tss", 20, wild)
    monkeypatch.setattr(compiled, "LIMIT", 100)
    assert ss.top_k("tss", 20, wild).equals(expected)
    with pytest.raises(ss.BadInput, match="too many classes by wild, n_skip"):
        ss.top_k("tss", 20, wild, where="n_skip = 1")


def test_counts_beyond_int64_are_exact():
    frame = ss.census("tss8", ["n_conv3x3"], by=None)
    assert frame.schema["count"] == pl.Int128
    assert frame.rows() == [
        (k, math.comb(28, k) * 4 ** (28 - k), (3 * (5**k - 1)) // 4 if k else 0) for k in range(28, -1, -1)
    ]
    assert frame["count"].sum() == 5**28
    assert json.loads(json.dumps(frame.to_dicts()))[0]["count"] == 1
    frame = ss.census("tss12", ["n_conv3x3"], by=None)
    assert frame.schema["count"] == pl.String
    assert sum(map(int, frame["count"])) == 5**66
    assert ss.distribution("tss12").total == 5**66


def test_the_20_000_best_of_a_space_beyond_int64():
    best = ss.best_first("tss8")
    frame = pl.DataFrame(list(islice(best, 20_000)), ["index", "sed"], orient="row")
    values = [float(naive.sed(naive.digits(i, [5] * 28), 8)) for i in frame["index"][:50].to_list()]
    assert values == frame["sed"][:50].to_list()
    assert frame["sed"].is_sorted(descending=True)
    levels = ss.distribution("tss8").frame().head(frame["sed"].n_unique())
    expected = levels.select("sed", "count").rows()[:-1]  # the last level is cut off
    assert frame.group_by("sed", maintain_order=True).len().rows()[: len(expected)] == expected
    assert frame.group_by("sed").agg((pl.col("index").diff() > 0).all())["index"].all()


# -- darts ----------------------------------------------------------------------------------------------------------


def test_darts_is_a_product_of_its_cells():
    space = ss.space("darts")
    assert ss.distribution(space).total == 1037664180**2
    for where, count in (
        ("n_skip_normal = 8", 36 * 1037664180 // 1 // 6),
        ("residual_normal = 2 AND n_skip_normal = 8", None),
    ):
        found = ss.members(space, where=where)
        cell = ss.members(space, where=f"{where} AND n_max_pool_reduce = 8")  # one wiring of 180 in the reduction cell
        assert found.count == cell.count // (1 * 3 * 6 * 10) * 1037664180
        if count is not None:
            assert found.count == (1 * 3 * 6 * 10) * 1037664180


@settings(max_examples=15)
@given(st.integers(0, 1037664180 - 400), st.booleans())
def test_darts_scores_by_definition(start, normal):
    """A stretch of reduction cells below some normal cell, and normal cells above one reduction cell."""
    space, cell = ss.space("darts"), 1037664180
    for index in (start * cell + 77, 5 * cell + start):
        digits = space.digits(index).tolist()
        assert ss.score(space, "sed", index, index + 1).item() == naive.darts_sed(digits)
        assert ss.score(space, "params", index, index + 1).item() == naive.darts_params(digits)
        counts = [naive.darts_edges(digits)[c] for c in (0, 1)]
        for c, suffix in enumerate(("normal", "reduce")):
            skips = [source for source, operation in counts[c] if operation == "skip_connect"]
            assert ss.score(space, f"n_skip_{suffix}", index, index + 1).item() == len(skips)
            assert ss.score(space, f"residual_{suffix}", index, index + 1).item() == sum(s < 2 for s in skips)


def test_the_best_of_darts():
    space = ss.space("darts")
    best = ss.top_k(space, 5)
    sed = ss.distribution(space)
    assert best["sed"][0] == sed.values[-1]
    level = ss.members(space, where=f"sed = {best['sed'][0]}")
    assert level.count == sed.counts[-1]
    assert best["index"].to_list() == level[:5].tolist()
    for index in best["index"]:
        assert float(naive.darts_sed(space.digits(index).tolist())) == best["sed"][0]
    # The best pair is the best normal cell with the best reduction cell: SED is a sum over cells.
    per_cell = {}
    for position, cell in ((0, "normal"), (1, "reduce")):
        digits = space.digits(best["index"][0]).tolist()
        for other in Random(position).sample(range(1037664180), 200):
            changed = space.digits(other * 1037664180 + other).tolist()
            mixed = changed[:4] + digits[4:] if cell == "normal" else digits[:4] + changed[4:]
            per_cell.setdefault(cell, []).append(naive.darts_sed(mixed))
        assert max(per_cell[cell]) <= naive.darts_sed(digits)


# -- any tables, any groups, any function ---------------------------------------------------------------------------

GROUPINGS = {
    "one": [(0, 1, 2, 3, 4)],
    "two": [(0, 1), (2, 3, 4)],
    "three": [(0,), (1, 2), (3, 4)],
    "crossing": [(0, 2, 4), (1, 3)],
    "overlapping": [(0, 1, 2), (2, 3, 4)],
}
FUNCTIONS = [
    lambda x, y: (1 + x) * y - 3 * x,
    lambda x, y: x // 2 + 0 * y,
    lambda x, y: np.sqrt(np.abs(x)) + 0.1 * y,
    lambda x, y: np.where(x > 2, np.nan, y * 0.5),
]


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 4), min_size=5, max_size=5),
    st.sampled_from(list(GROUPINGS)),
    st.sampled_from(range(len(FUNCTIONS))),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_any_score_of_any_space(radices, grouping, function, per_group, seed):
    random = np.random.default_rng(seed)
    space = Toy(radices, [Group(f"g{i}", p, 1 + i) for i, p in enumerate(GROUPINGS[grouping])])
    tables = [[random.integers(-2, 4, radix) for radix in radices] for _ in range(2)]
    mine = ss.AdditiveScore(
        "mine", {"x": tables[0], "y": tables[1]}, FUNCTIONS[function], dtype="float64", per_group=per_group
    )
    plain = ss.AdditiveScore("plain", {"y": tables[1]}, lambda y: y, dtype="int32", per_group=False)
    frame = pl.DataFrame({"mine": ss.score(space, mine), "plain": ss.score(space, plain)}).with_row_index("index")
    for index in random.integers(0, space.size, 3).tolist():  # what the brute force rests on
        digits = naive.digits(index, radices)
        groups = enumerate(GROUPINGS[grouping], start=1) if per_group else [(1, range(5))]
        by_hand = sum(
            often * FUNCTIONS[function](*(np.sum([table[p][digits[p]] for p in group]) for table in tables))
            for often, group in groups
        )
        found = [frame["mine"][index], mine.values(mine.at(space, np.array([digits])))[0]]
        assert found == pytest.approx([by_hand] * 2, rel=1e-12, nan_ok=True)
    ranked = frame.filter(pl.col("mine").is_not_nan()).sort("mine", "index", descending=[True, False])
    assert list(ss.best_first(space, mine)) == ranked.select("index", "mine").rows()
    expected = frame.group_by("plain").agg(pl.len(), pl.col("index").min()).sort("plain", descending=True).rows()
    assert ss.census(space, [], by=plain).rows() == expected
    tally = ss.distribution(space, mine)
    counts = ranked.group_by("mine").len().sort("mine").rows()
    assert list(zip(tally.values.tolist(), tally.counts, strict=True)) == counts
    classes = ss.census(space, [plain], by=mine, where="mine > 0.3 AND plain <> 1")
    members = frame.filter((pl.col("mine") > 0.3) & pl.col("mine").is_not_nan() & (pl.col("plain") != 1))
    counted = classes.filter(pl.col("mine").is_not_nan())
    assert counted["count"].sum() == len(members)
    assert sorted(counted["index"]) == sorted(members.group_by("mine", "plain").agg(pl.col("index").min())["index"])
    points = members.select(-pl.col("mine"), "plain").rows()
    front = {point for point, on in zip(points, naive.on_front(points), strict=True) if on}
    found = ss.pareto(space, mine, plain, where="mine > 0.3 AND plain <> 1 AND mine < 1000")
    assert {(-a, b) for a, b in found.select("mine", "plain").rows()} == front


def test_scores_that_are_no_sums_in_a_small_space(tss, forget_scores):
    ss.register(ss.DigitScore("run", naive.longest_run, dtype="uint8"))
    run = [naive.longest_run(naive.digits(i, [5] * 6)) for i in range(5**6)]
    frame = tss.with_columns(run=pl.Series(run))
    where = "run >= 2 AND params < 900000"
    kept_rows = kept(frame, where)
    assert ss.members("tss", where=where)[:].tolist() == kept_rows["index"].to_list()
    assert 11_668 not in ss.members("tss", where=where)
    expected = kept_rows.sort("sed", "index", descending=[True, False])["index"].head(40).to_list()
    assert ss.top_k("tss", 40, where=where)["index"].to_list() == expected
    counts = frame.group_by("run").agg(pl.len().alias("count"), pl.col("index").min()).sort("run", descending=True)
    assert ss.census("tss", [], by="run").rows() == counts.rows()
    assert set(ss.sample("tss", 7, stratify="run")["run"]) == set(run)


def test_values_are_compared_as_they_are_written():
    tenth = ss.AdditiveScore("tenth", {"n": {"nor_conv_3x3": 7, "nor_conv_1x1": 1}}, lambda n: n, denominator=10)
    values = (ss.score("tss", tenth) * 10).round().tolist()
    tally = ss.distribution("tss", tenth)
    for value in (0.1, 0.7, 1.5):
        assert tally.ties(value) == values.count(round(10 * value)) > 0
        assert tally.at_least(value) == sum(other >= round(10 * value) for other in values)
        assert tally.rank(value) == 1 + sum(other > round(10 * value) for other in values)


def test_integers_beyond_float64_keep_their_order():
    large = ss.AdditiveScore("large", {"n": "n_skip"}, lambda n: (1 << 53) + n, dtype="int64")
    frame = ss.census("tss", [], by=large)
    assert frame["large"].to_list() == [(1 << 53) + n for n in range(6, -1, -1)]
    assert ss.sample("tss", 7, stratify=large)["large"].to_list() == [(1 << 53) + n for n in range(7)]


def test_a_condition_in_a_range_of_a_large_space():
    """Few architectures in the range, in a space of thousands of levels."""
    space = ss.space("darts")
    start = 10**17
    values, skips = (ss.score(space, name, start, start + 5000) for name in ("sed", "n_skip"))
    kept = np.flatnonzero(skips >= 3)
    expected = (start + kept[np.lexsort((kept, -values[kept]))]).tolist()
    found = ss.top_k(space, 20, start=start, stop=start + 5000, where="n_skip >= 3")
    assert found["index"].to_list() == expected[:20]
    values, skips = (ss.score("tss12", name, 0, 1000) for name in ("n_conv3x3", "n_skip"))
    best = ss.top_k("tss12", 1, "n_conv3x3", 0, 1000, where="n_skip > 0")["index"][0]
    assert int(best) == int(np.where(skips > 0, values.astype(int), -1).argmax())


# -- samples --------------------------------------------------------------------------------------------------------


def test_samples_are_uniform(tss):
    """Chi-square over all architectures that meet a condition, and over pairs drawn together."""
    from scipy.stats import chisquare

    where = "sed > 7.5"
    members = tss.filter(pl.col("sed") > 7.5)["index"].to_list()
    drawn = [ss.sample("tss", 5, where=where, seed=seed)["index"].to_list() for seed in range(800)]
    assert all(len(set(one)) == 5 and one == sorted(one) for one in drawn)
    for size in (1, 2):
        together = Counter(some for one in drawn for some in combinations(one, size))
        assert together.keys() <= set(combinations(members, size))
        counts = [together[some] for some in combinations(members, size)]
        assert sum(counts) == 800 * math.comb(5, size)
        assert chisquare(counts).pvalue > 1e-3


def test_samples_are_reproducible_and_seeds_differ():
    for options in (
        {},
        {"stratify": "sed"},
        {"importance": "sed", "temperature": 0.5},
        {"stratify": "sed", "strata": 5},
    ):
        one, same, other = (ss.sample("tss8", 20, seed=seed, **options) for seed in (1, 1, 2))
        assert one.equals(same)
        assert not one.equals(other)


def test_stratified_samples(tss):
    levels = tss.group_by("sed").len().sort("sed")
    frame = ss.sample("tss", 650, stratify="sed", seed=4)
    assert frame["index"].n_unique() == 650
    counts = dict(frame.group_by("sed").len().rows())
    for sed, size in levels.rows():  # small levels whole, the others evenly
        assert counts[sed] == size or counts[sed] in (max(counts.values()) - 1, max(counts.values()))
        assert counts[sed] <= size
    assert frame["weight"].sum() == pytest.approx(5**6)
    assert frame["sed"].to_list() == [tss["sed"][i] for i in frame["index"].to_list()]
    few = ss.sample("tss", 20, stratify="sed", seed=4)
    assert few["sed"].n_unique() == 20
    wide = ss.sample("tss", 40, stratify="sed", strata=4, seed=1)
    edges = np.linspace(-1.5, 8.75, 5)
    assert np.histogram(wide["sed"].to_numpy(), edges)[0].tolist() == [10, 10, 10, 10]
    everything = ss.sample("tss", 5**6, stratify="sed")
    assert sorted(everything["index"]) == list(range(5**6))


def test_within_a_stratum_all_are_equally_likely():
    from scipy.stats import chisquare

    where = "sed = 5.25 OR sed > 8"
    drawn = [ss.sample("tss", 3, stratify="sed", where=where, seed=seed) for seed in range(400)]
    assert {tuple(sorted(one["sed"])) for one in drawn} == {(5.25, 8.3125, 8.75)}
    of_one_level = pl.concat(drawn).filter(pl.col("sed") == 5.25)["index"].to_list()
    members = ss.members("tss", where="sed = 5.25")[:]
    counts = np.bincount(np.searchsorted(members, of_one_level), minlength=len(members))
    assert counts.sum() == 400
    assert chisquare(counts).pvalue > 1e-3


def test_importance_sampling(tss):
    from scipy.stats import chisquare

    weights = np.exp(tss["sed"].to_numpy() / 1.5)
    expected = weights / weights.sum()
    frame = ss.sample("tss", 20_000, importance="sed", temperature=1.5, seed=9)
    index = frame["index"].to_numpy()
    assert frame["probability"].to_numpy() == pytest.approx(expected[index], rel=1e-9)
    levels, of = np.unique(tss["sed"].to_numpy(), return_inverse=True)
    by_level = np.bincount(of, expected)
    often = by_level > 0.001
    counts = np.bincount(of[index], minlength=len(levels))[often]
    assert chisquare(counts, by_level[often] / by_level[often].sum() * counts.sum()).pvalue > 1e-3
    mean = (tss["params"].to_numpy()[index] / frame["probability"].to_numpy()).mean() / 5**6
    assert mean == pytest.approx(tss["params"].mean(), rel=0.05)
    cold = ss.sample("darts", 5, importance="sed", temperature=1e-3)
    assert set(cold["sed"]) == {ss.distribution("darts").values[-1]}
    assert set(ss.sample("tss", 5, importance="sed", temperature=1e-310)["sed"]) == {8.75}
    low = ss.sample("tss", 50, importance="sed", temperature=-0.01)
    assert set(low["sed"]) == {-1.5}


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ss.census("tss6", ["run"]), "run is no sum over positions, so that the 30,517,578,125"),
        (lambda: ss.top_k("tss6", where="run > 1", ascending=True), "run is no sum over positions"),
        (lambda: ss.top_k("tss", by="runn"), "unknown score 'runn': did you mean 'run'"),
        (lambda: ss.top_k("tss", where="parms > 1"), "unknown column 'parms': did you mean 'params'"),
        (lambda: ss.top_k("tss6", where="index > 1", ascending=True), "index is no sum over positions"),
        (lambda: ss.top_k("tss", 0, where="sed > 1"), "k 0: expected 1 or more"),
        (lambda: ss.census("tss", [], by=None), "expected at least one name"),
        (lambda: ss.distribution("tss").quantile(1.5), "quantile 1.5: expected 0 to 1"),
        (lambda: ss.distribution("tss").quantile("half"), "quantile 'half' is not a number"),
        (lambda: ss.distribution("tss").quantile("1e-99999999"), "quantile '1e-99999999' is not a number"),
        (lambda: ss.distribution("tss").at_least("a"), "sed of an architecture 'a': expected a number"),
        (lambda: ss.members("tss").at([-1]), "rank -1 among 15625 architectures"),
        (lambda: ss.members("tss").at([0.7]), "rank 0.7 is not an integer"),
        (lambda: ss.members("tss", where=5), "where 5: expected a condition in SQL"),
        (lambda: ss.members("tss", where='"max"(sed) = sed'), "calls for max: a condition is about one row"),
        (lambda: ss.members("tss", where="max/**/(sed) = sed"), "calls for max: a condition is about one row"),
        (lambda: ss.best_within("tss", [5], "params", "params"), "both params: expected two different ones"),
        (lambda: ss.best_within("tss", "abc"), "budget 'abc': expected a number"),
        (lambda: ss.sample("tss", 2, stratify="sed", strata=10**400), "expected 1 to 1,048,576"),
        (lambda: ss.sample("tss", 2, importance="sed", temperature="a"), "temperature 'a': expected a number"),
        (lambda: ss.sample("tss", 2, seed=-1), "seed -1: expected 0 or more"),
        (lambda: ss.pareto("tss", 5), "score 5: expected a name or a Score"),
        (lambda: ss.AdditiveScore("weight", {"n": "n_skip"}, lambda n: n), "'weight' is taken by sedspace"),
        (lambda: ss.distribution("tss", where="sed > 99").quantile(0.5), "no architecture has a sed"),
        (lambda: ss.pareto("tss", "sed", "sed"), "two or three different objectives, not sed, sed"),
        (lambda: ss.pareto("tss", "sed", []), "two or three different objectives, not sed"),
        (lambda: ss.best_within("tss", []), "expected at least one number"),
        (lambda: ss.best_within("tss", [float("nan")]), "budget nan: expected a number"),
        (lambda: ss.sample("tss", 0), "n 0: expected 1 or more"),
        (lambda: ss.sample("tss", 2, where="sed > 8.5"), "n 2: only 1 architectures meet"),
        (lambda: ss.sample("tss", 2, importance="sed", where="sed > 99"), "only 0 architectures"),
        (lambda: ss.sample("tss", 2, importance="sed", stratify="sed"), "exclude each other"),
        (lambda: ss.sample("tss", 2, strata=4), "a score to stratify by"),
        (lambda: ss.sample("tss", 2, importance="sed", temperature=0), "temperature 0: expected a number other than 0"),
        (lambda: ss.sample("tss", 2, seed="x"), "seed 'x' is not an integer"),
        (lambda: ss.members("tss").rank(5**6), "index 15625 is outside tss"),
        (
            lambda: ss.census("darts", ss.space("darts").default_features),
            r"darts fall into too many classes by sed, .*6,399 times 6,399 combinations of reduce",
        ),
        (
            lambda: ss.census(
                "tss7", [ss.AdditiveScore("w", {"w": [[0, 7**p, 2, 3, 4] for p in range(21)]}, lambda w: w)]
            ),
            r"too many classes by sed, w: at most [\d,]+ in cell, [\d,]+ after \d+ of its 21 positions",
        ),
    ],
)
def test_bad_input_is_one_line(call, message, forget_scores):
    ss.register(ss.DigitScore("run", naive.longest_run, dtype="uint8"))
    with pytest.raises(ss.BadInput, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_contradictory_bounds_give_empty_answers():
    where = "n_skip > 2 AND n_skip < 2"
    assert ss.census("tss8", where=where).is_empty()
    assert ss.top_k("darts", 5, where="sed > 10000").is_empty()
    assert ss.pareto("tss6", where=where).is_empty()
    assert list(ss.best_first("tss6", where=where)) == []
    nothing = ss.best_within("tss6", [1e30, 2**63], where=where)
    assert nothing.schema["sed"] == pl.Float32
    assert nothing["budget"].to_list() == [1e30, 2.0**63]
    assert not ss.members("tss8", where=where)
    assert ss.members("tss8", where=where)[:].tolist() == []
