"""Runs and censuses as datasets to be published: Parquet files and the card that Hugging Face shows."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.counting import census
from sedspace.errors import BadInput, RunError, as_path
from sedspace.frames import with_common_types
from sedspace.runs import Run
from sedspace.runs.division import SHARD_ROWS
from sedspace.runs.manifest import CHECKSUM, MANIFEST
from sedspace.scores import Score, default_columns, find_score, known_scores
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.registry import is_named
from sedspace.storage import LocalPath, storage_errors, what_failed
from sedspace.storage.base import aside
from sedspace.version import __version__

if TYPE_CHECKING:
    pass

_LICENCE = re.compile("[a-z0-9][a-z0-9.-]*")
_SIZES = {1_000: "1K", 10_000: "10K", 100_000: "100K", 10**6: "1M", 10**7: "10M", 10**8: "100M", 10**9: "1B"} | {
    10**10: "10B",
    10**11: "100B",
    10**12: "1T",
}
_PAPER = "https://arxiv.org/abs/2411.06236"
_FEATURES = {"float": "float32", "double": "float64", "large_string": "string"}  # Arrow's names that datasets has not


@dataclass(frozen=True)
class _Column:
    """A column as the card describes it."""

    name: str
    dtype: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class _About:
    """What a card says.

    Attributes
    ----------
    space : Space
    title : str
        What a row is.
    rows : int
    columns : list of _Column
    command : str
        That makes the files again.
    made_with : list of str
        Lines about versions, conditions and hashes.
    """

    space: Space
    title: str
    rows: int
    columns: list[_Column]
    command: str
    made_with: list[str]


def export_dataset(
    target: str | Space | Run,
    out: str | Path,
    *,
    licence: str = "apache-2.0",
    by: str | Score | None = None,
    features: Sequence[str | Score] | None = None,
    where: str | None = None,
) -> Path:
    """Write a run, or the census of a space, as a dataset for the Hugging Face Hub: to a directory, not to the network.

    The directory has the Parquet files in ``data/`` and a card, ``README.md``: licence, size, the columns with types,
    units and meanings, versions, hashes, and the command that makes the files again. Of a run ``data/`` is the run
    itself, byte by byte, manifest included. Nothing half-written is left.

    Parameters
    ----------
    target : str, Space or Run
        A run as `open_run` returns it; or a space or its name, of which the census is written.
    out : str or Path
        A new or empty directory of this machine.
    licence : str, default "apache-2.0"
        The Hub's identifier of the licence that you publish under.
    by, features, where : optional
        Of a census: as `census` takes them. Default without features: SED, where the space has it.

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    BadInput
        If the directory holds anything, or the census is refused.
    RunError
        If a file of the run is not what was written, or writing failed.

    Examples
    --------
    >>> import polars as pl, sedspace as ss, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     out = ss.export_dataset("tss5", directory + "/tss5_census")
    ...     pl.read_parquet(out / "data" / "*.parquet")["count"].sum(), (out / "README.md").read_text().splitlines()[1]
    (9765625, 'license: "apache-2.0"')
    """
    if not isinstance(licence, str) or not _LICENCE.fullmatch(licence):
        raise BadInput(f"licence {licence!r}: expected an identifier such as apache-2.0 or cc-by-4.0")
    final = _empty(out)  # before anything is computed
    if isinstance(target, Run):
        for name, value in {"by": by, "features": features, "where": where}.items():
            if value is not None:
                raise BadInput(f"{name} is for a census, and {target.path} is a run")
        target.scan()  # refuses damaged files
        with _whole(final) as directory:
            _copy(target, directory / "data")
            _write_card(directory, _about_run(target), licence)
        return final
    space = find_space(target)
    by = "sed" if by is None and features is None and "sed" in known_scores(space) else by
    table, about = _census(space, by, features, where)
    with _whole(final) as directory:
        data = pa.BufferOutputStream()
        pq.write_table(table, data, compression="zstd")
        _written(directory / "data" / "census.parquet", data.getvalue())
        _write_card(directory, about, licence)
    return final


def _empty(out: str | Path) -> Path:
    """Return the path of a directory that can be written, new or empty; raise `BadInput` for any other."""
    if "://" in str(out):
        raise BadInput(f"{out} is no directory of this machine: expected one to write the dataset to")
    final = as_path(out, "out")
    if final.exists() and not final.is_dir():
        raise BadInput(f"{final} is a file: expected a directory to write the dataset to")
    if final.is_dir() and (there := next(final.iterdir(), None)) is not None:
        raise BadInput(f"{final} holds {there.name!r}: expected a new or empty directory to write the dataset to")
    return final


@contextmanager
def _whole(final: Path) -> Iterator[Path]:
    """Yield a directory to write to, which becomes `final` if nothing goes wrong, and else is removed."""
    made = aside(final.absolute())
    try:
        LocalPath(made).make_directory()
        yield made
        if final.is_dir():
            final.rmdir()
        os.replace(made, final)
    except storage_errors() as error:
        raise RunError(f"{final} cannot be written: {what_failed(error)}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _copy(run: Run, directory: Path) -> None:
    """Write the run's files to a directory."""
    for name in [*(written.shard.name for written in run.shards), MANIFEST]:
        _written(directory / name, (run.location / name).read())


def _written(file: Path, data: bytes | pa.Buffer) -> None:
    LocalPath(file.parent).make_directory()
    LocalPath(file).write(memoryview(data))


# -- what there is to say ----------------------------------------------------------------------------------------------


def _about_run(run: Run) -> _About:
    request = run.request
    columns = [_Column(c.name, c.dtype, c.unit, c.meaning) for c in request.columns]
    words = ["sedspace", "enumerate", _named(run.space), "--out", "RUN"]
    names = [column.name for column in columns]
    if names != default_columns(run.space):
        words += ["--columns", ",".join(names)]
    if (request.start, request.stop) != (0, run.space.size):
        words += ["--range", f"{request.start}:{request.stop}"]
    if request.where is not None:
        words += ["--where", request.where]
    if request.shard_rows != SHARD_ROWS:
        words += ["--shard-rows", str(request.shard_rows)]
    kept = "" if request.where is None else f" of {request.scanned:,} that meet `{request.where}`"
    made_with = [
        f"sedspace {request.sedspace_version}, pyarrow {request.pyarrow_version}",
        f"rows: {run.rows:,}{kept}; indices {request.start:,} up to, not including, {request.stop:,}",
        f"`data/{MANIFEST}` has the SHA-256 of every file; its own is {run.manifest()[CHECKSUM]}",
        "`sedspace verify data` compares all of them, and recomputes a sample of rows",
    ]
    if run.unchecked:
        made_with.append(f"{', '.join(run.unchecked)}: a score of one's own; the command takes its file by `--scores`")
    return _About(run.space, "an architecture", run.rows, columns, shlex.join(words), made_with)


def _census(
    space: Space, by: str | Score | None, features: Sequence[str | Score] | None, where: str | None
) -> tuple[pa.Table, _About]:
    frame = with_common_types(census(space, features, by, where=where))
    if frame.is_empty():
        raise BadInput(f"no architecture of {space.name} meets {where!r}: there is no census to write")
    table = _of_plain_text(frame.to_arrow())
    asked = {one.name: one for one in [by, *(features or ())] if isinstance(one, Score)}
    columns = [_column_of(field, space, asked) for field in table.schema]
    fields = [
        pa.field(f.name, f.type, metadata={"unit": c.unit, "meaning": c.meaning})
        for f, c in zip(table.schema, columns, strict=True)
    ]
    words = ["sedspace", "export", _named(space), "--out", "DATASET"]
    given = [one.name if isinstance(one, Score) else one for one in features or ()]
    words += [] if by is None else ["--by", by.name if isinstance(by, Score) else by]
    words += ["--features", ",".join(given)] if given else []
    words += [] if where is None else ["--where", where]
    made_with = [f"sedspace {__version__}, pyarrow {pa.__version__}", f"rows: {len(frame):,}, exact counts"]
    if where is not None:
        made_with.append(f"only architectures that meet `{where}`")
    about = _About(
        space,
        "a class of architectures that are equal in all columns but the last two",
        len(frame),
        columns,
        shlex.join(words),
        made_with,
    )
    return table.cast(pa.schema(fields)), about


def _of_plain_text(table: pa.Table) -> pa.Table:
    """Return a table whose texts are of Arrow's usual type."""
    plain = [pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(plain))


def _column_of(field: pa.Field, space: Space, asked: Mapping[str, Score]) -> _Column:
    dtype = _FEATURES.get(str(field.type), str(field.type))
    if field.name == "count":
        return _Column("count", dtype, "architectures", "how many architectures the class has, exactly")
    if field.name == "index":
        return _Column("index", dtype, "1", "the lowest index in the class")
    score = asked.get(field.name) or find_score(space, field.name)
    return _Column(field.name, dtype, score.unit, score.meaning)


def _named(space: Space) -> str:
    """Return what the command line calls a space; one of the user's own is a file."""
    return space.name if is_named(space.name) else f"{space.name}.toml"


# -- the card ----------------------------------------------------------------------------------------------------------


def _write_card(directory: Path, about: _About, licence: str) -> None:
    _written(directory / "README.md", _card(about, licence).encode())


def _card(about: _About, licence: str) -> str:
    space = about.space
    called = "that name" if is_named(space.name) else "the definition below"
    sed = [f"SED is the score of {_PAPER}, in the form that sedspace identified from its published results."]
    lines = [
        *_header(about, licence),
        f"# {_name(space)}",
        "",
        f"{about.rows:,} rows, each {about.title}, of the {space.size:,} of `{space.name}`, computed by sedspace",
        "without data and networks. An `index` is an architecture's rank in the order of its digits; sedspace's space",
        f"of {called} turns it into the field's string (`arch`), and back (`parse`).",
        *(sed if any(column.name == "sed" for column in about.columns) else []),
        "",
        "| column | dtype | unit | meaning |",
        "|---|---|---|---|",
        *(f"| `{c.name}` | {c.dtype} | {_cell(c.unit)} | {_cell(c.meaning)} |" for c in about.columns),
        "",
        "## How it was made",
        "",
        *_fenced("sh", about.command),
        *(f"- {line}" for line in about.made_with),
        "",
        "## How to read it",
        "",
        *_fenced("python", 'import polars as pl\n\nrows = pl.scan_parquet("data/*.parquet")'),
    ]
    if not is_named(space.name):
        lines += ["## The space", "", *_fenced("json", json.dumps(space.describe(), indent=1))]
    return "\n".join(lines)


def _header(about: _About, licence: str) -> list[str]:
    """Return what the Hub reads: YAML, in which JSON's strings are strings."""
    return [
        "---",
        f"license: {json.dumps(licence)}",
        f"pretty_name: {json.dumps(_name(about.space))}",
        f"size_categories: [{json.dumps(_size(about.rows))}]",
        'tags: ["neural-architecture-search", "zero-cost-proxies", "sedspace"]',
        "configs:",
        "- config_name: default",
        "  data_files:",
        '  - {split: train, path: "data/*.parquet"}',
        "dataset_info:",
        "  features:",
        *(f"  - {{name: {json.dumps(c.name)}, dtype: {json.dumps(c.dtype)}}}" for c in about.columns),
        "---",
        "",
    ]


def _name(space: Space) -> str:
    return f"{space.name}: {space.title}"


def _fenced(language: str, text: str) -> list[str]:
    return [f"```{language}", text, "```", ""]


def _size(rows: int) -> str:
    """Return the Hub's category of a size.

    Examples
    --------
    >>> _size(999), _size(1000), _size(9_765_625), _size(10**13)
    ('n<1K', '1K<n<10K', '1M<n<10M', 'n>1T')
    """
    below, lower = "n<1K", ""
    for least, name in _SIZES.items():
        if rows < least:
            return f"{lower}<n<{name}" if lower else below
        lower = name
    return f"n>{lower}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
