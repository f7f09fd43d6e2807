"""The plan of a network in stages: its positions, parts and checks, stage by stage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from sedspace.errors import BadInput
from sedspace.spaces.blocks import Activation, Block, Classifier, GlobalPool
from sedspace.spaces.definitions import number
from sedspace.spaces.forms import NOTHING, Form, Network, block_at, decision, differing, said
from sedspace.spaces.parts import Position
from sedspace.spaces.whole import Check, Decision, Known, Most, Part, Value, Variable


@dataclass(frozen=True)
class Stage:
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
        chosen = differing([form for form, _ in self.once])
        for form, arch in self.once:
            values["form"].append(decision(said(form), {"once": form}, chosen, arch, self.where))
        values["width"] += [Decision("", str(width), {"width": width}) for width in self.widths]
        values["layers"] += [Decision("", str(layers), {"layers": layers}, None) for layers in self.layers]
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
        chosen += differing([form for form, _ in self.once])
        for width, layers, (form, arch) in product(self.widths, self.layers, self.once):
            known = {"width": width, "layers": layers, **said(form)}
            values: dict[str, Value] = {"width": width, "layers": layers, "once": form}
            out.append(decision(known, values, chosen, self.arch if arch is None else arch, self.where))
        return out


@dataclass(frozen=True)
class Layers:
    """Makes layers of a stage, from one number to another, from the values of what is not fixed."""

    network: Network
    stage: Stage
    first: int
    last: int
    fixed: Mapping[str, Value]
    open: tuple[str, ...]

    def __call__(self, *values: Value) -> tuple[Block, ...]:
        """Return the layers that there are."""
        known = {**self.fixed, **dict(zip(self.open, values, strict=True))}
        c_in, c_out, layers, once, each = (known[key] for key in ("before", "width", "layers", "once", "each"))
        many = (min(layers, self.last) if isinstance(layers, int) else self.last) - self.first + 1
        if each is None or many < 1:
            return ()
        assert isinstance(c_out, int)
        assert isinstance(once, Form)
        assert isinstance(each, Form)
        form, stage = once if each == NOTHING else each.over(once), self.stage
        if self.first > 1:
            return (block_at(self.network, form, c_out, c_out, stage.side // stage.stride, 1, stage.number),) * many
        assert isinstance(c_in, int)
        return (block_at(self.network, form, c_in, c_out, stage.side, stage.stride, stage.number),)


@dataclass(frozen=True)
class HeadConv:
    """A 1x1 convolution of the head, before the average of each channel, or behind it."""

    width: int
    activation: Activation
    batch_norm: bool
    pooled: bool


@dataclass(frozen=True)
class Head:
    """Makes the head behind so many channels: convolutions, the average of each channel, the classifier."""

    network: Network
    convs: tuple[HeadConv, ...]
    side: int
    classes: int

    def __call__(self, width: Value) -> tuple[Block, ...]:
        """Return the head's blocks."""
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


class Plan:
    """Positions, parts and checks as they come together, stage by stage."""

    def __init__(self, network: Network, between: tuple[str, str]) -> None:
        self.network = network
        self.between_stages, self.between_layers = between
        self.positions: list[Position] = []
        self.parts: list[Part] = []
        self.checks: list[Check] = []
        self.layers: list[Known] = []  # of each stage

    def add(self, stage: Stage, before: Known) -> Known:
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
            made = Layers(self.network, stage, layer, last, fixed, tuple(open_))
            self.parts.append(Part(tuple(open_.values()), made))
        return known["width"]

    def _check_groups(self, stage: Stage, before: Known) -> None:
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

    def _each(self, stage: Stage, layer: int, before: Known, known: Mapping[str, Known], behind: bool) -> Known:
        """Add what is decided at one layer of a stage."""
        same = layer > 1 or (stage.stride == 1 and before.variable is None and (before.value,) == stage.widths)
        forms = [(form, arch) for form, arch in stage.each if same or form.block != "identity"]
        if not forms:
            raise BadInput(f"{stage.where}: only identities where the shape changes, expected another choice")
        chosen = differing([form for form, _ in forms])
        where = f"{stage.where}, layer {layer}"
        decisions = [decision(said(form), {"each": form}, chosen, arch, where) for form, arch in forms]
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

    def add_head(self, head: Head, before: Known) -> None:
        """Add the head, behind the channels of the last stage."""
        if before.variable is None:
            blocks = head(before.value)
            self.parts.append(Part((), lambda: blocks))
        else:
            self.parts.append(Part((before.variable,), head))

    def most(self, given: Mapping[str, object], stages: Sequence[Stage], where: str) -> Most | None:
        """Return the limit to the number of layers."""
        if "most_layers" not in given:
            return None
        least = sum(min(stage.layers) for stage in stages)
        most = number(given["most_layers"], least, 1_000_000, f"{where}: most_layers")
        fixed = sum(one.value for one in self.layers if isinstance(one.value, int))
        return Most(tuple(one.variable for one in self.layers if one.variable is not None), most - fixed)
