"""The cells of TransNAS-Bench-101."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from sedspace.errors import BadInput, quoted
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.codes import codes_of
from sedspace.spaces.parts import Feature, Operation, layers_feature

OPERATIONS = {
    "n_none": Operation("none", "none"),
    "n_skip": Operation("skip_connect", "skip"),
    "n_conv1x1": Operation("nor_conv_1x1", "conv", 1),
    "n_conv3x3": Operation("nor_conv_3x3", "conv", 3),
}
MODULES = 4, 1, 4, 1, 4
"""Of the network that all cells share: each is two cells; 4 halves the resolution and doubles the channels first."""

_HEAD = f"64-{''.join(map(str, MODULES))}-"


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

    def _features(self) -> Iterator[Feature]:
        yield from super()._features()
        halving, around = sum(module != 1 for module in MODULES), 3  # a stem of two convolutions, and the classifier
        rows = [
            [
                2 * halving if o.kind == "skip" and source == 0 else 2 * len(MODULES) * (o.kind == "conv")
                for choice in position.choices
                for o in choice.operations
            ]
            for (source, _), position in zip(self.edges, self.positions, strict=True)
        ]
        yield layers_feature(self.table(rows), around)

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each edge, the text that each operation adds to the arch string."""
        before = (_HEAD, "_", "", "_", "", "")
        return tuple(tuple(f"{text}{code}" for code in range(len(OPERATIONS))) for text in before)

    def _parse_one(self, arch: object) -> list[int]:
        if (integers := codes_of(arch)) is not None:
            raise BadInput(
                f"arch {tuple(integers)} of {self.name} is ambiguous: versions of NASLib differ in what the integers "
                f"mean, expected {_HEAD}a_bc_def"
            )
        match = re.fullmatch(rf"{_HEAD}(\w)_(\w\w)_(\w\w\w)", arch.strip()) if isinstance(arch, str) else None
        if match is None:
            raise BadInput(
                f"arch {quoted(arch)} is not of {self.name}: expected {_HEAD}a_bc_def, each letter a code 0 to 3"
            )
        codes = "".join(match.groups())
        for position, code in zip(self.positions, codes, strict=True):
            if code not in "0123":
                raise BadInput(f"arch {quoted(arch)}: edge {position.name} has code {code!r}, expected 0 to 3")
        return [int(code) for code in codes]
