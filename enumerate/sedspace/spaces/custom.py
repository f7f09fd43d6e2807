"""Spaces of one's own: cells with any operations on any number of nodes, in a network of NATS-Bench's kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from sedspace.errors import BadInput, unknown
from sedspace.spaces.base import Space
from sedspace.spaces.builders import BUILDERS, built
from sedspace.spaces.cell import MAX_NODES
from sedspace.spaces.choices import CHOICES, ChoicesSpace
from sedspace.spaces.definitions import flag, identifier, number, one_of, with_keys
from sedspace.spaces.parts import Kind, Operation
from sedspace.spaces.registry import is_named
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.tss import NatsCellSpace

_TITLE = "a space of one's own"
_KINDS: tuple[Kind, ...] = get_args(Kind)
_CELLS = "cell"
_KEYS = {
    "kind": False,
    "name": True,
    "nodes": True,
    "operations": True,
    "edges": False,
    "skeleton": False,
    "title": False,
}
_FORMS = {"groups": 1, "depthwise": False, "separable": False}
"""What a convolution may be besides, and what it is unless told otherwise."""
_OPERATION = {"name": True, "kind": True, "kernel": False, "dilation": False, **dict.fromkeys(_FORMS, False)}
_SKELETON = {"dataset": False, "side": False, "classes": False, "widths": False, "cells": False}


class CustomSpace(NatsCellSpace):
    """A space of cells made by `cell_space`; `definition` is what makes it again, as plain JSON values."""

    def __init__(
        self,
        name: str,
        title: str,
        nodes: int,
        operations: Mapping[str, Operation],
        skeleton: Skeleton,
        own: Mapping[str, Sequence[Operation]],
    ) -> None:
        super().__init__(name, title, nodes, operations, [skeleton], own)
        edges = {edge: [operation.name for operation in choices] for edge, choices in own.items()}
        self.definition: dict[str, object] = {
            "name": name,
            "nodes": nodes,
            "operations": [_written(operation) for operation in operations.values()],
            **({"edges": edges} if edges else {}),
            "skeleton": {**vars(skeleton), "widths": list(skeleton.widths)},
            "title": title,
        }

    def describe(self) -> dict[str, object]:
        """Return the space as plain JSON values, with its definition: a run of it can be opened anywhere."""
        return {**super().describe(), "definition": self.definition}

    def __reduce__(self) -> tuple[Callable[..., Space], tuple[object, ...]]:
        """Travel as the definition."""
        return from_definition, (self.definition, f"space {self.name!r}")


def cell_space(
    name: str,
    nodes: int,
    operations: Sequence[Mapping[str, object]],
    skeleton: Mapping[str, object] | None = None,
    title: str = _TITLE,
    edges: Mapping[str, Sequence[str]] | None = None,
) -> CustomSpace:
    """Make a space of cells: complete graphs with one of some operations on every edge.

    It has all that sedspace's own spaces have: indices, arch strings in NATS-Bench's notation, counts, SED, parameters
    and MACs, census, runs.

    Parameters
    ----------
    name : str
        Letters, digits, underscores.
    nodes : int
        2 to 23; node 0 is the input, the last one the output.
    operations : sequence of mappings
        In the order of their digits. Each has a ``name`` and a ``kind`` (none, skip, conv or pool); convolutions and
        poolings a ``kernel`` (odd, pixels), dilated convolutions a ``dilation``. A pooling whose name has ``max`` in it
        takes the maximum in a network, any other the average. A convolution may be in ``groups`` of channels,
        ``depthwise`` (true: each channel by itself), or ``separable`` (true: a depthwise one, then a 1x1 convolution of
        all channels, one BatchNorm behind both; DARTS's ``sep_conv`` is two such in a row). Parameters, MACs, entropy
        and networks go by that; SED weighs such a convolution as any other of its kernel and dilation.
    skeleton : mapping, optional
        The network: ``widths`` of its stages (default 16, 32, 64), ``cells`` of a stage (5), ``side`` of the input in
        pixels (32), ``classes`` (10), ``dataset``, a name for it (cifar10).
    title : str, optional
    edges : mapping of str to sequence of str, optional
        The operations of edges that have others than all, by name, in the order of their digits:
        ``{"0->3": ["none", "skip_connect"]}``. With one operation only, an edge is fixed.

    Returns
    -------
    Space

    Raises
    ------
    BadInput
        If a key is missing or misspelt, or a value is not what it should be.

    Examples
    --------
    >>> import sedspace as ss
    >>> mine = ss.cell_space("mine", nodes=4, operations=[
    ...     {"name": "none", "kind": "none"},
    ...     {"name": "skip_connect", "kind": "skip"},
    ...     {"name": "nor_conv_5x5", "kind": "conv", "kernel": 5},
    ... ])
    >>> mine.size, ss.top_k(mine, 1)["sed"].item()
    (729, 10.9375)
    """
    given = {"name": name, "nodes": nodes, "operations": operations, "title": title}
    more = {"skeleton": skeleton, "edges": edges}
    return _cells(given | {key: one for key, one in more.items() if one is not None}, f"space {name!r}")


def from_definition(definition: object, where: str) -> Space:
    """Return the space of a definition as `read_space` reads it; `where` is what errors name."""
    if not isinstance(definition, Mapping) or definition.get("kind", _CELLS) == _CELLS:
        return _cells(definition, where)
    kind = one_of(definition["kind"], (_CELLS, CHOICES, *BUILDERS), "kind", where)
    _own_name(definition.get("name"), where)
    return ChoicesSpace(definition, where) if kind == CHOICES else built(definition, where)


def _own_name(given: object, where: str) -> str:
    name = identifier(given, where)
    if is_named(name):
        raise BadInput(f"{where}: name {name!r} is one of sedspace's own spaces, choose another")
    return name


def _cells(definition: object, where: str) -> CustomSpace:
    given = {key: one for key, one in with_keys(definition, _KEYS, where).items() if key != "kind"}
    name = _own_name(given["name"], where)
    nodes = number(given["nodes"], 2, MAX_NODES, f"{where}: nodes")
    operations = _operations(given["operations"], where)
    skeleton = _skeleton(given.get("skeleton", {}), f"{where}, skeleton")
    for operation in operations.values():
        for width in skeleton.widths:
            if width % operation.groups:
                raise BadInput(
                    f"{where}: groups {operation.groups} of {operation.name}, expected a number that divides the "
                    f"{width} channels of a stage"
                )
    own = _edges(given.get("edges", {}), nodes, list(operations.values()), f"{where}, edges")
    return CustomSpace(name, str(given.get("title", _TITLE)), nodes, operations, skeleton, own)


def _written(operation: Operation) -> dict[str, object]:
    """Return an operation as a definition has it: what it is besides only if it is."""
    return {key: value for key, value in vars(operation).items() if key not in _FORMS or value != _FORMS[key]}


def _edges(given: object, nodes: int, operations: Sequence[Operation], where: str) -> dict[str, list[Operation]]:
    known = {f"{source}->{target}": None for target in range(1, nodes) for source in range(target)}
    by_name = {operation.name: operation for operation in operations}
    if not isinstance(given, Mapping):
        raise BadInput(f"{where} {given!r}, expected operations by the names of edges")
    out: dict[str, list[Operation]] = {}
    for edge, names in given.items():
        if edge not in known:
            raise BadInput(f"{where}: {unknown('edge', edge, known)}")
        if not isinstance(names, Sequence) or isinstance(names, str) or not names or len(set(names)) < len(names):
            raise BadInput(f"{where}: operations {names!r} of {edge}, expected one or more different names")
        for name in names:
            if name not in by_name:
                raise BadInput(f"{where}: {unknown(f'operation of {edge}', name, by_name)}")
        out[edge] = [by_name[name] for name in names]
    return out


def _operations(given: object, where: str) -> dict[str, Operation]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not 2 <= len(given) <= 256:
        raise BadInput(f"{where}: operations {given!r}, expected 2 to 256 of them")
    out: dict[str, Operation] = {}
    for place, one in enumerate(given):
        operation = _operation(one, f"{where}, operation {place}")
        if f"n_{operation.name}" in out:
            raise BadInput(f"{where}, operation {place}: {operation.name!r} stands there twice")
        out[f"n_{operation.name}"] = operation
    return out


def _operation(given: object, where: str) -> Operation:
    given = with_keys(given, _OPERATION, where)
    name, kind = identifier(given["name"], where), _kind(given["kind"], where)
    kernel, windowed = given.get("kernel", 0), kind in ("conv", "pool")
    if not isinstance(kernel, int) or (windowed and kernel not in range(1, 1000, 2)) or (not windowed and kernel):
        expected = "an odd number of pixels up to 999" if windowed else f"none for a {kind}"
        raise BadInput(f"{where}: kernel {kernel!r}, expected {expected}")
    dilation = number(given.get("dilation", 1), 1, 1000, f"{where}: dilation")
    if kind == "pool" and dilation != 1:
        raise BadInput(f"{where}: dilation {dilation} of a pool, expected none")
    return Operation(name, kind, kernel, dilation, *_form(given, kind, where))


def _form(given: Mapping[str, object], kind: Kind, where: str) -> tuple[int, bool, bool]:
    """Return the groups of a convolution, and whether it is depthwise or separable."""
    groups = number(given.get("groups", 1), 1, 100_000, f"{where}: groups")
    depthwise, separable = (flag(given.get(key, False), f"{where}: {key}") for key in ("depthwise", "separable"))
    if (groups > 1) + depthwise + separable > (kind == "conv"):
        expected = "one of groups, depthwise and separable" if kind == "conv" else f"none of them for a {kind}"
        raise BadInput(f"{where}: groups {groups}, depthwise {depthwise}, separable {separable}: expected {expected}")
    return groups, depthwise, separable


def _kind(given: object, where: str) -> Kind:
    for kind in _KINDS:
        if given == kind:
            return kind
    raise BadInput(f"{where}: {unknown('kind', given, _KINDS)}")


def _skeleton(given: object, where: str) -> Skeleton:
    given = with_keys(given, _SKELETON, where)
    widths = given.get("widths", [16, 32, 64])
    if not isinstance(widths, Sequence) or not 1 <= len(widths) <= 16:
        raise BadInput(f"{where}: widths {widths!r}, expected 1 to 16 numbers of channels such as [16, 32, 64]")
    widths = tuple(number(width, 1, 100_000, f"{where}: width") for width in widths)
    side = number(given.get("side", 32), 1, 100_000, f"{where}: side")
    classes = number(given.get("classes", 10), 1, 1_000_000, f"{where}: classes")
    cells = number(given.get("cells", 5), 1, 1000, f"{where}: cells")
    if side % (1 << (len(widths) - 1)):
        raise BadInput(f"{where}: side {side} cannot be halved {len(widths) - 1} times")
    return Skeleton(str(given.get("dataset", "cifar10")), side, classes, widths, cells)
