"""Topology: what the live edges of a cell look like as a graph, in numbers for whoever learns from few architectures.

An edge is live if it is on a path from an input of the cell to its output on which no edge is none; a path is one of
live edges. Operations are of four kinds: ``skip``, ``pool``, and convolutions, ``light`` if they are 1x1 or dilated,
``full`` else. Paths, sums over paths and what lies on every one are found by dynamic programming over the nodes in
order, forwards and backwards. All is 0 for a cell with nothing live, but the shortest, and the least, of no paths.

How the definitions are read where spaces differ:

- The output of darts joins its four nodes. These joins are no operations, have no length, and an operation whose node
  leads to one stands next to the output. Each cell has features of its own, ``_normal`` and ``_reduce``.
- nb101 has operations on vertices. Its edges are joins of length 1 that hand on what they get; an operation stands next
  to the input or the output if a join leads from there, or to there.
- A join is an identity, as a skip connection is: it is on the paths of identities, and may lead around an operation.

Sources: the shortest paths by some kinds of operations only, the most operations of some kinds on a path, degrees and
counts are the families of GRAF (Kadlecova et al. 2024, arXiv 2404.16551), of live edges and of kinds where those are of
all edges and of every set of operations; effective depth and width are those of Chen et al. (2022, arXiv 2205.05662);
the powers are those of propagated SED, and the correlation goes by the kernel of Cho and Saul (2009). The rest is this
project's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores.base import Keys, Score, Values
from sedspace.scores.one_by_one import OneByOne
from sedspace.scores.propagated import quarters
from sedspace.scores.wiring import Edge, Wiring, has_wirings, wirings_of
from sedspace.spaces import Operation, Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.parts import Digits
from sedspace_kernels import topology_layout as layout
from sedspace_kernels.parallel import split
from sedspace_kernels.topology import features_of_cells

_NONE = Operation("none", "none")
_GRAIN = 1 << 12  # cells that are worth a thread
_PIECE = 1 << 12  # cells whose operations are looked up at once
_KINDS = {"skip": layout.SKIP, "pool": layout.POOL, "light": layout.LIGHT, "full": layout.FULL}


@dataclass(frozen=True)
class Definition:
    """What a feature is called and means, and how its column is written."""

    name: str
    meaning: str
    unit: str
    dtype: str = "int32"


@dataclass(frozen=True)
class _Lane:
    """A feature that paths, or edges, add up: what an edge with an operation adds."""

    definition: Definition
    of: Callable[[Edge, Operation], int]


def _kind(edge: Edge, operation: Operation) -> int:
    if operation.kind == "none":
        return layout.NONE
    if edge.is_join:
        return layout.JOIN
    if operation.kind == "conv":
        return layout.FULL if quarters(operation) == 4 else layout.LIGHT
    return layout.SKIP if operation.kind == "skip" else layout.POOL


def _of_kinds(*kinds: int) -> Callable[[Edge, Operation], int]:
    return lambda edge, operation: int(_kind(edge, operation) in kinds)


def _length(edge: Edge, _: Operation) -> int:
    return edge.length


def _length_of_kinds(*kinds: int) -> Callable[[Edge, Operation], int]:
    return lambda edge, operation: edge.length if _kind(edge, operation) in kinds else layout.FAR


def _number_of(counted: Operation) -> Callable[[Edge, Operation], int]:
    return lambda _, operation: int(operation == counted)


def _weight(_: Edge, operation: Operation) -> int:
    return quarters(operation)


_IS_CONV, _IS_POOL = _of_kinds(layout.LIGHT, layout.FULL), _of_kinds(layout.POOL)
_ADDED = {
    "conv": ("convolutions", "operations", _IS_CONV),
    "pool": ("poolings", "operations", _IS_POOL),
    "weight": ("weight of convolutions, 4 or 1 if light,", "quarters", _weight),
    "length": ("edges", "edges", _length),
}
"""What paths add up, in the order in which the kernel has it."""

_PATHS = (
    Definition("paths", "ways from the cell's input to its output", "paths"),
    Definition("paths_identity", "paths of identities only", "paths"),
    Definition("paths_without_pool", "paths without pooling", "paths"),
    Definition("paths_without_conv", "paths without convolution", "paths"),
)
_ROLES = (
    Definition("live_nodes", "nodes between inputs and output that a path goes through", "nodes"),
    Definition("input_degree", "live edges from the inputs", "edges"),
    Definition("output_degree", "live edges into the output", "edges"),
    *(Definition(f"{k}_at_input", f"live {k} operations next to an input", "operations") for k in _KINDS),
    *(Definition(f"{k}_at_output", f"live {k} operations next to the output", "operations") for k in _KINDS),
    Definition("pool_on_every_path", "poolings that every path takes", "operations"),
    Definition("pool_bypassed", "live poolings that identities lead around, of some path", "operations"),
    Definition("pool_without_conv", "poolings on a path without convolution", "operations"),
    Definition("conv_on_every_path", "convolutions that every path takes", "operations"),
    Definition("conv_bypassed", "live convolutions that identities lead around, of some path", "operations"),
    Definition("conv_without_pool", "convolutions on a path without pooling", "operations"),
)
_SHARES = (
    *(
        Definition(f"{k}_{where}", f"sum over live {k} convolutions of the share of paths {what}", "1", "float32")
        for k in ("light", "full")
        for where, what in (
            ("clean_before", "to them without pooling"),
            ("clean_after", "from them without pooling"),
            ("through", "through them"),
        )
    ),
    Definition("effective_depth", "mean over paths of their convolutions", "operations", "float32"),
    Definition("effective_width", "paths with a convolution / effective depth, 0 without any", "1", "float32"),
)
_POWERS = (
    Definition("power_low", "propagated power of low frequencies at the output", "1", "float32"),
    Definition("power_high", "propagated power of high frequencies at the output", "1", "float32"),
    Definition("power_of_input", "share of the output's power that comes without convolution", "1", "float32"),
    Definition(
        "correlation",
        "of the outputs of two uncorrelated inputs, by power, where a convolution is a wide layer with ReLU",
        "1",
        "float32",
    ),
    Definition("depth_by_power", "convolutions behind the output's power on average", "operations", "float32"),
    Definition("gradient", "sum over paths of the product of the shares of power handed on", "1", "float32"),
)


def _subsets(kinds: Sequence[str]) -> list[tuple[str, ...]]:
    return [some for n in range(1, len(kinds) + 1) for some in combinations(kinds, n)]


def _least(kinds: Sequence[str]) -> Iterator[_Lane]:
    """Yield what is least over paths: of some kinds only, or of all."""
    for name, (what, unit, added) in _ADDED.items():
        yield _Lane(Definition(f"{name}_least", f"least {what} of a path", unit), added)
    for some in _subsets(kinds)[:-1]:
        meaning = f"edges of the shortest path of {', '.join(some)} only; the most possible and 1 if there is none"
        codes = layout.JOIN, *(_KINDS[kind] for kind in some)
        yield _Lane(Definition(f"shortest_{'_'.join(some)}", meaning, "edges"), _length_of_kinds(*codes))


def _most(kinds: Sequence[str]) -> Iterator[_Lane]:
    """Yield what is most over paths; the first four as `_ADDED` has them."""
    for name, (what, unit, added) in _ADDED.items():
        yield _Lane(Definition(f"{name}_most", f"most {what} of a path", unit), added)
    known = [("pool",), tuple(kind for kind in kinds if kind in ("light", "full")), tuple(kinds)]
    for some in _subsets(kinds):
        if some not in known:
            definition = Definition(f"{'_'.join(some)}_most", f"most of {', '.join(some)} on a path", "operations")
            yield _Lane(definition, _of_kinds(*(_KINDS[kind] for kind in some)))


def _negative(lane: _Lane) -> _Lane:
    return _Lane(lane.definition, lambda edge, operation: -lane.of(edge, operation))


def _counts(wiring: Wiring) -> Iterator[_Lane]:
    for name, counted in wiring.counts.items():
        yield _Lane(Definition(name, f"edges with {counted.name}", "edges"), _number_of(counted))


def _live_counts(wiring: Wiring) -> Iterator[_Lane]:
    yield _Lane(Definition("live_edges", "live edges", "edges"), _length)
    for name, counted in wiring.counts.items():
        live = f"n_live_{name.removeprefix('n_')}"
        if counted.kind != "none" and not wiring.all_live and live not in wiring.counts:
            definition = Definition(live, f"live edges with {counted.name}", "edges")
            yield _Lane(definition, _number_of(counted))


def _padded(operations: Sequence[Operation], length: int) -> list[Operation]:
    return [*operations, *[_NONE] * (length - len(operations))]


class _Graph:
    """What the kernel is told of the cells of a wiring, and what the features are called that it returns."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self._rows = [(edge, one) for edge in wiring.edges for one in _padded(edge.operations, wiring.shape[1])]
        kept_high = [1 / o.kernel**2 if o.kind == "pool" else 1.0 for _, o in self._rows]
        self._kept_high = np.array(kept_high).reshape(wiring.shape)
        self._kinds = np.array([_kind(*row) for row in self._rows]).reshape(wiring.shape)
        kinds = [kind for kind, code in _KINDS.items() if code in self._kinds]
        every, counts = list(_counts(wiring)), list(_live_counts(wiring))
        least, most = list(_least(kinds)), list(_most(kinds))
        self._edges = self._edge_table()
        self._every, self._counts = self._packed(every), self._packed(counts)
        self._lanes = self._lane_table([*least, *(_negative(lane) for lane in most)])
        self._widths = len(every), len(counts), len(least), len(most)
        sums = [
            Definition(f"{name}_sum", f"sum over paths of their {what}", unit)
            for name, (what, unit, _) in _ADDED.items()
        ]
        live = [lane.definition for lane in counts]
        paths = [*_PATHS, *(lane.definition for lane in (*least, *most))]
        suffix = f"_{wiring.name}" if wiring.name else ""
        where = f", of the {wiring.name} cell" if wiring.name else ""
        self.definitions = [
            *(lane.definition for lane in every),
            *(
                Definition(d.name + suffix, d.meaning + where, d.unit, d.dtype)
                for d in (*live, *paths, *sums, *_ROLES, *_SHARES, *_POWERS)
            ),
        ]
        self._longest = self._longest_path()

    def _edge_table(self) -> NDArray[np.int64]:
        table = np.zeros((len(self.wiring.edges), layout.COLUMNS), np.int64)
        targets = [edge.target for edge in self.wiring.edges]
        for row, edge, kinds in zip(table, self.wiring.edges, self._kinds, strict=True):
            row[[layout.SOURCE, layout.TARGET]] = edge.source, edge.target
            row[layout.FIRST] = targets.index(edge.target)
            row[layout.LENGTH] = edge.length
            row[layout.HIGHEST] = kinds.max()
            row[layout.BEHIND] = self._kinds[self.wiring.sources == edge.target].max(initial=layout.NONE)
        return table

    def _lane_table(self, lanes: Sequence[_Lane]) -> NDArray[np.int16]:
        table = np.zeros((len(self._rows), layout.LANES), np.int16)
        for number, (row, kind) in enumerate(zip(self._rows, self._kinds.flat, strict=True)):
            is_there = kind != layout.NONE
            table[number, : len(lanes)] = [lane.of(*row) if is_there else layout.FAR for lane in lanes]
        return table

    def _packed(self, lanes: Sequence[_Lane]) -> NDArray[np.int64]:
        table = np.zeros((len(self._rows), -(-len(lanes) // layout.PACKED)), np.int64)
        for number, row in enumerate(self._rows):
            for n, lane in enumerate(lanes):
                table[number, n // layout.PACKED] |= lane.of(*row) << 8 * (n % layout.PACKED)
        return table

    def _longest_path(self) -> int:
        longest: dict[int, int] = {}
        for edge in self.wiring.edges:
            longest[edge.target] = max(longest.get(edge.target, 0), longest.get(edge.source, 0) + edge.length)
        return longest[self.wiring.edges[-1].target]

    def fill(self, digits: Digits, first: int, out: NDArray[np.float64]) -> None:
        """Write the features of cells, from a column on."""
        features_of_cells(
            np.ascontiguousarray(self.wiring.chosen(digits)),
            self.wiring.inputs,
            self._edges,
            self._kinds,
            self._kept_high,
            self._every,
            self._counts,
            self._lanes,
            self._widths,
            self._longest,
            first,
            out,
        )


@lru_cache(maxsize=16)
def _graphs_of(space: Space) -> list[_Graph]:
    return [_Graph(wiring) for wiring in wirings_of(space)]


@lru_cache(maxsize=16)
def _columns_of(space: Space) -> dict[str, tuple[_Graph, int]]:
    """Return for each feature the graph that it is of, and where it stands there."""
    return {one.name: (graph, n) for graph in _graphs_of(space) for n, one in enumerate(graph.definitions)}


def topology_names(space: Space) -> tuple[str, ...]:
    """Return the names of the topology features of a space, each of which is a column; none if it is not one of cells.

    Examples
    --------
    >>> import sedspace as ss
    >>> from sedspace.scores.topology import topology_names
    >>> names = topology_names(ss.space("tss"))
    >>> len(names), names[11:15]
    (83, ('paths_identity', 'paths_without_pool', 'paths_without_conv', 'conv_least'))
    """
    return tuple(_columns_of(space))


def topology(space: Space, digits: Digits) -> NDArray[np.float64]:
    """Return the topology features of any architectures, given as digits: float64[n, features].

    Raises
    ------
    BadInput
        If the space is not one of cells.

    Examples
    --------
    >>> import sedspace as ss
    >>> from sedspace.scores.topology import topology, topology_names
    >>> space = ss.space("tss")
    >>> features = topology(space, space.digits([11668]))
    >>> float(features[0, topology_names(space).index("paths")])
    4.0
    """
    graphs = _graphs_of(space)
    if not graphs:
        raise BadInput(f"topology is of cells, not of {space.name}")
    widths = [len(graph.definitions) for graph in graphs]
    out = np.empty((len(digits), sum(widths)))
    first = 0
    for graph, width in zip(graphs, widths, strict=True):
        for lo in range(0, len(digits), _PIECE):
            graph.fill(digits[lo : lo + _PIECE], first, out[lo : lo + _PIECE])
        first += width
    return out


def topology_of_range(space: Space, start: int, stop: int, threads: int = 1) -> NDArray[np.float64]:
    """Return the topology features of the architectures of a range: float64[stop - start, features]."""

    def part(lo: int, hi: int) -> NDArray[np.float64]:
        return topology(space, space.digits_of_range(start + lo, start + hi))

    return np.concatenate(split(part, stop - start, threads, _GRAIN))


class TopologyScore(OneByOne):
    """One of the topology features.

    Parameters
    ----------
    definition : Definition
    """

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition.name, definition.dtype, 1, definition.unit, definition.meaning, {})

    @property
    def _key_dtype(self) -> type[np.number]:
        return np.int64 if self.dtype == "int32" else np.float64

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures."""
        if self.name not in _columns_of(space):
            raise BadInput(f"score {self.name} is of other cells than those of {space.name}")
        graph, column = _columns_of(space)[self.name]
        out = np.empty((min(len(digits), _PIECE), len(graph.definitions)))
        keys = np.empty(len(digits), self._key_dtype)
        for lo in range(0, len(digits), _PIECE):
            some = digits[lo : lo + _PIECE]
            graph.fill(some, 0, out)
            keys[lo : lo + _PIECE] = out[: len(some), column]
        return keys

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        def part(lo: int, hi: int) -> Keys:
            return self.at(space, space.digits_of_range(start + lo, start + hi))

        return np.concatenate(split(part, stop - start, threads, _GRAIN))


def fill_together(space: Space, scores: Sequence[TopologyScore], start: int, out: Mapping[str, Values]) -> None:
    """Write the values of several features of the architectures from `start` on: each cell is looked at once.

    What is counted fits int32 in cells of any size that there are, so that nothing is checked.
    """
    numbers = {name: number for number, name in enumerate(topology_names(space))}
    length = len(out[scores[0].name])
    for lo in range(0, length, _PIECE):
        hi = min(lo + _PIECE, length)
        features = topology(space, space.digits_of_range(start + lo, start + hi))
        for score in scores:
            out[score.name][lo:hi] = features[:, numbers[score.name]]


def topology_scores(space: Space, _: Mapping[str, str]) -> Iterator[Score]:
    """Yield the topology features of a space that are not among its other scores, if it is one of cells."""
    if not has_wirings(space):
        return
    for graph in _graphs_of(space):
        known = {*graph.wiring.counts}
        if isinstance(space, CellSpace):
            known |= {"paths", *(f"n_live_{name.removeprefix('n_')}" for name in graph.wiring.counts)}
        yield from (TopologyScore(definition) for definition in graph.definitions if definition.name not in known)
