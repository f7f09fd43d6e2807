"""Learners: what has been prepared of measured architectures, so that any part of them can be learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput
from sedspace.learning import additive, trees
from sedspace.learning.additive import AdditiveFit, Design, design
from sedspace.learning.features import PRIORS, Features, Scaled, check_known, features_of, name_of, prior_of, scaled
from sedspace.learning.fitted import About, Fit, LearnedFit, Model
from sedspace.learning.gaussian import Gaussian
from sedspace.learning.measured import Measured
from sedspace.learning.ranks import NormalScale
from sedspace.learning.ridge import Ridge
from sedspace.scores import Score, find_score

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MODELS: dict[str, Callable[[Floats, Floats, Floats, int], Model]] = {
    "gaussian": Gaussian.learned,
    "forest": trees.forest,
    "boosting": trees.boosting,
}
"""What learns normal scores from features and priors; the last number is a seed."""

KINDS: dict[str, Callable[[Mapping[str, NDArray[Any]]], Model]] = {
    "gaussian": Gaussian.of,
    "forest": trees.Trees.of,
    "boosting": trees.Trees.of,
}
"""What makes these of the arrays of a file."""


class Learner(Protocol):
    """What learns from some rows of what was measured.

    Attributes
    ----------
    features : str or tuple of str
    prior : str or None
    notes : tuple of str
        What was chosen that was not asked for.
    """

    features: str | tuple[str, ...]
    prior: str | None
    notes: tuple[str, ...]

    def predict(self, known: Rows, asked: Rows) -> Floats:
        """Return what is predicted of some rows by a model that has learned from others."""

    def fit(self, about: About) -> Fit:
        """Return the fit that has learned from all rows."""


class SumLearner:
    """Learns sums over positions."""

    def __init__(self, rows: Measured, features: str | Sequence[str] | None, prior: str | Score | None) -> None:
        if features is not None:
            raise BadInput(
                f"features {features!r} for model 'additive': it has what stands at each position, no others"
            )
        space = rows.space
        self.features: str | tuple[str, ...] = "positions"
        self.prior: str | None
        if prior == PRIORS[0]:
            self.prior = next(iter(additive.priors(space)), None)
        else:
            self.prior = None if prior is None else name_of(space, prior, "prior")
        self.notes = _prior_note(prior, self.prior)
        self._rows, self._design = rows, design(space, self.prior, rows.digits)
        self._columns = self._design.columns(rows.digits)

    def predict(self, known: Rows, asked: Rows) -> Floats:
        """Return what is predicted of some rows by a model that has learned from others."""
        scale, ridge = self._learned(known)
        return scale.valued(ridge.predicted(self._columns[asked]))

    def _learned(self, known: Rows) -> tuple[NormalScale, Ridge]:
        scale = NormalScale.of(self._rows.values[known])
        return scale, Ridge.learned(self._columns[known], scale.scored(self._rows.values[known]))

    def fit(self, about: About) -> Fit:
        """Return the fit that has learned from all rows."""
        scale, ridge = self._learned(np.arange(len(self._rows)))
        return AdditiveFit(about, scale, self._design, ridge)


class AnyLearner:
    """Learns normal scores by a model of any shape, and makes values of them again."""

    def __init__(
        self, rows: Measured, model: str, features: str | Sequence[str] | None, prior: str | Score | None, seed: int
    ) -> None:
        space = rows.space
        self.features, self.prior = features_of(space, features), prior_of(space, prior)
        chosen = (f"features: {self.features}",) if features is None else ()
        self.notes = (*chosen, *_prior_note(prior, self.prior))
        self._rows, self._model, self._seed = rows, model, seed
        self._scaled = scaled(space, self.features, self.prior, seed)
        self._x, self._prior = self._scaled.at(rows.digits)

    def _learned(self, known: Rows) -> tuple[NormalScale, Model]:
        scale = NormalScale.of(self._rows.values[known])
        scores = scale.scored(self._rows.values[known])
        return scale, MODELS[self._model](self._x[known], self._prior[known], scores, self._seed)

    def predict(self, known: Rows, asked: Rows) -> Floats:
        """Return what is predicted of some rows by a model that has learned from others."""
        scale, model = self._learned(known)
        return scale.valued(model.predicted(self._x[asked], self._prior[asked], deviation=False)[0])

    def fit(self, about: About) -> Fit:
        """Return the fit that has learned from all rows."""
        return LearnedFit(about, self._scaled, *self._learned(np.arange(len(self._rows))))


def _prior_note(asked: str | Score | None, found: str | None) -> tuple[str, ...]:
    return () if asked == found or isinstance(asked, Score) else (f"prior: {found or 'none'}, in place of {asked}",)


def restored(about: About, arrays: Mapping[str, NDArray[Any]]) -> Fit:
    """Return the fit of what a file says and holds; raise `BadInput` if that does not fit together."""
    space = about.measured.space
    check_known(space, about.scores)
    prior = None if about.prior is None else find_score(space, about.prior)
    scale = NormalScale(arrays["scale_values"], arrays["scale_scores"])
    if about.model == "additive":
        columns = design(space, about.prior, about.measured.digits[:1])
        return AdditiveFit(about, scale, Design(space, columns.prior, arrays["units"]), Ridge.of(arrays))
    if about.model not in KINDS:
        raise BadInput(f"model {about.model!r} is unknown")
    own = {name.removeprefix("model_"): array for name, array in arrays.items() if name.startswith("model_")}
    model = KINDS[about.model](own)
    standing = None if prior is None else NormalScale(arrays["prior_values"], arrays["prior_scores"])
    features = Features(space, about.features)
    if features.names != arrays["features"].tolist():
        raise BadInput("it was learned from features that this sedspace has not: fit again")
    kept, center, deviation = arrays["kept"], arrays["center"], arrays["scale"]
    if not kept.shape == center.shape == deviation.shape or model.width > len(kept) + 1:
        raise BadInput("its arrays do not fit together")
    return LearnedFit(about, Scaled(features, kept, center, deviation, prior, standing), scale, model)
