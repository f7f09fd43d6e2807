"""Trainable layers: counted in closed form as PyTorch builds them."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import naive
import sedspace as ss
from toy import Toy

OWN = [
    {"name": "zero", "kind": "none"},
    {"name": "id", "kind": "skip"},
    {"name": "sep", "kind": "conv", "kernel": 3, "separable": True},
    {"name": "grouped", "kind": "conv", "kernel": 5, "groups": 2},
    {"name": "max3", "kind": "pool", "kernel": 3},
]
SKELETON = {"widths": [4, 8, 6], "cells": 2, "side": 8, "classes": 3}


def own():
    return ss.cell_space("mine", 3, OWN, SKELETON, edges={"0->2": ["zero", "sep"]})


def spaces():
    rule = ss.AtMost(2, "skip_connect")
    return ["tss", "tss5", "sss", "transnas_micro", "transnas_macro", "darts", "nb101", own(), ss.restrict("tss", rule)]


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_layers_are_those_of_the_network(space):
    nn = pytest.importorskip("torch.nn")
    space = ss.space(space)
    for index in Random(16).sample(range(min(space.size, 10**18)), 3):
        modules = list(space.network(index).modules())
        assert ss.score(space, "layers", indices=[index]).item() == sum(
            isinstance(one, nn.Conv2d | nn.Linear) for one in modules
        )
        # no other module has parameters but the norms
        assert {type(m) for m in modules if list(m.parameters(recurse=False))} <= {nn.Conv2d, nn.Linear, nn.BatchNorm2d}


def numbers(space, indices):
    return ss.score(space, "layers", indices=indices).tolist()


def some(space, n):
    return Random(n).sample(range(min(space.size, 10**18)), n)


def test_layers_of_topologies():
    space = ss.space("tss")
    assert ss.score(space, "layers").tolist() == [
        naive.trainable(naive.layers(space.digits(index), "cifar10")) for index in range(space.size)
    ]


def test_layers_of_sizes():
    space = ss.space("sss")
    indices = some(space, 200)
    layers = [naive.sss_layers(list(map(int, space.arch(index).split(":"))), "cifar10") for index in indices]
    assert numbers(space, indices) == list(map(naive.trainable, layers))


def test_layers_of_modules():
    space = ss.space("transnas_macro")
    expected = [naive.trainable(naive.transnas_macro_layers(arch.split("-")[1], 47)) for arch in space]
    assert ss.score(space, "layers").tolist() == expected


def test_layers_of_vertices():
    space = ss.space("nb101")
    indices = some(space, 100)
    assert numbers(space, indices) == [naive.trainable(naive.nb101_layers(*space.matrix(index))) for index in indices]


@pytest.mark.parametrize(
    ("space", "twin"), [("darts", naive.darts_trainable), ("transnas_micro", naive.transnas_micro_trainable)]
)
def test_layers_of_cells(space, twin):
    space = ss.space(space)
    indices = some(space, 200)
    assert numbers(space, indices) == [twin(space.digits(index)) for index in indices]


def test_layers_are_sums_as_costs_are():
    assert ss.top_k("tss8", 1, by="layers", where="params < 1000000", columns=["n_conv1x1"]).rows()[0][1:3] == (
        8 + 15 * 28,
        28,
    )
    layers = ss.score("tss", "layers")
    found = ss.distribution("tss", "layers")
    assert (found.values.tolist(), found.counts) == tuple(map(np.ndarray.tolist, np.unique(layers, return_counts=True)))
    assert "layers" not in ss.space("nb101").default_features


def test_a_space_without_networks_has_no_layers():
    with pytest.raises(ss.BadInput, match="unknown score 'layers'"):
        ss.score(Toy([2, 3]), "layers")
