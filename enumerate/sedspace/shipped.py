"""Files that come with sedspace, wherever it is installed."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve()
_PLACES = (_HERE.parent / "data", _HERE.parents[2] / "data")  # an installed package, a checkout


def shipped(name: str) -> str:
    """Return the text of a file under ``data/``.

    Examples
    --------
    >>> shipped("spaces/nas_bench_macro.toml").startswith("#")
    True
    """
    for place in _PLACES:
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8")
    raise FileNotFoundError(f"{name} is not beside sedspace: the installation is incomplete")
