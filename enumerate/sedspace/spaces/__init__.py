"""Search spaces: what exists, how it is indexed and written, and which integers add up over it."""

from sedspace.spaces.base import Space
from sedspace.spaces.constraints import AtLeast, AtMost, Connected, Equal, Forbidden, OnePerClass, Unequal
from sedspace.spaces.custom import cell_space
from sedspace.spaces.files import read_space
from sedspace.spaces.layers import LayersSpace
from sedspace.spaces.lookup import described, restrict, space
from sedspace.spaces.parts import Feature, Group, Inputs, Operation, Position
from sedspace.spaces.registry import LISTED, known_spaces
from sedspace.spaces.rules import OwnRule, Rule
from sedspace.spaces.stages import StagesSpace

__all__ = [
    "LISTED",
    "AtLeast",
    "AtMost",
    "Connected",
    "Equal",
    "Feature",
    "Forbidden",
    "Group",
    "Inputs",
    "LayersSpace",
    "OnePerClass",
    "Operation",
    "OwnRule",
    "Position",
    "Rule",
    "Space",
    "StagesSpace",
    "Unequal",
    "cell_space",
    "described",
    "known_spaces",
    "read_space",
    "restrict",
    "space",
]
