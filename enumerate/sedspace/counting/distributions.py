"""Counts: the classes of a space, and the distribution of a score over it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.classes import select
from sedspace.errors import BadInput, as_number
from sedspace.forked import refuse_fork
from sedspace.scores import Score
from sedspace.scores.base import Values
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace_kernels.diagram import Exact, sums_by
from sedspace_kernels.tables import distinct_rows

if TYPE_CHECKING:
    import polars as pl


def integers(name: str, numbers: Sequence[int] | Exact, bound: int) -> pl.Series:
    """Return exact integers as a polars column: Int64 if a bound on them fits, else Int128, else text."""
    import polars as pl

    numbers = numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
    if bound < 1 << 63:
        return pl.Series(name, numbers, dtype=pl.Int64)
    if bound < 1 << 127:
        return pl.Series(name, numbers, dtype=pl.Int128)
    return pl.Series(name, [None if number is None else str(number) for number in numbers], dtype=pl.String)


def merge(
    columns: Sequence[NDArray[np.number]], counts: Exact, least: Exact
) -> tuple[list[NDArray[np.number]], Exact, Exact]:
    """Put classes of equal columns together: the columns of each, its count and its lowest index."""
    found, of = distinct_rows(columns)
    lowest = least[found]
    np.minimum.at(lowest, of, least)
    return [column[found] for column in columns], sums_by(of, counts, len(found)), lowest


def census(
    space: str | Space,
    features: Sequence[str | Score] | None = None,
    by: str | Score | None = "sed",
    *,
    where: str | None = None,
) -> pl.DataFrame:
    """Count the architectures of every class: all that have the same features and score.

    Parameters
    ----------
    space : str or Space
    features : sequence of str or Score, optional
        What tells classes apart, beside `by`. Default: the features that a run of the space has as columns, if
        the space is a single cell, else none.
    by : str or Score, optional, default "sed"
    where : str, optional
        A condition on features and scores in SQL, such as ``params < 500000 AND n_skip <= 2``.

    Returns
    -------
    polars.DataFrame
        A column for `by`, one for each feature, ``count``, and ``index``, the lowest of the class; best score first,
        then by ``index``. Counts are exact: Int64, Int128 for spaces of 2^63 or more, text for those of 2^127 or more.

    Raises
    ------
    BadInput
        If a name is unknown, a score of a large space is not additive, or there are too many classes.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.census("tss5").shape, ss.census("tss5")["count"].sum()
    ((1715, 11), 9765625)
    >>> ss.census("tss8", ["n_conv3x3"], by=None).row(-1, named=True)
    {'n_conv3x3': 0, 'count': 72057594037927936, 'index': 0}
    """
    import polars as pl

    space = find_space(space)
    if features is None:
        features = space.default_features if len(space.groups) == 1 else ()
    if isinstance(features, str) or not isinstance(features, Iterable):
        raise BadInput(f"features {features!r}: expected a sequence of names")
    asked = [*([] if by is None else [by]), *features]
    if not asked:
        raise BadInput("a census without features and without a score has no classes: expected at least one name")
    classes, scores, wanted = select(space, asked, where)
    names = list(dict.fromkeys(score.name for score in scores))
    values = [classes.values(name)[wanted] for name in names]
    columns, counts, least = merge(values, classes.counts[wanted], classes.least[wanted])
    order = np.argsort(least, kind="stable")
    order = order[np.argsort(_falling(columns[0][order]), kind="stable")]
    return pl.DataFrame(
        [
            *(pl.Series(name, column[order]) for name, column in zip(names, columns, strict=True)),
            integers("count", counts[order], space.size),
            integers("index", least[order], space.size),
        ]
    )


def _falling(values: Values) -> NDArray[np.intp]:
    """Return numbers that ascend as values fall, NaN as the last."""
    rank = np.unique(values, return_inverse=True)[1]
    return np.where(values == values, -rank, 1)


class Distribution:
    """How often a score has each of its values among the architectures of a space.

    Attributes
    ----------
    name : str
        The score.
    values : array[levels]
        Ascending, without NaN.
    counts : list of int
        Exact at any size.
    total : int
    """

    def __init__(self, name: str, values: Values, counts: list[int]) -> None:
        self.name, self.values, self.counts, self.total = name, values, counts, sum(counts)

    def __repr__(self) -> str:
        return f"<distribution of {self.name}: {self.total:,} architectures, {len(self.values):,} values>"

    def at_least(self, value: float) -> int:
        """Return how many architectures score at least this."""
        return self._from(value, "left")

    def rank(self, value: float) -> int:
        """Return the rank of an architecture that scores this: 1 + the number of those that score more."""
        return 1 + self._from(value, "right")

    def _from(self, value: float, side: Literal["left", "right"]) -> int:
        number = as_number(value, f"{self.name} of an architecture")
        if self.values.dtype == np.float32:  # 0.1 means what the score writes for it
            number = float(np.array(number, np.float64).astype(np.float32))
        cut = bisect_left if side == "left" else bisect_right
        return sum(self.counts[cut(self.values.tolist(), number) :])  # Python compares integers with floats exactly

    def ties(self, value: float) -> int:
        """Return how many architectures score exactly this."""
        return self.at_least(value) - self.rank(value) + 1

    def quantile(self, q: float | str | Fraction) -> float:
        """Return the least value that at least a share q of all architectures does not exceed.

        Parameters
        ----------
        q : float, str or Fraction
            From 0 to 1. ``"1e-12"`` or a Fraction is taken exactly.

        Raises
        ------
        BadInput
            If q is not from 0 to 1, or there is no architecture.
        """
        share = _share(q)
        if not self.total:
            raise BadInput(f"no architecture has a {self.name}: there is no quantile")
        upto = list(accumulate(self.counts))
        value: float = self.values[bisect_left(upto, share * self.total)].item()
        return value

    def quantiles(self, shares: Sequence[float | str | Fraction]) -> pl.DataFrame:
        """Return several quantiles as a table: columns ``quantile`` (float64) and the score."""
        import polars as pl

        if isinstance(shares, str) or not isinstance(shares, Iterable):
            raise BadInput(f"quantiles {shares!r}: expected a sequence of numbers from 0 to 1")
        values = pl.Series(self.name, [self.quantile(share) for share in shares])
        return pl.DataFrame([pl.Series("quantile", [float(_share(share)) for share in shares]), values])

    def frame(self) -> pl.DataFrame:
        """Return the distribution as a table, best value first.

        Returns
        -------
        polars.DataFrame
            The score, ``count``, ``at_least`` (how many score this or more; both exact) and ``share`` (float64) of
            those among all.
        """
        import polars as pl

        refuse_fork()
        at_least = list(accumulate(reversed(self.counts)))
        return pl.DataFrame({self.name: self.values[::-1]}).with_columns(
            integers("count", self.counts[::-1], self.total),
            integers("at_least", at_least, self.total),
            share=pl.Series([number / self.total for number in at_least], dtype=pl.Float64),
        )


def _share(q: float | str | Fraction) -> Fraction:
    if isinstance(q, str) and not re.fullmatch(r"\s*\d{0,400}([./]\d{0,400})?(e-?\d{1,3})?\s*", q, re.IGNORECASE):
        raise BadInput(f"quantile {q[:80]!r} is not a number from 0 to 1")
    try:
        share = Fraction(float(q) if isinstance(q, np.floating) else q)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        raise BadInput(f"quantile {q!r} is not a number from 0 to 1") from None
    if not 0 <= share <= 1:
        raise BadInput(f"quantile {q}: expected 0 to 1")
    return share


def distribution(space: str | Space, by: str | Score = "sed", *, where: str | None = None) -> Distribution:
    """Return the exact distribution of a score over a space of any size.

    Parameters
    ----------
    space : str or Space
    by : str or Score, default "sed"
    where : str, optional
        A condition on features and scores in SQL.

    Returns
    -------
    Distribution

    Raises
    ------
    BadInput
        If a name is unknown, a score of a large space is not additive, or there are too many classes.

    Examples
    --------
    >>> import sedspace as ss
    >>> sed = ss.distribution("darts")
    >>> sed.total, float(sed.quantile(0.5)), sed.at_least(1000)
    (1076746950455072400, 115.03125, 0)
    """
    classes, (score,), wanted = select(find_space(space), [by], where)
    values = classes.values(score.name)[wanted]
    counts = classes.counts[wanted]
    levels, of = np.unique(values, return_inverse=True)
    total = sums_by(of, counts, len(levels))
    known = ~np.isnan(levels) if levels.dtype.kind == "f" else np.ones(len(levels), np.bool_)
    return Distribution(score.name, levels[known], total[known].tolist())
