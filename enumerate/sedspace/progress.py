"""How far something is: a bar in a terminal or a notebook, a line now and then where stderr is neither."""

from __future__ import annotations

import importlib
import sys
import time
from types import TracebackType
from typing import Protocol, Self

from tqdm import tqdm

LINE_SECONDS = 30.0
_SCALED = 100_000


class Progress(Protocol):
    """What is told how much is done, until the end of its block."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def update(self, n: int = 1) -> object:
        """Say that so many more are done."""


def progress_of(
    total: int | None,
    unit: str,
    *,
    what: str | None = None,
    initial: int = 0,
    shown: bool = True,
    passing: bool = False,
) -> Progress:
    """Return what shows progress on stderr, or in a notebook.

    Parameters
    ----------
    total : int, optional
        How many there are; None if nobody knows.
    unit : str
        What is counted, in the singular.
    what : str, optional
        What is being done.
    initial : int, default 0
        How many are done already: they are shown, and not taken for the pace.
    shown : bool, default True
        Whether to show anything.
    passing : bool, default False
        Whether a bar appears after a second only, and goes in the end.

    Examples
    --------
    >>> with progress_of(3, "value", initial=1) as progress:
    ...     progress.update(2)
    """
    notebook = _in_notebook()
    if not shown or not (notebook or sys.stderr.isatty()):
        return Lines(total, unit, what, initial, LINE_SECONDS if shown else float("inf"))
    bar = tqdm if not notebook else importlib.import_module("tqdm.auto").tqdm  # asyncio comes with it
    scaled = total is None or total >= _SCALED
    fleeting = {"delay": 1, "leave": False} if passing else {}
    made: Progress = bar(
        total=total, unit=unit, desc=what, initial=initial, unit_scale=scaled, smoothing=0, disable=False, **fleeting
    )
    return made


def _in_notebook() -> bool:
    """Return whether a notebook's kernel runs this process, as `tqdm.auto` would."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ())


class Lines:
    """Progress as lines on stderr, one every so many seconds; none of what is done before."""

    def __init__(self, total: int | None, unit: str, what: str | None, initial: int, every: float) -> None:
        self._total, self._unit, self._what, self._initial, self._every = total, unit, what, initial, every
        self._done = initial
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def update(self, n: int = 1) -> None:
        """Count n more, and print a line if it is time."""
        self._done += n
        now = time.monotonic()
        if now - self._said >= self._every:
            self._said = now
            print(f"sedspace: {self._line(now - self._began)}", file=sys.stderr, flush=True)

    def _line(self, seconds: float) -> str:
        what = f"{self._what}: " if self._what else ""
        if not self._total:
            return f"{what}{self._done:,} {self._unit}s so far"
        share = f"{what}{self._done / self._total:.0%} of {self._total:,} {self._unit}s"
        new = self._done - self._initial
        left = tqdm.format_interval((self._total - self._done) * seconds / new) if new else "?"
        return f"{share}, {left} left"
