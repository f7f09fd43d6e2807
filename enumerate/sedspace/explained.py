"""One architecture, explained: digits, drawing, features, costs, scores, and where they stand."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from sedspace.counting import distribution
from sedspace.errors import BadInput
from sedspace.figures import encoded
from sedspace.pictures import picture
from sedspace.published import published
from sedspace.scores import Score, find_score, known_scores
from sedspace.scores.topology import TopologyScore
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.parts import Digits


@dataclass(frozen=True)
class Standing:
    """Where an architecture stands among all of its space by a score.

    Attributes
    ----------
    by : str
        The score.
    rank, ties : int
        The rank from 1 on, and how many architectures share it: both exact.
    best, worst : float
        The greatest and the least value in the space.
    """

    by: str
    rank: int
    ties: int
    best: float
    worst: float


@dataclass(frozen=True)
class Architecture:
    """One architecture of a space: shown, it explains itself; `describe` says the same in plain values.

    Attributes
    ----------
    space : Space
    index : int
    """

    space: Space
    index: int

    @functools.cached_property
    def digits(self) -> Digits:
        """The choice at every position."""
        return self.space.digits(self.index)

    @functools.cached_property
    def scores(self) -> dict[str, float]:
        """Every score and feature that applies but topology features; one of the user's may be for another space."""
        return self._values({n: s for n, s in known_scores(self.space).items() if not isinstance(s, TopologyScore)})

    @functools.cached_property
    def topology(self) -> dict[str, float]:
        """Every topology feature that is not among the scores."""
        return self._values({n: s for n, s in known_scores(self.space).items() if isinstance(s, TopologyScore)})

    def _values(self, scores: Mapping[str, Score]) -> dict[str, float]:
        found = {}
        for name, score in scores.items():
            with contextlib.suppress(BadInput):
                found[name] = score.values(score.at(self.space, self.digits[None]))[0].item()
        return found

    @functools.cached_property
    def standing(self) -> Standing | None:
        """Where it stands in its space by SED; None if the space has none."""
        if "sed" not in self.scores:
            return None
        score = find_score(self.space, "sed")
        value = score.values(score.at(self.space, self.digits[None]))[0].item()
        among = distribution(self.space, score)
        worst, best = among.values[[0, -1]].tolist()
        return Standing(score.name, among.rank(value), among.ties(value), best, worst)

    def describe(self) -> dict[str, object]:
        """Return everything about it as plain values.

        Returns
        -------
        dict
            ``space``, ``size``, ``index``, ``arch``, ``digits``, ``choices`` (position -> operation), ``scores`` (every
            score and feature of the space), ``topology`` (topology features of cells, which are many), ``standing``
            (SED's exact rank in the space; None where there is no SED) and ``published``.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.architecture("tss", 11668).describe()["standing"]
        {'by': 'sed', 'rank': 1, 'ties': 1, 'best': 8.75, 'worst': -1.5}
        """
        space = self.space
        return {
            "space": space.name,
            "size": space.size,
            "index": self.index,
            "arch": space.arch(self.index),
            "digits": self.digits.tolist(),
            "choices": {p.name: p.choices[d].name for p, d in zip(space.positions, self.digits, strict=True)},
            "scores": self.scores,
            "topology": self.topology,
            "standing": None if self.standing is None else asdict(self.standing),
            "published": _published(space),
        }

    def __repr__(self) -> str:
        lines = [
            f"{self.space.name}, index {self.index} of {self.space.size:,}",
            f"arch    {self.space.arch(self.index)}",
            f"digits  {' '.join(map(str, self.digits))}",
            "",
            self.space.draw(self.index),
            "",
            *_sed_lines(self),
            "",
            *_score_lines(self),
            "",
            f"network: space.network({self.index}), a torch.nn.Module",
            "",
            *_published_lines(self.space),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show it in a notebook, a cell or a whole network drawn if matplotlib is there."""
        drawn = ""
        with contextlib.suppress(BadInput):
            drawn = encoded(picture(self.space, self.index), "svg").decode()
        return f"{drawn[drawn.find('<svg') :]}<pre>{escape(repr(self))}</pre>"


def architecture(space: str | Space, which: int | str) -> Architecture:
    """Return an architecture by its index or arch string, to look at.

    Parameters
    ----------
    space : str or Space
    which : int or str

    Returns
    -------
    Architecture

    Raises
    ------
    BadInput
        If the space has no such architecture.

    Examples
    --------
    >>> import sedspace as ss
    >>> print(str(ss.architecture("tss", 11668)).splitlines()[0])
    tss, index 11668 of 15,625
    """
    space = find_space(space)
    return Architecture(space, _index(space, str(which)))


def _index(space: Space, text: str) -> int:
    if text in space:  # of digits only, perhaps
        return space.parse(text)
    if re.fullmatch(r"0\d+", text):
        raise BadInput(
            f"architecture {text[:80]!r} of {space.name}: an index has no leading zero, and an arch string is such as "
            f"{space.arch(0)!r}"
        )
    try:
        index = int(text)
    except ValueError:  # no number, or one of thousands of digits
        if text.replace(".", "").isalnum():
            raise BadInput(f"architecture {text[:80]!r} of {space.name}: expected an index or an arch string") from None
        return space.parse(text)
    return space.check_index(index)


def _sed_lines(one: Architecture) -> list[str]:
    """Return SED, what it is made of if one cell makes it, and its rank."""
    scores, standing = one.scores, one.standing
    if standing is None:
        return ["SED     none, it is about convolutions"]
    whole = "skip_sed" in scores and len(one.space.groups) == 1
    parts = " = skip {skip_sed:g} * conv {conv_sed:g} - pool {pool_sed:g}".format(**scores) if whole else ""
    return [
        f"SED     {scores['sed']:g}{parts}",
        f"rank    {standing.rank:,} of {one.space.size:,} by SED, one of {standing.ties:,} with this score "
        f"(the space goes from {standing.worst:g} to {standing.best:g})",
    ]


def _score_lines(one: Architecture) -> list[str]:
    """Return the other scores, and what each means."""
    said = "sed", "skip_sed", "conv_sed", "pool_sed"
    return _value_lines(one, {name: value for name, value in one.scores.items() if name not in said}, 18)


def topology_lines(one: Architecture) -> list[str]:
    """Return the topology features, and what each means."""
    return _value_lines(one, one.topology, max(map(len, one.topology), default=0))


def _value_lines(one: Architecture, values: Mapping[str, float], width: int) -> list[str]:
    known = known_scores(one.space)
    numbers = [f"{value:,}" if isinstance(value, int) else f"{value:g}" for value in values.values()]
    return [f"{name:{width}}{n:>15}  {known[name].meaning}" for name, n in zip(values, numbers, strict=True)]


def _published(space: Space) -> dict[str, Any]:
    """Return what the literature says about a space, if it does."""
    paper = published()["sed_paper"]
    out = {"source": paper["source"], "grad_norm_seconds": paper["text"]["grad_norm_seconds_per_architecture"]}
    if space.name in paper["best_by_proxy"]:
        out["best_by_proxy"] = paper["best_by_proxy"][space.name]
    return out


def _published_lines(space: Space) -> list[str]:
    context = _published(space)
    seconds = context["grad_norm_seconds"]
    hours = seconds * space.size / 3600
    whole = f"{hours:.1f}" if hours < 10 else f"{hours:,.0f}" if hours < 1e15 else f"{hours:.2g}"
    lines = [
        f"In context ({context['source']}): grad_norm takes {seconds} s per architecture on a GPU, so "
        f"the whole space {whole} GPU hours."
    ]
    for proxy, results in context.get("best_by_proxy", {}).items():
        cells = ", ".join(f"{data} {r['test_accuracy']:.2f} % (rank {r['rank']:,})" for data, r in results.items())
        lines.append(f"  best of the space by {proxy:10} {cells}")
    return lines
