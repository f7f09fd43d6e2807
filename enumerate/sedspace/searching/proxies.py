"""A zero-cost proxy as what a search optimises: a network is built for every architecture that is looked at."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sedspace.errors import BadInput, as_int
from sedspace.networks import skeleton_of
from sedspace.searching.objectives import Best, Found, Objective, Standing
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.studies import Setting, chosen_proxies
from sedspace.studies.code import code_of
from sedspace.version import __version__

if TYPE_CHECKING:
    from sedspace.studies.worker import Facts


class ProxyObjective(Objective):
    """A zero-cost proxy, as `sedspace.crosscheck` computes it: a fresh network and one batch for all architectures.

    Parameters
    ----------
    space : str or Space
    name : str
        `sedspace.studies.proxies.known_proxies` has them. If less of one is better, that is known.
    seed, batch : int
    dataset, images, labels, device
        As `sedspace.crosscheck` takes them.

    Raises
    ------
    BadInput
        If the name is unknown or that of an aggregate, there is no such device, or torch is not installed.

    Examples
    --------
    >>> import sedspace as ss
    >>> objective = ss.ProxyObjective("tss", "params", batch=2)
    >>> ss.search("tss", objective, "local", budget=3, progress=False).rows["value"].null_count()
    0
    """

    kind = "proxy"

    def __init__(
        self,
        space: str | Space,
        name: str,
        *,
        seed: int = 0,
        batch: int = 64,
        dataset: str | None = None,
        images: str | Path | None = None,
        labels: str | Path | None = None,
        device: str = "auto",
    ) -> None:
        first, *others = chosen_proxies([name])
        from sedspace.studies.images import Batches
        from sedspace.studies.worker import Evaluator, hardware_for

        if others or first.name != name:
            raise BadInput(f"{name} is made of several proxies over all architectures of a study: expected one proxy")
        if as_int(batch, "batch") < 2:
            raise BadInput(f"batch {batch}: expected 2 or more")
        found = find_space(space)
        super().__init__(found, name, first.better == "less")
        skeleton = skeleton_of(found, dataset)
        batches = Batches(skeleton, batch, seed, 1, images, labels)
        hardware = asdict(hardware_for(device))
        self._setting = Setting(
            found.describe(), skeleton.dataset, images=batches.source, batch=batch, seed=seed, sedspace=__version__,
            **hardware,
        )  # fmt: skip
        self._code = code_of(first.function, first.counts)
        self._evaluator = Evaluator(found, self._setting, batches, _facts(found))
        self._proxy = first

    @property
    def details(self) -> dict[str, Any]:
        """The setting of a study of it, and the code of a proxy of one's own."""
        return {"study": {**asdict(self._setting), "space": self.space.name}, "code": self._code}

    def value(self, index: int) -> Found:
        """Return the value on a fresh network, or why there is none."""
        from sedspace.studies.worker import Todo

        (row,) = self._evaluator.each_row([Todo(index, self._proxy, 0)])
        return row.value, row.reason

    def _best(self, where: str | None) -> Best:
        self._refuse()

    def _standing(self, where: str | None) -> Standing:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise BadInput(not_known(self.name))


def not_known(name: str) -> str:
    """Return why nobody knows the best by a proxy."""
    return f"{name} is computed on networks: what it is of architectures that were not looked at is not known"


def _facts(space: Space) -> dict[int, Facts]:
    """Return what rows say about architectures, found when one is asked for."""
    from sedspace.studies.worker import facts_of

    class Known(dict[int, "Facts"]):
        def __missing__(self, index: int) -> Facts:
            self.update(facts_of(space, [index]))
            return self[index]

    return Known()


def is_proxy(name: object) -> bool:
    """Return whether a name is a proxy's, or an aggregate's; never where torch is not installed."""
    from sedspace.studies.file import AGGREGATES

    try:
        from sedspace.studies.proxies import known_proxies
    except ModuleNotFoundError:
        return False
    return isinstance(name, str) and (name in known_proxies() or name in AGGREGATES)
