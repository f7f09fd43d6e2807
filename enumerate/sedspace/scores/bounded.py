"""Scores that are no sums, but never above one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Keys, Score, Values
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits


class BoundedScore(Score):
    """A score of any kind that comes with a bound: a sum that is never below it.

    Rows are the score's own, and so are name, dtype, unit, meaning and parameters. The bound is what `top_k` and
    `best_first` find the best with in spaces too large to go through, conditions and all: architectures are looked at
    in descending order of the bound, until nothing to come can be among the best. How many these are depends on how
    tight the bound is; if more than 8,388,608, the question is refused. What is looked at is compared with its bound.

    Parameters
    ----------
    score : Score
        Such as a `DigitScore` or an `ArrayScore`.
    bound : AdditiveScore
        No architecture's value is greater than its value by the bound: in the same unit, whatever its name and dtype.

    Attributes
    ----------
    score : Score
    bound : AdditiveScore

    Raises
    ------
    BadInput
        If the score is none, or the bound is no `AdditiveScore`. When the best are looked for: if a bound is below a
        value, or too many architectures would have to be looked at.

    Examples
    --------
    The longest run of 3x3 convolutions is never longer than there are such convolutions:

    >>> import sedspace as ss
    >>> def longest_run(digits):
    ...     best = run = 0
    ...     for digit in digits:
    ...         run = run + 1 if digit == 3 else 0
    ...         best = max(best, run)
    ...     return best
    >>> run = ss.DigitScore("run", longest_run, dtype="uint8")
    >>> convs = ss.AdditiveScore("convs", {"n": "n_conv3x3"}, lambda n: n, dtype="uint8")
    >>> ss.top_k("tss8", 2, by=ss.BoundedScore(run, convs), where="n_skip >= 9")["run"].to_list()
    [19, 19]
    """

    def __init__(self, score: Score, bound: AdditiveScore) -> None:
        if not isinstance(score, Score):
            raise BadInput(f"score {score!r}: expected a Score, such as a DigitScore")
        if not isinstance(bound, AdditiveScore):
            raise BadInput(f"score {score.name}: bound {bound!r}, expected an AdditiveScore")
        super().__init__(score.name, score.dtype, score.denominator, score.unit, score.meaning, score.parameters)
        self.score, self.bound = score, bound

    def values(self, keys: Keys) -> Values:
        """Return the values of keys."""
        return self.score.values(keys)

    def keys_of(self, values: Values) -> Keys:
        """Return the keys of values."""
        return self.score.keys_of(values)

    def fill(self, space: Space, start: int, out: Values, threads: int) -> None:
        """Write the values of the architectures from `start` on into `out`."""
        self.score.fill(space, start, out, threads)

    def histogram(self, space: Space, start: int, stop: int, threads: int) -> tuple[Keys, NDArray[np.int64]]:
        """Return the distinct keys of a range, ascending, and how often each occurs."""
        return self.score.histogram(space, start, stop, threads)

    def best(
        self, space: Space, start: int, stop: int, k: int, threads: int, ascending: bool = False
    ) -> tuple[Keys, list[int]]:
        """Return the keys and indices of the k best of a range."""
        return self.score.best(space, start, stop, k, threads, ascending)

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures."""
        return self.score.at(space, digits)
