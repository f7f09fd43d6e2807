"""ConfigSpace: a space as a ConfigurationSpace, architectures as its configurations, and both back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from sedspace import draws
from sedspace.errors import BadInput, needs, unknown
from sedspace.spaces import Forbidden, Rule, Space, cell_space
from sedspace.spaces import space as find_space
from sedspace.spaces.custom import from_definition
from sedspace.spaces.machine import Machine
from sedspace.spaces.restricted import Restricted, restricted_by
from sedspace_kernels.machine import merged

if TYPE_CHECKING:
    from ConfigSpace import Configuration, ConfigurationSpace

_MOST = 1000  # clauses: each is checked of every configuration
_MOST_CHOICES = 10_000
_SEED_END = 1 << 32

Clause = list[tuple[int, list[int]]]
"""Positions by number, each with choices: what has one of them at each of the positions is forbidden."""


def to_configspace(space: str | Space, *, seed: int | None = None) -> ConfigurationSpace:
    """Return a space as a ConfigurationSpace: one categorical for each position, with the names of its choices.

    What does not exist, by rules or because depth is a choice, becomes forbidden clauses, as many as it takes.

    Parameters
    ----------
    space : str or Space
    seed : int, optional
        Of the ConfigurationSpace.

    Returns
    -------
    ConfigSpace.ConfigurationSpace
        Its default is the architecture of index 0.

    Raises
    ------
    BadInput
        If ConfigSpace is not installed, a rule takes more than 1,000 clauses, or a position has over 10,000 choices.

    Examples
    --------
    >>> import sedspace as ss
    >>> space = ss.restrict("tss", ss.Forbidden({"0->1": "none", "0->2": ["none", "skip_connect"]}))
    >>> configspace = ss.to_configspace(space, seed=0)
    >>> configspace.forbidden_clauses
    [(Forbidden: 0->1 == 'none' && Forbidden: 0->2 in {'none', 'skip_connect'})]
    >>> all(ss.from_configuration(space, one) < space.size for one in configspace.sample_configuration(3))
    True
    >>> ss.from_configspace(configspace, "own").size == space.size
    True
    """
    config = _configspace()
    space = find_space(space)
    if seed is not None and draws.checked_seed(seed) >= _SEED_END:
        raise BadInput(f"seed {seed}: ConfigSpace takes those below 2^32")
    for position in space.positions:
        if len(position.choices) > _MOST_CHOICES:
            many = f"{len(position.choices):,} choices of {position.name}"
            raise BadInput(f"{space.name} has {many}, expected at most {_MOST_CHOICES:,} for a categorical")
    made: ConfigurationSpace = config.ConfigurationSpace(name=space.name, seed=seed)
    names = [[choice.name for choice in position.choices] for position in space.positions]
    first = space.digits(0)
    parameters = [
        config.CategoricalHyperparameter(position.name, choices, default_value=choices[digit])
        for position, choices, digit in zip(space.positions, names, first, strict=True)
    ]
    made.add(*parameters)
    made.add(*(_forbidden(config, clause, parameters, names) for clause in _clauses(space)))
    return made


def from_configuration(space: str | Space, configuration: Mapping[str, object]) -> int:
    """Return the index of a configuration: the name of the choice by the name of each position.

    Parameters
    ----------
    space : str or Space
    configuration : ConfigSpace.Configuration or mapping

    Raises
    ------
    BadInput
        If a position is missing or unknown, a choice is unknown, or there is no such architecture.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.from_configuration("sss", {f"stage {n}": "64" for n in range(1, 6)})
    32767
    """
    space = find_space(space)
    known = {position.name: position for position in space.positions}
    if not isinstance(configuration, Mapping):
        raise BadInput(f"configuration {configuration!r}: expected choices by the names of positions")
    given = {str(name): str(value) for name, value in dict(configuration).items()}
    for name in given:
        if name not in known:
            raise unknown(f"position of {space.name}", name, known)
    digits = []
    for name, position in known.items():
        choices = [choice.name for choice in position.choices]
        if name not in given:
            raise BadInput(f"the configuration has no {name}: expected {', '.join(known)}")
        if given[name] not in choices:
            raise unknown(f"choice at {name}", given[name], choices)
        digits.append(choices.index(given[name]))
    return space.index(digits)


def to_configuration(space: str | Space, index: int, configspace: ConfigurationSpace) -> Configuration:
    """Return an architecture as a configuration of the ConfigurationSpace of its space.

    Parameters
    ----------
    space : str or Space
    index : int
    configspace : ConfigSpace.ConfigurationSpace
        What `to_configspace` returned of the space, or what `from_configspace` made the space of.

    Examples
    --------
    >>> import sedspace as ss
    >>> ss.to_configuration("tss", 11668, ss.to_configspace("tss"))["0->3"]
    'skip_connect'
    """
    config = _configspace()
    _refuse_other(config, configspace)
    space = find_space(space)
    chosen = {p.name: p.choices[digit].name for p, digit in zip(space.positions, space.digits(index), strict=True)}
    if differs := chosen.keys() ^ configspace.keys():
        raise BadInput(f"{min(differs)} is in {space.name} or the ConfigurationSpace: expected the same positions")
    values = {name: _value(configspace[name], choice) for name, choice in chosen.items()}
    out: Configuration = config.Configuration(configspace, values=values)
    return out


def from_configspace(
    configspace: ConfigurationSpace, name: str, operations: Sequence[Mapping[str, object]] | None = None
) -> Space:
    """Return a ConfigurationSpace of categoricals as a space of one's own, its forbidden clauses as rules.

    Parameters
    ----------
    configspace : ConfigSpace.ConfigurationSpace
        Of categoricals, ordinals and constants, all always active.
    name : str
        Letters, digits, underscores.
    operations : sequence of mapping, optional
        What the choices are, as `cell_space` takes them, if the hyperparameters are the edges of a cell, ``0->1`` and
        so on: then the space has SED, costs and networks. Without, only the names of choices are known (a file says so
        with ``kind = "choices"``), and features count them.

    Returns
    -------
    Space

    Raises
    ------
    BadInput
        If a hyperparameter is of another kind, or there are conditions.

    Examples
    --------
    >>> import sedspace as ss
    >>> from ConfigSpace import ConfigurationSpace, ForbiddenEqualsRelation
    >>> configspace = ConfigurationSpace({"act": ["relu", "gelu"], "last": ["none", "relu", "gelu"]})
    >>> configspace.add(ForbiddenEqualsRelation(configspace["act"], configspace["last"]))
    >>> space = ss.from_configspace(configspace, "mine")
    >>> space.size, space.arch(0)
    (4, 'act=relu, last=none')
    >>> ss.top_k(space, 1, "n_gelu", where="last <> 'none'")["arch"].item()
    'act=relu, last=gelu'
    """
    _refuse_other(_configspace(), configspace)
    values = {str(one.name): _values(one) for one in configspace.values()}
    if configspace.conditions:
        raise BadInput(f"hyperparameter {configspace.conditions[0].child.name!r} has a condition: expected none")
    choices = {parameter: [str(value) for value in known] for parameter, known in values.items()}
    for parameter, names in choices.items():
        if len(set(names)) < len(names):
            raise BadInput(f"hyperparameter {parameter!r}: choices {', '.join(names)}, expected different names")
    rules = [rule for clause in configspace.forbidden_clauses for rule in _rules(clause, values)]
    base = _choices_space(name, choices) if operations is None else _cells(name, choices, operations)
    return restricted_by(base, rules, name) if rules else base


def _configspace() -> Any:
    """Return ConfigSpace; raise `BadInput` where it is not installed."""
    try:
        import ConfigSpace
    except ModuleNotFoundError as error:
        raise needs("ConfigSpace", "search", "configurations need") from error
    return ConfigSpace


def _refuse_other(config: Any, configspace: object) -> None:
    """Raise `BadInput` for what is no ConfigurationSpace."""
    if not isinstance(configspace, config.ConfigurationSpace):
        raise BadInput(f"configspace is a {type(configspace).__name__}: expected a ConfigSpace.ConfigurationSpace")


# -- rules as clauses --------------------------------------------------------------------------------------------------


def _clauses(space: Space) -> list[Clause]:
    """Return what is forbidden in a space, by each of its rules."""
    machines = list(space.parts) if isinstance(space, Restricted) else []
    before = space.base.machine if isinstance(space, Restricted) else space.machine
    out: list[Clause] = []
    for machine in [*([] if before is None else [before]), *machines]:
        found = list(islice(_of_machine(machine, space.radices.tolist()), _MOST + 1 - len(out)))
        if len(out := out + found) > _MOST:
            raise BadInput(
                f"{space.name} takes over {_MOST:,} forbidden clauses, for {machine.name}: ConfigSpace cannot be told, "
                f"use ss.suggest_index or ss.pymoo_problem"
            )
    return out


def _of_machine(machine: Machine, radices: Sequence[int]) -> Iterator[Clause]:
    """Yield clauses that forbid what a machine does not accept, each once: its ways that lead nowhere.

    Choices that lead to the same state are one step; where all do, a way says nothing of the position.
    """
    if machine.beginnings > 1:
        raise BadInput(f"{machine.name} begins with a guess: ConfigSpace cannot be told")
    least = Machine(machine.name, merged(machine.steps))
    every = [math.prod(radices[position:]) for position in range(len(radices) + 1)]

    def from_state(position: int, state: int, clause: Clause) -> Iterator[Clause]:
        if least.onward[position][state] == every[position]:
            return
        groups: dict[int, list[int]] = {}
        for choice, led in enumerate(least.steps[position][state].tolist()):
            groups.setdefault(led, []).append(choice)
        for led, choices in groups.items():
            longer = clause if len(groups) == 1 else [*clause, (position, choices)]
            if led < 0:
                yield longer
            else:
                yield from from_state(position + 1, led, longer)

    yield from from_state(0, 0, [])


def _forbidden(config: Any, clause: Clause, parameters: Sequence[Any], names: Sequence[Sequence[str]]) -> Any:
    """Return a clause as ConfigSpace's."""
    literals = [
        config.ForbiddenEqualsClause(parameters[position], names[position][choices[0]])
        if len(choices) == 1
        else config.ForbiddenInClause(parameters[position], [names[position][choice] for choice in choices])
        for position, choices in clause
    ]
    return literals[0] if len(literals) == 1 else config.ForbiddenAndConjunction(*literals)


# -- and back ----------------------------------------------------------------------------------------------------------


def _values(parameter: Any) -> list[Any]:
    """Return the values that a hyperparameter may have."""
    for attribute in ("choices", "sequence"):
        if hasattr(parameter, attribute):
            return list(getattr(parameter, attribute))
    kind = type(parameter).__name__
    if kind == "Constant":
        return [parameter.value]
    raise BadInput(f"hyperparameter {parameter.name!r} is a {kind}: expected categoricals")


def _value(parameter: Any, name: str) -> object:
    """Return the value of a hyperparameter that has some name as text."""
    known = {str(value): value for value in _values(parameter)}
    if name not in known:
        raise unknown(f"value of {parameter.name}", name, known)
    return known[name]


def _rules(clause: Any, values: Mapping[str, Sequence[Any]]) -> Iterator[Rule]:
    """Yield the rules that say what a forbidden clause does."""
    kind = type(clause).__name__
    if kind == "ForbiddenOrConjunction":
        for one in clause.components:
            yield from _rules(one, values)
    elif kind == "ForbiddenAndConjunction":
        met: dict[str, list[str]] = {}
        for one in _literals(clause):
            parameter = one.hyperparameter.name
            held = _held(one, parameter, values[parameter])
            met[parameter] = [value for value in met.get(parameter, held) if value in held]
        if all(met.values()):
            yield Forbidden(met)
    elif hasattr(clause, "hyperparameter"):
        parameter = clause.hyperparameter.name
        if held := _held(clause, parameter, values[parameter]):
            yield Forbidden({parameter: held})
    else:  # a relation
        left, right = clause.left.name, clause.right.name
        for value in values[left]:
            if held := _held(clause, right, values[right], {left: value}):
                yield Forbidden({left: [str(value)], right: held})


def _literals(conjunction: Any) -> Iterator[Any]:
    """Yield the clauses that a conjunction is made of, each about one hyperparameter."""
    for one in conjunction.components:
        if type(one).__name__ == "ForbiddenAndConjunction":
            yield from _literals(one)
        elif hasattr(one, "hyperparameter"):
            yield one
        else:
            raise BadInput(f"clause {conjunction!r}: expected only values of single hyperparameters in a conjunction")


def _held(clause: Any, parameter: str, values: Sequence[Any], other: Mapping[str, Any] | None = None) -> list[str]:
    """Return the values of a hyperparameter with which a clause forbids."""
    return [str(value) for value in values if clause.is_forbidden_value({**(other or {}), parameter: value})]


def _choices_space(name: str, choices: Mapping[str, Sequence[str]]) -> Space:
    positions = [{"name": position, "choices": list(names)} for position, names in choices.items()]
    return from_definition({"kind": "choices", "name": name, "positions": positions}, f"space {name!r}")


def _cells(name: str, choices: Mapping[str, Sequence[str]], operations: Sequence[Mapping[str, object]]) -> Space:
    """Return a space of cells, if the positions are its edges."""
    if not isinstance(operations, Sequence) or not all(isinstance(one, Mapping) for one in operations):
        raise BadInput(f"operations {operations!r}: expected tables, each with a name and a kind")
    nodes = math.isqrt(2 * len(choices)) + 1
    edges = {f"{source}->{target}" for target in range(1, nodes) for source in range(target)}
    if differs := edges ^ choices.keys():
        raise BadInput(f"operations of a ConfigurationSpace that is no cell: it has, or lacks, {min(differs)}")
    every = [str(operation.get("name")) for operation in operations]
    own = {edge: names for edge, names in choices.items() if list(names) != every}
    return cell_space(name, nodes, operations, edges=own)
