"""Conditions on rows, written in SQL: the one grammar of every ``--where``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl
from numpy.typing import NDArray

from sedspace.errors import BadInput, first_line, unknown

_ROW_BY_ROW = re.compile(
    "abs|acos|and|asin|atan|between|case|cast|cbrt|ceil|coalesce|cos|else|exp|floor|greatest|if|in|least|like|ln|log|log10|"
    "log2|mod|not|nullif|or|pow|power|round|sign|sin|sqrt|tan|then|trunc|try_cast|when",
    re.IGNORECASE,
)
_CALL = re.compile(r'"?([A-Za-z_]\w*)"?\s*\(')
_NOT_CODE = re.compile(r"'[^']*'|/\*.*?\*/|--[^\n]*", re.DOTALL)
_COMPUTES = re.compile(r"[-+*/%^]|\w\(")  # an operator or a function may stand in the text
NARROW = ("uint8", "int16", "int32")


class Condition:
    """A condition such as ``params < 500000 AND sed > 6``.

    Integers are widened to 64 bits before anything is computed: ``n_skip - n_none`` of two bytes does not wrap.

    Parameters
    ----------
    text : str
    columns : mapping of str to str
        The dtype of every column that the condition may name, as numpy names it, or ``string``.

    Attributes
    ----------
    expression : polars.Expr
    names : list of str
        The columns that it does name.

    Raises
    ------
    BadInput
        If the text is no SQL, names an unknown column, or is neither true nor false.

    Examples
    --------
    >>> Condition("n_skip < 2", {"n_skip": "uint8"}).names
    ['n_skip']
    """

    def __init__(self, text: str, columns: Mapping[str, str]) -> None:
        self.text = text
        self.expression = parsed(text)
        self.names = list(dict.fromkeys(self.expression.meta.root_names()))
        for name in self.names:
            if name not in columns:
                raise unknown("column", name, columns)
        for call in _CALL.findall(_NOT_CODE.sub(" ", text)):
            if not _ROW_BY_ROW.fullmatch(call):  # max(sed), say, would depend on which rows are looked at together
                raise BadInput(f"where {text!r} calls {call}(): a condition is about one row at a time")
        if not self.names:
            raise BadInput(f"where {text!r} names no column: known: {', '.join(columns)}")
        self._dtypes = {name: columns[name] for name in self.names}
        empty = pl.DataFrame(schema={name: _wide(dtype) for name, dtype in self._dtypes.items()})
        try:
            dtype = empty.lazy().select(kept=self.expression).collect().schema["kept"]
        except pl.exceptions.PolarsError as error:
            raise BadInput(f"where {text!r} cannot be evaluated: {first_line(error)}") from None
        if dtype != pl.Boolean:
            raise BadInput(f"where {text!r} gives {dtype} values, expected a condition that is true or false")

    def filter(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows of a frame for which the condition holds."""
        narrow = [name for name in self.names if self._dtypes[name] in NARROW]
        if not narrow or not _COMPUTES.search(self.text):  # comparing as it stands is safe, and faster
            return frame.filter(self.expression)
        kept = frame.with_columns(pl.col(narrow).cast(pl.Int64)).filter(self.expression)
        return kept.with_columns(pl.col(name).cast(polars_dtype(self._dtypes[name])) for name in narrow)

    def holds(self, values: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return where the condition holds: bool of the shape of the values, of which one per name is needed."""
        shape = values[self.names[0]].shape
        schema = {name: _wide(dtype) for name, dtype in self._dtypes.items()}
        frame = pl.DataFrame({name: pl.Series(values[name].reshape(-1)).cast(dtype) for name, dtype in schema.items()})
        try:
            kept = frame.select(kept=self.expression)["kept"].fill_null(False)
        except pl.exceptions.PolarsError as error:
            raise BadInput(f"where {self.text!r} cannot be evaluated: {first_line(error)}") from None
        return kept.to_numpy().reshape(shape)


def parsed(text: str) -> pl.Expr:
    """Return the expression of a condition in SQL; raise `BadInput` if it is none."""
    if not isinstance(text, str):
        raise BadInput(f"where {text!r}: expected a condition in SQL, as text")
    try:
        return pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"where {text!r} is not a condition in SQL: {first_line(error)}") from None


def polars_dtype(dtype: str) -> pl.DataType | type[pl.DataType]:
    """Return the polars type of a column's dtype."""
    known: dict[str, type[pl.DataType]] = {
        "uint8": pl.UInt8,
        "int16": pl.Int16,
        "int32": pl.Int32,
        "int64": pl.Int64,
        "float32": pl.Float32,
        "float64": pl.Float64,
        "string": pl.String,
    }
    return known[dtype]


def _wide(dtype: str) -> pl.DataType | type[pl.DataType]:
    return pl.Int64 if dtype in NARROW else polars_dtype(dtype)
