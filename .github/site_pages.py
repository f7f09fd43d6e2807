"""Makes README and bench/README.md pages of the site, and leads links between files of the repository to pages.

A link on a page is one that works on GitHub, so relative to its file; here it leads to the page of that file, or to a
picture that is taken along.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
SITE = ".github/site/"
PAGES = {  # file of the repository: page of the site
    "README.md": "index.md",
    "bench/README.md": "benchmarks.md",
    ".github/CONTRIBUTING.md": "contributing.md",
    ".github/CHANGELOG.md": "changelog.md",
}
_MAP = re.compile(r"```mermaid\n.*?```", re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere, and the pictures and the notebook beside them."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for beside in sorted((ROOT / "bench").iterdir()):
        if beside.suffix in (".svg", ".ipynb"):
            files.append(File.generated(config, f"bench/{beside.name}", abs_src_path=str(beside)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead the links of a page to pages."""
    sources = {there: source for source, there in PAGES.items()}
    here = sources.get(page.file.src_uri, SITE + page.file.src_uri)

    def led(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(here), match[1]))
        if not (ROOT / target).exists():
            return match[1]  # MkDocs warns of it
        there = PAGES.get(target, target.removeprefix(SITE))
        return posixpath.relpath(there, posixpath.dirname(page.file.src_uri) or ".")

    return _MAP.sub(as_lines, _LINK.sub(led, markdown))


def as_lines(drawn: re.Match[str]) -> str:
    """Return a picture in Mermaid as lines `a: b, c`: drawing it takes a script from elsewhere."""
    arrows: dict[str, list[str]] = {}
    for one, other in re.findall(r"(\S+) --> (\S+)", drawn[0]):
        arrows.setdefault(one, []).append(other)
    width = max(map(len, arrows))
    return "\n".join(["```text", *(f"{one:{width}}  {', '.join(others)}" for one, others in arrows.items()), "```"])


def on_page_content(html: str, **_: object) -> str:
    """Leave out what stands in place of nothing, and the defaults in lists of parameters.

    mkdocs-click writes click's mark of no default, mkdocstrings a dash before no description. Of parameters that share
    a line, griffe has the default of the first; signatures have those of all.
    """
    html = re.sub(r"<td><code>(Sentinel\.UNSET|None)</code></td>", "<td></td>", html)
    html = re.sub(r",\s+default:\s+<code>[^<]*</code>\s*(?=\))", "", html)
    return re.sub(r"\s+\u2013\s+(<div class=\"doc-md-description\">\s*</div>)", r" \1", html)
