"""Conditions on rows, written in SQL: the one grammar of every ``--where``."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sedspace.dtypes import DTYPES
from sedspace.errors import COLUMNS, BadInput, first_line, unknown
from sedspace.expression import (
    Tree,
    bounds,
    columns_of,
    compared_texts,
    conjuncts,
    constant_of,
    expression_of,
    only_compares,
    other_rows,
    tree_of,
    with_nan_as_null,
    without_wrapping,
)
from sedspace.forked import refuse_fork
from sedspace.numerals import digits_of

_MOST_WORDS = 1000  # polars needs minutes for thousands, and ends the process at some
_NEAREST = 1e-9  # the excess of what just does not meet a condition
_DEEPEST = 20  # parentheses within parentheses: beyond, its parser takes exponential time
_WORD = re.compile(r"[^\W\d]\w*|[<>=!]+|[+*/%|&]|(?<=[\w)\]\"'])\s*-")  # numbers, as IN lists them, are none
_NOT_CODE = re.compile(r"'(?:[^'\\]|'')*'|\"[^\"\\]*\"|`[^`\\]*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_WRITTEN = re.compile(rf"{_NOT_CODE.pattern}|(?<![\w.])(?P<number>\d[\d_.]*(?:[eE][+-]?\d+)?\w*)", re.DOTALL)


class Condition:
    """A condition such as ``params < 500000 AND sed > 6``, or ``params < 0.5M``.

    Integers do not wrap: ``n_skip - n_none`` of two bytes is computed in 128 bits, powers and what may exceed that in
    float64. NaN is null, and meets no condition.

    Parameters
    ----------
    text : str
    columns : mapping of str to str
        The dtype of every column that the condition may name, as numpy names it, or ``string``.
    choices : mapping of str to sequence of str, optional
        Columns of digits that it may name too, each with what its digits stand for: texts, or numbers if all are.

    Attributes
    ----------
    expression : polars.Expr
    names : list of str
        The columns that it does name.
    choices : dict of str to polars.Series
        What the digits of those columns stand for that are digits.

    Raises
    ------
    BadInput
        If the text is no SQL, names an unknown column, looks at other rows, or is neither true nor false.

    Examples
    --------
    >>> Condition("n_skip < 2", {"n_skip": "uint8"}).names
    ['n_skip']
    """

    def __init__(
        self, text: str, columns: Mapping[str, str], choices: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        refuse_fork()
        self.text = text
        self._shown = shown(text)
        try:
            self._take(tree_of(parsed(text)), columns, choices or {})
        except RecursionError:
            raise BadInput(f"where {self._shown} is nested too deep, or has a number beyond all bounds") from None

    def _take(self, tree: Tree, columns: Mapping[str, str], choices: Mapping[str, Sequence[str]]) -> None:
        if (found := other_rows(tree)) == "alias":  # so polars takes what follows a number at once
            raise BadInput(f"where {self._shown} has letters after a number: expected 500000, 500_000, 0.5M or 5e5")
        if found is not None:
            raise BadInput(f"where {self._shown} calls for {found}: a condition is about one row at a time")
        self.names = columns_of(tree)
        for name in self.names:
            if name not in columns and name not in choices:
                raise unknown("column", name, [*columns, *choices], COLUMNS)
        if not self.names:
            raise BadInput(f"where {self._shown} names no column: known: {', '.join(columns)}")
        self.choices = {name: values_of(choices[name]) for name in self.names if name in choices}
        for name, given in compared_texts(tree):
            if name in self.choices and self.choices[name].dtype == pl.String and given not in self.choices[name]:
                raise unknown(f"choice at {name}", given, self.choices[name])
        self.schema = {
            name: self.choices[name].dtype if name in self.choices else DTYPES[columns[name]].polars
            for name in self.names
        }
        self._tree = tree
        self.expression = self._checked(tree)

    def parts(self) -> Iterator[Condition]:
        """Yield the conditions that this one is the AND of."""
        return (self._of(tree) for tree in conjuncts(self._tree))

    def bounds(self) -> list[tuple[int, Condition]]:
        """Return a comparison of a column with a constant as bounds, none if it is none.

        Returns
        -------
        list of tuple of int and Condition
            1 and a condition that a number meets if a lesser one does, or -1 and one that it meets if a greater one
            does: of an equality both.
        """
        return [(sign, self._of(tree)) for sign, tree in bounds(self._tree)]

    def _of(self, tree: Tree) -> Condition:
        """Return the condition of a tree over the same columns."""
        one = copy.copy(self)
        vars(one).update(_tree=tree, names=columns_of(tree), expression=self._checked(tree))
        return one

    def _checked(self, tree: Tree) -> pl.Expr:
        """Return the expression of a tree, made safe against wrapping and NaN; refuse one that is no condition."""
        try:
            if not only_compares(tree):  # comparing integers as they stand is safe, and faster
                tree = without_wrapping(tree, self.schema)
            expression = expression_of(with_nan_as_null(tree, self.schema))
            dtype = pl.DataFrame(schema=self.schema).select(kept=expression).schema["kept"]
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise BadInput(f"where {self._shown} cannot be evaluated: {first_line(error)}") from None
        if dtype != pl.Boolean:
            kind = "numbers" if dtype.is_numeric() else f"{dtype} values"
            raise BadInput(f"where {self._shown} gives {kind}, expected a condition that is true or false")
        return expression

    def holds(self, values: Mapping[str, NDArray[np.generic]]) -> NDArray[np.bool_]:
        """Return where the condition holds: bool of the shape of the values, of which one per name is needed."""
        refuse_fork()
        shape = values[self.names[0]].shape
        frame = pl.DataFrame([self._series(name, values[name].reshape(-1)) for name in self.names])
        try:
            kept = frame.select(kept=self.expression)["kept"].fill_null(False)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise BadInput(f"where {self._shown} cannot be evaluated: {first_line(error)}") from None
        return kept.to_numpy().reshape(shape)

    def excess(self, values: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float64]:
        """Return how far values are from meeting the condition: 0 where they do, else more.

        The relative distance to the bound where the condition compares a number with a constant, else 1.
        """
        held = self.holds(values)
        if self.names[0] in self.choices or (constant := constant_of(self._tree)) is None:
            return np.where(held, 0.0, 1.0)
        distance = np.abs(values[self.names[0]].astype(np.float64) - constant) / max(abs(constant), 1.0)
        return np.where(held, 0.0, np.fmax(distance, _NEAREST))

    def _series(self, name: str, values: NDArray[np.generic]) -> pl.Series:
        if name in self.choices:
            return self.choices[name].gather(values).alias(name)
        return pl.Series(name, values, dtype=self.schema[name])


def values_of(names: Sequence[str]) -> pl.Series:
    """Return choices by their digits: as numbers if all are such, as a stage's widths are."""
    return pl.Series(list(map(int, names)) if all(name.isdecimal() for name in names) else list(names))


def parsed(text: str) -> pl.Expr:
    """Return the expression of a condition in SQL, numbers as `numerals` has them; raise `BadInput` if it is none."""
    if not isinstance(text, str):
        raise BadInput(f"where {text!r}: expected a condition in SQL, as text")
    refuse_endless(text, "where")
    try:
        return pl.sql_expr(_WRITTEN.sub(_written_out, text))
    except UnicodeEncodeError:
        raise BadInput(f"where {text!r} is no text in UTF-8") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise BadInput(f"where {shown(text)} is not a condition in SQL: {_cut(first_line(error))}") from None


def _written_out(match: re.Match[str]) -> str:
    return digits_of(match["number"]) if match["number"] else match[0]


def refuse_endless(text: str, what: str) -> None:
    """Refuse SQL that would keep the parser busy for minutes, or end the process, before it is parsed."""
    bare = _NOT_CODE.sub("''", text)
    if (words := len(_WORD.findall(bare))) > _MOST_WORDS:
        raise BadInput(
            f"{what} {shown(text)} has {words:,} names and operators, expected at most {_MOST_WORDS:,}: name many "
            f"values with IN, as in index IN (3, 5, 8)"
        )
    steps = [{"(": 1, "[": 1, ")": -1, "]": -1}.get(letter, 0) for letter in bare]
    if (deepest := int(np.cumsum(steps or [0]).max())) > _DEEPEST:
        raise BadInput(f"{what} {shown(text)} has parentheses {deepest} deep, expected at most {_DEEPEST}")


def shown(text: object) -> str:
    """Return a text as an error shows it: in quotes, and not at any length."""
    return repr(_cut(text) if isinstance(text, str) else text)


def _cut(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}..."
