"""Questions to a run, answered by polars."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.parquet as pq

from sedspace.condition import Condition, refuse_endless, shown
from sedspace.counting.drawing import check_enough, shares_of
from sedspace.counting.membership import seeded, subset
from sedspace.errors import BadInput, RunError, first_line, unknown
from sedspace.runs import Run
from sedspace.scores import at_least_one, check_rows_fit
from sedspace.scores.vocabulary import TEXTS, choices_of
from sedspace.spaces import Space
from sedspace.spaces.radix import INT64_END
from sedspace.storage import failures


def top(
    run: Run,
    k: int = 10,
    by: str = "sed",
    *,
    where: str | None = None,
    columns: Sequence[str] | None = None,
    ascending: bool = False,
) -> pl.DataFrame:
    """Return the k rows of a run that are best by a column, ties by the lowest index.

    Parameters
    ----------
    run : Run
    k : int, default 10
    by : str, default "sed"
        A numeric column of the run; greater is better.
    where : str, optional
        A condition in SQL on columns of the run, on ``arch`` and on positions, such as ``params < 1000000 AND "0->3" =
        'skip_connect'``.
    columns : sequence of str, optional
        The columns of the run to return, beside ``index``, `by` and ``arch``. Default: all.
    ascending : bool, default False
        Whether less is better.

    Returns
    -------
    polars.DataFrame
        Columns of the run and ``arch``, best first; fewer than k rows if fewer meet the condition.

    Raises
    ------
    BadInput
        If a column is unknown, the condition cannot be read, or k is below 1.

    Examples
    --------
    >>> import sedspace as ss, tempfile
    >>> from sedspace.runs.query import top
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
    ...     top(run, 2, where="n_skip = 0")["index"].to_list()
    [11718, 8593]
    """
    known = _dtypes(run)
    count = min(at_least_one(k, "k"), run.rows)
    check_rows_fit(run.space, count, "k")
    rows = _rows(run, by, where)
    for name in columns or ():
        if name not in known and name != "arch":
            raise unknown("column", name, known)
    best = rows.sort([by, "index"], descending=[not ascending, False]).head(count)
    if columns is not None:
        best = best.select(list(dict.fromkeys(["index", by, *(name for name in columns if name in known)])))
    return _with_arch(run, collect(run, best))


def sample(run: Run, n: int, *, stratify: str | None = None, where: str | None = None, seed: int = 0) -> pl.DataFrame:
    """Draw random rows of a run, all different, reproducibly.

    Parameters
    ----------
    run : Run
    n : int
    stratify : str, optional
        A numeric column: spread them evenly over its distinct values, as `sedspace.sample` does.
    where : str, optional
        A condition on columns of the run in SQL: only rows that meet it are drawn.
    seed : int, default 0

    Returns
    -------
    polars.DataFrame
        All columns of the run and ``arch``, by index.

    Raises
    ------
    BadInput
        If a column is unknown, the condition cannot be read, or fewer than n rows meet it.

    Examples
    --------
    >>> import sedspace as ss, tempfile
    >>> from sedspace.runs.query import sample
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
    ...     sample(run, 5, stratify="n_skip", where="residual = 1")["n_skip"].to_list()
    [6, 5, 3, 2, 1]
    """
    known, count = _dtypes(run), at_least_one(n, "n")
    check_enough(count, run.rows)
    check_rows_fit(run.space, count, "n")
    rows = _rows(run, stratify, where)
    if stratify is not None and known[stratify].startswith("float"):
        rows = rows.filter(pl.col(stratify).is_finite())
    column = pl.lit(0) if stratify is None else pl.col(stratify)
    strata = collect(run, rows.select("index", stratum=column.rank("dense")).sort("stratum", "index"))
    sizes = strata["stratum"].rle().struct.field("len").to_list()
    check_enough(count, len(strata))
    random, chosen, start = seeded(seed), [], 0
    for size, share in zip(sizes, shares_of(sizes, count, random), strict=True):
        chosen += [start + place for place in subset(random, size, share)]
        start += size
    drawn = strata["index"].gather(chosen)
    return _with_arch(run, collect(run, run.scan().filter(pl.col("index").is_in(drawn.implode())).sort("index")))


def _rows(run: Run, by: str | None, where: str | None) -> pl.LazyFrame:
    """Return the rows that meet a condition and have a number in a column."""
    frame, columns = run.scan(), _dtypes(run)
    if where is not None:
        frame = _that_meet(run, frame, where)
    if by is None:
        return frame
    if not isinstance(by, str) or by not in columns:
        raise unknown("column", by, columns)
    if columns[by] == "string":
        raise BadInput(f"column {by!r} is text: expected a numeric one")
    return frame.filter(pl.col(by).is_not_nan()) if columns[by].startswith("float") else frame


def _that_meet(run: Run, frame: pl.LazyFrame, where: str) -> pl.LazyFrame:
    """Return the rows that meet a condition; what it names beside columns of the run is made of the index."""
    columns = _dtypes(run)
    choices = {name: names for name, names in choices_of(run.space).items() if name not in columns}
    condition = Condition(where, {**TEXTS, **columns}, choices)
    made = {name: _choice(run.space, name, values) for name, values in condition.choices.items()}
    if "arch" in condition.names and "arch" not in columns:
        made["arch"] = pl.col("index").sed.arch(run.space)  # type: ignore[attr-defined]
    return frame.with_columns(**made).filter(condition.expression).drop(made)


def _choice(space: Space, name: str, values: pl.Series) -> pl.Expr:
    """Return what stands at a position of the architecture of each index."""
    number = [position.name for position in space.positions].index(name)
    below = math.prod(space.radices[number + 1 :].tolist())
    digit = pl.col("index") // below % len(values) if below < INT64_END else pl.lit(0)
    return digit.replace_strict(range(len(values)), values)


def _with_arch(run: Run, frame: pl.DataFrame) -> pl.DataFrame:
    if "arch" in frame.columns:
        return frame
    return frame.with_columns(arch=pl.col("index").sed.arch(run.space))  # type: ignore[attr-defined]


def collect(run: Run, frame: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of a lazy frame over a run.

    Raises
    ------
    RunError
        If a file of the run cannot be read.
    BadInput
        If a conversion that was asked for fails on some value, or columns have one name.
    """
    try:
        return frame.collect()
    except (pl.exceptions.InvalidOperationError, pl.exceptions.DuplicateError, pl.exceptions.PanicException) as error:
        raise BadInput(f"the question to {run.path} cannot be answered: {first_line(error)}") from None
    except failures(pl.exceptions.PolarsError) as error:
        raise _unreadable(run, error) from None


def sql(run: Run, statement: str, *, allow_files: bool = False) -> pl.DataFrame:
    """Return the answer to a SQL query, in which the run is the table ``archs``.

    Parameters
    ----------
    run : Run
    statement : str
        In the SQL of polars. Integer columns are 64 bits wide, so that differences of counts do not wrap; NaN is null.
    allow_files : bool, default False
        Whether it may also read other files and URLs, by ``read_csv('...')`` and its kin: a statement that somebody
        else wrote could look at what is not theirs.

    Returns
    -------
    polars.DataFrame

    Raises
    ------
    BadInput
        If the statement cannot be read, is no query, reads a file, or names a table or column that is not there.

    Examples
    --------
    >>> import sedspace as ss, tempfile
    >>> from sedspace.runs.query import sql
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
    ...     sql(run, "SELECT n_skip, max(sed) AS best FROM archs GROUP BY n_skip ORDER BY n_skip LIMIT 2").rows()
    [(0, 6.0), (1, 8.75)]
    """
    known = _dtypes(run)
    _refuse(statement, allow_files)
    wide = run.scan().with_columns(cs.integer().cast(pl.Int64), cs.float().fill_nan(None))
    try:
        with pl.SQLContext(archs=wide, eager=False) as context:
            return context.execute(statement).collect(engine="streaming")
    except pl.exceptions.ColumnNotFoundError as error:
        quoted = re.search(r'"([^"]+)"', str(error))
        raise unknown("column", quoted[1] if quoted else first_line(error), known) from None
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        _ = list(_metadata(run))  # a damaged file is not the statement's fault
        if not run.location.compared_whole and isinstance(error, OSError) and error.errno is None:  # a page's checksum
            raise _unreadable(run, error) from None
        raise BadInput(f"query {shown(statement)} cannot be answered: {first_line(error)}") from None


def _refuse(statement: str, allow_files: bool) -> None:
    """Refuse what is no query, and, by their names wherever these stand, polars' functions that read files."""
    begin = r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|with|from|values|show|explain)\b"
    if not isinstance(statement, str) or not re.match(begin, statement, re.IGNORECASE | re.DOTALL):
        raise BadInput(f"query {shown(statement)}: expected one that begins with SELECT or WITH")
    refuse_endless(statement, "query")
    if not allow_files and (found := re.search(r"read_[a-z]\w*", statement, re.IGNORECASE)):
        raise BadInput(f"query {shown(statement)} calls {found[0]}: it may read files with --allow-files only")
    try:
        statement.encode()
    except UnicodeEncodeError:
        raise BadInput(f"query {shown(statement)} is no text in UTF-8") from None


def describe(run: Run) -> pl.DataFrame:
    """Return what the columns of a run hold.

    Least and greatest values come from the statistics in the files' footers; only to count distinct values are the
    columns read, once.

    Parameters
    ----------
    run : Run

    Returns
    -------
    polars.DataFrame
        ``column``, ``dtype``, ``unit``, ``min``, ``max`` (as text, since types differ), ``distinct`` (int64) and
        ``meaning``.

    Examples
    --------
    >>> import sedspace as ss, tempfile
    >>> from sedspace.runs.query import describe
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
    ...     describe(run).select("column", "min", "max", "distinct").row(1)
    ('sed', '-1.5', '8.75', 65)
    """
    rows = run.scan()  # first: it refuses files whose footers are not as written
    bounds: dict[str, list[Any]] = {column.name: [] for column in run.request.columns}
    for metadata in _metadata(run):
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                column = metadata.row_group(group).column(number)
                if column.statistics is not None and column.statistics.has_min_max:
                    bounds[column.path_in_schema] += [column.statistics.min, column.statistics.max]
    distinct = collect(run, rows.select(pl.all().n_unique())).row(0, named=True)
    return pl.DataFrame(
        {
            "column": [column.name for column in run.request.columns],
            "dtype": [column.dtype for column in run.request.columns],
            "unit": [column.unit for column in run.request.columns],
            "min": [_bound(min, bounds[column.name]) for column in run.request.columns],
            "max": [_bound(max, bounds[column.name]) for column in run.request.columns],
            "distinct": [distinct[column.name] for column in run.request.columns],
            "meaning": [column.meaning for column in run.request.columns],
        },
        schema_overrides={"min": pl.String, "max": pl.String, "distinct": pl.Int64},
    )


def _metadata(run: Run) -> Iterator[pq.FileMetaData]:
    """Yield what the footers of the shards say."""
    try:
        for written in run.shards:
            with (run.location / written.shard.name).open() as file:
                yield pq.read_metadata(file)
    except failures(pa.ArrowException) as error:
        raise _unreadable(run, error) from None


def _unreadable(run: Run, error: BaseException) -> RunError:
    return RunError(f"{run.path} cannot be read: {first_line(error)}; `sedspace verify` names the files")


def _bound(choose: Callable[[list[Any]], Any], values: list[Any]) -> str | None:
    if not values:
        return None
    bound = choose(values)
    return str(bound if isinstance(bound, str) else bound + 0)  # Parquet writes a least 0.0 as -0.0


def _dtypes(run: Run) -> dict[str, str]:
    if not isinstance(run, Run):
        raise BadInput(f"run {run!r}: expected a Run, as open_run returns it")
    return {column.name: column.dtype for column in run.request.columns}
