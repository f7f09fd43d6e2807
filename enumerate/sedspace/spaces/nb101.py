"""NAS-Bench-101: all cells of at most seven vertices and nine edges with three operations, up to isomorphism."""

from __future__ import annotations

import contextlib
import json
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations, product
from math import isqrt
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from sedspace.errors import BadInput, quoted
from sedspace.progress import progress_of
from sedspace.spaces.codes import codes_of
from sedspace.spaces.listed import ListedSpace
from sedspace.spaces.parts import Digits, Feature, Operation, Text, layers_feature
from sedspace_kernels import nb101 as kernels
from sedspace_kernels.module_hashes import LETTERS, module_hashes
from sedspace_kernels.parallel import available_threads, split

OPERATIONS = (
    Operation("conv3x3-bn-relu", "conv", 3),
    Operation("conv1x1-bn-relu", "conv", 1),
    Operation("maxpool3x3", "pool", 3),
)
_NAMES = [operation.name for operation in OPERATIONS]
_NASLIB = ("input", "output", "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")
"""The order in which NASLib numbers operations (naslib/search_spaces/nasbench101/conversions.py)."""
_HASH = re.compile(rf"\s*[0-9a-f]{{{LETTERS}}}\s*")
_GRAIN = 1 << 12  # cells that are worth a thread
_HASHED = 1 << 15  # cells between two steps of the bar
_EXPECTED = "'[[0,1],[0,0]] input,output'"
_SIZE = 423_624
_NETWORK = "the CIFAR-10 network: stem 128, three stacks of three cells"
_FEATURES = {
    "n_conv3x3": ("uint8", "vertices", "vertices with conv3x3-bn-relu"),
    "n_conv1x1": ("uint8", "vertices", "vertices with conv1x1-bn-relu"),
    "n_pool": ("uint8", "vertices", "vertices with maxpool3x3"),
    "residual": ("uint8", "edges", "1 if the input is joined to the output directly"),
    "n_vertices": ("uint8", "vertices", "vertices, with input and output"),
    "n_edges": ("uint8", "edges", "edges"),
    "params": ("int32", "parameters", f"trainable parameters of {_NETWORK}"),
    "macs": ("int64", "MACs per image", f"multiply-accumulates of convolutions and classifier of {_NETWORK}"),
}
_CELLS = 9  # of the network


@dataclass(frozen=True)
class Cells:
    """All cells, as `sedspace_kernels.nb101.unpack` writes them: the labels of operations, -1 of the input, else -2."""

    keys: NDArray[np.int64]
    vertices: NDArray[np.int8]
    adjacency: NDArray[np.int8]
    labels: NDArray[np.int8]


class Nb101Space(ListedSpace):
    """The 423,624 cells of NAS-Bench-101 (arXiv 1902.09635), generated from nothing.

    A cell is an upper triangular adjacency matrix and an operation on every vertex between input and output, every
    vertex on a way from the one to the other. Cells that are isomorphic are one, represented by the numbering of its
    vertices with the least edge bits (edge x -> y is bit ``x + y (y - 1) / 2``), and among those by the least
    operations; why that is a complete invariant, `sedspace_kernels.nb101` says. Indices ascend by vertices, edge bits,
    operations: the order in which NAS-Bench-101 itself came upon its cells. An arch string is the matrix and the
    operations as the benchmark writes them.

    Examples
    --------
    >>> import sedspace as ss
    >>> space = ss.space("nb101")
    >>> space.size, space.arch(1)
    (423624, '[[0,1,0],[0,0,1],[0,0,0]] input,conv3x3-bn-relu,output')
    >>> matrix = [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    >>> space.find(matrix, ["input", "maxpool3x3", "conv3x3-bn-relu", "output"])  # vertex 1 leads nowhere
    1
    """

    def __init__(self) -> None:
        super().__init__("nb101", "NAS-Bench-101", _SIZE, OPERATIONS)

    @cached_property
    def cells(self) -> Cells:
        """All cells, generated when they are first needed."""
        out, found = np.empty(_SIZE, np.int64), 0
        for n in range(2, kernels.MAX_VERTICES + 1):
            found += kernels.generate(n, kernels.permutations(n), out[found:])
        if found != _SIZE:
            raise RuntimeError(f"{found} cells were generated, not {_SIZE}")
        cells = Cells(out, *(np.empty(shape, np.int8) for shape in (_SIZE, (_SIZE, 7, 7), (_SIZE, 7))))
        kernels.unpack(cells.keys, cells.vertices, cells.adjacency, cells.labels)
        return cells

    @cached_property
    def counts(self) -> Mapping[Operation, NDArray[np.int64]]:
        """How often each cell has each operation."""
        return {operation: (self.cells.labels == label).sum(axis=1) for label, operation in enumerate(OPERATIONS)}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, without generating anything."""
        return (*_FEATURES, "layers")

    @property
    def default_features(self) -> tuple[str, ...]:
        """Counts, the residual edge, the size of the graph, and the costs of the CIFAR-10 network."""
        return tuple(_FEATURES)

    @cached_property
    def features(self) -> Mapping[str, Feature]:
        """Counts of each operation, the residual edge, the size of the graph, and costs and layers of the network."""
        cells = self.cells
        kernel_of = np.array([*(operation.kernel * (operation.kind == "conv") for operation in OPERATIONS), 0, 0])
        params, macs = np.empty(_SIZE, np.int64), np.empty(_SIZE, np.int64)
        kernels.costs(cells.vertices, cells.adjacency, kernel_of[cells.labels], params, macs)
        joined = cells.adjacency[np.arange(_SIZE), 0, cells.vertices.astype(np.intp) - 1]
        edges = cells.adjacency.sum(axis=(1, 2))
        values = [*self.counts.values(), joined, cells.vertices, edges, params, macs]
        out = {
            name: self.feature(name, one, *about) for (name, about), one in zip(_FEATURES.items(), values, strict=True)
        }
        convolutions = sum(n for operation, n in self.counts.items() if operation.kind == "conv")
        projections = cells.adjacency[:, 0].sum(axis=1)  # each edge from the input has a 1x1 convolution of its own
        out["layers"] = layers_feature(self.table([_CELLS * (convolutions + projections)]), base=2)
        return out

    def matrix(self, index: int) -> tuple[list[list[int]], list[str]]:
        """Return the adjacency matrix and the operations of a cell, as the benchmark has them.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.space("nb101").matrix(0)
        ([[0, 1], [0, 0]], ['input', 'output'])
        """
        return self._matrix(self.entry(index))

    def _matrix(self, entry: int) -> tuple[list[list[int]], list[str]]:
        n = int(self.cells.vertices[entry])
        operations = [_NAMES[label] for label in self.cells.labels[entry, 1 : n - 1]]
        return self.cells.adjacency[entry, :n, :n].tolist(), ["input", *operations, "output"]

    def _archs(self) -> Sequence[str]:
        return [self._write(*self._matrix(entry)) for entry in range(_SIZE)]

    def _write(self, matrix: list[list[int]], operations: list[str]) -> str:
        return f"{json.dumps(matrix, separators=(',', ':'))} {','.join(operations)}"

    def find(self, matrix: Iterable[Iterable[int]], operations: Iterable[str]) -> int:
        """Return the index of a cell, given as the benchmark does.

        Parameters
        ----------
        matrix : n rows of n integers
            1 for an edge from row to column; it may be numbered otherwise, and have vertices that lead nowhere.
        operations : n strings
            ``input``, the operations between, ``output``.

        Raises
        ------
        BadInput
            If it is no such graph, input and output are not joined, or what remains has over nine edges.
        """
        return int(self.index([self._find(matrix, operations)]))

    def _find(self, matrix: Iterable[Iterable[int]], operations: Iterable[str]) -> int:
        """Return the entry of a cell."""
        rows, names = _checked(matrix, operations)
        order = _along_edges(rows)
        kept = [v for v in order if v in _useful(rows)]
        if 0 not in kept:
            raise BadInput(f"cell of {self.name}: there is no way from the input to the output")
        if len(kept) > kernels.MAX_VERTICES:
            raise BadInput(f"cell of {self.name} has {len(kept)} vertices, expected at most {kernels.MAX_VERTICES}")
        rows = [[rows[x][y] for y in kept] for x in kept]
        labels = [_NAMES.index(names[v]) for v in kept[1:-1]]
        edges = sum(map(sum, rows))
        if edges > kernels.MAX_EDGES:
            raise BadInput(f"cell of {self.name} has {edges} edges, expected at most {kernels.MAX_EDGES}")
        n = len(rows)
        bits = sum(rows[x][y] << (x + y * (y - 1) // 2) for y in range(n) for x in range(y))
        code = 0
        for label in labels:
            code = code * kernels.OPERATIONS + label
        key = kernels.canonical(n, bits, code, kernels.permutations(n))
        return int(np.searchsorted(self.cells.keys, key))

    def beside(self, digits: Digits) -> NDArray[np.integer]:
        """Return the digits of the cells one step from another, perhaps some twice.

        A step is another operation on a vertex, one edge more or less, or a vertex put on an edge or taken from it,
        such that all vertices are on a way from the input to the output. What is a step there is a step back.
        """
        found = []
        for matrix, operations in _one_step_from(*self._matrix(int(digits[0]))):
            with contextlib.suppress(BadInput):  # too many vertices or edges, or a cycle
                if len(_useful(matrix)) == len(matrix):
                    found.append([self._find(matrix, operations)])
        rows: NDArray[np.integer] = np.array(found, self.digit_dtype).reshape(-1, 1)
        exists = rows[:, 0] != digits[0]
        if self.machine is not None:
            exists &= self.machine.accepts(rows)
        kept: NDArray[np.integer] = rows[exists]
        return kept

    def _is_one(self, arch: object) -> bool:
        return isinstance(arch, Mapping) or super()._is_one(arch)

    def _parse_one(self, arch: object) -> list[int]:
        if isinstance(arch, Mapping):
            arch = {**arch}
            if arch.keys() != {"matrix", "ops"}:
                raise BadInput(f"cell of {self.name} with the keys {', '.join(map(str, arch))}: expected matrix, ops")
            return [self._find(arch["matrix"], arch["ops"])]
        if (codes := codes_of(arch)) is not None:
            return [self._find(*_of_naslib(codes))]
        if isinstance(arch, str) and _HASH.fullmatch(arch):
            return [self._of_hash(arch.strip())]
        match = re.fullmatch(r"\s*(\[.*?\]\s*\])\s*,?\s*(.*?)\s*", arch, re.DOTALL) if isinstance(arch, str) else None
        if match is None:
            raise BadInput(f"arch {quoted(arch)} of {self.name}: expected a matrix and operations, such as {_EXPECTED}")
        try:
            matrix = json.loads(match[1])
            listed = match[2].startswith("[")
            operations = json.loads(match[2]) if listed else [name.strip() for name in match[2].split(",")]
        except (ValueError, RecursionError):
            raise BadInput(
                f"arch {quoted(arch)} of {self.name}: expected a matrix and operations, such as {_EXPECTED}"
            ) from None
        return [self._find(matrix, operations)]

    def module_hash(self, index: int) -> str:
        """Return the benchmark's own name of a cell, an MD5 hash that isomorphic cells share (arXiv 1902.09635, S1).

        `parse` takes it, too: the first time all cells are hashed, which takes some ten seconds.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.space("nb101").module_hash(1)
        'b49ac8c578b4561d79ac7087988f1c61'
        """
        (found,) = self._hashes_of([self.entry(index)])
        return found

    def _hashes_of(self, entries: Sequence[int] | NDArray[np.integer], threads: int = 1) -> list[str]:
        """Return the module hashes of entries."""
        out = np.empty((len(entries), LETTERS), np.uint8)

        def work(lo: int, hi: int) -> None:
            part, cells = entries[lo:hi], self.cells
            module_hashes(cells.vertices[part], cells.adjacency[part], cells.labels[part], out[lo:hi])

        split(work, len(entries), threads, _GRAIN)
        return [text.decode("ascii") for text in out.view(f"S{LETTERS}")[:, 0].tolist()]

    @cached_property
    def _entries_by_hash(self) -> dict[str, int]:
        """All entries by their module hashes."""
        names: list[str] = []
        with progress_of(_SIZE, "cell", what="hashing NAS-Bench-101", passing=True) as progress:
            for start in range(0, _SIZE, _HASHED):
                names += self._hashes_of(np.arange(start, min(start + _HASHED, _SIZE)), available_threads())
                progress.update(len(names) - start)
        return {name: n for n, name in enumerate(names)}

    def _of_hash(self, name: str) -> int:
        if name not in self._entries_by_hash:
            raise BadInput(f"hash {name!r} is of no cell of {self.name}")
        return self._entries_by_hash[name]

    @property
    def texts(self) -> Mapping[str, Text]:
        """The benchmark's own name of each cell."""
        meaning = "NAS-Bench-101's module hash (MD5)"
        return {"nasbench_hash": Text(lambda indices: self._hashes_of(self.digits_of(indices)[:, 0]), meaning)}

    def draw(self, index: int) -> str:
        """Return a drawing of a cell in text: one line per vertex."""
        matrix, operations = self.matrix(index)
        lines = []
        for v, name in enumerate(operations):
            sources = ", ".join(str(x) for x in range(v) if matrix[x][v])
            lines.append(f"vertex {v}  {name:15}  {f'from {sources}' if sources else ''}".rstrip())
        return "\n".join(lines)


def _one_step_from(matrix: list[list[int]], operations: list[str]) -> Iterator[tuple[list[list[int]], list[str]]]:
    """Yield what one step makes of a cell, cell or not."""
    n = len(matrix)
    for v, name in product(range(1, n - 1), _NAMES):
        yield matrix, [*operations[:v], name, *operations[v + 1 :]]
    for x, y in permutations(range(n), 2):
        yield _with(matrix, {(x, y): 1 - matrix[x][y]}), operations
        if not matrix[x][y]:
            continue
        on_it = [[*row[:-1], 0, row[-1]] for row in matrix]  # a vertex more, before the output
        on_it.insert(n - 1, [0] * (n + 1))
        end = y + (y == n - 1)
        longer = _with(on_it, {(x, end): 0, (x, n - 1): 1, (n - 1, end): 1})
        yield from ((longer, [*operations[:-1], name, "output"]) for name in _NAMES)
    for v in range(1, n - 1):
        before, behind = [x for x in range(n) if matrix[x][v]], [y for y in range(n) if matrix[v][y]]
        if len(before) == len(behind) == 1 and not matrix[before[0]][behind[0]]:
            joined = _with(matrix, {(before[0], behind[0]): 1})
            kept = [w for w in range(n) if w != v]
            yield [[joined[x][y] for y in kept] for x in kept], [operations[w] for w in kept]


def _with(matrix: list[list[int]], edges: Mapping[tuple[int, int], int]) -> list[list[int]]:
    """Return a matrix with some edges more or less."""
    return [[edges.get((x, y), edge) for y, edge in enumerate(row)] for x, row in enumerate(matrix)]


def _of_naslib(codes: list[int]) -> tuple[list[list[int]], list[str]]:
    """Return matrix and operations of NASLib's tuple: the matrix row by row, then the code of each operation."""
    n = isqrt(len(codes))
    if n * (n + 1) != len(codes) or not all(0 <= code < len(_NASLIB) for code in codes[n * n :]):
        raise BadInput(
            f"{len(codes)} integers are no cell of nb101: expected n * n of a matrix and n codes of operations, "
            f"0 to {len(_NASLIB) - 1}"
        )
    return [codes[n * row : n * row + n] for row in range(n)], [_NASLIB[code] for code in codes[n * n :]]


def _checked(
    matrix: Iterable[Iterable[SupportsIndex | str]], operations: Iterable[object]
) -> tuple[list[list[int]], list[str]]:
    """Return the rows of a matrix and the operations of its vertices; raise `BadInput` if they are no cell."""
    try:
        rows = [[-1 if isinstance(value, str) else operator.index(value) for value in row] for row in matrix]
        names = [str(name) for name in operations]
    except TypeError:
        raise BadInput("cell of nb101: expected a matrix of 0 and 1 and a list of operations") from None
    n = len(rows)
    if any(len(row) != n for row in rows) or len(names) != n or n < 2:
        raise BadInput(
            f"cell of nb101: {n} rows and {len(names)} operations, expected a square matrix, one for each vertex"
        )
    if not all(value in (0, 1) for row in rows for value in row):
        raise BadInput("cell of nb101: the matrix must hold 0 and 1 only")
    if names[0] != "input" or names[-1] != "output":
        raise BadInput(
            f"cell of nb101: operations {names[0]!r} ... {names[-1]!r}, expected 'input' first and 'output' last"
        )
    for v, name in enumerate(names[1:-1], start=1):
        if name not in _NAMES:
            raise BadInput(f"cell of nb101: vertex {v} has operation {name!r}, expected one of {', '.join(_NAMES)}")
    return rows, names


def _useful(rows: list[list[int]]) -> set[int]:
    """Return the vertices on a way from the first to the last."""

    def reached(start: int, onward: list[list[int]]) -> set[int]:
        found, todo = {start}, [start]
        while todo:
            vertex = todo.pop()
            new = [y for y, edge in enumerate(onward[vertex]) if edge and y not in found]
            found.update(new)
            todo += new
        return found

    return reached(0, rows) & reached(len(rows) - 1, [list(column) for column in zip(*rows, strict=True)])


def _along_edges(rows: list[list[int]]) -> list[int]:
    """Return the vertices in an order in which every edge leads onward; the given one where that does."""
    left, order = list(range(len(rows))), []
    while left:
        free = [v for v in left if not any(rows[x][v] for x in left)]
        if not free:
            raise BadInput(f"cell of nb101: the edges among vertices {', '.join(map(str, left))} form a cycle")
        order.append(free[0])
        left.remove(free[0])
    return order
