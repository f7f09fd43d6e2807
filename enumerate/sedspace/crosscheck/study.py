"""Proxies on a sample of architectures: one row for each architecture, proxy and repeat, into a Parquet file."""

from __future__ import annotations

import io
import json
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from sedspace.crosscheck.networks import skeleton_of
from sedspace.crosscheck.proxies import Batch, Proxy, Undefined, find_proxy
from sedspace.errors import BadInput, RunError, first_line
from sedspace.runs.files import write_whole
from sedspace.scores import find_score
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.space import INT64_END, as_int
from sedspace.version import __version__

SCHEMA = {
    "index": pl.Int64,
    "arch": pl.String,
    "sed": pl.Float32,
    "proxy": pl.String,
    "repeat": pl.Int32,
    "value": pl.Float64,
    "reason": pl.String,
    "seconds": pl.Float64,
    "build_seconds": pl.Float64,
}
_KEY = b"sedspace"


@dataclass(frozen=True)
class Setting:
    """Everything that determines the values of a study, but for the architectures and the proxies."""

    space: str
    dataset: str
    device: str
    batch: int
    seed: int
    sedspace: str = __version__
    torch: str = torch.__version__
    machine: str = platform.processor() or platform.machine()


def choose_device(device: str) -> torch.device:
    """Return a device by its name; ``auto`` is CUDA where there is any, else the CPU."""
    if device not in ("auto", "cpu", "cuda"):
        raise BadInput(f"device {device!r}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("device 'cuda': torch finds no CUDA device here")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def crosscheck(
    space: str | Space,
    indices: Iterable[int],
    proxies: Sequence[str] = ("grad_norm", "synflow", "naswot", "zen"),
    out: str | Path | None = None,
    *,
    dataset: str = "cifar10",
    device: str = "auto",
    batch: int = 64,
    repeats: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> pl.DataFrame:
    """Compute zero-cost proxies on real networks of some architectures, beside their SED.

    Every value has a seed of its own, made of `seed`, the index and the repeat: a network freshly initialised as
    PyTorch does, and a batch of random images and labels. So the values do not depend on which others are computed, or
    in what order.

    Parameters
    ----------
    space : str or Space
    indices : iterable of int
        The architectures; `sedspace.sample` draws them.
    proxies : sequence of str
        `sedspace.crosscheck.proxies.known_proxies` has them all.
    out : str or Path, optional
        A Parquet file: written after every architecture, continued if it holds rows of the same setting.
    dataset : str, default "cifar10"
    device : {"auto", "cpu", "cuda"}
    batch, repeats, seed : int
    progress : bool, default True
        Whether to show a progress bar on stderr, if that is a terminal.

    Returns
    -------
    polars.DataFrame
        ``index``, ``arch``, ``sed``, ``proxy``, ``repeat``, ``value`` (null where the proxy has none, and then
        ``reason`` says why), ``seconds`` of the proxy and ``build_seconds`` of the network and batch.

    Raises
    ------
    BadInput
        If a name is unknown, there is no such device, or `out` holds another study.
    """
    space = find_space(space)
    chosen = [find_proxy(name) for name in dict.fromkeys(proxies)]
    wanted = [space.check_index(int(index)) for index in dict.fromkeys(indices)]
    where = choose_device(device)
    for number, least, what in ((batch, 2, "batch"), (repeats, 1, "repeats"), (seed, 0, "seed")):
        if as_int(number, what) < least:
            raise BadInput(f"{what} {number}: expected {least} or more")
    if max(wanted, default=0) >= INT64_END:
        raise BadInput(f"index {max(wanted)} of {space.name}: expected indices that fit int64")
    setting = Setting(space.name, dataset, str(where), batch, seed)
    rows = _found(Path(out), setting) if out is not None and Path(out).exists() else pl.DataFrame(schema=SCHEMA)
    done = set(rows.select("index", "proxy", "repeat").rows())
    if wanted:
        skeleton_of(space, dataset)  # an unknown dataset is refused before anything is written
    left = {i: [(p, r) for p in chosen for r in range(repeats) if (i, p.name, r) not in done] for i in wanted}
    left = {index: todo for index, todo in left.items() if todo}
    for one in chosen if left else ():  # what is done for the first time takes longer
        _row(space, wanted[0], one, 0, setting, where)
    for index, todo in tqdm(left.items(), unit="arch", disable=None if progress else True):
        new = [_row(space, index, one, repeat, setting, where) for one, repeat in todo]
        rows = pl.concat([rows, pl.DataFrame(new, SCHEMA, orient="row")])
        if out is not None:
            _write(Path(out), rows, setting)
    return rows


def _row(space: Space, index: int, one: Proxy, repeat: int, setting: Setting, device: torch.device) -> tuple[Any, ...]:
    began = time.perf_counter()
    torch.manual_seed(int(np.random.SeedSequence([setting.seed, index, repeat]).generate_state(1, np.uint64)[0] >> 1))
    network = space.network(index, setting.dataset)
    shape = skeleton_of(space, setting.dataset)
    images = torch.randn(setting.batch, 3, shape.side, shape.side)
    labels = torch.randint(0, shape.classes, (setting.batch,))
    network, given = network.to(device).train(), Batch(images.to(device), labels.to(device))
    _synchronise(device)
    built = time.perf_counter()
    value, reason = None, None
    try:
        value = one.value(network, given, cross_entropy)
    except Undefined as error:
        reason = str(error)
    except torch.cuda.OutOfMemoryError:
        reason = "out of memory"
    _synchronise(device)
    seconds = time.perf_counter() - built
    score = find_score(space, "sed")
    sed = score.values(score.at(space, space.digits([index]))).item()
    return (index, space.arch(index), sed, one.name, repeat, value, reason, seconds, built - began)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _write(path: Path, rows: pl.DataFrame, setting: Setting) -> None:
    table = rows.to_arrow()
    data = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({_KEY: json.dumps(asdict(setting)).encode()}), data)
    try:
        write_whole(path, data.getvalue())
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from None


def _found(path: Path, setting: Setting) -> pl.DataFrame:
    """Return the rows of an unfinished study of the same setting."""
    try:
        about = (pq.read_schema(path).metadata or {}).get(_KEY)
        rows = pl.read_parquet(path)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path} is no study to continue: {first_line(error)}") from None
    there, here = json.loads(about) if about else {}, asdict(setting)
    for key, value in here.items():
        if there.get(key) != value:
            raise BadInput(f"{path} holds another study: its {key} is {there.get(key)!r}, the request's {value!r}")
    return rows
