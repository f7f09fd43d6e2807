"""What notebooks show."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

import sedspace as ss
from conftest import ROOT
from sedspace.report.page import Report, Section, html


def test_spaces():
    html = ss.space("tss5")._repr_html_()
    assert "9,765,625 architectures" in html
    assert html.count("<tr>") == 11
    assert "nor_conv_3x3" in html
    darts = ss.space("darts")._repr_html_()
    assert "and 41 more" in darts
    assert len(ss.space("nb101")._repr_html_()) < 2000


def test_runs(tmp_path):
    run = ss.enumerate_space("tss", tmp_path / "<run>", where="sed > 6", progress=False)
    html = run._repr_html_()
    assert "&lt;run&gt;" in html
    assert "that meet <code>sed &gt; 6</code>" in html
    assert "<table" in html


@pytest.mark.parametrize(("space", "which"), [("tss", 11_668), ("darts", 5), ("sss", "8:16:64:32:8"), ("nb101", 7)])
def test_architectures(space, which):
    one = ss.architecture(space, which)
    assert repr(one).splitlines()[0] == f"{space}, index {one.index} of {ss.space(space).size:,}"
    html = one._repr_html_()
    assert "<pre>" in html
    if space == "tss":
        svg = html[: html.index("<pre>")]
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert "skip" in svg
    else:
        assert html.startswith("<pre>")
    with pytest.raises(ss.BadInput, match="expected an index or an arch string"):
        ss.architecture("tss", "nothing")


def test_reports():
    report = Report("T", [Section("S", ["text"])])
    frame = ElementTree.fromstring(report._repr_html_())
    assert frame.tag == "iframe"
    assert frame.attrib["srcdoc"].split() == html(report).split()


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own
def test_the_tour_runs_in_a_fresh_kernel(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="needs ipykernel")
    pytest.importorskip("torch")
    import nbformat

    tour = nbformat.read(ROOT / "bench" / "tour.ipynb", as_version=4)
    nbformat.validate(tour)
    cells = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells), "outputs are not committed"
    nbclient.NotebookClient(tour, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in cells for output in cell.outputs]
    html = "".join(output.data.get("text/html", "") for output in shown if output.output_type == "execute_result")
    for what in ("<iframe", "<svg", "<table", "dataframe"):  # the explorer, an architecture, a run, frames
        assert what in html
    said = [output.text for output in shown if output.output_type == "stream"]
    assert all("Error" not in text for text in said)
