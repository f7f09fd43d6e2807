"""The diagrams of a space by some scores: what its architectures' classes are counted and walked with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores import AdditiveScore, Score
from sedspace.scores.base import Keys
from sedspace.spaces import Space
from sedspace.spaces.machine import product_of
from sedspace_kernels import diagram
from sedspace_kernels.diagram import Exact, Layer, exact, sums_by
from sedspace_kernels.tables import distinct_rows

LIMIT = 1 << 24  # edges of a diagram's layer: more would take gigabytes
Sums = list[NDArray[np.number]]
"""What each class, or node, adds to the scores: arrays of one length, one for each number."""


class TooManyClasses(BadInput):
    """The scores tell more architectures apart than can be counted class by class."""


@dataclass
class Diagrams:
    """A space as a diagram over blocks of positions, and each block as a diagram over its own.

    Attributes
    ----------
    blocks : list of tuple of int
        The positions of each block.
    inner : list of list of Layer
        For each block its diagram.
    outer : list of Layer
        One layer for each block, whose choices are the block's classes.
    keys : dict of str to int64[classes] or float64[classes]
        The key of each score, for each node after the last block.
    choices : int32[architectures] or None
        If the choices of the only layer are some architectures, their indices, ascending.
    """

    blocks: list[tuple[int, ...]]
    inner: list[list[Layer]] = field(default_factory=list)
    outer: list[Layer] = field(default_factory=list)
    keys: dict[str, Keys] = field(default_factory=dict)
    choices: NDArray[np.int32] | None = None


def listed(space: Space, scores: Sequence[Score], chunks: Iterable[Mapping[str, NDArray[np.number]]]) -> Diagrams:
    """Return the diagrams of some architectures of a small space by any scores: each is a choice of its own.

    There is one block of no positions, whose single layer has the architectures for choices.

    Parameters
    ----------
    space : Space
    scores : sequence of Score
        One or more.
    chunks : iterable of mapping
        The architectures in order, some at a time: ``index``, and the values of every score. Of what comes, only the
        different values of a chunk and four bytes for each architecture are kept, and four for its index.
    """
    indices: list[NDArray[np.int32]] = []
    kinds: list[NDArray[np.int32]] = []
    values: list[Sums] = []
    first: list[NDArray[np.int64]] = []
    weight: list[NDArray[np.int64]] = []
    rows = classes = 0
    for chunk in chunks:
        columns = [chunk[score.name] for score in scores]
        found, kind_of = distinct_rows(columns)
        kinds.append((kind_of + classes).astype(np.int32))
        first.append(found + rows)
        weight.append(np.bincount(kind_of, minlength=len(found)))
        values.append([column[found] for column in columns])
        indices.append(chunk["index"].astype(np.int32))
        rows, classes = rows + len(kind_of), classes + len(found)
    merged = [np.concatenate(column) for column in zip(*values, strict=True)]
    found, of = distinct_rows(merged)
    lowest = np.concatenate(first)[found]
    total = sums_by(of, np.concatenate(weight), len(found))
    np.minimum.at(lowest, of, np.concatenate(first))
    child = np.arange(len(found), dtype=np.int32)[None, :]
    layer = Layer(child, len(found), rows, total, lowest, of.astype(np.int32)[np.concatenate(kinds)])
    outer = Layer(child, len(found), rows, total, lowest, np.arange(len(found)))
    keys = {score.name: score.keys_of(column[found]) for score, column in zip(scores, merged, strict=True)}
    return Diagrams([()], [[layer]], [outer], keys, None if rows == space.size else np.concatenate(indices))


class States:
    """The states of a space's machine and of its scores', side by side.

    Parameters
    ----------
    space : Space
    scores : sequence of AdditiveScore
    """

    def __init__(self, space: Space, scores: Sequence[AdditiveScore]) -> None:
        found = [space.machine, *(score.machine(space) for score in scores)]
        self._machines = list({id(machine): machine for machine in found if machine is not None}.values())
        self._number = {id(machine): number for number, machine in enumerate(self._machines)}
        self._space = space
        self._steps: list[NDArray[np.int32]] | None = None
        self._parts: list[list[NDArray[np.intp]]] = []
        if self._machines:
            self._steps, self._parts = product_of(self._machines)

    def forget(self, positions: Iterable[int]) -> bool:
        """Return whether nothing is left to know of what came before any of some positions."""
        return self._steps is None or all(len(self._steps[position]) == 1 for position in positions)

    def steps_of(self, positions: Sequence[int]) -> list[NDArray[np.int32]] | None:
        """Return the steps at some positions; None if there are no states."""
        return None if self._steps is None else [self._steps[position] for position in positions]

    def expanded(self, score: AdditiveScore, tables: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        """Return a score's tables, by the states of all machines together where there are any."""
        if self._steps is None:
            return list(tables)
        if (machine := score.machine(self._space)) is None:
            return [np.broadcast_to(t, (len(s), *t.shape)) for t, s in zip(tables, self._steps, strict=True)]
        number = self._number[id(machine)]
        return [table[part[number]] for table, part in zip(tables, self._parts, strict=True)]


class BlockByBlock:
    """Makes the diagrams of a space by scores that are sums.

    A space's groups (the cells of DARTS, say) are counted each by itself; what a group adds to the scores is then all
    that matters of it. If groups are interleaved, the whole space is one block.
    """

    def __init__(self, space: Space, scores: Sequence[AdditiveScore]) -> None:
        self.space, self.scores = space, scores
        self._states = States(space, scores)
        groups = [group.positions for group in space.groups]
        apart = sum(groups, ()) == tuple(range(len(space.positions))) and self._states.forget(g[0] for g in groups)
        self.out = Diagrams(groups if apart else [tuple(range(len(space.positions)))])
        self._tables = {score.name: self._states.expanded(score, score.tables(space)) for score in scores}

    def diagrams(self) -> Diagrams:
        """Build them."""
        sums: Sums = []
        for block in range(len(self.out.blocks)):
            sums = self._add_block(block, sums)
        for score in self.scores:
            columns, sums = sums[: self._width(score)], sums[self._width(score) :]
            self.out.keys[score.name] = (
                columns[0] if self._keyed(score) else score.keys(self.space, _side_by_side(columns))
            )
        return self.out

    def _keyed(self, score: AdditiveScore) -> bool:
        """Return whether a block is known by what it adds to the score's key, not by its feature sums."""
        return len(self.out.blocks) > 1 and score.per_group

    def _width(self, score: AdditiveScore) -> int:
        """Return how many numbers a block adds to what a score is made of: its key, or else its feature sums."""
        return 1 if self._keyed(score) else self._tables[score.name][0].shape[-1]

    def _add_block(self, block: int, sums: Sums) -> Sums:
        """Append a block to the diagrams and return the sums after it."""
        inner, added, kind_of = self._classes_of_block(block)
        kinds = len(added[0])
        size = math.prod(int(self.space.radices[p]) for p in self.out.blocks[block])
        counts, least = diagram.count(inner), diagram.least(inner)
        weight = sums_by(kind_of, counts, kinds)
        first: Exact = np.full(kinds, size, exact(size))
        np.minimum.at(first, kind_of, least)
        child, sums = self._combine(block, sums, added)
        self.out.inner.append(inner)
        self.out.outer.append(Layer(child, len(sums[0]), size, weight, first, kind_of))
        return sums

    def _classes_of_block(self, block: int) -> tuple[list[Layer], Sums, NDArray[np.intp]]:
        """Return a block's diagram, what its kinds of classes add to the scores, and the kind of each class."""
        tables = [np.concatenate(at_position, axis=-1) for at_position in zip(*self._features(block), strict=True)]
        steps = self._states.steps_of(self.out.blocks[block])
        try:
            inner, features = diagram.build(tables, LIMIT if self.space.size < 1 << 62 else LIMIT // 4, steps=steps)
        except diagram.TooManyEdges as error:
            raise self._too_many(
                f"at most {diagram.most_classes(tables):,} in {self.space.groups[block].name}, {error.classes:,} after "
                f"{error.positions} of its {len(tables)} positions"
            ) from None
        added = self._contributions(block, features)
        if len(self.out.blocks) == 1:
            return inner, added, np.arange(len(features))
        found, kind_of = distinct_rows(added)  # classes of one cell may add the same to all scores
        return inner, [column[found] for column in added], kind_of

    def _combine(self, block: int, sums: Sums, added: Sums) -> tuple[NDArray[np.int32], Sums]:
        """Return where every sum so far leads with every kind of the block, and the sums after it."""
        nodes, kinds = len(sums[0]) if sums else 1, len(added[0])
        if nodes * kinds > LIMIT:
            raise self._too_many(f"{nodes:,} times {kinds:,} combinations of {self.space.groups[block].name}")
        if sums:
            added = [(s[:, None] + a[None, :]).reshape(-1) for s, a in zip(sums, added, strict=True)]
        if block == len(self.out.blocks) - 1:  # behind the last one there is nothing that merging would spare
            return np.arange(nodes * kinds, dtype=np.int32).reshape(nodes, kinds), added
        kept, node_of = distinct_rows(added)
        return node_of.astype(np.int32).reshape(nodes, kinds), [column[kept] for column in added]

    def _features(self, block: int) -> list[list[NDArray[np.int64]]]:
        """Return the tables of the block's positions, score by score."""
        out = []
        for score in self.scores:
            width = len(score.features)
            columns = slice(block * width, (block + 1) * width) if self._keyed(score) else slice(None)
            out.append([self._tables[score.name][p][..., columns] for p in self.out.blocks[block]])
        return out

    def _contributions(self, block: int, features: NDArray[np.int64]) -> Sums:
        """Return what each class of a block adds to the scores, as `_width` has it."""
        out: Sums = []
        for score in self.scores:
            width = len(score.features) if self._keyed(score) else self._width(score)
            own, features = features[:, :width], features[:, width:]
            out += [score.group_keys(self.space, block, own)] if self._keyed(score) else list(own.T)
        return out

    def _too_many(self, how_many: str) -> TooManyClasses:
        names = ", ".join(score.name for score in self.scores)
        return TooManyClasses(
            f"the architectures of {self.space.name} fall into too many classes by {names}: {how_many}; "
            f"ask for fewer columns, or for tables of fewer different values"
        )


def _side_by_side(columns: Sums) -> NDArray[np.int64]:
    sums = columns[0][:, None] if len(columns) == 1 else np.stack(columns, axis=-1)  # one, of millions, is not copied
    return sums.astype(np.int64, copy=False)
