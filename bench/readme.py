"""Putting measured figures where the README has room for them."""

from __future__ import annotations

from pathlib import Path


def write_between(path: Path, markers: tuple[str, str], text: str) -> None:
    """Put text between two marker lines of a file."""
    before, _, rest = path.read_text(encoding="utf-8").partition(markers[0])
    _, _, after = rest.partition(markers[1])
    path.write_text(f"{before}{markers[0]}\n{text}\n{markers[1]}{after}", encoding="utf-8")
