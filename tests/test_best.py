"""The best of spaces whose classes are too many to count: by labels and by search, equal to what counting finds."""

from __future__ import annotations

from itertools import islice

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import sedspace as ss
from sedspace.counting import compiled, labels, search
from sedspace.spaces import Group
from toy import Toy, with_sums_up_to

FRONTS = [
    ("sed", "params", None),
    ("sed", ["params", "n_skip"], "n_none <= 3 AND macs < 100000000"),
    (["sed", "n_none"], "macs", "sed >= 2.5 AND sed < 7 AND n_skip = 1"),
    (["n_pool", "n_skip"], [], None),
    ("n_none", "sed", "params BETWEEN 90000 AND 800000"),
    (["pool_sed", "residual"], "conv_sed", "\"0->1\" IN ('none', 'nor_conv_3x3') AND 0.5 < conv_sed"),
]
TOPS = [
    ("sed", "params < 500000 AND n_skip <= 2"),
    ("sed", "params <= 500000 AND macs > 60000000 AND n_pool >= 1"),
    ("params", "sed BETWEEN 3 AND 4.5"),
    ("n_none", "sed = 8.75"),
    ("n_skip", "sed > 100"),
    ("macs", "sed <= 5.5 AND \"0->3\" <> 'skip_connect'"),
]


@pytest.fixture
def uncounted(monkeypatch):
    """Have the next question answered as if there were too many classes."""

    def refuse(answer):
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "LIMIT", 0)
            return answer()

    return refuse


def random_costs(space, seed, quantum="0.0001"):
    """Return a cost by position, so fine that hardly two architectures cost the same."""
    random = np.random.default_rng(seed)
    costs = {
        (position.name, operation.name): round(float(random.uniform(0, 10)), 4)
        for position in space.positions
        for operation in {operation: None for choice in position.choices for operation in choice.operations}
    }
    return ss.TableCost("latency", costs, constant=1.5, quantum=quantum)


# -- equal to what counting finds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tss", "tss5"])
@pytest.mark.parametrize(("maximize", "minimize", "where"), FRONTS)
def test_fronts_by_labels(uncounted, name, maximize, minimize, where):
    expected = ss.pareto(name, maximize, minimize, where=where)
    assert uncounted(lambda: ss.pareto(name, maximize, minimize, where=where)).equals(expected)


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("name", ["tss", "tss5"])
@pytest.mark.parametrize(("by", "where"), TOPS)
def test_the_best_within_bounds_by_search(uncounted, name, by, where, ascending):
    expected = ss.top_k(name, 40, by, where=where, ascending=ascending, columns=["n_skip"])
    found = uncounted(lambda: ss.top_k(name, 40, by, where=where, ascending=ascending, columns=["n_skip"]))
    assert found.equals(expected)


@pytest.mark.parametrize(("start", "stop"), [(3001, 9000), (11_668, 11_669), (5, 5), (0, 15_625)])
def test_a_range_of_the_best_within_bounds(uncounted, start, stop):
    def first():
        return list(islice(ss.best_first("tss", "sed", start, stop, where="params < 900000"), 60))

    assert uncounted(first) == first()


@pytest.mark.parametrize("where", [None, "n_skip >= 1 AND n_pool <= 1"])
def test_the_best_within_budgets_by_search(uncounted, where):
    budgets = [0, 73_306, 73_305, 200_000, 500_000.5, 10**9]
    expected = ss.best_within("tss", budgets, where=where)
    assert uncounted(lambda: ss.best_within("tss", budgets, where=where)).equals(expected)


@pytest.mark.parametrize("where", [None, "n_skip_normal <= 1 AND params < 3000000"])
def test_darts_by_labels_and_search(uncounted, where):
    expected = ss.pareto("darts", "sed", "params", where=where)
    assert uncounted(lambda: ss.pareto("darts", "sed", "params", where=where)).equals(expected)
    expected = ss.top_k("darts", 5, where=where)
    assert uncounted(lambda: ss.top_k("darts", 5, where=where)).equals(expected)


SSS = [
    lambda: ss.pareto("sss", "sed", ["params", "macs"], where="params >= 60000"),
    lambda: ss.top_k("sss", 20, where="params < 300000 AND macs > 20000000"),
    lambda: ss.top_k("sss", 20, "macs", where="params BETWEEN 200000 AND 300000", ascending=True),
    lambda: ss.best_within("sss", [50_000, 200_000, 10**7]),
    lambda: ss.pareto("sss", "sed", "params", where="params < 0"),
]


@pytest.mark.parametrize("answer", SSS)
def test_scores_with_states_by_labels_and_search(uncounted, answer):
    assert uncounted(answer).equals(answer())


@pytest.mark.parametrize("rule", [ss.Connected(), ss.Connected(every_edge=True)])
def test_spaces_with_states_by_labels_and_search(uncounted, rule):
    space = ss.restrict("tss", rule)
    for answer in (
        lambda: ss.pareto(space, "sed", ["params", "n_skip"], where="n_none >= 1"),
        lambda: ss.top_k(space, 30, where="params < 500000"),
        lambda: ss.top_k(space, 30, "params", where="sed > 2", ascending=True),
    ):
        assert uncounted(answer).equals(answer())


def test_a_large_space_by_labels_and_search(uncounted):
    for answer in (lambda: ss.pareto("tss6"), lambda: ss.top_k("tss6", 30, where="params < 900000")):
        assert uncounted(answer).equals(answer())


def test_too_many_classes_are_no_hindrance(forget_scores):
    """Costs of 28 edges, hardly any two alike: what is found has the cost it is said to have, and fronts agree."""
    space = ss.space("tss8")
    cost = ss.register(random_costs(space, 1))
    front = ss.pareto(space, "sed", cost)
    assert front["sed"].is_sorted(descending=True)
    assert front["latency"].is_sorted(descending=True)
    assert front["sed"][0] == ss.distribution(space).values[-1]
    for sed, latency, _, index, _ in front.rows()[::11]:
        digits = naive.digits(int(index), [5] * 28)
        spent = sum(cost.costs[p.name, p.choices[d].name] for p, d in zip(space.positions, digits, strict=True))
        assert float(spent + cost.constant) == latency
        assert float(naive.sed(digits, 8)) == sed
        best = ss.top_k(space, 3, where=f"latency <= {latency}")
        assert (best["sed"][0], best["sed"].is_sorted(descending=True)) == (sed, True)
        cheapest = ss.top_k(space, 1, cost, where=f"sed >= {sed}", ascending=True)
        assert cheapest.select("latency", "index").row(0) == (latency, index)


# -- equal to brute force -------------------------------------------------------------------------------------------

GROUPINGS = [
    [(0, 1, 2, 3, 4)],
    [(0, 1), (2, 3, 4)],
    [(0,), (1, 2), (3, 4)],
    [(0, 2, 4), (1, 3)],
    [(0, 1, 2), (2, 3, 4)],
]
FUNCTIONS = [
    (lambda x, y: x - 2 * y, ["rises", "falls"]),
    (lambda x, y: np.minimum(x, 3) + y // 2, ["never falls", "never falls"]),
    (lambda x, y: -np.maximum(x, y), ["never rises", "never rises"]),
]


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 4), min_size=5, max_size=5),
    st.sampled_from(GROUPINGS),
    st.sampled_from(FUNCTIONS),
    st.sampled_from(FUNCTIONS),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_any_space_against_brute_force(radices, grouping, first, second, per_group, restricted, seed):
    random = np.random.default_rng(seed)
    space = Toy(radices, [Group(f"g{i}", p, 1 + i) for i, p in enumerate(grouping)])
    if restricted:
        space = with_sums_up_to(space, int(random.integers(1, 8)))
    scores = [
        ss.AdditiveScore(
            name,
            {f: [random.integers(-2, 4, radix) for radix in radices] for f in "xy"},
            function,
            dtype="int32",
            per_group=per_group,
            monotone=monotone,
        )
        for name, (function, monotone) in (("a", first), ("b", second))
    ]
    plain = ss.AdditiveScore(
        "c", {"z": [random.integers(0, 9, r) for r in radices]}, lambda z: z, dtype="int32", monotone=["rises"]
    )
    frame = pl.DataFrame({one.name: ss.score(space, one) for one in (*scores, plain)}).with_row_index("index")
    low, high = sorted(random.integers(-5, 30, 2).tolist())
    where = str(
        random.choice([f"kernels BETWEEN {100 + low} AND {100 + high}", f"kernels > {102 + low}", "kernels = 104"])
    )
    kept = frame.with_columns(kernels=pl.Series(ss.score(space, "kernels"))).filter(pl.sql_expr(where))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "LIMIT", 0)
        patch.setattr(search, "LABELS", int(random.choice([16, 1 << 13])))
        for objectives in ([*scores, plain], scores):
            for condition, rows in ((None, frame), (where, kept)):
                compare_fronts(space, objectives, condition, rows)
        ranked = kept.sort("a", "index", descending=[True, False]).select("index", "a").rows()
        assert list(ss.best_first(space, scores[0], where=where)) == ranked
        ranked = kept.sort("c", "index").select("index", "c").rows()
        assert ss.top_k(space, 12, plain, where=where, ascending=True).select("index", "c").rows() == ranked[:12]


def compare_fronts(space, objectives, where, rows):
    """Compare the front that more of the first and less of the other objectives make, point by point."""
    names = [one if isinstance(one, str) else one.name for one in objectives]
    points = rows.group_by(names).agg(pl.len().alias("count"), pl.col("index").min())
    signed = [(-row[0], *row[1:]) for row in points.select(names).rows()]
    expected = points.filter(pl.Series(naive.on_front(signed), dtype=pl.Boolean))
    expected = expected.sort(names, descending=[True] + [False] * (len(names) - 1))
    found = ss.pareto(space, objectives[:1], objectives[1:], where=where)
    assert found.drop("arch").rows() == expected.rows()
    assert found["arch"].to_list() == [space.arch(i) for i in found["index"].to_list()]


@pytest.mark.parametrize("name", ["tss", "transnas_micro"])
@pytest.mark.parametrize("seed", range(3))
def test_random_costs_by_position(uncounted, forget_scores, name, seed):
    space = ss.space(name)
    cost = ss.register(random_costs(space, seed))
    frame = pl.DataFrame({one: ss.score(space, one) for one in ("sed", "latency")}).with_row_index("index")

    def best(by, ascending, where):
        expected = frame.filter(pl.sql_expr(where)).sort(by, "index", descending=[not ascending, False]).head(30)
        found = uncounted(lambda: ss.top_k(space, 30, by, where=where, ascending=ascending))
        assert found.select("index", by).rows() == expected.select("index", by).rows()

    best("sed", False, "latency <= 22.5")
    best("latency", True, "sed >= 4")
    best("sed", False, "latency BETWEEN 20 AND 21 AND sed < 6")
    for where in (None, "latency >= 18", "latency >= 18 AND latency < 25.3 AND n_skip <= 2"):
        found = uncounted(lambda where=where: ss.pareto(space, "sed", cost, where=where))
        assert found.equals(ss.pareto(space, "sed", cost, where=where))
    budgets = [1, 14.25, 20, 30, 1000]
    found = uncounted(lambda: ss.best_within(space, budgets, cost))
    assert found.equals(ss.best_within(space, budgets, cost))


# -- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        "params < 500000 OR n_skip = 1",
        "n_skip <> 1",
        "n_skip + n_pool < 3",
        "n_skip < n_pool",
        "mine < 3",
        "NOT n_skip < 3",
    ],
)
def test_what_is_no_bound_is_refused_as_too_many_classes(uncounted, forget_scores, where):
    ss.register(ss.AdditiveScore("mine", {"n": "n_skip"}, lambda n: n, dtype="int32"))
    for answer in (
        lambda: ss.top_k("tss", 1, where=where),
        lambda: ss.pareto("tss", where=where),
        lambda: ss.best_within("tss", [10**6], where=where),
    ):
        with pytest.raises(ss.BadInput, match="too many classes"):
            uncounted(answer)


def test_a_score_that_says_nothing_of_its_sums_is_refused(uncounted):
    mine = ss.AdditiveScore("mine", {"n": "n_skip"}, lambda n: n % 3, dtype="int32")
    with pytest.raises(ss.BadInput, match="too many classes"):
        uncounted(lambda: ss.pareto("tss", mine, "params"))
    with pytest.raises(ss.BadInput, match="too many classes"):
        uncounted(lambda: ss.top_k("tss", 1, mine, where="n_pool < 3"))


def test_too_much_work_is_refused(uncounted, monkeypatch):
    monkeypatch.setattr(labels, "NUMBERS", 100)
    with pytest.raises(ss.BadInput, match=r"^the best of tss by sed, params are too many .*: 7 labels after .*coarser"):
        uncounted(lambda: ss.pareto("tss"))
    monkeypatch.setattr(search, "STEPS", 20)
    with pytest.raises(ss.BadInput, match=r"^the best of tss by sed, params within these bounds: \d+ found after 20 "):
        uncounted(lambda: ss.top_k("tss", 100, where="params < 500000"))
    found = uncounted(lambda: ss.best_within("tss", [100_000]))
    assert found.row(0)[1:4] == (0.0, 73306, None)


@pytest.mark.parametrize("monotone", [["rises"], ["rises", "up"], "rises", [1, -1]])
def test_bad_trends(monotone):
    with pytest.raises(ss.BadInput, match=r"score mine: monotone .*expected one of rises, falls, never falls, never"):
        ss.AdditiveScore("mine", {"x": "n_skip", "y": "n_pool"}, lambda x, y: x + y, monotone=monotone)


def test_live_scores_are_optimised_where_they_cannot_be_counted(uncounted):
    def front():
        return ss.pareto("tss5", "live_sed", "live_params", where="n_live_skip <= 2")

    def cheapest():
        return ss.top_k("tss5", 20, "live_params", where="live_sed >= 6 AND n_live_skip <= 2", ascending=True)

    for ask in (front, cheapest):
        assert uncounted(ask).equals(ask())
