"""Fits: scores that were learned from a few measured architectures, and what is known of how."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.learning.features import Scaled
from sedspace.learning.file import Arrays, as_bytes, write
from sedspace.learning.measured import Measured
from sedspace.learning.ranks import NormalScale
from sedspace.scores import Score
from sedspace.scores.base import Keys
from sedspace.scores.one_by_one import OneByOne
from sedspace.scores.ranking import chunks
from sedspace.spaces import Space
from sedspace.spaces.parts import Digits
from sedspace_kernels.parallel import split

_PIECE = 1 << 12  # architectures whose features are held at once


@dataclass(frozen=True, eq=False)
class About:
    """What a fit was learned from, and how well it does.

    Attributes
    ----------
    name : str
        The column's.
    model : str
    features : str or tuple of str
    prior : str or None
    seed : int
    measured : Measured
    judgement : polars.DataFrame or None
        How well it predicts what it has not seen, beside scores that learn nothing: see `Fit.judgement`.
    notes : tuple of str
        What was chosen, and what was done to the table, a line each.
    """

    name: str
    model: str
    features: str | tuple[str, ...]
    prior: str | None
    seed: int
    measured: Measured
    judgement: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of the scores that it goes by."""
        names = self.features if isinstance(self.features, tuple) else ()
        return (*names, *(() if self.prior is None else (self.prior,)))


class Fit(Score):
    """A score that was learned from measured architectures, as `sedspace.fit` returns it.

    Attributes
    ----------
    about : About
    scale : NormalScale
        From what was measured to normal scores, and back.
    """

    about: About
    scale: NormalScale

    @property
    def space(self) -> Space:
        """The space that it was learned from."""
        return self.about.measured.space

    @property
    def rows(self) -> int:
        """How many architectures it was learned from."""
        return len(self.about.measured)

    @property
    def model(self) -> str:
        """What kind of model it is."""
        return self.about.model

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, and what was done to the table, a line each."""
        return self.about.notes

    @property
    def judgement(self) -> pl.DataFrame | None:
        """How well it predicts what it has not seen, by repeated cross-validation; None if that was not asked for.

        A row for the fit and for each score that learns nothing, on the same architectures: ``spearman`` and
        ``kendall`` with what was measured, ``spearman_best`` (among the best 5 % by what was measured), ``ndcg`` and
        ``regret`` (how far what it takes for the best is behind the best), each the mean over the repeats, with its
        standard deviation over them as ``..._sd``: null of one repeat.
        """
        return self.about.judgement

    @property
    def std(self) -> Score:
        """How uncertain the fit is, as a score ``<name>_std`` in the unit of the column: a standard deviation."""
        return Uncertainty(self)

    @property
    def companions(self) -> tuple[Score, ...]:
        """Scores that are known wherever this one is: its standard deviation."""
        return (self.std,)

    @property
    def targets(self) -> NDArray[np.float64]:
        """What was measured as normal scores, in the order of ``about.measured``: on the scale of `mean_and_std`."""
        return self.scale.scored(self.about.measured.values)

    @abstractmethod
    def mean_and_std(self, digits: Digits) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the predicted normal scores of architectures, and their standard deviations without noise.

        Normal scores say where a value stands among those that were measured: 0 is the median, 1 more than 84 % of
        them. Models learn them; `scale` makes values of them.

        Parameters
        ----------
        digits : unsigned integer[n, positions]

        Returns
        -------
        float64[n], float64[n]
        """

    def deviation(self, digits: Digits) -> NDArray[np.float64]:
        """Return standard deviations in the unit of the column: half of how far the values are apart that are one off.

        Parameters
        ----------
        digits : unsigned integer[n, positions]
        """
        mean, deviation = self.mean_and_std(digits)
        return (self.scale.valued(mean + deviation) - self.scale.valued(mean - deviation)) / 2

    def checked(self, digits: Digits) -> Digits:
        """Return digits; raise `BadInput` unless they are rows of digits of the space that it was learned from."""
        if np.ndim(digits) != 2:
            raise BadInput(
                f"digits of shape {np.shape(digits)}: expected a row for each architecture of {self.space.name}"
            )
        self.space.check_digits(digits)
        return digits

    @abstractmethod
    def arrays(self) -> Arrays:
        """Return what a file holds beside what `about` says."""

    def to_bytes(self) -> bytes:
        """Return the file that `save` writes: the same bytes for the same fit."""
        return as_bytes(self.about, self.arrays())

    def save(self, path: str | Path) -> None:
        """Write the fit as one file, which `read_fit` reads; its name must end in ``.score``."""
        write(path, self.to_bytes())

    def check_space(self, space: Space) -> None:
        """Raise `BadInput` unless a space has the positions and choices of the one that was learned from."""
        if space is not self.space and space.positions != self.space.positions:
            raise BadInput(f"fit {self.name} is of {self.space.name}: it knows nothing of {space.name}")


def said(fit: Fit) -> dict[str, Any]:
    """Return what a column says of a fit: unit, meaning and parameters of its `Score`."""
    about = fit.about
    digest = hashlib.sha256()
    for name, array in sorted({**fit.arrays(), "measured": about.measured.values}.items()):
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return {
        "unit": "",
        "meaning": f"{about.measured.column} as predicted by {about.model}, learned from {fit.rows} architectures",
        "parameters": {"model": about.model, "rows": str(fit.rows), "fit": digest.hexdigest()},
    }


class Model(Protocol):
    """What predicts normal scores from scaled features and priors."""

    @property
    def width(self) -> int:
        """How many features and priors there must be at least."""

    def predicted(
        self, x: NDArray[np.float64], prior: NDArray[np.float64], *, deviation: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and, if asked for, standard deviations."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a file holds of it."""

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the model that a file holds."""


class LearnedFit(Fit, OneByOne):
    """A fit that is any function of an architecture's features: of spaces that can be gone through.

    Its values are medians: a model predicts normal scores, and the scale of what was measured makes values of them.

    Parameters
    ----------
    about : About
    scaled : Scaled
        What the model is given of an architecture.
    scale : NormalScale
        Of what was measured.
    fitted : Model
    """

    def __init__(self, about: About, scaled: Scaled, scale: NormalScale, fitted: Model) -> None:
        self.about, self.scaled, self.scale, self._model = about, scaled, scale, fitted
        about_score = said(self)
        OneByOne.__init__(self, about.name, "float32", 1, **about_score)

    def mean_and_std(self, digits: Digits) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the predicted normal scores of architectures and their standard deviations: see `Fit`."""
        return self._model.predicted(*self.scaled.at(self.checked(digits)))

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures."""
        self.check_space(space)
        return self.scale.valued(self._model.predicted(*self.scaled.at(digits), deviation=False)[0])

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        return in_pieces(self, space, start, stop, threads)

    def arrays(self) -> Arrays:
        """Return what a file holds beside what `about` says."""
        scaled, out = self.scaled, {f"model_{name}": array for name, array in self._model.arrays().items()}
        out |= {
            "features": np.array(scaled.features.names),
            "kept": scaled.kept,
            "center": scaled.center,
            "scale": scaled.scale,
        }
        out |= self.scale.arrays()
        if scaled.standing is not None:
            out |= {"prior_values": scaled.standing.values, "prior_scores": scaled.standing.scores}
        return out


class Uncertainty(OneByOne):
    """The standard deviation of a fit as a score.

    Parameters
    ----------
    fit : Fit
    """

    def __init__(self, fit: Fit) -> None:
        about = said(fit)
        meaning = f"standard deviation of {fit.name}: {about['meaning']}"
        super().__init__(f"{fit.name}_std", "float32", 1, about["unit"], meaning, about["parameters"])
        self._fit = fit

    def __reduce__(self) -> tuple[type[Uncertainty], tuple[Fit]]:
        return Uncertainty, (self._fit,)

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures."""
        self._fit.check_space(space)
        return self._fit.deviation(digits)

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        return in_pieces(self, space, start, stop, threads)


def in_pieces(score: OneByOne, space: Space, start: int, stop: int, threads: int) -> Keys:
    """Return the keys of a range, a bounded number of architectures at once in every thread."""

    def part(lo: int, hi: int) -> Keys:
        pieces = [score.at(space, space.digits_of_range(start + a, start + b)) for a, b in chunks(lo, hi, _PIECE)]
        return np.concatenate([np.empty(0), *pieces])

    return np.concatenate(split(part, stop - start, threads, _PIECE))
