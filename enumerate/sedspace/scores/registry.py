"""Scores by name: sedspace's own, of which a new one is a line here and a file of its own, and those of users."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping

from sedspace.errors import COLUMNS, BadInput, unknown
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.scores.entropy import entropy_scores
from sedspace.scores.functional import functional_scores
from sedspace.scores.graph import graph_scores
from sedspace.scores.live import live_scores
from sedspace.scores.nn_mass import nn_mass_scores
from sedspace.scores.propagated import propagated_scores
from sedspace.scores.sed_score import sed_scores
from sedspace.scores.topology import topology_scores
from sedspace.spaces import Space, known_spaces
from sedspace.spaces import space as find_space
from sedspace.spaces.whole import NetworkSpace

_registered: dict[str, Score] = {}


def feature_scores(space: Space, _: Mapping[str, str]) -> Iterator[Score]:
    """Yield the features of a space as scores."""
    yield from map(AdditiveScore.of_feature, space.features.values())


FAMILIES: tuple[Callable[[Space, Mapping[str, str]], Iterable[Score]], ...] = (
    sed_scores,
    feature_scores,
    graph_scores,
    nn_mass_scores,
    entropy_scores,
    functional_scores,
    live_scores,
    propagated_scores,
    topology_scores,
)
"""Each takes a space and the parameters that scores are made with, and makes those that the space has."""


def register(score: Score) -> Score:
    """Make a score known by its name: to `score`, `top_k`, `histogram`, `enumerate_space`, `verify`.

    Parameters
    ----------
    score : Score
        Replaces an earlier one that was registered under the same name. Of a fit its standard deviation becomes known
        as well, as ``<name>_std``.

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
    added = {one.name: one for one in (score, *score.companions)}
    for name in added:
        if name in _taken():
            raise BadInput(f"score name {name!r} is taken by sedspace: choose another")
    _registered.update(added)
    return score


def registered() -> dict[str, Score]:
    """Return the scores that were registered, by name."""
    return dict(_registered)


def register_again(scores: Mapping[str, Score]) -> None:
    """Make scores known that another process had registered, and checked."""
    _registered.update(scores)


@contextlib.contextmanager
def only_registered(scores: Mapping[str, Score]) -> Iterator[None]:
    """Have these scores registered and no others for a while, whatever is registered meanwhile."""
    before = registered()
    _registered.clear()
    try:
        _registered.update(scores)
        yield
    finally:
        _registered.clear()
        _registered.update(before)


@functools.cache
def _taken() -> frozenset[str]:
    """Return the names of all of sedspace's own scores, without generating any space."""
    families = [family for family in FAMILIES if family is not feature_scores]
    spaces = known_spaces()
    names = {name for space in spaces for name in [*space.feature_names, *space.texts]}
    # Whole networks of one kind have the same scores, but making those of a large space takes a second.
    alike = {
        type(space) if isinstance(space, NetworkSpace) else space: space
        for space in sorted(spaces, key=lambda space: space.size, reverse=True)
    }
    names.update(score.name for space in alike.values() for family in families for score in family(space, {}))
    return frozenset(names)


def known_scores(space: str | Space) -> dict[str, Score]:
    """Return every score of a space by its name: sedspace's own first, then those that were registered."""
    own = _own(find_space(space))
    return {**own, **{name: score for name, score in _registered.items() if name not in own}}


@functools.cache
def _own(space: Space, *parameters: tuple[str, str]) -> dict[str, Score]:
    return {score.name: score for family in FAMILIES for score in family(space, dict(parameters))}


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
    own = _own(space, *sorted((parameters or {}).items()))
    if by in _registered and by in own:
        raise BadInput(f"score {by!r} is one of {space.name}'s own and also registered: choose another name for yours")
    if by in own:
        return own[by]
    if by in _registered:
        return _registered[by]
    if by == "sed":
        raise BadInput(f"{space.name} has no SED, which is about convolutions: it has {', '.join(known_scores(space))}")
    raise unknown("score", by, known_scores(space), COLUMNS)


def default_columns(space: Space) -> list[str]:
    """Return the names of the columns that a run has unless told otherwise."""
    return ["index", *(["sed"] if "sed" in known_scores(space) else []), *space.default_features]
