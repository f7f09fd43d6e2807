"""Index <-> digits: mixed-radix numbers, the first position most significant."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import compile_for_user, jit


@jit
def unrank(indices: NDArray[np.int64], radices: NDArray[np.int64], out: NDArray[np.unsignedinteger]) -> None:
    """Write the digits of each index.

    Parameters
    ----------
    indices : int64[n]
        Each in [0, product of radices), which must be at most 2^63.
    radices : int64[positions]
    out : unsigned integer[n, positions]
    """
    for i in range(indices.size):
        rest = indices[i]
        for p in range(radices.size - 1, -1, -1):
            quotient = rest // radices[p]
            out[i, p] = rest - quotient * radices[p]
            rest = quotient


@jit
def rank(digits: NDArray[np.integer], radices: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Write the index of each row of digits: the inverse of `unrank`.

    Parameters
    ----------
    digits : integer[n, positions]
        Each below the radix of its position.
    radices : int64[positions]
    out : int64[n]
    """
    for i in range(out.size):
        index = np.int64(0)
        for p in range(radices.size):
            index = index * radices[p] + np.int64(digits[i, p])
        out[i] = index


def digit_mapper(function: Callable[[NDArray[np.int64]], float]) -> Callable[..., None]:
    """Return a kernel ``(first, radices, out)`` that writes ``function(digits)`` for consecutive architectures.

    Parameters
    ----------
    function : callable
        Takes the digits of one architecture (int64[positions], so that differences and products do what one expects)
        and returns a number. It is compiled with numba unless it is already.

    Returns
    -------
    callable
        ``kernel(first, radices, out)``: `first` (int64[positions]) holds the digits of the first architecture, `out`
        has one entry for each architecture from there on.
    """
    score = compile_for_user(function)

    @numba.njit(nogil=True)  # type: ignore[untyped-decorator]
    def kernel(first: NDArray[np.int64], radices: NDArray[np.int64], out: NDArray[np.number]) -> None:
        current = first.copy()
        given = first.copy()
        for i in range(out.size):
            given[:] = current  # the user's function may scribble on its argument
            out[i] = score(given)
            p = radices.size - 1
            while p >= 0:
                if current[p] + 1 < radices[p]:
                    current[p] += 1
                    break
                current[p] = 0
                p -= 1

    return kernel  # type: ignore[no-any-return]
