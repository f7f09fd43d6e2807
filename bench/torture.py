"""Kill a run at random moments, resume it, and compare every file with those of a run that was left in peace.

    python bench/torture.py --kills 50

Each time a process of its own begins the run and is killed (SIGKILL) between making the directory and the end. Then
every file that looks finished must be byte for byte what it should be, and the same command must finish the run.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Kill:
    """What one kill left: finished shards of how many, whether the process was done already, seconds to resume."""

    finished: int
    shards: int
    too_late: bool
    resumed: float


def command(out: Path, rows: int) -> list[str]:
    """Return the command that begins the run, and continues it."""
    arguments = ["enumerate", "tss5", "--range", f"0:{rows}", "--shard-rows", "20000", "--out", str(out)]
    return [sys.executable, "-m", "sedspace", *arguments]


def digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that is not hidden."""
    files = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def timed(out: Path, rows: int) -> float:
    """Run to the end; return the seconds from the making of the directory on."""
    process = subprocess.Popen(command(out, rows), stdout=subprocess.DEVNULL)
    began = wait_for(out, process)
    if process.wait() != 0:
        raise SystemExit(f"{' '.join(process.args)} failed with status {process.returncode}")  # type: ignore[arg-type]
    return time.perf_counter() - began


def wait_for(out: Path, process: subprocess.Popen[bytes]) -> float:
    """Wait until the run's directory is there, and return the time."""
    while not out.exists() and process.poll() is None:
        time.sleep(0.001)
    return time.perf_counter()


def kill_once(out: Path, rows: int, after: float, whole: dict[str, str]) -> Kill:
    """Begin, kill, look, resume, compare."""
    process = subprocess.Popen(command(out, rows), stdout=subprocess.DEVNULL)
    wait_for(out, process)
    time.sleep(after)
    process.kill()
    too_late = process.wait() == 0
    left = digests(out)
    wrong = [name for name, digest in left.items() if whole.get(name) != digest]
    if wrong or ("manifest.json" in left and left != whole):
        raise SystemExit(f"killed after {after:.3f} s, {out} has files that look finished and are not: {wrong or left}")
    resumed = timed(out, rows)
    if digests(out) != whole:
        raise SystemExit(f"killed after {after:.3f} s and resumed, {out} differs from an uninterrupted run")
    hidden = {path.name for path in out.iterdir() if path.name.startswith(".")}
    if hidden - {".lock", ".finished"}:  # of a process that was killed after finishing: nobody needed them since
        raise SystemExit(f"killed after {after:.3f} s and resumed, {out} still holds {hidden}")
    return Kill(len([n for n in left if n.startswith("part-")]), len(whole) - 1, too_late, resumed)


def torture(directory: Path, kills: int, seed: int, rows: int) -> list[Kill]:
    """Kill and resume a run of the first `rows` five-node cells `kills` times."""
    seconds = timed(directory / "whole", rows)
    whole = digests(directory / "whole")
    moments = random.Random(seed)
    return [kill_once(directory / str(i), rows, moments.uniform(0, seconds), whole) for i in range(kills)]


def main() -> None:
    """Torture and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=2_000_000, help="architectures of the run, 20,000 to a shard")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        results = torture(Path(directory), arguments.kills, arguments.seed, arguments.rows)
    finished = sorted(kill.finished for kill in results)
    print(
        f"{len(results)} kills, {sum(kill.too_late for kill in results)} of them after the end; finished shards then: "
        f"least {finished[0]}, median {finished[len(finished) // 2]}, most {finished[-1]} of {results[0].shards}; "
        f"no file that looked finished was not; every resumed run was byte-identical to an uninterrupted one"
    )


if __name__ == "__main__":
    main()
