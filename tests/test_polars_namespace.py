"""The polars namespace: the same answers as the space gives, lazily, for any shape of column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss


@pytest.mark.parametrize(("name", "nodes"), [("tss", 4), ("tss5", 5), ("tss7", 7)])
def test_everything_about_random_indices(name, nodes):
    space = ss.space(name)
    indices = np.random.default_rng(3).integers(0, space.size, 300)
    frame = (
        pl.LazyFrame({"i": indices})
        .with_columns(
            arch=pl.col("i").sed.arch(name),
            digits=pl.col("i").sed.digits(name),
            sed=pl.col("i").sed.score(name),
            macs=pl.col("i").sed.score(space, "macs"),
        )
        .with_columns(back=pl.col("arch").sed.index(name))
        .collect()
    )
    digits = [naive.digits(int(i), [5] * len(space.positions)) for i in indices]
    assert frame["arch"].to_list() == [naive.arch(row, nodes) for row in digits]
    assert frame["digits"].to_list() == digits
    assert frame["sed"].to_list() == [float(naive.sed(row, nodes)) for row in digits]
    assert frame["back"].to_list() == frame["i"].to_list()
    assert dict(frame.schema) == {
        "i": pl.Int64,
        "arch": pl.String,
        "digits": pl.Array(pl.UInt8, len(space.positions)),
        "sed": pl.Float32,
        "macs": pl.Int64,
        "back": pl.Int64,
    }


@pytest.mark.parametrize("indices", [[], [None], [3, None, 11668, None]])
def test_nulls_stay_null(indices):
    frame = pl.DataFrame({"i": pl.Series(indices, dtype=pl.Int64)})
    found = frame.select(
        pl.col("i").sed.arch("tss").alias("a"),
        pl.col("i").sed.digits("tss").alias("d"),
        pl.col("i").sed.score("tss").alias("s"),
        pl.col("i").sed.arch("tss").sed.index("tss").alias("b"),
    )
    space = ss.space("tss")
    assert found["a"].to_list() == [None if i is None else space.arch(i) for i in indices]
    assert found["s"].is_null().to_list() == found["d"].is_null().to_list() == [i is None for i in indices]
    assert found["b"].to_list() == indices


def test_many_rows_are_cut_and_put_together_in_order():
    frame = pl.DataFrame({"i": pl.int_range(700_000, eager=True)})
    assert frame.select(pl.col("i").sed.score("tss5"))["i"].to_list() == ss.score("tss5", stop=700_000).tolist()


def test_what_cannot_be_named_ends_the_query():
    with pytest.raises(Exception, match="index 15625 is outside tss"):
        pl.DataFrame({"i": [15_625]}).select(pl.col("i").sed.arch("tss"))
    with pytest.raises(Exception, match="edge 0->1 has operation 'x'"):
        pl.DataFrame({"a": ["|x~0|+|none~0|none~1|+|none~0|none~1|none~2|"]}).select(pl.col("a").sed.index("tss"))
    with pytest.raises(ss.BadInput, match="unknown space"):
        pl.col("i").sed.arch("tsss")


def test_spaces_beyond_int64():
    space = ss.space("tss8")
    indices = [5, space.size - 1]
    frame = pl.DataFrame({"i": pl.Series(indices, dtype=pl.Int128)})
    found = frame.select(pl.col("i").sed.arch("tss8").alias("a"), pl.col("i").sed.score("tss8", "n_pool").alias("n"))
    assert found["a"].to_list() == space.arch(indices).tolist()
    assert found["n"].to_list() == [0, 28]
    assert found.select(pl.col("a").sed.index("tss8"))["a"].to_list() == indices


def test_digits_of_a_listed_space():
    frame = pl.DataFrame({"index": [70_000]}).select(pl.col("index").sed.digits("nb101"))
    assert frame.item().to_list() == [70_000]
