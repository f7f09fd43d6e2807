"""Transformers, layer by layer: the spaces whose definition says ``kind = "layers"``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, get_args

from sedspace.errors import BadInput
from sedspace.spaces.blocks import Activation, Block, Classifier
from sedspace.spaces.definitions import (
    MOST_CHOICES,
    among,
    decimal,
    filled,
    flag,
    identifier,
    number,
    one_of,
    tables,
    text,
    with_keys,
)
from sedspace.spaces.parts import Position
from sedspace.spaces.skeleton import Skeleton
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
from sedspace.spaces.whole import Check, Decision, Known, NetworkSpace, Part, Value, Variable, initialisation

_MOST_LAYERS = 1000
_PER = ("network", "stage", "layer")
_TOP = {
    "kind": True,
    "name": True,
    "title": True,
    "dataset": False,
    "classes": False,
    "stages": False,
    "embedding": True,
    "layer": False,
    "init": False,
    "choices": True,
}
_PATCHES = {"kind": True, "side": True, "patch": True, "stride": False, "placed_class": False}
_TOKENS = {"kind": True, "vocabulary": True, "width": True, "positions": True, "types": True, "tokens": True}
_ATTRIBUTES = ("depth", "width", "attention", "heads", "head_width", "ratio", "hidden", "stack")
"""What may be chosen, in the order in which a choice of several varies: the later faster."""

_OF_ATTENTION = ("attention", "heads", "head_width")
_OF_FEED_FORWARD = ("ratio", "hidden", "stack")
_USUAL: Mapping[str, Value] = {"attention": "SA-SDP", "stack": 1}
_FIXED = {**dict.fromkeys(_ATTRIBUTES, False), "norm": False, "activation": False, "relative": False}
_CHOICE = {"per": False, "arch": False, "before": False, "between": False, "after": False, "order": False}
_CHOICE_KEYS = {**_CHOICE, **dict.fromkeys(_ATTRIBUTES, False)}
_RISING = "non-decreasing"


@dataclass(frozen=True)
class _Layer:
    """What holds of all layers."""

    norm: Norm = "before"
    activation: Activation = "gelu"
    relative: int = 0


@dataclass(frozen=True)
class _Choice:
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


class LayersSpace(NetworkSpace):
    """Transformers of one stage of layers or more, as a definition describes them.

    Attributes
    ----------
    dataset : str
    classes : int
        0: there is no head.
    embedding : PatchEmbedding or TokenEmbedding
        What makes tokens of the input; its width comes from the choices.
    stages : int
    init : str
        How the weights of its networks are initialised: see `sedspace.networks.initial`.
    """

    def __init__(self, definition: Mapping[str, object], where: str) -> None:
        given = with_keys(definition, _TOP, where)
        self.dataset = text(given.get("dataset", "own"), f"{where}: dataset")
        self.classes = number(given.get("classes", 0), 0, 1_000_000, f"{where}: classes")
        self.init = initialisation(given, where)
        self.embedding = _embedding(given["embedding"], f"{where}, embedding")
        self.stages = number(given.get("stages", 1), 1, 100, f"{where}: stages")
        if self.stages > 1 and isinstance(self.embedding, TokenEmbedding):
            raise BadInput(f"{where}: {self.stages} stages of tokens that are no patches, expected 1")
        plan = _Plan(self.embedding, self.stages, self.classes, *_layer(given.get("layer", {}), f"{where}, layer"))
        for place, one in enumerate(tables(given["choices"], f"{where}, choices"), start=1):
            plan.add(_choice(one, self.stages, f"{where}, choice {place}"))
        plan.finish(where)
        if not isinstance(self.embedding, PatchEmbedding):
            self.input_unit = f"sequence of {self.embedding.tokens} tokens"
        name, title = identifier(given["name"], where), text(given["title"], f"{where}: title")
        super().__init__(name, title, plan.positions, plan.parts, plan.checks)
        try:
            self.check_blocks()
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from None

    @property
    def skeletons(self) -> tuple[Skeleton, ...]:
        """What its networks take and put out."""
        side = self.embedding.side if isinstance(self.embedding, PatchEmbedding) else 0
        return (Skeleton(self.dataset, side, self.classes, (), 0),)

    what_counts = "each an attention and a feed-forward network"
    what_multiplies = "convolutions, linear layers and products of matrices"

    def is_layer(self, block: Block) -> bool:
        """Return whether a block counts as a layer: both halves of one count once."""
        return isinstance(block, Attention)


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


class _Plan:
    """Positions, parts and checks as they come together, choice by choice."""

    def __init__(
        self,
        embedding: PatchEmbedding | TokenEmbedding,
        stages: int,
        classes: int,
        layer: _Layer,
        fixed: Mapping[str, Value],
    ) -> None:
        self.embedding, self.stages, self.classes, self.layer, self.fixed = embedding, stages, classes, layer, fixed
        self.positions: list[Position] = []
        self.parts: list[Part] = []
        self.checks: list[Check] = []
        self.known: dict[tuple[str, int, int], Known] = {}  # by attribute, stage (0: all) and layer (0: all)

    def add(self, choice: _Choice) -> None:
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

    def _places(self, choice: _Choice) -> Iterator[tuple[int, int, bool]]:
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
        if all(self._found(one, stage, layer) == Known() for one in ("ratio", "hidden")):
            self._found("ratio", stage, layer, where)
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


def _named(choice: _Choice, stage: int, layer: int, stages: int) -> str:
    where = [f"{word} {place}" for word, place in (("stage", stage if stages > 1 else 0), ("layer", layer)) if place]
    return " ".join([*where, *(choice.attributes if len(choice.attributes) == 1 else ())]) or "network"


def _decision(values: Mapping[str, Value], choice: _Choice, before: str, after: str) -> Decision:
    """Return what may be chosen: its text by the template, between what stands before and behind it."""
    written = filled(choice.arch, values, choice.where)
    usual = "".join(f"{key[0]}{value}" for key, value in values.items())
    return Decision(written or usual, before + written + after, values)


def _mixing(given: Value) -> tuple[Mixing, int]:
    """Return the kind of an attention as FlexiBERT writes it, and the kernel of its convolution."""
    kind, _, more = str(given).partition("-")
    if kind == "DSC":
        return "DSC", int(more)
    return one_of(more, get_args(Mixing), "attention", "attention"), 0  # type: ignore[return-value]


# -- reading a definition -------------------------------------------------------------------------------------------


def _embedding(given: object, where: str) -> PatchEmbedding | TokenEmbedding:
    if not isinstance(given, Mapping):
        raise BadInput(f"{where} {given!r}, expected a table")
    if one_of(given.get("kind"), ("patches", "tokens"), "kind", where) == "patches":
        known = with_keys(given, _PATCHES, where)
        side = number(known["side"], 1, 100_000, f"{where}: side")
        patch = number(known["patch"], 1, side, f"{where}: patch")
        stride = number(known.get("stride", patch), 1, patch, f"{where}: stride")
        if (side - patch) % stride and patch == stride:
            raise BadInput(f"{where}: patch {patch} of {side} pixels, expected a number that divides them")
        return PatchEmbedding(1, patch, stride, side, flag(known.get("placed_class", True), f"{where}: placed_class"))
    known = with_keys(given, _TOKENS, where)
    sizes = ("width", "vocabulary", "positions", "types", "tokens")
    width, vocabulary, positions, types, tokens = (number(known[k], 1, 10_000_000, f"{where}: {k}") for k in sizes)
    if tokens > positions:
        raise BadInput(f"{where}: tokens {tokens}, expected at most the {positions} positions")
    return TokenEmbedding(width, width, vocabulary, positions, types, tokens)


def _layer(given: object, where: str) -> tuple[_Layer, dict[str, Value]]:
    """Return what holds of all layers, and the attributes that are fixed."""
    known = with_keys(given, _FIXED, where)
    norm: Norm = one_of(known.get("norm", "before"), get_args(Norm), "norm", where)  # type: ignore[assignment]
    activation: Activation = one_of(  # type: ignore[assignment]
        known.get("activation", "gelu"), get_args(Activation), "activation", where
    )
    layer = _Layer(norm, activation, number(known.get("relative", 0), 0, 10_000, f"{where}: relative"))
    return layer, {key: _CHECKS[key](known[key], where) for key in _ATTRIBUTES if key in known}


def _choice(given: object, stages: int, where: str) -> _Choice:
    known = with_keys(given, _CHOICE_KEYS, where)
    attributes = [key for key in _ATTRIBUTES if key in known]
    if not attributes:
        raise BadInput(f"{where} chooses nothing, expected one of {', '.join(_ATTRIBUTES)} or more")
    per = one_of(known.get("per", "network"), _PER, "per", where)
    if "depth" in attributes and per == "layer":
        raise BadInput(f"{where}: depth per layer, expected it per stage or network")
    order = one_of(known["order"], (_RISING,), "order", where) if "order" in known else ""
    if order and (per == "network" or len(attributes) > 1):
        raise BadInput(
            f"{where}: order of {', '.join(attributes)} per {per}, expected one attribute per stage or layer"
        )
    listed = {key: _by_stage(known[key], key, stages if per == "stage" else 1, where) for key in attributes}
    values = [_values({key: some[min(n, len(some) - 1)] for key, some in listed.items()}, where) for n in range(stages)]
    usual = "".join(f"{{{key}}}" if len(attributes) == 1 else f"{key[0]}{{{key}}}" for key in attributes)
    arch, before, between, after = (
        text(known.get(key, usual if key == "arch" else ""), f"{where}: {key}")
        for key in ("arch", "before", "between", "after")
    )
    return _Choice(per, values, arch, before, between, after, bool(order), where)


def _by_stage(given: object, key: str, stages: int, where: str) -> list[list[object]]:
    """Return what may be chosen in each stage: lists of a list, one for each, or one list for all."""
    if not isinstance(given, list | tuple) or not any(isinstance(one, list | tuple) for one in given):
        return [among(given, key, where)]
    if len(given) != stages:
        raise BadInput(f"{where}: {key} {given!r} for {len(given)} stages, expected {stages}")
    return [among(one, key, where) for one in given]


def _values(listed: Mapping[str, Sequence[object]], where: str) -> list[Mapping[str, Value]]:
    """Return all combinations of what may be chosen at once."""
    if (together := math.prod(map(len, listed.values()))) > MOST_CHOICES:
        raise BadInput(f"{where}: {together:,} choices, expected at most {MOST_CHOICES:,}")
    checked = [[_CHECKS[key](one, where) for one in some] for key, some in listed.items()]
    return [dict(zip(listed, row, strict=True)) for row in product(*checked)]


def _attention(given: object, where: str) -> str:
    known = "SA-SDP, SA-WMA, LT-DFT, LT-DCT or DSC- and an odd number"
    if not isinstance(given, str) or not re.fullmatch(r"SA-(SDP|WMA)|LT-(DFT|DCT)|DSC-\d?[13579]", given):
        raise BadInput(f"{where}: attention {given!r}, expected {known}")
    return given


_CHECKS: Mapping[str, Callable[[object, str], Value]] = {
    "depth": lambda one, where: number(one, 1, _MOST_LAYERS, f"{where}: depth"),
    "width": lambda one, where: number(one, 1, 1_000_000, f"{where}: width"),
    "attention": _attention,
    "heads": lambda one, where: number(one, 1, 10_000, f"{where}: heads"),
    "head_width": lambda one, where: number(one, 1, 100_000, f"{where}: head_width"),
    "ratio": lambda one, where: decimal(one, f"{where}: ratio"),
    "hidden": lambda one, where: number(one, 1, 10_000_000, f"{where}: hidden"),
    "stack": lambda one, where: number(one, 1, 1000, f"{where}: stack"),
}
