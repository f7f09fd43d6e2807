"""The README cannot rot: its commands and examples are executed, its figures are those of committed measurements."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

import claims
import hardware
import program
import scores
import sedspace as ss
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_tour_of_the_shell_runs(tmp_path):
    tour = "".join(block for block in blocks("sh") if ".venv" not in block)
    script = f'set -eu\nsedspace() {{ {sys.executable} -m sedspace "$@"; }}\n{tour}'
    result = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(tour.splitlines()) >= 7
    assert "500,000 architectures of tss5" in result.stdout
    assert "of 30,517,578,125 architectures of tss6" in result.stdout
    assert "2288550" in result.stdout


def test_the_examples_in_python_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sedspace.scores.registry._registered", {})
    assert len(blocks("python")) == 6
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "runs" / "mine" / "manifest.json").exists()
    assert (tmp_path / "report" / "report.html").exists()


def test_the_space_in_toml_is_one(tmp_path):
    (block,) = blocks("toml")
    (tmp_path / "mine.toml").write_text(block)
    assert ss.read_space(tmp_path / "mine.toml").size == 2**10


def test_the_two_commands_make_their_own_environment():
    commands = [block for block in blocks("sh") if ".venv" in block]
    assert len(commands) == 2
    for command in commands:
        (line,) = [line for line in command.splitlines() if not line.startswith("#")]
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")


@pytest.mark.parametrize("name", program.BENCHMARKS)
def test_figures_come_from_measurements(name):
    assert program.split(program.page(name).read_text(encoding="utf-8"), name)[1] == program.table(name)


def test_figures_are_regenerated_where_they_stand(tmp_path):
    copy = tmp_path / "README.md"
    copy.write_text(README.replace("| aim |", "| altered |"), encoding="utf-8")
    program.write_readme("speed", copy)
    assert copy.read_text(encoding="utf-8") == README


def test_no_table_of_figures_without_a_source():
    """Outside of what is written by measurements only the table of spaces has numbers, and those are their sizes."""
    text = "".join(page.read_text(encoding="utf-8") for page in program.PAGES)
    for name in program.BENCHMARKS:
        before, _, after = program.split(text, name)
        text = before + after
    rows = [line for line in text.splitlines() if line.startswith("|") and re.search(r"\d{3}", line)]
    sizes = {f"{space.size:,}" for space in ss.spaces.known_spaces()}
    for row in rows:
        named = re.findall(r"\d[\d,]*\d{3}", row.split("|")[3])
        assert named, row
        assert sizes.issuperset(named), row


def test_two_results_are_compared(tmp_path):
    old = {"environment": {"cpu": "a"}, "results": {"a": {"ratio": 1.0, "n": 5}, "b": [{"ratio": 2.0}], "same": 3}}
    new = {"environment": {"cpu": "b"}, "results": {"a": {"ratio": 1.5, "n": 9}, "b": [{"ratio": 1.0}], "same": 3.1}}
    for name, one in (("old", old), ("new", new)):
        (tmp_path / f"{name}.json").write_text(json.dumps(one))

    def compare(*names):
        paths = [str(tmp_path / f"{name}.json") for name in names]
        return CliRunner().invoke(program.cli, ["compare", *paths])

    worse = compare("old", "new")
    assert worse.output.splitlines() == [
        "cpu: a -> b",
        "a.ratio: 1 -> 1.5 (1.50 x)  slower",
        "a.n: 5 -> 9 (1.80 x)",
        "b.0.ratio: 2 -> 1 (0.50 x)",
    ]
    assert worse.exit_code == 1
    assert compare("old", "old").exit_code == 0


def test_measurements_are_listed_and_unknown_ones_refused():
    listed = CliRunner().invoke(program.cli, ["list"]).output
    assert [line.split()[0] for line in listed.splitlines()] == list(program.BENCHMARKS)
    assert "unknown measurement 'spede'" in CliRunner().invoke(program.cli, ["run", "spede"]).output
    assert "claims needs nats_tss.parquet: --tables" in CliRunner().invoke(program.cli, ["run", "claims"]).output


def test_fits_are_measured_again(shared):
    """The committed figures are what the developers' hardware table gives today."""
    results = hardware.measure(shared / "benchmarks" / "hw_nas_bench_cifar10.parquet")
    assert hardware.markdown(results) == program.table("hardware")


def test_scores_are_measured_again(shared):
    """The committed correlations are what the developers' accuracy tables give today."""
    results = scores.measure(shared / "benchmarks")
    assert scores.markdown(results) == program.table("scores")


def test_published_figures_are_measured_again(shared):
    """The committed claims are what the developers' accuracy table gives today."""
    results = claims.measure(shared / "benchmarks" / "nats_tss.parquet")
    assert claims.markdown(results) == program.table("claims")
