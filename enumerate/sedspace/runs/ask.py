"""Asking for a run: a checked request, of what a user gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sedspace.dtypes import TEXT
from sedspace.errors import COLUMNS, BadInput, at_least_one, unknown
from sedspace.runs.division import SHARD_ROWS, rows_per_shard
from sedspace.runs.request import Column, Request
from sedspace.runs.rows import filter_of
from sedspace.scores import Score, default_columns, find_score, known_scores
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.radix import INT64_END

_INDEX = ("index", "int64", "1", "the architecture's digits read as a mixed-radix number, first position leading")
_ARCH = ("arch", TEXT, "", "the architecture as the field writes it")


def request_of(
    space: str | Space,
    columns: Sequence[str | Score] | None,
    start: int,
    stop: int | None,
    shard_rows: int | None,
    where: str | None = None,
) -> Request:
    """Check what is asked for and return the request.

    Without `shard_rows`, a million; with a condition what `rows_per_shard` says.

    Raises
    ------
    BadInput
        If a name is unknown, a column stands twice, the range is empty or not within the space, an index of it does not
        fit int64, `shard_rows` is below 1, or `where` is no condition on scores of the space.

    Examples
    --------
    >>> request_of("tss", ["sed"], 0, 100, None).description["range"]
    {'start': 0, 'stop': 100}
    """
    space = find_space(space)
    start, stop = space.check_range(start, stop)
    if start == stop:
        raise BadInput(f"range {start}:{stop} of {space.name} is empty: expected start < stop")
    rows = SHARD_ROWS if shard_rows is None else at_least_one(shard_rows, "shard-rows")
    if stop > INT64_END:
        raise BadInput(
            f"range {start}:{stop} of {space.name}: a run's index column is int64, so --range must end at "
            f"{INT64_END} or before; top, census, pareto and sample answer about the whole space without a run"
        )
    request = Request(space, _columns(space, columns), start, stop, rows, where)
    chosen = filter_of(request)  # a bad one is refused here
    first = space.digits([start])
    for score in request.scores:  # and so is a score that is not of this space
        score.values(score.at(space, first))
    if shard_rows is None and chosen is not None:
        rows = rows_per_shard(space, chosen.condition, chosen.needed, start, stop)
    return replace(request, shard_rows=rows)


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
        return Column(str(wanted), TEXT, "", space.texts[str(wanted)].meaning)
    if isinstance(wanted, str) and wanted not in (known := known_scores(space)):
        raise unknown("column", wanted, ["index", "arch", *space.texts, *known], COLUMNS)
    score = find_score(space, wanted)
    if score.name in space.texts:
        raise BadInput(f"column {score.name!r} is a text of {space.name}: choose another name for your score")
    own = known_scores(space).get(score.name)
    if own is not None and own is not score and own.parameters.keys() != score.parameters.keys():
        raise BadInput(f"column {score.name!r}: another score has that name, choose another for yours")
    return Column(score.name, score.dtype, score.unit, score.meaning, score, score.parameters)
