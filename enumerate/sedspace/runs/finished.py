"""The list of finished shards, only beside an unfinished run: for whoever continues it."""

from __future__ import annotations

import contextlib
import json
import re

from sedspace.storage import Location

FINISHED = ".finished"


def note_finished(directory: Location, name: str, sha256: str) -> None:
    """Add a shard to the list of those that are whole."""
    (directory / FINISHED).note(name, (json.dumps({"file": name, "sha256": sha256}) + "\n").encode())


def read_finished(directory: Location) -> dict[str, str]:
    """Return the SHA-256 of the shards that are on the list; a line that a crash cut short is left out."""
    out = {}
    for name in directory.names():
        if name.startswith(FINISHED):
            for line in (directory / name).read(follow_links=False).splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    out[entry["file"]] = entry["sha256"]
    return out


def forget_finished(directory: Location) -> None:
    """Remove the list, and what writers that were killed have left."""
    for name in directory.names():
        if name.startswith(FINISHED) or re.fullmatch(r"\..*\.tmp", name):
            (directory / name).remove()
