"""The proxies' authors' code: where it is found, how it is loaded, how it is asked of our networks.

None of it is part of this project. It is read from a directory with checkouts, each under its repository's name. What a
file imports and does not use here is left empty; what is asked of a GPU is done by the CPU; `torch.symeig`, which newer
versions of torch lack, is `torch.linalg.eigh`.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sedspace.networks.layers import Block, Head
from sedspace.studies.proxies import Batch

Ask = Callable[[Any, nn.Module, Batch], float]
MEASURES = "naslib/predictors/utils/pruners/measures"
SAME = 1e-5  # what rounding explains
_UNUSED = (
    "global_utils",
    "ModelLoader",
    "functorch",
    "datasets",
    "torchvision",
    "torchvision.transforms",
    "torchvision.datasets",
)
_UNUSED_BESIDE = "models", "pruners.autograd_hacks", "pruners.measures.model_stats"
_LAYERS = nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.AvgPool2d, nn.MaxPool2d


class Missing(Exception):
    """There is no code to compare with: the reason, in one line."""


@dataclass(frozen=True)
class Peer:
    """Somebody else's implementation of a proxy.

    Attributes
    ----------
    repository, file, commit : str
        On GitHub; the commit that the file was read at.
    licence : str
    ask : callable
        From the loaded file, a network and a batch to its value.
    setting : str
        How it is asked, where that is not as its authors do.
    within : float or None
        The relative difference that ours may have from it; none if the two differ on purpose.
    because : str
        Why it is more than rounding, or on purpose.
    """

    repository: str
    file: str
    commit: str
    licence: str
    ask: Ask
    setting: str = ""
    within: float | None = SAME
    because: str = ""

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"https://github.com/{self.repository}/blob/{self.commit}/{self.file}"


class _Empty(types.ModuleType):
    """What is imported and not used."""

    __all__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def load(directory: Path, peer: Peer) -> Any:
    """Return a peer's file as a module, with nothing of the packages around it but other files.

    Raises
    ------
    Missing
        If it is not there.
    """
    root = directory / peer.repository.split("/")[1]
    if not (root / peer.file).is_file():
        raise Missing(f"{peer.repository}/{peer.file} is not there")
    name = _dotted(peer.file)
    with importable(root, len(name.split(".")) - 1) as found:
        return found(name)


def load_together(directory: Path) -> Any:
    """Return the module whose find_measures_arrays computes several measures of zero-cost-nas."""
    with importable(directory / "NASLib", MEASURES.count("/") - 1) as found:
        for name in ("nwot", "l2_norm"):
            found(_dotted(f"{MEASURES}/{name}.py"))
        return found(_dotted(f"{MEASURES}/../predictive.py"))


def _dotted(file: str) -> str:
    return ".".join(Path(os.path.normpath(file)).with_suffix("").parts)


@contextmanager
def importable(root: Path, bare: int) -> Iterator[Callable[[str], types.ModuleType]]:
    """Yield what imports a file of a checkout, by its dotted name; so many of the packages around it are left empty."""
    prefix = "peers_" + root.name.replace("-", "_")

    def found(name: str) -> types.ModuleType:
        around: dict[str, types.ModuleType] = {}
        folders = name.split(".")[:-1]
        for depth in range(bare + 1):
            package = types.ModuleType(".".join([prefix, *folders[:depth]]))
            package.__path__ = [str(root.joinpath(*folders[:depth]))]
            package.measure = lambda *_, **__: lambda function: function  # type: ignore[attr-defined]
            around[package.__name__] = package
            around |= {f"{package.__name__}.{one}": _Empty(one) for one in _UNUSED_BESIDE}
        sys.modules.update({known: module for known, module in around.items() if known not in sys.modules})
        return importlib.import_module(f"{prefix}.{name}")

    with (
        patch.dict(sys.modules, {name: _Empty(name) for name in _UNUSED}),
        patch.object(sys, "path", [str(root), *sys.path]),
    ):
        yield found


@contextmanager
def on_cpu() -> Iterator[None]:
    """Do on the CPU what is asked of a GPU; a copy from a GPU stays a copy."""
    copied = Tensor.cpu
    stays: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (Tensor, "cuda", lambda self, *_, **__: self),
        (Tensor, "cpu", lambda self, *_, **__: copied(self).clone()),
        (nn.Module, "cuda", lambda self, *_, **__: self),
        (torch.cuda, "current_device", lambda: 0),
        (torch, "symeig", torch.linalg.eigh),
    )
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")
        for owner, name, instead in stays:
            stack.enter_context(patch.object(owner, name, instead, create=True))
        yield


def measured(name: str) -> Ask:
    """Ask a function of zero-cost-nas, and sum what it returns as its find_measures does."""

    def ask(file: Any, network: nn.Module, batch: Batch) -> float:
        found = getattr(file, name)(network, batch.images.clone(), batch.labels, loss_fn=cross_entropy)
        return total(found)

    return ask


def total(found: Any) -> float:
    """Return the sum of a list of tensors, or the number that it is."""
    return sum(one.sum() for one in found).item() if isinstance(found, list) else float(found.real)


def by_weight(name: str, **more: Any) -> Ask:
    """Ask a function of zero-cost-nas that is told what a weight's value is summed by."""

    def ask(file: Any, network: nn.Module, batch: Batch) -> float:
        return total(getattr(file, name)(network, batch.images.clone(), batch.labels, **more))

    return ask


def flow(file: Any, network: nn.Module, batch: Batch) -> float:
    """Ask for SynFlow's sum, without BatchNorm, and return its logarithm."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = lambda x: x  # type: ignore[method-assign]
    return math.log(total(file.compute_synflow_per_weight(network, batch.images, batch.labels, mode="param")))


def gaussian(file: Any, network: nn.Module, batch: Batch) -> float:
    """Ask for a Zen-score of one repeat, of the features before global pooling."""
    network.forward_pre_GAP = lambda x: features(network, x, Head)[0]  # type: ignore[assignment]
    n, _, side, _ = batch.images.shape
    return float(file.compute_nas_score(None, network, 1e-2, side, n, 1)["avg_nas_score"])


def features(network: nn.Module, images: Tensor, *kinds: type[nn.Module]) -> list[Tensor]:
    """Return what the stem and blocks put out, or what a head is given."""
    found: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        if kinds or result is not given[0]:
            found.append(given[0] if kinds else result)

    stem = next(module for name, module in network.named_children() if name == "stem")
    places = [m for m in network.modules() if isinstance(m, kinds or Block) or (m is stem and not kinds)]
    handles = [module.register_forward_hook(keep) for module in places]
    network(images)
    for handle in handles:
        handle.remove()
    return found


def az(part: str) -> Ask:
    """Ask for a part of AZ-NAS."""

    def ask(file: Any, network: nn.Module, batch: Batch) -> float:
        network.extract_cell_features = lambda x: features(network, x)  # type: ignore[assignment]
        n, _, side, _ = batch.images.shape
        return float(file.compute_nas_score(network, None, [(batch.images, batch.labels)], side, n)[part])

    return ask


def halves(file: Any, network: nn.Module, batch: Batch) -> float:
    """Ask for ZiCo of the two halves of a batch, gradients set to zero before each."""

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for part in zip(batch.images.chunk(2), batch.labels.chunk(2), strict=True):
            network.zero_grad()
            yield part

    return float(file.getzico(network, batches(), cross_entropy))


def patterns(file: Any, network: nn.Module, batch: Batch) -> float:
    """Ask for SWAP of 16 images, with weights drawn as its authors' script draws them."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return float(file.SWAP(network, batch.images[:16], "cpu").forward())


def regions(file: Any, network: nn.Module, batch: Batch) -> float:
    """Ask for the number of linear regions, of one batch."""
    collector = file.Linear_Region_Collector([network], tuple(batch.images.shape), 1)
    collector.forward(network, collector.LRCounts[0], batch.images)
    on_its_transpose = patch.object(Tensor, "__iadd__", lambda self, other: self + other)
    with on_its_transpose, patch.object(Tensor, "half", lambda self: self):  # which a CPU has no fast products of
        return float(collector.LRCounts[0].getLinearReginCount())


def kernel(file: Any, network: nn.Module, batch: Batch) -> float:
    """Ask for the condition of the tangent kernel, by the weights of convolutions and linear layers."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.requires_grad_(False)
    return float(file.get_ntk_n([(batch.images, batch.labels)], [network], train_mode=True)[0])


class _Layers(nn.Module):
    """A network of which only layers can be seen, no blocks around them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        out: Tensor = self.network(x)
        return out

    def named_modules(self, *_: Any, **__: Any) -> Iterator[tuple[str, nn.Module]]:
        """Yield layers."""
        return ((name, one) for name, one in self.network.named_modules() if isinstance(one, _LAYERS))


def correlations(file: Any, network: nn.Module, batch: Batch) -> float:
    """Ask for MeCo of the layers, which its authors' code counts together with every block around them."""
    return float(file.get_score(_Layers(network), batch.images, batch.labels, "cpu", 1))


def together(file: Any, network: nn.Module, batch: Batch) -> dict[str, float]:
    """Ask for eight measures at once."""
    names = "grad_norm", "snip", "plain", "fisher", "jacov", "nwot", "synflow"
    loader = [(batch.images.clone(), batch.labels)]
    found = file.find_measures_arrays(network, loader, ("random", 1, 0), "cpu", names, cross_entropy)
    norms = file.measures.l2_norm.get_l2_norm_array(network, *loader[0], mode="param")
    return {name: total(some) for name, some in (*found.items(), ("l2_norm", norms))}
