"""Runs: what is on disk. Shards of Parquet and a manifest, written so that they are whole or not there."""

from sedspace.runs.division import SHARD_ROWS
from sedspace.runs.intact import Problem
from sedspace.runs.join import Matched
from sedspace.runs.run import Run, open_run
from sedspace.runs.write import enumerate_space, repair_run

__all__ = ["SHARD_ROWS", "Matched", "Problem", "Run", "enumerate_space", "open_run", "repair_run"]
