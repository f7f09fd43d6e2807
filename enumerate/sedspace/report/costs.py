"""What proxies and SED cost: seconds of a study and of this machine, beside the published ones."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import polars as pl

from sedspace.published import published
from sedspace.report import claims, pictures
from sedspace.report.architectures import summary
from sedspace.report.claims import Claim
from sedspace.report.numbers import duration, number
from sedspace.report.page import Part, Table
from sedspace.scores import score
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.studies import Study


def cost_parts(study: Study, space: Space, summed: pl.DataFrame) -> Iterator[Part]:
    """Yield what a report says of the seconds of a study: its `summary` beside SED's and the published ones."""
    paper, sed = published()["sed_paper"], study.sed_seconds
    summed = summed.sort("seconds", descending=True, maintain_order=True)
    of_sed = (
        " SED's seconds were taken in the same run: `whole` is its time for a range of the space divided by its length "
        "(all processors), `alone` one architecture asked for from Python."
    )
    yield (
        f"Medians and quartiles over architectures, after a first run that does not count; devices synchronised. "
        f"Of each proxy as if it were alone: passes that several share were run once for an architecture and repeat, "
        f"and count for each of them (`of these shared`). Building the network is apart.{of_sed if sed else ''}"
    )
    yield _table_of_seconds(study, space, summed)
    if published_seconds(study):
        yield f"Published: Table 1 of {paper['source']}."
    text = paper["text"]
    if space.name == "tss5":
        yield (
            f"Published for all of `tss5` ({paper['source']}): {text['tss5_by_grad_norm_gpu_hours']:,} GPU hours by "
            f"grad_norm ({text['grad_norm_seconds_per_architecture']} s each), {text['tss5_by_sed_hours']} hours by "
            f"SED."
        )
    known = {} if sed is None else {"SED, alone": sed.alone, "SED, whole": sed.whole}
    yield pictures.seconds([*summed["proxy"], *known], [*summed["seconds"], *known.values()])


def published_seconds(study: Study) -> dict[str, float]:
    """Return the published seconds of proxies and SED; none but for the space and the data set of a published table."""
    tables: dict[str, dict[str, float]] = published()["sed_paper"]["seconds_per_architecture"]
    return tables.get(f"{study.setting.space['name']}_{study.setting.dataset}", {})


def _table_of_seconds(study: Study, space: Space, summed: pl.DataFrame) -> Table:
    sed, told = study.sed_seconds, published_seconds(study)
    costs, builds = (dict(summed.select("proxy", one).iter_rows()) for one in ("seconds", "build_seconds"))

    def line(name: str, seconds: float, quartiles: str, known: float | None, shared: float | None = None) -> list[str]:
        by_grad_norm = seconds / costs["grad_norm"] if "grad_norm" in costs else None
        build = builds.get(name)
        total = duration((seconds + (build or 0.0)) * space.size)
        ratios = ["-" if sed is None else f"{seconds / sed.whole:.2g}", number(by_grad_norm, ".2g")]
        parts = [number(shared, ".2g"), number(build, ".2g")]
        return [name, f"{seconds:.3g}", quartiles, *parts, *ratios, total, number(known, "g")]

    rows = []
    for name, seconds, low, high, shared in summed.select(
        "proxy", "seconds", "seconds_low", "seconds_high", "shared_seconds"
    ).iter_rows():
        rows.append(line(name, seconds, f"{low:.2g} to {high:.2g}", told.get(name), shared))
    if sed is not None:
        rows.append(line("SED, alone", sed.alone, "-", told.get("sed")))
        rows.append(line("SED, whole", sed.whole, "-", None))
    heads = ["per architecture", "seconds", "quartiles", "of these shared", "network, s", "/ SED whole", "/ grad_norm"]
    where = f" ({published()['sed_paper']['hardware']})" if told else ""
    return Table([*heads, "the whole space", f"published, s{where}"], rows)


def time_claims(study: Study | None) -> Iterator[Part]:
    """Yield the claims of the paper on seconds, and the study's beside the published ones."""
    text, space = published()["sed_paper"]["text"], find_space("tss5")
    alone, whole = sed_seconds(space)
    of_one = "SED of one architecture of tss5, asked for alone"
    yield claims.table_of(
        [
            claims.of_seconds(of_one, text["sed_seconds_per_architecture"], alone),
            claims.of_seconds("Example 1: SED of all of tss5", text["tss5_by_sed_hours"] * 3600, whole),
            *_grad_norm(study),
        ]
    )
    yield (
        f"One architecture is held against one, a whole space against a whole space. Seconds are of this machine, "
        f"those of proxies of the study's; grad_norm counts as reproduced within a factor of "
        f"{claims.CLOSE_SECONDS:g} on a GPU, its hours of a whole space being the study's medians (with building the "
        f"network) times the size."
    )
    if study is not None:
        yield from _beside_published(study)


def sed_seconds(space: Space) -> tuple[float, float]:
    """Return the seconds of asking for one architecture, a median, and those of scoring the whole space."""

    def taken(start: int, stop: int) -> float:
        began = time.perf_counter()
        score(space, "sed", start, stop)
        return time.perf_counter() - began

    taken(0, space.size)  # once before it counts
    return float(np.median([taken(i, i + 1) for i in range(0, space.size, space.size // 100)])), taken(0, space.size)


def _grad_norm(study: Study | None) -> Iterator[Claim]:
    """Yield what is published of grad_norm's seconds beside the study's, with verdicts where they are of one kind."""
    text = published()["sed_paper"]["text"]
    costs = {row["proxy"]: row for row in summary(study).iter_rows(named=True)} if study is not None else {}
    space = find_space("tss5" if study is None else study.setting.space["name"])
    hours = text[f"{space.name}_by_grad_norm_gpu_hours"]
    what, shown = f"grad_norm of all of {space.name}", f"{hours:,} h on a GPU"
    if study is None or "grad_norm" not in costs:
        yield Claim(what, shown, "no --study with grad_norm", "unchecked")
        return
    each = costs["grad_norm"]["seconds"] + costs["grad_norm"]["build_seconds"]
    total = each * space.size / 3600
    other = other_kind(study)
    close = 1 / claims.CLOSE_SECONDS <= total / hours <= claims.CLOSE_SECONDS
    measured = f"{duration(total * 3600)} on {study.setting.machine} ({study.setting.device})"
    yield Claim(what, shown, measured, other or claims.verdict(close))
    pairs = {"one architecture": (text["grad_norm_seconds_per_architecture"], text["sed_seconds_per_architecture"])}
    if space.name == "tss5":
        pairs["the whole space"] = (hours, text["tss5_by_sed_hours"])
    sed = study.seconds_of_sed()
    for kind, seconds in zip(pairs, (sed.alone, sed.whole), strict=False):
        told, ratio = pairs[kind][0] / pairs[kind][1], each / seconds
        what = f"grad_norm / SED, seconds of {kind}"
        yield Claim(what, f"{told:,.0f}", f"{ratio:,.0f}", other or ("reproduced" if ratio >= told else "less"))


def other_kind(study: Study) -> str | None:
    """Return in what a study's seconds are of another kind than the published ones, None if in nothing."""
    if study.setting.device != "cuda":
        return "another device"
    return "another data set" if study.setting.dataset != "cifar10" else None


def _beside_published(study: Study) -> Iterator[Part]:
    """Yield the study's seconds, beside the published ones if these are of its space and data set."""
    paper, setting = published()["sed_paper"], study.setting
    told, costs = published_seconds(study), summary(study).select("proxy", "seconds").iter_rows()
    rows = [[name, f"{seconds:.3g}", number(told.get(name), "g")] for name, seconds in costs]
    rows.append(["sed, asked for alone", f"{study.seconds_of_sed().alone:.2g}", number(told.get("sed"), "g")])
    yield (
        f"Seconds of one architecture: the study's medians ({setting.space['name']}, {setting.dataset}, "
        f"{setting.machine}), and Table 1 of the paper ({paper['hardware']}) where it has that space and data set."
    )
    yield Table(["proxy", "measured", "published"], rows)
