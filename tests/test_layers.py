"""Spaces of transformers: sedspace's own, held against their benchmarks' tables, and those of one's own."""

from __future__ import annotations

import itertools
import pickle
import re

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss

SIZES = {
    "autoformer_tiny": 1_056_964_608,
    "autoformer_small": 77_103_263_459_313,
    "autoformer_base": 10_108_977_168_384,
    "flexibert": 10_621_440,
    "pit": 4 * 4 * 27 * 10,
}
STEPS = {
    "autoformer_tiny": naive.autoformer_steps,
    "autoformer_small": naive.autoformer_steps,
    "autoformer_base": naive.autoformer_steps,
    "flexibert": naive.flexibert_steps,
    "pit": naive.pit_steps,
}

STAGED = """
kind = "layers"
name = "staged"
title = "two stages, pooled in between"
classes = 5
stages = 2

[embedding]
kind = "patches"
side = 12
patch = 4
stride = 2

[layer]
head_width = 4
attention = "SA-WMA"

[[choices]]
per = "stage"
heads = [[1, 2, 4], [2, 4]]
order = "non-decreasing"
before = "h"
between = ","

[[choices]]
per = "stage"
depth = [[1, 2], [2]]
before = "d"

[[choices]]
per = "layer"
ratio = [1, 1.5]
before = "["
between = " and "
after = "]"
"""

PLAIN = """
kind = "layers"
name = "plain"
title = "words"

[embedding]
kind = "tokens"
vocabulary = 50
width = 6
positions = 9
types = 2
tokens = 7

[layer]
hidden = 10
norm = "after"

[[choices]]
width = [4, 6]

[[choices]]
depth = [1, 3]
arch = ""

[[choices]]
per = "layer"
attention = ["SA-SDP", "LT-DCT", "DSC-3"]
heads = [2, 1]
before = ":"
between = "|"
arch = "{attention}-h{heads}"
"""


def made(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text)
    return ss.space(str(path))


def naive_staged():
    """Yield arch and steps of every network with two stages, in the order of indices."""
    for first, second, depth, *ratios in itertools.product((1, 2, 4), (2, 4), (1, 2), *[("1", "1.5", "")] * 4):
        if first > second or "" in (ratios[0], *ratios[2:]) or (ratios[1] == "") != (depth == 1):
            continue
        narrow, wide = 4 * first, 4 * second
        out = [naive.dense(3 * 4 * 4, narrow, 25), (narrow, 0), (26 * narrow, 0)]
        for width, tokens, ratio in zip((narrow, narrow, wide, wide), (26, 26, 10, 10), ratios, strict=True):
            if ratio:
                out += [*naive.self_attention(width, width, tokens), naive.dense(width, width, tokens, bias=False)]
                out += naive.feed_forward(width, int(width * float(ratio)), tokens)
        out += [(10 * wide, 9 * wide * 9), naive.dense(narrow, wide, 1), (2 * wide, 0), naive.dense(wide, 5, 1)]
        yield f"h{first},{second}d{depth}2[{' and '.join(filter(None, ratios))}]", out


def naive_plain():
    """Yield arch and steps of every network of words, in the order of indices."""
    kinds = [f"{kind}-h{heads}" for kind in ("SA-SDP", "LT-DCT", "DSC-3") for heads in (2, 1)]
    for width, depth, *layers in itertools.product((4, 6), (1, 3), *[[*kinds, ""]] * 3):
        if layers.count("") != 3 - depth or "" in layers[:depth]:
            continue
        out = [((50 + 9 + 2) * 6 + 2 * 6, 0), *([naive.dense(6, width, 7)] if width != 6 else [])]
        for layer in layers[:depth]:
            kind, heads = layer[:-3], int(layer[-1])
            if kind == "SA-SDP":
                out += naive.self_attention(width, width, 7)
            elif kind == "LT-DCT":
                out += [naive.dense(width, width, 7)]
            else:
                inner = width // heads  # of the one head that attends; another one is a convolution
                out += [*[naive.dense(width, inner, 7)] * 4, naive.attended(7, inner), (0, 7 * inner * 3)]
                out += [(3 * width, 3 * width * 7), naive.dense(width, inner, 7), naive.dense(inner, 3, 7)]
                out += [naive.dense(2 * inner, width, 7), (2 * width, 0)]
            out += naive.feed_forward(width, 10, 7)
        yield f"{width}:{'|'.join(layers[:depth])}", out


@pytest.mark.parametrize(("text", "twins"), [(STAGED, naive_staged), (PLAIN, naive_plain)])
def test_small_spaces_are_their_naive_twins(tmp_path, text, twins):
    space = made(tmp_path, text)
    archs, steps = zip(*twins(), strict=True)
    assert space.size == len(archs)
    assert list(space) == list(archs)
    assert space.parse(archs).tolist() == list(range(space.size))
    costs = [naive.total(one) for one in steps]
    assert ss.score(space, "params").tolist() == [params for params, _ in costs]
    assert ss.score(space, "macs").tolist() == [macs for _, macs in costs]
    assert [(cost.params, cost.macs) for cost in map(space.cost, range(space.size))] == costs


def test_exact_answers_of_a_small_space_are_those_of_all_its_rows(tmp_path):
    space = made(tmp_path, PLAIN)
    rows = pl.DataFrame({name: ss.score(space, name) for name in ("params", "macs", "n_layers")}).with_row_index()
    best = ss.top_k(space, 5, by="macs", where="params < 1000 AND n_layers = 3")
    expected = rows.filter((pl.col("params") < 1000) & (pl.col("n_layers") == 3))
    assert (
        best["index"].to_list() == expected.sort(["macs", "index"], descending=[True, False]).head(5)["index"].to_list()
    )
    counted = ss.histogram(space, "params").select("params", "count").rows()
    assert dict(counted) == dict(rows.group_by("params").len().rows())


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_the_published_ones(name):
    space = ss.space(name)
    assert space.size == SIZES[name]
    assert space.feature_names == tuple(space.features)


@pytest.mark.parametrize("name", SIZES)
def test_digits_indices_and_archs_belong_together(name):
    space = ss.space(name)
    chosen = [*ss.sample(space, 200, seed=1)["index"].to_list(), 0, space.size - 1]
    digits = space.digits(chosen)
    assert space.index(digits).tolist() == chosen
    assert space.parse(space.arch(chosen)).tolist() == chosen
    assert [space.arch(index) for index in chosen] == space.arch(chosen).tolist()


@pytest.mark.parametrize("name", SIZES)
def test_costs_are_those_of_the_naive_networks(name):
    space = ss.space(name)
    chosen = ss.sample(space, 200, seed=2)["index"].to_list()
    costs = [naive.total(STEPS[name](space.arch(index))) for index in chosen]
    assert ss.score(space, "params", indices=chosen).tolist() == [params for params, _ in costs]
    assert ss.score(space, "macs", indices=chosen).tolist() == [macs for _, macs in costs]
    assert [(cost.params, cost.macs) for cost in map(space.cost, chosen)] == costs


def test_parameters_of_published_networks():
    """AutoFormer-S and -B have 22.9 and 54 million (arXiv 2107.00651); PiT-Ti 4.85 million, with 1,000 classes."""
    heads, ratios = "6657555667767", "3.0,3.5,3.0,3.5,4.0,4.0,4.0,4.0,4.0,4.0,4.0,3.5,4.0"
    small = ss.space("autoformer_small")
    assert small.cost(small.parse(f"384:13:{heads}:{ratios}")).params == 22_891_432
    heads, ratios = "9,9,9,9,9,10,9,9,10,9,10,9,9,10", "3.5,3.5,4.0,3.5,4.0,3.5,3.5,3.0,4.0,4.0,3.0,4.0,3.0,3.5"
    base = ss.space("autoformer_base")
    assert base.cost(base.parse(f"576:14:{heads}:{ratios}")).params == 53_691_688
    pit = ss.space("pit")
    assert pit.cost(pit.parse("32:4:[2,6,4]:[2,4,8]")).params + 900 * 257 == 4_847_272


def test_every_row_of_nas_bench_bert(shared):
    """The table's parameters are those of a width of 256 and of feed-forward networks of 1024, whatever a row says.

    Those of its code ignore both (it reads neither from the architecture). Ours are those of the architecture.
    """
    table = pl.read_parquet(shared / "benchmarks" / "nas_bench_bert_half.parquet")
    space = ss.space("flexibert")
    assert space.arch(space.parse(table["arch"])).tolist() == table["arch"].to_list()
    twins = [re.sub(r"f\d+x", "f1024x", f"256:{arch.partition(':')[2]}") for arch in table["arch"]]
    assert np.array_equal(ss.score(space, "params", indices=space.parse(twins)), table["params"])
    same = table.filter(pl.col("arch").is_in(twins))
    assert same.height == 14
    assert np.array_equal(ss.score(space, "params", indices=space.parse(same["arch"])), same["params"])


@pytest.mark.parametrize(
    ("name", "file"), [("pit", "vit_bench_pit"), ("autoformer_tiny", "vit_bench_autoformer_tiny_half")]
)
def test_every_arch_of_vit_bench(shared, name, file):
    """All 100 of each; the tables have neither parameters nor MACs."""
    table = pl.read_parquet(shared / "benchmarks" / f"{file}.parquet")
    space = ss.space(name)
    assert space.arch(space.parse(table["arch"])).tolist() == table["arch"].to_list()


def test_transformers_have_no_sed(tmp_path):
    for ask in (ss.score, ss.top_k, ss.histogram):
        with pytest.raises(ss.BadInput, match=r"pit has no SED.*it has n_layers, params, macs"):
            ask("pit", *([1] if ask is ss.top_k else []))
    run = ss.enumerate_space("pit", tmp_path / "run", progress=False)
    assert run.scan().collect_schema().names() == ["index", "n_layers", "params", "macs"]
    one = ss.architecture("pit", 7)
    assert one.describe()["standing"] is None
    assert "SED     none" in repr(one)


def test_a_run_of_ones_own_space_can_be_opened_anywhere(tmp_path):
    space = made(tmp_path, STAGED)
    ss.enumerate_space(space, tmp_path / "run", columns=["params", "arch"], progress=False)
    again = ss.open_run(tmp_path / "run").space
    assert again.describe() == space.describe()
    assert ss.score(again, "params").tolist() == ss.score(space, "params").tolist()
    assert pickle.loads(pickle.dumps(space)).arch(10) == space.arch(10)
    assert pickle.loads(pickle.dumps(ss.space("pit"))) is ss.space("pit")


def test_rules_leave_a_space_of_transformers():
    pit = ss.restrict("pit", ss.Equal("stage 1 heads", "stage 2 heads"))
    assert pit.size == sum(arch[-6] == arch[-4] for arch in ss.space("pit"))


@pytest.mark.parametrize(
    ("text", "old", "new", "told"),
    [
        (STAGED, "classes = 5", "clases = 5", "unknown key 'clases': did you mean 'classes'"),
        (STAGED, "ratio = [1, 1.5]", "ratoi = [1, 1.5]", "choice 3: unknown key 'ratoi': did you mean 'ratio'"),
        (STAGED, "ratio = [1, 1.5]", "ratio = []", r"choice 3: ratio \[\], expected one or more different values"),
        (STAGED, "ratio = [1, 1.5]", "ratio = [0]", "choice 3: ratio 0, expected a number above 0"),
        (STAGED, "patch = 4\nstride = 2", "patch = 5", "patch 5 of 12 pixels, expected a number that divides them"),
        (STAGED, "[2, 4]]\norder", "[2, 3]]\norder", "tokens of width 8 pooled to 12, expected a multiple"),
        (STAGED, "depth = [[1, 2], [2]]", "depth = [[1, 2]]", r"depth \[\[1, 2\]\] for 1 stages, expected 2"),
        (STAGED, '"non-decreasing"', '"rising"', "unknown order 'rising'"),
        (STAGED, "head_width = 4", "stack = 2", "nothing says head_width"),
        (STAGED, 'attention = "SA-WMA"', 'attention = "SA-WMB"', "attention 'SA-WMB', expected SA-SDP"),
        (STAGED, 'per = "layer"\nratio', 'per = "layers"\nratio', "unknown per 'layers': did you mean 'layer'"),
        (STAGED, "classes = 5", "classes = 5\nside = 3", "unknown key 'side'"),
        (PLAIN, "heads = [2, 1]", "heads = [2, 3]", "heads 3 of width 4, expected a number that divides it"),
        (PLAIN, "hidden = 10", "hidden = 10\nheads = 2", "choice 3: heads is decided twice"),
        (PLAIN, "hidden = 10\n", "", "nothing says ratio"),
        (PLAIN, "hidden = 10\n", "hidden = 10\nratio = 2\n", "both ratio and hidden are decided"),
        (PLAIN, "tokens = 7", "tokens = 10", "tokens 10, expected at most the 9 positions"),
        (PLAIN, "depth = [1, 3]\n", "stack = [1, 3]\n", "nothing says depth"),
        (PLAIN, "width = [4, 6]", f"width = {[*range(1, 1002)]}\nhidden = {[*range(1, 1001)]}", "at most 1,000,000"),
        (PLAIN, 'title = "words"', 'title = "words"\nstages = 2', "2 stages of tokens that are no patches"),
    ],
)
def test_bad_definitions_are_told_in_one_line(tmp_path, text, old, new, told):
    assert old in text
    with pytest.raises(ss.BadInput, match=told) as error:
        made(tmp_path, text.replace(old, new, 1))
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"space {tmp_path}")


@pytest.mark.parametrize(
    ("space", "arch", "told"),
    [
        ("autoformer_tiny", "192:13:333333333333:" + "4.0," * 11 + "4.0", "':4.0,4.0,4.0,4.0,4.0,4.0,4.0,4.0,"),
        (
            "autoformer_tiny",
            "192:12:333333333333:" + "4.0," * 10 + "4.0",
            "the end at layer 12 ratio, expected ',3.5', ',4.0'",
        ),
        ("autoformer_tiny", "200:12:", "'200:12:' at width, expected '192', '216', '240'"),
        ("flexibert", "128:SA-SDP-h2-f512x1", "the end at layer 2, expected '|SA-SDP-h2-f512x1'"),
        ("pit", "16:2:[1,4,2]:[4,2,2]", "',2,2]' at stage 2 heads, expected ',4', ',8'"),
    ],
)
def test_archs_with_the_wrong_number_of_layers(space, arch, told):
    with pytest.raises(ss.BadInput, match=r"arch .* is not of") as error:
        ss.space(space).parse(arch)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
