"""Slow, obvious twins of everything that sedspace computes: the definitions' own words, one architecture at a time.

Nothing here imports sedspace, and nothing here is fast: plain Python integers and fractions, so that an answer of the
library that equals one of these is right for a reason that can be read off the page.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise, permutations, product
from math import acos, exp, log, log2, pi, sqrt

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
KERNEL = {"nor_conv_1x1": 1, "nor_conv_3x3": 3, "avg_pool_3x3": 3}
NETWORKS = {"cifar10": (32, 10), "cifar100": (32, 100), "imagenet16": (16, 120)}  # input side, classes


def digits(index, radices):
    """The mixed-radix digits of an index, the first position most significant."""
    out = []
    for radix in reversed(radices):
        out.append(index % radix)
        index //= radix
    return out[::-1]


def index(digits, radices):
    """The index of digits: Horner's rule."""
    total = 0
    for digit, radix in zip(digits, radices, strict=True):
        total = total * radix + digit
    return total


def edges(nodes):
    """The edges of a cell, by target node, sources ascending."""
    return [(source, target) for target in range(nodes) for source in range(target)]


def operations(digits, names=OPERATIONS):
    """The operation on each edge."""
    return [names[digit] for digit in digits]


def arch(digits, nodes):
    """NATS-Bench's string."""
    chosen = dict(zip(edges(nodes), operations(digits), strict=True))
    return "+".join(
        "|" + "|".join(f"{chosen[source, target]}~{source}" for source in range(target)) + "|"
        for target in range(1, nodes)
    )


def residual(digits, nodes):
    """Skip connections from the cell's input straight to its output: only the edge 0 -> last can be one."""
    return sum(
        operation == "skip_connect" and edge == (0, nodes - 1)
        for edge, operation in zip(edges(nodes), operations(digits), strict=True)
    )


def conv_sed(digits, lam=Fraction(3, 4)):
    """The sum over convolutions of lam + (1 - lam) (k - 1) / 2."""
    convs = [operation for operation in operations(digits) if "conv" in operation]
    return sum((lam + (1 - lam) * Fraction(KERNEL[operation] - 1, 2) for operation in convs), Fraction(0))


def pool_sed(digits, lam=Fraction(3, 4)):
    """The sum over poolings of (1 - lam) (k - 1) / 2."""
    pools = [operation for operation in operations(digits) if "pool" in operation]
    return sum(((1 - lam) * Fraction(KERNEL[operation] - 1, 2) for operation in pools), Fraction(0))


def skip_sed(digits, nodes, lam=Fraction(3, 4)):
    """1 + lam * residual skips."""
    return 1 + lam * residual(digits, nodes)


def sed(digits, nodes, lam=Fraction(3, 4)):
    """skip_SED * conv_SED - pool_SED."""
    return skip_sed(digits, nodes, lam) * conv_sed(digits, lam) - pool_sed(digits, lam)


def counts(digits):
    """How often each operation occurs."""
    found = Counter(operations(digits))
    return [found[operation] for operation in OPERATIONS]


def layers(digits, dataset):
    """Every layer with weights of NATS-Bench's network, as (weights, biases or BatchNorm terms, output pixels, is BN).

    Written down layer by layer, the way the network is built.
    """
    side, classes = NETWORKS[dataset]
    out = []

    def conv(kernel, c_in, c_out, side, batch_norm=True):
        out.append(("conv", kernel * kernel * c_in * c_out, side * side))
        if batch_norm:
            out.append(("bn", 2 * c_out, 0))

    conv(3, 3, 16, side)
    c_in = 16
    for stage in range(3):
        width = 16 * 2**stage
        if stage > 0:
            side //= 2
            conv(3, c_in, width, side)
            conv(3, width, width, side)
            conv(1, c_in, width, side, batch_norm=False)
        for _ in range(5):
            for operation in operations(digits):
                if "conv" in operation:
                    conv(KERNEL[operation], width, width, side)
        c_in = width
    out.append(("bn", 2 * 64, 0))
    out.append(("linear", 64 * classes + classes, 1))
    return out


def params(digits, dataset="cifar10"):
    """Trainable parameters."""
    return sum(size for _, size, _ in layers(digits, dataset))


def macs(digits, dataset="cifar10"):
    """Multiply-accumulates of convolutions and classifier."""
    return sum(size * pixels for _, size, pixels in layers(digits, dataset))


def feature_sums(tables, index):
    """The features of one architecture: at every position, add the row of its choice."""
    chosen = digits(index, [len(table) for table in tables])
    width = len(tables[0][0])
    return tuple(sum(int(table[digit][f]) for table, digit in zip(tables, chosen, strict=True)) for f in range(width))


def table_cost(costs, constant, digits, nodes):
    """The cost of a cell by a table of Fractions: a position's own entry, else that of position None."""
    total = constant
    for (source, target), operation in zip(edges(nodes), operations(digits), strict=True):
        own = f"{source}->{target}", operation
        total += costs[own] if own in costs else costs[None, operation]
    return total


def table_cost_by_state(costs, constant, chosen):
    """The cost of what is chosen, operations by positions in their order, by a table that may ask for earlier choices.

    Keys of the table are operation, or position and operation, or these and a tuple of earlier (position, operation).
    """
    total, before = constant, set()
    for position, operation in chosen.items():
        own = [key for key in costs if key[:2] == (position, operation)]
        hold = [key for key in own if all(before.issuperset(facts) for facts in key[2:])]
        total += costs[max(hold, key=lambda key: len(key[2]) if len(key) > 2 else 0) if hold else (None, operation)]
        before.add((position, operation))
    return total


def classes(sums):
    """How many architectures have each feature sums, and the first of them."""
    out = {}
    for index, row in enumerate(sums):
        count, first = out.get(row, (0, index))
        out[row] = (count + 1, first)
    return out


def on_front(points):
    """For each point, whether no other is nowhere greater and somewhere less."""
    return [
        not any(all(a <= b for a, b in zip(other, point, strict=True)) and other != point for other in points)
        for point in points
    ]


def tile(rows, row_of_block, offset, length):
    """The values of consecutive cells."""
    size = len(rows[0])
    return [rows[row_of_block[cell // size]][cell % size] for cell in range(offset, offset + length)]


def best(values, k):
    """The k best as (value, offset), ties by the lowest offset."""
    return sorted(((value, offset) for offset, value in enumerate(values)), key=lambda pair: (-pair[0], pair[1]))[:k]


def best_of(values, k, kept=lambda index: True):
    """The k best of those that are kept as (index, value), ties by the lowest index; NaN never ranks."""
    ranked = sorted((-value, index) for index, value in enumerate(values) if value == value and kept(index))
    return [(index, -value) for value, index in ranked[:k]]


DARTS = ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")


def darts_edges(digits):
    """The two cells of DARTS, each a list of (source, operation) with two for each of its nodes."""
    cells = []
    for start in (0, 4):
        cell = []
        for node, digit in enumerate(digits[start : start + 4], start=2):
            pairs = [(a, b) for a in range(node) for b in range(a + 1, node)]
            choices = [((a, x), (b, y)) for a, b in pairs for x in DARTS for y in DARTS]
            cell += choices[digit]
        cells.append(cell)
    return cells


def darts_sed(digits, lam=Fraction(3, 4)):
    """18 times the SED of the normal cell and twice that of the reduction cell."""
    total = Fraction(0)
    for multiplicity, cell in zip((18, 2), darts_edges(digits), strict=True):
        conv, pool, residual = Fraction(0), Fraction(0), 0
        for source, operation in cell:
            kernel = 5 if "5x5" in operation else 3
            if "conv" in operation:
                w = lam + (1 - lam) * Fraction(kernel - 1, 2)
                conv += lam * w if "dil" in operation else w
            elif "pool" in operation:
                pool += (1 - lam) * Fraction(kernel - 1, 2)
            elif source < 2:
                residual += 1
        total += multiplicity * ((1 + lam * residual) * conv - pool)
    return total


def darts_params(digits):
    """Trainable parameters of DARTS's CIFAR-10 network of 20 cells and 36 channels, layer by layer."""
    total, channels = 0, 36
    before = last = 3 * channels
    total += 27 * last + 2 * last
    for number in range(20):
        reduces = number in (6, 13)
        channels *= 2 if reduces else 1
        total += before * channels + last * channels + 4 * channels
        for source, operation in darts_edges(digits)[reduces]:
            kernel = 5 if "5x5" in operation else 3
            once = kernel**2 * channels + channels**2 + 2 * channels
            if "sep" in operation:
                total += 2 * once
            elif "dil" in operation:
                total += once
            elif operation == "skip_connect" and reduces and source < 2:
                total += channels**2 + 2 * channels
        before, last = last, 4 * channels
    return total + last * 10 + 10


def longest_run(digits):
    """The longest run of nor_conv_3x3 along the edges: a score that is no sum."""
    best = run = 0
    for digit in digits:
        run = run + 1 if digit == 3 else 0
        best = max(best, run)
    return best


def terms(digits, nodes, linear=False, names=OPERATIONS):
    """What a cell computes: the value of its last node, and the operation and the value of every convolution.

    A value is how often each term comes in. A term is the input, a pooling of a value, or a convolution by its number:
    each is another one, since it has weights of its own. If poolings are linear, that of a sum is the sum of those of
    its terms.
    """
    chosen = dict(zip(edges(nodes), operations(digits, names), strict=True))
    values, convolutions = {0: {"input": 1}}, []
    for target in range(1, nodes):
        value = {}
        for source in range(target):
            operation, into = chosen[source, target], values[source]
            if operation == "none" or not into:
                continue
            added = {}
            if operation == "skip_connect":
                added = into
            elif "pool" in operation and linear:
                added = {(operation, frozenset({(term, 1)})): often for term, often in into.items()}
            elif "pool" in operation:
                added = {(operation, frozenset(into.items())): 1}
            else:
                convolutions.append((operation, into))
                added = {len(convolutions) - 1: 1}
            value = {term: value.get(term, 0) + added.get(term, 0) for term in [*value, *added]}
        values[target] = value
    return values[nodes - 1], convolutions


def normal_form(digits, nodes, linear=False, names=OPERATIONS):
    """The least of all ways to write down what a cell computes, by numbering its convolutions in every order."""
    value, convolutions = terms(digits, nodes, linear, names)
    live = sorted(used(value, convolutions))
    return min(
        _written(value, convolutions, dict(zip(live, order, strict=True))) for order in permutations(range(len(live)))
    )


def used(value, convolutions):
    """The numbers of the convolutions that a value is made of."""
    out = set()
    for term in value:
        if isinstance(term, int):
            out |= {term, *used(convolutions[term][1], convolutions)}
        elif term != "input":
            out |= used(dict(term[1]), convolutions)
    return out


def compute_the_same(one, other, nodes):
    """Whether some bijection of the convolutions of two cells makes them compute the same.

    The convolutions of the first, in order, are each paired with any of the second that has the same operation and, by
    the pairs so far, the same value.
    """
    (value, convolutions), (wanted, others) = terms(one, nodes), terms(other, nodes)
    live, left = sorted(used(value, convolutions)), used(wanted, others)

    def pair(pairs):
        if len(pairs) == len(live):
            return len(pairs) == len(left) and renamed(value, pairs) == wanted
        operation, into = convolutions[live[len(pairs)]]
        return any(
            others[free] == (operation, renamed(into, pairs)) and pair({**pairs, live[len(pairs)]: free})
            for free in left - set(pairs.values())
        )

    return pair({})


def renamed(value, pairs):
    """A value with its convolutions under other numbers."""
    return {
        (term[0], frozenset(renamed(dict(term[1]), pairs).items()))
        if isinstance(term, tuple)
        else pairs.get(term, term): n
        for term, n in value.items()
    }


def _written(value, convolutions, number):
    """A value with its convolutions under other numbers, and what these are, in the order of the numbers."""

    def text(one):
        parts = []
        for term, often in one.items():
            if isinstance(term, tuple):
                term = f"{term[0]}({text(dict(term[1]))})"
            parts.append(f"{often}*{number.get(term, term)}")
        return "+".join(sorted(parts))

    defined = sorted(
        (number[old], operation, text(into)) for old, (operation, into) in enumerate(convolutions) if old in number
    )
    return text(value), tuple(defined)


def ways(digits, nodes):
    """All ways from the input to the output, each the list of its operations, none excluded."""
    chosen = dict(zip(edges(nodes), operations(digits), strict=True))
    out = {0: [[]]}
    for target in range(1, nodes):
        out[target] = [
            [*way, chosen[source, target]]
            for source in range(target)
            if chosen[source, target] != "none"
            for way in out[source]
        ]
    return out[nodes - 1]


def meets_forbidden(chosen, choices):
    """Not all of these edges have one of their operations; a cell is the operation of every edge, by its ends."""
    return not all(chosen[edge] in names for edge, names in choices.items())


def numbers_of(chosen, names, per):
    """How often any of some operations occurs: in the architecture, in its only cell, or into each node."""
    if per != "node":
        return [sum(operation in names for operation in chosen.values())]
    targets = {target for _, target in chosen}
    return [sum(o in names for (_, target), o in chosen.items() if target == node) for node in targets]


def reaches(chosen, start, end):
    """Whether there is a way without none."""
    return start == end or any(
        operation != "none" and source == start and reaches(chosen, target, end)
        for (source, target), operation in chosen.items()
    )


def meets_connected(chosen, every_edge):
    """The input reaches the output; perhaps each edge that is not none is on a way from one to the other."""
    output = max(target for _, target in chosen)
    return reaches(chosen, 0, output) and not (
        every_edge
        and any(
            operation != "none" and not (reaches(chosen, 0, source) and reaches(chosen, target, output))
            for (source, target), operation in chosen.items()
        )
    )


def live(passes, nodes):
    """The numbers of the edges on any way from the input to the output, by going all ways along edges that pass."""
    found = set()

    def go_on(node, way):
        if node == nodes - 1:
            found.update(way)
        for edge, (source, target) in enumerate(edges(nodes)):
            if source == node and passes[edge]:
                go_on(target, [*way, edge])

    go_on(0, [])
    return found


def without_dead(digits, nodes):
    """The cell with none on every edge that is not live."""
    alive = live([operation != "none" for operation in operations(digits)], nodes)
    return [digit if edge in alive else 0 for edge, digit in enumerate(digits)]


def sss_layers(widths, dataset):
    """Every layer with weights of NATS-Bench's size network, as `layers` has them."""
    side, classes = NETWORKS[dataset]
    out = []

    def conv(kernel, c_in, c_out, batch_norm=True):
        out.append((kernel * kernel * c_in * c_out, side * side))
        if batch_norm:
            out.append((2 * c_out, 0))

    conv(3, 3, widths[0])
    c_in = widths[0]
    for stage, c_out in enumerate(widths):
        if stage in (1, 3):
            side //= 2
            conv(3, c_in, c_out)
            conv(3, c_out, c_out)
            conv(1, c_in, c_out, batch_norm=False)
        else:
            for source, _ in ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3)):
                conv(3, c_in if source == 0 else c_out, c_out)
            if c_in != c_out:
                conv(1, c_in, c_out)
        c_in = c_out
    out.append((2 * c_in, 0))
    out.append((c_in * classes + classes, 1))
    return out


def nb101_canonical(matrix, labels):
    """The least (edge bits, labels) over all numberings of the vertices between input and output."""
    n = len(matrix)
    best = None
    for order in permutations(range(1, n - 1)):
        number = [0, *order, n - 1]  # vertex v becomes number[v]
        moved = [(number[x], number[y]) for x in range(n) for y in range(n) if matrix[x][y]]
        if any(x >= y for x, y in moved):
            continue
        bits = sum(1 << (x + y * (y - 1) // 2) for x, y in moved)
        names = sorted((number[v], labels[v - 1]) for v in range(1, n - 1))
        found = (bits, tuple(label for _, label in names))
        best = found if best is None or found < best else best
    return best


def nb101_cells(n):
    """All cells of n vertices up to isomorphism, by trying everything."""
    out = set()
    pairs = [(x, y) for y in range(n) for x in range(y)]
    for bits in range(1 << len(pairs)):
        joined = [pair for i, pair in enumerate(pairs) if bits >> i & 1]
        sources, targets = {x for x, _ in joined}, {y for _, y in joined}
        if len(joined) > 9 or not all(v in sources for v in range(n - 1)) or not all(v in targets for v in range(1, n)):
            continue
        matrix = [[int((x, y) in joined) for y in range(n)] for x in range(n)]
        out.update(nb101_canonical(matrix, labels) for labels in product(range(3), repeat=n - 2))
    return out


def nb101_channels(matrix, vertex, c_in, c_out):
    """The channels of a vertex: those that lead into the output share its own, others are as wide as what they feed."""
    last = len(matrix) - 1
    if vertex in (0, last):
        return c_out if vertex else c_in
    sharing = [v for v in range(1, last) if matrix[v][last]]
    if vertex not in sharing:
        return max(nb101_channels(matrix, v, c_in, c_out) for v in range(1, last) if matrix[vertex][v])
    share, left = divmod(c_out, len(sharing))
    return share + 1 if sharing.index(vertex) < left else share


def nb101_layers(matrix, names):
    """Every layer with weights of NAS-Bench-101's network (arXiv 1902.09635, section 2 and supplement S2).

    As (weights, output pixels): a stem of 128 channels, three stacks of three cells, the resolution halved and the
    channels doubled between them, a classifier. Every edge from a cell's input is a 1x1 convolution.
    """
    out = []

    def conv(kernel, c_in, c_out, side):
        out.append((kernel * kernel * c_in * c_out, side * side))
        out.append((2 * c_out, 0))  # BatchNorm

    conv(3, 3, 128, 32)
    c_in = 128
    for c_out, side in ((128, 32), (256, 16), (512, 8)):
        for _ in range(3):
            for vertex, name in enumerate(names):
                channels = nb101_channels(matrix, vertex, c_in, c_out)
                if matrix[0][vertex]:
                    conv(1, c_in, channels, side)
                if name.startswith("conv"):
                    conv(int(name[4]), channels, channels, side)
            c_in = c_out
    out.append((512 * 10 + 10, 1))
    return out


def machine_ways(steps, digits):
    """All ways in which a machine reads digits and accepts them: the states that it goes through."""
    ways = [[state] for state in range(len(steps[0]))]
    for step, digit in zip(steps, digits, strict=True):
        ways = [[*way, step[way[-1]][digit]] for way in ways if step[way[-1]][digit] >= 0]
    return ways


def machine_accepted(steps, radices):
    """The digits that a machine accepts, in order, each as often as there are ways."""
    return [digits for digits in product(*map(range, radices)) for _ in machine_ways(steps, digits)]


def machine_onward(steps, states):
    """How many ways there are to read on to the end, from states that each occur so often."""
    for step in steps:
        states = sum((machine_led(step, states, choice) for choice in range(len(step[0]))), Counter())
    return sum(states.values())


def machine_led(step, states, choice):
    """How often each state occurs after a choice."""
    out = Counter()
    for state, often in states.items():
        if step[state][choice] >= 0:
            out[step[state][choice]] += often
    return out


def machine_rank(steps, digits):
    """How many ways come before digits: those that leave them somewhere for a lower choice."""
    before, states = 0, Counter(range(len(steps[0])))
    for position, digit in enumerate(digits):
        step, rest = steps[position], steps[position + 1 :]
        before += sum(machine_onward(rest, machine_led(step, states, lower)) for lower in range(digit))
        states = machine_led(step, states, digit)
    return before


def machine_sums(tables, steps, digits):
    """For each way to read digits: the state at its end, and the sums of what each choice adds in the state before."""
    width = len(tables[0][0][0])
    return [
        (way[-1], *(sum(int(tables[p][way[p]][d][f]) for p, d in enumerate(digits)) for f in range(width)))
        for way in machine_ways(steps, digits)
    ]


def transnas_macro_layers(codes, classes):
    """Every layer with weights of a network of TransNAS-Bench-101's modules, as `layers` has them."""
    side, before = 128, 64
    out = [(9 * 3 * 32, side * side), (2 * 32, 0)]
    side = 64
    out += [(9 * 32 * 64, side * side), (2 * 64, 0)]
    for code in codes:
        after = before * 2 if code in "24" else before
        side = side // 2 if code in "34" else side
        for c_in in (before, after, after, after):
            out += [(9 * c_in * after, side * side), (2 * after, 0)]
        if code != "1":
            out += [(before * after, side * side), (2 * after, 0)]
        before = after
    return [*out, (before * classes + classes, 1)]


def convolutions_in_a_row(digits):
    """Return how often a convolution of NATS-Bench's cells (choices 2 and 3) comes right after another one."""
    return sum(1 for before, after in pairwise(digits) if before in (2, 3) and after in (2, 3))


# Networks of blocks: every layer with weights as (weights, positions at which each of them is used); 0 positions for
# what has no multiply-accumulates.


def conv_layer(kernel, c_in, c_out, side, groups=1, batch_norm=True):
    """A convolution and its BatchNorm."""
    weights = kernel * kernel * (c_in // groups) * c_out
    return [(weights, side * side), *([(2 * c_out, 0)] if batch_norm else [])]


def linear_layer(c_in, c_out):
    """A linear layer and its bias."""
    return [(c_in * c_out, 1), (c_out, 0)]


def mobile_block(c_in, middle, c_out, kernel, side, stride, squeezed=0, expands=None, groups=1):
    """An inverted bottleneck, from an input of so many pixels square."""
    out = []
    if middle != c_in if expands is None else expands:
        out += conv_layer(1, c_in, middle, side, groups)
    side //= stride
    out += conv_layer(kernel, middle, middle, side, middle)
    if squeezed:
        out += linear_layer(middle, squeezed) + linear_layer(squeezed, middle)
    return out + conv_layer(1, middle, c_out, side, groups)


def network_cost(layers):
    """Parameters and multiply-accumulates."""
    return sum(weights for weights, _ in layers), sum(weights * positions for weights, positions in layers)


def nas_bench_macro_layers(arch):
    """NAS-Bench-Macro's network on CIFAR-10."""
    side, width, codes = 32, 32, iter(arch)
    out = conv_layer(3, 3, 32, 32)
    for layers in (2, 3, 3):
        for layer in range(layers):
            c_in, stride = width, 2 if layer == 0 else 1
            width *= stride
            code = next(codes)
            if code == "0" and stride == 2:
                out += conv_layer(1, c_in, width, side // 2)
            if code == "1":
                out += mobile_block(c_in, 3 * c_in, width, 3, side, stride)
            if code == "2":
                out += mobile_block(c_in, 6 * c_in, width, 5, side, stride)
            side //= stride
    return out + conv_layer(1, width, 1280, side) + linear_layer(1280, 10)


def mnasnet_layers(arch):
    """Accel-NASBench's network on ImageNet."""
    side, c_in = 112, 32
    out = conv_layer(3, 3, 32, 112)
    stages = zip((16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 2, 1, 2, 1), arch.split("|"), strict=True)
    for width, stride, code in stages:
        _, expansion, _, kernel, _, layers, _, squeezes = code
        for layer in range(int(layers)):
            by = stride if layer == 0 else 1
            squeezed = c_in // 4 if squeezes == "1" else 0
            out += mobile_block(c_in, c_in * int(expansion), width, int(kernel), side, by, squeezed)
            c_in, side = width, side // by
    return out + conv_layer(1, 320, 1280, side) + linear_layer(1280, 1000)


def ofa_mbv3_layers(arch):
    """Once-for-all MobileNetV3's network on ImageNet; squeeze-and-excite has a quarter, in eights."""
    side, c_in = 112, 16
    out = conv_layer(3, 3, 16, 112) + mobile_block(16, 16, 16, 3, 112, 1)
    stages = zip((24, 40, 80, 112, 160), (2, 2, 2, 1, 2), (0, 1, 0, 1, 1), arch.split("|"), strict=True)
    for width, stride, squeezes, codes in stages:
        for layer, code in enumerate(codes.split(",")):
            by, middle = stride if layer == 0 else 1, c_in * int(code[3])
            fit = [eights for eights in range(8, 1000, 8) if 10 * eights >= 9 * (middle // 4)]
            nearest = sorted(fit, key=lambda eights, quarter=middle // 4: (abs(eights - quarter), -eights))
            squeezed = nearest[0] if squeezes else 0
            out += mobile_block(c_in, middle, width, int(code[1]), side, by, squeezed)
            c_in, side = width, side // by
    out += conv_layer(1, 160, 960, 7) + conv_layer(1, 960, 1280, 1, batch_norm=False)
    return out + linear_layer(1280, 1000)


def proxyless_layers(arch):
    """ProxylessNAS's network on ImageNet."""
    side, c_in, codes = 112, 32, iter(arch.split(","))
    out = conv_layer(3, 3, 32, 112) + mobile_block(32, 32, 16, 3, 112, 1)
    c_in = 16
    for width, stride, layers in zip((24, 40, 80, 96, 192, 320), (2, 2, 2, 1, 2, 1), (4, 4, 4, 4, 4, 1), strict=True):
        for layer in range(layers):
            by, code = stride if layer == 0 else 1, next(codes)
            if code != "Zero":
                kernel, expansion = int(code[0]), int(code[-1])
                out += mobile_block(c_in, c_in * expansion, width, kernel, side, by)
            c_in, side = width, side // by
    return out + conv_layer(1, 320, 1280, 7) + linear_layer(1280, 1000)


def fbnet_layers(arch):
    """FBNet's network on ImageNet: every block has its first convolution, a skip has one where the shape changes."""
    side, c_in, codes = 112, 16, iter(arch.split(","))
    out = conv_layer(3, 3, 16, 112)
    shapes = zip((16, 24, 32, 64, 112, 184, 352), (1, 2, 2, 2, 1, 2, 1), (1, 4, 4, 4, 4, 4, 1), strict=True)
    for width, stride, layers in shapes:
        for layer in range(layers):
            by, code = stride if layer == 0 else 1, next(codes)
            if code == "skip":
                out += conv_layer(1, c_in, width, side // by) if by != 1 or c_in != width else []
            else:
                kernel, expansion, groups = int(code[1]), int(code[4]), 2 if code.endswith("g2") else 1
                out += mobile_block(c_in, c_in * expansion, width, kernel, side, by, expands=True, groups=groups)
            c_in, side = width, side // by
    return out + conv_layer(1, 352, 1984, 7) + linear_layer(1984, 1000)


def residual_block(c_in, middle, c_out, kernel, side, stride, bottleneck):
    """A residual block: two convolutions, or a bottleneck; its shortcut is a convolution where the shape changes."""
    small = side // stride
    if bottleneck:
        out = conv_layer(1, c_in, middle, side) + conv_layer(kernel, middle, middle, small)
        out += conv_layer(1, middle, c_out, small)
    else:
        out = conv_layer(kernel, c_in, middle, small) + conv_layer(kernel, middle, c_out, small)
    return out + (conv_layer(1, c_in, c_out, small) if stride != 1 or c_in != c_out else [])


def ezennet_resnet_layers(arch):
    """Incorporated-NAS's network of residual blocks on CIFAR."""
    side, c_in = 32, 16
    out = conv_layer(3, 3, 16, 32)
    for stride, code in zip((1, 2, 2), arch.split("|"), strict=True):
        kind, middle, width, layers = re.fullmatch(r"([K\d]+)b(\d+)w(\d+)x(\d+)", code).groups()
        kernels = kind.split("K")[1:]
        for layer in range(int(layers)):
            by = stride if layer == 0 else 1
            out += residual_block(c_in, int(middle), int(width), int(kernels[1]), side, by, len(kernels) == 3)
            c_in, side = int(width), side // by
    return out + conv_layer(1, c_in, 128, 8) + linear_layer(128, 100)


def ezennet_mobile_layers(arch):
    """Incorporated-NAS's network of MobileNet blocks on ImageNet."""
    side, c_in = 112, 16
    out = conv_layer(3, 3, 16, 112)
    for stride, code in zip((1, 2, 2, 2, 2), arch.split("|"), strict=True):
        expansion, kernel, width, layers = map(int, re.fullmatch(r"e(\d)k(\d)w(\d+)x(\d+)", code).groups())
        for layer in range(layers):
            by = stride if layer == 0 else 1
            out += mobile_block(c_in, c_in * expansion, width, kernel, side, by)
            c_in, side = width, side // by
    return out + conv_layer(1, c_in, 2048, 7) + linear_layer(2048, 1000)


# Transformers: every step as (parameters, multiply-accumulates).


def dense(c_in, c_out, tokens, bias=True):
    """A linear layer that works on each token."""
    return (c_in * c_out + (c_out if bias else 0), c_in * c_out * tokens)


def attended(tokens, width):
    """Queries by keys, and what comes of it by values."""
    return (0, tokens * tokens * width + tokens * tokens * width)


def total(steps):
    """Parameters and multiply-accumulates."""
    return sum(params for params, _ in steps), sum(macs for _, macs in steps)


def self_attention(width, inner, tokens):
    """LayerNorm, queries, keys and values, attention, projection."""
    return [(2 * width, 0), *[dense(width, inner, tokens)] * 3, attended(tokens, inner), dense(inner, width, tokens)]


def feed_forward(width, hidden, tokens, stack=1):
    """LayerNorm and a network with so many hidden layers."""
    hiddens = [dense(hidden, hidden, tokens)] * (stack - 1)
    return [(2 * width, 0), dense(width, hidden, tokens), *hiddens, dense(hidden, width, tokens)]


def autoformer_steps(arch):
    """AutoFormer's network on ImageNet: 196 patches and a class token, 64 channels a head, relative positions."""
    width, depth, heads, ratios = arch.split(":")
    width, heads = int(width), heads.split(",") if "," in heads else list(heads)
    out = [dense(3 * 16 * 16, width, 196), (width, 0), (197 * width, 0)]
    for head, ratio in zip(heads, ratios.split(","), strict=True):
        out += self_attention(width, 64 * int(head), 197)
        out += [(2 * 2 * 30 * 64, 0), attended(197, 64 * int(head))]  # keys and values, across and down, 30 distances
        out += feed_forward(width, int(width * float(ratio)), 197)
    assert len(heads) == int(depth)
    return [*out, (2 * width, 0), dense(width, 1000, 1)]


def flexibert_steps(arch, tokens=128):
    """NAS-Bench-BERT's network without a head."""
    width, layers = arch.split(":")
    width = int(width)
    out = [(30522 * 128 + 512 * 128 + 2 * 128 + 2 * 128, 0)]
    if width != 128:
        out.append(dense(128, width, tokens))
    for layer in layers.split("|"):
        kind, operation, heads, more = layer.split("-")
        heads, (hidden, stack) = int(heads[1:]), more[1:].split("x")
        if kind == "LT":
            out.append(dense(width, width, tokens))
        elif kind == "SA":
            out += self_attention(width, width, tokens)
            if operation == "WMA":
                out.append(dense(width, width, tokens, bias=False))
        else:
            inner, kernel = heads // 2 * (width // heads), int(operation)
            out += [*[dense(width, inner, tokens)] * 4, attended(tokens, inner)]
            out += [(kernel * width, kernel * width * tokens), dense(width, inner, tokens)]  # a separable convolution
            out += [dense(inner, heads // 2 * kernel, tokens), (0, tokens * inner * kernel)]
            out += [dense(width, width, tokens), (2 * width, 0)]
        out += feed_forward(width, int(hidden), tokens, int(stack))
    return out


def pit_steps(arch):
    """ViT-Bench-101's PiT on CIFAR-100: 27 x 27 patches and a class token, two poolings."""
    base, ratio, depths, heads = arch.split(":")
    base, ratio = int(base), int(ratio)
    depths, heads = ([int(one) for one in some.strip("[]").split(",")] for some in (depths, heads))
    width = base * heads[0]
    out = [dense(3 * 16 * 16, width, 27 * 27), (width, 0), (27 * 27 * width, 0)]
    for stage, (side, depth) in enumerate(zip((27, 14, 7), depths, strict=True)):
        for _ in range(depth):
            out += self_attention(width, width, side * side + 1) + feed_forward(width, ratio * width, side * side + 1)
        if stage < 2:
            wider, half = base * heads[stage + 1], (14, 7)[stage]
            out += [(9 * wider + wider, 9 * wider * half * half), dense(width, wider, 1)]
            width = wider
    return [*out, (2 * width, 0), dense(width, 100, 1)]


def ndcg(score, accuracy, top=1000):
    """Normalized discounted cumulative gain of percentages: the mean over all orders that equal scores may have."""

    def gained(order):
        return sum((2.0 ** accuracy[i] - 1) / log2(1 + place) for place, i in enumerate(order[:top], 1))

    orders = [[]]
    for value in sorted(set(score), reverse=True):
        equal = [i for i in range(len(score)) if score[i] == value]
        orders = [order + list(more) for order in orders for more in permutations(equal)]
    best = gained(sorted(range(len(score)), key=lambda i: -accuracy[i]))
    return sum(gained(order) for order in orders) / len(orders) / best


def pick(score, accuracy, index):
    """The architecture of the greatest score (the lowest index of equal ones): its place, rank and regret."""
    chosen = 0
    for i in range(len(score)):
        if score[i] > score[chosen] or (score[i] == score[chosen] and index[i] < index[chosen]):
            chosen = i
    rank = 1
    for one in accuracy:
        rank += one > accuracy[chosen]
    return chosen, rank, max(accuracy) - accuracy[chosen]


def mean_ranks(values):
    """Ranks from 1, the mean of those that ties share."""
    return [sum(b < a for b in values) + (sum(b == a for b in values) + 1) / 2 for a in values]


def spearman(x, y):
    """Pearson's correlation of the ranks."""
    a, b = mean_ranks(x), mean_ranks(y)
    a, b = [one - sum(a) / len(a) for one in a], [one - sum(b) / len(b) for one in b]
    return sum(p * q for p, q in zip(a, b, strict=True)) / (sum(p * p for p in a) * sum(q * q for q in b)) ** 0.5


def kendall(x, y):
    """Kendall's tau-b: pairs in agreement less those that are not, by the pairs without ties."""
    agreeing = one = other = 0
    for i in range(len(x)):
        for j in range(i):
            a, b = (x[i] > x[j]) - (x[i] < x[j]), (y[i] > y[j]) - (y[i] < y[j])
            agreeing, one, other = agreeing + a * b, one + (a != 0), other + (b != 0)
    return agreeing / (one * other) ** 0.5


def best_share(accuracy, index):
    """The places of the best 5 % by accuracy, ties by the lowest index."""
    return sorted(range(len(accuracy)), key=lambda i: (-accuracy[i], index[i]))[: len(accuracy) // 20]


def least_at_equal_score(score, accuracy):
    """Spearman's rho of the values of a score with the least accuracy that each goes with."""
    values = sorted(set(score))
    return spearman(values, [min(accuracy[i] for i in range(len(score)) if score[i] == value) for value in values])


def handed_on(operation, power):
    """What an operation, (kind, kernel, dilation), makes of the powers (low, high)."""
    kind, kernel, _ = operation
    low, high = power
    if kind == "pool":
        return low, high / kernel**2
    return (low / (low + high), high / (low + high)) if kind == "conv" else power


def propagated_weight(operation):
    """1 of a convolution, 1/4 if it is 1x1 or dilated, 0 of anything else."""
    kind, kernel, dilation = operation
    return Fraction(0) if kind != "conv" else Fraction(1, 4) if kernel == 1 or dilation > 1 else Fraction(1)


def added(powers):
    """The sum of powers (low, high)."""
    return tuple(map(sum, zip((Fraction(0), Fraction(0)), *powers, strict=True)))


def propagated_sed(edges, inputs, skips_to, m=Fraction(0)):
    """C * H * (1 + r) / (1 + m * fewest) of a cell, by going all ways from its inputs, its first nodes, to its last.

    Edges are (source, target, (kind, kernel, dilation)); skips from an input to one of some nodes are residual.
    """

    def ways_to(node):
        into = [edge for edge in edges if edge[1] == node and edge[2][0] != "none"]
        return [()] if node < inputs else [(*way, edge) for edge in into for way in ways_to(edge[0])]

    def power(node):
        if node < inputs:
            return Fraction(3, 4), Fraction(1, 4)
        return added([handed_on(edge[2], power(edge[0])) for edge in alive if edge[1] == node])

    output = max(edge[1] for edge in edges)
    found = ways_to(output)
    if not found:
        return Fraction(-1)
    alive = {edge for way in found for edge in way}
    low, high = power(output)
    convs = sum(propagated_weight(edge[2]) for edge in alive)
    residual = sum(edge[2][0] == "skip" and edge[0] < inputs and edge[1] in skips_to for edge in alive)
    fewest = min(sum(edge[2][0] == "conv" for edge in way) for way in found)
    return convs * 4 * high / (low + high) * (1 + residual) / (1 + m * fewest)


def what(name):
    """The operation (kind, kernel, dilation) of a name of NATS-Bench, DARTS or NAS-Bench-101."""
    kernel = next((k for k in (1, 3, 5) if f"{k}x{k}" in name), 0)
    kinds = {"none": "none", "skip": "skip", "pool": "pool", "conv": "conv"}
    return next(kind for part, kind in kinds.items() if part in name), kernel, 2 if "dil" in name else 1


def tss_propagated(digits, nodes, m=Fraction(0)):
    """Propagated SED of a cell of NATS-Bench's topology space, on any number of nodes."""
    named = zip(edges(nodes), operations(digits), strict=True)
    return propagated_sed([(*ends, what(name)) for ends, name in named], 1, {nodes - 1}, m)


def darts_propagated(digits, m=Fraction(0)):
    """0.9 of the normal cell's propagated SED and 0.1 of the reduction cell's; the output joins nodes 2 to 5."""
    found = []
    for cell in darts_edges(digits):
        inputs = [(source, 2 + number // 2, what(name)) for number, (source, name) in enumerate(cell)]
        joined = [(node, 6, ("skip", 0, 1)) for node in range(2, 6)]
        found.append(propagated_sed(inputs + joined, 2, range(2, 6), m))
    return Fraction(9, 10) * found[0] + Fraction(1, 10) * found[1]


def nb101_propagated(matrix, names, m=Fraction(0)):
    """Propagated SED of a cell whose vertices have operations: these are done to the sum of what comes in."""
    last = len(matrix) - 1

    def before(v):
        return [x for x in range(v) if matrix[x][v]]

    def power(v):
        if v == 0:
            return Fraction(3, 4), Fraction(1, 4)
        into = added([power(x) for x in before(v)])
        return into if v == last else handed_on(what(names[v]), into)

    def fewest(v):
        return min((fewest(x) for x in before(v)), default=0) + names[v].startswith("conv")

    low, high = power(last)
    convs = sum(propagated_weight(what(name)) for name in names[1:-1])
    return convs * 4 * high / (low + high) * (1 + matrix[0][last]) / (1 + m * fewest(last))


def trainable(layers):
    """How many of the layers with weights, which end with their output pixels, are convolutions or linear."""
    return sum(layer[-1] > 0 for layer in layers)  # BatchNorm is given with no pixels


def darts_trainable(digits):
    """Convolutions and the classifier of DARTS's network of 20 cells, counted as they are built."""
    total = 1 + 1  # the stem, the classifier
    for number in range(20):
        total += 2 if number in (7, 14) else 1  # the first input comes from before a reduction: two halves
        total += 1
        reduces = number in (6, 13)
        for source, operation in darts_edges(digits)[reduces]:
            if "sep" in operation:
                total += 4
            elif "dil" in operation or (operation == "skip_connect" and reduces and source < 2):
                total += 2
    return total


def transnas_micro_trainable(digits):
    """Convolutions and the classifier of TransNAS-Bench-101's network of 64-41414, counted as they are built."""
    total = 2 + 1  # the stem, the classifier
    for module in "41414":
        for cell in (0, 1):
            for (source, _), digit in zip(edges(4), digits, strict=True):
                if digit >= 2:
                    total += 1
                elif digit == 1 and source == 0 and cell == 0 and module == "4":
                    total += 2  # what halves the resolution: two halves
    return total


def rank_sums(columns, signs):
    """Minus the sum over scores of an architecture's rank: 1 is the best, equal ones share their mean, NaN is last."""
    total = [Fraction(0)] * len(columns[0])
    for column, sign in zip(columns, signs, strict=True):
        keys = [(1, 0) if value != value else (0, -sign * value) for value in column]
        first, often = {}, Counter(keys)
        for rank, key in enumerate(sorted(keys), start=1):
            first.setdefault(key, rank)
        total = [before - first[key] - Fraction(often[key] - 1, 2) for before, key in zip(total, keys, strict=True)]
    return total


def network_entropy(outside, stages, side, channels):
    """Entropy, effectiveness and E-score of a network of blocks.

    `outside` has ``c k^2 / g`` of each convolution outside of the stages; `stages` has for each stage resolution,
    channels, number of layers, and the same of its convolutions. `side` and `channels` are of the last feature map.
    """
    logs = [log(n) for n in outside] + [log(n) for *_, convs in stages for n in convs]
    depths = [depth for _, _, depth, _ in stages]
    mean = sum(depths) / len(depths)
    variance = sum((depth - mean) ** 2 for depth in depths) / len(depths)
    of_stages = [log(r * r * c) * sum(log(n) for n in convs) for r, c, _, convs in stages]
    effectiveness = len(logs) / exp(sum(logs) / len(logs))
    return log(side * side * channels) * sum(logs), effectiveness, sum(of_stages) - 10 * exp(variance)


def ofa_mbv3_convolutions(arch):
    """What `network_entropy` asks for of a network of Once-for-all."""
    stages, c_in = [], 16
    for width, side, code in zip((24, 40, 80, 112, 160), (56, 28, 14, 14, 7), arch.split("|"), strict=True):
        convs = []
        for layer in code.split(","):
            middle = c_in * int(layer[3])
            convs += [c_in, int(layer[1]) ** 2, middle]
            c_in = width
        stages.append((side, width, len(convs) // 3, convs))
    return (27, 9, 16, 160), stages, 7, 960


def nn_mass_of_stages(stages):
    """NN-Mass and NN-Degree of stages (width, layers, residual connections)."""
    density = [Fraction(links, layers) if layers else Fraction(0) for _, layers, links in stages]
    mass = sum(rho * width * layers for rho, (width, layers, _) in zip(density, stages, strict=True))
    return mass, sum(width + rho for rho, (width, _, _) in zip(density, stages, strict=True))


def nas_bench_macro_stages(arch):
    """What `nn_mass_of_stages` asks for: the first layer of each stage changes the shape."""
    codes = (64, arch[:2]), (128, arch[2:5]), (256, arch[5:])
    return [(width, sum(c != "0" for c in code), sum(c != "0" for c in code[1:])) for width, code in codes]


def mnasnet_stages(arch):
    """The same of Accel-NASBench's network."""
    codes = zip((16, 24, 40, 80, 112, 192, 320), arch.split("|"), strict=True)
    return [(width, int(code[5]), int(code[5]) - 1) for width, code in codes]


def ofa_mbv3_stages(arch):
    """The same of Once-for-all's network."""
    codes = zip((24, 40, 80, 112, 160), arch.split("|"), strict=True)
    return [(width, len(code.split(",")), len(code.split(",")) - 1) for width, code in codes]


def ezennet_resnet_stages(arch):
    """The same of Incorporated-NAS's network, where a shape that changes is no hindrance."""
    codes = [re.search(r"w(\d+)x(\d+)$", code).groups() for code in arch.split("|")]
    return [(int(width), int(layers), int(layers)) for width, layers in codes]


@cache
def topology_kind(operation):
    """skip, pool, light or full of an operation (kind, kernel, dilation)."""
    kind, _, _ = operation
    return kind if kind != "conv" else "full" if propagated_weight(operation) == 1 else "light"


def of_relu(c):
    """The correlation of two outputs of a wide layer with ReLU whose inputs have correlation c."""
    return (sqrt(1 - c * c) + c * (pi - acos(c))) / pi


def topology(edges, inputs, counted, longest):
    """The topology features of a cell by going all paths from its inputs, its first nodes, to its last, as a dict.

    Edges are (source, target, name, (kind, kernel, dilation), length), of name None if they join; `counted` are names;
    `longest` is the most edges that a path of the space can have.
    """
    output = max(edge[1] for edge in edges)

    def paths_from(node, among):
        onward = [edge for edge in among if edge[0] == node and edge[3][0] != "none"]
        return [()] if node == output else [(edge, *path) for edge in onward for path in paths_from(edge[1], among)]

    paths = [path for node in range(inputs) for path in paths_from(node, edges)]
    out = {f"n_{name}": sum(edge[2] == name for edge in edges) for name in counted}
    return out | topology_of_paths(tuple(paths), inputs, output, tuple(counted), longest)


@cache
def topology_of_paths(paths, inputs, output, counted, longest):
    """The features of a cell that its paths tell: the same of all cells that have these."""

    def length(path):
        return sum(edge[4] for edge in path)

    alive = sorted({edge for path in paths for edge in path}, key=str)
    out = {f"n_live_{name}": sum(edge[2] == name for edge in alive) for name in counted}
    out |= {"live_edges": length(alive), "paths": len(paths)}
    out["paths_identity"] = sum(not of_kinds(path, "pool", "light", "full") for path in paths)
    out["paths_without_pool"] = sum(not of_kinds(path, "pool") for path in paths)
    out["paths_without_conv"] = sum(not of_kinds(path, "light", "full") for path in paths)
    added = {
        "conv": lambda path: of_kinds(path, "light", "full"),
        "pool": lambda path: of_kinds(path, "pool"),
        "weight": lambda path: 4 * of_kinds(path, "full") + of_kinds(path, "light"),
        "length": length,
    }
    for name, of in added.items():
        found = [of(path) for path in paths]
        none = longest + 1 if not paths else 0
        out |= {f"{name}_least": min(found, default=none), f"{name}_most": max(found, default=0)}
        out[f"{name}_sum"] = sum(found)
    kinds = ("skip", "pool", "light", "full")
    for some in [some for n in range(1, 5) for some in combinations(kinds, n)]:
        others = [kind for kind in kinds if kind not in some]
        only = [length(path) for path in paths if not of_kinds(path, *others)]
        out[f"shortest_{'_'.join(some)}"] = min(only, default=longest + 1)
        if some != ("pool",):
            out[f"{'_'.join(some)}_most"] = max((of_kinds(path, *some) for path in paths), default=0)
    out |= topology_roles(alive, paths, inputs, output)
    depth = Fraction(out["conv_sum"], len(paths)) if paths else Fraction(0)
    with_conv = out["paths"] - out["paths_without_conv"]
    out |= {"effective_depth": depth, "effective_width": with_conv / depth if depth else Fraction(0)}
    return out | topology_powers(alive, paths, inputs, output)


def of_kinds(path, *kinds):
    """How many operations of some kinds lie on a path; what joins is none."""
    return sum(edge[2] is not None and topology_kind(edge[3]) in kinds for edge in path)


def topology_roles(alive, paths, inputs, output):
    """How many nodes and edges of a cell have each role."""
    done = [edge for edge in alive if edge[2] is not None]
    out = {"live_nodes": len({edge[1] for edge in alive if edge[4]} - {output})}
    out["input_degree"] = sum(edge[0] < inputs for edge in alive)
    out["output_degree"] = sum(edge[1] == output for edge in alive)
    first = {*range(inputs), *(edge[1] for edge in alive if edge[2] is None and edge[0] < inputs)}
    last = {output, *(edge[0] for edge in alive if edge[2] is None and edge[1] == output)}
    parts = {path[a:b] for path in paths for a in range(len(path)) for b in range(a + 1, len(path) + 1)}
    identities = {(part[0][0], part[-1][1]) for part in parts if not of_kinds(part, "pool", "light", "full")}
    around = {edge for part in parts if (part[0][0], part[-1][1]) in identities for edge in part}
    for name, rest, own, others in (
        ("pool", "conv", ("pool",), ("light", "full")),
        ("conv", "pool", ("light", "full"), ("pool",)),
    ):
        these = [edge for edge in done if topology_kind(edge[3]) in own]
        without = [path for path in paths if not of_kinds(path, *others)]
        out[f"{name}_on_every_path"] = sum(all(edge in path for path in paths) for edge in these)
        out[f"{name}_bypassed"] = len(around & {*these})
        out[f"{name}_without_{rest}"] = sum(any(edge in path for path in without) for edge in these)
    for kind in ("skip", "pool", "light", "full"):
        these = [edge for edge in done if topology_kind(edge[3]) == kind]
        out[f"{kind}_at_input"] = sum(edge[0] in first for edge in these)
        out[f"{kind}_at_output"] = sum(edge[1] in last for edge in these)
        out |= topology_shares(kind, these, paths)
    return out


def topology_shares(kind, edges, paths):
    """The shares of paths, summed over some edges."""
    out = {f"{kind}_{name}": Fraction(0) for name in ("clean_before", "clean_after", "through")}
    for edge in edges:
        through = [path for path in paths if edge in path]
        before, after = {path[: path.index(edge)] for path in through}, {path[path.index(edge) :] for path in through}
        out[f"{kind}_clean_before"] += Fraction(sum(not of_kinds(path, "pool") for path in before), len(before))
        out[f"{kind}_clean_after"] += Fraction(sum(not of_kinds(path[1:], "pool") for path in after), len(after))
        out[f"{kind}_through"] += Fraction(len(through), len(paths))
    return out


def topology_powers(alive, paths, inputs, output):
    """The features of the powers that the live edges of a cell hand on."""
    names = ("power_low", "power_high", "power_of_input", "correlation", "depth_by_power", "gradient")
    if not paths:
        return dict.fromkeys(names, 0)

    @cache
    def power(node):
        if node < inputs:
            return Fraction(3, 4), Fraction(1, 4)
        return added([handed_on(edge[3], power(edge[0])) for edge in alive if edge[1] == node])

    @cache
    def handed(edge):
        return sum(handed_on(edge[3], power(edge[0])))

    def mean(node, at_input, behind):
        """What a node has on average by power, from what an input has, and what is handed on of a value."""
        if node < inputs:
            return at_input
        into = [edge for edge in alive if edge[1] == node]
        total = sum(handed(edge) * behind(edge, mean(edge[0], at_input, behind)) for edge in into)
        return total / sum(map(handed, into))

    def is_conv(edge):
        return edge[3][0] == "conv"

    low, high = power(output)
    gradient = Fraction(0)
    for path in paths:
        product = Fraction(1)
        for edge in path:
            product *= handed(edge) / sum(power(edge[0]))
        gradient += product
    found = (
        low,
        high,
        mean(output, Fraction(1), lambda edge, value: 0 if is_conv(edge) else value),
        mean(output, 0, lambda edge, value: of_relu(float(value)) if is_conv(edge) else value),
        mean(output, Fraction(0), lambda edge, value: value + is_conv(edge)),
        gradient,
    )
    return dict(zip(names, found, strict=True))


def tss_topology(digits, nodes):
    """The topology features of a cell of NATS-Bench's topology space, on any number of nodes."""
    short = dict(zip(OPERATIONS, ("none", "skip", "conv1x1", "conv3x3", "pool"), strict=True))
    named = zip(edges(nodes), operations(digits), strict=True)
    return topology([(*ends, short[name], what(name), 1) for ends, name in named], 1, short.values(), nodes - 1)


def darts_topology(digits):
    """The topology features of the normal and of the reduction cell; the output joins nodes 2 to 5."""
    out = {}
    for cell, suffix in zip(darts_edges(digits), ("normal", "reduce"), strict=True):
        inputs = [(source, 2 + number // 2, name, what(name), 1) for number, (source, name) in enumerate(cell)]
        joined = [(node, 6, None, ("skip", 0, 1), 0) for node in range(2, 6)]
        found = topology(inputs + joined, 2, DARTS, 4)
        out |= {f"{name}_{suffix}": value for name, value in found.items()}
    return out


NB101 = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")


def nb101_topology(matrix, names):
    """The topology features of a cell with operations on vertices, each from a node of what comes in to one behind."""
    last = len(matrix) - 1
    joins = [(2 * x, 2 * y - 1, None, ("skip", 0, 1), 1) for y in range(1, last + 1) for x in range(y) if matrix[x][y]]
    done = [(2 * v - 1, 2 * v, names[v], what(names[v]), 0) for v in range(1, last)]
    return topology(joins + done, 1, NB101, 6)


# -- what other libraries call an architecture -------------------------------------------------------------------------

NASLIB_EDGES = ((1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4))
NASLIB_OPERATIONS = "skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3"


def naslib_arch(codes):
    """The arch string of NASLib's operation indices: nodes are counted from 1, edges go by their source."""
    chosen = {edge: NASLIB_OPERATIONS[code] for edge, code in zip(NASLIB_EDGES, codes, strict=True)}
    nodes = ["".join(f"|{chosen[source, node]}~{source - 1}" for source in range(1, node)) for node in (2, 3, 4)]
    return "|+".join(nodes) + "|"


def naslib_nb101(matrix, names):
    """NASLib's tuple of a cell: the matrix row by row, and a number for each vertex."""
    codes = {"input": 0, "output": 1, "maxpool3x3": 2, "conv1x1-bn-relu": 3, "conv3x3-bn-relu": 4}
    return tuple(value for row in matrix for value in row) + tuple(codes[name] for name in names)


def module_hash(matrix, labels):
    """NAS-Bench-101's name of a cell: hashes of vertices, which know more of their surroundings each round."""

    def md5(text):
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    n = range(len(matrix))
    hashes = [md5(str((sum(matrix[v]), sum(row[v] for row in matrix), labels[v]))) for v in n]
    for _ in n:
        sources = ["".join(sorted(hashes[w] for w in n if matrix[w][v])) for v in n]
        targets = ["".join(sorted(hashes[w] for w in n if matrix[v][w])) for v in n]
        hashes = [md5("|".join(three)) for three in zip(sources, targets, hashes, strict=True)]
    return md5(str(sorted(hashes)))
