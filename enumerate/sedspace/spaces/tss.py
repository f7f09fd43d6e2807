"""The topology space of NATS-Bench (NAS-Bench-201) and its extensions to cells of any number of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from sedspace.errors import BadInput
from sedspace.spaces.skeleton import NATS_BENCH
from sedspace.spaces.space import Feature, Group, Operation, Position, Space

OPERATIONS = (
    Operation("none", "none"),
    Operation("skip_connect", "skip"),
    Operation("nor_conv_1x1", "conv", 1),
    Operation("nor_conv_3x3", "conv", 3),
    Operation("avg_pool_3x3", "pool", 3),
)
COUNTS = ("n_none", "n_skip", "n_conv1x1", "n_conv3x3", "n_pool")
MAX_NODES = 23  # 253 edges: the counts are uint8


class TssSpace(Space):
    """Cells of `nodes` nodes, 0 the input and the last one the output, with one of five operations on every edge.

    Positions are the edges grouped by target node, sources ascending: 0->1, 0->2, 1->2, 0->3, ... Arch strings are
    NATS-Bench's own. Its architecture *index* is another one: here `index` is lexicographic, there it is not.

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
        self.nodes = nodes
        self.edges = tuple((source, target) for target in range(1, nodes) for source in range(target))
        positions = tuple(Position(f"{source}->{target}", OPERATIONS) for source, target in self.edges)
        super().__init__(
            name="tss" if nodes == 4 else f"tss{nodes}",
            title="NATS-Bench topology space (NAS-Bench-201)"
            if nodes == 4
            else f"the same construction on {nodes} nodes",
            positions=positions,
            groups=(Group("cell", tuple(range(len(positions)))),),
        )

    @property
    def default_features(self) -> tuple[str, ...]:
        """Counts, the residual skip, and the costs of the CIFAR-10 network."""
        return (*COUNTS, "residual", "params", "macs")

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """Counts of each operation, the residual skip, and the costs of NATS-Bench's three networks."""
        return {feature.name: feature for feature in self._features()}

    def _features(self) -> Iterator[Feature]:
        for operation, name in zip(OPERATIONS, COUNTS, strict=True):
            table = self.table({operation.name: 1})
            yield Feature(name, table, 0, "uint8", "edges", f"edges with {operation.name}")
        residual = [
            [int(operation.kind == "skip" and edge == (0, self.nodes - 1)) for operation in OPERATIONS]
            for edge in self.edges
        ]
        meaning = "1 if skip_connect joins the cell's input to its output directly"
        yield Feature("residual", self.table(residual), 0, "uint8", "skips", meaning)
        for skeleton in NATS_BENCH:
            suffix = "" if skeleton.dataset == "cifar10" else f"_{skeleton.dataset}"
            network = f"NATS-Bench's {skeleton.dataset} network"
            around = skeleton.around()
            table = self.table(lambda operation, s=skeleton: s.on_edge(operation).params)  # type: ignore[misc]
            yield Feature(
                f"params{suffix}", table, around.params, "int32", "parameters", f"trainable parameters of {network}"
            )
            table = self.table(lambda operation, s=skeleton: s.on_edge(operation).macs)  # type: ignore[misc]
            meaning = f"multiply-accumulates of convolutions and classifier of {network} (it prints them as FLOPs)"
            yield Feature(f"macs{suffix}", table, around.macs, "int64", "MACs per image", meaning)

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each edge, the text that each operation adds to the arch string."""
        return tuple(
            tuple(
                f"{'+' if source == 0 and target > 1 else ''}{'|' if source == 0 else ''}{operation.name}~{source}|"
                for operation in OPERATIONS
            )
            for source, target in self.edges
        )

    def draw(self, index: int) -> str:
        """Return a drawing of a cell in text: one row per node, one column per source.

        Examples
        --------
        >>> import sedspace as ss
        >>> print(ss.space("tss").draw(11668))
                       from 0        from 1        from 2
        node 1         nor_conv_3x3
        node 2         nor_conv_3x3  nor_conv_3x3
        node 3 output  skip_connect  nor_conv_3x3  nor_conv_3x3
        """
        names = [OPERATIONS[digit].name for digit in self.digits(index)]
        chosen = dict(zip(self.edges, names, strict=True))
        width = max(map(len, names)) + 2
        head = "".join(f"{f'from {source}':{width}}" for source in range(self.nodes - 1))
        rows = [
            f"node {target} {'output' if target == self.nodes - 1 else '':8}"
            + "".join(f"{chosen[source, target]:{width}}" for source in range(target))
            for target in range(1, self.nodes)
        ]
        return "\n".join(row.rstrip() for row in (f"{'':15}{head}", *rows))

    def _parse_one(self, arch: str) -> list[int]:
        if not isinstance(arch, str):
            raise BadInput(f"arch {arch!r} is not a string")
        targets = arch.strip().split("+")
        if len(targets) != self.nodes - 1:
            raise BadInput(
                f"arch {arch!r} describes {len(targets) + 1} nodes, but {self.name} has {self.nodes} "
                f"(one |...| group for each node after the first, joined by '+')"
            )
        digits = []
        for target, text in enumerate(targets, start=1):
            if len(text) < 2 or text[0] != "|" or text[-1] != "|":
                raise BadInput(f"arch {arch!r}: node {target} is written {text!r}, expected |operation~source|...|")
            terms = text[1:-1].split("|")
            if len(terms) != target:
                raise BadInput(f"arch {arch!r}: node {target} has {len(terms)} edges, expected {target}")
            digits += [self._parse_edge(arch, term, source, target) for source, term in enumerate(terms)]
        return digits

    def _parse_edge(self, arch: str, term: str, source: int, target: int) -> int:
        name, _, given = term.partition("~")
        if name not in _DIGITS:
            known = ", ".join(_DIGITS)
            raise BadInput(f"arch {arch!r}: edge {source}->{target} has operation {name!r}, expected one of {known}")
        if given != str(source):
            raise BadInput(f"arch {arch!r}: edge {source}->{target} is written {term!r}, expected {name}~{source}")
        return _DIGITS[name]


_DIGITS = {operation.name: digit for digit, operation in enumerate(OPERATIONS)}
