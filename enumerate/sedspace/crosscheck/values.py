"""Values of proxies: one network, one proxy, one row."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from sedspace.crosscheck.batches import Batches
from sedspace.crosscheck.proxies import Batch, Proxy, Undefined
from sedspace.crosscheck.rows import Setting
from sedspace.errors import RunError, first_line
from sedspace.spaces import Space

_OUT_OF_MEMORY = "out of memory", "can't allocate memory", "not enough memory"

Row = tuple[Any, ...]
"""In the order of `SCHEMA`."""


@dataclass(frozen=True)
class Todo:
    """One value to compute."""

    index: int
    proxy: Proxy
    repeat: int


class Values:
    """What computes the values of one setting, in this process or, pickled, in another.

    Parameters
    ----------
    space : Space
    setting : Setting
    batches : Batches
    known : mapping of int to (str, float)
        The arch string and SED of every architecture.
    """

    def __init__(
        self, space: Space, setting: Setting, batches: Batches, known: Mapping[int, tuple[str, float]]
    ) -> None:
        self.space, self.setting, self.batches, self.known = space, setting, batches, known
        self._batch: tuple[int, Batch] | None = None
        self._warm: set[str] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave behind what belongs to this process."""
        return Values, (self.space, self.setting, self.batches, self.known)

    def rows(self, todo: Iterable[Todo]) -> list[Row]:
        """Return the rows of several values."""
        return [self.row(one) for one in todo]

    def row(self, one: Todo) -> Row:
        """Return the row of a value; of a proxy's first one here, which takes longer, the second time counts."""
        if one.proxy.name not in self._warm:
            self._warm.add(one.proxy.name)
            self.row(one)
        batch, setting = self._batch_of(one.repeat), self.setting
        state = np.random.SeedSequence([setting.seed, one.index, one.repeat]).generate_state(1, np.uint64)[0]
        value, reason, built = None, None, 0.0
        began = time.perf_counter()
        try:
            torch.manual_seed(int(state >> 1))
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
            if not any(text in str(error) for text in _OUT_OF_MEMORY):
                name = f"proxy {one.proxy.name} on {self.space.name} {one.index}"
                raise RunError(f"{name}: {type(error).__name__}: {first_line(error)}") from error
            reason = "out of memory"
        self._synchronise()
        seconds = time.perf_counter() - began
        found = (one.index, *self.known[one.index], one.proxy.name, one.repeat, value, reason, seconds, built)
        return (*found, setting.device, "float32", setting.batch, setting.seed)

    def _batch_of(self, repeat: int) -> Batch:
        if self._batch is None or self._batch[0] != repeat:
            batch, device = self.batches.of(repeat), self.setting.device
            self._batch = repeat, Batch(batch.images.to(device), batch.labels.to(device))
        return self._batch[1]

    def _synchronise(self) -> None:
        if self.setting.device == "cuda":
            torch.cuda.synchronize()
