"""The files of a run, and a frame over their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.errors import BadInput, RunError, first_line
from sedspace.forked import refuse_fork
from sedspace.runs.intact import refuse_damaged
from sedspace.runs.manifest import manifest_of
from sedspace.runs.request import Request
from sedspace.runs.shards import Written
from sedspace.spaces import Space
from sedspace.storage import Location, storage_errors


@dataclass(frozen=True)
class RunFiles:
    """The files of a run: where they lie, what they hold, and their rows.

    Attributes
    ----------
    location : Location
        Where they lie.
    request : Request
        What the run holds.
    shards : tuple of Written
    rows_found : int
        How many rows were there already when `enumerate_space` returned this run: all of a finished one.
    """

    location: Location
    request: Request
    shards: tuple[Written, ...]
    rows_found: int = 0

    @property
    def path(self) -> Path:
        """The path of its directory, or of its prefix in a store."""
        return self.location.path

    @property
    def space(self) -> Space:
        """The space whose architectures the rows are."""
        return self.request.space

    @property
    def columns(self) -> dict[str, str]:
        """The names of the columns, and the type of each."""
        return {column.name: column.dtype for column in self.request.columns}

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(written.rows for written in self.shards)

    @property
    def bytes(self) -> int:
        """The size of all shards."""
        return sum(written.bytes for written in self.shards)

    def manifest(self) -> dict[str, object]:
        """Return the manifest's content, the SHA-256 of everything else in it last."""
        return manifest_of(self.request, self.shards)

    def files(self) -> list[Path]:
        """Return the paths of the shards, in order."""
        return [self.path / written.shard.name for written in self.shards]

    def scan(self, *, check: bool = True) -> pl.LazyFrame:
        """Return a polars LazyFrame over all shards: no rows are read before it is collected.

        Parameters
        ----------
        check : bool, default True
            First compare every shard with the manifest. A local file is hashed, once in a process as long as it does
            not change: about 1 ms for a million rows of the default columns. Of an object in a store size and footer
            are compared, and its pages' checksums when they are read. `sedspace.runs.intact` says what goes unnoticed.
            False for files too large to be read from end to end: then nobody looks, for polars compares no checksums.

        Raises
        ------
        RunError
            If a shard is missing, or not what was written.

        Examples
        --------
        >>> import sedspace as ss, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
        ...     run.scan().select("sed").max().collect().item()
        8.75
        """
        refuse_fork()
        if check:
            refuse_damaged(self.location, self.request, self.shards)
        return self.location.scan_parquet(written.shard.name for written in self.shards)


def collect(run: RunFiles, frame: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of a lazy frame over a run.

    Raises
    ------
    RunError
        If a file of the run cannot be read.
    BadInput
        If a conversion that was asked for fails on some value, or columns have one name.
    """
    try:
        return frame.collect()
    except (pl.exceptions.InvalidOperationError, pl.exceptions.DuplicateError, pl.exceptions.PanicException) as error:
        raise BadInput(f"the question to {run.path} cannot be answered: {first_line(error)}") from None
    except storage_errors(pl.exceptions.PolarsError) as error:
        raise unreadable(run, error) from None


def footers(run: RunFiles) -> Iterator[pq.FileMetaData]:
    """Yield what the footers of the shards say."""
    try:
        for written in run.shards:
            with (run.location / written.shard.name).open() as file:
                yield pq.read_metadata(file)
    except storage_errors(pa.ArrowException) as error:
        raise unreadable(run, error) from None


def unreadable(run: RunFiles, error: BaseException) -> RunError:
    """Return what to say of a file of a run that cannot be read."""
    return RunError(f"{run.path} cannot be read: {first_line(error)}; `sedspace verify` names the files")
