"""Additive fits: a number for every choice at every position, summed; exact answers about spaces of any size.

Ridge regression of normal scores weighs what each choice is made of at its position, in spaces whose features have
states also by these, the space's features, in cells the live operations, and a prior score. The sum is then rounded to
a step so that it is a score of integers like any other that adds up.

A prior such as SED is no sum: it multiplies convolutions by residual skips. In a cell, where there is one residual skip
at most, a machine guesses it beforehand and checks the guess where it stands, and so the whole fit is one sum.
Elsewhere the prior's own sums are kept beside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from sedspace.counting.aims import extremes
from sedspace.errors import BadInput
from sedspace.learning.features import choices_of
from sedspace.learning.file import Arrays
from sedspace.learning.fitted import About, Fit, said
from sedspace.learning.ranks import NormalScale
from sedspace.learning.ridge import Ridge
from sedspace.scores import MAX_SCAN, AdditiveScore, Score, find_score, known_scores
from sedspace.scores.additive import FeatureSource, Trend
from sedspace.scores.base import Keys, Values
from sedspace.scores.live import LiveScore
from sedspace.spaces import Space
from sedspace.spaces.cell import CellSpace
from sedspace.spaces.machine import Machine, product_of
from sedspace.spaces.parts import Digits, Feature, Inputs

PRIORS = ("live_sed", "sed")
"""The prior scores that add up, in the order in which they are fallen back on."""

_STEPS = 256  # of what a position changes at most
_FEW_STEPS = 24  # where a prior's sums are kept beside: more would make too many classes to count
_FINE = 1 << 10  # parts of a step that a prior's weight is rounded to
_WEAK = 3.0  # the deviation of features and the prior: the more, the less their weights are held back
_MOST_STATES = 1 << 12  # choices by state, of a space whose features have states

_SUMS = 4000  # of a cell, of one or two of which a network is made: more would make too many classes to count

_WEAKLY: dict[tuple[Trend, bool], Trend] = {
    (trend, same): "never falls" if (trend in ("rises", "never falls")) == same else "never rises"
    for trend in get_args(Trend)
    for same in (True, False)
}
"""What becomes of a trend that is rounded, and, if False, turned round."""


def priors(space: Space) -> list[str]:
    """Return the names of the prior scores of a space that are whole numbers that add up, live SED only beside counts.

    Examples
    --------
    >>> from sedspace.spaces import space
    >>> priors(space("tss")), priors(space("tss8")), priors(space("sss"))
    (['live_sed', 'sed'], ['sed'], [])
    """
    known = known_scores(space)
    names = PRIORS if live_counts(space) else PRIORS[1:]
    return [name for name in names if name in known and _is_whole(space, known[name])]


def _is_whole(space: Space, score: Score) -> bool:
    return isinstance(score, AdditiveScore) and score.at(space, space.digits_of([0])).dtype.kind != "f"


def live_counts(space: Space) -> list[LiveScore]:
    """Return the counts of live operations of a space that is small enough to know what is live beside all else."""
    if not isinstance(space, CellSpace) or space.size > MAX_SCAN:
        return []
    known = known_scores(space).values()
    return [score for score in known if isinstance(score, LiveScore) and score.name.startswith("n_live_")]


@dataclass(frozen=True, eq=False)
class Design:
    """The columns that ridge regression weighs.

    In this order: parts of choices by position; choices by position and state; features, which are alike at all
    positions; live counts; the prior.

    Attributes
    ----------
    space : Space
    prior : AdditiveScore or None
    units : float64[features + 1]
        What the features, and last the prior, are divided by.
    """

    space: Space
    prior: AdditiveScore | None
    units: NDArray[np.float64]

    @cached_property
    def parts(self) -> list[NDArray[np.float64]]:
        """For each position how often each choice has each part: float64[choices, parts]."""
        return choices_of(self.space)

    @cached_property
    def shared(self) -> list[Feature]:
        """The features of the space, and what its nodes have of which inputs."""
        return shared_features(self.space)

    @cached_property
    def live(self) -> list[LiveScore]:
        """The live counts."""
        return live_counts(self.space)

    @cached_property
    def states(self) -> Machine | None:
        """The machine of the space's features, if any of them goes by its states."""
        by_state = any(row.ndim == 2 for feature in self.shared for row in feature.table)
        return self.space.feature_machine if by_state else None

    @cached_property
    def told_apart(self) -> bool:
        """Whether choices are told apart by state: if they are few enough."""
        return self.states is not None and sum(step.size for step in self.states.steps) <= _MOST_STATES

    def columns(self, digits: Digits) -> NDArray[np.float64]:
        """Return the columns of architectures: float64[n, columns]."""
        out = [of[digits[:, position]] for position, of in enumerate(self.parts)]
        if self.states is not None and self.told_apart:
            for position, (state, step) in enumerate(zip(self.states.states(digits), self.states.steps, strict=True)):
                out.append(np.eye(step.size)[state * step.shape[1] + digits[:, position]])
        scores = [*(_score_of(self.space, feature) for feature in self.shared), *self.live]
        units = [*self.units[:-1].tolist(), *(1.0 for _ in self.live)]
        out += [score.at(self.space, digits)[:, None] / unit for score, unit in zip(scores, units, strict=True)]
        if self.prior is not None:
            out.append(self.prior.at(self.space, digits)[:, None] / self.units[-1])
        return np.concatenate(out, axis=1)

    def weights(self, weights: NDArray[np.float64]) -> Weights:
        """Return the weights of columns by what they are of."""
        rest = weights
        choices = []
        for of in self.parts:
            own, rest = rest[: of.shape[1]], rest[of.shape[1] :]
            choices.append((of * own).sum(axis=1))
        if self.states is not None:
            choices = [np.tile(own, (len(step), 1)) for own, step in zip(choices, self.states.steps, strict=True)]
        if self.states is not None and self.told_apart:
            for position, step in enumerate(self.states.steps):
                own, rest = rest[: step.size], rest[step.size :]
                choices[position] = choices[position] + own.reshape(step.shape)
        constant = 0.0
        for feature, unit in zip(self.shared, self.units[:-1].tolist(), strict=True):
            choices = [own + rest[0] / unit * row for own, row in zip(choices, feature.table, strict=True)]
            constant += float(rest[0]) / unit * feature.base
            rest = rest[1:]
        live, rest = rest[: len(self.live)], rest[len(self.live) :]
        return Weights(choices, constant, live, 0.0 if self.prior is None else float(rest[0] / self.units[-1]))


@dataclass(frozen=True, eq=False)
class Weights:
    """What weighs what.

    Attributes
    ----------
    choices : list of float64[choices] or float64[states, choices]
        What each choice adds, by the states of `Design.states` if there are any.
    constant : float
        What every architecture has.
    live : float64[counts]
    prior : float
        Of each 1 of the prior's key.
    """

    choices: list[NDArray[np.float64]]
    constant: float
    live: NDArray[np.float64]
    prior: float


def shared_features(space: Space) -> list[Feature]:
    """Return the features of a space and, where nodes choose their inputs, how often a cell has each operation by them.

    An operation is from an input of the cell or from one of its nodes; what it is worth depends on that more than on
    the node that has it, so that few measured architectures tell.
    """
    tables: dict[str, list[NDArray[np.int64]]] = {}
    for group in space.groups:
        given = [[c for c in space.positions[p].choices if isinstance(c, Inputs)] for p in group.positions]
        inputs = {source for choice in given[0] for source in choice.sources}
        for position, choices in zip(group.positions, given, strict=True):
            for digit, choice in enumerate(choices):
                for operation, source in zip(choice.operations, choice.sources, strict=True):
                    where = f"{group.name}_from_{'input' if source in inputs else 'node'}"
                    for name in (where, f"{where}_{operation.name}"):
                        if name not in tables:
                            tables[name] = [np.zeros(n, np.int64) for n in space.radices.tolist()]
                        tables[name][position][digit] += 1
    added = (Feature(name, tuple(table), 0, "int32", "edges", "") for name, table in tables.items())
    return [*space.features.values(), *added]


def _score_of(space: Space, feature: Feature) -> AdditiveScore:
    if feature.name in space.features:
        return AdditiveScore.of_feature(feature)
    return AdditiveScore(feature.name, {"sum": list(feature.table)}, lambda total: total, per_group=False)


def design(space: Space, prior: str | None, digits: Digits) -> Design:
    """Return the columns for some measured architectures.

    Raises
    ------
    BadInput
        If the prior does not add up.
    """
    score = None if prior is None else find_score(space, prior)
    if score is not None and not (isinstance(score, AdditiveScore) and _is_whole(space, score)):
        raise BadInput(f"prior {prior} is no sum over positions of whole numbers: an additive fit needs one, or None")
    keys = [_score_of(space, feature).at(space, digits) for feature in shared_features(space)]
    keys.append(np.zeros(1) if score is None else score.at(space, digits))
    return Design(space, score, np.array([float(np.std(one)) / _WEAK or 1.0 for one in keys]))


def _step(tables: list[NDArray[np.float64]], steps: int) -> Fraction:
    """Return what sums are rounded to: of one digit, so that what is a step apart is so in decimals."""
    widest = max(float(np.ptp(table)) for table in tables)
    return Fraction(f"{widest / steps:.0e}") if widest else Fraction(1)


def _rounded(table: NDArray[np.float64], step: Fraction) -> NDArray[np.int64]:
    return np.rint(table / float(step)).astype(np.int64)


class AdditiveFit(Fit, AdditiveScore):
    """A fit that is a sum over positions, and perhaps a prior score.

    The sum is a normal score, in steps; the scale of what was measured makes a value of it.

    Parameters
    ----------
    about : About
    scale : NormalScale
    columns : Design
    ridge : Ridge
        Of normal scores.
    """

    def __init__(self, about: About, scale: NormalScale, columns: Design, ridge: Ridge) -> None:
        self.about, self.scale, self._design, self._ridge = about, scale, columns, ridge
        weights = columns.weights(ridge.weights)
        constant = weights.constant + ridge.constant - float((ridge.center * ridge.weights).sum())
        self._by_state: tuple[Machine, list[NDArray[np.int64]]] | None = None
        is_cell = isinstance(columns.space, CellSpace)
        if columns.prior is not None and not is_cell:
            self._beside_a_prior(weights, constant, columns.prior)
            return
        tables, machine = _of_cell(columns, weights) if is_cell else (weights.choices, None)
        self.step = _step(tables, _STEPS)
        rounded = [_rounded(table, self.step) for table in tables]
        rounded[0] = rounded[0] + round(Fraction(constant) / self.step)
        if machine is not None:
            self._by_state = machine, [table[..., None] for table in rounded]
            rounded = [np.zeros(radix, np.int64) for radix in columns.space.radices]
        scale_of_keys = self.step.numerator
        self._begin({"sum": rounded}, lambda total: total * scale_of_keys, ["rises"], per_group=False)

    def _begin(
        self,
        features: Mapping[str, FeatureSource],
        function: Callable[..., NDArray[np.int64]],
        monotone: list[Trend] | None,
        *,
        per_group: bool,
    ) -> None:
        AdditiveScore.__init__(
            self,
            self.about.name,
            features,
            function,
            dtype="float64",
            denominator=self.step.denominator,
            per_group=per_group,
            monotone=monotone,
            **said(self),
        )

    def _beside_a_prior(self, weights: Weights, constant: float, prior: AdditiveScore) -> None:
        """Make the score of a sum, and of the sums of a prior, group by group if the prior is."""
        tables = weights.choices
        coarse = _step(tables, _FEW_STEPS)
        groups = self._design.space.groups if prior.per_group else ()
        times = {p: group.multiplicity for group in groups for p in group.positions}
        whole = math.lcm(*times.values())
        self.step = coarse / (_FINE * whole)
        rounded = [_rounded(table, coarse) * (_FINE * whole // times.get(p, 1)) for p, table in enumerate(tables)]
        rounded[0] = rounded[0] + round(Fraction(constant) / (self.step * times.get(0, 1)))
        weight = round(weights.prior / float(self.step))
        low, high = extremes(self._design.space, prior)
        span = sum(int(np.ptp(table)) * times.get(p, 1) for p, table in enumerate(rounded)) + abs(weight) * (high - low)
        coarser = max(1, int(span) // (min(times.values(), default=1) * _SUMS))
        scale, function = self.step.numerator, prior.function

        def added(total: NDArray[np.int64], *sums: NDArray[np.int64]) -> NDArray[np.int64]:
            keys: NDArray[np.int64] = np.asarray(function(*sums))
            return (total + weight * keys) // coarser * (coarser * scale)

        trends = None if prior.monotone is None else [_WEAKLY[t, weight >= 0] for t in prior.monotone]
        monotone: list[Trend] | None = None if trends is None else ["never falls", *trends]
        self._begin({"sum": rounded, **prior.features}, added, monotone, per_group=prior.per_group)

    def tables(self, space: Space) -> list[NDArray[np.int64]]:
        """Return what each choice adds to each sum, by the states of `machine` if there are any."""
        self.check_space(space)
        return super().tables(space) if self._by_state is None else self._by_state[1]

    def machine(self, space: Space) -> Machine | None:
        """Return the machine whose states `tables` goes by; None if it needs none."""
        return super().machine(space) if self._by_state is None else self._by_state[0]

    def has_states(self, space: Space) -> bool:
        """Return whether `machine` returns one."""
        return self._by_state is not None or super().has_states(space)

    def values(self, keys: Keys) -> Values:
        """Return the values of keys: what the scale makes of normal scores."""
        return self.scale.valued(super().values(keys).astype(np.float64))

    def keys_of(self, values: Values) -> Keys:
        """Return the keys of values: whole numbers."""
        return np.rint(self.scale.scored(values.astype(np.float64), beyond=True) * self.denominator).astype(np.int64)

    def mean_and_std(self, digits: Digits) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the predicted normal scores of architectures, not rounded, and their standard deviations."""
        columns = self._design.columns(self.checked(digits))
        return self._ridge.predicted(columns), self._ridge.deviation(columns)

    def arrays(self) -> Arrays:
        """Return what a file holds beside what `about` says."""
        return {**self._ridge.arrays(), "units": self._design.units, **self.scale.arrays()}


def _of_cell(columns: Design, weights: Weights) -> tuple[list[NDArray[np.float64]], Machine | None]:
    """Return for each edge what each choice adds, by the states of a machine that knows what is live, and the residual.

    The machine is that of the live counts, if there are any, and one of two states: the residual skip as guessed.
    """
    space, prior = columns.space, columns.prior
    assert isinstance(space, CellSpace)
    machines = [score.machine(space) for score in columns.live[:1]]
    if isinstance(prior, LiveScore) and not machines:
        machines.append(prior.machine(space))
    guess, adds = _by_residual(space, prior, weights.prior) if prior is not None else (None, [])
    if guess is not None:
        machines.append(guess)
    if not machines:
        return weights.choices, None
    steps, states = product_of(machines)
    out = []
    for edge, plain in enumerate(weights.choices):
        known = states[edge]
        table = np.tile(plain, (len(steps[edge]), 1))
        for score, weight in zip(columns.live, weights.live, strict=True):
            table += weight * score.tables(space)[edge][known[0], :, 0]
        if guess is not None:
            own = adds[edge][known[-1]]  # by residual; by choice, or by what is live and choice
            table += own if own.ndim == 2 else own[np.arange(len(own)), known[0]]
        out.append(table)
    return out, Machine("fit", steps)


def _by_residual(space: CellSpace, prior: AdditiveScore, weight: float) -> tuple[Machine, list[NDArray[np.float64]]]:
    """Return the machine that guesses the residual skip, and what each choice adds to a prior by it.

    For each edge float64[2, choices], or float64[2, live states, choices] if the prior is of what is live.
    """
    names = list(prior.features)
    guessed = names.index("residual") if "residual" in names else None
    through = space.edges.index((0, space.nodes - 1))
    is_skip = space.features["residual"].table[through]
    steps, adds = [], []
    begin, slope = zip(*(_straight(space, prior, guessed, residual) for residual in (0, 1)), strict=True)
    for edge, table in enumerate(prior.tables(space)):
        step = np.tile(np.arange(2, dtype=np.int32)[:, None], (1, space.radices[edge]))
        if edge == through:
            step = np.where(is_skip == np.arange(2)[:, None], step, np.int32(-1))
        steps.append(np.where(step < 0, step, np.int32(0)) if edge == len(space.edges) - 1 else step)
        first = np.array(begin) if edge == 0 else np.zeros(2)
        own = np.stack([(table * one).sum(axis=-1) + start for one, start in zip(slope, first, strict=True)])
        adds.append(weight * own)
    return Machine("residual", steps), adds


def _straight(
    space: Space, prior: AdditiveScore, guessed: int | None, residual: int
) -> tuple[float, NDArray[np.float64]]:
    """Return a prior's key without anything, and what each 1 of each sum adds, given the residual skip.

    Raises
    ------
    BadInput
        If it does not grow straight with its sums.
    """
    number = len(prior.features)
    at = np.zeros((number + 2, number), np.int64)
    at[1 : number + 1] = np.eye(number, dtype=np.int64)
    at[-1] = np.arange(3, 3 + number)
    if guessed is not None:
        at[:, guessed] = residual
    begin, *each, checked = prior.keys(space, at).astype(np.float64).tolist()
    slope = np.array(each) - begin
    if guessed is not None:
        slope[guessed] = 0.0
    if abs(begin + float((slope * at[-1]).sum()) - checked) > 1e-6 * max(1.0, abs(checked)):
        raise BadInput(f"prior {prior.name} does not add up, whether or not there is a residual skip: sed does")
    return begin, slope
