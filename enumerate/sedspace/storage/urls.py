"""The location that a path or a URL names."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from sedspace.errors import BadInput, as_path, first_line, needs
from sedspace.storage.base import Location
from sedspace.storage.local import LocalPath
from sedspace.storage.objects import ObjectPath

_URL = re.compile(r"([a-z][a-z0-9+.:-]*)://(.*)", re.IGNORECASE | re.DOTALL)
_HALF_A_URL = re.compile(r"([a-z][a-z0-9+.-]+):/(?!/)", re.IGNORECASE)
_LOCAL = ("file", "local")


def as_location(path: str | Path) -> Location:
    """Return the location of a path, of this machine or in a store.

    Whatever names the local file system (``file:///home/me/run``, say) is a path of this machine.

    Raises
    ------
    BadInput
        If what a store needs is not installed, or the URL has credentials in it.

    Examples
    --------
    >>> as_location("file:///home/me/my%20run").path.as_posix()
    '/home/me/my run'
    """
    if not isinstance(path, str):
        return _of_upath(path) if hasattr(path, "fs") else LocalPath(as_path(path, "directory"))
    if not path:
        raise BadInput("directory '' is no path")
    match = _URL.match(path)
    if match is None:
        if half := _HALF_A_URL.match(path):  # what follows may be credentials: it is not shown
            raise BadInput(f"{half[1]}:/... has one slash: expected {half[1]}://..., or ./{half[1]}:/... for a path")
        return LocalPath(Path(path))
    if match[1].lower() in _LOCAL:
        return LocalPath(Path(unquote(re.sub("^localhost(?=/)", "", match[2]))))
    if re.search("[@?#]", match[2]):
        raise BadInput(f"{match[1]}://... has @, ? or # in it: expected credentials and options in the environment")
    return _in_store(path, match[1])


def as_file(out: str | Path) -> Location:
    """Return the location of a file that is to be written; raise `BadInput` if its directory is not there."""
    file = as_location(out)
    if not file.parent.is_directory():
        raise BadInput(f"--out {file}: there is no directory {file.parent}")
    return file


def _in_store(url: str, protocol: str) -> Location:
    try:
        from upath import UPath

        return _of_upath(UPath(url))
    except ImportError as error:
        if error.name == "upath" or protocol.lower() in ("s3", "s3a"):
            raise needs("universal-pathlib and s3fs", "s3", f"{url} needs") from None
        raise BadInput(f"{url}: {first_line(error)}") from None
    except (ValueError, OSError) as error:
        raise BadInput(f"{url}: {first_line(error)}") from None


def _of_upath(path: Path) -> Location:
    """Return the location of a path of universal_pathlib's, which may be one of this machine."""
    from fsspec.implementations.local import LocalFileSystem

    found = ObjectPath(path)
    return LocalPath(Path(found.key)) if isinstance(found.fs, LocalFileSystem) else found
