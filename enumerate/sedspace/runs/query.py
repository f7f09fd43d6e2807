"""Questions to a run, answered by polars."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import polars as pl
import polars.selectors as cs

from sedspace import draws
from sedspace.condition import Condition, refuse_endless, shown
from sedspace.counting.drawing import check_enough, shares_of
from sedspace.dtypes import TEXT
from sedspace.errors import COLUMNS, BadInput, as_names, at_least_one, first_line, unknown
from sedspace.polars_namespace import SedNamespace
from sedspace.runs.files import RunFiles, collect, footers, unreadable
from sedspace.scores import Score, check_rows_fit, find_score, known_scores, only_unique
from sedspace.scores.vocabulary import TEXTS, choices_of
from sedspace.spaces import Space
from sedspace.spaces.radix import INT64_END

_Bound = int | float | str


def top(
    run: RunFiles,
    k: int,
    by: str,
    *,
    where: str | None,
    unique: str | None,
    columns: Sequence[str | Score] | None,
    ascending: bool,
) -> pl.DataFrame:
    """Return the k best rows of a run: see `Run.top`."""
    count = min(at_least_one(k, "k"), run.rows)
    check_rows_fit(run.space, count, "k")
    rows = _rows(run, by, where, unique)
    names, scores = _asked_for(run, by, columns)
    best = rows.sort([by, "index"], descending=[not ascending, False]).head(count)
    found = collect(run, best.select(name for name in names if name in run.columns))
    digits = run.space.digits(found["index"].to_numpy() if scores else [])
    more = [pl.Series(score.name, score.values(score.at(run.space, digits))) for score in scores]
    return _with_arch(run, found.with_columns(more).select(names))


def _asked_for(run: RunFiles, by: str, columns: Sequence[str | Score] | None) -> tuple[list[str], list[Score]]:
    """Return the names of what to show, and the scores among them that the run has no column of."""
    if columns is None:
        return list(run.columns), []
    names, scores, known = ["index", by], [], known_scores(run.space)
    for one in as_names(columns, "columns"):
        name = one.name if isinstance(one, Score) else one
        if name in names or name == "arch":
            continue
        names.append(name)
        if name not in run.columns:
            if isinstance(one, str) and name not in known:
                raise unknown("column", name, dict.fromkeys([*run.columns, *known]), COLUMNS)
            scores.append(find_score(run.space, one))
    return names, scores


def sample(
    run: RunFiles, n: int, *, stratify: str | None, where: str | None, unique: str | None, seed: int
) -> pl.DataFrame:
    """Draw random rows of a run: see `Run.sample`."""
    known, count = run.columns, at_least_one(n, "n")
    check_enough(count, run.rows)
    check_rows_fit(run.space, count, "n")
    rows = _rows(run, stratify, where, unique)
    if stratify is not None and known[stratify].startswith("float"):
        rows = rows.filter(pl.col(stratify).is_finite())
    column = pl.lit(0) if stratify is None else pl.col(stratify)
    strata = collect(run, rows.select("index", stratum=column.rank("dense")).sort("stratum", "index"))
    sizes = strata["stratum"].rle().struct.field("len").to_list()
    check_enough(count, len(strata))
    random, chosen, start = draws.integers(seed), [], 0
    for size, share in zip(sizes, shares_of(sizes, count, random), strict=True):
        chosen += [start + place for place in draws.subset(random, size, share)]
        start += size
    drawn = strata["index"].gather(chosen)
    return _with_arch(run, collect(run, run.scan().filter(pl.col("index").is_in(drawn.implode())).sort("index")))


def _rows(run: RunFiles, by: str | None, where: str | None, unique: str | None) -> pl.LazyFrame:
    """Return the rows that meet a condition and have a number in a column."""
    frame, columns = run.scan(), run.columns
    if unique is not None and "representative" not in columns:
        raise BadInput(f"unique of {run.path}: expected a run with the column representative, or made with unique")
    where = only_unique(run.space, where, unique)
    if where is not None:
        frame = _that_meet(run, frame, where)
    if by is None:
        return frame
    if not isinstance(by, str) or by not in columns:
        raise unknown("column", by, columns)
    if columns[by] == TEXT:
        raise BadInput(f"column {by!r} is text: expected a numeric one")
    return frame.filter(pl.col(by).is_not_nan()) if columns[by].startswith("float") else frame


def _that_meet(run: RunFiles, frame: pl.LazyFrame, where: str) -> pl.LazyFrame:
    """Return the rows that meet a condition; what it names beside columns of the run is made of the index."""
    columns = run.columns
    choices = {name: names for name, names in choices_of(run.space).items() if name not in columns}
    condition = Condition(where, {**TEXTS, **columns}, choices)
    made = {name: _choice(run.space, name, values) for name, values in condition.choices.items()}
    if "arch" in condition.names and "arch" not in columns:
        made["arch"] = SedNamespace(pl.col("index")).arch(run.space)
    return frame.with_columns(**made).filter(condition.expression).drop(made)


def _choice(space: Space, name: str, values: pl.Series) -> pl.Expr:
    """Return what stands at a position of the architecture of each index."""
    number = [position.name for position in space.positions].index(name)
    if space.machine is not None:  # indices are ranks, not numbers made of digits
        digit = SedNamespace(pl.col("index")).digits(space).arr.get(number)
        return digit.replace_strict(range(len(values)), values)
    below = math.prod(space.radices[number + 1 :].tolist())
    digit = pl.col("index") // below % len(values) if below < INT64_END else pl.lit(0)
    return digit.replace_strict(range(len(values)), values)


def _with_arch(run: RunFiles, frame: pl.DataFrame) -> pl.DataFrame:
    if "arch" in frame.columns:
        return frame
    return frame.with_columns(arch=SedNamespace(pl.col("index")).arch(run.space))


def sql(run: RunFiles, statement: str, *, allow_files: bool) -> pl.DataFrame:
    """Return the answer to a SQL query over a run: see `Run.sql`."""
    known = run.columns
    _refuse(statement, allow_files)
    wide = run.scan().with_columns(cs.integer().cast(pl.Int64), cs.float().fill_nan(None))
    try:
        with pl.SQLContext(archs=wide, eager=False) as context:
            return context.execute(statement).collect(engine="streaming")
    except pl.exceptions.ColumnNotFoundError as error:
        quoted = re.search(r'"([^"]+)"', str(error))
        raise unknown("column", quoted[1] if quoted else first_line(error), known) from None
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        _ = list(footers(run))  # a damaged file is not the statement's fault
        if not run.location.compared_whole and isinstance(error, OSError) and error.errno is None:  # a page's checksum
            raise unreadable(run, error) from None
        table = "" if "archs" in statement else "; the table is called archs"
        raise BadInput(f"query {shown(statement)} cannot be answered: {first_line(error)}{table}") from None


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


def describe(run: RunFiles) -> pl.DataFrame:
    """Return what the columns of a run hold: see `Run.describe`."""
    rows = run.scan()  # first: it refuses files whose footers are not as written
    bounds: dict[str, list[_Bound]] = {name: [] for name in run.columns}
    for metadata in footers(run):
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                column = metadata.row_group(group).column(number)
                if column.statistics is not None and column.statistics.has_min_max:
                    bounds[column.path_in_schema] += [column.statistics.min, column.statistics.max]
    distinct = collect(run, rows.select(pl.all().n_unique())).row(0, named=True)
    text = dict.fromkeys(("column", "dtype", "unit", "min", "max"), pl.String)
    return pl.DataFrame(
        [
            (
                column.name,
                column.dtype,
                column.unit,
                _bound(min, bounds[column.name]),
                _bound(max, bounds[column.name]),
                distinct[column.name],
                column.meaning,
            )
            for column in run.request.columns
        ],
        schema={**text, "distinct": pl.Int64, "meaning": pl.String},
        orient="row",
    )


def _bound(choose: Callable[[list[_Bound]], _Bound], values: list[_Bound]) -> str | None:
    if not values:
        return None
    bound = choose(values)
    return str(bound if isinstance(bound, str) else bound + 0)  # Parquet writes a least 0.0 as -0.0
