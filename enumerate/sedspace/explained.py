"""One architecture, explained: digits, drawing, features, costs, scores, and where they stand."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from numpy.typing import NDArray

from sedspace.counting import distribution
from sedspace.errors import BadInput
from sedspace.published import published
from sedspace.runs import plots
from sedspace.scores import find_score, known_scores
from sedspace.spaces import Space
from sedspace.spaces import space as find_space
from sedspace.spaces.cell import CellSpace


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

    def __repr__(self) -> str:
        return _text(self.space, self.index)

    def _repr_html_(self) -> str:
        """Show it in a notebook, a cell drawn if matplotlib is there."""
        drawn = ""
        if isinstance(self.space, CellSpace):
            with contextlib.suppress(BadInput):
                drawn = plots.encoded(plots.cell(self.space, self.index), "svg").decode()
        return f"{drawn[drawn.find('<svg') :]}<pre>{escape(repr(self))}</pre>"

    def describe(self) -> dict[str, Any]:
        """Return everything about it as plain values.

        Returns
        -------
        dict
            ``space``, ``size``, ``index``, ``arch``, ``digits``, ``choices`` (position -> operation), ``scores`` (every
            score and feature of the space), ``standing`` (SED's exact rank in the space) and ``published``.

        Examples
        --------
        >>> import sedspace as ss
        >>> ss.architecture("tss", 11668).describe()["standing"]["rank"]
        1
        """
        space, digits = self.space, self.space.digits(self.index)
        return {
            "space": space.name,
            "size": space.size,
            "index": self.index,
            "arch": space.arch(self.index),
            "digits": digits.tolist(),
            "choices": {p.name: p.choices[d].name for p, d in zip(space.positions, digits, strict=True)},
            "scores": dict(_scores(space, digits)),
            "standing": _standing(space, digits),
            "published": _context(space),
        }


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
    try:
        index = int(text)
    except ValueError:  # no number, or one of thousands of digits
        if text.replace(".", "").isalnum():
            raise BadInput(f"architecture {text[:80]!r} of {space.name}: expected an index or an arch string") from None
        return space.parse(text)
    return space.check_index(index)


def _scores(space: Space, digits: NDArray[Any]) -> Iterator[tuple[str, float]]:
    """Yield every score that applies: one of the user's may be made for another space."""
    for name, score in known_scores(space).items():
        with contextlib.suppress(BadInput):
            yield name, score.values(score.at(space, digits[None]))[0].item()


def _standing(space: Space, digits: NDArray[Any]) -> dict[str, Any]:
    """Return where an architecture stands in its space by SED."""
    score = find_score(space, "sed")
    value = score.values(score.at(space, digits[None]))[0].item()
    among = distribution(space, score)
    worst, best = among.values[[0, -1]].tolist()
    return {"by": "sed", "rank": among.rank(value), "ties": among.ties(value), "best": best, "worst": worst}


def _context(space: Space) -> dict[str, Any]:
    """Return what the literature says about a space, if it does."""
    paper = published()["sed_paper"]
    out = {"source": paper["source"], "grad_norm_seconds": paper["text"]["grad_norm_seconds_per_architecture"]}
    if space.name in paper["best_by_proxy"]:
        out["best_by_proxy"] = paper["best_by_proxy"][space.name]
    return out


@functools.lru_cache(maxsize=16)  # notebooks ask for text and for HTML
def _text(space: Space, index: int) -> str:
    """Return the description of an architecture as text."""
    about = Architecture(space, index).describe()
    scores, where = about["scores"], about["standing"]
    lines = [f"{space.name}, index {about['index']} of {space.size:,}", f"arch    {about['arch']}"]
    lines += [f"digits  {' '.join(map(str, about['digits']))}", "", space.draw(about["index"]), ""]
    parts = " = skip {skip_sed:g} * conv {conv_sed:g} - pool {pool_sed:g}"
    lines += [
        f"SED     {scores['sed']:g}"
        + (parts.format(**scores) if "skip_sed" in scores and len(space.groups) == 1 else ""),
        f"rank    {where['rank']:,} of {space.size:,} by SED, one of {where['ties']:,} with this score "
        f"(the space goes from {where['worst']:g} to {where['best']:g})",
        "",
    ]
    shown = {"sed", "skip_sed", "conv_sed", "pool_sed"}
    known = known_scores(space)
    for name, value in scores.items():
        if name not in shown:
            number = f"{value:,}" if isinstance(value, int) else f"{value:g}"
            lines.append(f"{name:18}{number:>15}  {known[name].meaning}")
    lines += ["", f"network: space.network({about['index']}), a torch.nn.Module"]
    return "\n".join([*lines, "", *_published_lines(about)])


def _published_lines(about: dict[str, Any]) -> list[str]:
    context = about["published"]
    hours = context["grad_norm_seconds"] * about["size"] / 3600
    whole = f"{hours:.1f}" if hours < 10 else f"{hours:,.0f}" if hours < 1e15 else f"{hours:.2g}"
    source = context["source"]
    lines = [
        f"In context ({source}): grad_norm takes {context['grad_norm_seconds']} s per architecture on a GPU, so the "
        f"whole space {whole} GPU hours."
    ]
    for proxy, results in context.get("best_by_proxy", {}).items():
        cells = ", ".join(f"{data} {r['test_accuracy']:.2f} % (rank {r['rank']:,})" for data, r in results.items())
        lines.append(f"  best of the space by {proxy:10} {cells}")
    return lines
