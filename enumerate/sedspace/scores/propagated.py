"""Propagated SED: the loss of local information by pooling, and its return by skips, followed through the graph.

SED counts operations wherever they stand. Its thesis is that pooling loses local entropy, that convolutions keep it and
that skip connections bring it back; here that is followed along the live edges of a cell, those on a way from an input
to the output on which no edge is none::

    an input of the cell has the powers       (low, high) = (3/4, 1/4)
    a skip connection hands on                (low, high)
    a pooling of size k hands on              (low, high / k^2)
    a convolution hands on                    (low, high) / (low + high)
    a node has                                the sum of what is handed on to it

    H = 4 * high / (low + high) at the output: 1 if nothing pools, else less
    C = sum over live convolutions of w: 1, but 1/4 if it is 1x1 or dilated
    r = skip connections straight from an input of the cell to its output (darts: to any node)

    propagated_sed(cell) = C * H * (1 + r), and -1 if nothing gets to the output

C over all edges, live or not, times (1 + r) is a sum and never below it: by that bound the best are found in spaces of
any size (`BoundedScore`), unless a condition has it that the best are far below, as where it asks for many poolings.

How the definition is read where spaces differ:

- Every convolution with a kernel above 1 has w = 1 unless it is dilated, where SED's grows with the kernel: the 5x5 of
  darts weighs as its 3x3. Whether it is grouped, depthwise or separable makes no difference, as to SED.
- darts: each input has the powers (3/4, 1/4); the output, which joins all four nodes, has the sum of theirs. The score
  is 0.9 of the normal cell's and 0.1 of the reduction cell's, as their multiplicities, 18 and 2, say.
- nb101: operations stand on vertices. A vertex adds up its inputs before its operation, the output what leads to it;
  the 1x1 projections of its network are no convolutions of the cell; r = 1 if the input is joined to the output.

Source: this project's own. It was found on selection benchmarks (NATS-Bench's topology space, half of a sample of
NAS-Bench-101, NAS-Bench-301), then checked once on tables that had no part in the choice (TransNAS-Bench-101, 214
trained DARTS cells). It is not the paper's SED. Spearman's rho with accuracy, SED's in parentheses:

- tss: .891, .871, .866 (.748, .759, .734) on CIFAR-10, CIFAR-100, ImageNet16-120
- nb101, 20,000 cells: .734 (.616); nb301: .781 (.694)
- held out, transnas_micro class_scene: .810 (.566); DARTS cells: .606 (.522)

Where it is worse: on tss, among the best 5 % by accuracy on ImageNet16-120 it has .38 where SED has .42, and with the
minimum accuracy among cells of equal score .73, .70, .71 where SED has .91, .91, .88. The best cell of tss is SED's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Keys, Score
from sedspace.scores.bounded import BoundedScore
from sedspace.scores.one_by_one import OneByOne
from sedspace.spaces import Inputs, Operation, Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.darts import DartsSpace
from sedspace.spaces.nb101 import Nb101Space
from sedspace.spaces.parts import Digits, Group
from sedspace_kernels.nb101 import MAX_VERTICES
from sedspace_kernels.parallel import split
from sedspace_kernels.propagated import values_of_cells

_NONE, _SKIP = Operation("none", "none"), Operation("skip", "skip")
_MOST_CELLS = 20  # of a network, darts's: other spaces have one kind of cell, which counts once
_GRAIN = 1 << 14  # cells that are worth a thread


def _quarters(operation: Operation) -> int:
    """Return what a convolution weighs, in quarters: 4, or 1 if it is 1x1 or dilated; 0 for anything else."""
    if operation.kind != "conv":
        return 0
    return 4 if operation.kernel > 1 and operation.dilation == 1 else 1


@dataclass(frozen=True)
class _Edge:
    """An edge: its ends, what may stand on it, and whether a skip connection there is a residual one."""

    source: int
    target: int
    operations: Sequence[Operation]
    is_residual: bool


class _Cells:
    """The cells of a group of positions, as graphs with an operation on every edge.

    Parameters
    ----------
    multiplicity : int
        How often the network has the cell.
    inputs : int
        How many of the nodes, the first ones, are inputs.
    edges : sequence of _Edge
    chosen : callable
        Takes the digits of architectures and returns what stands on each edge: unsigned integer[n, edges].
    """

    def __init__(
        self, multiplicity: int, inputs: int, edges: Sequence[_Edge], chosen: Callable[[Digits], Digits]
    ) -> None:
        self.multiplicity, self._inputs, self._chosen = multiplicity, inputs, chosen
        self._sources = np.array([edge.source for edge in edges], np.int64)
        self._targets = np.array([edge.target for edge in edges], np.int64)
        shape = len(edges), max(len(edge.operations) for edge in edges)
        self._divisors, self._weights = np.zeros(shape), np.zeros(shape, np.int64)
        self._residuals = np.zeros(shape, np.int64)
        for e, edge in enumerate(edges):
            for choice, operation in enumerate(edge.operations):
                if operation.kind != "none":
                    self._divisors[e, choice] = operation.kernel**2 if operation.kind == "pool" else 1
                self._weights[e, choice] = _quarters(operation)
                self._residuals[e, choice] = edge.is_residual and operation.kind == "skip"

    def values(self, digits: Digits, m: float) -> NDArray[np.float64]:
        """Return the propagated SED of each cell."""
        out, chosen = np.empty(len(digits)), np.ascontiguousarray(self._chosen(digits))
        values_of_cells(
            chosen, self._sources, self._targets, self._inputs, self._divisors, self._weights, self._residuals, m, out
        )
        return out


@lru_cache(maxsize=16)
def _cells_of(space: Space) -> list[_Cells] | None:
    """Return the cells of a space, each of its groups as graphs; None if it has none that power could flow through."""
    if isinstance(space, CellSpace):
        return [_with_operations_on_edges(space)]
    if isinstance(space, DartsSpace):
        return [_with_two_inputs_per_node(space, group) for group in space.groups]
    if isinstance(space, Nb101Space):
        return [_with_operations_on_vertices(space)]
    return None


def _with_operations_on_edges(space: CellSpace) -> _Cells:
    through = 0, space.nodes - 1
    edges = [
        _Edge(*ends, [o for choice in position.choices for o in choice.operations], ends == through)
        for ends, position in zip(space.edges, space.positions, strict=True)
    ]
    return _Cells(1, 1, edges, lambda digits: digits)


def _with_two_inputs_per_node(space: DartsSpace, group: Group) -> _Cells:
    """Return a cell of darts: on every edge that there may be an operation or none; all nodes lead to the output."""
    edges: list[_Edge] = []
    into = []  # for each position what each of its choices is on each edge
    number = {operation: code for code, operation in enumerate(space.operations, start=1)}
    for node, position in enumerate(group.positions, start=2):
        edges += [_Edge(source, node, [_NONE, *number], source < 2) for source in range(node)]
        codes = np.zeros((len(space.positions[position].choices), node), np.uint8)
        for row, choice in zip(codes, space.positions[position].choices, strict=True):
            if isinstance(choice, Inputs):
                row[list(choice.sources)] = [number[operation] for operation in choice.operations]
        into.append(codes)
    output = len(into) + 2
    edges += [_Edge(node, output, [_SKIP], False) for node in range(2, output)]

    def chosen(digits: Digits) -> Digits:
        parts = [codes[digits[:, position]] for codes, position in zip(into, group.positions, strict=True)]
        return np.concatenate([*parts, np.zeros((len(digits), len(into)), np.uint8)], axis=1)

    return _Cells(group.multiplicity, 2, edges, chosen)


def _with_operations_on_vertices(space: Nb101Space) -> _Cells:
    """Return the cells of nb101: vertex v is an edge, from a node 2 v - 1 that adds up its inputs to a node 2 v."""
    between = range(1, MAX_VERTICES - 1)
    output = 2 * MAX_VERTICES - 3
    edges: list[_Edge] = []
    for v in between:
        edges += [_Edge(2 * x, 2 * v - 1, [_NONE, _SKIP], False) for x in range(v)]
        edges.append(_Edge(2 * v - 1, 2 * v, [_NONE, *space.operations], False))
    edges += [_Edge(2 * x, output, [_NONE, _SKIP], x == 0) for x in range(MAX_VERTICES - 1)]

    def chosen(digits: Digits) -> Digits:
        entries = digits[:, 0]
        cells, last = space.cells, space.cells.vertices[entries].astype(np.intp) - 1
        columns = []
        for v in between:
            is_there = v < last
            columns += [cells.adjacency[entries, x, v] * is_there for x in range(v)]
            columns.append((cells.labels[entries, v] + 1) * is_there)
        columns += [cells.adjacency[entries, x, last] for x in range(MAX_VERTICES - 1)]
        return np.stack(columns, axis=1).astype(np.uint8)

    return _Cells(1, 1, edges, chosen)


class PropagatedScore(OneByOne):
    """Propagated SED, as the module defines it.

    Parameters
    ----------
    m : Fraction
    """

    def __init__(self, m: Fraction) -> None:
        meaning = "SED propagated through the graph: weight of convolutions * high frequencies kept * (1 + residual)"
        super().__init__("propagated_sed", "float32", 1, "1", meaning, {"m": str(m)})
        self._m = float(m)

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures: the mean over the cells of the network."""
        cells = _cells_of(space)
        if cells is None:
            raise BadInput(f"score {self.name} is of cells, not of {space.name}")
        total = sum(cell.multiplicity * cell.values(digits, self._m) for cell in cells)
        return np.asarray(total) / sum(cell.multiplicity for cell in cells)

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        def part(lo: int, hi: int) -> Keys:
            return self.at(space, space.digits_of_range(start + lo, start + hi))

        return np.concatenate(split(part, stop - start, threads, _GRAIN))


class _Bound(AdditiveScore):
    """C over all edges, live or not, times (1 + r): never below propagated SED, since H is never above 1.

    A sum for each cell, and the mean over the cells of the network, in units of 1/80.
    """

    def __init__(self) -> None:
        super().__init__(
            "propagated_sed_bound",
            {"weights": _quarters, "residual": "residual"},
            lambda weights, residual: weights * (1 + residual),
            denominator=4 * _MOST_CELLS,
            meaning="weight of all convolutions * (1 + residual)",
            monotone=["rises", "never falls"],
        )

    def group_keys(self, space: Space, group: int, sums: NDArray[np.int64]) -> Keys:
        """Return what one group with feature sums of shape (..., features) adds to the keys."""
        cells = sum(one.multiplicity for one in space.groups)
        return super().group_keys(space, group, sums) * (_MOST_CELLS // cells)


def _m(m: Fraction | str) -> Fraction:
    try:
        given = Fraction(m)
    except (ValueError, ZeroDivisionError, TypeError, OverflowError):
        raise BadInput(f"m {m!r} is not a fraction: expected something like '1/4'") from None
    if not (0 <= given <= 1 and given.denominator <= 1000):
        raise BadInput(f"m {m} is out of range: expected a fraction from 0 to 1 with denominator up to 1000")
    return given


def propagated_sed(m: Fraction | str = "0") -> BoundedScore:
    """Return the score propagated SED: see the module for its definition.

    Parameters
    ----------
    m : Fraction or str, default 0
        The score of a cell is divided by ``1 + m * fewest``, where `fewest` is the least number of convolutions on a
        way from an input of the cell to its output. With ``1/4`` it correlates better with the accuracies of nb101
        and four of the seven tasks of transnas_micro, worse on tss.

    Returns
    -------
    BoundedScore
        Its bound is the weight of all convolutions times ``1 + r``: the best of spaces of any size are found by it.

    Raises
    ------
    BadInput
        If `m` is not a fraction from 0 to 1. When the score is used: if the space is not one of cells.

    Examples
    --------
    The input of this cell, (3/4, 1/4), reaches the output by a 3x3 pooling, which hands on (3/4, 1/36), and through a
    3x3 convolution, which hands on (3/4, 1/4) as it comes: together (3/2, 5/18). So C = 1 and H = 4 * (5/18) / (16/9)
    = 5/8. Nothing gets to node 1, so that the convolution of its value is not live.

    >>> import sedspace as ss
    >>> cell = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|skip_connect~2|"
    >>> index = ss.space("tss").parse(cell)
    >>> float(ss.score("tss", "propagated_sed", indices=[index])[0])
    0.625

    The fewest convolutions on a way, by the pooling, are none. Without it, they are one:

    >>> straight = ss.space("tss").parse(cell.replace("avg_pool_3x3", "none"))
    >>> [ss.score("tss", ss.propagated_sed(m), indices=[index, straight]).tolist() for m in ("0", "1/4")]
    [[0.625, 1.0], [0.625, 0.800000011920929]]
    """
    return BoundedScore(PropagatedScore(_m(m)), _Bound())


def propagated_scores(space: Space, parameters: Mapping[str, str]) -> Iterator[Score]:
    """Yield propagated SED, made with `m` if that is among the parameters, if the space is one of cells."""
    if isinstance(space, CellSpace | DartsSpace | Nb101Space):
        yield propagated_sed(parameters.get("m", "0"))
