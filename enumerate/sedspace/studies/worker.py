"""Values of proxies: a network for each architecture and repeat, a row for each proxy."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sedspace import draws
from sedspace.errors import BadInput, RunError, first_line
from sedspace.provenance import code_version, cpu_name
from sedspace.scores import known_scores
from sedspace.scores.live import anything_passes
from sedspace.spaces import Space
from sedspace.studies.file import OUT_OF_MEMORY, RAISED, Row, Setting
from sedspace.studies.images import Batches
from sedspace.studies.proxies import Batch, Proxy, Undefined
from sedspace.studies.proxies.base import Passes, Value

_OUT_OF_MEMORY = OUT_OF_MEMORY, "can't allocate memory", "not enough memory"
_ONE_AT_A_TIME = threading.Lock()  # threads of a process share torch's random numbers
_FEW_IMAGES = 4
_warm: set[tuple[str, str]] = set()  # the devices and proxies that this process has computed a value of

DEAD = "a dead cell: nothing live joins its input and its output"
CONSTANT = "every image is of one colour"


@dataclass(frozen=True)
class Todo:
    """One value to compute."""

    index: int
    proxy: Proxy
    repeat: int


@dataclass(frozen=True)
class Facts:
    """What the rows of an architecture say about it, and whether anything passes from input to output."""

    arch: str
    sed: float | None
    passes: bool


def facts_of(space: Space, indices: Iterable[int]) -> dict[int, Facts]:
    """Return arch string and SED, where the space has one, of architectures, by index."""
    order = sorted(set(indices))
    digits, sed = space.digits(order), known_scores(space).get("sed")
    values = [None] * len(order) if sed is None else sed.values(sed.at(space, digits)).tolist()
    facts = zip(space.arch(order).tolist(), values, anything_passes(space, digits).tolist(), strict=True)
    return {index: Facts(*some) for index, some in zip(order, facts, strict=True)}


@dataclass(frozen=True)
class Hardware:
    """What values are computed on, as a `Setting` has it."""

    device: str
    machine: str
    threads: int
    torch: str


def hardware_for(device: str) -> Hardware:
    """Return what this process would compute on; raise `BadInput` if it has no such device."""
    if device not in ("auto", "cpu", "cuda"):
        raise BadInput(f"device {device!r}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("device 'cuda': torch finds no CUDA device here, expected cpu or auto")
    if device != "cpu" and torch.cuda.is_available():
        return Hardware("cuda", torch.cuda.get_device_name(), 0, torch.__version__)
    return Hardware("cpu", cpu_name(), torch.get_num_threads(), torch.__version__)


class Evaluator:
    """What computes the values of one setting, in this process or, pickled, in another.

    Parameters
    ----------
    space : Space
    setting : Setting
    batches : Batches
    known : mapping of int to Facts
        All that values are asked of, by index.
    strict : bool, default False
        Whether a proxy that raises ends the study; else that is the reason why there is no value.
    code : str, optional
        The `code_version` of the process that asks. Default: of this one.
    """

    def __init__(
        self,
        space: Space,
        setting: Setting,
        batches: Batches,
        known: Mapping[int, Facts],
        strict: bool = False,
        code: str | None = None,
    ) -> None:
        self.space, self.setting, self.batches, self.known, self.strict = space, setting, batches, known, strict
        self.code = code or code_version()
        self._batch: tuple[int, Batch] | None = None

    def __reduce__(self) -> tuple[type[Evaluator], tuple[object, ...]]:
        """Leave behind what belongs to this process."""
        return Evaluator, (self.space, self.setting, self.batches, self.known, self.strict, self.code)

    def rows(self, todo: Iterable[Todo]) -> list[Row]:
        """Return the rows of several values; raise `RunError` if this process is not like the one that asks."""
        here, asked = hardware_for(self.setting.device), self.setting
        for name, ours, wanted in (
            ("code", code_version(), self.code),
            ("machine", here.machine, asked.machine),
            ("threads", here.threads, asked.threads),
        ):
            if ours != wanted:
                raise RunError(f"a worker's {name} is {ours!r}, that of the study {wanted!r}: expected the same")
        return list(self.each_row(todo))

    def each_row(self, todo: Iterable[Todo]) -> Iterator[Row]:
        """Yield the rows of several values, those of an architecture and repeat one after the other.

        A process computes the first value of a proxy twice, once before on a few images, since it takes longer.
        """
        for (repeat, index), some in by_architecture(todo).items():
            proxies = [one.proxy for one in some if one.proxy.counts or self.known[index].passes]
            cold = [proxy for proxy in proxies if (self.setting.device, proxy.name) not in _warm]
            for _ in self._values(index, repeat, cold, _FEW_IMAGES):
                pass
            _warm.update((self.setting.device, proxy.name) for proxy in cold)
            for one in some:
                if one.proxy not in proxies:
                    yield self._row(one, Value(one.proxy, None, Undefined(DEAD)), 0.0)
            alone = []
            for value, built in self._values(index, repeat, proxies):
                if _is_out_of_memory(value.error) and len(proxies) > 1:
                    alone.append(value.proxy)
                else:
                    yield self._row(Todo(index, value.proxy, repeat), value, built)
            for proxy in alone:
                for value, built in self._values(index, repeat, [proxy]):
                    yield self._row(Todo(index, proxy, repeat), value, built)

    def _values(
        self, index: int, repeat: int, proxies: list[Proxy], images: int | None = None
    ) -> Iterator[tuple[Value, float]]:
        """Yield values of proxies on one network and the seconds of building it; on the first images only, if told."""
        values = self._computed(index, repeat, proxies, images)
        while True:
            with _ONE_AT_A_TIME, _convolutions_of(self.setting.device):
                found = next(values, None)
            if found is None:
                return
            yield found

    def _computed(
        self, index: int, repeat: int, proxies: list[Proxy], images: int | None
    ) -> Iterator[tuple[Value, float]]:
        if not proxies:
            return
        setting, batch = self.setting, self._batch_of(repeat)
        began = time.perf_counter()
        try:
            torch.manual_seed(draws.mixed_seed(setting.seed, index, repeat))
            network = self.space.network(index, setting.dataset).to(setting.device).train()
            if setting.channels_last:
                network.register_forward_pre_hook(_channels_last)
            self._synchronise()
        except Exception as error:  # memory, or what a builder of a space of one's own raises
            yield from ((Value(proxy, None, error), 0.0) for proxy in proxies)
            return
        built = time.perf_counter() - began
        few = Batch(batch.images[:images], batch.labels[:images])
        passes = Passes(lambda: copy.deepcopy(network), few, cross_entropy)
        yield from ((value, built) for value in passes.values(proxies))

    def _row(self, one: Todo, value: Value, built: float) -> Row:
        setting, known = self.setting, self.known[one.index]
        return Row(
            index=one.index,
            arch=known.arch,
            sed=known.sed,
            proxy=one.proxy.name,
            repeat=one.repeat,
            value=value.value,
            reason=None if value.error is None else self._why(one, value.error),
            seconds=value.seconds,
            shared_seconds=value.shared_seconds,
            build_seconds=built,
            device=setting.device,
            dtype="float32",
            batch=setting.batch,
            seed=setting.seed,
        )

    def _why(self, one: Todo, error: Exception) -> str:
        """Return why an error left no value; raise `RunError` if that is to end the study."""
        if _is_out_of_memory(error):
            return OUT_OF_MEMORY
        if isinstance(error, Undefined | np.linalg.LinAlgError | torch.linalg.LinAlgError):  # type: ignore[attr-defined]
            images = self._batch_of(one.repeat).images.flatten(2)
            constant = self.known[one.index].passes and bool((images == images[..., :1]).all())
            return f"{first_line(error)}{f'; {CONSTANT}' if constant else ''}"
        said = f"{type(error).__name__}: {first_line(error)}"
        if self.strict:
            raise RunError(f"proxy {one.proxy.name} on {self.space.name} {one.index}: {said}") from error
        return f"{RAISED}{said}"

    def _batch_of(self, repeat: int) -> Batch:
        found = self._batch
        if found is None or found[0] != repeat:
            batch, device = self.batches.of(repeat), self.setting.device
            found = self._batch = repeat, Batch(batch.images.to(device), batch.labels.to(device))
        return found[1]

    def _synchronise(self) -> None:
        if self.setting.device == "cuda":
            torch.cuda.synchronize()


def _convolutions_of(device: str) -> AbstractContextManager[None]:
    """Have a GPU convolve in float32 and by the same algorithm every time; by default torch may do neither."""
    if device == "cuda":
        return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    return nullcontext()


def by_architecture(todo: Iterable[Todo]) -> dict[tuple[int, int], list[Todo]]:
    """Return what is to be computed by repeat and index, in the order of each one's first value."""
    found: dict[tuple[int, int], list[Todo]] = {}
    for one in todo:
        found.setdefault((one.repeat, one.index), []).append(one)
    return found


def _channels_last(network: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return what a network is given in a memory format that layers keep; weights and random numbers stay."""
    images, *others = given
    try:
        return images.contiguous(memory_format=torch.channels_last), *others
    except RuntimeError:  # `torch.vmap` has no other than the usual format
        return given


def _is_out_of_memory(error: Exception | None) -> bool:
    return isinstance(error, MemoryError) or any(text in str(error) for text in _OUT_OF_MEMORY)
