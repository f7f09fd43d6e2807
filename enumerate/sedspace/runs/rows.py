"""The rows of a request, computed: which architectures pass, and what is written of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sedspace.condition import Condition
from sedspace.polars_namespace import arch_array
from sedspace.runs.request import Request
from sedspace.scores import Score, passing, score_columns
from sedspace.scores.base import Values
from sedspace.scores.vocabulary import condition_on
from sedspace.spaces import Space

ROW_GROUP_ROWS = 250_000


@dataclass(frozen=True)
class Filter:
    """What a row must meet to be written: a condition, and the scores that it names."""

    condition: Condition
    needed: list[Score]


def filter_of(request: Request) -> Filter | None:
    """Return what the rows of a request must meet, None if all are written.

    Raises
    ------
    BadInput
        If it is no condition on the space and the columns, or needs a score that is not registered here.
    """
    if request.where is None:
        return None
    condition, needed = condition_on(request.space, request.where, {score.name: score for score in request.scores})
    return Filter(condition, list(needed.values()))


def tables(request: Request, schema: pa.Schema, start: int, stop: int) -> Iterator[pa.Table]:
    """Yield the rows of a range as Arrow tables of ROW_GROUP_ROWS rows each, the last one shorter."""
    passes = filter_of(request)
    if passes is None:
        for lo in range(start, stop, ROW_GROUP_ROWS):
            hi = min(lo + ROW_GROUP_ROWS, stop)
            values = score_columns(request.space, request.scores, lo, hi)
            yield _table(request.space, schema, {"index": np.arange(lo, hi, dtype=np.int64), **values})
        return
    waiting = schema.empty_table()
    for values in passing(request.space, request.scores, passes.condition, passes.needed, start, stop):
        waiting = pa.concat_tables([waiting, _table(request.space, schema, values)]).combine_chunks()
        while waiting.num_rows >= ROW_GROUP_ROWS:
            yield waiting.slice(0, ROW_GROUP_ROWS)
            waiting = waiting.slice(ROW_GROUP_ROWS)
    if waiting.num_rows:
        yield waiting


def _table(space: Space, schema: pa.Schema, values: Mapping[str, Values]) -> pa.Table:
    arrays: dict[str, object] = dict(values)
    indices = values["index"].astype(np.int64, copy=False)
    if "arch" in schema.names:
        arrays["arch"] = arch_array(space, indices)
    for name, text in space.texts.items():
        if name in schema.names:
            arrays[name] = text.of(indices)
    return pa.Table.from_arrays([pa.array(arrays[name]) for name in schema.names], schema=schema)
