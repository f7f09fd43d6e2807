"""Claims: a published figure, what is measured, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from sedspace.report.numbers import duration
from sedspace.report.page import Section, Table

CLOSE_RANK = 1.25  # tables of accuracies differ between releases: the paper's ranks of #params do by up to 6 %
CLOSE_RHO = 0.05
CLOSE_SECONDS = 3.0  # a factor, of the same kind of device
OTHER_TABLE = "another table"  # of sss there are accuracies after 12 and after 90 epochs
_CLOSE_ACCURACY = 0.01  # percent: figures are published to two digits
_HEADS = ["claim", "published", "measured", "verdict"]


@dataclass(frozen=True)
class Claim:
    """A published figure, what is measured, and whether they agree."""

    what: str
    published: str
    measured: str
    verdict: str


def table_of(claims: Iterable[Claim]) -> Table:
    """Return claims as a table."""
    return Table(_HEADS, [[one.what, one.published, one.measured, one.verdict] for one in claims])


def verdicts(sections: Iterable[Section]) -> Iterator[str]:
    """Yield the verdicts of all claims in some sections."""
    for section in sections:
        for part in section.parts:
            if isinstance(part, Table) and part.heads == _HEADS:
                yield from (row[-1] for row in part.rows)


def verdict(close: bool) -> str:
    """Return the verdict on a figure that is as close as its kind asks, or not."""
    return "reproduced" if close else "not reproduced"


def missing(file: str) -> str:
    """Return what is said of a table that is not there."""
    return f"{file} is not in --tables"


def unchecked(what: str, told: str, file: str) -> Claim:
    """Return a claim that there is no table for."""
    return Claim(what, told, missing(file), "unchecked")


def of_rho(what: str, told: float, found: float) -> Claim:
    """Return a claim on a rank correlation."""
    higher = "higher" if found > told + CLOSE_RHO else verdict(found >= told - CLOSE_RHO)
    return Claim(what, f"{told:.2f}", f"{found:.2f}", higher)


def of_seconds(what: str, told: float, found: float) -> Claim:
    """Return a claim on seconds, which fewer ones fulfil as well."""
    return Claim(what, duration(told), duration(found), "reproduced" if found <= told else "slower")


def same_accuracy(told: float, found: float) -> bool:
    """Return whether accuracies in percent are the same to two digits."""
    return abs(found - told) < _CLOSE_ACCURACY


def is_of_table(rank: float, told: float, accuracies: pl.Series) -> bool:
    """Return whether a published accuracy stands about where its published rank says in the table at hand.

    This asks the table only, not what a score finds in it.
    """
    ordered = accuracies.sort(descending=True)
    first, last = int(rank / CLOSE_RANK), min(int(rank * CLOSE_RANK) + 1, len(ordered))
    return bool(ordered[last - 1] - _CLOSE_ACCURACY < told < ordered[max(first, 1) - 1] + _CLOSE_ACCURACY)
