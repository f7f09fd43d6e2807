"""One page, without server or network, on which the classes of a space or a run are looked at in a browser."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sedspace.errors import BadInput, needs
from sedspace.figures import COLORS
from sedspace.report.class_bins import Bins, binned
from sedspace.report.page import framed
from sedspace.runs import Run
from sedspace.scores import known_scores, registered
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.storage import as_file

if TYPE_CHECKING:
    import altair

_WIDE, _HIGH = 420, 110
_POWER = "datum.value < 1e5 ? format(datum.value, ',') : format(datum.value, '.0e')"
_ALL, _LEFT, _FRONT = "#bbbbbb", COLORS["pool"], COLORS["conv"]


@dataclass(frozen=True)
class Explorer:
    """A page to look at the classes of a space or a run; in a notebook it shows itself.

    Attributes
    ----------
    page : str
        The page, HTML that needs nothing else.
    bins : Bins
        What it shows.
    """

    page: str
    bins: Bins

    def _repr_html_(self) -> str:
        """Show the page in a notebook, in a frame of its own."""
        return framed(self.page, 1000)


def explore(
    source: str | Space | Run, out: str | Path | None = None, *, columns: Sequence[str] | None = None
) -> Explorer:
    """Make a page to look at all architectures of a space or a run, by the classes they fall into.

    Histograms of a score and of costs, with brushes that filter each other, and a map with the Pareto front. Of what is
    chosen: the exact number, the best architecture, and the condition and command that give the same answer. A few
    thousand rows stand for 10^19 architectures: of equal values together, or of bins where there are more.

    Parameters
    ----------
    source : str, Space or Run
        A space, its name, or a run.
    out : str or Path, optional
        A file, ``.html``, to write the page to.
    columns : sequence of str, optional
        Two or three: a score, the more the better, and what it is held against. Default: ``sed``, ``params`` and
        ``n_skip``, or what there is in their place.

    Returns
    -------
    Explorer

    Raises
    ------
    BadInput
        If a column is unknown, there are too many classes to count, or no altair.

    Examples
    --------
    >>> import sedspace as ss
    >>> seen = ss.explore("tss8", columns=["sed", "params"])
    >>> seen.bins.rows["count"].sum()
    37252902984619140625
    """
    named, source = source, find_space(source) if isinstance(source, str) else source
    if not isinstance(source, Space | Run):
        raise BadInput(f"explore {source!r}: expected a space, its name, or a run")
    file = None if out is None else as_file(out)
    if file is not None and Path(file.name).suffix != ".html":
        raise BadInput(f"--out {out}: expected a file that ends in .html")
    bins = binned(source, columns)
    target = named if isinstance(named, str) else str(source.path) if isinstance(source, Run) else source.name
    page = _page(bins, target, isinstance(source, Run))
    if file is not None:
        file.write(page.encode())
    return Explorer(page, bins)


def _page(bins: Bins, target: str, of_run: bool) -> str:
    """Return the page of what a command calls `target`, a run or a space."""
    try:
        import altair
        import vl_convert
    except ModuleNotFoundError as error:
        raise needs(str(error.name), "explore", "explore needs") from None
    here = files("sedspace.report")
    style, script = (here.joinpath(f"explorer.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    bundle: Callable[..., str] = vl_convert.javascript_bundle
    library = bundle(vl_version=".".join(altair.SCHEMA_VERSION.split(".")[:2]))
    title = f"{int(bins.rows['count'].sum()):,} architectures of {target}"
    data = {
        "columns": bins.columns,
        "edges": bins.edges,
        "rows": _rows(bins),
        "chart": _chart(bins).to_dict(),
        "target": target,
        "quoted": shlex.quote(target),
        "run": of_run,
        "own": [] if of_run else [name for name in bins.columns if name in registered()],
    }
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{escape(_explained(bins))}</p>"
        '<div id="chart"></div><div id="chosen"></div>'
        f'<script type="application/json" id="data">{text}</script>'
        f"<script>{library}</script><script>{script}</script></body></html>"
    )


def _explained(bins: Bins) -> str:
    known = known_scores(bins.space)
    meanings = "; ".join(f"{name}: {known[name].meaning}" for name in bins.columns if name in known)
    return (
        "Drag over a histogram to choose by it, click a square of the map to choose that one; double-click chooses all "
        f"again. {meanings}."
    )


def _rows(bins: Bins) -> list[dict[str, Any]]:
    """Return what the page says about each row: its bins, exact count as text, and its best architecture."""
    numbers = bins.rows.select(f"bin_{name}" for name in bins.columns).rows()
    best = bins.rows.select(f"best_{name}" for name in bins.columns).rows()
    counts, indices = bins.rows["count"].to_list(), [int(index) for index in bins.rows["index"].to_list()]
    archs = bins.space.arch(indices).tolist()
    return [
        {"bins": b, "count": str(c), "index": str(i), "best": v, "arch": a, "drawing": bins.space.draw(i)}
        for b, c, i, v, a in zip(numbers, counts, indices, best, archs, strict=True)
    ]


def _chart(bins: Bins) -> altair.HConcatChart:
    """Return histograms whose brushes filter each other, and the map with the front."""
    import altair as alt

    middles = [[(least + greatest) / 2 for least, greatest in edges] for edges in bins.edges]
    numbers = bins.rows.select(f"bin_{name}" for name in bins.columns).rows()
    counts = [float(count) for count in bins.rows["count"].to_list()]
    values = [
        {
            "count": count,
            **{f"m{at}": middles[at][b] for at, b in enumerate(row)},
            **{f"b{at}": b for at, b in enumerate(row)},
        }
        for row, count in zip(numbers, counts, strict=True)
    ]
    data = alt.InlineData(values=values)
    brushes = [alt.selection_interval(name=f"brush{at}", encodings=["x"]) for at in range(len(bins.columns))]
    histograms = [_histogram(bins, data, brushes, at, middles[at]) for at in range(len(brushes))]
    both = alt.hconcat(alt.vconcat(*histograms, spacing=12), _map(bins, data, brushes), spacing=24)
    chart: altair.HConcatChart = both.configure(background="transparent")
    return chart


def _scale(bins: Bins, at: int) -> altair.Scale:
    """Return the scale of a column: a fixed one, since a brush stops where its scale changes under it."""
    import altair as alt

    edges = bins.edges[at]
    return alt.Scale(domain=[edges[0][0], edges[-1][1]], zero=False, nice=False, padding=8)


def _axis(bins: Bins, at: int) -> altair.Axis:
    """Return the axis of a column: as many numbers as there is room for, integers where the column has these."""
    import altair as alt

    whole = all(isinstance(edge, int) for edges in bins.edges[at] for edge in edges)
    return alt.Axis(format="~s", tickCount=8, labelOverlap=True, tickMinStep=1 if whole else alt.Undefined)


def _powers(bins: Bins) -> list[float]:
    """Return 0 and a few powers of ten, up to the number of all architectures."""
    digits = len(str(bins.rows["count"].sum()))
    return [0, *(10.0**power for power in range(0, digits, math.ceil(digits / 5)))]


def _histogram(bins: Bins, data: Any, brushes: list[Any], at: int, middles: list[float]) -> altair.LayerChart:
    """Return how many architectures there are by a column: all, and those that the other brushes leave."""
    import altair as alt

    size = max(2.0, min(14.0, _WIDE / len(middles) - 1))
    x = alt.X(f"m{at}:Q", title=bins.columns[at], scale=_scale(bins, at), axis=_axis(bins, at))
    y = alt.Y(
        "sum(count):Q",
        title="architectures",
        scale=alt.Scale(type="symlog"),
        axis=alt.Axis(values=_powers(bins), labelExpr=_POWER, labelOverlap="greedy"),
    )
    base = alt.Chart(data, width=_WIDE, height=_HIGH).encode(x=x, y=y)
    behind = base.mark_bar(size=size, color=_ALL).add_params(brushes[at])
    front = base.mark_bar(size=size, color=_LEFT)
    for other, brush in enumerate(brushes):
        if other != at:
            front = front.transform_filter(brush)
    chart: alt.LayerChart = behind + front
    return chart


def _map(bins: Bins, data: Any, brushes: list[Any]) -> altair.LayerChart:
    """Return the map of the first two columns, of what all brushes leave, with the Pareto front on it."""
    import altair as alt

    high = len(brushes) * (_HIGH + 12) + (len(brushes) - 1) * 40
    x = alt.X("m1:Q", title=bins.columns[1], scale=_scale(bins, 1), axis=_axis(bins, 1))
    y = alt.Y("m0:Q", title=bins.columns[0], scale=_scale(bins, 0))
    squares = _squares(bins, alt.Chart(data, width=_WIDE, height=high).encode(x=x, y=y))
    for brush in brushes:
        squares = squares.transform_filter(brush)
    more, less = bins.columns[:2]
    points = [
        {"m0": row[more], "m1": row[less], "count": str(row["count"]), "index": str(row["index"])}
        for row in bins.front.iter_rows(named=True)
    ]
    marks = alt.OverlayMarkDef(color=_FRONT, size=14)
    front = alt.Chart(alt.InlineData(values=points)).mark_line(
        color=_FRONT, point=marks, interpolate="step-after", strokeWidth=1
    )
    chart: alt.LayerChart = squares + front.encode(x=x, y=y, tooltip=["m0:Q", "m1:Q", "count:N", "index:N"])
    return chart


def _squares(bins: Bins, base: altair.Chart) -> altair.Chart:
    """Return a square for each bin of the first two columns, which a click chooses."""
    import altair as alt

    pair = bins.rows.group_by(f"bin_{bins.columns[0]}", f"bin_{bins.columns[1]}").agg(pl.col("count").sum())
    counts = [float(count) for count in pair["count"].to_list()]
    scheme = alt.SchemeParams(name="viridis", extent=[0.15, 1])  # its darkest cannot be seen on a dark page
    scale = alt.Scale(type="log", scheme=scheme, domain=[min(counts), max(counts)])  # fixed, as `_scale` is
    legend = alt.Legend(values=[one for one in _powers(bins) if 1 <= one <= max(counts)], labelExpr=_POWER)
    cell = alt.selection_point(name="cell", fields=["b0", "b1"], clear="dblclick")
    tips = [alt.Tooltip(f"m{at}:Q", title=name) for at, name in enumerate(bins.columns[:2])]
    size = max(12.0, (_WIDE / len(bins.edges[1])) ** 2)
    squares = base.mark_square(opacity=1, size=size).encode(
        color=alt.Color("sum(count):Q", title="architectures", scale=scale, legend=legend),
        opacity=alt.condition(cell, alt.value(1.0), alt.value(0.25)),
        tooltip=[*tips, alt.Tooltip("sum(count):Q", format=",")],
        detail=["b0:N", "b1:N"],
    )
    chart: altair.Chart = squares.add_params(cell)
    return chart
