"""Scores by name: SED and its parts, the features of the space, and those that users register."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from sedspace.errors import BadInput, unknown
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.scores.functions import ArrayScore
from sedspace.scores.graph import graph_scores
from sedspace.scores.sed_score import LAM, sed, sed_of_channels, sed_parts
from sedspace.spaces import Space, known_spaces
from sedspace.spaces import space as find_space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.tss import tss_space
from sedspace.spaces.widths import WidthSpace

_registered: dict[str, Score] = {}


@functools.cache
def _built_in(space: Space, lam: str) -> dict[str, Score]:
    scores = [sed_of_channels(space)] if isinstance(space, WidthSpace) else [sed(lam), *sed_parts(lam)]
    return {score.name: score for score in scores}


def register(score: Score) -> Score:
    """Make a score known by its name: to `score`, `top_k`, `histogram`, `enumerate_space`, `verify`.

    Parameters
    ----------
    score : Score
        Replaces an earlier one that was registered under the same name.

    Returns
    -------
    Score
        The same, so that a definition and its registration fit on one line.

    Raises
    ------
    BadInput
        If the name belongs to a score of sedspace itself.

    Examples
    --------
    >>> import sedspace as ss
    >>> _ = ss.register(ss.AdditiveScore("skips", {"n": {"skip_connect": 1}}, lambda n: n, dtype="uint8"))
    >>> int(ss.score("tss", "skips").max())
    6
    """
    if not isinstance(score, Score):
        raise BadInput(f"score {score!r}: expected a Score, such as an AdditiveScore")
    if score.name in _taken():
        raise BadInput(f"score name {score.name!r} is taken by sedspace: choose another")
    _registered[score.name] = score
    return score


def registered() -> dict[str, Score]:
    """Return the scores that were registered, by name."""
    return dict(_registered)


def register_again(scores: Mapping[str, Score]) -> None:
    """Make scores known that another process had registered, and checked."""
    _registered.update(scores)


@functools.cache
def _taken() -> frozenset[str]:
    """Return the names of all of sedspace's own scores, without generating any space."""
    names = {score.name for score in graph_scores(tss_space(5))}
    for space in known_spaces():
        names.update([*_built_in(space, str(LAM)), *space.feature_names, *space.derived, *space.texts])
    return frozenset(names)


def known_scores(space: str | Space) -> dict[str, Score]:
    """Return every score of a space by its name: sedspace's own first, then those that were registered."""
    own = _own(find_space(space))
    return {**own, **{name: score for name, score in _registered.items() if name not in own}}


@functools.cache
def _own(space: Space) -> dict[str, Score]:
    return {
        **_built_in(space, str(LAM)),
        **{name: AdditiveScore.of_feature(feature) for name, feature in space.features.items()},
        **{
            name: ArrayScore(name, one.values, dtype=one.dtype, unit=one.unit, meaning=one.meaning)
            for name, one in space.derived.items()
        },
        **({score.name: score for score in graph_scores(space)} if isinstance(space, CellSpace) else {}),
    }


def find_score(space: Space, by: str | Score, parameters: Mapping[str, str] | None = None) -> Score:
    """Return a score of a space by its name; a `Score` is returned as it is.

    Parameters
    ----------
    space : Space
    by : str or Score
    parameters : mapping of str to str, optional
        What the score was made with (``{"lam": "3/4"}``), where that is not the default.

    Raises
    ------
    BadInput
        If the space has no such score; the message names the nearest.
    """
    if isinstance(by, Score):
        return by
    if not isinstance(by, str):
        raise BadInput(f"score {by!r}: expected a name or a Score")
    if parameters and by in (built_in := _built_in(space, parameters.get("lam", str(LAM)))):
        return built_in[by]
    if by in _registered and by in _own(space):
        raise BadInput(f"score {by!r} is one of {space.name}'s own and also registered: choose another name for yours")
    known = known_scores(space)
    if by not in known:
        raise unknown("score", by, known)
    return known[by]


def default_columns(space: Space) -> list[str]:
    """Return the names of the columns that a run has unless told otherwise."""
    return ["index", "sed", *space.default_features]
