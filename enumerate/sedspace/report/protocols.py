"""How other papers compare scores on the cells of `tss`: their figures, and those of scores from the topology."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sedspace.published import published
from sedspace.report import claims
from sedspace.report.benchmarks import ACCURACY_TABLES, AccuracyTable, Benchmark, Benchmarks
from sedspace.report.claims import Claim
from sedspace.report.numbers import number
from sedspace.report.page import Part, Table
from sedspace.statistics import TOP, Judgement

MEASURES = "spearman", "kendall", "ndcg"
"""Those that papers compare scores by, as `published` names them."""
OURS = "sed", "live_sed", "propagated_sed"
_TSS = ACCURACY_TABLES["nats_tss"]
_SIZES = {"params": "params", "flops": "macs"}  # proxies that are measured here in the same way


def best_published(table: AccuracyTable, column: str) -> tuple[str, float] | None:
    """Return the published proxy of the greatest Spearman's rho with accuracy on the architectures of a table.

    Examples
    --------
    >>> best_published(ACCURACY_TABLES["nats_tss"], "cifar10_test")
    ('az_nas', 0.913)
    """
    dataset, told = table.dataset(column), published()
    found: dict[str, float] = {}
    if table.peers is not None:
        found |= {name: of[dataset] for name, of in told["suite_zero"]["spearman"][table.peers].items()}
    others = {"tss": told["az_nas"]["proxies"], "nb101": told["intrain"]["nb101"]}.get(table.peers or "", {})
    found |= {name: of["spearman"][dataset] for name, of in others.items() if "spearman" in of}
    return max(found.items(), key=lambda one: one[1]) if found else None


def measures(judged: Judgement) -> dict[str, float]:
    """Return what papers compare scores by."""
    return {"spearman": judged.all.spearman, "kendall": judged.all.kendall, "ndcg": judged.ndcg}


def protocols(known: Benchmarks) -> Iterator[Part]:
    """Yield the figures of AZ-NAS on all cells, and of VKDNW on those without dead operations, beside ours."""
    tss = known.get(_TSS)
    if tss is None:
        yield f"Unchecked: {claims.missing(_TSS.file)}."
        return
    told, few = published(), tss.without_dead_operations()
    yield claims.table_of([*_sizes("az_nas", told["az_nas"], tss), *_sizes("vkdnw", told["vkdnw"], few)])
    yield (
        f"{told['az_nas']['source']} (read from {told['az_nas']['read_from']}), on {told['az_nas']['cells']}, and "
        f"scores that need the topology only. A dash is a figure that is not at hand."
    )
    yield beside(told["az_nas"]["proxies"], _ours(tss))
    yield (
        f"{told['vkdnw']['source']} (read from {told['vkdnw']['read_from']}), on {told['vkdnw']['cells']}: every "
        f"operation of theirs is on a way from input to output. nDCG at {TOP:,} with a gain of 2^accuracy - 1, "
        f"accuracies in percent. `az_nas` and `vkdnw_agg` aggregate the ranks of several proxies. This table is no "
        f"test of all scores: {_TSS.part_said()}."
    )
    yield beside(told["vkdnw"]["proxies"] | told["intrain"]["proxies"], _ours(few))


def beside(
    told: Mapping[str, Mapping[str, Mapping[str, float]]], ours: Mapping[str, Mapping[str, Mapping[str, float | None]]]
) -> Table:
    """Return the published figures of proxies on the columns of `tss`, and below them the same of scores.

    Parameters
    ----------
    told : mapping
        By proxy, measure and data set.
    ours : mapping
        By score, column and measure.
    """
    columns = [(_TSS.dataset(column), column, one) for column in _TSS.columns for one in MEASURES]
    rows = []
    for name, of in told.items():
        rows.append([name, *(number(of.get(one, {}).get(data), ".3f") for data, _, one in columns)])
    for score, found in ours.items():
        rows.append([f"{score}, measured here", *(number(found[column][one], ".3f") for _, column, one in columns)])
    return Table(["", *(f"{data}: {one}" for data, _, one in columns)], rows)


def _ours(benchmark: Benchmark) -> dict[str, dict[str, dict[str, float]]]:
    """Return what scores reach: by score, column and measure."""
    return {
        score: {column: measures(benchmark.judged(score, column)) for column in benchmark.table.columns}
        for score in (*OURS, "layers")
        if score in benchmark.scores.columns
    }


def _sizes(source: str, told: Mapping[str, Any], benchmark: Benchmark) -> Iterator[Claim]:
    """Yield claims on the sizes of networks, which are proxies that are measured here in the same way."""
    for proxy, score in _SIZES.items():
        for one, of in told["proxies"].get(proxy, {}).items():
            for column in benchmark.table.columns:
                dataset = benchmark.table.dataset(column)
                if dataset in of:
                    what = f"{source}: {proxy}, {dataset}, {len(benchmark.accuracies):,} cells: {one}"
                    yield claims.of_rho(what, of[dataset], measures(benchmark.judged(score, column))[one])
