"""Proxies on a sample of architectures: one row for each architecture, proxy and repeat, into a Parquet file."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from sedspace.crosscheck.batches import Batches
from sedspace.crosscheck.networks import skeleton_of
from sedspace.crosscheck.proxies import Batch, Proxy, Undefined, find_proxy, known_proxies
from sedspace.crosscheck.rows import AGGREGATES, SCHEMA, Setting, Study, read_study, write_study
from sedspace.errors import BadInput, RunError, first_line
from sedspace.machine import cpu_name
from sedspace.scores import find_score, score
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.space import INT64_END, as_int
from sedspace.version import __version__

_SAVE_SECONDS = 2.0
_OUT_OF_MEMORY = "out of memory", "can't allocate memory", "not enough memory"


def choose_device(device: str) -> torch.device:
    """Return a device by its name; ``auto`` is CUDA where there is any, else the CPU."""
    if device not in ("auto", "cpu", "cuda"):
        raise BadInput(f"device {device!r}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("device 'cuda': torch finds no CUDA device here, expected cpu or auto")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def chosen_proxies(names: Iterable[str]) -> list[Proxy]:
    """Return proxies by their names; ``all`` is all of them, and what is made of others (``az_nas``) its parts."""
    found: dict[str, Proxy] = {}
    for name in names:
        parts: Iterable[str] = known_proxies() if name == "all" else AGGREGATES.get(name, (name,))
        found |= {part: find_proxy(part) for part in parts}
    if not found:
        raise BadInput("no proxies: expected one or more names, or all")
    return list(found.values())


def crosscheck(
    space: str | Space,
    indices: Iterable[int],
    proxies: Sequence[str] = ("grad_norm", "synflow", "naswot", "zen"),
    out: str | Path | None = None,
    *,
    dataset: str | None = None,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    device: str = "auto",
    batch: int = 64,
    repeats: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> Study:
    """Compute zero-cost proxies on real networks of some architectures, beside their SED.

    A repeat has one batch for all architectures, made of `seed` and the repeat; a network is freshly initialised for
    every value, as PyTorch does by default, from `seed`, the index and the repeat. So values do not depend on which
    others are computed, or in what order.

    Parameters
    ----------
    space : str or Space
    indices : iterable of int
        The architectures; `sedspace.sample` draws them.
    proxies : sequence of str
        `sedspace.crosscheck.proxies.known_proxies` has them; ``all`` are all, ``az_nas`` its four parts.
    out : str or Path, optional
        A Parquet file: written every few seconds, continued if it holds rows of the same setting.
    dataset : str, optional
        Whose network: see `Space.network`.
    images, labels : str or Path, optional
        See `sedspace.crosscheck.batches.Batches`. Default: random ones.
    device : {"auto", "cpu", "cuda"}
    batch, repeats, seed : int
        Images of a batch, at least 2; values of each proxy and architecture; 0 or more.
    progress : bool, default True
        Whether to show a progress bar on stderr, if that is a terminal.

    Returns
    -------
    Study
        Its ``rows`` by index, proxy and repeat; all that `out` holds.

    Raises
    ------
    BadInput
        If a name is unknown, there is no such device, images do not fit, or `out` holds another study.
    RunError
        If a proxy fails otherwise than by having no value, or `out` cannot be written.

    Examples
    --------
    >>> import sedspace as ss
    >>> from sedspace.crosscheck.study import crosscheck
    >>> study = crosscheck("tss", [11668, 0], ["params", "synflow"], batch=2, progress=False)
    >>> study.rows.select("index", "proxy", "value", "reason").row(1)
    (0, 'synflow', None, 'nothing flows from the input to the output (a dead cell)')
    """
    space = find_space(space)
    chosen = chosen_proxies(proxies)
    wanted = [space.check_index(as_int(index, "index")) for index in dict.fromkeys(indices)]
    for number, least, what in ((batch, 2, "batch"), (repeats, 1, "repeats"), (seed, 0, "seed")):
        if as_int(number, what) < least:
            raise BadInput(f"{what} {number}: expected {least} or more")
    if max(wanted, default=0) >= INT64_END:
        raise BadInput(f"index {max(wanted)} of {space.name}: expected indices that fit int64")
    where, skeleton = choose_device(device), skeleton_of(space, dataset)
    batches = Batches(skeleton, batch, seed, images, labels)
    setting = Setting(
        space=space.describe(),
        dataset=skeleton.dataset,
        device=where.type,
        images=batches.source,
        batch=batch,
        seed=seed,
        sedspace=__version__,
        torch=torch.__version__,
        machine=torch.cuda.get_device_name(where) if where.type == "cuda" else cpu_name(),
    )
    work = _Work(space, setting, batches, where)
    path = None if out is None else Path(out)
    there = (
        _found(path, setting)
        if path is not None and path.exists()
        else Study(pl.DataFrame(schema=SCHEMA), setting, [], {})
    )
    done = set(there.rows.select("index", "proxy", "repeat").rows())
    left = [(i, p, r) for i in wanted for r in range(repeats) for p in chosen if (i, p.name, r) not in done]
    return work.all(left, there, path, progress)


def _found(path: Path, setting: Setting) -> Study:
    """Return the unfinished study of the same setting."""
    there = read_study(path)
    mine = asdict(setting)
    for key, value in asdict(there.setting).items():
        if mine[key] != value:
            ours, theirs = (one["name"] if key == "space" else one for one in (mine[key], value))
            raise BadInput(f"{path} holds another study: its {key} is {theirs!r}, the request's {ours!r}")
    return there


class _Work:
    """The values of one setting, one after the other."""

    def __init__(self, space: Space, setting: Setting, batches: Batches, device: torch.device) -> None:
        self.space, self.setting, self.batches, self.device = space, setting, batches, device
        self._known: dict[int, tuple[str, float]] = {}
        self._batch: tuple[int, Batch] | None = None

    def all(self, left: list[tuple[int, Proxy, int]], there: Study, path: Path | None, progress: bool) -> Study:
        """Compute what is left and write it, now and then and in the end."""
        if not left:
            return there
        indices = sorted({index for index, _, _ in left})
        sed = find_score(self.space, "sed")
        values = sed.values(sed.at(self.space, self.space.digits(indices))).tolist()
        self._known = dict(zip(indices, zip(self.space.arch(indices).tolist(), values, strict=True), strict=True))
        less = sorted({*there.less, *(proxy.name for _, proxy, _ in left if proxy.better == "less")})
        for proxy in {proxy.name: proxy for _, proxy, _ in left}.values():  # the first time takes longer
            self.row(left[0][0], proxy, 0)
        sed_seconds = _sed_seconds(self.space, left[0][0])
        rows, saved = there.rows, time.monotonic()
        new: list[tuple[Any, ...]] = []

        def study() -> Study:
            frame = pl.concat([rows, pl.DataFrame(new, SCHEMA, orient="row")])
            return Study(frame.sort("index", "proxy", "repeat"), self.setting, less, sed_seconds)

        # Mixed, and the mean over all as the pace, so that the remaining time does not follow the sizes of networks.
        order = np.random.default_rng(self.setting.seed).permutation(len(left)).tolist()
        order.sort(key=lambda place: left[place][2])
        try:
            for place in tqdm(order, unit="value", smoothing=0, disable=None if progress else True):
                new.append(self.row(*left[place]))
                if path is not None and time.monotonic() - saved > _SAVE_SECONDS:
                    write_study(path, study())
                    saved = time.monotonic()
        finally:
            if path is not None and new:
                write_study(path, study())
        return study()

    def row(self, index: int, proxy: Proxy, repeat: int) -> tuple[Any, ...]:
        """Return the row of a value, in the order of `SCHEMA`."""
        batch = self._batch_of(repeat)
        state = np.random.SeedSequence([self.setting.seed, index, repeat]).generate_state(1, np.uint64)[0]
        value, reason, built, seconds = None, None, 0.0, 0.0
        began = time.perf_counter()
        try:
            torch.manual_seed(int(state >> 1))
            network = self.space.network(index, self.setting.dataset).to(self.device).train()
            self._synchronise()
            built = time.perf_counter() - began
            began = time.perf_counter()
            value = proxy.value(network, batch, cross_entropy)
        except Undefined as error:
            reason = str(error)
        except (np.linalg.LinAlgError, torch.linalg.LinAlgError) as error:  # type: ignore[attr-defined]
            reason = first_line(error)
        except Exception as error:  # a user's proxy may raise anything
            if not any(text in str(error) for text in _OUT_OF_MEMORY):
                name = f"proxy {proxy.name} on {self.space.name} {index}"
                raise RunError(f"{name}: {type(error).__name__}: {first_line(error)}") from error
            reason = "out of memory"
        self._synchronise()
        seconds = time.perf_counter() - began
        computed = (proxy.name, repeat, value, reason, seconds, built)
        return (
            index,
            *self._known[index],
            *computed,
            self.setting.device,
            "float32",
            self.setting.batch,
            self.setting.seed,
        )

    def _batch_of(self, repeat: int) -> Batch:
        if self._batch is None or self._batch[0] != repeat:
            batch = self.batches.of(repeat)
            self._batch = repeat, Batch(batch.images.to(self.device), batch.labels.to(self.device))
        return self._batch[1]

    def _synchronise(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def _sed_seconds(space: Space, index: int) -> dict[str, float]:
    """Return the seconds per architecture of scoring a range of the space, and of asking for one architecture."""
    stop = min(space.size, 10**7)

    def median(start: int, stop: int) -> float:
        taken = []
        for _ in range(6):
            began = time.perf_counter()
            score(space, "sed", start, stop)
            taken.append(time.perf_counter() - began)
        return statistics.median(taken[1:]) / (stop - start)

    return {"whole": median(0, stop), "alone": median(index, index + 1)}
