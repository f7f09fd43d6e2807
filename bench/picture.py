"""Draw the README's picture: all 9,765,625 five-node cells, SED against parameters.

python bench/picture.py bench/tss5.svg
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import polars as pl
from matplotlib.colors import LogNorm

import sedspace as ss


def draw(path: Path) -> None:
    """Score the space, count the cells at each pair of parameters and SED, draw them."""
    mpl.rcParams.update({"svg.hashsalt": "sedspace", "font.size": 11, "axes.spines.top": False})
    with tempfile.TemporaryDirectory() as directory:
        run = ss.enumerate_space("tss5", f"{directory}/run")
        counts = run.scan().group_by("params", "sed").len().sort("len", "sed", "params").collect()
    best = counts.sort("sed").tail(1)
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    x = counts["params"] / 1e6
    points = axes.scatter(x, counts["sed"], c=counts["len"], s=16, norm=LogNorm(), cmap="viridis", linewidths=0)
    axes.annotate(
        f"the best of {run.rows:,}: SED {best['sed'].item():g}\nnor_conv_3x3 everywhere but one skip, input to output",
        (best["params"].item() / 1e6, best["sed"].item()),
        (0.1, 17.3),
        arrowprops={"arrowstyle": "-", "color": "0.4"},
        fontsize=10,
    )
    axes.set(xlabel="parameters of the CIFAR-10 network (millions)", ylabel="SED", ylim=(-3.2, 20))
    axes.spines["right"].set_visible(False)
    figure.colorbar(points, label="cells at this point")
    figure.savefig(path, metadata={"Date": None})
    print(f"{path}: {len(counts):,} points, {counts.select(pl.col('len').sum()).item():,} cells")


def main() -> None:
    """Read the path to write to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    draw(parser.parse_args().path)


if __name__ == "__main__":
    main()
