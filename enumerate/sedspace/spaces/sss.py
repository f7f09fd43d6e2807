"""The size space of NATS-Bench: the widths of five stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.spaces.parts import Derived, Digits, Feature, Group, Operation, Position, Table
from sedspace.spaces.skeleton import NATS_BENCH, Skeleton
from sedspace.spaces.widths import WidthSpace

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)
STAGES = 5
_PRIMES = (2, 3, 5, 7)


class SssSpace(WidthSpace):
    """The channels of five stages, 8 to 64 in steps of 8, of a network of fixed cells (NATS-Bench, arXiv 2009.00437).

    An arch string is the channels joined by colons; the index is NATS-Bench's own. Parameters and MACs are no sums over
    the stages, since a convolution costs by the widths on either side of it.

    Examples
    --------
    >>> import sedspace as ss
    >>> space = ss.space("sss")
    >>> space.arch(1), space.parse("64:64:64:64:64")
    ('8:8:8:8:16', 32767)
    >>> ss.score(space, "params", 0, 1).item(), ss.score(space, "macs", 0, 1).item()
    (11714, 4481114)
    """

    def __init__(self) -> None:
        choices = tuple(Operation(str(width), "conv", 3) for width in WIDTHS)
        positions = [Position(f"stage {stage}", choices) for stage in range(1, STAGES + 1)]
        super().__init__("sss", "NATS-Bench size space", positions, (Group("network", tuple(range(STAGES))),))

    @property
    def default_features(self) -> tuple[str, ...]:
        """The channels, and the costs of the CIFAR-10 network."""
        return ("channels", "params", "macs")

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """The sum of the stages' channels."""
        table = self.table([WIDTHS] * STAGES)
        return {"channels": Feature("channels", table, 0, "int32", "channels", "channels of all five stages")}

    @cached_property
    def derived(self) -> Mapping[str, Derived]:
        """Parameters and MACs of NATS-Bench's three networks."""
        return {one.name: one for one in self._derived()}

    def _derived(self) -> Iterator[Derived]:
        for skeleton in NATS_BENCH:
            suffix = "" if skeleton.dataset == "cifar10" else f"_{skeleton.dataset}"
            network = f"NATS-Bench's {skeleton.dataset} network"
            meaning = f"trainable parameters of {network}"
            yield Derived(f"params{suffix}", partial(_params, skeleton), "int32", "parameters", meaning)
            meaning = f"multiply-accumulates of convolutions and classifier of {network} (it prints them as FLOPs)"
            yield Derived(f"macs{suffix}", partial(_macs, skeleton), "int64", "MACs per image", meaning)

    @cached_property
    def channel_exponents(self) -> Mapping[int, Table]:
        """How often 2, 3, 5 and 7 divide the channels of each stage."""
        return {prime: self.table([[_exponent(width, prime) for width in WIDTHS]] * STAGES) for prime in _PRIMES}

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each stage, the text that each width adds to the arch string."""
        return tuple(tuple(f"{':' if stage else ''}{width}" for width in WIDTHS) for stage in range(STAGES))

    def _parse_one(self, arch: str) -> list[int]:
        widths = arch.strip().split(":") if isinstance(arch, str) else []
        if len(widths) != STAGES:
            raise BadInput(f"arch {arch!r} is not of {self.name}: expected {STAGES} widths such as 8:16:64:32:8")
        for stage, width in enumerate(widths, start=1):
            if width not in map(str, WIDTHS):
                raise BadInput(
                    f"arch {arch!r}: stage {stage} is {width!r}, expected one of {', '.join(map(str, WIDTHS))}"
                )
        return [WIDTHS.index(int(width)) for width in widths]


def _exponent(number: int, prime: int) -> int:
    return 0 if number % prime else 1 + _exponent(number // prime, prime)


def _layers(skeleton: Skeleton, digits: Digits) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], int]]:
    """Yield the layers with weights: their weights, the channels of their BatchNorm (or 0), and output pixels.

    Stages 1, 3 and 5 are the best cell of the topology space: 3x3 convolutions on five of its six edges, and a skip
    connection from the input to the output, which is a 1x1 convolution where the width changes. Stages 2 and 4 are
    residual blocks that halve the resolution.
    """
    widths = np.array(WIDTHS)[digits].astype(np.int64)
    side = skeleton.side
    first = widths[:, 0]
    yield 27 * first, first, side * side
    c_in = first
    for stage in range(STAGES):
        c_out = widths[:, stage]
        halves = stage % 2 == 1
        side = side // 2 if halves else side
        if halves:
            yield 9 * c_in * c_out, c_out, side * side
            yield 9 * c_out * c_out, c_out, side * side
            yield c_in * c_out, 0 * c_out, side * side
        else:
            for source in (c_in, c_in, c_out, c_out, c_out):
                yield 9 * source * c_out, c_out, side * side
            differs = c_in != c_out
            yield differs * c_in * c_out, differs * c_out, side * side
        c_in = c_out
    yield c_in * skeleton.classes + skeleton.classes, c_in, 1


def _params(skeleton: Skeleton, digits: Digits) -> NDArray[np.int64]:
    return np.asarray(sum(weights + 2 * scaled for weights, scaled, _ in _layers(skeleton, digits)))


def _macs(skeleton: Skeleton, digits: Digits) -> NDArray[np.int64]:
    return np.asarray(sum(weights * pixels for weights, _, pixels in _layers(skeleton, digits)))
