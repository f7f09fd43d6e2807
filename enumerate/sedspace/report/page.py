"""A report as Markdown with pictures beside it, and as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Table:
    """Rows of text under heads; the first column is what a row is about."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A PNG, the name of its file, and what is to be seen on it."""

    file: str
    png: bytes
    what: str


Part = str | Table | Picture


@dataclass(frozen=True)
class Section:
    """Paragraphs (text with `code` between backticks), tables and pictures under a title."""

    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Report:
    """A title and sections."""

    title: str
    sections: Sequence[Section]

    def _repr_html_(self) -> str:
        """Show the report in a notebook, in a frame of its own."""
        return framed(html(self), 900)

    def pictures(self) -> Iterator[Picture]:
        """Yield all pictures."""
        for section in self.sections:
            yield from (part for part in section.parts if isinstance(part, Picture))


def framed(page: str, height: int) -> str:
    """Return a whole page in a frame, so that a notebook's styles and its own leave each other alone."""
    return f'<iframe srcdoc="{escape(page)}" width="100%" height="{height}" style="border: 0"></iframe>'


def markdown(report: Report) -> str:
    """Return the report as Markdown that shows its pictures from files beside it."""
    blocks = [f"# {_literal(report.title)}"]
    for section in report.sections:
        blocks.append(f"## {_literal(section.title)}")
        for part in section.parts:
            if isinstance(part, Table):
                rule = "|---|" + "---:|" * (len(part.heads) - 1)
                head, *rows = ("| " + " | ".join(map(_literal, row)) + " |" for row in (part.heads, *part.rows))
                blocks.append("\n".join([head, rule, *rows]))
            elif isinstance(part, Picture):
                blocks.append(f"![{_literal(part.what)}]({part.file})")
            else:
                blocks.append("".join(one if _CODE.fullmatch(one) else _literal(one) for one in _CODE.split(part)))
    return "\n\n".join(blocks) + "\n"


_CODE = re.compile("(`[^`\n]*`)")
_MARKUP = re.compile(r"[\\`*\[\]|~$]|(?<!\S)#|(?<!\w)_|_(?!\w)")  # underscores within a word mean nothing to Markdown


def _literal(text: str) -> str:
    """Return a text as Markdown that shows it as it is, in one line."""
    return _MARKUP.sub(r"\\\g<0>", escape(" ".join(text.splitlines()), quote=False))


_STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ddd; --soft: #f3f3f3 }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #1b1d22; --line: #444; --soft: #2b2e36 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem;
  margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th { border-bottom: 1px solid #888; vertical-align: bottom; white-space: normal }
th:first-child, td:first-child { text-align: left }
tbody tr:hover { background: var(--soft) } img { max-width: 100%; height: auto; background: #fff }
code { background: var(--soft); padding: 0 .2rem } p { max-width: 48rem } figure { margin: 1rem 0; overflow-x: auto }
@media (max-width: 40rem) { img { max-width: 44rem } }
"""


def html(report: Report) -> str:
    """Return the report as one HTML page, pictures included."""
    body = [f"<h1>{escape(report.title)}</h1>"]
    for section in report.sections:
        body.append(f"<section><h2>{escape(section.title)}</h2>")
        body += [_part(part) for part in section.parts]
        body.append("</section>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(report.title)}'
    icon = '</title><link rel="icon" href="data:,">'  # or browsers ask for one
    page = [f'<!doctype html><html lang="en"><head>{head}{icon}<style>{_STYLE}</style></head><body>', *body]
    return "\n".join([*page, "</body></html>"]) + "\n"


def _part(part: Part) -> str:
    if isinstance(part, Table):
        heads = "".join(f"<th>{escape(head)}</th>" for head in part.heads)
        rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in part.rows)
        return f'<div class="wide"><table><thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table></div>'
    if isinstance(part, Picture):
        data = base64.b64encode(part.png).decode()
        return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(part.what)}"></figure>'
    pieces = (f"<code>{escape(one[1:-1])}</code>" if _CODE.fullmatch(one) else escape(one) for one in _CODE.split(part))
    return f"<p>{''.join(pieces)}</p>"
