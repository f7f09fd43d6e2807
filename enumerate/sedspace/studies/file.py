"""A study on disk: one Parquet file, a row for each architecture, proxy and repeat. Needs no torch to be read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import polars as pl

from sedspace.errors import BadInput, first_line
from sedspace.forked import refuse_fork
from sedspace.spaces import Space
from sedspace.spaces.radix import INT64_END
from sedspace.storage import as_location
from sedspace.storage.sealed import read_sealed, said_as, write_sealed


@dataclass(frozen=True)
class Aggregate:
    """What is made of the ranks that several proxies give, over all architectures of a study, when it is read.

    Ranks go from 1, the worst, to the number of architectures; equals share the mean of theirs. An architecture that a
    proxy has no value of is last by it, as in AZ-NAS's code.

    Attributes
    ----------
    parts : tuple of str
    logarithms : bool
        Whether the logarithms of ranks are added up, or the ranks.
    """

    parts: tuple[str, ...]
    logarithms: bool = True


AGGREGATES = {
    "az_nas": Aggregate(("az_expressivity", "az_progressivity", "az_trainability", "macs")),
    "te_nas": Aggregate(("ntk_cond", "linear_regions"), logarithms=False),
    "vkdnw_agg": Aggregate(("vkdnw_single", "jacob_cov", "az_expressivity", "az_trainability", "macs")),
}
"""Aggregates by their names.

- ``az_nas``: AZ-NAS, arXiv 2403.19232, equation 9.
- ``te_nas``: TE-NAS, arXiv 2102.11535, which adds up these two ranks of what pruning an operation changes; of whole
  architectures as VKDNW's code compares it. Regions are counted on the network itself: of networks of ordinary size
  that is the batch size, for nearly all (theirs have one channel), so that the kernel decides.
- ``vkdnw_agg``: VKDNW, arXiv 2502.04975, equation 15, whose Jacobians are of weights initialised by Kaiming's normal.
"""


@dataclass(frozen=True)
class Row:
    """One value of a study: its fields are the columns.

    Attributes
    ----------
    index, arch, sed : int, str, float
        The architecture, and its SED; None if the space has none.
    proxy, repeat : str, int
    value, reason : float, str
        One of them is None: there is no value, and the reason says why.
    seconds, shared_seconds, build_seconds : float
        What computing the value took, had it been the only one; how much of that were passes that other proxies of the
        architecture and repeat share, which were run once and count for each of them; what building the network took.
    device, dtype, batch, seed : str, str, int, int
        As the setting has them, for whoever reads the rows alone.
    """

    index: Annotated[int, pl.Int64]
    arch: Annotated[str, pl.String]
    sed: Annotated[float | None, pl.Float32]
    proxy: Annotated[str, pl.String]
    repeat: Annotated[int, pl.Int32]
    value: Annotated[float | None, pl.Float64]
    reason: Annotated[str | None, pl.String]
    seconds: Annotated[float, pl.Float64]
    shared_seconds: Annotated[float, pl.Float64]
    build_seconds: Annotated[float, pl.Float64]
    device: Annotated[str, pl.String]
    dtype: Annotated[str, pl.String]
    batch: Annotated[int, pl.Int32]
    seed: Annotated[int, pl.Int64]


SCHEMA: dict[str, pl.DataType] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Row, include_extras=True).items()
}
"""The columns of a study's rows; see `schema_of`."""

OUT_OF_MEMORY = "out of memory"
"""The reason of what is tried again when a study is continued."""

RAISED = "raised "
"""How the reason begins where a proxy failed otherwise than by having no value."""


def schema_of(space: Space) -> dict[str, pl.DataType]:
    """Return the columns of the rows of a study of a space: indices of more than 2^63 architectures are Int128."""
    return SCHEMA if space.size <= INT64_END else {**SCHEMA, "index": pl.Int128()}


@dataclass(frozen=True)
class Setting:
    """Everything that determines the values of a study, but for the architectures and the proxies.

    Attributes
    ----------
    space : dict
        `Space.describe`: what the space is, so that a study explains itself.
    dataset, device, images : str
        Whose network; ``cpu`` or ``cuda``; ``random``, or the SHA-256 of the images and labels.
    batch, seed : int
    sedspace, torch, machine : str
        Versions, and the name of the processor or GPU.
    threads : int
        Of the processor, by which sums are split: the last bits of values depend on it. 0 for a GPU.
    channels_last : bool
        Whether a pixel's channels lie side by side in memory: the last digits of values depend on it.
    """

    space: dict[str, Any]
    dataset: str
    device: str
    images: str
    batch: int
    seed: int
    sedspace: str
    torch: str
    machine: str
    threads: int
    channels_last: bool = False


@dataclass(frozen=True)
class SedSeconds:
    """Seconds per architecture of SED: of scoring a range of the space at once, and of asking for one alone."""

    whole: float
    alone: float


@dataclass(frozen=True)
class Sample:
    """Where architectures of a study come from: a random sample of a space or run, a table, or whoever named them.

    Attributes
    ----------
    of : str, optional
        The space, or the path of the run or table.
    seed : int, optional
        Of a random sample.
    stratify, where, unique : str, optional
        See `sedspace.sample`.
    n : int
        How many they are.
    sha256 : str
        Of their indices.
    """

    of: str | None = None
    seed: int | None = None
    stratify: str | None = None
    where: str | None = None
    unique: str | None = None
    n: int = 0
    sha256: str = ""

    def __str__(self) -> str:
        named = {"seed": self.seed, "stratify": self.stratify, "where": self.where, "unique": self.unique}
        how = [f"{name} {value}" for name, value in named.items() if value is not None]
        return ", ".join([f"{self.n:,} {'by index' if self.of is None else f'of {self.of}'}", *how])

    def of_indices(self, indices: Iterable[int]) -> Sample:
        """Return the sample that some architectures are."""
        order = sorted(indices)
        return replace(self, n=len(order), sha256=hashlib.sha256(" ".join(map(str, order)).encode()).hexdigest())

    def refuse_other_size(self, others: Iterable[Sample], where: object) -> None:
        """Raise `BadInput` if another sample is drawn in the same way and of another size: neither holds the other."""
        for other in others:
            if self.seed is not None and other != self and replace(other, n=self.n, sha256=self.sha256) == self:
                raise BadInput(
                    f"{where} holds a sample, {other}: one of {self.n:,} is another draw, neither more nor part of it; "
                    f"expected --sample {other.n}, or another --out"
                )


@dataclass(frozen=True)
class Study:
    """The rows of a study and what they were computed under.

    Attributes
    ----------
    rows : polars.DataFrame
        Of `schema_of` the space: ``value`` is null where the proxy has none, and then ``reason`` says why; ``seconds``
        are of the proxy, ``build_seconds`` of the network.
    setting : Setting
    less : list of str
        The proxies of which less is better.
    sed_seconds : SedSeconds, optional
        Of the same machine; None before anything is computed, or if the space has no SED.
    code : dict of str to str
        For every proxy of a user's own `sedspace.studies.code.code_of` it, when the values were computed.
    samples : list of Sample
        What the study unites.
    """

    rows: pl.DataFrame
    setting: Setting
    less: list[str]
    sed_seconds: SedSeconds | None
    code: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def refuse_empty(self) -> None:
        """Raise `BadInput` if the study has no values yet."""
        if self.rows.is_empty():
            raise BadInput("the study has no values yet: let `sedspace crosscheck` finish")

    def seconds_of_sed(self) -> SedSeconds:
        """Return the seconds of SED; raise `BadInput` if the study has no values yet, or its space no SED."""
        self.refuse_empty()
        if self.sed_seconds is None:
            raise BadInput(f"{self.setting.space['name']} has no SED: expected a study of a space that has")
        return self.sed_seconds

    def raised(self) -> list[tuple[str, int, str]]:
        """Return for each proxy that failed otherwise than by having no value how often, and how the first time."""
        failed = self.rows.filter(pl.col("reason").str.starts_with(RAISED))
        by_proxy = failed.group_by("proxy", maintain_order=True).agg(pl.len(), pl.col("reason").first())
        return by_proxy.rows()

    def _repr_html_(self) -> str:
        """Show the study in a notebook: for each proxy how many values there are, and its seconds."""
        of = pl.col("value")
        by_proxy = self.rows.group_by("proxy", maintain_order=True).agg(
            values=of.count(), undefined=of.null_count(), median=of.median(), seconds=pl.col("seconds").median()
        )
        about = f"{self.rows['index'].n_unique():,} architectures of {escape(self.setting.space['name'])}"
        return f"<b>{about}</b>, {escape(self.setting.machine)}{by_proxy._repr_html_()}"


def write_study(path: str | Path, study: Study) -> None:
    """Write a study as one file, whole or not at all, with its SHA-256 inside."""
    refuse_fork()
    file = as_location(path)
    sed_seconds = {} if study.sed_seconds is None else asdict(study.sed_seconds)
    about = {
        "setting": asdict(study.setting),
        "less": study.less,
        "sed_seconds": sed_seconds,
        "code": study.code,
        "samples": [asdict(sample) for sample in study.samples],
    }
    write_sealed(file, study.rows, about)


def read_study(path: str | Path) -> Study:
    """Return the study of a file.

    Raises
    ------
    BadInput
        If there is none, or the file is damaged or something else.
    """
    refuse_fork()
    file = as_location(path)
    rows, about = read_sealed(file, "study", "sedspace crosscheck")
    if rows.schema.get("index") == pl.String:
        rows = rows.cast({"index": pl.Int128}, strict=False)
    if "shared_seconds" not in rows.schema:
        raise BadInput(f"{file} is a study of an earlier sedspace, without shared_seconds: expected it computed anew")
    if dict(rows.schema) not in (SCHEMA, {**SCHEMA, "index": pl.Int128()}):
        raise BadInput(f"{file} is no study: expected a file that `sedspace crosscheck` wrote")
    try:
        return Study(rows, *_about(json.loads(about)))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file} is no study: {type(error).__name__} in its metadata: {first_line(error)}") from None


def _about(
    known: dict[str, Any],
) -> tuple[Setting, list[str], SedSeconds | None, dict[str, str], list[Sample]]:
    """Return what a file says about its rows; raise `TypeError` or another error if that is something else."""
    setting = said_as(Setting, known["setting"])
    _refuse_unless(isinstance(setting.space.get("name"), str), "space", setting.space)
    less, seconds = known["less"], known["sed_seconds"]
    _refuse_unless(isinstance(less, list) and all(isinstance(one, str) for one in less), "less", less)
    numbers = isinstance(seconds, dict) and all(type(one) is float and one > 0 for one in seconds.values())
    _refuse_unless(numbers and set(seconds) in (set(), {"whole", "alone"}), "sed_seconds", seconds)
    code, samples = known.get("code", {}), known.get("samples", [])
    texts = isinstance(code, dict) and all(isinstance(one, str) for one in code.values())
    _refuse_unless(texts, "code", code)
    of_samples = isinstance(samples, list) and all(isinstance(one, dict) for one in samples)
    _refuse_unless(of_samples, "samples", samples)
    return setting, less, SedSeconds(**seconds) if seconds else None, code, [Sample(**one) for one in samples]


def _refuse_unless(right: bool, name: str, value: object) -> None:
    if not right:
        raise TypeError(f"{name} is {value!r}")
