"""Fits: models against textbook formulas, exact answers, what they say of themselves, files, and what is refused."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import math
import pickle
import re
import sys

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

import naive_learning as naive
import sedspace as ss
from naive import darts_edges
from sedspace.cli import cli
from sedspace.learning import trees
from sedspace.learning.additive import shared_features
from sedspace.learning.blas import one_thread
from sedspace.learning.curves import learning_curve
from sedspace.learning.file import parsed
from sedspace.learning.gaussian import Gaussian
from sedspace.learning.judged import figures, folds
from sedspace.learning.measured import measured
from sedspace.learning.ranks import NormalScale
from sedspace.learning.ridge import PENALTIES, Ridge
from sedspace.statistics import ndcg


def table(space, n, seed=0, by="sed", noise=0.1):
    """Measurements that follow a score, with noise."""
    space = ss.space(space)
    drawn = ss.sample(space, n, seed=seed)["index"].to_list()
    values = ss.score(space, by, indices=np.array(drawn, object)).astype(float)
    values += np.random.default_rng(seed).normal(0, noise * values.std(), n)
    return pl.DataFrame({"arch": space.arch(np.array(drawn, object)).tolist(), "accuracy": values})


def random_rows(n, width, seed):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, width)), random.normal(size=n), random.normal(size=n)


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=2, max_size=30), st.floats(-3, 3))
def test_normal_scores_are_those_of_mean_ranks_and_lead_back(values, score):
    scale = NormalScale.of(np.array(values))
    assert scale.scored(np.array(values)).tolist() == pytest.approx(naive.normal_scores(values))
    assert (np.diff(scale.valued(np.linspace(-5, 5, 101))) > 0).all()
    assert scale.valued(scale.scored(np.array(values))) == pytest.approx(values)
    beyond = scale.valued(np.array([score]))
    assert scale.scored(beyond, beyond=True) == pytest.approx([score], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_gaussian_process_is_that_of_the_textbook(seed):
    x, prior, y = random_rows(20, 4, seed)
    asked, asked_prior, _ = random_rows(7, 4, seed + 100)
    model = Gaussian.learned(x, prior, y, 0)
    kernel = naive.gaussian_kernel(model.length, model.signal)
    found = model.predicted(asked, asked_prior)
    mean, deviation = naive.gaussian_process(x, prior, y, asked, asked_prior, kernel, model.noise)
    assert found[0] == pytest.approx(mean, abs=1e-4)  # distances are in single precision
    assert found[1] == pytest.approx(deviation, abs=1e-4)
    best = naive.most_likely(x, prior, y)
    assert (model.length, model.signal, model.noise) == pytest.approx(best)


def test_a_gaussian_process_says_the_same_of_an_architecture_wherever_it_stands():
    x, prior, y = random_rows(30, 5, 1)
    model = Gaussian.learned(x, prior, y, 0)
    asked, asked_prior, _ = random_rows(100, 5, 2)
    whole = np.stack(model.predicted(asked, asked_prior))
    alone = np.stack([np.stack(model.predicted(asked[i : i + 1], asked_prior[i : i + 1]))[:, 0] for i in range(100)])
    assert (alone == whole.T).all()


def test_small_matrices_are_left_to_one_thread():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if "numpy.libs" in pool["filepath"]]

    with threadpool_limits(2, "blas"):
        if threads() != [2]:
            pytest.skip("this NumPy brings no BLAS of its own")
        with one_thread(100):
            assert threads() == [1]
        with one_thread(5000):
            assert threads() == [2]
        assert threads() == [2]


@pytest.mark.parametrize(("rows", "width"), [(30, 5), (12, 40), (9, 1)])
def test_ridge_is_that_of_the_normal_equations(rows, width):
    x, _, y = random_rows(rows, width, 3)
    x[:, 0] = 1.0 if width > 1 else x[:, 0]
    asked = random_rows(6, width, 4)[0]
    ridge = Ridge.learned(x, y)
    errors = {penalty: naive.left_out_error(x, y, penalty) for penalty in PENALTIES}
    assert ridge.penalty == min(errors, key=errors.get)
    assert ridge.noise == pytest.approx(errors[ridge.penalty])
    predicted, deviation = naive.ridge(x, y, ridge.penalty, asked)
    assert ridge.predicted(asked) == pytest.approx(predicted)
    assert ridge.deviation(asked) == pytest.approx(math.sqrt(ridge.noise) * deviation)


@pytest.mark.parametrize("seed", range(8))
def test_ridge_whose_weights_are_not_below_0_is_the_best_of_every_active_set(seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(40, 6))
    y = x @ random.normal(size=6) + random.normal(0, 0.1, 40)
    bounded = np.array([True, True, False, True, True, False])
    ridge = Ridge.learned(x, y, [0.3], nonnegative=bounded)
    found = naive.ridge_not_below_0(x, y, 0.3, bounded.tolist())
    assert ridge.weights.tolist() == pytest.approx(found, abs=1e-9)
    assert (ridge.weights[bounded] < 0).sum() == 0


@pytest.mark.parametrize("model", ["gaussian", "additive", "forest", "boosting"])
def test_a_fit_is_a_score(model, forget_scores, tmp_path):
    if model in ("forest", "boosting"):
        pytest.importorskip("sklearn")
    space = ss.space("tss" if model == "additive" else "tss3")  # more take a while
    fit = ss.fit(space, table(space, 50), "accuracy", model=model, repeats=0)
    assert (fit.model, fit.rows, fit.name, fit.judgement) == (model, 50, "accuracy", None)
    values, sed = ss.score(space, fit), ss.score(space)
    assert np.corrcoef(values, sed)[0, 1] > 0.8
    mean, deviation = fit.mean_and_std(space.digits_of_range(0, 100))
    assert (deviation >= 0).all()
    assert np.argsort(mean, kind="stable").tolist() == np.argsort(fit.scale.valued(mean), kind="stable").tolist()
    best = np.lexsort((np.arange(len(values)), -values))[:5].tolist()
    assert ss.top_k(space, 5, fit)["index"].to_list() == best
    ss.register(fit)
    assert ss.top_k(space, 1, where="accuracy_std >= 0").height == 1
    limit = float(np.quantile(values, 0.9))
    assert ss.members(space, where=f"accuracy >= {limit}").count == (values >= limit).sum()
    assert ss.top_k(space, 1, "sed", where=f"accuracy < {limit}")["sed"].item() == sed[values < limit].max()
    front = ss.pareto(space, "accuracy", "params")
    assert front["accuracy"][0] == values.max()
    run = ss.enumerate_space(space, tmp_path / "run", columns=["accuracy", "accuracy_std"], progress=False)
    assert run.scan().collect()["accuracy"].to_numpy().tolist() == values.tolist()
    assert run.verify(full=True) == []
    std = run.scan().collect()["accuracy_std"].to_numpy()
    assert std[:100] == pytest.approx(fit.deviation(space.digits_of_range(0, 100)), rel=1e-6)
    assert run.sql("SELECT max(accuracy) AS best FROM archs")["best"].item() == values.max()


def test_folds_hold_each_row_once_and_differ_by_repeat():
    for rows in (8, 23):
        parts = folds(rows, 1, 0)
        assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert any((a != b).any() for a, b in zip(folds(20, 1, 0), folds(20, 1, 1), strict=True))


def test_figures_are_those_of_the_definitions():
    random = np.random.default_rng(0)
    predicted, reached = random.normal(size=60), random.uniform(60, 90, 60)
    found = figures(predicted, reached)
    assert found.regret == reached.max() - reached[predicted.argmax()]
    assert found.ndcg == pytest.approx(ndcg(predicted, reached))
    best = np.argsort(-reached)[:3]
    assert found.spearman_best == pytest.approx(np.corrcoef(np.argsort(np.argsort(predicted[best])), [2, 1, 0])[0, 1])
    less = figures(predicted, reached, less=True)
    assert (less.spearman, less.regret) == (pytest.approx(found.spearman), reached[predicted.argmin()] - reached.min())
    assert np.isnan(figures(np.full(9, np.nan), reached[:9]).regret)


def test_a_fit_is_judged_by_what_was_left_out_beside_what_learns_nothing():
    """The figures of the fit are those of predicting each fold by hand."""
    rows = table("tss", 41, seed=3)
    fit = ss.fit("tss", rows, "accuracy", model="additive", prior=None, repeats=2, seed=5)
    judged = {row["score"]: row for row in fit.judgement.to_dicts()}
    assert list(judged) == ["accuracy", "sed", "live_sed", "propagated_sed", "params"]
    given = measured(ss.space("tss"), rows, "accuracy")
    by_hand = []
    for repeat in range(2):
        out = np.zeros(41)
        for part in folds(41, 5, repeat):
            rest = np.setdiff1d(np.arange(41), part)
            known = pl.DataFrame({"index": given.indices[rest], "accuracy": given.values[rest]})
            own = ss.fit("tss", known, "accuracy", model="additive", prior=None, repeats=0)
            out[part] = own.scale.valued(own.mean_and_std(ss.space("tss").digits_of(given.indices[part]))[0])
        by_hand.append(figures(out, given.values).spearman)
    assert judged["accuracy"]["spearman"] == pytest.approx(np.mean(by_hand), abs=0.02)  # units of the columns differ
    sed = figures(ss.score("tss", indices=given.indices).astype(float), given.values)
    assert (judged["sed"]["kendall"], judged["sed"]["kendall_sd"]) == (sed.kendall, 0.0)
    assert fit.notes == ()
    once = ss.fit("tss", rows, "accuracy", model="additive", repeats=1).judgement
    assert once.select(pl.selectors.ends_with("_sd")).null_count().row(0) == (len(once),) * 5


def exactly_additive(fit, space, digits):
    """The values of an additive fit from its tables alone: its machine's states followed by hand."""
    machine, tables = fit.machine(space), fit.tables(space)
    out = []
    for row in digits.tolist():
        ends = []
        for begin in range(1 if machine is None else machine.beginnings):
            state, sums = begin, 0
            for position, choice in enumerate(row):
                table = tables[position]
                sums = sums + (table[choice] if machine is None else table[state, choice])
                state = 0 if machine is None else int(machine.steps[position][state, choice])
                if state < 0:
                    break
            if state >= 0:
                ends.append(sums)
        assert len(ends) == 1
        out.append(fit.values(fit.keys(space, ends[0][None]))[0])
    return np.array(out)


@pytest.mark.parametrize(("space", "prior"), [("tss", "live_sed"), ("tss", "sed"), ("tss", None), ("tss8", "sed")])
def test_an_additive_fit_of_cells_is_the_regression_rounded(space, prior):
    found = ss.space(space)
    fit = ss.fit(found, table(space, 60), "accuracy", model="additive", prior=prior, repeats=0)
    digits = found.digits_of(ss.members(found).sample(200, seed=1))
    mean = fit.mean_and_std(digits)[0]
    step = float(fit.step)
    assert np.abs(fit.keys_of(fit.values(fit.at(found, digits))) / fit.denominator - mean).max() <= step * len(
        found.positions
    )
    assert exactly_additive(fit, found, digits) == pytest.approx(fit.values(fit.at(found, digits)), abs=0)
    assert (fit.keys_of(fit.values(fit.at(found, digits))) == fit.at(found, digits)).all()


@pytest.mark.parametrize("space", ["tss8", "darts"])
def test_additive_fits_answer_exactly_about_spaces_of_any_size(space, forget_scores):
    """Held against random architectures: none beats the best, the front or the best within a budget."""
    found = ss.space(space)
    fit = ss.fit(found, table(space, 60), "accuracy", repeats=0)
    assert (fit.model, fit.about.prior) == ("additive", "sed")
    assert fit.notes == ("model: additive", "prior: sed, in place of propagated_sed")
    ss.register(fit)
    some = ss.members(found).sample(2000, seed=2)
    values, params = ss.score(found, fit, indices=some), ss.score(found, "params", indices=some)
    rounded = fit.scale.valued(fit.mean_and_std(found.digits_of(some))[0])
    assert np.corrcoef(values, rounded)[0, 1] > 0.995
    best = ss.top_k(found, 3, fit)
    assert best["accuracy"][0] >= values.max()
    assert (
        ss.score(found, fit, indices=np.array(best["index"].to_list(), object)).tolist() == best["accuracy"].to_list()
    )
    limit = float(np.quantile(values, 0.99))
    good = ss.members(found, where=f"accuracy >= {limit}")
    assert all((int(i) in good) == (v >= limit) for i, v in zip(some[:200], values[:200], strict=True))
    share = good.count / found.size
    assert share == pytest.approx((values >= limit).mean(), abs=0.008)
    budget = int(np.median(params))
    within = ss.best_within(found, [budget], cost="params", by=fit)
    assert within["accuracy"][0] >= values[params <= budget].max()
    if space == "tss8":
        front = ss.pareto(found, fit, "params")
        for value, cost in zip(values[:300], params[:300], strict=True):
            assert ((front["accuracy"] >= value) & (front["params"] <= cost)).any()


def test_additive_fits_of_cells_that_choose_inputs_know_how_often_these_are_the_cells_own():
    space = ss.space("darts")
    indices = ss.members(space).sample(60, seed=4)
    digits = space.digits_of(indices)
    found = {feature.name: feature for feature in shared_features(space)}
    for row in digits.tolist():
        edges = darts_edges(row)[0]
        for of, chosen in (("input", lambda s: s < 2), ("node", lambda s: s >= 2)):
            name = f"normal_from_{of}"
            number = {name: [source for source, _ in edges if chosen(source)]}
            number[f"{name}_skip_connect"] = [s for s, o in edges if chosen(s) and o == "skip_connect"]
            for key, edges_there in number.items():
                table = found[key].table
                assert sum(int(own[digit]) for own, digit in zip(table, row, strict=True)) == len(edges_there)
    assert [f.name for f in shared_features(ss.space("tss"))] == list(ss.space("tss").features)


def test_additive_fits_of_a_small_space_answer_as_if_all_were_looked_at(forget_scores):
    space = ss.space("tss3")
    fit = ss.fit(space, table(space, 20), "accuracy", model="additive", repeats=0)
    values = exactly_additive(fit, space, space.digits_of_range(0, space.size))
    assert ss.score(space, fit).tolist() == values.tolist()
    levels, counts = np.unique(values, return_counts=True)
    assert ss.distribution(space, fit).frame().select("accuracy", "count").sort("accuracy").rows() == list(
        zip(levels.tolist(), counts.tolist(), strict=True)
    )
    order = np.lexsort((np.arange(space.size), -values))
    assert ss.top_k(space, 10, fit)["index"].to_list() == order[:10].tolist()
    lean = ss.restrict(space, ss.Connected(), name="connected")
    kept = [space.parse(arch) for arch in lean]
    assert ss.score(lean, fit).tolist() == values[kept].tolist()
    assert ss.top_k(lean, 1, fit)["accuracy"].item() == values[kept].max()


@pytest.mark.parametrize("space", ["sss", "transnas_macro", "nb101"])
def test_spaces_of_other_kinds_are_learned_from(space):
    if space == "nb101":
        rows = table(space, 30, by="params")
    else:
        rows = table(space, 30, by="params" if space == "sss" else "macs")
    for model in ("additive",) if space == "nb101" else ("additive", "gaussian"):
        fit = ss.fit(space, rows, "accuracy", model=model, repeats=0)
        some = ss.members(space).sample(50, seed=3)
        cost = ss.score(space, "macs" if space == "transnas_macro" else "params", indices=some)
        assert np.corrcoef(cost, ss.score(space, fit, indices=some))[0, 1] > 0.8


@pytest.mark.parametrize("model", ["gaussian", "additive", "forest", "boosting"])
def test_the_same_file_gives_the_same_values(model, tmp_path):
    if model in ("forest", "boosting"):
        pytest.importorskip("sklearn")
    fit = ss.fit("tss", table("tss", 30), "accuracy", model=model, repeats=1, name="good")
    fit.save(tmp_path / "a.score")
    again = ss.read_fit(tmp_path / "a.score")
    assert again.to_bytes() == fit.to_bytes() == (tmp_path / "a.score").read_bytes()
    assert ss.score("tss", again).tolist() == ss.score("tss", fit).tolist()
    assert ss.score("tss", again.std).tolist() == ss.score("tss", fit.std).tolist()
    assert (again.name, again.model, again.rows, again.notes) == (fit.name, fit.model, fit.rows, fit.notes)
    assert again.judgement.equals(fit.judgement, null_equal=True)
    assert again.targets.tolist() == fit.targets.tolist()
    assert again.parameters == fit.parameters


@pytest.mark.parametrize("model", ["gaussian", "additive", "forest"])
def test_fits_are_pickled_as_their_files_and_find_their_scores(model, forget_scores):
    if model == "forest":
        pytest.importorskip("sklearn")
    ss.register(ss.AdditiveScore("threes", {"n": {"nor_conv_3x3": 1}}, np.negative))
    features = None if model == "additive" else ["threes", "sed"]
    fit = ss.fit("tss3", table("tss3", 20), "accuracy", model=model, features=features, repeats=0)
    pickled, of_std = pickle.dumps(fit), pickle.dumps(fit.std)
    assert b"sklearn" not in pickled
    forget_scores()
    again = pickle.loads(pickled)
    assert (type(again), again.to_bytes()) == (type(fit), fit.to_bytes())
    assert ss.score("tss3", pickle.loads(of_std)).tolist() == ss.score("tss3", fit.std).tolist()
    assert copy.deepcopy(fit).to_bytes() == fit.to_bytes()


def test_what_a_fit_goes_by_is_known_by_its_name(forget_scores, tmp_path):
    both, rows = ss.rank_sum("sed", "params"), table("tss", 20)
    for options in ({"prior": both}, {"prior": both, "model": "additive"}, {"features": [both]}):
        with pytest.raises(ss.BadInput, match=r"rank_sum is not registered: expected a name, or sedspace\.register"):
            ss.fit("tss", rows, "accuracy", repeats=0, **options)
    ss.register(both)
    fit = ss.fit("tss", rows, "accuracy", repeats=0, prior=both, features=["sed", both])
    assert (fit.about.prior, fit.about.features) == ("rank_sum", ("sed", "rank_sum"))
    fit.save(tmp_path / "a.score")
    assert ss.read_fit(tmp_path / "a.score").to_bytes() == fit.to_bytes()
    forget_scores()
    with pytest.raises(ss.BadInput, match=r"a\.score: it goes by rank_sum, which tss has not: register it before"):
        ss.read_fit(tmp_path / "a.score")


def test_a_fit_knows_how_sure_it_is_in_conditions():
    fit = ss.fit("tss", table("tss", 20), "accuracy", model="additive", repeats=0)
    sure = np.flatnonzero(ss.score("tss", fit.std) <= 0.1)
    best = ss.top_k("tss", 1, fit, where="accuracy_std <= 0.1")["index"].item()
    assert best == sure[np.argmax(ss.score("tss", fit)[sure])]
    large = ss.fit("darts", table("darts", 20), "accuracy", repeats=0)
    limit = ss.top_k("darts", 5, large)["accuracy"][-1]
    found = ss.suggest(large, 5, where=f"accuracy >= {limit!r}", acquisition="upper_confidence_bound", exploration=0)
    assert (ss.score("darts", large, indices=found["index"]) >= limit).all()


def test_a_fit_of_a_space_of_ones_own_carries_it(tmp_path):
    lean = ss.restrict("tss8", ss.Connected(), ss.AtMost(2, "avg_pool_3x3"), name="lean")
    fit = ss.fit(lean, table(lean, 30), "accuracy", repeats=0)
    fit.save(tmp_path / "lean.score")
    again = ss.read_fit(tmp_path / "lean.score")
    assert again.space.size == lean.size
    assert ss.top_k(again.space, 3, again).equals(ss.top_k(lean, 3, fit))


def altered(fit, **changes):
    """The bytes of a fit whose JSON says something else, with arrays as they were."""
    import io

    with np.load(io.BytesIO(fit.to_bytes())) as archive:
        arrays = dict(archive)
    about = json.loads(arrays.pop("about").tobytes())
    about |= {key: value for key, value in changes.items() if key in about}
    arrays |= {key: value for key, value in changes.items() if key in arrays and key not in about}
    file = io.BytesIO()
    np.savez_compressed(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    return file.getvalue()


def test_files_that_are_none_are_refused_in_one_line(tmp_path):
    fit = ss.fit("tss", table("tss", 20), "accuracy", model="additive", repeats=0)
    about = {"name": "tss", "size": 3, "positions": []}
    other = ss.fit("tss", table("tss", 20), "accuracy", features="counts", repeats=0)
    wrong = {
        "it was learned from features that this sedspace has not: fit again": [altered(other, features="topology")],
        "is none, or damaged": [b"", b"index,accuracy\n1,2\n", fit.to_bytes()[:-100]],
        "is of format 1, written by sedspace .*: fit again": [altered(fit, format=1)],
        "its arrays have another checksum": [altered(fit, measured_value=fit.about.measured.values + 1)],
        "tss is another space here": [altered(fit, space=about)],
        "unknown space 'unheard'": [altered(fit, space={**about, "name": "unheard"})],
        "model 'magic' is unknown": [altered(fit, model="magic")],
        "is none": [altered(fit, space=3), altered(fit, model="gaussian"), altered(fit, features=None)],
    }
    for message, files in wrong.items():
        for data in files:
            (tmp_path / "bad.score").write_bytes(data)
            with pytest.raises(ss.BadInput, match=message) as caught:
                ss.read_fit(tmp_path / "bad.score")
            assert "\n" not in str(caught.value)
    with pytest.raises(ss.BadInput, match="is not there"):
        ss.read_fit(tmp_path / "no.score")
    with pytest.raises(ss.BadInput, match=r"name that ends in \.score"):
        fit.save(tmp_path / "fit.npz")
    with pytest.raises(ss.BadInput, match="cannot be written"):
        fit.save(tmp_path / "no" / "fit.score")


@given(st.data())
def test_a_damaged_file_is_never_read_as_another_fit(data):
    fit = damaged_fit()
    content = bytearray(fit.to_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(ss.BadInput):
        said, _, arrays = parsed(bytes(content), "fit")
        assert all((arrays[name] == array).all() for name, array in fit.arrays().items())
        assert said["model"] == "additive"


@functools.cache
def damaged_fit():
    return ss.fit("tss", table("tss", 20), "accuracy", model="additive", repeats=0)


GOOD = {"index": list(range(0, 900, 90)), "y": [float(i % 7) for i in range(10)]}


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ({"index": range(7), "y": range(7)}, {}, "7 measured architectures to learn from: expected 8 or more"),
        ({"index": [5] * 9, "y": range(9)}, {}, "1 measured architectures to learn from"),
        ({**GOOD, "y": [3.5] * 10}, {}, "column y is 3.5 everywhere"),
        (
            {**GOOD, "y": [1e300 * y for y in GOOD["y"]]},
            {},
            "column y is from 0 to 6e.300: expected numbers",
        ),
        ({**GOOD, "y": [1e-300 * y for y in GOOD["y"]]}, {}, "column y is from 0 to 6e-300: expected numbers that"),
        ({**GOOD, "y": [None, *GOOD["y"][1:]]}, {}, "column y has no number in row 0: expected one in each"),
        ({**GOOD, "y": [*GOOD["y"][:8], math.nan, math.inf]}, {}, "column y has no number in rows 8, 9: expected"),
        ({**GOOD, "y": [math.nan] * 10}, {}, "in rows 0, 1, 2, 3, 4 and 5 more: expected"),
        ({**GOOD, "y": ["a"] * 10}, {}, "column y is String: expected numbers"),
        ({**GOOD, "z": GOOD["y"]}, {"column": "x"}, "the table has no column x: it has index, y, z"),
        ({"y": GOOD["y"]}, {}, "the table has no column arch or index: it has y"),
        ({**GOOD, "index": [15625, *GOOD["index"][1:]]}, {}, "index 15625 is outside tss"),
        ({"arch": ["|none~0|"] * 10, "y": GOOD["y"]}, {}, "row 0"),
        ({"arch": [ss.space("tss5").arch(i) for i in range(10)], "y": GOOD["y"]}, {}, "is an architecture of tss5"),
        (
            {"index": [*GOOD["index"], 0], "y": [*GOOD["y"], 9.0]},
            {"repeated": "refuse"},
            "column y: architecture 0 from 0 to 9, expected one value of each",
        ),
        (GOOD, {"repeated": "last"}, "repeated 'last': expected 'mean' or 'refuse'"),
        (GOOD, {"model": "magic"}, "unknown model 'magic'"),
        (GOOD, {"features": "magic"}, "features 'magic': expected 'topology', 'choices', 'counts' or a list"),
        (GOOD, {"features": []}, r"features \[\]: expected a name or more"),
        (GOOD, {"features": ["magic"]}, "unknown score 'magic'"),
        (GOOD, {"features": ["sed"], "model": "additive"}, "features .* for model 'additive'"),
        (GOOD, {"prior": "magic"}, "unknown score 'magic'"),
        (GOOD, {"prior": "depth", "model": "additive"}, "prior depth is no sum over positions"),
        (GOOD, {"name": "sed"}, "score name 'sed' is taken by sedspace"),
        (GOOD, {"name": "a b"}, "score name 'a b' cannot be a column"),
        (GOOD, {"repeats": -1}, "repeats -1: expected 0 or more"),
        (GOOD, {"repeats": "x"}, "repeats 'x' is not an integer"),
        (GOOD, {"seed": -1}, "seed -1: expected 0 or more"),
        (GOOD, {"seed": True}, "seed True is not an integer"),
    ],
)
def test_bad_input_is_one_line(rows, options, message):
    given = {"column": "y", "repeats": 1, **options}
    with pytest.raises(ss.BadInput, match=message) as caught:
        ss.fit("tss", pl.DataFrame(rows, strict=False), **given)
    assert "\n" not in str(caught.value)


def test_features_that_are_the_same_everywhere_are_refused(forget_scores):
    ss.register(ss.AdditiveScore("n_zero", {"n": {}}, lambda n: n))
    with pytest.raises(ss.BadInput, match="are the same everywhere: expected some that differ"):
        ss.fit("tss", pl.DataFrame(GOOD), "y", features=["n_zero"], repeats=0)


NUMBER = st.floats(-1e6, 1e6) | st.integers(-5, 5).map(float)


@given(
    st.lists(st.tuples(st.integers(0, 30), NUMBER | st.sampled_from([None, math.nan, math.inf])), max_size=40),
    st.booleans(),
    st.sampled_from(["mean", "refuse"]),
)
def test_any_table_is_read_or_refused_in_one_line(rows, by_arch, repeated):
    """What is read are the means of the values of each architecture, by index; what is not has a reason."""
    space = ss.space("tss")
    keys = {"arch": [space.arch(i) for i, _ in rows]} if by_arch else {"index": [i for i, _ in rows]}
    dtypes = {"y": pl.Float64, **({"arch": pl.String} if by_arch else {"index": pl.Int64})}
    given_table = pl.DataFrame({**keys, "y": [y for _, y in rows]}, schema_overrides=dtypes)
    of = {i: [y for j, y in rows if j == i] for i, _ in rows}
    known = all(y is not None and math.isfinite(y) for _, y in rows)
    known = all(y is not None and math.isfinite(y) for _, y in rows)
    several = [i for i, values in of.items() if len(set(values)) > 1]
    means = {i: sum(ys) / len(ys) if i in several else ys[0] for i, ys in sorted(of.items())} if known else {}
    good = len(means) >= 8 and len(set(means.values())) > 1 and not (several and repeated == "refuse")
    try:
        found = measured(space, given_table, "y", repeated)
    except ss.BadInput as error:
        found = error
    if not good:
        assert "\n" not in str(found)
        assert isinstance(found, ss.BadInput)
    else:
        assert found.indices.tolist() == list(means)
        assert found.values.tolist() == pytest.approx(list(means.values()))
        assert len(found.notes) == bool(several)


def test_an_architecture_with_several_values_has_their_mean_and_it_is_said():
    rows = pl.DataFrame({"index": [*GOOD["index"], 0, 90, 90], "y": [*GOOD["y"], 9.0, 1.0, 1.0]})
    fit = ss.fit("tss", rows, "y", repeats=0)
    assert (fit.rows, fit.about.measured.values[:2].tolist()) == (10, [4.5, 1.0])
    assert fit.notes[0] == "the mean of the values of 1 architectures that have several, 0 from 0 to 9, say"


def test_a_fit_of_another_space_is_refused():
    fit = ss.fit("tss", table("tss", 20), "accuracy", model="additive", repeats=0)
    other = ss.fit("tss", table("tss", 20), "accuracy", repeats=0)
    for score in (fit, fit.std, other, other.std):
        with pytest.raises(ss.BadInput, match="fit accuracy is of tss: it knows nothing of tss5"):
            ss.score("tss5", score, 0, 10)
    with pytest.raises(ss.BadInput, match="it knows nothing of darts"):
        ss.top_k("darts", 1, fit)


@pytest.mark.parametrize("model", ["gaussian", "additive"])
def test_a_fit_predicts_for_digits_of_its_space_only(model):
    fit = ss.fit("tss", table("tss", 20), "accuracy", model=model, repeats=0)
    for digits, message in [
        (ss.space("tss").digits(5), "digits of shape (6,): expected a row for each architecture of tss"),
        (
            ss.space("tss5").digits_of([5]),
            "digits of tss are 6 integers to an architecture, not uint8 of",
        ),
        (np.full((1, 6), 5, np.uint8), "digit 5 at position 0 (0->1) of tss: expected 0 to 4"),
        (np.zeros((1, 6)), "digits of tss are 6 integers to an architecture, not float64"),
    ]:
        for ask in (fit.mean_and_std, fit.deviation):
            with pytest.raises(ss.BadInput, match=re.escape(message)):
                ask(digits)


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for model in ("forest", "boosting"):
        with pytest.raises(ss.BadInput, match=f"model '{model}' needs scikit-learn: pip install"):
            ss.fit("tss", table("tss", 20), "accuracy", model=model, repeats=0)


def test_defaults_follow_the_rows_and_the_space(monkeypatch):
    monkeypatch.setattr("sedspace.learning.fitting.MOST_GAUSSIAN", 25)
    assert ss.fit("tss", table("tss", 25), "accuracy", repeats=0).notes == ("model: gaussian", "features: topology")
    pytest.importorskip("sklearn")
    assert ss.fit("tss", table("tss", 26), "accuracy", repeats=0).model == "boosting"
    assert ss.fit("sss", table("sss", 20, by="params"), "accuracy", repeats=0).notes == (
        "model: gaussian", "features: choices", "prior: sed, in place of propagated_sed",
    )  # fmt: skip


def test_trees_predict_what_scikit_learn_does():
    ensemble = pytest.importorskip("sklearn.ensemble")
    x, prior, y = random_rows(60, 4, 0)
    asked, asked_prior, _ = random_rows(40, 4, 1)
    inputs, rows = np.c_[x, prior].astype(np.float32), np.c_[asked, asked_prior].astype(np.float32)
    forest = ensemble.RandomForestRegressor(**trees.FOREST, random_state=3).fit(inputs, y)
    mean, deviation = trees.forest(x, prior, y, 3).predicted(asked, asked_prior)
    each = np.array([tree.predict(rows) for tree in forest.estimators_])
    assert mean == pytest.approx(forest.predict(rows))
    assert deviation == pytest.approx(each.std(axis=0))
    random = np.random.default_rng(4)
    machines = []
    for _ in range(trees.MACHINES):
        drawn = random.integers(0, 60, 60)
        machine = ensemble.GradientBoostingRegressor(**trees.BOOSTING, random_state=int(random.integers(1 << 31)))
        machines.append(machine.fit(inputs[drawn], y[drawn]).predict(rows))
    mean, deviation = trees.boosting(x, prior, y, 4).predicted(asked, asked_prior)
    assert mean == pytest.approx(np.mean(machines, axis=0))
    assert deviation == pytest.approx(np.std(machines, axis=0), abs=1e-9)


def test_the_command_writes_a_fit_that_others_read(forget_scores, tmp_path):
    table("tss", 30).write_csv(tmp_path / "t.csv")
    fitted = ["fit", "tss", str(tmp_path / "t.csv"), "--column", "accuracy", "--repeats", "2", "--out"]
    out = str(tmp_path / "good.score")
    said = CliRunner().invoke(cli, [*fitted, out])
    assert said.exit_code == 0, said.output
    assert "accuracy: gaussian of 30 architectures of tss\n" in said.stdout
    assert "sedspace: features: topology\n" in said.stderr
    found = json.loads(CliRunner().invoke(cli, [*fitted, out, "--json", "--prior", "none", "--name", "good"]).stdout)
    assert (found["name"], found["model"], found["rows"], found["prior"]) == ("good", "gaussian", 30, None)
    assert [row["score"] for row in found["judgement"]][:2] == ["good", "sed"]
    fit = ss.read_fit(out)
    best = ss.top_k("tss", 1, fit)["index"].item()
    for arguments in (["--scores", out, "top", "tss"], ["top", "tss", "--scores", out]):
        forget_scores()
        shown = CliRunner().invoke(
            cli, [*arguments, "-k", "1", "--by", "good", "--columns", "index,good_std", "--json"]
        )
        (row,) = json.loads(shown.stdout)
        assert row["index"] == best
        assert row["good_std"] > 0
    for wrong, message in (
        (["--quantum", "1"], "--quantum is for tables of costs (--out FILE.csv), not for "),
        (["--by-operation"], "--by-operation is for tables of costs"),
        (["--features", "params,,macs"], "--features 'params,,macs': expected a name, or several with a comma between"),
    ):
        assert message in str(CliRunner().invoke(cli, [*fitted, out, *wrong]).exception)
    costs = str(tmp_path / "good.csv")
    assert "--model is for --out FILE.score, not for the table of costs" in str(
        CliRunner().invoke(cli, [*fitted, costs, "--model", "forest"]).exception
    )
    assert "expected a name that ends in .score, .csv or .parquet" in str(
        CliRunner().invoke(cli, [*fitted, str(tmp_path / "x.txt")]).exception
    )


def test_two_files_with_scores_of_one_name_are_refused(forget_scores, tmp_path):
    fits = [str(tmp_path / "a.score"), str(tmp_path / "b.score")]
    for seed, file in enumerate(fits):
        ss.fit("tss", table("tss", 20 + seed), "accuracy", model="additive", repeats=0).save(file)
    costs = [tmp_path / "a" / "c.csv", tmp_path / "b" / "c.csv"]
    for file in costs:
        file.parent.mkdir()
        file.write_text("operation,cost\n" + "".join(f"{op.name},1\n" for op in ss.space("tss").operations))
    files = [tmp_path / "a.py", tmp_path / "b.py"]
    for file in files:
        file.write_text(
            "import sedspace as ss\nss.register(ss.AdditiveScore('mine', {'n': {'skip_connect': 1}}, lambda n: n))\n"
        )
    for option, (one, two), name in [
        *[("--scores", fits, "accuracy"), ("--costs", costs, "c"), ("--scores", files, "mine")]
    ]:
        asked = CliRunner().invoke(cli, ["spaces", "tss", option, str(one), option, str(two)])
        assert f"{two} has a score {name}, as {one} has: expected different names" in str(asked.exception)
        assert CliRunner().invoke(cli, ["spaces", "tss", option, str(one), option, str(one)]).exit_code == 0
        asked = CliRunner().invoke(cli, [option, str(one), "spaces", "tss", option, str(two)])
        assert f"{two} has a score {name}, as {one} has: expected different names" in str(asked.exception)


def test_a_learning_curve_is_of_rows_that_were_not_learned_from():
    rows = measured(ss.space("tss"), table("tss", 40), "accuracy")
    asked = []

    class Learner:
        def __init__(self, given):
            self.values = given.values

        def predict(self, known, others):
            assert not set(known) & set(others)
            asked.append((len(known), len(others)))
            return self.values[others]

    found = learning_curve(
        rows, {"knows all": Learner}, {"opposite": -rows.values}, (10, 30), lambda size: 60 // size, most=15
    )
    assert asked == [(10, 15)] * 6 + [(30, 10)] * 2
    assert found["size"].to_list() == [10, 10, 30, 30]
    assert found["kendall"].to_list() == pytest.approx([1.0, -1.0] * 2)
    assert found["spearman_sd"].to_list() == pytest.approx([0.0] * 4, abs=1e-9)
