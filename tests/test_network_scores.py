"""Entropy, effectiveness, E-score, NN-Mass and NN-Degree of networks of blocks, and the best by them within budgets."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss
from bench.design import Evolution, Problem, cp_sat
from sedspace.counting import contracted, search
from sedspace.counting.aims import request
from sedspace.counting.branches import branches
from sedspace.counting.compiled import TooManyClasses
from sedspace.counting.labels import Columns
from sedspace.counting.search import searched
from sedspace.scores import network_entropy
from sedspace.spaces.blocks import Conv, ConvBlock
from test_stages import SMALL

NAMES = ("entropy", "effectiveness", "e_score")
NN = ("nn_mass", "nn_degree")

DEEP = """
kind = "stages"
name = "deep"
title = "two to four layers, as Once-for-all has them"
side = 16
classes = 3
between_stages = "|"
between_layers = ","

[[stem]]
width = 4

[every]
layers = [2, 3, 4]
arch = ""

[every.each]
block = "mbconv"
kernel = [3, 5]
expansion = [1, 2]
arch = "k{kernel}e{expansion}"

[[stages]]
width = 8

[[stages]]
width = 16
stride = 2
layers = [1, 2, 3]
"""


def written(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text)
    return ss.space(str(path))


@pytest.fixture
def small(tmp_path):
    return written(tmp_path, SMALL)


@pytest.fixture
def deep(tmp_path):
    return written(tmp_path, DEEP)


def of_blocks(space, index):
    """What `naive.network_entropy` asks for, read off the blocks."""
    outside, pooled = [], None
    stages = {n: [0, 0, 0, []] for n in range(1, space.stages + 1)}
    for block in space.blocks(index):
        if not isinstance(block, ConvBlock):
            pooled = pooled or (block.side, block.channels)
            continue
        convs = [c.c_in * c.kernel**2 / c.groups for c in block.steps if isinstance(c, Conv)]
        if block.stage:
            stage = stages[block.stage]
            stage[:2] = block.side // block.stride, block.c_out
            stage[2] += block.kind != "skip"
            stage[3] += convs
        elif pooled is None:
            outside += convs
    return outside, list(stages.values()), *pooled


def test_entropies_are_those_of_the_naive_network(small, deep):
    for space, step in ((small, 5), (deep, 997), (ss.space("nas_bench_macro"), 301)):
        rows = [ss.score(space, name).tolist() for name in NAMES]
        for index in range(0, space.size, step):
            expected = naive.network_entropy(*of_blocks(space, index))
            assert [row[index] for row in rows] == pytest.approx(expected, rel=1e-8)


def test_entropies_of_once_for_all():
    space = ss.space("ofa_mbv3")
    for index in ss.sample(space, 50, seed=4)["index"]:
        expected = naive.network_entropy(*naive.ofa_mbv3_convolutions(space.arch(index)))
        assert [ss.score(space, name, index, index + 1).item() for name in NAMES] == pytest.approx(expected, rel=1e-8)


def skips_of_blocks(space, index):
    """What `naive.nn_mass_of_stages` asks for, read off the blocks."""
    stages = [[0, 0, 0] for _ in range(space.stages)]
    for block in space.blocks(index):
        if block.stage:
            same = block.stride == 1 and block.c_in == block.c_out
            stage = stages[block.stage - 1]
            stage[0] = block.c_out
            stage[1] += block.kind != "skip"
            stage[2] += block.kind in ("residual", "bottleneck") or (block.kind == "mbconv" and same)
    return stages


def test_nn_mass_is_that_of_the_naive_stages(small, deep):
    for space, step in ((small, 1), (deep, 97)):
        rows = [ss.score(space, name).tolist() for name in NN]
        for index in range(0, space.size, step):
            mass, degree = naive.nn_mass_of_stages(skips_of_blocks(space, index))
            assert (rows[0][index], rows[1][index]) == (mass, float(degree))


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("nas_bench_macro", naive.nas_bench_macro_stages),
        ("mnasnet", naive.mnasnet_stages),
        ("ofa_mbv3", naive.ofa_mbv3_stages),
        ("ezennet_resnet", naive.ezennet_resnet_stages),
    ],
)
def test_nn_mass_of_known_spaces(name, stages):
    space = ss.space(name)
    asked = range(space.size) if space.size < 10_000 else ss.sample(space, 50, seed=5)["index"].to_list()
    masses, degrees = (ss.score(space, by, indices=asked).tolist() for by in NN)
    expected = [naive.nn_mass_of_stages(stages(space.arch(index))) for index in asked]
    assert masses == [mass for mass, _ in expected]
    assert degrees == [float(degree) for _, degree in expected]


@pytest.mark.parametrize("by", NN)
def test_exact_answers_by_nn_mass_are_those_of_all_rows(small, deep, by):
    for space in (small, deep):
        rows = pl.Series(by, ss.score(space, by))
        found = ss.census(space, [], by=by)
        expected = rows.value_counts().sort(by)
        assert found.sort(by)[by].to_list() == expected[by].to_list()
        assert found.sort(by)["count"].to_list() == expected["count"].to_list()


def test_nn_degree_of_stages_of_many_layers(tmp_path):
    """Their shares have no common unit that integers could hold: they are rounded to a fine one."""
    numbers = [*range(1, 31), 999]
    each = '[every.each]\nblock = "mbconv"\nkernel = [3, 5]\nexpansion = [1, 2]\narch = "k{kernel}e{expansion}"\n'
    deep = DEEP.replace(each, "").replace("[every]", '[every]\nblock = "mbconv"')
    deep = deep.replace("[2, 3, 4]", f"{numbers}").replace("[1, 2, 3]", f"{numbers}").replace('""', '"{layers}"')
    space = written(tmp_path, deep)
    degrees = ss.score(space, "nn_degree").tolist()
    expected = [naive.nn_mass_of_stages(skips_of_blocks(space, index))[1] for index in range(space.size)]
    assert degrees == pytest.approx(list(map(float, expected)), abs=1e-9)


def test_networks_without_residual_connections_have_no_nn_mass(tmp_path):
    text = DEEP.replace("mbconv", "conv").replace("expansion = [1, 2]\n", "").replace("e{expansion}", "")
    plain = written(tmp_path, text)
    assert not {*NN} & {*ss.scores.known_scores(plain)}


@pytest.mark.parametrize("by", ["sed", "entropy", "e_score", *NN])
@pytest.mark.parametrize("where", ["params < 9000 AND macs < 900000", "effectiveness <= 0.8 AND params < 12000"])
def test_the_best_within_budgets_are_those_of_all_rows(deep, by, where):
    rows = pl.DataFrame({name: ss.score(deep, name) for name in (by, "params", "macs", "effectiveness")})
    kept = rows.with_row_index("index").filter(pl.sql_expr(where)).sort([by, "index"], descending=[True, False])
    found = ss.top_k(deep, 20, by=by, where=where)
    assert found[by].to_list() == kept[by].head(20).to_list()
    assert found["index"].to_list() == kept["index"].head(20).to_list()


@pytest.mark.parametrize("by", ["sed", "entropy", "e_score", "nn_degree"])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (5_000, 20_001)])
@pytest.mark.parametrize("few", [contracted.FEW, 0])
def test_best_first_search_goes_on_as_all_rows_do(deep, by, start, stop, few, monkeypatch):
    """What is held back comes in its turn, in a range, too, and where positions are taken together."""
    monkeypatch.setattr(contracted, "FEW", few)
    if not few:
        for name, value in (("LABELS", 1), ("COMPARED", 4), ("CELLS", 1)):
            monkeypatch.setattr(search, name, value)
    where, stop = "params < 10000 AND macs < 900000", stop or deep.size
    asked = request(deep, [(ss.scores.known_scores(deep)[by], 1)], where, TooManyClasses())
    found = [(part.indices[0], part.values[0]) for part in islice(searched(asked, start, stop), 200)]
    rows = pl.DataFrame({name: ss.score(deep, name) for name in (by, "params", "macs")}).with_row_index("index")
    rows = rows.filter(pl.sql_expr(where) & pl.col("index").is_between(start, stop, closed="left"))
    expected = rows.sort([by, "index"], descending=[True, False]).head(200)
    assert found == expected.select("index", by).rows()


@pytest.mark.parametrize("by", ["sed", "entropy", "e_score", *NN])
def test_the_best_of_once_for_all(by):
    where = "macs <= 300000000 AND params <= 6000000"
    (found,) = ss.top_k("ofa_mbv3", 1, by=by, where=where, columns=["params", "macs"]).rows(named=True)
    assert found["params"] <= 6_000_000
    assert found["macs"] <= 300_000_000
    some = ss.sample("ofa_mbv3", 2000, seed=3)["index"].to_list()
    values, params, macs = (ss.score("ofa_mbv3", name, indices=some) for name in (by, "params", "macs"))
    assert found[by] >= values[(params <= 6_000_000) & (macs <= 300_000_000)].max()


@pytest.mark.parametrize("by", ["sed", "entropy", "e_score"])
def test_what_the_exact_best_is_measured_against_asks_the_same(deep, tmp_path, by):
    """Evolution finds nothing better, and CP-SAT the same."""
    budgets = {"params": 9000, "macs": 900_000}
    where = " AND ".join(f"{name} <= {most}" for name, most in budgets.items())
    best = ss.top_k(deep, 1, by=by, where=where)[by].item()
    problem = Problem.of(str(tmp_path / "own.toml"), by, budgets)
    found = Evolution(problem, 1).run(16, 300)
    rows = pl.DataFrame({name: ss.score(deep, name) for name in (by, *budgets)}).filter(pl.sql_expr(where))
    assert found in rows[by].to_list()
    assert found <= best
    if (solved := cp_sat(problem)) is not None:
        assert (solved["status"], solved["value"]) == ("OPTIMAL", pytest.approx(best))


APART = """
kind = "stages"
name = "apart"
title = "stages whose layers are alike, as Incorporated-NAS has them"
side = 16
classes = 3
most_layers = 7
between_stages = "|"

[[stem]]
width = 4

[every]
apart = true
layers = [1, 2, 3, 4]
arch = "{form}w{width}x{layers}"
block = "mbconv"
kernel = [3, 5]
expansion = [1, 2]

[[stages]]
width = [4, 8]

[[stages]]
width = [8, 12]
stride = 2

[[stages]]
width = [8, 16]
stride = 2
"""


@pytest.fixture
def apart(tmp_path):
    return written(tmp_path, APART)


@pytest.mark.parametrize("few", [contracted.FEW, 0])
@pytest.mark.parametrize("where", ["params < 6000", "params < 9000 AND macs < 500000", "effectiveness <= 0.5"])
def test_branches_by_depths_leave_nothing_out_and_are_nowhere_better_than_their_bounds(apart, where, few, monkeypatch):
    monkeypatch.setattr(contracted, "FEW", few)
    monkeypatch.setattr(contracted, "CHOICES", 1 << 6)
    score = ss.scores.known_scores(apart)["e_score"]
    asked = request(apart, [(score, 1)], where, TooManyClasses())
    columns = Columns(asked)
    machine = contracted.contracted(columns.steps, columns.tables, True)
    assert machine.starts == (list(range(10)) if few else [0, 3, 6, 9])
    names = ["index", "e_score", "params", "macs", "effectiveness"]
    rows = pl.DataFrame({name: ss.score(apart, name) for name in names[1:]}).with_row_index("index")
    rows = rows.filter(pl.sql_expr(where))
    digits = apart.digits(rows["index"].to_list())
    blocks = [
        np.ravel_multi_index(tuple(digits[:, lo:hi].T), radices)
        for (lo, hi), radices in zip(pairwise(machine.starts), machine.radices, strict=True)
    ]
    known = branches(columns, machine)
    assert 1 < len(known) <= 34  # sums of three depths of one to four up to seven
    held = np.zeros(len(rows), np.int64)
    for branch in known:
        inside = np.all([allowed[own] for allowed, own in zip(branch.allowed, blocks, strict=True)], axis=0)
        held += inside
        if inside.any():
            assert -branch.bound >= rows["e_score"].to_numpy()[inside].max()
    assert (held == 1).all()
    expected = rows.sort(["e_score", "index"], descending=[True, False]).head(300).select("index", "e_score").rows()
    assert [(part.indices[0], part.values[0]) for part in islice(searched(asked, 0, apart.size), 300)] == expected


def test_there_are_no_branches_of_nothing(apart):
    asked = request(apart, [(ss.scores.known_scores(apart)["e_score"], 1)], None, TooManyClasses())
    asked.allowed[3] = np.zeros(len(apart.positions[3].choices), np.bool_)
    assert list(searched(asked, 0, apart.size)) == []


def test_depths_that_layers_are_skipped_from_are_counted_as_they_come():
    space, where = ss.space("nas_bench_macro"), "params < 2500000 AND macs < 90000000"
    score = ss.scores.known_scores(space)["e_score"]
    asked = request(space, [(score, 1)], where, TooManyClasses())
    rows = pl.DataFrame({name: ss.score(space, name) for name in ("e_score", "params", "macs")}).with_row_index("index")
    rows = rows.filter(pl.sql_expr(where)).sort(["e_score", "index"], descending=[True, False])
    found = [(part.indices[0], part.values[0]) for part in islice(searched(asked, 0, space.size), 200)]
    assert found == rows.head(200).select("index", "e_score").rows()


def test_depths_of_too_many_states_are_one_sum_for_each_stage(monkeypatch):
    """Values are the same; only what is best where classes are too many cannot be asked for."""
    space = ss.space("nas_bench_macro")
    expected = ss.score(space, "e_score")
    monkeypatch.setattr(network_entropy, "DEPTHS", 0)
    (score,) = [one for one in network_entropy.network_entropy_scores(space) if one.name == "e_score"]
    assert ss.score(space, score).tolist() == expected.tolist()
    assert score.monotone is None


def test_the_best_of_large_spaces_with_skips_by_e_score():
    """Without budgets, the deepest network of the largest kernels and expansions."""
    (found,) = ss.top_k("fbnet", 1, by="e_score").rows(named=True)
    some = ss.sample("fbnet", 2000, seed=3)["index"].to_list()
    assert found["e_score"] >= ss.score("fbnet", "e_score", indices=some).max()
    assert found["arch"] == ",".join(["k5_e6"] * 22)
