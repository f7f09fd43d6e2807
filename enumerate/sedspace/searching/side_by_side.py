"""Several searches of one question, side by side."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from sedspace.counting.distributions import integers
from sedspace.errors import BadInput
from sedspace.searching.judged import Judged
from sedspace.searching.trajectory import Trajectory


@dataclass(frozen=True)
class Question:
    """What several searches were asked alike: the same objectives, of the same space, under the same condition.

    Attributes
    ----------
    searches : list of Trajectory
    judged : list of Judged
        How good each is.
    """

    searches: list[Trajectory]
    judged: list[Judged]

    @property
    def by_name(self) -> dict[str, list[tuple[Trajectory, Judged]]]:
        """The searches by algorithm and options; of one name they differ in the seed."""
        out: dict[str, list[tuple[Trajectory, Judged]]] = {}
        for both in zip(self.searches, self.judged, strict=True):
            out.setdefault(both[0].setting.name, []).append(both)
        return out


def questions(searches: Iterable[Trajectory]) -> list[Question]:
    """Return searches by what they were asked, in order; what is exact is looked for once."""
    same: dict[str, list[Trajectory]] = {}
    for one in searches:
        setting = asdict(one.setting)
        same.setdefault(repr([setting[name] for name in ("space", "objectives", "where")]), []).append(one)
    out = []
    for alike in same.values():
        known = next((one for one in alike if one.objectives), alike[0])
        shared = [replace(one, objectives=known.objectives, missing=known.missing) for one in alike]
        out.append(Question(shared, [one.judge() for one in shared]))
    return out


def compare_searches(searches: Sequence[Trajectory]) -> pl.DataFrame:
    """Return how good searches of one question are, a row for each algorithm: medians over the seeds.

    Parameters
    ----------
    searches : sequence of Trajectory
        Of one space, by the same objective and condition.

    Returns
    -------
    polars.DataFrame
        ``algorithm``, ``searches`` (how many seeds), ``steps``, ``value``, ``regret``, ``rank`` and ``seconds``; of two
        objectives ``found``, ``front`` and ``hypervolume`` for value, regret and rank. The median of an even number is
        the lower one, so that it is some search's. Least regret first.

    Raises
    ------
    BadInput
        If there are none, or they were asked different questions.

    Examples
    --------
    >>> import sedspace as ss
    >>> names = ("random", "local")
    >>> found = [ss.search("tss5", "sed", one, 300, seed, progress=False) for one in names for seed in (1, 2, 3)]
    >>> ss.compare_searches(found)["algorithm"].to_list()
    ['local', 'random']
    """
    asked = questions(searches)
    if len(asked) != 1:
        raise BadInput(f"{len(asked)} questions: expected searches of one space by one objective and condition")
    return compared(asked[0])


def compared(question: Question) -> pl.DataFrame:
    """Return what `compare_searches` does."""
    rows: list[dict[str, Any]] = []
    for name, runs in question.by_name.items():
        last = [judged.rows.row(-1, named=True) for _, judged in runs if not judged.rows.is_empty()]
        row = {"algorithm": name, "searches": len(runs), "steps": _median([len(one.rows) for one, _ in runs])}
        measures = [column for column in question.judged[0].rows.columns if column not in ("step", "index")]
        row |= {measure: _median([_number(one[measure]) for one in last]) for measure in measures}
        rows.append({**row, "seconds": _median([float(one.rows["seconds"].sum()) for one, _ in runs])})
    frame = pl.DataFrame([_column(name, [row[name] for row in rows]) for name in rows[0]])
    order = ("regret", False) if "regret" in frame.columns else ("hypervolume", True)
    return frame.sort(order[0], descending=order[1], nulls_last=True, maintain_order=True)


def _column(name: str, values: list[Any]) -> pl.Series:
    if name == "rank":
        return integers(name, values, max([0, *(value for value in values if value is not None)]))
    return pl.Series(name, values)


def _number(value: float | int | str | None) -> float | int | None:
    return int(value) if isinstance(value, str) else value  # ranks beyond 128 bits are text


def _median(values: Sequence[float | int | None]) -> float | int | None:
    """Return the lower median of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return statistics.median_low(known) if known else None
