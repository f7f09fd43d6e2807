"""What fits learn from: features of architectures, on the scale of the whole space, and a prior score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sedspace import draws
from sedspace.errors import BadInput, as_names
from sedspace.learning.ranks import NormalScale
from sedspace.scores import AdditiveScore, Score, find_score, known_scores
from sedspace.scores.topology import topology, topology_names
from sedspace.spaces import Space
from sedspace.spaces.parts import Choice, Digits, Inputs

WHOLE = 1 << 20  # architectures of a space that is gone through whole
_SAMPLE = 1 << 17  # architectures that stand for a larger one
_PIECE = 1 << 14
_MOST_CHOICES = 512  # of a position that are told apart

PRIORS = ("propagated_sed", "live_sed", "sed")
"""The prior scores in the order in which they are fallen back on where a space lacks one."""


def prior_of(space: Space, prior: str | Score | None) -> str | None:
    """Return the name of the prior score: the given one, or of `PRIORS` the first from it on that the space has."""
    if prior is None:
        return None
    if prior not in PRIORS:
        return name_of(space, prior, "prior")
    own = known_scores(space)
    return next((name for name in PRIORS[PRIORS.index(prior) :] if name in own), None)


def name_of(space: Space, score: str | Score, what: str) -> str:
    """Return the name of a score; raise `BadInput` if that does not lead to it: a fit keeps names, not scores."""
    if isinstance(score, Score) and known_scores(space).get(score.name) is not score:
        raise BadInput(f"{what} {score.name} is not registered: expected a name, or sedspace.register before")
    return find_score(space, score).name


def check_known(space: Space, names: Iterable[str]) -> None:
    """Raise `BadInput` unless a space has scores of these names."""
    for name in names:
        if name not in known_scores(space):
            raise BadInput(f"it goes by {name}, which {space.name} has not: register it before, or give its --scores")


def parts_of(choice: Choice) -> list[str]:
    """Return what a choice is made of: its name, or of several inputs each operation, and each from its source."""
    if not isinstance(choice, Inputs):
        return [choice.name]
    edges = [f"{o.name}~{source}" for o, source in zip(choice.operations, choice.sources, strict=True)]
    return [*(operation.name for operation in choice.operations), *edges]


def operations_of(choice: Choice) -> list[str]:
    """Return the operations of a choice."""
    return [operation.name for operation in choice.operations]


def parts_at(
    space: Space, parts_of: Callable[[Choice], Sequence[str]], most: int | None = None
) -> list[dict[str, NDArray[np.float64]]]:
    """Return for each position how often each of its choices has each part: float64[choices] by the part's name.

    Of positions with more than `most` choices nothing.
    """
    out = []
    for position in space.positions:
        own: dict[str, NDArray[np.float64]] = {}
        for number, choice in enumerate(position.choices if most is None or len(position.choices) <= most else ()):
            for part in parts_of(choice):
                if part not in own:
                    own[part] = np.zeros(len(position.choices))
                own[part][number] += 1
        out.append(own)
    return out


def choices_of(space: Space) -> list[NDArray[np.float64]]:
    """Return for each position how often each of its choices has each of their parts: float64[choices, parts]."""
    of = zip(space.positions, parts_at(space, parts_of, _MOST_CHOICES), strict=True)
    return [np.stack([np.zeros(len(p.choices)), *own.values()], axis=1)[:, 1:] for p, own in of]


@dataclass(frozen=True, eq=False)
class Features:
    """The features of a name, or those of some columns, of a space.

    Attributes
    ----------
    space : Space
    given : str or tuple of str
        ``topology``, ``choices``, ``counts``, or columns.
    """

    space: Space
    given: str | tuple[str, ...]

    @cached_property
    def _scores(self) -> list[Score]:
        """The columns, beside the topology."""
        if isinstance(self.given, tuple):
            return [find_score(self.space, name) for name in self.given]
        if self.given == "topology":
            return []
        return [AdditiveScore.of_feature(feature) for feature in self.space.features.values()]

    @cached_property
    def _choices(self) -> list[NDArray[np.float64]]:
        return choices_of(self.space) if self.given == "choices" else []

    @property
    def names(self) -> list[str]:
        """What the columns of `at` are called."""
        plain = [score.name for score in self._scores]
        if self.given == "topology":
            plain += topology_names(self.space)
        parts = zip(self.space.positions, self._choices, strict=False)
        each = [f"{position.name} {part}" for position, of in parts for part in range(of.shape[1])]
        return [*plain, *(f"log {name}" for name in plain), *each]

    def at(self, digits: Digits) -> NDArray[np.float64]:
        """Return the features of architectures, each and its signed logarithm: float64[n, features]."""
        columns = [_values(score, self.space, digits)[:, None] for score in self._scores]
        if self.given == "topology":
            columns.append(topology(self.space, digits))
        plain = np.concatenate([np.zeros((len(digits), 0)), *columns], axis=1)
        parts = [of[digits[:, position]] for position, of in enumerate(self._choices)]
        return np.concatenate([plain, np.sign(plain) * np.log1p(np.abs(plain)), *parts], axis=1)


def _values(score: Score, space: Space, digits: Digits) -> NDArray[np.float64]:
    return score.values(score.at(space, digits)).astype(np.float64)


def features_of(space: Space, given: str | Sequence[str] | None) -> str | tuple[str, ...]:
    """Return what features are meant; by default those of the topology where a space has them, else its choices.

    Raises
    ------
    BadInput
        If there are no such features.
    """
    if given is None:
        return "topology" if topology_names(space) else "choices"
    if not isinstance(given, str):
        names = tuple(as_names(given, "features"))
        if not names:
            raise BadInput("features []: expected a name or more")
        return tuple(name_of(space, name, "feature") for name in names)
    if given not in ("topology", "choices", "counts"):
        raise BadInput(f"features {given!r}: expected 'topology', 'choices', 'counts' or a list of columns")
    if given == "topology" and not topology_names(space):
        raise BadInput(f"features 'topology': {space.name} has none; expected 'choices', 'counts' or a list of columns")
    return given


@dataclass(frozen=True, eq=False)
class Scaled:
    """What models are given of an architecture: features on the scale of the whole space, and the prior's score.

    Attributes
    ----------
    features : Features
    kept : int64[n]
        Which features are not the same everywhere.
    center, scale : float64[n]
        A feature is ``(feature - center) / scale``; the squares of all of them are 1 on average.
    prior : Score or None
    standing : NormalScale or None
        Of the prior, over the space.
    """

    features: Features
    kept: NDArray[np.int64]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    prior: Score | None
    standing: NormalScale | None

    def at(self, digits: Digits) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return features and prior of architectures: float64[n, features] and float64[n], 0 without one."""
        x = (self.features.at(digits)[:, self.kept] - self.center) / self.scale
        if self.prior is None or self.standing is None:
            return x, np.zeros(len(digits))
        return x, self.standing.scored(_values(self.prior, self.features.space, digits))


def scaled(space: Space, given: str | tuple[str, ...], prior: str | None, seed: int = 0) -> Scaled:
    """Return features and prior on the scale of a space: of all of it, or of a random sample if it is large.

    Raises
    ------
    BadInput
        If all features are the same everywhere.
    """
    features, score = Features(space, given), None if prior is None else find_score(space, prior)
    if space.size <= WHOLE:
        pieces = [(lo, min(lo + _PIECE, space.size)) for lo in range(0, space.size, _PIECE)]
        digits = (space.digits_of_range(lo, hi) for lo, hi in pieces)
    else:
        random = draws.integers(seed)
        chosen = np.array([random.randrange(space.size) for _ in range(_SAMPLE)], object)
        digits = (space.digits_of(chosen[lo : lo + _PIECE]) for lo in range(0, _SAMPLE, _PIECE))
    number, first, total, squares, standing = 0, None, 0.0, 0.0, []
    for rows in digits:
        x = features.at(rows)
        first = x[0] if first is None else first
        number, total, squares = (
            number + len(x),
            total + (x - first).sum(axis=0),
            squares + ((x - first) ** 2).sum(axis=0),
        )
        if score is not None:
            standing.append(_values(score, space, rows))
    mean, square = np.asarray(total) / number, np.asarray(squares) / number
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    kept = np.flatnonzero(deviation > 1e-9 * np.sqrt(square))
    if not len(kept):
        raise BadInput(f"features {given} of {space.name} are the same everywhere: expected some that differ")
    center = np.asarray(first)[kept] + mean[kept]
    scale = NormalScale.of(np.concatenate(standing)) if standing else None
    return Scaled(features, kept, center, deviation[kept] * np.sqrt(len(kept)), score, scale)
