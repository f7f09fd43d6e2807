"""Spaces for tests: one of any shape, the cells of tss in a network that takes no time; and scores to go through."""

from __future__ import annotations

import sedspace as ss
from sedspace.scores.topology import TopologyScore
from sedspace.spaces import Feature, Group, Operation, Position


class Toy(ss.Space):
    """Every choice is an operation of its own; an arch string is its digits, joined by dots."""

    def __init__(self, radices, groups=None):
        positions = [
            Position(f"p{p}", [Operation(f"o{c}", "conv", c) for c in range(radix)]) for p, radix in enumerate(radices)
        ]
        groups = groups or [Group("all", tuple(range(len(radices))))]
        super().__init__("toy", "a toy", positions, groups)

    @property
    def features(self):
        """One feature: the kernels' sum, from a base on."""
        return {"kernels": Feature("kernels", self.table(lambda o: o.kernel), 100, "int32", "pixels", "sum of kernels")}

    @property
    def default_features(self):
        """That one."""
        return ("kernels",)

    @property
    def pieces(self):
        """The digits."""
        return tuple(
            tuple(f"{'.' if p else ''}{c}" for c in range(len(position.choices)))
            for p, position in enumerate(self.positions)
        )

    def _parse_one(self, arch):
        return [int(digit) for digit in arch.split(".")]


def small_tss():
    """The cells of tss, with the same indices, in a network of two of them for images of 8 x 8 pixels."""
    operations = [
        {"name": "none", "kind": "none"},
        {"name": "skip_connect", "kind": "skip"},
        {"name": "nor_conv_1x1", "kind": "conv", "kernel": 1},
        {"name": "nor_conv_3x3", "kind": "conv", "kernel": 3},
        {"name": "avg_pool_3x3", "kind": "pool", "kernel": 3},
    ]
    skeleton = {"widths": [8, 16], "cells": 1, "side": 8, "classes": 10, "dataset": "small"}
    return ss.cell_space("small", 4, operations, skeleton)


def some_scores(space):
    """The names of the scores of a space; of its topology features, which are many and alike, one of ten."""
    known = ss.known_scores(space)
    features = [name for name, score in known.items() if isinstance(score, TopologyScore)]
    left = {*features} - {*features[::10]}
    return [name for name in known if name not in left]


def with_sums_up_to(space, most):
    """The architectures of a space whose digits add up to at most so much."""
    return ss.restrict(
        space, ss.OwnRule("a sum", 0, lambda total, _, choice: total + choice if total + choice <= most else None)
    )
