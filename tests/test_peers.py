"""Our proxies against what their authors' code gave on networks that are rebuilt from seeds."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

from bench.authors import Missing, load
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


def test_code_is_read_from_checkouts_without_the_packages_around_it(tmp_path):
    peer = PEERS["grad_norm"]
    with pytest.raises(Missing, match=r"grad_norm\.py is not there$"):
        load(tmp_path, peer)
    file = tmp_path / "NASLib" / peer.file
    file.parent.mkdir(parents=True)
    (file.parent / "__init__.py").write_text("raise RuntimeError")
    (file.parents[1] / "p_utils.py").write_text("from ..models import *\nsquare = lambda x: x * x")
    file.write_text(
        "from . import measure\nfrom ..p_utils import square\n@measure('nine')\ndef nine():\n    return square(3)"
    )
    before = {*sys.modules}
    assert load(tmp_path, peer).nine() == 9
    assert {*sys.modules} == before


def test_every_proxy_has_a_peer_or_a_reason():
    ours = {name for name, one in known_proxies().items() if one.function.__module__.rpartition(".")[2] in MODULES}
    assert ours == PEERS.keys() | ABSENT.keys()
    assert RECORDED["proxies"].keys() == PEERS.keys()
