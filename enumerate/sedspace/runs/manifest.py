"""What a manifest holds, and its checksum."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from types import NoneType
from typing import Any

from sedspace.errors import RunError
from sedspace.runs.shards import SHARD_NAME
from sedspace.storage import Location

CHECKSUM = "manifest_sha256"

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


def manifest_sha256(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest but for its own: of its JSON in ASCII, keys sorted, without spaces."""
    content = {key: value for key, value in manifest.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def check_types(manifest: Any) -> None:
    """Raise `TypeError` if a manifest does not hold what it should."""
    _check(manifest, _TYPES, "")


def _check(given: Any, expected: Any, where: str) -> None:
    if isinstance(expected, tuple):
        kinds, fits = expected
        known = kinds if isinstance(kinds, tuple) else (kinds,)
        if type(given) not in known or not (fits is None or fits(given)):  # True is no number here
            raise TypeError(f"its{where} is {str(given)[:100]!r}")
    elif isinstance(expected, list):
        _check(given, (list, None), where)
        for number, one in enumerate(given):
            _check(one, expected[0], f"{where} {number}")
    else:
        _check(given, (dict, None), where)
        for key, value in expected.items():
            _check(given.get(key), value, f"{where} {key}")


def check_sum(path: Location, manifest: Mapping[str, Any]) -> None:
    """Compare a manifest with its own checksum, after all else: what else is wrong says more."""
    expected = manifest_sha256(manifest)
    if manifest.get(CHECKSUM, expected) != expected:
        raise RunError(f"{path} is altered: its {CHECKSUM} is {str(manifest[CHECKSUM])[:64]!r}, expected {expected}")
    strange = [] if CHECKSUM in manifest else [key for key in manifest if key not in _TYPES]
    if strange:  # the checksum's own name, damaged; older manifests have none
        raise RunError(f"{path} is altered: it has {strange[0][:100]!r}, expected {CHECKSUM}")
