"""Commands about studies: proxies on real networks, and pages that say what they show."""

from __future__ import annotations

import click

import sedspace
from sedspace.answers import space_of
from sedspace.cli import arguments
from sedspace.cli.arguments import INTEGER, PATH, SCORE, SPACE, find_target, refuse, run_python
from sedspace.cli.options import cluster_client, engine_options, json_option, unique_option, where_option
from sedspace.cli.printing import check_name, fail, print_rows
from sedspace.errors import BadInput
from sedspace.report import reproduce, summary, write_report
from sedspace.runs import Run
from sedspace.scores import known_scores
from sedspace.searching import is_trajectory
from sedspace.spaces import Space
from sedspace.studies import Sample, Study, chosen_proxies, crosscheck
from sedspace.tables import read_indices


@click.command()
@click.argument("target", type=SPACE)
@click.option(
    "--proxies", default="grad_norm,synflow,naswot,zen", show_default=True, metavar="A,B,...", help="Which; also: all."
)
@click.option(
    "--proxies-from",
    "own",
    type=PATH,
    multiple=True,
    metavar="FILE.py",
    help="A Python file that registers proxies of your own.",
)
@click.option("--sample", "n", type=INTEGER, default=64, show_default=True, help="How many random architectures.")
@click.option(
    "--stratify",
    type=SCORE,
    metavar="SCORE",
    help="Evenly over its values, or none.  [default: sed, where there is one]",
)
@click.option(
    "--archs", type=PATH, metavar="FILE", help="These instead of random ones: Parquet or CSV with arch or index."
)
@where_option
@unique_option
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="Of the sample, the networks and the batches.")
@click.option("--dataset", help="Whose network: cifar10, cifar100, ...  [default: the space's first]")
@click.option("--images", metavar="FILE.npy", help="Your images, or cifar10:DIRECTORY on disk.  [default: random]")
@click.option("--labels", metavar="FILE.npy", help="Their labels.  [default: random, or the data set's]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--batch", type=INTEGER, default=64, show_default=True, help="Images of a batch.")
@click.option("--repeats", type=INTEGER, default=1, show_default=True, help="Of every value, each with its own seed.")
@click.option("--channels-last", is_flag=True, help="Channels side by side in memory: faster, rounded otherwise.")
@click.option("--strict", is_flag=True, help="End where a proxy raises, instead of leaving a null and going on.")
@click.option(
    "--out", required=True, type=PATH, metavar="FILE", help="The values, a Parquet file; continued if it is there."
)
@click.option(
    "--workers", type=INTEGER, metavar="N", help="Networks side by side, in N processes with one thread each."
)
@engine_options
@json_option("a list of objects, one for each proxy, its `proxy`, how many values, seconds and rank correlations")
def crosscheck_command(
    target: str,
    proxies: str,
    own: tuple[str, ...],
    n: int,
    stratify: str | None,
    archs: str | None,
    where: str | None,
    unique: str | None,
    seed: int,
    dataset: str | None,
    images: str | None,
    labels: str | None,
    device: str,
    batch: int,
    repeats: int,
    channels_last: bool,
    strict: bool,
    out: str,
    workers: int | None,
    engine: str | None,
    scheduler: str | None,
    worker_timeout: float,
    as_json: bool,
) -> None:
    """Compute zero-cost proxies on real networks of TARGET.

    Of a sample of it, a space or a run's directory. Needs the extra `crosscheck`, which is torch. Then see
    `sedspace report`.
    """
    if archs is not None:
        refuse("chooses among random ones: expected it without --archs", "n", "stratify", "where", "unique")
    if workers is not None and (engine == "dask" or scheduler is not None):
        raise BadInput(f"--workers {workers} with a Dask cluster, which has its own: expected one of the two")
    for file in own:
        run_python(file, "--proxies-from")
    names = arguments.names(proxies, "--proxies")
    chosen_proxies(names)  # a misspelt one is refused before anything is drawn
    check_name(out, (".parquet",))
    found = find_target(target)
    space = space_of(found)
    if archs is not None:
        indices, sample = read_indices(archs, space), Sample(archs)
    else:
        stratify = "sed" if stratify is None and "sed" in known_scores(space) else stratify
        sample = Sample(target, seed, None if stratify == "none" else stratify, where, unique)
        indices = _drawn(found, n, sample)
    try:
        with cluster_client(engine, scheduler, None, worker_timeout) as client:
            study = crosscheck(
                space,
                indices,
                names,
                out,
                dataset=dataset,
                images=images,
                labels=labels,
                device=device,
                batch=batch,
                repeats=repeats,
                seed=seed,
                channels_last=channels_last,
                sample=sample,
                strict=strict,
                workers=workers,
                client=client,
            )
    except KeyboardInterrupt:
        fail(f"interrupted; what is done is kept in {out}, give the same command again to continue", 130)
    _print_summary(study, {proxy.name for proxy in chosen_proxies(names)}, as_json)


def _drawn(target: Space | Run, n: int, sample: Sample) -> list[int]:
    drawn = sedspace.sample(
        target, n, stratify=sample.stratify, where=sample.where, unique=sample.unique, seed=sample.seed or 0
    )
    return [int(index) for index in drawn["index"]]  # text beyond 128 bits


def _print_summary(study: Study, wanted: set[str], as_json: bool) -> None:
    print_rows([row for row in summary(study).to_dicts() if row["proxy"] in wanted], as_json)
    for name, failed, reason in study.raised():
        if name in wanted:
            click.echo(f"sedspace: {name} {reason} ({failed} times; --strict ends there)", err=True)


@click.command()
@click.argument("files", type=PATH, nargs=-1, required=True)
@click.option("--accuracy", type=PATH, metavar="TABLE", help="Measured accuracies: Parquet or CSV with arch or index.")
@click.option("--column", "columns", multiple=True, help="Of that table.  [default: names with acc, test or val]")
@click.option(
    "--out", required=True, type=PATH, metavar="DIR", help="Where report.md, report.html and the pictures go."
)
def report_command(files: tuple[str, ...], accuracy: str | None, columns: tuple[str, ...], out: str) -> None:
    """Make a page of what `crosscheck` and `search` have written.

    FILES are a study of `sedspace crosscheck`, trajectories of `sedspace search`, or both. Tables and pictures, as
    Markdown and one HTML page. Needs the extra `report`: matplotlib, scipy and scikit-learn.
    """
    if accuracy is None:
        refuse("is one of the table of accuracies: expected --accuracy TABLE", "columns")
    searches = [file for file in files if is_trajectory(file)]
    studies = [file for file in files if file not in searches]
    if len(studies) > 1:
        raise BadInput(f"{' and '.join(studies[:2])} are two studies, or none: expected one, and trajectories")
    for path in write_report(studies[0] if studies else None, out, accuracy, columns or None, searches=searches):
        click.echo(path)


@click.command()
@click.option(
    "--tables", required=True, type=PATH, metavar="DIR", help="Accuracy tables: nats_tss.parquet, nats_sss.parquet, ..."
)
@click.option(
    "--study", type=PATH, metavar="FILE", help="What `sedspace crosscheck` wrote, for the seconds of gradient proxies."
)
@click.option(
    "--out", required=True, type=PATH, metavar="DIR", help="Where report.md, report.html and the pictures go."
)
def reproduce_command(tables: str, study: str | None, out: str) -> None:
    """Hold published figures against measured ones, with verdicts.

    Those of the SED paper, of a survey and of other proxies. Needs the extra `report`: matplotlib and scipy. What
    there is no table for is said to be unchecked.
    """
    for path in reproduce(tables, out, study):
        click.echo(path)
