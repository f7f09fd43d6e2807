"""Slow, obvious twins of what searches do: neighbours by looking at every architecture. Nothing imports sedspace."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, permutations, product

import naive


def neighbors(rows, number):
    """The numbers of the architectures one step from one of all, digits by number.

    For every position and other choice there, those with it that differ in as few digits as possible.
    """
    own, found = rows[number], set()
    far = [sum(a != b for a, b in zip(row, own, strict=True)) for row in rows]
    for position, digit in enumerate(own):
        for choice in {row[position] for row in rows} - {digit}:
            having = [n for n, row in enumerate(rows) if row[position] == choice]
            least = min(far[n] for n in having)
            found.update(n for n in having if far[n] == least)
    return sorted(found)


def stage_neighbors(stage, blocks, depths):
    """What a stage of blocks may become: one of its blocks exchanged, or another depth, its first blocks kept."""
    out = [[*stage[:at], block, *stage[at + 1 :]] for at in range(len(stage)) for block in blocks if block != stage[at]]
    for depth in depths:
        if depth < len(stage):
            out.append(stage[:depth])
        elif depth > len(stage):
            out += [[*stage, *more] for more in product(blocks, repeat=depth - len(stage))]
    return out


def nb101_neighbors(matrix, labels):
    """The cells one step from one, each as `nb101_canonical` writes it: labels of operations 0 to 2.

    A cell is a set of edges between named vertices here, so that a vertex more or less renames nothing.
    """
    n = len(matrix)
    edges = {(x, y) for x in range(n) for y in range(n) if matrix[x][y]}
    names = {v: labels[v - 1] for v in range(1, n - 1)}
    return {
        written
        for changed, named in nb101_steps(edges, names, n - 1)
        if (written := nb101_written(changed, named, n - 1)) is not None
    } - {nb101_written(edges, names, n - 1)}


def nb101_steps(edges, names, output):
    """What a step makes of a cell, cell or not."""
    out = [(edges, {**names, v: label}) for v in names for label in range(3)]
    for edge in permutations([0, *names, output], 2):
        out.append((edges ^ {edge}, names))
        if edge in edges:
            out += [(edges - {edge} | {(edge[0], "new"), ("new", edge[1])}, {**names, "new": o}) for o in range(3)]
    for v in names:
        before, behind = [x for x, y in edges if y == v], [y for x, y in edges if x == v]
        if len(before) == len(behind) == 1 and (before[0], behind[0]) not in edges:
            left = {edge for edge in edges if v not in edge} | {(before[0], behind[0])}
            out.append((left, {w: label for w, label in names.items() if w != v}))
    return out


def nb101_written(edges, names, output):
    """A cell's vertices and canonical form; None if it has a vertex on no way, too many of them or of edges."""
    vertices = [0, *names, output]
    if len(vertices) > 7 or len(edges) > 9:
        return None
    starts, ends = {x for x, _ in edges}, {y for _, y in edges}
    if starts != {*vertices} - {output} or ends != {*vertices} - {0}:
        return None
    n = len(vertices)
    matrix = [[int((x, y) in edges) for y in vertices] for x in vertices]
    found = naive.nb101_canonical(matrix, list(names.values()))
    return None if found is None else (n, *found)  # None: there is a cycle


def evolution(rows, values, budget, random, population, sample):
    """Regularized evolution, the oldest dying: the numbers of the architectures looked at, each when it is first."""
    alive, looked_at = [], []
    while len(looked_at) < budget:
        if len(alive) < population:
            child = sample_below(random, len(rows))
        else:
            tournament = [alive[random.randrange(population)] for _ in range(sample)]
            near = neighbors(rows, max(tournament, key=lambda one: values[one]))
            child = near[random.randrange(len(near))]
        if child not in looked_at:
            looked_at.append(child)
        alive = [*alive, child][-population:]
    return looked_at


def sample_below(random, n):
    """A number below n, as a subset of one is drawn."""
    return random.randrange(n)


def area_share(points, front):
    """The area that points are better in than the worst of each objective on a front, by the front's own area.

    More is better of the first objective, less of the second. By cutting the plane at every coordinate.
    """
    low, high = min(a for a, _ in front), max(b for _, b in front)

    def area(some):
        across = sorted({low, *(a for a, _ in some if a > low)})
        down = sorted({high, *(b for _, b in some if b < high)})
        return sum(
            (right - left) * (upper - lower)
            for left, right in pairwise(across)
            for lower, upper in pairwise(down)
            if any(a >= right and b <= lower for a, b in some)
        )

    return area([*points]) / area([*front])


def chance_of_best(total, good, n):
    """How likely one at least of n different of so many is good: one minus that of drawing none, one by one."""
    none = Fraction(1)
    for i in range(n):
        none *= Fraction(max(total - good - i, 0), total - i)
        if not none:
            break
    return float(1 - none)
