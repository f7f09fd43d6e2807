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
from sedspace import show
from sedspace.errors import BadInput, SedspaceError
from sedspace.output import answer, print_frame, print_rows, strict_json, write_frame
from sedspace.runs import SHARD_ROWS, Run, enumerate_space, open_run, repair_run
from sedspace.scores import best, known_scores, only_unique
from sedspace.spaces import Space, known_spaces
from sedspace.spaces import space as find_space

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
where_option = click.option(
    "--where", metavar="SQL", help='A condition on features and scores, e.g. "params < 500000 AND n_skip <= 2".'
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
    "--scheduler", metavar="tcp://HOST:PORT", help="Of the Dask cluster.  [default: processes on this machine]"
)
table_option = click.option("--out", metavar="FILE", help="Write the answer here: .csv, .jsonl or .parquet.")


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose what does the work."""
    return _engine_option(_scheduler_option(command))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sedspace.__version__, prog_name="sedspace")
@click.option(
    "--scores",
    "scores_file",
    metavar="FILE.py",
    help="Run this Python file first: scores that it registers are columns like any other.",
)
@click.option(
    "--costs",
    "costs_files",
    metavar="FILE",
    multiple=True,
    help="A table of costs (CSV or Parquet: operation, cost, perhaps position): a column of the file's name.",
)
def cli(scores_file: str | None, costs_files: tuple[str, ...]) -> None:
    r"""Score whole neural-architecture search spaces, without data, networks or GPUs.

    \b
    sedspace enumerate tss5 --out runs/tss5     score all 9,765,625 five-node cells
    sedspace top runs/tss5 -k 10                the best of them
    sedspace show tss5 7323968                  one of them, explained
    """
    if scores_file is not None:
        _run_scores_file(Path(scores_file))
    for path in costs_files:
        sedspace.register(sedspace.read_costs(path, unit=""))


@cli.command()
@click.argument("name", required=False)
@json_option
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
@click.argument("space")
@click.option("--out", required=True, metavar="DIR", help="Where to write the run: a new or empty directory.")
@click.option("--columns", metavar="A,B,...", help="Columns to write (see `sedspace spaces SPACE`), also arch.")
@click.option("--range", "limits", metavar="A:B", help="Only the indices from A up to, not including, B.")
@click.option("--where", metavar="SQL", help='Write only rows that pass, e.g. "params < 500000 AND sed > 6".')
@click.option("--shard-rows", type=int, default=SHARD_ROWS, show_default=True, help="Architectures of a file.")
@unique_option
@click.option("--threads", type=int, help="Shards in work at the same time.  [default: all CPUs]")
@engine_options
@json_option
def enumerate_command(
    space: str,
    out: str,
    columns: str | None,
    limits: str | None,
    where: str | None,
    unique: str | None,
    shard_rows: int,
    threads: int | None,
    engine: str | None,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Score every architecture of SPACE and write the result as Parquet.

    An interrupted run is continued by the same command. The files do not depend on threads or interruptions.
    """
    chosen = find_space(space)
    start, stop = _parse_range(limits, chosen)
    wanted = _names(columns) if columns is not None else None
    began = time.perf_counter()
    request: dict[str, Any] = {"start": start, "stop": stop, "shard_rows": shard_rows, "where": where, "unique": unique}
    try:
        with _cluster(engine, scheduler, threads) as client:
            run = enumerate_space(chosen, out, wanted, None if client else threads, client=client, **request)
    except KeyboardInterrupt:
        _fail("interrupted; finished shards stay valid, give the same command again to continue", 130)
    _print_summary(run, space, time.perf_counter() - began, as_json)


@contextlib.contextmanager
def _cluster(engine: str | None, scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """Connect to a cluster if that is what shall do the work, else yield None."""
    if engine == "local" and scheduler is not None:
        raise BadInput(f"--engine local with --scheduler {scheduler}: expected one of the two")
    if engine != "dask" and scheduler is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise BadInput(f"--threads {workers} with --scheduler: the workers of {scheduler} have their own")
    from sedspace.cluster import connected, note_dashboard

    logging.disable()  # Dask's: what matters is raised, and said in one line
    with connected(scheduler, workers) as client:
        note_dashboard(client)
        yield client


@cli.command()
@click.argument("target")
@click.option("-k", type=int, default=10, show_default=True, help="How many.")
@click.option("--by", default="sed", show_default=True, help="The column or score to rank by; greater is better.")
@where_option
@click.option("--range", "limits", metavar="A:B", help="Only these indices; of a space, as a run has its own.")
@unique_option
@json_option
def top(target: str, k: int, by: str, where: str | None, limits: str | None, unique: str | None, as_json: bool) -> None:
    """Print the best architectures of TARGET, a run's directory or the name of a space.

    A space of any size is answered exactly and without files: it is its classes that are ranked.
    """
    from sedspace import query

    if _is_run(target):
        if limits is not None:
            raise BadInput(f"--range is for spaces, and {target} is a run: use --where 'index >= A AND index < B'")
        run = open_run(target)
        frame = query.top(run, k, by, only_unique(run.space, where, unique))
    else:
        space = _space_or_run(target)
        frame = sedspace.top_k(space, k, by, *_parse_range(limits, space), where=where, unique=unique)
    print_frame(frame, as_json, target)


@cli.command(name="census")
@click.argument("space")
@click.option("--by", metavar="SCORE", help="Print the distribution of this score instead of classes.")
@click.option("--features", metavar="A,B,...", help="What tells classes apart.  [default: sed and a run's columns]")
@click.option("--quantiles", metavar="Q,Q,...", help="With --by: only these quantiles, from 0 to 1.")
@where_option
@table_option
@json_option
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
    if quantiles is not None and (by is None or features is not None):
        raise BadInput("--quantiles are those of a score: expected --by, and no --features")
    import polars as pl

    if by is not None and features is None:
        tally = sedspace.distribution(space, by, where)
        frame = tally.frame() if quantiles is None else tally.quantiles(_names(quantiles))
        if quantiles is not None and not as_json:  # as they were asked for, not rounded
            frame = frame.with_columns(quantile=pl.Series(_names(quantiles)))
    elif features is not None:
        frame = sedspace.census(space, _names(features), by, where)
    else:
        frame = sedspace.census(space, where=where)
    answer(frame, out, as_json, space)


@cli.command(name="pareto")
@click.argument("space")
@click.option(
    "--max", "maximize", default="sed", show_default=True, metavar="A,B", help="What there should be more of."
)
@click.option(
    "--min", "minimize", default="params", show_default=True, metavar="A,B", help="What there should be less of."
)
@click.option("--budgets", metavar="N,N,...", help="Instead of the front, the best within each of these budgets.")
@where_option
@table_option
@json_option
def pareto_command(
    space: str, maximize: str, minimize: str, budgets: str | None, where: str | None, out: str | None, as_json: bool
) -> None:
    """Print the exact Pareto front of SPACE: two or three objectives, how many architectures, one of each.

    Nothing is enumerated, so that the size of the space does not matter.
    """
    if budgets is None:
        frame = sedspace.pareto(space, _names(maximize), _names(minimize), where)
    else:
        frame = sedspace.best_within(space, [_number(one) for one in _names(budgets)], minimize, maximize, where)
    answer(frame, out, as_json, space)


@cli.command(name="sample")
@click.argument("target")
@click.option("-n", type=int, default=10, show_default=True, help="How many.")
@click.option("--stratify", metavar="SCORE", help="Spread them evenly over the values of this score.")
@click.option("--strata", type=int, help="With --stratify: over this many intervals of equal width instead.")
@click.option("--importance", metavar="SCORE", help="Draw in proportion to exp(SCORE / temperature), with replacement.")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="In the unit of that score.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same architectures.")
@where_option
@unique_option
@table_option
@json_option
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
    if _is_run(target):
        if strata is not None or importance is not None:
            raise BadInput(f"--strata and --importance are for spaces, and {target} is a run")
        frame = _sample_of_run(open_run(target), n, **options)
    else:
        space = _space_or_run(target)
        frame = sedspace.sample(space, n, strata=strata, importance=importance, temperature=temperature, **options)
    answer(frame, out, as_json, target)


def _is_run(target: str) -> bool:
    return "://" in target or (Path(target).exists() and not target.endswith(".toml"))


def _sample_of_run(run: Run, n: int, where: str | None, unique: str | None, **options: Any) -> Any:
    from sedspace import query

    if unique is not None and "representative" not in {column.name for column in run.request.columns}:
        raise BadInput(f"--unique of {run.path}: expected a run with the column representative, or made with --unique")
    return query.sample(run, n, where=only_unique(run.space, where, unique), **options)


@cli.command(name="fit")
@click.argument("space")
@click.argument("table")
@click.option("--column", required=True, help="The measurements in TABLE, a latency, say.")
@click.option("--by-operation", is_flag=True, help="One cost for each operation wherever it is: fits other spaces too.")
@click.option("--quantum", metavar="Q", help="The unit that costs are rounded to.  [default: 1/128 of the largest]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the half that is held out.")
@click.option("--out", required=True, metavar="FILE", help="The table of costs, for --costs: .csv or .parquet.")
@json_option
def fit_command(
    space: str, table: str, column: str, by_operation: bool, quantum: str | None, seed: int, out: str, as_json: bool
) -> None:
    """Fit a table of costs by operation and position to measured ones (TABLE: Parquet or CSV with arch or index).

    By least squares on a random half; how well it does on the other half is printed.
    """
    if Path(out).suffix not in (".csv", ".parquet"):
        raise BadInput(f"--out {out}: expected a name that ends in .csv or .parquet")
    fit = sedspace.fit_costs(space, table, column, by_position=not by_operation, quantum=quantum, seed=seed)
    write_frame(fit.cost.frame(), out, table)
    bound = fit.cost.error_bound(space)
    report = {name: value for name, value in vars(fit).items() if name != "cost"}
    if as_json:
        click.echo(strict_json({**report, "quantum": float(fit.cost.quantum), "error_bound": bound}))
    else:
        click.echo(
            f"{column}: fitted to {fit.rows:,} architectures; on {fit.held_out:,} others R^2 {fit.r2:.3f}, Spearman "
            f"{fit.spearman:.3f}, Kendall {fit.kendall:.3f}; rounding to {float(fit.cost.quantum):g} changes a cost by "
            f"at most {bound:.3g}"
        )


@cli.command(name="crosscheck")
@click.argument("target")
@click.option(
    "--proxies", default="grad_norm,synflow,naswot,zen", show_default=True, metavar="A,B,...", help="Which; also: all."
)
@click.option("--sample", "n", type=int, default=64, show_default=True, help="How many random architectures.")
@click.option("--stratify", default="sed", show_default=True, metavar="SCORE", help="Evenly over its values, or none.")
@click.option("--archs", metavar="FILE", help="These instead of random ones: Parquet or CSV with arch or index.")
@where_option
@unique_option
@click.option("--seed", type=int, default=0, show_default=True, help="Of the sample, the networks and the batches.")
@click.option("--dataset", help="Whose network: cifar10, cifar100, ...  [default: the space's first]")
@click.option("--images", metavar="FILE.npy", help="Your images, or cifar10:DIRECTORY on disk.  [default: random]")
@click.option("--labels", metavar="FILE.npy", help="Their labels.  [default: random, or the data set's]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--batch", type=int, default=64, show_default=True, help="Images of a batch.")
@click.option("--repeats", type=int, default=1, show_default=True, help="Of every value, each with its own seed.")
@click.option("--out", required=True, metavar="FILE", help="The values, a Parquet file; continued if it is there.")
@engine_options
@json_option
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
    as_json: bool,
    **options: Any,
) -> None:
    """Compute zero-cost proxies on real networks of a sample of TARGET, a space or a run's directory.

    Needs torch: pip install 'sedspace[crosscheck]'. Then see `sedspace report`.
    """
    try:
        from sedspace.crosscheck.study import chosen_proxies, crosscheck
        from sedspace.report import summary
    except ModuleNotFoundError as error:
        raise BadInput(f"crosscheck needs {error.name}: pip install 'sedspace[crosscheck]'") from None
    names = _names(proxies)
    chosen_proxies(names)  # a misspelt one is refused before anything is drawn
    by = None if stratify == "none" else stratify
    drawing: dict[str, Any] = {"stratify": by, "where": where, "unique": unique, "seed": options["seed"]}
    run = open_run(target) if _is_run(target) else None
    space = run.space if run is not None else _space_or_run(target)
    if archs is not None:
        indices = _indices(archs, space)
    else:
        drawn = sedspace.sample(space, n, **drawing) if run is None else _sample_of_run(run, n, **drawing)
        indices = [int(index) for index in drawn["index"]]  # text beyond 128 bits
    with _cluster(engine, scheduler, None) as client:
        study = crosscheck(space, indices, names, out, client=client, **options)
    wanted = {proxy.name for proxy in chosen_proxies(names)}
    print_rows([row for row in summary(study) if row["proxy"] in wanted], as_json)


def _indices(path: str, space: Space) -> list[int]:
    from sedspace.join import key_of, read_table, with_index

    table = read_table(path)
    keyed, unreadable = with_index(table, key_of(table), space)
    if unreadable or keyed.is_empty():
        raise BadInput(f"--archs {path}: {unreadable[0] if unreadable else 'no architectures'}")
    return keyed["index"].to_list()


@cli.command(name="report")
@click.argument("study")
@click.option("--accuracy", metavar="TABLE", help="Measured accuracies: Parquet or CSV with arch or index.")
@click.option("--column", "columns", multiple=True, help="Of that table.  [default: names with acc, test or val]")
@click.option("--out", required=True, metavar="DIR", help="Where report.md, report.html and the pictures go.")
def report_command(study: str, accuracy: str | None, columns: tuple[str, ...], out: str) -> None:
    """Say what the STUDY that `sedspace crosscheck` wrote shows: tables and pictures, as Markdown and one HTML page.

    Needs matplotlib, scipy and scikit-learn: pip install 'sedspace[report]'.
    """
    from sedspace.report import write_report

    for path in write_report(study, out, accuracy, columns or None):
        click.echo(path)


@cli.command(name="reproduce")
@click.option("--tables", required=True, metavar="DIR", help="Accuracy tables: nats_tss.parquet, nats_sss.parquet, ...")
@click.option("--study", metavar="FILE", help="What `sedspace crosscheck` wrote, for the seconds of gradient proxies.")
@click.option("--out", required=True, metavar="DIR", help="Where report.md, report.html and the pictures go.")
def reproduce_command(tables: str, study: str | None, out: str) -> None:
    """Hold the published figures of the SED paper and of the survey against measured ones, with a verdict for each.

    Needs matplotlib and scipy: pip install 'sedspace[report]'. What there is no table for is said to be unchecked.
    """
    from sedspace.report import reproduce

    for path in reproduce(tables, out, study):
        click.echo(path)


@cli.command(name="query")
@click.argument("directory")
@click.argument("statement", metavar="SQL")
@table_option
@json_option
def query_command(directory: str, statement: str, out: str | None, as_json: bool) -> None:
    """Answer a SQL query over a run; its table is called archs."""
    from sedspace import query

    answer(query.sql(open_run(directory), statement), out, as_json, directory)


@cli.command()
@click.argument("directory")
@json_option
def describe(directory: str, as_json: bool) -> None:
    """Print the columns of a run: types, units, least, greatest and number of distinct values."""
    from sedspace import query

    run = open_run(directory)
    if not as_json:
        kept = f" that meet {run.request.where}" if run.request.where else ""
        click.echo(f"{run.rows:,} architectures of {run.space.name}, {run.request.start}:{run.request.stop}{kept}\n")
    print_frame(query.describe(run), as_json, directory)


@cli.command(name="join")
@click.argument("directory")
@click.argument("table")
@click.option("--on", type=click.Choice(["arch", "index"]), help="The table's key.  [default: arch, else index]")
@click.option("--out", required=True, metavar="FILE", help="Where the matched rows go: .csv, .jsonl or .parquet.")
@json_option
def join_command(directory: str, table: str, on: str | None, out: str, as_json: bool) -> None:
    """Put a TABLE of your own (Parquet or CSV with arch or index) beside the scores of a run."""
    from sedspace.join import join

    matched = join(open_run(directory), table, on)
    write_frame(matched.frame, out, directory)
    report = {k: v for k, v in vars(matched).items() if k != "frame"}
    click.echo(strict_json({"matched": len(matched.frame), **report}) if as_json else matched.report())


@cli.command()
@click.argument("directory")
@click.option("--out", required=True, metavar="FILE", help="The picture: .png or .svg, by the name's ending.")
@click.option(
    "--kind",
    type=click.Choice(["density", "distribution", "cells", "accuracy"]),
    default="density",
    show_default=True,
    help="density: a score against a cost; distribution: of a column; cells: the best ones; accuracy: against TABLE.",
)
@click.option("--by", default="sed", show_default=True, help="The column that is drawn, or ranked by.")
@click.option("--against", default="params", show_default=True, help="The cost of a density, the accuracy's column.")
@click.option("--table", metavar="FILE", help="Measured accuracies: Parquet or CSV with arch or index.")
@click.option("-k", type=int, default=6, show_default=True, help="How many of the best to mark or draw.")
def plot(directory: str, out: str, kind: str, by: str, against: str, table: str | None, k: int) -> None:
    """Draw a picture of a run, good enough for a paper."""
    from sedspace import plots

    run = open_run(directory)
    if kind == "accuracy":
        if table is None:
            raise BadInput("--kind accuracy needs --table FILE and --against COLUMN")
        figure, found = plots.accuracy(run, table, against, by)
        click.echo("  ".join(f"{name} {value:.4g}" for name, value in found.items()))
    elif kind == "density":
        figure = plots.density(run, by, against, k)
    elif kind == "cells":
        figure = plots.cells(run, by, k)
    else:
        figure = plots.distribution(run, by)
    plots.save(figure, out)


@cli.command(name="show")
@click.argument("space")
@click.argument("architecture")
@json_option
def show_command(space: str, architecture: str, as_json: bool) -> None:
    """Explain one ARCHITECTURE of SPACE, given as its index or its arch string."""
    chosen = find_space(space)
    about = show.describe(chosen, show.find_index(chosen, architecture))
    click.echo(strict_json(about) if as_json else show.render(about, chosen))


@cli.command()
@click.argument("directory")
@click.option("--repair", is_flag=True, help="First rebuild the shards that are not as written, and no others.")
@json_option
def verify(directory: str, repair: bool, as_json: bool) -> None:
    """Check a run: sizes, SHA-256, rows, and a recomputed sample of rows of every shard.

    Exits with status 1 and names the files if anything is wrong.
    """
    for problem in repair_run(directory) if repair else ():
        click.echo(f"sedspace: rebuilt {problem.file}, which {problem.what}", err=True)
    run = open_run(directory)
    problems = run.verify()
    if as_json:
        click.echo(strict_json({"shards": len(run.shards), "rows": run.rows, "problems": [vars(p) for p in problems]}))
    elif not problems:
        trusted = f" (not recomputed: {', '.join(run.unchecked)}; register it with --scores)" if run.unchecked else ""
        click.echo(f"{directory}: {_shards(run)}, {run.rows:,} rows, all as written{trusted}")
    for problem in problems:
        click.echo(f"sedspace: {problem}", err=True)
    sys.exit(1 if problems else 0)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 a run failed or is damaged, 2 bad input, 130 interrupted."""
    try:
        result = cli.main(args=arguments, prog_name="sedspace", standalone_mode=False)
    except SedspaceError as error:
        _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message().replace("\n", " "), 2)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # standard output, say, is a full disk
        _fail(f"{error.filename or 'output'}: {error.strerror or error}", 1)
    sys.exit(result if isinstance(result, int) else 0)


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"sedspace: {message}", err=True)
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


def _parse_range(text: str | None, space: Space) -> tuple[int, int | None]:
    if text is None:
        return 0, None
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        start, stop = int(first or 0), int(last or space.size)
    except ValueError:
        raise BadInput(f"--range {text!r}: expected two indices A:B, such as 0:{min(space.size, 1000)}") from None
    if start >= stop:
        raise BadInput(f"--range {text!r} is empty or reversed: expected A below B")
    return start, stop


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _number(text: str) -> float:
    try:
        number = float(text)
        return int(number) if number.is_integer() else number
    except ValueError:
        raise BadInput(f"budget {text!r} is not a number") from None


def _space_or_run(target: str) -> Space:
    try:
        return find_space(target)
    except BadInput as error:
        raise BadInput(f"{target!r} is no directory of a run, and no space: {error}") from None


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
    where, option = shlex.quote(str(run.path)), "" if by == "sed" else f" --by {by}"
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
        from sedspace import query

        pairs = query.top(run, 5, score.name).select("index", score.name).rows()
    return score.name, [{"index": i, score.name: value, "arch": run.space.arch(i)} for i, value in pairs]


def _shards(run: Run) -> str:
    return f"{len(run.shards)} shard{'s' if len(run.shards) > 1 else ''}"
