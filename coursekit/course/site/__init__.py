"""The course as a static site: lectures as executed, slides, results, and what the package offers.

The sources are put together from the notebooks, the README and the package; Sphinx builds them (a
warning is an error), as `conf` tells it; then every link is followed. Nothing is executed.
"""

import importlib
import pkgutil
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import coursekit.types
from coursekit.course import readme, slides
from coursekit.course.lectures import (
    START,
    Lecture,
    all_lectures,
    appendices,
    code_cells,
    notebook_text,
    read_notebook,
)
from coursekit.course.results import claims, collect, render, table
from coursekit.errors import require
from coursekit.teaching import MIME

HERE = Path(__file__).parent
ASSETS = "_assets"  # in the sources: what is copied into the site as it is
STRANDS = (("Dreaming", "01", "01"), ("Generating", "02", "06"), ("Fooling", "07", "99"))
NOT_SHOWN = ("coursekit.__main__", "coursekit.course.site.conf")
LOADED = {("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src"), ("link", "href")}


def build(folder: Path, say: Callable[[str], None] = print, notebooks: Path | None = None) -> Path:
    """Build the site beside `folder` and, when it is whole, put it in the place of an earlier one.

    Args:
        folder: where to.
        say: told of each step, in a sentence.
        notebooks: where the notebooks are; the project's if None.

    Returns:
        The home page.

    Raises:
        CourseError: the extra `site` is not installed, the folder holds something else, Sphinx
            warned, or a link leads nowhere.
    """
    lectures = all_lectures(notebooks)
    ours = not folder.exists() or (folder / "objects.inv").exists() or not any(folder.iterdir())
    require(ours, f"{folder} holds something that is no site; choose another folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)  # where nothing can be written, say so now
    place = folder.resolve()
    new = place.with_name(f".{place.name}-unfinished")
    shutil.rmtree(new, ignore_errors=True)  # left by a build that was cut short
    new.mkdir()
    with tempfile.TemporaryDirectory() as sources:
        say("Putting the sources together.")
        stage(lectures, Path(sources))
        say("Sphinx builds the pages.")
        _sphinx(Path(sources), new)
    say("Making the slides.")
    for lecture in [*lectures, *appendices(lectures[0].path.parent)]:
        shutil.copy(lecture.path, new / "notebooks")
        if slides.has_slides(lecture):
            slides.write(lecture, new / "slides")
    faults = link_faults(new)
    require(not faults, "The site has links that lead nowhere: " + "; ".join(faults[:5]))
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return folder / "index.html"


def _sphinx(sources: Path, folder: Path) -> None:
    """Run Sphinx in a process of its own: autodoc rewrites the defaults of what it documents."""
    extra = f"Sphinx is not installed; install it with {slides.EXTRA}"
    require(find_spec("sphinx") is not None, extra)
    with tempfile.TemporaryDirectory() as doctrees:
        options = ["-b", "html", "-j", "auto", "-W", "--keep-going", "-q", "-c", str(HERE)]
        options += ["-d", doctrees]
        command = [sys.executable, "-m", "sphinx", *options, str(sources), str(folder)]
        failed = subprocess.run(command).returncode
    require(not failed, "Sphinx warned or failed, as it says above; the site is not whole.")


# The sources


def stage(lectures: Sequence[Lecture], folder: Path) -> None:
    """Write every source of the site into `folder`."""
    origin = lectures[0].path.parent
    more = appendices(origin)
    (folder / "notebooks").mkdir()
    for lecture in [*lectures, *more]:
        page = folder / "notebooks" / lecture.path.name
        page.write_text(_with_tools(lecture), encoding="utf-8")
    for reference in sorted(origin.glob("*.md")):  # notation, glossary
        shutil.copy(reference, folder / "notebooks")
    if (origin / "pictures").is_dir():
        shutil.copytree(origin / "pictures", folder / "notebooks" / "pictures")
    start = next((lecture.name for lecture in lectures if lecture.number == START), "")
    lectures = [lecture for lecture in lectures if lecture.number != START]
    _assets(lectures, folder / ASSETS)
    strands = [
        (name, [e for e in lectures if low <= e.number <= high]) for name, low, high in STRANDS
    ]
    decks = [lecture for lecture in lectures if slides.has_slides(lecture)]
    index = {"lectures": lectures, "strands": strands, "start": start, "decks": decks}
    index |= {"appendices": more, "references": [page.stem for page in sorted(origin.glob("*.md"))]}
    (folder / "index.md").write_text(render("index.md", **index), encoding="utf-8")
    told = {
        "stored": readme.results(table(collect(origin))),
        "claims": [(lecture, claims(read_notebook(lecture.path))) for lecture in lectures],
    }
    (folder / "results.md").write_text(render("results.md", **told), encoding="utf-8")
    _api(folder / "api")


def _assets(lectures: Sequence[Lecture], folder: Path) -> None:
    """MathJax, and the pictures that stand for the lectures."""
    (folder / "mathjax").mkdir(parents=True)
    shutil.copy(slides.shipped(*slides.MATHJAX) / "tex-svg-full.js", folder / "mathjax")
    (folder / "pictures").mkdir()
    for lecture in lectures:
        (folder / "pictures" / f"{lecture.number}.png").write_bytes(readme.picture(lecture))
    (folder / "pictures" / "cover.gif").write_bytes(readme.cover(lectures))


def _with_tools(lecture: Lecture) -> str:
    """The notebook with links to its slides and to the file itself below its title.

    Speaker's notes are left out; of a recorded figure only the line that people read is left.
    """
    path, notebook = lecture.path, read_notebook(lecture.path)
    links = f'<a href="{path.name}" download>Notebook</a>'
    if slides.has_slides(lecture):
        links += f'<a href="../slides/{path.stem}.html">Slides</a>'
    title, _, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f'{title}\n\n<p class="tools">{links}</p>\n{rest}'
    notebook.cells = [cell for cell in notebook.cells if slides.slide_type(cell) != "notes"]
    for cell in code_cells(notebook):
        for output in cell.outputs:
            output.get("data", {}).pop(MIME, None)
    return notebook_text(notebook)


def _api(folder: Path) -> None:
    """A page for each room of the package, with everything public in it."""
    folder.mkdir()
    shutil.copy(str(coursekit.types.__file__), folder)
    rooms = {name: _modules(name) for name in _names(coursekit)}
    for name, found in rooms.items():
        page = render("room.rst", name=name, modules=found)
        (folder / f"{name}.rst").write_text(page, encoding="utf-8")
    about = {name: (found[0].__doc__ or "").strip() for name, found in rooms.items()}
    about = {name: text.splitlines()[0] for name, text in about.items()}
    (folder / "index.md").write_text(render("api.md", about=about), encoding="utf-8")


def _modules(room: str) -> list[ModuleType]:
    """A room of the package and the rooms within it."""
    found = importlib.import_module(f"coursekit.{room}")
    inner = [_modules(f"{room}.{name}") for name in _names(found)]
    return [found, *(module for group in inner for module in group)]


def _names(package: ModuleType) -> list[str]:
    path = getattr(package, "__path__", None)
    names = [module.name for module in pkgutil.iter_modules(path)] if path else []
    return [name for name in names if f"{package.__name__}.{name}" not in NOT_SHOWN]


# The links


def link_faults(folder: Path) -> list[str]:
    """What is wrong with the links of the site in `folder`, one sentence each.

    A link within the site leads to a file, an anchor to a place in it, and no page asks another
    machine for what it needs: a script, a style sheet, a picture.
    """
    found = []
    for path in sorted(folder.rglob("*.html")):
        if "_static" not in path.relative_to(folder).parts:
            for tag, name, address in _page(path).links:
                if fault := _fault(path, tag, name, address):
                    found.append(f"{path.relative_to(folder)}: {fault}")
    return found


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


def _page(path: Path) -> Page:
    return _parsed(path, path.stat().st_mtime)


@cache
def _parsed(path: Path, stamp: float) -> Page:
    """The page at `path`, last written at `stamp`."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


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
