"""How everything here is timed, and how a table is written."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")

THREADS = 2
NINE = "grad_norm", "snip", "plain", "fisher", "l2_norm", "jacob_cov", "naswot", "synflow", "zen"
"""Proxies that share most of their passes."""
_ROOT = Path(__file__).resolve().parents[1]
_MEMORY = """
def memory(kind):
    lines = open('/proc/self/status').read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) * 1024
"""


def timed(call: Callable[[], Answer]) -> tuple[Answer, float]:
    """Return an answer and the seconds it took."""
    began = time.perf_counter()
    answer = call()
    return answer, time.perf_counter() - began


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU seconds that a call takes, of all threads."""
    began = time.process_time()
    call()
    return time.process_time() - began


def interleaved(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each side, run in turn after one run each that does not count."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(repeats + 1):
        for name, side in sides.items():
            seconds = timed(side)[1]
            if repeat:
                times[name].append(seconds)
    return times


def medians(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each side, run in turn."""
    return {name: statistics.median(seconds) for name, seconds in interleaved(sides, repeats).items()}


def ratio(times: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the medians of two sides, the ratio of the first to the second, and the quartiles of paired ratios."""
    ours, theirs = times.values()
    paired = statistics.quantiles([a / b for a, b in zip(ours, theirs, strict=True)], n=4)
    first, second = statistics.median(ours), statistics.median(theirs)
    return {"ours": first, "theirs": second, "ratio": first / second, "low": paired[0], "high": paired[2]}


def seconds_and_memory(imports: str, work: str) -> tuple[float, float]:
    """Return the seconds of Python code in a process of its own, and its peak memory in bytes above its imports."""
    code = f"{_MEMORY}\nimport time\n{imports}\nbefore, began = memory('VmRSS'), time.perf_counter()\n{work}\n"
    code += "print(time.perf_counter() - began, memory('VmHWM') - before)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=_ROOT)
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> list[str]:
    """Return the lines of a Markdown table: `words` columns of text, then columns of numbers."""
    rule = ["---"] * words + ["---:"] * (len(heads) - words)
    return [f"| {' | '.join(heads)} |", f"|{'|'.join(rule)}|", *(f"| {' | '.join(cells)} |" for cells in rows)]
