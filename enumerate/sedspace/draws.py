"""Seeded random draws: the same seed gives the same numbers, on any machine and in any later version."""

from __future__ import annotations

from random import Random

import numpy as np

from sedspace.errors import BadInput, as_int


def checked_seed(seed: int) -> int:
    """Return a seed as a Python int; raise `BadInput` unless it is one of 0 or more.

    Examples
    --------
    >>> checked_seed(np.int64(7))
    7
    """
    number = as_int(seed, "seed")
    if number < 0:
        raise BadInput(f"seed {number}: expected 0 or more")
    return number


def integers(seed: int) -> Random:
    """Return random integers of any size."""
    return Random(checked_seed(seed))


def arrays(seed: int) -> np.random.Generator:
    """Return random arrays."""
    return np.random.default_rng(checked_seed(seed))


def mixed_seed(*numbers: int) -> int:
    """Return a seed that is made of several numbers, 0 or more and below 2^63.

    Examples
    --------
    >>> mixed_seed(0, 1) == mixed_seed(0, 1) != mixed_seed(1, 0)
    True
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def subset(random: Random, size: int, n: int) -> list[int]:
    """Return n different numbers below `size`, ascending, every set of n equally likely (Floyd's algorithm).

    Examples
    --------
    >>> subset(integers(0), 10**30, 2)
    [139109141237965358711594976883, 198441737587687207744109680147]
    """
    if not 0 <= n <= size:
        raise BadInput(f"n {n}: expected 0 to {size}, the number of architectures to choose from")
    chosen: set[int] = set()
    for last in range(size - n, size):
        number = random.randrange(last + 1)
        chosen.add(last if number in chosen else number)
    return sorted(chosen)
