"""The command that runs a search algorithm, and holds it against the exact optimum."""

from __future__ import annotations

import click
import polars as pl

import sedspace
from sedspace.cli.arguments import INTEGER, PATH, SCORE, SPACE, is_given, refuse
from sedspace.cli.options import json_option, where_option
from sedspace.cli.printing import check_name, print_rows, rows_of
from sedspace.errors import BadInput
from sedspace.numerals import whole_number
from sedspace.searching import ProxyObjective
from sedspace.searching.algorithms import ALGORITHMS


@click.command()
@click.argument("space", type=SPACE)
@click.option(
    "--by", type=SCORE, default="sed", show_default=True, help="The score, the column of --table, or a zero-cost proxy."
)
@click.option("--ascending", is_flag=True, help="Less is better: of a cost, say.")
@click.option("--max", "maximize", type=SCORE, metavar="A", help="With --min, two objectives instead of --by.")
@click.option("--min", "minimize", type=SCORE, metavar="B", help="With --max.")
@click.option(
    "--table", type=PATH, metavar="FILE", help="Measured values, which alone exist: Parquet or CSV with arch or index."
)
@click.option("--algorithm", default="evolution", show_default=True, help=f"{', '.join(ALGORITHMS)}.")
@click.option(
    "--set", "options", multiple=True, metavar="NAME=VALUE", help="An option of the algorithm: population=50."
)
@click.option("--budget", type=INTEGER, default=1000, show_default=True, help="How many architectures to look at.")
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="The same gives the same steps.")
@where_option
@click.option("--dataset", help="Of a proxy: whose network.  [default: the space's first]")
@click.option("--device", default="auto", show_default=True, help="Of a proxy: auto, cpu or cuda.")
@click.option("--batch", type=INTEGER, default=64, show_default=True, help="Of a proxy: images of a batch.")
@click.option("--out", type=PATH, metavar="FILE", help="Every step, a Parquet file; continued if it is there.")
@json_option("a list of objects, a row for each better find: `step`, `index`, `value`, `regret`, `rank` and `among`")
def search_command(
    space: str,
    by: str,
    ascending: bool,
    maximize: str | None,
    minimize: str | None,
    table: str | None,
    algorithm: str,
    options: tuple[str, ...],
    budget: int,
    seed: int,
    where: str | None,
    dataset: str | None,
    device: str,
    batch: int,
    out: str | None,
    as_json: bool,
) -> None:
    """Search SPACE with an algorithm, judged by the exact optimum.

    For each find it prints how far that is from the optimum, and its exact rank; the last line is where the budget
    ended. With two objectives: how many points of the exact front are found, and the share of its hypervolume. A dash
    where nobody can know; the reason follows on stderr. `sedspace report` draws what --out wrote.
    """
    if out is not None:
        check_name(out, (".parquet",))
    two = maximize is not None or minimize is not None
    if two and is_given("by"):
        raise BadInput(f"--by {by} beside --max and --min: expected one objective or two")
    if two or table is not None:
        refuse("is of a zero-cost proxy: expected --by with its name", "dataset", "device", "batch")
    objective: str | ProxyObjective = by
    if any(is_given(option) for option in ("dataset", "device", "batch")):
        objective = ProxyObjective(space, by, seed=seed, dataset=dataset, device=device, batch=batch)
    found = sedspace.search(
        space,
        None if two else objective,
        algorithm,
        budget,
        seed,
        maximize=maximize,
        minimize=minimize,
        where=where,
        ascending=ascending,
        table=table,
        options=_options(options),
        out=out,
    )
    judged = found.judge()
    frame = judged.rows
    if "rank" in frame.columns:
        frame = frame.with_columns(among=pl.lit(None if judged.among is None else str(judged.among)))
    rows = [{**row, "among": int(row["among"])} if row.get("among") else row for row in rows_of(frame)]
    print_rows(rows, as_json, frame.columns)
    for note in judged.notes:
        click.echo(f"sedspace: {note}", err=True)


def _options(given: tuple[str, ...]) -> dict[str, int | str]:
    """Return the options of an algorithm; raise `BadInput` if one is given twice."""
    found: dict[str, int | str] = {}
    for text in given:
        name, value = _option(text)
        if name in found:
            raise BadInput(f"--set {text}: {name} is {found[name]!r} already, expected one value")
        found[name] = value
    return found


def _option(text: str) -> tuple[str, int | str]:
    """Return name and value of an option of an algorithm."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise BadInput(f"--set {text!r}: expected NAME=VALUE, such as population=50")
    number = whole_number(value.strip())
    return name.strip(), value.strip() if number is None else number
