"""The kernels uncompiled and bounds-checked, what importing does, and when compiled code is thrown away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

import sedspace as ss
from conftest import ROOT


def python(*arguments, **environment):
    result = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, cwd=ROOT
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("mode", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_kernels_pass_their_tests_uncompiled_and_bounds_checked(mode):
    out = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_kernels.py", NUMBA_OPT="0", **{mode: "1"})
    assert re.search(r"^\d+ passed in", out, re.MULTILINE), out


def test_every_kernel_is_among_those():
    tested = (ROOT / "tests" / "test_kernels.py").read_text()
    for file in (ROOT / "kernels" / "sedspace_kernels").glob("*.py"):
        for name in re.findall(r"^@jit\ndef ([a-z]\w*)", file.read_text(), re.MULTILINE):
            assert re.search(rf"\b({file.stem}\.)?{name}\(", tested), f"{file}: {name}"


def test_bounds_are_really_checked():
    code = (
        "import numpy as np\n"
        "from sedspace_kernels.tables import tile\n"
        "try:\n"
        "    tile(np.zeros((1, 2), np.uint8), np.array([0, 3]), 0, np.zeros(4, np.uint8))\n"
        "except IndexError:\n"
        "    print('caught')\n"
    )
    assert python("-c", code, NUMBA_BOUNDSCHECK="1") == "caught\n"


def test_importing_compiles_nothing():
    code = (
        "import sys\n"
        "from numba.core import event\n"
        "with event.install_recorder('numba:compile') as recorder:\n"
        "    import sedspace, sedspace.cli\n"
        "print(len(recorder.buffer), 'torch' in sys.modules, 'matplotlib' in sys.modules)\n"
    )
    assert python("-c", code) == "0 False False\n"


def test_editing_any_kernel_source_throws_compiled_code_away(tmp_path):
    kernels = tmp_path / "kernels"
    shutil.copytree(ROOT / "kernels" / "sedspace_kernels", kernels / "sedspace_kernels")
    code = (
        "import numpy as np\n"
        "from sedspace_kernels.radix import rank\n"
        "rank(np.ones((1, 2), np.uint8), np.array([5, 5]), np.empty(1, np.int64))\n"
        "print(sum(rank.stats.cache_hits.values()))\n"
    )
    environment = {"PYTHONPATH": str(kernels), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert python("-c", code, **environment) == "0\n"
    assert python("-c", code, **environment) == "1\n"
    with open(kernels / "sedspace_kernels" / "text.py", "a") as other:
        other.write("# edited\n")
    assert python("-c", code, **environment) == "0\n"
    assert python("-c", code, **environment) == "1\n"


def test_forked_children_may_score():
    code = (
        "import os, warnings, sedspace as ss\n"
        "warnings.simplefilter('ignore')\n"
        "ss.score('tss5', threads=2)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if float(ss.score('tss5', threads=2).max()) == 15.75 else 1)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    assert python("-c", code) == "0\n"


# What polars computes for sedspace: it hung in a process that was forked after polars had been used.
DOORS = """
import os, sys, warnings, sedspace as ss, polars as pl
from sedspace.cli.printing import write_frame
from sedspace.tables import read_table

warnings.simplefilter("ignore")
directory = sys.argv[1]
run = ss.open_run(directory + "/run")
doors = [
    lambda: ss.top_k("tss5", 5, where="params < 500000"),
    lambda: ss.members("tss8", where="sed >= 40").count,
    lambda: ss.distribution("tss").frame(),
    lambda: ss.enumerate_space("tss", f"{directory}/{os.getpid()}", where="sed > 3", progress=False),
    lambda: run.scan().select(pl.col("sed").max(), pl.col("params").max()).collect(),
    lambda: run.top(3),
    lambda: run.sql("SELECT MAX(sed) FROM archs"),
    run.describe,
    lambda: run.sample(3),
    lambda: run.verify(),
    lambda: read_table(directory + "/table.csv"),
    lambda: run.join(pl.DataFrame({"index": [3]})),
    lambda: write_frame(pl.DataFrame({"index": [3]}), f"{directory}/{os.getpid()}.csv"),
]


def said_in_child(door):
    there, here = os.pipe()
    if not os.fork():
        try:
            door()
            said = "nothing"
        except ss.SedspaceError as error:
            said = str(error)
        os.write(here, said.encode())
        os._exit(0)
    os.close(here)
    with os.fdopen(there) as pipe:
        return pipe.read()
"""
FORKED = "this process was forked after polars had begun to work, and would hang: expected processes that are started"


@pytest.fixture
def doors(tmp_path):
    ss.enumerate_space("tss", tmp_path / "run", progress=False)
    (tmp_path / "table.csv").write_text("index,accuracy\n1,2.5\n")
    return lambda code: python("-c", DOORS + code, str(tmp_path), POLARS_MAX_THREADS="2")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "use",
    [
        "ss.top_k('tss', 1, where='sed > 3')",
        "run.scan().select(pl.all().max()).collect()",
        "pl.DataFrame({'a': [2, 1]}).lazy().select(pl.col('a').sort(), b=pl.col('a') + 1).collect()",  # the user's own
    ],
)
def test_forked_children_of_one_that_used_polars_say_so(doors, use):
    if use.startswith("pl.") and not os.path.isdir("/proc/self/task"):
        pytest.skip("what the user does can only be seen in /proc")
    out = doors(f"{use}\nfor door in doors: print(said_in_child(door))\nfor door in doors: door()\n").splitlines()
    assert len(out) == 13
    assert all(FORKED in line for line in out), out


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_of_one_that_only_imported_polars_may_use_it(doors):
    out = doors("for door in doors: print(said_in_child(door))\n").splitlines()
    assert out == ["nothing"] * 13


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_may_count_and_write(doors):
    """Which needs no polars."""
    code = (
        "doors[0]()\n"
        "for free in (\n"
        "    lambda: ss.score('tss5'),\n"
        "    lambda: ss.top_k('tss8', 3),\n"
        "    lambda: ss.census('tss'),\n"
        "    lambda: ss.sample('tss8', 5),\n"
        "    lambda: ss.enumerate_space('tss', f'{directory}/{os.getpid()}', progress=False),\n"
        "): print(said_in_child(free))\n"
    )
    assert doors(code).splitlines() == ["nothing"] * 5


def test_many_threads_may_score_at_once():
    code = (
        "import sedspace as ss\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    print({float(x.max()) for x in pool.map(lambda _: ss.score('tss5', threads=2), range(16))})\n"
    )
    assert python("-c", code) == "{15.75}\n"


def test_torch_is_only_imported_where_it_is_needed():
    python("-c", "import sys, sedspace, sedspace.cli; sedspace.top_k('tss', 1); assert 'torch' not in sys.modules")


def test_without_torch_one_line_says_what_to_install(tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import sedspace as ss\n"
        "try:\n    ss.space('tss').network(3)\n"
        "except ss.BadInput as error:\n    print(error)\n"
    )
    assert "networks need torch: pip install 'cloudpickle>=3' 'torch>=" in python("-c", code)
    command = "['crosscheck', 'tss', '--out', 'x.parquet']"
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from click.testing import CliRunner\nfrom sedspace.cli import cli\n"
        f"print(CliRunner().invoke(cli, {command}).exception)\n"
    )
    assert "crosscheck needs torch: pip install 'cloudpickle>=3' 'torch>=" in python("-c", code)
