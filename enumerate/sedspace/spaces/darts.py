"""The space of DARTS (arXiv 1806.09055), which NAS-Bench-301 and EvoXBench score: a normal and a reduction cell."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from itertools import combinations, product
from typing import Protocol, TypeGuard

from sedspace.errors import BadInput, first_line, quoted
from sedspace.spaces.base import Space
from sedspace.spaces.parts import Feature, Group, Inputs, Operation, Position, Table, layers_feature
from sedspace.spaces.skeleton import FREE, Cost, classifier, conv

OPERATIONS = {
    "n_max_pool": Operation("max_pool_3x3", "pool", 3),
    "n_avg_pool": Operation("avg_pool_3x3", "pool", 3),
    "n_skip": Operation("skip_connect", "skip"),
    "n_sep3x3": Operation("sep_conv_3x3", "conv", 3),
    "n_sep5x5": Operation("sep_conv_5x5", "conv", 5),
    "n_dil3x3": Operation("dil_conv_3x3", "conv", 3, dilation=2),
    "n_dil5x5": Operation("dil_conv_5x5", "conv", 5, dilation=2),
}
CELLS = {"normal": 18, "reduce": 2}
NODES = (2, 3, 4, 5)  # 0 and 1 are the cell's inputs
CHANNELS = 36


class DartsSpace(Space):
    """Two cells, each of four nodes; a node adds up two inputs, from different earlier nodes, by one operation each.

    A position is a node. Its choices are ordered by the pair of sources, then by the operation on the first one, then
    by that on the second. The normal cell counts 18 times and the reduction cell twice, as in the evaluation network of
    20 cells. An arch string is the genotype as DARTS writes it; `parse` also takes the inputs of a node in the other
    order, NASLib's bare tuples ``(((source, code), ...), ((source, code), ...))`` with codes in the order of
    `OPERATIONS`, and objects with the cells ``normal`` and ``reduce``, as DARTS's and NASLib's ``Genotype`` has them.

    Examples
    --------
    >>> import sedspace as ss
    >>> space = ss.space("darts")
    >>> space.size
    1076746950455072400
    >>> second_order = '''Genotype(
    ...     normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
    ...             ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)],
    ...     normal_concat=[2, 3, 4, 5],
    ...     reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1),
    ...             ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)],
    ...     reduce_concat=[2, 3, 4, 5])'''
    >>> index = space.parse(second_order)
    >>> ss.score(space, "params", index, index + 1).item()
    3349342
    """

    def __init__(self) -> None:
        self.nodes = [(cell, node) for cell in CELLS for node in NODES]
        positions = [Position(f"{cell} {node}", _choices(node)) for cell, node in self.nodes]
        groups = [
            Group(cell, tuple(p for p, (of, _) in enumerate(self.nodes) if of == cell), multiplicity)
            for cell, multiplicity in CELLS.items()
        ]
        super().__init__(
            "darts", "DARTS cells (NAS-Bench-301), pairs of a normal and a reduction cell", positions, groups
        )

    @property
    def default_features(self) -> tuple[str, ...]:
        """Counts and residual skips of each cell, and the costs of the CIFAR-10 network."""
        return (*(f"{name}_{cell}" for cell in CELLS for name in (*OPERATIONS, "residual")), "params", "macs")

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """Counts and residual skips of each cell and of both, and costs and layers of the evaluation network."""
        return {feature.name: feature for feature in self._features()}

    def _features(self) -> Iterator[Feature]:
        for cells, suffix, where in ((CELLS, "", "both cells"), *(((c,), f"_{c}", f"the {c} cell") for c in CELLS)):
            for name, operation in OPERATIONS.items():
                table = self._table(lambda cell, _, o, of=operation, among=cells: int(cell in among and o == of))
                yield Feature(f"{name}{suffix}", table, 0, "uint8", "edges", f"edges of {where} with {operation.name}")
            table = self._table(
                lambda cell, source, o, among=cells: int(cell in among and o.kind == "skip" and source < 2)
            )
            meaning = f"skip connections of {where} from an input of the cell"
            yield Feature(f"residual{suffix}", table, 0, "uint8", "skips", meaning)
        network = f"the CIFAR-10 evaluation network: 20 cells, {CHANNELS} channels, no auxiliary head"
        around = _around()
        table = self._table(lambda cell, source, o: _on_edge(cell, source, o).params)
        yield Feature("params", table, around.params, "int32", "parameters", f"trainable parameters of {network}")
        table = self._table(lambda cell, source, o: _on_edge(cell, source, o).macs)
        meaning = f"multiply-accumulates of convolutions and classifier of {network}"
        yield Feature("macs", table, around.macs, "int64", "MACs per image", meaning)
        yield layers_feature(self._table(lambda cell, source, o: _on_edge(cell, source, o).layers), around.layers)

    def _table(self, value: Callable[..., int]) -> Table:
        """Return the table of a function of cell, source and operation, summed over the inputs of a node."""
        return self.table(
            [
                [sum(value(cell, s, o) for s, o in zip(c.sources, c.operations, strict=True)) for c in _choices(node)]
                for cell, node in self.nodes
            ]
        )

    @cached_property
    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """For each node, the text that each choice adds to the genotype."""
        concat = f"[{', '.join(map(str, NODES))}]"
        out = []
        for cell, node in self.nodes:
            before = "Genotype(" if (cell, node) == self.nodes[0] else ""
            before += f"{cell}=[" if node == NODES[0] else ""
            after = f"], {cell}_concat={concat}" if node == NODES[-1] else ", "
            after += (")" if (cell, node) == self.nodes[-1] else ", ") if node == NODES[-1] else ""
            pairs = [zip(c.operations, c.sources, strict=True) for c in _choices(node)]
            out.append(tuple(before + ", ".join(f"('{o.name}', {s})" for o, s in pair) + after for pair in pairs))
        return tuple(out)

    def _is_one(self, arch: object) -> bool:
        return _has_cells(arch) or _is_bare(arch)

    def _parse_one(self, arch: object) -> list[int]:
        cells = _read(arch)
        digits = []
        for name, cell in zip(CELLS, map(_flat, cells), strict=True):
            if not isinstance(cell, list | tuple) or len(cell) != 2 * len(NODES):
                raise BadInput(f"arch {quoted(arch)}: the {name} cell is not a list of {2 * len(NODES)} edges")
            edges = [_edge(arch, name, number, edge) for number, edge in enumerate(cell)]
            digits += [self._node(arch, name, node, *edges[2 * i : 2 * i + 2]) for i, node in enumerate(NODES)]
        return digits

    def _node(self, arch: object, cell: str, node: int, one: tuple[int, int], other: tuple[int, int]) -> int:
        for source, _ in (one, other):
            if not 0 <= source < node:
                raise BadInput(f"arch {quoted(arch)}: {cell} node {node} has source {source}, expected 0 to {node - 1}")
        if one[0] == other[0]:
            raise BadInput(
                f"arch {quoted(arch)}: {cell} node {node} has source {one[0]} twice: outside {self.name}, "
                f"whose nodes have two different sources"
            )
        (a, first), (b, second) = sorted((one, other))
        pair = list(combinations(range(node), 2)).index((a, b))
        return (pair * len(OPERATIONS) + first) * len(OPERATIONS) + second


_EXPECTED = "Genotype(normal=[('sep_conv_3x3', 0), ...], reduce=[...]) or (((0, 3), ...), ((0, 3), ...))"


class _Genotype(Protocol):
    """What DARTS and those after it keep an architecture in."""

    normal: object
    reduce: object


@cache
def _choices(node: int) -> tuple[Inputs, ...]:
    return tuple(
        Inputs(sources, operations)
        for sources in combinations(range(node), 2)
        for operations in product(OPERATIONS.values(), repeat=2)
    )


_CONCAT = ("[2, 3, 4, 5]", "(2, 3, 4, 5)", "range(2, 6)", "list(range(2, 6))")

# -- genotypes ---------------------------------------------------------------------------------------------------------


def _has_cells(arch: object) -> TypeGuard[_Genotype]:
    return all(hasattr(arch, cell) for cell in CELLS)


def _is_bare(arch: object) -> bool:
    """Return whether these are the two cells of an architecture; two architectures are not of eight edges each."""
    if not isinstance(arch, list | tuple) or len(arch) != len(CELLS):
        return False
    flat = [_flat(cell) for cell in arch]
    return all(isinstance(cell, list | tuple) and len(cell) == 2 * len(NODES) for cell in flat)


def _read(arch: object) -> list[object]:
    """Return the two cells of a genotype in any notation, as lists of pairs."""
    if _has_cells(arch):
        for cell in CELLS:
            _check_concat(arch, f"{cell}_concat", str(getattr(arch, f"{cell}_concat", _CONCAT[0])))
        return [arch.normal, arch.reduce]
    if isinstance(arch, list | tuple):
        cells: object = arch
    elif isinstance(arch, str):
        cells = _of_text(arch)
    else:
        raise BadInput(f"arch {quoted(arch)} is not a string")
    if not isinstance(cells, list | tuple) or len(cells) != len(CELLS):
        raise BadInput(f"arch {quoted(arch)} is no genotype: expected {_EXPECTED}")
    return list(cells)


def _of_text(arch: str) -> object:
    """Return what a text says, of a genotype its two cells."""
    try:
        tree = ast.parse(arch.strip(), mode="eval").body
        if isinstance(tree, ast.Call):
            named = {k.arg: k.value for k in tree.keywords}
            for name, value in named.items():
                if str(name).endswith("_concat"):
                    _check_concat(arch, str(name), ast.unparse(value))
            return [ast.literal_eval(named[cell]) for cell in CELLS]
        return ast.literal_eval(tree)
    except KeyError as error:
        raise BadInput(f"arch {quoted(arch)} has no {first_line(error)} cell: expected {_EXPECTED}") from None
    except BadInput:
        raise
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise BadInput(f"arch {quoted(arch)} is no genotype ({first_line(error)}): expected {_EXPECTED}") from None


def _check_concat(arch: object, name: str, concat: str) -> None:
    if concat not in _CONCAT:
        raise BadInput(f"arch {quoted(arch)}: {name} is {concat}, expected {_CONCAT[0]}")


def _flat(cell: object) -> object:
    """Return a cell that is written node by node as one list of edges; any other as it is."""
    if not isinstance(cell, list | tuple) or len(cell) != len(NODES):
        return cell
    if not all(isinstance(node, list | tuple) and len(node) == 2 for node in cell):
        return cell
    return [edge for node in cell for edge in node]


def _edge(arch: object, cell: str, number: int, edge: object) -> tuple[int, int]:
    """Return one edge as (source, code of the operation)."""
    where = f"arch {quoted(arch)}: {cell} node {NODES[number // 2]} has the input {edge!r}"
    if not isinstance(edge, list | tuple) or len(edge) != 2:
        raise BadInput(f"{where}, expected ('operation', source) or (source, code)")
    named = isinstance(edge[0], str)
    source, code = (edge[1], _CODES.get(edge[0])) if named else edge
    if not isinstance(source, int) or not isinstance(code, int) or not 0 <= code < len(OPERATIONS):
        known = ", ".join(_CODES) if named else f"codes 0 to {len(OPERATIONS) - 1}"
        raise BadInput(f"{where}, expected a source and one of {known}")
    return source, code


_CODES = {operation.name: code for code, operation in enumerate(OPERATIONS.values())}

# -- costs -------------------------------------------------------------------------------------------------------------


def _stages() -> Iterator[tuple[str, int, int, int]]:
    """Yield the cells of the evaluation network: kind, channels, side in pixels of the inputs and of the output."""
    total, channels, side = sum(CELLS.values()), CHANNELS, 32
    for number in range(total):
        if number in (total // 3, 2 * total // 3):
            channels *= 2
            yield "reduce", channels, side, side // 2
            side //= 2
        else:
            yield "normal", channels, side, side


def _around() -> Cost:
    """Return the cost of the stem, of what makes every cell's inputs fit, and of the classifier."""
    stem = 3 * CHANNELS
    total = conv(3, 3, stem, 32)
    before, last, reduced = stem, stem, False
    for kind, channels, side, _ in _stages():
        total += _halving(before, channels, side) if reduced else conv(1, before, channels, side)
        total += conv(1, last, channels, side)
        before, last, reduced = last, len(NODES) * channels, kind == "reduce"
    return total + classifier(last, 10)


@cache
def _on_edge(cell: str, source: int, operation: Operation) -> Cost:
    """Return what an operation on one edge costs, over all cells of its kind."""
    total = FREE
    for kind, channels, _, side in _stages():
        if kind != cell:
            continue
        if operation.kind == "conv":
            once = _depthwise(operation.kernel, channels, side) + conv(1, channels, channels, side)
            total += once if operation.dilation > 1 else once + once
        elif operation.kind == "skip" and cell == "reduce" and source < 2:
            total += _halving(channels, channels, side)
    return total


def _halving(c_in: int, c_out: int, side: int) -> Cost:
    """Return the cost of two 1x1 convolutions of stride 2, each to half of the channels."""
    return conv(1, c_in, c_out, side) + Cost(0, 0, 1)


def _depthwise(kernel: int, channels: int, side: int) -> Cost:
    return conv(kernel, channels, channels, side, batch_norm=False, groups=channels)
