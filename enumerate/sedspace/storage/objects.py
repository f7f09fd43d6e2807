"""Objects of a store that fsspec knows, such as S3: an object is put whole, and there are no locks.

Two writers of one request write the same bytes, so that none is needed. Where a store's put can be cut short, an object
is put under another name and moved.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from sedspace.errors import RunError
from sedspace.storage.base import aside, refuse_short
from sedspace.storage.failures import storage_errors, what_failed

if TYPE_CHECKING:
    import polars as pl
    from fsspec import AbstractFileSystem
    from upath import UPath

_PUT_WHOLE = {"abfs", "abfss", "az", "gcs", "gs", "memory", "oci", "oss", "s3", "s3a"}  # an object is there, or is not


@dataclass(frozen=True)
class ObjectPath:
    """A `sedspace.storage.Location` in a store: an object, or what the names of objects begin with."""

    path: UPath
    compared_whole: ClassVar[bool] = False

    def __str__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(self.path / name)

    @property
    def fs(self) -> AbstractFileSystem:
        """The store, as fsspec knows it."""
        return self.path.fs

    @property
    def key(self) -> str:
        """What the store calls it."""
        return str(self.path.path)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return str(self.path.name)

    @property
    def parent(self) -> ObjectPath:
        """The prefix that it is under."""
        return ObjectPath(self.path.parent)

    @property
    def address(self) -> str:
        """The URL."""
        return str(self.path)

    def is_directory(self) -> bool:
        """Return True: nothing has to be made before objects have a prefix."""
        return True

    def is_file(self) -> bool:
        """Return False: there may be objects under any prefix."""
        return False

    def names(self) -> list[str]:
        """Return the names of the objects under the prefix, in order."""
        return sorted(self.sizes())

    def sizes(self) -> dict[str, int | None]:
        """Return the names of the objects under the prefix with their bytes, asked for once."""
        self.fs.invalidate_cache()
        with contextlib.suppress(FileNotFoundError):
            found = self.fs.ls(self.key, detail=True)
            named = {one["name"].rstrip("/").rpartition("/")[2]: one.get("size") for one in found}
            return {name: size for name, size in named.items() if name}
        return {}

    def size(self) -> int | None:
        """Return the bytes of the object, None if it is not there."""
        self.fs.invalidate_cache()
        try:
            return int(self.path.stat().st_size)
        except FileNotFoundError:
            return None

    def open(self, *, follow_links: bool = True) -> BufferedReader:
        """Open the object for reading."""
        file: BufferedReader = self.path.open("rb")
        return file

    def read(self, *, follow_links: bool = True) -> bytes:
        """Return the bytes of the object."""
        return bytes(self.path.read_bytes())

    def scan_parquet(self, names: Iterable[str]) -> pl.LazyFrame:
        """Return a polars LazyFrame over Parquet objects under the prefix; pages' checksums are compared."""
        import polars as pl
        from pyarrow.dataset import ParquetFileFormat, ParquetFragmentScanOptions, dataset  # takes pandas along

        checked = ParquetFileFormat(
            default_fragment_scan_options=ParquetFragmentScanOptions(page_checksum_verification=True)
        )
        store = pa.fs.PyFileSystem(pa.fs.FSSpecHandler(self.fs))
        return pl.scan_pyarrow_dataset(dataset([(self / name).key for name in names], filesystem=store, format=checked))

    def write(self, data: bytes | memoryview) -> None:
        """Put the object whole.

        Raises
        ------
        RunError
            If there is no such bucket.
        """
        try:
            self._put(bytes(data))
        except FileNotFoundError as error:  # a store has no directories to be missing
            raise RunError(f"{self.parent}: {what_failed(error)}: expected a bucket that is there") from None

    def _puts_whole(self) -> bool:
        protocol = self.fs.protocol
        return not _PUT_WHOLE.isdisjoint([protocol] if isinstance(protocol, str) else protocol)

    def _put(self, data: bytes) -> None:
        if self._puts_whole():
            self.fs.pipe_file(self.key, data)
            return
        temporary = ObjectPath(aside(self.path)).key
        try:
            self.fs.pipe_file(temporary, data)
            refuse_short(self.path, self.fs.size(temporary), len(data))
            self._move_here(temporary)
        except BaseException:
            with contextlib.suppress(*storage_errors()):
                self.fs.rm_file(temporary)
            raise

    def _move_here(self, temporary: str) -> None:
        try:
            self.fs.mv(temporary, self.key)
        except storage_errors():
            if not self.fs.exists(self.key):
                raise
            self.fs.rm_file(self.key)  # not every store moves onto what is there
            self.fs.mv(temporary, self.key)

    def note(self, entry: str, line: bytes) -> None:
        """Put an object for the entry, beside where the list would be."""
        (self.parent / f"{self.name}.{entry}").write(line)

    def remove(self) -> None:
        """Remove the object, if it is there."""
        self.path.unlink(missing_ok=True)

    def make_directory(self) -> None:
        """Make a directory in a store that has such; one of objects has none."""
        if not self._puts_whole():
            self.path.mkdir(parents=True, exist_ok=True)

    def free_bytes(self) -> tuple[Path, int] | None:
        """Return None: a store does not tell."""
        return None

    def sole_writer(self) -> AbstractContextManager[None]:
        """Do nothing: two writers of one request write the same objects."""
        return nullcontext()
