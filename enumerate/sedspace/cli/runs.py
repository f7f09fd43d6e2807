"""Commands that write runs, check them and ask them."""

from __future__ import annotations

import shlex
import sys
import time
from typing import Any

import click

import sedspace
from sedspace.cli import arguments
from sedspace.cli.arguments import INTEGER, PATH, SCORES, SPACE, TEXT, as_target
from sedspace.cli.options import cluster_client, engine_options, json_option, table_option, unique_option
from sedspace.cli.printing import (
    answer,
    check_answer,
    check_name,
    fail,
    print_frame,
    print_rows,
    rows_of,
    strict_json,
    write_frame,
)
from sedspace.runs import Run, enumerate_space, open_run, repair_run
from sedspace.scores import default_columns
from sedspace.spaces import space as find_space


@click.command()
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
    """Score every architecture of SPACE into Parquet files.

    An interrupted run is continued by the same command. The files do not depend on threads or interruptions.
    """
    chosen = find_space(space)
    start, stop = arguments.limits(limits, chosen)
    wanted = arguments.columns(columns, default_columns(chosen)) if columns is not None else None
    began = time.perf_counter()
    try:
        with cluster_client(engine, scheduler, threads, worker_timeout) as client:
            run = enumerate_space(
                chosen,
                out,
                wanted,
                None if client else threads,
                start=start,
                stop=stop,
                shard_rows=shard_rows,
                where=where,
                unique=unique,
                client=client,
            )
    except KeyboardInterrupt:
        fail("interrupted; finished shards stay valid, give the same command again to continue", 130)
    _print_summary(run, space, time.perf_counter() - began, as_json)


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
    what = f"{run.rows:,}{kept} architectures of {run.space.name} in {run.shard_count}, {run.bytes:,} bytes"
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
        frame = sedspace.top_k(run.space, 5, score, run.request.start, run.request.stop)
    else:
        frame = run.top(5, score.name, columns=[])
    return score.name, rows_of(frame)


@click.command()
@click.argument("directory", type=PATH)
@click.option("--repair", is_flag=True, help="First rebuild the shards that are not as written, and no others.")
@click.option("--full", is_flag=True, help="Recompute every value: as long as it took to write the run.")
@json_option(
    "an object of `shards`, `rows`, how many were `recomputed`, whether the `condition` was checked, and `problems`, a "
    "list of objects of `file` and `what`"
)
def verify_command(directory: str, repair: bool, full: bool, as_json: bool) -> None:
    """Check the files of a run, and compute some rows anew.

    Sizes, SHA-256, rows, and a recomputed sample of rows of every shard, another one each time. What was made to
    look right on purpose, manifest included, only --full finds for certain.

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
        click.echo(f"{directory}: {run.shard_count}, {run.rows:,} rows, all as written{trusted}")
        click.echo(f"looked at: {problems.looked_at()}")
    for problem in problems:
        click.echo(f"sedspace: {problem}", err=True)
    sys.exit(1 if problems else 0)


@click.command()
@click.argument("directory", type=PATH)
@json_option("a list of objects, `column`, `dtype`, `unit`, `min`, `max` (both text), `distinct` and `meaning`")
def describe_command(directory: str, as_json: bool) -> None:
    """Print the columns of a run, with units and ranges.

    Types, units, least, greatest and number of distinct values.
    """
    run = open_run(directory)
    if not as_json:
        kept = f" that meet {run.request.where}" if run.request.where else ""
        click.echo(f"{run.rows:,} architectures of {run.space.name}, {run.request.start}:{run.request.stop}{kept}\n")
    print_frame(run.describe(), as_json)


@click.command()
@click.argument("directory", type=PATH)
@click.argument("statement", type=TEXT, metavar="SQL")
@click.option(
    "--allow-files", is_flag=True, help="Let it read other files and URLs too, by read_csv('...') and its kin."
)
@table_option
@json_option("a list of objects, whose keys are the columns that the statement asks for")
def query_command(directory: str, statement: str, allow_files: bool, out: str | None, as_json: bool) -> None:
    """Answer a SQL query over a run; its table is called archs."""
    check_answer(out, as_json)
    answer(open_run(directory).sql(statement, allow_files=allow_files), out, as_json)


@click.command()
@click.argument("directory", type=PATH)
@click.argument("table", type=PATH)
@click.option("--on", type=click.Choice(["arch", "index"]), help="The table's key.  [default: arch, else index]")
@click.option(
    "--out", required=True, type=PATH, metavar="FILE", help="Where the matched rows go: .csv, .jsonl or .parquet."
)
@json_option("an object of `matched`, `only_in_run`, `only_in_table` and `unreadable`, a list of lines")
def join_command(directory: str, table: str, on: str | None, out: str, as_json: bool) -> None:
    """Put a TABLE of your own beside the scores of a run.

    TABLE is a Parquet or CSV file with arch or index.
    """
    check_name(out)
    matched = open_run(directory).join(table, on)
    write_frame(matched.frame, out)
    report = {k: v for k, v in vars(matched).items() if k != "frame"}
    click.echo(strict_json({"matched": len(matched.frame), **report}) if as_json else matched.report())
