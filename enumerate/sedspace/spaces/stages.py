"""Convolutional networks of blocks in stages: the spaces whose definition says ``kind = "stages"``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from sedspace.errors import BadInput
from sedspace.spaces.blocks import Block, Classifier, ConvBlock, Gate, GlobalPool
from sedspace.spaces.definitions import (
    MOST_CHOICES,
    among,
    flag,
    identifier,
    number,
    one_of,
    tables,
    text,
    with_keys,
)
from sedspace.spaces.forms import FORM, Network, activation_of, alternatives, forms_of
from sedspace.spaces.parts import Feature, layers_feature
from sedspace.spaces.skeleton import Skeleton
from sedspace.spaces.stage_plan import Head, HeadConv, Plan, Stage
from sedspace.spaces.whole import Known, NetworkSpace, Part, initialisation

_MOST_LAYERS = 1000  # of a stage

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
_STAGE_KEYS = {**_STAGE, **dict.fromkeys(FORM, False)}
_STEM = {"width": True, "stride": False, **dict.fromkeys(FORM, False)}
_HEAD = {"width": True, "activation": False, "batch_norm": False, "pooled": False}
_SQUEEZE = {"of": False, "by": False, "divisor": False, "activation": False, "gate": False}


class StagesSpace(NetworkSpace):
    """Networks of a stem, stages of blocks and a head, as a definition describes them.

    A definition has the keys ``kind = "stages"``, ``name``, ``title``, ``dataset`` (a name for it), ``side`` of the
    input in pixels and ``classes``, ``activation`` of all blocks that do not say another (relu, relu6, hswish, silu,
    gelu, none; default relu), ``divisor``, of which channels between convolutions are rounded to multiples (1),
    ``init`` (how weights are initialised, see `sedspace.networks.initial`), and

    - ``[[stem]]``, one or more fixed blocks: ``width``, ``stride`` (1), and what is said of a block;
    - ``[[stages]]``: ``width``, ``stride`` of the first layer (1), ``layers`` (1), and what is said of a block, for all
      of its layers alike. **A list of values is a choice**, and all that is chosen once for a stage is one position, of
      every combination: the later of width, layers, block, expansion, kernel, middle, groups, se, activation varies
      faster. ``options``, a list of tables, are alternatives of which each says more of the block. ``each``, a table or
      a list of alternatives, is chosen anew at every layer, which has a position of its own, and is ``none`` where an
      architecture has no such layer. With ``apart = true`` form, width and layers are positions of their own;
    - ``[every]``, what holds for all stages that do not say otherwise;
    - ``[[head]]``, 1x1 convolutions: ``width``, ``activation``, ``batch_norm`` (true), ``pooled`` (false: before the
      average of each channel); a linear classifier comes last;
    - ``[squeeze]``, how squeeze-and-excite is made: ``of`` the channels of the block's ``input`` or ``middle``
      (default), divided ``by`` (4), rounded to a ``divisor`` (1), ``activation``, ``gate`` (sigmoid or hsigmoid);
    - ``most_layers``, the greatest sum of all stages' layers.

    What is said of a block: ``block``, its kind (conv, mbconv, residual, bottleneck; skip: nothing, but a 1x1
    convolution where the shape changes; identity: only where it does not), ``expansion``, ``kernel`` (3), ``middle``,
    the channels between its convolutions, ``groups``, ``se`` (true or false), ``activation``, ``always_expands``.

    The texts of which arch strings are put together: ``arch`` of a stage, of an option or of what is chosen at each
    layer, with ``{kernel}`` and so on for the values; ``between_stages`` and ``between_layers`` stand between them.

    Attributes
    ----------
    dataset : str
    side, classes : int
        Of the input, in pixels, and of the output.
    init : str
        How the weights of its networks are initialised: see `sedspace.networks.initial`.
    stages : int
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
        plan = Plan(network, _between(given, where))
        before = Known(width)
        plan.parts += [Part((), lambda block=block: (block,)) for block in stem]
        for stage in stages:
            before = plan.add(stage, before)
        end, self.stages = stages[-1], len(stages)
        plan.add_head(_head(given, network, end.side // end.stride, self.classes, where), before)
        most = plan.most(given, stages, where)
        name, title = identifier(given["name"], where), text(given["title"], f"{where}: title")
        super().__init__(name, title, plan.positions, plan.parts, plan.checks, most)

    @property
    def skeletons(self) -> tuple[Skeleton, ...]:
        """What its networks take and put out."""
        return (Skeleton(self.dataset, self.side, self.classes, (), 0),)

    @property
    def default_features(self) -> tuple[str, ...]:
        """The number of blocks, and the costs."""
        return ("n_blocks", "params", "macs")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, whose tables need not be made for that."""
        return ("n_blocks", "params", "macs", "layers", "macs_thop")

    def _features(self) -> Iterator[Feature]:
        yield self.feature("n_blocks", is_block, "blocks", "blocks of the stages, skips not counted", "int32")
        yield from super()._features()
        base, table = self.sum_of(lambda block: block.cost.layers)
        yield layers_feature(table, base)
        meaning = "MACs as thop counts them: four for each output of a BatchNorm, one for each input of a pooling, too"
        yield self.feature("macs_thop", _thop_macs, "MACs per image", meaning, "int64")


def is_block(block: Block) -> bool:
    """Return whether a block is one of a stage that is no skip."""
    return isinstance(block, ConvBlock) and block.stage > 0 and block.kind != "skip"


def _thop_macs(block: Block) -> int:
    assert isinstance(block, ConvBlock | GlobalPool | Classifier)
    return block.thop_macs


# -- reading a definition -------------------------------------------------------------------------------------------


def _network(given: Mapping[str, object], where: str) -> Network:
    squeeze = with_keys(given.get("squeeze", {}), _SQUEEZE, f"{where}, squeeze")
    of = one_of(squeeze.get("of", "middle"), ("input", "middle"), "of", f"{where}, squeeze")
    return Network(
        activation_of(given.get("activation", "relu"), where),
        number(given.get("divisor", 1), 1, 1000, f"{where}: divisor"),
        of == "input",
        number(squeeze.get("by", 4), 1, 1000, f"{where}, squeeze: by"),
        number(squeeze.get("divisor", 1), 1, 1000, f"{where}, squeeze: divisor"),
        activation_of(squeeze["activation"], f"{where}, squeeze") if "activation" in squeeze else None,
        _gate(squeeze.get("gate", "sigmoid"), f"{where}, squeeze"),
    )


def _gate(given: object, where: str) -> Gate:
    return one_of(given, get_args(Gate), "gate", where)  # type: ignore[return-value]


def _between(given: Mapping[str, object], where: str) -> tuple[str, str]:
    stages, layers = (text(given.get(f"between_{of}", ""), f"{where}: between_{of}") for of in ("stages", "layers"))
    return stages, layers


def _stem(given: Mapping[str, object], network: Network, side: int, where: str) -> tuple[list[ConvBlock], int, int]:
    """Return the stem's blocks, its width, and the side of its output."""
    out, c_in = [], 3
    for place, one in enumerate(tables(given["stem"], f"{where}, stem"), start=1):
        here = f"{where}, stem {place}"
        known = with_keys(one, _STEM, here)
        width = number(known["width"], 1, 100_000, f"{here}: width")
        stride = _stride(known.get("stride", 1), side, here)
        forms = forms_of({key: known[key] for key in FORM if key in known}, here)
        if len(forms) > 1:
            raise BadInput(f"{here}: {len(forms)} choices, expected none outside of the stages")
        out.append(network.block(forms[0], c_in, width, side, stride, 0))
        c_in, side = width, side // stride
    return out, c_in, side


def _head(given: Mapping[str, object], network: Network, side: int, classes: int, where: str) -> Head:
    convs: list[HeadConv] = []
    for place, one in enumerate(tables(given.get("head", []), f"{where}, head", least=0), start=1):
        here = f"{where}, head {place}"
        known = with_keys(one, _HEAD, here)
        pooled = flag(known.get("pooled", False), f"{here}: pooled")
        if convs and convs[-1].pooled and not pooled:
            raise BadInput(f"{here}: pooled {pooled}, expected true behind what is pooled")
        width = number(known["width"], 1, 1_000_000, f"{here}: width")
        activation = activation_of(known.get("activation", network.activation), here)
        convs.append(HeadConv(width, activation, flag(known.get("batch_norm", True), f"{here}: batch_norm"), pooled))
    return Head(network, tuple(convs), side, classes)


def _stride(given: object, side: int, where: str) -> int:
    stride = number(given, 1, 1000, f"{where}: stride")
    if side % stride:
        raise BadInput(f"{where}: stride {stride} of {side} pixels, expected a number that divides them")
    return stride


def _stages(given: Mapping[str, object], side: int, where: str) -> Iterator[Stage]:
    every = with_keys(given.get("every", {}), dict.fromkeys(_STAGE_KEYS, False), f"{where}, every")
    for place, one in enumerate(tables(given["stages"], f"{where}, stages"), start=1):
        here = f"{where}, stage {place}"
        known = with_keys({**every, **with_keys(one, dict.fromkeys(_STAGE_KEYS, False), here)}, _STAGE_KEYS, here)
        stage = _stage(known, place, side, here)
        side //= stage.stride
        yield stage


def _stage(given: Mapping[str, object], place: int, side: int, where: str) -> Stage:
    widths = tuple(number(one, 1, 100_000, f"{where}: width") for one in among(given["width"], "width", where))
    layers = tuple(
        number(one, 1, _MOST_LAYERS, f"{where}: layers") for one in among(given.get("layers", 1), "layers", where)
    )
    own = {key: given[key] for key in FORM if key in given}
    once = alternatives(given.get("options"), own, where, "option")
    apart = flag(given.get("apart", False), f"{where}: apart")
    if not apart and (together := len(widths) * len(layers) * len(once)) > MOST_CHOICES:
        raise BadInput(f"{where}: {together:,} choices, expected at most {MOST_CHOICES:,}")
    if any(form.block == "identity" for form, _ in once):
        raise BadInput(f"{where}: block 'identity' of a whole stage, expected it at each layer")
    arch = text(given["arch"], f"{where}: arch") if "arch" in given else None
    each = alternatives(given.get("each"), {}, where, "each")
    stride = _stride(given.get("stride", 1), side, where)
    return Stage(place, side, stride, widths, layers, once, each, arch, apart, where)
