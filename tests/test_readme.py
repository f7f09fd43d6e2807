"""README and guide cannot rot: what they say is executed, what they show is compared, figures are of measurements."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner

import sedspace as ss
import sedspace.studies.proxies as sedspace_proxies
from bench import claims, hardware, program, scores
from conftest import ROOT, SITE, s3_server
from sedspace.cli import cli, main
from sedspace.scores import only_registered
from sedspace.studies.proxies.registry import MODULES

README = ROOT / "README.md"
GUIDE = [page for page in sorted(SITE.rglob("*.md")) if page.parent.name != "reference"]

COMMANDS = ("sedspace ", "python ", "python3 ", "pip ", "mkdocs ", "bash ", "eval ", "_SEDSPACE", ". ")
TESTS = ".venv/bin/python -m pytest -q -n 2 --dist worksteal"
MAIN_JOB = "sedspace enumerate tss5 --out runs/tss5"
NO_CODE = {"0->1=none", "Genotype(...)", "lam = 3/4", "lam * w(k)"}  # notation
STAND_INS = {"tcp://node1:8786": "SCHEDULER", "/shared/": "SHARED/", "DIRECTORY": "TABLES"}  # what a reader has


class Step(NamedTuple):
    """A piece of code on a page, a block, an indented line or a span within a paragraph, and what it prints."""

    line: int
    kind: str
    code: str
    shown: str | None = None


def steps(page):
    """Return all code of a page in its order, but for what measurements write."""
    text = page.read_text(encoding="utf-8")
    for name in program.places():
        if f"<!-- {name}:" in text:
            before, measured, after = program.split(text, name)
            text = before + "\n" * measured.count("\n") + after
    pattern = re.compile(
        r"^```(?P<kind>\w+)\n(?P<block>.*?)^```$(?:\n\n^```text\n(?P<shown>.*?)^```$)?"
        r"|^    (?P<indented>\S[^\n]*)$|`(?P<span>[^`\n]+)`",
        re.S | re.M,
    )
    found = []
    for match in pattern.finditer(text):
        kind = match["kind"] or ("indented" if match["indented"] else "span")
        code = match["block"] or match["indented"] or match["span"]
        found.append(Step(text.count("\n", 0, match.start()) + 1, kind, code, match["shown"]))
    return found


def shell_lines(step):
    """Return the commands of a step, without comments."""
    lines = step.code.splitlines() if step.kind == "sh" else [step.code]
    return [line for line in lines if line.strip() and not line.startswith("#")]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """What the README's reader has: a bucket, a scheduler with a worker, a shared disk, tables of accuracies."""
    distributed = pytest.importorskip("distributed")
    path = tmp_path_factory.mktemp("reader")
    (path / "tables").mkdir()
    table = ss.enumerate_space(
        "tss", path / "tables" / "run", columns=["sed", "params", "macs", "arch"], progress=False
    )
    accuracies = [
        pl.col(by).cast(pl.Float64).alias(f"{data}_test")
        for data, by in (("cifar10", "sed"), ("cifar100", "params"), ("imagenet16", "macs"))
    ]
    table.scan().select("arch", *accuracies).collect().write_parquet(path / "tables" / "nats_tss.parquet")
    with (
        s3_server(),
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        yield {
            "SCHEDULER": cluster.scheduler_address, "SHARED": str(path / "shared"), "TABLES": str(path / "tables"),
        }  # fmt: skip


def sedspace(arguments):
    """Run a command of sedspace in this process, as if it had one of its own, and return its exit status."""
    with pytest.MonkeyPatch.context() as patch, only_registered({}):
        patch.setattr("sys.path", list(sys.path))
        try:
            main(arguments)
        except SystemExit as ended:
            return ended.code


@pytest.mark.filterwarnings("ignore")  # of the clients of S3, of Dask, and of constant columns in tiny studies
@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize("page", [README, *GUIDE], ids=lambda page: page.stem)
def test_every_line_works_from_top_to_bottom(
    page, places, tmp_path, monkeypatch, forget_scores, one_torch_thread, capsys
):
    """What a reader types in one directory; `understood` looks at what cannot be run here: nothing is skipped."""
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "bench").mkdir()  # a clone has it
    if page != README:  # its reader comes from the README
        sedspace(shlex.split(MAIN_JOB)[1:])
    names = {"__name__": "__main__"}
    for step in sorted(steps(page), key=lambda step: step.kind == "span"):  # paragraphs speak of what blocks have made
        capsys.readouterr()
        assert works(step, names, places), f"{page.name}:{step.line}: {step.code}\n{capsys.readouterr().err}"
        if step.shown is not None:
            assert comparable(capsys.readouterr().out) == comparable(step.shown), f"{page.name}:{step.line}"
    sys.modules.pop("mine", None)


def comparable(shown):
    """Return a table's words by row: not what no two runs have the same, seconds, and fractions to three digits."""
    head, *rows = [re.split(r"  +", line.strip()) for line in shown.strip().splitlines()]
    keep = [number for number, name in enumerate(head) if "seconds" not in name]

    def rounded(word):
        return f"{float(word):.3g}" if re.fullmatch(r"-?\d+\.\d{4,}", word) else word

    return [head, *([rounded(row[number]) for number in keep if number < len(row)] for row in rows)]


def works(step, names, places):
    """Do what a step says, in the directory and with the Python names that the steps before it have left."""
    if step.kind in ("python", "toml", "csv"):
        file = re.match(r"# (\w+\.(?:py|toml|csv))\n", step.code)
        if file:
            Path(file[1]).write_text(step.code.removeprefix(file[0]))
        else:
            exec(compile(step.code, "page", "exec"), names)
        return True
    if step.kind == "text":
        return True
    if step.kind == "span" and not step.code.startswith(COMMANDS):
        return mentioned(step.code, names)
    # Of the main job the beginning, an environment of its own, is what CI does.
    lines = [MAIN_JOB if line.endswith(MAIN_JOB) else line for line in shell_lines(step)]
    return all(understood(line) or run(line, places) == 0 for line in lines)


def run(line, places):
    """Run a line of sedspace with what the reader has in the place of what the README calls it."""
    for name, place in STAND_INS.items():
        line = line.replace(name, place.replace(place.rstrip("/"), places[place.rstrip("/")]))
    program, *arguments = shlex.split(line, comments=True)
    assert program == "sedspace", line
    return sedspace(arguments)


def understood(line):
    """Return whether a line is one that cannot be run here, and all that can be said of it is right."""
    words = shlex.split(line, comments=True)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    if line.startswith("python3 -m venv "):  # CI runs it: these tests
        return line.endswith(f"&& {TESTS}")
    if words[:3] == ["pip", "install", "--group"]:
        return words[3] in tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    if words[:2] == ["pip", "install"]:
        return {*re.fullmatch(r"\.\[([\w,]+)\]", words[2])[1].split(",")} <= extras.keys()
    if words[:2] == ["python", "bench"]:
        command = program.cli.commands[words[2]]
        given = [str(ROOT / "bench" / "speed.json") if word == "old.json" else word for word in words[3:]]
        command.make_context(words[2], [str(ROOT / word) if word.startswith("bench/") else word for word in given])
        return words[2] != "run" or {one for one in words[3:] if one in program.BENCHMARKS} != set()
    if words[0] in ("python", "bash"):
        return (ROOT / words[1]).is_file()
    if words[0] == "mkdocs":
        return (ROOT / words[words.index("-f") + 1]).is_file()
    if "_SEDSPACE_COMPLETE=" in line:  # tests/test_cli.py has bash do it
        shell = re.search(r"_SEDSPACE_COMPLETE=(\w+)_source sedspace", line)[1]
        return get_completion_class(shell) is not None
    if words[0] == ".":
        return words[1:] == [".venv/bin/activate"]
    if words[0] == "sedspace" and len(words) == 2 and words[1] in cli.commands:  # a command's name
        return True
    return words[:2] == ["sedspace", "verify"] and words[2:] == ["--repair"]


def mentioned(code, names):
    """Return whether a span within a paragraph, no command, names what there is."""
    if code in NO_CODE or not re.search(r"[ (=]|^--", code):
        return True  # a word: a column, a file, a name
    if code.startswith("--"):
        tree = [cli, *cli.commands.values(), *program.cli.commands.values()]
        options = {name for command in tree for parameter in command.params for name in parameter.opts}
        return code.split()[0] in options
    if code.startswith("@"):
        return callable(getattr(sedspace_proxies, re.match(r"@(\w+)", code)[1]))
    eval(code, names)
    return True


def test_a_newcomer_can_read_it_in_five_minutes():
    assert README.read_text(encoding="utf-8").count("\n") <= 250


def test_the_two_commands_make_their_own_environment():
    commands = [step.code for step in steps(README) if step.kind == "sh" and ".venv/bin/pip" in step.code]
    assert len(commands) == 2
    for command in commands:
        (line,) = [line for line in command.splitlines() if not line.startswith("#")]
        assert re.match(r"python3 -m venv (--upgrade-deps )?\.venv && \.venv/bin/pip install ", line)
    assert commands[0].rstrip().endswith(f"&& .venv/bin/{MAIN_JOB}")
    assert commands[1].rstrip().endswith(f"&& {TESTS}")


def test_the_spaces_in_toml_are_some(tmp_path):
    lean = ss.restrict("tss5", ss.Connected(), ss.AtMost(2, "avg_pool_3x3"))
    expected = {"lean.toml": lean.size, "mine.toml": 2**10, "mobile.toml": 2 * 3 * 2 * 2 * 2 * 2}
    for block in (step.code for page in GUIDE for step in steps(page) if step.kind == "toml"):
        file = tmp_path / re.match(r"# (\w+\.toml)\n", block)[1]
        file.write_text(block)
        assert ss.read_space(file).size == expected.pop(file.name)
    assert not expected


def test_the_reference_has_every_public_name_and_every_proxy():
    pages = "".join(page.read_text(encoding="utf-8") for page in (SITE / "reference").glob("*.md"))
    listed = re.findall(r"^::: sedspace\.(\S+)$", pages, re.M)
    public = {*ss.__all__} - {"__version__"}
    assert public <= {*listed}
    assert {f"studies.proxies.{name}" for name in MODULES} <= {*listed}
    assert len(listed) == len({*listed})


@pytest.mark.parametrize("name", program.places())
def test_figures_come_from_measurements(name):
    assert program.split(program.page(name).read_text(encoding="utf-8"), name)[1] == program.table(name)


def test_figures_are_regenerated_where_they_stand(tmp_path):
    copy = tmp_path / "README.md"
    text = README.read_text(encoding="utf-8")
    copy.write_text(text.replace("| claim |", "| altered |"), encoding="utf-8")
    program.write_readme("claims", copy)
    assert copy.read_text(encoding="utf-8") == text


def test_no_table_of_figures_without_a_source():
    """Outside of what is written by measurements only the table of spaces has numbers, and those are their sizes."""
    text = "".join(page.read_text(encoding="utf-8") for page in program.PAGES)
    for name in program.places():
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


def test_nothing_is_saved_from_a_loaded_machine(monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (1.31, 0.0, 0.0))
    result = CliRunner().invoke(program.cli, ["run", "speed", "--save"])
    assert (result.exit_code, "the load of this machine is 1.31: expected at most 0.5" in result.output) == (1, True)


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
    assert scores.evidence(results) == program.table("evidence")


def test_published_figures_are_measured_again(shared):
    """The committed claims are what the developers' accuracy table gives today."""
    results = claims.measure(shared / "benchmarks" / "nats_tss.parquet")
    assert claims.markdown(results) == program.table("claims")
