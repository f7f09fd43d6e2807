"""Kill runs at random moments, resume and compare them; change bytes of a run, and see who notices.

    python bench/torture.py --kills 50 --places 400

Each time a process of its own begins the run and is killed (SIGKILL, with all of its children) between making the
directory and the end. Then every file that looks finished must be byte for byte what it should be, and the same command
must finish the run. Runs are plain, of a ``file://`` URL, filtered, of unique architectures, and on Dask's workers.

A changed byte, at a random place of a random file of a finished run, must be noticed in one line by whoever reads the
run, or do no harm: its answer is that of the undamaged run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sedspace as ss

_SHARD_ROWS = "20000"
_WHERE = "params < 1000000 AND sed > 2"
KINDS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "file": (),
    "filtered": ("--where", _WHERE),
    "unique": ("--unique", "functional"),
    "dask": ("--engine", "dask", "--threads", "2"),
}


@dataclass
class Kill:
    """What one kill left: finished shards of how many, whether the process was done already, seconds to resume."""

    finished: int
    shards: int
    too_late: bool
    resumed: float


def command(out: Path, rows: int, kind: str = "plain") -> list[str]:
    """Return the command that begins the run, and continues it."""
    where = f"file://{out}" if kind == "file" else str(out)
    asked = ["tss5", "--range", f"0:{rows}", "--shard-rows", _SHARD_ROWS]
    if kind == "unique":  # whose classes of five nodes take longer than all the rest
        asked = ["tss", "--shard-rows", str(max(1, 15_625 * int(_SHARD_ROWS) // rows))]
    return [sys.executable, "-m", "sedspace", "enumerate", *asked, *KINDS[kind], "--out", where]


def digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that is not hidden."""
    files = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def begin(out: Path, rows: int, kind: str) -> tuple[subprocess.Popen[bytes], float]:
    """Begin a run, wait until its directory is there, and return the process and the time."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL if kind == "dask" else None}
    process = subprocess.Popen(command(out, rows, kind), start_new_session=True, **quiet)  # type: ignore[call-overload]
    while not out.exists() and process.poll() is None:
        time.sleep(0.001)
    return process, time.perf_counter()


def timed(out: Path, rows: int, kind: str = "plain") -> float:
    """Run to the end; return the seconds from the making of the directory on."""
    process, began = begin(out, rows, kind)
    if process.wait() != 0:
        raise SystemExit(f"{' '.join(command(out, rows, kind))} failed with status {process.returncode}")
    return time.perf_counter() - began


def kill_once(out: Path, rows: int, after: tuple[int, float], whole: dict[str, str], kind: str) -> Kill:
    """Begin, kill once there are so many shards and so many seconds have passed since, look, resume, compare."""
    process, _ = begin(out, rows, kind)
    while len(list(out.glob("part-*"))) < after[0] and process.poll() is None:
        time.sleep(0.001)
    time.sleep(after[1])
    too_late = process.poll() == 0
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    when = f"killed after {after[0]} shards and {after[1]:.3f} s"
    left = digests(out)
    wrong = [name for name, digest in left.items() if whole.get(name) != digest]
    if wrong or ("manifest.json" in left and left != whole):
        raise SystemExit(f"{when}, {out} has files that look finished and are not: {wrong or left}")
    resumed = timed(out, rows, kind)
    if digests(out) != whole:
        raise SystemExit(f"{when} and resumed, {out} differs from an uninterrupted run")
    hidden = {path.name for path in out.iterdir() if path.name.startswith(".")}
    if hidden - {".lock", ".finished"}:  # of a process that was killed after finishing: nobody needed them since
        raise SystemExit(f"{when} and resumed, {out} still holds {hidden}")
    return Kill(len([n for n in left if n.startswith("part-")]), len(whole) - 1, too_late, resumed)


def torture(directory: Path, kills: int, seed: int, rows: int, kind: str = "plain") -> list[Kill]:
    """Kill and resume a run of the first `rows` five-node cells `kills` times.

    What Dask's workers write is compared with what threads write.
    """
    seconds = timed(directory / "whole", rows, "plain" if kind == "dask" else kind)
    whole = digests(directory / "whole")
    shards, moments = len(whole) - 1, random.Random(seed)
    after = [(moments.randint(0, shards), moments.uniform(0, seconds / shards)) for _ in range(kills)]
    return [kill_once(directory / str(number), rows, one, whole, kind) for number, one in enumerate(after)]


# -- changed bytes ----------------------------------------------------------------------------------------------------

_SQL = "SELECT n_skip, COUNT(*) AS n, MIN(index), SUM(params) FROM archs GROUP BY n_skip ORDER BY n_skip"
READERS: dict[str, Callable[[Path], Any]] = {
    "open_run": lambda path: ss.open_run(path).manifest(),
    "top": lambda path: ss.open_run(path).top(10).to_dicts(),
    "query": lambda path: ss.open_run(path).sql(_SQL).to_dicts(),
    "describe": lambda path: ss.open_run(path).describe().to_dicts(),
    "verify": lambda path: list(map(str, ss.open_run(path).verify())),
}


def answer(reader: str, path: Path) -> Any:
    """Return what a reader answers, or the error that it raises on purpose."""
    try:
        return READERS[reader](path)
    except ss.SedspaceError as error:
        if "\n" in str(error):
            raise SystemExit(f"{reader} of {path} says more than one line: {error}") from None
        return error
    except BaseException as error:  # polars panics are no Exceptions
        raise SystemExit(f"{reader} of {path} fails with {type(error).__name__}: {error}") from error


def change(path: Path, moments: random.Random) -> tuple[str, bool]:
    """Change a byte of a random file of a run; return the file's name, and whether that means nothing at all."""
    file = moments.choice(sorted(path.iterdir()))
    before = file.read_bytes()
    data = bytearray(before)
    data[moments.randrange(len(data))] ^= moments.randrange(1, 256)
    file.write_bytes(data)
    return file.name, file.name == "manifest.json" and _same_json(before, bytes(data))


def _same_json(before: bytes, after: bytes) -> bool:
    try:
        return bool(json.loads(before) == json.loads(after))
    except ValueError:
        return False


def corrupt(directory: Path, places: int, seed: int) -> Counter[tuple[str, str]]:
    """Change a byte in each of `places` copies of a run; return how often each reader noticed, by the kind of file.

    Whoever notices nothing must answer as it does for the undamaged run, and `verify` must notice everything but other
    white space in the manifest. The key ``changed`` counts the copies.
    """
    whole = ss.enumerate_space("tss", directory / "whole", shard_rows=4000, progress=False).path
    expected = {reader: answer(reader, whole) for reader in READERS}
    moments = random.Random(seed)
    counts: Counter[tuple[str, str]] = Counter()
    for place in range(places):
        copy = Path(shutil.copytree(whole, directory / f"place-{place}"))
        name, harmless = change(copy, moments)
        kind = "manifest" if name == "manifest.json" else "shard"
        counts[kind, "changed"] += 1
        for reader in READERS:
            said = answer(reader, copy)
            noticed = isinstance(said, ss.SedspaceError) or (reader == "verify" and said != [])
            counts[kind, reader] += noticed
            if not noticed and (said != expected[reader] or (reader == "verify" and not harmless)):
                raise SystemExit(f"{reader} of {copy} did not notice that {name} was changed, and answers {said}")
        shutil.rmtree(copy)
    return counts


# -- both, and what was seen ----------------------------------------------------------------------------------------


def _say(kind: str, results: list[Kill]) -> None:
    finished = sorted(kill.finished for kill in results)
    print(
        f"{kind}: {len(results)} kills, {sum(kill.too_late for kill in results)} of them after the end; finished "
        f"shards then: least {finished[0]}, median {finished[len(finished) // 2]}, most {finished[-1]} of "
        f"{results[0].shards}; no file that looked finished was not; every resumed run was byte-identical to an "
        f"uninterrupted one",
        flush=True,
    )


def main() -> None:
    """Torture and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="of each kind of run")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument("--places", type=int, default=400, help="bytes to change, each in a copy of its own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=2_000_000, help="architectures of the run, 20,000 to a shard")
    arguments = parser.parse_args()
    for kind in filter(None, arguments.kinds.split(",")) if arguments.kills else ():
        with tempfile.TemporaryDirectory() as directory:
            _say(kind, torture(Path(directory), arguments.kills, arguments.seed, arguments.rows, kind))
    if arguments.places:
        with tempfile.TemporaryDirectory() as directory:
            counts = corrupt(Path(directory), arguments.places, arguments.seed)
        for kind in ("shard", "manifest"):
            by = ", ".join(f"{reader} {counts[kind, reader]}" for reader in READERS)
            print(f"{kind}: {counts[kind, 'changed']} bytes changed; noticed by {by}; all other answers were right")


if __name__ == "__main__":
    main()
