"""The command that says what to measure first, and what next."""

from __future__ import annotations

import click

import sedspace
from sedspace.cli import arguments
from sedspace.cli.arguments import INTEGER, SCORES, SPACE
from sedspace.cli.options import json_option, table_option, where_option
from sedspace.cli.printing import answer, check_answer
from sedspace.learning import Fit
from sedspace.learning.acquisitions import KINDS
from sedspace.spaces import Space


@click.command()
@click.argument("target", type=SPACE)
@click.option("-n", type=INTEGER, default=10, show_default=True, help="How many.")
@click.option(
    "--acquisition",
    type=click.Choice(KINDS),
    help="By a fit: what to go by.  [default: expected_improvement]",
)
@click.option(
    "--exploration",
    type=float,
    help="Of upper_confidence_bound: how many standard deviations above the mean.  [default: 1]",
)
@click.option(
    "--diverse/--not-diverse",
    "diverse",
    default=None,
    help="By a fit: whether each is chosen as if those before it had been measured.  [default: --diverse]",
)
@click.option("--ascending", is_flag=True, default=None, help="By a fit: less is better, of a latency, say.")
@click.option(
    "--features",
    type=SCORES,
    metavar="A,B,...",
    help="Of a space: topology, choices, counts, or columns to spread them over.  [default: topology where it has one]",
)
@where_option
@click.option("--all-of-a-class", is_flag=True, help="Also several architectures of one functional class.")
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="Of what is drawn.")
@table_option
@json_option(
    "a list of objects, `index`, of a space `distance`, by a fit `mean`, `std` and `acquisition`, `among` and `arch`"
)
def suggest_command(
    target: str,
    n: int,
    acquisition: str | None,
    exploration: float | None,
    diverse: bool | None,
    ascending: bool | None,
    features: str | None,
    where: str | None,
    all_of_a_class: bool,
    seed: int,
    out: str | None,
    as_json: bool,
) -> None:
    """Print which architectures to measure first, or next.

    First of TARGET, a space; next by a fit, a file that ends in .score. Those of a space are spread over its
    features; those by a fit promise most of all that is not measured.
    """
    check_answer(out, as_json)
    frame = sedspace.suggest(
        _target(target),
        n,
        acquisition=acquisition,
        exploration=exploration,
        diverse=diverse,
        ascending=ascending,
        features=None if features is None else _features(features),
        where=where,
        unique=not all_of_a_class,
        seed=seed,
    )
    answer(frame, out, as_json)


def _target(text: str) -> Space | Fit:
    """Return what a TARGET names: the fit in a file, or a space."""
    return sedspace.read_fit(text) if text.endswith(".score") else sedspace.space(text)


def _features(text: str) -> str | list[str]:
    """Return a name of features, or a list of columns."""
    return text if text in ("topology", "choices", "counts") else arguments.names(text, "--features")
