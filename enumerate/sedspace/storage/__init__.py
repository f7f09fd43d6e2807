"""Where a run lies: a directory, or a prefix of a store such as ``s3://bucket/run``.

Both are paths with `pathlib`'s methods; those of stores are universal_pathlib's, over any file system that fsspec
knows. Three things differ and are asked for here. A directory's file is made whole by a rename; an object by the put
itself, or by a move where a store's put can be cut short. A directory has a lock; in a store two writers of one request
write the same bytes, so that none is needed. And a list of finished shards grows by a line in a directory, by an object
in a store.

Others may have written to a directory before us. What is opened under a name that they can guess must be a regular
file, and for writing one of its own: no link to anything else.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from sedspace.errors import BadInput, RunError, as_path, first_line, needs

FINISHED = ".finished"  # only beside an unfinished run: the shards that are whole
_URL = re.compile(r"([a-z][a-z0-9+.:-]*)://(.*)", re.IGNORECASE | re.DOTALL)
_HALF_A_URL = re.compile(r"([a-z][a-z0-9+.-]+):/(?!/)", re.IGNORECASE)
_LOCAL = ("file", "local")
_PUT_WHOLE = {"abfs", "abfss", "az", "gcs", "gs", "memory", "oci", "oss", "s3", "s3a"}  # an object is there, or is not


def as_location(path: str | Path) -> Path:
    """Return the path of a run, of a directory or in a store.

    Whatever names the local file system (``file:///home/me/run``, say) is a plain path.

    Raises
    ------
    BadInput
        If what a store needs is not installed, or the URL has credentials in it.
    """
    if not isinstance(path, str):
        return _plain(path) if hasattr(path, "fs") else as_path(path, "directory")
    if not path:
        raise BadInput("directory '' is no path")
    match = _URL.match(path)
    if match is None:
        if half := _HALF_A_URL.match(path):  # what follows may be credentials: it is not shown
            raise BadInput(f"{half[1]}:/... has one slash: expected {half[1]}://..., or ./{half[1]}:/... for a path")
        return Path(path)
    if match[1].lower() in _LOCAL:
        return Path(unquote(re.sub("^localhost(?=/)", "", match[2])))
    if re.search("[@?#]", match[2]):
        raise BadInput(f"{match[1]}://... has @, ? or # in it: expected credentials and options in the environment")
    try:
        from upath import UPath

        out = UPath(path)
        _ = out.fs
    except ImportError as error:
        if error.name == "upath" or match[1].lower() in ("s3", "s3a"):
            raise needs("universal-pathlib and s3fs", "s3", f"{path} needs") from None
        raise BadInput(f"{path}: {first_line(error)}") from None
    except (ValueError, OSError) as error:
        raise BadInput(f"{path}: {first_line(error)}") from None
    return _plain(out)


def _plain(path: Path) -> Path:
    """Return a path of universal_pathlib's on the local file system as pathlib's, any other as it is."""
    if is_remote(path):
        from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

        if isinstance(path.fs, LocalFileSystem):  # type: ignore[attr-defined]
            return Path(path.path)  # type: ignore[attr-defined]
    return path


def is_remote(path: Path) -> bool:
    """Return whether a path is in a store."""
    return hasattr(path, "fs")


def _puts_whole(path: Path) -> bool:
    protocol = path.fs.protocol  # type: ignore[attr-defined]
    return not _PUT_WHOLE.isdisjoint([protocol] if isinstance(protocol, str) else protocol)


# -- writing ----------------------------------------------------------------------------------------------------------


def write_whole(path: Path, data: Any) -> None:
    """Write a file so that it is either whole or not there, and stays through a power cut."""
    if is_remote(path):
        _put(path, bytes(data))
    else:
        _write_and_rename(path, data)
        sync_directory(path.parent)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")  # others may write the same file


def _write_and_rename(path: Path, data: Any) -> None:
    temporary = _aside(path)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _check_arrived(path, temporary.stat().st_size, len(data))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _put(path: Path, data: bytes) -> None:
    fs: Any = path.fs  # type: ignore[attr-defined]
    name: str = path.path  # type: ignore[attr-defined]
    if _puts_whole(path):
        fs.pipe_file(name, data)
        return
    temporary: str = _aside(path).path  # type: ignore[attr-defined]
    try:
        fs.pipe_file(temporary, data)
        _check_arrived(path, fs.size(temporary), len(data))
        try:
            fs.mv(temporary, name)
        except failures():
            if not fs.exists(name):
                raise
            fs.rm_file(name)  # not every store moves onto what is there
            fs.mv(temporary, name)
    except BaseException:
        with contextlib.suppress(*failures()):
            fs.rm_file(temporary)
        raise


def _check_arrived(path: Path, size: int | None, expected: int) -> None:
    if size != expected:
        raise RunError(f"{path}: {size} bytes arrived of {expected}")


def make_directory(path: Path) -> None:
    """Make a directory and those above it, to stay; a store of objects has none."""
    if is_remote(path):
        if not _puts_whole(path):
            path.mkdir(parents=True, exist_ok=True)
        return
    new = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for one in new:
        sync_directory(one.parent)


def sync_directory(path: Path) -> None:
    """Make renames within a directory last through a power cut, where its file system can."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # one may write there, not read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some that are mounted over a network
            raise
    finally:
        os.close(handle)


# -- reading ----------------------------------------------------------------------------------------------------------


def open_regular(path: Path, flags: int) -> int:
    """Open a local file of a known name and return its handle, without waiting for anybody.

    Raises
    ------
    RunError
        If it is no regular file; or, for writing, a link to another one.
    """
    writing = flags & (os.O_WRONLY | os.O_RDWR)
    try:
        handle = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_NOFOLLOW if writing else 0), 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):  # a link, a pipe that nobody reads, a directory
            raise RunError(f"{path} is no regular file: {error.strerror}") from None
        raise
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or (writing and about.st_nlink > 1):
        os.close(handle)
        what = "has a second name (a hard link)" if stat.S_ISREG(about.st_mode) else "is no regular file"
        raise RunError(f"{path} {what}{': remove it' if writing else ''}")
    return handle


def opened(path: Path, flags: int = 0) -> io.BufferedReader:
    """Open a file of a run for reading; what is no regular file is refused."""
    if is_remote(path):
        return path.open("rb")
    return os.fdopen(open_regular(path, os.O_RDONLY | flags), "rb")


def read_whole(path: Path, flags: int = 0) -> bytes:
    """Return the bytes of a file of a run."""
    if is_remote(path):
        return path.read_bytes()
    with opened(path, flags) as file:
        return file.read()


def read_given(path: Path) -> bytes:
    """Return the bytes of a file that the user names, a table or a study; a pipe or a device is bad input."""
    try:
        return read_whole(path)
    except RunError as error:
        raise BadInput(str(error)) from None


def names(path: Path) -> list[str]:
    """Return the names of the files in a directory or under a prefix, in order; none if it is not there."""
    if is_remote(path):
        return sorted(store_sizes(path))
    return sorted(one.name for one in path.iterdir()) if path.is_dir() else []


def store_sizes(path: Path) -> dict[str, int | None]:
    """Return the names of the objects under a prefix of a store, with their bytes, asked for once."""
    fs: Any = path.fs  # type: ignore[attr-defined]
    fs.invalidate_cache()
    with contextlib.suppress(FileNotFoundError):
        found = fs.ls(path.path, detail=True)  # type: ignore[attr-defined]
        named = {one["name"].rstrip("/").rpartition("/")[2]: one.get("size") for one in found}
        return {name: size for name, size in named.items() if name}
    return {}


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
    handle = open_regular(directory / FINISHED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, line)  # one write to the end: threads do not mix
        os.fsync(handle)
    finally:
        os.close(handle)


def read_finished(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of the shards that are on the list; a line that a crash cut short is left out."""
    out = {}
    for name in names(directory):
        if name.startswith(FINISHED):
            for line in read_whole(directory / name, os.O_NOFOLLOW).splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    out[entry["file"]] = entry["sha256"]
    return out


def forget_finished(directory: Path) -> None:
    """Remove the list, and what writers that were killed have left."""
    for name in names(directory):
        if name.startswith(FINISHED) or re.fullmatch(r"\..*\.tmp", name):
            (directory / name).unlink(missing_ok=True)


# -- what goes wrong --------------------------------------------------------------------------------------------------


def failures(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the errors of file systems: the operating system's, those of S3 if that is installed, and given others."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return (OSError, *others)
    return (OSError, BotoCoreError, ClientError, *others)


def what_failed(error: BaseException) -> str:
    """Return what a file system says, in one line, without the secrets that a URL in it may carry."""
    said = getattr(error, "strerror", None) or first_line(error) or type(error).__name__
    return re.sub(r"(?<=://)\S*@|\?\S+", "", str(said))


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what a file system refuses into one line that names the path."""
    try:
        yield
    except failures() as error:
        raise BadInput(f"{path}: {what_failed(error)}") from None
