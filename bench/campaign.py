"""Simulated campaigns: what is found by how many trained architectures, by `sedspace.suggest` and by others.

    python bench run campaign --tables DIRECTORY [-n SEEDS]

Ten architectures are measured, looked up in a table of accuracies that is, then ten more at a time. Every search may
measure what stands in the table only, each architecture once. DIRECTORY holds the Parquet tables; those that are
missing are left out. Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.figures import COLORS, PINK, finish, new_grid
from sedspace.published import published
from sedspace.report.benchmarks import ACCURACY_TABLES, Benchmark, Benchmarks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS = 20
BATCH = 10  # measured at a time, the first ones too
EVALUATIONS = 150
SHOWN = 10, 20, 30, 50, 100, 150
TABLES = {"nats_tss": "cifar10_test", "nb101_20k": "val_acc_108ep", "transnas101_micro": "class_scene"}
"""The tables, each with a column; a new one is a line here."""

PARENTS, TOURNAMENT = 50, 10  # of regularized evolution

Indices = np.ndarray[Any, np.dtype[Any]]
Ask = Callable[[list[int], list[float]], list[int]]
"""From the places that are measured, and their accuracies, to what to measure next."""


class Pool:
    """The architectures of a table.

    Attributes
    ----------
    benchmark : Benchmark
    column : str
    accuracy : float64[n]
    indices : int64[n]
        Ascending: architectures are known by their place here.
    parts : int64[n, parts]
        What mutations change: digits, of `nb101` edges and operations.
    """

    def __init__(self, benchmark: Benchmark, column: str) -> None:
        self.benchmark, self.column = benchmark, column
        self.indices = benchmark.accuracies["index"].to_numpy()
        self.accuracy = benchmark.accuracies[column].to_numpy()
        space = benchmark.space
        digits = space.digits_of(self.indices)
        named = space.name == "nb101"
        self.parts = np.array([_graph(one) for one in space.archs(digits)]) if named else digits.astype(np.int64)

    def places(self, indices: pl.Series) -> list[int]:
        """Return where architectures stand."""
        return np.searchsorted(self.indices, indices.to_numpy()).tolist()


_OPERATIONS = {"conv1x1-bn-relu": 1, "conv3x3-bn-relu": 2, "maxpool3x3": 3}  # of nb101; 0 is no vertex


def _graph(arch: str) -> list[int]:
    """Return the edges among seven vertices, the last of which is the output, and the five operations, of `nb101`."""
    edges, names = arch.split(" ")
    operations = [_OPERATIONS[name] for name in names.split(",")[1:-1]]
    place = [*range(len(operations) + 1), 6]
    matrix = np.zeros((7, 7), int)
    matrix[np.ix_(place, place)] = json.loads(edges)
    return [*matrix[np.triu_indices(7, 1)].tolist(), *operations, *[0] * (5 - len(operations))]


# -- what asks ---------------------------------------------------------------------------------------------------------


def at_random(pool: Pool, seed: int) -> Ask:
    """Return a search that measures at random."""
    order = np.random.default_rng(seed).permutation(len(pool.indices)).tolist()
    return lambda known, _: order[len(known) : len(known) + BATCH]


def best_first(pool: Pool, _: int) -> Ask:
    """Return a search that measures the best by the prior, which learns nothing."""
    order = np.argsort(-pool.benchmark.scores["propagated_sed"].to_numpy(), kind="stable").tolist()
    return lambda known, _: order[len(known) : len(known) + BATCH]


def evolution(pool: Pool, seed: int) -> Ask:
    """Return regularized evolution (arXiv 1802.01548): the best of a tournament is mutated, the oldest die.

    A child is an architecture of the table that is not measured yet and as near to its parent as any: in whole spaces
    one mutation away while there is such.
    """
    random = Random(seed)

    def ask(known: list[int], accuracies: list[float]) -> list[int]:
        if not known:
            return random.sample(range(len(pool.indices)), BATCH)
        alive = list(range(len(known)))[-PARENTS:]
        left = np.ones(len(pool.indices), bool)
        left[known] = False
        children: list[int] = []
        for _ in range(BATCH):
            parent = max(random.sample(alive, min(TOURNAMENT, len(alive))), key=lambda one: accuracies[one])
            changes = np.where(left, (pool.parts != pool.parts[known[parent]]).sum(axis=1), pool.parts.shape[1] + 1)
            children.append(random.choice(np.flatnonzero(changes == changes.min()).tolist()))
            left[children[-1]] = False
        return children

    return ask


def suggested(pool: Pool, seed: int, **options: Any) -> Ask:
    """Return a search by `sedspace.fit` and `sedspace.suggest`, with options of both; the first by k-means++."""
    space = pool.benchmark.space
    of_fit = {name: options.pop(name) for name in ("model", "prior") if name in options}

    def ask(known: list[int], accuracies: list[float]) -> list[int]:
        if not known:
            return pool.places(ss.suggest(space, BATCH, among=pool.indices, seed=seed)["index"])
        measured = pl.DataFrame({"index": pool.indices[known], pool.column: accuracies})
        fit = ss.fit(space, measured, pool.column, repeats=0, seed=seed, **of_fit)
        return pool.places(ss.suggest(fit, BATCH, among=pool.indices, seed=seed, **options)["index"])

    return ask


SEARCHES: dict[str, Callable[[Pool, int], Ask]] = {
    "random": at_random,
    "the best by the prior": best_first,
    "regularized evolution": evolution,
    "expected improvement": suggested,
    "expected improvement, no prior": lambda pool, seed: suggested(pool, seed, prior=None),
    "expected improvement, each alone": lambda pool, seed: suggested(pool, seed, diverse=False),
    "upper confidence bound": lambda pool, seed: suggested(pool, seed, acquisition="upper_confidence_bound"),
}
"""By name; a new one is a line here."""


def searched(ask: Ask, pool: Pool) -> list[int]:
    """Return the places that a search measures, in their order."""
    known: list[int] = []
    while len(known) < EVALUATIONS:
        known += ask(known, pool.accuracy[known].tolist())
    return known


def found(known: list[int], pool: Pool) -> list[float]:
    """Return the best accuracy that is found by `SHOWN` evaluations."""
    best = np.maximum.accumulate(pool.accuracy[known])
    return [float(best[count - 1]) for count in SHOWN]


# -- figures -----------------------------------------------------------------------------------------------------------


def measure(directory: Path, seeds: int = SEEDS) -> dict[str, Any]:
    """Return what each search finds on each table: means over the seeds, their standard deviations, and ranks."""
    out: dict[str, Any] = {"seeds": seeds, "evaluations": list(SHOWN), "tables": {}}
    known = Benchmarks(directory)
    for name, column in TABLES.items():
        if (benchmark := known.get(ACCURACY_TABLES[name])) is None:
            continue
        pool = Pool(benchmark, column)
        searches = {
            search: _figures([found(searched(start(pool, seed), pool), pool) for seed in range(seeds)], pool)
            for search, start in SEARCHES.items()
        }
        best = float(pool.accuracy.max())
        out["tables"][name] = {"column": column, "of": len(pool.indices), "best": best, "searches": searches}
    return out


def _figures(each: list[list[float]], pool: Pool) -> dict[str, list[float]]:
    reached = np.array(each)
    ranks = 1 + (pool.accuracy[None, None, :] > reached[:, :, None]).sum(axis=2)
    return {
        "mean": reached.mean(axis=0).round(4).tolist(),
        "sd": (reached.std(axis=0, ddof=1) if len(each) > 1 else np.zeros(len(SHOWN))).round(4).tolist(),
        "median rank": np.median(ranks, axis=0).tolist(),
    }


def markdown(results: dict[str, Any]) -> str:
    """Return the results as the tables of the README."""
    lines = [
        f"Means over {results['seeds']} seeds, standard deviations behind; in parentheses the median rank. The prior, "
        f"`propagated_sed`, was chosen by what is best on nats_tss and on half of nb101_20k; transnas101_micro had no "
        f"part in it."
    ]
    counts = results["evaluations"]
    for name, table in results["tables"].items():
        lines += ["", f"{name}, {table['column']}: {table['of']:,} architectures, the best {table['best']:.2f}", ""]
        rows = [
            (search, *map(_cell, of["mean"], of["sd"], of["median rank"])) for search, of in table["searches"].items()
        ]
        lines += markdown_table(("best of", *map(str, counts)), rows)
    return "\n".join([*lines, "", *_published()])


def _rows(searches: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(name, *map(_cell, of["mean"], of["sd"], of["median rank"])) for name, of in searches.items()]


def _cell(mean: float, sd: float, rank: float) -> str:
    return f"{mean:.2f} ± {sd:.2f} ({rank:,.0f})"


def _published() -> Iterator[str]:
    told = published()["bananas"]
    errors = ", ".join(f"{name} {error:.3f}" for name, error in told["test_error"].items())
    yield (
        f"Published, on another footing: {told['what']}, percent: {errors} ({told['source']}, read from "
        f"{told['read_from']}). These are of the whole of NAS-Bench-101, ours are validation accuracies of a part: "
        f"no more than the order is comparable. Figures of BANANAS on the other tables are not at hand."
    )


def picture(results: dict[str, Any]) -> Figure:
    """Draw by how much the best found is behind the best of all, by evaluations."""
    tables = results["tables"]
    figure, grid = new_grid(4 * len(tables), 5, 1, len(tables), style="text")
    colors = ("0.3", "0.58", COLORS["skip"], COLORS["conv"], PINK, COLORS["pool"], "0")
    for axes, (name, table) in zip(np.ravel(grid), tables.items(), strict=True):
        for (search, of), color, mark in zip(table["searches"].items(), colors, "xPs^vDo", strict=True):
            behind = [table["best"] - mean for mean in of["mean"]]
            axes.plot(results["evaluations"], behind, f"{mark}-", color=color, label=search, markersize=4)
        axes.set(xscale="log", ylim=(0, None))
        axes.set_xticks((10, 20, 50, 100), ("10", "20", "50", "100"))
        axes.minorticks_off()
        finish(axes, xlabel="evaluations", title=f"{name}\n{table['column']}")
    grid[0].set_ylabel("behind the best of all, %")
    spaces = {"handlelength": 1.2, "columnspacing": 1.0}
    figure.legend(handles=grid[0].lines, loc="outside lower center", ncols=3, frameon=False, **spaces)
    return figure
