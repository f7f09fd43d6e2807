"""Conditions: one meaning everywhere, judged by what they do and not by how they are written."""

from __future__ import annotations

import math
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sedspace as ss
from sedspace.condition import Condition
from toy import Toy

NAN = float("nan")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of tss with its default columns."""
    return ss.enumerate_space("tss", tmp_path_factory.mktemp("runs") / "tss", progress=False)


@pytest.fixture(scope="module")
def rows(run):
    """Return its rows as dictionaries, with the names of what stands at each edge."""
    space = run.space
    digits = space.digits(np.arange(space.size))
    choices = [{p.name: p.choices[d].name for p, d in zip(space.positions, row, strict=True)} for row in digits]
    archs = space.arch(np.arange(space.size))
    everything = zip(run.scan().collect().to_dicts(), choices, archs, strict=True)
    return [{**row, **chosen, "arch": arch} for row, chosen, arch in everything]


# Each condition in SQL, and the same in Python. Whatever polars' types are, integers do not wrap.
MEANINGS = {
    "POW (n_skip, 3) > 200": lambda r: r["n_skip"] ** 3 > 200,
    "POW(n_skip, 3) > 200": lambda r: r["n_skip"] ** 3 > 200,
    "n_skip*n_skip*n_skip > 200": lambda r: r["n_skip"] ** 3 > 200,
    "n_skip - n_none < 0": lambda r: r["n_skip"] < r["n_none"],
    "n_skip -n_none >= - 2": lambda r: r["n_skip"] - r["n_none"] >= -2,
    "n_skip + 254 > 255": lambda r: r["n_skip"] > 1,
    "- n_skip < -3": lambda r: r["n_skip"] > 3,
    "params * params * 4 > 4000000000000": lambda r: r["params"] ** 2 > 10**12,
    "macs * macs > 10000000000000000": lambda r: r["macs"] ** 2 > 10**16,
    "CASE WHEN n_skip > 2 THEN n_skip * 100 ELSE 0 END > 299": lambda r: r["n_skip"] > 2,
    "(CASE n_skip WHEN 1 THEN 0 - 1 ELSE 1 END) < n_none": lambda r: (-1 if r["n_skip"] == 1 else 1) < r["n_none"],
    "abs(n_conv3x3 - n_skip) = 5": lambda r: abs(r["n_conv3x3"] - r["n_skip"]) == 5,
    "greatest(n_skip, n_none) * 100 >= 500": lambda r: max(r["n_skip"], r["n_none"]) >= 5,
    "n_skip IN (1, 300, 2) AND NOT (n_none BETWEEN 1 AND 6)": lambda r: r["n_skip"] in (1, 2) and r["n_none"] == 0,
    "n_skip < 300 OR sed > 100": lambda r: True,
    "n_skip = 2.5": lambda r: False,
    "ln(n_skip - 3) >= 0": lambda r: r["n_skip"] >= 4,
    "sqrt(n_skip - 3) > 1 OR n_none = 6": lambda r: r["n_skip"] > 4 or r["n_none"] == 6,
    "NOT (ln(n_skip - 3) >= 1)": lambda r: 3 <= r["n_skip"] <= 5,
    "\"0->3\" = 'skip_connect' AND sed > 3": lambda r: r["0->3"] == "skip_connect" and r["sed"] > 3,
    "\"0->3\" IN ('none', 'nor_conv_1x1') OR \"1->2\" LIKE 'avg%'": lambda r: (
        r["0->3"] in ("none", "nor_conv_1x1") or r["1->2"].startswith("avg")
    ),
    '"0->1" = "2->3"': lambda r: r["0->1"] == r["2->3"],
}


@pytest.mark.parametrize("where", MEANINGS)
def test_a_condition_means_the_same_everywhere(tmp_path, run, rows, where):
    expected = [row["index"] for row in rows if MEANINGS[where](row)]
    assert sorted(run.top(10**6, where=where)["index"]) == expected
    assert list(ss.members("tss", where=where)) == expected
    written = ss.enumerate_space("tss", tmp_path / "run", where=where, columns=["sed"], progress=False)
    assert written.scan().collect()["index"].to_list() == expected
    assert written.verify() == []


@pytest.mark.parametrize("where", ["arch LIKE '|skip%'", "index % 1000 = 3 AND sed > 1", "length(arch) < 70"])
def test_arch_and_index_are_columns_of_every_run(tmp_path, run, rows, where):
    frame = pl.DataFrame([{"arch": row["arch"], "index": row["index"], "sed": row["sed"]} for row in rows])
    expected = frame.filter(pl.sql_expr(where))["index"].to_list()
    assert expected
    assert sorted(run.top(10**6, where=where)["index"]) == expected
    assert list(ss.members("tss", where=where)) == expected
    written = ss.enumerate_space("tss", tmp_path / "run", where=where, columns=["sed"], progress=False)
    assert written.scan().collect()["index"].to_list() == expected


def test_widths_are_numbers():
    widths = [list(map(int, ss.space("sss").arch(i).split(":"))) for i in range(0, 32768, 7)]
    found = ss.members("sss", where='"stage 1" >= 32 AND "stage 5" < "stage 1"')
    for i, row in zip(range(0, 32768, 7), widths, strict=True):
        assert (i in found) == (row[0] >= 32 and row[4] < row[0])


def test_positions_of_a_space_too_large_to_write():
    found = ss.members("darts", where="\"normal 2\" LIKE '%sep_conv_3x3~0 skip_connect~1' AND n_skip_normal = 1")
    for index in found.at([0, found.count // 2, found.count - 1]).tolist():
        normal = ss.space("darts").arch(index).partition("normal=[")[2].partition("]")[0]
        assert normal.startswith("('sep_conv_3x3', 0), ('skip_connect', 1), ")
        assert normal.count("skip_connect") == 1
    best = ss.top_k("tss8", 1, where="\"0->7\" = 'skip_connect' AND \"0->1\" = 'none'")
    digits = dict(
        zip((p.name for p in ss.space("tss8").positions), ss.space("tss8").digits(best["index"])[0], strict=True)
    )
    assert (digits["0->7"], digits["0->1"]) == (1, 0)


OTHER_ROWS = [
    *("sed >= max(sed)", "sed >= `max`(sed)", 'sed >= "max"(sed)', "sed > avg ( sed )", "count(*) > 3"),
    *(
        "sed > /* x */ max /* y */ (sed)",
        "row_number() OVER (ORDER BY sed) < 3",
        "sum(n_skip) OVER (PARTITION BY sed) > 2",
    ),
    *(
        "sed > median(sed)",
        "first(n_skip) = 3",
        "n_skip = any(n_none)",
        "quantile_cont(sed, 0.5) > 2",
        "stddev(sed) > 0",
    ),
    *("n_skip > (SELECT 3)", "EXISTS (SELECT 1)", "now() > '2020-01-01' AND n_skip > 2", "unnest(n_skip) > 3"),
]


@pytest.mark.parametrize("where", OTHER_ROWS)
def test_a_condition_is_about_one_row_however_it_is_written(tmp_path, run, where):
    for ask in (lambda: run.top(3, where=where), lambda: ss.members("tss", where=where), lambda: enumerate_it()):

        def enumerate_it():
            return ss.enumerate_space("tss", tmp_path / "run", where=where, progress=False)

        with pytest.raises(ss.BadInput, match=r"about one row at a time|is not a condition in SQL") as caught:
            ask()
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@given(st.sampled_from(list(MEANINGS)), st.lists(st.integers(0, 5**6 - 1), min_size=1, max_size=5))
def test_a_row_passes_by_itself_as_among_others(where, indices):
    space = ss.space("tss")
    from sedspace.scores.vocabulary import condition_on

    condition, needed = condition_on(space, where, {})
    digits = space.digits(np.array(indices))
    values = {name: score.values(score.at(space, digits)) for name, score in needed.items()}
    together = condition.holds(values)
    alone = [
        condition.holds({name: column[i : i + 1] for name, column in values.items()})[0] for i in range(len(indices))
    ]
    assert together.tolist() == alone


# -- NaN ---------------------------------------------------------------------------------------------------------------


def halves(value):
    """Return a score that is NaN where there is no skip connection, else half their number."""
    return ss.AdditiveScore("half", {"n": "n_skip"}, lambda n: np.where(n == 0, value, n / 2), dtype="float64")


@pytest.mark.parametrize(
    "where", ["half >= 1", "NOT half >= 1", "half <> 1", "half = half", "half IS NOT NULL", "half < 9"]
)
def test_nan_meets_no_condition(tmp_path, forget_scores, where):
    ss.register(halves(NAN))
    counts = ss.score("tss", "n_skip")
    inner = {"half >= 1": counts >= 2, "NOT half >= 1": counts == 1, "half <> 1": counts != 2}.get(where, counts > 0)
    expected = np.flatnonzero((counts > 0) & inner).tolist()
    assert list(ss.members("tss", where=where)) == expected
    run = ss.enumerate_space("tss", tmp_path / "all", columns=["half", "sed"], progress=False)
    assert sorted(run.top(10**6, where=where)["index"]) == expected
    few = ss.enumerate_space("tss", tmp_path / "few", columns=["half"], where=where, progress=False)
    assert few.scan().collect()["index"].to_list() == expected
    assert few.verify() == []


def test_conditions_and_distributions_count_alike(forget_scores):
    ss.register(halves(NAN))
    distribution = ss.distribution("tss", "half")
    assert ss.members("tss", where="half >= 1.5").count == distribution.at_least(1.5)
    assert ss.members("tss", where="half >= 0").count == distribution.total == (ss.score("tss", "n_skip") > 0).sum()
    assert ss.members("tss", where="half IS NULL").count == 5**6 - distribution.total


@given(st.lists(st.one_of(st.floats(-3, 3), st.just(NAN)), min_size=1, max_size=8))
def test_comparisons_with_nan_are_false_both_ways(values):
    column = np.array(values)
    for operator in ("<", "<=", ">", ">=", "=", "<>"):
        found = Condition(f"x {operator} 1", {"x": "float64"}).holds({"x": column})
        negated = Condition(f"NOT (x {operator} 1)", {"x": "float64"}).holds({"x": column})
        assert (found ^ negated).tolist() == [not math.isnan(value) for value in values]


@pytest.mark.parametrize(
    ("where", "plain"),
    [
        ("params < 0.5M", "params < 500000"),
        ("params<500_000 AND macs > 50M", "params < 500000 AND macs > 50000000"),
        ("sed > 0.006k", "sed > 6"),
        ("sed > 0.0055k", "sed > 5.5"),
        ("params BETWEEN 0.1M AND 2e5", "params BETWEEN 100000 AND 200000"),
        ("\"0->3\" = 'skip_connect' AND n_skip IN (0.001k, 3)", "\"0->3\" = 'skip_connect' AND n_skip IN (1, 3)"),
        ("arch LIKE '%1M%' OR sed > 8 /* 1M */", "arch LIKE '%1M%' OR sed > 8"),
    ],
)  # fmt: skip
def test_numbers_may_have_suffixes(run, where, plain):
    assert run.top(100, where=where).equals(run.top(100, where=plain))
    if "arch" not in where:
        assert ss.top_k("tss", 100, where=where).equals(ss.top_k("tss", 100, where=plain))


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("\"0->3\" = 'skip'", r"unknown choice at 0->3 'skip': did you mean 'skip_connect'\?"),
        ("\"0->3\" IN ('none', 'conv')", "unknown choice at 0->3 'conv'"),
        ("\"0->9\" = 'none'", "unknown column '0->9'"),
        ("sed > '\udcff'", r"is no text in UTF-8"),
        ("sed", "gives numbers, expected a condition"),
        ("params < 0.5X", "letters after a number: expected 500000, 500_000, 0.5M or 5e5"),
        (
            " OR ".join(f"index = {i}" for i in range(4000)),
            r"has 11,999 names and operators, expected at most 1,000: name many values with IN",
        ),
        (" OR ".join(f"index = {i}" for i in range(20000)), r"has 59,999 names"),
        ("NOT (" * 100 + "sed > 3" + ")" * 100, "parentheses 100 deep"),
        ("+".join(["n_skip"] * 150) + " > 3", "nested too deep"),
        ("=".join(["n_skip"] * 30000), "has 59,999 names"),
        (3, "expected a condition in SQL"),
    ],
)
def test_bad_conditions_are_one_line(run, where, message):
    for ask in (lambda: ss.members("tss", where=where), lambda: run.top(3, where=where)):
        with pytest.raises(ss.BadInput, match=message) as caught:
            ask()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 2000


def test_many_values_are_named_with_in(run):
    wanted = range(0, 15000, 3)
    assert len(run.top(10**5, where=f"index IN ({', '.join(map(str, wanted))})")) == len(wanted)
    assert len(run.top(10**5, where=" OR ".join(f"index = {i}" for i in range(200)))) == 200


def test_columns_of_queries_are_those_of_the_run_alone(run):
    for statement in (
        "SELECT * FROM {}('x.csv')",
        "SELECT * FROM archs JOIN {} ('x') USING (index)",
        "SELECT (SELECT 1 FROM `{}`('x'))",
    ):
        for name in ("read_csv", "READ_PARQUET", "read_json", "read_ipc", "Read_NdJson"):
            with pytest.raises(ss.BadInput, match=re.escape(f"calls {name}")):
                run.sql(statement.format(name))


def test_files_are_read_where_they_are_allowed(run, tmp_path):
    pl.DataFrame({"index": [3, 11668], "accuracy": [85.1, 94.4]}).write_csv(tmp_path / "mine.csv")
    statement = (
        f"SELECT archs.index, accuracy FROM archs JOIN read_csv('{tmp_path}/mine.csv') t ON archs.index = t.index"
    )
    assert run.sql(statement, allow_files=True).sort("index").rows() == [(3, 85.1), (11668, 94.4)]
    with pytest.raises(ss.BadInput, match=r"cannot be answered: .*gone\.csv"):
        run.sql("SELECT * FROM read_csv('gone.csv')", allow_files=True)


@pytest.mark.parametrize(
    "statement", ["DROP TABLE archs", "TRUNCATE archs", "DELETE FROM archs", "", "UPDATE archs SET sed = 1", 3]
)
def test_only_questions_are_queries(run, statement):
    with pytest.raises(ss.BadInput, match="expected one that begins with SELECT or WITH"):
        run.sql(statement)


def test_other_shapes_of_questions(run):
    assert run.sql("WITH few AS (SELECT * FROM archs LIMIT 3) SELECT count(*) AS n FROM few").item() == 3
    assert run.sql(" (select max(sed) as m from archs)").item() == 8.75
    with pytest.raises(ss.BadInput, match="no text in UTF-8"):
        run.sql("SELECT '\udcff'")


def test_rows_of_a_run_are_sampled_under_any_condition(run):
    drawn = run.sample(5, where="\"0->3\" = 'skip_connect' AND arch LIKE '|none%'")
    assert all(arch.startswith("|none~0|") and "+|skip_connect~0|" in arch for arch in drawn["arch"])


def test_numbers_wider_than_a_byte_stay_exact():
    space = Toy([300, 3])
    assert list(ss.members(space, where="kernels * kernels > 160000")) == [
        i for i in range(900) if (100 + sum(space.digits(i).astype(int))) ** 2 > 160000
    ]


# -- forms of one condition --------------------------------------------------------------------------------------------


def tenths():
    return ss.AdditiveScore("tenth", {"n": "n_conv3x3"}, lambda n: n, denominator=10)


@pytest.mark.parametrize(
    ("form", "meaning"),
    [
        ("tenth BETWEEN 0.1 AND 0.3", lambda n: 1 <= n <= 3),
        ("tenth >= 0.1 AND tenth <= 0.3", lambda n: 1 <= n <= 3),
        ("tenth IN (0.1, 0.3)", lambda n: n in (1, 3)),
        ("CASE tenth WHEN 0.1 THEN TRUE ELSE FALSE END", lambda n: n == 1),
        ("tenth IS NOT DISTINCT FROM 0.1", lambda n: n == 1),
        ("tenth IS DISTINCT FROM 0.1", lambda n: n != 1),
        ("tenth = 0.1", lambda n: n == 1),
        ("tenth <> 0.1", lambda n: n != 1),
        ("0.3 < tenth", lambda n: n > 3),
    ],
)
def test_single_precision_is_compared_alike_in_every_form(forget_scores, form, meaning):
    ss.register(tenths())
    counts = ss.score("tss", "n_conv3x3").tolist()
    assert list(ss.members("tss", where=form)) == [i for i, n in enumerate(counts) if meaning(n)]


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("LENGTH(arch) - 1000 < 0", 15625),
        ("STRPOS(arch, 'zz') - 1 < 0", 15625),
        ("OCTET_LENGTH(arch) * 2000000000 > 5000000000", 15625),
        ('LENGTH("0->3") - 5 < 0', 3125),
        ("POW(10, n_skip * 2) >= 10000000000", 25),
        ("POW(2, n_skip * 10) >= 1099511627776", 265),
        ("CAST(n_skip AS INT) * 1000000000 >= 3000000000", 1545),
        ("CAST(n_skip AS TINYINT) * 100 > 200", 1545),
        ("POW(macs, 5) > 0", 15625),
        ("macs * macs * macs * macs * macs > 0", 15625),
        ("macs * macs > 0", 15625),
    ],
)
def test_no_integer_of_any_origin_wraps(run, where, count):
    assert ss.members("tss", where=where).count == count
    assert len(run.top(10**6, where=where)) == count


@pytest.mark.parametrize(
    ("where", "counted"),
    [("GREATEST(half, 3) = 3", "n <= 6"), ("COALESCE(half, 3) = 3", "n in (0, 6)"), ("CAST(half AS BOOLEAN)", "n > 0")],
)
def test_nan_is_null_wherever_it_stands(forget_scores, where, counted):
    ss.register(halves(NAN))
    counts = ss.score("tss", "n_skip").tolist()
    assert ss.members("tss", where=where).count == sum(eval(counted, {"n": n}) for n in counts)


@pytest.mark.parametrize(
    "where",
    [
        "sed" + " IS NULL" * 15000,
        "INTERVAL " * 5000 + "1",
        "sed > 1 -- '\n" + "OR sed > 2 " * 20000 + "-- '",
        "ARRAY[" * 100 + "1" + "]" * 100 + " = sed",
        "sed > 1 OR E'\\'' = '" + "OR sed > 2 " * 20000 + "'",
    ],
)
def test_what_would_end_the_process_is_refused_before_it_is_parsed(run, where):
    with pytest.raises(ss.BadInput, match=r"names and operators|deep|not a condition"):
        ss.members("tss", where=where)
    with pytest.raises(ss.BadInput, match=r"names and operators|deep|cannot be answered"):
        run.sql(f"SELECT index FROM archs WHERE {where}")


def test_queries_are_limited_and_take_nan_for_null(tmp_path):
    run = ss.enumerate_space("tss", tmp_path / "run", columns=[halves(NAN), "sed"], progress=False)
    counts = ss.score("tss", "n_skip")
    assert run.sql("SELECT count(*) AS n FROM archs WHERE half >= 1").item() == (counts >= 2).sum()
    assert run.sql("-- the best\nSELECT half FROM archs ORDER BY half DESC NULLS LAST LIMIT 1").item() == 3
    with pytest.raises(ss.BadInput, match="names and operators"):
        run.sql(f"SELECT {'index+' * 20000}1 FROM archs")
    assert run.sample(5, stratify="half")["half"].is_not_nan().all()
