"""What stands on the command line: numbers with suffixes, lists of names, text, targets, and completion in a shell."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, split_arg_string

from sedspace.errors import BadInput, SedspaceError
from sedspace.numerals import exact, whole_number
from sedspace.runs import Run, open_run
from sedspace.scores import known_scores
from sedspace.spaces import LISTED, Space
from sedspace.spaces import space as find_space


class _Kind(click.ParamType):  # type: ignore[type-arg]  # no type parameter before click 8.4
    """A kind of argument."""


class Integer(_Kind):
    """An integer, such as ``400_000``, ``0.4M`` or ``1e6``: exact, since it is no float on the way."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the integer that an argument means."""
        if isinstance(value, int):
            return value
        number = whole_number(value)
        if number is None:
            self.fail(f"{value[:80]!r} is not a valid integer such as 400_000, 0.4M or 1e6.", param, ctx)
        return number


class Text(_Kind):
    """A text that is not empty and that UTF-8 can write."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or refuse it."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail(f"{value!r} is not UTF-8.", param, ctx)
        if not value.strip():
            self.fail(f"{value!r} is empty.", param, ctx)
        return str(value)


class FilePath(_Kind):
    """The path of a file or directory, which a shell completes as one; not empty."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path, or refuse it."""
        if not value:
            self.fail("'' is empty: expected a path.", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Have the shell complete names of files."""
        return [CompletionItem(incomplete, type="file")]


class Completed(Text):
    """A text that a shell completes with known names; of a list its last name."""

    def __init__(self, known: Callable[[], Iterable[str]], *, several: bool = False) -> None:
        self._known, self._several = known, several

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin as what is typed, else have the shell complete names of files."""
        before, comma, last = incomplete.rpartition(",") if self._several else ("", "", incomplete)
        plus = "+" if self._several and last.startswith("+") else ""
        names = [f"{before}{comma}{plus}{name}" for name in self._known() if name.startswith(last.removeprefix(plus))]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def _scores_at_hand() -> list[str]:
    """Return the scores of the first space, or the columns of the first run, on the line to complete; else of `tss`."""
    for word in [*split_arg_string(os.environ.get("COMP_WORDS", ""))[1:], "tss"]:  # click parses no unfinished line
        with contextlib.suppress(SedspaceError, OSError):
            found = find_target(word)
            if isinstance(found, Run):
                return list(found.columns)
            return [*known_scores(found), *found.texts]
    return []


INTEGER, TEXT, PATH = Integer(), Text(), FilePath()
SPACE = Completed(lambda: LISTED)
SCORE, SCORES = Completed(_scores_at_hand), Completed(_scores_at_hand, several=True)


def find_target(text: str) -> Space | Run:
    """Return what a TARGET names: a space if there is one of that name, else the run in a directory or a store.

    A directory that is called as a space is reached by a path with a slash, such as ``./tss``.

    Raises
    ------
    BadInput
        If it is neither.
    """
    if "/" in text and not text.endswith(".toml"):
        return open_run(text)
    try:
        return find_space(text)
    except BadInput as error:
        if text.endswith(".toml"):
            raise
        if Path(text).exists():
            return open_run(text)
        raise BadInput(f"{text!r} is no directory of a run, and no space: {error}") from None


def as_target(path: Path) -> str:
    """Return a run's path so that `find_target` finds the run, even if a space has the name."""
    text = str(path)
    return text if "/" in text else f"./{text}"


def names(text: str, option: str) -> list[str]:
    """Return the names in a list that commas separate; raise `BadInput` if one is missing."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise BadInput(f"{option} {text!r}: expected a name, or several with a comma between them")
    return found


def columns(text: str, default: Sequence[str]) -> list[str]:
    """Return the names of columns: ``default`` stands for the default ones, and ``+name`` comes after those.

    Examples
    --------
    >>> columns("default,+depth", ["index", "sed"]), columns("+depth", ["index", "sed"]), columns("sed", ["index"])
    (['index', 'sed', 'depth'], ['index', 'sed', 'depth'], ['sed'])
    """
    given = names(text, "--columns")
    if "default" not in given and not any(name.startswith("+") for name in given):
        return given
    more = [name.removeprefix("+").strip() for name in given if name != "default"]
    if "" in more:
        raise BadInput(f"--columns {text!r}: expected a name after +")
    return list(dict.fromkeys([*default, *more]))


def limits(text: str | None, space: Space) -> tuple[int, int | None]:
    """Return start and stop of a range A:B, either of which may be left out."""
    if text is None:
        return 0, None
    first, colon, last = text.partition(":")
    start, stop = whole_number(first or "0"), whole_number(last) if last else space.size
    if not colon or start is None or stop is None:
        raise BadInput(f"--range {text!r}: expected two indices A:B, such as 0:{min(space.size, 1000)}")
    if start >= stop:
        raise BadInput(f"--range {text!r} is empty or reversed: expected A below B")
    return start, stop


def budgets(text: str) -> list[int | float]:
    """Return a list of budgets: integers where they are integers, exact."""
    out: list[int | float] = []
    for one in names(text, "--budgets"):
        number = exact(one)
        if number is None:
            raise BadInput(f"budget {one!r} is not a number")
        out.append(int(number) if number.denominator == 1 else float(number))
    return out


def is_given(parameter: str) -> bool:
    """Return whether the command line itself gives a parameter, by the name that its command has for it."""
    source = click.get_current_context().get_parameter_source(parameter)
    return source is click.core.ParameterSource.COMMANDLINE


def refuse(reason: str, *parameters: str) -> None:
    """Raise `BadInput` if an option was given that would be ignored."""
    ctx = click.get_current_context()
    for parameter in ctx.command.params:
        if parameter.name in parameters and is_given(parameter.name):
            raise BadInput(f"{parameter.opts[0]} {reason}")


def run_python(file: str, option: str) -> None:
    """Run a user's Python file, which registers something; raise `BadInput` that names the option if it fails."""
    path = Path(file)
    spec = importlib.util.spec_from_file_location("sedspace_user_file", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadInput(f"{option} {path}: expected a Python file")
    sys.path.insert(0, str(path.resolve().parent))  # it may import what stands beside it, as if it were run
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except SedspaceError:
        raise
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        raise BadInput(f"{option} {path}: {type(error).__name__}: {error}".replace("\n", " ")) from error
