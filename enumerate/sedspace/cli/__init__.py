"""The command line: reads arguments, calls the library, prints."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import click

import sedspace
from sedspace import interrupts
from sedspace.cli import answers, exports, fits, pictures, runs, searches, studies, suggestions
from sedspace.cli.arguments import PATH, run_python
from sedspace.cli.printing import fail
from sedspace.errors import BadInput, SedspaceError, first_line
from sedspace.scores import registered

_FIRST_STEPS = """\b
First steps:
  sedspace enumerate tss5 --out runs/tss5   score all 9,765,625 five-node cells
  sedspace top runs/tss5 -k 10              the best of them
  sedspace show tss5 7323968                one of them, explained
"""


class _SeenEnough(Exception):
    """The reader of the output has gone."""


class _Commands(click.Group):
    """The commands; what reads them may go before they end, as ``head`` does."""

    def invoke(self, ctx: click.Context) -> object:
        """Do what the command line says."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would exit with 1
            raise _SeenEnough from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_FIRST_STEPS)
@click.version_option(sedspace.__version__, prog_name="sedspace")
def cli() -> None:
    """Score whole neural-architecture search spaces, without data, networks or GPUs."""


def _register_scores(ctx: click.Context, _: click.Parameter, files: tuple[str, ...]) -> None:
    """Make scores known: those that Python files register, and fits."""
    for file in files:
        with _names_of_one_file(ctx, file):
            if Path(file).suffix == ".score":
                sedspace.register(sedspace.read_fit(file))
            else:
                run_python(file, "--scores")


def _register_costs(ctx: click.Context, _: click.Parameter, files: tuple[str, ...]) -> None:
    """Make costs known as scores."""
    for path in files:
        cost = sedspace.read_costs(path, unit="")
        with _names_of_one_file(ctx, path):
            sedspace.register(cost)
        if cost.rounding:
            click.echo(f"sedspace: costs of {cost.name}: {cost.precision}", err=True)


@contextlib.contextmanager
def _names_of_one_file(ctx: click.Context, file: str) -> Iterator[None]:
    """Raise `BadInput` if what a file registers has the name of what another one has registered."""
    named: dict[str, str] = ctx.meta.setdefault("sedspace.names", {})
    before = registered()
    yield
    for name, score in registered().items():
        if score is not before.get(name) and (first := named.setdefault(name, file)) != file:
            raise BadInput(f"{file} has a score {name}, as {first} has: expected different names")


def _files(flag: str, callback: Callable[..., None], text: str) -> click.Option:
    return click.Option(
        [flag], type=PATH, metavar="FILE", multiple=True, expose_value=False, callback=callback, help=text
    )


_OWN_SCORES = (
    _files(
        "--scores",
        _register_scores,
        "Scores that are columns like any other: a fit (.score), or those that a Python file registers.",
    ),
    _files(
        "--costs",
        _register_costs,
        "A table of costs (CSV or Parquet: operation, cost, perhaps position): a column of the file's name.",
    ),
)
"""What the program takes, and every command: before its name, or behind."""

for _command in (
    answers.spaces_command,
    runs.enumerate_command,
    runs.verify_command,
    runs.describe_command,
    runs.query_command,
    runs.join_command,
    exports.export_command,
    answers.top_command,
    answers.census_command,
    answers.pareto_command,
    answers.sample_command,
    answers.show_command,
    fits.fit_command,
    suggestions.suggest_command,
    searches.search_command,
    pictures.plot_command,
    pictures.explore_command,
    studies.crosscheck_command,
    studies.report_command,
    studies.reproduce_command,
):
    cli.add_command(_command)
for _command in (cli, *cli.commands.values()):
    _command.params.extend(_OWN_SCORES)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 a run failed or is damaged, 2 bad input, 130 interrupted."""
    try:
        interrupts.begin()
        result = cli.main(args=arguments, prog_name="sedspace", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        sys.exit(2)
    except _SeenEnough:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
        sys.exit(0)
    except BaseException as error:
        if (said := _in_one_line(error)) is None:
            raise
        fail(*said)
    sys.exit(result if isinstance(result, int) else 0)


def _in_one_line(error: BaseException) -> tuple[str, int] | None:
    """Return what to say of an error that is no mistake of ours, and the exit status."""
    match error:
        case SedspaceError():
            return str(error), error.exit_code
        case click.MissingParameter(ctx=click.Context(command_path=command)):
            return f"{error.format_message()} See: {command} --help", 2
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
