"""What a search space is: positions that are filled by choices, and integers that add up over them."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from html import escape
from typing import TYPE_CHECKING, ClassVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.errors import BadInput, as_int, quoted, unknown
from sedspace.spaces.codes import codes_of
from sedspace.spaces.machine import Machine
from sedspace.spaces.neighbourhood import Neighbourhood
from sedspace.spaces.parts import Digits, Feature, Group, Indices, Operation, Position, Table, Text, summed, table_of
from sedspace.spaces.pieces import Pieces
from sedspace.spaces.radix import INT64_END, MixedRadix, as_array
from sedspace.spaces.ranks import Ranks

if TYPE_CHECKING:
    from torch import nn

    from sedspace.spaces.parts import NetworkBuilder

_SHOWN = 8  # choices of a position in a notebook
_TEXT_ROWS = 1 << 20
_ITER_ROWS = 1 << 12


class Space(Neighbourhood, ABC):
    """A finite, indexed set of architectures.

    An architecture is its *digits*, the choice at every position; its *index* is the digits read as a mixed-radix
    number, the first position most significant, or its rank among these numbers where not all combinations exist; its
    *arch* is the string that the field writes for it. A space is the sequence of its arch strings: ``space[i]``,
    slices, iteration; ``in`` takes an arch string or an index.

    Attributes
    ----------
    name, title : str
    positions : tuple of Position
    groups : tuple of Group
    features : mapping of str to Feature
    size : int
        The number of architectures, exact at any size.
    radices : int64[positions]
        The number of choices at each position.
    digit_dtype : numpy dtype
        uint8, or wider where a position has more than 256 choices.
    machine : Machine or None
        Accepts the combinations of choices that there are. None: all of them.
    feature_machine : Machine or None
        Accepts these, too: what a choice adds to a feature may depend on the state that it is in.
    """

    machine: Machine | None = None
    feature_machine: Machine | None = None
    network_builder: ClassVar[NetworkBuilder]  # set by sedspace.networks, which builds upon spaces

    def __init__(
        self,
        name: str,
        title: str,
        positions: Sequence[Position],
        groups: Sequence[Group],
        machine: Machine | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self.positions = tuple(positions)
        self.groups = tuple(groups)
        self.machine = machine
        self.combinations = MixedRadix(name, [len(position.choices) for position in positions])
        radices = self.combinations.radices.tolist()
        self.numbers = self.combinations if machine is None else Ranks(name, radices, machine)
        self.radices = self.numbers.radices
        self.size = self.numbers.size
        self.digit_dtype = self.numbers.dtype

    def __repr__(self) -> str:
        return f"<sedspace space {self.name}: {self.size:,} architectures, {len(self.positions)} positions>"

    def _repr_html_(self) -> str:
        """Show the space in a notebook: its size, and what may stand at each position."""
        rows = []
        for position in self.positions:
            names = [choice.name for choice in position.choices[:_SHOWN]]
            more = f" and {len(position.choices) - _SHOWN:,} more" if len(position.choices) > _SHOWN else ""
            rows.append(f"<tr><td>{escape(position.name)}</td><td>{escape(', '.join(names))}{more}</td></tr>")
        head = f"<b>{escape(self.name)}</b>: {escape(self.title)}, {self.size:,} architectures"
        return f"{head}<table><tr><th>position</th><th>choices</th></tr>{''.join(rows)}</table>"

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return self.size  # Python itself refuses a len() beyond 2^63; `size` has no such limit

    # A space is also the sequence of its arch strings.

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> NDArray[np.object_]: ...
    def __getitem__(self, index: int | slice) -> str | NDArray[np.object_]:
        if isinstance(index, slice):
            bounds = (None if one is None else as_int(one, "index") for one in (index.start, index.stop, index.step))
            chosen = range(self.size)[slice(*bounds)]
            return self.archs(self.digits_of(np.array(chosen, np.int64 if self.size <= INT64_END else object)))
        wanted = as_int(index, "index")
        if not -self.size <= wanted < self.size:
            raise IndexError(f"index {wanted} is outside {self.name}: expected 0 to {self.size - 1}")
        return self.arch(wanted % self.size)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, self.size, _ITER_ROWS):
            yield from self[start : start + _ITER_ROWS]

    def __contains__(self, one: object) -> bool:
        """Return whether an arch string, or an index, is one of the space's."""
        if isinstance(one, str):
            with contextlib.suppress(BadInput):
                return self.parse(one) >= 0
            return False
        return isinstance(one, int | np.integer) and 0 <= int(one) < self.size

    # -- index and digits -------------------------------------------------------------------------------------------

    def check_index(self, index: int) -> int:
        """Return `index` as a Python int; raise `BadInput` if the space has no such architecture."""
        return self.numbers.check_index(index)

    def check_range(self, start: int, stop: int | None) -> tuple[int, int]:
        """Return ``(start, stop)`` as Python ints, `stop` the size if None; raise `BadInput` if that is no range."""
        return self.numbers.check_range(start, stop)

    def digits(self, index: int | ArrayLike) -> Digits:
        """Return the digits of one index, or of many.

        Parameters
        ----------
        index : int or integer array-like of shape (n,)
            Beyond 2^63, Python ints (an array of dtype object).

        Returns
        -------
        unsigned integer array of shape (positions,) or (n, positions)

        Raises
        ------
        BadInput
            If an index is outside the space.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.space("tss").digits(11668)
        array([3, 3, 3, 1, 3, 3], dtype=uint8)
        """
        if not hasattr(index, "__len__"):
            return self.numbers.digits_of_one(self.numbers.check_index(index))
        return self.digits_of(index)

    def digits_of(self, indices: ArrayLike) -> Digits:
        """Return the digits of many architectures: unsigned integers of shape (n, positions)."""
        return self.numbers.digits_of(self.numbers.check_indices(indices))

    def digits_of_range(self, start: int, stop: int) -> Digits:
        """Return the digits of the architectures from `start` up to, not including, `stop`."""
        return self.numbers.digits_of_range(*self.numbers.check_range(start, stop))

    @overload
    def index(self, digits: Sequence[int]) -> int: ...
    @overload
    def index(self, digits: ArrayLike) -> int | Indices: ...
    def index(self, digits: ArrayLike) -> int | Indices:
        """Return the index of one row of digits, or of many: the inverse of `digits`.

        Parameters
        ----------
        digits : integer array-like of shape (positions,) or (n, positions)

        Returns
        -------
        int, or array of shape (n,)
            int64; Python ints (dtype object) where the space is larger than 2^63.

        Raises
        ------
        BadInput
            If a row has the wrong length, a digit exceeds the choices of its position, or there is no such
            architecture.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.space("tss").index([3, 3, 3, 1, 3, 3])
        11668
        """
        rows = self.check_digits(digits)
        if self.machine is not None and not (exists := self.machine.accepts(rows)).all():
            raise self.absent(rows[np.argmin(exists)])
        return self.numbers.index_of_one(rows[0]) if np.ndim(digits) == 1 else self.numbers.indices_of(rows)

    def check_digits(self, digits: ArrayLike) -> NDArray[np.integer]:
        """Return digits as rows; raise `BadInput` if there are too few or too many, or one that is no choice."""
        given = as_array(digits)
        if given.ndim not in (1, 2) or given.shape[-1] != len(self.positions) or given.dtype.kind not in "iu":
            raise BadInput(
                f"digits of {self.name} are {len(self.positions)} integers to an architecture, "
                f"not {given.dtype} of shape {given.shape}"
            )
        rows = np.ascontiguousarray(np.atleast_2d(given))
        if len(wrong := np.argwhere((rows < 0) | (rows >= self.radices))):
            row, p = wrong[0]
            raise BadInput(
                f"digit {rows[row, p]} at position {p} ({self.positions[p].name}) of {self.name}: "
                f"expected 0 to {self.radices[p] - 1}"
            )
        return rows

    def absent(self, digits: NDArray[np.integer]) -> BadInput:
        """Return the error for digits of no architecture."""
        return BadInput(f"digits {digits.tolist()} are no architecture of {self.name}")

    def indices_of_combinations(self, numbers: Indices) -> Indices:
        """Return the indices of architectures by their number among all combinations of choices."""
        return numbers if self.machine is None else self.numbers.indices_of(self.combinations.digits_of(numbers))

    @property
    @abstractmethod
    def features(self) -> Mapping[str, Feature]:
        """The integers that add up over an architecture, by name; SED is made of ``residual``, its residual skips."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(self.features)

    @property
    def texts(self) -> Mapping[str, Text]:
        """The texts of an architecture beside its arch string, by the name of their column."""
        return {}

    def describe(self) -> dict[str, object]:
        """Return the space as plain JSON values, as manifests record it."""
        positions = [{"name": p.name, "choices": [choice.name for choice in p.choices]} for p in self.positions]
        return {"name": self.name, "size": self.size, "positions": positions}

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[object, ...]]:
        """Travel to another process as what makes the space there, not as its tables; else where it has parameters."""
        return only, (type(self),)

    @property
    @abstractmethod
    def default_features(self) -> tuple[str, ...]:
        """The names of the features that are columns of a run unless told otherwise."""

    # -- arch strings -----------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each position, the text that each choice adds to the arch string."""

    @abstractmethod
    def _parse_one(self, arch: object) -> list[int]:
        """Return the digits of an arch string; raise `BadInput` that says where it is none."""

    @overload
    def arch(self, index: int) -> str: ...
    @overload
    def arch(self, index: ArrayLike) -> NDArray[np.object_]: ...
    def arch(self, index: int | ArrayLike) -> str | NDArray[np.object_]:
        """Return the arch string of one index, or of many.

        Parameters
        ----------
        index : int or integer array-like of shape (n,)

        Returns
        -------
        str, or object array of str of shape (n,)

        Raises
        ------
        BadInput
            If an index is outside the space.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.space("tss").arch(11668)
        '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|'
        """
        if not hasattr(index, "__len__"):
            digits = self.digits(as_int(index, "index"))
            return "".join(piece[digit] for piece, digit in zip(self.pieces, digits, strict=True))
        return self.archs(self.digits(index))

    def archs(self, digits: Digits) -> NDArray[np.object_]:
        """Return the arch strings of digits of shape (n, positions): object array of str of shape (n,)."""
        out = np.empty(len(digits), object)
        for start in range(0, len(digits), _TEXT_ROWS):
            offsets, text = self.arch_text(digits[start : start + _TEXT_ROWS])
            whole = text.tobytes().decode("ascii")
            ends = offsets.tolist()
            for i in range(len(ends) - 1):
                out[start + i] = whole[ends[i] : ends[i + 1]]
        return out

    def arch_text(self, digits: Digits) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the arch strings of many architectures as Arrow lays strings out.

        Parameters
        ----------
        digits : unsigned integer[n, positions]

        Returns
        -------
        offsets : int32[n + 1]
            Where each string starts, and last the end.
        text : uint8[offsets[-1]]
            The strings one after the other, ASCII.

        Raises
        ------
        BadInput
            If the text could exceed 2 GiB.
        """
        return self._joiner.joined(digits)

    @cached_property
    def _joiner(self) -> Pieces:
        return Pieces(self.pieces)

    @overload
    def parse(self, arch: str) -> int: ...  # type: ignore[overload-overlap]  # a str is an iterable of str, too
    @overload
    def parse(self, arch: Iterable[str]) -> Indices: ...
    @overload
    def parse(self, arch: object) -> int | Indices: ...
    def parse(self, arch: object) -> int | Indices:
        """Return the index of one arch string, or of many: the inverse of `arch`.

        Parameters
        ----------
        arch : str or iterable of str
            Also what other libraries have in its place, or that as text: NASLib's operation indices of `tss`, channels
            of `sss`, tuples, specifications and hashes of `nb101`; DARTS's ``Genotype`` and NASLib's tuples of `darts`.

        Returns
        -------
        int, or array of shape (n,)
            int64; Python ints (dtype object) where the space is larger than 2^63.

        Raises
        ------
        BadInput
            If a string is malformed: names the position and the operation, and in a sequence the row.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.space("tss").parse("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|")
        3
        >>> ss.space("tss").parse((1, 1, 1, 1, 1, 2))
        3
        """
        if isinstance(arch, str) or self._is_one(arch):
            return self.numbers.index_of_one(self._parse_one(arch))
        if not isinstance(arch, Iterable):
            raise BadInput(f"arch {quoted(arch)} is neither a string nor a sequence of strings")
        rows = []
        for row, one in enumerate(arch):
            try:
                rows.append(self._parse_one(one))
            except BadInput as error:
                raise BadInput(f"row {row}: {error}") from None
        return self.index(np.array(rows, self.digit_dtype).reshape(-1, len(self.positions)))

    def _is_one(self, arch: object) -> bool:
        """Return whether what is no text is one architecture, as other libraries have it."""
        return codes_of(arch) is not None

    def draw(self, index: int) -> str:
        """Return a drawing of an architecture in text: here one line per position."""
        digits = self.digits(index)
        width = max(len(position.name) for position in self.positions) + 2
        return "\n".join(
            f"{position.name:{width}}{position.choices[digit].name}"
            for position, digit in zip(self.positions, digits, strict=True)
        )

    def network(self, index: int | str, dataset: str | None = None, *, num_classes: int | None = None) -> nn.Module:
        """Return an architecture, by its index or arch string, as a PyTorch network, as `sedspace.network` does."""
        return type(self).network_builder(self, index, dataset, num_classes=num_classes)

    # -- tables -----------------------------------------------------------------------------------------------------

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The distinct operations of all choices, in the order of their first appearance."""
        found = (o for position in self.positions for choice in position.choices for o in choice.operations)
        return tuple(dict.fromkeys(found))

    def table(self, source: str | Mapping[str, int] | Callable[[Operation], int] | Sequence[ArrayLike]) -> Table:
        """Return per-position tables of integers from any of the forms in which a feature may be given.

        Parameters
        ----------
        source : str, mapping, callable or sequence
            The name of a feature of this space; integers by operation name, 0 for those not named; a function of an
            `Operation`, summed over the operations of a choice; or one row per position of one integer per choice, or
            of such rows by the states of `feature_machine`.

        Returns
        -------
        tuple of int64[choices] or int64[states, choices]

        Raises
        ------
        BadInput
            If a name is unknown, a row is missing or has the wrong length, or a value is not an integer.
        """
        if isinstance(source, str):
            if source not in self.features:
                raise unknown("feature", source, self.features)
            return self.features[source].table
        if isinstance(source, Mapping):
            names = [operation.name for operation in self.operations]
            for name in source:
                if name not in names:
                    raise unknown("operation", name, names)
            by_name = dict(source)
            return self.table(lambda operation: by_name.get(operation.name, 0))
        if callable(source):
            source = summed({operation: source(operation) for operation in self.operations}, self.positions)
        states = None if self.feature_machine is None else [len(step) for step in self.feature_machine.steps]
        return table_of(source, self.positions, states, self.name)


@cache
def only(kind: Callable[[], Space]) -> Space:
    """Return the one space of a kind that has no parameters."""
    return kind()
