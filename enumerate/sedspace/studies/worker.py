"""Values of proxies: one network, one proxy, one row."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from sedspace import draws
from sedspace.errors import BadInput, RunError, first_line
from sedspace.provenance import code_version, cpu_name
from sedspace.scores import known_scores
from sedspace.spaces import Space
from sedspace.studies.file import OUT_OF_MEMORY, RAISED, Row, Setting
from sedspace.studies.images import Batches
from sedspace.studies.proxies import Batch, Proxy, Undefined

_OUT_OF_MEMORY = OUT_OF_MEMORY, "can't allocate memory", "not enough memory"
_ONE_AT_A_TIME = threading.Lock()  # threads of a process share torch's random numbers


@dataclass(frozen=True)
class Todo:
    """One value to compute."""

    index: int
    proxy: Proxy
    repeat: int


@dataclass(frozen=True)
class Facts:
    """What the rows of an architecture say about it."""

    arch: str
    sed: float | None


def facts_of(space: Space, indices: Iterable[int]) -> dict[int, Facts]:
    """Return arch string and SED, where the space has one, of architectures, by index."""
    order = sorted(set(indices))
    sed = known_scores(space).get("sed")
    values = [None] * len(order) if sed is None else sed.values(sed.at(space, space.digits(order))).tolist()
    return {index: Facts(*both) for index, *both in zip(order, space.arch(order).tolist(), values, strict=True)}


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
        self._warm: set[str] = set()

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
        return [self.row(one) for one in todo]

    def row(self, one: Todo) -> Row:
        """Return the row of a value; of a proxy's first one here, which takes longer, the second time counts."""
        with _ONE_AT_A_TIME:
            if one.proxy.name not in self._warm:
                self._warm.add(one.proxy.name)
                self._row(one)
            return self._row(one)

    def _row(self, one: Todo) -> Row:
        batch, setting, known = self._batch_of(one.repeat), self.setting, self.known[one.index]
        value, reason, built = None, None, 0.0
        began = time.perf_counter()
        try:
            torch.manual_seed(draws.mixed_seed(setting.seed, one.index, one.repeat))
            network = self.space.network(one.index, setting.dataset).to(setting.device).train()
            self._synchronise()
            built = time.perf_counter() - began
            began = time.perf_counter()
            value = one.proxy.value(network, batch, cross_entropy)
        except Undefined as error:
            reason = str(error)
        except (np.linalg.LinAlgError, torch.linalg.LinAlgError) as error:  # type: ignore[attr-defined]
            reason = first_line(error)
        except Exception as error:  # a user's proxy may raise anything
            reason = self._why(one, error)
        self._synchronise()
        return Row(
            index=one.index,
            arch=known.arch,
            sed=known.sed,
            proxy=one.proxy.name,
            repeat=one.repeat,
            value=value,
            reason=reason,
            seconds=time.perf_counter() - began,
            build_seconds=built,
            device=setting.device,
            dtype="float32",
            batch=setting.batch,
            seed=setting.seed,
        )

    def _why(self, one: Todo, error: Exception) -> str:
        """Return why an error left no value; raise `RunError` if that is to end the study."""
        if isinstance(error, MemoryError) or any(text in str(error) for text in _OUT_OF_MEMORY):
            return OUT_OF_MEMORY
        said = f"{type(error).__name__}: {first_line(error)}"
        if self.strict:
            raise RunError(f"proxy {one.proxy.name} on {self.space.name} {one.index}: {said}") from error
        return f"{RAISED}{said}"

    def _batch_of(self, repeat: int) -> Batch:
        if self._batch is None or self._batch[0] != repeat:
            batch, device = self.batches.of(repeat), self.setting.device
            self._batch = repeat, Batch(batch.images.to(device), batch.labels.to(device))
        return self._batch[1]

    def _synchronise(self) -> None:
        if self.setting.device == "cuda":
            torch.cuda.synchronize()
