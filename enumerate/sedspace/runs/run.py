"""A run on disk: its manifest, its shards, and whether they are what they should be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.errors import BadInput, RunError
from sedspace.runs.files import MANIFEST, Written, read_about
from sedspace.runs.request import FORMAT_VERSION, Request, Shard
from sedspace.spaces import Space

if TYPE_CHECKING:
    import polars as pl

SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class Problem:
    """Something wrong with a run: the file and what about it."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes
    ----------
    path : Path
    request : Request
        What it holds.
    shards : tuple of Written
    """

    path: Path
    request: Request
    shards: tuple[Written, ...]

    @property
    def space(self) -> Space:
        """The space whose architectures the rows are."""
        return self.request.space

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(written.shard.rows for written in self.shards)

    @property
    def bytes(self) -> int:
        """The size of all shards."""
        return sum(written.bytes for written in self.shards)

    def manifest(self) -> dict[str, Any]:
        """Return the manifest's content."""
        shards = [written.describe() for written in self.shards]
        return {**self.request.description, "rows": self.rows, "bytes": self.bytes, "shards": shards}

    def files(self) -> list[Path]:
        """Return the paths of the shards, in order."""
        return [self.path / written.shard.name for written in self.shards]

    def scan(self) -> pl.LazyFrame:
        """Return a polars LazyFrame over all shards: nothing is read before it is collected.

        Examples
        --------
        >>> import sedspace as ss, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
        ...     run.scan().select("sed").max().collect().item()
        8.75
        """
        import polars as pl

        return pl.scan_parquet(self.files())

    def verify(self) -> list[Problem]:
        """Check every shard: size, SHA-256, rows, description, and a recomputed sample of rows.

        Returns
        -------
        list of Problem
            Empty if the run is intact.
        """
        return [problem for written in self.shards for problem in self._check(written)] + list(self._strangers())

    def _check(self, written: Written) -> Iterator[Problem]:
        name = written.shard.name
        try:
            data = (self.path / name).read_bytes()
        except FileNotFoundError:
            yield Problem(name, "is missing")
            return
        except OSError as error:
            yield Problem(name, f"cannot be read: {error.strerror}")
            return
        if len(data) != written.bytes:
            yield Problem(name, f"is {len(data)} bytes, the manifest says {written.bytes}")
            return
        digest = hashlib.sha256(data).hexdigest()
        if digest != written.sha256:
            yield Problem(name, f"has SHA-256 {digest}, the manifest says {written.sha256}")
            return
        yield from self._check_rows(written.shard, pa.BufferReader(data))

    def _check_rows(self, shard: Shard, source: Any) -> Iterator[Problem]:
        file = pq.ParquetFile(source)
        if file.metadata.num_rows != shard.rows:
            yield Problem(shard.name, f"has {file.metadata.num_rows} rows, the manifest says {shard.rows}")
            return
        if file.schema_arrow.metadata != (expected := self.request.schema(shard)).metadata:
            yield Problem(shard.name, f"describes another run than {MANIFEST} does")
            return
        if not file.schema_arrow.equals(expected):
            yield Problem(shard.name, f"has columns {file.schema_arrow.names}, the manifest says {expected.names}")
            return
        random = np.random.default_rng(shard.start)
        group = int(random.integers(file.metadata.num_row_groups))
        table = file.read_row_group(group)
        first = shard.start + sum(file.metadata.row_group(g).num_rows for g in range(group))
        rows = np.unique(np.r_[0, table.num_rows - 1, random.integers(table.num_rows, size=SAMPLE_ROWS)])
        yield from self._compare(shard, table.take(rows), first + rows)

    def _compare(
        self, shard: Shard, table: pa.Table, indices: np.ndarray[Any, np.dtype[np.int64]]
    ) -> Iterator[Problem]:
        digits = self.space.digits(indices)
        for column in self.request.columns:
            if column.score is not None:
                expected = column.score.values(column.score.at(self.space, digits))
            elif column.name == "index":
                expected = indices
            elif column.name == "arch":
                expected = self.space.arch(indices)
            else:
                continue  # a user's score that this process does not know: the hash vouches for it
            found = table[column.name].to_numpy()
            same = (found == expected) | ((found != found) & (expected != expected))
            if not same.all():
                at = int(np.argmin(same))
                what = f"{column.name} of index {indices[at]} is {found[at]}, recomputed {expected[at]}"
                yield Problem(shard.name, what)

    def _strangers(self) -> Iterator[Problem]:
        ours = {MANIFEST, *(written.shard.name for written in self.shards)}
        for path in sorted(self.path.iterdir()):
            if path.name not in ours and not path.name.startswith("."):
                yield Problem(path.name, "does not belong to this run")


def open_run(path: str | Path) -> Run:
    """Open a finished run.

    Parameters
    ----------
    path : str or Path
        The directory that `enumerate_space` wrote.

    Returns
    -------
    Run

    Raises
    ------
    BadInput
        If there is no such directory.
    RunError
        If the run is unfinished, or its manifest is damaged or of a newer sedspace.
    """
    directory = Path(path)
    if not directory.is_dir():
        raise BadInput(f"{directory} is not a directory: expected one that `sedspace enumerate` wrote")
    try:
        manifest = json.loads((directory / MANIFEST).read_bytes())
    except FileNotFoundError:
        shards = len(list(directory.glob("part-*.parquet")))
        raise RunError(
            f"{directory} has no {MANIFEST}: a run that is not finished ({shards} shards are); "
            f"give the command that began it again to finish it"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{directory / MANIFEST} cannot be read: {error}") from None
    return _from_manifest(directory, manifest)


def _from_manifest(directory: Path, manifest: Mapping[str, Any]) -> Run:
    try:
        version = manifest["format_version"]
        if version > FORMAT_VERSION:
            raise RunError(
                f"{directory / MANIFEST} has format version {version}, this sedspace reads up to {FORMAT_VERSION}: "
                f"update sedspace"
            )
        request = Request.from_description(manifest)
        shards = tuple(
            Written(Shard(s["file"], s["start"], s["stop"]), s["bytes"], s["sha256"]) for s in manifest["shards"]
        )
        recorded = {key: manifest[key] for key in ("rows", "bytes")}
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{directory / MANIFEST} is damaged: {type(error).__name__} at {error}") from None
    run = Run(directory, request, shards)
    expected = list(request.shards())
    if [written.shard for written in shards] != expected:
        raise RunError(
            f"{directory / MANIFEST} is altered: its shards do not cover {request.start}:{request.stop} "
            f"in parts of {request.shard_rows}"
        )
    if recorded != {"rows": run.rows, "bytes": run.bytes}:
        raise RunError(f"{directory / MANIFEST} is altered: {recorded} do not add up")
    return run


def find_written(directory: Path, request: Request, shard: Shard) -> Written | None:
    """Return a shard that an earlier, unfinished run left, or None.

    Raises
    ------
    BadInput
        If the file belongs to another request; names what differs, with both values.
    RunError
        If the file is damaged, or a sample of its rows is not what this process computes.
    """
    path = directory / shard.name
    if not path.exists():
        return None
    refuse_other(path, read_about(path), request)
    data = path.read_bytes()
    written = Written(shard, len(data), hashlib.sha256(data).hexdigest())
    problems = list(Run(directory, request, (written,))._check(written))
    if problems:
        raise RunError(f"{directory}: {problems[0]}; move that file away to have it written anew")
    return written


def refuse_other(path: Path, found: Mapping[str, Any], request: Request) -> None:
    """Raise `BadInput` if what is on disk was made by another request, naming both values."""
    for key, wanted in request.description.items():
        if found.get(key) != wanted:
            there, here = _short(key, found.get(key)), _short(key, wanted)
            raise BadInput(
                f"{path} holds another run: its {key} is {there}, the request's {here}; choose another --out"
            )


def _short(key: str, value: Any) -> str:
    if key == "space" and isinstance(value, Mapping):
        return str(value.get("name"))
    if key == "columns" and isinstance(value, list):
        shown = []
        for column in value:
            parameters = "".join(f"({k}={v})" for k, v in column.get("parameters", {}).items())
            shown.append(f"{column['name']}{parameters}:{column['dtype']}")
        return ",".join(shown)
    if key == "range" and isinstance(value, Mapping):
        return f"{value.get('start')}:{value.get('stop')}"
    return str(value)
