"""The names that NAS-Bench-101 gives its cells: MD5 hashes that isomorphic cells share (arXiv 1902.09635, S1).

Every vertex is hashed from its degrees and label, then as often as there are vertices from the sorted hashes of its
neighbours and its own. Each is MD5 of a text with earlier hashes as hexadecimal digits in it (RFC 1321).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sedspace_kernels.jit import jit

LETTERS = 32  # of a hash
_SINES = np.array([int(abs(math.sin(i + 1)) * (1 << 32)) for i in range(64)], np.int64)
_TURNS = np.array([[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]], np.int64)
_BEGIN = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476], np.int64)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_MASK = (1 << 32) - 1
_ROOM = 1024  # bytes of the longest text, with what MD5 adds: 426 of a vertex, 252 of a cell


@jit
def _mixed(state: NDArray[np.int64], message: NDArray[np.uint8], start: int) -> None:
    """Mix 64 bytes into a state of MD5, four numbers and room for sixteen."""
    words = state[4:]
    for i in range(16):
        at = start + 4 * i
        low = np.int64(message[at]) | np.int64(message[at + 1]) << 8
        words[i] = low | np.int64(message[at + 2]) << 16 | np.int64(message[at + 3]) << 24
    a, b, c, d = state[0], state[1], state[2], state[3]
    for i in range(64):
        if i < 16:
            f, word = (b & c) | (~b & _MASK & d), i
        elif i < 32:
            f, word = (d & b) | (~d & _MASK & c), (5 * i + 1) % 16
        elif i < 48:
            f, word = b ^ c ^ d, (3 * i + 5) % 16
        else:
            f, word = c ^ (b | (~d & _MASK)), 7 * i % 16
        turned = (a + f + _SINES[i] + words[word]) & _MASK
        turn = _TURNS[i // 16, i % 4]
        a, d, c = d, c, b
        b = (b + ((turned << turn | turned >> (32 - turn)) & _MASK)) & _MASK
    state[0] = (state[0] + a) & _MASK
    state[1] = (state[1] + b) & _MASK
    state[2] = (state[2] + c) & _MASK
    state[3] = (state[3] + d) & _MASK


@jit
def md5(message: NDArray[np.uint8], length: int, state: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Write the MD5 of a text as hexadecimal digits.

    Parameters
    ----------
    message : uint8[room]
        The text, and at least 72 bytes more, which are overwritten.
    length : int
        Of the text.
    state : int64[20]
        Overwritten.
    out : uint8[32]
    """
    end = (length + 8) // 64 * 64 + 64
    message[length:end] = 0
    message[length] = 0x80
    for byte in range(8):
        message[end - 8 + byte] = (8 * length) >> (8 * byte) & 255
    state[:4] = _BEGIN
    for start in range(0, end, 64):
        _mixed(state, message, start)
    for number in range(16):
        byte = state[number // 4] >> (8 * (number % 4)) & 255
        out[2 * number], out[2 * number + 1] = _HEX[byte >> 4], _HEX[byte & 15]


@jit
def _is_before(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    for i in range(LETTERS):
        if one[i] != other[i]:
            return bool(one[i] < other[i])
    return False


@jit
def _sort(hashes: NDArray[np.uint8], n: int, order: NDArray[np.int64]) -> None:
    """Write the numbers of hashes in the order of the hashes."""
    for v in range(n):
        place = v
        while place and _is_before(hashes[v], hashes[order[place - 1]]):
            order[place] = order[place - 1]
            place -= 1
        order[place] = v


@jit
def _first(n: int, adjacency: NDArray[np.integer], label: int, v: int, message: NDArray[np.uint8]) -> int:
    """Write what a vertex begins with, ``(out, in, label)``, and return its length."""
    into, out_of = 0, 0
    for w in range(n):
        into += adjacency[w, v]
        out_of += adjacency[v, w]
    message[0], message[1], message[2], message[3] = 40, 48 + out_of, 44, 32
    message[4], message[5], message[6] = 48 + into, 44, 32
    length = 7
    if label < 0:
        message[length] = 45
        length += 1
    message[length], message[length + 1] = 48 + abs(label), 41
    return length + 2


@jit
def _next(
    n: int,
    adjacency: NDArray[np.integer],
    v: int,
    hashes: NDArray[np.uint8],
    order: NDArray[np.int64],
    message: NDArray[np.uint8],
) -> int:
    """Write the sorted hashes of a vertex's sources, those of its targets, and its own, and return the length."""
    length = 0
    for backwards in range(2):
        for w in order[:n]:
            if (adjacency[v, w] if backwards else adjacency[w, v]) == 1:
                message[length : length + LETTERS] = hashes[w]
                length += LETTERS
        message[length] = 124
        length += 1
    message[length : length + LETTERS] = hashes[v]
    return length + LETTERS


@jit
def _listed(n: int, hashes: NDArray[np.uint8], order: NDArray[np.int64], message: NDArray[np.uint8]) -> int:
    """Write sorted hashes as Python shows a list of texts, and return the length."""
    length = 0
    for place in range(n):
        message[length], message[length + 1] = (44, 32) if place else (91, 39)
        length += 2
        if place:
            message[length] = 39
            length += 1
        message[length : length + LETTERS] = hashes[order[place]]
        message[length + LETTERS] = 39
        length += LETTERS + 1
    message[length] = 93
    return length + 1


@jit
def module_hashes(
    vertices: NDArray[np.integer],
    adjacency: NDArray[np.integer],
    labels: NDArray[np.integer],
    out: NDArray[np.uint8],
) -> None:
    """Write the hashes of cells as hexadecimal digits.

    Parameters
    ----------
    vertices : integer[cells]
    adjacency : integer[cells, 7, 7]
        1 where there is an edge from row to column.
    labels : integer[cells, 7]
        -1 of the input, -2 of the output, else the number of the operation, as NAS-Bench-101 numbers them.
    out : uint8[cells, 32]
    """
    most = adjacency.shape[1]
    message, state = np.empty(_ROOM, np.uint8), np.empty(20, np.int64)
    hashes, onward = np.empty((most, LETTERS), np.uint8), np.empty((most, LETTERS), np.uint8)
    order = np.empty(most, np.int64)
    for i in range(len(vertices)):
        n = vertices[i]
        for v in range(n):
            md5(message, _first(n, adjacency[i], labels[i, v], v, message), state, hashes[v])
        for _ in range(n):
            _sort(hashes, n, order)
            for v in range(n):
                md5(message, _next(n, adjacency[i], v, hashes, order, message), state, onward[v])
            hashes[:n] = onward[:n]
        _sort(hashes, n, order)
        md5(message, _listed(n, hashes, order, message), state, out[i])
