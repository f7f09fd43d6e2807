"""What is known of the architectures of a study: a row for each of them, and a row for each proxy over all of them."""

from __future__ import annotations

import math

import polars as pl

from sedspace.correlation import rank_correlation
from sedspace.errors import BadInput
from sedspace.frames import means
from sedspace.scores import known_scores
from sedspace.spaces import Space, described
from sedspace.studies.file import AGGREGATES, Aggregate, Study

DATA_FREE = (
    *("sed", "live_sed", "propagated_sed", "params", "macs", "layers"),
    *("depth", "paths", "receptive_field", "nn_mass", "nn_degree", "entropy", "effectiveness", "e_score"),
    *("channels", "n_edges", "n_vertices", "n_blocks", "n_layers"),
)
"""Scores that need the topology only, as far as a space has them."""


def data_free(space: Space, indices: pl.Series, names: tuple[str, ...] = DATA_FREE) -> pl.DataFrame:
    """Return the scores of architectures that need the topology only, in float64."""
    known = known_scores(space)
    return (
        indices.alias("index")
        .to_frame()
        .select(
            pl.col("index").sed.score(space, name).cast(pl.Float64).alias(name)  # type: ignore[attr-defined]
            for name in names
            if name in known
        )
    )


def without_dead_operations(space: Space, indices: pl.Series) -> pl.Series:
    """Return of which cells every operation is live: on a way from the cell's input to its output.

    Of `tss` these are the 9,445 that NAS-Bench-Suite-Zero (arXiv 2210.03230) publishes proxies of and VKDNW (arXiv
    2502.04975) compares them on: 9,444 that compute something, and the one of nothing but ``none``.

    Examples
    --------
    >>> import sedspace as ss
    >>> without_dead_operations(ss.space("tss"), pl.Series(range(15625))).sum()
    9445
    """
    known = known_scores(space)
    counts = {name.replace("_live", "", 1): name for name in known if name.startswith("n_live_")}
    if not counts:
        raise BadInput(f"{space.name} does not tell live operations: expected a space with an operation on every edge")
    values = data_free(space, indices, (*counts, *counts.values()))
    return values.select(pl.all_horizontal(pl.col(name) == values[live] for name, live in counts.items())).to_series()


def by_architecture(study: Study) -> pl.DataFrame:
    """Return a study's values, the mean over repeats, one row for each architecture and one column for each score.

    Returns
    -------
    polars.DataFrame
        ``index``, ``arch``, ``sed``, ``params`` and ``macs`` where the space has them, and every proxy in float64: null
        where it has no value in any repeat. An aggregate (``az_nas``) is there if all of its proxies were computed: an
        architecture without a value of one of them ranks last in it, as in AZ-NAS's code.
    """
    order = study.rows["proxy"].unique(maintain_order=True).to_list()
    rows = study.rows.with_columns(pl.col("sed").cast(pl.Float64))
    about = ["index", "arch", "sed"]
    wide = means(rows, [*about, "proxy"], "value").pivot("proxy", index=about, values="value").sort("index")
    if wide["sed"].null_count() == len(wide):
        wide = wide.drop("sed")
    sizes = data_free(described(study.setting.space), wide["index"], ("params", "macs"))
    wide = wide.with_columns(column for column in sizes if column.name not in order)
    for name, aggregate in AGGREGATES.items():
        parts = aggregate.parts
        if set(parts) <= set(wide.columns):
            computed = rows.filter(pl.col("proxy").is_in(parts)).group_by("index").agg(pl.col("proxy").n_unique())
            wide = wide.join(computed, on="index", how="left", maintain_order="left")
            whole = pl.col("proxy") == len({*parts} & {*order})
            wide = wide.with_columns(_aggregated(aggregate, study.less, whole).alias(name)).drop("proxy")
    first = [name for name in ("index", "arch", "sed", "params", "macs") if name in wide.columns]
    return wide.select(*first, pl.exclude(first))


def _aggregated(aggregate: Aggregate, less: list[str], whole: pl.Expr) -> pl.Expr:
    """Return the sum of an aggregate's ranks, as shares of the greatest, or of their logarithms: more is better.

    Among architectures of which all parts were computed (`whole`); those without a value rank last.
    """
    values = [-pl.col(part) if part in less else pl.col(part) for part in aggregate.parts]
    ranks = [pl.when(whole).then(value.fill_null(-math.inf)).rank("average") / whole.sum() for value in values]
    return pl.when(whole).then(pl.sum_horizontal(rank.log() if aggregate.logarithms else rank for rank in ranks))


def first_of(wide: pl.DataFrame) -> str:
    """Return the score of such a frame that all others are held against: SED, #params where there is none."""
    return next((name for name in ("sed", "params") if name in wide.columns), scores_of(wide)[0])


def title_of(score: str) -> str:
    """Return what pages call a score."""
    return {"sed": "SED", "params": "#params"}.get(score, score)


def scores_of(wide: pl.DataFrame) -> list[str]:
    """Return the names of the scores of such a frame."""
    return [name for name in wide.columns if name not in ("index", "arch")]


def summary(study: Study) -> pl.DataFrame:
    """Return a row for each proxy: how many values it has, its seconds, and its rank correlation with SED.

    Returns
    -------
    polars.DataFrame
        ``proxy``; ``values`` and ``undefined``, how many there are; ``seconds`` (median), ``seconds_low`` and
        ``seconds_high`` (quartiles) of the proxy had it been alone, ``shared_seconds`` (median), how much of them were
        passes that others share, and ``build_seconds`` (median, of building the network), all of what was computed:
        dead cells are not; ``spearman_with_sed``, null where it is undefined.

    Examples
    --------
    >>> import sedspace as ss
    >>> from sedspace.report import summary
    >>> study = ss.crosscheck("tss", range(11660, 11669), ["params"], batch=2, progress=False)
    >>> summary(study).select("proxy", "values", pl.col("spearman_with_sed").round(2)).row(0)
    ('params', 9, 0.94)
    """
    took = pl.col("seconds", "shared_seconds", "build_seconds").filter(pl.col("seconds") > 0)
    values = study.rows.group_by("proxy", maintain_order=True).agg(
        pl.col("value").count().alias("values"),
        pl.col("value").null_count().alias("undefined"),
        took.median().fill_null(0.0),
        pl.col("seconds").filter(pl.col("seconds") > 0).quantile(0.25).fill_null(0.0).alias("seconds_low"),
        pl.col("seconds").filter(pl.col("seconds") > 0).quantile(0.75).fill_null(0.0).alias("seconds_high"),
    )
    wide = by_architecture(study)
    sed = wide.get_column("sed", default=None)
    found = [None if sed is None else rank_correlation(sed, wide[name]).spearman for name in values["proxy"]]
    return values.with_columns(spearman_with_sed=pl.Series(found, dtype=pl.Float64).fill_nan(None))
