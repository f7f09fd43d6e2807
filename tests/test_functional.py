"""Functional classes and what a cell is as a graph, against exact normal forms and all ways written out."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import polars as pl
import pytest

import naive
import sedspace as ss

TSS = [naive.digits(i, [5] * 6) for i in range(5**6)]


@pytest.fixture(scope="module")
def lowest():
    """The lowest index of the class of every architecture of tss, by exact normal forms."""
    first = {}
    return [first.setdefault(naive.normal_form(digits, 4), index) for index, digits in enumerate(TSS)]


def test_the_64_bits_separate_all_classes_of_tss(lowest):
    found = ss.functional_class("tss", range(5**6))
    assert found.tolist() == lowest
    assert len(set(lowest)) == 5260
    assert ss.functional_class("tss", 3128) == lowest[3128]
    assert ss.score("tss", "functional_class", 5000, 9000).tolist() == lowest[5000:9000]
    assert ss.score("tss", "representative").tolist() == [int(low == i) for i, low in enumerate(lowest)]


def test_classes_if_pooling_were_linear(lowest):
    """Fewer, each of whole classes: averages of sums are sums of averages, but maxima are not."""
    linear = [naive.normal_form(digits, 4, linear=True) for digits in TSS]
    assert len(set(linear)) == 5044
    assert all(form == linear[low] for form, low in zip(linear, lowest, strict=True))


def test_classes_of_transnas_are_those_of_tss_without_pooling(lowest):
    space = ss.space("transnas_micro")
    first = {}
    expected = [first.setdefault(lowest[naive.index(naive.digits(i, [4] * 6), [5] * 6)], i) for i in range(space.size)]
    assert ss.functional_class(space, range(space.size)).tolist() == expected


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        (3, ["none", "skip_connect", "conv", "other_conv", "pool", "other_pool"]),
        (4, ["pool", "conv", "skip_connect", "other_pool"]),  # an edge always carries something
        (4, ["other_conv", "none", "pool", "conv"]),  # and no two nodes are the same
    ],
)
def test_classes_of_spaces_of_ones_own(nodes, names):
    kinds = {"none": {"kind": "none"}, "skip_connect": {"kind": "skip"}}
    kinds |= {f"{other}{kind}": {"kind": kind, "kernel": 3} for other in ("", "other_") for kind in ("conv", "pool")}
    space = ss.cell_space("mine", nodes, [{"name": name, **kinds[name]} for name in names])
    radices, first = [len(names)] * len(naive.edges(nodes)), {}
    forms = [naive.normal_form(naive.digits(i, radices), nodes, names=names) for i in range(space.size)]
    expected = [first.setdefault(form, index) for index, form in enumerate(forms)]
    assert ss.score(space, "functional_class").tolist() == expected


def graph_of(digits, nodes):
    """What a cell computes as a graph of terms, for an isomorphism test that is not ours."""
    value, convolutions = naive.terms(digits, nodes)
    graph = nx.DiGraph()
    graph.add_node("root", label="root")

    def enter(into, user):
        for term, often in into.items():
            graph.add_edge(term, user, often=often)
            if "label" in graph.nodes[term]:
                continue
            operation, inner = (
                (term, {})
                if term == "input"
                else (convolutions[term] if isinstance(term, int) else (term[0], dict(term[1])))
            )
            graph.nodes[term]["label"] = operation
            enter(inner, term)

    enter(value, "root")
    return graph


def same(one, other):
    """Whether two graphs of terms are the same, whatever the terms are called."""
    return nx.is_isomorphic(
        one, other, nx.algorithms.isomorphism.categorical_node_match("label", ""),
        nx.algorithms.isomorphism.numerical_edge_match("often", 0),
    )  # fmt: skip


def test_classes_of_tss5():
    """As many classes as there are different graphs among many cells, and every cell is that of its lowest one."""
    random = np.random.default_rng(11)
    classes = ss.score("tss5", "functional_class")
    assert int((classes == np.arange(len(classes))).sum()) == len(np.unique(classes)) == 2_562_145
    indices = random.integers(0, 5**10, 3000)
    kept = {}
    for index in indices:
        graph = graph_of(naive.digits(int(index), [5] * 10), 5)
        alike = sorted((graph.nodes[n]["label"], graph.in_degree(n), graph.out_degree(n)) for n in graph)
        found = next((one for one in kept.setdefault(str(alike), []) if same(one[1], graph)), None)
        assert found is None or found[0] == classes[index]  # one class, if the graphs are the same
        if found is None:
            kept[str(alike)].append((classes[index], graph))
    assert sum(map(len, kept.values())) == len(np.unique(classes[indices]))


def test_cells_of_tss5_compute_what_the_first_of_their_class_computes():
    classes = ss.score("tss5", "functional_class")
    for index in np.random.default_rng(12).integers(0, 5**10, 10_000).tolist():
        assert classes[index] <= index
        cells = (naive.digits(i, [5] * 10) for i in (index, int(classes[index])))
        assert naive.compute_the_same(*cells, 5)


def test_names_of_nodes_do_not_matter():
    """Two nodes that follow each other and are not joined may change places."""
    space, classes = ss.space("tss5"), ss.score("tss5", "functional_class")
    for first in (1, 2):
        digits = space.digits(np.random.default_rng(first).integers(0, space.size, 100_000))
        digits[:, space.edges.index((first, first + 1))] = 0
        other = {first: first + 1, first + 1: first}
        moved = [
            tuple(sorted(other.get(node, node) for node in edge)) if edge != (first, first + 1) else edge
            for edge in space.edges
        ]
        renamed = digits[:, [space.edges.index(edge) for edge in moved]]
        assert classes[space.index(digits)].tolist() == classes[space.index(renamed)].tolist()


def test_a_convolution_used_twice_is_not_two():
    """With v = conv(input), v + v through two skip connections is not v + w; pooling has no weights."""
    twice = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|"
    two = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|"
    one, other = ss.functional_class("tss", ss.space("tss").parse([twice, two]))
    assert one != other
    pooled = [arch.replace("nor_conv_3x3", "avg_pool_3x3") for arch in (twice, two)]
    one, other = ss.functional_class("tss", ss.space("tss").parse(pooled))
    assert one == other


def test_live_parameters_are_equal_inside_every_class():
    params = [
        sum(
            {"nor_conv_1x1": 28_000, "nor_conv_3x3": 243_040}[convolutions[c][0]]
            for c in naive.used(value, convolutions)
        )
        for value, convolutions in (naive.terms(digits, 4) for digits in TSS)
    ]
    frame = pl.DataFrame({"lowest": ss.score("tss", "functional_class"), "params": params})
    assert frame.group_by("lowest").agg(pl.col("params").n_unique())["params"].max() == 1
    for name in ("tss", "tss5"):
        live, classes = ss.score(name, "live_params"), ss.score(name, "functional_class")
        assert np.array_equal(live, live[classes])


def test_one_of_each_class_everywhere(lowest, tmp_path):
    kept = [i for i, low in enumerate(lowest) if i == low]
    run = ss.enumerate_space("tss", tmp_path / "run", columns=["sed"], unique="functional", progress=False)
    assert run.scan().collect()["index"].to_list() == kept
    sed = ss.score("tss")
    best = sorted(kept, key=lambda i: (-sed[i], i))
    assert ss.top_k("tss", 50, unique="functional")["index"].to_list() == best[:50]
    some = [i for i in best if sed[i] < 5]
    assert ss.top_k("tss", 50, where="sed < 5", unique="functional")["index"].to_list() == some[:50]
    restricted = ss.restrict("tss", ss.OnePerClass())
    assert ss.space("tss").parse(restricted[:]).tolist() == kept
    drawn = ss.sample("tss", 5260, unique="functional", seed=2)
    assert drawn["index"].to_list() == kept
    with pytest.raises(ss.BadInput, match="unique 'name': expected 'functional'"):
        ss.top_k("tss", unique="name")
    with pytest.raises(ss.BadInput, match="functional classes of tss6: its 30,517,578,125 architectures are too many"):
        ss.top_k("tss6", unique="functional")
    with pytest.raises(ss.BadInput, match=r"where '1=1\) OR \(1=1' is not a condition"):
        ss.top_k("tss", where="1=1) OR (1=1", unique="functional")
    with pytest.raises(ss.BadInput, match=r"index 1\.5 is not an integer"):
        ss.functional_class("tss", 1.5)
    with pytest.raises(ss.BadInput, match="too many, expected at most 16,777,216"):
        ss.functional_class("tss6", 3)
    with pytest.raises(ss.BadInput, match="not of darts"):
        ss.functional_class("darts", 3)


# -- graphs ---------------------------------------------------------------------------------------------------------


def test_depth_paths_and_receptive_field_of_tss():
    kernel = {"nor_conv_1x1": 1, "nor_conv_3x3": 3, "avg_pool_3x3": 3, "skip_connect": 1}
    expected = {"depth": [], "paths": [], "receptive_field": []}
    for digits in TSS:
        ways = naive.ways(digits, 4)
        expected["depth"].append(max((sum(o != "skip_connect" for o in way) for way in ways), default=0))
        expected["paths"].append(len(ways))
        expected["receptive_field"].append(max((1 + sum(kernel[o] - 1 for o in way) for way in ways), default=0))
    for name, values in expected.items():
        assert ss.score("tss", name).tolist() == values, name


@pytest.mark.parametrize("index", [0, 11_668, 5_432, 15_624])
def test_scores_of_the_network_by_its_layers(index):
    digits = TSS[index]
    chosen = dict(zip(naive.edges(4), naive.operations(digits), strict=True))
    links = sum(chosen[edge] == "skip_connect" for edge in ((0, 2), (0, 3), (1, 3)))
    mass = sum(links / 3 * width * 3 for width in (16, 32, 64) for _ in range(5))
    degree = sum(width + links / 3 for width in (16, 32, 64) for _ in range(5))
    logs = [math.log(27)]
    for stage, width in enumerate((16, 32, 64)):
        if stage:
            logs += [math.log(9 * width // 2), math.log(9 * width)]
        for operation in naive.operations(digits) * 5:
            if "conv" in operation:
                logs.append(math.log(width * naive.KERNEL[operation] ** 2))
    entropy = math.log(8 * 8 * 64) * sum(logs)
    effectiveness = len(logs) / math.exp(sum(logs) / len(logs))
    found = [ss.score("tss", n, index, index + 1).item() for n in ("nn_mass", "nn_degree", "entropy", "effectiveness")]
    assert found == pytest.approx([mass, degree, entropy, effectiveness], rel=1e-6)


def test_scores_that_are_sums_count_whole_spaces():
    assert ss.census("tss6", ["nn_mass"], by="entropy")["count"].sum() == 5**15
    assert ss.top_k("tss6", 1, "entropy")["index"].item() == ss.space("tss6").index([3] * 15)
    frame = ss.census("tss", ["depth"], by="paths")
    assert frame["count"].sum() == 5**6
    assert frame.schema["paths"] == pl.Int32


def test_classes_are_computed_once_for_equal_spaces():
    from sedspace.spaces import functional_classes

    operations = [{"name": name, "kind": kind} for name, kind in (("off", "none"), ("on", "skip"))]
    made = [ss.cell_space("mine", 4, operations), ss.cell_space("other", 4, operations)]
    before = functional_classes.class_of_every_cell.cache_info().misses
    first, second = (ss.functional_class(space, range(2**6)).tolist() for space in made)
    assert first == second
    assert functional_classes.class_of_every_cell.cache_info().misses <= before + 1
