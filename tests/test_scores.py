"""Scores: SED and costs exact, ranges, histograms, the k best, users' own scores; independent of threads."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import sedspace as ss
from sedspace.scores.blocks import layouts
from sedspace.scores.registry import FAMILIES
from sedspace.spaces import Feature, Group, Operation, Position

NODES = {"tss2": 2, "tss3": 3, "tss": 4, "tss5": 5, "tss6": 6, "tss7": 7, "tss8": 8}
BUILT_IN = ["sed", "skip_sed", "conv_sed", "pool_sed", *ss.space("tss").features]  # graphs: test_functional.py
TSS_DIGITS = [naive.digits(i, [5] * 6) for i in range(5**6)]


def naive_score(name, digits, nodes):
    """The value of any built-in score of the TSS family, by its definition."""
    data = {"": "cifar10", "cifar100": "cifar100", "imagenet16": "imagenet16"}
    if name.startswith(("params", "macs")):
        kind, _, suffix = name.partition("_")
        return getattr(naive, kind)(digits, data[suffix])
    if name == "layers":
        return naive.trainable(naive.layers(digits, "cifar10"))
    if name.startswith("n_"):
        return naive.counts(digits)[["n_none", "n_skip", "n_conv1x1", "n_conv3x3", "n_pool"].index(name)]
    if name in ("conv_sed", "pool_sed"):
        return getattr(naive, name)(digits)
    return getattr(naive, name)(digits, nodes)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_score_of_every_tss_cell(name):
    values = ss.score("tss", name)
    assert values.dtype == np.dtype(ss.known_scores(ss.space("tss"))[name].dtype)
    by_class = {}  # naive costs are slow: once for each distinct cell up to the order of operations
    for value, digits in zip(values.tolist(), TSS_DIGITS, strict=True):
        key = (tuple(sorted(digits)), digits[3])
        if key not in by_class:
            by_class[key] = naive_score(name, digits, 4)
        assert value == by_class[key]


@settings(max_examples=60)
@given(st.sampled_from(list(NODES)), st.sampled_from(BUILT_IN), st.data())
def test_scores_of_ranges_of_any_space(space_name, name, data):
    space, nodes = ss.space(space_name), NODES[space_name]
    start = data.draw(st.integers(0, space.size - 1))
    stop = data.draw(st.integers(start, min(space.size, start + 20)))
    radices = [5] * len(space.positions)
    expected = [naive_score(name, naive.digits(i, radices), nodes) for i in range(start, stop)]
    assert ss.score(space, name, start, stop).tolist() == expected


@pytest.mark.parametrize("start", [0, 1, 624, 625, 4_000_000, 5**10 - 3000])
def test_sed_across_many_blocks(start):
    stop = start + 3000
    expected = [float(naive.sed(naive.digits(i, [5] * 10), 5)) for i in range(start, stop)]
    assert ss.score("tss5", start=start, stop=stop).tolist() == expected


def test_threads_do_not_change_anything():
    one, four = (ss.score("tss5", threads=threads) for threads in (1, 4))
    assert np.array_equal(one, four)
    for call in (ss.histogram, ss.top_k):
        assert call("tss6", start=10**9, stop=10**9 + 10**8, threads=1).equals(
            call("tss6", start=10**9, stop=10**9 + 10**8, threads=4)
        )


def test_out_is_written_and_checked():
    out = np.empty(10, np.float32)
    assert ss.score("tss", start=5, stop=15, out=out) is out
    assert np.array_equal(out, ss.score("tss")[5:15])
    with pytest.raises(ss.BadInput, match=r"shape \(10,\) and dtype float32, expected .* \(11,\)"):
        ss.score("tss", start=5, stop=16, out=out)


@pytest.mark.parametrize("lam", ["1/2", "2/3", "3/4", "1/10"])
def test_other_lam(lam):
    values = ss.score("tss", ss.sed(lam))
    for i in range(0, 5**6, 97):
        assert values[i] == np.float32(naive.sed(TSS_DIGITS[i], 4, Fraction(lam)))


@pytest.mark.parametrize("name", ["sed", "params", "n_skip"])
def test_histogram_of_tss(name):
    frame = ss.histogram("tss", name)
    values, counts = np.unique(ss.score("tss", name), return_counts=True)
    assert frame[name].to_list() == values.tolist()
    assert frame["count"].to_list() == counts.tolist()


@given(st.integers(0, 5**10 - 1), st.integers(0, 5000), st.integers(1, 60), st.sampled_from(["sed", "macs", "n_pool"]))
def test_histogram_and_best_of_ranges(start, length, k, name):
    stop = min(start + length, 5**10)
    values = ss.score("tss5", name, start, stop)
    distinct, counts = np.unique(values, return_counts=True)
    frame = ss.histogram("tss5", name, start, stop)
    assert (frame[name].to_list(), frame["count"].to_list()) == (distinct.tolist(), counts.tolist())
    best = ss.top_k("tss5", k, name, start, stop)
    expected = naive.best(values.tolist(), k)
    assert best["index"].to_list() == [start + offset for _, offset in expected]
    assert best[name].to_list() == [value for value, _ in expected]


def test_the_best_of_spaces_beyond_int64():
    space = ss.space("tss8")
    last = ss.top_k(space, 3, start=space.size - 10**6, stop=space.size)
    values = ss.score(space, "sed", space.size - 10**6, space.size)
    expected = naive.best(values.tolist(), 3)
    assert last["index"].to_list() == [space.size - 10**6 + offset for _, offset in expected]
    assert last["arch"].to_list() == [space.arch(index) for index in last["index"].to_list()]


# -- users' own scores ----------------------------------------------------------------------------------------------


def test_additive_score_from_every_form_of_table(forget_scores):
    tables = [[p + 1 if c == 3 else 0 for c in range(5)] for p in range(10)]
    mine = ss.AdditiveScore(
        "mine",
        {
            "named": "n_skip",
            "by_operation": {"avg_pool_3x3": 2, "none": -1},
            "by_function": lambda operation: operation.kernel,
            "by_position": tables,
        },
        lambda named, by_operation, by_function, by_position: named * by_function + by_operation - by_position,
        dtype="int32",
    )
    ss.register(mine)

    def expected(digits):
        none, skip, one, three, pool = naive.counts(digits)
        position = sum(p + 1 for p, digit in enumerate(digits) if digit == 3)
        return skip * (one + 3 * three + 3 * pool) + 2 * pool - none - position

    start = 6_500_000
    values = ss.score("tss5", "mine", start, start + 2000)
    wanted = [expected(naive.digits(i, [5] * 10)) for i in range(start, start + 2000)]
    assert values.tolist() == wanted
    assert ss.top_k("tss5", 7, "mine", start, start + 2000)["index"].to_list() == [
        start + offset for _, offset in naive.best(wanted, 7)
    ]


def test_additive_score_without_any_equal_sums():
    """Nothing merges: every cell is a class of its own, and ranges are cut to fit memory."""
    random = np.random.default_rng(7)
    tables = random.integers(0, 10**14, (10, 5))
    score = ss.AdditiveScore("wild", {"t": list(tables)}, lambda t: np.sqrt(t.astype(float)), dtype="float64")
    values = ss.score("tss5", score, 0, 5_000_000)
    for i in random.integers(0, 5_000_000, 50):
        total = sum(int(tables[p, d]) for p, d in enumerate(naive.digits(int(i), [5] * 10)))
        assert values[i] == np.sqrt(float(total))
    assert len(np.unique(values)) == len(values)
    assert len(list(layouts(score.tables(ss.space("tss5")), 0, 5_000_000))) > 1
    best = ss.top_k("tss5", 20, score, 0, 5_000_000)
    assert best["index"].to_list() == np.argsort(-values)[:20].tolist()


def test_digit_score(forget_scores):
    ss.register(ss.DigitScore("run3", naive.longest_run, dtype="uint8", denominator=1))
    values = ss.score("tss", "run3")
    assert values.tolist() == [naive.longest_run(digits) for digits in TSS_DIGITS]
    assert np.array_equal(ss.score("tss", "run3", threads=3), values)
    frame = ss.histogram("tss", "run3", 100, 9000)
    distinct, counts = np.unique(values[100:9000], return_counts=True)
    assert (frame["run3"].to_list(), frame["count"].to_list()) == (distinct.tolist(), counts.tolist())
    best = ss.top_k("tss", 30, "run3", 100, 9000)
    assert best["index"].to_list() == [100 + offset for _, offset in naive.best(values[100:9000].tolist(), 30)]


def test_a_score_that_is_not_of_the_space_is_bad_input(forget_scores, tmp_path):
    ss.register(ss.AdditiveScore("reach", {"n": {"nor_conv_3x3": 9}}, lambda n: n))
    with pytest.raises(ss.BadInput, match="score reach on sss: unknown operation 'nor_conv_3x3'"):
        ss.enumerate_space("sss", tmp_path / "run", columns=["sed", "reach"], progress=False)
    assert not (tmp_path / "run").exists()
    ss.register(ss.DigitScore("beyond", lambda digits: digits[6]))
    with pytest.raises(ss.BadInput, match="score beyond: its function of the digits failed"):
        ss.score("tss", "beyond")
    mine = ss.cell_space("mine", 3, [{"name": "none", "kind": "none"}, {"name": "c", "kind": "conv", "kernel": 1}])
    ss.register(ss.AdditiveScore("n_c", {"n": {"none": 1}}, lambda n: n))
    with pytest.raises(ss.BadInput, match="score 'n_c' is one of mine's own and also registered"):
        ss.score(mine, "n_c")
    with pytest.raises(ss.BadInput, match="'nasbench_hash' is taken"):
        ss.register(ss.AdditiveScore("nasbench_hash", {"n": "n_edges"}, lambda n: n))


def test_digit_score_beyond_int64():
    score = ss.DigitScore("run3", naive.longest_run, dtype="uint8")
    space = ss.space("tss8")
    values = ss.score(space, score, space.size - 700, space.size)
    assert values.tolist() == [naive.longest_run(space.digits(space.size - 700 + i).tolist()) for i in range(700)]


def test_a_feature_by_name_has_its_base():
    score = ss.AdditiveScore("p", {"p": "params"}, lambda p: p, dtype="int32")
    assert np.array_equal(ss.score("tss", score), ss.score("tss", "params"))


def test_scores_follow_what_their_function_reads(monkeypatch):
    weight = [1]
    score = ss.AdditiveScore("w", {"n": "n_skip"}, lambda n: n * weight[0], dtype="int32")
    assert ss.score("tss", score).max() == 6
    weight[0] = 5
    assert ss.score("tss", score).max() == 30


def test_infinities_rank_and_equal_values_are_counted_together():
    log = ss.AdditiveScore("log", {"n": "n_conv3x3"}, lambda n: np.where(n > 0, n, -np.inf), dtype="float64")
    ranked = ss.top_k("tss", 20_000, log)
    assert ranked["index"].len() == 5**6
    assert ranked["log"].is_infinite().to_list() == [False] * (5**6 - 4**6) + [True] * 4**6
    close = ss.AdditiveScore("close", {"f": {"nor_conv_3x3": 2**24 + 1, "nor_conv_1x1": 2**24}}, lambda f: f)
    frame = ss.histogram("tss", close)
    assert frame["close"].n_unique() == len(frame)
    assert frame["count"].sum() == 5**6


def test_digit_scores_keep_fractions_and_pass_errors_on():
    mean = ss.DigitScore("mean", lambda digits: digits.sum() / 8, dtype="float64")
    assert ss.score("tss", mean)[15624] == 3.0
    assert ss.score("tss", mean)[15623] == 23 / 8

    def late(digits):
        if digits[0] == 4:
            raise IndexError("too late")
        return 1

    with pytest.raises(ss.BadInput, match="score late: its function of the digits failed: IndexError: too late"):
        ss.score("tss", ss.DigitScore("late", late), threads=2)


def test_top_k_goes_back_into_a_huge_space():
    space = ss.space("tss8")
    top = ss.top_k(space, 2, start=0, stop=1000)
    assert space.arch(top["index"]).tolist() == top["arch"].to_list()
    assert space.index(space.digits([1, 2**63])).tolist() == [1, 2**63]
    assert bool(space)


def test_nan_never_ranks():
    score = ss.AdditiveScore("log", {"n": "n_skip"}, lambda n: np.where(n > 2, np.nan, n / 2), dtype="float64")
    assert ss.top_k("tss", 3, score)["log"].to_list() == [1.0, 1.0, 1.0]
    assert ss.top_k("tss", 20_000, score)["index"].len() == int((ss.score("tss", "n_skip") <= 2).sum())


def test_groups_are_scored_apart_and_weighted():
    """A toy space of two cells of two positions: the function is applied to each cell, counts are over both."""

    class Twin(ss.Space):
        operations = (Operation("a", "conv", 1), Operation("b", "conv", 3), Operation("c", "skip"))

        def __init__(self):
            positions = [Position(f"p{i}", self.operations) for i in range(4)]
            super().__init__("twin", "a toy", positions, [Group("x", (0, 1), 3), Group("y", (2, 3), 2)])

        @property
        def features(self):
            return {"n_b": Feature("n_b", self.table({"b": 1}), 10, "uint8", "operations", "how many b")}

        @property
        def default_features(self):
            return ("n_b",)

        @property
        def pieces(self):
            return (("a", "b", "c"),) * 4

        def _parse_one(self, arch):
            return ["abc".index(letter) for letter in arch]

    space = Twin()
    score = ss.AdditiveScore(
        "square", {"b": {"b": 1}, "c": {"c": 1}}, lambda b, c: (1 + b) * (1 + c) ** 2, dtype="int64"
    )
    values, counts = ss.score(space, score), ss.score(space, "n_b")
    for i in range(81):
        arch = space.arch(i)
        x, y = arch[:2], arch[2:]
        h = [(1 + cell.count("b")) * (1 + cell.count("c")) ** 2 for cell in (x, y)]
        assert values[i] == 3 * h[0] + 2 * h[1]
        assert counts[i] == 10 + arch.count("b")
        assert space.parse(arch) == i
    assert space.draw(5) == "p0  a\np1  a\np2  b\np3  c"
    assert values.tolist() == score.at(space, space.digits(np.arange(81))).tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ss.score("tss", "sedd"), "unknown score 'sedd': did you mean 'sed'"),
        (lambda: ss.score("tss", start=5, stop=3), "range 5:3 is not within tss"),
        (lambda: ss.score("tss", stop=15626), "range 0:15626 is not within tss"),
        (lambda: ss.score("tss", threads=0), "threads 0: expected 1 or more"),
        (lambda: ss.score("tss7"), "GB of memory: give start and stop"),
        (lambda: ss.top_k("tss", 0), "k 0: expected 1 or more"),
        (lambda: ss.top_k("tss8", 1, start=1), "tss8.*takes too long"),
        (lambda: ss.histogram("tss7"), "tss7.*takes too long"),
        (lambda: ss.sed("x"), "lam 'x' is not a fraction"),
        (lambda: ss.sed("3/2"), "lam 3/2 is out of range"),
        (lambda: ss.register(ss.sed()), "'sed' is taken"),
        (lambda: ss.register(ss.AdditiveScore("params", {"x": "n_skip"}, abs)), "'params' is taken"),
        (lambda: ss.AdditiveScore("index", {"x": "n_skip"}, abs), "'index' is taken"),
        (lambda: ss.score("tss", ["sed"]), r"score \['sed'\]: expected a name or a Score"),
        (lambda: ss.score("tss", start=1.9), r"start 1\.9 is not an integer"),
        (lambda: ss.top_k("tss", 2.5), r"k 2\.5 is not an integer"),
        (lambda: ss.score("tss", threads=2.5), r"threads 2\.5 is not an integer"),
        (
            lambda: ss.score("tss", ss.AdditiveScore("x", {"x": "n_skip"}, lambda: 1)),
            "function failed on arrays .*TypeError",
        ),
        (
            lambda: ss.score("tss", ss.AdditiveScore("x", {"x": "n_skip"}, lambda x: 1 if x > 1 else 2)),
            "function failed on",
        ),
        (
            lambda: ss.score("tss", ss.DigitScore("x", lambda d: d.sum() / 7, dtype="uint8")),
            "cannot be written as uint8",
        ),
        (lambda: ss.score("tss", ss.DigitScore("x", lambda d: 1 // d[0])), "ZeroDivisionError"),
        (lambda: ss.AdditiveScore("a b", {"x": "n_skip"}, abs), "'a b' cannot be a column"),
        (lambda: ss.AdditiveScore("x", {}, abs), "score x: features {}, expected one table or more"),
        (lambda: ss.AdditiveScore("x", {"x": "n_skip"}, abs, dtype="float16"), "dtype 'float16', expected one of"),
        (lambda: ss.score("tss", ss.AdditiveScore("x", {"x": "skip"}, abs)), "unknown feature 'skip'.*n_skip"),
        (lambda: ss.score("tss", ss.AdditiveScore("x", {"x": {"conv": 1}}, abs)), "unknown operation 'conv'"),
        (lambda: ss.score("tss", ss.AdditiveScore("x", {"x": [[1]]}, abs)), "has 6 rows, one per position, not 1"),
        (lambda: ss.score("tss", ss.AdditiveScore("x", {"x": [[1.5] * 5] * 6}, abs)), "0->1 must be 5 integers"),
        (lambda: ss.score("tss", ss.AdditiveScore("x", {"x": [[2**61] * 5] * 6}, abs)), "beyond int64"),
        (lambda: ss.score("tss", ss.AdditiveScore("x", {"x": "n_skip"}, lambda x: "a")), "its function returned <U1"),
        (
            lambda: ss.score("tss", ss.AdditiveScore("x", {"x": "n_skip"}, lambda x: x[:1, 0])),
            "returned shape",
        ),
        (lambda: ss.score("tss", ss.AdditiveScore("x", {"x": "n_skip"}, lambda x: x - 1, dtype="uint8")), "from -1"),
        (lambda: ss.score("tss", ss.DigitScore("x", lambda d: d.nothing())), "numba cannot compile"),
    ],
)
def test_bad_input_is_one_line(make, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("space", ss.known_spaces(), ids=lambda space: space.name)
def test_names_of_scores_belong_to_one_family_and_cannot_be_taken(space, forget_scores):
    names = [score.name for family in FAMILIES for score in family(space, {})]
    assert len(set(names)) == len(names)
    assert list(ss.known_scores(space)) == names
    for name in names:
        with pytest.raises(ss.BadInput, match="taken by sedspace"):
            ss.register(ss.ArrayScore(name, len))
