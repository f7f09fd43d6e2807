"""What to measure first and next: against plain loops and the textbook's formula, what is left out, what is refused."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sedspace as ss
from commands import sedspace
from sedspace.learning.acquisitions import acquisition_of, batch, expected_improvement
from sedspace.learning.spread import plus_plus


def table(space, n, seed=0, by="sed"):
    drawn = np.array(ss.sample(space, n, seed=seed)["index"].to_list(), object)
    values = ss.score(space, by, indices=drawn).astype(float) + np.random.default_rng(seed).normal(0, 0.3, n)
    return pl.DataFrame({"arch": ss.space(space).arch(drawn).tolist(), "accuracy": values})


@pytest.fixture(scope="module")
def fit():
    return ss.fit("tss", table("tss", 30), "accuracy", repeats=0, features="choices")


def naive_plus_plus(rows, n, seed):
    """k-means++ with a sum over rows for every draw."""
    random, chosen = np.random.default_rng(seed), []
    for _ in range(n):
        weights = []
        for i, row in enumerate(rows):
            near = min((sum((a - b) ** 2 for a, b in zip(row, rows[c], strict=True)) for c in chosen), default=1.0)
            weights.append(0.0 if i in chosen else near)
        if not any(weights):
            weights = [0.0 if i in chosen else 1.0 for i in range(len(rows))]
        limit, total = random.random() * sum(weights), 0.0
        for i, weight in enumerate(weights):
            total += weight
            if total > limit:
                chosen.append(i)
                break
    return chosen


@pytest.mark.parametrize("seed", range(20))
def test_first_ones_are_those_of_plain_k_means_plus_plus(seed):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(30, 3)).astype(np.float32)[random.integers(0, 12, 30)]  # some alike
    chosen, far = plus_plus(rows, 20, seed)
    assert chosen == naive_plus_plus(rows.astype(float).tolist(), 20, seed)
    assert math.isnan(far[0])
    for k in range(1, 20):
        assert far[k] == pytest.approx(min(np.linalg.norm(rows[chosen[k]] - rows[c]) for c in chosen[:k]), abs=1e-6)


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(-5, 5))
def test_the_expected_improvement_is_that_of_the_textbook(mean, deviation, best):
    if deviation == 0:
        expected = max(mean - best, 0.0)
    else:
        z = (mean - best) / deviation
        below = (1 + math.erf(z / math.sqrt(2))) / 2
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        expected = (mean - best) * below + deviation * density
    found = expected_improvement(np.array([mean]), np.array([deviation]), best)
    assert found.tolist() == pytest.approx([expected], abs=1e-9)


def naive_batch(acquisition, mean, deviation, alike, best, n):
    """Each next by the covariance that is left once those before it are known, by the inverse of theirs."""
    together, chosen, worth = alike * np.outer(deviation, deviation), [], []
    for _ in range(n):
        best = max([best, *(mean[c] for c in chosen)])
        values = {}
        for i in set(range(len(mean))) - set(chosen):
            known = together[np.ix_(chosen, chosen)]
            less = together[i, chosen] @ np.linalg.solve(known, together[chosen, i]) if chosen else 0.0
            spread = math.sqrt(max(together[i, i] - less, 0.0))
            values[i] = float(acquisition(mean[i : i + 1], np.array([spread]), best)[0])
        chosen.append(max(values, key=values.get))
        worth.append(values[chosen[-1]])
    return chosen, worth


@pytest.mark.parametrize("kind", ["expected_improvement", "upper_confidence_bound"])
def test_a_batch_is_chosen_as_if_those_before_were_known(kind):
    random = np.random.default_rng(4)
    x, mean, deviation = random.normal(size=(25, 3)), random.normal(size=25), random.uniform(0.1, 1, 25)
    alike = np.exp(-((x[:, None] - x) ** 2).sum(axis=2))
    found = batch(acquisition_of(kind, None), mean, deviation, alike, 0.5, 8)
    chosen, worth = naive_batch(acquisition_of(kind, None), mean, deviation, alike, 0.5, 8)
    assert found[0] == chosen
    assert found[1] == pytest.approx(worth)


def test_the_next_ones_are_the_best_of_all_that_is_not_measured(fit):
    space = ss.space("tss")
    mean, deviation = fit.mean_and_std(space.digits_of_range(0, space.size))
    worth = expected_improvement(mean, deviation, max(fit.targets))
    measured = set(fit.about.measured.indices.tolist())
    order = [i for i in np.lexsort((np.arange(len(worth)), -worth)).tolist() if i not in measured]
    found = ss.suggest(fit, 30, diverse=False, unique=False)
    assert found["index"].to_list() == order[:30]
    assert found["acquisition"].to_list() == worth[order[:30]].tolist()
    assert found["mean"].to_list() == fit.scale.valued(mean)[order[:30]].tolist()
    assert found["std"].to_list() == pytest.approx(fit.deviation(space.digits_of(found["index"].to_list())).tolist())
    assert found["arch"].to_list() == space.arch(order[:30]).tolist()
    assert found["among"].unique().to_list() == ["all 15,625"]
    assert ss.suggest(fit, 30, diverse=False, unique=False, threads=1).equals(found)


def test_one_of_each_class_is_suggested_and_none_of_a_measured_one(fit):
    lowest = ss.functional_class("tss", range(15625))
    measured = set(lowest[fit.about.measured.indices].tolist())
    left = sorted(set(lowest.tolist()) - measured)
    found = ss.suggest(fit, len(left), diverse=False)
    assert sorted(found["index"].to_list()) == left
    with pytest.raises(ss.BadInput, match=f"^n {len(left) + 1}: only {len(left):,} architectures are left to suggest$"):
        ss.suggest(fit, len(left) + 1, diverse=False)
    first = ss.suggest("tss", 390, where="n_skip >= 3", features="choices", seed=2)["index"].to_list()
    assert len(set(lowest[first].tolist())) == 390
    assert (ss.score("tss", "n_skip", indices=first) >= 3).all()


def test_diverse_ones_are_less_alike(fit):
    near, far = (ss.suggest(fit, 10, diverse=diverse) for diverse in (False, True))
    assert near["index"][0] == far["index"][0]
    assert len(set(far["index"])) == 10

    def closeness(frame):
        x = fit.scaled.at(ss.space("tss").digits_of(frame["index"].to_list()))[0]
        return ((x[:, None] - x) ** 2).sum()

    assert closeness(far) > closeness(near)


def test_less_may_be_better(fit):
    turned = ss.fit(
        "tss", table("tss", 30).with_columns(-pl.col("accuracy")), "accuracy", repeats=0, prior=None, features="choices"
    )
    plain = ss.fit("tss", table("tss", 30), "accuracy", repeats=0, prior=None, features="choices")
    found = ss.suggest(turned, 5, ascending=True, diverse=False)
    assert found["index"].to_list() == ss.suggest(plain, 5, diverse=False)["index"].to_list()


def test_without_exploration_the_greatest_means_come_first(fit):
    found = ss.suggest(fit, 20, acquisition="upper_confidence_bound", exploration=0, diverse=False, unique=False)
    known = [i for i in ss.top_k("tss", 60, fit)["index"] if i not in fit.about.measured.indices][:20]
    assert found["mean"].to_list() == pytest.approx(ss.score("tss", fit, indices=known).tolist(), rel=1e-6)
    assert found["acquisition"].is_sorted(descending=True)


@pytest.mark.parametrize("among", [None, range(0, 15625, 7)])
def test_a_condition_may_name_the_fits_own_columns(fit, among):
    mean, std = ss.score("tss", fit), ss.score("tss", fit.std)
    limit, sure = float(np.quantile(mean, 0.3)), float(np.quantile(std, 0.5))
    where = f"accuracy >= {limit!r} AND accuracy_std < {sure!r}"
    found = ss.suggest(fit, 20, where=where, among=among, diverse=False, unique=False)["index"].to_list()
    assert (mean[found] >= limit).all()
    assert (std[found] < sure).all()


@pytest.mark.parametrize("where", [None, "n_skip = 2", "index < 200 AND n_skip = 2", "arch LIKE '%skip_connect~2|'"])
def test_some_of_given_ones(fit, where):
    some = list(range(100, 1000, 3))
    found = ss.suggest(fit, 2, among=some, where=where, unique=False)
    assert set(found["index"]) <= set(some)
    assert ss.suggest("tss", 2, features="choices", among=some, where=where, unique=False)["index"].is_in(some).all()
    if where == "n_skip = 2":
        assert (ss.score("tss", "n_skip", indices=found["index"]) == 2).all()
    if where is not None and where.startswith("arch"):
        assert found["arch"].str.ends_with("skip_connect~2|").all()
    if where is not None and where.startswith("index"):
        assert found["index"].max() < 200


def test_spaces_that_cannot_be_gone_through():
    fit = ss.fit("darts", table("darts", 30), "accuracy", repeats=0)
    best = ss.top_k("darts", 1000, fit)["index"].to_list()
    found = ss.suggest(fit, 20, acquisition="upper_confidence_bound", exploration=0, diverse=False)
    among = dict(zip(found["index"], found["among"], strict=True))
    assert all(said == "the 1,000 best of all" for said in among.values())
    assert set(among) <= set(best)
    wide = ss.suggest(
        fit, 20, acquisition="upper_confidence_bound", exploration=100, diverse=False, where="n_skip_normal >= 2"
    )
    assert (ss.score("darts", "n_skip_normal", indices=np.array(wide["index"].to_list(), object)) >= 2).all()
    assert any("65,536 drawn of" in said for said in wide["among"])
    first = ss.suggest("tss6", 5, features="choices", seed=1)
    assert first["among"].unique().to_list() == ["65,536 drawn of 30,517,578,125"]
    assert first.equals(ss.suggest("tss6", 5, features="choices", seed=1))
    assert not first.equals(ss.suggest("tss6", 5, features="choices", seed=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n 0: expected 1 or more"),
        ({"n": 1001}, "n 1001: at most 1,000 are chosen together, with diverse=False as many as there are"),
        ({"n": 2.5}, "n 2.5 is not an integer"),
        ({"n": 2, "seed": -1}, "seed -1: expected 0 or more"),
        ({"n": 2, "acquisition": "expected"}, "unknown acquisition 'expected'"),
        ({"n": 2, "exploration": 2}, "exploration 2 is for upper_confidence_bound: expected_improvement asks for none"),
        ({"n": 2, "acquisition": "upper_confidence_bound", "exploration": -1}, "exploration -1: expected a number"),
        ({"n": 2, "features": "counts"}, "features 'counts' are for a space: the fit accuracy has its own"),
        ({"n": 2, "where": "nothing > 1"}, "nothing"),
        ({"n": 2, "where": "n_skip > 99"}, "n 2: only 0 architectures are left to suggest"),
        ({"n": 2, "among": []}, r"among of shape \(0,\): expected a list of indices"),
        ({"n": 2, "among": [15625]}, "15625"),
    ],
)
def test_bad_input_of_a_fit(fit, options, message):
    with pytest.raises(ss.BadInput, match=message) as error:
        ss.suggest(fit, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["acquisition", "exploration", "diverse", "ascending"])
def test_a_space_alone_predicts_nothing(name):
    with pytest.raises(ss.BadInput, match=f"^{name} 'x' is for a fit: a space alone predicts nothing$"):
        ss.suggest("tss", 2, **{name: "x"})


def test_the_command_says_the_same(fit, tmp_path):
    fit.save(tmp_path / "fit.score")
    for target, found, options in (
        ("tss", ss.suggest("tss", 3, seed=1, features="counts"), ("--features", "counts", "--seed", "1")),
        (tmp_path / "fit.score", ss.suggest(fit, 3, where="n_skip = 0"), ("--where", "n_skip = 0")),
        (tmp_path / "fit.score", ss.suggest(fit, 3, diverse=False, unique=False),
         ("--not-diverse", "--all-of-a-class")),
    ):  # fmt: skip
        sedspace("suggest", target, "-n", "3", "--out", tmp_path / "found.parquet", *options)
        assert pl.read_parquet(tmp_path / "found.parquet").equals(found)
