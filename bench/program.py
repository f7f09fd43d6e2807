"""The measurements behind every figure of README and guide, as one program.

    python bench list                                        what there is
    python bench run speed census                            measure, print tables
    python bench run claims scores --tables DIRECTORY        what needs accuracy tables finds them there
    python bench run peers --code DIRECTORY                  what needs other people's code finds it there
    python bench run all --tables ... --code ... --save      also write bench/NAME.json and its tables
    python bench readme                                      only the tables, from bench/*.json
    python bench compare old.json bench/speed.json           what became slower or faster, and by how much

Every table is a ratio or a count; the environment stands in the JSON file. Needs ``pip install "sedspace[bench]"``, and
some the extras crosscheck, report and cluster.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from sedspace.errors import SedspaceError
from sedspace.provenance import code_version, cpu_name
from sedspace.runs.plots import save

HERE = Path(__file__).resolve().parent
PLACES = {"evidence": ("scores", "evidence")}  # further tables: the measurement they are of, what writes them
ROOT = HERE.parent
PAGES = ROOT / "README.md", HERE / "README.md", *sorted((ROOT / ".github" / "site").rglob("*.md"))
"""Where tables stand, each on one of them."""
TIMED = {"speed", "scaling", "census", "cluster", "timing", "proxies", "peers", "design", "exact", "search"}
IDLE = 0.5
VERSIONS = ("dask", "duckdb", "numba", "numpy", "polars", "pyarrow", "scikit-learn", "scipy", "torch")


class Options:
    """What the measurements may be told."""

    def __init__(
        self, tables: Path | None, count: int | None, device: str, study: Path | None, code: Path | None
    ) -> None:
        self.tables, self.count, self.device, self.study, self.code = tables, count, device, study, code

    def table(self, name: str) -> Path:
        """Return the path of the table that a measurement needs, or of all of them."""
        file = NEEDS[name]
        if self.tables is None or not (self.tables / file).exists():
            raise click.ClickException(
                f"{name} needs {file or 'tables'}: --tables DIRECTORY with it, got {self.tables}"
            )
        return self.tables / file

    def checkouts(self) -> Path:
        """Return the directory of other people's code."""
        if self.code is None:
            raise click.ClickException("peers need --code DIRECTORY, with checkouts of the repositories they are of")
        return self.code

    def kept(self, name: str) -> Path | None:
        """Return where a measurement keeps its study."""
        return None if self.study is None else self.study / f"{name}.parquet"


NEEDS = {
    "proxies": "nb201_zero_cost_cifar10.parquet",
    "accuracies": "nats_tss.parquet",
    "claims": "nats_tss.parquet",
    "scores": "",
    "learning": "",
    "networks": "",
    "campaign": "",
    "hardware": "hw_nas_bench_cifar10.parquet",
}
BENCHMARKS: dict[str, tuple[str, Callable[[Any, Options], Any]]] = {
    "speed": ("scores, runs and questions against their floor and against peers", lambda m, o: m.measure(5)),
    "scaling": ("time and memory by the size of the space and by threads", lambda m, o: m.measure()),
    "census": ("exact answers, proved against going through everything", lambda m, o: m.measure(9)),
    "cluster": ("Dask against threads, and tss6 on paper", lambda m, o: m.measure()),
    "timing": (
        "proxies against SED on five-node cells",
        lambda m, o: m.measure(o.count or 64, o.device, o.kept("timing")),
    ),
    "proxies": (
        "proxies against published values",
        lambda m, o: m.measure(o.table("proxies"), o.count or 100, 3, o.kept("proxies")),
    ),
    "peers": ("proxies against their authors' code", lambda m, o: m.measure(o.checkouts(), o.count or m.REPEATS)),
    "accuracies": (
        "proxies against measured accuracies",
        lambda m, o: m.measure(o.table("accuracies"), o.count or m.CELLS, o.kept("accuracies")),
    ),
    "claims": ("SED against the paper", lambda m, o: m.measure(o.table("claims"))),
    "scores": ("data-free scores against measured accuracies", lambda m, o: m.measure(o.table("scores"))),
    "design": ("the best network within budgets, beside evolution and CP-SAT", lambda m, o: m.measure()),
    "exact": ("exact answers, beside Graphillion, CP-SAT, dd, OxiDD and NSGA-II", lambda m, o: m.measure()),
    "search": (
        "search algorithms against the exact optimum",
        lambda m, o: m.measure(o.tables, o.count or m.SEEDS),
    ),
    "learning": (
        "accuracies predicted from few measured ones",
        lambda m, o: m.measure(o.table("learning"), o.count or m.REPEATS),
    ),
    "campaign": (
        "what is found by how many measurements",
        lambda m, o: m.measure(o.table("campaign"), o.count or m.SEEDS),
    ),
    "networks": (
        "proxies on whole networks against measured accuracies",
        lambda m, o: m.measure(o.table("networks"), o.count or m.COUNT, o.study),
    ),
    "propositions": ("entropy of random feature maps, against the paper's proofs", lambda m, o: m.measure()),
    "hardware": (
        "additive costs against measured ones",
        lambda m, o: m.measure(o.table("hardware")),
    ),
}


def refuse_a_loaded_machine() -> None:
    """Raise if other programs are at work here: what is measured beside them is not worth keeping."""
    load = os.getloadavg()[0]  # over the last minute
    if load > IDLE:
        raise click.ClickException(
            f"the load of this machine is {load:.2f}: expected at most {IDLE}, wait until it is idle"
        )


def environment() -> dict[str, Any]:
    """Return what was measured on."""
    return {
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "sedspace": code_version(),
        **{name: found for name in VERSIONS if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def results(name: str) -> Any:
    """Return the committed results of a measurement."""
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["results"]


def table(name: str) -> str:
    """Return a table of a measurement, from its JSON file."""
    measurement, function = PLACES.get(name, (name, "markdown"))
    text: str = getattr(importlib.import_module(f"bench.{measurement}"), function)(results(measurement))
    return text


def split(text: str, name: str) -> tuple[str, str, str]:
    """Return what stands before the table of a measurement on a page, the table, and what stands after it."""
    first, last = f"<!-- {name}: written by `python bench readme` -->\n", f"\n<!-- end of {name} -->"
    before, found, rest = text.partition(first)
    inside, ended, after = rest.partition(last)
    if not (found and ended):
        raise click.ClickException(f"no page has a place for {name}: expected {first.strip()}")
    return before + first, inside, last + after


def page(name: str) -> Path:
    """Return the page that has the table of a measurement."""
    return next((one for one in PAGES if f"<!-- end of {name} -->" in one.read_text(encoding="utf-8")), PAGES[0])


def places() -> list[str]:
    """Return the names of all tables that measurements write, those that have been saved."""
    return [one for one in (*BENCHMARKS, *PLACES) if (HERE / f"{PLACES.get(one, (one, ''))[0]}.json").exists()]


def write_readme(name: str, path: Path | None = None) -> None:
    """Put the table of a measurement into the page that has a place for it."""
    path = path or page(name)
    before, _, after = split(path.read_text(encoding="utf-8"), name)
    path.write_text(f"{before}{table(name)}{after}", encoding="utf-8")


def write_picture(name: str) -> None:
    """Draw bench/NAME.svg from the JSON file, if the measurement has a picture."""
    module = importlib.import_module(f"bench.{name}")
    if hasattr(module, "picture"):
        save(module.picture(results(name)), HERE / f"{name}.svg")


@click.group(help=__doc__.split("\n")[0])
def cli() -> None:
    """Measure."""


@cli.command(name="list")
def list_() -> None:
    """Print what can be measured."""
    for name, (what, _) in BENCHMARKS.items():
        click.echo(f"{name:10} {what}")


@cli.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--tables", type=click.Path(path_type=Path), help="The directory of accuracy and hardware tables.")
@click.option(
    "-n",
    "count",
    type=int,
    help="How many cells or architectures (timing, proxies, accuracies, networks) or repeats (peers, search, learning, "
    "campaign); others take none.",
)
@click.option("--device", default="auto", show_default=True, help="Of timing: auto, cpu or cuda.")
@click.option(
    "--study",
    type=click.Path(path_type=Path, file_okay=False),
    help="Of timing, proxies, accuracies, networks: keep values in this directory.",
)
@click.option("--code", type=click.Path(path_type=Path), help="Of peers: checkouts of their authors' repositories.")
@click.option(
    "--save",
    is_flag=True,
    help="Write bench/NAME.json and its table; what takes seconds is refused on a machine that is not idle.",
)
def run(names: tuple[str, ...], save: bool, **options: Any) -> None:
    """Measure what is NAMEd, or all."""
    wanted = list(BENCHMARKS) if names == ("all",) else list(names)
    for name in wanted:
        if name not in BENCHMARKS:
            raise click.ClickException(f"unknown measurement {name!r}: known: {', '.join(BENCHMARKS)}")
    if save and TIMED.intersection(wanted):
        refuse_a_loaded_machine()
    given = Options(**options)
    for name in NEEDS.keys() & set(wanted):  # before anything is measured
        given.table(name)
    if "peers" in wanted:
        given.checkouts()
    if given.study is not None:
        given.study.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        module = importlib.import_module(f"bench.{name}")
        try:
            found = BENCHMARKS[name][1](module, given)
        except SedspaceError as error:
            raise click.ClickException(f"{name}: {error}") from None
        click.echo(f"\n== {name}\n\n{module.markdown(found)}")
        if save:
            _save(name, module.keep(found) if hasattr(module, "keep") else found)


def _save(name: str, found: Any) -> None:
    text = json.dumps({"environment": environment(), "results": found}, indent=1) + "\n"
    (HERE / f"{name}.json").write_text(text, encoding="utf-8")
    for place in (name, *(place for place, (of, _) in PLACES.items() if of == name)):
        write_readme(place)
    write_picture(name)


@cli.command()
def readme() -> None:
    """Write the tables of all pages anew from bench/*.json."""
    for name in places():
        write_readme(name)
    for name in BENCHMARKS.keys() & set(places()):
        write_picture(name)


@cli.command()
@click.argument("old", type=click.Path(exists=True, path_type=Path))
@click.argument("new", type=click.Path(exists=True, path_type=Path))
@click.option("--least", type=float, default=1.1, show_default=True, help="Show what changed by this factor or more.")
def compare(old: Path, new: Path, least: float) -> None:
    """Print which figures of two results of one measurement differ, by what factor; exit 1 if a ratio grew."""
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (old, new))
    for key, value in after["environment"].items():
        if before["environment"].get(key) != value:
            click.echo(f"{key}: {before['environment'].get(key)} -> {value}")
    there = dict(_figures(before["results"]))
    worse = False
    for name, value in _figures(after["results"]):
        was = there.get(name)
        if was is None or was <= 0 or value <= 0 or max(value / was, was / value) < least:
            continue
        slower = value > was and name.rsplit(".", 1)[-1] == "ratio"
        worse |= slower
        click.echo(f"{name}: {was:.4g} -> {value:.4g} ({value / was:.2f} x){'  slower' if slower else ''}")
    raise SystemExit(1 if worse else 0)


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _figures(one, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _figures(one, f"{name}.{place}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)
