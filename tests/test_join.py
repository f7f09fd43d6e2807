"""A user's own table beside a run: what matches, what does not, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sedspace as ss
from sedspace.tables import indices_of, read_table, with_index


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of most of tss."""
    return ss.enumerate_space("tss", tmp_path_factory.mktemp("join") / "tss", stop=15_000, progress=False)


def test_by_arch_and_by_index(run):
    space = ss.space("tss")
    indices = [7, 14_999, 15_000, 3]
    archs = [space.arch(i) for i in indices]
    table = pl.DataFrame({"arch": archs, "index": [0, 0, 0, 0], "sed": [1, 2, 3, 4]})
    matched = run.join(table)
    assert matched.frame["index"].to_list() == [3, 7, 14_999]
    assert matched.frame["sed_table"].to_list() == [4, 1, 2]
    assert matched.frame["sed"].to_list() == [float(ss.score(space)[i]) for i in (3, 7, 14_999)]
    assert (matched.only_in_run, matched.only_in_table, matched.unreadable) == (14_997, 1, [])
    assert run.join(pl.DataFrame({"index": indices})).frame.equals(
        matched.frame.select(run.scan().collect_schema().names())
    )


def test_unreadable_rows_are_named_and_the_rest_is_matched(run):
    good = ss.space("tss").arch(5)
    matched = run.join(pl.DataFrame({"arch": [good, "nonsense", good.replace("none~0", "conv~0", 1), None]}))
    assert len(matched.frame) == 1
    assert [line[:6] for line in matched.unreadable] == ["row 1:", "row 2:"]
    assert "edge 0->1 has operation 'conv'" in matched.unreadable[1]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": ["x"]}, "has no column arch or index: it has name"),
        ({"index": ["x"]}, "index is String, expected integers"),
        ({"arch": [1]}, "arch is Int64, expected strings"),
        ({"index": [4, 4, 5]}, r"architecture 4 stands in the table 2 times, expected once: \|none~0\|"),
        ({"index": [15_500]}, "no architecture of the table is in"),
        ({"arch": ["x"]}, "no architecture of the table is in .*; row 0: arch 'x' describes"),
        (
            {"arch": [ss.space("tss5").arch(9)]},
            "row 0 of the table, .* is an architecture of tss5; the run's are of tss",
        ),
    ],
)
def test_bad_tables(run, table, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        run.join(pl.DataFrame(table))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"index": [4, None]}, "the table: row 1: index None is not an integer"),
        ({"arch": [ss.space("tss").arch(4), None]}, "the table: row 1: arch None is not a string"),
        ({"arch": [ss.space("tss").arch(4), "x"]}, "the table: row 1: arch 'x' describes"),
    ],
)
def test_rows_without_an_architecture_are_left_out_or_refused(table, message):
    given, space = pl.DataFrame(table), ss.space("tss")
    assert with_index(given, space, "leave out")[0]["index"].to_list() == [4]
    assert indices_of(given, space, "leave out")[0] == [4, None]
    with pytest.raises(ss.BadInput, match=message):
        with_index(given, space, "refuse")


def test_indices_beyond_int64_are_no_column():
    space = ss.space("tss12")
    given = pl.DataFrame({"arch": [space.arch(5**60)]})
    assert indices_of(given, space, "refuse") == ([5**60], [])
    with pytest.raises(ss.BadInput, match="the table has architectures of tss12: expected indices that fit int64"):
        with_index(given, space, "refuse")


def test_tables_from_files(run, tmp_path):
    table = pl.DataFrame({"index": [1, 2], "accuracy": [0.5, 0.6]})
    table.write_csv(tmp_path / "t.csv")
    table.write_parquet(tmp_path / "t.parquet")
    assert run.join(tmp_path / "t.csv").frame.equals(run.join(tmp_path / "t.parquet").frame)
    (tmp_path / "LATE.CSV").write_text("index,accuracy\n" + "".join(f"{i},90\n" for i in range(150)) + "150,90.5\n")
    assert run.join(tmp_path / "LATE.CSV").frame["accuracy"].max() == 90.5
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(ss.BadInput, match=r"bad\.parquet cannot be read"):
        run.join(tmp_path / "bad.parquet")


def test_a_column_stands_in_a_file_once_and_there_are_rows(tmp_path):
    (tmp_path / "t.csv").write_text("index,ms,index_2,ms\n1,2,3,4\n")
    table = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], ["index", "ms", "ms"])
    pq.write_table(table, tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(ss.BadInput, match=rf"{name} has 2 columns ms: expected different names"):
            read_table(tmp_path / name)
    (tmp_path / "e.csv").write_text("index,ms\n")
    pq.write_table(table.select([0, 1]).slice(0, 0), tmp_path / "e.parquet")
    for name in ("e.csv", "e.parquet"):
        for read in (read_table, lambda path: ss.fit("tss", path, "ms"), lambda path: ss.fit_costs("tss", path, "ms")):
            with pytest.raises(ss.BadInput, match=rf"{name} has no rows: expected some under its 2 columns"):
                read(tmp_path / name)


def test_numbers_of_a_file_may_be_missing_in_any_notation(tmp_path):
    """NumPy writes nan, pandas nothing, polars NaN: to polars the first is text, and made texts of all."""
    (tmp_path / "t.csv").write_text("index,a,b,c,d\n1,nan,,NaN,x\n2,0.5,0.5,0.5,0.5\n")
    table = read_table(tmp_path / "t.csv")
    assert table.dtypes == [pl.Int64, pl.Float64, pl.Float64, pl.Float64, pl.String]
    assert np.isnan(table["a"][0])
    assert table["b"][0] is None
    with pytest.raises(ss.BadInput, match="column d is String: expected numbers, not 'x'"):
        ss.fit("tss", tmp_path / "t.csv", "d")


def test_what_is_no_table_is_shown_in_one_line(run):
    for given in ({"index": list(range(1000))}, pa.table({"index": range(1000)})):
        with pytest.raises(ss.BadInput, match=r"is no path and no polars frame$") as caught:
            run.join(given)
        assert len(str(caught.value)) < 200
        assert "\n" not in str(caught.value)


def test_text_that_is_no_text_is_refused(tmp_path):
    data = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe"))
    pq.write_table(pa.table({"arch": data}), tmp_path / "table.parquet")
    with pytest.raises(ss.BadInput, match="cannot be read as Parquet"):
        read_table(tmp_path / "table.parquet")
