"""Rules that restrict spaces: each against its words on every cell, and their spaces as spaces like any other."""

from __future__ import annotations

import itertools
import json
import pickle
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import sedspace as ss
from sedspace.spaces import described, machine
from test_own_spaces import OPERATIONS
from test_own_spaces import TOML as OWN_TOML
from toy import small_tss

NAMES = naive.OPERATIONS
CONVS = ["nor_conv_1x1", "nor_conv_3x3"]


def at(edge):
    """The name of the position of an edge."""
    return f"{edge[0]}->{edge[1]}"


def twins():
    """Rules of tss, each with what its words say of a cell."""
    some = {(0, 1): ["none"], (0, 2): ["none", "skip_connect"], (2, 3): ["avg_pool_3x3"]}
    yield (
        ss.Forbidden({at(edge): names for edge, names in some.items()}),
        lambda chosen: naive.meets_forbidden(chosen, some),
    )
    yield ss.Forbidden({"1->2": "none"}), lambda chosen: chosen[1, 2] != "none"
    for per in ("architecture", "cell", "node"):
        for names in (["avg_pool_3x3"], CONVS):
            for n in (1, 2):
                yield (
                    ss.AtMost(n, names, per=per),
                    lambda chosen, n=n, names=names, per=per: max(naive.numbers_of(chosen, names, per)) <= n,
                )
    for per, n in (("architecture", 3), ("cell", 2), ("node", 1)):
        yield (
            ss.AtLeast(n, CONVS, per=per),
            lambda chosen, n=n, per=per: min(naive.numbers_of(chosen, CONVS, per)) >= n,
        )
    for every_edge in (False, True):
        yield ss.Connected(every_edge), lambda chosen, e=every_edge: naive.meets_connected(chosen, e)
    yield ss.Unequal("0->1", "0->2"), lambda chosen: chosen[0, 1] != chosen[0, 2]
    yield ss.Unequal("0->3", "0->1", "1->2"), lambda chosen: len({chosen[e] for e in ((0, 3), (0, 1), (1, 2))}) == 3
    yield ss.Equal("0->1", "1->2", "2->3"), lambda chosen: chosen[0, 1] == chosen[1, 2] == chosen[2, 3]


TWINS = list(twins())


def cells(nodes, names, own=None):
    """Every cell in the order of its digits: the digits, and the operation of each edge."""
    edges = naive.edges(nodes)
    choices = [(own or {}).get(at(edge), names) for edge in edges]
    for digits in itertools.product(*(range(len(some)) for some in choices)):
        chosen = [some[digit] for some, digit in zip(choices, digits, strict=True)]
        yield list(digits), dict(zip(edges, chosen, strict=True))


def assert_is_space_of(space, expected):
    """Size, digits, indices, strings and membership are those of the expected digits, in their order."""
    assert space.size == len(expected)
    assert space.digits_of_range(0, space.size).tolist() == expected
    assert space.index(np.array(expected)).tolist() == list(range(space.size))
    archs = space.arch(range(space.size))
    assert space.parse(archs[:500]).tolist() == list(range(min(space.size, 500)))
    kept = set(map(tuple, expected))
    others = [space.base.digits(i) for i in Random(1).sample(range(space.base.size), min(space.base.size, 60))]
    for digits in others:
        arch = space.base.arch(space.base.index(digits))
        assert (arch in space) == (tuple(digits.tolist()) in kept)


@pytest.mark.parametrize(("rule", "meets"), TWINS, ids=lambda one: getattr(one, "name", ""))
def test_a_rule_leaves_what_its_words_say(rule, meets):
    space = ss.restrict("tss", rule)
    assert_is_space_of(space, [digits for digits, chosen in cells(4, NAMES) if meets(chosen)])
    assert ss.census(space)["count"].sum() == space.size
    again = described(json.loads(json.dumps(space.describe())))
    assert again.describe() == space.describe()


def own_cells(draw):
    """Draw a small cell space of one's own: its number of nodes, its operations, and those of some edges."""
    operations = draw(st.lists(st.sampled_from(OPERATIONS), min_size=2, max_size=4, unique_by=lambda o: o["name"]))
    nodes = draw(st.integers(2, 4 if len(operations) < 4 else 3))
    names = st.sampled_from([operation["name"] for operation in operations])
    edge = st.sampled_from([at(edge) for edge in naive.edges(nodes)])
    return nodes, operations, draw(st.dictionaries(edge, st.lists(names, min_size=1, unique=True), max_size=3))


@st.composite
def restricted_cells(draw):
    """Draw a small space and up to three rules on it, each with what its words say."""
    nodes, operations, own = own_cells(draw)
    edges, names = naive.edges(nodes), [operation["name"] for operation in operations]
    name, edge = st.sampled_from(names), st.sampled_from(edges)
    some = st.lists(name, min_size=1, unique=True)

    def forbidden():
        ends = draw(st.lists(edge, min_size=1, max_size=3, unique=True))
        of = {end: st.sampled_from(own.get(at(end), names)) for end in ends}
        choices = {end: draw(st.lists(of[end], min_size=1, unique=True)) for end in ends}
        rule = ss.Forbidden({at(one): chosen for one, chosen in choices.items()})
        return rule, lambda chosen: naive.meets_forbidden(chosen, choices)

    def number():
        most, n, which = draw(st.booleans()), draw(st.integers(0, 3)), draw(some)
        per = draw(st.sampled_from(["architecture", "cell", "node"]))
        if most:
            return ss.AtMost(n, which, per=per), lambda chosen: max(naive.numbers_of(chosen, which, per)) <= n
        return ss.AtLeast(n, which, per=per), lambda chosen: min(naive.numbers_of(chosen, which, per)) >= n

    def connected():
        every = draw(st.booleans())
        return ss.Connected(every), lambda chosen: naive.meets_connected(chosen, every)

    def compared():
        ends = draw(st.lists(edge, min_size=2, max_size=3, unique=True))
        if draw(st.booleans()):
            return ss.Equal(*map(at, ends)), lambda chosen: len({chosen[e] for e in ends}) == 1
        return ss.Unequal(*map(at, ends)), lambda chosen: len({chosen[e] for e in ends}) == len(ends)

    kinds = [forbidden, number, connected, *([compared] if len(edges) > 1 else [])]
    rules = [draw(st.sampled_from(kinds))() for _ in range(draw(st.integers(1, 3)))]
    return nodes, operations, own, rules


@settings(max_examples=60)
@given(restricted_cells())
def test_any_rules_on_any_cells(drawn):
    nodes, operations, own, rules = drawn
    base = ss.cell_space("mine", nodes, operations, edges=own)
    names = [operation["name"] for operation in operations]
    expected = [digits for digits, chosen in cells(nodes, names, own) if all(meets(chosen) for _, meets in rules)]
    if not expected:
        with pytest.raises(ss.BadInput, match=r"there is no such architecture|no architecture meets"):
            ss.restrict(base, *(rule for rule, _ in rules))
        return
    space = ss.restrict(base, *(rule for rule, _ in rules))
    assert_is_space_of(space, expected)
    there = base.index(np.array(expected))
    for name in ("sed", "params", "depth", "paths"):
        assert ss.score(space, name).tolist() == ss.score(base, name)[there].tolist()
    assert ss.census(space)["count"].sum() == len(expected)
    sed = ss.score(base, "sed")[there]
    best = ss.top_k(space, 5)
    order = sorted(range(len(expected)), key=lambda i: (-sed[i], i))[:5]
    assert best["index"].to_list() == order
    assert pickle.loads(pickle.dumps(space)).describe() == space.describe()


def darts_edges(digits):
    """The operations of darts by node, as sets of (operation, source)."""
    return [
        [{(operation, source) for source, operation in cell[2 * node : 2 * node + 2]} for node in range(4)]
        for cell in naive.darts_edges(digits)
    ]


def test_rules_on_darts():
    """Counted by hand for a cell of nodes that are independent, and checked on random ones."""
    space = ss.space("darts")
    few = ss.restrict(space, ss.AtMost(1, "skip_connect", per="cell"))
    without, once = [36 * pairs for pairs in (1, 3, 6, 10)], [12 * pairs for pairs in (1, 3, 6, 10)]
    cell = int(np.prod(without)) + sum(
        int(np.prod([once[i] if i == one else without[i] for i in range(4)])) for one in range(4)
    )
    assert few.size == cell**2
    assert [len(step) for step in few.machine.steps][4] == 1  # nothing of the normal cell is left to know
    assert ss.census(few)["count"].sum() == few.size
    nodes = ss.restrict(space, ss.AtMost(1, "skip_connect", per="node"))
    assert nodes.size == int(np.prod([48 * pairs for pairs in (1, 3, 6, 10)], dtype=object)) ** 2
    source = ss.restrict(space, ss.Forbidden({"normal 2": "skip_connect~0", "reduce 2": "skip_connect"}))
    assert source.size == space.size - 7 * 13 * (space.size // 49**2)
    for index in Random(2).sample(range(few.size), 20):
        for cell_of in darts_edges(few.digits(index).tolist()):
            assert sum(operation == "skip_connect" for node in cell_of for operation, _ in node) <= 1
    assert few.index(few.digits([0, few.size - 1])).tolist() == [0, few.size - 1]
    twins = ss.restrict(space, *(ss.Equal(f"normal {node}", f"reduce {node}") for node in (2, 3)))
    assert twins.size == space.size // (49 * 147)
    with pytest.raises(ss.BadInput, match="rule 'connected' is of cells with an operation on every edge, not of darts"):
        ss.restrict(space, ss.Connected())


def test_rules_on_listed_spaces():
    """An index is a rank, no longer the entry's number."""
    space = ss.space("nb101")
    few = ss.restrict(space, ss.AtMost(0, "maxpool3x3"), ss.AtLeast(4, "conv3x3-bn-relu"))
    kept = np.flatnonzero((ss.score(space, "n_pool") == 0) & (ss.score(space, "n_conv3x3") >= 4))
    assert few.size == len(kept)
    assert few.digits_of_range(0, few.size)[:, 0].tolist() == kept.tolist()
    assert few.arch(7) == space.arch(int(kept[7]))
    assert few.parse(few.arch(range(20))).tolist() == list(range(20))
    assert few.matrix(7) == space.matrix(int(kept[7]))
    assert few.module_hash(7) == space.module_hash(int(kept[7]))
    assert few.draw(7) == space.draw(int(kept[7]))
    assert ss.score(few, "params").tolist() == ss.score(space, "params")[kept].tolist()


def test_functional_classes_are_those_of_what_there_is():
    """The lowest index of a class is that in the restricted space, whose first need not be the first of all."""
    base, classes = ss.space("tss"), ss.score("tss", "functional_class")
    space = ss.restrict(base, ss.AtMost(2, "nor_conv_3x3"), ss.Unequal("0->1", "0->2"), ss.AtLeast(1, "skip_connect"))
    first = {}
    there = base.index(space.digits_of_range(0, space.size))
    expected = [first.setdefault(classes[index], rank) for rank, index in enumerate(there)]
    assert ss.score(space, "functional_class").tolist() == expected
    assert ss.functional_class(space, [5, 900, 70]).tolist() == [expected[5], expected[900], expected[70]]
    assert ss.functional_class(space, 900) == expected[900]
    assert int(ss.score(space, "representative").sum()) == len(first)
    assert ss.top_k(space, 10**6, unique="functional").height == len(first)


def test_edges_with_operations_of_their_own():
    """The same cells as those of the whole space that have no others: whatever is said of them is the same."""
    own = {"0->3": ["skip_connect", "none"], "1->2": ["nor_conv_3x3"], "0->1": ["avg_pool_3x3", "nor_conv_1x1", "none"]}
    space, base = ss.cell_space("mine", 4, OPERATIONS, edges=own), ss.space("tss")
    assert space.size == 2 * 1 * 3 * 5**3
    archs = space[:]
    assert space.parse(archs).tolist() == list(range(space.size))
    there = base.parse(archs)
    for name in ("sed", "params", "macs", "residual", "depth", "paths", "receptive_field", "nn_mass", "entropy"):
        assert ss.score(space, name).tolist() == ss.score(base, name)[there].tolist(), name
    classes, first = ss.score(base, "functional_class")[there].tolist(), {}
    expected = [first.setdefault(one, index) for index, one in enumerate(classes)]
    assert ss.score(space, "functional_class").tolist() == expected
    assert space.draw(5) == base.draw(int(there[5]))
    assert ss.census(space)["count"].sum() == space.size
    assert pickle.loads(pickle.dumps(space)).describe() == space.describe() == described(space.describe()).describe()
    with pytest.raises(ss.BadInput, match="edge 1->2 has operation 'none', expected one of nor_conv_3x3"):
        space.parse(base.arch(0))


TOML = """
restricts = "tss5"
name = "lean"

[[constraints]]
rule = "connected"
every_edge = true

[[constraints]]
rule = "at_most"
n = 2
operations = "avg_pool_3x3"
per = "node"

[[constraints]]
rule = "forbidden"
choices = {"0->1" = "none", "0->2" = ["none", "skip_connect"]}

[[constraints]]
rule = "unequal"
positions = ["0->1", "0->2"]

[[constraints]]
rule = "at_least"
n = 1
operations = ["nor_conv_1x1", "nor_conv_3x3"]
"""
RULES = (
    ss.Connected(every_edge=True),
    ss.AtMost(2, "avg_pool_3x3", per="node"),
    ss.Forbidden({"0->1": "none", "0->2": ["none", "skip_connect"]}),
    ss.Unequal("0->1", "0->2"),
    ss.AtLeast(1, CONVS),
)


def test_a_file_that_restricts(tmp_path):
    """It is the space of the same rules in Python; its runs need the file no longer."""
    path = tmp_path / "lean.toml"
    path.write_text(TOML)
    space = ss.space(str(path))
    assert space is ss.restrict("tss5", *RULES, name="lean")
    run = ss.enumerate_space(space, tmp_path / "run", columns=["sed", "arch"], stop=5000, progress=False)
    path.unlink()
    opened = ss.open_run(tmp_path / "run")
    assert opened.space is space
    assert opened.verify() == []
    assert run.scan().collect()["arch"].to_list() == space.arch(range(5000)).tolist()


def test_constraints_on_cells_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    constraint = '[[constraints]]\nrule = "equal"\npositions = ["0->1", "0->2"]\n'
    path.write_text(f"{OWN_TOML}\n[edges]\n'0->2' = ['max_pool_3x3', 'none']\n\n{constraint}")
    space = ss.space(str(path))
    assert space.name == "mine"
    assert space.size == 2 * 4**8
    assert described(json.loads(json.dumps(space.describe()))).describe() == space.describe()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"tss5"', '"tsss5"'), "restricts: unknown space 'tsss5': did you mean 'tss5'"),
        (
            ('"tss5"', '"own.toml"'),
            r"restricts 'own.toml', a file: put \[\[constraints\]\] into that",
        ),
        (('"tss5"', "5"), "restricts 5, expected the name of a space"),
        (('name = "lean"', 'name = "tss9"'), "name 'tss9' is one of sedspace's own spaces, choose another"),
        (('name = "lean"', 'nam = "lean"'), "unknown key 'nam': did you mean 'name'"),
        (('"connected"', '"conected"'), "unknown rule of space .*, rule 0 'conected': did you mean 'connected'"),
        (('"connected"', '"machine"'), "rule 0: a machine is made in Python, expected one of forbidden, at_most"),
        (("every_edge = true", "every_edge = 1"), "rule 0: connected: every_edge 1, expected True or False"),
        (("every_edge", "every_edges"), "rule 0: unknown key 'every_edges': did you mean 'every_edge'"),
        (("n = 2", "n = -2"), "rule 1: at most n -2: expected 0 or more"),
        (("n = 2", "n = 2.5"), "rule 1: at most n 2.5 is not an integer"),
        (("n = 2\n", ""), "rule 1 has no n: expected n, operations"),
        (('"avg_pool_3x3"', "[]"), r"rule 1: at most 2: operations \[\], expected a name or several"),
        (('"avg_pool_3x3"', '"avg_pool"'), "unknown operation of the rule .* on tss5 'avg_pool': did you mean 'avg_"),
        (('"node"', '"nodes"'), "unknown per of at most 2 'nodes': did you mean 'node'"),
        (('"0->1" = "none"', '"0->7" = "none"'), "unknown position of tss5 '0->7': did you mean"),
        (('"0->1" = "none"', '"0->1" = "nine"'), "unknown choice at 0->1 'nine': did you mean 'none'"),
        (
            ('choices = {"0->1" = "none", "0->2" = ["none", "skip_connect"]}', "choices = 3"),
            "rule 2: forbidden choices 3",
        ),
        (('["0->1", "0->2"]', '["0->1"]'), "rule 3: unequal '0->1': expected two or more different positions"),
        (('["0->1", "0->2"]', '"0->1"'), "rule 3: positions '0->1', expected a list"),
        (("n = 1\n", "n = 11\n"), "rule 'at least 11 .*': there is no such architecture"),
    ],
)
def test_a_wrong_file_is_one_line(change, message, tmp_path):
    path = tmp_path / "lean.toml"
    assert change[0] in TOML
    path.write_text(TOML.replace(*change, 1))
    with pytest.raises(ss.BadInput, match=message) as caught:
        ss.space(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_constraints_that_are_misspelt_are_found(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\nnodes = 3\noperations = []\n[[constraint]]\nrule = "connected"\n')
    with pytest.raises(ss.BadInput, match="unknown key 'constraint': did you mean 'constraints'"):
        ss.space(str(path))


def test_what_is_forbidden_names_its_rule():
    space = ss.restrict("tss", ss.AtMost(2, "avg_pool_3x3"), ss.Unequal("0->1", "0->2"), name="few")
    base = ss.space("tss")
    with pytest.raises(ss.BadInput, match=r"arch '.*' is not in few: it breaks the rule 'unequal 0->1, 0->2'"):
        space.parse(base.arch(0))
    with pytest.raises(ss.BadInput, match=r"it breaks the rule 'at most 2 avg_pool_3x3 per architecture'"):
        space.index([4, 3, 4, 4, 0, 0])
    with pytest.raises(ss.BadInput, match=f"index {space.size} is outside few: expected 0 to {space.size - 1}"):
        space.digits(space.size)


def test_rules_that_contradict_each_other_are_named():
    rules = ss.AtMost(1, "none"), ss.AtLeast(2, "skip_connect", per="node"), ss.Connected()
    with pytest.raises(ss.BadInput, match="rule 'at least 2 skip_connect per node': there is no such architecture"):
        ss.restrict("tss", *rules)
    rules = ss.Equal("0->1", "0->2"), ss.Connected(), ss.AtMost(2, "none"), ss.Unequal("0->1", "0->2")
    message = "^rule 'equal 0->1, 0->2' and rule 'unequal 0->1, 0->2': no architecture meets all of them$"
    with pytest.raises(ss.BadInput, match=message):
        ss.restrict("tss", *rules)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ss.restrict("tss"), "no rules to restrict tss by: expected one or more"),
        (lambda: ss.restrict("tss", 5), "rule 5: expected a Rule"),
        (lambda: ss.restrict("tss", ss.Connected(), name="tss5"), "name 'tss5' is one of sedspace's own spaces"),
        (lambda: ss.restrict("tss", ss.Connected(), name="my own"), "name 'my own': expected letters"),
        (lambda: ss.restrict("tss", ss.Connected(), name=5), "name 5: expected letters"),
        (lambda: ss.restrict("sss", ss.Connected()), "rule 'connected' is of cells with an operation .*, not of sss"),
        (lambda: ss.restrict("sss", ss.AtMost(1, "8", per="node")), "per node: sss has no nodes"),
        (lambda: ss.Connected("yes"), "connected: every_edge 'yes', expected True or False"),
        (lambda: ss.AtMost("2", "none"), "at most n '2' is not an integer"),
        (lambda: ss.AtMost(2, [3]), r"at most 2: operations \[3\], expected a name or several"),
        (lambda: ss.AtLeast(2, "none", per="edge"), "unknown per of at least 2 'edge'"),
        (lambda: ss.Forbidden({}), "forbidden choices {}: expected choices by the names of positions"),
        (lambda: ss.Forbidden({"0->1": 3}), "forbidden choices at 0->1 3, expected a name or several"),
        (lambda: ss.Unequal("0->1", "0->1"), "unequal '0->1', '0->1': expected two or more different positions"),
        (lambda: ss.Equal("0->1", 2), "equal '0->1', 2: expected two or more different positions"),
    ],
)
def test_bad_input_is_one_line(make, message):
    with pytest.raises(ss.BadInput, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_rule_that_remembers_too_much(monkeypatch):
    monkeypatch.setattr(machine, "STEPS", 5000)
    message = "rule 'connected': [0-9,]+ steps up to position [0-9]+, expected at most 5,000: have less to remember"
    with pytest.raises(ss.BadInput, match=message):
        ss.restrict("tss9", ss.Connected())


def test_a_machine_of_ones_own():
    """No pooling follows a pooling: the state is the nodes into which a pooling goes."""
    edges = ss.space("tss").edges

    def step(pooled, position, choice):
        source, target = edges[position]
        if choice != 4:
            return pooled
        return None if source in pooled else pooled | {target}

    space = ss.restrict("tss", ss.OwnRule("no two poolings in a row", frozenset(), step))

    def meets(chosen):
        pools = [edge for edge, operation in chosen.items() if operation == "avg_pool_3x3"]
        return not any(one[1] == other[0] for one in pools for other in pools)

    assert_is_space_of(space, [digits for digits, chosen in cells(4, NAMES) if meets(chosen)])


def test_samples_are_uniform():
    space = ss.restrict("tss", ss.Connected(every_edge=True), ss.AtMost(1, "avg_pool_3x3", per="node"))
    cuts, draws = 20, 40
    found = np.concatenate([ss.sample(space, 500, seed=seed)["index"].to_numpy() for seed in range(draws)])
    counts = np.bincount(found * cuts // space.size, minlength=cuts)
    expected = len(found) / cuts
    assert ((counts - expected) ** 2 / expected).sum() < 43.8  # of 19 degrees of freedom, once in a thousand


def test_a_rule_of_more_than_int64():
    space = ss.restrict("tss8", ss.AtMost(3, "none", per="node"), ss.Unequal("0->1", "6->7"))
    assert space.size > 1 << 63
    indices = [0, 1, 12_345_678_901_234_567_890, space.size - 1]
    assert space.index(space.digits(indices)).tolist() == indices
    assert ss.census(space)["count"].sum() == space.size


def test_a_study_of_a_restricted_space_is_continued(tmp_path):
    pytest.importorskip("torch")
    file, options = tmp_path / "check.parquet", {"batch": 4, "device": "cpu", "progress": False}
    base = small_tss()
    space = ss.restrict(base, ss.Connected(), name="joined")
    first = ss.crosscheck(space, [0, 7], ["params"], file, **options)
    again = ss.restrict(small_tss(), ss.Connected(), name="joined")  # as in another process
    found = ss.crosscheck(again, [0, 7, space.size - 1], ["params"], file, **options).rows
    assert (first.rows.height, found.height) == (2, 3)
    there = base.index(space.digits(found["index"].to_numpy()))
    assert found["arch"].to_list() == base.arch(there).tolist()
    assert found["value"].to_list() == ss.score(base, "params")[there].tolist()
    with pytest.raises(ss.BadInput, match="joined"):
        ss.crosscheck(base, [0], ["params"], file, **options)


def test_live_counts_where_edges_have_operations_of_their_own():
    """Rows by the kernel, answers by the machine: both read an edge's own choices, also where a rule is beside them."""
    own = {"0->3": ["skip_connect", "none"], "1->2": ["nor_conv_3x3"], "0->1": ["avg_pool_3x3", "nor_conv_1x1", "none"]}
    space, base = ss.cell_space("mine", 4, OPERATIONS, edges=own), ss.space("tss")
    assert ss.score(space, "live_sed").tolist() == ss.score(base, "live_sed")[base.parse(space[:])].tolist()
    for some in (space, ss.restrict(space, ss.Connected()), ss.restrict(base, ss.AtMost(2, "none"))):
        for name in [name for name in ss.known_scores(some) if "live" in name]:
            counted = ss.census(some, [name]).group_by(name).agg(pl.col("count").sum()).sort(name)
            values, counts = np.unique(ss.score(some, name), return_counts=True)
            assert counted[name].to_list() == values.tolist()
            assert counted["count"].to_list() == counts.tolist()


@pytest.mark.parametrize(
    "others", [(), (ss.Connected(),), (ss.AtMost(1, "none"), ss.Forbidden({"0->3": "skip_connect"}))], ids=len
)
def test_one_cell_of_each_functional_class(others):
    """The first of each class among what the other rules leave, whatever their order."""
    base = ss.space("tss")
    class_of = ss.functional_class(base, range(base.size)).tolist()
    left = ss.restrict(base, *others)[:] if others else base[:]
    first = {}
    for index in base.parse(left).tolist():
        first.setdefault(class_of[index], index)
    for rules in ((ss.OnePerClass(), *others), (*others, ss.OnePerClass())):
        space = ss.restrict(base, *rules)
        assert base.parse(space[:]).tolist() == list(first.values())
        assert ss.functional_class(space, range(space.size)).tolist() == list(range(space.size))
        assert described(json.loads(json.dumps(space.describe()))) is space
    missing = next(index for index in base.parse(left).tolist() if index != first[class_of[index]])
    with pytest.raises(ss.BadInput, match="it breaks the rule 'one per class'"):
        space.parse(base.arch(missing))


def test_one_cell_of_each_functional_class_of_tss5():
    space = ss.restrict("tss5", ss.OnePerClass())
    where = "params < 500000 AND n_skip <= 2"
    assert space.size == ss.census(space)["count"].sum() == 2_562_145
    kept = ss.members("tss5", where=f"{where} AND representative = 1")
    assert ss.census(space, where=where)["count"].sum() == len(kept)


def test_one_per_class_in_a_file_and_of_cells_of_ones_own(tmp_path):
    path = tmp_path / "one.toml"
    path.write_text('restricts = "tss"\nname = "one"\n[[constraints]]\nrule = "one_per_class"\n')
    assert ss.space(str(path)).size == 5260
    own = ss.cell_space("mine", 3, OPERATIONS, edges={"0->2": ["skip_connect", "none"]})
    assert ss.restrict(own, ss.OnePerClass()).size == len(set(ss.functional_class(own, range(own.size)).tolist()))
    for space, message in (("sss", "of cells with an operation on every edge, not of sss"), ("tss6", "too many")):
        with pytest.raises(ss.BadInput, match=message):
            ss.restrict(space, ss.OnePerClass())
