"""A space of any shape, for tests: positions of any number of choices, in any groups."""

from __future__ import annotations

import sedspace as ss
from sedspace.spaces import Feature, Group, Operation, Position


class Toy(ss.Space):
    """Every choice is an operation of its own; an arch string is its digits, joined by dots."""

    def __init__(self, radices, groups=None):
        positions = [
            Position(f"p{p}", [Operation(f"o{c}", "conv", c) for c in range(radix)]) for p, radix in enumerate(radices)
        ]
        groups = groups or [Group("all", tuple(range(len(radices))))]
        super().__init__("toy", "a toy", positions, groups)

    @property
    def features(self):
        """One feature: the kernels' sum, from a base on."""
        return {"kernels": Feature("kernels", self.table(lambda o: o.kernel), 100, "int32", "pixels", "sum of kernels")}

    @property
    def default_features(self):
        """That one."""
        return ("kernels",)

    @property
    def pieces(self):
        """The digits."""
        return tuple(
            tuple(f"{'.' if p else ''}{c}" for c in range(len(position.choices)))
            for p, position in enumerate(self.positions)
        )

    def _parse_one(self, arch):
        return [int(digit) for digit in arch.split(".")]
