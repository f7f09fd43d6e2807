"""Entropy of whole networks of blocks, after DeepMAD (arXiv 2303.02165), and the E-score that is made of it.

Counted are the convolutions that the input goes through until the average of each channel is taken: stem, blocks and
head; not those of squeeze-and-excite and of shortcuts. Each has ``log(c k^2 / g)``, c its input channels, k its kernel,
g its groups. Logarithms are added up as multiples of 2^-32, so that sums are exact and the same in every order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.scores.additive import AdditiveScore, Trend
from sedspace.scores.base import Score
from sedspace.scores.stateful import StateScore
from sedspace.spaces.blocks import Block, ConvBlock, GlobalPool
from sedspace.spaces.parts import Table
from sedspace.spaces.stages import StagesSpace, is_block

_ONE = 1 << 32  # in it, logarithms are integers
_MOST = 700.0  # exp of more is no float64
BETA = 10
"""How much depths that vary take from the E-score."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def network_entropy_scores(space: StagesSpace) -> Iterator[Score]:
    """Yield the scores of a space of networks of blocks.

    - ``entropy``: ``log(r^2 c) * sum of log(c_i k_i^2 / g_i)``, r and c resolution and channels of what the average of
      each channel is taken of.
    - ``effectiveness``: rho, the number of those convolutions over the geometric mean of ``c_i k_i^2 / g_i``. As a
      multiple of 2^-32, so that ``effectiveness <= 0.5`` can be a bound.
    - ``e_score`` (Nguyen and Han, Electronics 13(16) 3325, 2024): ``sum over stages of H - 10 Q``. H is the entropy of
      one stage by its own resolution, channels and blocks, ``Q = exp(variance of the stages' numbers of layers)``;
      skips are no layers. What the paper adds to it, the Zen-score, needs a network.
    """
    layers_base, layers = space.sum_of(_layers)
    logs_base, logs = space.sum_of(_logs)
    pooled_base, pooled = space.sum_of(_pooled)

    def entropy(logs: Counts, pooled: Counts) -> Floats:
        scale: Floats = np.log(np.maximum(pooled + pooled_base, 1))
        return scale * (logs + logs_base) / _ONE

    def effectiveness(layers: Counts, logs: Counts) -> Counts:
        counted, total = layers + layers_base, (logs + logs_base) / _ONE
        mean = np.exp(np.minimum(total / np.maximum(counted, 1), _MOST))
        return np.rint(counted / mean * _ONE).astype(np.int64)

    yield AdditiveScore(
        "entropy",
        {"logs": list(logs), "pooled": list(pooled)},
        entropy,
        dtype="float64",
        unit="nats^2",
        meaning="entropy of the network: log(r^2 c) * sum of log(c k^2 / g) over its convolutions",
        per_group=False,
        monotone=["rises", "rises"],
    )
    yield AdditiveScore(
        "effectiveness",
        {"layers": list(layers), "logs": list(logs)},
        effectiveness,
        dtype="float64",
        denominator=_ONE,
        unit="1",
        meaning="DeepMAD's rho: convolutions over the geometric mean of c k^2 / g",
        per_group=False,
        monotone=["never falls", "never rises"],
    )
    yield _e_score(space)


def _pooled(block: Block) -> int:
    return block.channels * block.side**2 if isinstance(block, GlobalPool) else 0


def _logarithms(block: Block) -> list[float]:
    """Return the logarithms of a block's convolutions; none of one that is behind the average of each channel."""
    if not isinstance(block, ConvBlock) or (block.stage == 0 and block.side == 1):
        return []
    return [math.log(conv.c_in // conv.groups * conv.kernel**2) for conv in block.convolutions]


def _layers(block: Block) -> int:
    return len(_logarithms(block))


def _logs(block: Block) -> int:
    return round(sum(_logarithms(block)) * _ONE)


def _stage_entropy(block: Block) -> int:
    if not isinstance(block, ConvBlock) or block.stage == 0:
        return 0
    return round(math.log(block.out_side**2 * block.c_out) * sum(_logarithms(block)) * _ONE)


def _depth(space: StagesSpace, stage: int) -> tuple[int, Table]:
    return space.sum_of(lambda block: int(is_block(block) and block.stage == stage))


DEPTHS = 1 << 18  # steps by state and depth so far, of a machine that is made for the E-score


def _e_score(space: StagesSpace) -> AdditiveScore:
    base, table = space.sum_of(_stage_entropy)
    depths = [_depth(space, stage) for stage in range(1, space.stages + 1)]

    def value(entropy: Counts, total: Counts, square: Counts) -> Floats:
        variance = square / len(depths) - (total / len(depths)) ** 2
        out: Floats = (entropy + base) / _ONE - BETA * np.exp(np.minimum(variance, _MOST))
        return out

    def by_sums(entropy: Counts, total: Counts, square: Counts) -> Floats:
        return value(entropy, total + sum(own for own, _ in depths), square + sum(own * own for own, _ in depths))

    def by_depths(entropy: Counts, *layers: Counts) -> Floats:
        whole = np.stack([one + own for one, (own, _) in zip(layers, depths, strict=True)])
        return value(entropy, whole.sum(axis=0), (whole**2).sum(axis=0))

    said: dict[str, Any] = {
        "dtype": "float64",
        "unit": "nats^2",
        "meaning": f"E-score: sum over stages of log(r^2 c) * sum of log(c k^2 / g), less {BETA} exp(variance of "
        "depths)",
    }
    trends: list[Trend] = ["rises", "rises", "falls"]
    total = [sum(rows[1:], rows[0]) for rows in zip(*(rows for _, rows in depths), strict=True)]
    known = [one for one in (_squares(space, *depth) for depth in depths) if one is not None]
    if len(known) == len(depths):
        square = [sum(rows[1:], rows[0]) for rows in zip(*known, strict=True)]
        features = {"entropy": list(table), "layers": total, "squares": square}
        return AdditiveScore("e_score", features, by_sums, **said, per_group=False, monotone=trends)
    counted = _Counted(space, depths)
    if counted.size <= DEPTHS:
        adds = {"entropy": counted.of(table), "layers": counted.of(total), "squares": counted.squares}
        return StateScore("e_score", adds, by_sums, begin=counted.begin, step=counted.step, **said, monotone=trends)
    features = {"entropy": list(table)} | {f"layers_{n}": list(rows) for n, (_, rows) in enumerate(depths, start=1)}
    return AdditiveScore("e_score", features, by_depths, **said, per_group=False)


_At = tuple[int, tuple[int, ...]]
"""A state of the space's machine, and the depth so far of each stage that goes on; 0 of the others."""


class _Counted:
    """What knows the depths so far, where a stage's layers are decided one by one.

    Parameters
    ----------
    space : StagesSpace
    depths : sequence of tuple of int and Table
        Of each stage.
    """

    def __init__(self, space: StagesSpace, depths: Sequence[tuple[int, Table]]) -> None:
        self._steps = _steps(space)
        self._depths = [rows for _, rows in depths]
        self._last = [max((p for p, row in enumerate(rows) if row.any()), default=-1) for rows in self._depths]
        self.begin: _At = (
            0,
            tuple(base if last >= 0 else 0 for (base, _), last in zip(depths, self._last, strict=True)),
        )
        deepest = max(base + sum(int(row.max()) for row in rows) for base, rows in depths)
        self.size = sum(step.size for step in self._steps) * (deepest + 1)

    def step(self, at: Any, position: int, choice: int) -> _At | None:
        """Return the state that a choice leads to."""
        state = int(self._steps[position][at[0], choice])
        pairs = zip(self._after(at, position, choice), self._last, strict=True)
        return None if state < 0 else (state, tuple(depth if position < last else 0 for depth, last in pairs))

    def of(self, table: Sequence[ArrayLike]) -> Callable[[_At, int, int], int]:
        """Return the function that reads a table."""
        rows = [np.broadcast_to(row, step.shape) for row, step in zip(table, self._steps, strict=True)]
        return lambda at, position, choice: int(rows[position][at[0], choice])

    def squares(self, at: _At, position: int, choice: int) -> int:
        """Return what a choice adds to the sum of the squares of the depths."""
        pairs = zip(self._after(at, position, choice), at[1], strict=True)
        return sum(after**2 - before**2 for after, before in pairs)

    def _after(self, at: _At, position: int, choice: int) -> list[int]:
        rows = [table[position] for table in self._depths]
        added = [int(row[at[0], choice] if row.ndim == 2 else row[choice]) for row in rows]
        return [depth + one for depth, one in zip(at[1], added, strict=True)]


def _steps(space: StagesSpace) -> list[NDArray[np.int32]]:
    """Return the steps of a space's machine, of one state if it has none."""
    machine = space.feature_machine
    return machine.steps if machine else [np.zeros((1, radix), np.int32) for radix in space.radices.tolist()]


def _squares(space: StagesSpace, base: int, table: Table) -> list[NDArray[np.int64]] | None:
    """Return what choices add to the square of a sum; None if that depends on more than the state they are made in.

    The sum so far is carried from state to state, its least and its most: where they are the same, it is known.
    """
    steps = _steps(space)
    least = most = np.full(len(steps[0]), base, np.int64)
    out = []
    for step, row in zip(steps, table, strict=True):
        added = np.broadcast_to(row, step.shape)
        if np.any((least != most)[:, None] & (added != 0) & (step >= 0)):
            return None
        squares = (least[:, None] + added) ** 2 - least[:, None] ** 2
        out.append(squares if space.feature_machine else squares[0])
        states = int(step.max(initial=0)) + 1
        on, led = np.nonzero(step >= 0)[0], step[step >= 0]
        raised = added[step >= 0]
        after = np.full(states, np.iinfo(np.int64).max), np.full(states, np.iinfo(np.int64).min)
        np.minimum.at(after[0], led, least[on] + raised)
        np.maximum.at(after[1], led, most[on] + raised)
        least, most = after
    return out
