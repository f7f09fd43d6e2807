"""Questions that a run and a space answer alike."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from sedspace import counting
from sedspace.errors import BadInput, as_names
from sedspace.runs import Run
from sedspace.scores import Score
from sedspace.spaces import Space
from sedspace.spaces import space as find_space


def top_k(
    target: str | Space | Run,
    k: int = 10,
    by: str | Score = "sed",
    start: int = 0,
    stop: int | None = None,
    *,
    where: str | None = None,
    unique: str | None = None,
    columns: Sequence[str | Score] | None = None,
    ascending: bool = False,
    threads: int | None = None,
) -> pl.DataFrame:
    """Return the k best architectures of a space or a run by a score, ties by the lowest index.

    A whole space of any size is answered from its classes, and so is a condition. A range of indices without one is
    gone through by blocks, of which those that cannot hold any of the best are passed over; so is a space by a score
    that is no sum over positions, or that has too many classes. By a score with a bound (`BoundedScore`) a space of any
    size is gone through in the order of the bound, as far as need be. Where bounds joined by AND make too many classes,
    beginnings of architectures are searched, the most promising first. A run is answered from its files. NaN never
    ranks.

    Parameters
    ----------
    target : str, Space or Run
        A space or its name, or a run as `open_run` returns it.
    k : int, default 10
    by : str or Score, default "sed"
        Of a run a numeric column.
    start, stop : int
        The range of indices; `stop` is excluded and defaults to the size of the space. Of spaces only.
    where : str, optional
        A condition in SQL on features and scores, of a run on its columns, such as ``params < 500000 AND n_skip <= 2``.
    unique : {"functional"}, optional
        Keep one architecture of each functional class only, the lowest index (`functional_class`).
    columns : sequence of str or Score, optional
        What else to return of the architectures that are found. Default: nothing, of a run all its columns.
    ascending : bool, default False
        Whether less is better.
    threads : int, optional
        For going through a range of a space. Default: every CPU that this process may use.

    Returns
    -------
    polars.DataFrame
        ``index``, the score, `columns` and ``arch``, best first; fewer rows if fewer architectures meet the condition.

    Raises
    ------
    BadInput
        If a name is unknown, the range is not within the space, k is below 1, or a condition names a score that is not
        additive.
    RunError
        If a file of the run is not what was written.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.top_k("tss", 2)["index"].to_list()
    [11668, 8543]
    >>> ss.top_k("darts", 1, where="n_skip_normal <= 2").select("index", "sed").row(0)
    (356390693942621272, 378.125)
    """
    if isinstance(target, Run):
        _refuse_range(target, start, stop)
        _refuse(target, threads=threads)
        name = by.name if isinstance(by, Score) else by
        return target.top(k, name, where=where, unique=unique, columns=columns, ascending=ascending)
    more = [] if columns is None else [one for one in as_names(columns, "columns") if one not in ("index", "arch")]
    return counting.top_k(
        target,
        k,
        by,
        start,
        stop,
        where=where,
        unique=unique,
        columns=more,
        ascending=ascending,
        threads=threads,
    )


def sample(
    target: str | Space | Run,
    n: int,
    *,
    stratify: str | Score | None = None,
    strata: int | None = None,
    importance: str | Score | None = None,
    temperature: float | None = None,
    where: str | None = None,
    unique: str | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Draw random architectures from a space of any size or from a run, reproducibly.

    Three ways, all exactly uniform among the architectures that they treat alike; those whose score is not finite are
    left out:

    - by default, n different architectures, every set of n equally likely;
    - with `stratify`, n different ones spread evenly over the strata of a score: its distinct values, or `strata`
      intervals of equal width. A stratum that has fewer than its share gives all it has and the others give more; what
      cannot be divided, or the whole of n if there are more strata than that, falls to strata at random;
    - with `importance`, n draws with replacement in which an architecture's probability is proportional to
      ``exp(score / temperature)``.

    Parameters
    ----------
    target : str, Space or Run
        A space or its name, or a run as `open_run` returns it.
    n : int
    stratify : str or Score, optional
        Of a run a numeric column.
    strata : int, optional
        How many intervals. Default: every distinct value is a stratum. Of spaces only.
    importance : str or Score, optional
        Of spaces only.
    temperature : float, optional
        In the unit of the score `importance`: towards 0 only the best are drawn; a negative one prefers low scores.
        Default: 1.
    where : str, optional
        A condition in SQL on features and scores, of a run on its columns: only what meets it is drawn.
    unique : {"functional"}, optional
        Keep one architecture of each functional class only, the lowest index (`functional_class`).
    seed : int, default 0
        The same seed gives the same architectures, on any machine.

    Returns
    -------
    polars.DataFrame
        ``index``, the score if there is one, ``weight`` (how many architectures this one stands for; over all draws the
        weights add up to about the number of architectures) or, with `importance`, ``probability`` (of one draw), and
        ``arch``; by index within a stratum, in the order of the draws with `importance`. Of a run all its columns and
        ``arch``, by index.

    Raises
    ------
    BadInput
        If a name is unknown, a score of a large space is not additive, there are fewer than n architectures, or options
        contradict.
    RunError
        If a file of the run is not what was written.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.sample("tss8", 2, seed=1)["index"].to_list()
    [14089154938208861744, 20621960193491350588]
    >>> ss.sample("tss5", 64, stratify="sed")["sed"].n_unique()
    64
    """
    if isinstance(target, Run):
        _refuse(target, strata=strata, importance=importance, temperature=temperature)
        name = stratify.name if isinstance(stratify, Score) else stratify
        return target.sample(n, stratify=name, where=where, unique=unique, seed=seed)
    return counting.sample(
        target,
        n,
        stratify=stratify,
        strata=strata,
        importance=importance,
        temperature=temperature,
        where=where,
        unique=unique,
        seed=seed,
    )


def space_of(target: str | Space | Run) -> Space:
    """Return the space of what `top_k` and `sample` take."""
    return target.space if isinstance(target, Run) else find_space(target)


def _refuse_range(run: Run, start: int, stop: int | None) -> None:
    if (start, stop) != (0, None):
        raise BadInput(
            f"range {start}:{'' if stop is None else stop} is for spaces, and {run.path} is a run: use where='index >= "
            f"A AND index < B'"
        )


def _refuse(run: Run, **options: object) -> None:
    """Raise `BadInput` if an option was given that a run has no answer to."""
    for name, value in options.items():
        if value is not None:
            raise BadInput(f"{name} is for spaces, and {run.path} is a run")
