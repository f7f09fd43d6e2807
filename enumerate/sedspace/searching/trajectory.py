"""What a search found: its steps, the setting that determines them, and one file that holds both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from sedspace.counting.distributions import integers
from sedspace.errors import BadInput, first_line
from sedspace.forked import refuse_fork
from sedspace.searching.algorithms import find_algorithm
from sedspace.searching.judged import Judged, judged
from sedspace.searching.objectives import Objective, of_definition
from sedspace.searching.proxies import ProxyObjective, not_known
from sedspace.spaces import Space, described
from sedspace.storage import Location, as_location
from sedspace.storage.sealed import read_sealed, said_as, says, write_sealed

_COLUMNS = {
    "step": pl.Int64(),
    "arch": pl.String(),
    "value": pl.Float64(),
    "value_2": pl.Float64(),
    "best": pl.Float64(),
    "seconds": pl.Float64(),
    "reason": pl.String(),
}


@dataclass(frozen=True)
class Setting:
    """Everything that determines what a search finds, but for how long it goes on.

    Attributes
    ----------
    space : dict
        `Space.describe`.
    objectives : list of dict
        `Objective.definition` of each.
    where : str or None
    algorithm : str
    options : dict
        All of the algorithm's.
    seed : int
    sedspace : str
        The version.
    """

    space: dict[str, Any]
    objectives: list[dict[str, Any]]
    where: str | None
    algorithm: str
    options: dict[str, Any]
    seed: int
    sedspace: str

    @property
    def name(self) -> str:
        """What tells searches of one question apart: the algorithm, and options that are given."""
        usual = find_algorithm(self.algorithm).options
        own = [f"{name}={value}" for name, value in self.options.items() if value != usual.get(name)]
        return " ".join([self.algorithm, *own])


@dataclass(frozen=True)
class Step:
    """An architecture that was looked at.

    Attributes
    ----------
    index : int
    values : tuple of float or None
        One for each objective.
    seconds : float
        What proposing it and finding its values took.
    reason : str, optional
        Why it has no value.
    """

    index: int
    values: tuple[float | None, ...]
    seconds: float
    reason: str | None = None


@dataclass(frozen=True)
class Trajectory:
    """What a search looked at, in order.

    Attributes
    ----------
    setting : Setting
    rows : polars.DataFrame
        ``step`` from 1 on, ``index``, ``arch``, ``value`` (null where there is none: ``reason`` says why), of a second
        objective ``value_2``, ``best`` (of the first objective so far), ``seconds``, ``reason``.
    objectives : list of Objective
        What was optimised; empty if it is not to be had where the file was read, and then `missing` says why.
    """

    setting: Setting
    rows: pl.DataFrame
    objectives: Sequence[Objective] = ()
    missing: str = ""
    tables: Sequence[str | None] = field(default=(), repr=False)

    @property
    def best(self) -> dict[str, Any]:
        """The row of the first architecture that none was better than; raise `BadInput` if nothing has a value."""
        known = self.rows.filter(pl.col("value").is_not_null() & (pl.col("value") == pl.col("best")))
        if known.is_empty():
            raise BadInput(f"the search of {self.setting.space['name']} found nothing that has a value")
        return known.sort("value", "step", descending=[not self.less, False]).row(0, named=True)

    @property
    def less(self) -> bool:
        """Whether less is better of the first objective."""
        return bool(self.setting.objectives[0]["less"])

    def judge(self) -> Judged:
        """Hold it against the exact optimum: regret and exact rank of the best so far, step by step.

        Returns
        -------
        Judged
            Null where nobody can know the optimum or the rank; its ``notes`` say why.

        Examples
        --------
        >>> import sedspace as ss
        >>> found = ss.search("tss8", "sed", "evolution", 200, seed=1).judge()
        >>> found.rows.columns
        ['step', 'index', 'value', 'regret', 'rank']
        >>> found.among
        37252902984619140625
        """
        return judged(self.rows, self.setting.where, self.objectives, self.missing)

    def _repr_html_(self) -> str:
        """Show it in a notebook: what was searched how, and where the best stands."""
        names = ", ".join(one["name"] for one in self.setting.objectives)
        about = f"{len(self.rows):,} steps of {self.setting.name} in {self.setting.space['name']} by {names}"
        return f"<b>{escape(about)}</b>{self.rows.tail(1)._repr_html_()}"


def rows_of(space: Space, steps: Sequence[Step], objectives: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return steps as the rows of a trajectory."""
    values = [step.values[0] for step in steps]
    of = pl.Series("value", values, pl.Float64)
    best = of.cum_min() if objectives[0]["less"] else of.cum_max()
    indices = [step.index for step in steps]
    second = [pl.Series("value_2", [step.values[1] for step in steps], pl.Float64)] if len(objectives) > 1 else []
    return pl.DataFrame(
        [
            pl.Series("step", range(1, len(steps) + 1), pl.Int64),
            integers("index", indices, space.size),
            pl.Series("arch", space.arch(indices).tolist() if indices else [], pl.String),
            of,
            *second,
            best.fill_null(strategy="forward").alias("best"),
            pl.Series("seconds", [step.seconds for step in steps], pl.Float64),
            pl.Series("reason", [step.reason for step in steps], pl.String),
        ]
    )


def steps_of(rows: pl.DataFrame) -> list[Step]:
    """Return the steps that rows hold."""
    names = [name for name in ("value", "value_2") if name in rows.columns]
    return [
        Step(int(row["index"]), tuple(row[name] for name in names), row["seconds"], row["reason"])
        for row in rows.iter_rows(named=True)
    ]


def write_trajectory(file: Location, trajectory: Trajectory) -> None:
    """Write a trajectory as one Parquet file, whole or not at all."""
    refuse_fork()
    about = {"trajectory": asdict(trajectory.setting), "tables": list(trajectory.tables)}
    write_sealed(file, trajectory.rows, about)


def is_trajectory(path: str | Path) -> bool:
    """Return whether a file is what a search wrote."""
    return says(as_location(path), "trajectory")


def read_trajectory(path: str | Path) -> Trajectory:
    """Read the file that a search wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Trajectory

    Raises
    ------
    BadInput
        If there is none, or the file is damaged or something else.
    """
    refuse_fork()
    file = as_location(path)
    rows, about = read_sealed(file, "trajectory", "sedspace search")
    try:
        known = json.loads(about)
        setting, tables = _setting(known["trajectory"]), [*known["tables"]]
        size = int(setting.space["size"])
        _refuse_columns(rows)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{file} is no trajectory: {type(error).__name__} in its metadata: {first_line(error)}"
        ) from None
    rows = rows.with_columns(integers("index", [int(one) for one in rows["index"]], size))
    try:
        space = described(setting.space)
        for one in setting.objectives:
            if one["kind"] == ProxyObjective.kind:
                raise BadInput(not_known(one["name"]))
        objectives = [of_definition(space, *both) for both in zip(setting.objectives, tables, strict=True)]
    except BadInput as error:
        return Trajectory(setting, rows, [], str(error), tables)
    return Trajectory(setting, rows, objectives, "", tables)


def _setting(given: dict[str, Any]) -> Setting:
    """Return what a file says; raise `TypeError` if that is something else."""
    setting = said_as(Setting, given)
    if not 1 <= len(setting.objectives) <= 2 or not all(
        {"kind", "name", "less"} <= {*one} for one in setting.objectives
    ):
        raise TypeError(f"objectives are {setting.objectives!r}")
    return setting


def _refuse_columns(rows: pl.DataFrame) -> None:
    """Raise `TypeError` if rows are no steps."""
    named = {name: dtype for name, dtype in rows.schema.items() if name != "index"}
    if "index" not in rows.columns or {**named, "value_2": pl.Float64()} != _COLUMNS:
        raise TypeError(f"its columns are {', '.join(rows.columns)}")
