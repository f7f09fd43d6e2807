"""`suggest`: which architectures to measure first, and which next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from sedspace import counting
from sedspace.counting.distributions import integers
from sedspace.draws import checked_seed
from sedspace.errors import BadInput, at_least_one
from sedspace.learning import candidates
from sedspace.learning.acquisitions import EXPECTED_IMPROVEMENT, Acquisition, acquisition_of, batch
from sedspace.learning.additive import AdditiveFit
from sedspace.learning.candidates import Candidates
from sedspace.learning.features import Scaled, features_of, scaled
from sedspace.learning.fitted import Fit, LearnedFit
from sedspace.learning.gaussian import squared_distances
from sedspace.learning.spread import plus_plus
from sedspace.scores import Score, check_threads
from sedspace.scores.ranking import chunks
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.parts import Indices
from sedspace_kernels.parallel import split

ALL_FEATURES = 1 << 19  # architectures whose features are held at once
EXACT = 1000  # of the best by an additive fit, of a space that cannot be gone through
SHORT = 1000  # architectures that a batch is chosen from
_PIECE = 1 << 12

Floats = NDArray[np.float64]


def suggest(
    target: str | Space | Fit,
    n: int,
    *,
    acquisition: str | None = None,
    exploration: float | None = None,
    diverse: bool | None = None,
    ascending: bool | None = None,
    features: str | Sequence[str] | None = None,
    where: str | None = None,
    among: ArrayLike | None = None,
    unique: bool = True,
    seed: int = 0,
    threads: int | None = None,
) -> pl.DataFrame:
    """Return the architectures to measure first, of a space; or next, by a fit to what has been measured.

    Of a space: spread over its features, by k-means++, so that what is learned from them is of use everywhere. By a
    fit: those that promise most, but for what it was learned from.

    Spaces of up to 16,777,216 architectures are gone through by a fit, those of up to 524,288 to spread architectures.
    Of larger ones 65,536 are drawn uniformly, and an additive fit (``model="additive"``) adds its exact 1,000 best. The
    column ``among`` says which it was.

    Parameters
    ----------
    target : str, Space or Fit
        A space or its name, or a fit as `fit` and `read_fit` return it.
    n : int
    acquisition : {"expected_improvement", "upper_confidence_bound"}, optional
        By a fit: how far an architecture is expected to exceed the best that was measured, or its mean and some
        standard deviations. Default: the expected improvement.
    exploration : float, optional
        How many standard deviations. Default: 1; 0 takes the best means.
    diverse : bool, optional
        By a fit: whether each is chosen as if those before it were measured and had turned out as predicted, which
        leaves less to learn from what is alike: of at most 1,000. If False, the n of the greatest acquisition.
        Default: True.
    ascending : bool, optional
        By a fit: whether less is better: of a latency, say. Default: False.
    features : str or sequence of str, optional
        Of a space: what to spread them over, as in `fit`. Default: the topology where a space has one.
    where : str, optional
        A condition in SQL on features and scores, by a fit also on its own columns, ``<name>`` and ``<name>_std``:
        only what meets it is suggested.
    among : integer array-like of shape (m,), optional
        Suggest some of these architectures only.
    unique : bool, default True
        Whether to take one architecture at most of each functional class, and none of one that is measured, in spaces
        that have such classes (`functional_class`); else the architectures themselves are different.
    seed : int, default 0
        Of what is drawn.
    threads : int, optional
        Default: every CPU that this process may use. The result does not depend on it.

    Returns
    -------
    polars.DataFrame
        In the order in which they are chosen ``index``; of a space ``distance``, that to the nearest before it; by a
        fit ``mean`` and ``std``, in the unit of the column, and ``acquisition``, in normal scores (see
        `Fit.mean_and_std`); ``among``, what they were chosen from, and ``arch``.

    Raises
    ------
    BadInput
        If a name is unknown, there are fewer than n architectures to suggest, or an option is given that has no effect.

    Examples
    --------
    >>> import sedspace as ss
    >>> first = ss.suggest("tss", 20)
    >>> first["index"].n_unique(), first["among"][0]
    (20, 'all 15,625')
    >>> measured = first.select("index").with_columns(accuracy=ss.score("tss", indices=first["index"]))
    >>> fit = ss.fit("tss", measured, "accuracy", repeats=0)
    >>> ss.suggest(fit, 2).columns
    ['index', 'mean', 'std', 'acquisition', 'among', 'arch']
    """
    n, seed, workers = at_least_one(n, "n"), checked_seed(seed), check_threads(threads)
    if isinstance(target, Fit):
        if features is not None:
            raise BadInput(f"features {features!r} are for a space: the fit {target.name} has its own")
        if diverse is not False and n > SHORT:
            raise BadInput(f"n {n}: at most {SHORT:,} are chosen together, with diverse=False as many as there are")
        by = acquisition_of(EXPECTED_IMPROVEMENT if acquisition is None else acquisition, exploration)
        less, known = bool(ascending), target.about.measured.indices.tolist()
        parts = [one.without(target.space, known, unique) for one in _candidates(target, where, among, less, seed)]
        return _next(target, n, by, parts, diverse=diverse is not False, less=less, threads=workers)
    asked = {"acquisition": acquisition, "exploration": exploration, "diverse": diverse, "ascending": ascending}
    for name, value in asked.items():
        if value is not None:
            raise BadInput(f"{name} {value!r} is for a fit: a space alone predicts nothing")
    space = find_space(target)
    scale = scaled(space, features_of(space, features), None)
    left = _of_space(space, where, {}, among, ALL_FEATURES, seed).without(space, (), unique)
    _check_enough(n, len(left))
    chosen, far = plus_plus(_features(scale, left.indices, workers), n, seed)
    return _frame(space, left.indices[chosen], {"distance": far}, [left.among] * n)


def _of_space(
    space: Space, where: str | None, scores: Mapping[str, Score], among: ArrayLike | None, most: int, seed: int
) -> Candidates:
    if among is not None:
        return candidates.given_ones(space, among, where, scores)
    return candidates.of_space(space, where, scores, most, seed)


def _candidates(fit: Fit, where: str | None, among: ArrayLike | None, less: bool, seed: int) -> list[Candidates]:
    """Return what a fit chooses from: of a space that cannot be gone through also its best, if it is a sum."""
    space = fit.space
    parts = [_of_space(space, where, {fit.name: fit}, among, candidates.MOST, seed)]
    if among is None and space.size > candidates.MOST and isinstance(fit, AdditiveFit):
        best = list(map(int, counting.top_k(space, EXACT, fit, where=where, ascending=less)["index"]))
        rest = parts[0].without(space, best, unique=False)
        parts = [candidates.listed(space, best, f"the {len(best):,} best of all"), rest]
    return parts


def _check_enough(n: int, known: int) -> None:
    if n > known:
        raise BadInput(f"n {n}: only {known:,} architectures are left to suggest")


def _features(given: Scaled, indices: Indices, threads: int) -> NDArray[np.float32]:
    """Return the features of architectures."""

    def part(lo: int, hi: int) -> list[NDArray[np.float32]]:
        space = given.features.space
        pieces = (space.digits_of(indices[a:b]) for a, b in chunks(lo, hi, _PIECE))
        return [given.at(digits)[0].astype(np.float32) for digits in pieces]

    return np.concatenate([piece for pieces in split(part, len(indices), threads, _PIECE) for piece in pieces])


def _predicted(fit: Fit, indices: Indices, threads: int) -> tuple[Floats, Floats]:
    """Return the predicted normal scores of architectures, and their standard deviations."""
    mean, deviation = np.empty(len(indices)), np.empty(len(indices))

    def part(lo: int, hi: int) -> None:
        for a, b in chunks(lo, hi, _PIECE):
            mean[a:b], deviation[a:b] = fit.mean_and_std(fit.space.digits_of(indices[a:b]))

    split(part, len(indices), threads, _PIECE)
    return mean, deviation


def _next(
    fit: Fit, n: int, by: Acquisition, parts: Sequence[Candidates], *, diverse: bool, less: bool, threads: int
) -> pl.DataFrame:
    indices: Indices = np.concatenate([part.indices for part in parts])
    sign = -1.0 if less else 1.0
    _check_enough(n, len(indices))
    mean, deviation = _predicted(fit, indices, threads)
    best = float((sign * fit.targets).max())
    worth = by(sign * mean, deviation, best)
    at = np.lexsort((np.arange(len(worth)), -worth))[: SHORT if diverse else n]
    worth = worth[at]
    if diverse:
        picked, worth = batch(by, sign * mean[at], deviation[at], _alike(fit, indices[at], threads), best, n)
        at = at[picked]
    mean, deviation = mean[at], deviation[at]
    spread = (fit.scale.valued(mean + deviation) - fit.scale.valued(mean - deviation)) / 2
    columns = {"mean": fit.scale.valued(mean), "std": spread, "acquisition": worth}
    said = np.repeat([part.among for part in parts], [len(part) for part in parts])
    return _frame(fit.space, indices[at], columns, said[at].tolist())


def _alike(fit: Fit, indices: Indices, threads: int) -> Floats:
    """Return how what is not known of architectures is correlated, by how near their features are to each other.

    Of two that are as far from each other as two measured ones typically are it is exp(-1/2).
    """
    space = fit.space
    given = fit.scaled if isinstance(fit, LearnedFit) else scaled(space, features_of(space, None), None)
    known = squared_distances(_features(given, fit.about.measured.indices, threads).astype(np.float64))
    length = 2 * float(np.median(known[np.triu_indices(len(known), 1)])) or 1.0
    near: Floats = np.exp(-squared_distances(_features(given, indices, threads).astype(np.float64)) / length)
    return near


def _frame(space: Space, indices: Indices, columns: dict[str, Floats], among: list[str]) -> pl.DataFrame:
    numbers = [int(index) for index in indices.tolist()]
    return pl.DataFrame(
        [
            integers("index", numbers, space.size),
            *(pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items()),
            pl.Series("among", among, dtype=pl.String),
            pl.Series("arch", space.arch(indices).tolist(), dtype=pl.String),
        ]
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
