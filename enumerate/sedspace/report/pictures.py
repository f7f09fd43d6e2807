"""The pictures of a report."""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sedspace.figures import COLORS, PINK, encoded, finish, new_figure, new_grid, verbatim
from sedspace.report.architectures import title_of
from sedspace.report.page import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 110


def heatmap(names: list[str], rho: list[list[float]]) -> Picture:
    """Draw the rank correlations of every pair of scores."""
    size = 3.0 + 0.42 * len(names)
    figure, axes = new_figure(size, size * 0.85)
    image = axes.imshow(np.array(rho), cmap="RdBu", vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    for y, row in enumerate(rho):
        for x, one in enumerate(row):
            if not math.isnan(one):
                color = "white" if abs(one) > 0.6 else "black"
                axes.text(x, y, f"{one:.2f}".replace("0.", "."), ha="center", va="center", fontsize=7, color=color)
    figure.colorbar(image, shrink=0.6, label="Spearman")
    return _picture("correlations", figure, "Spearman's rho of every pair of scores")


def scatters(wide: pl.DataFrame, first: str, names: list[str], labels: dict[str, str]) -> Picture:
    """Draw a score, SED if there is one, against every other."""
    across = min(4, len(names))
    down = math.ceil(len(names) / across)
    figure, grid = new_grid(3 * across, 2.5 * down, down, across)
    for axes, name in zip(grid, [*names, *[None] * (across * down - len(names))], strict=True):
        if name is None:
            axes.set_visible(False)
            continue
        both = wide.select(first, name).drop_nulls()
        axes.scatter(
            both[first], both[name], s=30 if both.height < 100 else 12, color=COLORS["pool"], alpha=0.6, linewidths=0
        )
        axes.ticklabel_format(axis="y", scilimits=(-3, 4))
        finish(axes, xlabel=title_of(first), title=f"{name}: {labels[name]}")
        axes.title.set_fontsize(10)
    return _picture(first, figure, f"{title_of(first)} against every proxy")


def seconds(names: list[str], values: list[float]) -> Picture:
    """Draw the seconds per architecture of every score."""
    figure, axes = new_figure(7, 1.0 + 0.32 * len(names))
    colors = [COLORS["conv"] if name.startswith("SED") else COLORS["pool"] for name in names]
    axes.barh(names, values, color=colors, log=True)
    axes.invert_yaxis()
    for place, value in enumerate(values):
        axes.text(value, place, f" {value:.2g}", va="center", fontsize=9)
    axes.margins(x=0.15)
    finish(axes, xlabel="seconds per architecture, same machine")
    return _picture("seconds", figure, "Seconds per architecture of every score")


def accuracies(column: str, score: pl.Series, accuracy: pl.Series, names: list[str], rho: list[float]) -> Picture:
    """Draw a score against measured accuracy, and the rank correlation with accuracy of every score on the sample."""
    figure, (left, right) = new_grid(11, max(4.0, 0.8 + 0.26 * len(names)), 1, 2)
    left.scatter(score, accuracy, s=4, alpha=0.25, color=COLORS["pool"], linewidths=0, rasterized=True)
    finish(left, xlabel=title_of(score.name), ylabel=column, title=f"{len(score):,} architectures")
    bars = sorted(((one, name) for one, name in zip(rho, names, strict=True) if not math.isnan(one)), reverse=True)
    colors = [COLORS["conv"] if name == score.name else COLORS["pool"] for _, name in bars]
    right.barh([name for _, name in bars], [one for one, _ in bars], color=colors)
    right.invert_yaxis()
    right.axvline(0, color="0.5", linewidth=0.8)
    finish(right, xlabel=f"Spearman with {column}", title="on the architectures of the study")
    return _picture(f"accuracy-{column}", figure, f"{title_of(score.name)} and other scores against {column}")


def learning(column: str, found: pl.DataFrame, learned: str) -> Picture:
    """Draw Kendall's tau by how many architectures are learned from, what is learned with its standard deviation."""
    figure, axes = new_figure(7, 4)
    colors = [color for name, color in COLORS.items() if name not in ("none", "conv")]
    names = found["score"].unique(maintain_order=True).to_list()
    for name, color in zip(names, [COLORS["conv"], *colors, "0.6", "0.4"], strict=False):
        of = found.filter(score=name)
        axes.plot(of["size"], of["kendall"], "o-" if name == learned else "--", color=color, label=verbatim(name))
        if name == learned:
            low, high = of["kendall"] - of["kendall_sd"], of["kendall"] + of["kendall_sd"]
            axes.fill_between(of["size"], low, high, color=color, alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks(found["size"].unique(), [str(size) for size in found["size"].unique()])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    finish(axes, xlabel="architectures learned from", ylabel=f"Kendall with {column} of others")
    return _picture(
        f"learning-{column}", figure, f"Kendall's tau with {column} by how many architectures are learned from"
    )


def searches(name: str, found: dict[str, pl.DataFrame], measure: str) -> Picture:
    """Draw a measure of searches by how many architectures they looked at: the median over seeds, and all within."""
    figure, axes = new_figure(7, 4)
    colors = [*(color for what, color in COLORS.items() if what != "none"), PINK, "0.5", "0"]
    for place, (label, of) in enumerate(found.items()):
        color, dashes = colors[place % len(colors)], ("-", "--", "-.", ":")[place % 4]
        axes.plot(of["step"], of["median"], dashes, color=color, label=verbatim(label), drawstyle="steps-post")
        axes.fill_between(of["step"], of["least"], of["most"], step="post", color=color, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.legend(frameon=False, fontsize=8)
    finish(axes, xlabel="architectures looked at", ylabel=measure)
    return _picture(f"search-{name}", figure, f"{name}: {measure} by how many architectures were looked at")


def plane(params: pl.Series, sed: pl.Series, accuracy: pl.Series, column: str) -> Picture:
    """Draw parameters and SED of all architectures, colored by accuracy."""
    figure, axes = new_figure(7, 4.5)
    low = accuracy.quantile(0.05)
    order = accuracy.arg_sort()
    drawn = axes.scatter(
        params.gather(order) / 1e6, sed.gather(order), c=accuracy.gather(order), s=6, vmin=low, cmap="viridis",
        linewidths=0, rasterized=True,
    )  # fmt: skip
    figure.colorbar(drawn, label=verbatim(column), extend="min")
    finish(axes, xlabel="parameters, millions", ylabel="SED")
    return _picture("params-sed-accuracy", figure, "Parameters, SED and accuracy of all architectures")


def _picture(name: str, figure: Figure, what: str) -> Picture:
    return Picture(f"{file_name(name)}.png", encoded(figure, dpi=_DPI), what)


def file_name(text: str) -> str:
    """Return a name for a file of any text, another one for every text, also where case does not count.

    Examples
    --------
    >>> file_name("accuracy-cifar10_test"), file_name("accuracy-acc @"), file_name("accuracy-acc #")
    ('accuracy-cifar10_test', 'accuracy-acc-156fba1c', 'accuracy-acc-4495ede1')
    """
    name = re.sub(r"[^a-z0-9_.-]+", "-", text.lower())[:80].strip("-")
    return name if name == text else f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
