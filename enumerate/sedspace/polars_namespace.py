"""Architectures inside polars: the namespace ``sed`` of every expression.

>>> import polars as pl
>>> import sedspace
>>> frame = pl.DataFrame({"index": [11668, 3]})
>>> frame.with_columns(sed=pl.col("index").sed.score("tss"), params=pl.col("index").sed.score("tss", "params"))
shape: (2, 3)
┌───────┬──────┬─────────┐
│ index ┆ sed  ┆ params  │
│ ---   ┆ ---  ┆ ---     │
│ i64   ┆ f32  ┆ i32     │
╞═══════╪══════╪═════════╡
│ 11668 ┆ 8.75 ┆ 1288506 │
│ 3     ┆ 1.0  ┆ 316346  │
└───────┴──────┴─────────┘
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from sedspace.dtypes import DTYPES
from sedspace.scores import Score, find_score
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.radix import INT64_END
from sedspace_kernels.parallel import available_threads, split

_ROWS = 1 << 17  # decoded at a time, by one thread


@pl.api.register_expr_namespace("sed")
class SedNamespace:
    """What can be done with a column of indices, or of arch strings.

    Every method is lazy; null stays null. An index outside the space, or a malformed string, ends the query with an
    error that names it.
    """

    def __init__(self, expression: pl.Expr) -> None:
        self._expression = expression

    def arch(self, space: str | Space) -> pl.Expr:
        """Return the arch string (String) of each index.

        Examples
        --------
        >>> import polars as pl, sedspace
        >>> pl.select(pl.lit(3).sed.arch("tss")).item()
        '|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|'
        """
        chosen = find_space(space)

        def decode(indices: NDArray[np.int64]) -> pl.Series:
            return pl.Series(pl.from_arrow(arch_array(chosen, indices)))

        return self._map(decode, pl.String())

    def digits(self, space: str | Space) -> pl.Expr:
        """Return the digits (Array of UInt8, or wider where needed, one entry per position) of each index.

        Examples
        --------
        >>> import polars as pl, sedspace
        >>> pl.select(pl.lit(11668).sed.digits("tss")).item().to_list()
        [3, 3, 3, 1, 3, 3]
        """
        chosen = find_space(space)
        inner = {1: pl.UInt8, 2: pl.UInt16, 4: pl.UInt32}[chosen.digit_dtype.itemsize]
        dtype = pl.Array(inner, len(chosen.positions))
        return self._map(lambda indices: pl.Series(chosen.digits(indices), dtype=dtype), dtype)

    def score(self, space: str | Space, by: str | Score = "sed") -> pl.Expr:
        """Return a score, or a feature of the space, of each index, in the score's dtype.

        Examples
        --------
        >>> import polars as pl, sedspace
        >>> pl.select(pl.lit(11668).sed.score("tss", "macs")).item()
        184730250
        """
        chosen = find_space(space)
        scorer = find_score(chosen, by)

        def evaluate(indices: NDArray[np.int64]) -> pl.Series:
            return pl.Series(scorer.values(scorer.at(chosen, chosen.digits(indices))))

        return self._map(evaluate, DTYPES[scorer.dtype].polars)

    def index(self, space: str | Space) -> pl.Expr:
        """Return the index (Int64; Int128 for spaces beyond 2^63) of each arch string: the inverse of `arch`.

        Examples
        --------
        >>> import polars as pl, sedspace
        >>> pl.select(pl.lit("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|").sed.index("tss")).item()
        3
        """
        chosen = find_space(space)
        dtype = pl.Int64 if chosen.size <= INT64_END else pl.Int128

        def parse(archs: pl.Series) -> pl.Series:
            return pl.Series(archs.name, chosen.parse(archs).tolist(), dtype=dtype)

        return self._expression.map_batches(_nulls_kept(parse), return_dtype=dtype, is_elementwise=True)

    def _map(self, function: Callable[[NDArray[np.int64]], pl.Series], dtype: pl.DataType) -> pl.Expr:
        def evaluate(column: pl.Series) -> pl.Series:
            wide = column.dtype == pl.Int128  # wider than any type of numpy
            indices = np.array(column.to_list(), dtype=object) if wide else column.to_numpy()
            parts = split(
                lambda lo, hi: [function(indices[at : min(at + _ROWS, hi)]) for at in range(lo, hi, _ROWS)],
                len(indices),
                available_threads(),
            )
            series = [one for part in parts for one in part]
            return pl.concat(series).alias(column.name) if series else pl.Series(column.name, [], dtype)

        return self._expression.map_batches(_nulls_kept(evaluate), return_dtype=dtype, is_elementwise=True)


def arch_array(space: Space, indices: NDArray[np.int64]) -> pa.StringArray:
    """Return the arch strings of int64 indices as an Arrow array, made by the kernels without a Python string."""
    offsets, text = space.arch_text(space.digits(indices))
    return pa.StringArray.from_buffers(len(indices), pa.py_buffer(offsets), pa.py_buffer(text))


def _nulls_kept(function: Callable[[pl.Series], pl.Series]) -> Callable[[pl.Series], pl.Series]:
    """Return a function that is only given what is not null, and leaves null where it was."""

    def evaluate(column: pl.Series) -> pl.Series:
        if not column.null_count():
            return function(column)
        there = column.is_not_null()
        positions = pl.Series(np.cumsum(there.to_numpy()) - 1)
        return function(column.drop_nulls()).gather(pl.select(pl.when(there).then(positions)).to_series())

    return evaluate
