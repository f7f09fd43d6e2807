"""Machines, and diagrams with states: equal to going through every combination of choices (naive.py)."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import naive
from sedspace import BadInput
from sedspace.spaces.machine import Machine, explored, of_rows, of_steps, product_of, together
from sedspace_kernels import diagram
from sedspace_kernels.machine import merged, product, trimmed


def as_steps(tables):
    """A machine's tables as arrays; of no states, too."""
    return [np.array(table, np.int32).reshape(len(table), len(table[0]) if table else 0) for table in tables]


@st.composite
def shapes(draw, radices=None):
    """How many choices each position has, and how many states come before each and after the last."""
    radices = radices or draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    begin = draw(st.sampled_from([1, 1, 2, 3]))
    return radices, [begin, *(draw(st.integers(1, 4)) for _ in radices[1:]), 1]


@st.composite
def random_machines(draw, radices=None):
    """Any steps at all: dead ends, states that are never reached, guesses of which several come true."""
    radices, states = draw(shapes(radices))
    out = []
    for radix, here, after in zip(radices, states, states[1:], strict=False):
        led = st.sampled_from([-1, *range(after), *range(after)])
        row = st.lists(led, min_size=radix, max_size=radix)
        out.append(draw(st.lists(row, min_size=here, max_size=here)))
    return out


@st.composite
def guessing_machines(draw, radices=None):
    """Machines of which one guess comes true at most: no choice leads to a state from two."""
    radices, states = draw(shapes(radices))
    out = []
    for radix, here, after in zip(radices, states, states[1:], strict=False):
        columns = [
            (draw(st.permutations([*range(after), *[-1] * max(0, here - 1)])) + [-1] * here)[:here]
            for _ in range(radix)
        ]
        out.append([list(row) for row in zip(*columns, strict=True)])
    return out


machines = random_machines() | guessing_machines()


def radices_of(tables):
    return [len(table[0]) for table in tables]


def check(tables):
    """A machine of steps is refused, or it has the size, members and ranks that the twin finds."""
    radices = radices_of(tables)
    accepted = naive.machine_accepted(tables, radices)
    if not accepted:
        with pytest.raises(BadInput, match=r"^mine: there is no such architecture$"):
            of_steps("mine", radices, as_steps(tables))
        return None
    if len(set(accepted)) < len(accepted):
        with pytest.raises(BadInput, match=r"^mine: some architectures are accepted in more than one way"):
            of_steps("mine", radices, as_steps(tables))
        return None
    machine = of_steps("mine", radices, as_steps(tables))
    every = np.array(list(itertools.product(*map(range, radices))))
    rows = np.array(accepted)
    assert machine.is_unambiguous()
    assert machine.size == len(accepted)
    assert machine.accepts(every).tolist() == [tuple(row) in set(accepted) for row in every.tolist()]
    assert machine.rank(rows).tolist() == list(range(machine.size))
    assert machine.unrank(np.arange(machine.size)).tolist() == rows.tolist()
    for start, stop in (
        (0, machine.size),
        (machine.size // 3, 2 * machine.size // 3),
        (machine.size - 1, machine.size),
    ):
        assert ranged(machine, start, stop) == rows[start:stop].tolist()
    return machine


def ranged(machine, start, stop):
    out = np.empty((stop - start, len(machine.steps)), np.uint8)
    machine.unrank_range(start, stop, out)
    return out.tolist()


# -- machines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beginnings", [1, 2])
def test_every_machine_of_two_states_and_two_positions(beginnings):
    rows = list(itertools.product([-1, 0, 1], repeat=2))
    ends = list(itertools.product([-1, 0], repeat=2))
    kept = 0
    for first in itertools.combinations_with_replacement(rows, beginnings):
        for last in itertools.product(ends, repeat=2):
            kept += check([first, last]) is not None
    assert kept > 60


@given(machines)
def test_machines_of_any_steps(tables):
    check(tables)


@given(guessing_machines())
def test_guesses_of_which_one_comes_true(tables):
    check(tables)


@given(machines)
def test_ways_are_counted_and_what_is_ambiguous_is_told(tables):
    steps, _ = trimmed(as_steps(tables))
    assume(len(steps[0]))
    accepted = naive.machine_accepted(tables, radices_of(tables))
    machine = Machine("any", steps)
    assert machine.size == len(accepted)
    assert machine.is_unambiguous() == (len(set(accepted)) == len(accepted))


@given(machines)
def test_trimmed_leaves_what_leads_on(tables):
    steps, kept = trimmed(as_steps(tables))
    for position in range(len(tables)):
        rest = tables[position:]
        assert kept[position].tolist() == [
            state for state in range(len(rest[0])) if naive.machine_onward(rest, Counter([state]))
        ]
        assert steps[position].shape == (len(kept[position]), len(tables[position][0]))
        number = {state: row for row, state in enumerate(kept[position + 1].tolist())} if len(rest) > 1 else {0: 0}
        expected = [[number.get(led, -1) for led in rest[0][state]] for state in kept[position].tolist()]
        assert steps[position].tolist() == expected


@given(machines)
def test_merged_has_one_state_for_each_way_to_go_on(tables):
    useful, _ = trimmed(as_steps(tables))
    assume(len(useful[0]))
    tables, radices = [step.tolist() for step in useful], radices_of(tables)
    steps = merged(useful)
    assert naive.machine_accepted([step.tolist() for step in steps], radices) == naive.machine_accepted(tables, radices)
    assert len(steps[0]) == len(tables[0])
    for position in range(1, len(tables)):
        rest, left = tables[position:], radices[position:]
        languages = set()
        for row in range(len(rest[0])):
            languages.add(tuple(naive.machine_accepted([[rest[0][row]], *rest[1:]], left)))
        assert len(steps[position]) == len(languages)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.data())
def test_machines_side_by_side(radices, data):
    number = data.draw(st.integers(1, 3))
    several = [data.draw(random_machines(radices) | guessing_machines(radices)) for _ in range(number)]
    every = list(itertools.product(*map(range, radices)))
    ways = [math.prod(len(naive.machine_ways(tables, digits)) for tables in several) for digits in every]
    steps, parts = product([as_steps(tables) for tables in several], 1000)
    expected = [digits for digits, often in zip(every, ways, strict=True) for _ in range(often)]
    assert naive.machine_accepted([step.tolist() for step in steps], radices) == (expected if len(steps[0]) else [])
    assert bool(expected) == bool(len(steps[0]))
    for position, (step, part) in enumerate(zip(steps, parts, strict=True)):
        for choice in range(radices[position]):
            for row, led in enumerate(step[:, choice].tolist()):
                if led < 0 or position == len(steps) - 1:
                    continue
                for tables, here, after in zip(several, part, parts[position + 1], strict=True):
                    assert tables[position][here[row]][choice] == after[led]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.data())
def test_machines_together(radices, data):
    several = [data.draw(random_machines(radices) | guessing_machines(radices)) for _ in range(2)]
    made = []
    for name, tables in zip("ab", several, strict=True):
        accepted = naive.machine_accepted(tables, radices)
        assume(accepted and len(set(accepted)) == len(accepted))
        made.append(of_steps(name, radices, as_steps(tables)))
    every = itertools.product(*map(range, radices))
    both = [digits for digits in every if all(naive.machine_ways(tables, digits) for tables in several)]
    if not both:
        with pytest.raises(BadInput, match=r"^a and b: no architecture meets all of them$"):
            together(made)
        return
    machine = together(made)
    assert machine.name == "a and b"
    assert machine.is_unambiguous()
    assert machine.unrank(np.arange(machine.size)).tolist() == [list(digits) for digits in both]
    assert together(made[:1]) is made[0]


def test_too_many_states_are_refused_with_their_number():
    most = 1 << 11
    steps = [np.zeros((most, 1), np.int32)]
    with pytest.raises(BadInput, match=r"^a and b: 4,194,304 states, expected at most 1,048,576: have"):
        product_of([Machine("a", steps), Machine("b", steps)])
    with pytest.raises(BadInput, match=r"^a: 4,194,304 pairs of states that may both come true, expected at most"):
        of_steps("a", [1], steps)
    with pytest.raises(BadInput, match=r"^many: 1,048,577 states before position 0, expected at most 1,048,576: have"):
        explored("many", [2, 2], range((1 << 20) + 1), lambda state, position, choice: state)


@pytest.mark.parametrize(
    ("radices", "steps"),
    [
        ([2], [[[0, 1]]]),  # leads to a second state behind the last position
        ([2], [[[0, -2]]]),
        ([3], [[[0, 0]]]),
        ([2, 2], [[[0, 0]]]),
        ([2], [[[0, 0]], [[0, 0]]]),
        ([2, 2], [[[0, 1]], [[0, 0]]]),
        ([2], [[]]),
    ],
)
def test_steps_that_are_none(radices, steps):
    with pytest.raises(BadInput, match=r"^mine: its steps are none for positions of "):
        of_steps("mine", radices, as_steps(steps))


# -- machines from functions ------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 6), st.integers(0, 6))
def test_a_function_explored(radices, least, most):
    def step(total, position, choice):
        return total + choice if total + choice <= most else None

    expected = [digits for digits in itertools.product(*map(range, radices)) if least <= sum(digits) <= most]
    if not expected:
        with pytest.raises(BadInput, match=r"^sums: there is no such architecture$"):
            explored("sums", radices, [0], step, lambda total: total >= least)
        return
    machine, labels = explored("sums", radices, [0], step, lambda total: total >= least)
    assert machine.unrank(np.arange(machine.size)).tolist() == [list(digits) for digits in expected]
    for position, states in enumerate(labels):
        assert set(states) == {sum(digits[:position]) for digits in expected}
        assert len(machine.steps[position]) == len(states)


def test_a_guess_explored():
    """Guess the last digit, and see at the end that it was."""

    def step(guess, position, choice):
        return guess if position < 2 or choice == guess else None

    machine, labels = explored("guess", [3, 2, 3], [0, 1, 2, 3], step)
    assert labels == [[0, 1, 2]] * 3
    assert machine.beginnings == 3
    assert machine.size == 18
    with pytest.raises(BadInput, match=r"^guess: some architectures are accepted in more than one way"):
        explored("guess", [2], [0, 1], lambda guess, position, choice: guess)


# -- diagrams with states ---------------------------------------------------------------------------------------------


@st.composite
def machines_and_tables(draw):
    """A machine, its last states not one, and what each choice adds by state."""
    tables = draw(machines)
    width = draw(st.integers(1, 2))
    numbers = st.lists(st.integers(-2, 2), min_size=width, max_size=width)
    features = [[[draw(numbers) for _ in row] for row in table] for table in tables]
    return tables, features


def built(tables, features):
    adds = [np.array(table, np.int64) for table in features]
    return diagram.build(adds, 1 << 20, steps=as_steps(tables))


@given(machines_and_tables())
def test_diagrams_with_states_count_classes_and_find_their_lowest(case):
    tables, features = case
    layers, sums = built(tables, features)
    radices = radices_of(tables)
    expected = {}
    for index, digits in enumerate(itertools.product(*map(range, radices))):
        for _, *total in naive.machine_sums(features, tables, digits):
            count, first = expected.get(tuple(total), (0, index))
            expected[tuple(total)] = (count + 1, first)
    found = zip(sums.tolist(), diagram.count(layers).tolist(), diagram.least(layers).tolist(), strict=True)
    assert {tuple(row): (count, index) for row, count, index in found} == expected


@given(machines_and_tables(), st.data())
def test_diagrams_with_states_walk_to_members(case, data):
    tables, features = case
    layers, sums = built(tables, features)
    radices = radices_of(tables)
    every = list(itertools.product(*map(range, radices)))
    ways = {digits: naive.machine_sums(features, tables, digits) for digits in every}
    assume(max(map(len, ways.values())) == 1)
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(sums), max_size=len(sums)))
    of = {tuple(row): number for number, row in enumerate(sums.tolist())}
    expected, below = [], {}
    for digits in every:
        below[digits] = len(expected)
        for _, *total in ways[digits]:
            number = of[tuple(total)]
            expected += [(list(digits), number, rest) for rest in range(weights[number])]
    onward = diagram.count_onward(layers, np.array(weights, object))
    assert sum(onward[0].tolist()) == len(expected)
    digits, ends, rest = diagram.unrank(layers, onward, np.arange(len(expected)))
    assert list(zip(digits.tolist(), ends.tolist(), rest.tolist(), strict=True)) == expected
    before, node = diagram.rank(layers, onward, np.array(every))
    assert before.tolist() == list(below.values())
    assert [number >= 0 for number in node.tolist()] == [bool(ways[digits]) for digits in every]


@settings(max_examples=20)
@given(st.integers(40, 60), st.randoms(use_true_random=False))
def test_machines_are_exact_beyond_int64(positions, random):
    """Of four states, none of which two lead to: guesses, sizes up to 5^60."""
    radices = [random.choice([3, 4, 5]) for _ in range(positions)]
    tables = []
    for radix in radices:
        columns = [random.sample([0, 1, 2, 3, -1, -1], 4) for _ in range(radix)]
        columns[0] = random.sample(range(4), 4)  # so that something is accepted
        tables.append([list(row) for row in zip(*columns, strict=True)])
    tables[-1] = [[min(led, 0) for led in row] for row in tables[-1]]
    for choice in range(radices[-1]):  # one state at most leads to the accepted one
        for state in range(1, 4):
            tables[-1][state][choice] = -1
    machine = of_steps("large", radices, as_steps(tables))
    assert machine.size == naive.machine_onward(tables, Counter(range(4)))
    ranks = [0, machine.size - 1, *(random.randrange(machine.size) for _ in range(5))]
    digits = machine.unrank(np.array(ranks, object))
    assert machine.accepts(digits).all()
    assert [naive.machine_rank(tables, row) for row in digits.tolist()] == ranks
    assert machine.rank(digits).tolist() == ranks
    for start in ranks[:3]:
        stop = min(start + 300, machine.size)
        assert ranged(machine, start, stop) == machine.unrank(np.array(range(start, stop), object)).tolist()


@given(machines_and_tables(), st.data())
def test_positions_that_all_choices_pass_multiply_counts_beyond_int64(case, data):
    """In front of a small machine stand positions at which nothing is forbidden and nothing adds."""
    tables, features = case
    free, radix = 30, 5
    states, width = len(tables[0]), len(features[0][0][0])
    tables = [[[state] * radix for state in range(states)]] * free + tables
    features = [[[[0] * width] * radix] * states] * free + features
    layers, sums = built(tables, features)
    small, of = built(tables[free:], features[free:])
    assert sums.tolist() == of.tolist()
    assert diagram.count(layers).tolist() == [radix**free * count for count in diagram.count(small).tolist()]
    assert diagram.least(layers).tolist() == diagram.least(small).tolist()


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.data())
def test_a_machine_of_some_architectures(radices, data):
    every = list(itertools.product(*map(range, radices)))
    some = sorted(data.draw(st.sets(st.sampled_from(every), min_size=1)))
    machine = of_rows("some", radices, np.array(some))
    assert machine.size == len(some)
    assert machine.accepts(np.array(every)).tolist() == [digits in some for digits in every]
    assert machine.unrank(np.arange(len(some))).tolist() == [list(digits) for digits in some]
    assert [step.tolist() for step in merged(machine.steps)] == [step.tolist() for step in machine.steps]
