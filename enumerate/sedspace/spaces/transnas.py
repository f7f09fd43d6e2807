"""The two spaces of TransNAS-Bench-101: cells, and networks of modules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate, product

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.listed import ListedSpace
from sedspace.spaces.parts import Feature, Operation, Table
from sedspace.spaces.widths import WidthSpace

OPERATIONS = {
    "n_none": Operation("none", "none"),
    "n_skip": Operation("skip_connect", "skip"),
    "n_conv1x1": Operation("nor_conv_1x1", "conv", 1),
    "n_conv3x3": Operation("nor_conv_3x3", "conv", 3),
}
_HEAD = "64-41414-"  # the macro network that all cells share


class TransnasMicroSpace(CellSpace):
    """The six edges of a NAS-Bench-201 cell with one of four operations on each (TransNAS-Bench-101, arXiv 2105.11871).

    An arch string holds the operations' codes, 0 none, 1 skip, 2 conv 1x1, 3 conv 3x3, one group per target node.

    Examples
    --------
    >>> import sedspace as ss
    >>> space = ss.space("transnas_micro")
    >>> space.size, space.arch(4095), space.parse("64-41414-3_33_133")
    (4096, '64-41414-3_33_333', 4063)
    """

    def __init__(self) -> None:
        super().__init__("transnas_micro", "TransNAS-Bench-101, cell level", 4, OPERATIONS)

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each edge, the text that each operation adds to the arch string."""
        before = (_HEAD, "_", "", "_", "", "")
        return tuple(tuple(f"{text}{code}" for code in range(len(OPERATIONS))) for text in before)

    def _parse_one(self, arch: str) -> list[int]:
        match = re.fullmatch(rf"{_HEAD}(\w)_(\w\w)_(\w\w\w)", arch.strip()) if isinstance(arch, str) else None
        if match is None:
            raise BadInput(f"arch {arch!r} is not of {self.name}: expected {_HEAD}a_bc_def, each letter a code 0 to 3")
        codes = "".join(match.groups())
        for position, code in zip(self.positions, codes, strict=True):
            if code not in "0123":
                raise BadInput(f"arch {arch!r}: edge {position.name} has code {code!r}, expected 0 to 3")
        return [int(code) for code in codes]


_MODULE = Operation("module", "conv", 3)
_HALVES, _DOUBLES = "34", "24"


class TransnasMacroSpace(ListedSpace, WidthSpace):
    """Networks of four to six modules (TransNAS-Bench-101, network level).

    A module is 1 plain, 2 doubles the channels, 3 halves the resolution, 4 does both; there are one to four halvings
    and one to three doublings, from 64 channels on. Ordered by the number of modules, then by their codes.

    Examples
    --------
    >>> import sedspace as ss
    >>> space = ss.space("transnas_macro")
    >>> space.size, space.arch(0), space.parse("64-444311-basic")
    (3256, '64-1114-basic', 3255)
    """

    def __init__(self) -> None:
        self.codes = [
            "".join(codes) for n in (4, 5, 6) for codes in product("1234", repeat=n) if _is_network("".join(codes))
        ]
        self._index = {code: index for index, code in enumerate(self.codes)}
        super().__init__("transnas_macro", "TransNAS-Bench-101, network level", len(self.codes), (_MODULE,))

    @cached_property
    def counts(self) -> Mapping[Operation, NDArray[np.int64]]:
        """The number of modules."""
        return {_MODULE: np.array([len(codes) for codes in self.codes])}

    @property
    def default_features(self) -> tuple[str, ...]:
        """The number of modules, halvings and doublings."""
        return tuple(self.features)

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """The number of modules, halvings and doublings."""
        counts = {
            "n_modules": ([len(c) for c in self.codes], "modules"),
            "n_halvings": ([_count(c, _HALVES) for c in self.codes], "modules that halve the resolution"),
            "n_doublings": ([_count(c, _DOUBLES) for c in self.codes], "modules that double the channels"),
        }
        return {name: self.feature(name, n, "uint8", "modules", meaning) for name, (n, meaning) in counts.items()}

    @cached_property
    def channel_exponents(self) -> Mapping[int, Table]:
        """How often 2 divides the channels, summed over the modules."""
        return {2: self.table([[sum(6 + d for d in accumulate(c in _DOUBLES for c in code)) for code in self.codes]])}

    def _archs(self) -> Sequence[str]:
        return [f"64-{codes}-basic" for codes in self.codes]

    def _parse_one(self, arch: str) -> list[int]:
        match = re.fullmatch(r"64-(\w+)-basic", arch.strip()) if isinstance(arch, str) else None
        if match is None:
            raise BadInput(f"arch {arch!r} is not of {self.name}: expected 64-<modules>-basic, such as 64-1234-basic")
        if match[1] not in self._index:
            raise BadInput(
                f"arch {arch!r} is not of {self.name}: modules {match[1]!r}, expected four to six of 1 to 4 with one "
                f"to four halvings (3, 4) and one to three doublings (2, 4)"
            )
        return [self._index[match[1]]]


def _count(codes: str, which: str) -> int:
    return sum(code in which for code in codes)


def _is_network(codes: str) -> bool:
    return 1 <= _count(codes, _HALVES) <= 4 and 1 <= _count(codes, _DOUBLES) <= 3
