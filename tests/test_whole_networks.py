"""Real networks of the spaces of whole networks: as large as the closed forms say, computing what their blocks say."""

from __future__ import annotations

import math
from random import Random

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import sedspace as ss
from sedspace.networks.stages import StageBlock
from sedspace.spaces.blocks import ConvBlock
from sedspace.spaces.tokens import TokenEmbedding

pytestmark = pytest.mark.usefixtures("one_torch_thread")

COUNTED = {
    "nas_bench_macro": 12,
    "mnasnet": 4,
    "ofa_mbv3": 4,
    "proxyless": 4,
    "fbnet": 4,
    "ezennet_mobile": 4,
    "ezennet_resnet": 4,
    "autoformer_tiny": 0,
    "autoformer_small": 0,
    "autoformer_base": 0,
    "flexibert": 10,
    "pit": 3,
}
"""Of how many random architectures the sizes are compared, beside the first and the last."""


EVERY_BLOCK = """
kind = "stages"
name = "every_block"
title = "every kind of block"
side = 8
classes = 3
activation = "silu"
[squeeze]
by = 2
[[stem]]
width = 4
[[stages]]
width = [4, 8]
layers = [1, 2]
stride = 2
[[stages.each]]
block = "residual"
arch = "r"
[[stages.each]]
block = "bottleneck"
expansion = 0.5
groups = 2
arch = "b"
[[stages.each]]
block = "mbconv"
expansion = [1, 2]
groups = 2
se = true
activation = "gelu"
arch = "m{expansion}"
[[stages.each]]
block = "conv"
kernel = 5
activation = "relu6"
arch = "c"
[[stages.each]]
block = "skip"
activation = "hswish"
arch = "s"
[[head]]
width = 6
[[head]]
width = 5
pooled = true
batch_norm = false
"""


@pytest.fixture
def every_block(tmp_path):
    """A space whose architectures have every kind of block."""
    file = tmp_path / "every_block.toml"
    file.write_text(EVERY_BLOCK)
    return ss.read_space(file)


FREE = nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU, nn.LayerNorm


def given_to(space):
    """Return two inputs of a network."""
    if isinstance(getattr(space, "embedding", None), TokenEmbedding):
        return torch.zeros(2, space.embedding.tokens, dtype=torch.int64)
    side = space.skeletons[0].side
    return torch.zeros(2, 3, side, side)


def sizes(space, index, **options):
    """Return parameters and MACs, as PyTorch counts the matrix products and convolutions that are run, and the logits.

    On the device `meta` tensors have shapes and no values; what costs nothing there, and keeps shapes, is left out.
    """
    with torch.device("meta"), torch.no_grad():
        network = space.network(index, **options).eval()
        params = sum(parameter.numel() for parameter in network.parameters())
        for module in list(network.modules()):
            for name, child in module.named_children():
                if isinstance(child, FREE):
                    setattr(module, name, nn.Identity())
        given = given_to(space)
        with FlopCounterMode(display=False) as counter:
            logits = network(given)
    return params, counter.get_total_flops() // 4, tuple(logits.shape)


@pytest.mark.parametrize("name", COUNTED)
def test_networks_are_as_large_as_the_closed_forms_say(name):
    space, random = ss.space(name), Random(name)
    for index in [0, space.size - 1, *(random.randrange(space.size) for _ in range(COUNTED[name]))]:
        cost, last = space.cost(index), space.blocks(index)[-1]
        shape = (2, space.classes) if space.classes else (2, last.tokens, last.width)
        assert sizes(space, index) == (cost.params, cost.macs, shape)


def test_every_block_is_as_large_as_the_closed_forms_say(every_block):
    params, macs = (ss.score(every_block, name).tolist() for name in ("params", "macs"))
    for index in range(every_block.size):
        assert sizes(every_block, index) == (params[index], macs[index], (2, 3))


@pytest.mark.parametrize(
    "name", ["nas_bench_macro", "mnasnet", "ofa_mbv3", "proxyless", "fbnet", "ezennet_resnet", "ezennet_mobile"]
)
def test_forward_and_backward(name):
    space = ss.space(name)
    torch.manual_seed(0)
    network = ss.network(name, space.arch(space.size // 3)).train()
    functional.cross_entropy(network(torch.randn(2, 3, 64, 64)), torch.tensor([0, 1])).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
    assert {key.split(".")[0] for key in network.state_dict()} >= {"stem", "stage1", "head"}


def run(network, x, key, stride=1, groups=1, norm=True):
    """Run a convolution by the values of its weights, and the BatchNorm behind it, freshly initialised."""
    weight = network[f"{key}.conv.weight"]
    x = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
    return x / math.sqrt(1 + 1e-5) if norm else x


def test_blocks_compute_what_they_say():
    """In eval mode a BatchNorm that has seen nothing divides by the root of its epsilon and one."""
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, 6)

    mobile = StageBlock(ConvBlock("mbconv", 4, 4, 3, 6, 1, middle=8, groups=2, squeezed=2, activation="relu6")).eval()
    w = mobile.state_dict()
    y = functional.relu6(run(w, x, "body.0", groups=2))
    y = y[:, [0, 4, 1, 5, 2, 6, 3, 7]]
    y = functional.relu6(run(w, y, "body.1", groups=8))
    averages = y.mean(dim=(2, 3))
    squeezed = functional.relu(averages @ w["body.2.squeeze.weight"][:, :, 0, 0].T + w["body.2.squeeze.bias"])
    gate = torch.sigmoid(squeezed @ w["body.2.excite.weight"][:, :, 0, 0].T + w["body.2.excite.bias"])
    expected = x + run(w, y * gate[:, :, None, None], "body.3", groups=2)
    torch.testing.assert_close(mobile(x), expected)

    residual = StageBlock(ConvBlock("residual", 4, 8, 3, 6, 1, stride=2, middle=6, activation="silu")).eval()
    w = residual.state_dict()
    y = run(w, functional.silu(run(w, x, "body.0", stride=2)), "body.1") + run(w, x, "shortcut", stride=2)
    torch.testing.assert_close(residual(x), functional.silu(y))

    bottleneck = StageBlock(ConvBlock("bottleneck", 4, 4, 5, 6, 1, middle=2)).eval()
    w = bottleneck.state_dict()
    y = run(w, functional.relu(run(w, functional.relu(run(w, x, "body.0")), "body.1")), "body.2") + x
    torch.testing.assert_close(bottleneck(x), functional.relu(y))

    assert StageBlock(ConvBlock("skip", 4, 4, 1, 6, 1))(x).equal(x)
    skip = StageBlock(ConvBlock("skip", 4, 8, 1, 6, 1, activation="none")).eval()
    torch.testing.assert_close(skip(x), run(skip.state_dict(), x, "body.0"))


def test_a_deep_head(every_block):
    """A convolution before the pooling, another one behind it."""
    torch.manual_seed(0)
    network = every_block.network(0).eval()
    w = network.state_dict()
    x = network.stage1(network.stem(torch.randn(2, 3, 8, 8)))
    y = functional.silu(run(w, x, "last.0")).mean(dim=(2, 3))
    y = functional.silu(y @ w["head.hidden.0.conv.weight"][:, :, 0, 0].T)
    y = y @ w["head.classifier.weight"].T + w["head.classifier.bias"]
    torch.testing.assert_close(network.head(network.last(x)), y)


@pytest.mark.parametrize("name", ["nas_bench_macro", "ofa_mbv3", "proxyless", "fbnet"])
def test_networks_are_initialised_as_their_sources_do(name):
    """The standard deviation of weights and biases, of convolutions and of the classifier."""
    torch.manual_seed(0)
    space = ss.space(name)
    network = space.network(space.size // 2)
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 5000:
            (k, _), c_in = module.kernel_size, module.in_channels // module.groups
            fan = {"nas_bench_macro": 6 * k * k * c_in}.get(name, k * k * module.out_channels)
            assert module.weight.std().item() == pytest.approx(math.sqrt(2 / fan), rel=0.05)
            assert module.bias is None or name == "nas_bench_macro" or not module.bias.any()
    last = network.head.classifier
    deviation = 0.001 if name == "fbnet" else 1 / math.sqrt(3 * last.in_features)
    assert last.weight.std().item() == pytest.approx(deviation, rel=0.05)
    assert last.bias.any() == (name == "nas_bench_macro")


def test_as_many_classes_as_asked_for(every_block):
    network = every_block.network(0, num_classes=7)
    assert network(torch.zeros(2, 3, 8, 8)).shape == (2, 7)
    assert ss.network("tss", 3, "cifar100", num_classes=7)(torch.zeros(2, 3, 8, 8)).shape == (2, 7)
    with pytest.raises(ss.BadInput, match="num_classes 0: expected 1 or more"):
        every_block.network(0, num_classes=0)


def test_an_init_that_is_unknown(tmp_path):
    file = tmp_path / "every_block.toml"
    file.write_text('init = "fanout"\n' + EVERY_BLOCK)
    with pytest.raises(ss.BadInput, match="unknown init 'fanout': did you mean 'fan_out'"):
        ss.read_space(file)
