"""Commands that draw: a run as a picture, all architectures as a page to look at."""

from __future__ import annotations

import click

from sedspace.cli.arguments import INTEGER, PATH, SCORES, SPACE, TEXT, find_target, is_given, names, refuse
from sedspace.cli.printing import check_name
from sedspace.errors import BadInput
from sedspace.figures import KINDS
from sedspace.report import explore
from sedspace.runs import open_run, plots
from sedspace.spaces import Space

_DRAWN_WITH = {
    "density": {"against", "k", "table", "color", "clip"},
    "distribution": {"clip"},
    "cells": {"k"},
    "accuracy": {"against", "table", "color", "clip"},
}


@click.command()
@click.argument("directory", type=PATH)
@click.option(
    "--out", required=True, type=PATH, metavar="FILE", help="The picture: .png, .svg or .pdf, by the name's ending."
)
@click.option(
    "--kind",
    type=click.Choice(list(_DRAWN_WITH)),
    default="density",
    show_default=True,
    help="density: a score against a cost; distribution: of a column; cells: the best ones; accuracy: against TABLE.",
)
@click.option("--by", default="sed", show_default=True, help="The column that is drawn, or ranked by.")
@click.option("--against", default="params", show_default=True, help="The cost of a density, the accuracy's column.")
@click.option("--table", type=PATH, metavar="FILE", help="Measured accuracies: Parquet or CSV with arch or index.")
@click.option("-k", type=INTEGER, default=6, show_default=True, help="How many of the best to mark or draw.")
@click.option("--color", type=TEXT, metavar="COLUMN", help="Colour a density or accuracy by this column of TABLE.")
@click.option(
    "--clip",
    type=float,
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Let this share of architectures, below 0.5, fall off the low end of the axis: that of --by, or of accuracy.",
)
@click.option(
    "--width",
    type=click.Choice(["column", "text"]),
    help="For a paper: 3.3 inches wide with letters of 8 points, or 6.9 with 9.  [default: for the screen]",
)
def plot_command(
    directory: str,
    out: str,
    kind: str,
    by: str,
    against: str,
    table: str | None,
    k: int,
    color: str | None,
    clip: float,
    width: str | None,
) -> None:
    """Draw a picture of a run, good enough for a paper."""
    refuse(f"is not for --kind {kind}", *(_DRAWN_WITH["density"] - _DRAWN_WITH[kind]))
    check_name(out, tuple(KINDS))
    if kind == "density" and (table is None) != (color is None):
        raise BadInput("--table and --color go together: a table, and the column of it to colour by")
    run = open_run(directory)
    if kind == "accuracy":
        if table is None or not is_given("against"):
            raise BadInput("--kind accuracy needs --table FILE and --against COLUMN")
        figure, found = plots.accuracy(run, table, against, by, color=color, clip=clip, width=width)
        click.echo("  ".join(f"{name} {value:.4g}" for name, value in found.items()))
    elif kind == "density":
        figure = plots.density(run, by, against, k, table=table, color=color, clip=clip, width=width)
    elif kind == "cells":
        figure = plots.cells(run, by, k, width=width)
    else:
        figure = plots.distribution(run, by, clip=clip, width=width)
    plots.save(figure, out)


@click.command()
@click.argument("target", type=SPACE)
@click.option("--out", required=True, type=PATH, metavar="FILE.html", help="The page.")
@click.option(
    "--columns",
    type=SCORES,
    metavar="A,B,...",
    help="Two or three: a score, and what it is held against.  [default: sed, params, n_skip, or what there is]",
)
def explore_command(target: str, out: str, columns: str | None) -> None:
    """Make a page to explore TARGET, a space or a run, in a browser.

    It needs no server and no network. Histograms filter each other, a map has the Pareto front, and what is chosen is
    counted exactly, with its best architecture and the command that gives the same answer.

    Needs the extra `explore`: altair and vl-convert-python.
    """
    found = find_target(target)
    check_name(out, (".html",))
    chosen = None if columns is None else names(columns, "--columns")
    explore(target if isinstance(found, Space) else found, out, columns=chosen)
    click.echo(out)
