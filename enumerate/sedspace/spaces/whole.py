"""Spaces of whole networks: what is decided at the positions, and which blocks follow from that.

A network is a sequence of parts. What a part is follows from a few variables, each decided at one position: its own
kernel, say, and the width of the stage before. A part is counted at the last of these positions; the state before a
position keeps the values that parts and rules further on have yet to read, and no more. So params, MACs and whatever
else adds up over blocks are tables by position, state and choice, however long the network.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput, quoted
from sedspace.spaces.arch_strings import ArchStrings
from sedspace.spaces.base import Space
from sedspace.spaces.blocks import Block, Init
from sedspace.spaces.definitions import one_of
from sedspace.spaces.machine import STEPS, Machine
from sedspace.spaces.outline import drawn
from sedspace.spaces.parts import Digits, Feature, Group, Kind, Operation, Position, Table
from sedspace.spaces.skeleton import FREE, Cost
from sedspace_kernels.machine import merged, trimmed
from sedspace_kernels.tables import distinct_rows

Value = Hashable
_LISTED = 256  # choices of a position that a description names
_REACH = 1 << 62  # of sums over blocks


@dataclass(frozen=True)
class Decision:
    """What may be chosen at a position.

    Attributes
    ----------
    name : str
        As shown to people.
    text : str
        What it adds to the arch string.
    values : mapping of str to hashable
        The variables that it decides.
    kind : str or None
        The kind of the operation that rules and costs know it as; None: it is none by itself, such as a depth.
    """

    name: str
    text: str
    values: Mapping[str, Value]
    kind: Kind | None = "conv"

    @property
    def operations(self) -> tuple[Operation, ...]:
        """It counts as one operation of its name, or as none."""
        return () if self.kind is None else (Operation(self.name, self.kind),)


class Variable(NamedTuple):
    """Something that is decided at a position."""

    position: int
    key: str


@dataclass(frozen=True)
class Known:
    """A value that is fixed, or the variable that it depends on."""

    value: Value = None
    variable: Variable | None = None


@dataclass(frozen=True)
class Part:
    """Blocks that follow from some variables: `make` gets their values."""

    reads: tuple[Variable, ...]
    make: Callable[..., tuple[Block, ...]]


@dataclass(frozen=True)
class Check:
    """Which values some variables may have together: there is no other architecture."""

    reads: tuple[Variable, ...]
    allows: Callable[..., bool]


@dataclass(frozen=True)
class Most:
    """The greatest sum that the values of some variables may have."""

    reads: tuple[Variable, ...]
    most: int


class _Codes:
    """The values of one variable, and the code of each choice's."""

    def __init__(self, choices: Sequence[Decision], key: str) -> None:
        numbers: dict[Value, int] = {}
        self.of_choice = np.array([numbers.setdefault(one.values[key], len(numbers)) for one in choices], np.int64)
        self.values = list(numbers)


class _Grid(NamedTuple):
    """What is known before a position: the codes of live variables by state, and the sum so far of a `Most`."""

    live: tuple[Variable, ...]
    codes: NDArray[np.int64]
    sums: NDArray[np.int64]


class _Rows(NamedTuple):
    """Many sequences of blocks: the different blocks, which of them there are one after the other, where each ends."""

    blocks: list[Block]
    which: NDArray[np.intp]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, made: Sequence[Sequence[Block]]) -> _Rows:
        """Return sequences of blocks, of which many are one and the same object."""
        numbers: dict[int, int] = {}
        blocks: list[Block] = []
        for block in chain.from_iterable(made):
            if id(block) not in numbers:
                numbers[id(block)] = len(blocks)
                blocks.append(block)
        which = np.array([numbers[id(block)] for block in chain.from_iterable(made)], np.intp)
        return cls(blocks, which, np.cumsum([0, *map(len, made)]))

    @property
    def most(self) -> int:
        """The length of the longest sequence."""
        return int(np.diff(self.ends).max())

    def sums(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum of the blocks' values of each sequence."""
        until = np.concatenate([np.zeros(1, np.int64), np.cumsum(values[self.which])])
        total: NDArray[np.int64] = until[self.ends[1:]] - until[self.ends[:-1]]
        return total


class NetworkSpace(Space):
    """A space of whole networks.

    Parameters
    ----------
    name, title : str
    positions : sequence of Position
        Their choices are `Decision`.
    parts : sequence of Part
        In the order in which the input goes through them.
    checks : sequence of Check, optional
    most : Most, optional

    Attributes
    ----------
    definition : mapping or None
        What makes the space again, as plain JSON values; None: its name does.
    origin : tuple of callable and arguments
        What makes it in another process.

    Raises
    ------
    BadInput
        If nothing meets the rules, or there is too much to remember from one position to the next.
    """

    input_unit = "image"
    definition: Mapping[str, object] | None = None
    origin: tuple[Callable[..., Space], tuple[object, ...]]

    def __init__(
        self,
        name: str,
        title: str,
        positions: Sequence[Position],
        parts: Sequence[Part],
        checks: Sequence[Check] = (),
        most: Most | None = None,
    ) -> None:
        self._parts, self._checks, self._most = tuple(parts), tuple(checks), most
        self._decisions: list[Sequence[Decision]] = [position.choices for position in positions]  # type: ignore[misc]
        reads = chain.from_iterable(one.reads for one in (*parts, *checks, *((most,) if most else ())))
        self._codes = {one: _Codes(self._decisions[one.position], one.key) for one in reads}
        self._needed: dict[Variable, int] = {}  # up to which position
        for read in (*(part.reads for part in parts), *(check.reads for check in checks)):
            for one in read:
                self._needed[one] = max(self._needed.get(one, 0), _last(read))
        if not positions:
            raise BadInput(f"space {name!r}: there is nothing to choose, expected a list of values somewhere")
        machine, self._grids = self._explored(name)
        self._steps = machine.steps
        rules = bool(checks) or most is not None
        groups = (Group("network", tuple(range(len(positions)))),)
        exists = Machine(machine.name, merged(machine.steps)) if rules else None  # asks less than what costs go by
        super().__init__(name, title, positions, groups, exists)
        self.feature_machine = machine if rules or any(len(step) > 1 for step in machine.steps) else None

    # -- the machine ------------------------------------------------------------------------------------------------

    def _explored(self, name: str) -> tuple[Machine, list[_Grid]]:
        """Return the machine that keeps what is yet to be read, and what its states stand for."""
        grid = _Grid((), np.zeros((1, 0), np.int64), np.zeros(1, np.int64))
        steps, grids, asked = [], [], 0
        for position, choices in enumerate(self._decisions):
            asked += len(grid.codes) * len(choices)
            if asked > STEPS:
                raise BadInput(
                    f"space {name!r}: {asked:,} pairs of states and choices up to {position}, expected at most "
                    f"{STEPS:,}: have fewer choices on which later costs depend"
                )
            step, after = self._step(position, grid)
            steps.append(step)
            grids.append(grid)
            grid = after
        steps, kept = trimmed(steps)
        if not len(steps[0]):
            raise BadInput(f"space {name!r}: no architecture meets its rules")
        grids = [_Grid(g.live, g.codes[left], g.sums[left]) for g, left in zip(grids, kept, strict=True)]
        return Machine(f"space {name!r}", steps), grids

    def _step(self, position: int, grid: _Grid) -> tuple[NDArray[np.int32], _Grid]:
        shape = len(grid.codes), len(self._decisions[position])
        allowed = np.ones(shape, np.bool_)
        for check in self._checks:
            if _last(check.reads) == position:
                rows, of = self._read(check.reads, position, grid)
                allowed &= np.array([check.allows(*row) for row in rows], np.bool_)[of]
        sums = np.broadcast_to(grid.sums[:, None], shape)
        if self._most is not None:
            for one in self._most.reads:
                if one.position == position:
                    codes = self._codes[one]
                    sums = sums + np.array(codes.values, np.int64)[codes.of_choice]
            allowed = allowed & (sums <= self._most.most)
            if position >= _last(self._most.reads):
                sums = np.zeros(shape, np.int64)
        live = self._live(position + 1)
        columns = [*(self._column(one, position, grid) for one in live), sums]
        known = [np.broadcast_to(column, shape)[allowed] for column in columns]
        first, number = distinct_rows(known)
        step = np.full(shape, -1, np.int32)
        step[allowed] = number
        states = np.stack([column[first] for column in known], axis=1)
        return step, _Grid(live, states[:, :-1], states[:, -1])

    def _live(self, position: int) -> tuple[Variable, ...]:
        """Return the variables decided before a position that are read at it or further on."""
        return tuple(sorted(one for one, last in self._needed.items() if one.position < position <= last))

    def _column(self, one: Variable, position: int, grid: _Grid) -> NDArray[np.int64]:
        """Return the codes of a variable by state and choice."""
        if one.position == position:
            return self._codes[one].of_choice[None, :]
        column: NDArray[np.int64] = grid.codes[:, grid.live.index(one)][:, None]
        return column

    def _read(
        self, reads: Sequence[Variable], position: int, grid: _Grid
    ) -> tuple[list[tuple[Value, ...]], NDArray[np.intp]]:
        """Return the different values that variables have together, and which of them by state and choice."""
        columns = [self._column(one, position, grid) for one in reads]
        number = np.zeros((len(grid.codes), len(self._decisions[position])), np.int64)
        for one, column in zip(reads, columns, strict=True):
            number = number * len(self._codes[one].values) + column
        _, first, of = np.unique(number, return_index=True, return_inverse=True)
        flat = [np.broadcast_to(column, number.shape).reshape(-1)[first] for column in columns]
        rows = [
            tuple(self._codes[one].values[code] for one, code in zip(reads, row, strict=True))
            for row in np.stack(flat, axis=1).tolist()
        ]
        return rows, of.reshape(number.shape)

    # -- blocks -----------------------------------------------------------------------------------------------------

    def blocks(self, index: int) -> tuple[Block, ...]:
        """Return the blocks of an architecture, in the order in which its input goes through them.

        Examples
        --------
        >>> import sedspace as ss
        >>> stem, first, *_ = ss.space("nas_bench_macro").blocks(6560)
        >>> first.kind, first.c_in, first.middle, first.c_out, first.kernel, first.stride
        ('mbconv', 32, 192, 64, 5, 2)
        """
        digits = self.digits(index)
        made = (part.make(*(self._value(one, digits) for one in part.reads)) for part in self._parts)
        return tuple(chain.from_iterable(made))

    def _value(self, one: Variable, digits: Digits) -> Value:
        value: Value = self._decisions[one.position][digits[one.position]].values[one.key]
        return value

    @cached_property
    def _fixed(self) -> list[tuple[Block, ...]]:
        """What the parts are made to that all architectures have."""
        return [part.make() for part in self._parts if not part.reads]

    @cached_property
    def _placed(self) -> list[list[tuple[_Rows, NDArray[np.intp]]]]:
        """For each position, what its parts are made to, and which of that by state and choice."""
        out: list[list[tuple[_Rows, NDArray[np.intp]]]] = [[] for _ in self.positions]
        for part in self._parts:
            if part.reads:
                position = _last(part.reads)
                rows, of = self._read(part.reads, position, self._grids[position])
                exists = np.zeros(len(rows), np.bool_)
                exists[of[self._steps[position] >= 0]] = True
                made = [part.make(*row) if there else () for row, there in zip(rows, exists.tolist(), strict=True)]
                out[position].append((_Rows.of(made), of))
        return out

    def check_blocks(self) -> None:
        """Make every block that there may be once; raise `BadInput` if one cannot be."""
        _ = self._fixed, self._placed

    def sum_of(self, measure: Callable[[Block], int]) -> tuple[int, Table]:
        """Return what an integer of every block adds up to: what all architectures have, and a table of the rest.

        Parameters
        ----------
        measure : callable
            From a `Block` to an integer.

        Returns
        -------
        base : int
        table : tuple of int64[choices] or int64[states, choices]
            As `Space.table` returns it.
        """
        base, rows = sum(measure(block) for blocks in self._fixed for block in blocks), []
        reach = abs(base)
        for placed, step in zip(self._placed, self._steps, strict=True):
            row = np.zeros(step.shape, np.int64)
            for made, of in placed:
                values = [measure(block) for block in made.blocks]
                reach += max(map(abs, values), default=0) * made.most
                if reach >= _REACH:
                    raise BadInput(f"sums over the blocks of {self.name} could reach {reach}, beyond int64")
                row += made.sums(np.array(values, np.int64))[of]
            rows.append(_by_state_or_not(row, step >= 0))
        return base, self.table(rows)

    def draw(self, index: int) -> str:
        """Return a drawing of an architecture in text: a line for each block, with its output and what it costs."""
        return drawn(self.blocks(index))

    def cost(self, index: int) -> Cost:
        """Return parameters and MACs of one architecture, block by block."""
        total = FREE
        for block in self.blocks(index):
            total += block.cost
        return total

    # -- features ---------------------------------------------------------------------------------------------------

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """The number of blocks or layers, parameters, MACs."""
        return {feature.name: feature for feature in self._features()}

    def _features(self) -> Iterator[Feature]:
        yield self.feature("params", lambda block: block.cost.params, "parameters", "trainable parameters")
        meaning = f"multiply-accumulates of {self.what_multiplies}, without biases"
        yield self.feature("macs", lambda block: block.cost.macs, f"MACs per {self.input_unit}", meaning, "int64")

    what_multiplies = "convolutions and linear layers"

    def feature(
        self, name: str, measure: Callable[[Block], int], unit: str, meaning: str, dtype: str | None = None
    ) -> Feature:
        """Return the feature that adds up an integer of every block."""
        base, table = self.sum_of(measure)
        most = base + sum(int(row.max()) for row in table)
        return Feature(name, table, base, dtype or ("int32" if most < 1 << 31 else "int64"), unit, meaning)

    # -- arch strings -----------------------------------------------------------------------------------------------

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each position, the text that each choice adds to the arch string."""
        return tuple(tuple(one.text for one in choices) for choices in self._decisions)

    @cached_property
    def _strings(self) -> ArchStrings:
        return ArchStrings(self.name, [position.name for position in self.positions], self.pieces, self.machine)

    def _parse_one(self, arch: object) -> list[int]:
        if not isinstance(arch, str):
            raise BadInput(f"arch {quoted(arch)} is not of {self.name}: expected a string such as {self.arch(0)!r}")
        return self._strings.read(arch)

    def describe(self) -> dict[str, object]:
        """Return the space as plain JSON values; of many choices their number only."""
        positions = [
            {"name": p.name, "choices": [c.name for c in p.choices] if len(p.choices) <= _LISTED else len(p.choices)}
            for p in self.positions
        ]
        own = {} if self.definition is None else {"definition": self.definition}
        return {"name": self.name, "size": self.size, "positions": positions, **own}

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[object, ...]]:
        """Travel as what makes the space."""
        return self.origin


def initialisation(given: Mapping[str, object], where: str) -> Init:
    """Return how a definition has the weights of its networks initialised."""
    return one_of(given.get("init", "pytorch"), get_args(Init), "init", where)  # type: ignore[return-value]


def _by_state_or_not(row: NDArray[np.int64], exists: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return integers by state and choice as they are, or by choice only if the states that there are say the same."""
    one = row[exists.argmax(axis=0), np.arange(row.shape[1])]
    return row if (exists & (row != one)).any() else one


def _last(reads: Sequence[Variable]) -> int:
    """Return the last position at which something is read; -1 if nothing is."""
    return max((one.position for one in reads), default=-1)
