"""Transformers, layer by layer: the spaces whose definition says ``kind = "layers"``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import get_args

from sedspace.errors import BadInput
from sedspace.spaces.blocks import Activation
from sedspace.spaces.definitions import (
    MOST_CHOICES,
    among,
    decimal,
    flag,
    identifier,
    number,
    one_of,
    tables,
    text,
    with_keys,
)
from sedspace.spaces.layer_plan import Choice, Layer, Plan
from sedspace.spaces.parts import Feature
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.tokens import Attention, Norm, PatchEmbedding, TokenEmbedding
from sedspace.spaces.whole import NetworkSpace, Value, initialisation

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

_FIXED = {**dict.fromkeys(_ATTRIBUTES, False), "norm": False, "activation": False, "relative": False}
_CHOICE = {"per": False, "arch": False, "before": False, "between": False, "after": False, "order": False}
_CHOICE_KEYS = {**_CHOICE, **dict.fromkeys(_ATTRIBUTES, False)}
_RISING = "non-decreasing"


class LayersSpace(NetworkSpace):
    """Transformers of one stage of layers or more, as a definition describes them.

    A definition has the keys ``kind = "layers"``, ``name``, ``title``, ``dataset`` (a name for it), ``classes`` (0: no
    head; else a LayerNorm and a linear classifier), ``stages`` (1; between stages tokens are pooled to a quarter),
    ``init`` (how weights are initialised, see `sedspace.networks.initial`), and

    - ``[embedding]`` with ``kind = "patches"``: ``side`` of the image, ``patch`` and ``stride`` in pixels (default: the
      patch), ``placed_class`` (true: the class token has an embedding of its position, too); or with ``kind =
      "tokens"``: ``vocabulary``, ``width`` of the embedding (a linear layer follows if the network's is another),
      ``positions``, ``types`` and ``tokens``, the length of a sequence for which MACs are counted;
    - ``[layer]``, what is fixed: attributes, and ``norm`` (before or after each half of a layer; default before),
      ``activation`` (gelu), ``relative``, the greatest distance of embedded relative positions (0: none);
    - ``[[choices]]``, in the order of positions and of the arch string: one attribute or more with a list of values
      each (all combinations are choices, of the later attribute faster), ``per`` network (default), stage or layer,
      ``order = "non-decreasing"`` if values may not fall, ``arch``, the template of a text such as ``{heads}``, and
      what stands ``before`` the first, ``between`` two and ``after`` the last. Per stage, a list of lists has each
      stage's own values. Layers that an architecture does not have stand as ``none``.

    Attributes of a network: ``depth``, ``width`` of tokens, ``attention`` (FlexiBERT's SA-SDP, SA-WMA, LT-DFT, LT-DCT
    or DSC-<kernel>; default SA-SDP), ``heads``, ``head_width`` (default: width by heads; the width of tokens is heads
    by head_width if nothing says another), ``ratio`` of feed-forward networks or their ``hidden`` width, ``stack``,
    their hidden layers (1).

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
        layer, fixed = _layer(given.get("layer", {}), f"{where}, layer")
        if layer.relative and isinstance(self.embedding, TokenEmbedding):
            raise BadInput(f"{where}, layer: relative {layer.relative} of tokens that are no patches, expected 0")
        plan = Plan(self.embedding, self.stages, self.classes, layer, fixed)
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

    what_multiplies = "convolutions, linear layers and products of matrices"

    @property
    def default_features(self) -> tuple[str, ...]:
        """The number of layers, and the costs."""
        return ("n_layers", "params", "macs")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, whose tables need not be made for that."""
        return ("n_layers", "params", "macs")

    def _features(self) -> Iterator[Feature]:
        meaning = "layers, each an attention and a feed-forward network"
        yield self.feature("n_layers", lambda block: isinstance(block, Attention), "layers", meaning, "int32")
        yield from super()._features()


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


def _layer(given: object, where: str) -> tuple[Layer, dict[str, Value]]:
    """Return what holds of all layers, and the attributes that are fixed."""
    known = with_keys(given, _FIXED, where)
    norm: Norm = one_of(known.get("norm", "before"), get_args(Norm), "norm", where)  # type: ignore[assignment]
    activation: Activation = one_of(  # type: ignore[assignment]
        known.get("activation", "gelu"), get_args(Activation), "activation", where
    )
    layer = Layer(norm, activation, number(known.get("relative", 0), 0, 10_000, f"{where}: relative"))
    return layer, {key: _CHECKS[key](known[key], where) for key in _ATTRIBUTES if key in known}


def _choice(given: object, stages: int, where: str) -> Choice:
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
    return Choice(per, values, arch, before, between, after, bool(order), where)


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
