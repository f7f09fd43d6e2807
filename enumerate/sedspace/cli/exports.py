"""The command that writes datasets to be published."""

from __future__ import annotations

import click

import sedspace
from sedspace.cli import arguments
from sedspace.cli.arguments import PATH, SCORE, SCORES, SPACE, TEXT, find_target
from sedspace.cli.options import where_option


@click.command()
@click.argument("target", type=SPACE)
@click.option("--out", required=True, type=PATH, metavar="DIR", help="A new or empty directory of this machine.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["hf"]),
    default="hf",
    show_default=True,
    help="hf: Parquet files in data/ and a dataset card, README.md, for the Hugging Face Hub.",
)
@click.option(
    "--license",
    "licence",
    type=TEXT,
    default="apache-2.0",
    show_default=True,
    help="What you publish it under, as the Hub writes it.",
)
@click.option("--by", type=SCORE, metavar="SCORE", help="Of a census: the score.  [default: sed]")
@click.option("--features", type=SCORES, metavar="A,B,...", help="Of a census: what tells classes apart.")
@where_option
def export_command(
    target: str, out: str, kind: str, licence: str, by: str | None, features: str | None, where: str | None
) -> None:
    """Write TARGET, a run or a space's census, as a dataset.

    Nothing is sent anywhere.
    """
    names = None if features is None else arguments.names(features, "--features")
    directory = sedspace.export_dataset(find_target(target), out, licence=licence, by=by, features=names, where=where)
    click.echo(f"{directory}: a dataset; README.md is its card, data/ its files")
