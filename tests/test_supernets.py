"""Supernets, and what Zero-Cost-PT leaves of them."""

from __future__ import annotations

import random

import pytest

import sedspace as ss
from sedspace.searching.existing import Existing
from sedspace.searching.task import Task
from toy import small_tss

torch = pytest.importorskip("torch", reason="needs torch")

from sedspace.networks.darts import DartsCell  # noqa: E402
from sedspace.networks.layers import EdgeCell  # noqa: E402
from sedspace.networks.supernet import MixedEdge, Supernet, darts_digits, supernet  # noqa: E402
from sedspace.searching.algorithms.perturbing import discretised  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def with_weights_of(net, network, kind, chosen):
    """Give a network the weights that a supernet has for what was chosen."""
    for mixed, plain in zip(
        (m for m in net.modules() if isinstance(m, kind)), (m for m in network.modules() if isinstance(m, kind)),
        strict=True,
    ):  # fmt: skip
        for edge, operation, target in chosen(mixed):
            plain.edges[target].load_state_dict(mixed.edges[edge].operations[operation].state_dict())
    rest = {name: value for name, value in net.network.state_dict().items() if ".edges." not in name}
    assert not network.load_state_dict(rest, strict=False).unexpected_keys


@pytest.mark.parametrize("name", ["small", "transnas_micro"])
def test_what_is_left_of_a_supernet_of_cells_is_the_network(name):
    space = small_tss() if name == "small" else ss.space(name)
    torch.manual_seed(0)
    net, network = supernet(space), space.network(space.size * 2 // 3)
    digits = space.digits(space.size * 2 // 3).tolist()
    for edge, digit in enumerate(digits):
        net.keep(edge, digit)
    with_weights_of(net, network, EdgeCell, lambda _: [(e, d, e) for e, d in enumerate(digits)])
    images = torch.randn(2, 3, 64 if name == "transnas_micro" else 8, 64 if name == "transnas_micro" else 8)
    assert torch.equal(net.eval()(images), network.eval()(images))


def test_what_is_left_of_a_supernet_of_darts_is_the_network():
    space, draw = ss.space("darts"), random.Random(1)
    torch.manual_seed(0)
    net = supernet(space)
    chosen = [draw.randrange(7) for _ in net.shares]
    kept = [sorted(draw.sample(edges, 2)) for edges in net.nodes]
    for edge, operation in enumerate(chosen):
        net.keep(edge, operation)
        if not any(edge in two for two in kept):
            net.shares[edge][:] = [0.0] * 7
    network = space.network(space.index(darts_digits(space, kept, chosen)), "cifar10_8cells")

    def of(cell):
        edges = [edge for two in (kept[4:] if cell.reduces else kept[:4]) for edge in two]
        return [(edge % 14, chosen[edge], place) for place, edge in enumerate(edges)]

    with_weights_of(net, network, DartsCell, of)
    images = torch.randn(2, 3, 32, 32)
    assert torch.allclose(net.eval()(images), network.eval()(images), atol=1e-5)


def test_a_supernet_has_the_parameters_of_all_operations():
    net = supernet(ss.space("tss"))
    assert sum(one.numel() for one in net.parameters()) == 73_306 + 6 * (243_040 + 28_000)
    assert len([one for one in net.modules() if isinstance(one, MixedEdge)]) == 15 * 6
    assert all(sum(shares) == pytest.approx(1) for shares in net.shares)
    net = supernet(ss.space("darts"))
    assert (len(net.shares), len(net.shares[0]), [len(edges) for edges in net.nodes]) == (28, 7, [2, 3, 4, 5] * 2)


@pytest.mark.parametrize("name", ["tss", "darts"])
def test_discretised_by_a_proxy_that_adds_up(name):
    """Every operation has a worth, and the proxy is the sum by shares: the most worth is kept, of nodes two edges."""
    space, draw = ss.space(name), random.Random(3)
    edges, operations = (6, 5) if name == "tss" else (28, 7)
    worth = [[draw.random() for _ in range(operations)] for _ in range(edges)]
    cells = [[*range(edges)]] if name == "tss" else [[*range(14)], [*range(14, 28)]]
    nodes = (
        [[]]
        if name == "tss"
        else [[c + e for e in node] for c in (0, 14) for node in ([0, 1], [2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13])]
    )
    net = Supernet(
        torch.nn.Identity(),
        [[1 / operations] * operations for _ in range(edges)],
        cells,
        nodes if name == "darts" else [],
    )

    def measure(net):
        pairs = zip(net.shares, worth, strict=True)
        return sum(share * one for shares, ones in pairs for share, one in zip(shares, ones, strict=True))

    index = discretised(Task(space, Existing(space)), net, random.Random(0), lambda: measure)
    best = [max(range(operations), key=lambda one: worth[edge][one]) for edge in range(edges)]
    if name == "tss":
        assert index == space.index(best)
    else:
        kept = [sorted(node, key=lambda edge: -max(worth[edge]))[:2] for node in nodes]
        assert index == space.index(darts_digits(space, kept, best))


def test_zero_cost_pt_is_a_search_like_any_other(tmp_path):
    space, out = small_tss(), tmp_path / "found.parquet"
    options = {"n": 1, "rounds": 1, "batch": 2, "device": "cpu"}
    asked = {"seed": 2, "options": options, "progress": False}
    whole = ss.search(space, "sed", "zero_cost_pt", 5, **asked)
    assert len(whole.rows) == 1
    part = ss.search(space, "sed", "zero_cost_pt", 1, out=out, **asked)
    assert part.rows.drop("seconds").equals(whole.rows.drop("seconds"))
    none = ss.search(space, "sed", "zero_cost_pt", 5, where="n_none > 5", **asked)
    assert none.rows.is_empty()
    assert none.judge().rows.is_empty()


def test_bad_input():
    def refused(match, space, **options):
        with pytest.raises(ss.BadInput, match=match):
            ss.search(space, "params", "zero_cost_pt", 5, options=options, progress=False)

    refused("sss has no supernet: expected cells with an operation on every edge, such as tss, or darts", "sss")
    refused("unknown proxy 'nasswot': did you mean 'naswot'", "tss", proxy="nasswot")
    refused("az_nas is made of several proxies: expected one", "tss", proxy="az_nas")
    refused("option proxy 'ntk_cond': less of it is better, expected one of which more is", "tss", proxy="ntk_cond")
    refused("has no supernet", ss.restrict("tss", ss.Connected()))
