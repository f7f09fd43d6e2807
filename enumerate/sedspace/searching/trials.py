"""Optuna: a trial asked for an architecture, one categorical parameter for each position where there is a choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput, as_number, first_line, needs
from sedspace.spaces import Space
from sedspace.spaces import space as find_space

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_MOST = 10_000  # choices that a sampler keeps a weight of
_SHOWN = 10  # choices in an error


class Suggests(Protocol):
    """What a trial of Optuna's is here; ``FixedTrial`` is another."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""


def suggest_index(trial: Suggests, space: str | Space) -> int:
    """Have a trial of Optuna's suggest an architecture, position by position.

    A parameter is a position, its values the names of the choices there. Where not all combinations exist (rules,
    variable depth), only choices with which there is an architecture are asked for: the parameter then is called after
    them, too, as in ``stage 1 block 3 (1-9)``, since Optuna wants the values of a parameter to stay the same. A
    position that has one choice left is not asked for.

    Parameters
    ----------
    trial : optuna.trial.Trial
        Or a ``FixedTrial`` of a study's ``best_params``, to have the index of that architecture.
    space : str or Space

    Returns
    -------
    int
        The index.

    Raises
    ------
    BadInput
        If a position has over 10,000 choices, as that of `nb101` has, or the trial has no such choice.

    Examples
    --------
    >>> import optuna, sedspace as ss
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> space = ss.restrict("tss5", ss.AtMost(2, "avg_pool_3x3"))
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    >>> study.add_trial(ss.trial_of(space, 0, -0.5))  # measured already
    >>> for _ in range(30):
    ...     trial = study.ask()
    ...     index = ss.suggest_index(trial, space)
    ...     _ = study.tell(trial, ss.score(space, "sed", indices=[index]).item())
    >>> best = ss.suggest_index(optuna.trial.FixedTrial(study.best_params), space)
    >>> ss.score(space, "sed", indices=[best]).item() == study.best_value > 6
    True
    """
    space = find_space(space)
    if not hasattr(trial, "suggest_categorical"):
        raise BadInput(f"trial {trial!r}: expected one of Optuna's, as study.ask() returns it")

    def chosen(position: int, name: str, names: Sequence[str]) -> int:
        try:
            return names.index(trial.suggest_categorical(name, names))
        except ValueError as error:
            listed = f"{', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
            raise BadInput(f"the trial at {name}: {first_line(error)}: expected one of {listed}") from None

    return space.index(_walk(space, chosen))


def trial_of(space: str | Space, index: int, values: float | Sequence[float]) -> FrozenTrial:
    """Return a measured architecture as a finished trial, for ``study.add_trial``.

    Its ``params`` are what ``study.enqueue_trial`` takes to have an architecture measured next.

    Parameters
    ----------
    space : str or Space
    index : int
    values : float or sequence of float
        What was measured: one for each objective.

    Returns
    -------
    optuna.trial.FrozenTrial

    Raises
    ------
    BadInput
        If Optuna is not installed, or the space has no such architecture.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.trial_of("tss", 11668, 94.36).params["0->3"]
    'skip_connect'
    """
    try:
        from optuna.distributions import CategoricalDistribution
        from optuna.trial import create_trial
    except ModuleNotFoundError as error:
        raise needs("optuna", "search", "trials need") from error
    space = find_space(space)
    digits = space.digits(index)
    params: dict[str, str] = {}
    known: dict[str, Any] = {}

    def chosen(position: int, name: str, names: Sequence[str]) -> int:
        params[name] = space.positions[position].choices[digits[position]].name
        known[name] = CategoricalDistribution(names)
        return names.index(params[name])

    _walk(space, chosen)
    measured = list(values) if isinstance(values, Iterable) else [values]
    numbers = [float(as_number(value, "value of a trial")) for value in measured]
    if not numbers:
        raise BadInput(f"values {values!r}: expected one for each objective")
    return create_trial(params=params, distributions=known, values=numbers)


def _walk(space: Space, chosen: Callable[[int, str, Sequence[str]], int]) -> list[int]:
    """Return the digits of an architecture, asking for those that are not settled.

    `chosen` takes the number of a position, the name of the parameter and those of the choices that are left there,
    and returns the place of one among them.
    """
    digits: list[int] = []
    ways: NDArray[np.integer] = np.arange(1 if space.machine is None else space.machine.beginnings)
    for number, position in enumerate(space.positions):
        if len(position.choices) > _MOST:
            many = f"{len(position.choices):,} choices of {position.name}"
            raise BadInput(f"{space.name} has {many}, expected at most {_MOST:,} to suggest from")
        step = None if space.machine is None else space.machine.steps[number][ways]
        left = range(len(position.choices)) if step is None else np.flatnonzero((step >= 0).any(axis=0)).tolist()
        names = [position.choices[choice].name for choice in left]
        name = position.name if len(left) == len(position.choices) else f"{position.name} ({_ranges(left)})"
        digits.append(left[chosen(number, name, names) if len(left) > 1 else 0])
        if step is not None:
            ways = step[:, digits[-1]]
            ways = ways[ways >= 0]
    return digits


def _ranges(numbers: Iterable[int]) -> str:
    """Return ascending numbers as text.

    Examples
    --------
    >>> _ranges([0, 2, 3, 4])
    '0,2-4'
    """
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
