"""Which kind of space has which networks: a new family is a line here, and a file of its own."""

from __future__ import annotations

from dataclasses import dataclass

from sedspace.errors import BadInput, unknown
from sedspace.spaces import Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.darts import CELLS, CHANNELS, DartsSpace
from sedspace.spaces.layers import LayersSpace
from sedspace.spaces.nb101 import Nb101Space
from sedspace.spaces.skeleton import NATS_BENCH, TRANSNAS_BENCH, Skeleton
from sedspace.spaces.sss import SssSpace
from sedspace.spaces.stages import StagesSpace
from sedspace.spaces.transnas_macro import TransnasMacroSpace
from sedspace.spaces.transnas_micro import TransnasMicroSpace


@dataclass(frozen=True)
class Family:
    """The networks of a kind of space.

    Attributes
    ----------
    builder : str
        ``module:function`` of this package, from a space, an index and a skeleton to a network. Imported only when a
        network is built, since it imports torch.
    skeletons : tuple of Skeleton
        One for each dataset, the usual one first; none where the spaces have their own.
    """

    builder: str
    skeletons: tuple[Skeleton, ...] = ()


_DARTS = Skeleton("cifar10", 32, 10, (CHANNELS,), sum(CELLS.values())), Skeleton("cifar10_8cells", 32, 10, (16,), 8)

FAMILIES: tuple[tuple[type[Space], Family], ...] = (
    (TransnasMicroSpace, Family("transnas:micro_network", TRANSNAS_BENCH)),
    (TransnasMacroSpace, Family("transnas:macro_network", TRANSNAS_BENCH)),
    (CellSpace, Family("cell:cell_network")),
    (SssSpace, Family("size:size_network", NATS_BENCH)),
    (DartsSpace, Family("darts:darts_network", _DARTS)),
    (Nb101Space, Family("nb101:vertex_network", NATS_BENCH[:1])),
    (StagesSpace, Family("stages:stages_network")),
    (LayersSpace, Family("transformers:transformer")),
)
"""By kind of space; a space has the networks of the first kind that it is of."""


def family_of(space: Space) -> Family:
    """Return the networks of a space; raise `BadInput` if it has none."""
    for kind, family in FAMILIES:
        if isinstance(space, kind):
            return family
    raise BadInput(f"{space.name} has no network")


def skeleton_of(space: Space, dataset: str | None = None) -> Skeleton:
    """Return the input, classes, widths and number of cells of a space's network, by default for its first dataset.

    Raises
    ------
    BadInput
        If the space has no network, or none for the dataset.
    """
    skeletons = family_of(space).skeletons
    if not skeletons and isinstance(space, CellSpace | StagesSpace | LayersSpace):
        skeletons = space.skeletons
    if not skeletons:
        raise BadInput(f"{space.name} has no network")
    if dataset is None:
        return skeletons[0]
    known = {skeleton.dataset: skeleton for skeleton in skeletons}
    if dataset not in known:
        raise unknown("dataset", dataset, known)
    return known[dataset]
