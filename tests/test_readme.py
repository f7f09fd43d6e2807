"""The README cannot rot: its commands and examples are executed, its figures are those of committed measurements."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

import census
import claims
import cluster
import hardware
import proxies
import readme
import scores
import sedspace as ss
import speed
import timing
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
    assert len(blocks("python")) == 5
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "runs" / "mine" / "manifest.json").exists()


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


@pytest.mark.parametrize("module", [speed, claims, census, hardware, scores, proxies, timing, cluster])
def test_figures_come_from_measurements(module):
    results = json.loads((ROOT / "bench" / f"{module.__name__}.json").read_text(encoding="utf-8"))
    between = README.split(module.MARKERS[0])[1].split(module.MARKERS[1])[0]
    assert between.strip() == module.markdown(results)


def test_figures_are_regenerated_where_they_stand(tmp_path):
    copy = tmp_path / "README.md"
    copy.write_text(README.replace("| aim |", "| altered |"), encoding="utf-8")
    results = json.loads((ROOT / "bench" / "speed.json").read_text(encoding="utf-8"))
    readme.write_between(copy, speed.MARKERS, speed.markdown(results))
    assert copy.read_text(encoding="utf-8") == README


def test_fits_are_measured_again(shared):
    """The committed figures are what the developers' hardware table gives today."""
    results = hardware.measure(shared / "benchmarks" / "hw_nas_bench_cifar10.parquet")
    committed = json.loads((ROOT / "bench" / "hardware.json").read_text(encoding="utf-8"))
    assert hardware.markdown(results) == hardware.markdown(committed)


def test_scores_are_measured_again(shared):
    """The committed correlations are what the developers' accuracy tables give today."""
    results = scores.measure(shared / "benchmarks")
    committed = json.loads((ROOT / "bench" / "scores.json").read_text(encoding="utf-8"))
    assert scores.markdown(results) == scores.markdown(committed)


def test_published_figures_are_measured_again(shared):
    """The committed claims are what the developers' accuracy table gives today."""
    results = claims.measure(shared / "benchmarks" / "nats_tss.parquet")
    committed = json.loads((ROOT / "bench" / "claims.json").read_text(encoding="utf-8"))
    assert claims.markdown(results) == claims.markdown(committed)
