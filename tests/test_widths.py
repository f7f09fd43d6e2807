"""The spaces of widths, NATS-Bench's size space and TransNAS-Bench-101's networks: written, read, scored, costed."""

from __future__ import annotations

import math
from itertools import product
from random import Random

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)


def test_every_architecture_of_sss():
    space = ss.space("sss")
    widths = list(product(WIDTHS, repeat=5))
    archs = [":".join(map(str, row)) for row in widths]
    assert space.arch(range(space.size)).tolist() == archs
    assert space.parse(archs).tolist() == list(range(space.size))
    values = ss.score(space)
    exact = [int(np.prod(row, dtype=np.int64)) for row in widths]
    assert np.allclose(values, np.log2(np.array(exact, float)), rtol=1e-6)
    keys = ss.known_scores(space)["sed"].at(space, space.digits(range(space.size)))
    order = np.argsort(keys, kind="stable")
    assert (np.diff(np.array(exact)[order]) >= 0).all()  # ranked as the exact products, ties and all
    assert len(np.unique(keys)) == len(set(exact))
    assert ss.top_k(space, 1)["arch"].item() == "64:64:64:64:64"
    for index in Random(3).sample(range(space.size), 40):
        for dataset, suffix in (("cifar10", ""), ("cifar100", "_cifar100"), ("imagenet16", "_imagenet16")):
            layers = naive.sss_layers(widths[index], dataset)
            assert ss.score(space, f"params{suffix}", index, index + 1).item() == sum(size for size, _ in layers)
            macs = sum(size * pixels for size, pixels in layers)
            assert ss.score(space, f"macs{suffix}", index, index + 1).item() == macs


def test_exact_answers_about_sss():
    params, sed = ss.score("sss", "params"), ss.score("sss")
    kept = np.flatnonzero(params < 60_000)
    best = kept[np.lexsort((kept, -sed[kept]))][:30]
    assert ss.top_k("sss", 30, where="params < 60000")["index"].to_list() == best.tolist()
    front = ss.pareto("sss")
    assert front["params"].to_list() == sorted(front["params"].to_list(), reverse=True)
    for row in front.rows(named=True):
        assert not ((sed > row["sed"]) & (params <= row["params"])).any()
    assert ss.census("sss", ["channels"], by=None)["count"].sum() == 8**5


def test_sss_is_natsbenchs(shared):
    table = pl.read_parquet(shared / "benchmarks" / "nats_sss.parquet")
    assert ss.space("sss").parse(table["arch"]).tolist() == table["nats_index"].to_list()
    assert ss.score("sss", "params")[table["nats_index"].to_numpy()].tolist() == table["params_cifar10"].to_list()


def test_every_network_of_transnas_macro():
    space = ss.space("transnas_macro")
    codes = [
        "".join(modules)
        for n in (4, 5, 6)
        for modules in product("1234", repeat=n)
        if 1 <= sum(m in "34" for m in modules) <= 4 and 1 <= sum(m in "24" for m in modules) <= 3
    ]
    assert len(codes) == space.size == 3256
    archs = [f"64-{code}-basic" for code in codes]
    assert space.arch(range(space.size)).tolist() == archs
    assert space.parse(archs).tolist() == list(range(space.size))
    expected = []
    for code in codes:
        channels, total = 64, 0
        for module in code:
            channels *= 2 if module in "24" else 1
            total += math.log2(channels)
        expected.append(total)
    assert ss.score(space).tolist() == expected


@pytest.mark.parametrize(
    ("space", "arch", "message"),
    [
        ("sss", "8:8:8:8", "expected 5 widths such as"),
        ("sss", "8:8:12:8:8", "stage 3 is '12', expected one of 8, 16"),
        ("sss", 8, "expected 5 widths"),
        ("transnas_macro", "64-123-basic", "modules '123', expected four to six"),
        ("transnas_macro", "64-1111-basic", "modules '1111'"),
        ("transnas_macro", "1234", "expected 64-<modules>-basic"),
    ],
)
def test_malformed_archs_of_sizes(space, arch, message):
    with pytest.raises(ss.BadInput, match=message):
        ss.space(space).parse([arch])
