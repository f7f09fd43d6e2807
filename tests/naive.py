"""Slow, obvious twins of everything that sedspace computes: the definitions' own words, one architecture at a time.

Nothing here imports sedspace, and nothing here is fast: plain Python integers and fractions, so that an answer of the
library that equals one of these is right for a reason that can be read off the page.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

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


def operations(digits):
    """The operation on each edge."""
    return [OPERATIONS[digit] for digit in digits]


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


def tile(rows, row_of_block, offset, length):
    """The values of consecutive cells."""
    size = len(rows[0])
    return [rows[row_of_block[cell // size]][cell % size] for cell in range(offset, offset + length)]


def best(values, k):
    """The k best as (value, place), ties by the lowest place."""
    return sorted(((value, place) for place, value in enumerate(values)), key=lambda pair: (-pair[0], pair[1]))[:k]


def longest_run(digits):
    """The longest run of nor_conv_3x3 along the edges: a score that is no sum."""
    best = run = 0
    for digit in digits:
        run = run + 1 if digit == 3 else 0
        best = max(best, run)
    return best
