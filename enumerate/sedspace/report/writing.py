"""Writing a report: Markdown with pictures beside it, and one HTML page."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sedspace.errors import BadInput, RunError, needs
from sedspace.searching import Trajectory, read_trajectory
from sedspace.storage import LocalPath
from sedspace.studies import Study, read_study

if TYPE_CHECKING:
    from sedspace.report.page import Report


def write_report(
    study: Study | str | Path | None,
    out: str | Path,
    accuracy: str | Path | None = None,
    columns: Sequence[str] | None = None,
    *,
    searches: Sequence[Trajectory | str | Path] = (),
) -> list[Path]:
    """Write a report: Markdown with pictures beside it, and one HTML page that holds everything.

    Parameters
    ----------
    study : Study, or path of the file that `sedspace crosscheck` wrote, or None
        None: of searches only.
    out : str or Path
        The directory; made if it is not there.
    accuracy : str or Path, optional
        A table of measured accuracies: Parquet or CSV with ``arch`` or ``index``.
    columns : sequence of str, optional
        Which of its columns. Default: those whose names have ``acc``, ``test`` or ``val`` in them.
    searches : sequence of Trajectory or path, optional
        What `sedspace.search` returned, or wrote: those of one question share a section.

    Returns
    -------
    list of Path
        What was written: ``report.html``, ``report.md`` and the pictures.

    Raises
    ------
    BadInput
        If the study has no values, the table does not match it, or what draws is not installed.
    """
    _refuse_missing("matplotlib", "scipy", *(["sklearn"] if accuracy is not None else []))
    from sedspace.report.page import Report
    from sedspace.report.searches import search_sections
    from sedspace.report.sections import report_of

    directory = _directory(out)
    if study is None and not searches:
        raise BadInput("a report of nothing: expected a study, or searches")
    found = [one if isinstance(one, Trajectory) else read_trajectory(one) for one in searches]
    if study is None:
        if accuracy is not None:
            raise BadInput(f"accuracies of {accuracy} are for a study: expected one")
        names = " and ".join(dict.fromkeys(str(one.setting.space["name"]) for one in found))
        return _write(Report(f"{len(found)} searches of {names}", search_sections(found)), directory)
    report = report_of(read_study(study) if isinstance(study, str | Path) else study, accuracy, columns)
    return _write(Report(report.title, [*report.sections, *search_sections(found)]), directory)


def reproduce(tables: str | Path, out: str | Path, study: Study | str | Path | None = None) -> list[Path]:
    """Write published figures of the SED paper, a survey and other proxies beside measured ones, with verdicts.

    Parameters
    ----------
    tables : str or Path
        A directory of accuracy tables: see `sedspace.report.reproduction.reproduction_of`.
    out : str or Path
        The directory; made if it is not there.
    study : Study or path, optional
        For what gradient proxies cost on this machine.

    Returns
    -------
    list of Path
        What was written: ``report.html``, ``report.md`` and the pictures.

    Raises
    ------
    BadInput
        If there is no such directory, a table is not of its space, or what draws is not installed.
    """
    _refuse_missing("matplotlib", "scipy")
    from sedspace.report.reproduction import reproduction_of

    directory = _directory(out)
    found = read_study(study) if isinstance(study, str | Path) else study
    return _write(reproduction_of(Path(tables), found), directory)


def _directory(out: str | Path) -> Path:
    directory = Path(out)
    if "://" in str(out):
        raise BadInput(f"--out {out}: a report goes to a directory of this machine")
    if directory.exists() and not directory.is_dir():
        raise BadInput(f"--out {directory} is a file: expected a directory")
    return directory


def _write(report: Report, directory: Path) -> list[Path]:
    from sedspace.report.page import html, markdown

    files = {"report.html": html(report).encode(), "report.md": markdown(report).encode()}
    files |= {picture.file: picture.png for picture in report.pictures()}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            LocalPath(directory / name).write(content)
    except OSError as error:
        raise RunError(f"{directory} cannot be written: {error.strerror}") from None
    return [directory / name for name in files]


def _refuse_missing(*modules: str) -> None:
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            raise needs(module, "report", "a report needs") from None
