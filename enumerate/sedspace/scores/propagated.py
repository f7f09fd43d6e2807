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

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Keys, Score
from sedspace.scores.bounded import BoundedScore
from sedspace.scores.one_by_one import OneByOne
from sedspace.scores.wiring import Wiring, has_wirings, wirings_of
from sedspace.spaces import Operation, Space
from sedspace.spaces.parts import Digits
from sedspace_kernels.parallel import split
from sedspace_kernels.propagated import values_of_cells

_MOST_CELLS = 20  # of a network that has several kinds of them, each so often: those of darts
_GRAIN = 1 << 14  # cells that are worth a thread


def quarters(operation: Operation) -> int:
    """Return what a convolution weighs, in quarters: 4, or 1 if it is 1x1 or dilated; 0 for anything else."""
    if operation.kind != "conv":
        return 0
    return 4 if operation.kernel > 1 and operation.dilation == 1 else 1


class _Cells:
    """What the kernel is told of the cells of a wiring."""

    def __init__(self, wiring: Wiring) -> None:
        self.multiplicity, self._wiring = wiring.multiplicity, wiring
        self._sources, self._targets = wiring.sources, wiring.targets
        self._divisors, self._weights = np.zeros(wiring.shape), np.zeros(wiring.shape, np.int64)
        self._residuals = np.zeros(wiring.shape, np.int64)
        for e, edge in enumerate(wiring.edges):
            for choice, operation in enumerate(edge.operations):
                if operation.kind != "none":
                    self._divisors[e, choice] = operation.kernel**2 if operation.kind == "pool" else 1
                self._weights[e, choice] = quarters(operation)
                self._residuals[e, choice] = edge.is_residual and operation.kind == "skip"

    def values(self, digits: Digits, m: float) -> NDArray[np.float64]:
        """Return the propagated SED of each cell."""
        inputs, chosen = self._wiring.inputs, np.ascontiguousarray(self._wiring.chosen(digits))
        out = np.empty(len(digits))
        values_of_cells(
            chosen, self._sources, self._targets, inputs, self._divisors, self._weights, self._residuals, m, out
        )
        return out


@lru_cache(maxsize=16)
def _cells_of(space: Space) -> list[_Cells]:
    return [_Cells(wiring) for wiring in wirings_of(space)]


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
        if not cells:
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
            {"weights": quarters, "residual": "residual"},
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
    if has_wirings(space):
        yield propagated_sed(parameters.get("m", "0"))
