"""Reports: what they say of made-up studies, and that a browser shows them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import make_dataclass, replace
from html import unescape
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
import scipy.stats
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

import naive
import sedspace as ss
from sedspace.cli import cli
from sedspace.correlation import rank_correlation
from sedspace.report import by_architecture, claims, costs, reproduce, summary, write_report
from sedspace.report.architectures import without_dead_operations
from sedspace.report.benchmarks import ACCURACY_TABLES
from sedspace.report.held_out import robustness
from sedspace.report.page import Picture, Report, Section, Table, html, markdown
from sedspace.report.protocols import best_published
from sedspace.report.sections import report_of
from sedspace.statistics import Intervals, ensemble, intervals, judge, ndcg, resampled
from sedspace.studies import SCHEMA, SedSeconds, Setting, Study, read_study, write_study
from sedspace.tables import read_table

SPACE = ss.space("tss")
INDICES = sorted(Random(0).sample(range(SPACE.size), 60))
AZ = ("az_expressivity", "az_progressivity", "az_trainability")


def accuracy_of(indices):
    """Made-up accuracies: SED, parameters, and something of the index, so that all differ."""
    sed, params = ss.score("tss"), ss.score("tss", "params")
    return [60 + 3 * float(sed[i]) + float(params[i]) / 1e6 + (i % 97) / 1000 for i in indices]


@pytest.fixture(autouse=True)
def _few_trees(request, monkeypatch):
    """Forests of ten trees, but where it is asked what forests can do; short learning curves."""
    monkeypatch.setattr("sedspace.report.learned.SIZES", (10, 25))
    monkeypatch.setattr("sedspace.report.learned.ASKED", 300)
    if "ensemble" not in request.node.name:
        monkeypatch.setattr("sedspace.statistics.TREES", 10)


@pytest.fixture(scope="module")
def study():
    """A study that nobody computed: two repeats, a proxy that follows SED, its opposite, and one of little sense."""
    random, rows = Random(1), []
    sed = ss.score("tss")
    for index in INDICES:
        for repeat in range(2):
            for proxy in ("follows", "opposite", "noise", "macs", *AZ):
                value = {"follows": 2.0 * float(sed[index]) + repeat, "opposite": -float(sed[index])}.get(proxy)
                value = random.random() if value is None else value
                dead = proxy == "noise" and index == INDICES[0]
                reason = "a <dead> cell | really" if dead else None
                about = (index, SPACE.arch(index), float(sed[index]), proxy, repeat, None if dead else value, reason)
                rows.append((*about, 0.25, 0.2, 0.01, "cpu", "float32", 4, 0))
    setting = Setting(SPACE.describe(), "cifar10", "cpu", "random", 4, 0, "0.1", "2.13", "a machine", 2)
    frame = pl.DataFrame(rows, SCHEMA, orient="row")
    return Study(frame, setting, ["opposite"], SedSeconds(whole=1e-9, alone=1e-4))


@pytest.fixture(scope="module")
def small(study):
    """The same of two proxies, for what does not depend on how many there are."""
    return replace(study, rows=study.rows.filter(pl.col("proxy").is_in(["follows", "noise"])))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of accuracies of all architectures, shuffled."""
    path = tmp_path_factory.mktemp("table") / "accuracy.parquet"
    indices = Random(2).sample(range(SPACE.size), SPACE.size)
    frame = pl.DataFrame({"arch": SPACE.arch(indices), "cifar10_test": accuracy_of(indices), "epochs": 200})
    frame.write_parquet(path)
    return path


def test_values_by_architecture(study):
    wide = by_architecture(study)
    assert wide["index"].to_list() == INDICES
    assert wide.columns[:5] == ["index", "arch", "sed", "params", "macs"]
    assert wide["follows"].to_list() == [2 * float(s) + 0.5 for s in wide["sed"]]
    assert wide["noise"].null_count() == 1
    parts = [[sorted(wide[name].to_list()).index(one) + 1 for one in wide[name]] for name in (*AZ, "macs")]
    expected = [sum(np.log(rank / 60) for rank in ranks) for ranks in zip(*parts, strict=True)]
    assert wide["az_nas"].to_list() == pytest.approx(expected)
    known = {row["proxy"]: row for row in summary(study).to_dicts()}
    assert known["follows"]["spearman_with_sed"] == pytest.approx(1)
    assert known["opposite"]["spearman_with_sed"] == pytest.approx(-1)
    assert (known["noise"]["values"], known["noise"]["undefined"]) == (118, 2)


def test_what_has_no_value_ranks_last_in_aggregates(study):
    (first, second, *_), rows = INDICES, study.rows
    dead = (pl.col("index") == first) & pl.col("proxy").is_in(AZ)
    rows = rows.with_columns(value=pl.when(dead).then(None).otherwise("value"))
    rows = rows.filter((pl.col("index") != second) | (pl.col("proxy") != AZ[0]))  # a part that is yet to come
    wide = by_architecture(replace(study, rows=rows))
    assert wide.filter(index=second)["az_nas"].item() is None
    wide = wide.filter(pl.col("index") != second)
    values = [wide[name].fill_null(-np.inf).to_list() for name in (*AZ, "macs")]
    expected = [
        sum(np.log((sorted(of).index(one) + 1) / 59) for of, one in zip(values, row, strict=True))
        for row in zip(*values, strict=True)
    ]
    assert wide["az_nas"].to_list() == pytest.approx(expected)


def ranks_from_worst(values, better="more"):
    """The ranks of values, 1 for the worst; equals share the mean of theirs, and what has none comes last."""
    signed = [-np.inf if value is None else value if better == "more" else -value for value in values]
    return [sum(v < one for v in signed) + (sum(v == one for v in signed) + 1) / 2 for one in signed]


def test_aggregates_by_hand(study):
    random = Random(3)
    values = {name: [random.randrange(40) for _ in INDICES] for name in ("ntk_cond", "linear_regions", "vkdnw_single")}
    values |= {name: [random.random() for _ in INDICES] for name in ("jacob_cov", *AZ, "macs")}
    for name in ("ntk_cond", "jacob_cov", "az_trainability"):
        for place in random.sample(range(len(INDICES)), 5):
            values[name][place] = None
    about = study.rows.filter(pl.col("proxy") == "noise", pl.col("repeat") == 0).sort("index")
    rows = [
        about.with_columns(proxy=pl.lit(name), value=pl.Series(known, dtype=pl.Float64))
        for name, known in values.items()
    ]
    wide = by_architecture(replace(study, rows=pl.concat(rows), less=["ntk_cond"]))
    ranks = {name: ranks_from_worst(known, "less" if name == "ntk_cond" else "more") for name, known in values.items()}
    sums = [(a + b) / len(INDICES) for a, b in zip(ranks["ntk_cond"], ranks["linear_regions"], strict=True)]
    assert wide["te_nas"].to_list() == pytest.approx(sums)
    for name, parts in {
        "az_nas": (*AZ, "macs"),
        "vkdnw_agg": ("vkdnw_single", "jacob_cov", "az_expressivity", "az_trainability", "macs"),
    }.items():
        together = zip(*(ranks[part] for part in parts), strict=True)
        logarithms = [sum(np.log(rank / len(INDICES)) for rank in some) for some in together]
        assert wide[name].to_list() == pytest.approx(logarithms), name


def test_a_damaged_study_is_refused_or_the_same(study, tmp_path):
    few = Study(study.rows.head(28), study.setting, study.less, study.sed_seconds)
    path, random = tmp_path / "check.parquet", Random(7)
    write_study(path, few)
    whole = path.read_bytes()
    there = read_study(path)
    assert there.rows.equals(few.rows)
    assert (there.setting, there.less, there.sed_seconds) == (few.setting, few.less, few.sed_seconds)
    assert pl.read_parquet(path).equals(few.rows)  # for everyone else it is a Parquet file like any other
    damaged = [
        whole[:-1],
        whole[: len(whole) // 2],
        whole + b"x",
        b"",
        b"PAR1",
        whole.replace(b'"sha256"', b'"sha257"'),
    ]
    for _ in range(300):
        at = random.randrange(len(whole))
        damaged.append(whole[:at] + bytes([whole[at] ^ random.randrange(1, 256)]) + whole[at + 1 :])
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(ss.BadInput, match=r"check\.parquet is no study, or damaged: expected a file") as error:
            read_study(path)
        assert "\n" not in str(error.value)


def test_pipes_and_devices_are_not_waited_for(tmp_path):
    """As the study, and as the table beside it: a pipe that nobody writes to would never end, nor would /dev/zero."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    for path in (tmp_path / "pipe", tmp_path / "directory", Path("/dev/zero")):
        for read in (read_study, read_table):
            with pytest.raises(ss.BadInput, match=rf"{path} is no regular file$"):
                read(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": "4"}, "TypeError in its metadata: batch is '4'"),
        ({"seed": True}, "seed is True"),
        ({"machine": None}, "machine is None"),
        ({"space": {"size": 3}}, "space is {'size': 3}"),
        ({"less": ["a", 1]}, r"less is \['a', 1\]"),
        ({"sed_seconds": make_dataclass("Less", ["whole"])(1.0)}, r"sed_seconds is {'whole': 1\.0}"),
        ({"sed_seconds": SedSeconds(whole=1.0, alone=0.0)}, "sed_seconds is"),
    ],
)
def test_a_studys_metadata_is_of_the_right_types(study, tmp_path, change, said):
    known = {name: change.get(name, getattr(study, name)) for name in ("less", "sed_seconds")}
    setting = replace(study.setting, **{name: value for name, value in change.items() if name not in known})
    write_study(tmp_path / "check.parquet", Study(study.rows, setting, **known))
    with pytest.raises(ss.BadInput, match=r"check\.parquet is no study: .*" + said):
        read_study(tmp_path / "check.parquet")


def test_a_study_in_a_notebook(study):
    html = study._repr_html_()
    assert "<b>60 architectures of tss</b>, a machine" in html
    assert "follows" in html


def test_statistics_are_what_they_say():
    random = np.random.default_rng(5)
    score, accuracy = random.integers(0, 6, 200).astype(float), random.random(200)
    score[7], index = np.nan, random.permutation(1000)[:200]
    judged = judge(score, accuracy, index, np.concatenate([accuracy, [2.0, 3.0]]))
    kept = [i for i in range(200) if i != 7]
    s, a, at = ([one[i].item() for i in kept] for one in (score, accuracy, index))
    assert judged.all.n == 199
    assert judged.all.spearman == pytest.approx(naive.spearman(s, a))
    assert judged.all.kendall == pytest.approx(naive.kendall(s, a))
    best = naive.best_share(a, at)
    assert judged.best.n == len(best) == 9
    assert judged.best.spearman == pytest.approx(naive.spearman([s[i] for i in best], [a[i] for i in best]))
    assert judged.minimum == pytest.approx(naive.least_at_equal_score(s, a))
    winner, rank, regret = naive.pick(s, a, at)
    assert (judged.index, judged.accuracy) == (at[winner], a[winner])
    assert judged.rank == 2 + rank + (accuracy[7] > a[winner])
    assert judged.regret == 3 - a[winner]
    alone = judge(s, a, at)
    assert (alone.rank, alone.regret) == (rank, regret)
    turned = judge(-score, accuracy, index, less=True)
    assert (turned.all, turned.index) == (judged.all, judged.index)
    assert np.isnan(rank_correlation([1, 1, 1], [1, 2, 3]).spearman)
    assert judge([1.0, np.nan], [1.0, 2.0], [0, 1]) is None


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(0, 100)), min_size=1, max_size=6), st.integers(1, 8), st.randoms()
)
def test_ndcg_is_the_mean_over_the_orders_of_equal_scores(pairs, top, random):
    score, accuracy = [one for one, _ in pairs], [other for _, other in pairs]
    assume(max(accuracy) > 1)
    expected = naive.ndcg(score, accuracy, top)
    assert ndcg(score, accuracy, top) == pytest.approx(expected)
    assert ndcg(score, [one / 100 for one in accuracy], top) == pytest.approx(expected)  # fractions are percentages
    random.shuffle(pairs)
    assert ndcg(*zip(*pairs, strict=True), top) == pytest.approx(expected)
    assert ndcg(accuracy, accuracy, top) == pytest.approx(1)


def test_ndcg_is_of_percentages_only():
    assert ndcg([2, 1], [0.9, 0.1]) == 1
    for accuracy in ([-0.7, -0.6], [0, 0], [99, 101], [-1, 50]):
        assert np.isnan(ndcg([2, 1], accuracy))


def test_resamples_are_correlated_as_scipy_does():
    random = np.random.default_rng(3)
    a, b = random.integers(0, 7, 40).astype(float), random.normal(size=40).round(1)
    times = random.multinomial(40, np.full(40, 1 / 40), 50)
    times[0] = 0
    times[0, 3] = 40  # one pair over and over has no correlation
    rho, tau = resampled(a, b, times)
    assert np.isnan([rho[0], tau[0]]).all()
    for i in range(1, 50):
        x, y = np.repeat(a, times[i]), np.repeat(b, times[i])
        assert rho[i] == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
        assert tau[i] == pytest.approx(scipy.stats.kendalltau(x, y).statistic)


def test_intervals_hold_what_they_should():
    random = np.random.default_rng(4)
    held = 0
    for _ in range(100):  # of the true correlation, 95 in 100 do
        x, y = random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 80).T
        low, high = intervals(x, y).spearman
        held += low < 6 / np.pi * np.arcsin(0.3) < high
    assert 88 <= held <= 100
    few = intervals([1, 2, np.nan, 3, 4, 5], [1, 2, 3, 5, 4, np.inf])
    assert few == intervals([1, 2, 3, 4], [1, 2, 5, 4])
    assert few != intervals([1, 2, 3, 4, 5, 6], [1, 2, 5, 4, 6, 7])
    assert intervals([1, 1, 1, 1], [1, 2, 3, 4]) == Intervals(None, None)
    assert intervals([1, 2], [1, 2]) == intervals(range(2001), range(2001)) == Intervals(None, None)
    assert intervals(x, y, seed=1) != intervals(x, y) == intervals(x, y, seed=0)


def test_the_ensemble_learns_what_can_be_learned_and_nothing_else():
    random = np.random.default_rng(0)
    x = random.random((80, 2))
    scores = pl.DataFrame({"a": x[:, 0], "b": x[:, 1]}).with_columns(
        a=pl.when(pl.int_range(80) == 3).then(None).otherwise("a")
    )
    good = ensemble(scores, x[:, 0] ** 3 + 0.1 * x[:, 1])
    assert rank_correlation(good, x[:, 0] ** 3).spearman > 0.85
    assert np.array_equal(good, ensemble(scores, x[:, 0] ** 3 + 0.1 * x[:, 1]))
    chance = ensemble(scores, random.random(80))
    assert abs(rank_correlation(chance, random.random(80)).spearman) < 0.4
    assert ensemble(scores.head(10), range(10)) is None


def test_what_a_report_says(study, table, tmp_path):
    files = write_report(study, tmp_path / "report", table)
    assert all(path.stat().st_size > 500 for path in files)
    text = (tmp_path / "report" / "report.md").read_text()
    assert text.startswith("# 60 architectures of tss: SED beside 7 zero-cost proxies\n")
    assert "| follows | 1.00 (1.00 to 1.00) | 1.00 (1.00 to 1.00) | 60 |" in text
    assert "| opposite | -1.00 (-1.00 to -1.00) | -1.00 (-1.00 to -1.00) | 60 |" in text
    assert "95 % intervals, by 1,000 bootstrap resamples of the architectures" in text
    assert "| noise | 2 | a &lt;dead&gt; cell \\| really |" in text
    assert "| follows | 0.25 | 0.25 to 0.25 | 0.2 | 0.01 | 2.5e+08 | - | 68 min | - |" in text
    assert "## Against cifar10_test" in text
    assert "Against epochs" not in text
    sed = judge(ss.score("tss"), accuracy_of(range(SPACE.size)), range(SPACE.size))
    row = next(line for line in text.splitlines() if line.startswith("| sed | ") and "11668" in line)
    assert f"| {sed.all.spearman:.2f} | {sed.all.kendall:.2f} |" in row  # of a whole space, without intervals
    assert f"| {sed.ndcg:.2f} | 11668 | {sed.accuracy:.2f} | {sed.rank:,} | 3 | {sed.regret:.2f} |" in row
    judged = text.split("Everything, on the 60 architectures")[1].splitlines()
    opposite, follows = (
        next(line for line in judged if line.startswith(f"| {name} |")) for name in ("opposite", "follows")
    )
    assert opposite.split("|")[2:] == follows.split("|")[2:]  # turned round: less of it is better
    assert "random forest of all" in text
    pictures = re.findall(r"\]\((.*?\.png)\)", text)
    assert sorted(pictures) == sorted(path.name for path in files if path.suffix == ".png")
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count('<img src="data:image/png;base64,') == len(pictures)
    assert "a &lt;dead&gt; cell | really" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_a_report_says_what_is_learned_from_few(study, table, tmp_path):
    text = (write_report(study, tmp_path, table)[1]).read_text()
    about = text.split("## Learning cifar10_test from few")[1]
    rows = [line.split("|")[1:-1] for line in about.splitlines() if line.startswith("| ")]
    assert [row[0].strip() for row in rows] == [
        "learned from", "learned (Gaussian process)", "sed", "live_sed", "propagated_sed", "params",
    ]  # fmt: skip
    learned, sed = ([float(cell.split("(")[0]) for cell in row[1:]] for row in rows[1:3])
    assert learned[1] > max(learned[0], 0.6)
    everywhere = judge(ss.score("tss"), accuracy_of(range(SPACE.size)), range(SPACE.size)).all.kendall
    assert sed == pytest.approx([everywhere] * 2, abs=0.05)
    assert "(learning-cifar10_test.png)" in about


def test_the_same_study_gives_the_same_bytes(study, table, tmp_path):
    for name in ("one", "two"):
        write_report(study, tmp_path / name, table)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_page_by_itself():
    report = Report(
        "A & B", [Section("S", ["see `x < 1`", Table(["a", "b"], [["p|q", "2"]]), Picture("p.png", b"x", "P")])]
    )
    assert "| p\\|q | 2 |" in markdown(report)
    assert "\n\nsee `x < 1`\n\n" in markdown(report)
    assert markdown(report).startswith("# A &amp; B\n")
    assert "<p>see <code>x &lt; 1</code></p>" in html(report)
    assert "<title>A &amp; B</title>" in html(report)


def test_command_line(small, table, tmp_path):
    write_study(tmp_path / "check.parquet", small)
    said = CliRunner().invoke(
        cli, ["report", str(tmp_path / "check.parquet"), "--accuracy", str(table), "--out", str(tmp_path / "report")]
    )
    assert said.exit_code == 0, said.output
    assert said.output.splitlines()[0] == str(tmp_path / "report" / "report.html")
    chosen = report_of(small, table, ["epochs"])
    assert [section.title for section in chosen.sections][-2:] == ["Against epochs", "Learning epochs from few"]
    assert chosen.sections[-1].parts == ["Too few accuracies to learn from: 15,625, expected 20, of 8 values or more."]


def refused(study, tmp_path, frame, columns=None):
    frame.write_parquet(tmp_path / "table.parquet")
    with pytest.raises(ss.BadInput) as error:
        write_report(study, tmp_path / "out", tmp_path / "table.parquet", columns)
    assert not (tmp_path / "out").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_tables_that_do_not_match(study, tmp_path):
    accuracy = pl.DataFrame({"index": [1, 2, 3], "val_acc": [1.0, 2.0, 3.0]})
    assert "0 architectures of the study are in it" in refused(study, tmp_path, accuracy)
    assert "stands in the table 2 times" in refused(study, tmp_path, accuracy.with_columns(index=pl.Series([1, 1, 2])))
    assert "no column arch or index" in refused(study, tmp_path, accuracy.drop("index"))
    assert "no column with acc, test or val" in refused(study, tmp_path, accuracy.rename({"val_acc": "score"}))
    assert "did you mean 'val_acc'" in refused(study, tmp_path, accuracy, ["valacc"])
    darts = pl.DataFrame({"arch": [ss.space("darts").arch(5)], "val_acc": [90.0]})
    assert "is an architecture of darts" in refused(study, tmp_path, darts)
    empty = Study(study.rows.clear(), study.setting, [], None)
    with pytest.raises(ss.BadInput, match="has no values yet"):
        write_report(empty, tmp_path / "out")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ss.BadInput, match="is a file: expected a directory"):
        write_report(study, tmp_path / "file")
    with pytest.raises(ss.BadInput, match="is not there: expected the file of a study"):
        write_report(tmp_path / "none.parquet", tmp_path / "out")


@pytest.mark.parametrize("module", ["matplotlib", "scipy", "sklearn"])
def test_what_is_missing_is_named(study, table, tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ss.BadInput, match=rf"a report needs {module}: pip install 'matplotlib"):
        write_report(study, tmp_path / "out", table)
    assert not (tmp_path / "out").exists()


def test_a_reproduction_without_tables_checks_what_it_can(tmp_path):
    (tmp_path / "tables").mkdir()
    files = reproduce(tmp_path / "tables", tmp_path / "out")
    assert [path.name for path in files] == ["report.html", "report.md"]
    text = files[1].read_text()
    assert "| tss, cifar10: best by sed | rank 3, 94.36 % | nats_tss.parquet is not in --tables | unchecked |" in text
    assert "| Example 1: SED of all of tss5 | 6 min |" in text
    assert "no --study with grad_norm | unchecked |" in text
    assert "0.34 ns" not in text
    with pytest.raises(ss.BadInput, match=r"--tables .*nowhere is not a directory"):
        reproduce(tmp_path / "nowhere", tmp_path / "out")


def claims_of_time(study, monkeypatch, alone=1e-4, whole=0.01):
    """The claims on time, as if SED had taken those seconds on this machine."""
    monkeypatch.setattr("sedspace.report.costs.sed_seconds", lambda space: (alone, whole))
    parts = list(costs.time_claims(study))
    return {what: (told, found, verdict) for what, told, found, verdict in parts[0].rows}, parts


@pytest.mark.parametrize(("alone", "verdict"), [(1e-4, "slower"), (3.4e-5, "reproduced"), (1e-6, "reproduced")])
def test_one_architecture_is_held_against_one_and_a_space_against_a_space(monkeypatch, alone, verdict):
    said, _ = claims_of_time(None, monkeypatch, alone, 0.0033)  # 0.34 ns each: no time that anyone waits for one
    assert said["SED of one architecture of tss5, asked for alone"][::2] == ("34 µs", verdict)
    assert said["Example 1: SED of all of tss5"] == ("6 min", "3.3 ms", "reproduced")
    said, _ = claims_of_time(None, monkeypatch, alone, 400.0)
    assert said["SED of one architecture of tss5, asked for alone"][2] == verdict
    assert said["Example 1: SED of all of tss5"][2] == "slower"


def test_seconds_of_proxies_are_held_against_those_of_their_kind(study, monkeypatch):
    costly = replace(study, rows=study.rows.with_columns(proxy=pl.col("proxy").replace("noise", "grad_norm")))
    said, parts = claims_of_time(costly, monkeypatch)
    ratio = "grad_norm / SED, seconds of one architecture"
    assert said["grad_norm of all of tss"] == ("2.3 h on a GPU", "68 min on a machine (cpu)", "another device")
    assert said[ratio] == ("15,882", "2,600", "another device")  # 0.26 s by the 1e-4 s that the study's machine takes
    assert [row for row in parts[-1].rows if row[0].startswith("sed")] == [
        ["sed, asked for alone", "0.0001", "0.000128"]
    ]
    gpu = replace(costly, setting=replace(study.setting, device="cuda"))
    said, _ = claims_of_time(gpu, monkeypatch)
    assert (said["grad_norm of all of tss"][2], said[ratio][2]) == ("reproduced", "less")
    said, _ = claims_of_time(replace(gpu, sed_seconds=SedSeconds(whole=1e-9, alone=1e-5)), monkeypatch)
    assert said[ratio] == ("15,882", "26,000", "reproduced")
    other = replace(gpu, setting=replace(gpu.setting, dataset="cifar100"))
    said, parts = claims_of_time(other, monkeypatch)
    assert said[ratio][2] == "another data set"
    assert ["sed, asked for alone", "0.0001", "0.000128"] in parts[-1].rows
    five = replace(gpu, setting=replace(gpu.setting, space=ss.space("tss5").describe()))
    monkeypatch.setattr(costs, "summary", lambda _: summary(gpu))
    said, parts = claims_of_time(five, monkeypatch)
    assert said["grad_norm of all of tss5"] == ("1,480 h on a GPU", "705 h on a machine (cuda)", "reproduced")
    assert said["grad_norm / SED, seconds of the whole space"] == ("14,800", "260,000,000", "reproduced")
    assert {row[2] for row in parts[-1].rows} == {"-"}  # Table 1 of the paper has no tss5


def test_a_table_of_another_training_is_told_by_the_table_alone():
    accuracies = pl.Series([90.0 - i / 10 for i in range(500)])
    assert claims.is_of_table(1, 90.0, accuracies)
    assert claims.is_of_table(100, 79.5, accuracies)
    assert not claims.is_of_table(100, 70.0, accuracies)
    assert not claims.is_of_table(100, 84.0, accuracies)
    assert not claims.is_of_table(1, 90.5, accuracies)


def test_a_table_that_lacks_architectures_is_refused(study, tmp_path):
    table = pl.DataFrame({"index": [1, 2]}).with_columns(
        cifar10_test=pl.lit(1.0), cifar100_test=pl.lit(1.0), imagenet16_test=pl.lit(1.0)
    )
    table.write_parquet(tmp_path / "nats_tss.parquet")
    with pytest.raises(ss.BadInput, match="has 2 architectures of tss, expected all 15625"):
        reproduce(tmp_path, tmp_path / "out", study)
    assert not (tmp_path / "out").exists()


def test_a_reproduction(shared, study, tmp_path):
    costly = study.rows.with_columns(proxy=pl.col("proxy").replace("noise", "grad_norm"))
    files = reproduce(shared / "benchmarks", tmp_path, Study(costly, study.setting, study.less, study.sed_seconds))
    text = files[1].read_text()
    assert "| tss, imagenet16: best by sed | rank 24, 46.34 % | rank 26, 46.34 % | reproduced |" in text
    assert "| sss, cifar10: best by sed | rank 1, 89.45 % | rank 23, 93.40 % | another table |" in text
    assert "accuracy of 2,000 random cells | 0.61 | 0.69 of 1,218 | another sample |" in text
    assert "| grad_norm of all of tss | 2.3 h on a GPU | 68 min on a machine (cpu) | another device |" in text
    assert "| sss, cifar100: best of all | 70.92 | 71.34 | another table |" in text
    assert "| tss, imagenet16: best by params | 41.44 | 41.44 | reproduced |" in text
    assert "| SED, measured here | 73.51 | 46.34 | 70.72 (another table) | 47.17 (another table) |" in text
    assert "| sed | 0.75 (0.57) | 0.50 (0.37) |" in text
    assert "| az_nas: params, cifar100, 15,625 cells: kendall | 0.55 | 0.55 | reproduced |" in text
    assert "| vkdnw: flops, cifar10, 9,445 cells: ndcg | 0.74 | 0.74 | reproduced |" in text  # and so is its definition
    few = next(line for line in text.splitlines()[::-1] if line.startswith("| sed, measured here |")).split(" | ")
    assert [one.rstrip(" |") for one in few[3::3]] == ["0.851", "0.847", "0.721"]
    assert "| class_scene: live_sed | 0.71 | 0.53 |" in text
    assert "| cifar10_test_acc: sed | 0.52 |" in text
    assert "robustness_tss.parquet is not in --tables" in text
    row = next(line for line in text.splitlines() if line.startswith("| edgegpu_latency |"))
    table = pl.read_parquet(shared / "benchmarks" / "nats_tss.parquet").join(
        pl.read_parquet(shared / "benchmarks" / "hw_nas_bench_cifar10.parquet"), on="arch"
    )
    cheap = table.filter(pl.col("edgegpu_latency") <= pl.col("edgegpu_latency").quantile(0.5))
    assert f"/ {cheap['cifar100_test'].max():.1f} |" in row
    true = [
        (c, a)
        for c, a in table.select("edgegpu_latency", "cifar100_test").rows()
        if not len(table.filter((pl.col("edgegpu_latency") <= c) & (pl.col("cifar100_test") > a)).head(1))
    ]
    best_at = {cost: max(a for c, a in true if c == cost) for cost, _ in true}
    front = [c for c in best_at if not any(o < c and best_at[o] >= best_at[c] for o in best_at)]
    assert row.endswith(f"truly {len(front)} |")


def test_cells_without_dead_operations():
    passing = [[one != "none" for one in naive.operations(naive.digits(i, [5] * 6))] for i in range(15_625)]
    expected = [naive.live(passes, 4) == {edge for edge in range(6) if passes[edge]} for passes in passing]
    found = without_dead_operations(SPACE, pl.Series(range(15_625)))
    assert found.to_list() == expected
    with pytest.raises(ss.BadInput, match="nb101 does not tell live operations: expected a space with an operation"):
        without_dead_operations(ss.space("nb101"), pl.Series([0]))


def test_cells_without_dead_operations_are_those_that_proxies_are_compared_on(shared):
    table = pl.read_parquet(shared / "benchmarks" / "nb201_zero_cost_cifar10.parquet")
    found = without_dead_operations(SPACE, pl.Series(range(15_625)))
    assert found.arg_true().to_list() == sorted(SPACE.parse(table["arch"].to_list()).tolist())


def test_accuracies_under_attack(tmp_path):
    columns = {"fgsm": accuracy_of(INDICES), "pgd": [-one for one in accuracy_of(INDICES)], "attack": "none"}
    pl.DataFrame({"arch": SPACE.arch(INDICES), **columns}).write_parquet(tmp_path / "robustness_tss.parquet")
    text, table = robustness(tmp_path)
    assert "accuracies of 60 cells of `tss` under attack" in text
    assert table.heads == ["score", "fgsm", "pgd"]
    sed = naive.spearman([float(ss.score("tss")[i]) for i in INDICES], accuracy_of(INDICES))
    (row,) = (row for row in table.rows if row[0] == "sed")
    assert [one.split()[0] for one in row[1:]] == [f"{sed:.2f}", f"{-sed:.2f}"]
    pl.DataFrame({"index": [1, 2], "attack": "none"}).write_parquet(tmp_path / "robustness_tss.parquet")
    with pytest.raises(ss.BadInput, match=r"robustness_tss\.parquet has no column of numbers: it has index, attack"):
        list(robustness(tmp_path))


def test_the_best_published_proxy_is_of_the_same_accuracies():
    best = {name: best_published(table, table.columns[0]) for name, table in ACCURACY_TABLES.items()}
    assert best["nats_tss"] == ("az_nas", 0.913)
    assert best["nb101_20k"] == ("intrain", 0.75)
    assert best["transnas101_micro"] == ("jacov", 0.75)
    assert best["darts_214_trained"] is None
    assert ACCURACY_TABLES["transnas101_micro"].part_said() == "held out"
    assert ACCURACY_TABLES["nats_tss"].part_said() == "`sed` identified, `propagated_sed` chosen"


def test_a_column_with_the_name_of_a_score_is_no_score(small, tmp_path):
    random = Random(3)
    table = pl.DataFrame({"index": range(15_625)}).with_columns(
        params=pl.Series([random.random() for _ in range(15_625)]), test_acc=pl.Series(accuracy_of(range(15_625)))
    )
    table.write_parquet(tmp_path / "table.parquet")
    files = write_report(small, tmp_path / "out", tmp_path / "table.parquet", ["params", "test_acc"])
    about_params = files[1].read_text().split("## Against params")[1].split("## Learning params from few")[0]
    assert "| params measured |" not in about_params
    assert "| measured accuracy |" not in about_params
    rows = [line.split("|")[2].split("(")[0] for line in about_params.splitlines() if line.startswith("| params |")]
    assert len(rows) == 2
    assert all(abs(float(row)) < 0.4 for row in rows)
    forest = next(line for line in about_params.splitlines() if line.startswith("| random forest"))
    assert abs(float(forest.split("|")[2].split("(")[0])) < 0.5


def test_what_is_unreadable_in_a_table_is_said(small, tmp_path):
    table = pl.DataFrame({"arch": SPACE.arch(range(15_625)), "acc / top|1": accuracy_of(range(15_625))})
    table = table.with_columns(arch=pl.when(pl.int_range(15_625) == 7).then(pl.lit("|broken|")).otherwise("arch"))
    table.write_parquet(tmp_path / "table.parquet")
    files = write_report(small, tmp_path / "out", tmp_path / "table.parquet")
    text = files[1].read_text()
    assert "on all 15,624 architectures of the table. 1 rows of the table are unreadable, the first: row 7:" in text
    drawn = ["accuracy-acc-top-1-42d0dad0.png", "learning-acc-top-1-44f88796.png"]
    assert [path.name for path in files[2:] if "acc-top-1" in path.name] == drawn


EVIL = [
    *("acc @", "acc #", "ACC @", "acc $\\frac{$", "acc `x`", "acc *x* _y_ ~z~", "acc [a](b)", "acc a\nb", "acc |\\|"),
    *("acc <img src=x onerror=alert(1)>", "acc &lt;", "acc " + "x" * 300),
]


def unescaped(text):
    """What a browser shows of a line of Markdown: a backslash takes the meaning of what follows, then entities."""
    assert not re.search(r"(?<!\\)(\\\\)*[<`*\[\]|~$]", text)
    return unescape(re.sub(r"\\(.)", r"\1", text))


def test_columns_of_any_name_are_text_and_have_pictures_of_their_own(small, tmp_path):
    few = INDICES[:15]  # too few for random forests, which take time
    table = pl.DataFrame({"index": few}).with_columns(pl.Series(name, accuracy_of(few)) for name in EVIL)
    table.write_parquet(tmp_path / "table.parquet")
    files = write_report(small, tmp_path / "out", tmp_path / "table.parquet", EVIL)
    assert len({path.name.lower() for path in files}) == len(files) == 2 + 3 + len(EVIL)
    again = write_report(small, tmp_path / "again", tmp_path / "table.parquet", EVIL[2:0:-1])
    assert {path.name for path in again} < {path.name for path in files}  # whatever else is drawn
    titles = re.findall("^## (Against .*)$", files[1].read_text(), re.MULTILINE)
    assert [unescaped(title) for title in titles] == [f"Against {name}".replace("\n", " ") for name in EVIL]
    assert "<img src=x" not in files[0].read_text()


def test_reasons_of_any_text_are_text(small, tmp_path):
    evil = "<img src=x onerror=alert(1)> | `a` \\| **b**\nc"
    rows = small.rows.with_columns(reason=pl.when(pl.col("reason").is_not_null()).then(pl.lit(evil)))
    files = write_report(replace(small, rows=rows), tmp_path / "out")
    (row,) = (line for line in files[1].read_text().splitlines() if line.startswith("| noise | 2 |"))
    assert unescaped(row.removeprefix("| noise | 2 | ").removesuffix(" |")) == evil.replace("\n", " ")
    assert "<img src=x" not in files[0].read_text()


@pytest.mark.parametrize("index", [15_625, -1, 2**64 - 1])
def test_indices_that_are_of_no_architecture(study, tmp_path, index):
    dtype = pl.UInt64 if index > 0 else pl.Int64
    frame = pl.DataFrame({"index": pl.Series([3, index], dtype=dtype), "val_acc": [1.0, 2.0]})
    assert str(index) in refused(study, tmp_path, frame)


def test_reports_stay_on_this_machine(study):
    with pytest.raises(ss.BadInput, match="a report goes to a directory of this machine"):
        write_report(study, "s3://bucket/report")


PROBE = """<script>addEventListener("load", () => {
  const images = [...document.images];
  const shown = images.filter(one => one.complete && one.naturalWidth > 100).length;
  const wide = document.documentElement.scrollWidth > innerWidth;
  document.body.dataset.probe = `${shown} of ${images.length}, wider than the window: ${wide}`;
});</script>"""


def test_a_browser_shows_the_page_without_errors(study, table, tmp_path, browser):
    write_report(study, tmp_path, table)
    page = (tmp_path / "report.html").read_text()
    (tmp_path / "probed.html").write_text(page.replace("</body>", PROBE + "</body>"))
    started = [*browser, "--enable-logging=stderr", "--window-size=1200,900", "--virtual-time-budget=5000"]
    shot = tmp_path / "shot.png"
    subprocess.run(
        [*started, f"--screenshot={shot}", f"file://{tmp_path}/report.html"],
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert shot.stat().st_size > 20_000
    done = subprocess.run(
        [*started, "--dump-dom", f"file://{tmp_path}/probed.html"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    count = page.count("<img ")
    assert f'data-probe="{count} of {count}, wider than the window: false"' in done.stdout
    assert "CONSOLE" not in done.stderr
