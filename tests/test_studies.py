"""Studies of proxies: reproducible, continued, on a user's images, from a run; and what they refuse."""

from __future__ import annotations

import json
import sys
from unittest import mock

import numpy as np
import polars as pl
import pytest
import torch
from click.testing import CliRunner

import sedspace as ss
from sedspace.cli import cli
from sedspace.report import by_architecture, summary, write_report
from sedspace.spaces.skeleton import Skeleton
from sedspace.studies import SCHEMA, Row, crosscheck, read_study
from sedspace.studies.images import Batches
from sedspace.studies.proxies import known_proxies, proxy
from sedspace.studies.proxies.base import REGISTERED
from toy import small_tss

pytestmark = pytest.mark.usefixtures("one_torch_thread")

CELLS = small_tss()
OPTIONS = {"batch": 4, "progress": False, "seed": 7}


@pytest.fixture(autouse=True)
def _own_proxies():
    with mock.patch.dict(REGISTERED):
        yield


def test_a_study_is_continued_and_reproducible(tmp_path):
    out = tmp_path / "check.parquet"
    few = crosscheck(CELLS, [11_668, 0], ["snip", "zen"], out, **OPTIONS)
    assert dict(few.rows.schema) == SCHEMA
    assert few.rows["proxy"].to_list() == ["snip", "zen", "snip", "zen"]
    dead = few.rows.row(1, named=True)
    assert (dead["index"], dead["value"]) == (0, None)
    assert "dead cell" in dead["reason"]
    assert few.rows.select("device", "dtype", "batch", "seed").unique().rows() == [("cpu", "float32", 4, 7)]
    more = crosscheck(CELLS, [11_667, 11_668, 0], ["snip", "zen", "naswot"], out, repeats=2, **OPTIONS)
    assert len(more.rows) == 18
    kept = more.rows.join(few.rows, on=["index", "proxy", "repeat"], how="semi")
    assert kept.equals(few.rows)  # the times, too: they were not taken again
    alone = crosscheck(CELLS, [11_667], ["naswot"], repeats=2, **OPTIONS).rows
    again = more.rows.filter(index=11_667, proxy="naswot")
    assert alone["value"].to_list() == again["value"].to_list()
    assert alone["value"].n_unique() == 2
    there = read_study(out)
    assert there.rows.equals(more.rows)
    assert there.setting.space["name"] == "small"
    assert min(there.sed_seconds.whole, there.sed_seconds.alone) > 0
    sed = ss.score(CELLS)
    assert more.rows["sed"].to_list() == sed[more.rows["index"].to_numpy()].tolist()


def test_what_does_not_belong_together_is_not_mixed(tmp_path):
    out = tmp_path / "check.parquet"
    crosscheck("tss", [1], ["l2_norm"], out, **OPTIONS)
    before = out.read_bytes()
    with pytest.raises(ss.BadInput, match="holds another study: its batch is 4, the request's 5"):
        crosscheck("tss", [5], ["snip"], out, **{**OPTIONS, "batch": 5})
    with pytest.raises(ss.BadInput, match="holds another study: its space is 'tss', the request's 'tss3'"):
        crosscheck("tss3", [5], ["snip"], out, **OPTIONS)
    with pytest.raises(ss.BadInput, match="its dataset is 'cifar10', the request's 'cifar100'"):
        crosscheck("tss", [5], ["snip"], out, dataset="cifar100", **OPTIONS)
    assert out.read_bytes() == before
    (tmp_path / "other.parquet").write_bytes(b"PAR1")
    with pytest.raises(ss.BadInput, match="is no study"):
        crosscheck("tss", [5], ["snip"], tmp_path / "other.parquet", **OPTIONS)
    pl.DataFrame({"index": [1]}).write_parquet(tmp_path / "table.parquet")
    with pytest.raises(ss.BadInput, match=r"is no study, or damaged: expected a file that `sedspace crosscheck` wrote"):
        crosscheck("tss", [5], ["snip"], tmp_path / "table.parquet", **OPTIONS)
    with pytest.raises(ss.BadInput, match="no proxies"):
        crosscheck("tss", [5], [], **OPTIONS)


def test_indices_of_any_size(tmp_path):
    out, indices = tmp_path / "check.parquet", [2**64 + 5, 3, 2**63]
    study = crosscheck("tss8", indices, ["l2_norm"], out, **OPTIONS)
    assert study.rows["index"].to_list() == sorted(indices)
    assert study.rows["arch"].to_list() == ss.space("tss8").arch(sorted(indices)).tolist()
    assert read_study(out).rows.equals(study.rows)
    assert read_study(out).rows.schema["index"] == pl.Int128
    assert crosscheck("tss8", indices[:2], ["l2_norm", "params"], out, **OPTIONS).rows.height == 5
    pytest.importorskip("sklearn")
    write_report(read_study(out), tmp_path / "report")
    page = (tmp_path / "report" / "report.md").read_text()
    assert "3 of the 37,252,902,984,619,140,625 architectures" in page
    assert "They are: 3 by index; 2 by index." in page


TRANSFORMERS = """
kind = "layers"
name = "small"
title = "small transformers"
classes = 3
embedding = { kind = "patches", side = 6, patch = 3 }
layer = { head_width = 2, ratio = 2 }
choices = [{ width = [4, 6] }, { depth = [1, 2] }, { per = "layer", heads = [1, 2] }]
"""


def test_spaces_without_sed(tmp_path):
    (tmp_path / "small.toml").write_text(TRANSFORMERS)
    out = tmp_path / "check.parquet"
    command = ["crosscheck", str(tmp_path / "small.toml"), "--proxies", "dss,synflow,naswot", "--batch", "4"]
    said = CliRunner().invoke(cli, [*command, "--sample", "10", "--out", str(out), "--json"])
    assert said.exit_code == 0, said.output
    assert {one["spearman_with_sed"] for one in json.loads(said.stdout)} == {None}
    study = read_study(out)
    assert study.rows["sed"].null_count() == study.rows.height == 30
    assert study.sed_seconds is None
    with pytest.raises(ss.BadInput, match="small has no SED"):
        study.seconds_of_sed()
    wide = by_architecture(study)
    assert wide.columns == ["index", "arch", "params", "macs", "dss", "naswot", "synflow"]
    archs = wide.select("arch", accuracy=pl.col("params") / 10)
    archs.write_parquet(tmp_path / "table.parquet")
    pytest.importorskip("sklearn")
    write_report(study, tmp_path / "report", tmp_path / "table.parquet")
    page = (tmp_path / "report" / "report.md").read_text()
    assert "#params beside 3 zero-cost proxies" in page
    assert "patterns are of ReLUs, and the network has GELU" in page
    assert "SED, alone" not in page
    with pytest.raises(ss.BadInput, match="proxies need networks of images"):
        crosscheck("flexibert", [5], ["dss"], **OPTIONS)


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert crosscheck("tss3", [1], ["params"], device="auto", **OPTIONS).setting.device == "cpu"
    with pytest.raises(ss.BadInput, match="device 'cuda': torch finds no CUDA device here"):
        crosscheck("tss3", [1], ["params"], device="cuda", **OPTIONS)


def test_a_repeat_has_one_batch_for_all_architectures_and_every_value_its_own_network():
    seen = []

    @proxy("spy")
    def spy(network, batch, loss):
        seen.append(
            (float(batch.images.sum()), batch.labels.tolist(), float(next(network.parameters()).detach().sum()))
        )
        return 1.0

    crosscheck("tss", [28, 30], ["spy"], repeats=2, **OPTIONS)
    images, labels, weights = zip(*seen[1:], strict=True)  # the first is to warm up
    assert images[0] == images[1] != images[2] == images[3]
    assert labels[0] == labels[1]
    assert len(set(weights)) == 4
    first = images[0]
    crosscheck("tss3", [8], ["spy"], **{**OPTIONS, "seed": 8})
    assert seen[-1][0] != first


def test_parts_of_aggregates_and_all_proxies():
    study = crosscheck(CELLS, [7], ["az_nas"], **OPTIONS)
    assert study.rows["proxy"].to_list() == ["az_expressivity", "az_progressivity", "az_trainability", "macs"]
    study = crosscheck(CELLS, [11_668], ["all"], **OPTIONS)
    assert set(study.rows["proxy"]) == set(known_proxies())
    assert study.less == ["ntk_cond"]


def test_proxies_that_fail(tmp_path):
    @proxy("greedy")
    def greedy(network, batch, loss):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10^15 bytes")

    @proxy("broken")
    def broken(network, batch, loss):
        return 1 / 0

    @proxy("infinite")
    def infinite(network, batch, loss):
        return float("inf")

    @proxy("leaves")
    def leaves(network, batch, loss):
        sys.exit(3)

    study = crosscheck("tss3", [8], ["greedy", "infinite", "l2_norm", "leaves"], **OPTIONS)
    ended = "raised RuntimeError: it ended with exit(3)"
    assert study.rows["reason"].to_list() == ["out of memory", "the value is inf", None, ended]
    assert summary(study)["undefined"].to_list() == [1, 1, 0, 1]
    out = tmp_path / "check.parquet"
    there = crosscheck("tss3", [8, 6], ["l2_norm", "broken"], out, **OPTIONS).rows
    assert there.filter(proxy="broken")["reason"].to_list() == ["raised ZeroDivisionError: division by zero"] * 2
    assert there.filter(proxy="l2_norm")["value"].null_count() == 0
    assert crosscheck("tss3", [8], ["broken"], out, **OPTIONS).rows.equals(there)  # not tried again
    for strict in (tmp_path / "strict.parquet", out):
        with pytest.raises(ss.RunError, match="proxy broken on tss3 8: ZeroDivisionError: division by zero"):
            crosscheck("tss3", [8], ["l2_norm", "broken"], strict, strict=True, **OPTIONS)
    assert read_study(out).rows.filter(proxy="l2_norm").equals(there.filter(proxy="l2_norm"))
    common = ("--sample", 2, "--batch", 2, "--out", tmp_path / "cli.parquet")
    told = run_cli("crosscheck", "tss3", "--proxies", "broken,params", *common)
    assert told.exit_code == 0, told.output
    said = "sedspace: broken raised ZeroDivisionError: division by zero (2 times; --strict ends there)"
    assert told.stderr.splitlines() == [said]


def test_values_are_kept_when_the_study_is_interrupted(tmp_path):
    out, calls = tmp_path / "check.parquet", []

    @proxy("interrupted")
    def interrupted(network, batch, loss):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        crosscheck("tss3", range(5, 10), ["interrupted"], out, **OPTIONS)
    assert len(read_study(out).rows) == 2  # the first call was to warm up
    assert len(crosscheck("tss3", range(5, 10), ["interrupted"], out, **OPTIONS).rows) == 5


def test_a_proxy_whose_code_has_changed_is_computed_anew(tmp_path, capsys):
    out = tmp_path / "check.parquet"

    def one(factor):
        @proxy("mine")
        def mine(network, batch, loss):
            return factor

        return crosscheck("tss3", [8, 9], ["mine", "params"], out, **OPTIONS).rows.filter(proxy="mine")

    first = one(1.0)
    assert one(1.0).equals(first)  # the times, too
    assert capsys.readouterr().err == ""
    assert one(2.0)["value"].to_list() == [2.0, 2.0]
    assert capsys.readouterr().err == "sedspace: the code of proxy mine has changed: its 2 values are dropped\n"
    there = read_study(out)
    assert there.rows.height == 4
    assert list(there.code) == ["mine"]
    assert crosscheck("tss3", [8], ["l2_norm"], out, **OPTIONS).code == there.code  # not asked for: as it was

    @proxy("l2_norm")
    def mine_instead(network, batch, loss):
        return -1.0

    assert crosscheck("tss3", [8], ["l2_norm"], out, **OPTIONS).rows.filter(proxy="l2_norm")["value"].item() == -1.0
    assert capsys.readouterr().err == "sedspace: the code of proxy l2_norm has changed: its 1 values are dropped\n"


def test_a_study_says_what_it_unites(tmp_path):
    out = tmp_path / "check.parquet"
    common = ("--proxies", "params", "--batch", 2, "--out", out)
    pl.DataFrame({"index": [5, 7]}).write_csv(tmp_path / "few.csv")
    drawn = ("--sample", 4, "--where", "n_skip > 0")
    for more in (drawn, drawn, ("--archs", tmp_path / "few.csv"), ("--sample", 4, "--stratify", "none")):
        told = run_cli("crosscheck", "tss3", *common, *more)
        assert told.exit_code == 0, told.output
    crosscheck("tss3", [1], ["params"], out, batch=2, progress=False)
    crosscheck("tss3", [1], ["params"], out, batch=2, progress=False)
    said = [
        "4 of tss3, seed 0, stratify sed, where n_skip > 0",
        f"2 of {tmp_path / 'few.csv'}",
        "4 of tss3, seed 0",
        "1 by index",
    ]
    assert list(map(str, read_study(out).samples)) == said
    before = out.read_bytes()
    told = run_cli("crosscheck", "tss3", *common, "--sample", 2, "--where", "n_skip > 0")
    assert isinstance(told.exception, ss.BadInput)
    expected = f"{out} holds a sample, {said[0]}: one of 2 is another draw, neither more nor part of it; expected --sa"
    assert str(told.exception).startswith(expected)
    assert out.read_bytes() == before


def test_values_that_are_there_are_another_sample_all_the_same(tmp_path):
    out = tmp_path / "check.parquet"
    crosscheck("tss3", [1, 2], ["params"], out, **OPTIONS)
    crosscheck("tss3", [2], ["params"], out, **OPTIONS)
    assert [sample.n for sample in read_study(out).samples] == [2, 1]


def test_ctrl_c_says_how_to_go_on(tmp_path):
    @proxy("interrupted")
    def interrupted(network, batch, loss):
        raise KeyboardInterrupt

    out = tmp_path / "check.parquet"
    told = run_cli("crosscheck", "tss3", "--sample", 2, "--batch", 2, "--proxies", "interrupted", "--out", out)
    assert told.exit_code == 130
    assert told.output == (
        f"sedspace: interrupted; what is done is kept in {out}, give the same command again to continue\n"
    )


def test_writing_takes_a_fiftieth_of_the_time(monkeypatch, tmp_path):
    from sedspace.storage import as_location
    from sedspace.studies import growing

    clock, saved = [0.0], []

    def write_study(path, whole):
        clock[0] += 0.01 * len(whole.rows)  # the longer the study, the longer it takes
        saved.append(clock[0])

    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr(growing, "write_study", write_study)
    few = crosscheck("tss3", [3], ["params"], **OPTIONS)
    (row,) = (Row(**one) for one in few.rows.to_dicts())
    grown = growing.Growing(few, as_location(tmp_path / "check.parquet"))
    for _ in range(3000):
        clock[0] += 1.0
        grown.add([row])
    assert 5 < len(saved) < 100
    assert clock[0] - 3000 < 0.03 * clock[0]  # the last one paid for by what comes after it
    assert saved[0] < 2.1


def test_one_writer_at_a_time(tmp_path):
    from sedspace.storage.lock import sole_writer

    out = tmp_path / "check.parquet"
    lock = sole_writer(out)
    with lock, pytest.raises(ss.RunError, match=r"check\.parquet is being written by process"):
        crosscheck("tss3", [1], ["params"], out, **OPTIONS)
    crosscheck("tss3", [1], ["params"], out, **OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["check.parquet"]


def test_what_there_was_no_memory_for_is_tried_again(tmp_path):
    memory = [MemoryError(), None]

    @proxy("hungry")
    def hungry(network, batch, loss):
        if memory[0] is not None:
            raise memory[0]
        return 3.0

    out = tmp_path / "check.parquet"
    assert crosscheck("tss3", [8], ["hungry"], out, **OPTIONS).rows["reason"].to_list() == ["out of memory"]
    memory.pop(0)
    assert crosscheck("tss3", [8], ["hungry"], out, **OPTIONS).rows["value"].to_list() == [3.0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": 2**63}, "seed 9223372036854775808: expected 0 or more and below 2"),
        ({"sample": 4}, r"sample 4: expected a sedspace\.studies\.Sample"),
        ({"out": "nowhere/check.parquet"}, "--out nowhere/check.parquet: there is no directory nowhere"),
        ({"space": "tss12", "indices": [5**60]}, "expected indices below 2.127"),
    ],
)
def test_bad_studies_are_refused_before_anything_is_computed(options, said):
    given = {"space": "tss", "indices": [5], "proxies": ["params"], "out": None, **OPTIONS, **options}
    with pytest.raises(ss.BadInput, match=said):
        crosscheck(**given)


@pytest.mark.parametrize("name", ["sed", "index", "az_nas", "all", "no name"])
def test_names_that_a_proxy_cannot_have(name):
    with pytest.raises(ss.BadInput, match=f"proxy '{name}'"):
        proxy(name)


def test_zico_of_a_tiny_batch_has_no_value():
    assert "no two halves" in crosscheck("tss3", [8], ["zico"], batch=3, progress=False).rows["reason"].item()


# -- batches --------------------------------------------------------------------------------------------------------

SMALL = Skeleton("tiny", 4, 3)


def test_batches_of_images(tmp_path):
    bytes_, floats, labels = (tmp_path / name for name in ("bytes.npy", "floats.npy", "labels.npy"))
    random = np.random.default_rng(0)
    given = random.integers(0, 256, (10, 3, 4, 4), np.uint8)
    np.save(bytes_, given)
    np.save(labels, np.arange(10) % 3)
    batches = Batches(SMALL, 10, 0, 2, bytes_, labels)
    batch = batches.of(0)
    assert batch.images.dtype == torch.float32
    assert batch.labels.dtype == torch.int64
    assert batch.images.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (batch.images.std(dim=(0, 2, 3), unbiased=False) - 1).abs().max() < 1e-5
    order = [int(np.flatnonzero((given == given[i]).all((1, 2, 3)))[0]) for i in range(10)]
    assert order == list(range(10))
    assert sorted(batch.labels.tolist()) == sorted(i % 3 for i in range(10))
    assert not torch.equal(batch.images, batches.of(1).images)
    np.save(floats, random.normal(size=(6, 3, 4, 4)))
    taken = Batches(SMALL, 2, 0, 4, floats)
    assert all(any(np.allclose(image, one) for one in np.load(floats)) for image in taken.of(3).images.numpy())
    assert batches.source != taken.source != Batches(SMALL, 2, 0).source == "random"
    for image, label in zip(batch.images, batch.labels.tolist(), strict=True):  # each still has its own label
        scaled = (given - given.mean((0, 2, 3), keepdims=True)) / given.std((0, 2, 3), keepdims=True)
        (which,) = np.flatnonzero(np.abs(scaled - image.numpy()).max((1, 2, 3)) < 1e-4)
        assert label == which % 3


def test_images_of_torchvision_on_disk(tmp_path, monkeypatch):
    import sys
    import types

    class CIFAR10:
        def __init__(self, root, train, download):
            assert (train, download) == (True, False)
            if root != str(tmp_path):
                raise RuntimeError("Dataset not found or corrupted.\nYou can use download=True")
            self.data, self.targets = np.zeros((8, 32, 32, 3), np.uint8) + np.arange(3, dtype=np.uint8), [9] * 8

    torchvision = types.ModuleType("torchvision")
    torchvision.datasets = types.SimpleNamespace(CIFAR10=CIFAR10)
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    batch = Batches(Skeleton("cifar10", 32, 10), 8, 0, 1, f"cifar10:{tmp_path}").of(0)
    assert batch.images.shape == (8, 3, 32, 32)
    assert batch.labels.tolist() == [9] * 8
    with pytest.raises(ss.BadInput, match=r"torchvision finds no cifar10 there: Dataset not found or corrupted\.$"):
        Batches(Skeleton("cifar10", 32, 10), 8, 0, 1, "cifar10:elsewhere")
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ss.BadInput, match="need torchvision: pip install torchvision"):
        Batches(Skeleton("cifar10", 32, 10), 8, 0, 1, "cifar10:elsewhere")


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (np.zeros((5, 4, 4, 3), np.uint8), None, r"have shape \(5, 4, 4, 3\): expected \(n, 3, 4, 4\)"),
        (np.zeros((3, 3, 4, 4), np.uint8), None, "are 3: expected at least a batch of 5"),
        (np.full((5, 3, 4, 4), 255.0), None, "reach 255: expected uint8, or floats of about mean 0"),
        (np.full((5, 3, 4, 4), np.nan), None, "reach nan: expected uint8"),
        (np.zeros((5, 3, 4, 4), np.int64), None, "are int64: expected uint8, or float32"),
        (np.zeros((5, 3, 4, 4)), np.arange(5), "reach from 0 to 4: expected 0 to 2"),
        (np.zeros((5, 3, 4, 4)), np.zeros(4, np.int64), r"are int64\[4\]: expected 5 integers"),
        (np.zeros((5, 3, 4, 4)), np.zeros(5), r"are float64\[5\]: expected 5 integers"),
        (None, np.zeros(5, np.int64), "without images"),
    ],
)
def test_batches_that_do_not_fit(tmp_path, images, labels, said):
    paths = []
    for name, array in (("images.npy", images), ("labels.npy", labels)):
        if array is not None:
            np.save(tmp_path / name, array)
        paths.append(None if array is None else tmp_path / name)
    with pytest.raises(ss.BadInput, match=said):
        Batches(SMALL, 5, 0, 1, *paths)


def test_images_that_are_not_there(tmp_path):
    with pytest.raises(ss.BadInput, match=r"are not there: expected a \.npy file"):
        Batches(SMALL, 5, 0, 1, tmp_path / "images.npy")
    np.savez(tmp_path / "images.npz", a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(ss.BadInput, match="hold several arrays: expected one"):
        Batches(SMALL, 5, 0, 1, tmp_path / "images.npz")
    (tmp_path / "images.npy").write_bytes(b"no array")
    with pytest.raises(ss.BadInput, match=r"cannot be read as \.npy"):
        Batches(SMALL, 5, 0, 1, tmp_path / "images.npy")


# -- the command line -----------------------------------------------------------------------------------------------


def run_cli(*arguments):
    return CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=True)


def test_crosscheck_of_a_run_with_a_condition_and_of_given_architectures(tmp_path):
    ss.enumerate_space("tss", tmp_path / "run", progress=False)
    common = ("--proxies", "l2_norm,params", "--batch", "2")
    out = tmp_path / "run.parquet"
    result = run_cli(
        "crosscheck", tmp_path / "run", "--where", "n_skip = 2 AND sed > 3", "--sample", 6, "--out", out, *common
    )
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0].split()[:4] == ["proxy", "values", "undefined", "seconds"]
    chosen = read_study(out).rows
    assert chosen["index"].n_unique() == 6
    assert all(ss.space("tss").arch(i).count("skip_connect") == 2 for i in chosen["index"])
    assert chosen["sed"].min() > 3
    pl.DataFrame({"arch": ss.space("tss").arch([11_668, 17])}).write_csv(tmp_path / "few.csv")
    out = tmp_path / "few.parquet"
    assert run_cli("crosscheck", "tss", "--archs", tmp_path / "few.csv", "--out", out, *common).exit_code == 0
    assert read_study(out).rows["index"].unique().to_list() == [17, 11_668]
    (tmp_path / "bad.csv").write_text("arch\n|nor_conv_9x9~0|\n")
    result = run_cli("crosscheck", "tss", "--archs", tmp_path / "bad.csv", "--out", tmp_path / "x.parquet", *common)
    assert result.exit_code != 0
    assert not (tmp_path / "x.parquet").exists()


def test_a_study_of_a_space_of_ones_own_explains_itself(tmp_path):
    skeleton = {"widths": [4, 8], "cells": 1, "side": 8, "classes": 3, "dataset": "tiny"}
    ops = [{"name": "none", "kind": "none"}, {"name": "conv", "kind": "conv", "kernel": 3}]
    mine = ss.cell_space("mine", 3, ops, skeleton)
    crosscheck(mine, range(8), ["grad_norm", "az_nas"], tmp_path / "mine.parquet", **OPTIONS)
    rows = {row["proxy"]: row for row in summary(read_study(tmp_path / "mine.parquet")).to_dicts()}
    assert rows["macs"]["values"] == 8
    assert rows["macs"]["spearman_with_sed"] == pytest.approx(1)
