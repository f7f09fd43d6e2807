"""Questions to a run, answered by polars."""

from __future__ import annotations

import polars as pl

from sedspace.errors import BadInput, unknown
from sedspace.runs import Run
from sedspace.where import Condition


def top(run: Run, k: int = 10, by: str = "sed", where: str | None = None) -> pl.DataFrame:
    """Return the k rows of a run that are best by a column, ties by the lowest index.

    Parameters
    ----------
    run : Run
    k : int, default 10
    by : str, default "sed"
        A numeric column of the run; greater is better.
    where : str, optional
        A condition on columns of the run in SQL, such as ``params < 1000000 AND n_skip <= 2``.

    Returns
    -------
    polars.DataFrame
        All columns of the run and ``arch``, best first; fewer than k rows if fewer meet the condition.

    Raises
    ------
    BadInput
        If a column is unknown, the condition cannot be read, or k is below 1.

    Examples
    --------
    >>> import sedspace as ss, tempfile
    >>> from sedspace.query import top
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
    ...     top(run, 2, where="n_skip = 0")["index"].to_list()
    [11718, 8593]
    """
    if k < 1:
        raise BadInput(f"k {k}: expected 1 or more")
    frame = run.scan()
    columns = {column.name: column.dtype for column in run.request.columns}
    if by not in columns:
        raise unknown("column", by, columns)
    if columns[by] == "string":
        raise BadInput(f"column {by!r} is text: expected a numeric one to rank by")
    if where is not None:
        frame = frame.filter(Condition(where, columns).expression)
    if columns[by].startswith("float"):
        frame = frame.filter(pl.col(by).is_not_nan())
    best: pl.DataFrame = frame.sort([by, "index"], descending=[True, False]).head(k).collect()
    if "arch" not in columns:
        best = best.with_columns(arch=pl.Series(run.space.arch(best["index"].to_numpy()), dtype=pl.String))
    return best
