"""A deck as one HTML file: reveal.js, MathJax, fonts and pictures are all inside it."""

import base64
import re
from importlib import metadata
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from coursekit.course import readme
from coursekit.course.catalogue import Lecture
from coursekit.course.files import write_whole
from coursekit.course.slides import card, prose, sources
from coursekit.course.slides.rule import cards
from coursekit.errors import CourseError

EXTRA = "python -m pip install -c constraints.txt -e '.[site]'"
REVEAL = ("sphinx-revealjs", "_static/revealjs")
MATHJAX = ("sphinx-mathjax-offline", "static/mathjax")  # MathJax 3; its SVG needs no font files


def write(lecture: Lecture, folder: Path) -> Path:
    """Write the deck of a lecture into `folder`, made if need be.

    Returns:
        The file, named like the notebook.

    Raises:
        CourseError: the packages of the extra `site` are not installed, or the folder cannot be.
    """
    text = page(lecture)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"{folder} cannot be made: {error.strerror}.") from None
    write_whole(folder / f"{lecture.name}.html", text)
    return folder / f"{lecture.name}.html"


def page(lecture: Lecture) -> str:
    """The deck of a lecture, as the text of an HTML file that asks nothing of the network."""
    reveal, mathjax = shipped(*REVEAL), shipped(*MATHJAX)
    environment = Environment(
        loader=PackageLoader("coursekit.course.slides", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "inline": lambda text: Markup(prose.inline(text)),
        "html": lambda text: Markup(prose.html(text)),
    }
    styles = [reveal / "dist/reset.css", reveal / "dist/reveal.css"]
    fonts = reveal / "dist/theme/fonts/source-sans-pro"
    return environment.get_template("deck.html").render(
        lecture=lecture,
        cards=cards(lecture),
        picture=Markup(_picture(lecture)),
        styles=Markup("\n".join([*map(_text, styles), _faces(fonts), sources.colours()])),
        mathjax=_script(mathjax / "tex-svg-full.js"),
        scripts=[_script(reveal / "dist/reveal.js"), _script(reveal / "plugin/notes/notes.js")],
    )


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


def _script(path: Path) -> Markup:
    """JavaScript to stand between script tags, without what would end them or ask for a map."""
    text = re.sub(r"</(script)", r"<\\/\1", _text(path), flags=re.IGNORECASE)
    return Markup(re.sub(r"//# sourceMappingURL=\S+", "", text).replace("<!--", r"<\!--"))


def _faces(folder: Path) -> str:
    """Source Sans (SIL Open Font License), so that a deck looks the same on every machine."""
    return "\n".join(
        f"@font-face {{ font-family: Deck; font-weight: {weight}; font-style: {style};"
        f" src: url(data:font/woff;base64,{_base64(folder / f'source-sans-pro-{name}.woff')}); }}"
        for name, weight, style in (
            ("regular", 400, "normal"), ("italic", 400, "italic"), ("semibold", 600, "normal")
        )
    )  # fmt: skip


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _picture(lecture: Lecture) -> str:
    """The picture that stands for the lecture, if it has one."""
    png = readme.picture(lecture)
    data = base64.b64encode(png).decode()
    return card.figure(data, "image/png", readme.alt(lecture)) if png else ""
