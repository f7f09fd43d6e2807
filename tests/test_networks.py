"""Real networks: as large as the closed forms say."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sedspace as ss
from sedspace.studies.proxies import Batch, find_proxy
from toy import Toy


def macs(network, side=32):
    """Multiply-accumulates of convolutions and classifier, its bias counted, as the layers are run."""
    total = 0

    def hook(module, given, result):
        nonlocal total
        weights = module.weight.numel() + (module.bias.numel() if module.bias is not None else 0)
        total += weights * (result.shape[2] * result.shape[3] if result.dim() == 4 else 1)

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(hook)
    with torch.no_grad():
        logits = network.eval()(torch.zeros(1, 3, side, side))
    return total, tuple(logits.shape)


def assert_as_large_as_said(space, index, device):
    """On the device `meta`, tensors have shapes and no values: layers are counted as on any other, only faster."""
    with torch.device(device):
        network = space.network(index)
        params = sum(parameter.numel() for parameter in network.parameters())
        assert params == ss.score(space, "params", index, index + 1).item()
        assert macs(network) == (ss.score(space, "macs", index, index + 1).item(), (1, 10))
        batch = Batch(torch.zeros(2, 3, 32, 32), torch.zeros(2, dtype=torch.int64))
        for proxy in ("params", "macs"):
            counted = find_proxy(proxy).value(space.network(index), batch, cross_entropy)
            assert counted == ss.score(space, proxy, index, index + 1).item()


@pytest.mark.parametrize("name", ["tss", "tss3", "tss5", "sss", "darts", "nb101"])
def test_networks_are_as_large_as_the_closed_forms_say(name):
    space = ss.space(name)
    first, *more = [*Random(name).sample(range(min(space.size, 10**15)), 8), 0, space.size - 1]
    assert_as_large_as_said(space, first, "cpu")
    for index in more:
        assert_as_large_as_said(space, index, "meta")


def test_channels_of_nas_bench_101_however_many_vertices_share_them():
    """Three do not divide the output's channels evenly, and there are never more than four."""
    space = ss.space("nb101")
    last = space.cells.vertices.astype(int) - 1
    into_output = space.cells.adjacency[np.arange(space.size), :, last]
    shared = into_output.sum(axis=1) - into_output[:, 0]
    assert set(shared.tolist()) == {0, 1, 2, 3, 4}
    for seed, number in enumerate((1, 2, 3, 3, 4)):
        assert_as_large_as_said(space, Random(seed).choice(np.flatnonzero(shared == number).tolist()), "meta")


@pytest.mark.parametrize("name", ["tss", "sss", "darts", "nb101", "transnas_micro"])
def test_a_network_is_asked_for_by_its_arch_string(name):
    space = ss.space(name)
    index = space.size // 3
    torch.manual_seed(0)
    expected = space.network(index).state_dict()
    torch.manual_seed(0)
    found = ss.network(name, space.arch(index)).state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    with pytest.raises(ss.BadInput, match=r"arch 'nothing'"):
        ss.network(name, "nothing")


@pytest.mark.parametrize("name", ["tss", "sss", "darts", "nb101", "transnas_micro", "transnas_macro"])
def test_parts_have_names(name):
    with torch.device("meta"):
        network = ss.network(name, 3000 if name != "nb101" else 300_000, num_classes=7)
    parts = dict(network.named_children())
    assert list(parts) == [part for part in ("stem", "cells", "last", "head") if part in parts]
    assert len(parts["cells"]) > 4
    assert parts["head"].classifier.out_features == 7


@pytest.mark.parametrize(("dataset", "side", "classes"), [("cifar100", 32, 100), ("imagenet16", 16, 120)])
@pytest.mark.parametrize("name", ["tss", "sss"])
def test_networks_of_other_datasets(name, dataset, side, classes):
    space = ss.space(name)
    for index in Random(dataset).sample(range(space.size), 4):
        network = space.network(index, dataset)
        params = sum(parameter.numel() for parameter in network.parameters())
        assert params == ss.score(space, f"params_{dataset}", index, index + 1).item()
        assert macs(network, side) == (ss.score(space, f"macs_{dataset}", index, index + 1).item(), (1, classes))


def test_a_network_of_ones_own():
    five = {"name": "conv5", "kind": "conv", "kernel": 5, "dilation": 2}
    skeleton = {"widths": [8, 24], "cells": 2, "side": 16, "classes": 7, "dataset": "tiny"}
    space = ss.cell_space("mine", 3, [{"name": "none", "kind": "none"}, five], skeleton)
    for index in range(space.size):
        network = space.network(index, "tiny")
        assert sum(p.numel() for p in network.parameters()) == ss.score(space, "params")[index]
        assert macs(network, 16) == (ss.score(space, "macs")[index], (1, 7))
    assert macs(space.network(0), 16) == macs(space.network(0, "tiny"), 16)
    with pytest.raises(ss.BadInput, match="unknown dataset 'cifar10': known: tiny"):
        space.network(0, "cifar10")


def test_grouped_depthwise_and_separable_convolutions():
    """Parameters, MACs and entropy are those of the layers that the network has."""
    forms = [{}, {"groups": 4}, {"depthwise": True}, {"separable": True}, {"separable": True, "dilation": 2}]
    operations = [{"name": f"conv{i}", "kind": "conv", "kernel": 3, **form} for i, form in enumerate(forms)]
    skeleton = {"widths": [8, 24], "cells": 2, "side": 16, "classes": 7, "dataset": "tiny"}
    only = ["conv1", "conv3", "conv2"]
    space = ss.cell_space("mine", 3, operations, skeleton, edges={"0->2": only})
    for index in Random(3).sample(range(space.size), 20):
        network = space.network(index)
        assert sum(p.numel() for p in network.parameters()) == ss.score(space, "params")[index]
        assert macs(network, 16) == (ss.score(space, "macs")[index], (1, 7))
        of_cells = [
            m for cell in network.cells if hasattr(cell, "edges") for m in cell.modules() if isinstance(m, nn.Conv2d)
        ]
        fixed = [np.log(c * k * k) for c, k in space.skeletons[0].fixed_convolutions()]
        logs = sum(np.log(m.in_channels // m.groups * m.kernel_size[0] ** 2) for m in of_cells) + sum(fixed)
        layers = len(fixed) + len(of_cells)
        assert ss.score(space, "entropy")[index] == pytest.approx(np.log(8 * 8 * 24) * logs, rel=1e-6)
        assert ss.score(space, "effectiveness")[index] == pytest.approx(layers / np.exp(logs / layers), rel=1e-6)
    assert set(ss.score(space, "sed")) == {3, 2.75, 2.5}


def test_eight_cells_of_darts_are_the_network_that_darts_searches_with():
    space = ss.space("darts")
    for index in Random(8).sample(range(10**18), 3):
        small, large = space.network(index, "cifar10_8cells"), space.network(index)
        assert (len(small.cells), len(large.cells)) == (8, 20)
        assert macs(small)[1] == (1, 10)
        assert [cell.fit[1][1].out_channels for cell in small.cells] == [16, 16, 32, 32, 32, 64, 64, 64]


def count(kernel, c_in, c_out, norm=True):
    """Parameters of a bias-free convolution and its BatchNorm."""
    return kernel * kernel * c_in * c_out + 2 * c_out * norm


@pytest.mark.parametrize(("dataset", "classes"), [(None, 47), ("class_object", 75)])
def test_networks_of_transnas(dataset, classes):
    """Counted by hand: a stem to 64 channels, five modules of two cells, the first, third and fifth twice as wide."""
    space = ss.space("transnas_micro")
    stem = count(3, 3, 32) + count(3, 32, 64)
    for index in Random(str(dataset)).sample(range(space.size), 6):
        total, before = stem + 512 * classes + classes, 64
        for module in (4, 1, 4, 1, 4):
            width = before * 2 if module == 4 else before
            for c_in, halves in ((before, module == 4), (width, False)):
                for (source, _), digit in zip(space.edges, space.digits(index), strict=True):
                    given = width if source else c_in
                    if digit >= 2:
                        total += count(1 if digit == 2 else 3, given, width)
                    elif digit == 1 and source == 0 and halves:
                        total += count(1, given, width)  # two halves of it, side by side
            before = width
        network = space.network(index, dataset)
        assert sum(p.numel() for p in network.parameters()) == total
        assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, classes)


def test_macro_networks_of_transnas():
    space = ss.space("transnas_macro")
    index = space.parse("64-1234-basic")
    network = space.network(index).eval()
    total, before = count(3, 3, 32) + count(3, 32, 64) + 256 * 47 + 47, 64
    for module in (1, 2, 3, 4):
        width = before * 2 if module in (2, 4) else before
        shortcut = count(1, before, width) if module > 1 else 0
        total += count(3, before, width) + 3 * count(3, width, width) + shortcut
        before = width
    assert sum(p.numel() for p in network.parameters()) == total
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 47)
    with torch.no_grad():
        assert network[:-1](torch.zeros(1, 3, 256, 256)).shape == (1, 256, 16, 16)


def test_a_space_without_networks():
    with pytest.raises(ss.BadInput, match="toy has no network"):
        Toy([2, 3]).network(0)


@pytest.mark.parametrize("index", [-1, 15_625])
def test_an_index_that_is_outside(index):
    with pytest.raises(ss.BadInput, match=f"index {index} is outside tss: expected 0 to 15624"):
        ss.network("tss", index)


def test_an_unknown_dataset():
    with pytest.raises(ss.BadInput, match="unknown dataset 'cifar10': known: class_scene, class_object"):
        ss.space("transnas_micro").network(0, "cifar10")
