"""NAS-Bench-101: generated, written, read, costed."""

from __future__ import annotations

import json
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
import sedspace as ss
from sedspace.spaces import nb101

OPERATIONS = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
SPACE = ss.space("nb101")


def test_every_small_cell_is_generated_once():
    keys = set()
    for index in range(SPACE.size):
        if SPACE.cells.vertices[index] > 5:
            break
        matrix, names = SPACE.matrix(index)
        n = len(matrix)
        bits = sum(matrix[x][y] << (x + y * (y - 1) // 2) for y in range(n) for x in range(y))
        keys.add((n, bits, tuple(OPERATIONS.index(name) for name in names[1:-1])))
    assert index == 1 + 6 + 84 + 2441
    assert keys == {(n, *cell) for n in (2, 3, 4, 5) for cell in naive.nb101_cells(n)}


def test_all_cells_ascend():
    assert len(SPACE.cells.keys) == SPACE.size == 423_624
    assert (np.diff(SPACE.cells.keys) > 0).all()


def test_cells_are_canonical():
    for index in Random(1).sample(range(SPACE.size), 300):
        matrix, names = SPACE.matrix(index)
        n = len(matrix)
        bits = sum(matrix[x][y] << (x + y * (y - 1) // 2) for y in range(n) for x in range(y))
        labels = tuple(OPERATIONS.index(name) for name in names[1:-1])
        assert naive.nb101_canonical(matrix, labels) == (bits, labels)


@given(st.integers(0, 423_623), st.randoms())
def test_a_cell_is_found_however_it_is_written(index, random):
    matrix, names = SPACE.matrix(index)
    n = len(matrix)
    assert SPACE.parse(SPACE.arch(index)) == index
    assert SPACE.parse(json.dumps(matrix) + json.dumps(names)) == index
    order = [0, *random.sample(range(1, n - 1), n - 2), n - 1]  # any numbering, also against the edges
    shuffled = [[matrix[x][y] for y in order] for x in order]
    assert SPACE.find(shuffled, [names[v] for v in order]) == index
    wider = [[*row[:-1], 0, row[-1]] for row in matrix]  # a vertex that leads nowhere, from the input
    wider.insert(n - 1, [0] * (n + 1))
    wider[0][n - 1] = 1
    assert SPACE.find(wider, [*names[:-1], random.choice(OPERATIONS), "output"]) == index
    assert SPACE.find(np.array(matrix, np.int8), names) == index
    assert SPACE.parse(SPACE.arch(index).replace(",", ", ")) == index
    assert SPACE.draw(index).count("\n") == n - 1


def test_the_benchmark_agrees(shared):
    """The same matrices, parameters and hashes as NAS-Bench-101's own."""
    table = pl.read_parquet(shared / "benchmarks" / "nb101_20k.parquet")
    rows = table.select("adjacency", "ops", "hash").head(2000).rows()
    indices = [SPACE.find(json.loads(matrix), json.loads(ops)) for matrix, ops, _ in rows]
    assert ss.score(SPACE, "params")[indices].tolist() == table["params"].head(2000).to_list()
    for index, (matrix, ops, name) in zip(indices, rows, strict=True):
        assert SPACE.matrix(index) == (json.loads(matrix), json.loads(ops))
        assert SPACE.module_hash(index) == name


def test_cells_are_found_by_the_hashes_of_the_benchmark(monkeypatch):
    chosen = [*range(400), *Random(3).sample(range(SPACE.size), 200)]
    names = []
    for index in chosen:
        matrix, operations = SPACE.matrix(index)
        labels = [-1, *(OPERATIONS.index(name) for name in operations[1:-1]), -2]
        names.append(naive.module_hash(matrix, labels))
        assert SPACE.module_hash(index) == names[-1]
    monkeypatch.setitem(vars(SPACE), "_entries_by_hash", dict(zip(names, chosen, strict=True)))  # all take a while
    assert SPACE.parse(names).tolist() == chosen
    assert SPACE.parse(f" {names[7]} ") == chosen[7]
    lean = ss.restrict(SPACE, ss.AtMost(1, OPERATIONS[0]))
    assert lean.arch(lean.parse(names[3])) == SPACE.arch(3)
    with pytest.raises(ss.BadInput, match=f"hash '{'0' * 32}' is of no cell of nb101"):
        SPACE.parse("0" * 32)


def test_all_hashes_are_found_part_by_part(monkeypatch, capsys):
    assert len(SPACE.cells.keys) == SPACE.size  # made before there are to be fewer
    monkeypatch.setattr(nb101, "_SIZE", 300)
    monkeypatch.setattr(nb101, "_HASHED", 128)
    found = vars(nb101.Nb101Space)["_entries_by_hash"].func(SPACE)
    assert found == {SPACE.module_hash(index): index for index in range(300)}
    assert capsys.readouterr().err == ""


def test_costs_are_those_of_the_layers():
    """Of every cell of up to five vertices, and of some of the others."""
    small = int(np.searchsorted(SPACE.cells.vertices, 6))
    chosen = [*range(small), *Random(2).sample(range(small, SPACE.size), 500)]
    params, macs = (ss.score(SPACE, name, indices=chosen).tolist() for name in ("params", "macs"))
    for i, index in enumerate(chosen):
        layers = naive.nb101_layers(*SPACE.matrix(index))
        assert (params[i], macs[i]) == (sum(n for n, _ in layers), sum(n * pixels for n, pixels in layers)), index


def test_runs_have_the_names_of_the_benchmark(tmp_path):
    columns = ["sed", "arch", "nasbench_hash"]
    run = ss.enumerate_space(SPACE, tmp_path / "run", columns=columns, stop=500, progress=False)
    frame = run.scan().collect()
    assert frame["arch"].to_list() == [SPACE.arch(i) for i in range(500)]
    assert frame["nasbench_hash"].to_list() == [SPACE.module_hash(i) for i in range(500)]
    assert run.verify() == []
    assert ss.open_run(tmp_path / "run").unchecked == []


def test_the_best_of_what_a_condition_leaves():
    sed, kept = ss.score(SPACE), np.flatnonzero(ss.score(SPACE, "n_edges") <= 7)
    best = kept[np.lexsort((kept, -sed[kept]))][:20]
    assert ss.top_k(SPACE, 20, where="n_edges <= 7")["index"].to_list() == best.tolist()


def test_sed_by_its_definition():
    sed = ss.score(SPACE)
    for index in Random(4).sample(range(SPACE.size), 200):
        matrix, names = SPACE.matrix(index)
        convs = sum({"conv3x3-bn-relu": 1, "conv1x1-bn-relu": 0.75}.get(name, 0) for name in names)
        assert sed[index] == (1 + 0.75 * matrix[0][-1]) * convs - 0.25 * names.count("maxpool3x3")


@pytest.mark.parametrize(
    ("matrix", "operations", "message"),
    [
        ([[0, 1]], ["input", "output"], "1 rows and 2 operations"),
        (None, ["input", "output"], "expected a matrix of 0 and 1 and a list of operations"),
        ([[0, 1.0], [0, 0]], ["input", "output"], "expected a matrix of 0 and 1"),
        ([1, [0]], ["input", "output"], "expected a matrix of 0 and 1"),
        ([[0, 1], [0, 0]], ["input", "conv", "output"], "2 rows and 3 operations"),
        ([[0, 2], [0, 0]], ["input", "output"], "must hold 0 and 1 only"),
        ([[0, 1], [0, 0]], ["output", "input"], "expected 'input' first and 'output' last"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv5x5", "output"], "vertex 1 has operation 'conv5x5'"),
        ([[0, 0], [0, 0]], ["input", "output"], "no way from the input to the output"),
        (
            [[0, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]],
            ["input", OPERATIONS[0], OPERATIONS[0], "output"],
            "the edges among vertices 1, 2, 3 form a cycle",
        ),
        (
            [[int(x < y) for y in range(6)] for x in range(6)],
            ["input", *OPERATIONS, OPERATIONS[0], "output"],
            "has 15 edges, expected at most 9",
        ),
        (
            [[int(y == x + 1) for y in range(9)] for x in range(9)],
            ["input", *[OPERATIONS[0]] * 7, "output"],
            "has 9 vertices, expected at most 7",
        ),
    ],
)
def test_malformed_cells(matrix, operations, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        SPACE.find(matrix, operations)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("x", "expected a matrix and operations"),
        ("[[0,1],[0,0]", "expected a matrix and operations"),
        ("[[0,1],[0,0]] [", "expected a matrix and operations"),
        (7, "arch 7 of nb101: expected a matrix and operations"),
        ("[" * 50_000 + "]]", "expected a matrix and operations"),
        ("[[0,1],[0,0]] input", "cell of nb101: 2 rows and 1 operations"),
    ],
)
def test_malformed_archs(arch, message):
    with pytest.raises(ss.BadInput, match=message):
        SPACE.parse([arch])
