"""The command that learns from measured architectures: a score, or a table of costs."""

from __future__ import annotations

from pathlib import Path

import click

import sedspace
from sedspace.cli import arguments
from sedspace.cli.arguments import INTEGER, PATH, SCORE, SCORES, SPACE, TEXT, refuse
from sedspace.cli.options import json_option
from sedspace.cli.printing import check_name, print_frame, rows_of, strict_json, write_frame

_SETS = ("topology", "choices", "counts")


@click.command()
@click.argument("space", type=SPACE)
@click.argument("table", type=PATH)
@click.option("--column", required=True, type=TEXT, help="The measurements in TABLE: accuracies, or a latency, say.")
@click.option(
    "--out",
    required=True,
    type=PATH,
    metavar="FILE",
    help="The fit, for --scores: .score; or a table of costs, for --costs: .csv or .parquet.",
)
@click.option(
    "--model",
    type=click.Choice(["gaussian", "forest", "boosting", "additive"]),
    help="additive answers exactly about spaces of any size.  [default: gaussian up to 2,000 rows, boosting beyond, "
    "additive where a space cannot be gone through]",
)
@click.option(
    "--features",
    type=SCORES,
    metavar="A,B,...",
    help="topology, choices, counts, or columns of the space.  [default: topology, or choices where there is none]",
)
@click.option("--prior", type=SCORE, help="A score to begin with, or none.  [default: propagated_sed]")
@click.option("--name", type=TEXT, help="What to call the score.  [default: as the column]")
@click.option("--ascending", is_flag=True, help="Less is better: of a latency.")
@click.option("--repeats", type=INTEGER, help="Of the cross-validation; 0: none.  [default: 10, less of many rows]")
@click.option("--refuse-repeated", is_flag=True, help="Refuse an architecture with different values; else their mean.")
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="Of the rows that are held out, and of trees.")
@click.option("--by-operation", is_flag=True, help="Of costs: the same wherever an operation is, for other spaces too.")
@click.option(
    "--quantum",
    metavar="Q",
    help="Of costs: what they are rounded to.  [default: the greatest that divides them, or 1/128 of the largest]",
)
@json_option(
    "an object of `name`, `model`, `rows`, `features`, `prior`, `notes` and `judgement`; of costs `rows`, `held_out`, "
    "`r2`, `spearman`, `kendall`, `notes`, `constant`, `warning`, `quantum` and `error_bound`"
)
def fit_command(
    space: str,
    table: str,
    column: str,
    out: str,
    model: str | None,
    features: str | None,
    prior: str | None,
    name: str | None,
    ascending: bool,
    repeats: int | None,
    refuse_repeated: bool,
    seed: int,
    by_operation: bool,
    quantum: str | None,
    as_json: bool,
) -> None:
    """Learn a score of all of SPACE from measured architectures.

    They stand in TABLE, Parquet or CSV with arch or index. How well it does on what it has not seen is printed,
    beside scores that learn nothing. With --out FILE.csv, a table of costs by operation and position instead: ridge
    regression on one half, judged on the other.
    """
    check_name(out, (".score", ".csv", ".parquet"))
    if Path(out).suffix != ".score":
        refuse(
            f"is for --out FILE.score, not for the table of costs {out}",
            *("model", "features", "prior", "name", "ascending", "repeats", "refuse_repeated"),
        )
        _fit_costs(space, table, column, by_operation, quantum, seed, out, as_json)
        return
    refuse(f"is for tables of costs (--out FILE.csv), not for {out}", "by_operation", "quantum")
    names = None if features is None else arguments.names(features, "--features")
    fit = sedspace.fit(
        space,
        table,
        column,
        model=model,
        features=names[0] if names is not None and len(names) == 1 and names[0] in _SETS else names,
        prior=("propagated_sed" if prior is None else None if prior == "none" else prior),
        name=name,
        repeated="refuse" if refuse_repeated else "mean",
        ascending=ascending,
        repeats=repeats,
        seed=seed,
    )
    fit.save(out)
    if as_json:
        about, judgement = fit.about, [] if fit.judgement is None else rows_of(fit.judgement)
        found = {"name": fit.name, "model": fit.model, "rows": fit.rows, "features": about.features}
        click.echo(strict_json({**found, "prior": about.prior, "notes": fit.notes, "judgement": judgement}))
        return
    click.echo(f"{fit.name}: {fit.model} of {fit.rows:,} architectures of {space}")
    for note in fit.notes:
        click.echo(f"sedspace: {note}", err=True)
    if fit.judgement is not None:
        print_frame(fit.judgement, as_json=False)


def _fit_costs(
    space: str, table: str, column: str, by_operation: bool, quantum: str | None, seed: int, out: str, as_json: bool
) -> None:
    fit = sedspace.fit_costs(space, table, column, by_position=not by_operation, quantum=quantum, seed=seed)
    write_frame(fit.cost.frame(), out)
    bound = fit.cost.error_bound(space)
    for note in () if as_json else fit.notes:
        click.echo(f"sedspace: {note}", err=True)
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
