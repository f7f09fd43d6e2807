"""A study while it is being made: its rows in memory, and now and then in its file."""

from __future__ import annotations

from dataclasses import astuple, replace

import polars as pl

from sedspace.storage import Location
from sedspace.storage.sealed import Seldom
from sedspace.studies.file import Row, Study, write_study


class Growing:
    """A study as it grows, written so seldom that writing takes a fiftieth of the time, but every two seconds at most.

    A process that is killed has lost what came since: two seconds, or fifty times what writing the study takes.
    """

    def __init__(self, there: Study, file: Location | None) -> None:
        self.there, self.file = there, file
        self.new: list[Row] = []
        self._saves = Seldom(times=50)

    def study(self) -> Study:
        """Return what there is by now."""
        new = pl.DataFrame([astuple(row) for row in self.new], self.there.rows.schema, orient="row")
        return replace(self.there, rows=pl.concat([self.there.rows, new]).sort("index", "proxy", "repeat"))

    def add(self, rows: list[Row]) -> None:
        """Take more rows, and write them if it is time."""
        self.new += rows
        if self._saves.is_due():
            self.save()

    def save(self) -> None:
        """Write what there is by now."""
        if self.file is None:
            return
        with self._saves.writing():
            write_study(self.file.path, self.study())
