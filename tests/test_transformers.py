"""Transformers in torch: every operation computes what it is said to, worked out number by number."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import sedspace as ss
from sedspace.networks.transformers import Layer, Patches, Pooling, Words
from sedspace.spaces.tokens import Attention, FeedForward, PatchEmbedding, TokenEmbedding, TokenPooling
from test_whole_networks import sizes

PATCHES = """
kind = "layers"
name = "patches"
title = "two stages, relative positions, pooled in between"
classes = 5
stages = 2
[embedding]
kind = "patches"
side = 12
patch = 4
stride = 2
[layer]
head_width = 4
relative = 1
[[choices]]
attention = ["SA-SDP", "SA-WMA"]
[[choices]]
per = "stage"
heads = [[1, 2], [2, 4]]
order = "non-decreasing"
before = "h"
[[choices]]
per = "stage"
depth = [[1, 2], [2]]
before = "d"
[[choices]]
per = "layer"
ratio = [1, 1.5]
before = ":"
"""

WORDS = """
kind = "layers"
name = "words"
title = "every operation on sequences of words"
classes = 3
[embedding]
kind = "tokens"
vocabulary = 20
width = 6
positions = 9
types = 2
tokens = 7
[layer]
norm = "after"
activation = "relu"
depth = 1
hidden = 5
[[choices]]
width = [6, 8]
[[choices]]
attention = ["SA-SDP", "SA-WMA", "LT-DFT", "LT-DCT", "DSC-3"]
before = ":"
[[choices]]
heads = [1, 2]
stack = [1, 2]
before = ":"
"""


@pytest.fixture
def read(tmp_path):
    """A function that reads a space from the text of its file."""

    def space(text):
        file = tmp_path / "space.toml"
        file.write_text(text)
        return ss.read_space(file)

    return space


@pytest.mark.parametrize("text", [PATCHES, WORDS])
def test_every_transformer_is_as_large_as_the_closed_forms_say(read, text):
    space = read(text)
    params, macs = (ss.score(space, name).tolist() for name in ("params", "macs"))
    for index in range(0, space.size, 11 if space.size > 100 else 1):
        assert sizes(space, index) == (params[index], macs[index], (2, space.classes))


@pytest.mark.parametrize("text", [PATCHES, WORDS])
def test_forward_and_backward(read, text):
    space = read(text)
    for index in range(0, space.size, 160 if space.size > 100 else 6):
        torch.manual_seed(index)
        network = space.network(space.arch(index)).train()
        x = torch.randn(2, 3, 12, 12) if text == PATCHES else torch.randint(0, 20, (2, 7))
        functional.cross_entropy(network(x), torch.tensor([0, 1])).backward()
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
        assert {key.split(".")[0] for key in network.state_dict()} >= {"stem", "stage1", "head"}


def weights(module):
    """Return the weights of a module as float64 arrays, by name."""
    return {key: value.double().numpy() for key, value in module.state_dict().items()}


def linear(w, key, x):
    return x @ w[f"{key}.weight"].T + w.get(f"{key}.bias", 0)


def normed(x):
    """A fresh LayerNorm."""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def distance(place, other, side, farthest, across):
    """The row of the table of relative positions for two tokens: 0 for the class token, else from 1 on."""
    if place == 0 or other == 0:
        return 0
    where, there = ((one - 1) % side if across else (one - 1) // side for one in (place, other))
    return min(max(there - where, -farthest), farthest) + farthest + 1


def attended(w, x, block, heads):
    """Attention, one pair of tokens and one head at a time."""
    n, width = block.tokens, block.head_width
    mixing = "attention.body.mixing"
    queries = linear(w, f"{mixing}.query", x)
    if block.kind == "WMA":
        queries = queries @ w[f"{mixing}.weighted.weight"].T
    keys, values = linear(w, f"{mixing}.key", x), linear(w, f"{mixing}.value", x)

    def relative(number, place, other):
        if not block.relative:
            return 0
        side = math.isqrt(n - 1)
        return sum(
            w[f"{mixing}.relative.{number}.{name}"][distance(place, other, side, block.relative, name == "across")]
            for name in ("down", "across")
        )

    out = np.zeros((n, heads * width))
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for place in range(n):
            scores = [
                queries[place, part] @ (keys[other, part] + relative(0, place, other)) / math.sqrt(width)
                for other in range(n)
            ]
            for other, share in enumerate(softmax(np.array(scores))):
                out[place, part] += share * (values[other, part] + relative(1, place, other))
    return out


def convolved(w, x, block):
    """The dynamic convolution, one token and one head at a time."""
    heads, width, n, k = block.attending, block.head_width, block.tokens, block.kernel
    mixing = "attention.body.mixing"
    depthwise = w[f"{mixing}.separable.0.weight"][:, 0]
    padded = np.pad(x, ((k // 2, k // 2), (0, 0)))
    keys = np.array([(padded[place : place + k] * depthwise.T).sum(0) for place in range(n)])
    keys = keys @ w[f"{mixing}.separable.1.weight"][:, :, 0].T + w[f"{mixing}.separable.1.bias"]
    kernels = linear(w, f"{mixing}.kernels", keys * linear(w, f"{mixing}.query", x))
    values = np.pad(linear(w, f"{mixing}.convolved", x), ((k // 2, k // 2), (0, 0)))
    out = np.zeros((n, heads * width))
    for place in range(n):
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            out[place, part] = softmax(kernels[place, head * k : (head + 1) * k]) @ values[place : place + k, part]
    return out


def transformed(w, x, block):
    """A transform over tokens and the width of each head, by its definition."""
    given, n, width = linear(w, "attention.given", x), block.tokens, block.head_width
    if block.kind == "DFT":
        over = [np.exp(-2j * np.pi * np.outer(range(m), range(m)) / m) for m in (n, width)]
    else:
        over = [2 * np.cos(np.pi * np.outer(range(m), 2 * np.arange(m) + 1) / (2 * m)) for m in (n, width)]
    parts = [given[:, head * width : (head + 1) * width] for head in range(block.heads)]
    return np.concatenate([(over[0] @ part @ over[1].T).real for part in parts], axis=1)


@pytest.mark.parametrize("norm", ["before", "after"])
@pytest.mark.parametrize(("kind", "relative"), [("SDP", 0), ("SDP", 1), ("WMA", 0), ("DSC", 0), ("DFT", 0), ("DCT", 0)])
def test_a_layer_by_hand(kind, relative, norm):
    torch.manual_seed(1)
    block = Attention(kind, 8, 2, 4, 10, 1, kernel=3 * (kind == "DSC"), relative=relative, norm=norm)
    layer = Layer(block, FeedForward(8, 6, 10, 1, stack=2, activation="relu", norm=norm)).double()
    for parameter in layer.parameters():  # places matter more than sources have it
        if parameter.shape[0] == 2 * relative + 2:
            nn.init.normal_(parameter)
    w, x = weights(layer), torch.randn(10, 8).double().numpy()

    def both(name, function, given):
        body = function(normed(given) if norm == "before" else given)
        return given + body if norm == "before" else normed(given + body)

    def attention(given):
        if kind == "DSC":
            mixed = np.concatenate([attended(w, given, block, 1), convolved(w, given, block)], axis=1)
        else:
            mixed = attended(w, given, block, 2)
        return linear(w, "attention.body.out", mixed)

    def feed_forward(given):
        for number in (0, 2):
            given = np.maximum(linear(w, f"feed_forward.body.{number}", given), 0)
        return linear(w, "feed_forward.body.4", given)

    middle = transformed(w, x, block) if kind in ("DFT", "DCT") else both("attention", attention, x)
    expected = both("feed_forward", feed_forward, middle)
    given = torch.tensor(np.stack([x, x[::-1]]))
    np.testing.assert_allclose(layer(given)[0].detach().numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("placed_class", [True, False])
def test_patches_by_hand(placed_class):
    torch.manual_seed(0)
    stem = Patches(PatchEmbedding(5, 4, 2, 8, placed_class)).double()
    w, x = weights(stem), torch.randn(1, 3, 8, 8).double()
    patches = [
        x[0, :, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4].numpy() for row in range(3) for column in range(3)
    ]
    tokens = np.array([(w["projection.weight"] * patch).sum((1, 2, 3)) + w["projection.bias"] for patch in patches])
    tokens += w["positions"][0, placed_class:]
    first = w["class_token"][0] + (w["positions"][0, :1] if placed_class else 0)
    np.testing.assert_allclose(stem(x)[0].detach().numpy(), np.concatenate([first, tokens]))


def test_words_by_hand():
    torch.manual_seed(0)
    stem = Words(TokenEmbedding(6, 4, 9, 5, 2, 3)).double()
    w = weights(stem)
    words = [[0, 8, 2], [1, 1, 1]]
    looked_up = w["words.weight"][words] + w["types.weight"][0] + w["positions.weight"][:3]
    expected = linear(w, "projection", normed(looked_up))
    np.testing.assert_allclose(stem(torch.tensor(words)).detach().numpy(), expected)
    assert not w["words.weight"][0].any()


def test_pooling_by_hand():
    torch.manual_seed(0)
    pooling = Pooling(TokenPooling(2, 4, 3)).double()
    w, x = weights(pooling), torch.randn(1, 10, 2).double().numpy()
    expected = [linear(w, "class_token", x[0, 0])]
    padded = np.pad(x[0, 1:].reshape(3, 3, 2), ((1, 1), (1, 1), (0, 0)))
    for row in (0, 2):
        for column in (0, 2):
            window = padded[row : row + 3, column : column + 3]
            sums = [(window[:, :, c // 2] * w["patches.weight"][c, 0]).sum() for c in range(4)]
            expected.append(sums + w["patches.bias"])
    np.testing.assert_allclose(pooling(torch.tensor(x))[0].detach().numpy(), expected)


@pytest.mark.parametrize(("name", "bias"), [("autoformer_tiny", False), ("pit", True), ("flexibert", False)])
def test_transformers_are_initialised_as_their_sources_do(name, bias):
    torch.manual_seed(0)
    space = ss.space(name)
    network = space.network(0)
    for module in network.modules():
        if isinstance(module, nn.Linear) and module.weight.numel() > 5000:
            deviation = 1 / math.sqrt(3 * module.in_features) if name == "pit" else 0.02
            assert module.weight.std().item() == pytest.approx(deviation, rel=0.05)
            assert module.bias is None or module.bias.any() == bias
    if name == "flexibert":
        assert network.stem.words.weight[1:].std().item() == pytest.approx(0.02, rel=0.05)
        assert not network.stem.words.weight[0].any()
    else:
        assert network.stem.positions.std().item() == pytest.approx(0.02, rel=0.05)


def test_no_head_has_no_classes():
    with pytest.raises(ss.BadInput, match="num_classes 3: expected none, since networks of flexibert have no head"):
        ss.network("flexibert", 0, num_classes=3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WORDS.replace("hidden = 5", "hidden = 5\nhead_width = 2"), "attention DFT of 1 heads of width 2 of tokens"),
        (WORDS.replace("hidden = 5", "hidden = 5\nrelative = 2"), "relative 2 of tokens that are no patches"),
        (PATCHES.replace("SA-WMA", "DSC-3"), "attention DSC with relative positions"),
    ],
)
def test_operations_that_do_not_fit(read, text, said):
    with pytest.raises(ss.BadInput, match=said):
        read(text)
