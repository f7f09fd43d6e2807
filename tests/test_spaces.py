"""Spaces: sizes, digits, indices, arch strings, features; exhaustively on tss, by hypothesis on larger ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
import sedspace as ss

NODES = {"tss2": 2, "tss3": 3, "tss": 4, "tss5": 5, "tss6": 6, "tss7": 7, "tss8": 8, "tss12": 12}


@pytest.mark.parametrize(("name", "nodes"), NODES.items())
def test_size_and_positions(name, nodes):
    space = ss.space(name)
    assert space.size == 5 ** (nodes * (nodes - 1) // 2)
    assert [position.name for position in space.positions] == [f"{a}->{b}" for a, b in naive.edges(nodes)]


def test_every_tss_cell():
    space = ss.space("tss")
    indices = np.arange(space.size)
    digits = space.digits(indices)
    assert digits.dtype == np.uint8
    assert digits.tolist() == [naive.digits(i, [5] * 6) for i in range(space.size)]
    archs = space.arch(indices)
    assert archs.tolist() == [naive.arch(row, 4) for row in digits.tolist()]
    assert np.array_equal(space.index(digits), indices)
    assert np.array_equal(space.parse(archs), indices)


@given(st.sampled_from(list(NODES)), st.data())
def test_cells_of_any_size(name, data):
    space, nodes = ss.space(name), NODES[name]
    indices = data.draw(st.lists(st.integers(0, space.size - 1), min_size=1, max_size=4))
    digits = [naive.digits(i, [5] * len(space.positions)) for i in indices]
    archs = [naive.arch(row, nodes) for row in digits]
    assert space.digits(indices).tolist() == digits
    assert space.arch(indices).tolist() == archs
    assert space.index(digits).tolist() == indices
    assert space.parse(archs).tolist() == indices
    assert [space.digits(i).tolist() for i in indices] == digits
    assert [space.arch(i) for i in indices] == archs
    assert [space.index(row) for row in digits] == indices
    assert [space.parse(arch) for arch in archs] == indices


def test_space_is_found_once_and_passed_through():
    assert ss.space("tss4") is ss.space("tss")
    assert ss.space(ss.space("tss5")) is ss.space("tss5")


@pytest.mark.parametrize("name", ["tss", "tss5", "tss7"])
def test_features_are_tables(name):
    space = ss.space(name)
    indices = np.random.default_rng(0).integers(0, space.size, 40)
    digits = space.digits(indices)
    expected = {
        **{n: [naive.counts(row)[c] for row in digits] for c, n in enumerate(list(space.features)[:5])},
        "residual": [naive.residual(row, NODES[name]) for row in digits],
        "params": [naive.params(row) for row in digits],
        "macs": [naive.macs(row) for row in digits],
        "params_cifar100": [naive.params(row, "cifar100") for row in digits],
        "macs_cifar100": [naive.macs(row, "cifar100") for row in digits],
        "params_imagenet16": [naive.params(row, "imagenet16") for row in digits],
        "macs_imagenet16": [naive.macs(row, "imagenet16") for row in digits],
    }
    assert list(space.features) == list(expected)
    for feature_name, values in expected.items():
        feature = space.features[feature_name]
        total = feature.base + sum(table[digits[:, p]] for p, table in enumerate(feature.table))
        assert total.tolist() == values, feature_name


def test_feature_tables_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        ss.space("tss").features["params"].table[0][0] = 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tss55x", "unknown space 'tss55x'.*tss5"),
        ("nats", "unknown space 'nats'"),
        ("tss1", "'tss1': a cell of 1 node has no edges"),
        ("tss0", "'tss0': a cell of 0 node has no edges"),
        ("tss24", "at most tss23"),
        ("tss05", "unknown space"),
        ("", "unknown space ''"),
    ],
)
def test_unknown_space(name, message):
    with pytest.raises(ss.BadInput, match=message):
        ss.space(name)


GOOD = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|none~2|"


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        (GOOD.replace("skip_connect~1", "max_pool_3x3~1"), "edge 1->2 has operation 'max_pool_3x3', expected one of"),
        (GOOD.replace("skip_connect~1", "skip_connect~0"), "edge 1->2 is written 'skip_connect~0'"),
        (GOOD.replace("skip_connect~1", "skip_connect"), "edge 1->2 is written 'skip_connect'"),
        (GOOD.replace("|skip_connect~1", ""), "node 2 has 1 edges, expected 2"),
        (GOOD + "+|none~0|none~1|none~2|none~3|", "describes 5 nodes, but tss has 4"),
        (GOOD[1:], "node 1 is written"),
        ("", "describes 2 nodes"),
    ],
)
def test_malformed_arch(arch, message):
    space = ss.space("tss")
    with pytest.raises(ss.BadInput, match=message):
        space.parse(arch)
    with pytest.raises(ss.BadInput, match="row 1: .*" + message):
        space.parse([GOOD, arch])


@pytest.mark.parametrize("index", [-1, 15625, 2**70])
def test_index_outside(index):
    space = ss.space("tss")
    for call in (space.digits, space.arch):
        with pytest.raises(ss.BadInput, match=f"index {index} is outside tss: expected 0 to 15624"):
            call(index)
        with pytest.raises(ss.BadInput, match=f"index {index} is outside tss"):
            call([0, index])


def test_indices_that_are_no_integers():
    space = ss.space("tss")
    with pytest.raises(ss.BadInput, match=r"1\.5 is not an integer"):
        space.digits(1.5)
    with pytest.raises(ss.BadInput, match=r"index 1\.0 is not an integer"):
        space.digits([1.0, 2.0])
    with pytest.raises(ss.BadInput, match="flat sequence of integers, not float64"):
        space.digits(np.array([1.0, 2.0]))


def test_unsigned_indices_do_not_become_floats():
    space = ss.space("tss7")
    index = 2**48 + 1
    assert space.digits(np.array([index], np.uint64)).tolist() == [naive.digits(index, [5] * 21)]


@pytest.mark.parametrize(
    ("digits", "message"),
    [
        ([0, 0, 5, 0, 0, 0], r"digit 5 at position 2 \(1->2\) of tss: expected 0 to 4"),
        ([0, 0, -1, 0, 0, 0], r"digit -1 at position 2"),
        ([0, 0], "6 integers to an architecture"),
        ([0.0] * 6, "6 integers to an architecture, not float64"),
    ],
)
def test_wrong_digits(digits, message):
    with pytest.raises(ss.BadInput, match=message):
        ss.space("tss").index(digits)
