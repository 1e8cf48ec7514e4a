"""Does every link within a built site lead to a file, and every anchor to a place in it?

And does a page ask another machine for something it needs: a script, a style sheet, a picture?
"""

from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src"), ("link", "href")}


@dataclass
class Page(HTMLParser):
    """The anchors of a page, and what it links to: (tag, attribute, address)."""

    anchors: set[str] = field(default_factory=set)
    links: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note anchors and links."""
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value or "")
            elif name in ("href", "src") and value:
                self.links.append((tag, name, value))


@cache
def page(path: Path, stamp: float) -> Page:
    """The page at `path`, last written at `stamp`."""
    parsed = Page()
    parsed.feed(path.read_text(encoding="utf-8"))
    return parsed


def faults(folder: Path) -> list[str]:
    """What is wrong with the links of the site in `folder`, one sentence each."""
    found = []
    for path in sorted(folder.rglob("*.html")):
        if "_static" not in path.relative_to(folder).parts:
            for tag, name, address in _page(path).links:
                if fault := _fault(path, tag, name, address):
                    found.append(f"{path.relative_to(folder)}: {fault}")
    return found


def _page(path: Path) -> Page:
    return page(path, path.stat().st_mtime)


def _fault(path: Path, tag: str, name: str, address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme in ("data", "mailto"):
        return ""
    if parts.scheme or parts.netloc:
        return f"{address} is loaded from elsewhere" if (tag, name) in LOADED else ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return f"{address} is not there"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in _page(target).anchors:
        return f"{address} has no such place"
    return ""
