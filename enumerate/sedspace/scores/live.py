"""Scores of the live part of a cell: what lies on a way from its input to its output on which no edge is none.

An edge is live if its operation is not none, its source gets something from the cell's input, and its target's value
gets to the cell's output. What is not live carries nothing and changes nothing. A cell without any way has nothing
live: its counts, and its live SED, are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Keys, Score, Values
from sedspace.scores.ranking import chunks
from sedspace.scores.sed_score import LAM, sed
from sedspace.spaces import Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.machine import STATES, Machine
from sedspace.spaces.parts import Digits
from sedspace_kernels import live
from sedspace_kernels.machine import trimmed
from sedspace_kernels.parallel import split
from sedspace_kernels.tables import pack, unpack

_lock = Lock()
_PIECE = 1 << 15  # cells that are written at once: they stay in the cache
_FEW = 1 << 16  # sums that may occur, of which each key is computed once


@dataclass(frozen=True, eq=False)
class LiveCells:
    """What tells live edges of a kind of cells: a machine, and in which of its states which choices are live.

    Attributes
    ----------
    machine : Machine
    live : list of bool[states, choices]
        For each edge.
    """

    machine: Machine
    live: list[NDArray[np.bool_]]


class LiveScore(AdditiveScore):
    """What an additive score of cells is of the live edges alone: all others add nothing.

    Ranges are read by a kernel that sees the whole cell; exact answers are given by a machine that reads edge after
    edge.

    Parameters
    ----------
    whole : AdditiveScore
        Of all edges.
    name, meaning : str
    """

    def __init__(self, whole: AdditiveScore, name: str, meaning: str) -> None:
        super().__init__(
            name,
            whole.features,
            whole.function,
            dtype=whole.dtype,
            denominator=whole.denominator,
            unit=whole.unit,
            meaning=meaning,
            per_group=whole.per_group,
            parameters=whole.parameters,
            monotone=whole.monotone,
        )
        self.whole = whole

    def tables(self, space: Space) -> list[NDArray[np.int64]]:
        """Return for each edge int64[states, choices, sums]: what each choice adds in each state of `machine`."""
        edges = zip(self.whole.tables(space), self._cells(space).live, strict=True)
        return [np.where(is_live[:, :, None], table, 0) for table, is_live in edges]

    def machine(self, space: Space) -> Machine:
        """Return the machine that knows what is live."""
        return self._cells(space).machine

    def has_states(self, space: Space) -> bool:
        """Return that it has."""
        return True

    def _cells(self, space: Space) -> LiveCells:
        cells = _cell_space(self, space)
        try:
            with _lock:  # which machine it is, not only what it says, tells that two scores may share it
                return live_cells(cells.nodes, _passes(cells))
        except OverflowError as error:
            raise BadInput(
                f"score {self.name}: to know which edges of {space.name} are live takes {error.args[0]:,} states, "
                f"expected at most {STATES:,}: ask for ranges (start and stop)"
            ) from None

    def _edges(self, space: Space) -> _Edges:
        return _Edges(_cell_space(self, space), self.whole.tables(space))

    def lookup(self, space: Space) -> Callable[[Digits], Keys]:
        """Return what `at` does on a space: follow each cell from its input on, and back from its output."""
        edges = self._edges(space)
        return lambda digits: self.keys(space, edges.sums(edges.words_of_cells(digits)))

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        if space.machine is not None:  # the next architecture is not that of the next digits
            return super()._keys(space, start, stop, threads)
        out = np.empty(stop - start, np.int64)
        self._write(space, start, out, threads, lambda keys: keys)
        return out

    def fill(self, space: Space, start: int, out: Values, threads: int) -> None:
        """Write the values of the architectures from `start` on into `out`."""
        if space.machine is not None:
            super().fill(space, start, out, threads)
        else:
            self._write(space, start, out, threads, self.values)

    def _write(self, space: Space, start: int, out: Values, threads: int, written: Callable[[Keys], Values]) -> None:
        """Write a range: what is to be written of each key."""
        edges = self._edges(space)
        known = written(self.keys(space, edges.every_sum())) if edges.most_sums() <= _FEW else None

        def part(lo: int, hi: int) -> None:
            for a, b in chunks(lo, hi, _PIECE):
                words = edges.words_of_range(space.digits(start + a), b - a)
                out[a:b] = written(self.keys(space, edges.sums(words))) if known is None else known[words[0]]

        split(part, len(out), threads, _PIECE)


def anything_passes(space: Space, digits: Digits) -> NDArray[np.bool_]:
    """Return of which architectures something live joins the input of a cell and its output: bool[n].

    Of all in spaces without ``none`` on edges. In others nothing an image does reaches the logits of a dead cell.

    Examples
    --------
    >>> import sedspace as ss
    >>> tss = ss.space("tss")
    >>> anything_passes(tss, tss.digits(range(15625))).sum()
    np.int64(15284)
    """
    if not isinstance(space, CellSpace):
        return np.ones(len(digits), np.bool_)
    edges = _Edges(space, [np.ones((radix, 1), np.int64) for radix in space.radices])
    return edges.sums(edges.words_of_cells(digits))[:, 0] > 0


class _Edges:
    """What the kernels ask of every edge: whether it passes, and the features that it adds, packed into words."""

    def __init__(self, cells: CellSpace, tables: list[NDArray[np.int64]]) -> None:
        self._radices = cells.radices
        self._sources, self._targets = (np.array(ends, np.int64) for ends in zip(*cells.edges, strict=True))
        self._packing, words = pack([np.vstack([table, np.zeros_like(table[:1])]) for table in tables])
        self._nothing = sum(word[-1] for word in words)  # the words of a cell without a live edge
        self._passes = np.zeros((len(words), max(cells.radices)), np.bool_)
        packed = np.zeros((words[0].shape[1], *self._passes.shape), np.int64)
        for e, (word, passes) in enumerate(zip(words, _passes(cells), strict=True)):
            self._passes[e, : len(passes)] = passes
            packed[:, e, : len(passes)] = (word[:-1] - word[-1]).T
        self._tables = list(packed)

    @cached_property
    def _blocks(self) -> list[tuple[NDArray[np.uint16], NDArray[np.int64]]]:
        low = live.last_edges(self._radices, int(self._targets[-1]) + 1)
        found = [live.blocks(self._radices, self._passes, table, low) for table in self._tables]
        return [(passing, added + nothing) for (passing, added), nothing in zip(found, self._nothing, strict=True)]

    def words_of_cells(self, digits: Digits) -> NDArray[np.int64]:
        """Return int64[words, n] of any cells."""
        out = np.empty((len(self._tables), len(digits)), np.int64)
        for table, nothing, words in zip(self._tables, self._nothing, out, strict=True):
            live.sums_of_cells(np.ascontiguousarray(digits), self._sources, self._targets, self._passes, table, words)
            words += nothing
        return out

    def words_of_range(self, first: Digits, length: int) -> NDArray[np.int64]:
        """Return int64[words, n] of the cells from one on, which is given by its digits."""
        out = np.empty((len(self._tables), length), np.int64)
        for table, block, words in zip(self._tables, self._blocks, out, strict=True):
            live.sums_of_range(
                first.astype(np.int64), self._radices, self._sources, self._targets, self._passes, table, *block, words
            )
        return out

    def sums(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sums that int64[words, n] stand for: int64[n, sums]."""
        return unpack(self._packing, words.T)

    def most_sums(self) -> int:
        """Return how many different sums there can be."""
        return self._packing.values()

    def every_sum(self) -> NDArray[np.int64]:
        """Return the sums of every word, if it is one only: int64[most sums, sums]."""
        return self.sums(np.arange(self.most_sums())[None, :])


def _cell_space(score: LiveScore, space: Space) -> CellSpace:
    if not isinstance(space, CellSpace):
        raise BadInput(f"score {score.name} is of cells with an operation on every edge, not of {space.name}")
    return space


def _passes(cells: CellSpace) -> tuple[tuple[bool, ...], ...]:
    """Return for each edge and choice whether something passes."""
    return tuple(tuple(o.kind != "none" for c in p.choices for o in c.operations) for p in cells.positions)


@lru_cache(maxsize=64)
def live_cells(nodes: int, passes: tuple[tuple[bool, ...], ...]) -> LiveCells:
    """Return what tells live edges, by what determines it: the same object for the same."""
    steps, is_live = live.machine(nodes, STATES)
    number = [np.array(row, np.intp) for row in passes]
    by_choice = [step[:, passing] for step, passing in zip(steps, number, strict=True)]
    known = [one[:, None] & (passing == 1) for one, passing in zip(is_live, number, strict=True)]
    by_choice, kept = trimmed(by_choice)  # an edge may have no choice that does not pass, or none that does
    return LiveCells(Machine("live", by_choice), [one[left] for one, left in zip(known, kept, strict=True)])


def live_scores(space: Space, parameters: Mapping[str, str]) -> Iterator[Score]:
    """Yield the scores of what is live, if the space is one of cells.

    - ``live_sed``: SED of the live operations, 0 if there are none. Not the paper's formula.
    - ``n_live_<operation>`` (edges): how many live edges have it.
    - ``live_residual``: 1 if the edge from the input to the output is a skip connection, which is live always.
    - ``live_params``: what is left of the parameters once edges that are not live are dropped.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.score("tss", "live_sed", indices=[11668, 3])  # the second has one convolution, of a node without a value
    array([8.75, 0.  ], dtype=float32)
    >>> ss.distribution("tss6", "live_sed").at_least(0)
    30121231156
    """
    if not isinstance(space, CellSpace):
        return
    meaning = "SED of the live operations only: those on a way from the cell's input to its output"
    yield LiveScore(sed(parameters.get("lam", LAM)), "live_sed", meaning)
    whole = {name: AdditiveScore.of_feature(feature) for name, feature in space.features.items()}
    for name, operation in space.counts.items():
        count = f"n_live_{name.removeprefix('n_')}"
        if operation.kind != "none" and count not in whole:  # an operation may be called live_...
            yield LiveScore(whole[name], count, f"live edges with {operation.name}")
    yield LiveScore(whole["residual"], "live_residual", whole["residual"].meaning)
    if "params" in whole:
        yield LiveScore(whole["params"], "live_params", f"{whole['params'].meaning}, without edges that are not live")
