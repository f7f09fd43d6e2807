"""SED, "suppression of local entropy decrease", and its three parts.

Large pooling kernels lose local entropy, larger convolution kernels keep it, a skip connection restores it. The score
is that of arXiv 2411.06236 (Definition 4, which combines skip_SED, conv_SED and pool_SED). The typeset equations were
not available to this project: **the form below is identified from the paper's published results**, which it
reproduces (README, "Where SED comes from"). With one constant, ``lam = 3/4``, and odd kernel size k::

    w(k) = lam + (1 - lam) * (k - 1) / 2        of a convolution   1x1: 3/4, 3x3: 1, 5x5: 5/4; dilated: lam * w(k)
    q(k) = (1 - lam) * (k - 1) / 2              of a pooling       3x3: 1/4
    conv_SED = sum of w,   pool_SED = sum of q,   skip_SED = 1 + lam * residual
    SED(cell) = skip_SED * conv_SED - pool_SED
    SED(architecture) = sum over cells of multiplicity * SED(cell)
    SED(widths) = sum over convolutions of w(3) * log2(channels)      where the widths are what is chosen
    SED(blocks) = sum over blocks of skip_SED * conv_SED              this project's own extension to networks of blocks

`residual` counts the skip connections that join an input of the cell to a node whose value goes straight into its
output. With ``lam = p/q`` every term is an integer multiple of ``1/q^3`` (of ``1/q^2`` where nothing is dilated):
scores are computed and compared as those integers, so that ties are ties.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

from sedspace.errors import BadInput
from sedspace.scores.additive import AdditiveScore
from sedspace.scores.base import Score
from sedspace.spaces import Operation, Space
from sedspace.spaces.blocks import Block, ConvBlock
from sedspace.spaces.choices import ChoicesSpace
from sedspace.spaces.layers import LayersSpace
from sedspace.spaces.stages import StagesSpace
from sedspace.spaces.widths import WidthSpace

LAM = Fraction(3, 4)


def _conv(operation: Operation, lam: Fraction) -> int:
    """Return ``w(k)``, or ``lam * w(k)`` if it is dilated, in units of 1/q^2."""
    if operation.kind != "conv":
        return 0
    p, q = lam.numerator, lam.denominator
    return (p + (q - p) * (operation.kernel - 1) // 2) * (p if operation.dilation > 1 else q)


def _pool(operation: Operation, lam: Fraction) -> int:
    """Return ``q(k)`` in units of 1/q."""
    if operation.kind != "pool":
        return 0
    return (lam.denominator - lam.numerator) * (operation.kernel - 1) // 2


def _lam(lam: Fraction | str) -> Fraction:
    try:
        given = Fraction(lam)
    except (ValueError, ZeroDivisionError, TypeError, OverflowError):
        raise BadInput(f"lam {lam!r} is not a fraction: expected something like '3/4'") from None
    if not (0 < given < 1 and given.denominator <= 1000):
        raise BadInput(f"lam {lam} is out of range: expected a fraction between 0 and 1 with denominator up to 1000")
    return given


def sed(lam: Fraction | str = LAM) -> AdditiveScore:
    """Return the score SED.

    Parameters
    ----------
    lam : Fraction or str, default 3/4
        The score's one constant, between 0 and 1.

    Returns
    -------
    AdditiveScore
        Exact: its key is ``q^3 * SED`` with ``lam = p/q``; for the default, SED in 64ths.

    Raises
    ------
    BadInput
        If `lam` is not a fraction between 0 and 1.

    Examples
    --------
    >>> import sedspace as ss
    >>> float(ss.score("tss", ss.sed(), start=11668, stop=11669)[0])
    8.75
    >>> float(ss.score("tss", ss.sed("1/2"), start=11668, stop=11669)[0])
    7.5
    """
    lam = _lam(lam)
    p, q = lam.numerator, lam.denominator
    return AdditiveScore(
        "sed",
        {"residual": "residual", "conv": lambda o: _conv(o, lam), "pool": lambda o: _pool(o, lam)},
        lambda residual, conv, pool: (q + p * residual) * conv - q * q * pool,
        denominator=q**3,
        unit="1",
        meaning="suppression of local entropy decrease: skip_sed * conv_sed - pool_sed",
        parameters={"lam": str(lam)},
        monotone=["never falls", "rises", "falls"],
    )


def sed_scores(space: Space, parameters: Mapping[str, str]) -> Iterator[Score]:
    """Yield SED and, where it has them, its three parts, made with `lam` if that is among the parameters.

    Transformers have no SED, nor choices of which only names are known: there are no convolutions and poolings that it
    could be about.
    """
    if isinstance(space, LayersSpace | ChoicesSpace):
        return
    if isinstance(space, WidthSpace):
        yield sed_of_channels(space)
        return
    lam = parameters.get("lam", LAM)
    if isinstance(space, StagesSpace):
        yield sed_of_blocks(space, lam)
        return
    yield sed(lam)
    yield from sed_parts(lam)


def sed_of_channels(space: WidthSpace) -> AdditiveScore:
    """Return the score SED of a space of widths: the sum over its 3x3 convolutions of ``w(3) * log2(channels)``.

    There are no skip connections and poolings to choose, and ``w(3) = 1`` whatever `lam`. Channels are taken apart into
    primes, so that equal products of channels are equal scores: only in the end floats are added, always in one order.
    """
    exponents = space.channel_exponents
    logs = [math.log2(prime) for prime in exponents]
    return AdditiveScore(
        "sed",
        {f"prime_{prime}": list(table) for prime, table in exponents.items()},
        lambda *counts: counts[0] if len(logs) == 1 else sum(n * log for n, log in zip(counts, logs, strict=True)),
        unit="1",
        meaning="suppression of local entropy decrease: sum over convolutions of log2(channels)",
        per_group=False,
        monotone=["rises"] * len(exponents),
    )


def sed_of_blocks(space: StagesSpace, lam: Fraction | str = LAM) -> AdditiveScore:
    """Return the score SED of networks of blocks, **an extension of this project's own**: the paper has none.

    A block of a stage is a cell. Its convolutions count ``w(k)``, those of squeeze-and-excite and of shortcuts do not,
    nor does a skip, also where it changes the shape. `residual` is 1 if the block is of a kind that has a residual
    connection (mbconv, residual, bottleneck): whether stride and widths let an mbconv have it is not chosen. Spearman
    with accuracy is .855 on all of NAS-Bench-Macro and .607 on 2,562 of Accel-NASBench; if residual connections counted
    only where they are, and skips that change the shape were convolutions, it would be .665 and .568.
    """
    lam = _lam(lam)
    p, q = lam.numerator, lam.denominator

    def measure(block: Block) -> int:
        if not isinstance(block, ConvBlock) or block.stage == 0 or block.kind == "skip":
            return 0
        convs = sum(p + (q - p) * (conv.kernel - 1) // 2 for conv in block.convolutions)
        return (q + p * (block.kind != "conv")) * convs

    base, table = space.sum_of(measure)
    return AdditiveScore(
        "sed",
        {"blocks": list(table)},
        lambda blocks: blocks + base,
        denominator=q * q,
        unit="1",
        meaning="suppression of local entropy decrease, extended to blocks: sum over blocks of skip_sed * conv_sed",
        parameters={"lam": str(lam)},
        per_group=False,
        monotone=["rises"],
    )


def sed_parts(lam: Fraction | str = LAM) -> tuple[AdditiveScore, AdditiveScore, AdditiveScore]:
    """Return the scores skip_sed, conv_sed and pool_sed; their keys are in units of 1/q^2 (conv_sed) and 1/q."""
    lam = _lam(lam)
    p, q = lam.numerator, lam.denominator
    parameters = {"lam": str(lam)}
    return (
        AdditiveScore(
            "skip_sed",
            {"residual": "residual"},
            lambda residual: q + p * residual,
            denominator=q,
            meaning="1 + lam * residual",
            unit="1",
            parameters=parameters,
            monotone=["rises"],
        ),
        AdditiveScore(
            "conv_sed",
            {"conv": lambda o: _conv(o, lam)},
            lambda conv: conv,
            denominator=q * q,
            meaning="sum over convolutions of lam + (1 - lam) * (k - 1) / 2",
            unit="1",
            parameters=parameters,
            monotone=["rises"],
        ),
        AdditiveScore(
            "pool_sed",
            {"pool": lambda o: _pool(o, lam)},
            lambda pool: pool,
            denominator=q,
            meaning="sum over poolings of (1 - lam) * (k - 1) / 2",
            unit="1",
            parameters=parameters,
            monotone=["rises"],
        ),
    )
