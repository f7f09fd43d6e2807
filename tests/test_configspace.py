"""Spaces as ConfigurationSpaces and back: the same architectures, forbidden and allowed alike."""

from __future__ import annotations

import itertools
import json
import pickle
import sys

import numpy as np
import pytest

import sedspace as ss
from sedspace.spaces import described

config = pytest.importorskip("ConfigSpace", reason="ConfigSpace is optional")

RULES = {
    "forbidden": [ss.Forbidden({"0->1": "none", "2->3": ["none", "nor_conv_3x3"]}), ss.Forbidden({"0->2": "none"})],
    "at most": [ss.AtMost(1, "nor_conv_3x3")],
    "at least": [ss.AtLeast(1, ["nor_conv_1x1", "nor_conv_3x3"], per="node")],
    "connected": [ss.Connected(every_edge=True)],
    "equal": [ss.Equal("0->1", "0->3", "2->3")],
    "unequal": [ss.Unequal("0->1", "0->3"), ss.Unequal("0->1", "1->2")],
    "own": [ss.OwnRule("an even sum", 0, lambda total, _, choice: (total + choice) % 2, lambda total: total == 0)],
}


def combinations(space):
    """Every combination of choices, as configurations have them."""
    names = [position.name for position in space.positions]
    for choices in itertools.product(*([choice.name for choice in p.choices] for p in space.positions)):
        yield dict(zip(names, choices, strict=True))


def allowed(configspace, values):
    return not any(clause.is_forbidden_value(values) for clause in configspace.forbidden_clauses)


@pytest.mark.parametrize("rules", RULES)
def test_what_is_forbidden_is_forbidden_there(rules):
    space = ss.restrict("transnas_micro", *RULES[rules])
    configspace = ss.to_configspace(space)
    kept = [values for values in combinations(space) if allowed(configspace, values)]
    assert [ss.from_configuration(space, values) for values in kept] == list(range(space.size))
    back = ss.from_configspace(configspace, "back")
    assert sorted(ss.from_configuration(back, values) for values in kept) == list(range(back.size))
    for index in (0, space.size - 1):
        configuration = ss.to_configuration(space, index, configspace)
        assert ss.from_configuration(space, configuration) == index
        assert ss.to_configuration(back, index, configspace) == configuration


def test_a_rule_is_as_few_clauses_as_it_says():
    assert len(ss.to_configspace(ss.restrict("tss5", *RULES["forbidden"])).forbidden_clauses) == 2
    assert len(ss.to_configspace(ss.restrict("tss", *RULES["equal"])).forbidden_clauses) <= 10


@pytest.mark.parametrize("name", ["tss", "sss", "darts", "transnas_macro", "ofa_mbv3"])
def test_samples_are_architectures(name):
    space = ss.space(name)
    configspace = ss.to_configspace(space, seed=0)
    assert ss.from_configuration(space, configspace.get_default_configuration()) == 0
    assert all(0 <= ss.from_configuration(space, one) < space.size for one in configspace.sample_configuration(3))


def own():
    """A ConfigurationSpace with clauses of every kind."""
    made = config.ConfigurationSpace(
        {"act": ["relu", "gelu", "none"], "last": ["none", "gelu"], "fixed": "yes", "flag": [True, False]}
    )
    made.add(config.OrdinalHyperparameter("width", [8, 16, 32]), config.OrdinalHyperparameter("depth", [8, 12, 32]))
    act, last, width, depth = (made[name] for name in ("act", "last", "width", "depth"))
    both = config.ForbiddenAndConjunction(
        config.ForbiddenInClause(act, ["relu", "none"]),
        config.ForbiddenAndConjunction(
            config.ForbiddenEqualsClause(last, "gelu"), config.ForbiddenEqualsClause(act, "none")
        ),
    )
    made.add(both, config.ForbiddenEqualsRelation(act, last), config.ForbiddenGreaterThanRelation(width, depth))
    made.add(config.ForbiddenGreaterThanClause(width, 16))
    return made


def test_a_configuration_space_of_ones_own():
    configspace = own()
    space = ss.from_configspace(configspace, "mine")
    values = {name: getattr(h, "choices", getattr(h, "sequence", ("yes",))) for name, h in configspace.items()}
    every = [dict(zip(values, one, strict=True)) for one in itertools.product(*values.values())]
    kept = [one for one in every if allowed(configspace, one)]
    assert 0 < len(kept) < len(every)
    assert [ss.from_configuration(space, one) for one in kept] == list(range(space.size))
    archs = [", ".join(f"{name}={value}" for name, value in one.items()) for one in kept]
    assert list(space) == archs
    assert space.parse(archs).tolist() == list(range(space.size))
    counts = ss.score(space, "n_gelu").tolist()
    assert counts == [sum(value == "gelu" for value in one.values()) for one in kept]
    assert ss.top_k(space, 1, "n_gelu")["n_gelu"].item() == max(counts)
    for one in (pickle.loads(pickle.dumps(space)), described(json.loads(json.dumps(space.describe())))):
        assert (one.size, one.arch(5)) == (space.size, archs[5])
    with pytest.raises(ss.BadInput, match="mine has no SED"):
        ss.top_k(space)
    with pytest.raises(ss.BadInput, match="mine has no network"):
        space.network(0)


def test_cells_get_what_their_operations_have():
    operations = [
        {"name": "none", "kind": "none"},
        {"name": "skip_connect", "kind": "skip"},
        {"name": "nor_conv_3x3", "kind": "conv", "kernel": 3},
    ]
    edges = {"0->1": ["none", "skip_connect", "nor_conv_3x3"], "0->2": ["skip_connect", "nor_conv_3x3"]}
    configspace = config.ConfigurationSpace({**edges, "1->2": edges["0->1"]})
    configspace.add(config.ForbiddenEqualsClause(configspace["0->2"], "nor_conv_3x3"))
    space = ss.from_configspace(configspace, "cells", operations)
    assert space.size == 9
    assert ss.top_k(space, 1)["arch"].item() == "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|"
    with pytest.raises(ss.BadInput, match="is no cell: it has, or lacks, 1->2"):
        ss.from_configspace(config.ConfigurationSpace(edges), "cells", operations)


def test_a_file_of_choices_is_a_space_with_runs(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(
        'kind = "choices"\nname = "own"\n[[positions]]\nname = "a"\nchoices = ["x", "y z"]\n'
        '[[positions]]\nname = "b"\nchoices = ["x", "w"]\n[[constraints]]\nrule = "unequal"\npositions = ["a", "b"]\n'
    )
    space = ss.space(str(file))
    run = ss.enumerate_space(space, tmp_path / "run", ["n_x", "n_y_z", "arch"], progress=False)
    assert ss.open_run(run.path).scan().collect().rows() == [
        (0, 1, 0, "a=x, b=w"),
        (1, 1, 1, "a=y z, b=x"),
        (2, 0, 1, "a=y z, b=w"),
    ]


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ([{"name": "a", "choices": ["x", "x"]}], "position 0: choice 'x' stands there twice"),
        ([{"name": "a", "choices": []}], r"position 0: choices \[\], expected a list of names"),
        ([{"name": "a", "choices": [1]}], "position 0: choice 1, expected a text"),
        ([{"name": " a", "choices": ["x"]}], "position 0: ' a', expected a name without blanks"),
        ([{"name": "a", "choices": ["x"]}] * 2, "positions a, a, expected different names"),
        ([{"name": "a", "choice": ["x"]}], "unknown key 'choice': did you mean 'choices'"),
        (5, "5, expected one table or more"),
    ],
)
def test_bad_choices(positions, message):
    with pytest.raises(ss.BadInput, match=message):
        described({"name": "own", "definition": {"kind": "choices", "name": "own", "positions": positions}})


def test_what_cannot_be_told_is_one_line(monkeypatch):
    parity = ss.OwnRule("odd", 0, lambda total, _, choice: (total + choice) % 2, lambda total: total == 1)
    wide = config.ConfigurationSpace({"lr": (0.1, 1.0)})
    conditional = config.ConfigurationSpace({"a": ["x", "y"], "b": ["x", "y"]})
    conditional.add(config.EqualsCondition(conditional["b"], conditional["a"], "x"))
    related = config.ConfigurationSpace({"a": ["x", "y"], "b": ["y", "z"]})
    related.add(
        config.ForbiddenAndConjunction(
            config.ForbiddenEqualsRelation(related["a"], related["b"]), config.ForbiddenEqualsClause(related["a"], "y")
        )
    )
    for call, message in (
        (lambda: ss.to_configspace(ss.restrict("tss8", parity)), r"over 1,000 forbidden clauses, for rule 'odd'"),
        (lambda: ss.to_configspace("nb101"), "423,624 choices of architecture, expected at most 10,000"),
        (lambda: ss.from_configspace(wide, "own"), "'lr' is a UniformFloatHyperparameter: expected categoricals"),
        (lambda: ss.from_configspace(conditional, "own"), "hyperparameter 'b' has a condition: expected none"),
        (lambda: ss.from_configspace(related, "own"), "expected only values of single hyperparameters in a conj"),
        (lambda: ss.from_configspace(config.ConfigurationSpace({"a": [1, "1"]}), "own"), "choices 1, 1, expected diff"),
        (lambda: ss.from_configuration("sss", {"stage 9": 8}), "unknown position of sss 'stage 9': did you mean"),
        (lambda: ss.from_configuration("sss", {"stage 1": "8"}), "the configuration has no stage 2: expected stage 1"),
        (lambda: ss.from_configuration("sss", {f"stage {n}": 9 for n in range(1, 6)}), "choice at stage 1 '9'"),
        (lambda: ss.to_configuration("tss", 0, wide), "expected the same positions"),
    ):
        with pytest.raises(ss.BadInput, match=message) as refused:
            call()
        assert "\n" not in str(refused.value)
    monkeypatch.setitem(sys.modules, "ConfigSpace", None)
    with pytest.raises(ss.BadInput, match=r"configurations need ConfigSpace: pip install .*ConfigSpace"):
        ss.to_configspace("tss")


def test_numbers_of_numpy_are_names():
    assert ss.from_configuration("sss", {f"stage {n}": np.int64(8) for n in range(1, 6)}) == 0
