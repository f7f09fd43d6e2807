"""A fit as one file: NumPy's archive of arrays, without pickle, and what is known of the fit as JSON within it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput, SedspaceError, as_path
from sedspace.learning.judged import as_judgement
from sedspace.learning.measured import Measured
from sedspace.spaces import described
from sedspace.storage import LocalPath, read_given
from sedspace.version import __version__

if TYPE_CHECKING:
    from sedspace.learning.fitted import About

ENDING = ".score"
FORMAT = 2
"""Of the file: what it holds, and what the names in it mean."""

Arrays = dict[str, NDArray[Any]]
"""What a file holds beside the JSON, by name."""


def as_bytes(about: About, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the file of a fit: the same bytes for the same."""
    measured = about.measured
    whole = {
        **arrays,
        "measured_index": np.array([str(index) for index in measured.indices.tolist()]),
        "measured_value": measured.values,
    }
    judgement = None if about.judgement is None else about.judgement.to_dict(as_series=False)
    said = {
        "format": FORMAT,
        "sedspace_version": __version__,
        "name": about.name,
        "column": measured.column,
        "space": measured.space.describe(),
        "model": about.model,
        "features": about.features,
        "prior": about.prior,
        "seed": about.seed,
        "notes": about.notes,
        "judgement": judgement,
        "sha256": _digest(whole),
    }
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(said).encode(), np.uint8)
    parts: dict[str, Any] = {"about": text, **whole}
    np.savez_compressed(file, **parts)
    return file.getvalue()


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def write(path: str | Path, data: bytes) -> None:
    """Write the file of a fit, whole or not at all; raise `BadInput` unless its name ends in ``.score``."""
    file = as_path(path, "fit")
    if file.suffix != ENDING:
        raise BadInput(f"fit {file}: expected a name that ends in {ENDING}")
    try:
        LocalPath(file).write(data)
    except OSError as error:
        raise BadInput(f"fit {file} cannot be written: {error.strerror or error}") from None


def read(path: str | Path) -> tuple[dict[str, Any], Measured, Arrays]:
    """Return what a file says of a fit, what that was learned from, and its arrays.

    Raises
    ------
    BadInput
        If it is no such file, is damaged, or is of another version or of a space that nobody knows.
    """
    file = as_path(path, "fit")
    if not file.exists():
        raise BadInput(f"fit {file} is not there: expected a file that fit has written")
    return parsed(read_given(LocalPath(file)), f"fit {file}")


def parsed(data: bytes, what: str) -> tuple[dict[str, Any], Measured, Arrays]:
    """Return what the bytes of a file hold, as `read` does; `what` is what errors call it."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        said = json.loads(arrays.pop("about").tobytes())
        version = said["format"]
    except Exception as error:  # a damaged header can be anything, to NumPy and to what it is read with
        raise BadInput(f"{what} is none, or damaged: {str(error).splitlines()[0] if str(error) else 'empty'}") from None
    if version != FORMAT:
        raise BadInput(
            f"{what} is of format {version}, written by sedspace {said.get('sedspace_version')}, and this one, "
            f"{__version__}, reads format {FORMAT}: fit again"
        )
    if _digest(arrays) != said.get("sha256"):
        raise BadInput(f"{what} is damaged: its arrays have another checksum than it says")
    try:
        space = described(said["space"])
        if space.describe() != said["space"]:
            raise BadInput(f"{space.name} is another space here")
        indices = [int(index) for index in arrays.pop("measured_index").tolist()]
        whole = np.array(indices, np.int64 if space.size <= 1 << 63 else object)
        measured = Measured(space, said["column"], whole, arrays.pop("measured_value"))
    except SedspaceError as error:
        raise BadInput(f"{what}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{what} is none: {error!r}") from None
    said["judgement"] = None if said["judgement"] is None else as_judgement(said["judgement"])
    return said, measured, arrays
