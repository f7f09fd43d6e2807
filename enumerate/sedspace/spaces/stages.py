"""Convolutional networks of blocks in stages: the spaces whose definition says ``kind = "stages"``."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, Literal, get_args

from sedspace.errors import BadInput
from sedspace.spaces.blocks import Activation, Block, Classifier, ConvBlock, Gate, GlobalPool
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
from sedspace.spaces.parts import Feature, Position
from sedspace.spaces.parts import Kind as OperationKind
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.whole import Check, Decision, Known, Most, NetworkSpace, Part, Value, Variable, initialisation

_MOST_LAYERS = 1000  # of a stage

Built = Literal["conv", "mbconv", "residual", "bottleneck", "skip", "identity"]


@dataclass(frozen=True)
class Form:
    """What is decided of a block so far; None: nothing.

    Attributes
    ----------
    block : str
        Its kind; an identity is a skip that stands only where the shape stays.
    expansion : int or float
        Channels between an mbconv's convolutions, by those of its input; a bottleneck's, by those of its output.
    kernel : int
    middle : int
        Channels between its convolutions.
    groups : int
    se : bool
        Whether it has squeeze-and-excite.
    activation : str
    always_expands : bool
        Whether an mbconv has its first 1x1 convolution, too, if expansion is 1.
    """

    block: Built | None = None
    expansion: float | None = None
    kernel: int | None = None
    middle: int | None = None
    groups: int | None = None
    se: bool | None = None
    activation: Activation | None = None
    always_expands: bool | None = None

    def over(self, other: Form) -> Form:
        """Return this form with what it does not say taken from another."""
        return replace(other, **{key: value for key, value in vars(self).items() if value is not None})


_NOTHING = Form()
_FORM = tuple(field.name for field in fields(Form))
_TOP = {
    "kind": True,
    "name": True,
    "title": True,
    "dataset": False,
    "side": True,
    "classes": True,
    "activation": False,
    "divisor": False,
    "squeeze": False,
    "init": False,
    "stem": True,
    "every": False,
    "stages": True,
    "head": False,
    "most_layers": False,
    "between_stages": False,
    "between_layers": False,
}
_STAGE = {"width": True, **dict.fromkeys(("stride", "layers", "options", "each", "arch", "apart"), False)}
_STAGE_KEYS = {**_STAGE, **dict.fromkeys(_FORM, False)}
_OPTION = {"arch": False, **dict.fromkeys(_FORM, False)}
_STEM = {"width": True, "stride": False, **dict.fromkeys(_FORM, False)}
_HEAD = {"width": True, "activation": False, "batch_norm": False, "pooled": False}
_SQUEEZE = {"of": False, "by": False, "divisor": False, "activation": False, "gate": False}


@dataclass(frozen=True)
class _Network:
    """What holds in all of a network.

    Attributes
    ----------
    activation : str
    divisor : int
        Channels between convolutions are rounded to multiples of it.
    of_input : bool
        Whether the channels of a squeeze-and-excite go by those of the block's input, or by its middle ones.
    by, squeeze_divisor : int
        Those are divided by the one and rounded to multiples of the other.
    squeeze_activation, gate : str
    """

    activation: Activation = "relu"
    divisor: int = 1
    of_input: bool = False
    by: int = 4
    squeeze_divisor: int = 1
    squeeze_activation: Activation | None = None
    gate: Gate = "sigmoid"

    def block(self, form: Form, c_in: int, c_out: int, side: int, stride: int, stage: int) -> ConvBlock:
        """Return the block of a form, where it stands."""
        kind: Built = form.block or "conv"
        activation = form.activation or self.activation
        middle = self._middle(form, c_in, c_out)
        of = c_in if self.of_input else middle
        plain = kind in _PLAIN
        return ConvBlock(
            kind="skip" if kind == "identity" else kind,
            c_in=c_in,
            c_out=c_out,
            kernel=1 if plain else form.kernel or 3,
            side=side,
            stage=stage,
            stride=stride,
            middle=middle,
            groups=form.groups or 1,
            squeezed=max(1, rounded(of // self.by, self.squeeze_divisor)) if form.se and kind == "mbconv" else 0,
            activation=activation,
            squeeze_activation=self.squeeze_activation or activation,
            gate=self.gate,
            expands=kind == "mbconv" and (middle != c_in or bool(form.always_expands)),
        )

    def _middle(self, form: Form, c_in: int, c_out: int) -> int:
        """Return the channels between a block's convolutions."""
        if form.block == "mbconv":
            return form.middle or rounded(round(c_in * (form.expansion or 1)), self.divisor)
        if form.block == "bottleneck":
            return form.middle or max(1, rounded(round(c_out * (form.expansion or 1)), self.divisor))
        return (form.middle or c_out) if form.block == "residual" else 0


def rounded(channels: int, divisor: int) -> int:
    """Return the nearest multiple of a divisor, but not less than nine tenths of the channels, nor 0 (MobileNet)."""
    if divisor == 1:
        return channels
    out = max(divisor, (2 * channels + divisor) // (2 * divisor) * divisor)
    return out + divisor if 10 * out < 9 * channels else out


@dataclass(frozen=True)
class _Stage:
    """A stage as its definition has it: what is decided once, and at each of its layers."""

    number: int
    side: int
    stride: int
    widths: tuple[int, ...]
    layers: tuple[int, ...]
    once: tuple[tuple[Form, str | None], ...]
    each: tuple[tuple[Form, str | None], ...]
    arch: str | None
    apart: bool
    where: str

    def decisions(self) -> dict[str, list[Decision]]:
        """Return what is chosen once, at one position or apart, by the name of the position."""
        name = f"stage {self.number}"
        return self._each_apart(name) if self.apart else {name: self._together()}

    def _each_apart(self, name: str) -> dict[str, list[Decision]]:
        """Return form, width and number of layers, each at a position of its own, in the order of the template."""
        values: dict[str, list[Decision]] = {"form": [], "width": [], "layers": []}
        chosen = _differing([form for form, _ in self.once])
        for form, arch in self.once:
            values["form"].append(_decision(_said(form), {"once": form}, chosen, arch, self.where))
        values["width"] += [Decision("", str(width), {"width": width}) for width in self.widths]
        values["layers"] += [Decision("", str(layers), {"layers": layers}) for layers in self.layers]
        template = "{form}{width}{layers}" if self.arch is None else self.arch
        keys = re.findall(r"\{(\w*)\}", template)
        if sorted(keys) != sorted(open_ := [key for key, some in values.items() if len(some) > 1]):
            expected = " and ".join(f"{{{key}}}" for key in open_)
            raise BadInput(f"{self.where}: arch {template!r} of choices apart, expected {expected}, each once")
        *before, last = re.split(r"\{\w*\}", template)
        out = {}
        for key, behind, text_before in zip(keys, [*[""] * (len(keys) - 1), last], before, strict=True):
            texts = [text_before + one.text + behind for one in values[key]]
            out[f"{name} {key}"] = [replace(one, name=t, text=t) for one, t in zip(values[key], texts, strict=True)]
        return out

    def _together(self) -> list[Decision]:
        """Return the combinations of width, number of layers and form."""
        out = []
        chosen = [key for key, some in (("width", self.widths), ("layers", self.layers)) if len(some) > 1]
        chosen += _differing([form for form, _ in self.once])
        for width, layers, (form, arch) in product(self.widths, self.layers, self.once):
            known = {"width": width, "layers": layers, **_said(form)}
            values: dict[str, Value] = {"width": width, "layers": layers, "once": form}
            out.append(_decision(known, values, chosen, self.arch if arch is None else arch, self.where))
        return out


class StagesSpace(NetworkSpace):
    """Networks of a stem, stages of blocks and a head, as a definition describes them.

    Attributes
    ----------
    dataset : str
    side, classes : int
        Of the input, in pixels, and of the output.
    init : str
        How the weights of its networks are initialised: see `sedspace.networks.initial`.
    """

    def __init__(self, definition: Mapping[str, object], where: str) -> None:
        given = with_keys(definition, _TOP, where)
        self.dataset = text(given.get("dataset", "own"), f"{where}: dataset")
        self.side = number(given["side"], 1, 100_000, f"{where}: side")
        self.classes = number(given["classes"], 1, 1_000_000, f"{where}: classes")
        self.init = initialisation(given, where)
        network = _network(given, where)
        stem, width, side = _stem(given, network, self.side, where)
        stages = list(_stages(given, side, where))
        plan = _Plan(network, _between(given, where))
        before = Known(width)
        plan.parts += [Part((), lambda block=block: (block,)) for block in stem]
        for stage in stages:
            before = plan.add(stage, before)
        end = stages[-1]
        plan.add_head(_head(given, network, end.side // end.stride, self.classes, where), before)
        most = plan.most(given, stages, where)
        name, title = identifier(given["name"], where), text(given["title"], f"{where}: title")
        super().__init__(name, title, plan.positions, plan.parts, plan.checks, most)

    @property
    def skeletons(self) -> tuple[Skeleton, ...]:
        """What its networks take and put out."""
        return (Skeleton(self.dataset, self.side, self.classes, (), 0),)

    def is_layer(self, block: Block) -> bool:
        """Return whether a block counts as a layer: one of a stage that is no skip."""
        return isinstance(block, ConvBlock) and block.stage > 0 and block.kind != "skip"

    def _features(self) -> Iterator[Feature]:
        yield from super()._features()
        meaning = "MACs as thop counts them: four for each output of a BatchNorm, one for each input of a pooling, too"
        yield self.feature("macs_thop", _thop_macs, "MACs per image", meaning, "int64")


def _thop_macs(block: Block) -> int:
    assert isinstance(block, ConvBlock | GlobalPool | Classifier)
    return block.thop_macs


# -- the plan of a network: its positions, parts and checks --------------------------------------------------------


@dataclass(frozen=True)
class _Layers:
    """Makes layers of a stage, from one number to another, from the values of what is not fixed."""

    network: _Network
    stage: _Stage
    first: int
    last: int
    fixed: Mapping[str, Value]
    open: tuple[str, ...]

    def __call__(self, *values: Value) -> tuple[Block, ...]:
        known = {**self.fixed, **dict(zip(self.open, values, strict=True))}
        c_in, c_out, layers, once, each = (known[key] for key in ("before", "width", "layers", "once", "each"))
        many = (min(layers, self.last) if isinstance(layers, int) else self.last) - self.first + 1
        if each is None or many < 1:
            return ()
        assert isinstance(c_out, int)
        assert isinstance(once, Form)
        assert isinstance(each, Form)
        form, stage = once if each == _NOTHING else each.over(once), self.stage
        if self.first > 1:
            return (_block(self.network, form, c_out, c_out, stage.side // stage.stride, 1, stage.number),) * many
        assert isinstance(c_in, int)
        return (_block(self.network, form, c_in, c_out, stage.side, stage.stride, stage.number),)


@functools.lru_cache(maxsize=1 << 16)
def _block(network: _Network, *place: Any) -> ConvBlock:
    """Return the block of a form where it stands; the same one for the same."""
    return network.block(*place)


@dataclass(frozen=True)
class _HeadConv:
    """A 1x1 convolution of the head, before the average of each channel, or behind it."""

    width: int
    activation: Activation
    batch_norm: bool
    pooled: bool


@dataclass(frozen=True)
class _Head:
    """Makes the head behind so many channels: convolutions, the average of each channel, the classifier."""

    network: _Network
    convs: tuple[_HeadConv, ...]
    side: int
    classes: int

    def __call__(self, width: Value) -> tuple[Block, ...]:
        assert isinstance(width, int)
        out: list[Block] = []
        for pooled in (False, True):
            if pooled:
                out.append(GlobalPool(width, self.side))
            for conv in self.convs:
                if conv.pooled == pooled:
                    form = Form(block="conv", kernel=1, activation=conv.activation)
                    block = self.network.block(form, width, conv.width, 1 if pooled else self.side, 1, 0)
                    out.append(replace(block, batch_norm=conv.batch_norm))
                    width = conv.width
        return (*out, Classifier(width, self.classes))


class _Plan:
    """Positions, parts and checks as they come together, stage by stage."""

    def __init__(self, network: _Network, between: tuple[str, str]) -> None:
        self.network = network
        self.between_stages, self.between_layers = between
        self.positions: list[Position] = []
        self.parts: list[Part] = []
        self.checks: list[Check] = []
        self.layers: list[Known] = []  # of each stage

    def add(self, stage: _Stage, before: Known) -> Known:
        """Add a stage behind channels that may be a variable; return its own."""
        known = {"width": Known(stage.widths[0]), "layers": Known(stage.layers[0]), "once": Known(stage.once[0][0])}
        behind = False
        for name, decisions in stage.decisions().items():
            prefix = "" if behind or not self.positions else self.between_stages
            position = self._position(name, decisions, prefix, stage.where)
            if position is not None:
                behind = True
                for key in decisions[0].values:
                    if len({one.values[key] for one in decisions}) > 1:
                        known[key] = Known(None, Variable(position, key))
        known["before"] = before
        self.layers.append(known["layers"])
        self._check_groups(stage, before)
        most = max(stage.layers)
        alike = len(stage.each) == 1  # all layers behind the first
        for layer in range(1, min(most, 2) + 1 if alike else most + 1):
            known["each"] = self._each(stage, layer, before, known, behind)
            open_ = {key: one.variable for key, one in known.items() if one.variable is not None}
            if layer > 1:
                open_.pop("before", None)
            if (last := most if alike and layer > 1 else layer) <= min(stage.layers):
                open_.pop("layers", None)
            fixed = {key: known[key].value for key in known if key not in open_}
            made = _Layers(self.network, stage, layer, last, fixed, tuple(open_))
            self.parts.append(Part(tuple(open_.values()), made))
        return known["width"]

    def _check_groups(self, stage: _Stage, before: Known) -> None:
        """Raise `BadInput` if channels do not divide by groups."""
        grouped = [form for each, _ in stage.each for once, _ in stage.once if (form := each.over(once)).groups]
        if before.variable is None:
            first = [before.value]
        else:
            position = self.positions[before.variable.position]
            first = [choice.values["width"] for choice in position.choices if isinstance(choice, Decision)]
        for form, width in product(grouped, stage.widths):
            for c_in in dict.fromkeys([*first, *([width] if max(stage.layers) > 1 else [])]):
                assert isinstance(c_in, int)
                for conv in self.network.block(form, c_in, width, 1, 1, 1).convolutions:
                    for channels in (conv.c_in, conv.c_out):
                        if channels % conv.groups:
                            raise BadInput(
                                f"{stage.where}: groups {conv.groups} of {channels} channels, expected a number that "
                                f"divides them"
                            )

    def _position(self, name: str, decisions: Sequence[Decision], prefix: str, where: str) -> int | None:
        """Add a position, if there is something to decide at it; return its number."""
        if len(decisions) == 1:
            return None
        written = Counter(one.text for one in decisions if one.kind != "none")
        twice = next((one for one, often in written.items() if one and often > 1), None)
        if twice is not None:
            raise BadInput(f"{where}: {twice!r} stands for {written[twice]} choices, expected an arch for each")
        choices = tuple(replace(one, text=prefix + one.text if one.kind != "none" else "") for one in decisions)
        self.positions.append(Position(name, choices))
        return len(self.positions) - 1

    def _each(self, stage: _Stage, layer: int, before: Known, known: Mapping[str, Known], behind: bool) -> Known:
        """Add what is decided at one layer of a stage."""
        same = layer > 1 or (stage.stride == 1 and before.variable is None and (before.value,) == stage.widths)
        forms = [(form, arch) for form, arch in stage.each if same or form.block != "identity"]
        if not forms:
            raise BadInput(f"{stage.where}: only identities where the shape changes, expected another choice")
        chosen = _differing([form for form, _ in forms])
        where = f"{stage.where}, layer {layer}"
        decisions = [_decision(_said(form), {"each": form}, chosen, arch, where) for form, arch in forms]
        absent = len(decisions) > 1 and layer > min(stage.layers)
        if absent:
            decisions.append(Decision("none", "", {"each": None}, "none"))
        prefix = self.between_layers if layer > 1 else "" if behind or not self.positions else self.between_stages
        position = self._position(f"stage {stage.number} layer {layer}", decisions, prefix, where)
        if position is None:
            return Known(forms[0][0])
        own = Variable(position, "each")
        if absent:
            layers = known["layers"].variable
            assert layers is not None
            self.checks.append(Check((layers, own), lambda n, form: (n >= layer) == (form is not None)))
        return Known(None, own)

    def add_head(self, head: _Head, before: Known) -> None:
        """Add the head, behind the channels of the last stage."""
        if before.variable is None:
            blocks = head(before.value)
            self.parts.append(Part((), lambda: blocks))
        else:
            self.parts.append(Part((before.variable,), head))

    def most(self, given: Mapping[str, object], stages: Sequence[_Stage], where: str) -> Most | None:
        """Return the limit to the number of layers."""
        if "most_layers" not in given:
            return None
        least = sum(min(stage.layers) for stage in stages)
        most = number(given["most_layers"], least, 1_000_000, f"{where}: most_layers")
        fixed = sum(one.value for one in self.layers if isinstance(one.value, int))
        return Most(tuple(one.variable for one in self.layers if one.variable is not None), most - fixed)


# -- reading a definition -------------------------------------------------------------------------------------------


def _network(given: Mapping[str, object], where: str) -> _Network:
    squeeze = with_keys(given.get("squeeze", {}), _SQUEEZE, f"{where}, squeeze")
    of = one_of(squeeze.get("of", "middle"), ("input", "middle"), "of", f"{where}, squeeze")
    return _Network(
        _activation(given.get("activation", "relu"), where),
        number(given.get("divisor", 1), 1, 1000, f"{where}: divisor"),
        of == "input",
        number(squeeze.get("by", 4), 1, 1000, f"{where}, squeeze: by"),
        number(squeeze.get("divisor", 1), 1, 1000, f"{where}, squeeze: divisor"),
        _activation(squeeze["activation"], f"{where}, squeeze") if "activation" in squeeze else None,
        _gate(squeeze.get("gate", "sigmoid"), f"{where}, squeeze"),
    )


def _activation(given: object, where: str) -> Activation:
    return one_of(given, get_args(Activation), "activation", where)  # type: ignore[return-value]


def _gate(given: object, where: str) -> Gate:
    return one_of(given, get_args(Gate), "gate", where)  # type: ignore[return-value]


def _between(given: Mapping[str, object], where: str) -> tuple[str, str]:
    stages, layers = (text(given.get(f"between_{of}", ""), f"{where}: between_{of}") for of in ("stages", "layers"))
    return stages, layers


def _stem(given: Mapping[str, object], network: _Network, side: int, where: str) -> tuple[list[ConvBlock], int, int]:
    """Return the stem's blocks, its width, and the side of its output."""
    out, c_in = [], 3
    for place, one in enumerate(tables(given["stem"], f"{where}, stem"), start=1):
        here = f"{where}, stem {place}"
        known = with_keys(one, _STEM, here)
        width = number(known["width"], 1, 100_000, f"{here}: width")
        stride = _stride(known.get("stride", 1), side, here)
        forms = _forms({key: known[key] for key in _FORM if key in known}, here)
        if len(forms) > 1:
            raise BadInput(f"{here}: {len(forms)} choices, expected none outside of the stages")
        out.append(network.block(forms[0], c_in, width, side, stride, 0))
        c_in, side = width, side // stride
    return out, c_in, side


def _head(given: Mapping[str, object], network: _Network, side: int, classes: int, where: str) -> _Head:
    convs: list[_HeadConv] = []
    for place, one in enumerate(tables(given.get("head", []), f"{where}, head", least=0), start=1):
        here = f"{where}, head {place}"
        known = with_keys(one, _HEAD, here)
        pooled = flag(known.get("pooled", False), f"{here}: pooled")
        if convs and convs[-1].pooled and not pooled:
            raise BadInput(f"{here}: pooled {pooled}, expected true behind what is pooled")
        width = number(known["width"], 1, 1_000_000, f"{here}: width")
        activation = _activation(known.get("activation", network.activation), here)
        convs.append(_HeadConv(width, activation, flag(known.get("batch_norm", True), f"{here}: batch_norm"), pooled))
    return _Head(network, tuple(convs), side, classes)


def _stride(given: object, side: int, where: str) -> int:
    stride = number(given, 1, 1000, f"{where}: stride")
    if side % stride:
        raise BadInput(f"{where}: stride {stride} of {side} pixels, expected a number that divides them")
    return stride


def _stages(given: Mapping[str, object], side: int, where: str) -> Iterator[_Stage]:
    every = with_keys(given.get("every", {}), dict.fromkeys(_STAGE_KEYS, False), f"{where}, every")
    for place, one in enumerate(tables(given["stages"], f"{where}, stages"), start=1):
        here = f"{where}, stage {place}"
        known = with_keys({**every, **with_keys(one, dict.fromkeys(_STAGE_KEYS, False), here)}, _STAGE_KEYS, here)
        stage = _stage(known, place, side, here)
        side //= stage.stride
        yield stage


def _stage(given: Mapping[str, object], place: int, side: int, where: str) -> _Stage:
    widths = tuple(number(one, 1, 100_000, f"{where}: width") for one in among(given["width"], "width", where))
    layers = tuple(
        number(one, 1, _MOST_LAYERS, f"{where}: layers") for one in among(given.get("layers", 1), "layers", where)
    )
    own = {key: given[key] for key in _FORM if key in given}
    once = _alternatives(given.get("options"), own, where, "option")
    apart = flag(given.get("apart", False), f"{where}: apart")
    if not apart and (together := len(widths) * len(layers) * len(once)) > MOST_CHOICES:
        raise BadInput(f"{where}: {together:,} choices, expected at most {MOST_CHOICES:,}")
    if any(form.block == "identity" for form, _ in once):
        raise BadInput(f"{where}: block 'identity' of a whole stage, expected it at each layer")
    arch = text(given["arch"], f"{where}: arch") if "arch" in given else None
    each = _alternatives(given.get("each"), {}, where, "each")
    stride = _stride(given.get("stride", 1), side, where)
    return _Stage(place, side, stride, widths, layers, once, each, arch, apart, where)


def _alternatives(
    given: object, own: Mapping[str, object], where: str, key: str
) -> tuple[tuple[Form, str | None], ...]:
    """Return the forms of alternatives, one after the other, each with its template of a text."""
    if given is None:
        return tuple((form, None) for form in _forms(own, where))
    out: list[tuple[Form, str | None]] = []
    for place, one in enumerate(tables(given, f"{where}, {key}"), start=1):
        here = f"{where}, {key} {place}"
        known = with_keys(one, _OPTION, here)
        arch = text(known["arch"], f"{here}: arch") if "arch" in known else None
        forms = _forms({**own, **{name: known[name] for name in _FORM if name in known}}, here)
        out += [(form, arch) for form in forms]
    return tuple(out)


def _forms(given: Mapping[str, object], where: str) -> list[Form]:
    """Return the forms of a table in which a list is a choice; the later key of `Form` varies faster."""
    listed = {key: among(given[key], key, where) for key in _FORM if key in given}
    if (together := math.prod(map(len, listed.values()))) > MOST_CHOICES:
        raise BadInput(f"{where}: {together:,} choices, expected at most {MOST_CHOICES:,}")
    checked = [[_CHECKS[key](one, where) for one in some] for key, some in listed.items()]
    forms = [Form(**dict(zip(listed, row, strict=True))) for row in product(*checked)]
    for form in forms:
        for key in _said(form):
            if form.block is not None and key not in ("block", *_TAKES[form.block]):
                raise BadInput(f"{where}: {key} of block {form.block!r}, expected none")
    return forms


def _said(form: Form) -> dict[str, object]:
    """Return what a form says."""
    return {key: value for key, value in vars(form).items() if value is not None}


def _differing(forms: Sequence[Form]) -> list[str]:
    """Return in what forms differ."""
    return [key for key in _FORM if len({getattr(form, key) for form in forms}) > 1]


def _decision(
    known: Mapping[str, object], values: Mapping[str, Value], chosen: Sequence[str], arch: str | None, where: str
) -> Decision:
    """Return what may be chosen: its text by a template; by default what differs, each with its first letter."""
    said = {key: one for key, one in known.items() if one is not None}
    usual = filled("".join(f"{key[0]}{{{key}}}" for key in chosen if key in said), said, where)
    written = usual if arch is None else filled(arch, said, where)
    kind: OperationKind = "skip" if isinstance(form := values.get("each"), Form) and form.block in _PLAIN else "conv"
    return Decision(written or usual, written, values, kind)


_PLAIN = ("skip", "identity")
_TAKES: Mapping[str, tuple[str, ...]] = {
    "conv": ("kernel", "groups", "activation"),
    "mbconv": ("expansion", "kernel", "middle", "groups", "se", "activation", "always_expands"),
    "residual": ("kernel", "middle", "groups", "activation"),
    "bottleneck": ("expansion", "kernel", "middle", "groups", "activation"),
    "skip": ("activation",),
    "identity": (),
}
"""What may be said of a block of each kind."""


_CHECKS: Mapping[str, Callable[[object, str], Any]] = {
    "block": lambda one, where: one_of(one, get_args(Built), "block", where),
    "expansion": lambda one, where: decimal(one, f"{where}: expansion"),
    "kernel": lambda one, where: _odd(one, f"{where}: kernel"),
    "middle": lambda one, where: number(one, 1, 100_000, f"{where}: middle"),
    "groups": lambda one, where: number(one, 1, 100_000, f"{where}: groups"),
    "se": lambda one, where: flag(one, f"{where}: se"),
    "activation": _activation,
    "always_expands": lambda one, where: flag(one, f"{where}: always_expands"),
}


def _odd(given: object, where: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given not in range(1, 100, 2):
        raise BadInput(f"{where} {given!r}, expected an odd number of pixels up to 99")
    return given
