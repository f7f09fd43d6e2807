"""Fits: models against textbook formulas, exact answers, what they say of themselves, files, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive_learning as naive
import sedspace as ss
from sedspace.learning.gaussian import Gaussian
from sedspace.learning.ranks import NormalScale
from sedspace.learning.ridge import PENALTIES, Ridge


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
    assert found[0] == pytest.approx(mean)
    assert found[1] == pytest.approx(deviation)
    best = naive.most_likely(x, prior, y)
    assert (model.length, model.signal, model.noise) == pytest.approx(best)


def test_a_gaussian_process_says_the_same_of_an_architecture_wherever_it_stands():
    x, prior, y = random_rows(30, 5, 1)
    model = Gaussian.learned(x, prior, y, 0)
    asked, asked_prior, _ = random_rows(100, 5, 2)
    whole = np.stack(model.predicted(asked, asked_prior))
    alone = np.stack([np.stack(model.predicted(asked[i : i + 1], asked_prior[i : i + 1]))[:, 0] for i in range(100)])
    assert (alone == whole.T).all()


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


@pytest.mark.parametrize("model", ["gaussian", "additive", "forest", "boosting"])
def test_a_fit_is_a_score(model, forget_scores, tmp_path):
    if model in ("forest", "boosting"):
        pytest.importorskip("sklearn")
    fit = ss.fit("tss", table("tss", 50), "accuracy", model=model, repeats=0)
    assert (fit.model, fit.rows, fit.name, fit.judgement) == (model, 50, "accuracy", None)
    values, space = ss.score("tss", fit), ss.space("tss")
    assert np.corrcoef(values, ss.score("tss"))[0, 1] > 0.85
    mean, deviation = fit.mean_and_std(space.digits_of_range(0, 100))
    assert (deviation >= 0).all()
    assert np.argsort(mean, kind="stable").tolist() == np.argsort(fit.scale.valued(mean), kind="stable").tolist()
    best = np.lexsort((np.arange(len(values)), -values))[:5].tolist()
    assert ss.top_k("tss", 5, fit)["index"].to_list() == best
    ss.register(fit)
    ss.register(fit.std)
    limit = float(np.quantile(values, 0.9))
    assert ss.members("tss", where=f"accuracy >= {limit}").count == (values >= limit).sum()
    assert (
        ss.top_k("tss", 1, "sed", where=f"accuracy < {limit}")["index"].item()
        == np.lexsort((np.arange(len(values)), -np.where(values < limit, ss.score("tss"), -1)))[0]
    )
    front = ss.pareto("tss", "accuracy", "params")
    assert front["accuracy"][0] == values.max()
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["accuracy", "accuracy_std"], progress=False)
    assert run.scan().collect()["accuracy"].to_numpy().tolist() == values.tolist()
    assert run.verify(full=True) == []
    std = run.scan().collect()["accuracy_std"].to_numpy()
    assert std[:100] == pytest.approx(fit.deviation(space.digits_of_range(0, 100)), rel=1e-6)
    assert run.sql("SELECT max(accuracy) AS best FROM archs")["best"].item() == values.max()
