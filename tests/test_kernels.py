"""Every kernel equals its twin in naive.py. Needs little but the kernels: this file also runs uncompiled."""

from __future__ import annotations

import hashlib
import itertools
import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import naive_learning
import sedspace as ss
from sedspace.scores.topology import topology, topology_names
from sedspace_kernels import (
    diagram,
    functional,
    gaussian,
    graph,
    live,
    module_hashes,
    nb101,
    propagated,
    spread,
    topology_columns,
    trees,
)
from sedspace_kernels.parallel import split
from sedspace_kernels.pareto import front
from sedspace_kernels.radix import digit_mapper, rank, unrank
from sedspace_kernels.tables import collect_above, feature_classes, histogram, tile
from sedspace_kernels.text import join_pieces, text_offsets

TSS = [5] * 6
radices_lists = st.lists(st.integers(1, 7), min_size=1, max_size=6)


def unranked(indices, radices, dtype=np.uint8):
    out = np.empty((len(indices), len(radices)), dtype)
    unrank(np.array(indices, np.int64), np.array(radices, np.int64), out)
    return out


def test_unrank_and_rank_of_every_tss_cell():
    digits = unranked(range(5**6), TSS)
    assert digits.tolist() == [naive.digits(index, TSS) for index in range(5**6)]
    back = np.empty(5**6, np.int64)
    rank(digits, np.array(TSS), back)
    assert back.tolist() == list(range(5**6))


@given(st.lists(st.integers(2, 900), min_size=1, max_size=6), st.data())
def test_unrank_and_rank_of_mixed_radices(radices, data):
    size = int(np.prod(radices, dtype=object))
    indices = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=5))
    digits = unranked(indices, radices, np.uint16)
    assert digits.tolist() == [naive.digits(index, radices) for index in indices]
    back = np.empty(len(indices), np.int64)
    rank(digits, np.array(radices), back)
    assert back.tolist() == indices


def test_unrank_of_the_largest_indices():
    radices = [5] * 27  # 7.45e18, just below 2^63
    indices = [5**27 - 1, 5**27 - 2, 2**62, 2**53 + 1]
    assert unranked(indices, radices).tolist() == [naive.digits(index, radices) for index in indices]


@given(radices_lists, st.data())
def test_digit_mapper(radices, data):
    size = int(np.prod(radices))
    start = data.draw(st.integers(0, size - 1))
    out = np.empty(min(size - start, 50), np.int64)
    kernel(np.array(naive.digits(start, radices)), np.array(radices), out)
    expected = [scribble(naive.digits(start + i, radices)) for i in range(len(out))]
    assert out.tolist() == expected


def scribble(digits):
    total = 0
    for p in range(len(digits)):
        total = total * 3 + digits[p] * (p + 1)
    for p in range(len(digits)):
        digits[p] = 0
    return total


kernel = digit_mapper(scribble)


@given(
    st.lists(st.lists(st.text("ab|~+0", max_size=4), min_size=1, max_size=3), min_size=1, max_size=4),
    st.data(),
)
def test_text(pieces, data):
    digits = [[data.draw(st.integers(0, len(choices) - 1)) for choices in pieces] for _ in range(4)]
    lengths = np.zeros((len(pieces), max(map(len, pieces))), np.int64)
    for p, choices in enumerate(pieces):
        lengths[p, : len(choices)] = [len(piece) for piece in choices]
    starts = np.cumsum(lengths).reshape(lengths.shape) - lengths
    text = np.frombuffer("".join(piece for choices in pieces for piece in choices).encode(), np.uint8)
    offsets = np.empty(len(digits) + 1, np.int32)
    text_offsets(np.array(digits, np.uint8), lengths, offsets)
    out = np.empty(offsets[-1], np.uint8)
    join_pieces(np.array(digits, np.uint8), text, starts, lengths, out)
    whole = out.tobytes().decode()
    expected = ["".join(choices[d] for choices, d in zip(pieces, row, strict=True)) for row in digits]
    assert [whole[a:b] for a, b in itertools.pairwise(offsets)] == expected


@st.composite
def feature_tables(draw, big=False):
    width = draw(st.integers(1, 3))
    value = st.integers(-(2**58), 2**58) if big else st.integers(-3, 3)
    row = st.lists(value, min_size=width, max_size=width)
    return [
        np.array(draw(st.lists(row, min_size=1, max_size=5)), np.int64).reshape(-1, width)
        for _ in range(draw(st.integers(1, 6)))
    ]


def check_classes(tables, start, stop):
    features, of = feature_classes(tables, start, stop)
    assert len(of) == stop - start
    assert len(features) <= stop - start
    found = [tuple(row) for row in features[of].tolist()]
    assert found == [naive.feature_sums(tables, index) for index in range(start, stop)]


@given(feature_tables(), st.data())
def test_feature_classes_of_ranges(tables, data):
    size = int(np.prod([len(table) for table in tables]))
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start + 1, min(size, start + 200)))
    check_classes(tables, start, stop)


@given(feature_tables(big=True))
def test_feature_classes_with_sums_too_wide_for_one_word(tables):
    check_classes(tables, 0, min(200, int(np.prod([len(table) for table in tables]))))


def test_feature_classes_far_beyond_int64():
    table = np.array([[0, 1], [1, 0], [2, 5], [0, 0], [7, 1]])
    start = 5**40 - 3000
    check_classes([table] * 40, start, start + 500)


def test_feature_classes_merge_equal_sums():
    features, _ = feature_classes([np.eye(5, dtype=np.int64)] * 6, 0, 5**6)
    assert len(features) == 210  # the ways to write 6 as an ordered sum of five counts


@given(feature_tables())
def test_diagram_counts_classes_and_finds_their_lowest(tables):
    layers, features = diagram.build(tables, 1 << 20)
    counts, least = diagram.count(layers).tolist(), diagram.least(layers).tolist()
    size = math.prod(len(table) for table in tables)
    assert len({tuple(row) for row in features.tolist()}) == len(features) <= diagram.most_classes(tables)
    assert sum(counts) == size
    if size <= 5000:
        classes = naive.classes(naive.feature_sums(tables, index) for index in range(size))
        found = zip(map(tuple, features.tolist()), counts, least, strict=True)
        assert {row: (count, index) for row, count, index in found} == classes


@given(feature_tables(), st.data())
def test_diagram_walks_to_members_of_classes(tables, data):
    layers, features = diagram.build(tables, 1 << 20)
    radices = [len(table) for table in tables]
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(features), max_size=len(features)))
    onward = diagram.count_onward(layers, np.array(weights, object))
    of = {tuple(row): number for number, row in enumerate(features.tolist())}
    expected = []  # for every rank the architecture, its class, and the rank within its weight
    for index in range(min(math.prod(radices), 2000)):
        number = of[naive.feature_sums(tables, index)]
        expected += [(naive.digits(index, radices), number, rest) for rest in range(weights[number])]
    total = int(onward[0][0])
    assert total >= len(expected)
    ranks = np.arange(min(total, len(expected)))
    digits, ends, rest = diagram.unrank(layers, onward, ranks)
    assert list(zip(digits.tolist(), ends.tolist(), rest.tolist(), strict=True)) == expected
    before, reached = diagram.rank(layers, onward, digits)
    assert (before + rest).tolist() == ranks.tolist()
    assert reached.tolist() == ends.tolist()


def test_diagrams_are_exact_beyond_int64():
    tables = [np.eye(5, dtype=np.int64)] * 45
    layers, features = diagram.build(tables, 1 << 22)
    counts = diagram.count(layers)
    assert counts.sum() == 5**45
    assert math.comb(45, 45) == counts[features[:, 4] == 45].item()
    assert diagram.least(layers)[features[:, 4] == 45].item() == 5**45 - 1
    onward = diagram.count_onward(layers, np.ones(len(features), np.int64))
    for index in (0, 1, 5**44 + 7, 5**45 - 1):
        digits, _, _ = diagram.unrank(layers, onward, np.array([index], object))
        assert digits[0].tolist() == naive.digits(index, [5] * 45)
        assert diagram.rank(layers, onward, digits)[0].item() == index


def test_diagrams_have_a_limit():
    tables = [np.arange(4)[:, None] * 4**p for p in range(8)]
    assert diagram.most_classes(tables) == 4**8
    with pytest.raises(diagram.TooManyEdges) as caught:
        diagram.build(tables, 1 << 10)
    assert (caught.value.classes, caught.value.positions) == (4**5, 5)


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=0, max_size=60), st.sampled_from([0, 1, 2]))
def test_pareto_front(points, dropped):
    points = sorted(point[: 3 - dropped] + (0,) * dropped for point in points)
    found = front(np.array(points, np.int64).reshape(-1, 3))
    assert found.tolist() == naive.on_front(points)


@st.composite
def blocks(draw):
    size = draw(st.integers(1, 7))
    rows = np.array(
        draw(st.lists(st.lists(st.integers(-4, 4), min_size=size, max_size=size), min_size=1, max_size=4)), np.int64
    )
    row_of_block = np.array(draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=6)), np.intp)
    cells = size * len(row_of_block)
    offset = draw(st.integers(0, size - 1))
    stop = draw(st.integers(offset, cells))
    return rows, row_of_block, offset, stop


@given(blocks(), st.sampled_from([np.uint8, np.int32, np.int64]))
def test_tile(case, dtype):
    rows, row_of_block, offset, stop = case
    out = np.full(stop - offset, 99).astype(dtype)
    tile(rows.astype(dtype), row_of_block, offset, out)
    assert out.tolist() == naive.tile(rows.astype(dtype).tolist(), row_of_block, offset, stop - offset)


@given(blocks())
def test_histogram(case):
    rows, row_of_block, offset, stop = case
    levels = (rows + 4).astype(np.intp)
    counts = np.ones(9, np.int64)
    histogram(levels, row_of_block, offset, stop - offset, counts)
    cells = naive.tile(levels.tolist(), row_of_block, offset, stop - offset)
    assert counts.tolist() == [1 + cells.count(level) for level in range(9)]


@given(blocks(), st.integers(-5, 5), st.booleans(), st.integers(1, 4))
def test_collect_above(case, threshold, inclusive, capacity):
    rows, row_of_block, offset, stop = case
    keys, offsets = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    found, done = [], offset
    while done < stop:
        count, done = collect_above(
            rows, rows.max(axis=1), row_of_block, done, stop, np.int64(threshold), inclusive, keys, offsets
        )
        found += list(zip(keys[:count].tolist(), offsets[:count].tolist(), strict=True))
    cells = naive.tile(rows.tolist(), row_of_block, offset, stop - offset)
    assert found == [
        (key, offset + i) for i, key in enumerate(cells) if key > threshold or (inclusive and key == threshold)
    ]


# -- cells ----------------------------------------------------------------------------------------------------------

KINDS = np.array([functional.NONE, functional.SKIP, 2, 3, 4], np.uint64)  # of naive.OPERATIONS
WEIGHTLESS = np.array([False, False, False, False, True])


def ends(nodes):
    """Where the edges of a cell come from, and where they lead."""
    return (np.array(side, np.int64) for side in zip(*naive.edges(nodes), strict=True))


def check_hashes(start, length, nodes):
    """Equal hashes exactly where the normal forms are equal, 0 where there is no value; of digits the same."""
    radices = [5] * len(naive.edges(nodes))
    hashes, of_digits = np.empty((2, length), np.uint64)
    with np.errstate(over="ignore"):  # uncompiled, NumPy warns where hashes wrap
        functional.hashes(start, *ends(nodes), KINDS, WEIGHTLESS, hashes)
        cells = unranked(range(start, start + length), radices)
        functional.hashes_of(cells, *ends(nodes), KINDS, WEIGHTLESS, of_digits)
    assert of_digits.tolist() == hashes.tolist()
    forms = [naive.normal_form(naive.digits(start + i, radices), nodes) for i in range(length)]
    assert functional.first_equals(hashes, 1).tolist() == [forms.index(form) for form in forms]
    assert [hashed == 0 for hashed in hashes] == [form == ("", ()) for form in forms]


@pytest.mark.parametrize("nodes", [2, 3])
def test_hashes_of_all_small_cells(nodes):
    check_hashes(0, 5 ** len(naive.edges(nodes)), nodes)


@settings(max_examples=20)
@given(st.integers(0, 5**6 - 40))
def test_hashes_of_ranges(start):
    check_hashes(start, 40, 4)


@settings(max_examples=20)
@given(st.integers(0, 5**10 - 700), st.integers(1, 700))
def test_hashes_of_consecutive_cells_are_those_of_each(start, length):
    """Wherever a range starts and stops among the cells that have all before the last node in common."""
    together, each = np.empty((2, length), np.uint64)
    with np.errstate(over="ignore"):
        functional.hashes(start, *ends(5), KINDS, WEIGHTLESS, together)
        functional.hashes_of(unranked(range(start, start + length), [5] * 10), *ends(5), KINDS, WEIGHTLESS, each)
    assert together.tolist() == each.tolist()


@given(st.lists(st.integers(0, 9) | st.sampled_from([7 << 56, 2**63, 2**64 - 1]), max_size=200), st.integers(1, 3))
def test_first_equals(values, threads):
    found = functional.first_equals(np.array(values, np.uint64), threads)
    assert found.tolist() == [values.index(value) for value in values]


@given(st.integers(0, 5**6 - 20), st.lists(st.integers(0, 9), min_size=4, max_size=4))
def test_ways_and_the_longest(start, lengths):
    lengths = dict(zip(naive.OPERATIONS, [-1, *lengths], strict=True))
    cells = range(start, start + 20)
    longest, number = np.empty(20, np.int64), np.empty(20, np.int64)
    graph.longest_way(unranked(cells, TSS), *ends(4), np.array(list(lengths.values())), longest)
    graph.ways(unranked(cells, TSS), *ends(4), np.array([0, 1, 1, 1, 1]), number)
    for cell, far, how_many in zip(cells, longest.tolist(), number.tolist(), strict=True):
        ways = naive.ways(naive.digits(cell, TSS), 4)
        assert far == max((sum(lengths[operation] for operation in way) for way in ways), default=-1)
        assert how_many == len(ways)


@st.composite
def cells_with_live_edges(draw):
    """Cells whose edges have choices of their own: which of these pass, and what they add where they are live."""
    nodes = draw(st.integers(2, 5))
    radices = [draw(st.integers(1, 4)) for _ in naive.edges(nodes)]
    passes, table = np.zeros((len(radices), 4), np.bool_), np.zeros((len(radices), 4), np.int64)
    for edge, radix in enumerate(radices):
        passes[edge, :radix] = draw(st.lists(st.booleans(), min_size=radix, max_size=radix))
        table[edge, :radix] = draw(st.lists(st.integers(-9, 9), min_size=radix, max_size=radix))
    size = math.prod(radices)
    start = draw(st.integers(0, size - 1))
    return nodes, radices, passes, table, range(start, min(size, start + 40))


def naive_live_sum(digits, nodes, passes, table):
    alive = naive.live([passes[edge, digit] for edge, digit in enumerate(digits)], nodes)
    return sum(int(table[edge, digits[edge]]) for edge in alive)


@given(cells_with_live_edges())
def test_sums_of_what_is_live(given_cells):
    nodes, radices, passes, table, cells = given_cells
    expected = [naive_live_sum(naive.digits(cell, radices), nodes, passes, table) for cell in cells]
    digits, out = unranked(cells, radices), np.empty(len(cells), np.int64)
    live.sums_of_cells(digits, *ends(nodes), passes, table, out)
    assert out.tolist() == expected
    for low in {1, live.last_edges(np.array(radices), nodes), nodes - 1}:
        blocks = live.blocks(np.array(radices), passes, table, low)
        out[:] = 99
        live.sums_of_range(digits[0].astype(np.int64), np.array(radices), *ends(nodes), passes, table, *blocks, out)
        assert out.tolist() == expected


@pytest.mark.parametrize(
    ("radix", "nodes", "low"), [(5, 4, 3), (5, 5, 4), (5, 8, 4), (2, 20, 8), (1, 6, 1), (99, 5, 2)]
)
def test_tables_of_the_last_edges_are_small(radix, nodes, low):
    assert live.last_edges(np.full(nodes * (nodes - 1) // 2, radix), nodes) == low


@pytest.mark.parametrize("nodes", [2, 3, 4, 5])
def test_a_machine_knows_what_is_live(nodes):
    """Each way to fill a cell is accepted in exactly one way, on which it is told of every edge whether it is live."""
    steps, told = live.machine(nodes, 1 << 20)
    assert max(map(len, steps)) <= 2 ** (nodes - 3) * (2 ** (nodes - 2) + 1)
    for passes in itertools.islice(itertools.product([0, 1], repeat=len(steps)), 0, None, 1 if nodes < 5 else 7):
        alive = []
        for state in range(len(steps[0])):
            found = set()
            for edge, (choice, step) in enumerate(zip(passes, steps, strict=True)):
                if choice and told[edge][state]:
                    found.add(edge)
                state = int(step[state, choice])
                if state < 0:
                    break
            else:
                alive.append(found)
        assert alive == [naive.live(passes, nodes)]


def test_a_machine_of_too_many_states_is_not_made():
    assert max(map(len, live.machine(7, 528)[0])) == 528
    with pytest.raises(OverflowError, match="528"):
        live.machine(7, 527)
    with pytest.raises(OverflowError):
        live.machine(23, 1 << 20)


@st.composite
def cells_with_power(draw):
    """Cells of one input or two, whose edges have choices of their own, and some of these cells."""
    nodes = draw(st.integers(3, 5))
    kernels = st.integers(0, 3).map(lambda half: 2 * half + 1)
    kinds = st.sampled_from(["none", "skip", "pool", "conv"])
    operation = st.tuples(kinds, kernels, st.integers(1, 2))
    choices = [draw(st.lists(operation, min_size=1, max_size=3)) for _ in naive.edges(nodes)]
    cell = st.tuples(*(st.integers(0, len(some) - 1) for some in choices))
    return nodes, draw(st.integers(1, 2)), choices, draw(st.lists(cell, min_size=1, max_size=5))


@given(cells_with_power(), st.sampled_from([0, 1, 4]))
def test_propagated_powers(given_cells, fourths):
    nodes, inputs, choices, cells = given_cells
    ends = [pair for pair in naive.edges(nodes) if pair[1] >= inputs]
    choices = choices[-len(ends) :]
    cells = [cell[-len(ends) :] for cell in cells]
    into = {nodes - 1} if inputs == 1 else set(range(nodes))
    divisors, weights = np.zeros((len(ends), 3)), np.zeros((len(ends), 3), np.int64)
    residuals = np.zeros((len(ends), 3), np.int64)
    for edge, ((source, target), some) in enumerate(zip(ends, choices, strict=True)):
        for choice, one in enumerate(some):
            divisors[edge, choice] = {"none": 0, "pool": one[1] ** 2}.get(one[0], 1)
            weights[edge, choice] = 4 * naive.propagated_weight(one)
            residuals[edge, choice] = one[0] == "skip" and source < inputs and target in into
    out, given = np.empty(len(cells)), np.array(cells, np.uint8)
    sources, targets = (np.array(side, np.int64) for side in zip(*ends, strict=True))
    propagated.values_of_cells(given, sources, targets, inputs, divisors, weights, residuals, fourths / 4, out)
    for cell, value in zip(cells, out.tolist(), strict=True):
        edges = [(*pair, some[choice]) for pair, some, choice in zip(ends, choices, cell, strict=True)]
        exact = naive.propagated_sed(edges, inputs, into, Fraction(fourths, 4))
        assert value == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_cells_of_nb101(n):
    orders, keys = nb101.permutations(n), np.empty(200, np.int64)
    found = nb101.generate(n, orders, keys)
    keys = keys[:found]
    expected = naive.nb101_cells(n)
    labelled = {(bits, labels): sum(label * 3**i for i, label in enumerate(labels[::-1])) for bits, labels in expected}
    assert keys.tolist() == sorted(nb101.key(n, bits, code) for (bits, _), code in labelled.items())
    assert nb101.generate(n, orders, np.empty(0, np.int64)) == found
    vertices, matrices, operations = (np.empty((found, *shape), np.int8) for shape in ((), (7, 7), (7,)))
    nb101.unpack(keys, vertices, matrices, operations)
    read = set()
    for matrix, names in zip(matrices.tolist(), operations.tolist(), strict=True):
        assert names[0] == -1
        assert set(names[n - 1 :]) == {-2}
        read.add(
            (sum(matrix[x][y] << (x + y * (y - 1) // 2) for y in range(7) for x in range(y)), tuple(names[1 : n - 1]))
        )
    assert read == expected
    assert vertices.tolist() == [n] * found


def hashed(text):
    message, out = np.zeros(len(text) + 72, np.uint8), np.empty(module_hashes.LETTERS, np.uint8)
    message[: len(text)] = list(text)
    module_hashes.md5(message, len(text), np.empty(20, np.int64), out)
    return bytes(out.tolist()).decode()


def test_md5():
    for length in (0, 1, 55, 56, 63, 64, 119, 120, 200):
        text = bytes(7 * i % 256 for i in range(length))
        assert hashed(text) == hashlib.md5(text).hexdigest()


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_module_hashes(n):
    cells = sorted(naive.nb101_cells(n))[-20:]
    matrices, labels = np.zeros((len(cells), 7, 7), np.int8), np.full((len(cells), 7), -2, np.int8)
    for matrix, row, (bits, names) in zip(matrices, labels, cells, strict=True):
        for y in range(n):
            for x in range(y):
                matrix[x, y] = bits >> (x + y * (y - 1) // 2) & 1
        row[0], row[1 : n - 1] = -1, names
    out = np.empty((len(cells), module_hashes.LETTERS), np.uint8)
    module_hashes.module_hashes(np.full(len(cells), n, np.int8), matrices, labels, out)
    expected = [
        naive.module_hash(matrix[:n, :n].tolist(), row[:n].tolist())
        for matrix, row in zip(matrices, labels, strict=True)
    ]
    assert [bytes(row.tolist()).decode() for row in out] == expected


@given(st.integers(2, 5), st.data())
def test_the_canonical_numbering_of_a_cell(n, data):
    pairs = [(x, y) for y in range(n) for x in range(y)]
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    labels = data.draw(st.lists(st.integers(0, 2), min_size=n - 2, max_size=n - 2))
    matrix = [[int((x, y) in chosen) for y in range(n)] for x in range(n)]
    bits, code = sum(1 << pairs.index(pair) for pair in chosen), naive.index(labels, [3] * (n - 2))
    least, names = naive.nb101_canonical(matrix, labels)
    expected = nb101.key(n, least, naive.index(names, [3] * (n - 2)))
    assert nb101.canonical(n, bits, code, nb101.permutations(n)) == expected


@pytest.mark.parametrize("kernels", [[], [3], [1, 3], [0, 3, 3, 1, 0]])
def test_costs_of_chains_of_nb101(kernels):
    """A chain of convolutions, 0 for a pooling: all have the channels of the cell's output."""
    n = len(kernels) + 2
    matrix, sides = np.zeros((1, 7, 7), np.int8), np.zeros((1, 7), np.int64)
    matrix[0, range(n - 1), range(1, n)] = 1
    sides[0, 1 : n - 1] = kernels
    params, macs = np.empty(1, np.int64), np.empty(1, np.int64)
    nb101.costs(np.array([n]), matrix, sides, params, macs)
    layers = [(27, 128, 32)]  # weights per channel, channels, side
    for c_in, c, side in (
        [(128, 128, 32)] * 3 + [(128, 256, 16)] + [(256, 256, 16)] * 2 + [(256, 512, 8)] + [(512, 512, 8)] * 2
    ):
        layers += [(c_in, c, side), *((k * k * c, c, side) for k in kernels if k)]
    assert params.item() == 5130 + sum(each * c + 2 * c for each, c, _ in layers)
    assert macs.item() == 5130 + sum(each * c * side * side for each, c, side in layers)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([(0, 1), (1, 2), (0, 3), (3, 4), (2, 4)], [8, 5, 5, 4, 9]),  # 9 are dealt out to two, the first one more
        ([(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)], [8, 9, 9, 9, 9]),
        ([(0, 4)], [8, 0, 0, 0, 9]),
    ],
)
def test_channels_of_vertices(edges, expected):
    matrix = np.zeros((7, 7), np.int8)
    for x, y in edges:
        matrix[x, y] = 1
    channels = np.empty(7, np.int64)
    nb101.vertex_channels(5, matrix, 8, 9, channels)
    assert channels.tolist() == [*expected, 0, 0]


# -- threads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_split_covers_a_range_once_in_order(threads):
    parts = split(lambda lo, hi: list(range(lo, hi)), 1000, threads, grain=7)
    assert list(itertools.chain(*parts)) == list(range(1000))


def test_split_raises_what_a_part_raises():
    def fail(lo, hi):
        if hi == 1000:
            raise ValueError(f"part {lo}:{hi}")

    with pytest.raises(ValueError, match=":1000"):
        split(fail, 1000, 4, grain=1)


def test_split_does_not_swallow_an_index_error():
    def work(lo, hi):
        if lo > 500:
            raise IndexError("mine")

    with pytest.raises(IndexError, match="mine"):
        split(work, 1000, 4, grain=1)


@pytest.mark.parametrize("name", ["tss", "tss5"])
def test_topology(name):
    """What topology.features_of_cells() reads are tables that scores make.

    It writes by topology_columns.write_counts(), write_paths(), write_roles(), write_shares() and write_powers().
    """
    space = ss.space(name)
    digits = space.digits([number * (space.size - 1) // 19 for number in range(20)])
    names, found = topology_names(space), topology(space, digits)
    for row, values in zip(digits.tolist(), found.tolist(), strict=True):
        expected = naive.tss_topology(row, space.nodes)
        assert values == pytest.approx([float(expected[one]) for one in names], abs=1e-12)


def test_ratio():
    assert [topology_columns.ratio(3.0, 4.0), topology_columns.ratio(0.0, 2.0)] == [0.75, 0.0]


def test_nearer():
    random = np.random.default_rng(0)
    features = random.normal(size=(9, 3)).astype(np.float32)
    squared = np.full(9, np.inf)
    for chosen in (4, 7):
        spread.nearer(features, features[chosen], squared)
    rows = features.astype(float).tolist()
    expected = [min(math.dist(row, rows[chosen]) ** 2 for chosen in (4, 7)) for row in rows]
    assert squared.tolist() == pytest.approx(expected)


def test_improvements():
    """Against the mean of what many draws exceed the best by, at quantiles that lie evenly."""
    mean, deviation, out = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.5, 0.0]), np.empty(3)
    spread.improvements(mean, deviation, 0.8, out)
    normal = statistics.NormalDist()
    quantiles = [normal.inv_cdf((number + 0.5) / 20_000) for number in range(20_000)]
    for m, s, found in zip(mean, deviation, out, strict=True):
        assert found == pytest.approx(np.mean([max(m + s * z - 0.8, 0.0) for z in quantiles]), abs=1e-4)


def test_posterior():
    random = np.random.default_rng(1)
    known, asked = random.normal(size=(8, 3)).astype(np.float32), random.normal(size=(5, 3)).astype(np.float32)
    prior, asked_prior, y = random.normal(size=8), random.normal(size=5), random.normal(size=8)
    kernel = naive_learning.gaussian_kernel(4.0, 0.7)
    matrix = np.array([[kernel(x, p, z, q) for z, q in zip(known, prior)] for x, p in zip(known, prior)])  # noqa: B905
    matrix += 0.1 * np.eye(8)
    root = np.ascontiguousarray(np.linalg.inv(np.linalg.cholesky(matrix)).T)
    mean, deviation = np.empty(5), np.empty(5)
    known_columns = np.ascontiguousarray(known.T)
    gaussian.posterior(
        asked, asked_prior, known_columns, prior, 4.0, 0.7, np.linalg.solve(matrix, y), root, mean, deviation
    )
    expected, apart = naive_learning.gaussian_process(known, prior, y, asked, asked_prior, kernel, 0.1)
    assert mean.tolist() == pytest.approx(expected, abs=1e-5)
    assert deviation.tolist() == pytest.approx(apart, abs=1e-5)


def test_predictions():
    """An ensemble of two members, the first of two trees: a stump and a leaf; the second a stump."""
    mean, deviation = np.empty(3), np.empty(3)
    trees.predictions(
        np.array([[0, 5], [1, 5], [2, 5]], np.float32),
        np.array([0, 0, 0, 0, 0, 0, 0], np.int32),
        np.array([0.5, 0, 0, 0, 1.0, 0, 0]),
        np.array([1, -1, -1, -1, 5, -1, -1], np.int32),
        np.array([2, -1, -1, -1, 6, -1, -1], np.int32),
        np.array([0, 10, 20, 3, 0, 100, 200.0]),
        np.array([0, 3, 4]),
        np.array([0, 2, 3]),
        mean,
        deviation,
    )
    members = [(13, 100), (23, 100), (23, 200)]
    assert mean.tolist() == [sum(pair) / 2 for pair in members]
    assert deviation.tolist() == pytest.approx([(b - a) / 2 for a, b in members])
