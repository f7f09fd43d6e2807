"""Architecture strings, many at a time: each position contributes one piece of text, chosen by its digit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit


@jit
def text_offsets(digits: NDArray[np.integer], lengths: NDArray[np.int64], out: NDArray[np.int32]) -> None:
    """Write where each string starts and, last, where the text ends.

    Parameters
    ----------
    digits : integer[n, positions]
    lengths : int64[positions, choices]
        Bytes of each piece.
    out : int32[n + 1]
        The caller sees to it that the whole text stays below 2^31 bytes.
    """
    end = 0
    out[0] = 0
    for i in range(digits.shape[0]):
        for p in range(digits.shape[1]):
            end += lengths[p, digits[i, p]]
        out[i + 1] = end


@jit
def join_pieces(
    digits: NDArray[np.integer],
    pieces: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Write the strings one after the other.

    Parameters
    ----------
    digits : integer[n, positions]
    pieces : uint8[:]
        The text of all pieces, one after the other.
    starts, lengths : int64[positions, choices]
        Where each piece starts in `pieces`, and its bytes.
    out : uint8[:]
        As long as the last offset of `text_offsets`.
    """
    end = 0
    for i in range(digits.shape[0]):
        for p in range(digits.shape[1]):
            start = starts[p, digits[i, p]]
            length = lengths[p, digits[i, p]]
            for c in range(length):
                out[end + c] = pieces[start + c]
            end += length
