"""How cells, and what is known of them, are laid out for `sedspace_kernels.topology`."""

from __future__ import annotations

NONE, JOIN, SKIP, POOL, LIGHT, FULL = range(6)
"""What stands on an edge; convolutions are light or full."""

FAR = 10_000
"""What an edge adds to a lane of least sums that must not go along it, and one that is not there to every lane."""

ROLES, SHARES, POWERS = 17, 8, 6
"""How many features there are of nodes and edges in a role, of shares of paths, and of powers."""

LANES = 48
"""A table of lanes has so many columns, used or not: loops of a fixed length become operations on vectors."""

PACKED = 8
"""How many counts a word has, each of eight bits, the first lowest: no cell has more than 253 edges."""

SOURCE, TARGET, FIRST, LENGTH, HIGHEST, BEHIND, COLUMNS = range(7)
"""The columns of a table of edges: ends, the first edge with the same target, length, and the highest kind that it may
be of, and an edge from its target."""

ALONG = (0b111110, 0b000110, 0b110110, 0b001110)
"""For each sort of paths, in the order of features, the kinds of edges that they go along, as bits."""

BLOCK = 64
"""How many cells are looked at together. Fields are told by where they begin."""

TO, FROM, SKIPS, SKIPPED, REACHED, OF_NODE = (BLOCK * field for field in (0, 4, 8, 9, 10, 11))
"""Of a node: how many paths of each sort lead to it, and from it; and, as bits, where identities lead to that start
there, or there or before it, and which nodes it reaches."""

POWER_LOW, POWER_HIGH, OF_INPUT, CORRELATION, DEPTH, SHARE, RELU, GRADIENT, OF_POWER = range(0, 9 * BLOCK, BLOCK)
"""Of a node: its powers, and, weighted by power, the part of the input, a correlation, and how many convolutions it has
been through; 1 / power, the correlation behind a convolution, and its gradient."""

ROW, KIND, LIVE, OF_EDGE = range(0, 4 * BLOCK, BLOCK)
"""Of an edge: its row in tables of edges and choices, its kind, and whether it is live, at first whether anything gets
along it: -1, else 0."""

KEPT, HANDED, OF_SHARE = range(0, 3 * BLOCK, BLOCK)
"""Of an edge: what is kept of the high power, and which share of the power of its source it hands on."""

PATH_SUMS, NODES, INPUT_DEGREE, OUTPUT_DEGREE, NEAR_INPUT, NEAR_OUTPUT, BY_KIND, OF_CELL = (
    BLOCK * field for field in (0, 4, 5, 6, 7, 8, 9, 9 + FULL + 1)
)
"""Of a cell: sums over paths (convolutions, poolings, weight, length); nodes that paths go through, degrees; as bits,
where a join leads to from an input, and from where to the output; and edges of each kind, packed by role."""

AT_INPUT, AT_OUTPUT, ON_EVERY_PATH, BYPASSED, CLEAN = 0, 12, 24, 36, 48
"""Where, in one integer for each kind, the edges of a role are counted."""
ROLE_MOST = (1 << 12) - 1
