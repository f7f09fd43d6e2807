"""Proxies: equal to what can be worked out by hand."""

from __future__ import annotations

import copy
import math
import re
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy

import sedspace as ss
from sedspace.networks.layers import Block, Head
from sedspace.studies import proxies
from sedspace.studies.proxies import Batch, Undefined, find_proxy, known_proxies, proxy, registry
from sedspace.studies.proxies.base import REGISTERED
from toy import small_tss

pytestmark = pytest.mark.usefixtures("one_torch_thread")


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
    return (np.log(np.exp(logits).sum(axis=1)) - logits[range(len(logits)), batch.labels.numpy()]).mean()


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
    jacobian = (fires * two.sum(axis=0)) @ one
    expected = {
        "fisher": fisher,
        "synflow": np.log(2 * (np.abs(two) @ np.abs(one)).sum()),
        "linear_regions": len({tuple(row) for row in fires}),
    }
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
        assert find_proxy(name).value(copy.deepcopy(network), batch, cross_entropy) == pytest.approx(value, rel=1e-4), (
            name
        )


def test_swap_is_of_sixteen_images_and_normal_weights():
    torch.manual_seed(12)
    network = Wide()
    for images in (torch.randn(5, 3, 2, 2), torch.randn(20, 3, 2, 2)):
        torch.manual_seed(4)
        one = torch.randn(40, 12)
        fires = images[:16].flatten(1) @ one.T > 0
        expected = len({tuple(column) for column in fires.T.tolist()})
        torch.manual_seed(4)
        batch = Batch(images, torch.zeros(len(images), dtype=torch.int64))
        assert find_proxy("swap").value(network, batch, cross_entropy) == expected
        assert (expected < 40) == (len(images) == 5)


class Wide(nn.Module):
    """A linear layer, a ReLU and a linear layer: more ReLUs than five images have patterns."""

    def __init__(self):
        super().__init__()
        self.one, self.relu, self.two = nn.Linear(12, 40), nn.ReLU(), nn.Linear(40, 3)

    def forward(self, x):
        """Return the logits."""
        return self.two(self.relu(self.one(x.flatten(1))))


def test_naswot_by_hand(tiny):
    """Of three images: the agreements of six images in four ReLUs have at most five dimensions, determinant 0."""
    network, batch = tiny
    fires = batch.images.flatten(1).numpy() @ network.one.weight.detach().numpy().T > 0
    chosen = [0, *[i for i in range(1, 6) if (fires[i] != fires[0]).any()][:2]]
    kernel = np.array([[(a == b).sum() for a in fires[chosen]] for b in fires[chosen]], float)
    assert np.linalg.det(kernel) > 0
    few = Batch(batch.images[chosen], batch.labels[chosen])
    assert find_proxy("naswot").value(network, few, cross_entropy) == pytest.approx(math.log(np.linalg.det(kernel)))
    with pytest.raises(Undefined, match="two images agree"):
        find_proxy("naswot").value(network, batch, cross_entropy)


def test_zico_by_finite_differences(tiny):
    network, batch = tiny
    weights = [network.one.weight.detach().numpy().copy(), network.two.weight.detach().numpy().copy()]
    halves = [Batch(batch.images[part], batch.labels[part]) for part in (slice(0, 3), slice(3, 6))]
    first, second = (by_differences(lambda w, half=half: loss_of(w, half), weights) for half in halves)
    expected = 0.0
    for a, b in zip(first, second, strict=True):
        mean, deviation = (np.abs(a) + np.abs(b)) / 2, np.abs(a - b) / 2
        varies = np.abs(a - b) > 1e-8  # the exact ones are 0 where a ReLU is silent
        expected += np.log((mean[varies] / deviation[varies]).sum())
    assert find_proxy("zico").value(network, batch, cross_entropy) == pytest.approx(expected, rel=1e-4)


class TinyConv(nn.Module):
    """Two blocks of one convolution each, a BatchNorm, a ReLU and a head."""

    def __init__(self):
        super().__init__()
        self.one, self.two = Conv(3, 8, 1), Conv(8, 6, 2)
        self.norm, self.relu, self.head = nn.BatchNorm2d(6), nn.ReLU(), Head(6, 4)

    def forward(self, x):
        """Return the logits."""
        return self.head(self.relu(self.norm(self.two(self.one(x)))))


class Conv(Block):
    """A convolution as a block."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)

    def forward(self, x):
        """Return what it puts out."""
        return self.conv(x)


@pytest.fixture
def blocks():
    """A tiny network of two blocks in train mode, and a batch."""
    torch.manual_seed(11)
    return TinyConv().train(), Batch(torch.randn(5, 3, 6, 6), torch.tensor([0, 1, 2, 3, 0]))


def normal_features(batch):
    """The features of TinyConv before pooling with normal weights, for two inputs, and its variances, by hand."""
    one, two, _ = torch.randn(8, 3, 3, 3), torch.randn(6, 8, 3, 3), torch.randn(4, 6)
    x = torch.randn_like(batch.images)
    out, running = [], torch.ones(6)
    for images in (x, x + 0.01 * torch.randn_like(x)):
        z = functional.conv2d(functional.conv2d(images, one, padding=1), two, stride=2, padding=1)
        n = z[:, 0].numel()
        mean = z.mean(dim=(0, 2, 3), keepdim=True)
        variance = ((z - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
        running = 0.9 * running + 0.1 * variance.flatten() * n / (n - 1)
        out.append(((z - mean) / (variance + 1e-5).sqrt()).clamp(min=0))
    return out, running


def test_zen_and_incorporated_by_hand(blocks):
    network, batch = blocks
    network(batch.images)  # zen-score needs fresh buffers, and makes them
    torch.manual_seed(3)
    (a, b), running = normal_features(batch)
    expected = math.log((a - b).abs().flatten(1).sum(1).mean()) + math.log(math.sqrt(running.mean()))
    torch.manual_seed(3)
    assert find_proxy("zen").value(network, batch, cross_entropy) == pytest.approx(expected, rel=1e-4)
    entropy = math.log(8 * 36) * math.log(27) / 2 + math.log(6 * 9) * math.log(72) / 2
    torch.manual_seed(3)
    value = find_proxy("incorporated").value(network, batch, cross_entropy)
    assert value == pytest.approx(0.9 * expected + 0.1 * math.sqrt(entropy), rel=1e-4)


def weight_gradients_of(network, images, labels):
    """The gradients of a batch's loss by the weights of the three layers, in numpy."""
    weights = [network.one.conv.weight, network.two.conv.weight, network.head.classifier.weight]
    return [g.double().numpy() for g in torch.autograd.grad(cross_entropy(network(images), labels), weights)]


def test_gradsign_is_of_images_one_by_one(blocks):
    network, batch = blocks
    batch = Batch(torch.randn(11, 3, 6, 6), torch.arange(11) % 4)  # more than go together
    signs = [0.0, 0.0, 0.0]
    for i in range(11):
        gradients = weight_gradients_of(network, batch.images[i : i + 1], batch.labels[i : i + 1])
        signs = [total + np.sign(gradient) for total, gradient in zip(signs, gradients, strict=True)]
    expected = sum(np.abs(total).sum() for total in signs)
    number = sum(total.size for total in signs)
    assert find_proxy("gradsign").value(copy.deepcopy(network), batch, cross_entropy) == expected
    mean = find_proxy("gradsign_mean").value(network, batch, cross_entropy)
    assert mean == pytest.approx(expected / number, rel=1e-6)
    single = Batch(torch.randn(3, 3, 2, 2), torch.arange(3))
    with pytest.raises(Undefined, match="gets a single pixel of each image"):
        find_proxy("gradsign").value(TinyConv().train(), single, cross_entropy)
    with pytest.raises(Undefined, match="gets a single pixel of each image"):
        find_proxy("rbflex").value(TinyConv().train(), single, cross_entropy)


def test_zico_is_of_the_mean_and_standard_deviation_of_two_batches(blocks):
    network, batch = blocks
    first, second = (
        weight_gradients_of(network, batch.images[part], batch.labels[part]) for part in (slice(0, 2), slice(2, 4))
    )
    expected = 0.0
    for pair in zip(first, second, strict=True):
        mean, deviation = np.abs(pair).mean(axis=0), np.std(pair, axis=0)
        expected += np.log((mean[deviation > 0] / deviation[deviation > 0]).sum())
    assert find_proxy("zico").value(network, batch, cross_entropy) == pytest.approx(expected, rel=1e-4)


def test_a_neural_tangent_kernel_with_a_least_eigenvalue_that_is_rounding_has_no_condition_number(tiny):
    network, batch = tiny
    nearly = batch.images.clone()
    nearly[1] = nearly[0] + 1e-7 * nearly[1]
    with pytest.raises(Undefined, match="least eigenvalue below 1e-10 of the greatest"):
        find_proxy("ntk_cond").value(network, Batch(nearly, batch.labels), cross_entropy)


def test_vkdnw_by_finite_differences(blocks):
    network, batch = blocks
    network(batch.images)  # running statistics, which it does not use
    network, images = network.double(), torch.randn(11, 3, 6, 6, dtype=torch.float64)
    value = find_proxy("vkdnw").value(network, Batch(images, torch.arange(11) % 4), cross_entropy)
    network.eval()  # with the weights that the proxy has left
    fisher, step = np.zeros((6, 6)), 1e-6
    for image in images:
        logits = network(image[None])[0].detach().numpy()
        columns = []
        for tensor in network.parameters():
            ends = []
            for move in (step, -2 * step):
                with torch.no_grad():
                    tensor.view(-1)[0] += move
                    ends.append(network(image[None])[0].numpy())
            with torch.no_grad():
                tensor.view(-1)[0] += step
            columns.append((ends[0] - ends[1]) / (2 * step))
        p = 0.95 * np.exp(logits) / np.exp(logits).sum() + 0.05 / 4
        for k in range(4):  # the expectation over classes of the outer product of the gradients of log p
            of_class = np.array(columns).T[k] - p @ np.array(columns).T
            fisher += p[k] * np.outer(of_class, of_class) / 11
    eigenvalues = np.linalg.eigvalsh(fisher)
    deciles = np.quantile(eigenvalues, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    shares = deciles / deciles.sum()
    assert value == pytest.approx(-sum(share * np.log(share) for share in shares), rel=1e-5)
    torch.manual_seed(2)
    alone = find_proxy("vkdnw").value(network, in_double(batch), cross_entropy)
    torch.manual_seed(2)
    assert find_proxy("vkdnw_single").value(network, in_double(batch), cross_entropy) == 6 + alone


class Responding(nn.Module):
    """A ReLU in the stem, two residual blocks, a ReLU behind them, and one that an image in two has no response of."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.one, self.two = Residual(), Residual()
        self.last, self.head = nn.ReLU6(), Head(4, 4)

    def forward(self, x):
        """Return the logits."""
        return self.head(self.last(self.two(self.one(self.stem(x)))))


class Residual(Block):
    """Twice the same ReLU in front of a convolution, beside a skip; what one of them passes on is constant."""

    def __init__(self):
        super().__init__()
        self.relu, self.conv = nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)
        self.constant = nn.ReLU()

    def forward(self, x):
        """Return the sum of three ways."""
        return x + self.conv(self.relu(self.conv(self.relu(x)))) + self.constant(torch.full_like(x, 0.1))


def test_rbflex_by_the_area_of_a_triangle(blocks):
    """At a small gamma the determinant of three points' kernel is gamma^2 times 16 times the area squared."""
    network, batch = blocks
    responses, features = [], []
    for i in range(3):
        z = network.norm(network.two(network.one(batch.images[i : i + 1]))).clamp(min=0)[0].detach().double().numpy()
        responses.append(z.ravel())
        features.append(z.mean(axis=(1, 2)))
    expected = 0.0
    for rows, gamma in ((responses, 2.68690173088039e-12), (features, 1.02460061284506e-11)):
        columns = [(c - c.min()) / (c.max() - c.min() or 1) for c in np.array(rows).T]
        a, b, c = (sum((column[i] - column[j]) ** 2 for column in columns) for i, j in ((0, 1), (1, 2), (0, 2)))
        expected += 3 * math.log(gamma**2 * (2 * (a * b + b * c + c * a) - a * a - b * b - c * c))
    assert find_proxy("rbflex").value(network, batch, cross_entropy) == pytest.approx(expected, rel=1e-5)
    for images, why in ((batch.images[:2], "no 3 images"), (batch.images[:1].expand(3, -1, -1, -1), "singular")):
        with pytest.raises(Undefined, match=why):
            find_proxy("rbflex").value(network, Batch(images, batch.labels[: len(images)]), cross_entropy)


def test_wrcor_by_hooks():
    torch.manual_seed(13)
    network, batch = Responding(), Batch(torch.randn(5, 3, 6, 6), torch.tensor([0, 1, 2, 3, 0]))
    total = np.zeros((5, 5))

    def add(response, weight):
        with np.errstate(invalid="ignore"):
            correlations = np.abs(np.corrcoef(response.detach().flatten(1).double().numpy()))
        if not np.isnan(correlations).any():
            total[:] += weight * correlations

    handles = []
    for relu, weight in [(network.one.relu, 1), (network.two.relu, 2), (network.last, 4)]:
        handles.append(relu.register_forward_hook(lambda m, given, result, weight=weight: add(given[0], weight)))
        handles.append(relu.register_full_backward_hook(lambda m, given, got, weight=weight: add(given[0], weight)))
    cross_entropy(network(batch.images), batch.labels).backward()
    for handle in handles:
        handle.remove()
    expected = np.log(np.linalg.det(total))
    assert find_proxy("wrcor").value(network, batch, cross_entropy) == pytest.approx(expected, rel=1e-5)
    alike = Batch(batch.images[:1].expand(5, -1, -1, -1), batch.labels[:1].expand(5))
    with pytest.raises(Undefined, match="images respond alike"):
        find_proxy("wrcor").value(network, alike, cross_entropy)
    with pytest.raises(Undefined, match="none behind its stem"):
        find_proxy("wrcor").value(network.stem, batch, lambda maps, labels: maps.sum())


def in_double(batch):
    """The batch in double precision."""
    return Batch(batch.images.double(), batch.labels)


def test_size_by_hand(blocks):
    network, batch = blocks
    assert find_proxy("params").value(network, batch, cross_entropy) == 27 * 8 + 72 * 6 + 12 + 6 * 4 + 4
    assert find_proxy("macs").value(network, batch, cross_entropy) == 27 * 8 * 36 + 72 * 6 * 9 + 6 * 4 + 4


def least_eigenvalue(maps):
    """Of the correlations of rows; a constant row has none."""
    with np.errstate(invalid="ignore"):
        correlations = np.nan_to_num(np.corrcoef(maps.astype(np.float64)))
    return np.linalg.eigvalsh(correlations)[0]


def test_meco_by_hand(blocks):
    network, batch = blocks
    torch.manual_seed(8)
    one = network.one(torch.randn(1, 3, 64, 64))
    two = network.two(one)
    normed = network.norm(two)
    maps = [layer[0].detach().flatten(1).numpy() for layer in (one, two, normed, normed.clamp(min=0))]
    expected = sum(least_eigenvalue(of) for of in maps)
    torch.manual_seed(8)
    assert find_proxy("meco").value(network, batch, cross_entropy) == pytest.approx(expected, abs=1e-6)
    torch.manual_seed(8)
    optimised = find_proxy("meco_opt").value(network, batch, cross_entropy)
    assert optimised == pytest.approx(least_eigenvalue(maps[0]), abs=1e-6)  # the only layer of 8 channels, all chosen


def test_az_nas_by_hand(blocks):
    network, batch = blocks

    def entropy(features):
        rows = features.transpose(0, 1).flatten(1).detach().double().numpy()
        shares = np.linalg.eigvalsh(np.cov(rows, bias=True))
        shares = np.clip(shares / shares.sum(), 0, None)
        return -(shares * np.log(shares + 1e-8)).sum()

    torch.manual_seed(7)
    expressivity = find_proxy("az_expressivity").value(network, batch, cross_entropy)
    one = network.one(batch.images)  # with the weights that the proxy has left
    two = network.two(one)
    of_each = [entropy(features) for features in (batch.images, one, two)]  # it has no stem: the images go in
    assert expressivity == pytest.approx(sum(of_each), rel=1e-4)
    torch.manual_seed(7)
    progressivity = find_proxy("az_progressivity").value(network, batch, cross_entropy)
    assert progressivity == pytest.approx(np.diff(of_each).min(), rel=1e-3)

    torch.manual_seed(7)
    trainability = find_proxy("az_trainability").value(network, batch, cross_entropy)
    torch.manual_seed(7)
    for layer in (network.one.conv, network.two.conv, network.head.classifier):
        nn.init.kaiming_normal_(torch.empty_like(layer.weight), nonlinearity="relu")
    out = torch.empty(5, 8, 6, 6).bernoulli_(0.5) * 2 - 1
    given = functional.conv_transpose2d(out, network.one.conv.weight, padding=1)
    pairs = given.transpose(0, 1).flatten(1) @ out.transpose(0, 1).flatten(1).T / 180
    first = np.linalg.svd(pairs.detach().numpy())[1].max()
    out = torch.empty(5, 6, 3, 3).bernoulli_(0.5) * 2 - 1
    given = functional.conv_transpose2d(out, network.two.conv.weight, stride=2, padding=1, output_padding=1)
    pairs = torch.zeros(32, 6)
    for y in range(3):
        for x in range(3):
            patch = given[:, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].flatten(1)
            pairs += patch.T @ out[:, :, y, x] / 45
    found = [first, np.linalg.svd(pairs.detach().numpy())[1].max()]
    assert trainability == pytest.approx(np.mean([2 - s - 1 / (s + 1e-6) for s in found]), rel=1e-4)


MOBILE = """
kind = "stages"
name = "mobile"
title = "a small MobileNet"
side = 8
classes = 3
activation = "relu6"
stem = [{ width = 4, stride = 2 }]
head = [{ width = 12 }]

[[stages]]
width = [4, 6]
layers = 2
block = "mbconv"
expansion = 2
se = true

[[stages]]
width = 8
stride = 2
layers = 2
each = [{ block = "skip" }, { block = "mbconv", kernel = 3 }]
"""


@pytest.fixture
def mobile(tmp_path):
    """A space of small MobileNets, one of them, and a batch for it."""

    def made(old="", new="", index=7):
        path = tmp_path / "mobile.toml"
        path.write_text(MOBILE.replace(old, new))
        torch.manual_seed(2)
        space = ss.space(str(path))
        return space, space.network(index).train(), Batch(torch.randn(8, 3, 8, 8), torch.arange(8) % 3)

    return made


def reasons(network, batch):
    """Why proxies have no value on a network."""
    out = {}
    for name in known_proxies():
        try:
            assert math.isfinite(find_proxy(name).value(copy.deepcopy(network), batch, cross_entropy))
        except Undefined as error:
            out[name] = str(error)
    return out


def test_every_proxy_has_a_value_on_mobilenets_or_a_reason(mobile):
    space, network, batch = mobile()
    assert reasons(network, batch) == {"dss": "DSS is of transformers"}
    biases = sum(p.numel() for name, p in network.named_parameters() if "bias" in name and "norm" not in name)
    assert find_proxy("macs").value(network, batch, cross_entropy) == space.cost(7).macs + biases
    _, network, batch = mobile('"relu6"', '"hswish"')
    told = reasons(network, batch)
    assert told.keys() == {"dss", "naswot", "linear_regions", "swap", "wrcor", "rbflex"}
    assert {told[name] for name in ("naswot", "linear_regions", "swap")} == {
        "patterns are of ReLUs, and the network has Hardswish"
    }
    _, network, batch = mobile('"relu6"', '"none"')
    assert reasons(network, batch)["swap"] == "patterns are of ReLUs, and the network has none"


def test_blocks_that_do_nothing_are_none(mobile):
    """A skip that keeps the shape passes on what it gets: AZ-NAS's parts do not look at it."""
    _, network, batch = mobile(index=2)
    assert [len(block.body) for block in network.stage2] == [2, 0]
    values = []
    for blocks in (network.stage2, nn.Sequential(network.stage2[0])):
        network.stage2 = blocks
        torch.manual_seed(4)
        values.append(find_proxy("az_trainability").value(network, batch, cross_entropy))
    assert values[0] == values[1]


TRANSFORMER = """
kind = "layers"
name = "small"
title = "a small transformer"
classes = 3

[embedding]
kind = "patches"
side = 6
patch = 3

[layer]
head_width = 2
ratio = 1.5

[[choices]]
width = [4, 6]

[[choices]]
depth = [1, 2]

[[choices]]
per = "layer"
heads = [1, 2]
attention = ["SA-SDP", "SA-WMA"]
"""


@pytest.fixture
def transformer(tmp_path):
    """A small transformer, by what is chosen, and a batch."""

    def made(*chosen):
        path = tmp_path / "small.toml"
        path.write_text(TRANSFORMER)
        space = ss.space(str(path))
        torch.manual_seed(6)
        return space.network(space.index(chosen)).train(), Batch(torch.randn(8, 3, 6, 6), torch.arange(8) % 3)

    return made


def transformed(x, of):
    """The logits of a transformer of one layer and one head, in numpy, by its parameters; one image."""

    def normed(tokens, name):
        spread = np.sqrt(tokens.var(axis=-1, keepdims=True) + 1e-5)
        return (tokens - tokens.mean(axis=-1, keepdims=True)) / spread * of[f"{name}.weight"] + of[f"{name}.bias"]

    def linear(tokens, name):
        return tokens @ of[f"{name}.weight"].T + of.get(f"{name}.bias", 0.0)

    patches = [x[:, i : i + 3, j : j + 3].ravel() for i in (0, 3) for j in (0, 3)]
    kernel = of["stem.projection.weight"].reshape(4, -1)
    tokens = np.array(patches) @ kernel.T + of["stem.projection.bias"]
    tokens = np.concatenate([of["stem.class_token"][0], tokens]) + of["stem.positions"][0]
    attention, feed_forward = "stage1.0.attention", "stage1.0.feed_forward"
    y = normed(tokens, f"{attention}.norm")
    query, key, value = (linear(y, f"{attention}.body.mixing.{name}") for name in ("query", "key", "value"))
    if f"{attention}.body.mixing.weighted.weight" in of:
        query = linear(query, f"{attention}.body.mixing.weighted")
    scores = np.exp(query @ key.T / np.sqrt(2))
    tokens = tokens + linear(scores / scores.sum(axis=1, keepdims=True) @ value, f"{attention}.body.out")
    y = linear(normed(tokens, f"{feed_forward}.norm"), f"{feed_forward}.body.0")
    gelu = y * (1 + np.vectorize(math.erf)(y / np.sqrt(2))) / 2
    tokens = tokens + linear(gelu, f"{feed_forward}.body.2")
    return linear(normed(tokens[0], "head.norm"), "head.classifier")


def test_dss_by_finite_differences(transformer):
    network, batch = transformer(0, 0, 2, 4)  # width 4, one layer of one head with weighted queries
    of = {name: p.detach().double().numpy().copy() for name, p in network.named_parameters()}
    image = batch.images[0].double().numpy()
    ours = network.double().eval()(batch.images[:1].double())[0].detach().numpy()
    assert transformed(image, of) == pytest.approx(ours, rel=1e-6)
    positive = {name: np.abs(value) for name, value in of.items()}
    ones, step = np.ones((3, 6, 6)), 1e-6

    def gradient(name):
        out = np.zeros_like(positive[name])
        for place in np.ndindex(out.shape):
            ends = []
            for sign in (1, -1):
                moved = positive[name].copy()
                moved[place] += sign * step
                ends.append(transformed(ones, {**positive, name: moved}).sum())
            out[place] = (ends[0] - ends[1]) / (2 * step)
        return out

    mixing = "stage1.0.attention.body.mixing"
    expected = 0.0
    for names in ([f"{mixing}.{one}" for one in ("query", "key", "value")], [f"{mixing}.weighted"]):
        if f"{names[0]}.weight" in positive:
            pair = [np.concatenate([f(f"{name}.weight") for name in names]) for f in (positive.get, gradient)]
            expected += math.prod(np.linalg.svd(matrix)[1].sum() for matrix in pair)
    out = "stage1.0.attention.body.out.weight"
    expected += math.prod(np.linalg.svd(matrix)[1].sum() for matrix in (positive[out], gradient(out)))
    for name in ("stage1.0.feed_forward.body.0.weight", "stage1.0.feed_forward.body.2.weight"):
        expected += np.abs(positive[name] * gradient(name)).sum()
    assert any("weighted" in name for name in of)
    assert find_proxy("dss").value(network, batch, cross_entropy) == pytest.approx(expected, rel=1e-4)


def test_every_proxy_has_a_value_on_transformers_or_a_reason(transformer):
    told = reasons(*transformer(1, 1, 1, 3))
    of_relus = {"naswot", "linear_regions", "swap", "wrcor", "rbflex"}
    assert told.keys() == {*of_relus, "meco", "meco_opt", "zen", "incorporated"}
    assert reasons(*transformer(1, 0, 1, 4)).keys() == told.keys()


def test_az_nas_needs_blocks_of_two_channels(tiny, blocks):
    for name in ("az_expressivity", "az_progressivity", "az_trainability"):
        with pytest.raises(Undefined, match="the network has no blocks"):
            find_proxy(name).value(*tiny, cross_entropy)
    network, batch = blocks
    network.two, network.norm, network.head = Conv(8, 1, 2), nn.BatchNorm2d(1), Head(1, 4)
    for name in ("az_expressivity", "az_progressivity"):
        with pytest.raises(Undefined, match="one channel, which has no principal components"):
            find_proxy(name).value(network, batch, cross_entropy)


class Tokens(nn.Module):
    """Pixels as tokens, a layer of each and one that mixes them, products of matrices between them."""

    def __init__(self):
        super().__init__()
        self.one, self.norm, self.two = nn.Linear(3, 5, bias=False), nn.LayerNorm(5), nn.Linear(5, 2, bias=False)

    def forward(self, x):
        """Return the logits."""
        y = self.one(x.flatten(2).mT)
        return self.two(self.norm((y @ y.mT) @ y).mean(dim=1))


def test_tokens_are_pixels_to_fisher_and_products_are_macs():
    torch.manual_seed(9)
    network, batch = Tokens(), Batch(torch.randn(4, 3, 2, 2), torch.tensor([0, 1, 0, 1]))
    outputs = []
    network.one.register_forward_hook(lambda module, given, result: outputs.append(result))
    network.two.register_forward_hook(lambda module, given, result: outputs.append(result))
    loss = cross_entropy(network(batch.images), batch.labels)
    expected = 0.0
    for output, weights, gradient in zip(outputs, (3, 5), torch.autograd.grad(loss, outputs), strict=True):
        product = (output * gradient).detach().numpy().reshape(4, -1, output.shape[-1])
        expected += weights * (product.sum(axis=1) ** 2).mean(axis=0).sum() / 2
    assert find_proxy("fisher").value(network, batch, cross_entropy) == pytest.approx(expected, rel=1e-5)
    macs = 4 * 15 + 2 * 4 * 4 * 5 + 10
    assert find_proxy("macs").value(network, batch, cross_entropy) == macs
    told = reasons(network, batch)
    assert told["meco"] == told["meco_opt"] == "the tokens of a transformer are no feature maps"
    assert told["zen"] == told["incorporated"] == "Zen-score is of networks with BatchNorm"


DEAD = ["jacob_cov", "epe_nas", "zen", "incorporated", "synflow", "zico", "ntk_cond", "naswot"]
NOTHING_PASSES = r"no influence|do not depend|nothing flows|no gradient varies|singular|two images agree"


@pytest.mark.parametrize("name", DEAD)
def test_dead_cells_have_no_value_and_a_reason(name):
    batch = Batch(torch.randn(8, 3, 32, 32), torch.arange(8) % 10)
    torch.manual_seed(0)
    with pytest.raises(Undefined, match=NOTHING_PASSES):
        find_proxy(name).value(Dead(), batch, cross_entropy)


@pytest.mark.parametrize("name", ["az_expressivity", "az_progressivity", "az_trainability"])
def test_dead_and_identical_blocks_have_no_value_and_a_reason(name):
    batch, cells = Batch(torch.randn(4, 3, 8, 8), torch.arange(4)), small_tss()
    with pytest.raises(Undefined, match=r"puts out a constant|passes no gradient on"):
        find_proxy(name).value(cells.network(0), batch, cross_entropy)
    if name == "az_trainability":  # a skip connection and nothing else
        index = cells.parse("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
        with pytest.raises(Undefined, match="unchanged"):
            find_proxy(name).value(cells.network(index), batch, cross_entropy)


class Dead(nn.Module):
    """A network through which nothing passes."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), Head(4, 10)
        self.relu = nn.ReLU()

    def forward(self, x):
        """Return the logits, which do not depend on the image."""
        return self.head(self.relu(self.norm(self.stem(x)) * 0.0))


def test_seeds_reproduce_to_the_bit(transformer):
    values = [find_proxy("dss").value(*transformer(1, 1, 1, 3), cross_entropy) for _ in range(2)]
    assert values[0] == values[1]
    for name in known_proxies().keys() - {"dss"}:
        values = []
        for _ in range(2):
            torch.manual_seed(5)
            network = small_tss().network(11_668).train()
            batch = Batch(torch.randn(4, 3, 8, 8), torch.randint(0, 10, (4,)))
            values.append(find_proxy(name).value(network, batch, cross_entropy))
        assert values[0] == values[1], name


def test_every_file_of_proxies_has_its_line():
    for path in Path(proxies.__file__).parent.glob("*.py"):
        assert (re.search("^@proxy", path.read_text(), re.MULTILINE) is not None) == (path.stem in registry.MODULES)


@mock.patch.dict(REGISTERED)
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
