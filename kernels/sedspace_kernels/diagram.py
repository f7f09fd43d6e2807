"""Whole spaces as diagrams: what has been chosen so far matters only through its feature sums.

The diagrams are multi-valued decision diagrams (T. Kam, T. Villa, R. Brayton, A. Sangiovanni-Vincentelli: Multi-valued
decision diagrams: theory and applications. Multiple-Valued Logic 4, 1998) with one layer per position, whose ends are
not true and false but the feature sums that occur. They are built from the first layer on: ways to begin are one node
if their sums are equal.

A node of layer p stands for all ways to fill the positions before p that have the same feature sums; an edge for the
choices at p that add the same. So a space of 10^18 architectures is a few thousand nodes, and one pass over its layers
counts the architectures of every class, finds the lowest index of each, or, from the end, makes it possible to walk
straight to the i-th member of any set of classes in the order of their indices.

All numbers are exact: int64 where that suffices, else Python integers in arrays of dtype object.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.tables import distinct, pack, unpack

Exact = NDArray[np.int64] | NDArray[np.object_]
"""Exact numbers: int64, or Python integers (dtype object) where they may not fit."""

_EXACT = 1 << 62
_AT_ONCE = 1 << 20
_FEW_CHOICES = 64


@dataclass(frozen=True)
class Layer:
    """One position of a diagram.

    Attributes
    ----------
    child : int32[nodes, kinds]
        The node of the next layer that each kind of choice leads to; -1 if there is no such architecture.
    nodes : int
        The number of nodes of the next layer.
    size : int
        The number of choices.
    weight, first : exact[kinds]
        How many choices are of each kind, and the lowest of them.
    kind_of : integer[choices]
        The kind of each choice.
    """

    child: NDArray[np.int32]
    nodes: int
    size: int
    weight: Exact
    first: Exact
    kind_of: NDArray[np.integer]


class TooManyEdges(Exception):
    """A diagram outgrew its limit: `classes` different feature sums after `positions` positions."""

    def __init__(self, classes: int, positions: int) -> None:
        super().__init__(classes, positions)
        self.classes, self.positions = classes, positions


def exact(bound: int) -> type[np.int64] | type[object]:
    """Return the dtype that holds integers up to a bound."""
    return np.int64 if bound < _EXACT else object


def sums_by(group_of: NDArray[np.integer], numbers: Exact, groups: int) -> Exact:
    """Return the sum of exact numbers in each group: exact[groups]."""
    total: Exact = np.zeros(groups, np.int64 if numbers.dtype == np.int64 else object)
    np.add.at(total, group_of, numbers)
    return total


def most_classes(tables: Sequence[NDArray[np.int64]]) -> int:
    """Return a number that the classes of equal feature sums cannot exceed, without finding them.

    Whatever the states. Positions that offer the same contributions are interchangeable, so it is a product of numbers
    of multisets; nor can there be more classes than values of the features.
    """
    packing, words = pack([table.reshape(-1, table.shape[-1]) for table in tables])
    offers = [tuple(map(tuple, np.unique(word, axis=0).tolist())) for word in words]
    multisets = math.prod(
        math.comb(offers.count(offer) + len(offer) - 1, len(offer) - 1) for offer in dict.fromkeys(offers)
    )
    return min(multisets, packing.values())


def build(
    tables: Sequence[NDArray[np.int64]],
    limit: int,
    total: int = 1 << 26,
    steps: Sequence[NDArray[np.int32]] | None = None,
) -> tuple[list[Layer], NDArray[np.int64]]:
    """Build the diagram of a space.

    Parameters
    ----------
    tables : non-empty sequence of int64[choices, features], or of int64[states, choices, features]
        For each position, the features of each choice; with `steps`, by the state that the choice is made in. Sums must
        stay below 2^62.
    limit, total : int
        How many edges a layer may have, and the whole diagram.
    steps : sequence of int32[states, choices], optional
        For each position, the state that each choice leads to from each state, -1 where there is no such architecture.
        Every state of the first position is one to begin in. Default: one state, which all choices keep.

    Returns
    -------
    diagram : list of Layer
    features : int64[classes, features]
        The distinct feature sums, one for each node after the last layer; with `steps`, of each state there.

    Raises
    ------
    TooManyEdges
        If there would be more.
    """
    if steps is None:
        tables = [table[None] for table in tables]
        steps = [np.zeros(table.shape[:2], np.int32) for table in tables]
    packing, flat = pack([table.reshape(-1, table.shape[2]) for table in tables])
    words = [word.reshape(*step.shape, -1) for word, step in zip(flat, steps, strict=True)]
    state = np.arange(len(steps[0]))
    sums = np.zeros((len(state), words[0].shape[2]), np.int64)
    diagram = []
    edges = 0
    known: dict[tuple[object, ...], tuple[NDArray[np.intp], NDArray[np.intp]]] = {}
    for position, (word, step) in enumerate(zip(words, steps, strict=True)):
        seen = step.shape, word.tobytes(), step.tobytes()
        if seen not in known:  # positions are often alike
            known[seen] = kinds(word, step)
        first, kind_of = known[seen]
        edges += len(sums) * len(first)
        if len(sums) * len(first) > limit or edges > total:
            raise TooManyEdges(len(sums), position)
        child, state, sums = _onto(state, sums, word[:, first], step[:, first])
        diagram.append(Layer(child, len(sums), word.shape[1], np.bincount(kind_of), first, kind_of))
    return diagram, unpack(packing, sums)


def kinds(word: NDArray[np.int64], step: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each kind of choice first stands, and each one's kind: by what it adds and where it leads."""
    if _is_stateless(step):
        return distinct(word[0])
    led = np.concatenate([step[:, :, None], word], axis=2)
    _, first, kind_of = np.unique(
        led.swapaxes(0, 1).reshape(step.shape[1], -1), axis=0, return_index=True, return_inverse=True
    )
    return first, kind_of.reshape(-1)


def _is_stateless(step: NDArray[np.int32]) -> bool:
    return len(step) == 1 and not step.any()


def _onto(
    state: NDArray[np.intp], sums: NDArray[np.int64], word: NDArray[np.int64], step: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.int64]]:
    """Return the children of nodes, each a state and sums, and the states and sums of the nodes that these are."""
    nodes, kinds, width = len(sums), word.shape[1], word.shape[2]
    if _is_stateless(step):
        raised = (sums[:, None, :] + word).reshape(-1, width)
        found, node_of = distinct(raised)
        return node_of.astype(np.int32).reshape(nodes, kinds), np.zeros(len(found), np.intp), raised[found]
    child: NDArray[np.int32] = np.full(nodes * kinds, -1, np.int32)
    reached = step[state].reshape(-1)
    goes_on = np.flatnonzero(reached >= 0)
    raised = (sums[:, None, :] + word[state]).reshape(-1, width)[goes_on]
    led: NDArray[np.intp] = reached[goes_on].astype(np.intp)
    found, node_of = distinct(np.concatenate([led[:, None], raised], axis=1))
    child[goes_on] = node_of
    return child.reshape(nodes, kinds), led[found], raised[found]


def count(diagram: Sequence[Layer]) -> Exact:
    """Return the number of paths to each node after the last layer: exact[nodes]."""
    here: Exact = np.ones(len(diagram[0].child), np.int64)
    bound = len(here)
    for layer in diagram:
        bound *= layer.size
        dtype = exact(bound)
        flow: Exact = here.astype(dtype)[:, None] * layer.weight.astype(dtype)
        here = np.zeros(layer.nodes, dtype)
        ends, on = _ends(layer)
        np.add.at(here, ends, flow.reshape(-1)[on])
    return here


def least(diagram: Sequence[Layer]) -> Exact:
    """Return the lowest index of a path to each node after the last layer: exact[nodes]."""
    here: Exact = np.zeros(len(diagram[0].child), np.int64)
    bound = 1
    for layer in diagram:
        bound *= layer.size
        dtype = exact(bound)
        lowest: Exact = here.astype(dtype)[:, None] * layer.size + layer.first.astype(dtype)
        here = np.full(layer.nodes, bound, dtype)
        ends, on = _ends(layer)
        np.minimum.at(here, ends, lowest.reshape(-1)[on])
    return here


def _ends(layer: Layer) -> tuple[NDArray[np.int32], NDArray[np.intp] | slice]:
    """Return the nodes that the edges of a layer lead to, and which edges these are: not those that lead nowhere."""
    ends = layer.child.reshape(-1)
    if ends.min(initial=0) >= 0:
        return ends, slice(None)
    on = np.flatnonzero(ends >= 0)
    return ends[on], on


def count_onward(diagram: Sequence[Layer], weights: Exact) -> list[Exact]:
    """Return the number of paths on from every node, when the ends count as given.

    Parameters
    ----------
    diagram : sequence of Layer
    weights : exact[nodes after the last layer]

    Returns
    -------
    list of exact[nodes]
        One array per layer, and last `weights` themselves.
    """
    out = [weights]
    for layer in reversed(diagram):
        dtype = exact(int(out[-1].max(initial=0)) * layer.size)
        onward = _onward(out[-1].astype(dtype), layer.child)
        out.append((onward * layer.weight.astype(dtype)).sum(axis=1))
    return out[::-1]


def _onward(onward: Exact, child: NDArray[np.int32]) -> Exact:
    """Return the paths on from children, 0 from those that are none."""
    if not len(onward):
        onward = onward.copy()
        onward.resize(1)
    out: Exact = onward[child]
    if child.min(initial=0) < 0:
        out[child < 0] = 0
    return out


def unrank(
    diagram: Sequence[Layer], onward: Sequence[Exact], ranks: Exact
) -> tuple[NDArray[np.intp], NDArray[np.integer], Exact]:
    """Walk to the architectures of given ranks in the order of their indices.

    Where there are several nodes to begin in, all of them are walked from side by side: each architecture must be on
    one path only.

    Parameters
    ----------
    diagram : sequence of Layer
    onward : list of exact[nodes]
        What `count_onward` returns.
    ranks : exact[n]
        Each below the sum of ``onward[0]``.

    Returns
    -------
    digits : intp[n, positions]
    node : integer[n]
        Where each walk ends.
    rest : exact[n]
        The rank within the weight of that end.
    """
    digits = np.empty((len(ranks), len(diagram)), np.intp)
    node = _beginnings(diagram, len(ranks))
    rest = ranks
    for p, layer in enumerate(diagram):
        used, row = _different(node)
        upto = _upto(layer, onward[p + 1], used)
        digits[:, p] = _last_below(upto, row, rest)
        rest = rest - upto[row, digits[:, p]]
        node = _follow(layer, node, digits[:, p])
        rest = rest.astype(exact(int(onward[p + 1].max(initial=0)) * node.shape[1]))
    return digits, node.max(axis=1), rest


def unrank_range(
    diagram: Sequence[Layer], onward: Sequence[Exact], start: int, stop: int, out: NDArray[np.unsignedinteger]
) -> None:
    """Write the digits of all architectures from one rank up to another, as `unrank` finds them.

    In order: what many of them begin with is walked once.

    Parameters
    ----------
    diagram : sequence of Layer
    onward : list of exact[nodes]
        What `count_onward` returns; all ends count 1 or 0.
    start, stop : int
    out : unsigned integer[stop - start, positions]
    """
    node = _beginnings(diagram, 1)
    first, last = (np.array([rank], exact(stop)) for rank in (start, stop))  # of each way to begin: which of its ranks
    for p, layer in enumerate(diagram):
        used, row = _different(node)
        upto = _upto(layer, onward[p + 1], used)[row]
        lowest = np.maximum(first[:, None], upto[:, :-1]) - upto[:, :-1]
        highest = np.minimum(last[:, None], upto[:, 1:]) - upto[:, :-1]
        way, digit = np.nonzero(lowest < highest)
        dtype = exact(int(onward[p + 1].max(initial=0)) * node.shape[1])
        first, last = lowest[way, digit].astype(dtype), highest[way, digit].astype(dtype)
        node = _follow(layer, node[way], digit)
        out[:, p] = np.repeat(digit.astype(out.dtype), (last - first).astype(np.intp))


def _beginnings(diagram: Sequence[Layer], walks: int) -> NDArray[np.int32]:
    """Return the nodes that each walk begins in: int32[walks, nodes of the first layer]."""
    return np.tile(np.arange(len(diagram[0].child), dtype=np.int32), (walks, 1))


def _different(node: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return the different rows of nodes, and which of them each row is."""
    if node.shape[1] == 1:
        used, row = np.unique(node[:, 0], return_inverse=True)
        return used[:, None], row
    used, row = np.unique(node, axis=0, return_inverse=True)
    return used, row.reshape(-1)


def _follow(layer: Layer, node: NDArray[np.int32], digits: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return where choices lead from rows of nodes; nowhere is -1, and stays so."""
    child = layer.child[node, layer.kind_of[digits][:, None]]
    return np.where(node < 0, np.int32(-1), child) if node.shape[1] > 1 or node.min(initial=0) < 0 else child


def _last_below(upto: Exact, row: NDArray[np.intp], rest: Exact) -> NDArray[np.intp]:
    """Return for each entry of `rest` how many numbers of its row, but the first, are not beyond it."""
    out = np.empty(len(row), np.intp)
    if upto.shape[1] > _FEW_CHOICES:
        order = np.argsort(row, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(row[order])) + 1):
            if len(part):
                out[part] = np.searchsorted(upto[row[part[0]], 1:], rest[part], side="right")
        return out
    step = max(1, _AT_ONCE // upto.shape[1])
    for lo in range(0, len(row), step):
        some = slice(lo, lo + step)
        out[some] = (upto[row[some], 1:] <= rest[some, None]).sum(axis=1)
    return out


def rank(
    diagram: Sequence[Layer], onward: Sequence[Exact], digits: NDArray[np.integer]
) -> tuple[Exact, NDArray[np.integer]]:
    """Return how much lies before each architecture: the inverse of `unrank`.

    Parameters
    ----------
    diagram : sequence of Layer
    onward : list of exact[nodes]
        What `count_onward` returns.
    digits : integer[n, positions]

    Returns
    -------
    before : exact[n]
        The weight of all ends with a lower index, whether or not the architecture itself leads to one that counts.
    node : integer[n]
        Where each walk ends; -1 if there is no such architecture.
    """
    node = _beginnings(diagram, len(digits))
    before: Exact = np.zeros(len(digits), exact(int(onward[0].max(initial=0)) * node.shape[1]))
    for p, layer in enumerate(diagram):
        used, row = _different(node)
        before = before + _upto(layer, onward[p + 1], used)[row, digits[:, p]]
        node = _follow(layer, node, digits[:, p])
    return before, node.max(axis=1)


def _upto(layer: Layer, onward: Exact, nodes: NDArray[np.int32]) -> Exact:
    """Return for rows of nodes the paths on by choices below each one, and last by all: exact[rows, choices + 1]."""
    dtype = exact(int(onward.max(initial=0)) * layer.size * nodes.shape[1])
    out: Exact = np.zeros((len(nodes), layer.size + 1), dtype)
    paths = _onward(onward, layer.child[nodes]).astype(dtype)
    paths[nodes < 0] = 0
    np.cumsum(paths.sum(axis=1)[:, layer.kind_of], axis=1, out=out[:, 1:])
    return out
