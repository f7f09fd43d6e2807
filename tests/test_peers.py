"""Our proxies against what their authors' code gave on networks that are rebuilt from seeds."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from bench.peers import ABSENT, PEERS, VALUES, Case, difference
from sedspace.correlation import rank_correlation
from sedspace.studies.proxies import known_proxies
from sedspace.studies.proxies.registry import MODULES

RECORDED = json.loads(VALUES.read_text(encoding="utf-8"))
NETWORKS = {"tss": 3, "sss": 1}
pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def pairs(one_torch_thread):
    """Values of ours and of the peers by proxy, on some of the networks."""
    found = {proxy: [] for proxy in PEERS}
    for space, count in NETWORKS.items():
        for index in list(RECORDED["proxies"]["grad_norm"]["values"][space])[:count]:
            case = Case(space, int(index), RECORDED["batches"][space])
            for proxy, ours in case.ours(case.network(), case.batch(), PEERS).items():
                theirs = RECORDED["proxies"][proxy]["values"][space][index]
                if None not in (ours, theirs):
                    found[proxy].append((ours, theirs))
    return found


@pytest.mark.parametrize("proxy", RECORDED["proxies"])
def test_values_are_those_of_the_authors_code(pairs, proxy):
    here, there = (version.split(".")[:2] for version in (torch.__version__, RECORDED["torch"]))
    if here != there:
        pytest.skip(f"torch {torch.__version__} may draw other random numbers than {RECORDED['torch']}")
    within = RECORDED["proxies"][proxy]["within"]
    found = pairs[proxy]
    assert len(found) >= 3
    if within is None:
        assert RECORDED["proxies"][proxy]["because"]
        assert rank_correlation(*np.array(found[:3]).T).spearman > 0.4
    else:
        assert max(difference(*pair) for pair in found) <= within


def test_every_proxy_has_a_peer_or_a_reason():
    ours = {name for name, one in known_proxies().items() if one.function.__module__.rpartition(".")[2] in MODULES}
    assert ours == PEERS.keys() | ABSENT.keys()
    assert RECORDED["proxies"].keys() == PEERS.keys()
