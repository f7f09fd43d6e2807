"""What the Dask engine costs over threads, by the size of a shard, and what tss6 written whole would take.

    python bench run cluster

Needs ``pip install "sedspace[bench,cluster]"``.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any

import sedspace as ss
from bench.measuring import interleaved, markdown_table, ratio, timed
from sedspace.cluster import connected
from sedspace.provenance import cpu_name
from sedspace.report.numbers import duration

if TYPE_CHECKING:
    from distributed import Client

WORKERS = 2
SHARD_ROWS = 250_000, 500_000, 1_000_000, 2_500_000
SLICE = 20_000_000_000  # where in tss6 rows are looked at
SLICE_ROWS = 20_000_000
CORES = 64
PLAN_ROWS = 100_000_000  # of a shard


def measure(repeats: int = 7) -> dict[str, Any]:
    """Return seconds of both engines by shard size, and rows, bytes and seconds of a slice of tss6."""
    with tempfile.TemporaryDirectory() as directory:
        with contextlib.ExitStack() as stack:
            client, started = timed(lambda: stack.enter_context(connected(workers=WORKERS)))
            sizes = [{"shard_rows": rows, **compared(client, directory, rows, repeats)} for rows in SHARD_ROWS]
        limits = {"start": SLICE, "stop": SLICE + SLICE_ROWS}
        slice_of = partial(ss.enumerate_space, "tss6", f"{directory}/slice", **limits)
        run, seconds = timed(lambda: slice_of(threads=WORKERS, progress=False))
        whole = {"rows": run.rows, "bytes": run.bytes, "seconds": seconds}
    return {"cpu": cpu_name(), "workers": WORKERS, "start": started, "sizes": sizes, "tss6": whole}


def compared(client: Client, directory: str, rows: int, repeats: int) -> dict[str, float]:
    """Compare Dask with threads on tss5, in shards of so many rows."""
    numbers = itertools.count()

    def run(**engine: Any) -> None:
        path = f"{directory}/{rows}-{next(numbers)}"
        ss.enumerate_space("tss5", path, shard_rows=rows, progress=False, **engine)

    sides = {"dask": lambda: run(client=client), "threads": lambda: run(threads=WORKERS)}
    return ratio(interleaved(sides, repeats))


def markdown(results: dict[str, Any]) -> str:
    """Return the results as the tables of the README."""
    size = ss.space("tss5").size
    heads = f"`tss5`, {results['workers']} workers: architectures of a shard", "shards", "Dask / threads (aim 1.3)"
    rows = [
        (
            f"{one['shard_rows']:,}",
            str(math.ceil(size / one["shard_rows"])),
            f"{one['ratio']:.2f} ({one['low']:.2f} to {one['high']:.2f})",
        )
        for one in results["sizes"]
    ]
    whole, total = results["tss6"], ss.space("tss6").size
    per_row = whole["bytes"] / whole["rows"]
    core_seconds = whole["seconds"] * results["workers"] / whole["rows"] * total
    return "\n".join(
        [
            *markdown_table(heads, rows),
            "",
            f"After a start-up of {results['start']:.1f} s. {results['cpu']}.",
            "",
            f"On paper, `tss6` written whole: {total:,} rows at {per_row:.2f} bytes, as measured on {whole['rows']:,}, "
            f"are {total * per_row / 1e9:,.0f} GB; {math.ceil(total / PLAN_ROWS):,} shards of {PLAN_ROWS:,} rows "
            f"({PLAN_ROWS * per_row / 1e6:,.0f} MB each); {core_seconds / 3600:.2f} core hours, on {CORES} cores "
            f"{duration(core_seconds / CORES)} if the disks keep up with "
            f"{total * per_row / 1e6 / (core_seconds / CORES):,.0f} MB a second.",
        ]
    )
