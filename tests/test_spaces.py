"""Spaces: sizes, digits, indices, arch strings, features; exhaustively on tss, by hypothesis on larger ones."""

from __future__ import annotations

import json
import pickle
from functools import partial
from itertools import product

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import naive
import sedspace as ss
from sedspace.cli import cli
from sedspace.spaces import LISTED, Feature, Group, Inputs, Operation, Position
from sedspace.spaces.base import only

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
        "layers": [naive.trainable(naive.layers(row, "cifar10")) for row in digits],
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


# -- other spaces ---------------------------------------------------------------------------------------------------


def test_every_transnas_cell():
    space = ss.space("transnas_micro")
    digits = [naive.digits(i, [4] * 6) for i in range(4**6)]
    archs = ["64-41414-{}_{}{}_{}{}{}".format(*row) for row in digits]
    assert space.arch(range(space.size)).tolist() == archs
    assert space.parse(archs).tolist() == list(range(space.size))
    values = ss.score(space)
    assert values.tolist() == [float(naive.sed(row, 4)) for row in digits]  # the codes are those of tss
    assert ss.score(space, "n_conv3x3").tolist() == [row.count(3) for row in digits]


@given(st.lists(st.integers(0, 1037664180**2 - 1), min_size=1, max_size=3), st.randoms())
def test_darts_genotypes_in_every_notation(indices, random):
    space = ss.space("darts")
    radices = [49, 147, 294, 490] * 2
    rows = [naive.digits(i, radices) for i in indices]
    assert space.digits(indices).tolist() == rows
    assert space.index(rows).tolist() == indices
    archs = space.arch(indices).tolist()
    assert space.parse(archs).tolist() == indices
    for row, arch, index in zip(rows, archs, indices, strict=True):
        cells = naive.darts_edges(row)
        text = [", ".join(f"('{operation}', {source})" for source, operation in cell) for cell in cells]
        concat = "[2, 3, 4, 5]"
        normal, reduce = text
        assert arch == f"Genotype(normal=[{normal}], normal_concat={concat}, reduce=[{reduce}], reduce_concat={concat})"
        shuffled = []
        for cell in cells:
            pairs = [cell[2 * i : 2 * i + 2] for i in range(4)]
            for pair in pairs:
                random.shuffle(pair)
            shuffled.append([edge for pair in pairs for edge in pair])
        codes = tuple(tuple((source, naive.DARTS.index(o)) for source, o in cell) for cell in shuffled)
        assert space.parse(str(codes)) == space.parse(str(codes).replace(" ", "")) == index
        named = [[(operation, source) for source, operation in cell] for cell in shuffled]
        concat = "range(2, 6)"
        written = f"Genotype(normal={named[0]}, normal_concat={concat}, reduce={named[1]}, reduce_concat={concat})"
        assert space.parse(f"  {written} ") == index
        nested = [[pairs[2 * i : 2 * i + 2] for i in range(4)] for pairs in named]  # node by node, as some tables do
        assert space.parse(f"Genotype(normal={nested[0]}, normal_concat={concat}, reduce={nested[1]})") == index
    assert space.draw(indices[0]).count("\n") == 7


def test_darts_costs_are_those_of_published_cells():
    """DARTS (second order) has 3.3 M parameters (arXiv 1806.09055, table 1); its code prints 3.349342 MB."""
    space = ss.space("darts")
    normal = ((0, 3), (1, 3), (0, 3), (1, 3), (1, 3), (0, 2), (0, 2), (2, 5))
    reduce = ((0, 0), (1, 0), (2, 2), (1, 0), (0, 0), (2, 2), (2, 2), (1, 0))
    index = space.parse(str((normal, reduce)))
    assert ss.score(space, "params", index, index + 1).item() == 3_349_342
    assert naive.darts_params(space.digits(index).tolist()) == 3_349_342


@pytest.mark.parametrize(
    ("space", "arch", "message"),
    [
        ("transnas_micro", "64-41414-4_33_333", "edge 0->1 has code '4', expected 0 to 3"),
        ("transnas_micro", "64-41414-3_33_33", "expected 64-41414-a_bc_def"),
        ("transnas_micro", 5, "is not of transnas_micro"),
        ("darts", "Genotype(normal=[])", "has no 'reduce' cell"),
        ("darts", "Genotype(", "is no genotype"),
        ("darts", "((1,2),)", "is no genotype: expected Genotype"),
        ("darts", "7", "is no genotype"),
        ("darts", str((((0, 0), (1, 0)),) * 2), "the normal cell is not a list of 8 edges"),
        ("darts", str((((0, 0), (1, 7)) * 4,) * 2), r"normal node 2 has the input \(1, 7\), expected a source and one"),
        ("darts", str((((0, 0), (1, "x")) * 4,) * 2), r"normal node 2 has the input \(1, 'x'\)"),
        ("darts", str((((0, 0), ("conv", 1)) * 4,) * 2), "expected a source and one of max_pool_3x3"),
        ("darts", str((((0, 0), (0, 1)) * 4,) * 2), "normal node 2 has source 0 twice: outside darts"),
        ("darts", str((((0, 0), (2, 1)) * 4,) * 2), "normal node 2 has source 2, expected 0 to 1"),
        ("darts", str((((0, 0), 3) * 4,) * 2), r"normal node 2 has the input 3, expected \('operation', source\)"),
        ("darts", 3.5, "arch 3.5 is not a string"),
        (
            "darts",
            "Genotype(normal=[], normal_concat=[4, 5], reduce=[])",
            r"normal_concat is \[4, 5\], expected \[2, 3",
        ),
    ],
)
def test_malformed_archs_of_other_spaces(space, arch, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        ss.space(space).parse([arch])
    assert str(caught.value).startswith("row 0: ")
    assert "\n" not in str(caught.value)


# -- a space as the sequence of its arch strings -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tss", "sss", "transnas_macro"])
def test_a_space_is_the_sequence_of_its_arch_strings(name):
    space = ss.space(name)
    everything = space.arch(range(space.size)).tolist()
    assert list(space) == everything
    assert [space[0], space[-1], space[np.int64(7)]] == [everything[0], everything[-1], everything[7]]
    assert space[5:25:7].tolist() == everything[5:25:7]
    assert space[-3:].tolist() == everything[-3:]
    assert space[7:3].tolist() == []
    assert everything[11] in space
    assert f" {everything[11]} " in space
    assert "|none~0|" not in space
    assert all(index in space for index in (0, np.int32(3), space.size - 1))
    assert not any(one in space for one in (-1, space.size, 2.5, None))
    with pytest.raises(IndexError, match=f"index {space.size} is outside {name}"):
        space[space.size]
    with pytest.raises(ss.BadInput, match="index 'x' is not an integer"):
        space["x"]


def test_a_space_beyond_int64_is_a_sequence_too():
    space = ss.space("tss8")
    assert space[2**64] == space.arch(2**64)
    assert space[2**64 : 2**64 + 3].tolist() == [space.arch(2**64 + i) for i in range(3)]
    assert next(iter(space)) == space.arch(0)
    assert space.arch(2**64) in space
    assert 2**64 in space
    assert space.size not in space


def test_some_architectures_are_scored_by_their_indices():
    indices = np.random.default_rng(0).integers(0, 5**10, 50)
    for name in ("sed", "params", "depth", "functional_class"):
        found = ss.score("tss5", name, indices=indices)
        assert found.dtype == ss.score("tss5", name, 0, 1).dtype
        assert found.tolist() == [ss.score("tss5", name, int(i), int(i) + 1).item() for i in indices]
    assert ss.score("tss8", indices=[5**28 - 1, 0]).tolist() == [-7.0, 0.0]
    assert ss.score("tss", indices=[]).shape == (0,)
    with pytest.raises(ss.BadInput, match="index 15625 is outside tss"):
        ss.score("tss", indices=[3, 15625])
    with pytest.raises(ss.BadInput, match="indices beside start 0, stop 5"):
        ss.score("tss", stop=5, indices=[3])
    with pytest.raises(ss.BadInput, match="flat sequence of integers"):
        ss.score("tss", indices=[[3]])
    with pytest.raises(ss.BadInput, match="flat sequence of integers"):
        ss.score("tss", indices=3)


# -- travelling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [*ss.known_spaces(), ss.space("tss9")], ids=lambda space: space.name)
def test_a_space_is_itself_after_a_journey(space):
    assert pickle.loads(pickle.dumps(space)) is space
    assert len(pickle.dumps(space)) < 200


# -- a new space -----------------------------------------------------------------------------------------------------


class Depths(ss.Space):
    """How many convolutions each of three stages has: all that a space needs."""

    def __init__(self):
        convs = [Inputs((0,) * n, (Operation("conv", "conv", 3),) * n) for n in (1, 2, 3)]
        positions = [Position(f"stage {stage}", convs) for stage in (1, 2, 3)]
        super().__init__("depths", "a space of depths", positions, [Group("network", (0, 1, 2))])

    @property
    def features(self):
        """The sum, and that nothing is skipped."""
        return {
            "depth": Feature("depth", self.table({"conv": 1}), 0, "uint8", "layers", "convolutions in all"),
            "residual": Feature("residual", self.table({}), 0, "uint8", "skips", "none"),
        }

    default_features = ("depth",)
    pieces = (("1", "2", "3"), ("-1", "-2", "-3"), ("-1", "-2", "-3"))

    def _parse_one(self, arch):
        digits = [int(n) - 1 for n in arch.split("-") if n in ("1", "2", "3")]
        if len(digits) != 3:
            raise ss.BadInput(f"arch {arch!r} is not of {self.name}: expected three of 1 to 3, such as 1-2-3")
        return digits


def test_a_new_space_is_a_class_and_a_line(monkeypatch, tmp_path):
    monkeypatch.setitem(LISTED, "depths", partial(only, Depths))
    space = ss.space("depths")
    assert pickle.loads(pickle.dumps(space)) is space is ss.space("depths")
    assert space in ss.known_spaces()
    with pytest.raises(ss.BadInput, match="did you mean 'depths'"):
        ss.space("depth")
    with pytest.raises(ss.BadInput, match="'depths' is one of sedspace's own spaces"):
        ss.cell_space("depths", 3, [])
    depths = [sum(stages) for stages in product((1, 2, 3), repeat=3)]
    assert ss.score("depths").tolist() == ss.score("depths", "depth").tolist() == depths
    run = ss.enumerate_space("depths", tmp_path / "run", columns=["sed", "depth", "arch"], progress=False)
    assert run.verify() == []
    assert ss.open_run(tmp_path / "run").space is space
    assert ss.top_k("depths", 1)["arch"].item() == "3-3-3"
    assert ss.census("depths")["count"].to_list() == [1, 3, 6, 7, 6, 3, 1]
    listed = CliRunner().invoke(cli, ["spaces", "--json"])
    assert "depths" in [row["space"] for row in json.loads(listed.stdout)]


def test_an_error_shows_the_beginning_of_a_long_arch_string():
    with pytest.raises(ss.BadInput, match="edge 6->7 has operation 'skip_conect'") as caught:
        ss.space("tss8").parse(ss.space("tss8").arch(0)[:-7] + "skip_conect~6|")
    assert len(str(caught.value)) < 300
