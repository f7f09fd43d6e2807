"""A run on disk: its manifest, its shards, and whether they are what they should be."""

from __future__ import annotations

import hashlib
import json
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from sedspace.errors import BadInput, RunError, SedspaceError
from sedspace.forked import refuse_fork
from sedspace.runs.request import FORMAT_VERSION, Request, Shard, difference
from sedspace.runs.shards import MANIFEST, SHARD_NAME, Written
from sedspace.runs.verify import Problem, Report, check_shards, refuse_damaged, unchecked
from sedspace.spaces import Space
from sedspace.storage import Location, as_location, failures, naming, what_failed

if TYPE_CHECKING:
    import polars as pl


CHECKSUM = "manifest_sha256"


def manifest_sha256(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest but for its own: of its JSON in ASCII, keys sorted, without spaces."""
    content = {key: value for key, value in manifest.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run.

    Attributes
    ----------
    location : Location
        Where it lies.
    request : Request
        What it holds.
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
    def rows(self) -> int:
        """The number of rows."""
        return sum(written.rows for written in self.shards)

    @property
    def bytes(self) -> int:
        """The size of all shards."""
        return sum(written.bytes for written in self.shards)

    def manifest(self) -> dict[str, Any]:
        """Return the manifest's content, the SHA-256 of everything else in it last."""
        shards = [written.describe() for written in self.shards]
        content = {**self.request.description, **self.totals, "shards": shards}
        return {**content, CHECKSUM: manifest_sha256(content)}

    @property
    def totals(self) -> dict[str, int]:
        """What the manifest says of the run as a whole: architectures scanned, rows and bytes."""
        return {"scanned": self.request.scanned, "rows": self.rows, "bytes": self.bytes}

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
            are compared, and its pages' checksums when they are read. `sedspace.runs.verify` says what goes unnoticed.
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

    def __repr__(self) -> str:
        return f"<run {self.path}: {self.rows:,} rows of {self.space.name} in {len(self.shards)} shards>"

    def _repr_html_(self) -> str:
        """Show the run in a notebook: what it holds, and its first rows."""
        where = f" that meet <code>{escape(self.request.where)}</code>" if self.request.where else ""
        about = f"{self.rows:,} architectures of {escape(self.space.name)}{where}, {len(self.shards)} shards"
        return f"<b>{escape(str(self.path))}</b>: {about}{self.scan().head(5).collect()._repr_html_()}"

    @property
    def unchecked(self) -> list[str]:
        """The columns that `verify` cannot recompute: scores of the user's that are not registered here."""
        return unchecked(self.request)

    def verify(self, full: bool = False, progress: bool = True) -> Report:
        """Check every shard: size, SHA-256, rows, description, and recomputed values.

        Columns that are `unchecked` are vouched for by the hashes alone.

        Parameters
        ----------
        full : bool, default False
            Recompute every value of every row, and which rows pass the run's condition: as long as it took to write the
            run, and nothing goes unnoticed. Without it some hundred rows of a shard are recomputed, at four places that
            nobody can foresee; of a filtered run they must meet the condition, and at one of the places none may lack.
            That finds what was written wrong on purpose, manifest included, only as far as chance goes.
        progress : bool, default True
            Whether to show a progress bar on stderr, if that is a terminal and it takes over a second.

        Returns
        -------
        Report
            A list of what is wrong, empty if the run is intact, that also says what was looked at.

        Raises
        ------
        BadInput
            If all is to be recomputed, and the run's condition needs a score that is not registered here.

        Examples
        --------
        >>> import sedspace as ss, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", where="sed > 8", progress=False)
        ...     run.verify(), run.verify(full=True).looked_at()
        ([], 'SHA-256 of 1 compared, 6 of 6 rows recomputed, the condition checked')
        """
        report = check_shards(self.location, self.request, self.shards, full=full, progress=progress)
        report += self._strangers()
        return report

    def _strangers(self) -> Iterator[Problem]:
        ours = {MANIFEST, *(written.shard.name for written in self.shards)}
        for name in self.location.names():
            if name not in ours and not name.startswith("."):
                yield Problem(name, "does not belong to this run")


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
        If there is no such directory, or no run in it.
    RunError
        If the run is unfinished, or its manifest is damaged or of a newer sedspace.
    """
    directory = as_location(path)
    if not directory.is_directory():
        raise BadInput(f"{directory} is not a directory: expected one that `sedspace enumerate` wrote")
    try:
        manifest = json.loads((directory / MANIFEST).read())
    except FileNotFoundError:
        with naming(directory):
            shards = sum(SHARD_NAME.fullmatch(name) is not None for name in directory.names())
        if not shards:
            raise BadInput(f"{directory} holds no run: expected a directory that `sedspace enumerate` wrote") from None
        raise RunError(
            f"{directory} has no {MANIFEST}: a run that is not finished ({shards} shards are); "
            f"give the command that began it again to finish it"
        ) from None
    except failures(ValueError, RecursionError) as error:
        raise RunError(f"{directory / MANIFEST} cannot be read: {what_failed(error)}") from None
    return _from_manifest(directory, manifest)


_SHA256 = re.compile("[0-9a-f]{64}")
_COUNT = (int, lambda number: number >= 0)
_TYPES: dict[str, Any] = {
    "format_version": _COUNT,
    "sedspace_version": (str, None),
    "pyarrow_version": (str, None),
    "space": (dict, None),
    "columns": [{"name": (str, None), "dtype": (str, None), "unit": (str, None), "meaning": (str, None)}],
    "range": {"start": _COUNT, "stop": _COUNT},
    "where": ((str, NoneType), None),
    "shard_rows": (int, lambda rows: rows > 0),
    "scanned": _COUNT,
    "rows": _COUNT,
    "bytes": _COUNT,
    "shards": [
        {
            "file": (str, SHARD_NAME.fullmatch),
            "start": _COUNT,
            "stop": _COUNT,
            "rows": _COUNT,
            "bytes": _COUNT,
            "sha256": (str, _SHA256.fullmatch),
            "footer_sha256": ((str, NoneType), lambda text: text is None or _SHA256.fullmatch(text)),
        }
    ],
}
"""What a manifest holds: the types of a value and what it must be besides; in mappings and lists of them."""


def _check_types(given: Any, expected: Any, where: str = "") -> None:
    """Raise `TypeError` if JSON values are not what they should be."""
    if isinstance(expected, tuple):
        kinds, fits = expected
        known = kinds if isinstance(kinds, tuple) else (kinds,)
        if type(given) not in known or not (fits is None or fits(given)):  # True is no number here
            raise TypeError(f"its{where} is {str(given)[:100]!r}")
    elif isinstance(expected, list):
        _check_types(given, (list, None), where)
        for number, one in enumerate(given):
            _check_types(one, expected[0], f"{where} {number}")
    else:
        _check_types(given, (dict, None), where)
        for key, value in expected.items():
            _check_types(given.get(key), value, f"{where} {key}")


def _check_sum(path: Location, manifest: Mapping[str, Any]) -> None:
    """Compare a manifest with its own checksum, after all else: what else is wrong says more."""
    expected = manifest_sha256(manifest)
    if manifest.get(CHECKSUM, expected) != expected:
        raise RunError(f"{path} is altered: its {CHECKSUM} is {str(manifest[CHECKSUM])[:64]!r}, expected {expected}")
    strange = [] if CHECKSUM in manifest else [key for key in manifest if key not in _TYPES]
    if strange:  # the checksum's own name, damaged; older manifests have none
        raise RunError(f"{path} is altered: it has {strange[0][:100]!r}, expected {CHECKSUM}")


def _from_manifest(directory: Location, manifest: Mapping[str, Any]) -> Run:
    path = directory / MANIFEST
    try:
        _check_types(manifest, _TYPES)
        version = manifest["format_version"]
        if version > FORMAT_VERSION:
            raise RunError(
                f"{path} has format version {version}, this sedspace reads up to {FORMAT_VERSION}: update sedspace"
            )
        request = Request.from_description(manifest)
        differs = difference({key: manifest[key] for key in request.description}, request.description)
        if differs is not None:
            raise RunError(f"{path} is altered: its {differs[0]} is {differs[1]}, expected {differs[2]}")
        shards = tuple(
            Written(Shard(s["file"], s["start"], s["stop"]), s["rows"], s["bytes"], s["sha256"], s.get("footer_sha256"))
            for s in manifest["shards"]
        )
        whole = len(shards) == request.shard_count and all(
            map(operator.eq, request.shards(), (w.shard for w in shards))
        )
        if not whole or (request.where is None and any(w.rows != w.shard.scanned for w in shards)):
            raise RunError(
                f"{path} is altered: its shards do not cover {request.start}:{request.stop} "
                f"in parts of {request.shard_rows}"
            )
        run = Run(directory, request, shards)
        recorded = {key: manifest[key] for key in run.totals}
        if recorded != run.totals:
            raise RunError(f"{path} is altered: {recorded} do not add up")
        _ = request.schema(request.shard(0))  # nothing else in it that makes no sense
        _check_sum(path, manifest)
    except BadInput as error:  # a space that nobody knows, say
        raise RunError(f"{path}: {error}") from None
    except SedspaceError:
        raise
    except Exception as error:  # JSON of any other shape than ours
        raise RunError(f"{path} is damaged: {type(error).__name__}: {error}") from None
    return run
