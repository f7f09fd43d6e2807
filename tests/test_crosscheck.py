"""Real networks: as large as the closed forms say; proxies equal to what can be worked out by hand."""

from __future__ import annotations

from random import Random

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sedspace as ss
from sedspace.crosscheck.networks import Head
from sedspace.crosscheck.proxies import Batch, Undefined, find_proxy, known_proxies, proxy
from sedspace.crosscheck.study import crosscheck


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


@pytest.mark.parametrize("name", ["tss", "tss3", "tss5", "sss", "darts", "nb101"])
def test_networks_are_as_large_as_the_closed_forms_say(name):
    space = ss.space(name)
    for index in [0, space.size - 1, *Random(name).sample(range(min(space.size, 10**15)), 8)]:
        network = space.network(index)
        params = sum(parameter.numel() for parameter in network.parameters())
        assert params == ss.score(space, "params", index, index + 1).item()
        assert macs(network) == (ss.score(space, "macs", index, index + 1).item(), (1, 10))


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
    with pytest.raises(ss.BadInput, match="unknown dataset 'cifar10'"):
        space.network(0)
    with pytest.raises(ss.BadInput, match="transnas_micro has no network"):
        ss.space("transnas_micro").network(0)


# -- proxies --------------------------------------------------------------------------------------------------------


class Tiny(nn.Module):
    """A linear layer, a ReLU and a linear layer: small enough to differentiate by hand."""

    def __init__(self):
        super().__init__()
        self.one, self.relu, self.two = nn.Linear(12, 4, bias=False), nn.ReLU(), nn.Linear(4, 3, bias=False)

    def forward(self, x):
        """Return the logits."""
        return self.two(self.relu(self.one(x.flatten(1))))


@pytest.fixture
def tiny():
    """A tiny network in double precision, and a batch."""
    torch.manual_seed(3)
    return Tiny().double(), Batch(torch.randn(6, 3, 2, 2).double(), torch.tensor([0, 1, 2, 0, 1, 2]))


def loss_of(weights, batch):
    one, two = weights
    hidden = np.maximum(batch.images.flatten(1).numpy() @ one.T, 0)
    logits = hidden @ two.T
    logits = logits - logits.max(axis=1, keepdims=True)
    return (np.log(np.exp(logits).sum(axis=1)) - logits[range(6), batch.labels.numpy()]).mean()


def by_differences(function, weights, step=1e-6):
    """Return the gradient of a function of two matrices by central differences."""
    out = []
    for which in range(2):
        gradient = np.zeros_like(weights[which])
        for place in np.ndindex(gradient.shape):
            ends = []
            for sign in (1, -1):
                moved = [weight.copy() for weight in weights]
                moved[which][place] += sign * step
                ends.append(function(moved))
            gradient[place] = (ends[0] - ends[1]) / (2 * step)
        out.append(gradient)
    return out


def test_saliency_by_finite_differences(tiny):
    network, batch = tiny
    weights = [network.one.weight.detach().numpy().copy(), network.two.weight.detach().numpy().copy()]
    gradient = by_differences(lambda w: loss_of(w, batch), weights)
    pairs = list(zip(weights, gradient, strict=True))
    expected = {
        "grad_norm": sum(np.linalg.norm(g) for g in gradient),
        "snip": sum(np.abs(w * g).sum() for w, g in pairs),
        "plain": sum((w * g).sum() for w, g in pairs),
        "l2_norm": sum(np.linalg.norm(w) for w in weights),
    }
    # The Hessian times the gradient is how the gradient changes along the gradient.
    step = 1e-4
    ahead, behind = (
        by_differences(lambda w: loss_of(w, batch), [w + sign * step * g for w, g in pairs]) for sign in (1, -1)
    )
    product = [(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)]
    expected["grasp"] = -sum((w * h).sum() for w, h in zip(weights, product, strict=True))
    for name, value in expected.items():
        assert find_proxy(name).value(network, batch, cross_entropy) == pytest.approx(value, rel=1e-4, abs=1e-7), name


def test_other_proxies_by_hand(tiny):
    network, batch = tiny
    x = batch.images.flatten(1).numpy()
    one, two = network.one.weight.detach().numpy(), network.two.weight.detach().numpy()
    before = x @ one.T
    fires = before > 0
    hidden = before * fires
    logits = hidden @ two.T
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    delta = (shares - np.eye(3)[batch.labels.numpy()]) / 6
    back = (delta @ two) * fires
    fisher = 12 * ((before * back) ** 2).mean(axis=0).sum() / 2 + 4 * ((logits * delta) ** 2).mean(axis=0).sum() / 2
    kernel = np.array([[(a == b).sum() for a in fires] for b in fires], float)
    jacobian = (fires * two.sum(axis=0)) @ one
    expected = {
        "fisher": fisher,
        "synflow": np.log(2 * (np.abs(two) @ np.abs(one)).sum()),
        "linear_regions": len({tuple(row) for row in fires}),
        "swap": len({tuple(column) for column in fires.T}),
    }
    if np.linalg.det(kernel) > 0:
        expected["naswot"] = np.linalg.slogdet(kernel)[1]
    values = np.linalg.eigvalsh(np.corrcoef(jacobian)) + 1e-5
    expected["jacob_cov"] = -(np.log(values) + 1 / values).sum()
    epe = 0
    for label in range(3):
        epe += abs(np.log(np.abs(np.corrcoef(jacobian[batch.labels.numpy() == label])) + 1e-5).sum())
    expected["epe_nas"] = epe
    per_image = [
        np.concatenate([np.outer(6 * back[i], x[i]).ravel(), np.outer(6 * delta[i], hidden[i]).ravel()])
        for i in range(6)
    ]
    expected["gradsign"] = np.abs(np.sign(per_image).sum(axis=0)).sum()
    tangent = np.array(
        [np.concatenate([np.outer(fires[i] * two.sum(0), x[i]).ravel(), np.tile(hidden[i], 3)]) for i in range(6)]
    )
    eigenvalues = np.linalg.eigvalsh(tangent @ tangent.T)
    expected["ntk_cond"] = eigenvalues[-1] / eigenvalues[0]
    for name, value in expected.items():
        assert find_proxy(name).value(network, batch, cross_entropy) == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize("name", ["jacob_cov", "epe_nas", "zen", "synflow", "zico"])
def test_dead_cells_have_no_value_and_a_reason(name):
    batch = Batch(torch.randn(8, 3, 32, 32), torch.arange(8) % 10)
    torch.manual_seed(0)
    with pytest.raises(Undefined, match=name):
        find_proxy(name).value(Dead(), batch, cross_entropy)


class Dead(nn.Module):
    """A network through which nothing passes."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), Head(4, 10)

    def forward(self, x):
        """Return the logits, which do not depend on the image."""
        return self.head(self.norm(self.stem(x)) * 0.0)


def test_seeds_reproduce_to_the_bit():
    for name in known_proxies():
        values = []
        for _ in range(2):
            torch.manual_seed(5)
            network = ss.space("tss").network(11_668).train()
            batch = Batch(torch.randn(4, 3, 32, 32), torch.randint(0, 10, (4,)))
            values.append(find_proxy(name).value(network, batch, cross_entropy))
        assert values[0] == values[1], name


def test_a_proxy_of_ones_own_and_unknown_ones():
    @proxy("width")
    def width(network, batch, loss):
        return max(module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d))

    assert (
        find_proxy("width").value(ss.space("tss").network(3), Batch(torch.zeros(1), torch.zeros(1)), cross_entropy)
        == 64
    )
    with pytest.raises(ss.BadInput, match="unknown proxy 'gradnorm': did you mean 'grad_norm'"):
        find_proxy("gradnorm")


@pytest.mark.parametrize(("name", "column", "least"), [("synflow", "synflow", 0.97), ("zen", "zen", 0.97)])
def test_proxies_agree_with_published_values(shared, name, column, least):
    """NAS-Bench-Suite-Zero's values on real images; ours on random ones, and of few architectures, for time."""
    from scipy.stats import spearmanr

    table = pl.read_parquet(shared / "benchmarks" / "nb201_zero_cost_cifar10.parquet").sample(16, seed=3)
    space = ss.space("tss")
    values = []
    for index in space.parse(table["arch"]):
        torch.manual_seed(int(index))
        network = space.network(int(index)).train()
        batch = Batch(torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,)))
        try:
            values.append(find_proxy(name).value(network, batch, cross_entropy))
        except Undefined:
            values.append(np.nan)
    known = np.isfinite(values) & np.isfinite(table[column].to_numpy())
    assert known.sum() >= 10
    assert spearmanr(np.array(values)[known], table[column].to_numpy()[known]).statistic > least


# -- studies --------------------------------------------------------------------------------------------------------


def test_a_study_is_continued_and_reproducible(tmp_path):
    out = tmp_path / "check.parquet"
    options = {"batch": 4, "progress": False, "seed": 7}
    few = crosscheck("tss", [11_668, 0], ["snip", "zen"], out, **options)
    assert few.shape == (4, len(few.columns))
    assert few.filter(index=0, proxy="zen")["value"].to_list() == [None]
    assert "dead cell" in few.filter(index=0, proxy="zen")["reason"].item()
    more = crosscheck("tss", [11_667, 11_668, 0], ["snip", "zen", "naswot"], out, repeats=2, **options)
    assert len(more) == 18
    assert more.head(4).rows() == few.rows()  # the times, too: they were not taken again
    alone = crosscheck("tss", [11_667], ["naswot"], repeats=2, **options)
    again = more.filter(index=11_667, proxy="naswot")
    assert alone["value"].to_list() == again["value"].to_list()
    assert alone["value"].n_unique() == 2
    assert pl.read_parquet(out).equals(more)
    assert more["sed"].to_list() == [float(ss.score("tss")[i]) for i in more["index"].to_list()]
    with pytest.raises(ss.BadInput, match="holds another study: its batch is 4, the request's 5"):
        crosscheck("tss", [5], ["snip"], out, batch=5, progress=False, seed=7)
    (tmp_path / "other.parquet").write_bytes(b"PAR1")
    with pytest.raises(ss.BadInput, match="is no study to continue"):
        crosscheck("tss", [5], ["snip"], tmp_path / "other.parquet", **options)
    with pytest.raises(ss.BadInput, match="expected indices that fit int64"):
        crosscheck("tss8", [2**64], ["snip"], **options)
