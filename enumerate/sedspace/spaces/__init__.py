"""Search spaces: what exists, how it is indexed and written, and which integers add up over it."""

from sedspace.spaces.base import Space
from sedspace.spaces.custom import cell_space, read_space
from sedspace.spaces.lookup import described, space
from sedspace.spaces.parts import Feature, Group, Inputs, Operation, Position
from sedspace.spaces.registry import LISTED, known_spaces
from sedspace.spaces.restricted import restrict
from sedspace.spaces.rules import OwnRule, Rule

__all__ = [
    "LISTED",
    "Feature",
    "Group",
    "Inputs",
    "Operation",
    "OwnRule",
    "Position",
    "Rule",
    "Space",
    "cell_space",
    "described",
    "known_spaces",
    "read_space",
    "restrict",
    "space",
]
