"""The command that fits costs to measured ones."""

from __future__ import annotations

import click

import sedspace
from sedspace.cli.arguments import INTEGER, PATH, SPACE, TEXT
from sedspace.cli.options import json_option
from sedspace.cli.printing import check_name, strict_json, write_frame


@click.command()
@click.argument("space", type=SPACE)
@click.argument("table", type=PATH)
@click.option("--column", required=True, type=TEXT, help="The measurements in TABLE, a latency, say.")
@click.option("--by-operation", is_flag=True, help="One cost for each operation wherever it is: fits other spaces too.")
@click.option(
    "--quantum",
    metavar="Q",
    help="The unit that costs are rounded to.  [default: the greatest that divides them, or 1/128 of the largest]",
)
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="Of the half that is held out.")
@click.option(
    "--out", required=True, type=PATH, metavar="FILE", help="The table of costs, for --costs: .csv or .parquet."
)
@json_option(
    "an object of `rows`, `held_out`, `r2`, `spearman`, `kendall`, `constant`, `warning`, `quantum` and `error_bound`"
)
def fit_command(
    space: str, table: str, column: str, by_operation: bool, quantum: str | None, seed: int, out: str, as_json: bool
) -> None:
    """Fit a table of costs by operation and position to measured ones (TABLE: Parquet or CSV with arch or index).

    By least squares on a random half; how well it does on the other half is printed.
    """
    check_name(out, (".csv", ".parquet"))
    fit = sedspace.fit_costs(space, table, column, by_position=not by_operation, quantum=quantum, seed=seed)
    write_frame(fit.cost.frame(), out)
    bound = fit.cost.error_bound(space)
    report = {name: value for name, value in vars(fit).items() if name != "cost"}
    if as_json:
        report |= {"constant": fit.constant, "warning": fit.warning}
        click.echo(strict_json({**report, "quantum": float(fit.cost.quantum), "error_bound": bound}))
    else:
        click.echo(
            f"{column}: fitted to {fit.rows:,} architectures; on {fit.held_out:,} others R^2 {fit.r2:.3f}, Spearman "
            f"{fit.spearman:.3f}, Kendall {fit.kendall:.3f}; rounding to {float(fit.cost.quantum):g} changes a cost by "
            f"at most {bound:.3g}"
        )
        if fit.warning is not None:
            click.echo(f"{column}: {fit.warning}")
