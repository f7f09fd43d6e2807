"""A search held against what is known exactly: the optimum, the rank among all, the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from sedspace.counting import pareto
from sedspace.counting.distributions import integers
from sedspace.errors import BadInput
from sedspace.searching.objectives import Best, Objective, ScoreObjective, Standing


@dataclass(frozen=True)
class Judged:
    """How good what a search found is, absolutely.

    Attributes
    ----------
    rows : polars.DataFrame
        A row for each step that found something better, and the last: ``step``, ``index``, ``value``, ``regret`` (how
        far the best so far is behind the exact optimum, 0 or more), ``rank`` (exact, among all that there are: 1 + how
        many are better). Of two objectives ``step``, ``found`` (how many points of the exact front were found),
        ``front`` (how many there are) and ``hypervolume`` (of what was found by that of the front).
    optimum : Best or None
        The exact one.
    among : int or None
        How many architectures have a value.
    notes : tuple of str
        Why something is null, a line each.
    """

    rows: pl.DataFrame
    optimum: Best | None
    among: int | None
    notes: tuple[str, ...]


def judged(rows: pl.DataFrame, where: str | None, objectives: Sequence[Objective], missing: str) -> Judged:
    """Return how good the steps of a search are; `missing` says why there are no objectives, if there are none."""
    if len(objectives) > 1:
        return _by_front(rows, where, objectives)
    found = _improvements(rows)
    if not objectives:
        nothing = [pl.lit(None, pl.Float64).alias("regret"), pl.lit(None, pl.Int64).alias("rank")]
        return Judged(found.with_columns(nothing), None, None, (missing,))
    return _by_optimum(found, where, objectives[0])


def _improvements(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the steps at which the best so far became what it is, and the last, with the best so far."""
    known = rows.filter(pl.col("best").is_not_null())
    better = known.filter(pl.col("best").ne_missing(pl.col("best").shift(1))).select("step", "index", "value")
    if better.is_empty() or better["step"][-1] == rows["step"][-1]:
        return better
    last = better.tail(1).with_columns(step=pl.lit(rows["step"][-1], pl.Int64))
    return pl.concat([better, last])


def _by_optimum(found: pl.DataFrame, where: str | None, objective: Objective) -> Judged:
    notes: list[str] = []
    optimum: Best | None = None
    try:
        optimum = objective.best(where)
    except BadInput as error:
        notes.append(f"no optimum: {error}")
    regrets = [None if optimum is None else abs(optimum.value - value) for value in found["value"]]
    standing, among = _standing(objective, where, notes)
    ranks = [_rank(standing, value, notes) for value in found["value"]]
    bound = max([0, *(rank for rank in ranks if rank is not None)])
    columns = [pl.Series("regret", regrets, pl.Float64), integers("rank", ranks, bound)]  # type: ignore[arg-type]
    return Judged(found.with_columns(columns), optimum, among, tuple(dict.fromkeys(notes)))


def _standing(objective: Objective, where: str | None, notes: list[str]) -> tuple[Standing | None, int | None]:
    """Return what tells ranks, and among how many; None where nobody knows."""
    try:
        standing = objective.standing(where)
    except BadInput as error:
        notes.append(f"no rank: {error}")
        return None, None
    try:
        return standing, standing.among
    except BadInput as error:
        notes.append(f"not known among how many: {error}")
        return standing, None


def _rank(standing: Standing | None, value: float, notes: list[str]) -> int | None:
    try:
        return None if standing is None else standing.rank(value)
    except BadInput as error:
        notes.append(f"no rank: {error}")
        return None


# -- two objectives ---------------------------------------------------------------------------------------------------


def _by_front(rows: pl.DataFrame, where: str | None, objectives: Sequence[Objective]) -> Judged:
    """Return how much of the exact front was found, at each step that found more of it, and the last."""
    try:
        front = _front(where, objectives)
    except BadInput as error:
        last = rows.select("step").tail(1)
        nothing = {"found": pl.Int64, "front": pl.Int64, "hypervolume": pl.Float64}
        return Judged(
            last.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in nothing.items()), None, None,
            (f"no front: {error}",),
        )  # fmt: skip
    signs = [-1.0 if one.less else 1.0 for one in objectives]
    best = {(signs[0] * a, signs[1] * b) for a, b in front}
    worst = tuple(min(point[axis] for point in best) for axis in (0, 1))
    whole = _hypervolume(best, worst)
    seen: set[tuple[float, float]] = set()
    lines: list[tuple[int, int, int, float | None]] = []
    known = rows.drop_nulls(["value", "value_2"]).select("step", "value", "value_2")
    for step, first, second in known.iter_rows():
        point = (signs[0] * first, signs[1] * second)
        if any(one[0] >= point[0] and one[1] >= point[1] for one in seen):
            continue
        seen = {one for one in seen if not (point[0] >= one[0] and point[1] >= one[1])} | {point}
        share = _hypervolume(seen, worst) / whole if whole else None
        lines.append((step, len(seen & best), len(best), share))
    if lines and lines[-1][0] != rows["step"][-1]:
        lines.append((rows["step"][-1], *lines[-1][1:]))
    schema = {"step": pl.Int64, "found": pl.Int64, "front": pl.Int64, "hypervolume": pl.Float64}
    return Judged(pl.DataFrame(lines, schema, orient="row"), None, None, ())


def _front(where: str | None, objectives: Sequence[Objective]) -> list[tuple[float, float]]:
    """Return the exact front of two scores."""
    scores = [one.score for one in objectives if isinstance(one, ScoreObjective)]
    if len(scores) < len(objectives):
        raise BadInput("the front of what is no score is not known")
    more = [one.score for one in objectives if isinstance(one, ScoreObjective) and not one.less]
    less = [one.score for one in objectives if isinstance(one, ScoreObjective) and one.less]
    found = pareto(objectives[0].space, more, less, where=where)
    return [(float(a), float(b)) for a, b in found.select(one.name for one in objectives).iter_rows()]


def _hypervolume(points: set[tuple[float, float]], worst: tuple[float, ...]) -> float:
    """Return the area that points are better in than a point, more of both being better."""
    area, above = 0.0, worst[1]
    for first, second in sorted(points, reverse=True):
        if second > above and first > worst[0]:
            area += (first - worst[0]) * (second - above)
            above = second
    return area
