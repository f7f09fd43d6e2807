"""What a run is asked to hold: a space, a range of it, columns. Its description goes into every file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sedspace.condition import Condition
from sedspace.errors import BadInput, unknown
from sedspace.polars_namespace import arch_array
from sedspace.runs.sharding import SHARD_ROWS, rows_per_shard
from sedspace.scores import Score, default_columns, find_score, known_scores, passing, score_columns
from sedspace.scores.evaluate import at_least_one
from sedspace.scores.vocabulary import condition_on
from sedspace.spaces import Space, described
from sedspace.spaces import space as find_space
from sedspace.spaces.radix import INT64_END
from sedspace.version import __version__

FORMAT_VERSION = 1
ROW_GROUP_ROWS = 250_000
METADATA_KEY = b"sedspace"

_INDEX = ("index", "int64", "1", "the architecture's digits read as a mixed-radix number, first position leading")
_ARCH = ("arch", "string", "", "the architecture as the field writes it")


@dataclass(frozen=True)
class Column:
    """One column of a run; `score` is None for ``index``, ``arch`` and other texts."""

    name: str
    dtype: str
    unit: str
    meaning: str
    score: Score | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """Return the column as the manifest records it."""
        out: dict[str, Any] = {"name": self.name, "dtype": self.dtype, "unit": self.unit, "meaning": self.meaning}
        if self.parameters:
            out["parameters"] = dict(self.parameters)
        return out

    def field(self) -> pa.Field:
        """Return the column as a field of an Arrow schema."""
        dtype = pa.string() if self.dtype == "string" else pa.from_numpy_dtype(np.dtype(self.dtype))
        return pa.field(self.name, dtype, nullable=False, metadata={"unit": self.unit, "meaning": self.meaning})


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
    def make(
        cls,
        space: str | Space,
        columns: Sequence[str | Score] | None,
        start: int,
        stop: int | None,
        shard_rows: int | None,
        where: str | None = None,
    ) -> Request:
        """Check a request and return it.

        Without `shard_rows`, a million; with a condition what `rows_per_shard` says.

        Raises
        ------
        BadInput
            If a name is unknown, a column stands twice, the range is empty or not within the space, an index of it
            does not fit int64, `shard_rows` is below 1, or `where` is no condition on scores of the space.
        """
        space = find_space(space)
        start, stop = space.check_range(start, stop)
        if start == stop:
            raise BadInput(f"range {start}:{stop} of {space.name} is empty: expected start < stop")
        rows = SHARD_ROWS if shard_rows is None else at_least_one(shard_rows, "shard-rows")
        if stop > INT64_END:
            raise BadInput(
                f"range {start}:{stop} of {space.name}: a run's index column is int64, so --range must end at "
                f"{INT64_END} or before"
            )
        request = cls(space, _columns(space, columns), start, stop, rows, where)
        condition = request.condition  # a bad one is refused here
        first = space.digits([start])
        for column in request.columns:  # and so is a score that is not of this space
            if column.score is not None:
                column.score.values(column.score.at(space, first))
        if shard_rows is None and condition is not None:
            rows = rows_per_shard(space, condition, request._needed(condition), start, stop)
        return replace(request, shard_rows=rows)

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Request:
        """Return the request that `describe` described.

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
    def description(self) -> dict[str, Any]:
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
    def condition(self) -> Condition | None:
        """What a row must meet to be written: see `sedspace.scores.vocabulary.condition_on`."""
        return None if self.where is None else self._condition_and_needed[0]

    @cached_property
    def _condition_and_needed(self) -> tuple[Condition, dict[str, Score]]:
        return condition_on(self.space, str(self.where), self._scores())

    def _needed(self, condition: Condition) -> list[Score]:
        """Return the scores that the condition names."""
        return list(self._condition_and_needed[1].values())

    def _scores(self) -> dict[str, Score]:
        return {column.name: column.score for column in self.columns if column.score is not None}

    @property
    def scanned(self) -> int:
        """The number of architectures that are looked at; without a condition all of them are rows."""
        return self.stop - self.start

    @property
    def shard_count(self) -> int:
        """The number of shards."""
        return -(-self.scanned // self.shard_rows)

    def shard(self, number: int) -> Shard:
        """Return a shard by its number."""
        start = self.start + number * self.shard_rows
        width = max(5, len(str(self.shard_count)))
        name = f"part-{number:0{width}d}-of-{self.shard_count:0{width}d}.parquet"
        return Shard(name, start, min(start + self.shard_rows, self.stop))

    def shards(self) -> Iterator[Shard]:
        """Yield the shards in order."""
        return (self.shard(number) for number in range(self.shard_count))

    def schema(self, shard: Shard) -> pa.Schema:
        """Return a shard's Arrow schema, which carries the whole request: a lone file explains itself."""
        about = {**self.description, "shard": {"start": shard.start, "stop": shard.stop}}
        text = json.dumps(about, separators=(",", ":"))
        return pa.schema([column.field() for column in self.columns], metadata={METADATA_KEY: text.encode()})

    def tables(self, schema: pa.Schema, start: int, stop: int) -> Iterator[pa.Table]:
        """Yield the rows of a range as Arrow tables of ROW_GROUP_ROWS rows each, the last one shorter."""
        scores = self._scores()
        if self.condition is None:
            for lo in range(start, stop, ROW_GROUP_ROWS):
                hi = min(lo + ROW_GROUP_ROWS, stop)
                values = score_columns(self.space, list(scores.values()), lo, hi)
                yield self._table(schema, {"index": np.arange(lo, hi, dtype=np.int64), **values})
            return
        needed = self._needed(self.condition)
        waiting = schema.empty_table()
        for values in passing(self.space, list(scores.values()), self.condition, needed, start, stop):
            waiting = pa.concat_tables([waiting, self._table(schema, values)]).combine_chunks()
            while waiting.num_rows >= ROW_GROUP_ROWS:
                yield waiting.slice(0, ROW_GROUP_ROWS)
                waiting = waiting.slice(ROW_GROUP_ROWS)
        if waiting.num_rows:
            yield waiting

    def _table(self, schema: pa.Schema, values: dict[str, NDArray[Any]]) -> pa.Table:
        arrays: dict[str, Any] = dict(values)
        if "arch" in schema.names:
            arrays["arch"] = arch_array(self.space, values["index"])
        for name, text in self.space.texts.items():
            if name in schema.names:
                arrays[name] = text.of(values["index"])
        return pa.Table.from_arrays([pa.array(arrays[name]) for name in schema.names], schema=schema)


@dataclass(frozen=True)
class Shard:
    """One file of a run: the rows of one range of indices."""

    name: str
    start: int
    stop: int

    @property
    def scanned(self) -> int:
        """The number of architectures that are looked at."""
        return self.stop - self.start


def difference(found: Any, wanted: Any, where: str = "") -> tuple[str, Any, Any] | None:
    """Return the first place where two JSON values differ, what is there and what is wanted; None if nowhere."""
    if found == wanted:
        return None
    parts: list[tuple[Any, Any, Any]] = []
    if isinstance(found, dict) and isinstance(wanted, dict) and wanted.keys() == found.keys():
        parts = [(key, found[key], value) for key, value in wanted.items()]
    elif isinstance(found, list) and isinstance(wanted, list):
        names = [[one["name"] if isinstance(one, dict) else one for one in side] for side in (found, wanted)]
        if names[0] != names[1]:
            return where, names[0], names[1]
        parts = list(zip(names[0], found, wanted, strict=True))
    deeper = (difference(there, here, f"{where} {name}".strip()) for name, there, here in parts)
    return next((differs for differs in deeper if differs), (where, found, wanted))


def _columns(space: Space, columns: Sequence[str | Score] | None) -> tuple[Column, ...]:
    if isinstance(columns, str):
        raise BadInput(f"columns {columns!r} is one string: expected a sequence of names")
    if not isinstance(columns, Iterable | None):
        raise BadInput(f"columns {columns!r}: expected a sequence of names")
    wanted = list(default_columns(space) if columns is None else columns)
    names = [one.name if isinstance(one, Score) else one for one in wanted]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"column {name!r} is asked for twice")
    if "index" not in names:  # a row without it could not be told from another
        wanted.insert(0, "index")
    return tuple(_column(space, one) for one in wanted)


def _column(space: Space, wanted: str | Score) -> Column:
    if not isinstance(wanted, str | Score):
        raise BadInput(f"column {wanted!r}: expected a name or a Score")
    if wanted == "index":
        return Column(*_INDEX)
    if wanted == "arch":
        return Column(*_ARCH)
    if wanted in space.texts:
        return Column(str(wanted), "string", "", space.texts[str(wanted)].meaning)
    if isinstance(wanted, str) and wanted not in (known := known_scores(space)):
        raise unknown("column", wanted, ["index", "arch", *space.texts, *known])
    score = find_score(space, wanted)
    if score.name in space.texts:
        raise BadInput(f"column {score.name!r} is a text of {space.name}: choose another name for your score")
    own = known_scores(space).get(score.name)
    if own is not None and own is not score and own.parameters.keys() != score.parameters.keys():
        raise BadInput(f"column {score.name!r}: another score has that name, choose another for yours")
    return Column(score.name, score.dtype, score.unit, score.meaning, score, score.parameters)


def _score_of(space: Space, described: Mapping[str, Any]) -> Score | None:
    parameters = described.get("parameters")
    try:
        score = find_score(space, described["name"], parameters)
    except BadInput:
        return None
    return score if score.dtype == described["dtype"] else None
