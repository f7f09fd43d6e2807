"""Numbers as the tables and sentences of a report show them."""

from __future__ import annotations

import math


def number(value: float | None, form: str = ".2f") -> str:
    """Return a number as a table shows it: a dash for one that there is not, or that is undefined."""
    return "-" if value is None or math.isnan(value) else format(value, form)


def duration(seconds: float) -> str:
    """Return seconds in a unit that suits them, hours at most.

    Examples
    --------
    >>> duration(8.2e-10), duration(0.0324), duration(95), duration(5328000)
    ('0.82 ns', '32 ms', '95 s', '1,480 h')
    """
    for unit, size, least in (("h", 3600, 7200), ("min", 60, 120), ("s", 1, 1), ("ms", 1e-3, 1e-3), ("µs", 1e-6, 1e-6)):
        if seconds >= least:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds / 1e-9)} ns"


def digits(value: float) -> str:
    """Return a number in two digits, or in whole ones if it has more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.0f}"
