"""Exact answers about whole spaces: proved against going through every architecture, and timed.

    python bench run census                    (a minute or two)

Brute force here is either the library's enumeration kernels, which look at every index of a range and know nothing of
the census, or, for DARTS, a loop of its own over the choices. Any difference stops the script.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numba
import numpy as np
import polars as pl

import sedspace as ss
from bench.measuring import THREADS, markdown_table, medians, seconds_and_memory, timed
from sedspace.provenance import cpu_name
from sedspace.scores import best

DARTS_CELL = 49 * 147 * 294 * 490
WHERE = "params < 500000 AND n_skip <= 2"

QUESTIONS: dict[str, Callable[[], object]] = {
    "census of tss5: 1,715 classes": lambda: ss.census("tss5"),
    "census of tss8: 67,424 classes": lambda: ss.census("tss8"),
    "the 1,000 best of tss6": lambda: ss.top_k("tss6", 1000),
    "the best of darts": lambda: ss.top_k("darts", 1),
    "front of (SED, params) on tss6": lambda: ss.pareto("tss6"),
    "the 10 best of darts with n_skip_normal <= 2": lambda: ss.top_k("darts", 10, where="n_skip_normal <= 2"),
    "64 architectures of tss8, stratified by SED": lambda: ss.sample("tss8", 64, stratify="sed"),
    "the 10 best of tss6 with at most 2 poolings, by a rule": lambda: ss.top_k(few("tss6"), 10),
    "census of tss6 with at most 2 poolings, by a rule": lambda: ss.census(few("tss6")),
    "front of (SED, params) on sss, by a machine": lambda: ss.pareto("sss"),
    "distribution of live SED on tss6": lambda: ss.distribution("tss6", "live_sed"),
    "the 10 best of tss8 by propagated SED, by its bound": lambda: ss.top_k("tss8", 10, "propagated_sed"),
    "the same with params < 2000000": lambda: ss.top_k("tss8", 10, "propagated_sed", where="params < 2000000"),
    "the 10 best of darts by propagated SED, by its bound": lambda: ss.top_k("darts", 10, "propagated_sed"),
}
"""Asked of spaces of 10^7 to 10^19 architectures; the first five are the ones with an aim: well under a second."""


def few(name: str) -> ss.Space:
    """Return the cells of a space that have at most two poolings."""
    return ss.restrict(name, ss.AtMost(2, "avg_pool_3x3"))


def same(what: str, one: Any, other: Any) -> None:
    """Stop if two answers differ."""
    if one != other:
        raise SystemExit(f"{what}: the census and going through every architecture differ")


# -- proof -------------------------------------------------------------------------------------------------------------


def prove_tss5() -> None:
    """Compare classes, bounded top-k, members and a front with arrays over all 9,765,625 cells."""
    names = ["sed", "params", "macs", "n_skip", "residual"]
    cells = pl.DataFrame({name: ss.score("tss5", name) for name in names}).with_row_index("index")
    classes = cells.group_by(names).agg(pl.len().alias("count"), pl.col("index").min())
    order = {"by": ["sed", "index"], "descending": [True, False]}
    same("classes of tss5", ss.census("tss5", names[1:]).rows(), classes.sort(**order).rows())
    kept = cells.filter(pl.sql_expr(WHERE))
    top = kept.sort(**order).head(100_000).select("index", "sed")
    same("top-k of tss5", ss.top_k("tss5", 100_000, where=WHERE).select("index", "sed").rows(), top.rows())
    same("members of tss5", ss.members("tss5", where=WHERE)[:].tolist(), kept["index"].to_list())
    points = classes.group_by("sed", "params").agg(pl.col("count").sum(), pl.col("index").min()).sort("params", "sed")
    on_front, most = [], float("-inf")
    for sed, params, count, index in points.sort(["params", "sed"], descending=[False, True]).rows():
        if sed > most:
            on_front.append((sed, params, count, index))
            most = sed
    same("front of tss5", ss.pareto("tss5").drop("arch").rows(), on_front[::-1])


def prove_rules() -> None:
    """Compare cells with at most two poolings with those of the whole space; live SED and sss with going through it."""
    names = ["sed", "params", "n_pool"]
    whole, rows = ss.space("tss5"), few("tss5")
    pools = ss.score(whole, "n_pool")
    there = np.flatnonzero(pools <= 2)
    same("size of tss5 with a rule", rows.size, len(there))
    same("SED of tss5 with a rule", ss.score(rows).tobytes(), ss.score(whole)[there].tobytes())
    same("digits of tss5 with a rule", rows.digits_of_range(0, rows.size).tobytes(), whole.digits(there).tobytes())
    for name in ("tss5", "tss6"):
        top = ss.top_k(name, 1000, where="n_pool <= 2")
        same(f"best of {name} with a rule", ss.top_k(few(name), 1000)["arch"].to_list(), top["arch"].to_list())
        classes = ss.census(name, names[1:]).filter(pl.col("n_pool") <= 2).select(*names, "count")
        found = ss.census(few(name), names[1:]).select(*names, "count")
        same(f"classes of {name} with a rule", sorted(found.rows()), sorted(classes.rows()))
    live = ss.distribution("tss5", "live_sed")
    values, counts = np.unique(ss.score("tss5", "live_sed"), return_counts=True)
    found = sorted(zip(live.values.tolist(), map(int, live.counts), strict=True))
    same("live SED of tss5", found, list(zip(values.tolist(), counts.tolist(), strict=True)))
    cells = pl.DataFrame({name: ss.score("sss", name) for name in ("sed", "params")})
    points, best = [], float("-inf")
    for sed, params in cells.sort(["params", "sed"], descending=[False, True]).rows():
        if sed > best:
            points.append((sed, params))
            best = sed
    same("front of sss", ss.pareto("sss").select("sed", "params").rows(), points[::-1])


def prove_tss6() -> dict[str, float]:
    """Compare the histogram and the ten best of SED with going through all 30,517,578,125 cells."""
    space, sed = ss.space("tss6"), ss.sed()
    tally, census_seconds = timed(lambda: ss.distribution(space).frame()[::-1].select("sed", "count").rows())
    frame, histogram_seconds = timed(lambda: ss.histogram(space, threads=THREADS))
    same("histogram of tss6", tally, frame.rows())
    (values, indices), best_seconds = timed(lambda: best(space, sed, 10, threads=THREADS))
    top = ss.top_k(space, 10)
    same("ten best of tss6", (top["sed"].to_list(), top["index"].to_list()), (values.tolist(), indices))
    return {
        "census seconds": census_seconds,
        "histogram and top-10 seconds": histogram_seconds + best_seconds,
        "written seconds": write_every_cell(space),
        "addition seconds": additions(space.size),
    }


def write_every_cell(space: ss.Space) -> float:
    """Return the seconds to write the SED of every cell, a cache's worth after the other."""
    length = 1 << 24
    out = np.empty(length, np.float32)

    def write() -> None:
        for start in range(0, space.size, length):
            stop = min(start + length, space.size)
            ss.score(space, "sed", start, stop, threads=THREADS, out=out[: stop - start])

    return timed(write)[1]


@numba.njit(parallel=True)  # type: ignore[untyped-decorator]
def _add(high: np.ndarray[Any, Any], low: np.ndarray[Any, Any], out: np.ndarray[Any, Any]) -> None:
    """Add a row to a number, for many numbers: float32 at the vector width of the machine, in the first cache."""
    for thread in numba.prange(out.shape[0]):
        for h in high:
            for i in range(low.size):
                out[thread, i] = h + low[i]


def additions(cells: int) -> float:
    """Return the seconds that so many additions would take on all threads, at the rate of a loop in the cache."""
    numba.set_num_threads(min(THREADS, numba.config.NUMBA_NUM_THREADS))
    high, low = np.arange(1 << 18, dtype=np.float32), np.arange(2048, dtype=np.float32)
    out = np.empty((THREADS, len(low)), np.float32)
    _add(high, low, out)
    seconds = statistics.median(timed(lambda: _add(high, low, out))[1] for _ in range(25))
    return seconds * cells / (len(high) * len(low) * THREADS)


@numba.njit  # type: ignore[untyped-decorator]
def _stream(a: Any, b: Any, c: Any, d: Any, low: int, counts: np.ndarray[Any, Any]) -> None:
    """Count the SED of every DARTS cell, given (residual, conv, pool) of every choice at each of its four nodes."""
    for x in a:
        for y in b:
            for z in c:
                r, conv, pool = x[0] + y[0] + z[0], x[1] + y[1] + z[1], x[2] + y[2] + z[2]
                for w in d:
                    counts[(4 + 3 * (r + w[0])) * (conv + w[1]) - 16 * (pool + w[2]) - low] += 1


def prove_darts() -> dict[str, float]:
    """Compare the whole distribution of darts with that of all pairs of its 1,037,664,180 cells, each looked at."""
    weight = {"max_pool_3x3": (0, 1), "avg_pool_3x3": (0, 1), "skip_connect": (0, 0)}  # conv in 1/16, pool in 1/4
    weight |= {"sep_conv_3x3": (16, 0), "sep_conv_5x5": (20, 0), "dil_conv_3x3": (12, 0), "dil_conv_5x5": (15, 0)}
    nodes = []
    for node in (2, 3, 4, 5):
        edges = [[(int(n == "skip_connect" and s < 2), *weight[n]) for n in weight] for s in range(node)]
        pairs = [(x, y) for a in range(node) for b in range(a + 1, node) for x in edges[a] for y in edges[b]]
        nodes.append(np.array([[i + j for i, j in zip(*pair, strict=True)] for pair in pairs], np.int64))
    low = -16 * 8
    counts = np.zeros(28 * 160 - low, np.int64)
    _stream(*(node[:1] for node in nodes), low, counts)  # compiles
    counts[:] = 0
    _, loop_seconds = timed(lambda: _stream(*nodes, low, counts))
    cell = {int(key) + low: int(counts[key]) for key in np.flatnonzero(counts)}
    same("number of darts cells", sum(cell.values()), DARTS_CELL)
    pairs_of_cells: Counter[Fraction] = Counter()
    for normal, often in cell.items():
        for reduction, times in cell.items():
            pairs_of_cells[Fraction(18 * normal + 2 * reduction, 64)] += often * times
    tally, census_seconds = timed(lambda: ss.distribution("darts"))
    expected = sorted(pairs_of_cells.items())
    found = zip(map(Fraction, tally.values.tolist()), tally.counts, strict=True)
    same("distribution of darts", list(found), expected)
    # The same stretch of indices by the library's own enumeration: all reduction cells below the first normal one.
    frame, range_seconds = timed(lambda: ss.histogram("darts", "sed", 0, DARTS_CELL, threads=THREADS))
    first = min(cell)  # index 0 is eight poolings
    same("a range of darts", [(Fraction(v), c) for v, c in frame.rows()], [
        (Fraction(18 * first + 2 * key, 64), count) for key, count in sorted(cell.items())
    ])  # fmt: skip
    return {"loop seconds": loop_seconds, "range seconds": range_seconds, "census seconds": census_seconds}


# -- speed -------------------------------------------------------------------------------------------------------------


def speed(repeats: int) -> dict[str, Any]:
    """Return the median seconds of each question, and of scoring tss5 into an array, taken in turn."""
    out = np.empty(5**10, np.float32)
    sides = {"enumeration": lambda: ss.score("tss5", threads=THREADS, out=out), **QUESTIONS}
    times = medians(sides, repeats)
    enumeration = times.pop("enumeration")
    _, peak = seconds_and_memory("from bench import census", "for ask in census.QUESTIONS.values():\n    ask()")
    return {"enumeration": enumeration, "questions": times, "memory": peak}


def before() -> dict[str, float]:
    """Return how long each question took before there were machines, as a multiple of scoring tss5."""
    kept = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["results"]
    if "before" in kept:
        return dict(kept["before"])
    return {name: seconds / kept["speed"]["enumeration"] for name, seconds in kept["speed"]["questions"].items()}


def measure(repeats: int) -> dict[str, Any]:
    """Prove and time everything."""
    prove_tss5()
    prove_rules()
    found = {"cpu": cpu_name(), "speed": speed(repeats), "tss6": prove_tss6(), "darts": prove_darts()}
    tally, seconds = timed(lambda: ss.distribution("tss8", "live_sed"))
    same("number of tss8 cells by live SED", sum(map(int, tally.counts)), 5**28)
    return {**found, "before": before(), "live": {"seconds": seconds, "values": len(tally.counts)}}


def markdown(results: dict[str, Any]) -> str:
    """Return the results as the text of the README."""
    speed, tss6, darts = results["speed"], results["tss6"], results["darts"]
    exhaustive = tss6["histogram and top-10 seconds"]
    written, addition = tss6["written seconds"], tss6["addition seconds"]
    earlier = results.get("before", {})
    live = (
        [
            f"- Live SED by its machine: of `tss5` against every cell; its distribution over all 5^28 cells of `tss8`, "
            f"{found['values']:,} values, takes {found['seconds']:.1f} s."
            for found in [results["live"]]
        ]
        if "live" in results
        else []
    )
    heads = [f"question, {THREADS} threads", "milliseconds", "/ SED of all tss5 cells into an array"]
    rows = []
    for name, seconds in speed["questions"].items():
        multiple = seconds / speed["enumeration"]
        ratio = [f"{multiple / earlier[name]:.2f}" if name in earlier else ""] if earlier else []
        rows.append((name, f"{seconds * 1e3:,.1f}", f"{multiple:.2f}", *ratio))
    return "\n".join(
        [
            *markdown_table([*heads, "/ the same in the engine before rules"] if earlier else heads, rows),
            "",
            f"Peak memory above the imports for all of these together: {speed['memory'] / 1e6:.0f} MB.",
            "",
            "Each of these equals brute force, or the script stops:",
            "",
            "- `tss5`: classes, bounded top-100,000, members and front, against arrays over all 9,765,625 cells.",
            f"- `tss6`: histogram and ten best of all 30,517,578,125 cells by the enumeration kernels, which count "
            f"equal rows of cells at once: {exhaustive:.1f} s (aim: under 30 s). Writing the SED of every single cell, "
            f"a cache's worth after the other, takes {written:.0f} s, {written / addition:.1f} times as long as one "
            f"addition per cell at the machine's vector width ({addition:.1f} s). The census takes "
            f"{tss6['census seconds'] * 1e3:.0f} ms.",
            f"- `darts`: all 1,037,664,180 cells one by one in a loop of the script's own "
            f"({darts['loop seconds']:.1f} s), and all pairs of them; the enumeration kernels over as many indices "
            f"({darts['range seconds']:.1f} s). The census of all 1.08e18 takes "
            f"{darts['census seconds'] * 1e3:.0f} ms.",
            *live,
            "",
            f"{results['cpu']}.",
        ]
    )
