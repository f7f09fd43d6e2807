"""Figures from the literature, each with its source: what a measured number is to be held against."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve()
_PLACES = (_HERE.parent / "data", _HERE.parents[2] / "data")  # an installed package, a checkout


@functools.cache
def published() -> dict[str, Any]:
    """Return the content of ``data/published.json``.

    Examples
    --------
    >>> published()["sed_paper"]["text"]["grad_norm_seconds_per_architecture"]
    0.54
    """
    for place in _PLACES:
        if (place / "published.json").is_file():
            content: dict[str, Any] = json.loads((place / "published.json").read_text(encoding="utf-8"))
            return content
    raise FileNotFoundError("published.json is not beside sedspace: the installation is incomplete")
