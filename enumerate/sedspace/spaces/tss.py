"""The topology space of NATS-Bench (NAS-Bench-201) and its extensions to cells of any number of nodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property

from sedspace.errors import BadInput, quoted
from sedspace.spaces.base import Space
from sedspace.spaces.cell import MAX_NODES, CellSpace
from sedspace.spaces.codes import codes_of
from sedspace.spaces.parts import Operation
from sedspace.spaces.skeleton import NATS_BENCH, Skeleton

OPERATIONS = {
    "n_none": Operation("none", "none"),
    "n_skip": Operation("skip_connect", "skip"),
    "n_conv1x1": Operation("nor_conv_1x1", "conv", 1),
    "n_conv3x3": Operation("nor_conv_3x3", "conv", 3),
    "n_pool": Operation("avg_pool_3x3", "pool", 3),
}
_NASLIB = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""The order in which NASLib numbers the operations (naslib/search_spaces/nasbench201/conversions.py)."""


class NatsCellSpace(CellSpace):
    """Cells whose arch strings are written as NATS-Bench writes its own."""

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each edge, the text that each operation adds to the arch string."""
        return tuple(
            tuple(
                f"{'+' if source == 0 and target > 1 else ''}{'|' if source == 0 else ''}{choice.name}~{source}|"
                for choice in position.choices
            )
            for (source, target), position in zip(self.edges, self.positions, strict=True)
        )

    def _parse_one(self, arch: object) -> list[int]:
        if not isinstance(arch, str):
            raise BadInput(f"arch {quoted(arch)} is not a string")
        targets = arch.strip().split("+")
        if len(targets) != self.nodes - 1:
            raise BadInput(
                f"arch {quoted(arch)} describes {len(targets) + 1} nodes, but {self.name} has {self.nodes} "
                f"(one |...| group for each node after the first, joined by '+')"
            )
        digits = []
        for target, text in enumerate(targets, start=1):
            if len(text) < 2 or text[0] != "|" or text[-1] != "|":
                raise BadInput(
                    f"arch {quoted(arch)}: node {target} is written {quoted(text)}, expected |operation~source|...|"
                )
            terms = text[1:-1].split("|")
            if len(terms) != target:
                raise BadInput(f"arch {quoted(arch)}: node {target} has {len(terms)} edges, expected {target}")
            digits += [self._parse_edge(arch, term, source, target) for source, term in enumerate(terms)]
        return digits

    def _parse_edge(self, arch: str, term: str, source: int, target: int) -> int:
        name, _, given = term.partition("~")
        names = [choice.name for choice in self.positions[target * (target - 1) // 2 + source].choices]
        if name not in names:
            known = ", ".join(names)
            raise BadInput(
                f"arch {quoted(arch)}: edge {source}->{target} has operation {name!r}, expected one of {known}"
            )
        if given != str(source):
            raise BadInput(
                f"arch {quoted(arch)}: edge {source}->{target} is written {term!r}, expected {name}~{source}"
            )
        return names.index(name)


@cache
def tss_space(nodes: int) -> TssSpace:
    """Return the one space of cells of so many nodes; raise `BadInput` if there is none."""
    if nodes < 2:
        raise BadInput(f"space 'tss{nodes}': a cell of {nodes} node has no edges, expected tss2 or more (tss has 4)")
    if nodes > MAX_NODES:
        raise BadInput(
            f"space 'tss{nodes}' has too many nodes: expected at most tss{MAX_NODES}, whose counts fit uint8"
        )
    return TssSpace(nodes)


class TssSpace(NatsCellSpace):
    """Cells of `nodes` nodes, 0 the input and the last one the output, with one of five operations on every edge.

    Positions are the edges grouped by target node, sources ascending: 0->1, 0->2, 1->2, 0->3, ... Arch strings are
    NATS-Bench's own. Its architecture *index* is another one: here `index` is lexicographic, there it is not. `parse`
    of `tss` also takes NASLib's operation indices, six integers: edges by source, 0 skip, 1 none, 2 and 3 the
    convolutions 3x3 and 1x1, 4 pooling.

    Examples
    --------
    >>> import sedspace as ss
    >>> space = ss.space("tss5")
    >>> space.size
    9765625
    >>> [position.name for position in space.positions][:4]
    ['0->1', '0->2', '1->2', '0->3']
    >>> space.features["params"].table[0].tolist()
    [0, 0, 28000, 243040, 0]
    """

    def __init__(self, nodes: int) -> None:
        super().__init__(
            name="tss" if nodes == 4 else f"tss{nodes}",
            title="NATS-Bench topology space (NAS-Bench-201)"
            if nodes == 4
            else f"the same construction on {nodes} nodes",
            nodes=nodes,
            operations=OPERATIONS,
            skeletons=NATS_BENCH,
        )

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[object, ...]]:
        """Travel as the number of nodes."""
        return tss_space, (self.nodes,)

    def _parse_one(self, arch: object) -> list[int]:
        codes = codes_of(arch)
        return super()._parse_one(arch) if codes is None else self._of_naslib(codes)

    def _of_naslib(self, codes: list[int]) -> list[int]:
        """Return the digits of NASLib's operation indices, whose edges are grouped by their source."""
        edges, known = sorted(self.edges), len(_NASLIB)
        if self.nodes != 4 or len(codes) != len(edges) or not all(0 <= code < known for code in codes):
            expected = f"NASLib's indices of operations, {len(edges)} from 0 to {known - 1}"
            if self.nodes != 4:
                expected = "an arch string: NASLib's indices of operations are those of tss"
            raise BadInput(f"arch {tuple(codes)} is not of {self.name}: expected {expected}")
        names = [operation.name for operation in self.operations]
        chosen = dict(zip(edges, codes, strict=True))
        return [names.index(_NASLIB[chosen[edge]]) for edge in self.edges]

    def _network_name(self, skeleton: Skeleton) -> str:
        return f"NATS-Bench's {skeleton.dataset} network"
