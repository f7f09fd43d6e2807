"""All architectures of a space, sorted into classes that no score at hand tells apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sedspace.condition import Condition
from sedspace.counting.compiled import BlockByBlock, Diagrams, listed
from sedspace.errors import BadInput
from sedspace.progress import progress_of
from sedspace.scores import AdditiveScore, Score, find_score, passing, score_columns
from sedspace.scores.base import Keys, Values
from sedspace.scores.composed import ComposedScore, is_of_sums, parts
from sedspace.scores.filtering import Columns
from sedspace.scores.ranking import chunks
from sedspace.scores.vocabulary import condition_on
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits
from sedspace_kernels import diagram
from sedspace_kernels.diagram import Exact, exact

_NOTHING = AdditiveScore("nothing", {"zero": lambda _: 0}, lambda zero: zero, meaning="one class of everything")
SMALL = 1 << 24  # architectures that are looked at one by one, where a score is no sum
_AT_ONCE = 1 << 18


class Classes:
    """The architectures of a space as classes, each with the key of every score, its exact count and its lowest index.

    Parameters
    ----------
    space : Space
    scores : sequence of Score
        Of different names.
    diagrams : Diagrams
        Of the space by these scores.

    Attributes
    ----------
    space, diagrams
    keys : mapping of str to int64[classes] or float64[classes]
        What each score ranks by. Two classes may have equal keys.
    """

    def __init__(self, space: Space, scores: Sequence[Score], diagrams: Diagrams) -> None:
        self.space = space
        self.scores = {score.name: score for score in scores}
        self.diagrams = diagrams
        self.keys = {name: self.scores[name].comparable(keys) for name, keys in diagrams.keys.items()}

    def __len__(self) -> int:
        return self.diagrams.outer[-1].nodes

    @cached_property
    def counts(self) -> Exact:
        """The number of architectures of each class: exact[classes]."""
        return diagram.count(self.diagrams.outer)

    @cached_property
    def least(self) -> Exact:
        """The lowest index of each class: exact[classes]."""
        least, choices = diagram.least(self.diagrams.outer), self.diagrams.choices
        if self.diagrams.blocks == [()]:  # of architectures that were gone through one by one
            return least if choices is None else choices[least].astype(np.int64)
        return self.space.indices_of_combinations(least)

    def values(self, name: str) -> Values:
        """Return the values of a score, as written, by class."""
        return self.scores[name].values(self.keys[name])


class Walks:
    """The paths to the architectures of some classes, in the order of their indices.

    Parameters
    ----------
    classes : Classes
    weights : bool[classes] or exact[classes]
        Which classes, or how often each of their architectures is counted.

    Attributes
    ----------
    count : int
        The number of architectures, each as often as it is counted.
    """

    def __init__(self, classes: Classes, weights: NDArray[np.bool_] | Exact) -> None:
        self.classes = classes
        self._outer = diagram.count_onward(classes.diagrams.outer, weights + 0)  # bool is counted as int64
        self._inner: dict[tuple[int, int], list[Exact]] = {}
        self.count = int(self._outer[0][0])

    def _onward(self, block: int, node: int) -> list[Exact]:
        """Return the number of paths on inside a block that is entered from a node between blocks."""
        if (block, node) not in self._inner:
            layer = self.classes.diagrams.outer[block]
            ends = self._outer[block + 1][layer.child[node, layer.kind_of]]
            self._inner[block, node] = diagram.count_onward(self.classes.diagrams.inner[block], ends)
        return self._inner[block, node]

    def unrank(self, ranks: Sequence[int] | Exact) -> tuple[Digits, NDArray[np.intp]]:
        """Return the digits of the architectures of given ranks, and their classes.

        Parameters
        ----------
        ranks : sequence of int
            Each below `count`; counted in the order of the architectures' indices.

        Returns
        -------
        digits : unsigned integer[n, positions]
        class : intp[n]
        """
        space, classes = self.classes.space, self.classes
        digits = np.empty((len(ranks), len(space.positions)), space.digit_dtype)
        node = np.zeros(len(ranks), np.intp)
        rest: Exact = np.array(ranks, exact(self.count))
        for block, positions in enumerate(classes.diagrams.blocks):
            layer, reached = classes.diagrams.outer[block], np.empty_like(node)
            for entered in np.unique(node):
                rows = np.flatnonzero(node == entered)
                onward = self._onward(block, int(entered))
                chosen, end, rest[rows] = diagram.unrank(classes.diagrams.inner[block], onward, rest[rows])
                if positions:
                    digits[rows[:, None], positions] = chosen
                else:
                    choices = classes.diagrams.choices
                    digits[rows] = space.digits(chosen[:, 0] if choices is None else choices[chosen[:, 0]])
                reached[rows] = layer.child[entered, layer.kind_of[end]]
            node = reached
        return digits, node

    def below(self, index: int) -> int:
        """Return how many of the architectures have a lower index."""
        space, classes = self.classes.space, self.classes
        if index >= space.size:
            return self.count
        choices = classes.diagrams.choices
        if choices is not None and (index := int(np.searchsorted(choices, index))) == len(choices):
            return self.count
        digits = space.digits(index)
        node, before = 0, 0
        for block, positions in enumerate(classes.diagrams.blocks):
            layer = classes.diagrams.outer[block]
            chosen = digits[list(positions)] if positions else np.array([index])
            inside, end = diagram.rank(classes.diagrams.inner[block], self._onward(block, node), chosen[None])
            before += int(inside[0])
            node = int(layer.child[node, layer.kind_of[end[0]]])
        return before

    def holds(self, index: int) -> bool:
        """Return whether an architecture is one of them."""
        return self.below(index + 1) > self.below(index)


# -- requests ----------------------------------------------------------------------------------------------------------


def classes_by_sums(space: Space, scores: Sequence[Score]) -> Classes:
    """Return the classes of a space by scores of sums (`is_of_sums`); raise `TooManyClasses` if they are too many."""
    sums: dict[str, AdditiveScore] = {}
    for score in scores:
        for part in parts(space, score):
            if isinstance(part, AdditiveScore) and sums.setdefault(part.name, part) is not part:
                raise BadInput(f"two scores have the name {part.name}: expected another name for one of them")
    diagrams = BlockByBlock(space, list(sums.values())).diagrams()
    diagrams.keys = {score.name: _keys_of(space, score, diagrams.keys) for score in scores}
    return Classes(space, scores, diagrams)


def _keys_of(space: Space, score: Score, keys: Mapping[str, Keys]) -> Keys:
    """Return the keys of a score by class, given those of the sums that it is made of."""
    if not isinstance(score, ComposedScore):
        return keys[score.name]
    members = score.members(space)
    return score.composed(space, [member.values(_keys_of(space, member, keys)) for member in members])


def select(
    space: Space, by: Sequence[str | Score], where: str | None = None, known: Mapping[str, Score] | None = None
) -> tuple[Classes, list[Score], NDArray[np.bool_]]:
    """Return the classes of a space by some scores and those that a condition names, the scores, and what it keeps.

    The condition may name those of `known`, too.

    Where a score is no sum, the architectures are gone through, and what does not meet the condition is of no class.

    Raises
    ------
    BadInput
        If a score is unknown, or not additive though the space is large, the condition cannot be read, or there are too
        many classes.
    """
    chosen = [find_score(space, one) for one in by]
    scores = {score.name: score for score in chosen}
    condition, named = (None, {}) if where is None else condition_on(space, where, {**(known or {}), **scores})
    needed = {**scores, **named}
    if all(is_of_sums(space, score) for score in needed.values()) and (
        condition is None or not {"index", "arch"} & set(condition.names)
    ):
        classes = classes_by_sums(space, list(needed.values()) or [_NOTHING])
        if condition is None:
            return classes, chosen, np.ones(len(classes), np.bool_)
        return classes, chosen, condition.holds({name: classes.values(name) for name in condition.names})
    _refuse_large(space, needed, condition)
    told_apart = list(scores.values()) or [_NOTHING]
    rows = _gone_through(space, told_apart, condition, list(named.values()))
    classes = Classes(space, told_apart, listed(space, told_apart, rows))
    return classes, chosen, np.ones(len(classes), np.bool_)


def _refuse_large(space: Space, needed: Mapping[str, Score], condition: Condition | None) -> None:
    """Raise `BadInput` if a space is too large to go through for what is no sum."""
    if space.size <= SMALL:
        return
    every = [part for score in needed.values() for part in parts(space, score)]
    names = [score.name for score in every if not isinstance(score, AdditiveScore)]
    name = next(iter(names), "index" if condition is None or "index" in condition.names else "arch")
    raise BadInput(
        f"{name} is no sum over positions, so that the {space.size:,} architectures of {space.name} cannot be counted "
        f"by it (up to {SMALL:,} can): score a range (top_k, histogram), or enumerate it and query the run"
    )


def _gone_through(
    space: Space, scores: Sequence[Score], condition: Condition | None, named: Sequence[Score]
) -> Iterator[Columns]:
    """Yield index and scores of the architectures that meet a condition, or of all, some at a time."""
    with progress_of(space.size, "arch", passing=True) as bar:
        for lo, hi in chunks(0, space.size, _AT_ONCE):
            if condition is not None:
                yield from passing(space, scores, condition, named, lo, hi)
            else:
                yield {"index": np.arange(lo, hi), **score_columns(space, scores, lo, hi)}
            bar.update(hi - lo)
