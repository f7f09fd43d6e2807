"""Architectures as other libraries have them, one by one and many, as objects and as text."""

from __future__ import annotations

import itertools
from collections import namedtuple
from random import Random
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")
LEAN = ss.restrict("tss", ss.Forbidden({"0->1": "none"}))


def test_operation_indices_of_naslib():
    space = ss.space("tss")
    every = list(itertools.product(range(5), repeat=6))
    expected = [space.parse(naive.naslib_arch(codes)) for codes in every]
    assert sorted(expected) == list(range(space.size))
    assert space.parse(every).tolist() == space.parse(np.array(every)).tolist() == expected
    assert space.parse([str(codes) for codes in every]).tolist() == expected
    one = (4, 0, 3, 1, 4, 3)
    for form in (one, list(one), np.array(one), str(one), str(list(one)), f" {one} "):
        assert space.parse(form) == space.parse(naive.naslib_arch(one))
    assert ss.architecture("tss", str(one)).index == space.parse(one)
    assert str(one) in space
    assert LEAN.arch(LEAN.parse(one)) == naive.naslib_arch(one)


def test_channels_of_naslib():
    space = ss.space("sss")
    assert space.parse((8, 64, 16, 8, 24)) == space.parse("[8, 64, 16, 8, 24]") == space.parse("8:64:16:8:24")


def genotypes(index):
    """A genotype as text, as an object with lists and with ranges, and as NASLib's tuples."""
    text = ss.space("darts").arch(index)
    made = eval(text, {"Genotype": Genotype})
    concat = range(2, 6)
    bare = tuple(tuple((source, naive_code(name)) for name, source in cell) for cell in (made.normal, made.reduce))
    nodes = tuple(tuple((cell[2 * node], cell[2 * node + 1]) for node in range(4)) for cell in bare)
    return [
        text,
        made,
        made._replace(normal_concat=concat, reduce_concat=concat),
        SimpleNamespace(normal=made.normal, reduce=made.reduce),
        str(made._replace(normal_concat=concat, reduce_concat=concat)),
        bare,
        str(bare),
        nodes,
    ]


def naive_code(name):
    return list(naive.DARTS).index(name)


def test_genotypes():
    space = ss.space("darts")
    for index in (0, space.size - 1, *(Random(0).randrange(space.size) for _ in range(20))):
        forms = genotypes(index)
        assert [space.parse(form) for form in forms] == [index] * len(forms)
        assert space.parse(forms).tolist() == [index] * len(forms)
        assert space.parse(forms[5:7]).tolist() == [index] * 2  # two architectures, not two cells


def test_tuples_and_specifications_of_nb101():
    space = ss.space("nb101")
    for index in (0, *Random(0).sample(range(space.size), 50)):
        matrix, names = space.matrix(index)
        written = naive.naslib_nb101(matrix, names)
        spec = {"matrix": np.array(matrix), "ops": names}
        assert [space.parse(form) for form in (written, str(written), spec)] == [index] * 3
        assert space.parse([spec, written]).tolist() == [index] * 2


@pytest.mark.parametrize(
    ("space", "arch", "message"),
    [
        ("tss", (4, 0, 3, 1, 4), r"\(4, 0, 3, 1, 4\) is not of tss: .* NASLib's indices of operations, 6 from 0 to 4"),
        ("tss", "(4, 0, 3, 1, 4, 5)", r"\(4, 0, 3, 1, 4, 5\) is not of tss: expected NASLib's"),
        ("tss5", (0,) * 10, "is not of tss5: expected an arch string: NASLib's indices of operations are those of tss"),
        ("transnas_micro", (0, 1, 2, 3, 0, 1), "is ambiguous: versions of NASLib differ in what the integers mean"),
        ("sss", (8, 9, 8, 8, 8), "stage 2 is '9', expected one of 8, 16"),
        ("nb101", (0, 1, 2), "3 integers are no cell of nb101: expected n \\* n of a matrix and n codes"),
        ("nb101", (0, 1, 0, 0, 0, 7), "6 integers are no cell of nb101: .* 0 to 4"),
        ("nb101", {"matrix": [[0, 1], [0, 0]]}, "with the keys matrix: expected matrix, ops"),
        ("darts", SimpleNamespace(normal=[], reduce=[]), "the normal cell is not a list of 8 edges"),
        ("darts", Genotype([], [2, 3], [], [2, 3]), r"normal_concat is \[2, 3\], expected \[2, 3, 4, 5\]"),
        ("fbnet", (1, 2), r"arch \(1, 2\) is not of fbnet: expected a string such as"),
    ],
)  # fmt: skip
def test_what_is_no_architecture_is_refused_in_one_line(space, arch, message):
    with pytest.raises(ss.BadInput, match=message) as refused:
        ss.space(space).parse(arch)
    assert "\n" not in str(refused.value)
    with pytest.raises(ss.BadInput, match="row 1: "):
        ss.space(space).parse([ss.space(space).arch(0), arch])


def test_indices_of_nats_bench(tmp_path):
    space, random = ss.space("tss"), Random(0)
    order = random.sample(range(space.size), 50)
    table = pl.DataFrame({"nats_index": range(50), "arch": [space.arch(index) for index in order]})
    table.write_csv(tmp_path / "archs.csv")
    assert ss.nats_indices("tss", table) == ss.nats_indices(space, tmp_path / "archs.csv") == dict(enumerate(order))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop("nats_index"), "no column nats_index of integers: it has arch"),
        (lambda table: table.drop("arch"), "no column arch: it has nats_index; ss.nats_indices says what"),
        (lambda table: table.with_columns(nats_index=pl.lit("a")), "no column nats_index of integers"),
        (lambda table: table.with_columns(nats_index=pl.lit(3)), "nats_index 3 of 2 rows, expected a different one"),
        (lambda table: table.with_columns(nats_index=pl.lit(None, pl.Int64)), "nats_index None of 2 rows"),
        (lambda table: pl.concat([table, table]), "architecture 5 stands in the table 2 times"),
        (lambda table: table.with_columns(arch=pl.lit("x")), "row 0: arch 'x' describes"),
    ],
)
def test_bad_tables_of_indices(change, message):
    space = ss.space("tss")
    table = pl.DataFrame({"nats_index": [0, 1], "arch": [space.arch(5), space.arch(7)]})
    with pytest.raises(ss.BadInput, match=message):
        ss.nats_indices(space, change(table))
