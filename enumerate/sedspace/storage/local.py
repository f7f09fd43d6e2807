"""Files and directories of this machine: made whole by a rename, kept through a power cut, locked."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sedspace.storage.base import aside, refuse_short
from sedspace.storage.lock import sole_writer
from sedspace.storage.regular import NO_FOLLOW, open_regular

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class LocalPath:
    """A `sedspace.storage.Location` on this machine."""

    path: Path
    compared_whole: ClassVar[bool] = True

    def __str__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> LocalPath:
        return LocalPath(self.path / name)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    @property
    def parent(self) -> LocalPath:
        """The directory that it is in."""
        return LocalPath(self.path.parent)

    @property
    def address(self) -> str:
        """The absolute path."""
        return str(self.path.absolute())

    def is_directory(self) -> bool:
        """Return whether it is a directory that is there."""
        return self.path.is_dir()

    def is_file(self) -> bool:
        """Return whether something is there that is no directory."""
        return self.path.exists() and not self.path.is_dir()

    def names(self) -> list[str]:
        """Return the names of all that is in the directory, in order; none if it is not there."""
        return sorted(one.name for one in self.path.iterdir()) if self.path.is_dir() else []

    def sizes(self) -> dict[str, int | None]:
        """Return the names of all that is in the directory, with their bytes."""
        return {name: (self / name).size() for name in self.names()}

    def size(self) -> int | None:
        """Return the bytes of the file, None if it is not there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return None

    def open(self, *, follow_links: bool = True) -> BufferedReader:
        """Open the file for reading; what is no regular file is refused."""
        return os.fdopen(open_regular(self.path, os.O_RDONLY | (0 if follow_links else NO_FOLLOW)), "rb")

    def read(self, *, follow_links: bool = True) -> bytes:
        """Return the bytes of the file; what is no regular file is refused."""
        with self.open(follow_links=follow_links) as file:
            return file.read()

    def scan_parquet(self, names: Iterable[str]) -> pl.LazyFrame:
        """Return a polars LazyFrame over Parquet files in the directory."""
        import polars as pl

        return pl.scan_parquet([self.path / name for name in names], glob=False)

    def write(self, data: bytes | memoryview) -> None:
        """Write the file under another name, and rename it when it is whole and will stay."""
        temporary = aside(self.path)
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            refuse_short(self.path, temporary.stat().st_size, len(data))
            os.replace(temporary, self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(self.path.parent)

    def note(self, entry: str, line: bytes) -> None:
        """Add a line to the end of the file."""
        handle = open_regular(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(handle, line)  # one write to the end: threads do not mix
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self) -> None:
        """Remove the file, if it is there."""
        self.path.unlink(missing_ok=True)

    def make_directory(self) -> None:
        """Make the directory and those above it, to stay."""
        new = [one for one in (self.path, *self.path.parents) if not one.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        for one in new:
            _sync_directory(one.parent)

    def free_bytes(self) -> tuple[Path, int] | None:
        """Return what the disk has free, and the nearest directory that is there."""
        there = self.path.absolute()
        while not there.exists():
            there = there.parent
        return there, shutil.disk_usage(there).free

    def sole_writer(self) -> AbstractContextManager[None]:
        """Hold the lock of the file or directory for the time of a block."""
        return sole_writer(self.path)


def _sync_directory(path: Path) -> None:
    """Make renames within a directory last through a power cut, where its file system can."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # one may write there, not read; Windows opens no directories
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some that are mounted over a network
            raise
    finally:
        os.close(handle)
