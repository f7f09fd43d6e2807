"""Arch strings that are put together from pieces: the text that each choice adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.spaces.parts import Digits
from sedspace_kernels.text import join_pieces, text_offsets


class Pieces:
    """The text that each choice adds at each position, as one text and where in it each piece stands.

    Parameters
    ----------
    pieces : sequence of sequences of str
        For each position one ASCII text for each choice.
    """

    def __init__(self, pieces: Sequence[Sequence[str]]) -> None:
        self.lengths = np.zeros((len(pieces), max(map(len, pieces))), np.int64)
        for p, choices in enumerate(pieces):
            self.lengths[p, : len(choices)] = [len(piece) for piece in choices]
        self.starts = np.cumsum(self.lengths).reshape(self.lengths.shape) - self.lengths
        self.text = np.frombuffer("".join(piece for choices in pieces for piece in choices).encode("ascii"), np.uint8)

    def joined(self, digits: Digits) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the strings of many rows of digits as `Space.arch_text` does."""
        longest = int(self.lengths.max(axis=1).sum())
        if longest * len(digits) >= 1 << 31:
            raise BadInput(
                f"{len(digits)} arch strings of up to {longest} bytes are over 2 GiB of text: take fewer at a time"
            )
        offsets = np.empty(len(digits) + 1, np.int32)
        text_offsets(digits, self.lengths, offsets)
        text = np.empty(int(offsets[-1]), np.uint8)
        join_pieces(digits, self.text, self.starts, self.lengths, text)
        return offsets, text
