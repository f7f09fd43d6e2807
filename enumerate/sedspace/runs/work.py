"""The work on one shard, found or written: what every engine has done, on threads or on the workers of a cluster."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass

from sedspace.errors import BadInput, RunError
from sedspace.runs.division import Shard
from sedspace.runs.request import Request
from sedspace.runs.shards import Written, as_written, encode, is_torn
from sedspace.runs.verify import check_shards
from sedspace.storage import Location, storage_errors, what_failed


@dataclass(frozen=True)
class Done:
    """A shard that is whole, and whether it was there before."""

    written: Written
    found: bool


WriteShards = Callable[[Location, Request, Mapping[str, str]], Generator[Done]]
"""A run's engine: it yields all shards of a request as they get done. It is given the SHA-256 of those that earlier
calls finished, by their names."""


def do_shard(directory: Location, request: Request, shard: Shard, noted: str | None) -> Done:
    """Return a shard that is there already, or compute and write it."""
    with failing_as_run_error(directory):
        found = _find_written(directory, request, shard, noted)
        return Done(found or _write_shard(directory, request, shard), found is not None)


def _write_shard(directory: Location, request: Request, shard: Shard) -> Written:
    """Compute, encode and write one shard."""
    data = encode(request, shard)
    written = as_written(shard, data)
    if request.where is None and written.rows != shard.scanned:
        raise RunError(f"{shard.name}: encoded {written.rows} rows, expected {shard.scanned}")
    (directory / shard.name).write(data)
    return written


def _find_written(directory: Location, request: Request, shard: Shard, noted: str | None) -> Written | None:
    """Return a shard that an earlier, interrupted call left, if it still is what was written; None if there is none."""
    path = directory / shard.name
    if path.size() is None or (noted is None and is_torn(path)):
        return None
    data = path.read()
    if noted is None:  # interrupted between writing it and noting that: compare it with what it should be
        noted = hashlib.sha256(encode(request, shard)).hexdigest()
    if hashlib.sha256(data).hexdigest() != noted:
        raise RunError(f"{path} is not what was written; move it away to have it written anew")
    written = as_written(shard, data)
    for problem in check_shards(directory, request, [written]):  # a score of the user's may be another today
        raise RunError(f"{directory}: {problem}; choose another --out")
    return written


@contextlib.contextmanager
def failing_as_run_error(directory: Location) -> Iterator[None]:
    """Say in one line what the file system refused, and that nothing is lost."""
    try:
        yield
    except BadInput as error:  # a score of the user's that fails on some architecture
        raise RunError(f"{error}; finished shards stay valid") from error
    except storage_errors() as error:
        raise RunError(
            f"cannot write {getattr(error, 'filename', None) or directory}: {what_failed(error)}; finished shards stay "
            f"valid, give the same command again to continue"
        ) from None
