"""How fast is it, held against what a user would write instead, in one process and one run.

    python bench run speed

Every ratio is taken between medians of interleaved runs of both sides on this machine; absolute times are printed
because readers want them, but only the ratios mean much elsewhere. Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from typing import Any

# Idle threads of the fill we compare with must not spin into the other side's turn; read when numba starts them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import duckdb
import numba
import numpy as np
import polars as pl
import pyarrow.parquet as pq

import sedspace as ss
from bench.measuring import THREADS, interleaved, markdown_table, medians, ratio, seconds_and_memory, timed
from sedspace.provenance import cpu_name
from sedspace.published import published
from sedspace.runs.rows import ROW_GROUP_ROWS
from sedspace.runs.shards import parquet_options
from sedspace.scores.blocks import first_layout
from sedspace.scores.topology import topology
from sedspace.spaces import functional_classes

SPACE = ss.space("tss5")
SIZE = SPACE.size
CELLS = 100_000
"""Of how many cells topology features are found."""


@numba.njit(parallel=True)  # type: ignore[untyped-decorator]
def fill(out: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """Write one number everywhere: no score can be had for less."""
    for i in numba.prange(out.size):
        out[i] = 1.5


def score_against_fill(repeats: int) -> dict[str, Any]:
    """SED of all cells into an array, against a parallel fill of the same array; both with and without making it."""
    numba.set_num_threads(min(THREADS, numba.config.NUMBA_NUM_THREADS))
    array = np.empty(SIZE, np.float32)

    def fill_new() -> None:
        fill(np.empty(SIZE, np.float32))

    def score_with_new_tables() -> None:
        first_layout.cache_clear()
        ss.score(SPACE, threads=THREADS, out=array)

    return {
        "same array": ratio(
            interleaved(
                {"ours": lambda: ss.score(SPACE, threads=THREADS, out=array), "theirs": lambda: fill(array)}, repeats
            )
        ),
        "same array, tables made anew": ratio(
            interleaved({"ours": score_with_new_tables, "theirs": lambda: fill(array)}, repeats)
        ),
        "new array": ratio(
            interleaved({"ours": lambda: ss.score(SPACE, threads=THREADS), "theirs": fill_new}, repeats)
        ),
    }


def run_against_write_table(repeats: int) -> dict[str, Any]:
    """Compare the whole default run with pyarrow writing the finished table, same options, to one file."""
    with tempfile.TemporaryDirectory() as directory:
        numbers = itertools.count()
        finished = ss.enumerate_space(SPACE, f"{directory}/table", threads=THREADS, progress=False).scan().collect()
        arrow = finished.to_arrow()
        options = {**parquet_options(arrow.schema), "row_group_size": ROW_GROUP_ROWS}

        def ours() -> None:
            ss.enumerate_space(SPACE, f"{directory}/{next(numbers)}", threads=THREADS, progress=False)

        def theirs() -> None:
            pq.write_table(arrow, f"{directory}/{next(numbers)}.parquet", **options)

        return ratio(interleaved({"ours": ours, "theirs": theirs}, repeats))


def classes_against_run(repeats: int) -> dict[str, Any]:
    """Compare finding the functional class of every cell, from nothing, with the whole default run."""
    with tempfile.TemporaryDirectory() as directory:
        numbers = itertools.count()

        def ours() -> None:
            functional_classes.class_of_every_cell.cache_clear()
            ss.score(SPACE, "functional_class", threads=THREADS)

        def theirs() -> None:
            ss.enumerate_space(SPACE, f"{directory}/{next(numbers)}", threads=THREADS, progress=False)

        return ratio(interleaved({"ours": ours, "theirs": theirs}, repeats))


def topology_of_cells(repeats: int) -> dict[str, float]:
    """Return the nanoseconds that all topology features of a cell take together, on one thread."""
    nanoseconds = {}
    for name in ("tss5", "nb101"):
        space = ss.space(name)
        start, random = space.size // 2, np.random.default_rng(0).integers(0, space.size, CELLS)
        cells = {"consecutive": space.digits_of_range(start, start + CELLS), "random": space.digits(random.tolist())}
        seconds = medians({kind: functools.partial(topology, space, digits) for kind, digits in cells.items()}, repeats)
        nanoseconds |= {f"{kind} cells of {name}": 1e9 * one / CELLS for kind, one in seconds.items()}
    return nanoseconds


def run_in_process(space: str, start: int, count: int) -> tuple[float, float]:
    """Return the seconds, and the peak memory in bytes above the imports, of a run in a process of its own."""
    with tempfile.TemporaryDirectory() as directory:
        limits = f"start={start}, stop={start + count}, threads={THREADS}, progress=False"
        work = f"sedspace.enumerate_space({space!r}, {directory + '/run'!r}, {limits})"
        return seconds_and_memory("import sedspace, sedspace.cli", work)


def process_seconds(cache: str, repeats: int) -> list[float]:
    """Return the wall time of whole ``sedspace enumerate tss5`` processes that share a cache of compiled code."""
    out = []
    with tempfile.TemporaryDirectory() as directory:
        for repeat in range(repeats):
            command = [sys.executable, "-m", "sedspace", "enumerate", "tss5", "--out", f"{directory}/{repeat}"]
            run = functools.partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
            out.append(timed(lambda: run(env={**os.environ, "NUMBA_CACHE_DIR": cache}))[1])  # noqa: B023  called here
    return out


def questions(repeats: int) -> dict[str, Any]:
    """Compare top with plain polars and verify with reading and hashing, and time the decoding of strings."""
    with tempfile.TemporaryDirectory() as directory:
        run = ss.enumerate_space(SPACE, f"{directory}/run", threads=THREADS, progress=False)

        def plain() -> None:
            frame = pl.scan_parquet(run.files()).filter(pl.col("params") < 1_000_000)
            frame.sort(["sed", "index"], descending=[True, False]).head(10).collect()

        def read_and_hash() -> None:
            for path in run.files():
                hashlib.sha256(path.read_bytes())

        sides = {"ours": lambda: run.top(10, where="params < 1000000"), "theirs": plain}
        indices = pl.DataFrame({"index": pl.int_range(SIZE, eager=True)})
        decode = interleaved({"ours": lambda: indices.select(pl.col("index").sed.arch(SPACE))}, repeats)["ours"]  # type: ignore[attr-defined]
        return {
            "top": ratio(interleaved(sides, 4 * repeats)),
            "verify": ratio(interleaved({"ours": run.verify, "theirs": read_and_hash}, 4 * repeats)),
            "decoded per second": SIZE / statistics.median(decode),
        }


# -- what one would have written otherwise --------------------------------------------------------------------------


def plain_python(count: int, start: int = 0) -> Any:
    """Return SED of cells, one after the other."""
    out = []
    for digits in itertools.islice(itertools.product(range(5), repeat=10), start, start + count):
        convs = digits.count(3) + 0.75 * digits.count(2)
        out.append((1 + 0.75 * (digits[6] == 1)) * convs - 0.25 * digits.count(4))
    return out


@functools.cache
def _processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(THREADS, multiprocessing.get_context("spawn"))


def with_processes(count: int) -> Any:
    """Do the same in several processes, which are there already."""
    each = count // THREADS
    parts = _processes().map(plain_python, [each] * THREADS, range(0, count, each))
    return [one for part in parts for one in part]


def with_numpy(count: int) -> Any:
    """Do the same with whole arrays."""
    index = np.arange(count)
    convs, pools = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for position in range(10):
        digit = index // 5 ** (9 - position) % 5
        convs += np.array([0, 0, 0.75, 1, 0], np.float32)[digit]
        pools += digit == 4
        if position == 6:
            residual = (digit == 1).astype(np.float32)
    return (1 + np.float32(0.75) * residual) * convs - np.float32(0.25) * pools


def with_polars(count: int) -> Any:
    """Do the same as an expression."""
    digits = [pl.col("i") // 5 ** (9 - position) % 5 for position in range(10)]
    convs = pl.sum_horizontal([(digit == 3) + 0.75 * (digit == 2) for digit in digits])
    pools = pl.sum_horizontal([digit == 4 for digit in digits])
    sed = (1 + 0.75 * (digits[6] == 1)) * convs - 0.25 * pools
    return pl.select(i=pl.int_range(count)).lazy().select(sed.cast(pl.Float32)).collect().to_series()


def with_duckdb(count: int) -> Any:
    """Do the same in SQL."""
    digits = [f"(i // {5 ** (9 - position)} % 5)" for position in range(10)]
    convs = " + ".join(f"({digit} = 3)::INT + 0.75 * ({digit} = 2)::INT" for digit in digits)
    pools = " + ".join(f"({digit} = 4)::INT" for digit in digits)
    sed = f"(1 + 0.75 * ({digits[6]} = 1)::INT) * ({convs}) - 0.25 * ({pools})"
    return duckdb.connect().execute(f"SELECT ({sed})::FLOAT AS sed FROM range({count}) t(i)").fetchnumpy()["sed"]


def with_sedspace(count: int) -> Any:
    """Do the same with this library."""
    return ss.score(SPACE, stop=count, threads=THREADS)


def peers(repeats: int) -> dict[str, float]:
    """Return seconds per architecture of each way to get SED as a column in memory."""
    ways = {
        "plain Python (itertools)": (plain_python, 100_000),
        f"plain Python in {THREADS} processes (multiprocessing)": (with_processes, 400_000),
        "NumPy": (with_numpy, 1_000_000),
        "polars expression": (with_polars, SIZE),
        "DuckDB SQL over range()": (with_duckdb, SIZE),
        "sedspace": (with_sedspace, SIZE),
    }
    for name, (way, count) in ways.items():
        if not np.array_equal(np.asarray(way(count), np.float32), with_sedspace(count)):
            raise SystemExit(f"{name} computes another score")
    seconds = medians({name: functools.partial(way, count) for name, (way, count) in ways.items()}, repeats)
    return {name: seconds[name] / count for name, (_, count) in ways.items()}


def fit_seconds(measured: int = 100) -> float:
    """Return the seconds of a run with mean and standard deviation of every cell, by a fit that has seen some."""
    table = ss.sample(SPACE, measured, seed=0)
    table = table.with_columns(accuracy=pl.Series(ss.score(SPACE, "live_sed", indices=table["index"])))
    fit = ss.fit(SPACE, table, "accuracy", model="gaussian", repeats=0)
    with tempfile.TemporaryDirectory() as out:
        columns = [fit, fit.std]
        return timed(lambda: ss.enumerate_space(SPACE, f"{out}/run", columns, threads=THREADS, progress=False))[1]


# -- reporting ------------------------------------------------------------------------------------------------------


def measure(repeats: int) -> dict[str, Any]:
    """Run everything."""
    with tempfile.TemporaryDirectory() as cache:
        processes = process_seconds(cache, 1 + repeats)
    return {
        "environment": {
            "cpu": cpu_name(),
            "cpus": os.cpu_count(),
            "threads": THREADS,
            "python": platform.python_version(),
            **{name: version(name) for name in ("duckdb", "numba", "numpy", "polars", "pyarrow")},
        },
        "score": score_against_fill(20 * repeats),
        "run": run_against_write_table(repeats),
        "classes": classes_against_run(repeats),
        "topology": topology_of_cells(4 * repeats),
        "memory": {
            "tss5": run_in_process("tss5", 0, SIZE)[1],
            "tss6": run_in_process("tss6", 20_000_000_000, SIZE)[1],
        },
        "process": {"first": processes[0], "warm": statistics.median(processes[1:])},
        "questions": questions(repeats),
        "fit": fit_seconds(),
        "peers": peers(repeats),
    }


def markdown(results: dict[str, Any]) -> str:
    """Return the results as the tables of the README."""
    score, run, memory = results["score"], results["run"], results["memory"]
    grad_norm = published()["sed_paper"]["text"]["grad_norm_seconds_per_architecture"]
    sedspace = results["peers"]["sedspace"]
    environment = results["environment"]
    versions = ", ".join(f"{n} {environment[n]}" for n in ("python", "numpy", "numba", "pyarrow", "polars", "duckdb"))

    def row(name: str, pair: dict[str, float], wanted: str) -> tuple[str, str, str]:
        return name, f"{pair['ratio']:.2f} ({pair['low']:.2f} to {pair['high']:.2f})", wanted

    ratios = [
        row("SED into an array / a parallel fill of the same array", score["same array"], "at most 2"),
        row("the same, lookup tables made anew each time", score["same array, tables made anew"], "-"),
        row("the same, a new array each time", score["new array"], "-"),
        row("the whole default run / `pyarrow.parquet.write_table` of the finished table", run, "at most 0.75"),
        row("the functional class of every cell / the whole default run", results["classes"], "at most 1"),
        row("top-10 of a run with a filter / the same in plain polars", results["questions"]["top"], "at most 1.1"),
        row(
            "`verify` of a run, samples recomputed / reading and hashing it",
            results["questions"]["verify"],
            "at most 1.5",
        ),
    ]
    peers = [(name, f"{s * 1e9:,.2f}", f"{s / sedspace:,.0f} x") for name, s in results["peers"].items()]
    peers.append(("for comparison: grad_norm as published (arXiv 2411.06236)", f"{grad_norm * 1e9:,.0f}", "-"))
    cells = [(name, f"{one:,.0f}", "300") for name, one in results["topology"].items()]
    lines = [
        f"All 9,765,625 five-node cells, {environment['threads']} threads, medians of interleaved runs "
        f"(quartiles of paired ratios):",
        "",
        *markdown_table(("measure", "ratio", "aim"), ratios, words=3),
        "",
        f"Whole `sedspace enumerate tss5` process: {results['process']['first']:.1f} s the first time ever "
        f"(compiling), {results['process']['warm']:.1f} s from then on. Peak memory above the imports: "
        f"{memory['tss5'] / 1e6:.0f} MB for `tss5`, {memory['tss6'] / 1e6:.0f} MB for as long a slice of `tss6`. "
        f"Indices to arch strings: {results['questions']['decoded per second'] / 1e6:.1f} million a second. A run with "
        f"mean and standard deviation of every cell by a Gaussian process that learned from 100: "
        f"{results['fit']:.0f} s (aim: under 60).",
        "",
        *markdown_table(("all topology features of one cell, one thread", "nanoseconds", "at most"), cells),
        "",
        *markdown_table(("SED of one architecture by", "nanoseconds", "sedspace is faster by"), peers),
        "",
        f"{environment['cpu']}, {environment['cpus']} CPUs; {versions}.",
    ]
    return "\n".join(lines)
