"""What a search optimises: a score, a fit, a column of a measured table."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from sedspace.counting import best_first, distribution, top_k
from sedspace.errors import BadInput
from sedspace.scores import Score, find_score, known_scores
from sedspace.searching.existing import Existing
from sedspace.spaces import Space
from sedspace.tables import check_numbers, indices_of, key_of, table_of

_LOOKED_AT = 10_000  # architectures, from the best on, that are gone through for a rank where they are not counted

Answer = TypeVar("Answer")

Found = tuple[float | None, str | None]
"""A value, or why there is none."""


@dataclass(frozen=True)
class Best:
    """What nothing is better than: a value, and the lowest index that has it."""

    value: float
    index: int


class Objective(ABC):
    """What a search optimises.

    Attributes
    ----------
    space : Space
    name : str
    less : bool
        Whether less is better.
    """

    kind: str

    def __init__(self, space: Space, name: str, less: bool) -> None:
        self.space, self.name, self.less = space, name, less
        self._known: dict[str | None, tuple[Best | BadInput, Standing | BadInput]] = {}

    @property
    def definition(self) -> dict[str, Any]:
        """All that determines its values, as plain JSON values."""
        return {"kind": self.kind, "name": self.name, "less": self.less, **self.details}

    @property
    @abstractmethod
    def details(self) -> dict[str, Any]:
        """What its values depend on, as plain JSON values."""

    @abstractmethod
    def value(self, index: int) -> Found:
        """Return the value of an architecture, or why it has none."""

    @property
    def listed(self) -> list[int] | None:
        """The only architectures that there are; None if there is no such list."""
        return None

    def best(self, where: str | None) -> Best:
        """Return the exact optimum of what meets a condition; raise `BadInput` if nobody can know it."""
        return _told(self._of(where)[0])

    def standing(self, where: str | None) -> Standing:
        """Return what tells exact ranks among what meets a condition; raise `BadInput` if nobody can know them."""
        return _told(self._of(where)[1])

    def _of(self, where: str | None) -> tuple[Best | BadInput, Standing | BadInput]:
        """Return the optimum and the ranks, looked for once."""
        if where not in self._known:
            self._known[where] = _tried(self._best, where), _tried(self._standing, where)
        return self._known[where]

    @abstractmethod
    def _best(self, where: str | None) -> Best:
        """Look for the optimum."""

    @abstractmethod
    def _standing(self, where: str | None) -> Standing:
        """Look for what tells ranks."""

    def better(self, value: float | None, than: float | None) -> bool:
        """Return whether a value is better than another, which None is worse than."""
        return value is not None and (than is None or (value < than if self.less else value > than))


def _tried(look: Callable[[str | None], Answer], where: str | None) -> Answer | BadInput:
    """Return what is found, or why nobody can know it."""
    try:
        return look(where)
    except BadInput as error:
        return error


def _told(answer: Answer | BadInput) -> Answer:
    """Return an answer; raise the reason why there is none."""
    if isinstance(answer, BadInput):
        raise answer
    return answer


class Standing(ABC):
    """Exact ranks among all architectures that there are."""

    @property
    @abstractmethod
    def among(self) -> int:
        """How many architectures have a value; raise `BadInput` if nobody knows."""

    @abstractmethod
    def rank(self, value: float) -> int:
        """Return 1 + how many architectures are better than a value; raise `BadInput` if nobody knows."""


class Counted(Standing):
    """Ranks from how often each value occurs.

    Parameters
    ----------
    values : list of float
        Ascending.
    counts : list of int
    less : bool
        Whether less is better.
    """

    def __init__(self, values: list[float], counts: list[int], less: bool) -> None:
        self._values, self._less = values, less
        self._below = [0, *accumulate(counts)]

    @property
    def among(self) -> int:
        """How many architectures have a value."""
        return self._below[-1]

    def rank(self, value: float) -> int:
        """Return 1 + how many architectures are better than a value."""
        if self._less:
            return 1 + self._below[bisect_left(self._values, value)]
        return 1 + self.among - self._below[bisect_right(self._values, value)]


class GoneThrough(Standing):
    """Ranks among the best few, one after the other, where all are too many to count.

    Parameters
    ----------
    objective : ScoreObjective
    where : str, optional
    refusal : BadInput
        Why they cannot be counted.
    """

    def __init__(self, objective: ScoreObjective, where: str | None, refusal: BadInput) -> None:
        self._objective, self._refusal = objective, refusal
        self._end: BadInput | None = None  # why nobody can go on from what was seen
        self._left = best_first(objective.space, objective.score, where=where, ascending=objective.less)
        self._seen: list[float] = []

    @property
    def among(self) -> int:
        """How many architectures have a value: nobody knows."""
        raise self._refusal

    def rank(self, value: float) -> int:
        """Return 1 + how many architectures are better; raise `BadInput` if they are too many to go through."""
        better = self._objective.better
        while not self._seen or better(self._seen[-1], value):
            if self._end is not None:
                raise self._end
            if not self._sees_another():
                break
        return 1 + sum(better(one, value) for one in self._seen)

    def _sees_another(self) -> bool:
        """Go on to the next best, or to the end."""
        try:
            if len(self._seen) == _LOOKED_AT:
                raise BadInput(f"over {_LOOKED_AT:,} are better, and all cannot be counted: {self._refusal}")
            one = next(self._left, None)
        except BadInput as error:
            self._end = error
            return True
        if one is not None:
            self._seen.append(one[1])
        return one is not None


def found(value: float) -> Found:
    """Return a number as a value; what is none has a reason instead."""
    return (value, None) if math.isfinite(value) else (None, f"the value is {value}")


class ScoreObjective(Objective):
    """A score, or a fit, which is one.

    Parameters
    ----------
    space : Space
    score : Score
    less : bool
    """

    kind = "score"

    def __init__(self, space: Space, score: Score, less: bool) -> None:
        super().__init__(space, score.name, less)
        self.score = score
        self._lookup = score.lookup(space)

    @property
    def details(self) -> dict[str, Any]:
        """What the score was made with."""
        return {"parameters": {name: str(value) for name, value in self.score.parameters.items()}}

    def value(self, index: int) -> Found:
        """Return the value of an architecture; there is none where the score has no number, or refuses."""
        try:
            return found(float(self.score.values(self._lookup(self.space.digits(index)[None]))[0]))
        except BadInput as error:
            return None, str(error)

    def _best(self, where: str | None) -> Best:
        first = top_k(self.space, 1, self.score, where=where, ascending=self.less)
        if first.is_empty():
            raise BadInput(f"no architecture of {self.space.name} that there is has a {self.name}")
        return Best(float(first[self.name].item()), int(first["index"].item()))

    def _standing(self, where: str | None) -> Standing:
        try:
            every = distribution(self.space, self.score, where=where)
        except BadInput as refusal:
            return GoneThrough(self, where, refusal)
        return Counted(every.values.astype(np.float64).tolist(), every.counts, self.less)


class TableObjective(Objective):
    """A column of a table: what is not in it does not exist, and what has no number there has no value.

    Parameters
    ----------
    space : Space
    table : polars.DataFrame, or path of a Parquet or CSV file
        With ``arch`` or ``index``; of an architecture that stands there more than once the mean counts.
    column : str
    less : bool
    """

    kind = "table"

    def __init__(self, space: Space, table: pl.DataFrame | str | Path, column: str, less: bool) -> None:
        super().__init__(space, column, less)
        given = table_of(table)
        key_of(given)
        check_numbers(given, column)
        self.path = None if isinstance(table, pl.DataFrame) else str(table)
        indices, _ = indices_of(given, space, "refuse")
        self._values = _means(indices, given[column].cast(pl.Float64).to_list())

    @property
    def listed(self) -> list[int]:
        """The architectures that stand in the table, ascending."""
        return sorted(self._values)

    @cached_property
    def details(self) -> dict[str, Any]:
        """How many architectures there are, and a checksum of them and their values."""
        text = "".join(f"{index} {self._values[index]}\n" for index in self.listed)
        return {"rows": len(self._values), "sha256": hashlib.sha256(text.encode()).hexdigest()}

    def value(self, index: int) -> Found:
        """Return what was measured."""
        value = self._values[index]
        return (None, "the table has no number") if value is None else found(value)

    def _best(self, where: str | None) -> Best:
        values = self._with_value(where)
        value = (min if self.less else max)(values.values())
        return Best(value, min(index for index, one in values.items() if one == value))

    def _standing(self, where: str | None) -> Standing:
        values = sorted(self._with_value(where).values())
        return Counted(values, [1] * len(values), self.less)

    def _with_value(self, where: str | None) -> dict[int, float]:
        """Return what has a value and meets a condition, by index."""
        every = {index: one for index, one in self._values.items() if one is not None and math.isfinite(one)}
        kept = Existing(self.space, where).among([*every])
        if not kept:
            raise BadInput(f"no architecture of the table that there is has a {self.name}")
        return {index: every[index] for index in kept}


def _means(indices: list[int | None], values: list[float | None]) -> Mapping[int, float | None]:
    """Return the mean value of each architecture; None if it has none."""
    every: dict[int, list[float]] = {}
    for index, value in zip(indices, values, strict=True):
        if index is not None:
            every.setdefault(index, []).extend([] if value is None else [value])
    return {index: (math.fsum(found) / len(found) if found else None) for index, found in every.items()}


def objective_of(
    space: Space, given: str | Score | Objective, less: bool, table: pl.DataFrame | str | Path | None = None
) -> Objective:
    """Return what a search is to optimise: a score of a space by its name, or a column of a table."""
    if isinstance(given, Objective):
        return given
    if table is not None:
        if not isinstance(given, str):
            raise BadInput(f"objective {given!r} beside a table: expected the name of a column")
        return TableObjective(space, table, given, less)
    return ScoreObjective(space, find_score(space, given), less)


def of_definition(space: Space, definition: Mapping[str, Any], table: str | None) -> Objective:
    """Return the objective that a file describes; raise `BadInput` if it is not to be had here."""
    name, less = definition["name"], bool(definition["less"])
    if definition["kind"] == "table":
        if table is None:
            raise BadInput(f"the table with {name} was given as a frame: judge what the search returned")
        made: Objective = TableObjective(space, table, name, less)
    elif definition["kind"] == "score" and name in known_scores(space):
        made = ScoreObjective(space, find_score(space, name, definition["parameters"]), less)
    else:
        raise BadInput(f"{space.name} has no score {name} here: register it, or give --scores")
    if made.definition != definition:
        raise BadInput(f"{name} is not what it was when it was searched by: its values are others here")
    return made
