"""What SED and gradient proxies cost on the same machine in the same run, on five-node cells.

    python bench run timing
    python bench run timing --device cuda                 on a GPU

64 cells of tss5, spread evenly over the values of SED; CIFAR-10 networks, batches of 64 random images. Seconds of each
proxy as if it were alone. With ``--study DIRECTORY`` the values are kept there, for `sedspace report`. On a processor
also: 16 of the cells by this process with one thread and with all, and by a worker process for each CPU; and, with one
thread, the CPU seconds of nine proxies of a cell that share their passes, against one after the other, and of all
proxies of a cell of tss5. Needs ``pip install "sedspace[bench,crosscheck]"``.
"""

from __future__ import annotations

import copy
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

import sedspace as ss
from bench.measuring import NINE, cpu_seconds, markdown_table, medians
from sedspace.published import published
from sedspace.report import summary
from sedspace.report.numbers import duration
from sedspace.spaces import Space
from sedspace.studies.proxies import Batch, Proxy, find_proxy, known_proxies
from sedspace.studies.proxies.base import Passes
from sedspace_kernels.parallel import available_threads

PROXIES = (
    *("grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov", "naswot", "zen", "zico", "meco", "meco_opt"),
    *("swap", "az_nas", "l2_norm"),
)
CELLS = 11668, 5555, 6111  # of tss: with five convolutions, two and two
FIVE_NODES = 7323968  # of tss5, the greatest SED
MANY_PASSES = "ntk_cond", "vkdnw"  # a backward pass for each image, and one for each class
AIM = 3  # CPU seconds of all proxies of a five-node cell


def compute(space: Space, index: int, batch: Batch, groups: Sequence[Sequence[Proxy]]) -> None:
    """Compute some proxies after others, each time with a network of their own."""
    for group in groups:
        torch.manual_seed(0)
        network = space.network(index).train()
        passes = Passes(lambda network=network: copy.deepcopy(network), batch, cross_entropy)
        for _ in passes.values(group):
            pass


def together(rounds: int = 5) -> dict[str, float]:
    """Return the CPU seconds of nine proxies together and one by one, with one thread: medians; and of all."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    random = torch.Generator().manual_seed(0)
    batch = Batch(torch.randn(64, 3, 32, 32, generator=random), torch.randint(0, 10, (64,), generator=random))
    nine, every = [find_proxy(name) for name in NINE], known_proxies()
    tss, tss5 = ss.space("tss"), ss.space("tss5")
    taken: dict[str, list[float]] = {"together": [], "one by one": []}
    for _ in range(rounds + 1):
        for index in CELLS:
            taken["together"].append(cpu_seconds(partial(compute, tss, index, batch, [nine])))
            taken["one by one"].append(cpu_seconds(partial(compute, tss, index, batch, [[one] for one in nine])))
    found = {name: statistics.median(some[len(CELLS) :]) for name, some in taken.items()}
    for name, without in (("all", ()), ("few passes", MANY_PASSES)):
        group = [proxy for proxy in every.values() if proxy.name not in without]
        found[name] = cpu_seconds(partial(compute, tss5, FIVE_NODES, batch, [group]))
    torch.set_num_threads(threads)
    return found


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
        "together": together() if study.setting.device == "cpu" else None,
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
            *_workers(results["side_by_side"]),
            *_of_sharing(results["together"]),
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


def _of_sharing(seconds: dict[str, float] | None) -> list[str]:
    if seconds is None:
        return []
    one, nine = seconds["one by one"], seconds["together"]
    return [
        "",
        f"Each proxy as if it were alone. Nine of them ({', '.join(NINE)}) on a cell of `tss` take {nine:.2g} CPU "
        f"seconds with one thread, building the network included, since they share their passes; one after the other "
        f"they take {one:.2g}, {one / nine:.2g} times as long. All proxies of a five-node cell (`tss5` {FIVE_NODES}) "
        f"take {seconds['all']:.2g}, those without {' and '.join(MANY_PASSES)} {seconds['few passes']:.2g}. The aim is "
        f"{AIM}: ntk_cond alone takes longer, with a backward pass for each image as its authors have it.",
    ]
