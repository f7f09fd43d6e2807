"""Pictures of runs, good enough for a paper: PNG or SVG, the same bytes every time."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sedspace.errors import BadInput, as_path, needs, unknown
from sedspace.join import join, read_table
from sedspace.query import collect, top
from sedspace.runs import Run
from sedspace.runs.place import write_whole
from sedspace.spaces.cell import CellSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"none": "0.8", "skip": "#2a9d8f", "conv": "#e76f51", "pool": "#457b9d"}
_MAX_POINTS = 20_000


def new_figure(width: float, height: float, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of some size in inches and its axes; options are those of `Figure.subplots`."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise needs(str(error.name), "plot", "pictures need") from None
    mpl.rcParams.update({"svg.hashsalt": "sedspace", "font.size": 11})
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**options)


def plain(axes: Axes, **labels: str) -> None:
    """Take away the frame's upper and right lines, and set labels."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(**{name: verbatim(text) for name, text in labels.items()})


def verbatim(text: str) -> str:
    """Return a text as matplotlib shall be given it: dollars are no formulas."""
    return text.replace("$", r"\$")


def _label(run: Run, name: str) -> str:
    column = next((column for column in run.request.columns if column.name == name), None)
    if column is None:
        raise unknown("column", name, [column.name for column in run.request.columns])
    if column.dtype == "string":
        raise BadInput(f"column {name!r} is text: expected a numeric one to draw")
    return f"{name} ({column.unit})" if column.unit not in ("", "1") else name


def distribution(run: Run, by: str = "sed") -> Figure:
    """Draw how many architectures have each value of a column."""
    label = _label(run, by)
    counts = _drawable(run, run.scan().group_by(by).len().sort(by), by)
    figure, axes = new_figure(7, 4)
    if len(counts) <= 500:
        axes.vlines(counts[by], 0.8, counts["len"], color=COLORS["conv"], linewidth=0.8)
    else:
        axes.hist(counts[by], bins=200, weights=counts["len"], color=COLORS["conv"], log=True)
    axes.set_yscale("log")
    axes.set_ylim(0.8)
    plain(axes, xlabel=label, ylabel="architectures", title=f"{run.space.name}: {run.rows:,} architectures")
    return figure


def density(run: Run, by: str = "sed", against: str = "params", k: int = 5) -> Figure:
    """Draw one column against another as a density, with the exact Pareto front and the k best.

    The front is that of greater `by` and lesser `against`, over all rows.
    """
    labels = _label(run, against), _label(run, by)
    if by == against:
        raise BadInput(f"{by!r} against itself is a line: expected another column for --against")
    counts = _drawable(run, run.scan().group_by(against, by).len().sort("len", by, against), by, against)
    figure, axes = new_figure(7.5, 4.5)
    from matplotlib.colors import LogNorm

    if len(counts) <= _MAX_POINTS:
        drawn = axes.scatter(counts[against], counts[by], c=counts["len"], s=14, norm=LogNorm(), linewidths=0)
    else:
        weights = counts["len"].to_numpy()
        drawn = axes.hexbin(counts[against], counts[by], C=weights, reduce_C_function=sum, gridsize=90, norm=LogNorm())
    figure.colorbar(drawn, label="architectures")
    front = pareto_front(counts, by, against)
    name = f"Pareto front ({len(front)} points)"
    axes.step(front[against], front[by], where="post", color="0.35", linewidth=1, label=name)
    best = top(run, k, by)
    axes.scatter(
        best[against], best[by], s=60, facecolors="none", edgecolors=COLORS["conv"], label=f"the {k} best by {by}"
    )
    axes.legend(frameon=False, loc="lower right")
    plain(axes, xlabel=labels[0], ylabel=labels[1], title=f"{run.space.name}: {run.rows:,} architectures")
    return figure


def _drawable(run: Run, frame: pl.LazyFrame, *columns: str) -> pl.DataFrame:
    floats = [one.name for one in run.request.columns if one.name in columns and one.dtype.startswith("float")]
    rows = collect(run, frame.filter(pl.all_horizontal(pl.col(floats).is_finite())) if floats else frame)
    if rows.is_empty():
        raise BadInput(f"{run.path} has no rows to draw")
    return rows


def pareto_front(counts: pl.DataFrame, maximize: str, minimize: str) -> pl.DataFrame:
    """Return the rows that no other beats in both: more of one column and less of the other."""
    ordered = counts.sort([minimize, maximize], descending=[False, True])
    before = pl.col(maximize).cum_max().shift(1)
    return ordered.filter(before.is_null() | (pl.col(maximize) > before))


def cells(run: Run, by: str = "sed", k: int = 6) -> Figure:
    """Draw the k best cells as labelled graphs."""
    _label(run, by)
    if not isinstance(run.space, CellSpace):
        raise BadInput(
            f"pictures of cells need a space with an operation on every edge of one cell, not {run.space.name}"
        )
    best = top(run, k, by)
    if best.is_empty():
        raise BadInput(f"{run.path} has no rows to draw")
    columns = min(3, len(best))
    rows = -(-len(best) // columns)
    figure, grid = new_figure(3.6 * columns, 3.6 * rows, nrows=rows, ncols=columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, row in zip(grid.flat, best.iter_rows(named=True), strict=False):
        _draw_cell(axes, run.space, row["index"])
        axes.text(0, 1.3, f"{row['index']}: {by} {row[by]:.7g}", fontsize=10, ha="center")
    return figure


def cell(space: CellSpace, index: int) -> Figure:
    """Draw one cell as a labelled graph."""
    figure, axes = new_figure(3.6, 3.6)
    axes.set_axis_off()
    _draw_cell(axes, space, index)
    return figure


def _draw_cell(axes: Axes, space: CellSpace, index: int) -> None:
    """Draw nodes on a circle, the input at the left, clockwise; edges between them, each named and coloured."""
    from math import cos, pi, sin

    places = [(-cos(2 * pi * i / space.nodes), sin(2 * pi * i / space.nodes)) for i in range(space.nodes)]
    for (source, target), digit in zip(space.edges, space.digits(index), strict=True):
        choice = space.operations[digit]
        if choice.kind == "none":
            continue
        (x0, y0), (x1, y1) = places[source], places[target]
        arrow = {"arrowstyle": "-|>", "color": COLORS[choice.kind], "lw": 1.6, "shrinkA": 9, "shrinkB": 9}
        axes.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
        label = choice.name.removeprefix("nor_").replace("_connect", "").replace("_", " ")
        place = x0 + 0.26 * (x1 - x0), y0 + 0.26 * (y1 - y0)
        box = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none"}
        axes.text(*place, label, fontsize=7, ha="center", va="center", color=COLORS[choice.kind], bbox=box)
    for i, (x, y) in enumerate(places):
        name = {0: "in", space.nodes - 1: "out"}.get(i, str(i))
        axes.text(
            x, y, name, ha="center", va="center", fontsize=9, bbox={"boxstyle": "circle", "fc": "white", "ec": "0.3"}
        )
    axes.set(xlim=(-1.25, 1.25), ylim=(-1.2, 1.45), aspect="equal")


def accuracy(
    run: Run, table: str | Path | pl.DataFrame, column: str, by: str = "sed"
) -> tuple[Figure, dict[str, float]]:
    """Draw a score against measured accuracies, and return the rank correlations over all that match.

    Parameters
    ----------
    run : Run
    table : path or polars.DataFrame
        As for `sedspace.join.join`.
    column : str
        The accuracy's column in the table.
    by : str, default "sed"

    Returns
    -------
    figure : matplotlib Figure
    correlations : dict
        ``spearman``, ``kendall`` (tau-b) and ``architectures``.
    """
    label = _label(run, by)
    given = table if isinstance(table, pl.DataFrame) else read_table(table)
    frame = join(run, given).frame
    if column not in given.columns:
        raise unknown("column", column, given.columns)
    theirs = f"{column}_table" if column in {one.name for one in run.request.columns} else column
    if not frame[theirs].dtype.is_numeric():
        raise BadInput(f"column {column!r} of the table is {frame[theirs].dtype}, expected numbers")
    pairs = frame.select(score=by, accuracy=pl.col(theirs).cast(pl.Float64).fill_nan(None)).drop_nulls()
    if len(pairs) < 2:
        raise BadInput(f"column {column!r} of the table has {len(pairs)} numbers that match: expected two or more")
    figure, axes = new_figure(7, 4.5)
    from scipy.stats import kendalltau, spearmanr

    x, y = pairs["score"].to_numpy(), pairs["accuracy"].to_numpy()
    found = {"spearman": spearmanr(x, y).statistic, "kendall": kendalltau(x, y).statistic}
    axes.scatter(x, y, s=5, alpha=0.25, color=COLORS["pool"], linewidths=0)
    best = int(x.argmax())
    axes.scatter(x[best], y[best], s=60, facecolors="none", edgecolors=COLORS["conv"], label=f"the best by {by}")
    axes.legend(frameon=False, loc="lower right")
    title = f"{len(pairs):,} architectures: Spearman {found['spearman']:.3f}, Kendall {found['kendall']:.3f}"
    plain(axes, xlabel=label, ylabel=column, title=title)
    return figure, {**{name: float(value) for name, value in found.items()}, "architectures": len(pairs)}


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG or SVG, by the name's ending."""
    kind = as_path(path, "picture").suffix.lower()
    if kind not in (".png", ".svg"):
        raise BadInput(f"picture {path}: expected a name that ends in .png or .svg")
    data = encoded(figure, kind[1:])
    try:
        write_whole(Path(path), data)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from None


def encoded(figure: Figure, kind: str = "png", dpi: int = 200) -> bytes:
    """Return a figure as PNG or SVG, the same bytes every time."""
    data = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(data, format=kind, dpi=dpi, metadata=metadata)
    return data.getvalue()
