"""Additive scores: a table of integers per position, summed over a cell, then a function of the sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedspace.errors import BadInput
from sedspace.scores.base import Keys, Score, Values, as_keys
from sedspace.scores.blocks import Layout, Tables, first_layout, layouts
from sedspace.scores.one_by_one import OneByOne, merge_counts
from sedspace.scores.ranking import Ranked, keep_best, opposite, threshold
from sedspace.spaces import Operation, Space
from sedspace.spaces.machine import Machine
from sedspace.spaces.parts import Digits, Feature, Table
from sedspace_kernels.parallel import split

FeatureSource = str | Mapping[str, int] | Callable[[Operation], int] | Sequence[ArrayLike]

Trend = Literal["rises", "falls", "never falls", "never rises"]
"""What a score does when one of its sums grows and the others stay: strictly so, or at least never the opposite."""


class AdditiveScore(OneByOne):
    """A score ``sum over groups of multiplicity * function(feature sums of the group) / denominator``.

    Parameters
    ----------
    name : str
        The column's name.
    features : mapping
        Where the integers of each argument of `function` come from: the name of a feature of the space (its whole
        value, the base included), integers by operation name (0 for those not named), a function of an `Operation`, or
        one row per position of one integer per choice, or of such rows by the states of the space's `feature_machine`.
    function : callable
        Called with one int64 array of feature sums per feature, in order, all of one shape, for many architectures at
        once, also ones beside a range that is asked for; must return numbers of that shape. Integers make the score
        exact as long as they stay within int64; floats are compared as float64.
    dtype : str, default "float32"
        The type of the values as written.
    denominator : int, default 1
        The values are ``function / denominator``: keep it on an integer lattice and ties stay ties.
    unit, meaning : str
        Written into every file that has the column.
    parameters : mapping of str to str, optional
        What the score was made with: recorded in every run, compared when one is continued.
    monotone : sequence of str, optional
        What the score does when each feature grows and the others stay: "rises", "falls", "never falls" or "never
        rises". Said of all integers that the features' sums may lie between, it is what allows to optimise where
        classes are too many to count. Default: unknown.
    per_group : bool, default True
        Whether `function` is applied to each group of positions and weighted by its multiplicity, or once to the sums
        over the whole architecture.

    Raises
    ------
    BadInput
        If the name cannot be a column's, there are no features, or the dtype is another. When the score is used: if a
        feature or operation is unknown, `function` fails or returns another shape, or a value does not fit `dtype`.

    Examples
    --------
    >>> import sedspace as ss
    >>> convs = ss.AdditiveScore("convs", {"n": {"nor_conv_1x1": 1, "nor_conv_3x3": 1}}, lambda n: n, dtype="uint8")
    >>> ss.score("tss", convs, start=11665, stop=11670)
    array([4, 4, 5, 5, 4], dtype=uint8)
    """

    def __init__(
        self,
        name: str,
        features: Mapping[str, FeatureSource],
        function: Callable[..., ArrayLike],
        *,
        dtype: str = "float32",
        denominator: int = 1,
        unit: str = "",
        meaning: str = "",
        per_group: bool = True,
        parameters: Mapping[str, str] | None = None,
        monotone: Sequence[Trend] | None = None,
    ) -> None:
        super().__init__(name, dtype, denominator, unit, meaning, parameters or {})
        if not isinstance(features, Mapping) or not features or not all(isinstance(key, str) for key in features):
            raise BadInput(f"score {name}: features {features!r}, expected one table or more by their names")
        if not callable(function):
            raise BadInput(f"score {name}: {function!r}, expected a function of the features")
        if monotone is not None and [trend in get_args(Trend) for trend in monotone] != [True] * len(features):
            raise BadInput(
                f"score {name}: monotone {monotone!r}, expected one of {', '.join(get_args(Trend))} for each of its "
                f"{len(features)} features"
            )
        self.monotone = None if monotone is None else tuple(monotone)
        self.features = dict(features)
        self.function = function
        self.per_group = per_group

    @classmethod
    def of_feature(cls, feature: Feature) -> AdditiveScore:
        """Return the score whose value is a feature of the space itself."""
        return cls(
            feature.name,
            {feature.name: feature.name},
            lambda total: total,
            dtype=feature.dtype,
            unit=feature.unit,
            meaning=feature.meaning,
            per_group=False,
            monotone=["rises"],
        )

    def tables(self, space: Space) -> list[NDArray[np.int64]]:
        """Return for each position int64[choices, groups * features]: what each choice adds to each sum.

        By the states of `machine`, int64[states, choices, groups * features], if the score has one.
        """
        tables, groups, machine = self._given(space), self._groups(space), self.machine(space)
        states = [()] * len(space.positions) if machine is None else [(len(step),) for step in machine.steps]
        width = len(groups) * len(tables)
        out = [np.zeros((*known, radix, width), np.int64) for known, radix in zip(states, space.radices, strict=True)]
        for g, (positions, _) in enumerate(groups):
            for f, table in enumerate(tables):
                for p in positions:
                    out[p][..., g * len(tables) + f] = table[p]
        every = np.concatenate([table.reshape(-1, width) for table in out])
        bound = len(out) * max(int(every.max(initial=0)), -int(every.min(initial=0)))
        self._check_reach(space, bound)
        return out

    def _check_reach(self, space: Space, bound: int) -> None:
        """Raise `BadInput` if feature sums up to a bound would leave int64."""
        if bound >= 1 << 62:
            raise BadInput(f"score {self.name}: feature sums over {space.name} could reach {bound}, beyond int64")

    def machine(self, space: Space) -> Machine | None:
        """Return the machine whose states `tables` goes by; None if it needs none."""
        if space.feature_machine is None:
            return None
        by_state = any(row.ndim == 2 for table in self._given(space) for row in table)
        return space.feature_machine if by_state else None

    def _given(self, space: Space) -> list[Table]:
        """Return the table of each feature."""
        try:
            return [space.table(source) for source in self.features.values()]
        except BadInput as error:
            raise BadInput(f"score {self.name} on {space.name}: {error}") from None

    def has_states(self, space: Space) -> bool:
        """Return whether `machine` returns one: a score whose machine takes long to make can tell without it."""
        return self.machine(space) is not None

    def keys(self, space: Space, sums: NDArray[np.int64]) -> Keys:
        """Return the keys of feature sums of shape (..., groups * features), laid out as `tables` does."""
        by_group = np.split(sums, len(self._groups(space)), axis=-1)
        parts = [self.group_keys(space, group, own) for group, own in enumerate(by_group)]
        return np.array(sum(parts[1:], parts[0]))

    def group_keys(self, space: Space, group: int, sums: NDArray[np.int64]) -> Keys:
        """Return what one group with feature sums of shape (..., features) adds to the keys."""
        multiplicity = self._groups(space)[group][1]
        values = self._called([sums[..., f] + base for f, base in enumerate(self._bases(space))])
        if values.dtype.kind not in "iufb":
            raise BadInput(
                f"score {self.name}: its function returned {values.dtype} values, expected integers or floats"
            )
        if values.shape != sums.shape[:-1]:
            raise BadInput(
                f"score {self.name}: its function returned shape {values.shape} for sums of {sums.shape[:-1]}"
            )
        return multiplicity * as_keys(values, f"score {self.name}: its function")

    def _called(self, arguments: list[NDArray[np.int64]]) -> Keys:
        try:
            return np.asarray(self.function(*arguments))
        except Exception as error:  # the user's own function may raise anything
            what = f"{type(error).__name__}: {error}".replace("\n", " ")
            raise BadInput(f"score {self.name}: its function failed on arrays of feature sums: {what}") from error

    def _bases(self, space: Space) -> list[int]:
        """Return what an architecture has of each feature before any position counts."""
        known = space.features
        named = [source if isinstance(source, str) else "" for source in self.features.values()]
        bases = [known[name].base if name in known else 0 for name in named]
        if any(bases) and len(self._groups(space)) > 1:
            raise BadInput(f"score {self.name} uses costs of the whole network of {space.name}: per_group=False?")
        return bases

    def _groups(self, space: Space) -> list[tuple[Sequence[int], int]]:
        if self.per_group:
            return [(group.positions, group.multiplicity) for group in space.groups]
        return [(range(len(space.positions)), 1)]

    def at(self, space: Space, digits: Digits) -> Keys:
        """Return the keys of any architectures: look up every position, add, apply `function`."""
        return self.lookup(space)(digits)

    def lookup(self, space: Space) -> Callable[[Digits], Keys]:
        """Return what `at` does on a space: its tables are put together once."""
        tables, machine = self.tables(space), self.machine(space)

        def looked_up(digits: Digits) -> Keys:
            if machine is not None:
                states = machine.states(digits)
                sums = sum(table[states[p], digits[:, p]] for p, table in enumerate(tables))
            else:
                sums = sum(table[digits[:, p]] for p, table in enumerate(tables))
            return self.keys(space, np.asarray(sums))

        return looked_up

    def _keys(self, space: Space, start: int, stop: int, threads: int) -> Keys:
        def part(lo: int, hi: int) -> Keys:
            return self.at(space, space.digits_of_range(start + lo, start + hi))

        return np.concatenate(split(part, stop - start, threads, 1 << 14))

    def fill(self, space: Space, start: int, out: Values, threads: int) -> None:
        """Write the values of the architectures from `start` on into `out`."""
        if not is_by_blocks(space, self):
            super().fill(space, start, out, threads)
            return
        tables, done = Tables(self.tables(space)), 0
        while done < len(out):
            layout = first_layout(tables, start + done, start + len(out))
            by_class = self.values(self.keys(space, layout.sums()))
            layout.fill(by_class, out[done : done + layout.length], threads)
            done += layout.length

    def histogram(self, space: Space, start: int, stop: int, threads: int) -> tuple[Keys, NDArray[np.int64]]:
        """Return the distinct keys of a range, ascending, and how often each occurs."""
        if not is_by_blocks(space, self):
            return super().histogram(space, start, stop, threads)
        parts = []
        for layout in layouts(self.tables(space), start, stop):
            levels, level_of = np.unique(self.keys(space, layout.sums()), return_inverse=True)
            rows = layout.rows(level_of.reshape(len(layout.high), len(layout.low)))
            parts.append((levels, layout.count(rows, len(levels), threads)))
        return merge_counts(parts)

    def best(
        self, space: Space, start: int, stop: int, k: int, threads: int, ascending: bool = False
    ) -> tuple[Keys, list[int]]:
        """Return the keys and indices of the k best of a range."""
        if not is_by_blocks(space, self):
            return super().best(space, start, stop, k, threads, ascending)
        best: Ranked | None = None
        base = start
        for layout in layouts(self.tables(space), start, stop):
            keys = self.comparable(self.keys(space, layout.sums()))
            rows = layout.rows(opposite(keys) if ascending else keys)
            best = best or Ranked(rows[0, :0], np.empty(0, np.int64))
            found = layout.best(rows, k, threshold(best, k), threads)
            best = keep_best([best, Ranked(found.keys, found.offsets + (layout.start - base))], k)
        if best is None:
            return np.empty(0, np.int64), []
        return opposite(best.keys) if ascending else best.keys, [base + offset for offset in best.offsets.tolist()]


def is_by_blocks(space: Space, score: Score) -> bool:
    """Return whether a score is filled in by blocks of equal sums: if it needs no states, nor does the space."""
    return isinstance(score, AdditiveScore) and space.machine is None and not score.has_states(space)


class Together:
    """Several additive scores of one space, whose tables are looked up together.

    Parameters
    ----------
    space : Space
    scorers : sequence of AdditiveScore
    """

    def __init__(self, space: Space, scorers: Sequence[AdditiveScore]) -> None:
        self.space = space
        self.columns: list[tuple[AdditiveScore, slice]] = []
        tables, width = [], 0
        for scorer in {scorer.name: scorer for scorer in scorers}.values():
            tables.append(scorer.tables(space))
            self.columns.append((scorer, slice(width, width + tables[-1][0].shape[1])))
            width = self.columns[-1][1].stop
        self.tables = [np.hstack(at_position) for at_position in zip(*tables, strict=True)]

    def layouts(self, start: int, stop: int) -> Iterator[Layout]:
        """Cut a range into layouts."""
        return layouts(self.tables, start, stop)

    def values(self, layout: Layout) -> dict[str, Values]:
        """Return the values of each score by (high, low) class."""
        return {
            scorer.name: scorer.values(scorer.keys(self.space, layout.sums(columns)))
            for scorer, columns in self.columns
        }
