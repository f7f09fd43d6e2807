"""Pictures of runs, good enough for a paper: PNG, SVG or PDF, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace.correlation import rank_correlation
from sedspace.errors import BadInput, as_path, unknown
from sedspace.figures import COLORS, KINDS, area, encoded, finish, new_figure, new_grid, verbatim
from sedspace.frames import means, pareto_front
from sedspace.pictures import draw_cell
from sedspace.runs import Run
from sedspace.runs.files import collect
from sedspace.spaces.cell import CellSpace
from sedspace.storage import LocalPath
from sedspace.tables import table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

_MAX_POINTS = 20_000
_RASTER = 5_000  # dots beyond which a vector picture holds them as pixels


def _label(run: Run, name: str) -> str:
    column = next((column for column in run.request.columns if column.name == name), None)
    if column is None:
        raise unknown("column", name, run.columns)
    if column.dtype == "string":
        raise BadInput(f"column {name!r} is text: expected a numeric one to draw")
    return f"{name} ({column.unit})" if column.unit not in ("", "1") else name


def distribution(run: Run, by: str = "sed", *, clip: float = 0.0, width: str | None = None) -> Figure:
    """Draw how many architectures have each value of a column; `clip` and `width` as for `density`."""
    label = _label(run, by)
    _check_clip(clip)
    counts = _drawable(run, run.scan().group_by(by).len().sort(by), by)
    figure, axes = new_figure(7, 4, style=width)
    if len(counts) <= 500:
        axes.vlines(counts[by], 0.8, counts["len"], color=COLORS["conv"], linewidth=0.8)
    else:
        axes.hist(counts[by], bins=200, weights=counts["len"], color=COLORS["conv"], log=True)
    axes.set_yscale("log")
    axes.set_ylim(0.8)
    cut = _clip(axes, "x", counts[by], clip, counts["len"])
    finish(axes, xlabel=label, ylabel="architectures", title=f"{run.space.name}: {run.rows:,} architectures{cut}")
    return figure


def density(
    run: Run,
    by: str = "sed",
    against: str = "params",
    k: int = 5,
    *,
    table: str | Path | pl.DataFrame | None = None,
    color: str | None = None,
    clip: float = 0.0,
    width: str | None = None,
) -> Figure:
    """Draw one column against another as a density, with the exact Pareto front and the k best.

    The front is that of greater `by` and lesser `against`, over all rows.

    Parameters
    ----------
    run : Run
    by, against : str
        Columns of the run.
    k : int, default 5
    table : path or polars.DataFrame, optional
        As for `Run.join`.
    color : str, optional
        A column of `table`, a measured accuracy, to colour the measured architectures by instead of their number; of
        those at one point the mean.
    clip : float, default 0
        The share of the drawn architectures, below 0.5, that may fall off the low end of the axis of `by`, and of
        the colours: a few bad ones then do not squeeze all others together.
    width : {"column", "text"}, optional
        Of a paper, see `WIDTHS`. Default: 7.5 inches, with larger letters.
    """
    labels = _label(run, against), _label(run, by)
    if by == against:
        raise BadInput(f"{by!r} against itself is a line: expected another column for --against")
    if (table is None) != (color is None):
        raise BadInput("a table and a column of it to colour by go together: expected both, or none")
    _check_clip(clip)
    counts = _drawable(run, run.scan().group_by(against, by).len().sort("len", by, against), by, against)
    drawn = counts if color is None or table is None else _measured(run, table, (color,), against, by)
    figure, axes = new_figure(7.5, 4.5, style=width)
    _cloud(figure, axes, drawn, (against, by), color, clip)
    front = pareto_front(counts, by, against)
    name = f"Pareto front ({len(front)} points)"
    axes.step(front[against], front[by], where="post", color="0.35", linewidth=1, label=name)
    _circle(axes, run.top(k, by), (against, by), f"the {k} best by {by}", outside=width is not None)
    weights = drawn["len"] if color is None else pl.repeat(1, len(drawn), eager=True)
    cut = _clip(axes, "y", drawn[by], clip, weights)
    measured = "" if color is None else f"{len(drawn):,} of "
    title = f"{run.space.name}: {measured}{run.rows:,} architectures{cut}"
    finish(axes, xlabel=labels[0], ylabel=labels[1], title=title)
    return figure


def _cloud(
    figure: Figure, axes: Axes, drawn: pl.DataFrame, at: tuple[str, str], color: str | None, clip: float
) -> None:
    """Draw architectures as dots, or hexagons if there are very many: in the colour of how many, or of their mean."""
    from matplotlib.colors import LogNorm, Normalize

    if color is not None:
        value, label, norm = _measure(color), verbatim(color), Normalize(_floor(drawn[_measure(color)], clip)[0])
        points = means(drawn, at, value).sort(value, *at)  # the best ones on top
    else:
        value, label, norm = "len", "architectures", LogNorm()
        points = drawn
    shown: ScalarMappable
    if len(points) <= _MAX_POINTS:
        many = len(points) > _RASTER and color is not None
        x, y, c = (points[name] for name in (*at, value))
        shown = axes.scatter(x, y, c=c, s=area(14), linewidths=0, rasterized=many, norm=norm)
    else:
        reduce: Callable[[NDArray[np.float64] | list[float]], float] = sum if color is None else np.mean
        x, y, c = (drawn[name] for name in (*at, value))
        shown = axes.hexbin(x, y, C=c, reduce_C_function=reduce, gridsize=90, norm=norm)
    figure.colorbar(shown, label=label, extend="min" if clip and color is not None else "neither")


def _circle(axes: Axes, rows: pl.DataFrame, at: tuple[str, str], label: str, outside: bool) -> None:
    """Mark architectures, and name all marks: in narrow pictures below, where nothing is hidden."""
    axes.scatter(
        rows[at[0]], rows[at[1]], s=area(60), facecolors="none", edgecolors=COLORS["conv"], label=verbatim(label)
    )
    if outside:
        axes.figure.legend(frameon=False, loc="outside lower center", ncols=2)
    else:
        axes.legend(frameon=False, loc="lower right")


def _check_clip(clip: float) -> None:
    if isinstance(clip, bool) or not isinstance(clip, int | float) or not 0 <= clip < 0.5:
        raise BadInput(f"clip {clip!r}: expected a share of the architectures, 0 or more and below 0.5")


def _floor(values: pl.Series, clip: float, counts: pl.Series | None = None) -> tuple[float, int]:
    """Return the greatest value with at most a share of all architectures below it, and how many these are."""
    each = pl.lit(1) if counts is None else pl.lit(counts).cast(pl.Int64)
    frame = pl.DataFrame({"value": values}).with_columns(n=each).group_by("value").agg(pl.col("n").sum()).sort("value")
    frame = frame.with_columns(below=pl.col("n").cum_sum() - pl.col("n"))
    value, _, below = frame.filter(pl.col("below") <= clip * pl.col("n").sum()).row(-1)
    return float(value), int(below)


def _clip(axes: Axes, axis: str, values: pl.Series, clip: float, counts: pl.Series | None = None) -> str:
    """Cut the low end of an axis off, and return what to say of it."""
    low, below = _floor(values, clip, counts)
    if not below:
        return ""
    high = float(values.to_numpy().max())
    margin = 0.03 * (high - low or 1.0)
    (axes.set_xlim if axis == "x" else axes.set_ylim)(low - margin, high + margin)
    return f"\n{below:,} below the axis"


def _drawable(run: Run, frame: pl.LazyFrame, *columns: str) -> pl.DataFrame:
    floats = [name for name, dtype in run.columns.items() if name in columns and dtype.startswith("float")]
    rows = collect(run, frame.filter(pl.all_horizontal(pl.col(floats).is_finite())) if floats else frame)
    if rows.is_empty():
        raise BadInput(f"{run.path} has no rows to draw")
    return rows


def cells(run: Run, by: str = "sed", k: int = 6, *, width: str | None = None) -> Figure:
    """Draw the k best cells as labelled graphs; `width` as for `density`."""
    _label(run, by)
    if not isinstance(run.space, CellSpace):
        raise BadInput(
            f"pictures of cells need a space with an operation on every edge of one cell, not {run.space.name}"
        )
    best = run.top(k, by)
    if best.is_empty():
        raise BadInput(f"{run.path} has no rows to draw")
    columns = min({None: 3, "text": 2, "column": 1}.get(width, 3), len(best))
    rows = -(-len(best) // columns)
    figure, grid = new_grid(3.6 * columns, 3.6 * rows, rows, columns, style=width)
    for axes in grid:
        axes.set_axis_off()
    for axes, row in zip(grid, best.iter_rows(named=True), strict=False):
        draw_cell(axes, run.space, row["index"])
        axes.text(0, 1.3, f"{row['index']}: {by} {row[by]:.7g}", fontsize=10, ha="center")
    return figure


def accuracy(
    run: Run,
    table: str | Path | pl.DataFrame,
    column: str,
    by: str = "sed",
    *,
    color: str | None = None,
    clip: float = 0.0,
    width: str | None = None,
) -> tuple[Figure, dict[str, float]]:
    """Draw a score against measured accuracies, and return the rank correlations over all that match.

    Parameters
    ----------
    run : Run
    table : path or polars.DataFrame
        As for `Run.join`.
    column : str
        The accuracy's column in the table.
    by : str, default "sed"
    color : str, optional
        Another column of the table, to colour by.
    clip, width
        As for `density`; the axis that is cut is that of `column`. Correlations are of all.

    Returns
    -------
    figure : matplotlib Figure
    correlations : dict
        ``spearman``, ``kendall`` (tau-b) and ``architectures``.
    """
    label = _label(run, by)
    _check_clip(clip)
    pairs = _measured(run, table, (column,) if color in (None, column) else (column, str(color)), by)
    figure, axes = new_figure(7, 4.5, style=width)
    reached = _measure(column)
    x, y = pairs[by].to_numpy(), pairs[reached].to_numpy()
    found = rank_correlation(x, y)
    raster = len(pairs) > _RASTER
    if color is None:
        axes.scatter(
            x, y, s=area(5), alpha=0.25 if raster else 0.5, color=COLORS["pool"], linewidths=0, rasterized=raster
        )
    else:
        value = _measure(color)
        low, _ = _floor(pairs[value], clip)
        dots = pairs.sort(value, by, reached)  # the best ones on top
        drawn = axes.scatter(
            dots[by], dots[reached], s=area(7), c=dots[value], vmin=low, linewidths=0, rasterized=raster
        )
        figure.colorbar(drawn, label=verbatim(color), extend="min" if clip else "neither")
    _circle(axes, pairs[[int(x.argmax())]], (by, reached), f"the best by {by}", outside=width is not None)
    cut = _clip(axes, "y", pairs[reached], clip).replace("\n", ", ")
    ends = "\n" if cut or width == "column" else ": "
    title = f"{len(pairs):,} architectures{cut}{ends}Spearman {found.spearman:.3f}, Kendall {found.kendall:.3f}"
    finish(axes, xlabel=label, ylabel=column, title=title)
    return figure, {"spearman": found.spearman, "kendall": found.kendall, "architectures": found.n}


def _measure(column: str) -> str:
    """Return what a column of a table is called beside those of a run, whose names have no spaces."""
    return f"measured {column}"


def _measured(run: Run, table: str | Path | pl.DataFrame, columns: tuple[str, ...], *own: str) -> pl.DataFrame:
    """Return columns of a run and of a table, of the architectures that both have numbers of."""
    given = table_of(table)
    frame = run.join(given).frame
    wanted: list[str | pl.Expr] = list(own)
    for column in columns:
        if column not in given.columns:
            raise unknown("column", column, given.columns)
        theirs = f"{column}_table" if column in run.columns else column
        if not frame[theirs].dtype.is_numeric():
            raise BadInput(f"column {column!r} of the table is {frame[theirs].dtype}, expected numbers")
        wanted.append(pl.col(theirs).cast(pl.Float64).alias(_measure(column)))
    rows = frame.select(wanted)
    rows = rows.filter(pl.all_horizontal(pl.all().cast(pl.Float64).is_finite()))
    if len(rows) < 2:
        named = " and ".join(map(repr, columns))
        raise BadInput(f"column {named} of the table has {len(rows)} numbers that match: expected two or more")
    return rows


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the name's ending."""
    kind = as_path(path, "picture").suffix.lower()
    if kind not in KINDS:
        *others, last = KINDS
        raise BadInput(f"picture {path}: expected a name that ends in {', '.join(others)} or {last}")
    data = encoded(figure, kind[1:])
    try:
        LocalPath(Path(path)).write(data)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from None
