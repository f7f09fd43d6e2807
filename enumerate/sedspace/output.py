"""How answers are shown: tables in a terminal, JSON, files."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sedspace.errors import BadInput, first_line
from sedspace.runs.place import write_whole

if TYPE_CHECKING:
    import polars as pl

_NUMBER = re.compile(r"-?[\d,.]+(e[+-]\d+)?|nan|-?inf")


def strict_json(value: Any) -> str:
    """Return strict JSON: NaN and infinities, which it has no numbers for, become null."""

    def strict(one: Any) -> Any:
        if isinstance(one, float) and not math.isfinite(one):
            return None
        if isinstance(one, dict):
            return {key: strict(item) for key, item in one.items()}
        return [strict(item) for item in one] if isinstance(one, list | tuple) else one

    return json.dumps(strict(value), allow_nan=False, default=str)  # dates, say, in the answer to a query


def answer(frame: pl.DataFrame, out: str | None, as_json: bool, source: str) -> None:
    """Print the answer to a question about `source`, or write it to a file if `out` names one."""
    if out is None:
        print_frame(frame, as_json, source)
    else:
        write_frame(frame, out, source)


def print_frame(frame: pl.DataFrame, as_json: bool, source: str) -> None:
    """Print a frame as text or JSON; an empty one is refused."""
    if frame.is_empty():
        raise BadInput(f"nothing in {source} meets the request: the answer is empty")
    rows = frame.to_dicts()
    for name in {"count", "at_least", "index"} & set(frame.columns):  # beyond 128 bits a frame holds them as text
        for row in rows:
            row[name] = None if row[name] is None else int(row[name])
    print_rows(rows, as_json)


def write_frame(frame: pl.DataFrame, out: str, source: str) -> None:
    """Write a frame as .csv, .jsonl or .parquet, whole or not at all; an empty one is refused."""
    import polars as pl

    if frame.is_empty():
        raise BadInput(f"nothing in {source} meets the request: the answer is empty, {out} was not written")
    wide = [name for name, dtype in frame.schema.items() if dtype == pl.Int128]
    if wide and Path(out).suffix == ".parquet":  # other readers know long decimals, and text, but no such integers
        longest = max(max(frame[name]) for name in wide)
        frame = frame.with_columns(pl.col(wide).cast(pl.Decimal(38, 0) if longest < 10**38 else pl.String))
    writers: dict[str, Callable[[io.BytesIO], None]] = {
        ".csv": frame.write_csv,
        ".jsonl": frame.write_ndjson,
        ".parquet": frame.write_parquet,
    }
    if Path(out).suffix not in writers:
        raise BadInput(f"--out {out}: expected a name that ends in .csv, .jsonl or .parquet")
    data = io.BytesIO()
    try:
        writers[Path(out).suffix](data)
        write_whole(Path(out), data.getvalue())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInput(
            f"--out {out} cannot be written: {getattr(error, 'strerror', None) or first_line(error)}"
        ) from None


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print rows of the same keys as text or JSON."""
    if as_json:
        click.echo(strict_json(rows))
        return
    shown = [{key: _cell(value) for key, value in row.items()} for row in rows]
    widths = {key: max(len(key), *(len(row[key]) for row in shown)) for key in shown[0]}
    left = {key for key in widths if not all(_NUMBER.fullmatch(row[key]) for row in shown)}
    for row in [{key: key for key in widths}, *shown]:
        cells = (f"{row[key]:<{width}}" if key in left else f"{row[key]:>{width}}" for key, width in widths.items())
        click.echo("  ".join(cells).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.7g}" if isinstance(value, float) else str(value)
