"""Topology features: every one is what going all paths finds, whatever the space."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import naive
import sedspace as ss
from sedspace.scores.topology import topology, topology_names, topology_of_range
from test_propagated import own_spaces, random_cells


def check(space, digits, exact):
    """Every feature of cells, integers exactly."""
    names, found = topology_names(space), topology(space, digits)
    assert found.shape == (len(digits), len(names))
    for number, name in enumerate(names):
        expected = [one[name] for one in exact]
        if all(isinstance(value, int) for value in expected):
            assert_array_equal(found[:, number], expected, err_msg=name)
        else:
            assert_allclose(found[:, number], np.array(expected, float), rtol=1e-12, atol=1e-14, err_msg=name)


def test_every_cell_of_tss():
    space = ss.space("tss")
    digits = space.digits_of_range(0, space.size)
    check(space, digits, [naive.tss_topology(row, 4) for row in digits.tolist()])


def test_every_cell_of_transnas_micro():
    space = ss.space("transnas_micro")
    digits = space.digits_of_range(0, space.size)
    check(space, digits, [naive.tss_topology(row, 4) for row in digits.tolist()])


@pytest.mark.parametrize(("nodes", "count"), [(2, 5), (3, 125), (5, 400), (6, 60), (7, 8)])
def test_cells_of_other_numbers_of_nodes(nodes, count):
    digits, _ = random_cells(f"tss{nodes}", count, nodes)
    check(ss.space(f"tss{nodes}"), digits, [naive.tss_topology(row, nodes) for row in digits.tolist()])


DARTS = {
    "max_pool_3x3": "max_pool",
    "avg_pool_3x3": "avg_pool",
    "skip_connect": "skip",
    "sep_conv_3x3": "sep3x3",
    "sep_conv_5x5": "sep5x5",
    "dil_conv_3x3": "dil3x3",
    "dil_conv_5x5": "dil5x5",
}
NB101 = {"conv3x3-bn-relu": "conv3x3", "conv1x1-bn-relu": "conv1x1", "maxpool3x3": "pool"}


def as_columns(found, operations):
    """The features with operations by the names of their columns."""
    for operation, column in operations.items():
        found = {name.replace(f"n_{operation}", f"n_{column}"): value for name, value in found.items()}
    return found


def test_darts():
    digits, _ = random_cells("darts", 150, 1)
    check(ss.space("darts"), digits, [as_columns(naive.darts_topology(row), DARTS) for row in digits.tolist()])


def test_nb101():
    space = ss.space("nb101")
    chosen = [*range(300), *np.random.default_rng(1).integers(0, space.size, 500).tolist()]
    exact = [as_columns(naive.nb101_topology(*space.matrix(index)), NB101) for index in chosen]
    check(space, space.digits(chosen), exact)


@settings(max_examples=60)
@given(own_spaces(), st.data())
def test_own_spaces(space, data):
    indices = data.draw(st.lists(st.integers(0, space.size - 1), min_size=1, max_size=20))
    exact = []
    for index in indices:
        what = [(o.name, (o.kind, o.kernel, o.dilation)) for o in space.chosen(index)]
        edges = [(*ends, *one, 1) for ends, one in zip(space.edges, what, strict=True)]
        exact.append(naive.topology(edges, 1, [operation.name for operation in space.operations], space.nodes - 1))
    check(space, space.digits(indices), exact)


# -- columns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tss", "transnas_micro", "nb101", "darts", "tss8"])
def test_every_feature_is_a_column(name):
    """Counts and paths that the space has anyway are the same ones."""
    space = ss.space(name)
    indices = [number * (space.size - 1) // 49 for number in range(50)]
    features = topology(space, space.digits(indices))
    for number, column in enumerate(topology_names(space)):
        values = ss.score(space, column, indices=indices)
        assert_array_equal(values, features[:, number].astype(values.dtype), err_msg=column)


def test_ranges_do_not_depend_on_threads():
    space = ss.space("tss5")
    found = topology_of_range(space, 5000, 25_000, threads=1)
    assert_array_equal(topology_of_range(space, 5000, 25_000, threads=3), found)
    assert_array_equal(found[::999], topology(space, space.digits(range(5000, 25_000, 999))))
    conv = found[:, topology_names(space).index("conv_sum")]
    assert_array_equal(ss.score(space, "conv_sum", 5000, 25_000, threads=2), conv)
    assert topology_of_range(space, 7, 7).shape == (0, found.shape[1])


def test_the_largest_cells():
    """All nodes of tss23 joined: a path for every set of nodes between, more than float32 tells apart."""
    space = ss.space("tss23")
    full = np.full((1, 253), 3, np.uint8)
    found = dict(zip(topology_names(space), topology(space, full)[0], strict=True))
    assert found["paths"] == found["paths_without_pool"] == 2**21
    assert found["conv_sum"] == found["length_sum"] == sum(k * math.comb(21, k - 1) for k in range(1, 23))
    assert (found["conv_most"], found["conv_least"], found["conv_on_every_path"]) == (22, 1, 0)
    assert ss.score(space, "weight_sum", indices=space.index(full)).tolist() == [4 * found["conv_sum"]]


def test_restricted_spaces():
    space = ss.restrict("tss", ss.Connected())
    found = topology_of_range(space, 0, space.size)
    whole = topology(ss.space("tss"), space.digits(range(space.size)))
    assert_array_equal(found, whole)
    assert_array_equal(ss.score(space, "conv_bypassed"), found[:, topology_names(space).index("conv_bypassed")])


def test_runs(tmp_path):
    columns = ["index", "conv_sum", "sed", "paths_identity", "effective_width", "shortest_light_full"]
    run = ss.enumerate_space("tss", tmp_path / "run", columns=columns, progress=False)
    assert run.verify(full=True) == []
    table = run.scan().collect()
    for column in columns[1:]:
        assert_array_equal(table[column], ss.score("tss", column))
    assert ss.top_k("tss", 1, "paths_identity")["index"].item() == naive.index([1] * 6, [5] * 6)


def test_bad_input():
    assert topology_names(ss.space("sss")) == ()
    with pytest.raises(ss.BadInput, match="topology is of cells, not of sss"):
        topology(ss.space("sss"), ss.space("sss").digits([0]))
    with pytest.raises(ss.BadInput, match="unknown score 'paths_identity'"):
        ss.score("sss", "paths_identity")
