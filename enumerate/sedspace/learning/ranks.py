"""Normal scores: values by their standing among others, and back."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_KNOTS = 1024  # of a scale that is kept
_END = 0.84  # the quantile from which on, or below which, a scale goes on as it does on average beyond it


@dataclass(frozen=True, eq=False)
class NormalScale:
    """A map from values to normal scores that only rises: from standing among some values to a normal distribution.

    Attributes
    ----------
    values, scores : float64[knots]
        Both strictly ascending; between two of them the map is straight.
    """

    values: NDArray[np.float64]
    scores: NDArray[np.float64]

    @classmethod
    def of(cls, sample: NDArray[np.float64]) -> NormalScale:
        """Return the scale of a sample: a value's score is the normal quantile of its mean rank.

        Examples
        --------
        >>> scale = NormalScale.of(np.array([1.0, 2.0, 2.0, 7.0]))
        >>> scale.values.tolist(), scale.scores.round(2).tolist()
        ([1.0, 2.0, 7.0], [-1.15, 0.0, 1.15])
        """
        values, counts = np.unique(sample, return_counts=True)
        shares = (np.cumsum(counts) - counts / 2) / len(sample)
        if len(values) > _KNOTS:
            kept = np.unique(np.searchsorted(shares, np.linspace(shares[0], shares[-1], _KNOTS)))
            values, shares = values[kept], shares[kept]
        normal = NormalDist()
        return cls(values, np.array([normal.inv_cdf(share) for share in shares.tolist()]))

    def scored(self, values: NDArray[np.float64], *, beyond: bool = False) -> NDArray[np.float64]:
        """Return the normal scores of values; those beyond the sample's have those of its ends, or go on straight."""
        out = np.interp(values, self.values, self.scores)
        if beyond:
            for end, sign in ((0, -1), (-1, 1)):
                out += sign * np.maximum(sign * (values - self.values[end]), 0.0) / self._slope(end, sign)
        return out

    def valued(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of normal scores; beyond the ends the map goes on straight, so that it always rises."""
        out = np.interp(scores, self.scores, self.values)
        for end, sign in ((0, -1), (-1, 1)):
            out += sign * np.maximum(sign * (scores - self.scores[end]), 0.0) * self._slope(end, sign)
        return out

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return what a file holds of it."""
        return {"scale_values": self.values, "scale_scores": self.scores}

    def _slope(self, end: int, sign: int) -> float:
        """Return how steep the map is on average beyond the quantile `_END` on one side, or else between the ends."""
        if len(self.values) == 1:
            return 1.0
        inner = np.flatnonzero(sign * self.scores < NormalDist().inv_cdf(_END))
        near = inner[-1 if sign > 0 else 0] if len(inner) else -1 - end  # the other end
        if self.scores[near] == self.scores[end]:
            near = -1 - end
        return float((self.values[end] - self.values[near]) / (self.scores[end] - self.scores[near]))
