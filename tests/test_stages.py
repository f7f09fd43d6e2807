"""Spaces of networks in stages: sedspace's own, held against their benchmarks' tables, and those of one's own."""

from __future__ import annotations

import copy
import itertools
import pickle
import tomllib
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss
from sedspace.spaces.blocks import Conv, ConvBlock
from sedspace.spaces.builders import built
from sedspace.tables import indices_of, read_table
from test_layers import PLAIN, STAGED


def _depths(stages):
    """In how many ways stages of 1 to 10 layers have at most 18 together."""
    return sum(sum(one) <= 18 for one in itertools.product(range(1, 11), repeat=stages))


SIZES = {
    "nas_bench_macro": 6_561,
    "mnasnet": 104_485_552_128,
    "ofa_mbv3": 7371**5,
    "proxyless": 6**6 * 7**15,
    "fbnet": 9**22,
    "ezennet_resnet": 48**3 * (8 * 16 * 32) * _depths(3),
    "ezennet_mobile": 12**5 * (4 * 8 * 16 * 32 * 48) * _depths(5),
}
LAYERS = {
    "nas_bench_macro": naive.nas_bench_macro_layers,
    "mnasnet": naive.mnasnet_layers,
    "ofa_mbv3": naive.ofa_mbv3_layers,
    "proxyless": naive.proxyless_layers,
    "fbnet": naive.fbnet_layers,
    "ezennet_resnet": naive.ezennet_resnet_layers,
    "ezennet_mobile": naive.ezennet_mobile_layers,
}

SMALL = """
kind = "stages"
name = "small"
title = "every kind of choice"
side = 16
classes = 3
divisor = 4
between_stages = "|"
between_layers = ","
most_layers = 6

[squeeze]
by = 2
divisor = 4

[[stem]]
width = 4
stride = 2

[[stages]]
width = [4, 8]
layers = [1, 2]
block = "mbconv"
expansion = [1, 3]
se = true
arch = "w{width}l{layers}e{expansion}"

[[stages]]
width = 8
stride = 2
options = [{ block = "residual", kernel = [3, 5] }, { block = "bottleneck", middle = [4, 6], groups = 2 }]

[[stages]]
width = 8
layers = [1, 3]
arch = ""

[[stages.each]]
block = "identity"
arch = "i"

[[stages.each]]
block = "mbconv"
kernel = [3, 5]
groups = 2
always_expands = true
arch = "k{kernel}"

[[stages]]
width = 12
stride = 2
layers = 1

[[head]]
width = 16

[[head]]
width = 20
pooled = true
batch_norm = false
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return ss.space(str(path))


def naive_small():
    """Yield arch and layers with weights of every network of the small space, in the order of indices."""
    ways = itertools.product((4, 8), (1, 2), (1, 3), ("b3", "b5", "m4", "m6"), (1, 3), *[range(4)] * 3)
    for width, first, expansion, second, third, *each in ways:
        codes = [("i", "k3", "k5", "")[code] for code in each]
        if "" in codes[:third] or codes[third:] != [""] * (3 - third) or first + 1 + third + 1 > 6:
            continue
        text = {"b3": "bresidualk3", "b5": "bresidualk5", "m4": "bbottleneckm4g2", "m6": "bbottleneckm6g2"}[second]
        arch = f"w{width}l{first}e{expansion}|{text}|{','.join(codes[:third])}"
        out, c_in = naive.conv_layer(3, 3, 4, 8), 4
        for _ in range(first):
            middle = c_in * expansion
            squeezed = {4: 4, 8: 4, 12: 8, 24: 12}[middle]  # half of it, rounded to multiples of 4, halves up
            out += naive.mobile_block(c_in, middle, width, 3, 8, 1, squeezed)
            c_in = width
        if second.startswith("b"):
            k = int(second[1])
            out += naive.conv_layer(k, c_in, 8, 4) + naive.conv_layer(k, 8, 8, 4)
        else:
            m = int(second[1])
            out += naive.conv_layer(1, c_in, m, 8) + naive.conv_layer(3, m, m, 4, 2) + naive.conv_layer(1, m, 8, 4)
        out += naive.conv_layer(1, c_in, 8, 4)  # the shortcut
        for code in codes[:third]:
            if code != "i":
                out += naive.mobile_block(8, 8, 8, int(code[1]), 4, 1, expands=True, groups=2)
        out += naive.conv_layer(3, 8, 12, 2) + naive.conv_layer(1, 12, 16, 2)
        yield arch, out + naive.conv_layer(1, 16, 20, 1, batch_norm=False) + naive.linear_layer(20, 3)


def test_a_small_space_is_its_naive_twin(small):
    archs, layers = zip(*naive_small(), strict=True)
    assert small.size == len(archs)
    assert list(small) == list(archs)
    assert small.parse(archs).tolist() == list(range(small.size))
    costs = [naive.network_cost(one) for one in layers]
    assert ss.score(small, "params").tolist() == [params for params, _ in costs]
    assert ss.score(small, "macs").tolist() == [macs for _, macs in costs]
    assert [(cost.params, cost.macs) for cost in map(small.cost, range(small.size))] == costs
    once_used = [sum(positions > 0 for _, positions in one) for one in layers]  # a bias and a BatchNorm have none
    assert ss.score(small, "layers").tolist() == once_used


def test_choices_apart_are_the_same_networks(small, tmp_path):
    path = tmp_path / "apart.toml"
    text = SMALL.replace("options = [", 'apart = true\narch = "<{form}>"\noptions = [').replace('"small"', '"apart"')
    path.write_text(
        text.replace('arch = "w{width}l{layers}e{expansion}"', 'arch = "e{form}w{width}l{layers}"\napart = true')
    )
    apart = ss.space(str(path))
    assert apart.size == small.size
    assert [position.name for position in apart.positions][:4] == [
        "stage 1 form",
        "stage 1 width",
        "stage 1 layers",
        "stage 2 form",
    ]
    params = ss.score(apart, "params").tolist()
    assert sorted(params) == sorted(ss.score(small, "params").tolist())
    assert params == [apart.cost(index).params for index in range(apart.size)]
    assert apart.arch(0) == "ee1w4l1|<bresidualk3>|i"
    assert apart.parse(list(apart)).tolist() == list(range(apart.size))


def test_exact_answers_of_a_small_space_are_those_of_all_its_rows(small):
    rows = pl.DataFrame(
        {name: ss.score(small, name) for name in ("sed", "params", "macs", "n_blocks")}
    ).with_row_index()
    best = ss.top_k(small, 5, where="params < 3000", columns=["params"])
    expected = rows.filter(pl.col("params") < 3000).sort(["sed", "index"], descending=[True, False]).head(5)
    assert best["index"].to_list() == expected["index"].to_list()
    assert dict(ss.histogram(small, "macs").select("macs", "count").rows()) == dict(rows.group_by("macs").len().rows())
    front = ss.pareto(small, maximize="sed", minimize="params")
    for sed, params in front.select("sed", "params").rows():
        assert rows.filter((pl.col("sed") > sed) & (pl.col("params") <= params)).is_empty()
        assert rows.filter((pl.col("sed") >= sed) & (pl.col("params") < params)).is_empty()
    few = ss.members(small, where="n_blocks = 4")
    assert few.count == rows.filter(pl.col("n_blocks") == 4).height


def test_sed_of_blocks_counts_convolutions_and_residual_connections(small):
    lam = Fraction(3, 4)
    for index in range(0, small.size, 7):
        total = Fraction(0)
        for block in small.blocks(index):
            if isinstance(block, ConvBlock) and block.stage:
                kernels = [step.kernel for step in block.steps if isinstance(step, Conv)]
                convs = sum(lam + (1 - lam) * Fraction(k - 1, 2) for k in kernels)
                total += {"conv": 1, "skip": 0}.get(block.kind, 1 + lam) * convs
        assert ss.score(small, "sed", index, index + 1).item() == total
    assert "extended" in ss.scores.known_scores(small)["sed"].meaning


@pytest.mark.parametrize(
    ("space", "table", "column", "expected"),
    [
        ("nas_bench_macro", "nas_bench_macro", "cifar10_test", {"sed": 0.855, "n_blocks": 0.832}),
        ("mnasnet", "accel_nasbench_half", "imagenet_val_top1_proxy", {"sed": 0.607, "params": 0.810}),
    ],
)
def test_how_scores_go_with_accuracy(shared, space, table, column, expected):
    rows = pl.read_parquet(shared / "benchmarks" / f"{table}.parquet")
    index = ss.space(space).parse(rows["arch"])
    for name, rho in expected.items():
        values = pl.DataFrame({"x": ss.score(space, name, indices=index), "y": rows[column]})
        assert values.select(pl.corr("x", "y", method="spearman")).item() == pytest.approx(rho, abs=6e-4)


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_the_published_ones(name):
    space = ss.space(name)
    assert space.size == SIZES[name]
    assert space.feature_names == tuple(space.features)


@pytest.mark.parametrize("name", SIZES)
def test_digits_indices_and_archs_belong_together(name):
    space = ss.space(name)
    chosen = ss.sample(space, 300, seed=1)["index"].to_list()
    chosen += [0, space.size - 1]
    digits = space.digits(chosen)
    assert space.index(digits).tolist() == chosen
    archs = space.arch(chosen)
    assert space.parse(archs).tolist() == chosen
    assert [space.arch(index) for index in chosen] == archs.tolist()
    assert len(set(archs)) == len(set(chosen))


@pytest.mark.parametrize("name", SIZES)
def test_costs_are_those_of_the_naive_networks(name):
    space = ss.space(name)
    chosen = ss.sample(space, 200, seed=2)["index"].to_list()
    costs = [naive.network_cost(LAYERS[name](space.arch(index))) for index in chosen]
    assert ss.score(space, "params", indices=chosen).tolist() == [params for params, _ in costs]
    assert ss.score(space, "macs", indices=chosen).tolist() == [macs for _, macs in costs]
    assert [(cost.params, cost.macs) for cost in map(space.cost, chosen)] == costs


def test_every_row_of_nas_bench_macro(shared):
    """All 6,561, params and what the table calls FLOPs: multiply-accumulates without the classifier's bias."""
    table = pl.read_parquet(shared / "benchmarks" / "nas_bench_macro.parquet")
    space = ss.space("nas_bench_macro")
    index = space.parse(table["arch"])
    assert sorted(index) == list(range(space.size))
    assert np.array_equal(ss.score(space, "params", indices=index), table["params"])
    assert np.array_equal(ss.score(space, "macs", indices=index), table["flops"])


def test_networks_that_are_one_without_identities():
    """What stands on NAS-Bench-Macro's page: 3,969 different ones among 6,561."""
    space = ss.space("nas_bench_macro")
    without = {
        tuple(b for b in space.blocks(i) if not (isinstance(b, ConvBlock) and b.is_identity)) for i in range(6561)
    }
    assert len(without) == 3969


def test_archs_of_digits_in_a_csv_file_keep_their_zeros(tmp_path):
    (tmp_path / "mine.csv").write_text("arch,accuracy\n00000012,60\n22222222,93\n")
    table = read_table(tmp_path / "mine.csv")
    assert indices_of(table, ss.space("nas_bench_macro"), "refuse")[0] == [5, 6560]


def test_every_row_of_accel_nasbench(shared):
    """All 2,562; the table's MACs are thop's, which counts BatchNorm and pooling, too."""
    table = pl.read_parquet(shared / "benchmarks" / "accel_nasbench_half.parquet")
    space = ss.space("mnasnet")
    index = space.parse(table["arch"])
    assert np.array_equal(ss.score(space, "params", indices=index), (table["params_m"] * 1e6).round())
    assert np.array_equal(ss.score(space, "macs_thop", indices=index), (table["macs_m"] * 1e6).round())


def test_the_best_of_once_for_all_within_budgets():
    space = ss.space("ofa_mbv3")
    (found,) = ss.top_k(space, 1, where="params < 5000000 AND macs < 250000000", columns=["params", "macs"]).rows(
        named=True
    )
    assert (found["params"], found["macs"]) == naive.network_cost(naive.ofa_mbv3_layers(found["arch"]))
    assert found["params"] < 5_000_000
    assert found["macs"] < 250_000_000
    some = ss.sample(space, 500, seed=3)["index"].to_list()
    sed, params, macs = (ss.score(space, name, indices=some) for name in ("sed", "params", "macs"))
    assert found["sed"] >= sed[(params < 5_000_000) & (macs < 250_000_000)].max()


def test_the_best_by_costs_of_too_many_classes_are_searched_not_gone_through():
    """There are 10^11 networks, and too many different sums of MACs to count."""
    space = ss.space("mnasnet")
    (most,) = ss.top_k(space, 1, by="macs", columns=["params"]).rows(named=True)
    assert (most["params"], most["macs"]) == naive.network_cost(naive.mnasnet_layers(most["arch"]))
    assert most["arch"] == "|".join(["e6k5l3s1"] * 5 + ["e6k5l4s1", "e6k5l3s1"])
    least = ss.top_k(space, 1, by="macs", ascending=True)
    assert least["arch"].item() == "|".join(["e1k3l1s0"] * 7)


def test_a_run_of_ones_own_space_can_be_opened_anywhere(small, tmp_path):
    run = ss.enumerate_space(small, tmp_path / "run", columns=["sed", "params", "arch"], progress=False)
    again = ss.open_run(tmp_path / "run").space
    assert again.describe() == small.describe()
    assert run.scan().collect()["params"].to_list() == ss.score(again, "params").tolist()
    assert pickle.loads(pickle.dumps(small)).arch(100) == small.arch(100)
    assert pickle.loads(pickle.dumps(ss.space("mnasnet"))) is ss.space("mnasnet")


def test_conditions_may_name_positions():
    assert ss.members("nas_bench_macro", where='"stage 1 layer 1" = 2').count == 3**7
    assert ss.members("ofa_mbv3", where="\"stage 2\" = 'l4' AND \"stage 2 layer 4\" = 'k7e6'").count == 7371**4 * 9**3


def test_a_table_of_costs_by_block_serves_networks():
    """A number of layers costs nothing by itself, a layer that is not there has a cost to be named, such as 0."""
    costs = {f"k{kernel}e{expansion}": kernel * expansion for kernel in (3, 5, 7) for expansion in (3, 4, 6)}
    latency = ss.TableCost("latency", {"none": 0, **costs})
    space = ss.space("ofa_mbv3")
    index = space.parse("k3e3,k5e4|k7e6,k3e3,k3e3|k3e3,k3e3|k3e3,k3e3|k3e3,k3e3")
    assert ss.score(space, latency, indices=[index]).item() == 9 * 9 + 20 + 42
    assert ss.top_k(space, 1, by=latency, ascending=True)["latency"].item() == 90


def test_what_no_width_before_matters_to_has_no_states():
    space = ss.space("ofa_mbv3")
    assert all(row.ndim == 1 for name in ("n_blocks", "params", "macs") for row in space.features[name].table)
    apart = ss.space("ezennet_mobile")
    assert all(row.ndim == 1 for row in apart.features["n_blocks"].table)
    assert any(row.ndim == 2 for row in apart.features["params"].table)


def test_rules_leave_a_space_of_networks():
    macro = ss.restrict("nas_bench_macro", ss.AtMost(2, "2"))
    assert macro.size == sum(arch.count("2") <= 2 for arch in ss.space("nas_bench_macro"))
    index = macro.parse("00112200")
    assert macro.blocks(index) == ss.space("nas_bench_macro").blocks(ss.space("nas_bench_macro").parse("00112200"))
    assert (
        ss.score(macro, "params", index, index + 1).item()
        == naive.network_cost(naive.nas_bench_macro_layers("00112200"))[0]
    )


def bad(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("divisor = 4", "divisr = 4", "unknown key 'divisr': did you mean 'divisor'"),
        ("width = 8\n", "widht = 8\n", "stage 2: unknown key 'widht': did you mean 'width'"),
        ('kind = "stages"', 'kind = "stags"', "unknown kind 'stags': did you mean 'stages'"),
        ("stride = 2\noptions", "stride = 3\noptions", "stage 2: stride 3 of 8 pixels"),
        ("expansion = [1, 3]", "expansion = []", r"stage 1: expansion \[\], expected one or more different values"),
        ("expansion = [1, 3]", "expansion = [3, 3]", r"stage 1: expansion \[3, 3\], expected one or more different"),
        ("expansion = [1, 3]", "expansion = [1, 'x']", "stage 1: expansion 'x', expected a number"),
        ("middle = [4, 6], groups = 2", "middle = [4, 7], groups = 2", "groups 2 .* 7 channels"),
        ("expansion = [1, 3]", "expansion = [1, 3]\nmiddle = 4", "both middle 4 and expansion 1, expected one of them"),
        ("kernel = [3, 5] }, {", "kernel = [3, 4] }, {", "kernel 4, expected an odd number"),
        ('block = "mbconv"', 'block = "mbcov"', "unknown block 'mbcov': did you mean 'mbconv'"),
        ('block = "residual"', 'block = "residual", se = true', "se of block 'residual', expected none"),
        ('block = "identity"', 'block = "identity"\nkernel = 3', "kernel of block 'identity', expected none"),
        ("most_layers = 6", "most_layers = 3", "most_layers 3, expected a number from 4"),
        ('arch = "w{width}', 'arch = "w{with}', "unknown name 'with': did you mean 'width'"),
        ('arch = "w{width}', 'arch = "', "'l1e1' stands for 2 choices"),
        ("width = [4, 8]", f"width = {[*range(1, 6000)]}\nkernel = {[*range(1, 99, 2)]}", "expected at most 1,000,000"),
        ("[[stem]]\nwidth = 4", "[[stem]]\nwidth = [4, 8]", r"stem 1: width \[4, 8\], expected a number"),
        ("w{width}l{layers}e{expansion}\"", "{form}{layers}\"\napart = true", "expected {form} and {width} and"),
        ("pooled = true", "pooled = 1", "head 2: pooled 1, expected true or false"),
        ("side = 16", "side = 0", "side 0, expected a number from 1"),
    ],
)  # fmt: skip
def test_bad_definitions_are_told_in_one_line(tmp_path, old, new, told):
    path = tmp_path / "bad.toml"
    path.write_text(bad(SMALL, old, new))
    with pytest.raises(ss.BadInput, match=told) as error:
        ss.space(str(path))
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("space", "arch", "told"),
    [
        ("nas_bench_macro", "0000000", "the end at stage 3 layer 3, expected '0', '1', '2'"),
        ("nas_bench_macro", "000000000", "'0' behind its last position, expected the end"),
        ("nas_bench_macro", "00300000", "'300000' at stage 2 layer 1, expected '0', '1', '2'"),
        ("mnasnet", "e1k3l1s0|e1k3l1s0", "the end at stage 3, expected '|e1k3l1s0', '|e1k3l1s1'"),
        ("ofa_mbv3", "k3e3,k3e3|k3e3", "the end at stage 2 layer 2, expected ',k3e3', ',k5e3'"),
        ("ofa_mbv3", "k3e3,k3e3,k3e3,k3e3,k3e3", "',k3e3' at stage 2, expected '|'"),
        ("proxyless", "Zero", "'Zero' at stage 1 layer 1, expected '3x3_MBConv3'"),
        (
            "ezennet_resnet",
            "K3K3b8w8x9|K3K3b8w8x9|K3K3b8w8x1",
            "'x9|K3K3b8w8x1' at stage 2 layers, expected 'x1', 'x2'",
        ),
        ("mnasnet", 17, "expected a string such as 'e1k3l1s0|"),
    ],
)
def test_archs_with_the_wrong_number_of_layers(space, arch, told):
    with pytest.raises(ss.BadInput, match=r"arch .* is not of") as error:
        ss.space(space).parse([arch])
    assert told in str(error.value)
    assert "\n" not in str(error.value)


JUNK = (None, 0, -1, 2, 10**30, 1.5, True, "", "skip", "identity", "{form}", [], [1, 2], ["a"], {}, [{}], {"a": 1})


def _with_junk(definition, path=()):
    """Yield a definition with every one of its values replaced, or left out."""
    for key, value in definition.items() if isinstance(definition, dict) else enumerate(definition):
        for junk in JUNK:
            whole = copy.deepcopy(definition)
            whole[key] = junk
            yield whole
        if isinstance(value, dict | list):
            for inner in _with_junk(value):
                whole = copy.deepcopy(definition)
                whole[key] = inner
                yield whole


@pytest.mark.parametrize("text", [SMALL, STAGED, PLAIN])
def test_whatever_stands_in_a_definition_is_a_space_or_one_line(text):
    spaces = 0
    for definition in _with_junk(tomllib.loads(text)):
        told = ""
        try:
            space = built(definition, "here")
        except ss.BadInput as error:
            told = str(error)
        if told:
            assert told.startswith(("here", "space"))
            assert "\n" not in told
            continue
        spaces += 1
        for index in (0, space.size - 1):
            cost = space.cost(index)
            assert ss.score(space, "params", indices=[index]).item() == cost.params
            assert ss.score(space, "macs", indices=[index]).item() == cost.macs
    assert spaces > 20


def test_sums_beyond_int64_are_refused(tmp_path):
    path = tmp_path / "vast.toml"
    vast = SMALL.replace("side = 16", "side = 99888").replace("width = 12", "width = 99999\nkernel = 99")
    path.write_text(vast.replace("layers = 1\n", "layers = 2\n"))
    space = ss.space(str(path))
    with pytest.raises(ss.BadInput, match=r"sums over the blocks of small could reach [0-9]+, beyond int64"):
        ss.top_k(space, 1)


def test_a_network_without_choices_is_no_space(tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(
        'kind = "stages"\nname = "one"\ntitle = "one"\nside = 8\nclasses = 2\n'
        "[[stem]]\nwidth = 4\n[[stages]]\nwidth = 8\n"
    )
    with pytest.raises(ss.BadInput, match="there is nothing to choose, expected a list of values somewhere"):
        ss.space(str(path))


def test_an_arch_of_digits_is_no_index():
    one = ss.architecture("nas_bench_macro", "00000012")
    assert (one.index, one.describe()["arch"]) == (5, "00000012")
    assert ss.architecture("nas_bench_macro", 12).describe()["arch"] == "00000110"
