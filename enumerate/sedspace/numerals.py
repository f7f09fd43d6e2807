"""Numbers as people write them, exactly: ``400_000``, ``0.4M``, ``1e6``, ``2k``."""

from __future__ import annotations

import re
from fractions import Fraction

_NUMBER = re.compile(r"([+-]?\d+(?:_\d+)*)(?:\.(\d+(?:_\d+)*))?(?:[eE]([+-]?\d{1,3}))?([kKMGT]?)")
_SUFFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_LONGEST = 1000  # characters of a number


def exact(text: str) -> Fraction | None:
    """Return a number as it is written, ``400_000``, ``0.4M``, ``1e6``, ``2k`` or ``3G``; None if it is none.

    Examples
    --------
    >>> exact("0.4M"), exact("400_000"), exact("many")
    (Fraction(400000, 1), Fraction(400000, 1), None)
    """
    match = _NUMBER.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        return None
    whole, part, exponent, suffix = match.groups()
    return Fraction(f"{whole}.{part or 0}") * Fraction(10) ** int(exponent or 0) * _SUFFIXES[suffix]


def whole_number(text: str) -> int | None:
    """Return an integer that is written in any of those ways; None if it is none."""
    number = exact(text)
    return int(number) if number is not None and number.denominator == 1 else None


def digits_of(text: str) -> str:
    """Return a number with its digits written out, where a suffix or underscores are; any other text as it is.

    Examples
    --------
    >>> digits_of("0.4M"), digits_of("6_000_000"), digits_of("1e6"), digits_of("0.0001k"), digits_of("6X")
    ('400000', '6000000', '1e6', '0.1', '6X')
    """
    number = exact(text) if text[-1] in _SUFFIXES or "_" in text else None
    if number is None:
        return text
    return str(int(number)) if number.denominator == 1 else str(float(number))
