"""The picture of the packages in CONTRIBUTING.md, drawn from the imports: python .github/map.py [--check]."""

from __future__ import annotations

import sys
from pathlib import Path

import grimp
import networkx

PAGE = Path(__file__).with_name("CONTRIBUTING.md")
FIRST, LAST = "<!-- map: written by `python .github/map.py` -->\n", "<!-- end of map -->"


def room(module: str) -> str:
    """Return the package or module of the first level that a module is in, of sedspace or of its kernels."""
    package, *within = module.split(".")
    return ".".join([package, *within[:1]]) if package == "sedspace" else package


def picture() -> str:
    """Return the packages and who imports whom, without the arrows that follow from others, as Mermaid draws it."""
    imports = grimp.build_graph("sedspace", "sedspace_kernels", cache_dir=None, exclude_type_checking_imports=True)
    rooms = networkx.DiGraph()
    for module in sorted(imports.modules):
        for imported in sorted(imports.find_modules_directly_imported_by(module)):
            one, other = room(module), room(imported)
            if one != other and "sedspace" not in (one, other) and "__main__" not in one:
                rooms.add_edge(one.removeprefix("sedspace."), other.removeprefix("sedspace."))
    needed = networkx.transitive_reduction(rooms)  # refuses circles
    arrows = [f"    {one} --> {other}" for one, other in sorted(needed.edges)]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, "```"])


def main() -> None:
    """Write the picture into the page, or see that it is there."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(FIRST)
    inside, _, after = rest.partition(LAST)
    drawn = f"{picture()}\n"
    if "--check" in sys.argv[1:]:
        if inside != drawn:
            sys.exit(f"{PAGE.name}: the map is not what the imports say: python .github/map.py")
        return
    PAGE.write_text(f"{before}{FIRST}{drawn}{LAST}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
