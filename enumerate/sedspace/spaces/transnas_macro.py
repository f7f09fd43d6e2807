"""The networks of TransNAS-Bench-101: four to six modules, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sedspace.errors import BadInput, quoted
from sedspace.spaces.machine import explored
from sedspace.spaces.parts import Feature, Group, Operation, Position, Table
from sedspace.spaces.skeleton import FREE, TRANSNAS_BENCH, Cost, Skeleton, classifier, conv
from sedspace.spaces.widths import WidthSpace

_MODULE = Operation("module", "conv", 3)
_WIDTH = 64  # of the first module's input
_FEWEST, _MOST, _HALVINGS, _DOUBLINGS = 4, 6, 4, 3


@dataclass(frozen=True)
class Module:
    """What may stand at a place of a network: two residual blocks, of which the first may halve and double.

    Attributes
    ----------
    name : str
    code : str
        As arch strings have it; empty if there is no module.
    halves, doubles : int
        1 if it halves the resolution, or doubles the channels.
    """

    name: str
    code: str
    halves: int
    doubles: int

    @property
    def operations(self) -> tuple[Operation, ...]:
        """One module, or none."""
        return (_MODULE,) if self.code else ()


_NONE = Module("none", "", 0, 0)
_MODULES = (
    Module("plain", "1", 0, 0),
    Module("doubles", "2", 0, 1),
    Module("halves", "3", 1, 0),
    Module("both", "4", 1, 1),
)
_CHOICES = [(_NONE, *_MODULES)] * (_MOST - _FEWEST) + [_MODULES] * _FEWEST


class _Before(NamedTuple):
    """What the modules before a position were: whether there are any, and what they did."""

    any: bool = False
    halvings: int = 0
    doublings: int = 0


class TransnasMacroSpace(WidthSpace):
    """Networks of four to six modules (TransNAS-Bench-101, network level).

    A module is 1 plain, 2 doubles the channels, 3 halves the resolution, 4 does both; there are one to four halvings
    and one to three doublings, from 64 channels on. Ordered by the number of modules, then by their codes: of the six
    positions it is the first that a shorter network leaves empty.

    Examples
    --------
    >>> import sedspace as ss
    >>> space = ss.space("transnas_macro")
    >>> space.size, space.arch(0), space.parse("64-444311-basic")
    (3256, '64-1114-basic', 3255)
    >>> space.digits(0)
    array([0, 0, 0, 0, 0, 3], dtype=uint8)
    >>> ss.top_k(space, 1, where="macs < 2000000000", columns=["params"]).row(0)
    (3251, 50.0, 32372559, '64-443411-basic')
    """

    def __init__(self) -> None:
        positions = [Position(f"module {number}", modules) for number, modules in enumerate(_CHOICES, start=1)]
        self._modules, self._before = explored("modules", list(map(len, _CHOICES)), [_Before()], _step, _is_network)
        groups = [Group("network", tuple(range(_MOST)))]
        super().__init__("transnas_macro", "TransNAS-Bench-101, network level", positions, groups, self._modules)
        self.feature_machine = self._modules

    @property
    def default_features(self) -> tuple[str, ...]:
        """The number of modules, halvings and doublings."""
        return "n_modules", "n_halvings", "n_doublings"

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """The number of modules, halvings and doublings, and costs and layers of the networks that classify."""
        return {feature.name: feature for feature in self._features()}

    def _features(self) -> Iterator[Feature]:
        table = self.table({_MODULE.name: 1})
        yield Feature("n_modules", table, 0, "uint8", "modules", "modules")
        table = self.table([[module.halves for module in modules] for modules in _CHOICES])
        yield Feature("n_halvings", table, 0, "uint8", "modules", "modules that halve the resolution")
        table = self.table([[module.doubles for module in modules] for modules in _CHOICES])
        yield Feature("n_doublings", table, 0, "uint8", "modules", "modules that double the channels")
        for number, skeleton in enumerate(TRANSNAS_BENCH):
            costs = [
                [[_cost(skeleton, position, before, module) for module in modules] for before in states]
                for position, (modules, states) in enumerate(zip(_CHOICES, self._before, strict=True))
            ]
            suffix = "" if number == 0 else f"_{skeleton.dataset}"
            yield from self.cost_features(f"TransNAS-Bench-101's {skeleton.dataset} network", suffix, costs)
        yield self.layers(costs)  # those of either network

    @cached_property
    def channel_exponents(self) -> Mapping[int, Table]:
        """How often 2 divides the channels, summed over the modules: 6 times each, and 1 more from a doubling on."""
        rows = [
            [len(module.operations) * 6 + module.doubles * (_MOST - position) for module in modules]
            for position, modules in enumerate(_CHOICES)
        ]
        return {2: self.table(rows)}

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each position, the code that each module adds to the arch string."""
        codes = [[module.code for module in modules] for modules in _CHOICES]
        codes[0], codes[-1] = [f"64-{code}" for code in codes[0]], [f"{code}-basic" for code in codes[-1]]
        return tuple(map(tuple, codes))

    def modules(self, index: int) -> list[Module]:
        """Return the modules of an architecture."""
        chosen = [modules[digit] for modules, digit in zip(_CHOICES, self.digits(index), strict=True)]
        return [module for module in chosen if module is not _NONE]

    def describe(self) -> dict[str, object]:
        """Return the space as plain JSON values; the order of its architectures is documented, not recorded."""
        return {"name": self.name, "size": self.size, "positions": [{"name": "architecture", "choices": self.size}]}

    def _parse_one(self, arch: object) -> list[int]:
        match = re.fullmatch(r"64-(\w+)-basic", arch.strip()) if isinstance(arch, str) else None
        if match is None:
            raise BadInput(
                f"arch {quoted(arch)} is not of {self.name}: expected 64-<modules>-basic, such as 64-1234-basic"
            )
        digits = _digits_of(match[1])
        if not digits or not self._modules.accepts(np.array([digits]))[0]:
            raise BadInput(
                f"arch {quoted(arch)} is not of {self.name}: modules {match[1]!r}, expected four to six of 1 to 4"
                f" with one to four halvings (3, 4) and one to three doublings (2, 4)"
            )
        return digits


def _digits_of(codes: str) -> list[int]:
    """Return the digits of a network by the codes of its modules; none if there are no such modules, or not so many."""
    if not re.fullmatch(f"[1-4]{{{_FEWEST},{_MOST}}}", codes):
        return []
    every = [""] * (_MOST - len(codes)) + list(codes)
    return [[module.code for module in modules].index(code) for modules, code in zip(_CHOICES, every, strict=True)]


def _step(before: _Before, position: int, choice: int) -> _Before | None:
    module = _CHOICES[position][choice]
    if module is _NONE:
        return None if before.any else before
    return _Before(True, before.halvings + module.halves, before.doublings + module.doubles)


def _is_network(whole: _Before) -> bool:
    return 1 <= whole.halvings <= _HALVINGS and 1 <= whole.doublings <= _DOUBLINGS


def _cost(skeleton: Skeleton, position: int, before: _Before, module: Module) -> Cost:
    """Return the cost of a module; the stem, which quarters the side, and the classifier belong to the ends."""
    c_in, side = _WIDTH << before.doublings, skeleton.side // 4 >> before.halvings + module.halves
    c_out, total = c_in << module.doubles, FREE
    if position == 0:
        total += conv(3, 3, _WIDTH // 2, skeleton.side // 2) + conv(3, _WIDTH // 2, _WIDTH, skeleton.side // 4)
    if module is not _NONE:
        for width in (c_in, c_out, c_out, c_out):
            total += conv(3, width, c_out, side)
        total += conv(1, c_in, c_out, side) if module.halves or module.doubles else FREE
    if position == _MOST - 1:
        total += classifier(c_out, skeleton.classes)
    return total
