"""Figures from the literature, each with its source: what a measured number is to be held against."""

from __future__ import annotations

import functools
import json
from typing import Any

from sedspace.shipped import shipped


@functools.cache
def published() -> dict[str, Any]:
    """Return the content of ``data/published.json``.

    Examples
    --------
    >>> published()["sed_paper"]["text"]["grad_norm_seconds_per_architecture"]
    0.54
    """
    content: dict[str, Any] = json.loads(shipped("published.json"))
    return content
