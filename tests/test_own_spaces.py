"""Spaces of one's own: from Python and from TOML, with everything that sedspace's own have."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise

import pytest

import naive
import sedspace as ss
from sedspace.spaces.custom import from_definition

OPERATIONS = [
    {"name": "none", "kind": "none"},
    {"name": "skip_connect", "kind": "skip"},
    {"name": "nor_conv_1x1", "kind": "conv", "kernel": 1},
    {"name": "nor_conv_3x3", "kind": "conv", "kernel": 3},
    {"name": "avg_pool_3x3", "kind": "pool", "kernel": 3},
]
TOML = """
name = "mine"
nodes = 5

[[operations]]
name = "none"
kind = "none"

[[operations]]
name = "skip_connect"
kind = "skip"

[[operations]]
name = "dil_conv_5x5"
kind = "conv"
kernel = 5
dilation = 2

[[operations]]
name = "max_pool_3x3"
kind = "pool"
kernel = 3

[skeleton]
dataset = "tiny"
side = 64
classes = 200
widths = [8, 24]
cells = 3
"""


def test_the_nats_cell_made_by_hand_is_the_nats_cell():
    mine, tss = ss.cell_space("mine", 4, OPERATIONS), ss.space("tss")
    assert mine.size == tss.size
    for name in ("sed", "params", "macs", "residual", "depth", "functional_class", "entropy"):
        assert ss.score(mine, name).tolist() == ss.score(tss, name).tolist(), name
    assert mine.arch(range(100)).tolist() == tss.arch(range(100)).tolist()
    assert mine.parse(tss.arch(11_668)) == 11_668
    assert ss.census(mine)["count"].to_list() == ss.census(tss)["count"].to_list()


def test_the_extended_cell():
    """Seven operations on five nodes: 282,475,249 cells, counted and not looked at."""
    more = [
        {"name": "nor_conv_5x5", "kind": "conv", "kernel": 5},
        {"name": "max_pool_3x3", "kind": "pool", "kernel": 3},
    ]
    space = ss.cell_space("more", 5, [*OPERATIONS, *more])
    assert space.size == 282_475_249
    assert ss.census(space)["count"].sum() == space.size
    best = ss.top_k(space, 1)
    assert best["sed"].item() == (1 + 0.75) * 9 * 1.25
    assert ss.score(space, "n_nor_conv_5x5", best["index"].item(), best["index"].item() + 1).item() == 9


def test_toml_and_runs(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    space = ss.space(str(path))
    assert (space.name, space.size, space.operations[2].dilation) == ("mine", 4**10, 2)
    index = space.index([2] * 10)
    assert ss.score(space, "sed", index, index + 1).item() == 10 * 0.75 * 1.25
    per_edge = 3 * sum(25 * c * c + 2 * c for c in (8, 24))
    around = 27 * 8 + 16 + (9 * 8 * 24 + 48) + (9 * 24 * 24 + 48) + 8 * 24 + 48 + 24 * 200 + 200
    assert ss.score(space, "params", index, index + 1).item() == around + 10 * per_edge
    assert space.digits(123_456).tolist() == naive.digits(123_456, [4] * 10)
    run = ss.enumerate_space(space, tmp_path / "run", start=1000, stop=9000, progress=False)
    path.unlink()  # the run explains itself
    opened = ss.open_run(tmp_path / "run")
    assert opened.verify() == []
    assert opened.space.arch(5) == space.arch(5)
    again = ss.enumerate_space(
        from_definition(json.loads((tmp_path / "run" / "manifest.json").read_text())["space"]["definition"], "space"),
        tmp_path / "run",
        start=1000,
        stop=9000,
        progress=False,
    )
    assert again.rows_found == run.rows == 8000
    with pytest.raises(ss.BadInput, match="holds another run"):
        ss.enumerate_space("tss5", tmp_path / "run", start=1000, stop=9000, progress=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("nodes = 5", ""), "has no nodes: expected name, nodes, operations"),
        (("nodes = 5", "node = 5"), "unknown key 'node': did you mean 'nodes'"),
        (("nodes = 5", "nodes = 1"), "nodes 1, expected a number from 2 to 23"),
        (('name = "mine"', 'name = "my space"'), "name 'my space', expected letters"),
        (('kind = "skip"', 'kind = "skipp"'), "operation 1: unknown kind 'skipp': did you mean 'skip'"),
        (("kernel = 5", "kernel = 4"), "operation 2: kernel 4, expected an odd number of pixels"),
        (("kernel = 5\n", ""), "operation 2: kernel 0, expected an odd number"),
        (("kernel = 5", 'kernel = "5"'), "operation 2: kernel '5'"),
        (("kernel = 5", "kernle = 5"), "operation 2: unknown key 'kernle': did you mean 'kernel'"),
        (('kind = "skip"', 'kind = "skip"\nkernel = 3'), "operation 1: kernel 3, expected none for a skip"),
        (("dilation = 2", "dilation = 0"), "operation 2: dilation 0, expected a number from 1"),
        (('name = "max_pool_3x3"', 'name = "none"'), "operation 3: 'none' stands there twice"),
        (("widths = [8, 24]", "widths = []"), r"widths \[\], expected 1 to 16 numbers of channels"),
        (("widths = [8, 24]", "width = [8]"), "skeleton: unknown key 'width': did you mean 'widths'"),
        (("side = 64", "side = 7"), "side 7 cannot be halved 1 times"),
        (("cells = 3", "cells = 0"), "cells 0, expected a number from 1 to 1000"),
        (("nodes = 5", "nodes = "), "is no TOML"),
        (("nodes = 5", f"nodes = {'[' * 3000}"), "is no TOML"),
        (("cells = 3", "cells = 1000000000"), "cells 1000000000, expected a number from 1 to 1000"),
        (("kernel = 5", "kernel = 9223372036854775809"), "kernel 9223372036854775809, expected an odd number"),
        (('name = "mine"', 'name = "tss9"'), "name 'tss9' is one of sedspace's own"),
        (("dilation = 2", "groups = 5"), "groups 5 of dil_conv_5x5, expected a number that divides the 8 channels"),
        (("dilation = 2", "depthwise = 1"), "operation 2: depthwise 1, expected true or false"),
        (
            ("dilation = 2", "depthwise = true\ngroups = 2"),
            "groups 2, depthwise True, separable False: expected one of groups, depthwise and separable",
        ),
        (('kind = "skip"', 'kind = "skip"\nseparable = true'), "separable True: expected none of them for a skip"),
        (("[skeleton]", '[edges]\n"0->7" = ["none"]\n[skeleton]'), "edges: unknown edge '0->7': did you mean '0->4'"),
        (("[skeleton]", '[edges]\n"0->1" = ["nona"]\n[skeleton]'), "unknown operation of 0->1 'nona': did you mean"),
        (("[skeleton]", '[edges]\n"0->1" = []\n[skeleton]'), r"operations \[\] of 0->1, expected one or more"),
        (("dil_conv_5x5", "convé"), "operation 2: name 'convé', expected letters"),
    ],
)
def test_a_wrong_file_is_one_line(change, message, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML.replace(*change))
    with pytest.raises(ss.BadInput, match=message) as caught:
        ss.space(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_parameters_beyond_int32_are_counted(tmp_path):
    widths = (1024, 2048, 4096)
    five = {"name": "conv5", "kind": "conv", "kernel": 5}
    space = ss.cell_space("wide", 4, [OPERATIONS[0], five], skeleton={"widths": widths})
    for _ in range(2):  # made and resumed
        run = ss.enumerate_space(space, tmp_path / "run", progress=False)
    assert run.rows == run.rows_found == 64
    per_edge = 5 * sum(25 * c * c + 2 * c for c in widths)
    around = 27 * 1024 + 2 * 1024 + 2 * 4096 + 10 * 4096 + 10
    around += sum(9 * a * b + 2 * b + 9 * b * b + 2 * b + a * b for a, b in pairwise(widths))
    assert run.scan().collect()["params"].max() == around + 6 * per_edge > 1 << 31


def test_a_definition_is_a_copy():
    widths = [8, 16, 32]
    mine = ss.cell_space("mine", 4, OPERATIONS, skeleton={"widths": widths})
    widths.append(64)
    assert mine.definition["skeleton"]["widths"] == [8, 16, 32]


@pytest.mark.parametrize("operations", [["none", "conv"], None, 5])
def test_operations_that_are_none(operations):
    with pytest.raises(ss.BadInput, match="operation"):
        ss.cell_space("m", 3, operations)


@pytest.mark.parametrize("name", [*ss.spaces.LISTED, "tss4", "tss23", "tss99", "tss05"])
def test_names_of_sedspace_are_taken(name):
    with pytest.raises(ss.BadInput, match=f"name '{name}' is one of sedspace's own spaces, choose another"):
        ss.cell_space(name, 3, OPERATIONS)


def test_a_missing_file_is_one_line():
    with pytest.raises(ss.BadInput, match=r"space nowhere\.toml cannot be read: No such file"):
        ss.space("nowhere.toml")


def test_a_space_travels_as_its_definition():
    space = ss.cell_space("mine", 3, OPERATIONS, {"widths": [8], "dataset": "tiny"}, "one of mine")
    found = pickle.loads(pickle.dumps(space))
    assert found.describe() == space.describe()
    assert found.title == "one of mine"
    assert ss.score(found, "params").tolist() == ss.score(space, "params").tolist()
