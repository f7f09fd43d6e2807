"""Run `program`: ``python bench``."""

from program import cli

cli(prog_name="python bench")
