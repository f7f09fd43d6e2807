"""Passes that proxies share: each is run once, and no value depends on which others are computed."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import weakref

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

import sedspace as ss
from sedspace.networks.layers import Head
from sedspace.scores.live import anything_passes
from sedspace.studies import crosscheck, read_study
from sedspace.studies.proxies import Batch, Undefined, find_proxy, known_proxies, proxy
from sedspace.studies.proxies.base import BATCH, NETWORK, REGISTERED, Passes, needs_of, shared
from sedspace.studies.proxies.forward_pass import forward, loss_gradients, relu_agreements
from toy import small_tss

pytestmark = pytest.mark.usefixtures("one_torch_thread")

CELLS, CELL = small_tss(), 11_668
SHARING = ("grad_norm", "fisher", "jacob_cov", "naswot")
ORDINARY = sorted(known_proxies().keys() - {"dss", "gradsign", "ntk_cond", "epe_nas"})  # a few are slow, or need more


@pytest.fixture(autouse=True)
def _own_proxies():
    before = dict(REGISTERED)
    yield
    REGISTERED.clear()
    REGISTERED.update(before)


def made():
    """A network in train mode, a batch, and random numbers as they are then."""
    torch.manual_seed(5)
    batch = Batch(torch.randn(6, 3, 8, 8), torch.arange(6) % 10)
    return CELLS.network(CELL).train(), batch


def together(names):
    """The values of proxies on one network, by name."""
    network, batch = made()
    passes = Passes(lambda: copy.deepcopy(network), batch, cross_entropy)
    found = list(passes.values([find_proxy(name) for name in names]))
    assert {one.proxy.name for one in found} == set(names)
    assert all(0 <= one.shared_seconds <= one.seconds for one in found)
    return {one.proxy.name: one.value for one in found}


def weights_of(network):
    return [module.weight for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def in_the_plainest_way(name):
    """One value, with a network and passes of its own, without any of sedspace's passes."""
    network, batch = made()
    if name == "l2_norm":
        return sum(float(weight.detach().norm()) for weight in weights_of(network))
    if name == "jacob_cov":
        images = batch.images.clone().requires_grad_(True)
        network(images).sum().backward()
        values = np.linalg.eigvalsh(np.corrcoef(images.grad.flatten(1).double().numpy())) + 1e-5
        return float(-np.sum(np.log(values) + 1 / values))
    outputs, patterns = [], []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda module, given, result: patterns.append((given[0] > 0).flatten(1)))
        elif isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda module, given, result: outputs.append((module, result)))
    logits = network(batch.images)
    for _, output in outputs:
        output.retain_grad()
    if name == "naswot":
        kernel = sum((p[:, None] == p[None]).sum(dim=2).double() for p in patterns)
        return float(np.linalg.slogdet(kernel.numpy())[1])
    cross_entropy(logits, batch.labels).backward()
    pairs = [(weight.detach(), weight.grad) for weight in weights_of(network)]
    if name == "fisher":
        total = 0.0
        for module, output in outputs:
            product = (
                (output.detach() * output.grad).flatten(2).sum(2)
                if output.dim() == 4
                else output.detach() * output.grad
            )
            total += module.weight[0].numel() * float((product**2).mean(0).sum() / 2)
        return total
    return {
        "grad_norm": sum(float(gradient.norm()) for _, gradient in pairs),
        "snip": sum(float((weight * gradient).abs().sum()) for weight, gradient in pairs),
        "plain": sum(float((weight * gradient).sum()) for weight, gradient in pairs),
    }[name]


NINE = ("grad_norm", "snip", "plain", "fisher", "l2_norm", "jacob_cov", "naswot", "synflow", "zen")


def test_shared_passes_give_the_same_to_the_bit_as_passes_of_ones_own():
    found = together(NINE)
    for name in NINE[:7]:
        assert found[name] == in_the_plainest_way(name), name
    for name in NINE:
        network, batch = made()
        assert found[name] == find_proxy(name).value(network, batch, cross_entropy), name


def test_values_do_not_depend_on_which_others_are_computed():
    alone = {name: together([name])[name] for name in SHARING}
    for size in range(2, len(SHARING) + 1):
        for names in itertools.combinations(SHARING, size):
            assert together(names) == {name: alone[name] for name in names}


@pytest.fixture(scope="module")
def alone():
    """Every ordinary proxy's value, computed by itself."""
    return {name: together([name])[name] for name in ORDINARY}


@settings(max_examples=10)
@given(names=st.lists(st.sampled_from(ORDINARY), unique=True, min_size=1).flatmap(st.permutations))
def test_values_do_not_depend_on_the_order(alone, names):
    assert together(names) == {name: alone[name] for name in names}


def test_each_pass_is_run_once():
    runs = []
    names = ["grad_norm", "snip", "plain", "fisher", "jacob_cov", "naswot", "linear_regions", "l2_norm"]
    batch = Batch(torch.randn(4, 3, 8, 8), torch.arange(4))
    network = Counted(runs)
    passes = Passes(lambda: copy.deepcopy(network), batch, cross_entropy)
    assert len(list(passes.values([find_proxy(name) for name in names]))) == len(names)
    assert len(runs) == 1


def test_what_nothing_needs_any_more_is_forgotten():
    found = []

    @shared(NETWORK)
    def large(network):
        found.append(weakref.ref(network))
        return network

    proxy("first", needs=(large,))(lambda network: 1.0)
    proxy("second", needs=(large,))(lambda network: found[0]() is not None)
    proxy("third", needs=(BATCH,))(lambda batch: found[0]() is None)
    assert together(["first", "third", "second"]) == {"first": 1.0, "second": 1.0, "third": 1.0}


class Counted(nn.Module):
    """A convolution, a ReLU and a head, that says when it is run."""

    def __init__(self, runs):
        super().__init__()
        self.runs = [runs]
        self.conv, self.relu, self.head = nn.Conv2d(3, 4, 3), nn.ReLU(), Head(4, 10)

    def __deepcopy__(self, memo):
        """Copy all but the list."""
        made = Counted(self.runs[0])
        made.load_state_dict(self.state_dict())
        return made

    def forward(self, x):
        """Return the logits."""
        self.runs[0].append(1)
        return self.head(self.relu(self.conv(x)))


def test_a_pass_of_ones_own():
    @shared(NETWORK, BATCH)
    def logits(network, batch):
        return network(batch.images).detach()

    @proxy("largest", needs=(logits,))
    def largest(logits):
        return logits.max()

    @proxy("spread", needs=(logits, BATCH))
    def spread(logits, batch):
        assert len(logits) == len(batch.images)
        return logits.std()

    found = together(["largest", "spread", "zen"])
    network, batch = made()
    logits_of_it = network(batch.images).detach()
    assert (found["largest"], found["spread"]) == (float(logits_of_it.max()), float(logits_of_it.std()))
    study = crosscheck(CELLS, [CELL], ["largest", "spread"], batch=4, progress=False)
    assert study.rows["value"].null_count() == 0


def test_what_a_pass_raises_is_the_reason_of_all_that_need_it():
    @shared(BATCH)
    def broken(batch):
        raise Undefined("there is none")

    for name in ("one", "two"):
        proxy(name, needs=(broken,))(lambda found: 1.0)
    rows = crosscheck(CELLS, [CELL], ["one", "l2_norm", "two"], batch=4, progress=False).rows
    assert dict(rows.select("proxy", "reason").iter_rows()) == {
        "l2_norm": None, "one": "there is none", "two": "there is none"
    }  # fmt: skip


def test_what_there_is_no_memory_for_together_is_computed_alone():
    runs = []

    @shared(BATCH)
    def hungry(batch):
        runs.append(len(batch.images))
        if len(runs) == 2:  # the first is to warm up
            raise MemoryError

    for name in ("hungry", "hungrier"):
        proxy(name, needs=(hungry,))(lambda found: 1.0)
    rows = crosscheck(CELLS, [CELL], ["hungry", "hungrier"], batch=6, progress=False).rows
    assert rows["value"].to_list() == [1.0, 1.0]
    assert runs == [4, 6, 6, 6]


def test_a_network_that_cannot_be_copied_ends_nothing():
    def none():
        raise MemoryError("no memory for a copy")

    values = list(Passes(none, made()[1], cross_entropy).values([find_proxy("l2_norm"), find_proxy("snip")]))
    assert [str(one.error) for one in values] == ["no memory for a copy"] * 2


def test_passes_travel_to_other_processes_with_what_they_need():
    for name in known_proxies():
        there = pickle.loads(pickle.dumps(find_proxy(name)))
        assert needs_of(there.function) == needs_of(find_proxy(name).function)
    assert loss_gradients in needs_of(find_proxy("grad_norm").function) + needs_of(
        needs_of(find_proxy("grad_norm").function)[0]
    )
    assert needs_of(relu_agreements) == (forward,)


def test_channels_last_changes_rounding_only_and_is_part_of_the_setting(tmp_path):
    options = {"batch": 4, "progress": False}
    out = tmp_path / "check.parquet"
    plain = crosscheck(CELLS, [CELL], ["all"], **options).rows
    last = crosscheck(CELLS, [CELL], ["all"], out, channels_last=True, **options).rows
    assert read_study(out).setting.channels_last
    assert plain["reason"].equals(last["reason"])
    both = pl.DataFrame({"one": plain["value"], "other": last["value"]}).drop_nulls()
    assert not both["one"].equals(both["other"])
    assert np.allclose(both["one"], both["other"], rtol=1e-3)
    with pytest.raises(ss.BadInput, match="its channels_last is True, the request's False"):
        crosscheck(CELLS, [CELL], ["zen"], out, **options)


# -- dead cells -----------------------------------------------------------------------------------------------------


def joined(space, index):
    """Whether a way without none leads from a cell's first node to its last, edge after edge."""
    reached = {0}
    for (source, target), operation in zip(space.edges, space.chosen(index), strict=True):
        if source in reached and operation.kind != "none":
            reached.add(target)
    return space.nodes - 1 in reached


@pytest.mark.parametrize("name", ["tss3", "tss", "transnas_micro"])
def test_which_cells_pass_something(name):
    space = ss.space(name)
    indices = range(0, space.size, 1 if space.size < 5000 else 7)
    assert anything_passes(space, space.digits(indices)).tolist() == [joined(space, index) for index in indices]


@pytest.mark.parametrize("name", ["sss", "darts", "nb101", "nas_bench_macro"])
def test_spaces_without_none_have_no_dead_cells(name):
    space = ss.space(name)
    assert anything_passes(space, space.digits(range(50))).all()


def test_dead_cells_have_no_value_and_one_reason():
    dead = CELLS.parse("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|none~2|")
    rows = crosscheck(CELLS, [dead], ["all"], batch=4, progress=False).rows
    values = dict(rows.select("proxy", "value").iter_rows())
    assert {name for name, value in values.items() if value is not None} == {"params", "macs"}
    assert rows.filter(rows["value"].is_null())["reason"].unique().to_list() == [
        "a dead cell: nothing live joins its input and its output"
    ]
    assert rows["seconds"].filter(rows["value"].is_null()).sum() == 0
    with torch.no_grad():  # and indeed no image reaches the logits
        network = CELLS.network(dead).train()
        logits = network(torch.randn(3, 3, 8, 8))
    assert torch.equal(logits, logits[:1].expand_as(logits))


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_constant_images_are_blamed_and_not_the_cell(tmp_path, value):
    np.save(tmp_path / "images.npy", np.full((4, 3, 8, 8), value, np.float32))
    rows = crosscheck(CELLS, [CELL], ["all"], images=tmp_path / "images.npy", batch=4, progress=False).rows
    reasons = dict(rows.filter(rows["value"].is_null()).select("proxy", "reason").iter_rows())
    assert "naswot" in reasons
    assert value or {"jacob_cov", "az_expressivity"} <= reasons.keys()
    assert all("every image is of one colour" in reason for reason in reasons.values())
    assert not any("dead" in reason or "raised" in reason for reason in reasons.values())
    assert math.isfinite(rows.filter(proxy="synflow")["value"].item())
