"""The command line: what it prints, what it refuses and with which status."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib

import click
import polars as pl
import pyarrow.parquet as pq
import pytest

import sedspace as ss
from commands import in_a_terminal, process, sedspace
from conftest import ROOT, SITE
from sedspace import errors
from sedspace.cli import arguments, cli, printing


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "tss"
    ss.enumerate_space("tss", path, progress=False)
    return path


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Return a directory of Parquet files that sedspace did not write."""
    path = tmp_path_factory.mktemp("foreign")
    pl.DataFrame({"a": [1]}).write_parquet(path / "train-00000-of-00001.parquet")
    return path


def test_spaces():
    assert re.search(r"tss6 +30,517,578,125", sedspace("spaces").stdout)
    rows = json.loads(sedspace("spaces", "--json").stdout)
    assert {row["space"]: row["size"] for row in rows}["tss8"] == 5**28
    columns = json.loads(sedspace("spaces", "tss5", "--json").stdout)
    assert [row["column"] for row in columns] == list(ss.known_scores(ss.space("tss5")))


def test_topology_features_are_listed_if_asked_for():
    *rows, _, note = sedspace("spaces", "tss5").stdout.splitlines()
    every = sedspace("spaces", "tss5", "--topology").stdout.splitlines()
    assert note == f"and {len(every) - len(rows)} topology features: sedspace spaces tss5 --topology"
    assert not any("conv_bypassed" in row for row in rows)
    assert any("conv_bypassed" in row for row in every)
    assert "topology features" not in sedspace("spaces", "sss").stdout
    plain, more = sedspace("show", "tss", 11668).stdout, sedspace("show", "tss", 11668, "--topology").stdout
    assert more.startswith(plain)
    assert "conv_bypassed" not in plain
    assert re.search(r"^conv_bypassed +5  live convolutions that", more, re.MULTILINE)


def test_enumerate_and_what_it_suggests(tmp_path):
    path = tmp_path / "my runs" / "tss"  # the directory is made, and the suggestion is quoted
    result = process("enumerate", "tss", "--out", path)
    assert result.stderr == ""  # no progress bar where nobody watches
    assert re.search(
        r"15,625 architectures of tss in 1 shard, [\d,]+ bytes; [\d.]+ s \([\d,]+ architectures/s\)", result.stdout
    )
    assert "15,625 rows were there already; nothing left to do" in sedspace("enumerate", "tss", "--out", path).stdout
    assert re.search(r"11668 +8.75 +\|nor_conv_3x3~0\|", result.stdout)
    suggested = result.stdout.split("next:")[1].strip().splitlines()
    assert len(suggested) == 2
    for command in suggested:
        program, *words = shlex.split(command)
        assert program == "sedspace"
        sedspace(*words)


def test_enumerate_options_and_json(tmp_path):
    result = sedspace(
        "enumerate", "tss7", "--out", tmp_path / "run", "--range", f"{2**48}:{2**48 + 1000}", "--columns", "sed, arch",
        "--shard-rows", 300, "--threads", 3, "--json",
    )  # fmt: skip
    about = json.loads(result.stdout)
    assert (about["rows"], about["shards"]) == (1000, 4)
    best = ss.top_k("tss7", 5, start=2**48, stop=2**48 + 1000)
    assert [one["index"] for one in about["best"]] == best["index"].to_list()
    assert ss.open_run(tmp_path / "run").scan().collect().columns == ["index", "sed", "arch"]


def test_census(tmp_path):
    classes = json.loads(sedspace("census", "tss5", "--json").stdout)
    assert (len(classes), sum(row["count"] for row in classes)) == (1715, 5**10)
    assert classes == ss.census("tss5").to_dicts()
    tally = json.loads(sedspace("census", "tss12", "--by", "n_skip", "--json").stdout)
    assert tally[-1]["at_least"] == 5**66  # a number, exact
    assert re.search(r"^ +0.5 +2$", sedspace("census", "tss", "--by", "sed", "--quantiles", "0,0.5,1").stdout, re.M)
    few = sedspace("census", "tss8", "--features", "n_skip, residual", "--where", "sed >= 45").stdout
    assert few.splitlines()[0].split() == ["n_skip", "residual", "count", "index"]
    sedspace("census", "tss8", "--features", "n_skip", "--out", tmp_path / "counts.parquet")
    table = pq.read_table(tmp_path / "counts.parquet")  # as other readers see it
    assert sum(table["count"].to_pylist()) == 5**28


def test_top_pareto_and_budgets_of_a_space():
    best = json.loads(sedspace("top", "darts", "-k", 2, "--where", "n_skip_normal <= 2", "--json").stdout)
    assert best == ss.top_k("darts", 2, where="n_skip_normal <= 2").to_dicts()
    front = json.loads(sedspace("pareto", "tss5", "--max", "sed", "--min", "params,n_skip", "--json").stdout)
    assert front == ss.pareto("tss5", "sed", ["params", "n_skip"]).to_dicts()
    within = json.loads(sedspace("pareto", "tss", "--budgets", "1,1e6", "--where", "n_skip = 0", "--json").stdout)
    assert within == ss.best_within("tss", [1, 10**6], where="n_skip = 0").to_dicts()
    assert within[0]["sed"] is None


def test_sample():
    options = ["-n", 5, "--stratify", "sed", "--strata", 5, "--seed", 3, "--where", "params < 900000"]
    drawn = json.loads(sedspace("sample", "tss8", *options, "--json").stdout)
    same = ss.sample("tss8", 5, stratify="sed", strata=5, seed=3, where="params < 900000")
    assert drawn == same.to_dicts()
    assert "probability" in sedspace("sample", "darts", "--importance", "sed", "--temperature", 4).stdout


def test_costs_from_a_table_and_a_fit(tmp_path):
    costs = {"none": 0.0, "skip_connect": 0.1, "nor_conv_1x1": 0.4, "nor_conv_3x3": 0.9, "avg_pool_3x3": 0.3}
    indices = list(range(0, 15_625, 5))
    table = pl.DataFrame({"index": indices}).with_columns(
        ms=pl.sum_horizontal(
            pl.Series(ss.score("tss", name)[indices]) * cost for name, cost in zip(
                ("n_none", "n_skip", "n_conv1x1", "n_conv3x3", "n_pool"), costs.values(), strict=True
            )
        ) + 1.5
    )  # fmt: skip
    table.write_csv(tmp_path / "measured.csv")
    latency = tmp_path / "latency.csv"
    options = ["--column", "ms", "--out", latency, "--by-operation", "--quantum", "0.1", "--json"]
    report = json.loads(sedspace("fit", "tss", tmp_path / "measured.csv", *options).stdout)
    assert report["r2"] > 0.9999
    assert report["held_out"] == 1563
    best = json.loads(sedspace("--costs", latency, "top", "tss6", "-k", 1, "--where", "latency <= 5", "--json").stdout)
    counts = [ss.score("tss6", name, best[0]["index"], best[0]["index"] + 1).item() for name in (
        "n_none", "n_skip", "n_conv1x1", "n_conv3x3", "n_pool"
    )]  # fmt: skip
    assert 1.5 + sum(n * cost for n, cost in zip(counts, costs.values(), strict=True)) <= 5.0001


def test_unique_and_a_space_of_ones_own(tmp_path):
    out = sedspace("enumerate", "tss", "--out", tmp_path / "run", "--unique", "functional", "--columns", "sed").stdout
    assert "5,260 of 15,625 architectures" in out
    best = json.loads(sedspace("top", "tss", "-k", 30, "--unique", "functional", "--json").stdout)
    assert [row["index"] for row in best] == ss.top_k("tss", 30, unique="functional")["index"].to_list()
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nnodes = 3\n[[operations]]\nname = "zero"\nkind = "none"\n'
        '[[operations]]\nname = "conv"\nkind = "conv"\nkernel = 7\n'
    )
    assert sedspace("show", path, 7).stdout.startswith("mine, index 7 of 8\narch    |conv~0|+|conv~0|conv~1|")
    made = sedspace("enumerate", path, "--out", tmp_path / "mine").stdout
    assert "8 architectures of mine" in made
    assert f"sedspace show {path} 7" in made
    assert len(json.loads(sedspace("top", path, "-k", 3, "--json").stdout)) == 3
    assert "SED     4.5 = skip 1 * conv 4.5" in sedspace("show", path, "|conv~0|+|conv~0|conv~1|").stdout
    columns = json.loads(sedspace("spaces", "nb101", "--json").stdout)
    assert columns[-1]["column"] == "nasbench_hash"


@pytest.mark.parametrize(
    ("space", "arch", "said"),
    [
        ("sss", "64:64:64:64:64", "SED     30\nrank    1 of 32,768"),
        ("nb101", "[[0,1],[0,0]] input,output", "vertex 1  output           from 0"),
        ("transnas_macro", "64-1234-basic", "n_halvings                      2"),
        ("transnas_micro", "64-41414-0_00_000", "from 0   from 1   from 2\n"),
        ("darts", "1076746950455072399", "reduce 5  dil_conv_5x5~3 dil_conv_5x5~4\n\nSED     "),
    ],
)
def test_show_of_every_space(space, arch, said):
    assert said in sedspace("show", space, arch).stdout


def test_top_of_a_run_and_of_a_space(run):
    of_run = json.loads(sedspace("top", run, "-k", 4, "--json").stdout)
    of_space = json.loads(sedspace("top", "tss", "-k", 4, "--json").stdout)
    assert [row["index"] for row in of_run] == [row["index"] for row in of_space] == [11668, 8543, 11043, 11543]
    assert of_run[0]["arch"] == of_space[0]["arch"] == ss.space("tss").arch(11668)
    filtered = sedspace("top", run, "-k", 1, "--where", "params < 500000 AND n_skip <= 2", "--by", "macs").stdout
    assert len(filtered.strip().splitlines()) == 2
    (of_range,) = json.loads(sedspace("top", "tss", "-k", 1, "--range", "0:9000", "--json").stdout)
    assert of_range["index"] == 8543


def test_show():
    by_index = sedspace("show", "tss", 11668).stdout
    assert by_index == sedspace("show", "tss", ss.space("tss").arch(11668)).stdout
    assert "SED     8.75 = skip 1.75 * conv 5 - pool 0" in by_index
    assert "rank    1 of 15,625 by SED" in by_index
    assert "node 3 output  skip_connect  nor_conv_3x3  nor_conv_3x3" in by_index
    assert re.search(r"best of the space by sed +cifar10 94.36 % \(rank 3\)", by_index)
    about = json.loads(sedspace("show", "tss5", 7323968, "--json").stdout)
    assert about["digits"] == [3, 3, 3, 3, 3, 3, 1, 3, 3, 3]
    assert about["standing"] == {"by": "sed", "rank": 1, "ties": 1, "best": 15.75, "worst": -2.5}
    assert about["scores"]["params"] == 73_306 + 9 * 243_040
    assert about["topology"]["conv_least"] == 0


def test_verify(run, tmp_path):
    assert "1 shard, 15,625 rows, all as written" in sedspace("verify", run).stdout
    ss.enumerate_space("tss", tmp_path / "bad", progress=False, shard_rows=5000)
    shard = tmp_path / "bad" / "part-00002-of-00004.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    assert "sedspace: part-00002-of-00004.parquet: is" in sedspace("verify", tmp_path / "bad", status=1).stderr
    problems = json.loads(sedspace("verify", tmp_path / "bad", "--json", status=1).stdout)["problems"]
    assert [problem["file"] for problem in problems] == [shard.name]
    (tmp_path / "bad" / "manifest.json").unlink()
    assert "is not finished" in sedspace("verify", tmp_path / "bad", status=1).stderr


def test_scores_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import sedspace as ss\n"
        "ss.register(ss.AdditiveScore('edges', {'n': {'none': -1}}, lambda n: n + 6, dtype='uint8'))\n"
    )
    sedspace("--scores", file, "enumerate", "tss", "--out", tmp_path / "run", "--columns", "sed,edges")
    (row,) = json.loads(sedspace("top", tmp_path / "run", "-k", 1, "--by", "edges", "--json").stdout)
    assert (row["index"], row["edges"]) == (3906, 6)  # 111111 in base 5
    sedspace("--scores", file, "verify", tmp_path / "run")


def test_interrupted_by_the_keyboard(tmp_path):
    command = [sys.executable, "-m", "sedspace", "enumerate", "tss6", "--range", "0:40000000", "--out", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("run/part-*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (
        errors.strip() == "sedspace: interrupted; finished shards stay valid, give the same command again to continue"
    )
    left = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert left
    assert all(name.startswith(("part-", ".finished")) for name in left)


def test_query_describe_and_join(run, tmp_path):
    statement = "SELECT n_skip, count(*) AS cells, max(sed) AS best FROM archs GROUP BY n_skip ORDER BY n_skip"
    rows = json.loads(sedspace("query", run, statement, "--json").stdout)
    assert rows[0] == {"n_skip": 0, "cells": 4**6, "best": 6.0}
    for name, read in {"a.csv": pl.read_csv, "a.jsonl": pl.read_ndjson, "a.parquet": pl.read_parquet}.items():
        sedspace("query", run, statement, "--out", tmp_path / name)
        assert read(tmp_path / name).rows() == [tuple(row.values()) for row in rows]
    described = {row["column"]: row for row in json.loads(sedspace("describe", run, "--json").stdout)}
    assert (described["sed"]["min"], described["sed"]["max"], described["sed"]["distinct"]) == ("-1.5", "8.75", 65)
    space = ss.space("tss")
    table = pl.DataFrame({"arch": [space.arch(i) for i in (5, 9000)] + ["|x~0|"], "accuracy": [1.0, 2.0, 3.0]})
    table.write_csv(tmp_path / "mine.csv")
    said = sedspace("join", run, tmp_path / "mine.csv", "--out", tmp_path / "joined.parquet").stdout
    assert (
        "2 architectures matched; 15,623 only in the run, 0 only in the table, 1 rows of the table unreadable" in said
    )
    assert "row 2: arch '|x~0|' describes 2 nodes" in said
    assert pl.read_parquet(tmp_path / "joined.parquet").select("index", "accuracy").rows() == [(5, 1.0), (9000, 2.0)]


def test_plot(run, tmp_path):
    for kind in ("density", "distribution", "cells"):
        for name in (f"{kind}.png", f"{kind}.svg"):
            sedspace("plot", run, "--kind", kind, "--out", tmp_path / name)
            first = (tmp_path / name).read_bytes()
            sedspace("plot", run, "--kind", kind, "--out", tmp_path / name)
            assert (tmp_path / name).read_bytes() == first
            assert len(first) > 10_000
    pl.DataFrame({"index": range(100), "accuracy": [i % 7 for i in range(100)]}).write_parquet(tmp_path / "t.parquet")
    said = sedspace(
        "plot", run, "--kind", "accuracy", "--table", tmp_path / "t.parquet", "--against", "accuracy",
        "--out", tmp_path / "a.png",
    ).stdout  # fmt: skip
    assert re.search(r"spearman -?0\.\d+  kendall -?0\.\d+  architectures 100", said)


def test_repair(tmp_path):
    ss.enumerate_space("tss", tmp_path / "run", progress=False, shard_rows=5000)
    shard = tmp_path / "run" / "part-00001-of-00004.parquet"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    result = sedspace("verify", "--repair", tmp_path / "run")
    assert "rebuilt part-00001-of-00004.parquet, which is" in result.stderr
    assert "4 shards, 15,625 rows, all as written" in result.stdout
    assert shard.read_bytes() == whole


def test_enumerate_without_sed_and_with_where(tmp_path):
    out = sedspace("enumerate", "tss", "--out", tmp_path / "run", "--columns", "params", "--where", "n_skip = 6").stdout
    assert "1 of 15,625 architectures of tss" in out
    assert "best by params" in out
    assert "--by params" in out
    assert "top" not in sedspace("enumerate", "tss", "--out", tmp_path / "none", "--where", "sed > 9").stdout


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_has_seen_enough(more):
    command = [sys.executable, "-m", "sedspace", "top", "tss", "-k", "15625", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.read(8) == (b'[{"index' if more else b"index   ")
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0


def test_bad_input_to_a_process_of_its_own():
    result = process("top", "nowhere", status=2)
    assert result.stdout == ""
    assert re.fullmatch(
        "sedspace: 'nowhere' is no directory of a run, and no space: unknown space .*\\n", result.stderr
    )


def test_standard_output_that_is_full():
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "sedspace", "spaces"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert result.returncode == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_score_for_another_space_does_not_break_show(tmp_path):
    (tmp_path / "beside.py").write_text("ROWS = [[1] * 5] * 10\n")
    file = tmp_path / "mine.py"
    file.write_text(
        "import sedspace as ss\nfrom beside import ROWS\n"
        "ss.register(ss.AdditiveScore('five', {'t': ROWS}, lambda t: t / 0.0))\n"
    )
    assert "five" not in sedspace("--scores", file, "show", "tss", 5).stdout
    assert json.loads(sedspace("--scores", file, "show", "tss5", 5, "--json").stdout)["scores"]["five"] is None
    del sys.modules["beside"]


def test_help_shows_the_first_steps_as_they_are_typed():
    shown = sedspace("--help").stdout
    assert "\n    sedspace top runs/tss5 -k 10              the best of them\n" in shown
    assert "..." not in shown.partition("Commands:")[2]  # every command is described on its line
    assert "\\b" not in shown
    assert "\b" not in shown


def test_a_table_fits_the_terminal(run):
    shown = in_a_terminal(80, "top", run, "-k", 3)
    *lines, note = shown.splitlines()
    assert lines[0].split() == [
        "index",
        "sed",
        "n_none",
        "n_skip",
        "n_conv1x1",
        "n_conv3x3",
        "n_pool",
        "\N{HORIZONTAL ELLIPSIS}",
        "arch",
    ]
    assert [len(line) for line in lines[1:]] == [80] * 3
    assert all(line.endswith("\N{HORIZONTAL ELLIPSIS}") for line in lines[1:])
    assert note == "sedspace: cut to fit, 3 columns left out; all: --json, --out FILE, or | less -S"
    assert sedspace("top", run, "-k", 3, columns=80).stdout.splitlines() == [*lines]
    wide = sedspace("top", run, "-k", 3, columns=200).stdout
    assert wide == sedspace("top", run, "-k", 3).stdout  # nothing is cut where it fits, or where nobody looks
    assert ss.space("tss").arch(11668) in wide


def test_text_breaks_between_words_in_a_terminal():
    shown = sedspace("show", "tss5", 5, columns=80).stdout
    assert "1 if skip_connect joins the cell's input to\n" + " " * 35 + "its output directly\n" in shown
    assert f"arch    {ss.space('tss5').arch(5)}\n" in shown  # whole, to be copied
    unbroken = sedspace("show", "tss5", 5).stdout
    assert shown != unbroken
    assert shown.split() == unbroken.split()


@pytest.mark.parametrize("width", [*range(1, 130, 7), 500])
def test_tables_of_any_width(width, monkeypatch, capsys):
    """What is cut is text; what is left out stands before the last column; nothing is wider than the terminal."""
    rows = [
        {"index": 10**18 + i, "what": "ab " * 3 * i, "n": i, "none": None, "sed": i / 3, "arch": "|x~0|" * i}
        for i in range(9)
    ]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    printing.print_rows(rows, as_json=False)
    cut, note = capsys.readouterr()
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    printing.print_rows(rows, as_json=False)
    whole, silence = capsys.readouterr()
    assert silence == ""
    assert (note == "") == (cut == whole)
    longest = max(map(len, cut.splitlines()))
    assert longest <= width or (cut == whole and width < 40)  # too narrow for the least
    names, *lines = (line.split() for line in cut.splitlines())
    assert names[0] == "index"
    assert names[-1] == "arch"
    assert [int(line[0]) for line in lines] == [row["index"] for row in rows]  # numbers are never cut


EMPTY = {
    "top tss6 --where sed>100": ["index", "sed", "arch"],
    "top RUN --where params<0 --columns sed,depth": ["sed", "depth"],
    "query RUN 'SELECT n_skip, sed FROM archs WHERE sed > 100'": ["n_skip", "sed"],
    "census tss8 --features n_skip --where sed>1000": ["n_skip", "count", "index"],
    "census tss --by sed --where sed>100": ["sed", "count", "at_least", "share"],
    "pareto tss12 --max n_skip --min n_pool --where n_none>66": ["n_skip", "n_pool", "count", "index", "arch"],
}


@pytest.mark.parametrize("command", EMPTY)
def test_an_empty_answer_is_an_empty_table(command, run, tmp_path):
    words = [str(run) if word == "RUN" else word for word in shlex.split(command)]
    assert sedspace(*words).stdout.split() == EMPTY[command]
    assert sedspace(*words).stderr == "sedspace: nothing meets the request: no rows\n"
    assert sedspace(*words, "--json").stdout == "[]\n"
    for ending, read in {"csv": pl.read_csv, "parquet": pl.read_parquet}.items():
        sedspace(*words, "--out", tmp_path / f"empty.{ending}")
        assert read(tmp_path / f"empty.{ending}").columns == EMPTY[command]
    sedspace(*words, "--out", tmp_path / "empty.jsonl")
    assert (tmp_path / "empty.jsonl").read_text() == ""


JSON = {
    "spaces": {"space", "size", "positions", "what"},
    "spaces tss": {"column", "dtype", "unit", "meaning"},
    "enumerate tss --out NEW": {"path", "seconds", "shards", "scanned", "rows", "rows_found", "bytes", "best"},
    "top tss": {"index", "sed", "arch"},
    "top RUN --columns index,sed,params,arch": {"index", "sed", "params", "arch"},
    "census sss": {"sed", "channels", "params", "macs", "count", "index"},
    "census tss --by n_skip": {"n_skip", "count", "at_least", "share"},
    "census tss --by n_skip --quantiles 0,1": {"quantile", "n_skip"},
    "pareto tss": {"sed", "params", "count", "index", "arch"},
    "pareto tss --budgets 1M": {"budget", "sed", "params", "count", "index", "arch"},
    "sample tss": {"index", "weight", "arch"},
    "sample tss --importance sed": {"index", "sed", "probability", "arch"},
    "fit tss TABLE --column ms --out COSTS": {
        "rows", "held_out", "r2", "spearman", "kendall", "notes", "constant", "quantum", "error_bound", "warning",
    },
    "fit tss TABLE --column ms --repeats 0 --out FIT": {
        "name", "model", "rows", "features", "prior", "notes", "judgement",
    },
    "suggest tss": {"index", "distance", "among", "arch"},
    "search tss --budget 20": {"step", "index", "value", "regret", "rank", "among"},
    "query RUN 'SELECT n_skip FROM archs LIMIT 2'": {"n_skip"},
    "describe RUN": {"column", "dtype", "unit", "min", "max", "distinct", "meaning"},
    "join RUN TABLE --out JOINED": {"matched", "only_in_run", "only_in_table", "unreadable"},
    "show tss 5": {
        "space", "size", "index", "arch", "digits", "choices", "scores", "topology", "standing", "published",
    },
    "verify RUN": {"shards", "rows", "recomputed", "condition", "problems"},
}  # fmt: skip


@pytest.mark.parametrize("command", JSON)
def test_json_has_the_shape_that_help_says(command, run, tmp_path):
    indices = list(range(0, 15_625, 25))
    pl.DataFrame({"index": indices, "ms": ss.score("tss", "macs")[indices] / 1e7}).write_csv(tmp_path / "table.csv")
    places = {
        "RUN": run, "NEW": tmp_path / "new", "TABLE": tmp_path / "table.csv", "COSTS": tmp_path / "costs.csv",
        "JOINED": tmp_path / "joined.csv", "FIT": tmp_path / "ms.score",
    }  # fmt: skip
    words = shlex.split(command)
    told = " ".join(sedspace(words[0], "--help").stdout.split())
    told = told[told.index("--json Print JSON instead: ") :]
    answer = json.loads(sedspace(*(places.get(word, word) for word in words), "--json").stdout)
    if isinstance(answer, list):
        assert "a list of objects" in told
        assert answer
        assert all(set(row) == JSON[command] for row in answer)
    else:
        assert "an object of" in told
        assert set(answer) == JSON[command]
    known = {*ss.known_scores("tss"), *ss.known_scores("sss")} - {"index"}
    asked_for = command.startswith("query")
    for key in JSON[command] - known:
        assert asked_for or f"`{key}`" in told, key


def test_every_command_that_prints_json_is_tested():
    printing = {name for name, command in cli.commands.items() if any(one.name == "as_json" for one in command.params)}
    assert printing - {"crosscheck"} == {command.split()[0] for command in JSON}  # that one in test_studies.py


def test_a_directory_does_not_hide_a_space(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suggested = sedspace("enumerate", "tss", "--out", "tss", "--range", "0:100", "--columns", "sed,params").stdout
    assert "sedspace top ./tss -k 10" in suggested
    for command in (["top"], ["sample", "-n", "3"]):
        of_space = json.loads(sedspace(*command, "tss", "--json").stdout)
        of_run = json.loads(sedspace(*command, "./tss", "--json").stdout)
        assert "params" not in of_space[0]
        assert max(row["index"] for row in of_run) < 100
        assert "params" in of_run[0]
    (tmp_path / "tss").rename("mine")
    assert json.loads(sedspace("top", "mine", "--json").stdout)[0]["index"] < 100
    assert sedspace("describe", "mine").stdout.startswith("100 architectures of tss")


def test_numbers_with_suffixes_and_underscores(tmp_path):
    options = ["--range", "1e3:0.4M", "--shard-rows", "100_000"]
    about = json.loads(sedspace("enumerate", "tss5", "--out", tmp_path / "a", *options, "--json").stdout)
    assert (about["rows"], about["shards"]) == (399_000, 4)
    same = [sedspace("sample", "tss", "-n", n, "--seed", seed).stdout for n, seed in (("1_0", "2k"), ("10", "2000"))]
    assert same[0] == same[1]
    within = json.loads(sedspace("pareto", "tss", "--budgets", "0.5M,1e6,250_000.5", "--json").stdout)
    assert [row["budget"] for row in within] == [500_000, 1_000_000, 250_000.5]
    (last,) = json.loads(sedspace("top", "tss8", "-k", "1", "--range", "18.014398509481T:18.0144T", "--json").stdout)
    assert last["index"] >= 18_014_398_509_481  # exact: no float on the way
    assert "is not a valid integer such as 400_000, 0.4M or 1e6" in sedspace("top", "tss", "-k", "2.5", status=2).stderr


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("-3", -3), ("400_000", 400_000), ("0.4M", 400_000), ("1e6", 10**6), ("2k", 2000), ("3G", 3 * 10**9),
        ("1.5e3k", 1_500_000), ("9007199254740993", 2**53 + 1), ("9007.199254740993T", 2**53 + 1), ("1e-2", None),
        ("1.2345k", None), ("", None), ("k", None), ("1__0", None), ("1_", None), ("0x10", None), ("1e9999", None),
        ("nan", None), ("inf", None), ("1 000", None), ("9" * 2000, None),
    ],
)  # fmt: skip
def test_whole_numbers(text, number):
    assert arguments.whole_number(text) == number


def test_columns_of_the_answer(run, tmp_path):
    top = json.loads(sedspace("top", "tss8", "-k", 3, "--columns", "+depth,+n_skip", "--json").stdout)
    assert list(top[0]) == ["index", "sed", "arch", "depth", "n_skip"]
    assert [row["index"] for row in top] == ss.top_k("tss8", 3)["index"].to_list()
    space = ss.space("tss8")
    (digits,) = {tuple(space.digits(row["index"])) for row in top[:1]}
    assert top[0]["n_skip"] == digits.count(1)
    sedspace("top", run, "-k", 50, "--columns", "index,depth,arch", "--out", tmp_path / "best.csv")
    table = pl.read_csv(tmp_path / "best.csv")
    assert table.columns == ["index", "depth", "arch"]
    assert table["depth"].to_list() == ss.score("tss", "depth")[table["index"]].tolist()
    made = tmp_path / "made"
    sedspace("enumerate", "tss", "--out", made, "--columns", "default,+depth")
    assert ss.open_run(made).scan().collect().columns == [*ss.open_run(run).scan().collect().columns, "depth"]
    twice = tmp_path / "twice"
    sedspace("enumerate", "tss", "--out", twice, "--columns", "+depth,sed")
    assert ss.open_run(twice).request.description == ss.open_run(made).request.description


def test_the_least_first(run):
    of_space, of_run = (
        json.loads(sedspace("top", target, "--by", "params", "--ascending", "-k", 3, "--json").stdout)
        for target in ("tss", run)
    )
    assert [row["params"] for row in of_space] == [73_306] * 3
    assert [row["index"] for row in of_run] == [row["index"] for row in of_space] == [0, 1, 4]


@pytest.mark.parametrize(
    ("line", "completions"),
    [
        ("sedspace enu", ["enumerate"]),
        ("sedspace top ts", ["tss", "tss5", "tss6", "tss7", "tss8"]),
        ("sedspace top --ascending transnas_ma", ["transnas_macro"]),
        ("sedspace top darts --by n_skip", ["n_skip", "n_skip_normal", "n_skip_reduce"]),
        ("sedspace enumerate nb101 --columns nas", ["nasbench_hash"]),
        ("sedspace enumerate tss --columns default,+dep", ["default,+depth", "default,+depth_by_power"]),
        ("sedspace census sss --features sed,par", ["sed,params", "sed,params_cifar100", "sed,params_imagenet16"]),
        ("sedspace top RUN --by s", ["sed"]),
        ("sedspace sample --stratify conv_se", ["conv_sed"]),
        ("sedspace describe RU", ["RU"]),
        ("sedspace top nowhe", ["nowhe"]),
    ],
)
def test_completion_in_a_shell(line, completions, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "RUN").symlink_to(run)
    monkeypatch.setenv("_SEDSPACE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    found = [item.split(",", 1) for item in sedspace().stdout.splitlines()]
    names = [name for _, name in found]
    assert names == completions
    assert {kind for kind, _ in found} == ({"file"} if completions[0] in ("RU", "nowhe") else {"plain"})


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_completion_is_switched_on_as_the_guide_says(tmp_path):
    command = tmp_path / "sedspace"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m sedspace "$@"\n')
    command.chmod(0o755)
    (switch,) = re.findall(r"^    (eval .*bash_source.*?) *#", (SITE / "guide" / "runs.md").read_text(), re.M)
    script = f"""PATH={tmp_path}:$PATH; {switch}
        COMP_WORDS=(sedspace top dar) COMP_CWORD=2; _sedspace_completion sedspace top dar; echo "$COMPREPLY\""""
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert result.stdout.split() == ["darts"], result.stderr


def test_a_hint_installs_what_the_extra_stands_for(monkeypatch):
    """The command works from anywhere, with or without a release: it names requirements, not sedspace."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra, requirements in project["optional-dependencies"].items():
        said = str(errors.needs("something", extra, "this needs"))
        assert said.startswith("this needs something: pip install ")
        assert shlex.split(said)[5:] == requirements
    wheel = ["numpy>=2", "matplotlib>=3.9; extra == 'plot'", 'scipy>=1.14; extra == "plot"', "torch; extra == 'other'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: wheel)
    monkeypatch.setattr(errors, "__file__", "/somewhere/site-packages/sedspace/errors.py")
    assert shlex.split(str(errors.needs("x", "plot", "this needs")))[5:] == ["matplotlib>=3.9", "scipy>=1.14"]


def test_no_hint_names_a_release_that_there_is_not():
    sources = [*(ROOT / "enumerate").rglob("*.py"), ROOT / "README.md", *SITE.rglob("*.md")]
    assert [path for path in sources if re.search(r"pip install ['\"]?sedspace", path.read_text())] == []


BAD = {
    "enumerate tss55x --out X": "unknown space 'tss55x'",
    "enumerate tss1 --out X": "'tss1': a cell of 1 node",
    "enumerate tss7 --out X": "476,837,158,203,125 rows of tss7 at about",
    "enumerate tss --out X --columns sed,sad": "unknown column 'sad'",
    "enumerate tss --out X --threads 0": "threads 0: expected 1 or more",
    "enumerate tss --out X --threads two": "Invalid value for '--threads'",
    "enumerate tss --out X --shard-rows -5": "shard-rows -5: expected 1 or more",
    "enumerate tss --out X --range 9:3": "--range '9:3' is empty or reversed",
    "enumerate tss --out X --range 3:3": "--range '3:3' is empty or reversed",
    "enumerate tss --out X --range 0:15626": "range 0:15626 is not within tss",
    "enumerate tss --out X --range 7": "--range '7': expected two indices A:B",
    "enumerate tss --out X --range a:b": "--range 'a:b': expected two indices A:B",
    "enumerate tss": "Missing option '--out'. See: sedspace enumerate --help",
    "top": "Missing argument 'TARGET'. See: sedspace top --help",
    "enumerate tss --out /proc/nowhere/x": "cannot write to /proc/nowhere/x",
    "--scores nowhere.py spaces": "--scores nowhere.py: expected a Python file",
    "spaces tess": "unknown space 'tess'",
    "show tss 15625": "index 15625 is outside tss: expected 0 to 15624",
    "show tss -- -3": "index -3 is outside tss",
    "show tss |nor_conv_3x3~0|": "describes 2 nodes, but tss has 4",
    "show tss |skip~0|+|none~0|none~1|+|none~0|none~1|none~2|": "edge 0->1 has operation 'skip', expected one of",
    "top nowhere": "'nowhere' is no directory of a run, and no space",
    "top tss8 --range 1:9999999999999": "takes too long: give a range",
    "top tss --where n_skip<1,2": "is not a condition in SQL",
    "top tss6 --ascending --where index<2": "index is no sum over positions",
    "census tss8 --by seed": "unknown score 'seed': did you mean 'sed'",
    "census tss8 --quantiles 0.5": "--quantiles are those of a score: expected --by",
    "census tss8 --by sed --quantiles 2": "quantile 2: expected 0 to 1",
    "pareto tss --min params,macs,n_skip": "two or three different objectives, not sed, params, macs, n_skip",
    "pareto tss --budgets 100,many": "budget 'many' is not a number",
    "sample tss -n 0": "n 0: expected 1 or more",
    "sample tss --stratify sed --importance sed": "exclude each other",
    "sample tss -n 3 --out X.txt": "--out X.txt: expected a name that ends in .csv, .jsonl or .parquet",
    "--costs nowhere.csv spaces": "table nowhere.csv is not there",
    "top tss6 --unique functional": "functional classes of tss6: its 30,517,578,125 architectures are too many",
    "spaces nowhere.toml": "space nowhere.toml cannot be read: No such file",
    "show sss 8:8:8:8:7": "stage 5 is '7', expected one of 8, 16",
    "show nb101 [[0,1],[0,0]]input,input": "expected 'input' first and 'output' last",
    "crosscheck tss --sample 2 --proxies gradnorm --out X": "unknown proxy 'gradnorm': did you mean 'grad_norm'",
    "crosscheck tss --sample 2 --device tpu --out X.parquet": "device 'tpu': expected auto, cpu or cuda",
    "crosscheck tss --sample 2 --batch 1 --out X.parquet": "batch 1: expected 2 or more",
    "crosscheck tss --sample 2 --dataset mnist --out X.parquet": "unknown dataset 'mnist'",
    "crosscheck transnas_micro --dataset cifar10 --out X.parquet": "unknown dataset 'cifar10': known: class_scene",
    "crosscheck tss --images nowhere.npy --out X.parquet": "images nowhere.npy are not there: expected a .npy file",
    "crosscheck tss --labels nowhere.npy --out X.parquet": "labels nowhere.npy without images",
    "crosscheck tss --archs nowhere.csv --out X.parquet": "table nowhere.csv is not there",
    "crosscheck RUN --where parms<3 --out X.parquet": "unknown column 'parms': did you mean 'params'",
    "crosscheck RUN --sample 99999 --out X.parquet": "n 99999: only 15625 architectures meet the request",
    "crosscheck nowhere --out X.parquet": "'nowhere' is no directory of a run, and no space",
    "report nowhere.parquet --out X": "nowhere.parquet is not there: expected the file of a study",
    "reproduce --tables nowhere --out X": "--tables nowhere is not a directory",
    "enumerate tss --out X --engine local --scheduler tcp://a:1": "--engine local with --scheduler tcp://a:1",
    "enumerate tss --out X --threads 2 --scheduler tcp://a:1": "--threads 2 with --scheduler",
    "enumerate tss --out S3://key:secret@bucket/run": "S3://... has @, ? or # in it: expected credentials",
    "crosscheck tss12 --sample 2 --out X.parquet": "expected indices below 2^127",
    "crosscheck tss --out nowhere/X.parquet": "--out nowhere/X.parquet: there is no directory nowhere",
    "sample RUN --unique functional": "expected a run with the column representative",
    "sample RUN --strata 3": "strata is for spaces, and RUN is a run",
    "sample RUN --stratify arch": "unknown column 'arch'",
    "fit tss nowhere.csv --column ms --out X.csv": "table nowhere.csv is not there",
    "top RUN --range 0:5": "range 0:5 is for spaces, and RUN is a run: use where='index >= A AND index < B'",
    "top RUN --by arch": "unknown column 'arch'",
    "enumerate tss --out X --where parms<3": "unknown column 'parms': did you mean 'params'",
    "enumerate tss --out RUN --columns sed": "holds another run: its columns is",
    "query RUN SELECT": "query 'SELECT' cannot be answered",
    "describe nowhere": "nowhere is not a directory",
    "join RUN nowhere.csv --out X.csv": "table nowhere.csv is not there",
    "plot RUN --out X.gif": "--out X.gif: expected a name that ends in .png, .svg or .pdf",
    "plot RUN --out X.png --by sad": "unknown column 'sad': did you mean 'sed'",
    "plot RUN --out X.png --kind accuracy": "--kind accuracy needs --table FILE",
    "show tss abc": "architecture 'abc' of tss: expected an index or an arch string",
    "show tss 1.5": "architecture '1.5' of tss: expected an index or an arch string",
    "show nas_bench_macro 0120": "'0120' of nas_bench_macro: an index has no leading zero, and an arch string is such",
    "show sss 5 --topology": "--topology is of cells, not of sss",
    "spaces --topology": "--topology is about the columns of a space: expected NAME, too",
    "show TSS 5": "did you mean 'tss'",
    "top . -k 3": ". holds no run",
    "top tss -k 0": "k 0: expected 1 or more",
    "top tss --by speed": "unknown score 'speed'",
    "top tss --by flops": "unknown score 'flops': did you mean 'macs'? known: sed, ",
    "top tss --where flops<3": " more, see `sedspace spaces SPACE --topology`",
    "spaces NAS-Bench-201": "did you mean 'tss'? known: tss, tss5",
    "verify nowhere": "nowhere is not a directory",
    "tops tss": "No such command 'tops'",
    "enumerate tss --out ''": "'--out': '' is empty: expected a path",
    "enumerate tss --out X --columns ''": "'--columns': '' is empty",
    "enumerate tss --out X --columns +": "--columns '+': expected a name after +",
    "top tss --columns ,": "--columns ',': expected a name",
    "top tss --columns default,+deph": "unknown score 'deph': did you mean 'depth'",
    "census tss --features ' '": "'--features': ' ' is empty",
    "top tss -k 10^20": "'-k': '10^20' is not a valid integer such as 400_000",
    "top tss --json --out X.csv": "--json with --out X.csv: expected one of the two",
    "top tss --out X": "--out X: expected a name that ends in .csv, .jsonl or .parquet",
    "top RUN --unique functional": "unique of RUN: expected a run with the column representative",
    "top ./tss": "tss is not a directory",
    "sample tss --temperature 2": "temperature 2.0 without importance: it is that of a draw by importance",
    "sample RUN --temperature 2": "temperature is for spaces, and RUN is a run",
    "sample tss --strata 3": "strata 3: expected 1 to 1,048,576, and a score to stratify by",
    "pareto tss --budgets -1": "budget -1: params is never below 73306",
    "pareto tss --budgets 1M --min params,macs": "--budgets with --max sed --min params,macs: expected one score",
    "pareto transnas_micro": "transnas_micro has no params: give --min one of sed, skip_sed",
    "crosscheck tss --archs a.csv --sample 3 --out X.parquet": "--sample chooses among random ones",
    "crosscheck tss --archs a.csv --where sed>3 --out X.parquet": "--where chooses among random ones",
    "crosscheck tss --archs a.csv --unique functional --out X.parquet": "--unique chooses among random ones",
    "crosscheck tss --archs a.csv --stratify sed --out X.parquet": "--stratify chooses among random ones",
    "crosscheck tss --workers 2 --engine dask --out X.parquet": "--workers 2 with a Dask cluster, which has its own",
    "crosscheck tss --workers 0 --sample 2 --out X.parquet": "workers 0: expected 1 or more",
    "crosscheck tss --proxies-from nowhere.py --out X.parquet": "--proxies-from nowhere.py: expected a Python file",
    "report a.parquet --column x --out X": "--column is one of the table of accuracies: expected --accuracy TABLE",
    "top tss --where '\udcff > 1'": "'--where': '\\udcff > 1' is not UTF-8",
    "query RUN 'SELECT \udcff'": "'SQL': 'SELECT \\udcff' is not UTF-8",
    "show tss ''": "'ARCHITECTURE': '' is empty",
    "plot RUN --out X.png --kind accuracy --table a.csv": "--kind accuracy needs --table FILE and --against COLUMN",
    "plot RUN --out X.png --kind cells --against macs": "--against is not for --kind cells",
    "plot RUN --out X.png --kind distribution -k 3": "-k is not for --kind distribution",
    "plot RUN --out X.png --table a.csv": "--table and --color go together: a table, and the column of it to colour by",
    "verify FOREIGN": "FOREIGN holds no run: expected a directory that `sedspace enumerate` wrote",
    "search tss --out X.csv": "--out X.csv: expected a name that ends in .parquet",
    "search tss --set population=5 --set population=6": "--set population=6: population is 5 already",
    "search tss --algorithm nsga2 --max sed --min sed": "maximize and minimize are both sed",
    "crosscheck tss --sample 2 --out X.csv": "--out X.csv: expected a name that ends in .parquet",
    "explore tss --out X.txt": "--out X.txt: expected a name that ends in .html",
    "explore tss --out nowhere/X.html": "--out nowhere/X.html: there is no directory nowhere",
    "export tss --where params<1 --out X": "no architecture of tss meets 'params<1'",
    "top FOREIGN": "FOREIGN holds no run: expected a directory that `sedspace enumerate` wrote",
}


def test_what_is_no_exception_is_said_in_one_line(run, monkeypatch):
    """A panic of polars comes as a BaseException, memory that is not there as a MemoryError."""
    raised = {
        pl.exceptions.PanicException("index\nout of bounds"): (2, "polars gave up: index"),
        MemoryError(): (1, "out of memory"),
    }
    for error, (status, said) in raised.items():
        monkeypatch.setattr("sedspace.Run.sql", lambda *_, error=error, **options: (_ for _ in ()).throw(error))
        result = sedspace("query", run, "SELECT 1", status=status)
        assert result.stderr.startswith(f"sedspace: {said}")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", BAD)
def test_bad_input_is_one_line_and_status_2(command, tmp_path, monkeypatch, run, foreign):
    monkeypatch.chdir(tmp_path)
    places = {"RUN": str(run), "FOREIGN": str(foreign)}
    result = sedspace(*(places.get(word, word) for word in shlex.split(command)), status=2)
    assert result.stdout == ""
    assert result.stderr.startswith("sedspace: ")
    assert result.stderr.count("\n") == 1
    assert BAD[command].replace("RUN", str(run)).replace("FOREIGN", str(foreign)) in result.stderr
    assert not list(tmp_path.iterdir())


def test_every_command_and_option_has_help_and_stands_in_readme_or_guide():
    pages = "".join(page.read_text() for page in (ROOT / "README.md", *SITE.rglob("*.md")))
    for name, command in cli.commands.items():
        assert command.help, name
        assert f"sedspace {name}" in pages, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (name, parameter.name)
    assert set(cli.commands) == {
        "spaces", "enumerate", "verify", "top", "query", "describe", "join", "plot", "show", "census", "pareto",
        "sample", "fit", "suggest", "search", "explore", "crosscheck", "report", "reproduce", "export",
    }  # fmt: skip
