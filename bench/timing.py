"""What SED and gradient proxies cost on the same machine in the same run, on five-node cells.

    python bench run timing
    python bench run timing --device cuda                 on a GPU

64 cells of tss5, spread evenly over the values of SED; CIFAR-10 networks, batches of 64 random images. With ``--study
DIRECTORY`` the values are kept there, for `sedspace report`. On a processor also: 16 of the cells by this process with
one thread and with all, and by a worker process for each CPU. Needs ``pip install "sedspace[bench,crosscheck]"``.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import sedspace as ss
from bench.measuring import markdown_table, medians
from sedspace.published import published
from sedspace.report import summary
from sedspace.report.numbers import duration
from sedspace_kernels.parallel import available_threads

PROXIES = (
    *("grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov", "naswot", "zen", "zico", "meco", "meco_opt"),
    *("swap", "az_nas", "l2_norm"),
)


SIDE_BY_SIDE = ("grad_norm", "snip", "naswot", "zen")


def side_by_side(indices: list[int], repeats: int) -> dict[str, Any]:
    """Return the median seconds of some cells by one thread, by all threads, and by a process for each CPU."""
    import torch

    cpus, before = available_threads(), torch.get_num_threads()

    def study(threads: int, workers: int | None = None) -> None:
        torch.set_num_threads(threads)
        ss.crosscheck("tss5", indices, SIDE_BY_SIDE, device="cpu", workers=workers, progress=False)

    sides = {
        "one_thread": lambda: study(1),
        "all_threads": lambda: study(cpus),
        "workers": lambda: study(1, cpus),
    }
    seconds = medians(sides, repeats)
    torch.set_num_threads(before)
    return {"cpus": cpus, "cells": len(indices), "proxies": len(SIDE_BY_SIDE), **seconds}


def measure(count: int, device: str, kept: Path | None) -> dict[str, Any]:
    """Return the seconds of every proxy and of SED, and their rank correlation with SED."""
    space = ss.space("tss5")
    indices = ss.sample(space, count, stratify="sed", seed=0)["index"]
    study = ss.crosscheck(space, indices, PROXIES, kept, device=device)
    few = indices[:: max(1, count // 16)].to_list()
    setting = {"machine": study.setting.machine, "device": study.setting.device, "torch": study.setting.torch}
    return {
        **setting,
        "architectures": count,
        "sed_seconds": asdict(study.seconds_of_sed()),
        "proxies": summary(study).to_dicts(),
        "side_by_side": side_by_side(few, 2) if study.setting.device == "cpu" else None,
    }


def markdown(results: dict[str, Any]) -> str:
    """Return the results as a table."""
    size, sed = ss.space("tss5").size, results["sed_seconds"]
    text = published()["sed_paper"]["text"]
    by_name = {row["proxy"]: row for row in results["proxies"]}
    grad_norm = by_name["grad_norm"]["seconds"]
    rows = [
        (
            name,
            duration(row["seconds"]),
            f"{row['seconds'] / grad_norm:.2g}",
            duration((row["seconds"] + row["build_seconds"]) * size),
            f"{row['spearman_with_sed']:.2f}",
        )
        for name, row in sorted(by_name.items(), key=lambda item: -item[1]["seconds"])
    ]
    for name, seconds in (("SED, one cell asked for", sed["alone"]), ("SED, the whole space", sed["whole"])):
        rows.append((name, duration(seconds), f"{seconds / grad_norm:.1e}", duration(seconds * size), "1"))
    heads = ("", "per cell", "/ grad_norm", "all of `tss5`", "Spearman with SED")
    where = "no GPU" if results["device"] == "cpu" else "GPU"
    return "\n".join(
        [
            *markdown_table(heads, rows),
            "",
            f"{results['machine']}, {where}, torch {results['torch']}; medians over {results['architectures']} cells, "
            f"building the network counted for all of `tss5` only. Published for grad_norm (arXiv 2411.06236): "
            f"{text['grad_norm_seconds_per_architecture']} s a cell, {text['tss5_by_grad_norm_gpu_hours']:,} GPU "
            f"hours.",
            *_workers(results.get("side_by_side")),
        ]
    )


def _workers(seconds: dict[str, Any] | None) -> list[str]:
    if seconds is None:
        return []
    one, every = (seconds[name] / seconds["workers"] for name in ("one_thread", "all_threads"))
    return [
        "",
        f"`workers={seconds['cpus']}`, starting them included, computes {seconds['proxies']} proxies of "
        f"{seconds['cells']} cells {one:.2f} times as fast as one process with one thread, and {every:.2f} times as "
        f"fast as one with all threads.",
    ]
