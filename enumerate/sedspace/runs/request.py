"""What a run is asked to hold: a space, a range of it, columns. Its description goes into every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from sedspace.errors import BadInput
from sedspace.scores import Score, find_score
from sedspace.spaces import Space, described
from sedspace.version import __version__

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Column:
    """One column of a run; `score` is None for ``index``, ``arch`` and other texts."""

    name: str
    dtype: str
    unit: str
    meaning: str
    score: Score | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> dict[str, object]:
        """Return the column as the manifest records it."""
        out: dict[str, object] = {"name": self.name, "dtype": self.dtype, "unit": self.unit, "meaning": self.meaning}
        if self.parameters:
            out["parameters"] = dict(self.parameters)
        return out


@dataclass(frozen=True)
class Request:
    """Everything that determines the bytes of a run."""

    space: Space
    columns: tuple[Column, ...]
    start: int
    stop: int
    shard_rows: int
    where: str | None = None
    sedspace_version: str = __version__
    pyarrow_version: str = pa.__version__

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Request:
        """Return the request that a `description` is of.

        A column that this process cannot compute (a user's score that is not registered here) is kept, without score.
        """
        space = described(description["space"])
        columns = tuple(
            Column(c["name"], c["dtype"], c["unit"], c["meaning"], _score_of(space, c), c.get("parameters", {}))
            for c in description["columns"]
        )
        limits = description["range"]
        return cls(
            space,
            columns,
            limits["start"],
            limits["stop"],
            description["shard_rows"],
            description["where"],
            description["sedspace_version"],
            description["pyarrow_version"],
        )

    @cached_property
    def description(self) -> dict[str, object]:
        """The request as plain JSON values: what the manifest records and what resuming compares."""
        return {
            "format_version": FORMAT_VERSION,
            "sedspace_version": self.sedspace_version,
            "pyarrow_version": self.pyarrow_version,
            "space": self.space.describe(),
            "columns": [column.describe() for column in self.columns],
            "range": {"start": self.start, "stop": self.stop},
            "where": self.where,
            "shard_rows": self.shard_rows,
        }

    @property
    def scores(self) -> list[Score]:
        """The scores among its columns."""
        return [column.score for column in self.columns if column.score is not None]

    @property
    def scanned(self) -> int:
        """The number of architectures that are looked at; without a condition all of them are rows."""
        return self.stop - self.start


def difference(found: object, wanted: object, where: str = "") -> tuple[str, object, object] | None:
    """Return the first place where two JSON values differ, what is there and what is wanted; None if nowhere."""
    if found == wanted:
        return None
    parts: list[tuple[object, object, object]] = []
    if isinstance(found, dict) and isinstance(wanted, dict) and wanted.keys() == found.keys():
        parts = [(key, found[key], value) for key, value in wanted.items()]
    elif isinstance(found, list) and isinstance(wanted, list):
        names = [[one["name"] if isinstance(one, dict) else one for one in side] for side in (found, wanted)]
        if names[0] != names[1]:
            return where, names[0], names[1]
        parts = list(zip(names[0], found, wanted, strict=True))
    deeper = (difference(there, here, f"{where} {name}".strip()) for name, there, here in parts)
    return next((differs for differs in deeper if differs), (where, found, wanted))


def _score_of(space: Space, described: Mapping[str, Any]) -> Score | None:
    parameters = described.get("parameters")
    try:
        score = find_score(space, described["name"], parameters)
    except BadInput:
        return None
    return score if score.dtype == described["dtype"] else None
