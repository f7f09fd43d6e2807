"""Proxies on a sample of architectures: one row for each architecture, proxy and repeat, into a Parquet file."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from sedspace import draws
from sedspace.errors import BadInput, as_int, as_names, needs
from sedspace.networks import skeleton_of
from sedspace.progress import Progress, progress_of
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.radix import INT64_END
from sedspace.storage import Location, as_file, naming
from sedspace.studies.code import code_of
from sedspace.studies.file import (
    AGGREGATES,
    OUT_OF_MEMORY,
    RAISED,
    Sample,
    Setting,
    Study,
    read_study,
    schema_of,
    write_study,
)
from sedspace.studies.growing import Growing
from sedspace.version import __version__

if TYPE_CHECKING:  # what needs torch is imported when a study is made
    from distributed import Client

    from sedspace.studies.engine import Engine
    from sedspace.studies.proxies import Proxy
    from sedspace.studies.worker import Evaluator, Todo

_INDEX_END = 1 << 127


def chosen_proxies(names: Iterable[str]) -> list[Proxy]:
    """Return proxies by their names; ``all`` is all of them, and an aggregate (``az_nas``) its parts.

    Raises
    ------
    BadInput
        If there is no such proxy, or no torch.
    """
    try:
        from sedspace.studies.proxies import find_proxy, known_proxies
    except ModuleNotFoundError as error:
        raise needs(str(error.name), "crosscheck", "crosscheck needs") from None

    found: dict[str, Proxy] = {}
    for name in as_names(names, "proxies"):
        alone: Iterable[str] = known_proxies() if name == "all" else (name,)
        parts = AGGREGATES[name].parts if name in AGGREGATES else alone
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
    channels_last: bool = False,
    sample: Sample | None = None,
    strict: bool = False,
    progress: bool = True,
    workers: int | None = None,
    client: Client | Executor | None = None,
) -> Study:
    """Compute zero-cost proxies on real networks of some architectures, beside their SED.

    A repeat has one batch for all architectures, made of `seed` and the repeat; a network is freshly initialised for
    every value, as `sedspace.network` does, from `seed`, the index and the repeat. So values do not depend on which
    others are computed, or in what order. A proxy of one's own is known by its code, too: where that has changed, its
    values in `out` are dropped, which a line on stderr says, and computed anew.

    Parameters
    ----------
    space : str or Space
    indices : iterable of int
        The architectures; `sedspace.sample` draws them.
    proxies : sequence of str
        `sedspace.studies.proxies.known_proxies` has them; ``all`` are all, ``az_nas`` its four parts.
    out : str or Path, optional
        A Parquet file, continued if it holds rows of the same setting. It is written when the study ends in any way
        but by a kill, and before that every two seconds, or fifty times what writing takes: so much a kill costs.
    dataset : str, optional
        Whose network: see `Space.network`.
    images, labels : str or Path, optional
        See `sedspace.studies.images.Batches`. Default: random ones.
    device : {"auto", "cpu", "cuda"}
        A GPU convolves in float32, not in TF32. It has one network after the other, unless `workers` puts several on
        it. Tests of it are skipped where there is none, as they were on the machine that this was written on.
    batch, repeats, seed : int
        Images of a batch, at least 2; values of each proxy and architecture; 0 or more.
    channels_last : bool, default False
        Whether what passes through a network lies in memory pixel by pixel, all channels of one side by side: with
        convolutions up to 1.5 times faster. Values differ by rounding (of `plain`, which is little
        else, by more), so the setting has it.
    sample : Sample, optional
        How the architectures were chosen, for the file to say. One that is drawn as one in the file was, but of another
        size, is refused: neither holds the other.
    strict : bool, default False
        Whether a proxy that raises ends the study, with what is done kept, and what raised before is tried again.
        By default there is no value then, and the reason is what it raised.
    progress : bool, default True
        Whether to show a progress bar on stderr or in a notebook; where stderr is no terminal, a line every 30 seconds.
    workers : int, optional
        Have so many networks computed side by side, each by a process of this machine with one torch thread; the
        setting says so, and values are to the bit those of this process with one thread. A script that asks for it
        has its calls under ``if __name__ == "__main__":``. Seconds are those of a machine that is as busy. GPUs take
        turns: worker i has GPU i, then again from the first on.
    client : distributed.Client or concurrent.futures.Executor, optional
        Have the values computed by the workers of a Dask cluster (see `sedspace.cluster`) or of any executor, an
        architecture at a time. They must all be of one kind. An executor is left open.

    Returns
    -------
    Study
        Its ``rows`` by index, proxy and repeat; all that `out` holds.

    Raises
    ------
    BadInput
        If a name is unknown, there is no such device, images do not fit, or `out` holds another study.
    RunError
        If `strict` and a proxy raises, or `out` cannot be written.

    Examples
    --------
    >>> import sedspace as ss
    >>> study = ss.crosscheck("tss", [11668, 0], ["params", "synflow"], batch=2, progress=False)
    >>> study.rows.select("index", "proxy", "value", "reason").row(1)
    (0, 'synflow', None, 'a dead cell: nothing live joins its input and its output')
    """
    space = find_space(space)
    chosen = chosen_proxies(proxies)
    from sedspace.studies.images import Batches
    from sedspace.studies.worker import Evaluator, Todo, facts_of

    if isinstance(indices, str | bytes) or not isinstance(indices, Iterable):
        raise BadInput(f"indices {indices!r}: expected a sequence of integers")
    wanted = [space.check_index(as_int(index, "index")) for index in dict.fromkeys(indices)]
    if not wanted:
        raise BadInput("no indices: expected one or more architectures")
    for number, least, what in ((batch, 2, "batch"), (repeats, 1, "repeats"), (seed, 0, "seed")):
        if not least <= as_int(number, what) < INT64_END:
            raise BadInput(f"{what} {number}: expected {least} or more{' and below 2^63' if number > 0 else ''}")
    if max(wanted, default=0) >= _INDEX_END:
        raise BadInput(f"index {max(wanted)} of {space.name}: expected indices below 2^127")
    skeleton = skeleton_of(space, dataset)
    batches = Batches(skeleton, batch, seed, repeats, images, labels)
    engine = _engine(workers, client)
    setting = Setting(
        space=space.describe(),
        dataset=skeleton.dataset,
        images=batches.source,
        batch=batch,
        seed=seed,
        sedspace=__version__,
        channels_last=channels_last,
        **asdict(engine.hardware(device)),
    )
    file = None if out is None else as_file(out)
    code = {proxy.name: known for proxy in chosen if (known := code_of(proxy.function, proxy.counts)) is not None}
    less = [proxy.name for proxy in chosen if proxy.better == "less"]
    drawn = _checked(sample).of_indices(wanted)
    asked = Study(pl.DataFrame(schema=schema_of(space)), setting, less, None, code, [drawn])
    evaluator = Evaluator(space, setting, batches, facts_of(space, wanted), strict)
    todo = [Todo(index, proxy, repeat) for index in wanted for repeat in range(repeats) for proxy in chosen]
    with nullcontext() if file is None else file.sole_writer():
        return _continued(engine, evaluator, todo, asked, file, progress)


def _checked(sample: Sample | None) -> Sample:
    if sample is None:
        return Sample()
    if not isinstance(sample, Sample):
        raise BadInput(f"sample {sample!r}: expected a sedspace.studies.Sample")
    return sample


def _engine(workers: int | None, client: Client | Executor | None) -> Engine:
    from sedspace.studies.engine import DaskWorkers, ThisProcess
    from sedspace.studies.executor import ExecutorWorkers
    from sedspace.studies.processes import Processes

    if workers is not None and client is not None:
        raise BadInput(f"workers {workers} with a cluster, which has its own: expected one of the two")
    if workers is not None:
        return Processes(workers)
    if isinstance(client, Executor):
        return ExecutorWorkers(client)
    return ThisProcess() if client is None else DaskWorkers(client)


def _continued(
    engine: Engine, evaluator: Evaluator, todo: list[Todo], asked: Study, file: Location | None, progress: bool
) -> Study:
    """Return the study of a file, if there is one, with what is missing computed."""
    found = _found(file, asked) if file is not None else None
    there = asked if found is None else _united(found, asked, {one.proxy.name for one in todo}, evaluator.strict)
    done = set(there.rows.select("index", "proxy", "repeat").rows())
    left = [one for one in todo if (one.index, one.proxy.name, one.repeat) not in done]
    if left:
        bar = progress_of(len(todo), "value", initial=len(todo) - len(left), shown=progress)
        return _computed(engine, evaluator, left, there, file, bar)
    if file is not None and (found is None or there.samples != found.samples):
        write_study(file.path, there)
    return there


def _found(file: Location, asked: Study) -> Study | None:
    """Return the study that a file holds, None if there is no file; raise `BadInput` if it is of another setting."""
    with naming(file):
        if file.size() is None:
            return None
    there = read_study(file.path)
    mine = asdict(asked.setting)
    for key, value in asdict(there.setting).items():
        if mine[key] != value:
            ours, theirs = (one["name"] if key == "space" else one for one in (mine[key], value))
            raise BadInput(f"{file} holds another study: its {key} is {theirs!r}, the request's {ours!r}")
    for sample in asked.samples:
        sample.refuse_other_size(there.samples, file)
    return there


def _united(there: Study, asked: Study, names: set[str], strict: bool) -> Study:
    """Return a study that was found, without what is to be computed again, as part of the one that is asked for."""
    again = pl.col("reason") == OUT_OF_MEMORY
    if strict:
        again |= pl.col("reason").str.starts_with(RAISED)
    changed = [name for name in sorted(names) if there.code.get(name) != asked.code.get(name)]
    for name, count in there.rows.filter(pl.col("proxy").is_in(changed)).group_by("proxy").len().sort("proxy").rows():
        print(f"sedspace: the code of proxy {name} has changed: its {count:,} values are dropped", file=sys.stderr)
    again |= pl.col("proxy").is_in(changed)
    return replace(
        asked,
        rows=there.rows.filter(~again.fill_null(value=False)),
        less=sorted({*there.less} - names | {*asked.less}),
        sed_seconds=there.sed_seconds,
        code={name: code for name, code in there.code.items() if name not in names} | asked.code,
        samples=list(dict.fromkeys([*there.samples, *asked.samples])),
    )


def _computed(
    engine: Engine, evaluator: Evaluator, left: list[Todo], there: Study, file: Location | None, bar: Progress
) -> Study:
    """Have what is left computed and written, now and then and in the end."""
    if there.sed_seconds is None and evaluator.known[left[0].index].sed is not None:
        there = replace(there, sed_seconds=engine.sed_seconds(evaluator.space, left[0].index))
    growing = Growing(there, file)
    # Mixed, and the mean over all as the pace, so that the remaining time does not follow the sizes of networks.
    order = draws.arrays(evaluator.setting.seed).permutation(len(left)).tolist()
    todo = sorted((left[number] for number in order), key=lambda one: one.repeat)
    try:
        with bar, contextlib.closing(engine.rows(evaluator, todo)) as results:
            for rows in results:
                growing.add(rows)
                bar.update(len(rows))
    finally:
        if growing.new:
            growing.save()
    return growing.study()
