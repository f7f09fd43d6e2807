"""What is asked of a space whose classes are too many to count: scores to optimise, within bounds of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sedspace.condition import Condition
from sedspace.counting.compiled import TooManyClasses
from sedspace.scores import AdditiveScore, Score
from sedspace.scores.vocabulary import condition_on
from sedspace.spaces import Space

_POINTS = 1024  # keys that a condition is asked about at once


@dataclass(frozen=True)
class Aim:
    """A score of which more or less is better.

    Attributes
    ----------
    score : AdditiveScore
        It says how it goes with each of its sums (`monotone`).
    sign : int
        1 if more is better, else -1.
    limit : int, optional
        Of a bound: ``sign * key`` must reach it, and is all the same beyond. None: to be optimised.
    """

    score: AdditiveScore
    sign: int
    limit: int | None = None


@dataclass(frozen=True)
class Request:
    """What is looked for in a space.

    Attributes
    ----------
    space : Space
    aims : list of Aim
        Objectives first, then bounds.
    allowed : dict of int to bool[choices]
        The positions that may not be filled with everything.
    """

    space: Space
    aims: list[Aim]
    allowed: dict[int, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What is asked for, as errors say it."""
        return f"{self.space.name} by {', '.join(dict.fromkeys(aim.score.name for aim in self.aims))}"


def request(
    space: Space, objectives: Sequence[tuple[Score, int]], where: str | None, refusal: TooManyClasses
) -> Request:
    """Return a request for what is best by some objectives and meets a condition.

    Parameters
    ----------
    space : Space
    objectives : sequence of tuple of Score and int
        Scores and signs, as `Aim` has them.
    where : str, optional
        Bounds on scores, and conditions on single positions, joined by AND.
    refusal : TooManyClasses
        What to raise if it cannot be answered without counting classes.
    """
    aims = [Aim(monotone(space, score, refusal), sign) for score, sign in objectives]
    asked = Request(space, aims)
    if where is not None:
        condition, scores = condition_on(space, where, {score.name: score for score, _ in objectives})
        for part in condition.parts():
            add_condition(asked, part, scores, refusal)
    return asked


def bound(
    asked: Request,
    score: Score,
    sign: int,
    holds: Callable[[NDArray[np.number]], NDArray[np.bool_]],
    refusal: TooManyClasses,
) -> float:
    """Add a bound to a request: a condition that values meet from some key on, or (sign -1) up to some key.

    Returns
    -------
    float
        A value that no architecture's is below.
    """
    additive = monotone(asked.space, score, refusal)
    if not _is_whole(asked.space, additive):
        raise refusal
    low, high = map(int, extremes(asked.space, additive))
    lo, hi = (low, high + 1) if sign > 0 else (-high, -low + 1)  # the last: no key will do
    while lo < hi:
        points = np.array(sorted({lo + (hi - 1 - lo) * i // _POINTS for i in range(_POINTS + 1)}), np.int64)
        met = holds(score.values(sign * points))
        first = int(np.argmax(met)) if met.any() else len(points)
        lo = int(points[first - 1]) + 1 if first else lo
        hi = int(points[first]) if first < len(points) else hi
    asked.aims.append(Aim(additive, sign, lo))
    return float(score.values(np.array([low]))[0])


def add_condition(asked: Request, part: Condition, scores: Mapping[str, Score], refusal: TooManyClasses) -> None:
    """Add to a request what a part of a condition asks for, one that no AND divides."""
    name = part.names[0] if len(part.names) == 1 else ""
    if name in part.choices:
        position = [one.name for one in asked.space.positions].index(name)
        allowed = part.holds({name: np.arange(len(asked.space.positions[position].choices))})
        asked.allowed[position] = asked.allowed.get(position, True) & allowed
        return
    if not (bounds := part.bounds()):
        raise refusal
    for sign, one in bounds:
        bound(asked, scores[name], sign, partial(_holds, one, name), refusal)


def _holds(condition: Condition, name: str, values: NDArray[np.number]) -> NDArray[np.bool_]:
    return condition.holds({name: values})


def monotone(space: Space, score: Score, refusal: TooManyClasses) -> AdditiveScore:
    """Return a score if it says how it goes with its sums; several cells' must be whole numbers to be added exactly."""
    if not isinstance(score, AdditiveScore) or score.monotone is None:
        raise refusal
    if score.per_group and len(space.groups) > 1 and not _is_whole(space, score):
        raise refusal
    return score


def _is_whole(space: Space, score: AdditiveScore) -> bool:
    return all(isinstance(key, int) for key in extremes(space, score))


def falls(score: AdditiveScore) -> NDArray[np.bool_]:
    """Return which features' sums a score falls with: bool[features]."""
    return np.array([trend in ("falls", "never rises") for trend in score.monotone or ()])


def extremes(space: Space, score: AdditiveScore) -> tuple[float, float]:
    """Return a key that no architecture's is below, and one that none exceeds, not to be reached necessarily."""
    tables = [table.reshape(-1, table.shape[-1]) for table in score.tables(space)]
    least, most = (np.sum([end(table, axis=0) for table in tables], axis=0) for end in (np.min, np.max))
    reverse = np.tile(falls(score), len(least) // len(score.features))
    ends = np.stack([np.where(reverse, most, least), np.where(reverse, least, most)])
    low, high = score.keys(space, ends).tolist()
    return low, high


def tells_apart(space: Space, score: AdditiveScore) -> bool:
    """Return whether different keys are always written as different values."""
    return _is_whole(space, score) and (
        score.dtype != "float32" or max(abs(key) for key in extremes(space, score)) < 1 << 22
    )
