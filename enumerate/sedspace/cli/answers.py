"""Commands that answer questions, about a space or, where they can, about a run."""

from __future__ import annotations

import shlex

import click
import polars as pl

import sedspace
from sedspace.answers import space_of
from sedspace.cli import arguments
from sedspace.cli.arguments import INTEGER, PATH, SCORE, SCORES, SPACE, TEXT, find_target, is_given
from sedspace.cli.options import json_option, table_option, unique_option, where_option
from sedspace.cli.printing import answer, check_answer, check_name, print_rows, print_text, strict_json
from sedspace.errors import BadInput
from sedspace.explained import topology_lines
from sedspace.figures import KINDS
from sedspace.pictures import picture
from sedspace.runs import Run, plots
from sedspace.scores import known_scores
from sedspace.scores.topology import TopologyScore
from sedspace.scores.wiring import has_wirings
from sedspace.spaces import Space, known_spaces
from sedspace.spaces import space as find_space


@click.command()
@click.argument("name", type=SPACE, required=False)
@click.option("--topology", is_flag=True, help="With NAME: the topology features, too, of which there are many.")
@json_option("a list of objects, `space`, `size`, `positions`, `what`; with NAME `column`, `dtype`, `unit`, `meaning`")
def spaces_command(name: str | None, topology: bool, as_json: bool) -> None:
    """List the search spaces, or the columns of the one NAMEd."""
    note = ""
    if name is None:
        if topology:
            raise BadInput("--topology is about the columns of a space: expected NAME, too")
        rows = [
            {
                "space": s.name,
                "size": s.size if as_json else f"{s.size:,}",
                "positions": len(s.positions),
                "what": s.title,
            }
            for s in known_spaces()
        ]
    else:
        known = known_scores(find_space(name))
        shown = {n: s for n, s in known.items() if topology or as_json or not isinstance(s, TopologyScore)}
        if left_out := len(known) - len(shown):
            note = f"\nand {left_out} topology features: sedspace spaces {shlex.quote(name)} --topology"
        rows = [{"column": n, "dtype": s.dtype, "unit": s.unit, "meaning": s.meaning} for n, s in shown.items()]
        rows += [
            {"column": n, "dtype": "string", "unit": "", "meaning": t.meaning}
            for n, t in find_space(name).texts.items()
        ]
    print_rows(rows, as_json)
    if note:
        print_text(note)


@click.command()
@click.argument("target", type=SPACE)
@click.option("-k", type=INTEGER, default=10, show_default=True, help="How many.")
@click.option(
    "--by", type=SCORE, default="sed", show_default=True, help="The column or score to rank by; greater is better."
)
@click.option("--ascending", is_flag=True, help="The least first instead: of a cost, say.")
@where_option
@click.option("--range", "limits", metavar="A:B", help="Only these indices; of a space, as a run has its own.")
@unique_option
@click.option(
    "--columns",
    type=SCORES,
    metavar="A,B,...",
    help="What to show of each: columns of the run, scores of the space, arch; default,+A,+B adds to the default ones.",
)
@table_option
@json_option("a list of objects, one for each row; `index`, the score and `arch`, of a run all its columns")
def top_command(
    target: str,
    k: int,
    by: str,
    ascending: bool,
    where: str | None,
    limits: str | None,
    unique: str | None,
    columns: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Print the best architectures of TARGET, a space or a run.

    A space of any size is answered exactly and without files: it is its classes that are ranked.
    """
    check_answer(out, as_json)
    found = find_target(target)
    start, stop = arguments.limits(limits, space_of(found))
    default = [*found.columns, "arch"] if isinstance(found, Run) else ["index", by, "arch"]
    wanted = None if columns is None else arguments.columns(columns, default)
    frame = sedspace.top_k(found, k, by, start, stop, where=where, unique=unique, columns=wanted, ascending=ascending)
    answer(frame if wanted is None else frame.select(list(dict.fromkeys(wanted))), out, as_json)


@click.command()
@click.argument("space", type=SPACE)
@click.option("--by", type=SCORE, metavar="SCORE", help="Print the distribution of this score instead of classes.")
@click.option(
    "--features",
    type=SCORES,
    metavar="A,B,...",
    help="What tells classes apart.  [default: sed and a run's columns]",
)
@click.option("--quantiles", metavar="Q,Q,...", help="With --by: only these quantiles, from 0 to 1.")
@where_option
@table_option
@json_option(
    "a list of objects, the scores and features of a class, its `count` and lowest `index`; with --by the value, "
    "`count`, `at_least` and `share`; with --quantiles `quantile` and the value"
)
def census_command(
    space: str,
    by: str | None,
    features: str | None,
    quantiles: str | None,
    where: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Count the architectures of SPACE, by classes or by score.

    The counts are exact. Nothing is enumerated, so that the size of the space does not matter. With both --by and
    --features: classes of all.
    """
    check_answer(out, as_json)
    if quantiles is not None and (by is None or features is not None):
        raise BadInput("--quantiles are those of a score: expected --by, and no --features")

    if by is not None and features is None:
        tally = sedspace.distribution(space, by, where=where)
        shares = [] if quantiles is None else arguments.names(quantiles, "--quantiles")
        frame = tally.quantiles(shares) if shares else tally.frame()
        if shares and not as_json:  # as they were asked for, not rounded
            frame = frame.with_columns(quantile=pl.Series(shares))
    elif features is not None:
        frame = sedspace.census(space, arguments.names(features, "--features"), by, where=where)
    else:
        frame = sedspace.census(space, where=where)
    answer(frame, out, as_json)


@click.command()
@click.argument("space", type=SPACE)
@click.option(
    "--max",
    "maximize",
    type=SCORES,
    default="sed",
    show_default=True,
    metavar="A,B",
    help="What there should be more of.",
)
@click.option(
    "--min",
    "minimize",
    type=SCORES,
    default="params",
    show_default=True,
    metavar="A,B",
    help="What there should be less of.",
)
@click.option(
    "--budgets", metavar="N,N,...", help="Instead of the front, the best within each of these budgets, such as 0.5M,1M."
)
@where_option
@table_option
@json_option(
    "a list of objects, the objectives, `count`, `index` and `arch`; with --budgets `budget`, the score, the cost, "
    "`count`, `index` and `arch`"
)
def pareto_command(
    space: str, maximize: str, minimize: str, budgets: str | None, where: str | None, out: str | None, as_json: bool
) -> None:
    """Print the exact Pareto front of SPACE.

    Of two or three objectives: how many architectures are at each of its points, and one of them. Nothing is
    enumerated, so that the size of the space does not matter.
    """
    check_answer(out, as_json)
    more, less = arguments.names(maximize, "--max"), arguments.names(minimize, "--min")
    _refuse_missing_default(find_space(space), "minimize", "--min", minimize)
    if budgets is None:
        frame = sedspace.pareto(space, more, less, where=where)
    elif len(more) == len(less) == 1:
        frame = sedspace.best_within(space, arguments.budgets(budgets), less[0], more[0], where=where)
    else:
        raise BadInput(f"--budgets with --max {maximize} --min {minimize}: expected one score and one cost")
    answer(frame, out, as_json)


def _refuse_missing_default(space: Space, parameter: str, option: str, name: str) -> None:
    """Say which option to give if a command's default is no score of a space."""
    known = known_scores(space)
    if name not in known and not is_given(parameter):
        raise BadInput(f"{space.name} has no {name}: give {option} one of {', '.join(known)}")


@click.command()
@click.argument("target", type=SPACE)
@click.option("-n", type=INTEGER, default=10, show_default=True, help="How many.")
@click.option("--stratify", type=SCORE, metavar="SCORE", help="Spread them evenly over the values of this score.")
@click.option("--strata", type=INTEGER, help="With --stratify: over this many intervals of equal width instead.")
@click.option(
    "--importance",
    type=SCORE,
    metavar="SCORE",
    help="Draw in proportion to exp(SCORE / temperature), with replacement.",
)
@click.option(
    "--temperature",
    type=float,
    help="With --importance: in the unit of that score.  [default: 1]",
)
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="The same seed gives the same architectures.")
@where_option
@unique_option
@table_option
@json_option(
    "a list of objects; `index`, the score if there is one, `weight` or `probability`, `arch`, of a run its columns"
)
def sample_command(
    target: str,
    n: int,
    stratify: str | None,
    strata: int | None,
    importance: str | None,
    temperature: float | None,
    seed: int,
    where: str | None,
    unique: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Draw random architectures of TARGET, a space or a run.

    Exactly uniformly among those treated alike. Of a space nothing is enumerated, so that its size does not matter.
    """
    check_answer(out, as_json)
    frame = sedspace.sample(
        find_target(target),
        n,
        stratify=stratify,
        strata=strata,
        importance=importance,
        temperature=temperature,
        where=where,
        unique=unique,
        seed=seed,
    )
    answer(frame, out, as_json)


@click.command()
@click.argument("space", type=SPACE)
@click.argument("architecture", type=TEXT)
@click.option(
    "--out", type=PATH, metavar="FILE", help="Draw a cell or a whole network, too: .png, .svg or .pdf, by the ending."
)
@click.option("--topology", is_flag=True, help="Print the topology features of a cell, too.")
@json_option(
    "an object of `space`, `size`, `index`, `arch`, `digits`, `choices`, `scores`, `topology`, `standing`, `published`"
)
def show_command(space: str, architecture: str, out: str | None, topology: bool, as_json: bool) -> None:
    """Explain one ARCHITECTURE of SPACE: an index or an arch string."""
    if out is not None:
        check_name(out, tuple(KINDS))
    found = sedspace.architecture(space, architecture)
    if topology and not has_wirings(found.space):
        raise BadInput(f"--topology is of cells, not of {found.space.name}")
    if out is not None:
        plots.save(picture(found.space, found.index), out)
    if as_json:
        click.echo(strict_json(found.describe()))
    else:
        print_text("\n".join([str(found), *(["", *topology_lines(found)] if topology else [])]))
