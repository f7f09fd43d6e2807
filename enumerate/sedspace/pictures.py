"""Pictures of one architecture: a cell as a graph, a whole network as boxes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import cos, pi, sin
from typing import TYPE_CHECKING

from sedspace.errors import BadInput
from sedspace.figures import COLORS, new_figure
from sedspace.spaces import Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.outline import Line, lines_of
from sedspace.spaces.whole import NetworkSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LINES = 300  # of a picture: more would be a few metres
_LINE, _GAP = 0.26, 0.3  # inches


def picture(space: Space, index: int) -> Figure:
    """Draw one architecture: a cell as a labelled graph, a whole network as boxes, one for each stage.

    Raises
    ------
    BadInput
        If there are no such pictures of the space, or the network is too long for one.
    """
    if isinstance(space, CellSpace):
        figure, axes = new_figure(3.6, 3.6)
        axes.set_axis_off()
        draw_cell(axes, space, index)
        return figure
    if isinstance(space, NetworkSpace):
        return _boxes(lines_of(space.blocks(index)))
    raise BadInput(
        f"pictures of architectures need a space with an operation on every edge of one cell, or one of whole "
        f"networks, not {space.name}"
    )


def draw_cell(axes: Axes, space: CellSpace, index: int) -> None:
    """Draw nodes on a circle, the input at the left, clockwise; edges between them, each named and coloured."""
    places = [(-cos(2 * pi * i / space.nodes), sin(2 * pi * i / space.nodes)) for i in range(space.nodes)]
    for (source, target), choice in zip(space.edges, space.chosen(index), strict=True):
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


def _boxes(lines: Sequence[Line]) -> Figure:
    """Draw a network from top to bottom: a box for each part, a bar for each block, beside it its output and cost."""
    if len(lines) > _MOST_LINES:
        raise BadInput(f"a network of {len(lines)} blocks: expected at most {_MOST_LINES} for a picture")
    parts = [list(some) for _, some in groupby(lines, key=lambda line: line.part)]
    height = len(lines) * _LINE + (len(parts) + 1) * _GAP
    figure, axes = new_figure(_WIDTH, height)
    axes.set_axis_off()
    figure.set_layout_engine("none")
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0), position=(0, 0, 1, 1))
    for x, text in zip(_COLUMNS, ("output", "params", "MACs"), strict=True):
        axes.text(x, _GAP / 2, text, fontsize=8, color="0.4", ha="right", va="center")
    top = _GAP
    for number, part in enumerate(parts):
        bottom = top + len(part) * _LINE
        _box(axes, part, top)
        if number + 1 < len(parts):
            arrow = {"arrowstyle": "-|>", "color": "0.3", "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (_MIDDLE, bottom + _GAP - 0.05), (_MIDDLE, bottom + 0.05), arrowprops=arrow)
        top = bottom + _GAP
    return figure


_WIDTH = 8.2  # inches
_LEFT, _RIGHT = 0.9, 4.9  # of bars
_MIDDLE = (_LEFT + _RIGHT) / 2
_COLUMNS = 6.0, 6.95, 8.1  # the right ends of what stands beside


def _box(axes: Axes, part: Sequence[Line], top: float) -> None:
    """Draw a part of a network."""
    from matplotlib.patches import FancyBboxPatch

    def bar(x: float, y: float, width: float, height: float, fill: str, edge: str) -> None:
        style = "round,pad=0,rounding_size=0.05"
        axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, fc=fill, ec=edge, lw=0.8))

    bar(0.05, top - 0.05, _RIGHT + 0.25, len(part) * _LINE + 0.1, "0.97", "0.6")
    axes.text(0.15, top + len(part) * _LINE / 2, part[0].part, fontsize=9, va="center")
    for number, line in enumerate(part):
        y = top + number * _LINE
        if line.what:
            bar(_LEFT, y + 0.02, _RIGHT - _LEFT, _LINE - 0.04, _FILLS[line.colour], "none")
        axes.text(_MIDDLE, y + _LINE / 2, line.what, fontsize=8, ha="center", va="center", color="white")
        if line.residual:
            arc = {"arrowstyle": "-|>", "color": COLORS["skip"], "lw": 1.2, "connectionstyle": "arc3,rad=-0.6"}
            axes.annotate("", (_RIGHT + 0.02, y + _LINE - 0.02), (_RIGHT + 0.02, y + 0.02), arrowprops=arc)
        beside = line.shape, *((f"{line.cost.params:,}", f"{line.cost.macs:,}") if line.what else ("", ""))
        for x, text in zip(_COLUMNS, beside, strict=True):
            axes.text(x, y + _LINE / 2, text, fontsize=8, ha="right", va="center")


_FILLS = {**COLORS, "none": "0.5", "attention": "#6a4c93"}
