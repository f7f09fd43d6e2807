"""Whole networks as people read them: in text, and as pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

import sedspace as ss
from sedspace.cli import cli
from sedspace.pictures import picture
from sedspace.spaces.blocks import ConvBlock
from sedspace.spaces.outline import lines_of
from sedspace.spaces.tokens import Attention, FeedForward
from sedspace.spaces.whole import NetworkSpace

WHOLE = [space.name for space in ss.spaces.known_spaces() if isinstance(space, NetworkSpace)]

MACRO = """\
                                                  output       params        MACs
input                                             32x32x3
stem     conv 3x3, relu                           32x32x32        928     884,736
stage 1  mbconv 5x5, expansion 6, stride 2, relu  16x16x64     24,128  10,665,984
         mbconv 3x3, expansion 3, relu, residual  16x16x64     27,200   6,733,824
stage 2  skip by conv 1x1, stride 2               8x8x128       8,448     524,288
         mbconv 5x5, expansion 6, relu, residual  8x8x128     219,136  13,811,712
         skip                                     8x8x128           0           0
stage 3  skip by conv 1x1, stride 2               4x4x256      33,280     524,288
         mbconv 5x5, expansion 6, relu, residual  4x4x256     831,488  13,197,312
         skip                                     4x4x256           0           0
head     conv 1x1, relu                           4x4x1280    330,240   5,242,880
         average of each channel                  1280              0           0
         linear                                   10           12,810      12,800
total                                                       1,487,658  51,597,824"""

PIT = """\
                                                     output      params         MACs
input                                                224x224x3
stem     patches 16x16, stride 8, class token        730x32      47,968   17,915,904
stage 1  attention, 2 heads of 16; feed-forward 64   730x32       8,544   40,085,760
between  pooling 3x3, stride 2                       197x64       2,752      114,944
"""


def test_drawings_in_text():
    macro, pit = ss.space("nas_bench_macro"), ss.space("pit")
    assert macro.draw(macro.parse("21020020")) == MACRO
    assert pit.draw(pit.parse("16:2:[1,4,2]:[2,4,8]")).startswith(PIT)
    words = ss.space("flexibert")
    index = words.parse("256:LT-DFT-h2-f512x1|DSC-9-h4-f1024x3")
    assert "Fourier transform, 2 heads of 128; feed-forward 512" in words.draw(index)
    assert "attention and convolution, 4 heads of 64; feed-forward 1024 x 3  128x256" in words.draw(index)
    ofa = ss.space("ofa_mbv3")
    assert "mbconv 7x7, expansion 6, stride 2, SE 168, hswish  7x7x160" in ofa.draw(ofa.size - 1)


@pytest.mark.parametrize("name", WHOLE)
def test_lines_say_all_of_a_network(name):
    space = ss.space(name)
    for index in ss.sample(space, 20, seed=4)["index"].to_list():
        blocks, lines = space.blocks(index), lines_of(space.blocks(index))
        assert len(lines) == 1 + sum(not isinstance(block, FeedForward) for block in blocks)
        cost = space.cost(index)
        assert sum(line.cost.params for line in lines) == cost.params
        assert sum(line.cost.macs for line in lines) == cost.macs
        ones = [block for block in blocks if block.stage and not isinstance(block, FeedForward)]
        in_stages = [line.part for line in lines if line.part.startswith("stage ")]
        assert in_stages == [f"stage {block.stage}" for block in ones]
        for line, block in zip(lines[1:], blocks, strict=False):
            if not isinstance(block, ConvBlock):
                break
            assert line.shape == f"{block.out_side}x{block.out_side}x{block.c_out}"
        drawn = space.draw(index).splitlines()
        assert len(drawn) == len(lines) + 2  # heads, and the sum
        assert drawn[-1].split() == ["total", f"{cost.params:,}", f"{cost.macs:,}"]


def test_own_blocks_in_words(tmp_path):
    (tmp_path / "own.toml").write_text(
        'kind = "stages"\nname = "own"\ntitle = "own"\nside = 8\nclasses = 2\nstem = [{ width = 8 }]\n'
        '[[stages]]\nwidth = 12\nstride = 2\noptions = [{ block = "residual" }, '
        '{ block = "bottleneck", middle = 4, groups = 2, kernel = 5 }]\n'
    )
    own = ss.space(str(tmp_path / "own.toml"))
    told = [lines_of(own.blocks(index))[2].what for index in range(2)]
    assert told == [
        "residual 3x3, stride 2, relu, residual by conv 1x1",
        "bottleneck 5x5, 4 channels between, stride 2, groups 2, relu, residual by conv 1x1",
    ]


@pytest.mark.parametrize(("name", "index"), [("ofa_mbv3", 10**18), ("pit", 77), ("tss", 11_668), ("flexibert", 5)])
def test_show_draws_pictures(tmp_path, name, index):
    for ending in ("svg", "png", "pdf"):
        path = tmp_path / f"one.{ending}"
        result = CliRunner().invoke(cli, ["show", name, str(index), "--out", str(path)])
        assert result.exit_code == 0, result.output
        data = path.read_bytes()
        assert data.startswith({"pdf": b"%PDF-1", "svg": b"<?xml", "png": b"\x89PNG"}[ending])
    CliRunner().invoke(cli, ["show", name, str(index), "--json", "--out", str(path)])
    assert path.read_bytes() == data
    assert ElementTree.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")
    drawn = {text.get_text() for text in picture(ss.space(name), index).axes[0].texts}
    if name != "tss":
        for line in lines_of(ss.space(name).blocks(index)):
            assert {line.part, line.what, line.shape} <= drawn
            assert not line.what or {f"{line.cost.params:,}", f"{line.cost.macs:,}"} <= drawn
    html = ss.architecture(name, index)._repr_html_()
    assert ElementTree.fromstring(html[: html.index("<pre>")]).tag.endswith("svg")


def test_pictures_that_there_cannot_be(tmp_path):
    with pytest.raises(ss.BadInput, match="one of whole networks, not darts"):
        picture(ss.space("darts"), 5)
    (tmp_path / "long.toml").write_text(
        'kind = "stages"\nname = "long"\ntitle = "long"\nside = 8\nclasses = 2\nstem = [{ width = 8 }]\n'
        'stages = [{ width = 8, layers = [2, 400], block = "conv" }]\n'
    )
    with pytest.raises(ss.BadInput, match="a network of 404 blocks: expected at most 300 for a picture"):
        picture(ss.space(str(tmp_path / "long.toml")), 1)
    said = CliRunner().invoke(cli, ["show", "pit", "5", "--out", str(tmp_path / "x.gif")])
    assert "x.gif: expected a name that ends in .png, .svg or .pdf" in str(said.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.toml"]


def test_a_layer_is_an_attention_and_a_feed_forward_network():
    blocks = ss.space("pit").blocks(77)
    layers = [line for line in lines_of(blocks) if line.colour == "attention"]
    halves = [block for block in blocks if isinstance(block, Attention | FeedForward)]
    costs = [one.cost + two.cost for one, two in zip(halves[::2], halves[1::2], strict=True)]
    assert [line.cost for line in layers] == costs
