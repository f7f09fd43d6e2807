"""What a polars expression does, read off its tree: which rows it looks at, whether it computes, where NaN may meet it.

A tree is the expression as polars itself serialises it: nodes of one key, the kind, and what belongs to it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from operator import and_, or_, xor
from typing import Any

import polars as pl

from sedspace.dtypes import DTYPES

Tree = Any  # JSON, as polars writes it
"""A node: a kind by itself, or a mapping of a single kind to its body."""

Body = Any
"""What belongs to a node."""

_INPUTS: dict[str, tuple[str, ...]] = {  # where the kinds that look at a single row have theirs; all others are refused
    "Column": (),
    "Literal": (),
    "BinaryExpr": ("left", "right"),
    "Ternary": ("predicate", "truthy", "falsy"),
    "Cast": ("expr",),
    "Function": ("input",),
}
_FUNCTIONS = (  # so do these functions, or families of them, as polars names them
    *("Abs", "Atan2", "Ceil", "Coalesce", "Exp", "FillNull", "Floor", "Log", "Log1p", "MaxHorizontal", "MinHorizontal"),
    *("Pow", "Round", "Sign", "Sql.Binary", "Sql.Round", "Sql.ToFloat", "Trigonometry", "Truncate"),
    *("Boolean.Not", "Boolean.IsNull", "Boolean.IsNotNull", "Boolean.IsNan", "Boolean.IsNotNan", "Boolean.IsFinite"),
    *("Boolean.IsInfinite", "StringExpr.Contains", "StringExpr.EndsWith", "StringExpr.Find", "StringExpr.LenBytes"),
    *("StringExpr.LenChars", "StringExpr.Lowercase", "StringExpr.Replace", "StringExpr.Slice", "StringExpr.StartsWith"),
    *("StringExpr.Uppercase", "StringExpr.StripChars"),
)
_MEMBERSHIP = ("Boolean.IsIn", "Sql.IsIn")  # in a list that is written down; in another column is in all of its rows
_ABSENCE = ("Boolean.IsNull", "Boolean.IsNotNull")
_EQUALITIES = ("Eq", "NotEq", "EqValidity", "NotEqValidity", "EqMissing", "NotEqMissing")
_COMPARISONS = (*_EQUALITIES, "Lt", "LtEq", "Gt", "GtEq")
_ARITHMETIC = ("Plus", "Minus", "Multiply", "Mul", "Divide", "Div", "FloorDivide", "IntDiv", "Modulus", "Rem", "Abs")
_CONNECTIVES: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {"And": and_, "Or": or_, "Xor": xor}
_MOST_BITS = 126
_TEMPORAL = ("Date", "Datetime", "Duration", "Time")


def tree_of(expression: pl.Expr) -> Tree:
    """Return the tree of an expression."""
    try:
        return json.loads(expression.meta.serialize(format="json"))
    except pl.exceptions.ComputeError:  # some functions over partitions: nothing that a single row decides
        return "a window"


def expression_of(tree: Tree) -> pl.Expr:
    """Return the expression of a tree.

    Raises
    ------
    RecursionError
        If operators are nested some 60 deep, beside AND, OR and CASE: more, polars does not read back.
    """
    kind, body = _taken_apart(tree)
    if kind == "BinaryExpr" and body["op"] in _CONNECTIVES:
        return _CONNECTIVES[body["op"]](expression_of(body["left"]), expression_of(body["right"]))
    if kind == "Ternary":
        predicate, truthy, falsy = map(expression_of, _inputs(kind, body))
        return pl.when(predicate).then(truthy).otherwise(falsy)
    try:
        return pl.Expr.deserialize(io.BytesIO(json.dumps(tree).encode()), format="json")
    except pl.exceptions.ComputeError as error:
        raise RecursionError(str(error)) from None


def other_rows(tree: Tree) -> str | None:
    """Return what makes the value of a row depend on more than that row, or None.

    Examples
    --------
    >>> other_rows(tree_of(pl.sql_expr("sed >= max(sed)"))), other_rows(tree_of(pl.sql_expr("POW (sed, 2) > 3")))
    ('max', None)
    """
    kind, body = _taken_apart(tree)
    if kind not in _INPUTS:
        return _innermost(tree).lower()
    if kind == "Literal" and any(f"'{name}'" in str(body) for name in _TEMPORAL):
        return "the time"  # no column holds times: it is that of asking
    if kind == "Function":
        name = _function(body)
        if _is_one_of(name, _MEMBERSHIP):
            if _taken_apart(body["input"][1])[0] != "Literal":
                return "any"
        elif not _is_one_of(name, _FUNCTIONS):
            return _innermost(body["function"]).lower()
    return next((found for one in _inputs(kind, body) if (found := other_rows(one)) is not None), None)


def columns_of(tree: Tree) -> list[str]:
    """Return the columns that a tree names, each once, in the order of their first appearance."""
    return list(dict.fromkeys(body for kind, body in _nodes(tree) if kind == "Column"))


def only_compares(tree: Tree) -> bool:
    """Return whether columns are only compared with constants or each other, so that no type is too narrow for it."""
    kind, body = _taken_apart(tree)
    inputs = _inputs(kind, body)
    if _compares(kind, body) or _looks_up(kind, body):
        return all(_taken_apart(one)[0] in ("Column", "Literal") for one in inputs)
    connects = (
        kind == "Cast"  # of a comparison, which NOT makes sure is one
        or (kind == "BinaryExpr" and body["op"] in _CONNECTIVES)
        or (kind == "Function" and _function(body) == "Boolean.Not")
    )
    return connects and all(map(only_compares, inputs))


def conjuncts(tree: Tree) -> Iterator[Tree]:
    """Yield the trees that a tree is the AND of."""
    kind, body = _taken_apart(tree)
    if kind == "BinaryExpr" and body["op"] == "And":
        yield from conjuncts(body["left"])
        yield from conjuncts(body["right"])
    else:
        yield tree


def bounds(tree: Tree) -> list[tuple[int, Tree]]:
    """Return a comparison of a column with a constant as bounds: none if it is none, two for an equality.

    Returns
    -------
    list of tuple of int and tree
        1 and the tree of a bound from below, -1 and that of one from above.

    Examples
    --------
    >>> [sign for sign, _ in bounds(tree_of(pl.sql_expr("12 >= latency")))]
    [-1]
    """
    kind, body = _taken_apart(tree)
    operator = _operator(kind, body)
    sides = [_taken_apart(side)[0] for side in _inputs(kind, body)]
    if sorted(sides) != ["Column", "Literal"]:
        return []
    side = 1 if sides[0] == "Column" else -1
    if operator == "Eq":
        return [(side, _with_operator(kind, body, "GtEq")), (-side, _with_operator(kind, body, "LtEq"))]
    sign = {"Gt": 1, "GtEq": 1, "Lt": -1, "LtEq": -1}.get(operator)
    return [] if sign is None else [(side * sign, tree)]


def constant_of(tree: Tree) -> float | None:
    """Return the number that a column is compared with; None if the tree is no such comparison.

    Examples
    --------
    >>> constant_of(tree_of(pl.sql_expr("12 >= latency"))), constant_of(tree_of(pl.sql_expr("sed > n_skip")))
    (12.0, None)
    """
    if not bounds(tree):
        return None
    literal = next(side for side in _inputs(*_taken_apart(tree)) if _taken_apart(side)[0] == "Literal")
    value = pl.select(expression_of(literal)).item()
    return float(value) if isinstance(value, int | float | Decimal) else None


def _with_operator(kind: str, body: Body, operator: str) -> Tree:
    changed = {"op": operator} if kind == "BinaryExpr" else {"function": {"Sql": {"Binary": operator}}}
    return {kind: {**body, **changed}}


def compared_texts(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield each column that is said to be a text, or not to be, and the text."""
    for kind, body in _nodes(tree):
        equals = _operator(kind, body) in _EQUALITIES
        sides = _inputs(kind, body) if equals or _looks_up(kind, body) else []
        columns = [name for k, name in map(_taken_apart, sides) if k == "Column"]
        for literal in (one for one in sides if _taken_apart(one)[0] == "Literal" and columns):
            values = pl.select(expression_of(literal)).to_series()
            values = values.explode() if values.dtype == pl.List else values
            if values.dtype == pl.String:
                yield from ((columns[0], text) for text in values.drop_nulls())


def without_wrapping(tree: Tree, schema: Mapping[str, pl.DataType]) -> Tree:
    """Return the tree with integers computed in 128 bits, in floats where these may not do; powers always in floats."""
    dtype_of = _types(schema)

    def replace(kind: str, body: Body) -> Tree | None:
        name = _operator(kind, body)
        if name not in _ARITHMETIC and not name.startswith("Pow."):
            return None
        node = {kind: body}
        wide = pl.Float64 if name.startswith("Pow.") or _bits(node, schema) > _MOST_BITS else pl.Int128
        inputs = [
            tree_of(expression_of(one).cast(wide)) if dtype_of(one).is_integer() else one for one in _inputs(kind, body)
        ]
        return _with_inputs(kind, body, inputs)

    return _rewritten(tree, replace)


def _bits(tree: Tree, schema: Mapping[str, pl.DataType]) -> int:
    """Return how many bits an integer may need at most."""
    kind, body = _taken_apart(tree)
    if kind == "Column":
        return next((dtype.bits for dtype in DTYPES.values() if schema[body] == dtype.polars), 63)
    if kind == "Literal":
        value = pl.select(expression_of(tree)).item()
        return value.bit_length() if isinstance(value, int) else 63
    inside = [_bits(one, schema) for one in _inputs(kind, body)] or [63]
    name = _operator(kind, body)
    return sum(inside) if name in ("Multiply", "Mul") else max(inside) + (name in ("Plus", "Minus"))


def with_nan_as_null(tree: Tree, schema: Mapping[str, pl.DataType]) -> Tree:
    """Return the tree with null in place of every NaN: of columns, and of what is compared, looked up or asked for.

    polars holds NaN to be equal to itself and greater than all numbers; to a condition it is no value. A number that
    is compared with single-precision values is rounded as they are, however the comparison is written.
    """
    dtype_of = _types(schema)

    def guard(side: Tree) -> Tree:
        value = expression_of(side)
        return tree_of(pl.when(value.is_not_nan()).then(value))

    columns = {name: guard({"Column": name}) for name, dtype in schema.items() if dtype.is_float()}

    def guarded(side: Tree) -> Tree:
        known = _taken_apart(side)[0] == "Literal" or side in columns.values()
        return side if known or not dtype_of(side).is_float() else guard(side)

    def replace(kind: str, body: Body) -> Tree | None:
        if kind == "Column":
            return columns.get(body)
        if not _compares(kind, body) and not _looks_up(kind, body):
            return None
        sides = [guarded(one) for one in _inputs(kind, body)]
        if _compares(kind, body) and any(dtype_of(one) == pl.Float32 for one in sides):
            sides = [_as_single(one) for one in sides]
        return _with_inputs(kind, body, sides)

    return _rewritten(tree, replace)


def _as_single(side: Tree) -> Tree:
    kind, body = _taken_apart(side)
    is_decimal = kind == "Literal" and "'Decimal'" in str(body)
    return tree_of(expression_of(side).cast(pl.Float32)) if is_decimal else side


def _types(schema: Mapping[str, pl.DataType]) -> Callable[[Tree], pl.DataType]:
    """Return what tells the type of an expression over columns of a schema."""
    empty = pl.DataFrame(schema=schema)
    return lambda tree: empty.select(expression_of(tree)).dtypes[0]


def _rewritten(tree: Tree, replace: Callable[[str, Body], Tree | None]) -> Tree:
    """Return a tree with nodes replaced, from the leaves on; what stands in for one is not looked at again."""
    kind, body = _taken_apart(tree)
    inputs = [_rewritten(one, replace) for one in _inputs(kind, body)]
    again = _with_inputs(kind, body, inputs)
    replaced = replace(kind, again[kind])
    return again if replaced is None else replaced


def _inputs(kind: str, body: Body) -> list[Tree]:
    """Return the nodes that a node is made of."""
    found = [body[key] for key in _INPUTS.get(kind, ())]
    return found[0] if kind == "Function" else found


def _with_inputs(kind: str, body: Body, inputs: list[Tree]) -> Tree:
    """Return a node made of other nodes."""
    if kind == "Function":
        return {kind: {**body, "input": inputs}}
    return {kind: {**body, **dict(zip(_INPUTS[kind], inputs, strict=True))} if inputs else body}


def _nodes(tree: Tree) -> Iterator[tuple[str, Body]]:
    kind, body = _taken_apart(tree)
    yield kind, body
    for one in _inputs(kind, body):
        yield from _nodes(one)


def _taken_apart(tree: Tree) -> tuple[str, Body]:
    """Return the kind of a node and its body."""
    if isinstance(tree, str):
        return tree, None
    ((kind, body),) = tree.items()
    return kind, body


def _function(body: Body) -> str:
    """Return the name of a function with its families before it, as in ``Sql.Binary.Rem``."""
    names, rest = [], body["function"]
    while isinstance(rest, dict) and rest:
        names.append(next(iter(rest)))
        rest = rest[names[-1]]
    return ".".join([*names, rest] if isinstance(rest, str) else names)


def _operator(kind: str, body: Body) -> str:
    name: str = body["op"] if kind == "BinaryExpr" else _function(body) if kind == "Function" else ""
    return name.removeprefix("Sql.Binary.")


def _compares(kind: str, body: Body) -> bool:
    return _operator(kind, body) in _COMPARISONS


def _looks_up(kind: str, body: Body) -> bool:
    return kind == "Function" and _is_one_of(_function(body), (*_MEMBERSHIP, *_ABSENCE))


def _is_one_of(name: str, known: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in known)


def _innermost(tree: Tree) -> str:
    """Return the name that tells most about a node: ``Max`` of an aggregation, ``Quantile`` of a function."""
    kind, body = _taken_apart(tree)
    deeper = kind in ("Agg", "StringExpr", "Boolean", "ListExpr", "Sql", "TemporalExpr")
    return _innermost(next(iter(body)) if isinstance(body, dict) else body) if deeper else kind
