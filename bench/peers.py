"""The zero-cost proxies beside their authors' code, on the same networks, seeds and batches.

    python bench run peers --code DIRECTORY

DIRECTORY holds checkouts of the repositories that `PEERS` names, each under its own name, at the commits given there;
what is missing is named with its reason. Networks are drawn from seeds. With ``--save`` the peers' values are written
to data/peers.json, which tests compare ours with.
"""

from __future__ import annotations

import copy
import json
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sedspace as ss
from bench import authors
from bench.authors import MEASURES, SAME, Missing, Peer
from bench.measuring import NINE, cpu_seconds, markdown_table
from sedspace import draws
from sedspace.networks import skeleton_of
from sedspace.studies.images import Batches
from sedspace.studies.proxies import Batch, find_proxy
from sedspace.studies.proxies.base import Passes

VALUES = Path(__file__).resolve().parents[1] / "data" / "peers.json"
SEED = 19
SPACES = {"tss": 16, "sss": 4, "darts": 4, "nb101": 4, "transnas_micro": 4}
DATASETS = {"darts": "cifar10_8cells"}
BATCHES = {"transnas_micro": 4}
BATCH, TIMED_BATCH, TIMED_CELLS, REPEATS = 16, 64, 2, 3

_APACHE, _NONE = "Apache-2.0", "none found"
_TAKEN_FOR_GRANTED = "'NoneType' object", "view size is not compatible"  # gradients, and features in one piece
_NASLIB = "automl/NASLib"
Side = Callable[[nn.Module, Batch], object]


def _measure(name: str, commit: str, ask: authors.Ask, within: float = SAME, because: str = "") -> Peer:
    return Peer(_NASLIB, f"{MEASURES}/{name}.py", commit, _APACHE, ask, within=within, because=because)


def _az(part: str, within: float | None, because: str = "") -> Peer:
    file, commit = "NB201/ZeroShotProxy/compute_az_nas_score.py", "d41d5245237b14294c4eedddad51d651d426df40"
    return Peer("cvlab-yonsei/AZ-NAS", file, commit, _NONE, authors.az(part), within=within, because=because)


PEERS: dict[str, Peer] = {
    "grad_norm": _measure(
        "grad_norm", "888dbdb8ba72dcec46b7d1b978e99e58b0483011", authors.measured("get_grad_norm_arr")
    ),
    "snip": _measure(
        "snip",
        "2f0b0abc6d1b175d8676fbe02ab88e7ed9c23b0c",
        authors.by_weight("compute_snip_per_weight", mode="param", loss_fn=cross_entropy),
    ),
    "plain": _measure(
        "plain",
        "87de216239650022d5e35506632bc8f71008a21a",
        authors.by_weight("compute_plain_per_weight", mode="param", loss_fn=cross_entropy),
    ),
    "fisher": _measure(
        "fisher",
        "888dbdb8ba72dcec46b7d1b978e99e58b0483011",
        authors.by_weight("compute_fisher_per_weight", mode="channel", loss_fn=cross_entropy),
    ),
    "l2_norm": _measure(
        "l2_norm",
        "2f0b0abc6d1b175d8676fbe02ab88e7ed9c23b0c",
        authors.by_weight("get_l2_norm_array", mode="param"),
    ),
    "grasp": _measure(
        "grasp",
        "888dbdb8ba72dcec46b7d1b978e99e58b0483011",
        authors.by_weight("compute_grasp_per_weight", mode="param", loss_fn=cross_entropy),
        1e-3,
        "a sum of both signs, in float32",
    ),
    "jacob_cov": _measure("jacov", "047774a945f8a33573c461cd53a44612471111a6", authors.measured("compute_jacob_cov")),
    "naswot": _measure("nwot", "8ad287b63baebc63a7cf3f04efc122746fcfbbc3", authors.measured("compute_nwot")),
    "synflow": _measure("synflow", "2f0b0abc6d1b175d8676fbe02ab88e7ed9c23b0c", authors.flow),
    "epe_nas": Peer(
        _NASLIB,
        "naslib/predictors/pruners/measures/epe_nas.py",
        "2802fbeea92abb7ff3dd4c1baccc77228f00a7f6",
        "MIT",
        authors.measured("compute_epe_score"),
    ),
    "zen": Peer(
        "idstcv/ZenNAS",
        "ZeroShotProxy/compute_zen_score.py",
        "ec107550f251422b418f3b0cfc2e2173f6784af5",
        _NONE,
        authors.gaussian,
        "one repeat",
    ),
    "zico": Peer(
        "SLDGroup/ZiCo",
        "ZeroShotProxy/compute_zico.py",
        "bbabe285bf81f9b9a60a2ccf6e296f3bb84b35af",
        _NONE,
        authors.halves,
        "two halves of a batch; gradients set to zero before each, as the copy in AZ-NAS does",
        5e-3,
        "a gradient that two batches agree in but for rounding weighs most",
    ),
    "gradsign": Peer(
        "cmu-catalyst/GradSign",
        "zero-cost-nas-code/foresight/pruners/measures/grad_conflict.py",
        "b9c747c305ed9f8c64af4b6e0e3080da239d0500",
        _NONE,
        authors.measured("get_grad_conflict"),
        "",
        2e-2,
        "gradients that are 0 but for rounding have other signs",
    ),
    "meco": Peer(
        "HamsterMimi/MeCo",
        "correlation/foresight/pruners/measures/meco.py",
        "3f6d16e791ed198bbe38c64dbca42a44f77931a2",
        "MIT",
        authors.correlations,
        "shown layers only, no blocks around them",
        1e-3,
        "eigenvalues in float32",
    ),
    "swap": Peer(
        "pym1024/SWAP",
        "src/metrics/swap.py",
        "8d6225609ea3cf1c08980250d9b68113c34a0474",
        _NONE,
        authors.patterns,
        "one repeat",
    ),
    "linear_regions": Peer(
        "VITA-Group/TENAS",
        "lib/procedures/linear_region_counter.py",
        "1115d109ca497b14ba2bd371784b2b39bbfd1e04",
        "MIT",
        authors.regions,
        "one batch, on the network as it is",
    ),
    "ntk_cond": Peer(
        "VITA-Group/TENAS",
        "lib/procedures/ntk.py",
        "1115d109ca497b14ba2bd371784b2b39bbfd1e04",
        "MIT",
        authors.kernel,
        "without BatchNorm's weights",
        1e-3,
        "eigenvalues in float32",
    ),
    "az_expressivity": _az("expressivity", 1e-4, "eigenvalues in float32"),
    "az_progressivity": _az("progressivity", 1e-4, "eigenvalues in float32"),
    "az_trainability": _az(
        "trainability", None, "random signs are drawn in the order of the blocks, theirs in reverse"
    ),
}
ABSENT = {
    "dss": "its authors' code reads the weights that a super-network of AutoFormer has sampled",
    "incorporated": "its authors' code scores a description of plain blocks, not a network",
    "meco_opt": "its authors' file could not be had",
    "gradsign_mean": "gradsign by the number of weights",
    "vkdnw": "its authors' code writes into tensors that newer versions of torch protect",
    "vkdnw_single": "vkdnw and a count",
    "wrcor": "its authors' code numbers stem and head of its own networks, too",
    "rbflex": "its authors' code was not compared",
    "params": "a count, compared with published tables elsewhere",
    "macs": "a count, compared with published tables elsewhere",
}


@dataclass(frozen=True)
class Case:
    """A network and a batch, rebuilt from numbers alone."""

    space: str
    index: int
    size: int = BATCH

    def network(self) -> nn.Module:
        """Return the network, freshly initialised."""
        torch.manual_seed(draws.mixed_seed(SEED, self.index, 0))
        return ss.space(self.space).network(self.index, DATASETS.get(self.space)).train()

    def batch(self) -> Batch:
        """Return the batch that all networks of the space share."""
        return Batches(skeleton_of(ss.space(self.space), DATASETS.get(self.space)), self.size, SEED).of(0)

    def ours(self, network: nn.Module, batch: Batch, proxies: Iterable[str]) -> dict[str, float | None]:
        """Return our values, or none, of proxies that share their passes."""
        self.reseed()
        passes = Passes(lambda: copy.deepcopy(network), batch, cross_entropy)
        return {found.proxy.name: found.value for found in passes.values([find_proxy(name) for name in proxies])}

    def theirs(self, peer: Peer, file: Any, network: nn.Module, batch: Batch) -> float | None:
        """Return a peer's value, or none where it is not finite, or its code cannot take the network."""
        self.reseed()
        try:
            with authors.on_cpu():
                value = peer.ask(file, network, batch)
        except (AttributeError, RuntimeError) as error:
            if not any(text in str(error) for text in _TAKEN_FOR_GRANTED):
                raise
            return None
        return value if math.isfinite(value) else None

    def reseed(self) -> None:
        """Begin the random numbers that a proxy draws."""
        torch.manual_seed(draws.mixed_seed(SEED, self.index, 1))


def cases() -> Iterator[Case]:
    """Yield what is compared: live cells of `tss`, architectures of other spaces."""
    for name, count in SPACES.items():
        space = ss.space(name)
        live = "live_nodes > 0" if name == "tss" else None
        for index in ss.sample(space, count, seed=SEED, where=live)["index"].sort():
            yield Case(name, int(index), BATCHES.get(name, BATCH))


def measure(directory: Path, repeats: int = REPEATS) -> dict[str, Any]:
    """Return each proxy's values of ours and of its peer's, and their seconds; or why there is no peer."""
    torch.set_num_threads(1)
    files, absent = _files(directory)
    values: dict[str, dict[str, list[dict[str, Any]]]] = {proxy: {} for proxy in files}
    for case in cases():
        network, batch = case.network(), case.batch()
        ours = case.ours(network, batch, files)
        for proxy, file in files.items():
            theirs = case.theirs(PEERS[proxy], file, copy.deepcopy(network), batch)
            row = {"index": case.index, "ours": ours[proxy], "theirs": theirs}
            values[proxy].setdefault(case.space, []).append(row)
    timed = [Case("tss", case.index, TIMED_BATCH) for case in cases() if case.space == "tss"][:TIMED_CELLS]
    proxies = {
        proxy: _compared(values[proxy]) | _seconds(timed, _alone(proxy), partial(PEERS[proxy].ask, file), repeats)
        for proxy, file in files.items()
    }
    return {
        "torch": torch.__version__,
        "batch": TIMED_BATCH,
        "proxies": proxies,
        "nine": _nine(timed, directory, files["zen"], repeats) if files.keys() >= set(NINE) else None,
        "absent": absent,
        "values": values,
    }


def _files(directory: Path) -> tuple[dict[str, Any], dict[str, str]]:
    files, absent = {}, dict(ABSENT)
    for proxy, peer in PEERS.items():
        try:
            files[proxy] = authors.load(directory, peer)
        except Missing as reason:
            absent[proxy] = str(reason)
    return files, absent


def difference(ours: float, theirs: float) -> float:
    """Return how much two values differ, relative to the greater."""
    return abs(ours - theirs) / max(abs(ours), abs(theirs)) if ours != theirs else 0.0


def _compared(values: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    rows = [row for some in values.values() for row in some]
    both = [row for row in rows if row["ours"] is not None and row["theirs"] is not None]
    return {
        "networks": len(both),
        "of": len(rows),
        "difference": max((difference(row["ours"], row["theirs"]) for row in both), default=None),
    }


def _seconds(timed: list[Case], ours: Side, theirs: Side, repeats: int) -> dict[str, float]:
    """Return the CPU seconds of both sides: sums over networks of medians of repeats, taken in turn."""
    first, second = 0.0, 0.0
    for case in timed:
        built, batch = case.network(), case.batch()
        times: list[tuple[float, float]] = []
        for _ in range(repeats + 1):
            networks = copy.deepcopy(built), copy.deepcopy(built)
            case.reseed()
            seconds = cpu_seconds(partial(ours, networks[0], batch))
            case.reseed()
            with authors.on_cpu():
                times.append((seconds, cpu_seconds(partial(theirs, networks[1], batch))))
        first += statistics.median(one for one, _ in times[1:])
        second += statistics.median(other for _, other in times[1:])
    return {"ours": first, "theirs": second, "ratio": first / second}


def _alone(proxy: str) -> Side:
    return lambda network, batch: find_proxy(proxy).value(network, batch, cross_entropy)


def _nine(timed: list[Case], directory: Path, zen: Any, repeats: int) -> dict[str, float]:
    """Return the CPU seconds of nine proxies at once, those of our passes and of find_measures and ZenNAS."""
    file = authors.load_together(directory)

    def ours(network: nn.Module, batch: Batch) -> object:
        passes = Passes(lambda: copy.deepcopy(network), batch, cross_entropy)
        return [*passes.values([find_proxy(name) for name in NINE])]

    def theirs(network: nn.Module, batch: Batch) -> object:
        return authors.together(file, network, batch), PEERS["zen"].ask(zen, network, batch)

    return _seconds(timed, ours, theirs, repeats)


def keep(found: dict[str, Any]) -> dict[str, Any]:
    """Write the peers' values into data/peers.json, and return what is left."""
    values = found.pop("values")
    proxies = {}
    for proxy, spaces in values.items():
        peer = PEERS[proxy]
        rows = {space: {str(row["index"]): row["theirs"] for row in some} for space, some in spaces.items()}
        proxies[proxy] = {
            "source": peer.url,
            "licence": peer.licence,
            "setting": peer.setting,
            "within": peer.within,
            "because": peer.because,
            "values": rows,
        }
    text = {
        "about": _ABOUT,
        "torch": found["torch"],
        "seed": SEED,
        "batches": {name: BATCHES.get(name, BATCH) for name in SPACES},
        "proxies": proxies,
    }
    VALUES.write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
    return found


_ABOUT = (
    "Values that the proxies' authors' code gives on networks and batches that bench/peers.py rebuilds from the seed "
    "and an architecture's index; null where it gives none."
)


def markdown(results: dict[str, Any]) -> str:
    """Return the results as a table."""
    heads = "proxy", "peer", "CPU seconds, ours to theirs", "largest relative difference", "networks"
    rows = []
    for proxy, r in results["proxies"].items():
        peer = PEERS[proxy]
        most = "-" if r["difference"] is None else f"{r['difference']:.0e}"
        link = f"[{peer.repository.split('/')[1]}]({peer.url})"
        rows.append((proxy, link, f"{r['ratio']:.2f}", most, f"{r['networks']} of {r['of']}"))
    if nine := results["nine"]:
        rows.append(
            (f"{', '.join(NINE)} at once", "zero-cost-nas's find_measures, ZenNAS", f"{nine['ratio']:.2f}", "", "")
        )
    absent = [f"{proxy}: {reason}" for proxy, reason in results["absent"].items()]
    return "\n".join([*markdown_table(heads, rows, words=2), "", "Without a peer: " + "; ".join(absent) + "."])
