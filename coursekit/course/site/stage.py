"""The sources of the site, put together from the notebooks, the README and the package."""

import importlib
import pkgutil
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import coursekit.types
from coursekit.course import catalogue, outputs, readme
from coursekit.course.catalogue import Lecture
from coursekit.course.collect import collect
from coursekit.course.report import table
from coursekit.course.site.dialect import ASSETS
from coursekit.course.slides.deck import MATHJAX, shipped
from coursekit.teaching import MIME

START = "00_start_here"  # the page before the lectures
STRANDS = (("Dreaming", "01", "01"), ("Generating", "02", "06"), ("Fooling", "07", "99"))
NOT_SHOWN = ("coursekit.__main__", "coursekit.course.site.conf")


def stage(lectures: Sequence[Lecture], folder: Path) -> None:
    """Write every source of the site into `folder`."""
    origin = lectures[0].path.parent
    lectures = [lecture for lecture in lectures if lecture.name != START]
    (folder / "notebooks").mkdir()
    for path in sorted(origin.glob("[0-9][0-9]_*.ipynb")):
        (folder / "notebooks" / path.name).write_text(_with_tools(path), encoding="utf-8")
    assets(lectures, origin, folder / ASSETS)
    start = START if (origin / f"{START}.ipynb").exists() else ""
    strands = [
        (name, [e for e in lectures if low <= e.number <= high]) for name, low, high in STRANDS
    ]
    _render("index.md", folder / "index.md", lectures=lectures, strands=strands, start=start)
    said = (origin.parent / "README.md").read_text(encoding="utf-8")
    rows = readme.results(table(collect(origin)))
    claims = [(e, outputs.claims(catalogue.read(e.path))) for e in lectures]
    _render("results.md", folder / "results.md", public=results(said), stored=rows, claims=claims)
    api(folder)


def assets(lectures: Sequence[Lecture], origin: Path, folder: Path) -> None:
    """MathJax, and the pictures that stand for the lectures."""
    (folder / "mathjax").mkdir(parents=True)
    shutil.copy(shipped(*MATHJAX) / "tex-svg-full.js", folder / "mathjax")
    (folder / "pictures").mkdir()
    for lecture in lectures:
        (folder / "pictures" / f"{lecture.number}.png").write_bytes(readme.picture(lecture))
    (folder / "pictures" / "cover.gif").write_bytes(readme.cover(lectures))


def results(said: str) -> str:
    """What the README says of its results, with their table, for a page of its own."""
    section = said.split("## Results\n", 1)[1].split("\n## ", 1)[0]
    return re.sub(r"<!-- results: (begin|end) -->\n?", "", section).strip()


def _with_tools(path: Path) -> str:
    """The notebook with links to its slides and to the file itself below its title.

    Of a recorded figure only the line that people read is left.
    """
    notebook = catalogue.read(path)
    links = f'<a href="{path.name}" download>Notebook</a>'
    links += f'<a href="../slides/{path.stem}.html">Slides</a>'
    title, _, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f'{title}\n\n<p class="tools">{links}</p>\n{rest}'
    for cell in catalogue.code_cells(notebook):
        for output in cell.outputs:
            output.get("data", {}).pop(MIME, None)
    return catalogue.text_of(notebook)


def api(folder: Path) -> None:
    """A page for each room of the package, with everything public in it."""
    (folder / "api").mkdir()
    shutil.copy(str(coursekit.types.__file__), folder / "api")
    rooms = {name: modules(name) for name in _names(coursekit)}
    for name, found in rooms.items():
        _render("room.rst", folder / "api" / f"{name}.rst", name=name, modules=found)
    about = {name: _first_line(found[0]) for name, found in rooms.items()}
    _render("api.md", folder / "api" / "index.md", about=about)


def modules(room: str) -> list[ModuleType]:
    """A room of the package and the rooms within it, those of few lines last."""
    found = importlib.import_module(f"coursekit.{room}")
    inner = [modules(f"{room}.{name}") for name in _names(found)]
    return [found, *(module for group in inner for module in group)]


def _names(package: ModuleType) -> list[str]:
    path = getattr(package, "__path__", None)
    names = [module.name for module in pkgutil.iter_modules(path)] if path else []
    return [name for name in names if f"{package.__name__}.{name}" not in NOT_SHOWN]


def _first_line(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().splitlines()[0]


def _render(template: str, path: Path, **values: Any) -> None:
    environment = Environment(
        loader=PackageLoader("coursekit.course.site", "pages"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    path.write_text(environment.get_template(f"{template}.j2").render(values), encoding="utf-8")
