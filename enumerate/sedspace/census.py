"""Exact answers about whole spaces of any size, from counting classes of equal feature sums."""

from __future__ import annotations

from dataclasses import dataclass

from sedspace.scores import AdditiveScore
from sedspace.spaces import Space
from sedspace_kernels.tables import class_counts


@dataclass(frozen=True)
class Standing:
    """Where one key stands among all architectures of a space.

    Attributes
    ----------
    rank : int
        1 + the number of architectures with a greater key.
    ties : int
        The number of architectures with this key, itself included.
    best, worst : int or float
        The greatest and the least key of the space.
    """

    rank: int
    ties: int
    best: float
    worst: float


def standing(space: Space, score: AdditiveScore, key: float) -> Standing:
    """Return where a key of an additive score stands in a space, exactly, at any size.

    Examples
    --------
    >>> import sedspace as ss
    >>> standing(ss.space("tss"), ss.sed(), 133)  # sixteenths
    Standing(rank=2, ties=5, best=140, worst=-24)
    """
    sums, counts = class_counts(score.tables(space))
    keys = score.keys(space, sums).tolist()
    return Standing(
        rank=1 + sum(count for other, count in zip(keys, counts, strict=True) if other > key),
        ties=sum(count for other, count in zip(keys, counts, strict=True) if other == key),
        best=max(keys),
        worst=min(keys),
    )
