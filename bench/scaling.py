"""Time and memory by the size of the space and by threads: the cost of an architecture should not depend on either.

    python bench run scaling

SED into an array that is there already, of `tss`, `tss5` and slices of `tss6` up to 10^9 cells, against a NumPy fill of
the same bytes (the memory's bandwidth); and whole runs (`enumerate`), each in a process of its own, with the peak of
its memory. Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import sedspace as ss
from bench.measuring import markdown_table, medians
from bench.speed import run_in_process
from sedspace.figures import COLORS, finish, new_grid
from sedspace.report.numbers import duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SLICES = (("tss", 15_625), ("tss5", 9_765_625), ("tss6", 10**8), ("tss6", 10**9))
RUNS = (("tss", 15_625), ("tss5", 9_765_625), ("tss6", 10**8))
START = 20_000_000_000  # where in tss6
THREADS = 1, 2


def measure(repeats: int = 5) -> dict[str, Any]:
    """Return seconds per architecture of arrays and of runs, and the memory of runs."""
    arrays = []
    for name, count in SLICES:
        out = np.empty(count, np.float32)
        start = START if name == "tss6" else 0
        fill = medians({"fill": partial(out.fill, 1.5)}, repeats)["fill"] / count
        for threads in THREADS:
            once = partial(ss.score, name, start=start, stop=start + count, threads=threads, out=out)
            one = {
                "space": name,
                "count": count,
                "threads": threads,
                "fill": fill,
                "sed": medians({"sed": once}, repeats)["sed"] / count,
            }
            arrays.append(one)
    runs = []
    for name, count in RUNS:
        start = START if name == "tss6" else 0
        seconds, memory = run_in_process(name, start, count)
        runs.append({"space": name, "count": count, "seconds": seconds / count, "memory": memory})
    return {"arrays": arrays, "runs": runs}


def markdown(results: dict[str, Any]) -> str:
    """Return the results as tables."""
    arrays = [
        (f"`{o['space']}`", f"{o['count']:,}", f"{o['threads']}", duration(o["sed"]), f"{o['sed'] / o['fill']:.2f}")
        for o in results["arrays"]
    ]
    runs = [
        (f"`{o['space']}`", f"{o['count']:,}", duration(o["seconds"]), f"{o['memory'] / 1e6:.0f} MB")
        for o in results["runs"]
    ]
    run_heads = "a whole run, a process of its own", "cells", "per cell", "peak memory above the imports"
    lines = [
        *markdown_table(("SED into an array", "cells", "threads", "per cell", "/ NumPy fill"), arrays),
        "",
        *markdown_table(run_heads, runs),
    ]
    return "\n".join(lines)


def picture(results: dict[str, Any]) -> Figure:
    """Draw the cost of an architecture by how many there are."""
    figure, (left, right) = new_grid(9, 4, 1, 2, style="text")
    for threads, color in zip(THREADS, (COLORS["skip"], COLORS["conv"]), strict=True):
        some = [one for one in results["arrays"] if one["threads"] == threads]
        label = f"SED into an array, {threads} thread{'s' if threads > 1 else ''}"
        left.plot([one["count"] for one in some], [one["sed"] * 1e9 for one in some], "o-", color=color, label=label)
    some = [one for one in results["arrays"] if one["threads"] == THREADS[0]]
    left.plot(
        [one["count"] for one in some], [one["fill"] * 1e9 for one in some], "s--", color="0.5", label="NumPy fill"
    )
    runs = results["runs"]
    left.plot(
        [one["count"] for one in runs],
        [one["seconds"] * 1e9 for one in runs],
        "^-",
        color=COLORS["pool"],
        label="whole run",
    )
    figure.legend(handles=left.lines, loc="outside lower center", ncols=4, frameon=False, columnspacing=1.0)
    finish(left, xlabel="architectures", ylabel="nanoseconds for one architecture")
    left.set(xscale="log", yscale="log")
    right.plot([one["count"] for one in runs], [one["memory"] / 1e6 for one in runs], "^-", color=COLORS["pool"])
    finish(right, xlabel="architectures", ylabel="peak memory of a run, MB")
    right.set(xscale="log", ylim=(0, None))
    return figure
