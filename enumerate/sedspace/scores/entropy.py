"""DeepMAD's entropy of a network of cells and its effectiveness (arXiv 2303.02165)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.scores.network_entropy import network_entropy_scores
from sedspace.spaces import Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.stages import StagesSpace

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def entropy_scores(space: Space, _: Mapping[str, str]) -> Iterator[Score]:
    """Yield the scores, if the space is one of cells in a network or of networks of blocks (`network_entropy`).

    Of cells there are two.

    - ``entropy``: ``log(r^2 c) * sum of log(c_i k_i^2 / g_i)`` over the network's convolutions, c_i their input
      channels, r and c resolution and channels of the last stage; poolings and skip connections add nothing.
    - ``effectiveness``: rho, the number of those convolutions over the geometric mean of ``c_i k_i^2 / g_i``.
    """
    if isinstance(space, StagesSpace):
        yield from network_entropy_scores(space)
        return
    if not isinstance(space, CellSpace) or not space.skeletons:
        return
    convs = [operation for operation in space.operations if operation.kind == "conv"]
    if not convs:
        return
    skeleton = space.skeletons[0]
    fixed = [np.log(c * k * k) for c, k in skeleton.fixed_convolutions()]
    per_edge = [
        sum(skeleton.cells * np.log(c // g * k**2) for c in skeleton.widths for k, g in o.convolutions(c))
        for o in convs
    ]
    often = [sum(skeleton.cells * len(o.convolutions(c)) for c in skeleton.widths) for o in convs]
    side = skeleton.side >> (len(skeleton.widths) - 1)
    scale = np.log(side * side * skeleton.widths[-1])
    counts = {operation.name: {operation.name: 1} for operation in convs}

    def logs(*numbers: Counts) -> Floats:
        """Return the sum of the logarithms over the convolutions."""
        total: Floats = sum(fixed) + sum(n * log for n, log in zip(numbers, per_edge, strict=True))
        return total

    def effectiveness(*numbers: Counts) -> Floats:
        layers = len(fixed) + sum(n * layers for n, layers in zip(numbers, often, strict=True))
        return layers / np.exp(logs(*numbers) / layers)

    meaning = "entropy of the network: log(r^2 c) * sum of log(c k^2 / g) over its convolutions"
    yield AdditiveScore("entropy", counts, lambda *n: scale * logs(*n), unit="nats^2", meaning=meaning)
    meaning = "DeepMAD's rho: convolutions over the geometric mean of c k^2 / g"
    yield AdditiveScore("effectiveness", counts, effectiveness, unit="1", meaning=meaning)
