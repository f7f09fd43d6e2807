"""How answers and errors are shown: tables in a terminal, JSON, files, one line."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import click
import polars as pl

from sedspace.errors import BadInput, first_line
from sedspace.forked import refuse_fork
from sedspace.frames import with_common_types
from sedspace.storage import LocalPath

_NUMBER = re.compile(r"-?[\d,.]+(e[+-]\d+)?|nan|-?inf|-")
_MORE = "…"
_LEAST = 12  # characters of a text that is cut


def strict_json(value: object) -> str:
    """Return strict JSON: NaN and infinities, which it has no numbers for, become null."""

    def strict(one: object) -> object:
        if isinstance(one, float) and not math.isfinite(one):
            return None
        if isinstance(one, dict):
            return {key: strict(item) for key, item in one.items()}
        return [strict(item) for item in one] if isinstance(one, list | tuple) else one

    return json.dumps(strict(value), allow_nan=False, default=str)  # dates, say, in the answer to a query


def fail(message: str, status: int) -> NoReturn:
    """Say in one line on stderr what went wrong, and exit."""
    click.echo(f"sedspace: {message.replace(chr(10), ' ')}", err=True)
    sys.exit(status)


def answer(frame: pl.DataFrame, out: str | None, as_json: bool) -> None:
    """Print the answer to a question, or write it to a file if `out` names one."""
    if out is None:
        print_frame(frame, as_json, "--json, --out FILE")
    else:
        write_frame(frame, out)
    if frame.is_empty():
        click.echo("sedspace: nothing meets the request: no rows", err=True)


def print_frame(frame: pl.DataFrame, as_json: bool, whole: str = "--json") -> None:
    """Print a frame as text or JSON; `whole` are the options that show all of it."""
    print_rows(rows_of(frame), as_json, frame.columns, whole)


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame, counts and indices as integers: beyond 128 bits a frame holds them as text."""
    rows = frame.to_dicts()
    for name in {"count", "at_least", "index"} & set(frame.columns):
        for row in rows:
            row[name] = None if row[name] is None else int(row[name])
    return rows


def write_frame(frame: pl.DataFrame, out: str) -> None:
    """Write a frame as .csv, .jsonl or .parquet, whole or not at all."""
    refuse_fork()
    check_name(out)
    if Path(out).suffix == ".parquet":
        frame = with_common_types(frame)
    writers: dict[str, Callable[[io.BytesIO], None]] = {
        ".csv": frame.write_csv,
        ".jsonl": frame.write_ndjson,
        ".parquet": frame.write_parquet,
    }
    data = io.BytesIO()
    try:
        writers[Path(out).suffix](data)
        LocalPath(Path(out)).write(data.getvalue())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInput(
            f"--out {out} cannot be written: {getattr(error, 'strerror', None) or first_line(error)}"
        ) from None


def check_answer(out: str | None, as_json: bool) -> None:
    """Refuse what `answer` would, before anything is computed."""
    if out is not None:
        check_name(out)
        if as_json:
            raise BadInput(f"--json with --out {out}: expected one of the two; .jsonl is JSON, an object a line")


def check_name(out: str, endings: Sequence[str] = (".csv", ".jsonl", ".parquet")) -> None:
    """Refuse a file's name that does not say what to write, before anything is computed."""
    if Path(out).suffix not in endings:
        listed = " or ".join(filter(None, (", ".join(endings[:-1]), endings[-1])))
        raise BadInput(f"--out {out}: expected a name that ends in {listed}")


def print_rows(
    rows: Sequence[Mapping[str, object]], as_json: bool, columns: Sequence[str] | None = None, whole: str = "--json"
) -> None:
    """Print rows of the same keys as text or JSON.

    Text for a terminal is cut to its width, and then stderr says how to see the whole; any other output is not cut.
    """
    if as_json:
        click.echo(strict_json(rows))
        return
    table = [_Column(name, [_cell(row[name]) for row in rows]) for name in columns or rows[0]]
    shown, left_out = table, 0
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        shown, left_out = _fit(table, width)
    for number in range(len(rows) + 1):
        click.echo("  ".join(column.line(number) for column in shown).rstrip())
    if shown != table:
        without = f", {left_out} column{'s' if left_out > 1 else ''} left out" if left_out else ""
        click.echo(f"sedspace: cut to fit{without}; all: {whole}, or | less -S", err=True)


def print_text(text: str) -> None:
    """Print lines, in a terminal broken between words, each part under the last column of its line."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        text = "\n".join(_broken(line, width) for line in text.split("\n"))
    click.echo(text)


def _broken(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    columns = [gap.end() for gap in re.finditer(r"(?<=\S) {2,}(?=\S)", line) if gap.end() <= width // 2]
    indent = " " * (columns[-1] if columns else len(line) - len(line.lstrip()) + 2)
    if any(len(indent) + len(word) > width for word in line.split()):  # an arch string: left whole, to be copied
        return line
    wrapper = textwrap.TextWrapper(width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(line)


@dataclass(frozen=True)
class _Column:
    """The cells of one column as text, its name first."""

    name: str
    cells: list[str]
    cut: int | None = None

    @cached_property
    def is_text(self) -> bool:
        return not all(_NUMBER.fullmatch(cell) for cell in self.cells)

    @cached_property
    def width(self) -> int:
        longest = max(map(len, [self.name, *self.cells]))
        return longest if self.cut is None else min(longest, self.cut)

    def line(self, number: int) -> str:
        """Return the name (0) or a cell (from 1 on), aligned."""
        cell = self.cells[number - 1] if number else self.name
        if len(cell) > self.width:
            cell = cell[: self.width - 1] + _MORE
        return f"{cell:<{self.width}}" if self.is_text else f"{cell:>{self.width}}"


def _fit(columns: list[_Column], width: int) -> tuple[list[_Column], int]:
    """Cut text, and leave out as few columns before the last as possible, so that a table fits a width.

    Numbers are never cut. A table that fits no way is returned as it is.
    """
    for left_out in range(len(columns) - 1):
        gap = _Column(_MORE, [_MORE] * len(columns[0].cells))
        kept = [*columns[: -1 - left_out], *([gap] if left_out else []), columns[-1]]
        numbers = sum(column.width for column in kept if not column.is_text)
        texts = sorted(column.width for column in kept if column.is_text)
        longest = _longest(texts, width - numbers - 2 * (len(kept) - 1))
        if longest >= min(_LEAST, max(texts, default=0)):
            cut = [replace(c, cut=longest) if c.is_text and c.width > longest else c for c in kept]
            return (columns if cut == columns else cut), left_out
    return columns, 0


def _longest(widths: list[int], room: int) -> int:
    """Return to what width texts, shortest first, must be cut so that all fit into some room; -1 if they cannot."""
    for number, width in enumerate(widths):
        share = room // (len(widths) - number)
        if width > share:
            return share
        room -= width
    return max(widths, default=0) if room >= 0 else -1


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.7g}" if isinstance(value, float) else str(value)
