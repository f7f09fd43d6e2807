"""Where measured figures go: to the terminal, to JSON, and to the place that the README has for them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that every measuring script has."""
    out = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    out.add_argument("--readme", type=Path, metavar="FILE", help="also put the tables into this file")
    return out


def report(arguments: argparse.Namespace, results: dict[str, Any], text: str, markers: tuple[str, str]) -> None:
    """Print the tables, and write them and the results where the options say."""
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if arguments.readme:
        write_between(arguments.readme, markers, text)


def write_between(path: Path, markers: tuple[str, str], text: str) -> None:
    """Put text between two marker lines of a file."""
    before, _, rest = path.read_text(encoding="utf-8").partition(markers[0])
    _, _, after = rest.partition(markers[1])
    path.write_text(f"{before}{markers[0]}\n{text}\n{markers[1]}{after}", encoding="utf-8")
