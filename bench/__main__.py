"""Run `program`: ``python bench``."""

import sys
from pathlib import Path

# This folder is a package: its files are no modules of their own, whose names others have too.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.program import cli  # noqa: E402

if __name__ == "__main__":  # not in the processes that measurements start
    cli(prog_name="python bench")
