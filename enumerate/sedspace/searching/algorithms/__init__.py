"""Search algorithms: a new one is a file here and a line in the registry."""

from sedspace.searching.algorithms.registry import ALGORITHMS, Algorithm, find_algorithm

__all__ = ["ALGORITHMS", "Algorithm", "find_algorithm"]
