"""The page to look at all architectures: its rows against every single one, and what a browser counts."""

from __future__ import annotations

import html
import re
import subprocess

import numpy as np
import pytest

import sedspace as ss
from sedspace.report.class_bins import MOST_ROWS, binned

DRAG = """<script>
const pause = () => new Promise(done => setTimeout(done, 30));
const wait = setInterval(async () => {
  if (!document.body.dataset.ready) return;
  clearInterval(wait);
  const box = document.querySelector("#chart svg").getBoundingClientRect();
  for (const [x0, x1, y] of [[250, 380, 60], [150, 280, 230]]) {
    const at = document.elementFromPoint(box.left + x0, box.top + y);
    const events = [[at, "pointermove", x0], [at, "pointerdown", x0], [window, "pointermove", (x0 + x1) / 2]];
    for (const [to, type, x] of [...events, [window, "pointermove", x1], [window, "pointerup", x1]]) {
      const place = {clientX: box.left + x, clientY: box.top + y, bubbles: true, buttons: 1, view: window};
      to.dispatchEvent(new PointerEvent(type, place));
      await pause();
    }
  }
  document.body.dataset.done = "yes";
}, 20);
</script></body>"""


def arrays(space, columns):
    return {name: ss.score(space, name) for name in columns}


@pytest.mark.parametrize(
    ("name", "columns"), [("tss", None), ("sss", ("sed", "params")), ("tss", ("live_sed", "macs"))]
)
def test_rows_are_of_all_architectures(name, columns):
    space = ss.space(name)
    bins = binned(space, columns)
    values = arrays(space, bins.columns)
    seen = np.zeros(space.size, dtype=bool)
    for row in bins.rows.iter_rows(named=True):
        held = np.ones(space.size, dtype=bool)
        for at, column in enumerate(bins.columns):
            least, greatest = bins.edges[at][row[f"bin_{column}"]]
            held &= (values[column] >= least) & (values[column] <= greatest)
        assert row["count"] == held.sum()
        best = values[bins.columns[0]][held].max()
        assert row["index"] == np.flatnonzero(held & (values[bins.columns[0]] == best))[0]
        assert [row[f"best_{column}"] for column in bins.columns] == [values[c][row["index"]] for c in bins.columns]
        assert not seen[held].any()
        seen |= held
    assert seen.all()
    assert bins.rows.height <= MOST_ROWS


def test_rows_of_more_than_can_be_gone_through_are_counted_exactly():
    bins = binned(ss.space("tss8"))
    assert bins.columns == ("sed", "params", "n_skip")
    assert bins.rows["count"].sum() == 5**28
    assert 1000 < bins.rows.height <= MOST_ROWS
    for row in bins.rows.sample(12, seed=0).iter_rows(named=True):
        edges = [(name, *bins.edges[at][row[f"bin_{name}"]]) for at, name in enumerate(bins.columns)]
        where = " AND ".join(f"{name} >= {least} AND {name} <= {greatest}" for name, least, greatest in edges)
        assert ss.members("tss8", where=where).count == row["count"]
    front = ss.pareto("tss8", "sed", "params")
    assert bins.front.equals(front.select(bins.front.columns))


def test_a_run_has_the_rows_of_its_space(tmp_path):
    run = ss.enumerate_space("tss", tmp_path / "run", progress=False)
    ours, theirs = binned(run), binned(ss.space("tss"))
    assert ours.rows.equals(theirs.rows.cast(dict(ours.rows.schema)))
    assert ours.edges == theirs.edges
    assert ours.front.rows() == theirs.front.rows()
    part = ss.enumerate_space("tss", tmp_path / "part", stop=3000, progress=False)
    assert binned(part).rows["count"].sum() == 3000


def test_the_page_needs_nothing_else_and_is_small(tmp_path):
    pytest.importorskip("altair")
    seen = ss.explore("tss8", tmp_path / "all.html")
    page = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert page == seen.page
    assert len(page) < 5_000_000
    assert not re.search(
        r'(src|href)="(?!data:)', page[page.index("<h1>") : page.index("<script>", page.index("<h1>"))]
    )
    assert "37,252,902,984,619,140,625 architectures of tss8" in page
    assert seen._repr_html_().startswith("<iframe srcdoc=")


def test_a_browser_counts_what_is_brushed(browser, tmp_path):
    pytest.importorskip("altair")
    seen = ss.explore("tss8", columns=["sed", "params"])
    (tmp_path / "page.html").write_text(seen.page.removesuffix("</body></html>") + DRAG + "</html>", encoding="utf-8")
    done = subprocess.run(
        [
            *browser,
            "--enable-logging=stderr",
            "--virtual-time-budget=9000",
            "--dump-dom",
            f"file://{tmp_path}/page.html",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert 'data-done="yes"' in done.stdout
    assert "CONSOLE" not in done.stderr
    count = int(re.search(r'data-count="(\d+)"', done.stdout)[1])
    where = html.unescape(re.search(r'data-where="([^"]*)"', done.stdout)[1])
    assert re.fullmatch(r"sed >= \S+ AND sed <= \S+ AND params >= \S+ AND params <= \S+", where)
    assert count == ss.members("tss8", where=where).count
    assert 0 < count < 5**28
    best = ss.top_k("tss8", 1, where=where)["index"].item()
    assert f"index {best}: sed" in done.stdout


def test_a_column_of_ones_own_is_named(tmp_path):
    pytest.importorskip("altair")
    ss.register(ss.AdditiveScore("skips", {"n": {"skip_connect": 1}}, lambda n: n, dtype="uint8"))
    assert '"own":["skips"]' in ss.explore("tss", columns=["sed", "skips"]).page
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "skips"], progress=False)
    assert '"own":[]' in ss.explore(run, columns=["sed", "skips"]).page  # it is in the run's files


def test_what_cannot_be_looked_at_is_refused(tmp_path):
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed", "arch"], progress=False)
    for source, columns, said in (
        ("tss", ["sed"], "columns sed: expected two or three different ones"),
        ("tss", ["sed", "sed"], "columns sed,sed: expected two or three different ones"),
        ("tss", ["sed", "parms"], "unknown score 'parms': did you mean 'params'"),
        ("ofa_mbv3", None, "fall into too many classes"),
        (run, ["sed", "params"], "column 'params' is not in"),
        (run, ["sed", "arch"], "columns sed,arch of"),
        (run, ["sed", "index"], "column 'index' is not in"),
    ):
        with pytest.raises(ss.BadInput, match=re.escape(said)):
            ss.explore(source, columns=columns)
    with pytest.raises(ss.BadInput, match=r"--out page.txt: expected a file that ends in .html"):
        ss.explore("tss", "page.txt")
