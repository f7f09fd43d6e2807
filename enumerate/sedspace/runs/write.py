"""Writing a run: shards side by side on several threads, the manifest last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from sedspace.cluster import check_client, refuse_other_code
from sedspace.errors import BadInput, RunError
from sedspace.progress import progress_of
from sedspace.runs.ask import request_of
from sedspace.runs.dask import by_cluster
from sedspace.runs.division import Shard, shard_count, shards_of
from sedspace.runs.executor import by_executor
from sedspace.runs.finished import forget_finished, note_finished, read_finished
from sedspace.runs.intact import Problem
from sedspace.runs.manifest import MANIFEST, write_manifest
from sedspace.runs.request import Request, difference
from sedspace.runs.run import Run, open_run
from sedspace.runs.shards import SHARD_NAME, as_written, encode, is_torn, read_about
from sedspace.runs.threads import by_threads
from sedspace.runs.verify import check_shards
from sedspace.runs.work import Done, WriteShards, failing_as_run_error
from sedspace.scores import Score, check_threads, only_unique
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.storage import Location, as_location, storage_errors, what_failed
from sedspace.version import __version__

if TYPE_CHECKING:
    from distributed import Client

_SAMPLE_ROWS = 1 << 16
_MAX_SHARDS = 100_000


def enumerate_space(
    space: str | Space,
    out: str | Path,
    columns: Sequence[str | Score] | None = None,
    threads: int | None = None,
    progress: bool = True,
    *,
    start: int = 0,
    stop: int | None = None,
    shard_rows: int | None = None,
    where: str | None = None,
    unique: str | None = None,
    client: Client | Executor | None = None,
) -> Run:
    """Score every architecture of a range and write the result as a run: Parquet shards and a manifest.

    The same request gives byte-identical files whatever the threads and interruptions. A run that was interrupted is
    continued; one that is finished is left as it is.

    Parameters
    ----------
    space : str or Space
    out : str or Path
        The run's directory, or a prefix of an object store such as ``s3://bucket/run``: new, empty, or holding an
        unfinished run of the same request.
    columns : sequence of str or Score, optional
        Default for the TSS family: index, sed, the counts of each operation, residual, params, macs. ``index`` is
        always written.
    threads : int, optional
        How many shards are computed and written at the same time. Default: every CPU that this process may use.
    progress : bool, default True
        Whether to show a progress bar on stderr or in a notebook; where stderr is no terminal, a line every 30 seconds.
    start, stop : int
        The range of indices; `stop` is excluded and defaults to the size of the space.
    shard_rows : int, optional
        Architectures that a file is chosen from. Default: 1,000,000 if all are written. With `where` or `unique` about
        a second's work of one thread (10^9 if the condition is on additive scores, else 10^6), more if that would be
        over 1,000 files, fewer if over 1,000,000 rows of a file would pass on average: by the request alone.
    where : str, optional
        Write only the rows that meet this condition in SQL, such as ``params < 500000 AND sed > 6``, on ``index`` and
        any scores of the space. Where those are additive, cells are not looked at one by one: 10^9 architectures a
        second and more.
    unique : {"functional"}, optional
        Write only one architecture of each functional class, the lowest index (`functional_class`).
    client : distributed.Client or concurrent.futures.Executor, optional
        Have the shards written by the workers of a Dask cluster (see `sedspace.cluster`) or of any executor, such as a
        `ProcessPoolExecutor` or mpi4py's, instead of threads. They must see `out` as this process does. An executor
        is left open.

    Returns
    -------
    Run

    Raises
    ------
    BadInput
        If the request is wrong, will not fit on the disk, or `out` holds anything else. Nothing was written.
    RunError
        If another process writes to `out`, or writing failed. Shards that were finished stay valid, and the same
        request continues the run.

    Examples
    --------
    >>> import sedspace as ss, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
    >>> run.rows, len(run.shards)
    (15625, 1)
    """
    space = find_space(space)
    request = request_of(space, columns, start, stop, shard_rows, only_unique(space, where, unique))
    write = _shard_writer(threads, client)
    directory = as_location(out)
    try:
        finished = _inspect(directory, request)
        if finished is not None:
            return finished
        _check_fits(directory, request)
        if shard_count(request) > _MAX_SHARDS:
            raise BadInput(
                f"{shard_count(request):,} files: give a larger --shard-rows, for up to {_MAX_SHARDS:,} of them"
            )
        directory.make_directory()
    except storage_errors() as error:
        raise BadInput(f"cannot write to {directory}: {what_failed(error)}") from None
    with failing_as_run_error(directory), directory.sole_writer():
        finished = _inspect(directory, request)  # once more: another process may have been here
        if finished is not None:
            return finished
        run = _write_shards(directory, request, write, progress)
        write_manifest(directory / MANIFEST, request, run.shards)
        forget_finished(directory)
    return run


def _shard_writer(threads: int | None, client: Client | Executor | None) -> WriteShards:
    if client is None:
        return partial(by_threads, threads=check_threads(threads))
    if threads is not None:
        raise BadInput(f"threads {threads} with a cluster: its workers have their own, expected one of the two")
    if isinstance(client, Executor):
        return partial(by_executor, client)
    check_client(client)
    refuse_other_code(client)
    return partial(by_cluster, client)


def _inspect(directory: Location, request: Request) -> Run | None:
    """Return the run if it is finished already; refuse a directory that holds anything but an unfinished part of it."""
    if directory.is_file():
        raise BadInput(f"{directory} is a file: expected a directory to write the run to")
    there = directory.names()
    if MANIFEST in there:
        run = open_run(directory.path)
        _refuse_other(directory, run.request.description, request)
        for problem in _glance(run):
            raise RunError(f"{directory}: {problem}; `sedspace verify --repair {directory}` rebuilds it")
        return replace(run, rows_found=run.rows)
    for name in there:
        if name.startswith("."):  # what file managers leave, and our own temporary files
            continue
        if not SHARD_NAME.fullmatch(name):
            raise BadInput(f"{directory} holds {name!r}, which is no part of a run: choose an empty --out")
        try:
            about = read_about(directory / name)
        except RunError:
            if not is_torn(directory / name) or name in read_finished(directory):
                raise
            continue  # it will be written again
        _refuse_other(directory / name, about, request)
    return None


def _glance(run: Run) -> Iterator[Problem]:
    """Yield what a finished run can be seen to lack at once: shards of the right size, and values as computed today."""
    suspects = [written for written in run.shards if (run.location / written.shard.name).size() != written.bytes]
    yield from check_shards(run.location, run.request, [*suspects, run.shards[0]])


def _refuse_other(path: Location, found: Mapping[str, object], request: Request) -> None:
    comparable = {key: found.get(key) for key in request.description}
    if (differs := difference(comparable, request.description)) is not None:
        what, there, here = differs
        raise BadInput(f"{path} holds another run: its {what} is {there}, the request's {here}; choose another --out")


def _check_fits(directory: Location, request: Request) -> None:
    """Refuse a request that the disk cannot hold, judged by a sample of its own rows."""
    room = directory.free_bytes()
    if room is None or request.scanned <= _SAMPLE_ROWS or request.where is not None:
        return
    middle = request.start + (request.scanned - _SAMPLE_ROWS) // 2
    per_file = len(encode(request, Shard("sample", middle, middle + 1)))
    sample = encode(request, Shard("sample", middle, middle + _SAMPLE_ROWS))
    per_row = (len(sample) - per_file) / _SAMPLE_ROWS
    there, free = room
    already = sum(size or 0 for name, size in directory.sizes().items() if SHARD_NAME.fullmatch(name))
    needed = int(per_row * request.scanned) + per_file * shard_count(request) - already
    if needed > free:
        raise BadInput(
            f"{request.scanned:,} rows of {request.space.name} at about {per_row:.1f} bytes are {needed:,} bytes, and "
            f"{there} has {free:,} free: write a slice with --range A:B, only some rows with --where, or fewer "
            f"--columns"
        )


def _write_shards(directory: Location, request: Request, write: WriteShards, progress: bool) -> Run:
    """Have the shards written that are not there yet, and return the run."""
    done: dict[str, Done] = {}
    names = set(directory.names())
    there = {shard.name: shard.scanned for shard in shards_of(request) if shard.name in names}
    bar = progress_of(request.scanned, "arch", initial=sum(there.values()), shown=progress)
    with bar, contextlib.closing(write(directory, request, read_finished(directory))) as shards:
        for one in shards:
            shard = one.written.shard
            if not one.found:
                note_finished(directory, shard.name, one.written.sha256)
            done[shard.name] = one
            bar.update(0 if shard.name in there else shard.scanned)
    for name in done.keys() - set(directory.names()):
        raise RunError(f"{directory / name} was written and is not there: do the workers see another {directory}?")
    found = sum(one.written.rows for one in done.values() if one.found)
    return Run(directory, request, tuple(done[shard.name].written for shard in shards_of(request)), found)


def repair_run(path: str | Path) -> list[Problem]:
    """Rebuild the shards of a run that are not what its manifest says, and no others.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Problem
        What was wrong with the shards that were rebuilt. Files that do not belong to the run are left where they are.

    Raises
    ------
    BadInput
        If there is no such directory, or this process would not write the same bytes: another version of sedspace or
        pyarrow, or a score of the user's that is not registered here.
    RunError
        If the run is unfinished, its manifest is damaged, or what is rebuilt is not what the manifest says.

    Examples
    --------
    >>> import sedspace as ss, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
    ...     run.files()[0].unlink()
    ...     [str(problem) for problem in ss.repair_run(run.path)], run.verify()
    (['part-00000-of-00001.parquet: is missing'], [])
    """
    run = open_run(path)
    expected = {written.shard.name: written for written in run.shards}
    problems = {problem.file: problem for problem in run.verify() if problem.file in expected}
    if not problems:
        return []
    today = replace(run.request, sedspace_version=__version__, pyarrow_version=pa.__version__)
    _refuse_other(run.location / MANIFEST, run.request.description, today)
    for name in run.unchecked:
        raise BadInput(f"{run.path} has the column {name!r}, a score that is not registered here")
    with failing_as_run_error(run.location), run.location.sole_writer():
        for name in problems:
            data = encode(run.request, expected[name].shard)
            if as_written(expected[name].shard, data) != expected[name]:
                raise RunError(
                    f"{run.path / name}: rebuilt, it still is not what {MANIFEST} says: that is what is wrong"
                )
            (run.location / name).write(data)
    return list(problems.values())
