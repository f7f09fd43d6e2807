"""The zero-cost proxies beside NAS-Bench-Suite-Zero's published values, on random cells of NAS-Bench-201.

    python bench/proxies.py TABLE -n 100                     print the table
    python bench/proxies.py TABLE -n 100 --json bench/proxies.json

TABLE is a Parquet file with the columns arch, grad_norm, snip, plain, l2_norm, grasp, fisher, synflow, jacov, epe_nas,
nwot, zen (CIFAR-10, batches of 64). Our batches are random numbers: what agrees does not come from the images. Needs
``pip install "sedspace[bench,crosscheck]"``.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from scipy.stats import spearmanr
from torch.nn.functional import cross_entropy

import readme
import sedspace as ss
from sedspace.crosscheck.proxies import Batch, Undefined, find_proxy
from speed import cpu_name

COLUMNS = {"jacob_cov": "jacov", "naswot": "nwot"}
PROXIES = (
    "zen",
    "synflow",
    "snip",
    "grad_norm",
    "naswot",
    "l2_norm",
    "jacob_cov",
    "fisher",
    "epe_nas",
    "grasp",
    "plain",
)
MARKERS = ("<!-- proxies: written by bench/proxies.py -->", "<!-- end of proxies -->")


def measure(path: Path, count: int) -> dict[str, Any]:
    """Return for each proxy its rank correlation with the published values, and its seconds."""
    table = pl.read_parquet(path).sample(count, seed=0)
    space = ss.space("tss")
    indices = space.parse(table["arch"])
    values: dict[str, list[float]] = {name: [] for name in PROXIES}
    seconds: dict[str, list[float]] = {name: [] for name in PROXIES}
    for index in indices.tolist():
        for name in PROXIES:
            torch.manual_seed(index)
            network = space.network(index).train()
            batch = Batch(torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,)))
            began = time.perf_counter()
            try:
                values[name].append(find_proxy(name).value(network, batch, cross_entropy))
            except Undefined:
                values[name].append(float("nan"))
            seconds[name].append(time.perf_counter() - began)
    out = {}
    for name in PROXIES:
        published = table[COLUMNS.get(name, name)].cast(pl.Float64).to_numpy()
        known = np.isfinite(values[name]) & np.isfinite(published)
        out[name] = {
            "spearman": float(spearmanr(np.array(values[name])[known], published[known]).statistic),
            "architectures": int(known.sum()),
            "seconds": statistics.median(seconds[name]),
        }
    return {"cpu": cpu_name(), "torch": torch.__version__, "proxies": out}


def markdown(results: dict[str, Any]) -> str:
    """Return the results as a table."""
    return "\n".join(
        [
            "| proxy | Spearman with the published values | cells | seconds per cell |",
            "|---|---:|---:|---:|",
            *(
                f"| {name} | {r['spearman']:.2f} | {r['architectures']} | {r['seconds']:.2f} |"
                for name, r in results["proxies"].items()
            ),
            "",
            f"{results['cpu']}, torch {results['torch']}, no GPU.",
        ]
    )


def main() -> None:
    """Measure and print."""
    options = readme.parser(__doc__)
    options.add_argument("table", type=Path)
    options.add_argument("-n", type=int, default=100, help="how many random cells (default 100)")
    arguments = options.parse_args()
    results = measure(arguments.table, arguments.n)
    readme.report(arguments, results, markdown(results), MARKERS)


if __name__ == "__main__":
    main()
