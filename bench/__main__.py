"""Run `program`: ``python bench``."""

from program import cli

if __name__ == "__main__":  # not in the processes that measurements start
    cli(prog_name="python bench")
