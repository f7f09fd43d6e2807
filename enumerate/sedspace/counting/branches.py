"""Branches of a request: in each, all sums of the objective but one are the same, so that what is left is a knapsack.

Branch and bound over, say, the depths of a network's stages; with them given, there is less to remember, too. How good
a branch can be at most is told by a Lagrangian relaxation: a budget is not kept to but paid for, at a price at which
the best of what is relaxed is just within it. Whatever the prices are, the bound holds. See A. M. Geoffrion: Lagrangean
relaxation for integer programming. Mathematical Programming Study 2, 1974.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.contracted import Contracted
from sedspace.counting.labels import Columns, Labels, Sums
from sedspace.scores.base import Keys
from sedspace_kernels.machine import trimmed
from sedspace_kernels.tables import distinct

BRANCHES = 1 << 14  # at most
ALIKE = 1 << 5  # of them at most may seem best
_NODES = 1 << 23  # steps from node to node of a relaxation
_ROUNDS, _HALVINGS = 2, 12  # of each budget's price


@dataclass(frozen=True)
class Branch:
    """Some of the ways through a machine.

    Attributes
    ----------
    bound : int or float
        That none of them is better than: as a search has keys, less is better.
    allowed : list of bool[choices]
        The choices of each block.
    """

    bound: int | float
    allowed: list[NDArray[np.bool_]]


def branches(columns: Columns, machine: Contracted) -> list[Branch] | None:
    """Return the branches that may hold anything within the bounds; None if they would be too many, or too much alike.

    Told apart is by the sums of the objective, all but the one of most values, as far as they do not depend on the
    state; and by the last of positions that are taken together, since there are many states between them.
    """
    objective = columns.parts[0]
    if len(objective.groups) > 1 or not len(trimmed(machine.steps)[0][0]):
        return None
    tables = [table[..., objective.sums] for table in machine.tables]
    levels = [sum(np.log(len(np.unique(table[..., c]))) for table in tables) for c in range(objective.width)]
    main = int(np.argmax(levels))
    known = []
    for block, (step, table) in enumerate(zip(machine.steps, tables, strict=True)):
        if (kinds := _kinds(step, np.delete(table, main, -1), machine.last_digits(block))) is None:
            return None
        known.append(kinds)
    tree = _Tree.of(machine, known)
    if tree is None or len(tree.which) < 2:
        return None
    found = list(_Relaxed(columns, machine, known, tree, objective.sums.start + main).branches())
    best = min((branch.bound for branch in found), default=0)
    return found if sum(branch.bound == best for branch in found) <= ALIKE else None


def _kinds(step: NDArray[np.int32], added: Labels, last: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Return the kind of each choice by what it adds and its last digit; None if what it adds depends on the state."""
    exists = step >= 0
    one = added[exists.argmax(axis=0), np.arange(step.shape[1])]
    if (exists & (added != one).any(axis=-1)).any():
        return None
    return distinct(np.column_stack([last, one]))[1]


class _Edges:
    """The different steps of a block by state, kind and what they lead to, and of each the choices that make it."""

    def __init__(self, step: NDArray[np.int32], table: Labels, kinds: NDArray[np.intp]) -> None:
        state, choice = np.nonzero(step >= 0)
        led = step[state, choice].astype(np.int64)
        code = (state * (int(kinds.max()) + 1) + kinds[choice]) * (int(led.max()) + 1) + led
        order = np.argsort(code, kind="stable")
        self.starts = np.flatnonzero(np.diff(code[order], prepend=-1))
        first = order[self.starts]
        self.state, self.kind, self.led = state[first], kinds[choice[first]], led[first]
        self.rows = table[state[order], choice[order]]

    def costs(self, prices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the least that each costs at some prices of the columns."""
        return np.asarray(np.minimum.reduceat(self.rows @ prices, self.starts))

    def cheapest(self, edge: int, prices: NDArray[np.int64]) -> Labels:
        """Return what the cheapest choice of one adds."""
        stop = self.starts[edge + 1] if edge + 1 < len(self.starts) else len(self.rows)
        rows = self.rows[self.starts[edge] : stop]
        return np.asarray(rows[np.argmin(rows @ prices)])


@dataclass(frozen=True)
class _Steps:
    """From the nodes before a block to those behind it: sorted by the latter, of which each begins at `starts`."""

    node: NDArray[np.intp]
    edge: NDArray[np.intp]
    starts: NDArray[np.intp]


@dataclass(frozen=True)
class _Tree:
    """All branches, block by block: a node is what was chosen so far, as kinds, and a state.

    Attributes
    ----------
    edges : list of _Edges
    steps : list of _Steps
    which : intp[branches, blocks]
        The kinds of each branch.
    """

    edges: list[_Edges]
    steps: list[_Steps]
    which: NDArray[np.intp]

    @classmethod
    def of(cls, machine: Contracted, kinds: Sequence[NDArray[np.intp]]) -> _Tree | None:
        """Return the tree; None if it is too large."""
        state = np.arange(len(machine.steps[0]))
        prefix, which = np.zeros(len(state), np.intp), np.zeros((1, 0), np.intp)
        edges, steps = [], []
        for step, table, kind in zip(machine.steps, machine.tables, kinds, strict=True):
            own = _Edges(step, table, kind)
            begins = np.searchsorted(own.state, np.arange(len(step) + 1))
            number = np.diff(begins)[state]
            if number.sum() > _NODES:
                return None
            node = np.repeat(np.arange(len(state)), number)
            edge = np.arange(len(node)) + np.repeat(begins[state] - (np.cumsum(number) - number), number)
            before = prefix[node]
            first, prefix = distinct(np.stack([before, own.kind[edge]], axis=1))
            if len(first) > BRANCHES:
                return None
            which = np.concatenate([which[before[first]], own.kind[edge[first], None]], axis=1)
            code = prefix * (int(own.led.max()) + 1) + own.led[edge]
            order = np.argsort(code, kind="stable")
            starts = np.flatnonzero(np.diff(code[order], prepend=-1))
            prefix, state = prefix[order[starts]], own.led[edge[order[starts]]]
            edges.append(own)
            steps.append(_Steps(node[order], edge[order], starts))
        return cls(edges, steps, which)


class _Relaxed:
    """What each branch costs at least: the more prices of budgets are tried, the more of it is known."""

    def __init__(
        self, columns: Columns, machine: Contracted, kinds: Sequence[NDArray[np.intp]], tree: _Tree, main: int
    ) -> None:
        self._objective, self._kinds, self._tree, self._main = columns.parts[0], kinds, tree, main
        bounds = [part for part in columns.bounds if part.stop - part.sums.start == 1]
        self._most = {part.sums.start: _most(columns, part, machine) for part in bounds}
        self._labels = np.zeros((len(tree.which), len(columns.strict)), np.int64)
        for block, (step, table, kind) in enumerate(zip(machine.steps, machine.tables, kinds, strict=True)):
            choice = np.unique(kind, return_index=True)[1][tree.which[:, block]]
            state = (step >= 0).argmax(axis=0)[choice]
            self._labels[:, self._objective.sums] += table[state, choice][:, self._objective.sums]
        self._least = np.full(len(tree.which), np.iinfo(np.int64).min)
        self._possible = np.ones(len(tree.which), np.bool_)

    def branches(self) -> Iterator[Branch]:
        """Yield what may hold anything, with bounds at good prices."""
        for column, most in self._most.items():
            self._possible &= self._values(self._prices(0, {column: 1}))[-1] <= most
        self._tighten()
        keys = self._keys(self._least)
        for row in np.flatnonzero(self._possible).tolist():
            which = self._tree.which[row]
            yield Branch(keys[row].item(), [kind == one for kind, one in zip(self._kinds, which, strict=True)])

    def _tighten(self) -> None:
        """Try prices: of one budget after the other, halving the range that the best price is in."""
        prices = dict.fromkeys(self._most, 0)
        self._of_best(prices)
        for _ in range(_ROUNDS if len(prices) > 1 else 1):
            for column, most in self._most.items():
                lo, hi = 0, self._highest(column)
                prices[column] = 0
                if self._of_best(prices)[column] <= most:
                    continue
                for _ in range(_HALVINGS):
                    prices[column] = (lo + hi) // 2
                    lo, hi = (lo, prices[column]) if self._of_best(prices)[column] <= most else (prices[column], hi)
                prices[column] = hi

    def _highest(self, column: int) -> int:
        """Return a price of a budget at which all of it costs more than there is to gain; less if int64 needs it."""
        gain = sum(int(np.ptp(edges.rows[:, self._main])) for edges in self._tree.edges)
        reach = sum(int(np.abs(edges.rows[:, column]).max()) for edges in self._tree.edges)
        return min(gain // max(abs(self._most[column]), 1) + 1, (1 << 60) // (reach * len(self._most) + 1))

    def _of_best(self, prices: dict[int, int]) -> Labels:
        """Take in what branches cost at least at some prices; return the sums of the best way of all branches."""
        weights = self._prices(1, prices)
        values = self._values(weights)
        paid = sum(price * self._most[column] for column, price in prices.items())
        self._least = np.maximum(self._least, values[-1] - paid)
        keys = np.where(self._possible, self._keys(values[-1] - paid), np.inf)
        node, total = int(np.argmin(keys)), np.zeros(len(weights), np.int64)
        for edges, steps, before in zip(self._tree.edges[::-1], self._tree.steps[::-1], values[-2::-1], strict=True):
            stop = steps.starts[node + 1] if node + 1 < len(steps.starts) else len(steps.node)
            into = slice(int(steps.starts[node]), int(stop))
            costs = np.array([edges.cheapest(edge, weights) @ weights for edge in steps.edge[into].tolist()])
            row = into.start + int(np.argmin(before[steps.node[into]] + costs))
            total, node = total + edges.cheapest(int(steps.edge[row]), weights), int(steps.node[row])
        return total

    def _prices(self, main: int, prices: dict[int, int]) -> NDArray[np.int64]:
        out = np.zeros(self._labels.shape[1], np.int64)
        out[self._main] = main
        out[list(prices)] = list(prices.values())
        return out

    def _values(self, weights: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return the least cost of the ways to each node, before each block and behind the last."""
        out = [np.zeros(1 + int(self._tree.steps[0].node.max()), np.int64)]
        for edges, steps in zip(self._tree.edges, self._tree.steps, strict=True):
            ways = out[-1][steps.node] + edges.costs(weights)[steps.edge]
            out.append(np.minimum.reduceat(ways, steps.starts))
        return out

    def _keys(self, least: NDArray[np.int64]) -> Keys:
        """Return the keys of branches whose last sum is as good as it can be, less is better."""
        labels = self._labels.copy()
        labels[:, self._main] = least
        aim = self._objective.aim
        return -aim.sign * aim.score.comparable(self._objective.keys(labels, []))


def _most(columns: Columns, part: Sums, machine: Contracted) -> int:
    """Return the most of a bound's only sum that keeps to it."""
    column = part.sums.start
    reach = sum(int(np.abs(table[..., column]).max()) for table in machine.tables)
    lo, hi = -reach - 1, reach
    while lo < hi:
        labels = np.zeros((1, len(columns.strict)), np.int64)
        labels[0, column] = middle = -(-(lo + hi) // 2)
        lo, hi = (middle, hi) if part.reach(labels, [0])[0] else (lo, middle - 1)
    return lo
