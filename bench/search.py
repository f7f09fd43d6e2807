"""Search algorithms, held against the exact optimum; and what the best of 2,000 random architectures is worth.

    python bench run search                          (some minutes)
    python bench run search --tables DIRECTORY       and by measured accuracy, with nats_tss.parquet there

Every algorithm looks at as many architectures, with the same seeds. Regret is how far the best that it found is behind
the exact optimum, rank is that among *all* architectures, both exact. *The best of 2,000* is the SED paper's protocol
for DARTS cells (arXiv 2411.06236, Table 3): how likely it is to be how good is counted, not drawn.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import sedspace as ss
from bench.measuring import markdown_table
from sedspace.searching.luck import best_of, reached
from sedspace.searching.objectives import objective_of

BUDGET, SEEDS, SAMPLE = 1000, 5, 2000
ALGORITHMS = "random", "local", "evolution", "tpe", "incorporated"
QUESTIONS: dict[str, tuple[str, str, str | None]] = {
    "tss5 by SED": ("tss5", "sed", None),
    "darts by SED": ("darts", "sed", None),
    "tss8 by propagated SED": ("tss8", "propagated_sed", None),
    "ofa_mbv3 by SED, 300 million MACs": ("ofa_mbv3", "sed", "macs <= 300000000"),
}
"""Space, score and condition."""
MEASURED = "tss by measured accuracy (CIFAR-10)", "nats_tss.parquet", "cifar10_test"
LIKELY = 0.99, 0.5, 0.01


def measure(tables: Path | None, seeds: int = SEEDS, budget: int = BUDGET) -> dict[str, Any]:
    """Return what each algorithm finds for each question, and how likely the best of a sample is to be how good."""
    asked: dict[str, dict[str, Any]] = {
        name: {"space": space, "objective": by, "where": where} for name, (space, by, where) in QUESTIONS.items()
    }
    if tables is not None and (tables / MEASURED[1]).exists():
        asked[MEASURED[0]] = {"space": "tss", "objective": MEASURED[2], "table": tables / MEASURED[1]}
    out: dict[str, Any] = {"budget": budget, "seeds": seeds, "questions": {}}
    for name, one in asked.items():
        size = ss.space(str(one["space"])).size
        one["objective"] = objective_of(ss.space(one["space"]), one["objective"], False, one.pop("table", None))
        found = {algorithm: [_run(algorithm, budget, seed, one) for seed in range(seeds)] for algorithm in ALGORITHMS}
        out["questions"][name] = {"size": str(size), "algorithms": found}
    out["sample"] = sample()
    return out


def _run(algorithm: str, budget: int, seed: int, asked: dict[str, Any]) -> dict[str, Any]:
    """Return how far the best is behind the optimum, its rank, and the seconds of the search."""
    found = ss.search(**asked, algorithm=algorithm, budget=budget, seed=seed, progress=False)
    judged = found.judge()
    last = judged.rows.row(-1, named=True)
    return {
        "value": last["value"],
        "regret": last["regret"],
        "rank": None if last["rank"] is None else str(last["rank"]),
        "optimum": None if judged.optimum is None else judged.optimum.value,
        "steps": len(found.rows),
        "seconds": found.rows["seconds"].sum(),
    }


def sample(space: str = "darts", n: int = SAMPLE) -> dict[str, Any]:
    """Return what the best of n random architectures is worth by SED, beside the exact best."""
    every = ss.distribution(space)
    likely = best_of(space, n)
    best = ss.top_k(space, 1, columns=["params"]).row(0, named=True)
    values = {str(one): reached(likely, one) for one in LIKELY}
    return {
        "space": space,
        "n": n,
        "best": {name: str(one) if name == "index" else one for name, one in best.items()},
        "probability_of_best": likely["probability"][0],
        "reached": {one: {"value": value, "rank": str(every.rank(value))} for one, value in values.items()},
        "total": str(every.total),
    }


def markdown(results: dict[str, Any]) -> str:
    """Return the results as tables of the README."""
    rows = [[name, *(_cell(one["algorithms"][a]) for a in ALGORITHMS)] for name, one in results["questions"].items()]
    one = results["sample"]
    reached_by = [
        [f"best of {one['n']:,} random, reached with {float(q):.0%}", f"{r['value']:.2f}", f"{int(r['rank']):.2g}"]
        for q, r in one["reached"].items()
    ]
    return "\n".join(
        [
            f"Regret in percent of the optimum and exact rank, after {results['budget']:,} architectures; the median "
            f"of {results['seeds']} seeds. A dash: too many are better to count.",
            "",
            *markdown_table(["", *ALGORITHMS], rows),
            "",
            f"SED of the best of {one['n']:,} random architectures of `{one['space']}`, of {float(one['total']):.3g}; "
            f"the exact best is found that way with probability {one['probability_of_best']:.1g}:",
            "",
            *markdown_table(["", "SED", "rank"], [["the exact best", f"{one['best']['sed']:.2f}", "1"], *reached_by]),
        ]
    )


def _cell(runs: list[dict[str, Any]]) -> str:
    """Return the regret and the rank of the median run."""
    middle = sorted(runs, key=lambda run: run["regret"])[len(runs) // 2]
    share = statistics.median(run["regret"] for run in runs) / abs(middle["optimum"])
    rank = "-" if middle["rank"] is None else f"{float(middle['rank']):.2g}"
    return f"{share:.1%}, {rank}"
