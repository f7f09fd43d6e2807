"""Spaces of widths: what is chosen is how many channels a network has."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from sedspace.spaces.base import Space
from sedspace.spaces.parts import Table


class WidthSpace(Space):
    """A space whose choices are channels: SED sums the logarithms of those of its convolutions."""

    @property
    @abstractmethod
    def channel_exponents(self) -> Mapping[int, Table]:
        """For each prime, how often it divides the channels of the convolutions that each choice brings."""
