"""Arch strings that are read position by position: every choice adds its text, and some texts begin as others do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sedspace.errors import BadInput, quoted
from sedspace.spaces.machine import Machine

_SHOWN = 9  # of what could stand at a place


class _Way(NamedTuple):
    """How an arch string is read up to a position: how far, to which state, by which choices."""

    end: int
    state: int
    digits: tuple[int, ...]


class ArchStrings:
    """The arch strings of a space.

    Parameters
    ----------
    space : str
        What errors call it.
    positions : sequence of str
        Their names.
    pieces : sequence of sequence of str
        For each position, the text that each choice adds.
    machine : Machine or None
        Which architectures there are; None: all.
    """

    def __init__(
        self, space: str, positions: Sequence[str], pieces: Sequence[Sequence[str]], machine: Machine | None
    ) -> None:
        self._space, self._positions, self._pieces, self._machine = space, positions, pieces, machine
        self._by_text: list[
            dict[int, dict[str, list[int]]]
        ] = []  # choices by the length of their text, and by the text
        for texts in pieces:
            by_length: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
            for choice, text in enumerate(texts):
                by_length[len(text)][text].append(choice)
            self._by_text.append(by_length)

    def read(self, arch: str) -> list[int]:
        """Return the digits of an architecture.

        Raises
        ------
        BadInput
            If the space has no such architecture, or several.
        """
        text = arch.strip()
        ways = [_Way(0, 0, ())]
        for position in range(len(self._positions)):
            onward = list(self._onward(text, position, ways))
            if not onward:
                raise self._stopped(arch, text, position, ways)
            ways = onward
        whole = [way.digits for way in ways if way.end == len(text)]
        if not whole:
            raise self._stopped(arch, text, len(self._positions), ways)
        if len(whole) > 1:
            raise BadInput(f"arch {quoted(arch)} of {self._space} can be read in {len(whole)} ways")
        return list(whole[0])

    def _onward(self, text: str, position: int, ways: Sequence[_Way]) -> Iterator[_Way]:
        """Yield the ways to read the text up to the next position."""
        for way in ways:
            for length, by_text in self._by_text[position].items():
                for choice in by_text.get(text[way.end : way.end + length], ()):
                    if (led := self._led(position, way.state, choice)) >= 0:
                        yield _Way(way.end + length, led, (*way.digits, choice))

    def _led(self, position: int, state: int, choice: int) -> int:
        """Return the state that a choice leads to, -1 where there is no such architecture."""
        return 0 if self._machine is None else int(self._machine.steps[position][state, choice])

    def _stopped(self, arch: str, text: str, position: int, ways: Sequence[_Way]) -> BadInput:
        """Return the error for a string that goes wrong at a position."""
        end = max(way.end for way in ways)
        rest = quoted(text[end:]) if end < len(text) else "the end"
        if position == len(self._positions):
            return BadInput(
                f"arch {quoted(arch)} is not of {self._space}: {rest} behind its last position, expected the end"
            )
        furthest = [way for way in ways if way.end == end]
        could = [
            piece
            for choice, piece in enumerate(self._pieces[position])
            if any(self._led(position, way.state, choice) >= 0 for way in furthest)
        ]
        shown = ", ".join(map(repr, could[:_SHOWN])) + (", ..." if len(could) > _SHOWN else "")
        name = self._positions[position]
        return BadInput(f"arch {quoted(arch)} is not of {self._space}: {rest} at {name}, expected {shown}")
