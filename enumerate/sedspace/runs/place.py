"""Where a run lies: a directory, or a prefix of an object store such as ``s3://bucket/run``.

Both are paths with `pathlib`'s methods; those of object stores are universal_pathlib's, over any file system that
fsspec knows. Three things differ and are asked for here. A directory's file is made whole by a rename, an object by the
put itself. A directory has a lock; in a store two writers of one request write the same bytes, so that none is needed.
And a list of finished shards grows by a line in a directory, by an object in a store.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from sedspace.errors import BadInput, RunError, first_line

FINISHED = ".finished"  # only beside an unfinished run: the shards that are whole
_URL = re.compile(r"([a-z][a-z0-9+.:-]*)://(.*)", re.IGNORECASE | re.DOTALL)


def place(path: str | Path) -> Path:
    """Return the path of a run, of a directory or in a store.

    Raises
    ------
    BadInput
        If what a store needs is not installed, or the URL has credentials in it.
    """
    if not isinstance(path, str):
        return path
    match = _URL.match(path)
    if match is None:
        return Path(path)
    if re.search("[@?#]", match[2]):
        raise BadInput(f"{match[1]}://... has @, ? or # in it: expected credentials and options in the environment")
    try:
        from upath import UPath

        out = UPath(path)
        _ = out.fs
    except (ImportError, ValueError) as error:
        raise BadInput(f"{path}: {first_line(error)}; for S3, pip install 'sedspace[s3]'") from None
    remote: Path = out
    return remote


def is_remote(path: Path) -> bool:
    """Return whether a path is in a store."""
    return hasattr(path, "fs")


def write_whole(path: Path, data: Any) -> None:
    """Write a file so that it is either whole or not there."""
    if is_remote(path):
        path.fs.pipe_file(path.path, bytes(data))  # type: ignore[attr-defined]
    else:
        _write_and_rename(path, data)


def _write_and_rename(path: Path, data: Any) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")  # others may write the same file
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if (size := temporary.stat().st_size) != len(data):
            raise RunError(f"{path}: {size} bytes arrived of {len(data)}")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_directory(path: Path) -> None:
    """Make a directory and those above it; a store has none."""
    if not is_remote(path):
        path.mkdir(parents=True, exist_ok=True)


def names(path: Path) -> list[str]:
    """Return the names of the files in a directory or under a prefix, in order; none if it is not there."""
    if not is_remote(path):
        return sorted(one.name for one in path.iterdir()) if path.is_dir() else []
    fs: Any = path.fs  # type: ignore[attr-defined]
    fs.invalidate_cache()
    with contextlib.suppress(FileNotFoundError):
        found = fs.ls(path.path, detail=False)  # type: ignore[attr-defined]
        return sorted(name for one in found if (name := one.rstrip("/").rpartition("/")[2]))
    return []


def size(path: Path) -> int | None:
    """Return the bytes of a file, None if it is not there."""
    if is_remote(path):
        path.fs.invalidate_cache()  # type: ignore[attr-defined]
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def arrow(path: Path) -> dict[str, Any]:
    """Return what pyarrow's functions need to open a file: ``where`` and ``filesystem``."""
    if not is_remote(path):
        return {"where": str(path), "filesystem": None}
    handler = pa.fs.FSSpecHandler(path.fs)  # type: ignore[attr-defined]
    return {"where": path.path, "filesystem": pa.fs.PyFileSystem(handler)}  # type: ignore[attr-defined]


# -- which shards are whole -------------------------------------------------------------------------------------------


def note_finished(directory: Path, name: str, sha256: str) -> None:
    """Add a shard to the list of those that are whole, for whoever continues the run."""
    line = (json.dumps({"file": name, "sha256": sha256}) + "\n").encode()
    if is_remote(directory):
        write_whole(directory / f"{FINISHED}.{name}", line)
        return
    with open(directory / FINISHED, "ab", buffering=0) as file:  # one write to the end: threads do not mix
        file.write(line)
        os.fsync(file.fileno())


def read_finished(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of the shards that are on the list; a line that a crash cut short is left out."""
    out = {}
    for name in names(directory):
        if name.startswith(FINISHED):
            for line in (directory / name).read_bytes().splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    out[entry["file"]] = entry["sha256"]
    return out


def forget_finished(directory: Path) -> None:
    """Remove the list, and what writers that were killed have left."""
    for name in names(directory):
        if name.startswith(FINISHED) or re.fullmatch(r"\..*\.tmp", name):
            (directory / name).unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Make renames within a directory last through a power cut."""
    if os.name == "posix" and not is_remote(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# -- what goes wrong --------------------------------------------------------------------------------------------------


def failures(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the errors of file systems: the operating system's, those of S3 if that is installed, and given others."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return (OSError, *others)
    return (OSError, BotoCoreError, ClientError, *others)


def what_failed(error: Exception) -> str:
    """Return what a file system says, in one line, without the secrets that a URL in it may carry."""
    said = getattr(error, "strerror", None) or first_line(error) or type(error).__name__
    return re.sub(r"(?<=://)[^/@\s]+@|\?\S+", "", str(said))


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what a file system refuses into one line that names the path."""
    try:
        yield
    except failures() as error:
        raise BadInput(f"{path}: {what_failed(error)}") from None
