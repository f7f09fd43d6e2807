"""The plan of a transformer: its positions, parts and checks, choice by choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from sedspace.errors import BadInput
from sedspace.spaces.blocks import Activation, Block, Classifier
from sedspace.spaces.definitions import filled, one_of
from sedspace.spaces.parts import Position
from sedspace.spaces.tokens import (
    Attention,
    FeedForward,
    LastNorm,
    Mixing,
    Norm,
    PatchEmbedding,
    TokenEmbedding,
    TokenPooling,
)
from sedspace.spaces.whole import Check, Decision, Known, Part, Value, Variable

_OF_ATTENTION = ("attention", "heads", "head_width")
_OF_FEED_FORWARD = ("ratio", "hidden", "stack")
_USUAL: Mapping[str, Value] = {"attention": "SA-SDP", "stack": 1}


@dataclass(frozen=True)
class Layer:
    """What holds of all layers."""

    norm: Norm = "before"
    activation: Activation = "gelu"
    relative: int = 0


@dataclass(frozen=True)
class Choice:
    """A table of choices: what is chosen once, for each stage or for each layer.

    Attributes
    ----------
    per : str
    values : list of mappings
        For each stage, or the only one, the attributes of each choice.
    arch, before, between, after : str
        The template of a choice's text, and what stands before, between and behind them in the arch string.
    rises : bool
        Whether the values may not fall.
    where : str
    """

    per: str
    values: Sequence[Sequence[Mapping[str, Value]]]
    arch: str
    before: str
    between: str
    after: str
    rises: bool
    where: str

    @property
    def attributes(self) -> tuple[str, ...]:
        """What it decides."""
        return tuple(self.values[0][0])

    def of_stage(self, stage: int) -> Sequence[Mapping[str, Value]]:
        """Return the choices in a stage, counted from 1."""
        return self.values[min(stage, len(self.values)) - 1]


@dataclass(frozen=True)
class _Half:
    """Makes one half of a layer from the values of what is not fixed."""

    make: Callable[[Mapping[str, Value]], Block]
    layer: int
    fixed: Mapping[str, Value]
    open: tuple[str, ...]

    def __call__(self, *values: Value) -> tuple[Block, ...]:
        known = {**self.fixed, **dict(zip(self.open, values, strict=True))}
        depth = known.get("depth", self.layer)
        assert isinstance(depth, int)
        if depth < self.layer or any(value is None for value in values):
            return ()
        return (self.make(known),)


class Plan:
    """Positions, parts and checks as they come together, choice by choice."""

    def __init__(
        self,
        embedding: PatchEmbedding | TokenEmbedding,
        stages: int,
        classes: int,
        layer: Layer,
        fixed: Mapping[str, Value],
    ) -> None:
        self.embedding, self.stages, self.classes, self.layer, self.fixed = embedding, stages, classes, layer, fixed
        self.positions: list[Position] = []
        self.parts: list[Part] = []
        self.checks: list[Check] = []
        self.known: dict[tuple[str, int, int], Known] = {}  # by attribute, stage (0: all) and layer (0: all)

    def add(self, choice: Choice) -> None:
        """Add the positions of a choice."""
        for attribute in choice.attributes:
            if attribute in self.fixed or any(attribute == known for known, _, _ in self.known):
                raise BadInput(f"{choice.where}: {attribute} is decided twice, expected once")
        places = list(self._places(choice))
        for count, (stage, layer, absent) in enumerate(places):
            before = choice.before if count == 0 else choice.between
            after = choice.after if count == len(places) - 1 else ""
            decisions = [_decision(values, choice, before, after) for values in choice.of_stage(stage)]
            if absent:
                decisions.append(Decision("none", after, dict.fromkeys(choice.attributes), "none"))
            variables = [Variable(len(self.positions), attribute) for attribute in choice.attributes]
            self.positions.append(Position(_named(choice, stage, layer, self.stages), tuple(decisions)))
            for one in variables:
                self.known[one.key, stage, layer] = Known(None, one)
            if absent:
                depth = self._found("depth", stage, 0).variable
                assert depth is not None
                self.checks.append(Check((depth, variables[0]), _present(layer)))
            if choice.rises and count:
                self.checks.append(
                    Check((variables[0]._replace(position=len(self.positions) - 2), variables[0]), _rises)
                )

    def _places(self, choice: Choice) -> Iterator[tuple[int, int, bool]]:
        """Yield stage and layer of each position of a choice, 0 for all of them, and whether it may be absent."""
        if choice.per == "network":
            yield 0, 0, False
        elif choice.per == "stage":
            yield from ((stage, 0, False) for stage in range(1, self.stages + 1))
        else:
            for stage in range(1, self.stages + 1):
                depths = self._depths(stage, choice.where)
                yield from ((stage, layer, layer > min(depths)) for layer in range(1, max(depths) + 1))

    def _depths(self, stage: int, where: str) -> list[int]:
        """Return how many layers a stage may have."""
        depth = self._found("depth", stage, 0, where)
        if depth.variable is None:
            among_them: list[Value] = [depth.value]
        else:
            choices = self.positions[depth.variable.position].choices
            among_them = [one.values["depth"] for one in choices if isinstance(one, Decision)]
        return [one for one in among_them if isinstance(one, int)]

    def _found(self, attribute: str, stage: int, layer: int, where: str = "") -> Known:
        """Return what is known of an attribute at a layer: by layer, by stage, by network, or fixed."""
        for place in ((stage, layer), (stage, 0), (0, 0)):
            if (attribute, *place) in self.known:
                return self.known[attribute, *place]
        if where and attribute not in self.fixed:
            raise BadInput(f"{where}: nothing says {attribute}, expected it under layer, or a choice before it is used")
        return Known(self.fixed.get(attribute, _USUAL.get(attribute)))

    def finish(self, where: str) -> None:
        """Add the parts: embedding, layers, poolings, head."""
        embedding = self.embedding
        self._add(self._width(1, where), lambda known: replace(embedding, width=_width(known)))
        side = embedding.out_side if isinstance(embedding, PatchEmbedding) else 0
        for stage in range(1, self.stages + 1):
            for layer in range(1, max(self._depths(stage, where)) + 1):
                self._add_layer(stage, layer, self._tokens(side), where)
            if stage < self.stages:
                self._add_pooling(stage, side, where)
                side = (side + 1) // 2
        if self.classes:
            tokens, classes, last = self._tokens(side), self.classes, self._width(self.stages, where)
            self._add(last, lambda known: LastNorm(_width(known), tokens))
            self._add(last, lambda known: Classifier(_width(known), classes))

    def _tokens(self, side: int) -> int:
        return side * side + 1 if isinstance(self.embedding, PatchEmbedding) else self.embedding.tokens

    def _add_layer(self, stage: int, layer: int, tokens: int, where: str) -> None:
        every, width = self.layer, self._width(stage, where)

        def attention(known: Mapping[str, Value]) -> Block:
            kind, kernel = _mixing(known["attention"])
            wide, heads, own = _width(known), known["heads"], known["head_width"]
            assert isinstance(heads, int)
            if own is None and wide % heads:
                raise BadInput(f"heads {heads} of width {wide}, expected a number that divides it")
            head_width = own if isinstance(own, int) else wide // heads
            return Attention(kind, wide, heads, head_width, tokens, stage, kernel, every.relative, every.norm)

        def feed_forward(known: Mapping[str, Value]) -> Block:
            wide, ratio, hidden, stack = _width(known), known["ratio"], known["hidden"], known["stack"]
            if isinstance(ratio, int | float):
                hidden = int(wide * ratio)
            assert isinstance(hidden, int)
            assert isinstance(stack, int)
            return FeedForward(wide, hidden, tokens, stage, stack, every.activation, every.norm)

        self._found("heads", stage, layer, where)
        said = [one for one in ("ratio", "hidden") if self._found(one, stage, layer) != Known()]
        if not said:
            self._found("ratio", stage, layer, where)
        if len(said) > 1:
            raise BadInput(f"{where}: both ratio and hidden are decided, expected one of them")
        for attributes, make in ((_OF_ATTENTION, attention), (_OF_FEED_FORWARD, feed_forward)):
            known = {**width, **{one: self._found(one, stage, layer) for one in attributes}}
            if not any((one, stage, layer) in self.known for one in attributes):
                known["depth"] = self._found("depth", stage, 0)
            self._add(known, make, layer)

    def _add_pooling(self, stage: int, side: int, where: str) -> None:
        before, after = self._width(stage, where), self._width(stage + 1, where)

        def pooling(known: Mapping[str, Value]) -> Block:
            return TokenPooling(_width({one: known[f"before {one}"] for one in before}), _width(known), side)

        self._add({**{f"before {one}": known for one, known in before.items()}, **after}, pooling)

    def _width(self, stage: int, where: str) -> dict[str, Known]:
        """Return what the width of a stage follows from: itself, or heads and their width."""
        if (width := self._found("width", stage, 0)) != Known():
            return {"width": width}
        return {one: self._found(one, stage, 0, where) for one in ("heads", "head_width")}

    def _add(self, known: Mapping[str, Known], make: Callable[[Mapping[str, Value]], Block], layer: int = 0) -> None:
        open_ = {key: one.variable for key, one in known.items() if one.variable is not None}
        fixed = {key: one.value for key, one in known.items() if one.variable is None}
        self.parts.append(Part(tuple(open_.values()), _Half(make, layer, fixed, tuple(open_))))


def _present(layer: int) -> Callable[[Any, Value], bool]:
    return lambda depth, value: (depth >= layer) == (value is not None)


def _rises(before: Any, own: Any) -> bool:
    return before is None or own is None or bool(before <= own)


def _width(known: Mapping[str, Value]) -> int:
    """Return the width of tokens: what it is said to be, or that of all heads."""
    width, heads, head_width = (known.get(one) for one in ("width", "heads", "head_width"))
    if isinstance(width, int):
        return width
    assert isinstance(heads, int)
    assert isinstance(head_width, int)
    return heads * head_width


def _named(choice: Choice, stage: int, layer: int, stages: int) -> str:
    where = [f"{word} {place}" for word, place in (("stage", stage if stages > 1 else 0), ("layer", layer)) if place]
    return " ".join([*where, *(choice.attributes if len(choice.attributes) == 1 else ())]) or "network"


def _decision(values: Mapping[str, Value], choice: Choice, before: str, after: str) -> Decision:
    """Return what may be chosen: its text by the template, between what stands before and behind it."""
    written = filled(choice.arch, values, choice.where)
    usual = "".join(f"{key[0]}{value}" for key, value in values.items())
    return Decision(written or usual, before + written + after, values, None if [*values] == ["depth"] else "conv")


def _mixing(given: Value) -> tuple[Mixing, int]:
    """Return the kind of an attention as FlexiBERT writes it, and the kernel of its convolution."""
    kind, _, more = str(given).partition("-")
    if kind == "DSC":
        return "DSC", int(more)
    return one_of(more, get_args(Mixing), "attention", "attention"), 0  # type: ignore[return-value]
