"""Figures of matplotlib that look alike: their sizes, letters and colours, and the same bytes every time."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sedspace.errors import needs, unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"none": "0.8", "skip": "#009e73", "conv": "#d55e00", "pool": "#0072b2"}
"""Of kinds of operations: of Okabe's and Ito's, which colour-blind people tell apart. `PINK` is one more."""

PINK = "#cc79a7"
WIDTHS = {"column": (3.3, 8.0, 0.8), "text": (6.9, 9.0, 0.0)}
"""Widths for papers, a column's or the text's: inches, points of the letters, and least height by width."""

KINDS: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""The endings of pictures' names, and what to leave out of each so that the bytes are the same every time."""

_POINTS = 11.0  # of the letters, unless a width is given


def new_figure(width: float, height: float, *, style: str | None = None) -> tuple[Figure, Axes]:
    """Return a figure of some size in inches, or of one of `WIDTHS`, and its axes."""
    figure, (axes,) = new_grid(width, height, 1, 1, style=style)
    return figure, axes


def new_grid(
    width: float, height: float, rows: int, columns: int, *, style: str | None = None
) -> tuple[Figure, list[Axes]]:
    """Return a figure of some size in inches, or of one of `WIDTHS`, and its axes row by row."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise needs(str(error.name), "plot", "pictures need") from None
    if style is not None and style not in WIDTHS:
        raise unknown("width of a picture", style, WIDTHS)
    inches, points, least = (width, _POINTS, 0.0) if style is None else WIDTHS[style]
    mpl.rcParams.update({"svg.hashsalt": "sedspace", "pdf.fonttype": 42, "font.size": points})
    mpl.rcParams["axes.titlesize"] = "large" if style is None else "medium"
    figure = Figure(figsize=(inches, inches * max(height / width, least)), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def area(points: float) -> float:
    """Return the area of a mark that has this many square points among letters of the default size."""
    import matplotlib as mpl

    return points * float(mpl.rcParams["font.size"] / _POINTS) ** 2


def finish(axes: Axes, *, xlabel: str = "", ylabel: str = "", title: str = "") -> None:
    """Take away the frame's upper and right lines, and set labels."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlabel=verbatim(xlabel), ylabel=verbatim(ylabel), title=verbatim(title))


def verbatim(text: str) -> str:
    """Return a text as matplotlib shall be given it: dollars are no formulas."""
    return text.replace("$", r"\$")


def encoded(figure: Figure, kind: str = "png", dpi: int = 200) -> bytes:
    """Return a figure as PNG, SVG or PDF, the same bytes every time."""
    data = io.BytesIO()
    figure.savefig(data, format=kind, dpi=dpi, metadata=KINDS[f".{kind}"])
    return data.getvalue()
