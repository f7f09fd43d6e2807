"""What the Dask engine costs over threads, by the size of a shard, and what tss6 written whole would take.

    python bench run cluster

Needs ``pip install "sedspace[bench,cluster]"``.
"""

from __future__ import annotations

import math
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import sedspace as ss
from sedspace.cluster import connected
from sedspace.provenance import cpu_name
from sedspace.report.sections import duration

WORKERS = 2
SHARD_ROWS = 250_000, 500_000, 1_000_000, 2_500_000
SLICE = 20_000_000_000  # where in tss6 rows are looked at
SLICE_ROWS = 20_000_000
CORES = 64
PLAN_ROWS = 100_000_000  # of a shard


def measure(repeats: int = 7) -> dict[str, Any]:
    """Return seconds of both engines by shard size, and rows, bytes and seconds of a slice of tss6."""
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        with connected(workers=WORKERS) as client:
            started = time.perf_counter() - began
            engines = {"threads": {"threads": WORKERS}, "dask": {"client": client}}
            sizes = []
            for rows in SHARD_ROWS:
                taken: dict[str, list[float]] = {name: [] for name in engines}
                for repeat in range(repeats + 1):  # the first is to warm up
                    for name, engine in engines.items():
                        seconds = once(Path(directory) / "run", rows, engine)
                        if repeat:
                            taken[name].append(seconds)
                ratios = sorted(d / t for d, t in zip(taken["dask"], taken["threads"], strict=True))
                medians = {name: statistics.median(values) for name, values in taken.items()}
                quartiles = [ratios[len(ratios) // 4], statistics.median(ratios), ratios[-1 - len(ratios) // 4]]
                sizes.append({"shard_rows": rows, **medians, "ratio": quartiles})
        began = time.perf_counter()
        options = {"start": SLICE, "stop": SLICE + SLICE_ROWS, "threads": WORKERS, "progress": False}
        run = ss.enumerate_space("tss6", Path(directory) / "slice", **options)  # type: ignore[arg-type]
        whole = {"rows": run.rows, "bytes": run.bytes, "seconds": time.perf_counter() - began}
    return {"cpu": cpu_name(), "workers": WORKERS, "start": started, "sizes": sizes, "tss6": whole}


def once(path: Path, rows: int, engine: dict[str, Any]) -> float:
    """Return the seconds that tss5 takes."""
    began = time.perf_counter()
    ss.enumerate_space("tss5", path, shard_rows=rows, progress=False, **engine)
    seconds = time.perf_counter() - began
    shutil.rmtree(path)
    return seconds


def markdown(results: dict[str, Any]) -> str:
    """Return the results as the tables of the README."""
    lines = [
        f"| `tss5`, {results['workers']} workers: architectures of a shard | shards | Dask / threads (aim 1.3) |",
        "|---|---:|---:|",
    ]
    size = ss.space("tss5").size
    for one in results["sizes"]:
        low, middle, high = one["ratio"]
        shards = math.ceil(size / one["shard_rows"])
        lines.append(f"| {one['shard_rows']:,} | {shards} | {middle:.2f} ({low:.2f} to {high:.2f}) |")
    whole, total = results["tss6"], ss.space("tss6").size
    per_row = whole["bytes"] / whole["rows"]
    core_seconds = whole["seconds"] * results["workers"] / whole["rows"] * total
    return "\n".join(
        [
            *lines,
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
