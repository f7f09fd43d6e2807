"""The kernels uncompiled and bounds-checked, what importing does, and when compiled code is thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT


def python(*arguments, **environment):
    result = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, cwd=ROOT
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("mode", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_kernels_pass_their_tests_uncompiled_and_bounds_checked(mode):
    out = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_kernels.py", **{mode: "1"})
    assert " passed" in out
    assert "failed" not in out


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
        "    import sedspace, sedspace.cli, sedspace.query\n"
        "print(len(recorder.buffer), 'torch' in sys.modules, 'matplotlib' in sys.modules)\n"
    )
    assert python("-c", code) == "0 False False\n"


def test_editing_any_kernel_source_throws_compiled_code_away(tmp_path):
    kernels = tmp_path / "kernels"
    shutil.copytree(ROOT / "kernels" / "sedspace_kernels", kernels / "sedspace_kernels")
    code = (
        "import numpy as np\n"
        "from sedspace_kernels.rank import rank\n"
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
    assert "networks need torch: pip install 'torch>=" in python("-c", code)
    command = "['crosscheck', 'tss', '--out', 'x.parquet']"
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from click.testing import CliRunner\nfrom sedspace.cli import cli\n"
        f"print(CliRunner().invoke(cli, {command}).exception)\n"
    )
    assert "crosscheck needs torch: pip install 'torch>=" in python("-c", code)
