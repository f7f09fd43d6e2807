"""Published figures of the SED paper, a survey and other proxies, beside what is measured here, with verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sedspace.errors import BadInput
from sedspace.provenance import cpu_name
from sedspace.published import published
from sedspace.report import claims, paper, survey
from sedspace.report.benchmarks import Benchmarks
from sedspace.report.costs import time_claims
from sedspace.report.held_out import held_out, robustness
from sedspace.report.page import Part, Report, Section
from sedspace.report.protocols import protocols
from sedspace.studies import Study
from sedspace.version import __version__


def reproduction_of(tables: Path, study: Study | None = None) -> Report:
    """Return the report; what there is no table for is said to be unchecked.

    Parameters
    ----------
    tables : Path
        A directory with any of the tables that `sedspace.report.benchmarks.ACCURACY_TABLES` names, each with its
        columns; of hw_nas_bench_cifar10.parquet (``arch``, latencies and energies); and of robustness_tss.parquet
        (``arch`` or ``index``, accuracies under attack).
    study : Study, optional
        Of tss5 or tss, for what gradient proxies cost on this machine.
    """
    if not tables.is_dir():
        raise BadInput(f"--tables {tables} is not a directory: expected one with accuracy tables")
    if study is not None and (name := study.setting.space["name"]) not in ("tss", "tss5"):
        raise BadInput(f"the study is of {name}: expected one of tss5 or tss, as the published seconds are")
    if study is not None:
        study.seconds_of_sed()
    known = Benchmarks(tables)
    sections = [
        Section("Selected architectures", list(paper.selected(known))),
        Section("Correlations", list(paper.correlations(known))),
        Section("Time", list(time_claims(study))),
        Section("Search among DARTS cells", list(paper.darts_search())),
        Section("The survey: best by proxy", list(survey.best_by_proxy(known))),
        Section("The survey: networks within a budget of hardware", list(survey.within_hardware(known, tables))),
        Section("AZ-NAS and VKDNW: their protocols on tss", list(protocols(known))),
        *held_out(known),
        Section("Robustness", list(robustness(tables))),
        Section("What is not checked", list(_unchecked())),
    ]
    found = list(claims.verdicts(sections))
    counted = ", ".join(f"{found.count(verdict)} {verdict}" for verdict in dict.fromkeys(found))
    about = (
        f"Published figures of {published()['sed_paper']['source']}, of {published()['survey']['source']}, of "
        f"{published()['az_nas']['source']} and of {published()['vkdnw']['source']}, beside what sedspace "
        f"{__version__} measures on this machine ({cpu_name()}). A rank is reproduced if it is within a factor of "
        f"{claims.CLOSE_RANK}, since releases of the accuracy tables differ, a correlation within "
        f"{claims.CLOSE_RHO} (or higher, which is said), an accuracy to two digits, seconds if they are no more. "
        f"Only what is of one kind is compared. Where the published accuracy is not that of the published rank in the "
        f"table at hand, or the best accuracies of all differ, that is {claims.OTHER_TABLE}, of another training, and "
        f"says nothing about the claim; nor does another device, another data set or another sample. "
        f"Of {len(found)} claims: {counted}."
    )
    return Report("SED: published and measured", [Section("Summary", [about]), *sections])


def _unchecked() -> Iterator[Part]:
    yield (
        "What needs training: the test errors of searched networks on CIFAR-10 and ImageNet. What needs each proxy on "
        "a whole space: Table 2 of all scores but SED and #params (`sedspace crosscheck` computes them on samples). "
        "The paper's equations (1) to (5), which were not available: SED here is the form identified from these "
        "figures."
    )
