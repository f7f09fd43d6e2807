"""How well additive tables explain measured hardware costs: fitted to one half, judged on the other.

    python bench/hardware.py TABLE                     print the table
    python bench/hardware.py TABLE --json bench/hardware.json --readme README.md

TABLE is a Parquet or CSV file with a column arch (NATS-Bench's strings) and one column for each device, such as the
measurements of HW-NAS-Bench (arXiv 2103.10584). Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import readme
import sedspace as ss
from sedspace.join import read_table

MARKERS = ("<!-- hardware: written by bench/hardware.py -->", "<!-- end of hardware -->")


def measure(path: Path) -> dict[str, dict[str, float]]:
    """Return for each latency or energy in the table how good its fits are on the held-out half."""
    table = read_table(path)
    out = {}
    for column in table.columns:
        if not column.endswith(("_latency", "_energy")):
            continue
        fit = ss.fit_costs("tss", table, column)
        plain = ss.fit_costs("tss", table, column, by_position=False)
        out[column] = {
            "r2": fit.r2,
            "spearman": fit.spearman,
            "kendall": fit.kendall,
            "r2 by operation": plain.r2,
            "spearman by operation": plain.spearman,
            "held out": fit.held_out,
        }
    return out


def markdown(results: dict[str, dict[str, Any]]) -> str:
    """Return the figures as the table of the README."""
    held_out = next(iter(results.values()))["held out"]
    return "\n".join(
        [
            f"| on {held_out:,} held-out cells | R^2 | Spearman | Kendall | by operation only: R^2 | Spearman |",
            "|---|---:|---:|---:|---:|---:|",
            *(
                f"| {name} | {r['r2']:.3f} | {r['spearman']:.3f} | {r['kendall']:.3f} | {r['r2 by operation']:.3f} "
                f"| {r['spearman by operation']:.3f} |"
                for name, r in results.items()
            ),
        ]
    )


def main() -> None:
    """Measure and print."""
    options = readme.parser(__doc__)
    options.add_argument("table", type=Path)
    arguments = options.parse_args()
    results = measure(arguments.table)
    readme.report(arguments, results, markdown(results), MARKERS)


if __name__ == "__main__":
    main()
