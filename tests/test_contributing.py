"""CONTRIBUTING.md cannot rot: its examples are followed, step by step, in a copy of the sources."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

PAGE = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(heading):
    """Return the kind and the lines of every block of code below a heading."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)[1]
    return [(kind, code) for kind, code in re.findall(r"^```(\w+)\n(.*?)^```$", section, re.S | re.M)]


def insert(path, lines):
    """Insert each line that begins with + after the one before it, which the file must have once."""
    text, before = path.read_text(), None
    for line in lines:
        if line.startswith("+"):
            assert text.count(f"{before}\n") == 1, before
            text = text.replace(f"{before}\n", f"{before}\n{line[1:]}\n")
        before = line[1:]
    path.write_text(text)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a copy of the sources, to be changed."""
    path = tmp_path_factory.mktemp("copy")
    for source in ("enumerate", "kernels", "data"):
        shutil.copytree(ROOT / source, path / source, ignore=shutil.ignore_patterns("__pycache__"))
    return path


def run(copy: Path, command: str) -> str:
    """Return what a command of the changed sedspace prints."""
    program, *arguments = shlex.split(command)
    assert program == "sedspace"
    paths = os.pathsep.join(str(copy / source) for source in ("enumerate", "kernels"))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "sedspace", *arguments], cwd=copy, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("what", ["space", "score", "proxy"])
def test_a_new_one_is_a_file_and_a_line(copy, what):
    if what == "proxy":
        pytest.importorskip("torch")
    files, shown = [], ""
    for kind, code in blocks(f"A new {what}"):
        if kind in ("python", "diff"):
            path, _, rest = code.removeprefix("# ").partition("\n")
            files.append(path)
            assert (kind == "diff") == (copy / path).exists()
            insert(copy / path, rest.splitlines()) if kind == "diff" else (copy / path).write_text(rest)
        elif kind == "sh":
            shown = run(copy, code)
        else:
            assert shown == code
    assert len(files) == 2
    if what == "proxy":
        assert '"proxy": "n_modules"' in shown
