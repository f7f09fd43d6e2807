"""Neighbours and mutations of spaces of every kind, against slow twins that look at every architecture."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

import naive_searching
import sedspace as ss
from sedspace.spaces.machine import explored
from sedspace.spaces.ranks import Ranks
from toy import Toy, with_sums_up_to

CONV = ["nor_conv_1x1", "nor_conv_3x3"]
NAMES = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]


def depth_and_blocks(depth, position, choice):
    """A first digit that says how many of three blocks, 1 to 3, there are; those that are not there are 0."""
    if position == 0:
        return choice
    return depth if (position <= depth + 1) == (choice > 0) else None


def all_or_none(every, position, choice):
    """All digits behind the first are 0, or none."""
    if position == 0:
        return choice
    return every if (choice > 0) == every else None


def same_as_before(before, position, choice):
    """The third digit is the second."""
    return choice if position < 2 or choice == before else None


def guessing():
    """A machine that guesses the last digit first."""
    space = Toy([3, 2, 3])
    machine, _ = explored(
        "guess",
        [3, 2, 3],
        [0, 1, 2],
        lambda guess, position, choice: guess if (choice == guess if position == 2 else choice <= guess) else None,
    )
    space.machine, space.numbers = machine, Ranks("guess", [3, 2, 3], machine)
    space.size = machine.size
    return space


SMALL = {
    "product": lambda: Toy([2, 3, 1, 4]),
    "one position": lambda: Toy([7]),
    "transnas_micro": lambda: ss.space("transnas_micro"),
    "length": lambda: ss.space("transnas_macro"),
    "never less": lambda: ss.space("pit"),
    "depth": lambda: ss.restrict(Toy([3, 4, 4, 4]), ss.OwnRule("depth", 0, depth_and_blocks)),
    "sum": lambda: with_sums_up_to(Toy([3, 3, 3, 3]), 3),
    "guess": guessing,
    "at most": lambda: ss.restrict("tss", ss.AtMost(1, CONV)),
    "tied": lambda: ss.restrict(Toy([2, 3, 3]), ss.OwnRule("tied", None, same_as_before)),
    "connected": lambda: ss.restrict("transnas_micro", ss.Connected()),
    "one of a class": lambda: ss.restrict("transnas_micro", ss.OnePerClass()),
}


@pytest.mark.parametrize("kind", SMALL)
def test_neighbors_of_small_spaces(kind):
    space = SMALL[kind]()
    rows = [tuple(row) for row in space.digits_of_range(0, space.size).tolist()]
    for index in random.Random(kind).sample(range(space.size), min(space.size, 4)):
        found = space.neighbors(index)
        assert found.dtype == np.int64
        assert found.tolist() == naive_searching.neighbors(rows, index)


def test_all_that_are_one_digit_away_are_neighbors():
    space = ss.restrict("tss", ss.AtMost(2, CONV))
    for index in (0, 1234, space.size - 1):
        digits, near = space.digits(index), set(space.neighbors(index).tolist())
        every = space.digits_of_range(0, space.size)
        assert near >= set(np.flatnonzero((every != digits).sum(axis=1) == 1).tolist())


def test_a_rule_takes_with_it_what_must_change():
    """Choices that are tied together change together, so that no architecture is cut off from all others."""
    space = SMALL["tied"]()
    assert space.digits(space.neighbors(space.index([0, 1, 1]))).tolist() == [[0, 0, 0], [0, 2, 2], [1, 1, 1]]


def test_neighbors_of_ofa_mbv3_are_those_of_its_stages():
    space, blocks = ss.space("ofa_mbv3"), range(9)
    for index in (random.Random(seed).randrange(space.size) for seed in range(3)):
        digits = space.digits(index).tolist()
        stages = [digits[5 * s + 1 : 5 * s + 3 + digits[5 * s]] for s in range(5)]
        expected = set()
        for number, stage in enumerate(stages):
            for one in naive_searching.stage_neighbors(stage, blocks, (2, 3, 4)):
                every = [*stages[:number], one, *stages[number + 1 :]]
                rows = [[len(s) - 2, *s, *[9] * (4 - len(s))] for s in every]
                expected.add(space.index([digit for row in rows for digit in row]))
        assert space.neighbors(index).tolist() == sorted(expected)


@pytest.mark.parametrize("name", ["tss8", "darts", "fbnet", "autoformer_base", "flexibert", "ezennet_mobile"])
def test_steps_lead_back_in_large_spaces(name):
    """In sedspace's own spaces a step there is a step back, and an architecture is as the space writes it."""
    space = ss.space(name)
    index = random.Random(name).randrange(space.size)
    near = space.neighbors(index)
    assert sorted({*near.tolist()} - {index}) == near.tolist()
    one = random.Random(1).choice(near.tolist())
    assert index in space.neighbors(one)
    assert space.parse(space.arch(one)) == one


def test_neighbors_of_nb101():
    space = ss.space("nb101")
    for index in (0, 1, 77, 2_500, 300_000):
        matrix, operations = space.matrix(index)
        expected = naive_searching.nb101_neighbors(matrix, [NAMES.index(one) for one in operations[1:-1]])
        near = space.neighbors(index).tolist()
        assert near == sorted({*near} - {index})
        assert {nb101_form(space, one) for one in near} == expected


def nb101_form(space, index):
    """Vertices, edge bits and labels of a cell, as naive.py writes it."""
    matrix, operations = space.matrix(index)
    n = len(matrix)
    bits = sum(1 << (x + y * (y - 1) // 2) for y in range(n) for x in range(y) if matrix[x][y])
    return n, bits, tuple(NAMES.index(one) for one in operations[1:-1])


def test_steps_of_nb101_lead_everywhere_and_back():
    space = ss.space("nb101")
    small = next(index for index in range(10_000) if len(space.matrix(index)[0]) == 5)
    near = {index: {*space.neighbors(index).tolist()} for index in range(small)}
    assert all(index in near[one] for index, ones in near.items() for one in ones if one < small)
    reached, todo = {0}, [0]
    while todo:
        new = {one for one in near[todo.pop()] if one < small} - reached
        reached |= new
        todo += new
    assert len(reached) == small


def test_neighbors_in_a_restricted_nb101_exist():
    space = ss.restrict("nb101", ss.OwnRule("even", 0, lambda state, _, choice: None if choice % 2 else state))
    index = space.size // 2
    near = space.base.neighbors(space.entry(index)).tolist()
    assert [space.entry(one) for one in space.neighbors(index)] == [one for one in near if one % 2 == 0]


@pytest.mark.parametrize("kind", ["product", "depth", "guess"])
def test_mutations_are_uniform_and_reproducible(kind):
    space = SMALL[kind]()
    index = space.size // 2
    near = space.neighbors(index).tolist()
    drawn = Counter(space.mutate(index, seed) for seed in range(60 * len(near)))
    assert sorted(drawn) == near
    expected = 60.0
    assert sum((n - expected) ** 2 / expected for n in drawn.values()) < len(near) + 5 * (2 * len(near)) ** 0.5
    assert [space.mutate(index, seed) for seed in range(5)] == [space.mutate(index, seed) for seed in range(5)]


def test_bad_input():
    space = ss.space("tss")
    with pytest.raises(ss.BadInput, match="index 15625 is outside tss: expected 0 to 15624"):
        space.neighbors(15625)
    with pytest.raises(ss.BadInput, match="seed -1: expected 0 or more"):
        space.mutate(0, -1)
    with pytest.raises(ss.BadInput, match="architecture 0 of toy has no neighbours: it stands alone"):
        Toy([1, 1]).mutate(0)
    tied = ss.restrict(Toy([2, *[3] * 20]), ss.OwnRule("all or none", 0, all_or_none))
    with pytest.raises(ss.BadInput, match=r"one choice of toy_restricted leads to 1,048,576 neighbours or more"):
        tied.neighbors(0)
