"""What runs, studies and tables ask of where they lie, whichever kind of storage that is."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from sedspace.errors import BadInput, RunError

if TYPE_CHECKING:
    import polars as pl


class Location(Protocol):
    """A file or a directory, whether or not it is there.

    Others may have written to a directory before us. What is opened under a name that they can guess must be a regular
    file, and for writing one of its own: no link to anything else. What is not raises `RunError`.

    Attributes
    ----------
    compared_whole : bool
        Whether files are read and compared whole before rows of them are used. Where that would mean to fetch
        everything, sizes and footers are, and the checksums of pages as `scan_parquet` reads them.
    """

    compared_whole: ClassVar[bool]

    @property
    def path(self) -> Path:
        """The path: pathlib's, or universal_pathlib's of a store."""

    @property
    def name(self) -> str:
        """The last part of the path."""

    @property
    def parent(self) -> Self:
        """The directory that it is in."""

    @property
    def address(self) -> str:
        """What `as_location` makes this location of in another process, which may work in another directory."""

    def __truediv__(self, name: str) -> Self: ...

    def is_directory(self) -> bool:
        """Return whether files can be looked for here: every prefix of a store is a directory."""

    def is_file(self) -> bool:
        """Return whether this cannot be a directory, since it is something else."""

    def names(self) -> list[str]:
        """Return the names of the files in this directory, in order; none if it is not there."""

    def sizes(self) -> dict[str, int | None]:
        """Return the names of the files in this directory with their bytes, asked for once."""

    def size(self) -> int | None:
        """Return the bytes of this file, None if it is not there."""

    def open(self, *, follow_links: bool = True) -> BufferedReader:
        """Open this file for reading, without waiting for anybody."""

    def read(self, *, follow_links: bool = True) -> bytes:
        """Return the bytes of this file."""

    def scan_parquet(self, names: Iterable[str]) -> pl.LazyFrame:
        """Return a polars LazyFrame over Parquet files in this directory."""

    def write(self, data: bytes | memoryview) -> None:
        """Write this file so that it is either whole or not there, and stays through a power cut."""

    def note(self, entry: str, line: bytes) -> None:
        """Add a line to this list, for good: to the file, or where none can be added to, as ``{name}.{entry}``."""

    def remove(self) -> None:
        """Remove this file, if it is there."""

    def make_directory(self) -> None:
        """Make this directory and those above it, to stay."""

    def free_bytes(self) -> tuple[Path, int] | None:
        """Return how much can still be written here, and to which directory that is there; None if nobody can tell."""

    def sole_writer(self) -> AbstractContextManager[None]:
        """Keep other writers of the same file or directory away for the time of a block, where they could do harm."""


def read_given(location: Location) -> bytes:
    """Return the bytes of a file that the user names, a table or a study; a pipe or a device is bad input."""
    try:
        return location.read()
    except RunError as error:
        raise BadInput(str(error)) from None


def aside(path: Path) -> Path:
    """Return another name for what is to become a file: others may write the same file."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def refuse_short(path: Path, size: int | None, expected: int) -> None:
    """Raise `RunError` if not all bytes of a file have arrived."""
    if size != expected:
        raise RunError(f"{path}: {size} bytes arrived of {expected}")
