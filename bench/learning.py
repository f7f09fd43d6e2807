"""What is predicted of architectures that were not measured, by how many were; beside scores that learn nothing.

    python bench run learning --tables DIRECTORY [-n REPEATS]

Some rows of a table are drawn at random and learned from; every figure is of the rest. DIRECTORY holds the Parquet
tables; those that are missing are left out. Needs ``pip install "sedspace[bench,learn]"``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from bench.measuring import markdown_table
from sedspace.figures import COLORS, PINK, finish, new_grid
from sedspace.learning.curves import learning_curve
from sedspace.learning.learners import AnyLearner, Learner, SumLearner
from sedspace.learning.measured import Measured, measured
from sedspace.report.architectures import data_free
from sedspace.report.benchmarks import ACCURACY_TABLES, Benchmarks
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.tables import read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPEATS = 20
FEW = 5  # repeats from `MANY` rows on, and of many columns, whose mean is shown
BESIDE_EACH_OTHER = 3  # columns
MANY = 1000
SIZES = 10, 25, 50, 100, 250, 1000
ASKED = 100  # rows that must be left
TABLES = (
    *("nats_tss", "nb101_20k", "nb301_1218", "darts_214_trained", "transnas101_micro", "transnas101_macro"),
    *("nas_bench_macro", "accel_nasbench_half", "nas_bench_bert_half"),
)
"""Names in `ACCURACY_TABLES`; a new one is a word here."""
MODELS: dict[str, Callable[[Measured], Learner]] = {
    "gaussian process": lambda rows: AnyLearner(rows, "gaussian", None, None, 0),
    "gaussian process, prior": lambda rows: AnyLearner(rows, "gaussian", None, "propagated_sed", 0),
    "random forest": lambda rows: AnyLearner(rows, "forest", None, "propagated_sed", 0),
    "additive, prior": lambda rows: SumLearner(rows, None, "propagated_sed"),
}
"""By name; a new one is a line here."""
BESIDE = "sed", "propagated_sed", "params"

DEVICES, DEVICE_SIZES = "help_nb201_latency_27dev", (10, 100)
DEVICE_MODELS: dict[str, Callable[[Measured], Learner]] = {
    "gaussian process, prior macs": lambda rows: AnyLearner(rows, "gaussian", None, "macs", 0),
    "additive": lambda rows: SumLearner(rows, None, None),
}
DEVICE_BESIDE = "macs", "params"

Floats = np.ndarray[Any, np.dtype[np.float64]]


def measure(directory: Path, repeats: int = REPEATS) -> dict[str, Any]:
    """Return rank correlations by table, column, number of rows and model: means and standard deviations."""
    out: dict[str, Any] = {"repeats": repeats, "tables": {}}
    known = Benchmarks(directory)
    for name in TABLES:
        if (benchmark := known.get(ACCURACY_TABLES[name])) is None:
            continue
        scores = {one: benchmark.scores[one].to_numpy() for one in BESIDE if one in benchmark.scores.columns}
        some = repeats if len(benchmark.table.columns) <= BESIDE_EACH_OTHER else min(repeats, FEW)
        columns = {
            column: curve(benchmark.space, benchmark.accuracies, column, MODELS, scores, SIZES, some)
            for column in benchmark.table.columns
        }
        out["tables"][name] = {"space": benchmark.space.name, "of": len(benchmark.accuracies), "columns": columns}
    if (directory / f"{DEVICES}.parquet").is_file():
        out["devices"] = devices(read_table(directory / f"{DEVICES}.parquet"), repeats)
    return out


def devices(table: pl.DataFrame, repeats: int) -> dict[str, Any]:
    """Return the same of the latencies of every device; of each the negative, so that a greater one is better."""
    space = find_space("tss")
    keyed = table.drop("index").with_columns(index=pl.Series(space.parse(table["arch"]))).drop("arch").sort("index")
    free = data_free(space, keyed["index"], DEVICE_BESIDE)
    scores = {one: free[one].to_numpy() for one in DEVICE_BESIDE}
    some = min(repeats, FEW)
    columns = [name for name in keyed.columns if name != "index"]
    return {one: curve(space, keyed, one, DEVICE_MODELS, scores, DEVICE_SIZES, some) for one in columns}


def curve(
    space: Space,
    table: pl.DataFrame,
    column: str,
    models: Mapping[str, Callable[[Measured], Learner]],
    scores: Mapping[str, Floats],
    sizes: Sequence[int],
    repeats: int,
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return by number of rows and name how what is predicted of all others agrees with what was measured."""
    rows = measured(space, table, column)
    some = [size for size in sizes if size + ASKED <= len(rows)]
    found = learning_curve(rows, models, scores, some, lambda size: min(repeats, FEW) if size >= MANY else repeats)
    out: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in found.to_dicts():
        size, name = str(row.pop("size")), row.pop("score")
        figures = {key: None if math.isnan(value) else round(value, 4) for key, value in row.items()}
        out.setdefault(size, {})[name] = figures
    return out


# -- tables ------------------------------------------------------------------------------------------------------------


def markdown(results: dict[str, Any]) -> str:
    """Return the results as the tables of the README."""
    lines = [
        f"Kendall's tau with the accuracies of all rows that were not learned from: means over {results['repeats']} "
        f"draws, from {MANY:,} rows on and of seven tasks over {min(FEW, results['repeats'])}. Of several columns one "
        "behind the other; of seven tasks their mean. [Scores and evidence](../.github/site/scores.md) says what part "
        "the tables had in the scores that are priors."
    ]
    for name, table in results["tables"].items():
        lines += ["", f"`{table['space']}`, {name}, {', '.join(table['columns'])}; {table['of']:,} rows", ""]
        lines += _table(table["columns"], "kendall")
    if "devices" in results:
        lines += ["", *_devices(results["devices"])]
    return "\n".join(lines)


def _table(columns: Mapping[str, Any], figure: str) -> list[str]:
    first = next(iter(columns.values()))
    names = list(next(iter(first.values())))
    rows = [(name, *(_cell([of[size][name][figure] for of in columns.values()]) for size in first)) for name in names]
    return markdown_table(("learned from", *first), rows)


def _cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(values) > BESIDE_EACH_OTHER:
        return f"{np.mean(known):.2f}" if known else "-"
    return " / ".join("-" if value is None else f"{value:.2f}" for value in values)


def _devices(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield Spearman's rho with the latencies of devices: the mean, and the least and the greatest of them."""
    first = next(iter(found.values()))
    rows = []
    for name in next(iter(first.values())):
        cells = []
        for size in first:
            of = [one[size][name]["spearman"] for one in found.values()]
            cells.append(f"{np.mean(of):.3f} ({min(of):.3f} to {max(of):.3f})")
        rows.append((name, *cells))
    yield (
        f"Spearman's rho with the latencies of all other cells of `tss` on {len(found)} devices (those of HELP, arXiv "
        f"2106.08630), each device by itself, from as many cells measured on it: the mean, the least and the greatest."
    )
    yield from ("", *markdown_table(("learned from", *first), rows))


def picture(results: dict[str, Any]) -> Figure:
    """Draw Kendall's tau by how many rows are learned from, of the first column of every table."""
    tables = results["tables"]
    across = min(3, len(tables))
    down = math.ceil(len(tables) / across)
    figure, grid = new_grid(3.4 * across, 3 * down, down, across, style="text")
    colors = (COLORS["conv"], PINK, COLORS["skip"], COLORS["pool"], "0.58", "0.3", "0")
    for axes in grid[len(tables) :]:
        axes.set_visible(False)
    for place, (axes, (name, table)) in enumerate(zip(grid, tables.items(), strict=False)):
        column, found = next(iter(table["columns"].items()))
        names = next(iter(found.values()))
        for one, color, mark in zip(names, colors, "^vsDx+P", strict=False):
            values = [of[one]["kendall"] for of in found.values()]
            style = f"{mark}-" if one in MODELS else f"{mark}--"
            axes.plot([int(size) for size in found], values, style, color=color, label=one, markersize=4)
        axes.set(xscale="log", xlim=(8, 1250))
        axes.set_xticks((10, 100, 1000), ("10", "100", "1,000"))
        below = "architectures learned from" if place + across >= len(tables) else ""
        beside = "Kendall's tau" if place % across == 0 else ""
        finish(axes, xlabel=below, ylabel=beside, title=f"{name}\n{column}")
    figure.legend(handles=grid[0].lines, loc="outside lower center", ncols=4, frameon=False)
    return figure
