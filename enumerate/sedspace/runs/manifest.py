"""A run's manifest: what is written into it, and what is read from it, which may be anything."""

from __future__ import annotations

import hashlib
import json
import operator
import re
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

from sedspace.errors import BadInput, RunError, SedspaceError
from sedspace.runs.division import Shard, shard_count, shards_of
from sedspace.runs.request import FORMAT_VERSION, Request, difference
from sedspace.runs.shards import SHARD_NAME, Written, schema_of
from sedspace.storage import Location, storage_errors, what_failed

MANIFEST = "manifest.json"
CHECKSUM = "manifest_sha256"


def manifest_sha256(manifest: Mapping[str, object]) -> str:
    """Return the SHA-256 of a manifest but for its own: of its JSON in ASCII, keys sorted, without spaces."""
    content = {key: value for key, value in manifest.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def manifest_of(request: Request, shards: Sequence[Written]) -> dict[str, object]:
    """Return the content of a finished run's manifest, the SHA-256 of everything else in it last."""
    described = [written.describe() for written in shards]
    content = {**request.description, **_totals(request, shards), "shards": described}
    return {**content, CHECKSUM: manifest_sha256(content)}


def _totals(request: Request, shards: Sequence[Written]) -> dict[str, int]:
    """Return what the manifest says of the run as a whole."""
    rows, size = sum(written.rows for written in shards), sum(written.bytes for written in shards)
    return {"scanned": request.scanned, "rows": rows, "bytes": size}


def write_manifest(file: Location, request: Request, shards: Sequence[Written]) -> None:
    """Write the manifest, which makes a run finished."""
    file.write((json.dumps(manifest_of(request, shards), indent=1) + "\n").encode())


def read_manifest(file: Location) -> tuple[Request, tuple[Written, ...]]:
    """Return the request and the shards of a finished run.

    Raises
    ------
    RunError
        If the manifest is damaged, altered or of a newer sedspace.
    FileNotFoundError
        If there is none.
    """
    try:
        manifest = json.loads(file.read())
    except FileNotFoundError:
        raise
    except storage_errors(ValueError, RecursionError) as error:
        raise RunError(f"{file} cannot be read: {what_failed(error)}") from None
    try:
        return _checked(file, manifest)
    except BadInput as error:  # a space that nobody knows, say
        raise RunError(f"{file}: {error}") from None
    except SedspaceError:
        raise
    except Exception as error:  # JSON of any other shape than ours
        raise RunError(f"{file} is damaged: {type(error).__name__}: {error}") from None


def _checked(file: Location, manifest: Mapping[str, Any]) -> tuple[Request, tuple[Written, ...]]:
    """Return what a manifest says if it is what sedspace would write of it."""
    _check_types(manifest, _TYPES)
    if manifest["format_version"] > FORMAT_VERSION:
        version = manifest["format_version"]
        raise RunError(
            f"{file} has format version {version}, this sedspace reads up to {FORMAT_VERSION}: update sedspace"
        )
    request = Request.from_description(manifest)
    differs = difference({key: manifest[key] for key in request.description}, request.description)
    if differs is not None:
        raise RunError(f"{file} is altered: its {differs[0]} is {differs[1]}, expected {differs[2]}")
    shards = tuple(
        Written(Shard(s["file"], s["start"], s["stop"]), s["rows"], s["bytes"], s["sha256"], s.get("footer_sha256"))
        for s in manifest["shards"]
    )
    _check_shards(file, request, shards)
    totals = _totals(request, shards)
    recorded = {key: manifest[key] for key in totals}
    if recorded != totals:
        raise RunError(f"{file} is altered: {recorded} do not add up")
    _ = schema_of(request, shards[0].shard)  # nothing else in it that makes no sense
    _check_sum(file, manifest)
    return request, shards


def _check_shards(file: Location, request: Request, shards: Sequence[Written]) -> None:
    whole = len(shards) == shard_count(request) and all(map(operator.eq, shards_of(request), (w.shard for w in shards)))
    if not whole or (request.where is None and any(w.rows != w.shard.scanned for w in shards)):
        raise RunError(
            f"{file} is altered: its shards do not cover {request.start}:{request.stop} "
            f"in parts of {request.shard_rows}"
        )


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


def _check_sum(file: Location, manifest: Mapping[str, object]) -> None:
    """Compare a manifest with its own checksum, after all else: what else is wrong says more."""
    expected = manifest_sha256(manifest)
    if manifest.get(CHECKSUM, expected) != expected:
        raise RunError(f"{file} is altered: its {CHECKSUM} is {str(manifest[CHECKSUM])[:64]!r}, expected {expected}")
    strange = [] if CHECKSUM in manifest else [key for key in manifest if key not in _TYPES]
    if strange:  # the checksum's own name, damaged; older manifests have none
        raise RunError(f"{file} is altered: it has {strange[0][:100]!r}, expected {CHECKSUM}")
