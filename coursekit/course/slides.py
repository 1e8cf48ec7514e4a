"""Slides of a lecture: the cells that its `slideshow` metadata choose, as a reveal.js deck.

The convention is that of nbconvert and RISE: a cell of type `slide` or `subslide` begins a slide, a
`fragment` is added to it on a click, `-` at once, `notes` are for the speaker, and `skip` is left
out, as is a cell that says nothing. Of a cell with outputs only these are shown, unless it has the
tag `slide-source`; each of its pictures has a slide of its own, and a title slide ends with its
picture. Nothing is executed.
"""

import base64
import re
from copy import deepcopy
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from coursekit.course.lectures import Lecture, read_notebook
from coursekit.errors import CourseError, require
from coursekit.io import write_bytes

TEMPLATES = Path(__file__).parent / "templates"
EXTRA = "python -m pip install -c constraints.txt -e '.[site]'"
REVEAL = ("sphinx-revealjs", "_static/revealjs")
MATHJAX = ("sphinx-mathjax-offline", "static/mathjax")  # MathJax 3; its SVG needs no font files
BEGINS = ("slide", "subslide")
MOST_LINES = 6  # of print beside a picture
LINK = re.compile(r"\[([^\]]+)\]\(\d\d_\w+\.ipynb[^)]*\)")  # to another notebook, not on the wall
TITLE_PICTURE = re.compile(r"!\[[^\]]*\]\(pictures/\w+\.png\)")
PICTURE = re.compile(r"\]\((pictures/\w+\.png)\)")  # of a lecture, beside the notebooks


def slide_type(cell: Any) -> str:
    """What the metadata of a cell say about slides; `skip` if they say nothing."""
    return str(cell.metadata.get("slideshow", {}).get("slide_type", "skip"))


def has_slides(lecture: Lecture) -> bool:
    """Whether any cell of the lecture begins a slide."""
    return any(slide_type(cell) in BEGINS for cell in read_notebook(lecture.path).cells)


def write(lecture: Lecture, folder: Path) -> Path:
    """Write the deck of a lecture into `folder`: one HTML file, which needs no network.

    Returns:
        The file, named like the notebook.

    Raises:
        CourseError: the lecture has no slides, a package of the extra `site` is not installed, or
            the file cannot be written.
    """
    require(
        has_slides(lecture),
        f"{lecture.name} has no slides: none of its cells has the slideshow metadata "
        "`slide_type: slide`.",
    )
    path = folder / f"{lecture.name}.html"
    write_bytes(path, deck(lecture).encode())
    return path


def deck(lecture: Lecture) -> str:
    """The deck of a lecture, as the text of an HTML file.

    It is what `jupyter nbconvert --to slides` makes of the chosen cells with `templates/deck/`.
    """
    from nbconvert.exporters import SlidesExporter
    from traitlets.config import Config

    reveal, mathjax = shipped(*REVEAL), shipped(*MATHJAX)
    config = Config()
    config.CSSHTMLHeaderPreprocessor.style = "friendly"
    exporter = SlidesExporter(
        config, template_name="deck", extra_template_basedirs=[str(TEMPLATES)]
    )
    exporter.exclude_anchor_links = True
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    styles = [_text(reveal / f"dist/{name}.css") for name in ("reset", "reveal")]
    inlined = {
        "number": lecture.number,
        "title": lecture.title,
        "styles": [*styles, _faces(reveal / "dist/theme/fonts/source-sans-pro")],
        "mathjax": _script(mathjax / "tex-svg-full.js"),
        "scripts": [_script(reveal / n) for n in ("dist/reveal.js", "plugin/notes/notes.js")],
    }
    page, _ = exporter.from_notebook_node(_chosen(lecture), {"deck": inlined})
    return str(page)


def _chosen(lecture: Lecture) -> NotebookNode:
    """The cells on slides and the speaker's notes; results without the code that made them."""
    notebook = read_notebook(lecture.path)

    def embedded(picture: re.Match[str]) -> str:
        return f"](data:image/png;base64,{_base64(lecture.path.parent / picture[1])})"

    chosen = [cell for cell in notebook.cells if slide_type(cell) != "skip"]
    notebook.cells = [part for cell in chosen for part in _one_picture_each(cell)]
    for cell in notebook.cells:
        if cell.source.startswith("# ") and (picture := TITLE_PICTURE.search(cell.source)):
            cell.source = cell.source[: picture.end()]  # the rest is for readers
        cell.source = PICTURE.sub(embedded, LINK.sub(r"\1", cell.source))
        if cell.get("outputs") and "slide-source" not in cell.metadata.get("tags", []):
            cell.metadata["transient"] = {"remove_source": True}
        for output in cell.get("outputs", []):
            if film := output.get("data", {}).get("image/gif"):  # which nbconvert does not know
                alt = escape(output.metadata.get("image/gif", {}).get("alt", ""))
                source = f"data:image/gif;base64,{''.join(film.split())}"
                output.data = {"text/html": f'<img src="{source}" alt="{alt}">'}
    return notebook


def _one_picture_each(cell: Any) -> list[Any]:
    """A cell with several pictures as a slide and, after it, one for each further picture.

    What else it printed stays above the first picture, if it has at most `MOST_LINES` lines.
    """
    outputs = cell.get("outputs", [])
    pictures = [o for o in outputs if any(k.startswith("image/") for k in o.get("data", {}))]
    if not pictures:
        return [cell]
    words = [o for o in outputs if o not in pictures]
    if sum(o.text.count("\n") if "text" in o else 1 for o in words) > MOST_LINES:
        words = []
    parts = [deepcopy(cell) for _ in pictures]
    for part, picture in zip(parts, pictures, strict=True):
        part.outputs = [picture]
    parts[0].outputs = [*words, pictures[0]]
    for number, part in enumerate(parts[1:], 2):
        part.metadata.slideshow.slide_type = "slide"
        part.id = f"{cell.id[:60]}-{number}"
    return parts


def shipped(package: str, inside: str) -> Path:
    """A folder that an installed package brings along.

    Raises:
        CourseError: the package is not installed, or has no such folder.
    """
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise CourseError(f"{package} is not installed; install it with {EXTRA}") from None
    for file in files:
        if f"/{inside}/" in (path := file.as_posix()):
            return Path(str(file.locate())[: path.index(inside) - len(path)]) / inside
    raise CourseError(f"{package} {metadata.version(package)} has no folder {inside}.")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _faces(folder: Path) -> str:
    """Source Sans (SIL Open Font License), so that a deck looks the same on every machine."""
    faces = {"regular": (400, "normal"), "italic": (400, "italic"), "semibold": (600, "normal")}
    return "\n".join(
        f"@font-face {{ font-family: Deck; font-weight: {weight}; font-style: {style};"
        f" src: url(data:font/woff;base64,{_base64(folder / f'source-sans-pro-{name}.woff')}); }}"
        for name, (weight, style) in faces.items()
    )


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _script(path: Path) -> str:
    """JavaScript to stand between script tags, without what would end them or ask for a map."""
    text = re.sub(r"</(script)", r"<\\/\1", _text(path), flags=re.IGNORECASE)
    return re.sub(r"//# sourceMappingURL=\S+", "", text).replace("<!--", r"<\!--")
