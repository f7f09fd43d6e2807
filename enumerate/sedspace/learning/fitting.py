"""`fit`: from a table of measured architectures to a score; and back from its file."""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sedspace.draws import checked_seed
from sedspace.errors import BadInput, SedspaceError, as_int, first_line, unknown
from sedspace.learning.additive import AdditiveFit
from sedspace.learning.features import PRIORS
from sedspace.learning.file import Arrays, parsed, read
from sedspace.learning.fitted import About, Fit, LearnedFit
from sedspace.learning.judged import judged
from sedspace.learning.learners import MODELS, AnyLearner, Learner, SumLearner, restored
from sedspace.learning.measured import Measured, Repeated, measured
from sedspace.scores import Score, known_scores, register_again, registered
from sedspace.scores.base import RESERVED
from sedspace.scores.cost import column_name
from sedspace.spaces import Space
from sedspace.spaces import space as find_space

MOST_GAUSSIAN = 2000  # rows that a Gaussian process is the default for
_MOST_ASKED = 1 << 28  # architectures; a model that is no sum takes microseconds for each
BESIDE = ("sed", "live_sed", "propagated_sed", "params")
"""Scores that learn nothing, beside which a fit is judged."""


def fit(
    space: str | Space,
    table: pl.DataFrame | str | Path,
    column: str,
    *,
    model: str | None = None,
    features: str | Sequence[str] | None = None,
    prior: str | Score | None = PRIORS[0],
    name: str | None = None,
    repeated: Repeated = "mean",
    ascending: bool = False,
    repeats: int | None = None,
    seed: int = 0,
) -> Fit:
    """Learn a score from a few measured architectures: a column, a ranking, an uncertainty of all others.

    Parameters
    ----------
    space : str or Space
    table : polars.DataFrame, or path of a Parquet or CSV file
        With a column ``arch`` (the field's strings) or ``index``, and measurements.
    column : str
        What was measured: accuracies, say.
    model : {"gaussian", "forest", "boosting", "additive"}, optional
        A Gaussian process, a random forest, gradient boosting (both of scikit-learn), or a sum over positions. That
        alone has exact answers about spaces of any size; on cells it predicts worse, however many are measured.
        Default: a Gaussian process up to 2,000 rows, boosting beyond; a sum where a space has more than 2^28
        architectures, since the others must be asked of each.
    features : {"topology", "choices", "counts"} or sequence of str, optional
        What to learn from: features of the graph; what stands at each position, beside what the space counts; that
        alone; or these columns. A sum knows its own. Default: the topology where a space has one, else the choices.
    prior : str, Score or None, default "propagated_sed"
        A score of the space, or one that is registered, that is right on average, so that less must be learned. Where
        a space has no propagated SED it is live SED, else SED; of a sum live SED if the space can be gone through, else
        SED.
    name : str, optional
        The score's name. Default: `column`.
    repeated : {"mean", "refuse"}, default "mean"
        What to do about an architecture with different values.
    ascending : bool, default False
        Whether less is better: of a latency, say. It matters to `Fit.judgement` only.
    repeats : int, optional
        How often the rows are divided into five parts, each to be predicted from the others; 0 to judge nothing.
        Default: 10 times up to 200 rows, 3 times up to 2,000, else twice.
    seed : int, default 0
        Of these divisions, of forests and of boosting.

    Returns
    -------
    Fit
        Also a `Score`. It says what was chosen (`Fit.notes`) and how well it predicts (`Fit.judgement`).

    Raises
    ------
    BadInput
        If a row has no number or is of another space, there are fewer than 8 architectures, all of the same value, or a
        model is not installed.

    Examples
    --------
    >>> import sedspace as ss
    >>> measured = ss.sample("tss", 40, stratify="sed", seed=1).select("index", accuracy="sed")
    >>> fit = ss.fit("tss", measured, "accuracy", repeats=1)
    >>> fit.model, fit.rows, fit.judgement["spearman"][0] > 0.9
    ('gaussian', 40, True)
    >>> ss.top_k("tss", 1, fit)["index"].item()
    11668
    """
    space = find_space(space)
    rows = measured(space, table, column, repeated)
    chosen = _model(space, len(rows), model)
    title = _title(space, column, name)
    times = _repeats(len(rows), repeats)
    learner: Learner
    if chosen == "additive":
        learner = SumLearner(rows, features, prior)
    else:
        learner = AnyLearner(rows, chosen, features, prior, checked_seed(seed))
    said = (f"model: {chosen}",) if model is None else ()
    notes = (*rows.notes, *said, *learner.notes)
    about = About(title, chosen, learner.features, learner.prior, seed, rows, None, notes)
    if times:
        about = replace(about, judgement=_judged(title, rows, learner, times, seed, ascending))
    return learner.fit(about)


def read_fit(path: str | Path) -> Fit:
    """Read a fit that `Fit.save` has written: the same file gives the same values.

    Raises
    ------
    BadInput
        If there is no such file, it is damaged, or is of another version or space.

    Examples
    --------
    >>> import sedspace as ss, tempfile
    >>> fit = ss.fit("tss", ss.sample("tss", 40, stratify="sed", seed=1), "sed", name="good", repeats=0)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     fit.save(directory + "/good.score")
    ...     again = ss.read_fit(directory + "/good.score")
    >>> ss.top_k("tss", 1, again).equals(ss.top_k("tss", 1, fit))
    True
    """
    return _restored(*read(path), f"fit {path}")


def _restored(said: Mapping[str, Any], rows: Measured, arrays: Arrays, what: str) -> Fit:
    """Return the fit of what a file says and holds; `what` is what errors call it."""
    try:
        names = ("name", "model", "features", "prior", "seed", "judgement", "notes")
        name, model, features, prior, seed, judgement, notes = (said[one] for one in names)
        given = features if isinstance(features, str) else tuple(features)
        return restored(About(name, model, given, prior, seed, rows, judgement, tuple(notes)), arrays)
    except SedspaceError as error:
        raise BadInput(f"{what}: {error}") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BadInput(f"{what} is none: {first_line(error)}") from None


def _unpickled(data: bytes, needed: Mapping[str, Score]) -> Fit:
    """Return the fit of the bytes of a file; the scores that it goes by are registered where it comes to."""
    register_again({name: score for name, score in needed.items() if name not in registered()})
    return _restored(*parsed(data, "pickled fit"), "pickled fit")


def _reduced(fit: Fit) -> tuple[Callable[[bytes, Mapping[str, Score]], Fit], tuple[bytes, dict[str, Score]]]:
    """Return what is pickled of a fit: the bytes of its file, which hold arrays and JSON."""
    return _unpickled, (fit.to_bytes(), {n: one for n, one in registered().items() if n in fit.about.scores})


for _kind in (AdditiveFit, LearnedFit):
    copyreg.pickle(_kind, _reduced)


def _model(space: Space, rows: int, given: str | None) -> str:
    """Return the model that is meant."""
    if given is not None and given not in (known := (*MODELS, "additive")):
        raise unknown("model", given, known)
    if given is not None:
        return given
    if space.size > _MOST_ASKED:
        return "additive"
    return "gaussian" if rows <= MOST_GAUSSIAN else "boosting"


def _title(space: Space, column: str, given: str | None) -> str:
    """Return the name of the score; raise `BadInput` for one that the space has already."""
    name = column_name(column) if given is None else given
    if (name in known_scores(space) and name not in registered()) or name in RESERVED:
        raise BadInput(f"score name {name!r} is taken by sedspace: give another name")
    return name


def _repeats(rows: int, given: int | None) -> int:
    """Return how often rows are divided."""
    if given is None:
        return 10 if rows <= 200 else 3 if rows <= 2000 else 2
    if (number := as_int(given, "repeats")) < 0:
        raise BadInput(f"repeats {number}: expected 0 or more")
    return number


def _judged(title: str, rows: Measured, learner: Learner, repeats: int, seed: int, ascending: bool) -> pl.DataFrame:
    """Return how well a learner does on what it has not seen, beside scores that learn nothing."""
    known, digits = known_scores(rows.space), rows.digits
    names = dict.fromkeys([*BESIDE, *([] if learner.prior is None else [learner.prior])])
    others = {
        one: known[one].values(known[one].at(rows.space, digits)).astype(np.float64) for one in names if one in known
    }
    return judged(rows.values, {title: learner.predict}, others, repeats, seed, ascending)
