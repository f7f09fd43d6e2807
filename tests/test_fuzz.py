"""Whatever comes in: an answer that keeps its promises, or one line that says what is wrong. Never anything else.

The same inputs every time. CI looks at many more of them: ``pytest tests/test_fuzz.py --hypothesis-profile fuzz``.
"""

from __future__ import annotations

import contextlib
import copy
import json
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sedspace as ss
from sedspace.runs.manifest import manifest_sha256
from sedspace.scores.vocabulary import condition_on
from sedspace.tables import read_table

SPACES = ["tss", "tss5", "sss", "darts", "nb101", "transnas_micro", "transnas_macro"]
TSS = ss.space("tss")
fixed = settings(derandomize=True)


@contextlib.contextmanager
def one_line():
    """Let pass what works, and errors that are meant for people."""
    said = "fine"
    try:
        yield
    except ss.SedspaceError as error:
        said = str(error)
    assert 0 < len(said) < 5000
    assert "\n" not in said


@st.composite
def damaged(draw, texts):
    """Draw a text and cut, double, or replace a part of it."""
    text = draw(texts)
    lo, hi = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    return draw(st.sampled_from([text, text[:lo] + text[hi:], text[:hi] + text[lo:]])) + draw(
        st.sampled_from(["", "", "", "|", ")", "~0", "\x00", "é", " ", "9" * 40, "\udcff"])
    )


# -- architectures -----------------------------------------------------------------------------------------------------


@fixed
@given(st.sampled_from(SPACES), st.data())
def test_parse(name, data):
    space = ss.space(name)
    archs = st.builds(space.arch, st.integers(0, space.size - 1))
    arch = data.draw(st.one_of(damaged(archs), st.text(max_size=30), st.integers(), st.none()))
    with one_line():
        index = space.parse(arch)
        if isinstance(index, int):
            assert space.parse(space.arch(index)) == index
    assert isinstance(arch in space, bool)


numbers = st.one_of(st.integers(-3, 300), st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=3))
DTYPES = ["int8", "uint8", "int64", "uint64", "float32", "float64", "bool", "object", "U3", "M8[s]", "c16"]


@fixed
@given(st.sampled_from(SPACES), st.data())
def test_digits_and_indices(name, data):
    space = ss.space(name)
    given_ = data.draw(st.one_of(numbers, st.lists(st.one_of(numbers, st.lists(numbers, max_size=8)), max_size=8)))
    if data.draw(st.booleans()):
        with contextlib.suppress(Exception):  # not every list is an array of every type
            given_ = np.array(given_, data.draw(st.sampled_from(DTYPES)))
    with one_line():
        digits = space.digits(given_)
        assert np.array_equal(np.asarray(space.index(digits), object), np.asarray(given_, object))
    with one_line():
        index = space.index(given_)
        assert np.array_equal(space.digits(index), np.asarray(given_).astype(np.int64))
    with one_line():
        space.arch(given_)
    with one_line():
        ss.score(space, "sed", indices=given_)


# -- conditions and queries --------------------------------------------------------------------------------------------

COLUMNS = ["n_skip", "params", "sed", "macs", "n_none", "depth", "index", '"0->3"', "arch", "nothing", "half"]
LITERALS = [
    "0",
    "1",
    "2.5",
    "-3",
    "1e6",
    "'none'",
    "'skip_connect'",
    "NULL",
    "TRUE",
    "300",
    "9223372036854775807",
    "''",
]
FUNCTIONS = [
    "abs",
    "POW",
    "sqrt",
    "ln",
    "max",
    "`sum`",
    "greatest",
    "length",
    "round",
    "count",
    "coalesce",
    "upper",
    "f",
]
OPERATORS = ["+", "-", "*", "/", "%", "//", "<", "<=", "=", "<>", ">", "AND", "OR", "||", "IS", "LIKE", "&", "<=>"]


def expressions():
    """Draw what mostly is an expression in SQL."""
    leaves = st.sampled_from([*COLUMNS, *LITERALS])

    def deeper(inner):
        return st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
            st.builds("{} {} {}".format, inner, st.sampled_from(OPERATORS), inner),
            st.builds("{} ({}, {})".format, st.sampled_from(FUNCTIONS), inner, inner),
            st.builds("{}({})".format, st.sampled_from(FUNCTIONS), inner),
            st.builds("NOT {}".format, inner),
            st.builds("-{}".format, inner),
            st.builds("{} BETWEEN {} AND {}".format, inner, inner, inner),
            st.builds("CASE WHEN {} THEN {} ELSE {} END".format, inner, inner, inner),
            st.builds("{} IN ({}, {})".format, inner, inner, inner),
            st.builds("CAST({} AS {})".format, inner, st.sampled_from(["INT", "DOUBLE", "TINYINT", "BOOLEAN", "DATE"])),
            st.builds("{} OVER (PARTITION BY {})".format, inner, inner),
        )

    return st.recursive(leaves, deeper, max_leaves=6)


@fixed
@given(st.one_of(expressions(), damaged(expressions()), st.text(max_size=20)))
def test_conditions_are_about_single_rows(where):
    half = ss.AdditiveScore("half", {"n": "n_skip"}, lambda n: np.where(n == 0, np.nan, n / 2), dtype="float64")
    indices = np.array([0, 3, 11668, 8543, 15624, 6])
    with one_line():
        condition, needed = condition_on(TSS, where, {"half": half})
        digits = TSS.digits(indices)
        values = {name: score.values(score.at(TSS, digits)) for name, score in needed.items()}
        values |= {"index": indices, "arch": TSS.arch(indices)}
        together = condition.holds(values)
        alone = [condition.holds({n: v[i : i + 1] for n, v in values.items()})[0] for i in range(len(indices))]
        assert together.dtype == bool
        assert together.tolist() == alone
        assert condition.holds({n: v[::-1] for n, v in values.items()})[::-1].tolist() == alone


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a small run."""
    path = tmp_path_factory.mktemp("runs") / "run"
    return ss.enumerate_space("tss", path, stop=300, shard_rows=100, progress=False)


@fixed
@given(st.builds("SELECT {} FROM archs WHERE {}".format, expressions(), expressions()), st.booleans())
def test_queries(run, statement, broken):
    with one_line():
        assert isinstance(run.sql(statement[: len(statement) // 2] if broken else statement), pl.DataFrame)


# -- manifests ---------------------------------------------------------------------------------------------------------

values_of_json = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2**70), st.floats(), st.text(max_size=8), st.just([]), st.just({}),
    st.sampled_from(["../x.parquet", "/etc/passwd", "tss5", "x.toml", "part-00000-of-00003.parquet", [3], {"a": 1}]),
)  # fmt: skip


def places(node, path=()):
    """Yield the way to every value of a document."""
    yield path
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(inner, (*path, key))


@st.composite
def altered(draw, document):
    """Draw a document with some values replaced, or left out."""
    out = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([path for path in places(out) if path]))
        node = out
        for key in way:
            node = node[key]
        if draw(st.booleans()):
            node[last] = draw(values_of_json)
        else:
            del node[last]
    return out


@fixed
@given(st.data())
def test_manifests(run, data):
    manifest = json.loads((run.path / "manifest.json").read_text())
    manifest = data.draw(altered(manifest))
    if data.draw(st.booleans()):  # as somebody does who knows of it
        manifest["manifest_sha256"] = manifest_sha256(manifest)
    text = json.dumps(manifest)
    if data.draw(st.booleans()):
        text = data.draw(damaged(st.just(text)))
    with tempfile.TemporaryDirectory() as directory:
        for file in run.files():
            (Path(directory) / file.name).symlink_to(file)
        (Path(directory) / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
        with one_line():
            opened = ss.open_run(directory)
            opened.verify()
            with one_line():
                expected = run.top(3, opened.request.columns[0].name)
                assert opened.top(3, opened.request.columns[0].name)["index"].to_list() == expected["index"].to_list()


# -- definitions and tables --------------------------------------------------------------------------------------------

DEFINITION = {
    "name": "mine",
    "nodes": 4,
    "operations": [{"name": "none", "kind": "none"}, {"name": "conv", "kind": "conv", "kernel": 5, "dilation": 2}],
    "skeleton": {"widths": [16, 32], "cells": 2, "side": 32, "classes": 10, "dataset": "mine"},
}


def toml(document):
    """Return a definition as TOML, as far as it can be written: the rest is what it is in Python, which is none."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in document.items() if key not in ("operations", "skeleton")]
    for one in document.get("operations") or [] if isinstance(document.get("operations"), list) else []:
        lines += (
            ["[[operations]]", *(f"{k} = {json.dumps(v)}" for k, v in one.items())] if isinstance(one, dict) else []
        )
    if isinstance(skeleton := document.get("skeleton"), dict):
        lines += ["[skeleton]", *(f"{key} = {json.dumps(value)}" for key, value in skeleton.items())]
    return "\n".join(lines)


@fixed
@given(altered(DEFINITION), st.booleans(), st.data())
def test_definitions(document, as_file, data):
    with one_line():
        if as_file:
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / "mine.toml"
                path.write_bytes(data.draw(damaged(st.just(toml(document)))).encode(errors="surrogateescape"))
                space = ss.read_space(path)
        else:
            space = ss.cell_space(**{"name": "mine", "nodes": 3, "operations": [], **document})
        assert space.parse(space.arch(space.size - 1)) == space.size - 1
        assert ss.score(space, "sed", space.size - 1).shape == (1,)


def test_the_definition_that_is_altered_is_one():
    assert ss.cell_space(**DEFINITION).size == 2**6
    assert tomllib.loads(toml(DEFINITION)) == DEFINITION


cells = st.one_of(st.integers(-2, 2**66), st.floats(), st.text(max_size=5), st.none(), st.sampled_from(list(TSS[:3])))


@fixed
@given(st.data())
def test_tables(run, data):
    names = data.draw(st.lists(st.sampled_from(["arch", "index", "accuracy", "", "sed"]), max_size=4))
    rows = data.draw(st.lists(st.lists(cells, min_size=len(names), max_size=len(names)), max_size=4))
    text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in [names, *rows])
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.csv"
        path.write_bytes(data.draw(damaged(st.just(text))).encode(errors="surrogateescape"))
        with one_line():
            matched = run.join(read_table(path))
            assert len(matched.frame) + matched.only_in_run == run.rows


@fixed
@given(st.data())
def test_parquet_tables(run, data):
    frame = pl.DataFrame({"index": [3, 5], "accuracy": [1.0, 2.0], "arch": list(TSS[:2])})
    columns = data.draw(st.lists(st.sampled_from(frame.columns), unique=True))
    dtype = data.draw(st.sampled_from([pl.Int8, pl.UInt64, pl.Float32, pl.String, pl.Boolean, pl.Int128]))
    with tempfile.TemporaryDirectory() as directory, one_line():
        path = Path(directory) / "table.parquet"
        frame = frame.select(columns)
        with contextlib.suppress(pl.exceptions.PolarsError):  # not every column can be of every type
            frame = frame.cast(dtype, strict=False)
        frame.write_parquet(path)
        content = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
        run.join(read_table(path))
        ss.fit_costs("tss", path, "accuracy")
