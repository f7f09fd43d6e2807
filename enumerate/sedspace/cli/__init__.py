"""The command line: reads arguments, calls the library, prints."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

import sedspace
from sedspace import explained, interrupts
from sedspace.cli import arguments
from sedspace.cli.arguments import INTEGER, PATH, SCORE, SCORES, SPACE, TEXT, as_target, find_target, is_given, refuse
from sedspace.cli.printing import (
    answer,
    check_answer,
    check_name,
    print_frame,
    print_rows,
    print_text,
    strict_json,
    write_frame,
)
from sedspace.errors import BadInput, SedspaceError, first_line, needs, unknown
from sedspace.runs import Run, enumerate_space, open_run, repair_run
from sedspace.scores import best, default_columns, known_scores, only_unique
from sedspace.spaces import Space, known_spaces
from sedspace.spaces import space as find_space

where_option = click.option(
    "--where",
    type=TEXT,
    metavar="SQL",
    help='A condition on features and scores, e.g. "params < 500000 AND n_skip <= 2".',
)
unique_option = click.option(
    "--unique", type=click.Choice(["functional"]), help="One architecture of each functional class, the lowest index."
)
_engine_option = click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    help="Threads of this process, or the workers of a Dask cluster.  [default: local, dask with --scheduler]",
)
_scheduler_option = click.option(
    "--scheduler",
    metavar="tcp://HOST:PORT",
    help="Of the Dask cluster; whoever can reach it can run code as you. tls:// takes the certificates of Dask's "
    "configuration.  [default: processes on this machine, with TLS]",
)
_timeout_option = click.option(
    "--worker-timeout",
    type=float,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the first worker of --scheduler.",
)
table_option = click.option("--out", type=PATH, metavar="FILE", help="Write the answer here: .csv, .jsonl or .parquet.")


def json_option(shape: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the option to print JSON, whose shape its help tells."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print JSON instead: {shape}.")


_FIRST_STEPS = """\b
First steps:
  sedspace enumerate tss5 --out runs/tss5   score all 9,765,625 five-node cells
  sedspace top runs/tss5 -k 10              the best of them
  sedspace show tss5 7323968                one of them, explained
"""


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose what does the work."""
    return _engine_option(_scheduler_option(_timeout_option(command)))


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_FIRST_STEPS)
@click.version_option(sedspace.__version__, prog_name="sedspace")
@click.option(
    "--scores",
    "scores_file",
    type=PATH,
    metavar="FILE.py",
    help="Run this Python file first: scores that it registers are columns like any other.",
)
@click.option(
    "--costs",
    "costs_files",
    type=PATH,
    metavar="FILE",
    multiple=True,
    help="A table of costs (CSV or Parquet: operation, cost, perhaps position): a column of the file's name.",
)
def cli(scores_file: str | None, costs_files: tuple[str, ...]) -> None:
    """Score whole neural-architecture search spaces, without data, networks or GPUs."""
    if scores_file is not None:
        _run_scores_file(Path(scores_file))
    for path in costs_files:
        cost = sedspace.read_costs(path, unit="")
        sedspace.register(cost)
        if cost.rounding:
            click.echo(f"sedspace: costs of {cost.name}: {cost.precision}", err=True)


@cli.command()
@click.argument("name", type=SPACE, required=False)
@json_option("a list of objects, `space`, `size`, `positions`, `what`; with NAME `column`, `dtype`, `unit`, `meaning`")
def spaces(name: str | None, as_json: bool) -> None:
    """List the search spaces, or the columns of the one NAMEd."""
    if name is None:
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
        rows = [
            {"column": n, "dtype": s.dtype, "unit": s.unit, "meaning": s.meaning}
            for n, s in known_scores(find_space(name)).items()
        ]
        rows += [
            {"column": n, "dtype": "string", "unit": "", "meaning": t.meaning}
            for n, t in find_space(name).texts.items()
        ]
    print_rows(rows, as_json)


@cli.command(name="enumerate")
@click.argument("space", type=SPACE)
@click.option("--out", required=True, type=PATH, metavar="DIR", help="Where the run goes: a new or empty directory.")
@click.option(
    "--columns",
    type=SCORES,
    metavar="A,B,...",
    help="Columns to write (see `sedspace spaces SPACE`), also arch; default,+A,+B adds to the default ones.",
)
@click.option("--range", "limits", metavar="A:B", help="Only the indices from A up to, not including, B.")
@click.option(
    "--where", type=TEXT, metavar="SQL", help='Write only rows that pass, e.g. "params < 500000 AND sed > 6".'
)
@click.option(
    "--shard-rows",
    type=INTEGER,
    help="Architectures that a file is chosen from.  [default: 1,000,000; with --where or --unique about a second's "
    "work, in at most 1,000 files unless over 1,000,000 rows of a file would pass]",
)
@unique_option
@click.option("--threads", type=INTEGER, help="Shards in work at the same time.  [default: all CPUs]")
@engine_options
@json_option(
    "an object of `path`, `seconds`, `shards`, `scanned`, `rows`, `rows_found` (there already), `bytes` and `best`, "
    "a list of objects"
)
def enumerate_command(
    space: str,
    out: str,
    columns: str | None,
    limits: str | None,
    where: str | None,
    unique: str | None,
    shard_rows: int | None,
    threads: int | None,
    engine: str | None,
    scheduler: str | None,
    worker_timeout: float,
    as_json: bool,
) -> None:
    """Score every architecture of SPACE and write the result as Parquet.

    An interrupted run is continued by the same command. The files do not depend on threads or interruptions.
    """
    chosen = find_space(space)
    start, stop = arguments.limits(limits, chosen)
    wanted = arguments.columns(columns, default_columns(chosen)) if columns is not None else None
    began = time.perf_counter()
    request: dict[str, Any] = {"start": start, "stop": stop, "shard_rows": shard_rows, "where": where, "unique": unique}
    try:
        with _cluster(engine, scheduler, threads, worker_timeout) as client:
            run = enumerate_space(chosen, out, wanted, None if client else threads, client=client, **request)
    except KeyboardInterrupt:
        _fail("interrupted; finished shards stay valid, give the same command again to continue", 130)
    _print_summary(run, space, time.perf_counter() - began, as_json)


@contextlib.contextmanager
def _cluster(engine: str | None, scheduler: str | None, workers: int | None, worker_timeout: float) -> Iterator[Any]:
    """Connect to a cluster if that is what shall do the work, else yield None."""
    if engine == "local" and scheduler is not None:
        raise BadInput(f"--engine local with --scheduler {scheduler}: expected one of the two")
    if scheduler is None:
        refuse("is for --scheduler", "worker_timeout")
    if engine != "dask" and scheduler is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise BadInput(f"--threads {workers} with --scheduler: the workers of {scheduler} have their own")
    from sedspace.cluster import connected, note_dashboard

    logging.disable()  # Dask's: what matters is raised, and said in one line
    with connected(scheduler, workers, worker_timeout) as client:
        note_dashboard(client)
        yield client


@cli.command()
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
def top(
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
    """Print the best architectures of TARGET, a run's directory or the name of a space.

    A space of any size is answered exactly and without files: it is its classes that are ranked.
    """
    from sedspace.runs import query

    check_answer(out, as_json)
    found = find_target(target)
    if isinstance(found, Run):
        refuse(f"is for spaces, and {target} is a run: use --where 'index >= A AND index < B'", "limits")
        frame = query.top(found, k, by, _only_unique(found, where, unique), ascending=ascending)
    else:
        start, stop = arguments.limits(limits, found)
        frame = sedspace.top_k(found, k, by, start, stop, where=where, unique=unique, ascending=ascending)
    if columns is not None:
        frame = _chosen(frame, _space_of(found), columns)
    answer(frame, out, as_json)


def _space_of(found: Space | Run) -> Space:
    return found.space if isinstance(found, Run) else found


def _chosen(frame: Any, space: Space, columns: str) -> Any:
    """Return the asked for columns of a table of architectures; scores that are not there are computed."""
    import polars as pl

    known, wanted = known_scores(space), arguments.columns(columns, frame.columns)
    for name in wanted:
        if name not in frame.columns and name not in known:
            raise unknown("column", name, dict.fromkeys([*frame.columns, *known]))
    missing = [known[name] for name in dict.fromkeys(wanted) if name not in frame.columns]
    digits = space.digits([int(index) for index in frame["index"]])  # text beyond 128 bits
    more = [pl.Series(score.name, score.values(score.at(space, digits))) for score in missing]
    return frame.with_columns(more).select(list(dict.fromkeys(wanted)))


def _only_unique(run: Run, where: str | None, unique: str | None) -> str | None:
    """Return the condition that also keeps one architecture of each functional class of a run."""
    if unique is not None and "representative" not in {column.name for column in run.request.columns}:
        raise BadInput(f"--unique of {run.path}: expected a run with the column representative, or made with --unique")
    return only_unique(run.space, where, unique)


@cli.command(name="census")
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
    """Count the architectures of SPACE exactly, by classes or by the values of a score.

    Nothing is enumerated, so that the size of the space does not matter. With both --by and --features: classes of all.
    """
    import polars as pl

    check_answer(out, as_json)
    if quantiles is not None and (by is None or features is not None):
        raise BadInput("--quantiles are those of a score: expected --by, and no --features")

    if by is not None and features is None:
        tally = sedspace.distribution(space, by, where)
        shares = [] if quantiles is None else arguments.names(quantiles, "--quantiles")
        frame = tally.quantiles(shares) if shares else tally.frame()
        if shares and not as_json:  # as they were asked for, not rounded
            frame = frame.with_columns(quantile=pl.Series(shares))
    elif features is not None:
        frame = sedspace.census(space, arguments.names(features, "--features"), by, where)
    else:
        frame = sedspace.census(space, where=where)
    answer(frame, out, as_json)


@cli.command(name="pareto")
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
    """Print the exact Pareto front of SPACE: two or three objectives, how many architectures, one of each.

    Nothing is enumerated, so that the size of the space does not matter.
    """
    check_answer(out, as_json)
    more, less = arguments.names(maximize, "--max"), arguments.names(minimize, "--min")
    _refuse_missing_default(find_space(space), "minimize", "--min", minimize)
    if budgets is None:
        frame = sedspace.pareto(space, more, less, where)
    elif len(more) == len(less) == 1:
        frame = sedspace.best_within(space, arguments.budgets(budgets), less[0], more[0], where)
    else:
        raise BadInput(f"--budgets with --max {maximize} --min {minimize}: expected one score and one cost")
    answer(frame, out, as_json)


def _refuse_missing_default(space: Space, parameter: str, option: str, name: str) -> None:
    """Say which option to give if a command's default is no score of a space."""
    known = known_scores(space)
    if name not in known and not is_given(parameter):
        raise BadInput(f"{space.name} has no {name}: give {option} one of {', '.join(known)}")


@cli.command(name="sample")
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
    default=1.0,
    show_default=True,
    help="With --importance: in the unit of that score.",
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
    strata: int | None,
    importance: str | None,
    temperature: float,
    out: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw random architectures of TARGET, a space or a run's directory, exactly uniformly among those treated alike.

    Of a space nothing is enumerated, so that its size does not matter.
    """
    check_answer(out, as_json)
    found = find_target(target)
    if isinstance(found, Run):
        refuse(f"is for spaces, and {target} is a run", "strata", "importance", "temperature")
        frame = _sample_of_run(found, n, **options)
    else:
        if importance is None:
            refuse("is that of a draw by importance: expected --importance", "temperature")
        frame = sedspace.sample(found, n, strata=strata, importance=importance, temperature=temperature, **options)
    answer(frame, out, as_json)


def _sample_of_run(run: Run, n: int, where: str | None, unique: str | None, **options: Any) -> Any:
    from sedspace.runs import query

    return query.sample(run, n, where=_only_unique(run, where, unique), **options)


@cli.command(name="fit")
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


@cli.command(name="crosscheck")
@click.argument("target", type=SPACE)
@click.option(
    "--proxies", default="grad_norm,synflow,naswot,zen", show_default=True, metavar="A,B,...", help="Which; also: all."
)
@click.option("--sample", "n", type=INTEGER, default=64, show_default=True, help="How many random architectures.")
@click.option(
    "--stratify",
    type=SCORE,
    default="sed",
    show_default=True,
    metavar="SCORE",
    help="Evenly over its values, or none.",
)
@click.option(
    "--archs", type=PATH, metavar="FILE", help="These instead of random ones: Parquet or CSV with arch or index."
)
@where_option
@unique_option
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="Of the sample, the networks and the batches.")
@click.option("--dataset", help="Whose network: cifar10, cifar100, ...  [default: the space's first]")
@click.option("--images", metavar="FILE.npy", help="Your images, or cifar10:DIRECTORY on disk.  [default: random]")
@click.option("--labels", metavar="FILE.npy", help="Their labels.  [default: random, or the data set's]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--batch", type=INTEGER, default=64, show_default=True, help="Images of a batch.")
@click.option("--repeats", type=INTEGER, default=1, show_default=True, help="Of every value, each with its own seed.")
@click.option(
    "--out", required=True, type=PATH, metavar="FILE", help="The values, a Parquet file; continued if it is there."
)
@engine_options
@json_option("a list of objects, one for each proxy, its `proxy`, how many values, seconds and rank correlations")
def crosscheck_command(
    target: str,
    proxies: str,
    n: int,
    stratify: str,
    archs: str | None,
    where: str | None,
    unique: str | None,
    out: str,
    engine: str | None,
    scheduler: str | None,
    worker_timeout: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Compute zero-cost proxies on real networks of a sample of TARGET, a space or a run's directory.

    Needs the extra `crosscheck`, which is torch. Then see `sedspace report`.
    """
    try:
        from sedspace.report import summary
        from sedspace.studies.study import chosen_proxies, crosscheck
    except ModuleNotFoundError as error:
        raise needs(str(error.name), "crosscheck", "crosscheck needs") from None
    if archs is not None:
        refuse("chooses among random ones: expected it without --archs", "n", "stratify", "where", "unique")
    names = arguments.names(proxies, "--proxies")
    chosen_proxies(names)  # a misspelt one is refused before anything is drawn
    by = None if stratify == "none" else stratify
    drawing: dict[str, Any] = {"stratify": by, "where": where, "unique": unique, "seed": options["seed"]}
    found = find_target(target)
    space = _space_of(found)
    if archs is not None:
        indices = _indices(archs, space)
    else:
        drawn = _sample_of_run(found, n, **drawing) if isinstance(found, Run) else sedspace.sample(space, n, **drawing)
        indices = [int(index) for index in drawn["index"]]  # text beyond 128 bits
    with _cluster(engine, scheduler, None, worker_timeout) as client:
        study = crosscheck(space, indices, names, out, client=client, **options)
    wanted = {proxy.name for proxy in chosen_proxies(names)}
    print_rows([row for row in summary(study) if row["proxy"] in wanted], as_json)


def _indices(path: str, space: Space) -> list[int]:
    from sedspace.tables import key_of, read_table, with_index

    table = read_table(path)
    keyed, unreadable = with_index(table, key_of(table), space)
    if unreadable or keyed.is_empty():
        raise BadInput(f"--archs {path}: {unreadable[0] if unreadable else 'no architectures'}")
    return keyed["index"].to_list()


@cli.command(name="report")
@click.argument("study", type=PATH)
@click.option("--accuracy", type=PATH, metavar="TABLE", help="Measured accuracies: Parquet or CSV with arch or index.")
@click.option("--column", "columns", multiple=True, help="Of that table.  [default: names with acc, test or val]")
@click.option(
    "--out", required=True, type=PATH, metavar="DIR", help="Where report.md, report.html and the pictures go."
)
def report_command(study: str, accuracy: str | None, columns: tuple[str, ...], out: str) -> None:
    """Say what the STUDY that `sedspace crosscheck` wrote shows: tables and pictures, as Markdown and one HTML page.

    Needs the extra `report`: matplotlib, scipy and scikit-learn.
    """
    if accuracy is None:
        refuse("is one of the table of accuracies: expected --accuracy TABLE", "columns")
    from sedspace.report import write_report

    for path in write_report(study, out, accuracy, columns or None):
        click.echo(path)


@cli.command(name="reproduce")
@click.option(
    "--tables", required=True, type=PATH, metavar="DIR", help="Accuracy tables: nats_tss.parquet, nats_sss.parquet, ..."
)
@click.option(
    "--study", type=PATH, metavar="FILE", help="What `sedspace crosscheck` wrote, for the seconds of gradient proxies."
)
@click.option(
    "--out", required=True, type=PATH, metavar="DIR", help="Where report.md, report.html and the pictures go."
)
def reproduce_command(tables: str, study: str | None, out: str) -> None:
    """Hold the published figures of the SED paper and of the survey against measured ones, with a verdict for each.

    Needs the extra `report`: matplotlib and scipy. What there is no table for is said to be unchecked.
    """
    from sedspace.report import reproduce

    for path in reproduce(tables, out, study):
        click.echo(path)


@cli.command(name="query")
@click.argument("directory", type=PATH)
@click.argument("statement", type=TEXT, metavar="SQL")
@click.option(
    "--allow-files", is_flag=True, help="Let it read other files and URLs too, by read_csv('...') and its kin."
)
@table_option
@json_option("a list of objects, whose keys are the columns that the statement asks for")
def query_command(directory: str, statement: str, allow_files: bool, out: str | None, as_json: bool) -> None:
    """Answer a SQL query over a run; its table is called archs."""
    from sedspace.runs import query

    check_answer(out, as_json)
    answer(query.sql(open_run(directory), statement, allow_files=allow_files), out, as_json)


@cli.command()
@click.argument("directory", type=PATH)
@json_option("a list of objects, `column`, `dtype`, `unit`, `min`, `max` (both text), `distinct` and `meaning`")
def describe(directory: str, as_json: bool) -> None:
    """Print the columns of a run: types, units, least, greatest and number of distinct values."""
    from sedspace.runs import query

    run = open_run(directory)
    if not as_json:
        kept = f" that meet {run.request.where}" if run.request.where else ""
        click.echo(f"{run.rows:,} architectures of {run.space.name}, {run.request.start}:{run.request.stop}{kept}\n")
    print_frame(query.describe(run), as_json)


@cli.command(name="join")
@click.argument("directory", type=PATH)
@click.argument("table", type=PATH)
@click.option("--on", type=click.Choice(["arch", "index"]), help="The table's key.  [default: arch, else index]")
@click.option(
    "--out", required=True, type=PATH, metavar="FILE", help="Where the matched rows go: .csv, .jsonl or .parquet."
)
@json_option("an object of `matched`, `only_in_run`, `only_in_table` and `unreadable`, a list of lines")
def join_command(directory: str, table: str, on: str | None, out: str, as_json: bool) -> None:
    """Put a TABLE of your own (Parquet or CSV with arch or index) beside the scores of a run."""
    from sedspace.runs.join import join

    check_name(out)
    matched = join(open_run(directory), table, on)
    write_frame(matched.frame, out)
    report = {k: v for k, v in vars(matched).items() if k != "frame"}
    click.echo(strict_json({"matched": len(matched.frame), **report}) if as_json else matched.report())


_DRAWN_WITH = {
    "density": {"against", "k", "table", "color", "clip"},
    "distribution": {"clip"},
    "cells": {"k"},
    "accuracy": {"against", "table", "color", "clip"},
}


@cli.command()
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
def plot(
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
    from sedspace.runs import plots

    refuse(f"is not for --kind {kind}", *(_DRAWN_WITH["density"] - _DRAWN_WITH[kind]))
    check_name(out, tuple(plots.KINDS))
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


@cli.command(name="show")
@click.argument("space", type=SPACE)
@click.argument("architecture", type=TEXT)
@json_option("an object of `space`, `size`, `index`, `arch`, `digits`, `choices`, `scores`, `standing` and `published`")
def show_command(space: str, architecture: str, as_json: bool) -> None:
    """Explain one ARCHITECTURE of SPACE, given as its index or its arch string."""
    chosen = find_space(space)
    about = explained.describe(chosen, explained.find_index(chosen, architecture))
    if as_json:
        click.echo(strict_json(about))
    else:
        print_text(explained.render(about, chosen))


@cli.command()
@click.argument("directory", type=PATH)
@click.option("--repair", is_flag=True, help="First rebuild the shards that are not as written, and no others.")
@click.option("--full", is_flag=True, help="Recompute every value: as long as it took to write the run.")
@json_option(
    "an object of `shards`, `rows`, how many were `recomputed`, whether the `condition` was checked, and `problems`, a "
    "list of objects of `file` and `what`"
)
def verify(directory: str, repair: bool, full: bool, as_json: bool) -> None:
    """Check a run: sizes, SHA-256, rows, and a recomputed sample of rows of every shard, another one each time.

    What was made to look right on purpose, manifest included, only --full finds for certain.

    Exits with status 1 and names the files if anything is wrong.
    """
    for problem in repair_run(directory) if repair else ():
        click.echo(f"sedspace: rebuilt {problem.file}, which {problem.what}", err=True)
    run = open_run(directory)
    problems = run.verify(full)
    if as_json:
        looked_at = {key: getattr(problems, key) for key in ("shards", "rows", "recomputed", "condition")}
        click.echo(strict_json({**looked_at, "problems": [vars(p) for p in problems]}))
    elif not problems:
        trusted = f" (not recomputed: {', '.join(run.unchecked)}; register it with --scores)" if run.unchecked else ""
        click.echo(f"{directory}: {_shards(run)}, {run.rows:,} rows, all as written{trusted}")
        click.echo(f"looked at: {problems.looked_at()}")
    for problem in problems:
        click.echo(f"sedspace: {problem}", err=True)
    sys.exit(1 if problems else 0)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 a run failed or is damaged, 2 bad input, 130 interrupted."""
    try:
        interrupts.begin()
        result = cli.main(args=arguments, prog_name="sedspace", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        sys.exit(0)
    except BaseException as error:
        if (said := _in_one_line(error)) is None:
            raise
        _fail(*said)
    sys.exit(result if isinstance(result, int) else 0)


def _in_one_line(error: BaseException) -> tuple[str, int] | None:
    """Return what to say of an error that is no mistake of ours, and the exit status."""
    match error:
        case SedspaceError():
            return str(error), error.exit_code
        case click.ClickException():
            return error.format_message(), 2
        case KeyboardInterrupt() | click.Abort():
            return "interrupted", 130
        case UnicodeEncodeError():
            return f"{error.object[:80]!r} cannot be written as {error.encoding}: expected other text", 2
        case OSError():  # standard output, say, is a full disk
            return f"{error.filename or 'output'}: {error.strerror or error}", 1
        case MemoryError():
            return "out of memory: ask for less at a time", 1
    if type(error).__name__ == "PanicException":  # of polars, no Exception
        return f"polars gave up: {first_line(error)}", 2
    return None


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"sedspace: {message.replace(chr(10), ' ')}", err=True)
    sys.exit(status)


def _run_scores_file(path: Path) -> None:
    spec = importlib.util.spec_from_file_location("sedspace_user_scores", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadInput(f"--scores {path}: expected a Python file")
    sys.path.insert(0, str(path.resolve().parent))  # it may import what stands beside it, as if it were run
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except SedspaceError:
        raise
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        raise BadInput(f"--scores {path}: {type(error).__name__}: {error}".replace("\n", " ")) from error


def _print_summary(run: Run, space: str, seconds: float, as_json: bool) -> None:
    by, winners = _best_rows(run)
    if as_json:
        figures = {"scanned": run.request.scanned, "rows": run.rows, "rows_found": run.rows_found, "bytes": run.bytes}
        click.echo(
            strict_json(
                {"path": str(run.path), "seconds": seconds, "shards": len(run.shards), **figures, "best": winners}
            )
        )
        return
    scanned = run.request.scanned - (run.rows_found if run.request.where is None else 0)
    did = f"{seconds:.2f} s ({scanned / seconds:,.0f} architectures/s)"
    if run.rows_found:
        did = (
            f"{run.rows_found:,} rows were there already; {did if run.rows_found < run.rows else 'nothing left to do'}"
        )
    kept = f" of {run.request.scanned:,}" if run.request.where is not None else ""
    what = f"{run.rows:,}{kept} architectures of {run.space.name} in {_shards(run)}, {run.bytes:,} bytes"
    click.echo(f"{run.path}: {what}; {did}")
    if not winners:
        return
    click.echo(f"\nbest by {by}")
    print_rows(winners, as_json=False)
    where, option = shlex.quote(as_target(run.path)), "" if by == "sed" else f" --by {by}"
    click.echo(
        f"\nnext:  sedspace top {where} -k 10{option}\n       sedspace show {shlex.quote(space)} {winners[0]['index']}"
    )


def _best_rows(run: Run) -> tuple[str, list[dict[str, Any]]]:
    """Return the score to rank by, SED or else the first, and the five best rows (of a filtered run, in its files)."""
    scores = [column.score for column in run.request.columns if column.score is not None]
    if not scores or not run.rows:
        return "sed", []
    score = next((score for score in scores if score.name == "sed"), scores[0])
    if run.request.where is None:
        values, indices = best(run.space, score, 5, run.request.start, run.request.stop)
        pairs = list(zip(indices, values.tolist(), strict=True))
    else:
        from sedspace.runs import query

        pairs = query.top(run, 5, score.name).select("index", score.name).rows()
    return score.name, [{"index": i, score.name: value, "arch": run.space.arch(i)} for i, value in pairs]


def _shards(run: Run) -> str:
    return f"{len(run.shards)} shard{'s' if len(run.shards) > 1 else ''}"
