"""Spaces with rules: everything that a space can do, equal to picking the rows of the whole space that meet them."""

from __future__ import annotations

import json
import pickle
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from itertools import combinations, islice, pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss
from commands import sedspace
from conftest import write_manifest
from toy import some_scores

DEFAULT = ["sed", "n_none", "n_skip", "n_conv1x1", "n_conv3x3", "n_pool", "residual", "params", "macs"]
WHERE = "params < 500000 AND n_skip <= 2"


def poolings(so_far, position, choice):
    """At most two poolings."""
    so_far += choice == 4
    return so_far if so_far <= 2 else None


def widening(last, position, choice):
    """No stage is narrower than the one before."""
    return choice if choice >= last else None


def odd(total, position, choice):
    """The sum of the choices, at the end an odd one."""
    return (total + choice) % 2


FEW = ss.OwnRule("few poolings", 0, poolings)
RULES = {
    "tss": FEW,
    "transnas_micro": ss.OwnRule("odd", 0, odd, lambda total: total == 1),
    "sss": ss.OwnRule("widening", 0, widening),
}


def kept(base, rule):
    """Return which indices of the whole space meet a rule, ascending, one architecture at a time."""
    out = []
    for index, digits in enumerate(base.digits(range(base.size)).tolist()):
        state = rule.begin
        for position, choice in enumerate(digits):
            state = None if state is None else rule.step(state, position, choice)
        if state is not None and rule.accept(state):
            out.append(index)
    return np.array(out)


@pytest.fixture(scope="module")
def few():
    """The cells of tss with at most two poolings."""
    return ss.restrict("tss", FEW, name="few")


@pytest.fixture(scope="module")
def rows(few):
    """Every cell that there is, by brute force: its index, arch string and default columns."""
    base = ss.space("tss")
    there = kept(base, FEW)
    columns = {name: ss.score(base, name)[there] for name in DEFAULT}
    return pl.DataFrame({"index": np.arange(len(there)), **columns, "arch": base.arch(there).tolist()})


def best_of(rows, by="sed"):
    return rows.sort([by, "index"], descending=[True, False])


@pytest.mark.parametrize("name", RULES)
def test_indices_are_ranks_and_scores_are_the_same(name):
    base, rule = ss.space(name), RULES[name]
    space, there = ss.restrict(name, rule), kept(ss.space(name), rule)
    assert space.size == len(space) == len(there) < base.size
    digits, archs = base.digits(there), base.arch(there)
    every = np.arange(space.size)
    assert space.digits(every).tolist() == digits.tolist()
    assert space.digits_of_range(0, space.size).tolist() == digits.tolist()
    assert space.index(digits).tolist() == every.tolist()
    assert space.arch(every).tolist() == archs.tolist()
    some = every[:: max(1, space.size // 500)]
    assert space.parse(archs[some]).tolist() == some.tolist()
    assert [space.draw(index) for index in some] == [base.draw(index) for index in there[some]]
    for score in [name for name in some_scores(space) if name not in ("functional_class", "representative")]:
        expected = ss.score(base, score)[there]
        assert np.array_equal(ss.score(space, score), expected, equal_nan=expected.dtype.kind == "f"), score


def test_cells_of_nb101_by_their_graphs():
    base, space = ss.space("nb101"), ss.restrict("nb101", RULES["transnas_micro"])
    assert space.size == base.size // 2
    assert space.arch(range(50)).tolist() == base.arch(range(1, 100, 2)).tolist()
    assert ss.score(space, "params", 40_000, 41_000).tolist() == ss.score(base, "params", 80_001, 82_001)[::2].tolist()
    index = space.parse(base.arch(9001))
    assert index == 4500
    assert space.matrix(index) == base.matrix(9001)
    assert space.find(*base.matrix(9001)) == index
    assert space.module_hash(index) == base.module_hash(9001)
    with pytest.raises(ss.BadInput, match="breaks the rule 'odd'"):
        space.find(*base.matrix(9000))


def test_a_sequence_of_what_there_is(few, rows):
    archs = rows["arch"].to_list()
    assert repr(few) == "<sedspace space few: 14,080 architectures, 6 positions>"
    assert list(few) == archs
    assert few[5:9_000:1000].tolist() == archs[5:9_000:1000]
    assert few[-1] == few[14_079] == archs[-1]
    assert few[::-2000].tolist() == archs[::-2000]
    forbidden = ss.space("tss").arch(15_624)
    assert archs[7] in few
    assert 14_079 in few
    assert forbidden not in few
    assert 14_080 not in few
    for arch, row in zip(archs[::500], few.digits(range(0, 14_080, 500)), strict=True):
        assert few.parse(arch) == few.index(row.tolist()) == archs.index(arch)
        assert few.arch(few.parse(arch)) == arch


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.digits(14_080), "index 14080 is outside few: expected 0 to 14079"),
        (lambda s: s.arch([3, 15_000]), "index 15000 is outside few: expected 0 to 14079"),
        (lambda s: s.index([4] * 6), r"arch '\|avg_pool_3x3~0\|.*' is not in few: it breaks the rule 'few poolings'"),
        (lambda s: s.index([[0] * 6, [4] * 6]), "breaks the rule 'few poolings'"),
        (lambda s: s.index([9] * 6), "digit 9 at position 0"),
        (lambda s: s.parse(ss.space("tss").arch(15_624)), "is not in few: it breaks the rule 'few poolings'"),
        (lambda s: s.parse(["x", s.arch(0)]), "row 0: arch 'x'"),
        (lambda s: ss.score(s, start=3, stop=14_081), "range 3:14081 is not within few"),
        (lambda s: ss.restrict(s), "no rules to restrict few by"),
        (lambda s: ss.restrict(s, "few"), "rule 'few': expected a Rule"),
        (lambda s: ss.restrict(s, FEW, name="tss5"), "name 'tss5' is one of sedspace's own"),
        (
            lambda s: ss.restrict(s, ss.OwnRule("none", 0, lambda *_: None)),
            "rule 'none': there is no such architecture",
        ),
        (
            lambda s: ss.restrict(s, ss.OwnRule("pools", 0, lambda so, p, c: so + (c == 4), lambda so: so > 2)),
            "rule 'few poolings' and rule 'pools': no architecture meets all of them",
        ),
    ],
)
def test_bad_input_is_one_line(few, call, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        call(few)
    assert "\n" not in str(caught.value)


def test_rules_upon_rules(few):
    odds = ss.OwnRule("odd", 0, odd, lambda total: total == 1)
    both, same = ss.restrict(few, odds), ss.restrict("tss", FEW, odds, name="few")
    there = sorted(set(kept(ss.space("tss"), FEW)) & set(kept(ss.space("tss"), odds)))
    assert both.arch(range(both.size)).tolist() == same.arch(range(same.size)).tolist()
    assert both.arch(range(both.size)).tolist() == ss.space("tss").arch(there).tolist()
    with pytest.raises(ss.BadInput, match="it breaks the rule 'odd'"):
        both.index([0] * 6)


def test_a_space_travels(few):
    assert pickle.loads(pickle.dumps(few)) is few
    assert few.describe()["size"] == 14_080
    assert json.loads(json.dumps(few.describe())) == few.describe()


# -- beyond int64 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tss8", "tss12"])
def test_spaces_beyond_int64(name):
    base, space = ss.space(name), ss.restrict(name, FEW)
    positions = len(base.positions)
    tables = [[[min(so + (c == 4), 3) if so + (c == 4) <= 2 else -1 for c in range(5)] for so in range(3)]] * positions
    ways = [[[0 if led >= 0 else -1 for led in row] for row in tables[0]]]
    tables = [tables[0][:1], *tables[1:-1], *ways]
    assert space.size == sum(4 ** (positions - n) * len(list(combinations(range(positions), n))) for n in range(3))
    chosen = random.Random(4)
    indices = [0, space.size - 1, *(chosen.randrange(space.size) for _ in range(20))]
    digits = space.digits(indices)
    assert [naive.machine_rank(tables, row) for row in digits.tolist()[:8]] == indices[:8]
    assert (digits == 4).sum(axis=1).max() <= 2
    assert space.index(digits).tolist() == [space.index(row.tolist()) for row in digits] == indices
    assert space.parse(space.arch(indices)).tolist() == indices
    assert space.arch(indices).tolist() == base.arch(base.index(digits)).tolist()
    start = indices[5]
    ranged = space.digits_of_range(start, start + 1000)
    assert ranged.tolist() == space.digits([start + i for i in range(1000)]).tolist()
    assert all(one < other for one, other in pairwise(base.index(ranged).tolist()))
    numbers = base.index(ranged)
    for score in ("sed", "macs"):
        assert ss.score(space, score, start, start + 1000).tolist() == ss.score(base, score, indices=numbers).tolist()
    assert sum(map(int, ss.census(space, ["n_pool"])["count"].to_list())) == space.size
    best = ss.top_k(space, 30)
    assert best["arch"].to_list() == ss.top_k(base, 30, where="n_pool <= 2")["arch"].to_list()
    assert ss.members(space, where="n_pool = 0").count == 4**positions


# -- exact answers ----------------------------------------------------------------------------------------------------


def test_classes_and_distributions(few, rows):
    names = ["sed", "params", "n_skip"]
    classes = rows.group_by(names).agg(pl.len().alias("count"), pl.col("index").min())
    found = ss.census(few, names[1:]).select(*names, "count", "index")
    assert found.rows() == best_of(classes).select(*names, "count", "index").rows()
    tally = ss.distribution(few).frame().select("sed", "count").rows()
    assert sorted(tally) == sorted(rows.group_by("sed").len().rows())
    some = rows[300:9000].group_by("sed").len().sort("sed", descending=True).rows()
    assert ss.histogram(few, "sed", 300, 9000).sort("sed", descending=True).rows() == some
    limited = rows.filter(pl.sql_expr(WHERE)).group_by("sed").len()
    assert sorted(ss.distribution(few, where=WHERE).frame().select("sed", "count").rows()) == sorted(limited.rows())


def test_the_best(few, rows):
    for where in (None, WHERE):
        expected = best_of(rows if where is None else rows.filter(pl.sql_expr(where)))
        assert ss.top_k(few, 1000, where=where)["index"].to_list() == expected["index"].to_list()[:1000]
        found = islice(ss.best_first(few, where=where), 2000)
        assert list(found) == expected.select("index", "sed").rows()[:2000]
        part = expected.filter(pl.col("index").is_between(500, 7000, closed="left"))
        found = ss.top_k(few, 50, start=500, stop=7000, where=where)
        assert found.select("index", "arch").rows() == part.select("index", "arch").rows()[:50]
        found = islice(ss.best_first(few, "sed", 500, 7000, where=where), 50)
        assert list(found) == part.select("index", "sed").rows()[:50]
    assert ss.top_k(few, 5, ascending=True)["index"].to_list() == rows.sort(["sed", "index"])["index"].to_list()[:5]


def test_fronts_and_budgets(few, rows):
    points = rows.group_by("sed", "params").agg(pl.len(), pl.col("index").min()).sort(["params", "sed"])
    on_front, most = [], float("-inf")
    for point in points.sort(["params", "sed"], descending=[False, True]).rows():
        if point[0] > most:
            on_front.append(point)
            most = point[0]
    assert ss.pareto(few).drop("arch").rows() == on_front[::-1]
    found = ss.best_within(few, [100_000, 600_000, 10**7])
    for budget, sed, count, index in found.select("budget", "sed", "count", "index").rows():
        within = rows.filter(pl.col("params") <= budget)
        ties = within.filter(pl.col("sed") == within["sed"].max())
        assert (sed, count, index) == (within["sed"].max(), len(ties), ties["index"].min())


def test_members(few, rows):
    expected = rows.filter(pl.sql_expr(WHERE))["index"].to_list()
    members = ss.members(few, where=WHERE)
    assert members[:].tolist() == list(members) == expected
    assert members.count == len(members) == len(expected)
    assert [members.rank(index) for index in expected[::100]] == list(range(0, len(expected), 100))
    assert [index in members for index in range(2000)] == [index in set(expected) for index in range(2000)]
    assert ss.members(few)[::1000].tolist() == list(range(0, 14_080, 1000))


def test_samples_are_uniform(few, rows):
    """Chi-square over all cells that meet a condition, and over pairs drawn together."""
    from scipy.stats import chisquare

    members = rows.filter(pl.col("sed") > 7.2)["index"].to_list()
    drawn = [ss.sample(few, 5, where="sed > 7.2", seed=seed)["index"].to_list() for seed in range(500)]
    for size in (1, 2):
        together = Counter(some for one in drawn for some in combinations(one, size))
        assert together.keys() <= set(combinations(members, size))
        assert chisquare([together[some] for some in combinations(members, size)]).pvalue > 1e-3
    whole = ss.sample(few, 7040, seed=3)["index"].to_numpy()
    assert len(set(whole.tolist())) == 7040
    assert chisquare(np.bincount(whole // 704, minlength=20)).pvalue > 1e-3
    one = ss.members(few).sample(2000, seed=5)
    assert chisquare(np.bincount(one // 704, minlength=20)).pvalue > 1e-3


def test_stratified_and_importance_samples(few, rows):
    from scipy.stats import chisquare

    sizes = dict(rows.group_by("sed").len().rows())
    frame = ss.sample(few, 600, stratify="sed", seed=4)
    counts = dict(frame.group_by("sed").len().rows())
    assert counts.keys() == sizes.keys()
    assert all(counts[sed] == size or counts[sed] >= max(counts.values()) - 1 for sed, size in sizes.items())
    assert frame["arch"].to_list() == [rows["arch"][index] for index in frame["index"].to_list()]
    assert sorted(ss.sample(few, few.size, stratify="sed")["index"]) == list(range(few.size))
    weights = np.exp(rows["sed"].to_numpy().astype(np.float64) / 1.5)
    drawn = ss.sample(few, 20_000, importance="sed", temperature=1.5, seed=9)
    index = drawn["index"].to_numpy()
    assert drawn["probability"].to_numpy() == pytest.approx(weights[index] / weights.sum(), rel=1e-9)
    levels, of = np.unique(rows["sed"].to_numpy(), return_inverse=True)
    by_level = np.bincount(of, weights / weights.sum())
    often = by_level > 0.001
    counts = np.bincount(of[index], minlength=len(levels))[often]
    assert chisquare(counts, by_level[often] / by_level[often].sum() * counts.sum()).pvalue > 1e-3


def test_one_of_each_functional_class(few):
    classes = ss.score(few, "functional_class")
    whole = ss.score("tss", "functional_class")[kept(ss.space("tss"), FEW)]
    _, first, of = np.unique(whole, return_index=True, return_inverse=True)
    assert classes.tolist() == first[of].tolist()
    found = ss.top_k(few, 100, unique="functional")["index"].to_numpy()
    assert (classes[found] == found).all()


# -- runs -------------------------------------------------------------------------------------------------------------


def write(path, space, **options):
    return ss.enumerate_space(space, path, progress=False, **options)


def content(path):
    return {file.name: file.read_bytes() for file in Path(path).iterdir()}


@pytest.fixture(scope="module")
def finished(few, tmp_path_factory):
    """A run of all cells in four shards, not to be changed."""
    return write(tmp_path_factory.mktemp("runs") / "few", few, shard_rows=4000)


def test_every_row(finished, rows):
    assert finished.scan().collect().rows() == rows.drop("arch").rows()
    assert finished.verify() == []
    report = finished.verify(full=True)
    assert (report, report.recomputed) == ([], 14_080)
    assert finished.describe()["max"][0] == "14079"


def test_ranges_and_conditions(few, rows, tmp_path):
    part = write(tmp_path / "part", few, start=777, stop=9001, shard_rows=1000, columns=["sed", "arch"])
    assert part.scan().collect().rows() == rows[777:9001].select("index", "sed", "arch").rows()
    assert part.verify(full=True) == []
    some = write(tmp_path / "some", few, where=WHERE, columns=["sed", "params"], shard_rows=3000)
    assert some.scan().collect().rows() == rows.filter(pl.sql_expr(WHERE)).select("index", "sed", "params").rows()
    assert some.verify(full=True) == []
    there = "\"0->1\" = 'avg_pool_3x3' AND sed > 3 AND arch LIKE '%skip_connect~2|'"
    named = write(tmp_path / "named", few, where=there)
    ends = pl.col("arch").str.starts_with("|avg_pool_3x3~0") & pl.col("arch").str.ends_with("skip_connect~2|")
    expected = rows.filter(ends, pl.col("sed") > 3)
    assert named.scan().collect()["index"].to_list() == expected["index"].to_list()
    assert 0 < named.rows < few.size
    assert named.verify(full=True) == []


def test_a_run_can_be_opened_anywhere(finished, rows):
    code = (
        "import sys, sedspace as ss\n"
        "run = ss.open_run(sys.argv[1])\n"
        "print(run.verify(), run.space.size, run.space.arch(14_000), run.top(1)['index'].item())\n"
    )
    out = subprocess.run([sys.executable, "-c", code, str(finished.path)], capture_output=True, text=True, check=True)
    assert out.stdout == f"[] 14080 {rows['arch'][14_000]} {best_of(rows)['index'][0]}\n"
    assert sedspace("verify", finished.path, "--full").stdout
    assert "14080" in sedspace("query", finished.path, "SELECT COUNT(*) FROM archs").stdout
    assert rows["arch"][14_000] in sedspace("top", finished.path, "-k", 14_080, "--json").stdout


def test_an_interrupted_run_is_continued(few, finished, tmp_path):
    copy = Path(shutil.copytree(finished.path, tmp_path / "copy"))
    (copy / "manifest.json").unlink()
    (copy / "part-00001-of-00004.parquet").unlink()
    with pytest.raises(ss.BadInput, match="its space"):
        write(copy, "tss", shard_rows=4000)
    with pytest.raises(ss.BadInput, match="its space"):
        write(copy, ss.restrict("tss", ss.OwnRule("other", 0, poolings), name="few"), shard_rows=4000)
    assert write(copy, few, shard_rows=4000).rows_found == 14_080 - 4000
    assert content(copy) == content(finished.path)


KILLED = """
import sys, sedspace as ss
few = ss.OwnRule("few", 0, lambda so, p, c: so if c != 4 else so + 1 if so < 2 else None)
ss.enumerate_space(ss.restrict("tss5", few, name="few"), sys.argv[1], progress=False, shard_rows=20_000, stop=400_000)
"""


def test_a_killed_run_is_continued_to_the_same_bytes(tmp_path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "once")]) as process:
        while process.poll() is None and len(list((tmp_path / "once").glob("part-*"))) < 3:
            time.sleep(0.01)
        process.kill()
    assert not (tmp_path / "once" / "manifest.json").exists()
    space = ss.restrict("tss5", ss.OwnRule("few", 0, poolings), name="few")
    for path in ("once", "whole"):
        run = write(tmp_path / path, space, shard_rows=20_000, stop=400_000)
        assert (run.rows_found > 0) == (path == "once")
    assert content(tmp_path / "once") == content(tmp_path / "whole")
    assert run.verify() == []


def test_damage_is_found_and_repaired(finished, tmp_path):
    copy = Path(shutil.copytree(finished.path, tmp_path / "copy"))
    file = copy / "part-00002-of-00004.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert [problem.file for problem in ss.open_run(copy).verify()] == [file.name]
    assert [problem.file for problem in ss.repair_run(copy)] == [file.name]
    assert content(copy) == content(finished.path)


def test_rules_that_do_not_fit_their_manifest_are_refused(finished, tmp_path):
    copy = Path(shutil.copytree(finished.path, tmp_path / "copy"))
    whole = json.loads((copy / "manifest.json").read_text())
    for change, message in [
        ({"rules": [{"rule": "nothing"}]}, "nothing"),
        ({"rules": "few"}, "rules"),
        ({"rules": [{"rule": "machine", "name": "few", "steps": [[[0]]]}]}, "its steps are none"),
        ({"size": 5}, "size"),
    ]:
        write_manifest(copy, {**whole, "space": {**whole["space"], **change}})
        with pytest.raises((ss.BadInput, ss.RunError), match=message):
            ss.open_run(copy)
        whole = json.loads((finished.path / "manifest.json").read_text())


def test_questions_to_a_run(finished, rows):
    assert finished.top(20)["index"].to_list() == best_of(rows)["index"].to_list()[:20]
    there = best_of(rows.filter(pl.col("arch").str.starts_with("|avg_pool_3x3~0")))["arch"].to_list()
    assert finished.top(20, where="\"0->1\" = 'avg_pool_3x3'")["arch"].to_list() == there[:20]
    found = finished.top(9, where="arch LIKE '%avg_pool_3x3~2|'")["index"].to_list()
    assert found == best_of(rows.filter(pl.col("arch").str.ends_with("avg_pool_3x3~2|")))["index"].to_list()[:9]
    assert finished.top(3, columns=["depth"])["depth"].to_list() == [
        ss.score("tss", "depth", indices=[ss.space("tss").parse(arch)]).item() for arch in best_of(rows)["arch"][:3]
    ]
    assert finished.sql("SELECT COUNT(*), MAX(sed) FROM archs WHERE n_pool = 2").rows() == [
        (rows.filter(pl.col("n_pool") == 2).height, rows.filter(pl.col("n_pool") == 2)["sed"].max())
    ]
    drawn = finished.sample(50, stratify="sed", seed=1)
    assert drawn["arch"].to_list() == [rows["arch"][index] for index in drawn["index"].to_list()]
    assert ss.top_k(finished, 5)["index"].to_list() == best_of(rows)["index"].to_list()[:5]


def test_tables_are_joined(finished, rows):
    chosen = [5, 13_999, 14_079]
    for table in ({"arch": [rows["arch"][i] for i in chosen]}, {"index": chosen}):
        matched = finished.join(pl.DataFrame({**table, "accuracy": [1.0, 2.0, 3.0]}))
        assert matched.frame.select("index", "accuracy").rows() == list(zip(chosen, [1.0, 2.0, 3.0], strict=True))
        assert matched.frame["sed"].to_list() == [rows["sed"][i] for i in chosen]
    forbidden = ss.space("tss").arch(15_624)
    matched = finished.join(pl.DataFrame({"arch": [forbidden, rows["arch"][3]]}))
    assert matched.frame["index"].to_list() == [3]
    assert matched.unreadable[0].startswith("row 0: ")
    assert "breaks the rule 'few poolings'" in matched.unreadable[0]


# -- scores of one's own, and other ways to look ----------------------------------------------------------------------


def last_digits(digits):
    return digits[4] * 10 + digits[5]


def conv_steps(digits):
    return (digits >= 2).sum(axis=1) * 1000 + digits[:, 0]


@pytest.mark.parametrize(
    "score",
    [
        ss.AdditiveScore("own", {"a": {"none": 3}, "b": "params"}, lambda a, b: a * a + b // 1000, dtype="int32"),
        ss.DigitScore("own", last_digits, dtype="uint8"),
        ss.ArrayScore("own", conv_steps, dtype="int32"),
    ],
    ids=["additive", "digits", "arrays"],
)
def test_scores_of_ones_own(few, rows, score, tmp_path):
    values = ss.score("tss", score)[kept(ss.space("tss"), FEW)]
    own = rows.with_columns(own=values)
    assert ss.score(few, score).tolist() == values.tolist()
    assert ss.score(few, score, 500, 600).tolist() == values[500:600].tolist()
    assert ss.top_k(few, 40, score)["index"].to_list() == best_of(own, "own")["index"].to_list()[:40]
    assert ss.histogram(few, score)["count"].sum() == few.size
    assert dict(ss.distribution(few, score).frame().select("own", "count").rows()) == Counter(values.tolist())
    run = write(tmp_path / "run", few, columns=["sed", score], start=100, stop=3000)
    assert run.scan().collect().rows() == own[100:3000].select("index", "sed", "own").rows()
    few_rows = write(tmp_path / "few", few, columns=[score], where="sed > 4")
    assert few_rows.scan().collect().rows() == own.filter(pl.col("sed") > 4).select("index", "own").rows()


def test_inside_polars(few, rows):
    frame = rows.select("index", "arch", "sed", "params")
    made = frame.select(
        pl.col("index").sed.arch(few).alias("arch"),
        pl.col("index").sed.score(few).alias("sed"),
        pl.col("index").sed.score(few, "params").alias("params"),
        pl.col("arch").sed.index(few).alias("index"),
    )
    assert made.select(frame.columns).equals(frame)
    digits = frame.select(pl.col("index").sed.digits(few).alias("digits"))["digits"]
    assert np.array_equal(digits.to_numpy(), few.digits(range(few.size)))


def test_one_architecture(few, rows):
    one = ss.architecture(few, 14_000)
    assert ss.architecture(few, rows["arch"][14_000]).index == 14_000
    assert str(one).splitlines()[:2] == ["few, index 14000 of 14,080", f"arch    {rows['arch'][14_000]}"]
    better = (rows["sed"] > rows["sed"][14_000]).sum()
    assert one.standing.rank == better + 1
    assert one.standing.ties == (rows["sed"] == rows["sed"][14_000]).sum()
    json.dumps(one.describe())


def test_networks(few, rows):
    pytest.importorskip("torch", reason="needs torch")
    network = few.network(14_000)
    assert sum(p.numel() for p in network.parameters()) == rows["params"][14_000]
