"""Forms of blocks: what a definition says of a block, and the block that it is where it stands."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, Literal, get_args

from sedspace.errors import BadInput
from sedspace.spaces.blocks import Activation, ConvBlock, Gate
from sedspace.spaces.definitions import (
    MOST_CHOICES,
    among,
    decimal,
    filled,
    flag,
    number,
    one_of,
    tables,
    text,
    with_keys,
)
from sedspace.spaces.parts import Kind as OperationKind
from sedspace.spaces.whole import Decision, Value

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


NOTHING = Form()
FORM = tuple(field.name for field in fields(Form))
_OPTION = {"arch": False, **dict.fromkeys(FORM, False)}


@dataclass(frozen=True)
class Network:
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


@functools.lru_cache(maxsize=1 << 16)
def block_at(network: Network, *place: Any) -> ConvBlock:
    """Return the block of a form where it stands; the same one for the same."""
    return network.block(*place)


# -- reading what a definition says --------------------------------------------------------------------------------


def activation_of(given: object, where: str) -> Activation:
    """Return an activation; raise `BadInput` that names the nearest for anything else."""
    return one_of(given, get_args(Activation), "activation", where)  # type: ignore[return-value]


def alternatives(given: object, own: Mapping[str, object], where: str, key: str) -> tuple[tuple[Form, str | None], ...]:
    """Return the forms of alternatives, one after the other, each with its template of a text."""
    if given is None:
        return tuple((form, None) for form in forms_of(own, where))
    out: list[tuple[Form, str | None]] = []
    for place, one in enumerate(tables(given, f"{where}, {key}"), start=1):
        here = f"{where}, {key} {place}"
        known = with_keys(one, _OPTION, here)
        arch = text(known["arch"], f"{here}: arch") if "arch" in known else None
        forms = forms_of({**own, **{name: known[name] for name in FORM if name in known}}, here)
        out += [(form, arch) for form in forms]
    return tuple(out)


def forms_of(given: Mapping[str, object], where: str) -> list[Form]:
    """Return the forms of a table in which a list is a choice; the later key of `Form` varies faster."""
    listed = {key: among(given[key], key, where) for key in FORM if key in given}
    if (together := math.prod(map(len, listed.values()))) > MOST_CHOICES:
        raise BadInput(f"{where}: {together:,} choices, expected at most {MOST_CHOICES:,}")
    checked = [[_CHECKS[key](one, where) for one in some] for key, some in listed.items()]
    forms = [Form(**dict(zip(listed, row, strict=True))) for row in product(*checked)]
    for form in forms:
        if form.middle is not None and form.expansion is not None:
            raise BadInput(f"{where}: both middle {form.middle} and expansion {form.expansion}, expected one of them")
        for key in said(form):
            if form.block is not None and key not in ("block", *_TAKES[form.block]):
                raise BadInput(f"{where}: {key} of block {form.block!r}, expected none")
    return forms


def said(form: Form) -> dict[str, object]:
    """Return what a form says."""
    return {key: value for key, value in vars(form).items() if value is not None}


def differing(forms: Sequence[Form]) -> list[str]:
    """Return in what forms differ."""
    return [key for key in FORM if len({getattr(form, key) for form in forms}) > 1]


def decision(
    known: Mapping[str, object], values: Mapping[str, Value], chosen: Sequence[str], arch: str | None, where: str
) -> Decision:
    """Return what may be chosen: its text by a template; by default what differs, each with its first letter."""
    decided = {key: one for key, one in known.items() if one is not None}
    usual = filled("".join(f"{key[0]}{{{key}}}" for key in chosen if key in decided), decided, where)
    written = usual if arch is None else filled(arch, decided, where)
    form = values.get("each")
    kind: OperationKind = "skip" if isinstance(form, Form) and form.block in _PLAIN else "conv"
    return Decision(written or usual, written, values, None if chosen == ["layers"] else kind)


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
    "activation": activation_of,
    "always_expands": lambda one, where: flag(one, f"{where}: always_expands"),
}


def _odd(given: object, where: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given not in range(1, 100, 2):
        raise BadInput(f"{where} {given!r}, expected an odd number of pixels up to 99")
    return given
