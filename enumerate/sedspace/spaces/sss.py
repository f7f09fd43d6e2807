"""The size space of NATS-Bench: the widths of five stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from sedspace.errors import BadInput, quoted
from sedspace.spaces.codes import codes_of
from sedspace.spaces.machine import explored
from sedspace.spaces.parts import Feature, Group, Operation, Position, Table
from sedspace.spaces.skeleton import FREE, NATS_BENCH, Cost, Skeleton, classifier, conv
from sedspace.spaces.widths import WidthSpace

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)
STAGES = 5
_PRIMES = (2, 3, 5, 7)


class SssSpace(WidthSpace):
    """The channels of five stages, 8 to 64 in steps of 8, of a network of fixed cells (NATS-Bench, arXiv 2009.00437).

    An arch string is the channels joined by colons; the index is NATS-Bench's own. What a stage costs depends on the
    width before it: that is the state that parameters and MACs go by.

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
        self.feature_machine, self._before = explored(
            "widths", self.radices.tolist(), [0], lambda before, stage, choice: WIDTHS[choice]
        )

    @property
    def default_features(self) -> tuple[str, ...]:
        """The channels, and the costs of the CIFAR-10 network."""
        return ("channels", "params", "macs")

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """The sum of the stages' channels, and parameters, MACs and layers of NATS-Bench's three networks."""
        return {feature.name: feature for feature in self._features()}

    def _features(self) -> Iterator[Feature]:
        table = self.table([WIDTHS] * STAGES)
        yield Feature("channels", table, 0, "int32", "channels", "channels of all five stages")
        for skeleton in NATS_BENCH:
            suffix = "" if skeleton.dataset == "cifar10" else f"_{skeleton.dataset}"
            costs = [
                [[_cost(skeleton, stage, before, width) for width in WIDTHS] for before in states]
                for stage, states in enumerate(self._before)
            ]
            network = f"NATS-Bench's {skeleton.dataset} network"
            yield from self.cost_features(network, suffix, costs, " (it prints them as FLOPs)")
        yield self.layers(costs)  # those of any of the networks

    @cached_property
    def channel_exponents(self) -> Mapping[int, Table]:
        """How often 2, 3, 5 and 7 divide the channels of each stage."""
        return {prime: self.table([[_exponent(width, prime) for width in WIDTHS]] * STAGES) for prime in _PRIMES}

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each stage, the text that each width adds to the arch string."""
        return tuple(tuple(f"{':' if stage else ''}{width}" for width in WIDTHS) for stage in range(STAGES))

    def _parse_one(self, arch: object) -> list[int]:
        codes = codes_of(arch)  # NASLib's channels
        widths = list(map(str, codes)) if codes else arch.strip().split(":") if isinstance(arch, str) else []
        if len(widths) != STAGES:
            raise BadInput(f"arch {quoted(arch)} is not of {self.name}: expected {STAGES} widths such as 8:16:64:32:8")
        for stage, width in enumerate(widths, start=1):
            if width not in map(str, WIDTHS):
                raise BadInput(
                    f"arch {quoted(arch)}: stage {stage} is {width!r}, expected one of {', '.join(map(str, WIDTHS))}"
                )
        return [WIDTHS.index(int(width)) for width in widths]


def _exponent(number: int, prime: int) -> int:
    return 0 if number % prime else 1 + _exponent(number // prime, prime)


def _cost(skeleton: Skeleton, stage: int, before: int, width: int) -> Cost:
    """Return the cost of a stage of some width, by the width before it; the stem and the classifier belong to the ends.

    Stages 1, 3 and 5 are the best cell of the topology space: 3x3 convolutions on five of its six edges, and a skip
    connection from the input to the output, which is a 1x1 convolution where the width changes. Stages 2 and 4 are
    residual blocks that halve the resolution.
    """
    side, total = skeleton.side >> (stage + 1) // 2, FREE
    if stage == 0:
        before, total = width, conv(3, 3, width, side)
    if stage % 2:
        shortcut = conv(1, before, width, side, batch_norm=False)
        total += conv(3, before, width, side) + conv(3, width, width, side) + shortcut
    else:
        for c_in in (before, before, width, width, width):
            total += conv(3, c_in, width, side)
        total += conv(1, before, width, side) if before != width else FREE
    if stage == STAGES - 1:
        total += Cost(2 * width, 0) + classifier(width, skeleton.classes)
    return total
