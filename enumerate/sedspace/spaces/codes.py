"""Architectures as plain sequences of integers, which other libraries pass around and write down."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from numbers import Integral

import numpy as np

_WRITTEN = re.compile(r"\s*[(\[][\s\d,]*[)\]]\s*")


def codes_of(arch: object) -> list[int] | None:
    """Return the integers that an architecture, or a text such as ``(4, 0, 3)``, is made of, two or more; else None.

    Examples
    --------
    >>> codes_of((4, 0, 3)), codes_of("[4, 0, 3]"), codes_of("|none~0|"), codes_of([4])
    ([4, 0, 3], [4, 0, 3], None, None)
    """
    if isinstance(arch, str):
        try:
            arch = ast.literal_eval(arch.strip()) if _WRITTEN.fullmatch(arch) else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    if not isinstance(arch, Sequence | np.ndarray) or isinstance(arch, bytes):
        return None
    whole = len(arch) > 1 and all(isinstance(one, Integral) and not isinstance(one, bool) for one in arch)
    return [int(one) for one in arch] if whole else None
