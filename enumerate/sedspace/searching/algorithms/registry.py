"""The search algorithms by name, with their options: a new one is a line here and a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sedspace.errors import BadInput, at_least_one, unknown
from sedspace.searching.algorithms.aging import regularized_evolution
from sedspace.searching.algorithms.at_random import random_search
from sedspace.searching.algorithms.best_of import best_by_score
from sedspace.searching.algorithms.climbing import local_search
from sedspace.searching.algorithms.front import nsga_ii
from sedspace.searching.algorithms.incorporated import incorporated_nas
from sedspace.searching.algorithms.parzen import tree_parzen
from sedspace.searching.algorithms.perturbing import zero_cost_pt
from sedspace.searching.task import Proposals

Option = int | str


@dataclass(frozen=True)
class Algorithm:
    """A search algorithm.

    Attributes
    ----------
    name : str
    run : callable
        From a `Task`, a `random.Random` and the options to `Proposals`.
    what : str
        In a few words.
    options : mapping of str to int or str
        Their defaults.
    objectives : int
        How many it optimises.
    """

    name: str
    run: Callable[..., Proposals]
    what: str
    options: Mapping[str, Option] = field(default_factory=dict)
    objectives: int = 1

    def checked(self, given: Mapping[str, Option]) -> dict[str, Option]:
        """Return all options, given ones or else the defaults; raise `BadInput` for one that there is not."""
        if not isinstance(given, Mapping):
            raise BadInput(f"options {given!r}: expected values by their names, such as {{'population': 50}}")
        for name in given:
            if name not in self.options:
                if not self.options:
                    raise BadInput(f"option {name!r}: {self.name} has none")
                raise unknown(f"option of {self.name}", name, self.options)
        return {name: _checked(f"option {name}", given.get(name, usual), usual) for name, usual in self.options.items()}


def _checked(what: str, given: Option, usual: Option) -> Option:
    if isinstance(usual, int):
        return at_least_one(given, what)
    if not isinstance(given, str):
        raise BadInput(f"{what} {given!r}: expected text, such as {usual!r}")
    return given


ALGORITHMS = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("random", random_search, "uniform draws"),
        Algorithm("local", local_search, "to the first better neighbour, again and again from a random one"),
        Algorithm(
            "evolution", regularized_evolution, "regularized evolution (Real et al.)", {"population": 100, "sample": 25}
        ),
        Algorithm("nsga2", nsga_ii, "NSGA-II, of pymoo", {"population": 100}, objectives=2),
        Algorithm("tpe", tree_parzen, "tree-structured Parzen estimator, of Optuna", {"startup": 10}),
        Algorithm("best_of", best_by_score, "n random ones, the best by a score first", {"n": 2000, "score": "sed"}),
        Algorithm(
            "zero_cost_pt",
            zero_cost_pt,
            "Zero-Cost-PT: what is left of a supernet",
            {"proxy": "naswot", "n": 10, "rounds": 100, "batch": 64, "device": "auto"},
        ),
        Algorithm("incorporated", incorporated_nas, "Algorithm 1 of Incorporated-NAS", {"population": 256}),
    )
}


def find_algorithm(name: str) -> Algorithm:
    """Return an algorithm by its name; raise `BadInput` that names the nearest.

    Examples
    --------
    >>> find_algorithm("evolution").options
    {'population': 100, 'sample': 25}
    """
    if not isinstance(name, str) or name not in ALGORITHMS:
        raise unknown("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name]
