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
        The node of the next layer that each kind of choice leads to.
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

    Positions that offer the same contributions are interchangeable, so it is a product of numbers of multisets; nor
    can there be more classes than values of the features.
    """
    packing, words = pack(tables)
    offers = [tuple(map(tuple, np.unique(word, axis=0).tolist())) for word in words]
    multisets = math.prod(
        math.comb(offers.count(offer) + len(offer) - 1, len(offer) - 1) for offer in dict.fromkeys(offers)
    )
    return min(multisets, packing.values())


def build(
    tables: Sequence[NDArray[np.int64]], limit: int, total: int = 1 << 26
) -> tuple[list[Layer], NDArray[np.int64]]:
    """Build the diagram of a space.

    Parameters
    ----------
    tables : non-empty sequence of int64[choices, features]
        For each position, the features of each choice. Sums must stay below 2^62.
    limit, total : int
        How many edges a layer may have, and the whole diagram.

    Returns
    -------
    diagram : list of Layer
    features : int64[classes, features]
        The distinct feature sums, one for each node after the last layer.

    Raises
    ------
    TooManyEdges
        If there would be more.
    """
    packing, words = pack(tables)
    sums = np.zeros((1, words[0].shape[1]), np.int64)
    diagram = []
    edges = 0
    kinds: dict[bytes, tuple[NDArray[np.intp], NDArray[np.intp]]] = {}
    for position, word in enumerate(words):
        if word.tobytes() not in kinds:  # positions are often alike
            kinds[word.tobytes()] = distinct(word)
        first, kind_of = kinds[word.tobytes()]
        edges += len(sums) * len(first)
        if len(sums) * len(first) > limit or edges > total:
            raise TooManyEdges(len(sums), position)
        raised = (sums[:, None, :] + word[None, first, :]).reshape(-1, word.shape[1])
        found, node_of = distinct(raised)
        child = node_of.astype(np.int32).reshape(len(sums), len(first))
        sums = raised[found]
        diagram.append(Layer(child, len(sums), len(word), np.bincount(kind_of), first, kind_of))
    return diagram, unpack(packing, sums)


def count(diagram: Sequence[Layer]) -> Exact:
    """Return the number of paths to each node after the last layer: exact[nodes]."""
    here: Exact = np.ones(1, np.int64)
    bound = 1
    for layer in diagram:
        bound *= layer.size
        dtype = exact(bound)
        flow: Exact = here.astype(dtype)[:, None] * layer.weight.astype(dtype)
        here = np.zeros(layer.nodes, dtype)
        np.add.at(here, layer.child.reshape(-1), flow.reshape(-1))
    return here


def least(diagram: Sequence[Layer]) -> Exact:
    """Return the lowest index of a path to each node after the last layer: exact[nodes]."""
    here: Exact = np.zeros(1, np.int64)
    bound = 1
    for layer in diagram:
        bound *= layer.size
        dtype = exact(bound)
        lowest: Exact = here.astype(dtype)[:, None] * layer.size + layer.first.astype(dtype)
        here = np.full(layer.nodes, bound, dtype)
        np.minimum.at(here, layer.child.reshape(-1), lowest.reshape(-1))
    return here


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
        onward: Exact = out[-1].astype(dtype)[layer.child]
        out.append((onward * layer.weight.astype(dtype)).sum(axis=1))
    return out[::-1]


def unrank(
    diagram: Sequence[Layer], onward: Sequence[Exact], ranks: Exact
) -> tuple[NDArray[np.intp], NDArray[np.integer], Exact]:
    """Walk to the architectures of given ranks in the order of their indices.

    Parameters
    ----------
    diagram : sequence of Layer
    onward : list of exact[nodes]
        What `count_onward` returns.
    ranks : exact[n]
        Each below ``onward[0][0]``.

    Returns
    -------
    digits : intp[n, positions]
    node : integer[n]
        Where each walk ends.
    rest : exact[n]
        The rank within the weight of that end.
    """
    digits = np.empty((len(ranks), len(diagram)), np.intp)
    node: NDArray[np.integer] = np.zeros(len(ranks), np.intp)
    rest = ranks
    for p, layer in enumerate(diagram):
        used, row = np.unique(node, return_inverse=True)
        upto = _upto(layer, onward[p + 1], used)
        digits[:, p] = _last_below(upto, row, rest)
        rest = rest - upto[row, digits[:, p]]
        node = layer.child[node, layer.kind_of[digits[:, p]]]
        rest = rest.astype(exact(int(onward[p + 1].max(initial=0))))
    return digits, node, rest


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
        Where each walk ends.
    """
    before: Exact = np.zeros(len(digits), exact(int(onward[0].max(initial=0))))
    node: NDArray[np.integer] = np.zeros(len(digits), np.intp)
    for p, layer in enumerate(diagram):
        used, row = np.unique(node, return_inverse=True)
        before = before + _upto(layer, onward[p + 1], used)[row, digits[:, p]]
        node = layer.child[node, layer.kind_of[digits[:, p]]]
    return before, node


def _upto(layer: Layer, onward: Exact, nodes: NDArray[np.integer]) -> Exact:
    """Return for some nodes the paths on by choices below each one, and last by all: exact[nodes, choices + 1]."""
    dtype = exact(int(onward.max(initial=0)) * layer.size)
    out: Exact = np.zeros((len(nodes), layer.size + 1), dtype)
    np.cumsum(onward[layer.child[nodes]][:, layer.kind_of].astype(dtype), axis=1, out=out[:, 1:])
    return out
