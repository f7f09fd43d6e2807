"""Spaces of widths: what is chosen is how many channels a network has."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence

from sedspace.spaces.base import Space
from sedspace.spaces.parts import Feature, Table, layers_feature
from sedspace.spaces.skeleton import Cost


class WidthSpace(Space):
    """A space whose choices are channels: SED sums the logarithms of those of its convolutions."""

    @property
    @abstractmethod
    def channel_exponents(self) -> Mapping[int, Table]:
        """For each prime, how often it divides the channels of the convolutions that each choice brings."""

    def layers(self, costs: Sequence[Sequence[Sequence[Cost]]]) -> Feature:
        """Return the number of trainable layers, from the cost at each position, by state, of each choice."""
        return layers_feature(self.table([[[cost.layers for cost in row] for row in rows] for rows in costs]))

    def cost_features(
        self, network: str, suffix: str, costs: Sequence[Sequence[Sequence[Cost]]], remark: str = ""
    ) -> Iterator[Feature]:
        """Yield parameters and MACs of a network, from the cost at each position, by state, of each choice."""
        table = self.table([[[cost.params for cost in row] for row in rows] for rows in costs])
        yield Feature(f"params{suffix}", table, 0, "int32", "parameters", f"trainable parameters of {network}")
        table = self.table([[[cost.macs for cost in row] for row in rows] for rows in costs])
        meaning = f"multiply-accumulates of convolutions and classifier of {network}{remark}"
        yield Feature(f"macs{suffix}", table, 0, "int64", "MACs per image", meaning)
