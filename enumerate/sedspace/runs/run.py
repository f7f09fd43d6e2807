"""A finished run: what it answers, and whether it is what it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import polars as pl

from sedspace.errors import BadInput, RunError
from sedspace.runs import query
from sedspace.runs.files import RunFiles
from sedspace.runs.intact import Problem
from sedspace.runs.join import Matched, match
from sedspace.runs.manifest import MANIFEST, read_manifest
from sedspace.runs.shards import SHARD_NAME
from sedspace.runs.verify import Report, check_shards, unchecked
from sedspace.scores import Score
from sedspace.storage import as_location, naming


class Run(RunFiles):
    """A finished run.

    Attributes
    ----------
    location : Location
        Where it lies.
    request : Request
        What it holds.
    shards : tuple of Written
    rows_found : int
        How many rows were there already when `enumerate_space` returned this run: all of a finished one.
    """

    @property
    def shard_count(self) -> str:
        """How many shards there are, in words."""
        return f"{len(self.shards)} shard{'s' if len(self.shards) > 1 else ''}"

    def __repr__(self) -> str:
        return f"<run {self.path}: {self.rows:,} rows of {self.space.name} in {self.shard_count}>"

    def _repr_html_(self) -> str:
        """Show the run in a notebook: what it holds, and its first rows."""
        where = f" that meet <code>{escape(self.request.where)}</code>" if self.request.where else ""
        about = f"{self.rows:,} architectures of {escape(self.space.name)}{where}, {self.shard_count}"
        return f"<b>{escape(str(self.path))}</b>: {about}{self.scan().head(5).collect()._repr_html_()}"

    def top(
        self,
        k: int = 10,
        by: str = "sed",
        *,
        where: str | None = None,
        unique: str | None = None,
        columns: Sequence[str | Score] | None = None,
        ascending: bool = False,
    ) -> pl.DataFrame:
        """Return the k rows that are best by a column, ties by the lowest index.

        Parameters
        ----------
        k : int, default 10
        by : str, default "sed"
            A numeric column of the run; greater is better.
        where : str, optional
            A condition in SQL on columns of the run, on ``arch`` and on positions, such as ``params < 1000000 AND
            "0->3" = 'skip_connect'``.
        unique : {"functional"}, optional
            Keep one architecture of each functional class only; the run must have the column ``representative``.
        columns : sequence of str or Score, optional
            What to return beside ``index``, `by` and ``arch``: columns of the run, and scores of its space, which are
            computed. Default: all columns of the run.
        ascending : bool, default False
            Whether less is better.

        Returns
        -------
        polars.DataFrame
            Best first; fewer than k rows if fewer meet the condition.

        Raises
        ------
        BadInput
            If a column is unknown, the condition cannot be read, or k is below 1.
        RunError
            If a file of the run is not what was written.

        Examples
        --------
        >>> import sedspace as ss, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
        ...     run.top(2, where="n_skip = 0")["index"].to_list()
        [11718, 8593]
        """
        return query.top(self, k, by, where=where, unique=unique, columns=columns, ascending=ascending)

    def sample(
        self,
        n: int,
        *,
        stratify: str | None = None,
        where: str | None = None,
        unique: str | None = None,
        seed: int = 0,
    ) -> pl.DataFrame:
        """Draw random rows, all different, reproducibly.

        Parameters
        ----------
        n : int
        stratify : str, optional
            A numeric column: spread them evenly over its distinct values, as `sedspace.sample` does.
        where : str, optional
            A condition in SQL as for `top`: only rows that meet it are drawn.
        unique : {"functional"}, optional
            Draw from one architecture of each functional class only; the run must have the column ``representative``.
        seed : int, default 0
            The same seed gives the same rows.

        Returns
        -------
        polars.DataFrame
            All columns of the run and ``arch``, by index.

        Raises
        ------
        BadInput
            If a column is unknown, the condition cannot be read, or fewer than n rows meet it.
        RunError
            If a file of the run is not what was written.

        Examples
        --------
        >>> import sedspace as ss, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
        ...     run.sample(5, stratify="n_skip", where="residual = 1")["n_skip"].to_list()
        [6, 5, 3, 2, 1]
        """
        return query.sample(self, n, stratify=stratify, where=where, unique=unique, seed=seed)

    def sql(self, statement: str, *, allow_files: bool = False) -> pl.DataFrame:
        """Return the answer to a SQL query, in which the run is the table ``archs``.

        Parameters
        ----------
        statement : str
            In the SQL of polars. Integer columns are 64 bits wide, so that differences of counts do not wrap; NaN is
            null.
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
        RunError
            If a file of the run is not what was written.

        Examples
        --------
        >>> import sedspace as ss, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
        ...     run.sql("SELECT n_skip, max(sed) AS best FROM archs GROUP BY n_skip ORDER BY n_skip LIMIT 2").rows()
        [(0, 6.0), (1, 8.75)]
        """
        return query.sql(self, statement, allow_files=allow_files)

    def describe(self) -> pl.DataFrame:
        """Return what the columns hold.

        Least and greatest values come from the statistics in the files' footers; only to count distinct values are the
        columns read, once.

        Returns
        -------
        polars.DataFrame
            ``column``, ``dtype``, ``unit``, ``min``, ``max`` (as text, since types differ), ``distinct`` (int64) and
            ``meaning``.

        Raises
        ------
        RunError
            If a file of the run is not what was written.

        Examples
        --------
        >>> import sedspace as ss, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", progress=False)
        ...     run.describe().select("column", "min", "max", "distinct").row(1)
        ('sed', '-1.5', '8.75', 65)
        """
        return query.describe(self)

    def join(self, table: pl.DataFrame | str | Path, on: str | None = None) -> Matched:
        """Put a table of your own, such as measured accuracies, beside the scores.

        Parameters
        ----------
        table : polars.DataFrame, or path of a Parquet or CSV file
            With a column ``arch`` (the field's strings) or ``index`` (of sedspace, not NATS-Bench's own).
        on : {"arch", "index"}, optional
            The column to match by. Default: ``arch`` if the table has it, else ``index``.

        Returns
        -------
        Matched

        Raises
        ------
        BadInput
            If the table has no key, an architecture stands in it twice, it is of another space, or nothing matches.
        RunError
            If a file of the run is not what was written.

        Examples
        --------
        >>> import polars as pl, sedspace as ss, tempfile
        >>> table = pl.DataFrame({"index": [3, 11668], "accuracy": [85.1, 94.4]})
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", columns=["sed"], progress=False)
        ...     run.join(table).frame.rows()
        [(3, 1.0, 85.1), (11668, 8.75, 94.4)]
        """
        return match(self, table, on)

    @property
    def unchecked(self) -> list[str]:
        """The columns that `verify` cannot recompute: scores of the user's that are not registered here."""
        return unchecked(self.request)

    def verify(self, full: bool = False, progress: bool = True) -> Report:
        """Check every shard: size, SHA-256, rows, description, and recomputed values.

        Columns that are `unchecked` are vouched for by the hashes alone.

        Parameters
        ----------
        full : bool, default False
            Recompute every value of every row, and which rows pass the run's condition: as long as it took to write the
            run, and nothing goes unnoticed. Without it some hundred rows of a shard are recomputed, at four places that
            nobody can foresee; of a filtered run they must meet the condition, and at one of the places none may lack.
            That finds what was written wrong on purpose, manifest included, only as far as chance goes.
        progress : bool, default True
            Whether to show a progress bar if it takes over a second; where stderr is no terminal, a line every 30.

        Returns
        -------
        Report
            A list of what is wrong, empty if the run is intact, that also says what was looked at.

        Raises
        ------
        BadInput
            If all is to be recomputed, and the run's condition needs a score that is not registered here.

        Examples
        --------
        >>> import sedspace as ss, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     run = ss.enumerate_space("tss", directory + "/run", where="sed > 8", progress=False)
        ...     run.verify(), run.verify(full=True).looked_at()
        ([], 'SHA-256 of 1 compared, 6 of 6 rows recomputed, the condition checked')
        """
        report = check_shards(self.location, self.request, self.shards, full=full, progress=progress)
        report += self._strangers()
        return report

    def _strangers(self) -> Iterator[Problem]:
        ours = {MANIFEST, *(written.shard.name for written in self.shards)}
        for name in self.location.names():
            if name not in ours and not name.startswith("."):
                yield Problem(name, "does not belong to this run")


def open_run(path: str | Path) -> Run:
    """Open a finished run.

    Parameters
    ----------
    path : str or Path
        The directory that `enumerate_space` wrote.

    Returns
    -------
    Run

    Raises
    ------
    BadInput
        If there is no such directory, or no run in it.
    RunError
        If the run is unfinished, or its manifest is damaged or of a newer sedspace.
    """
    directory = as_location(path)
    if not directory.is_directory():
        raise BadInput(f"{directory} is not a directory: expected one that `sedspace enumerate` wrote")
    try:
        request, written = read_manifest(directory / MANIFEST)
    except FileNotFoundError:
        with naming(directory):
            shards = sum(SHARD_NAME.fullmatch(name) is not None for name in directory.names())
        if not shards:
            raise BadInput(f"{directory} holds no run: expected a directory that `sedspace enumerate` wrote") from None
        raise RunError(
            f"{directory} has no {MANIFEST}: a run that is not finished ({shards} shards are); "
            f"give the command that began it again to finish it"
        ) from None
    return Run(directory, request, written)
