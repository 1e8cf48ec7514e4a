"""What README.md shows of the notebooks: their table, a picture of each, and measured results.

All of it is made from the stored notebooks, between pairs of marks in the README, and kept up to
date by `refresh`. A test holds the README to them.
"""

import base64
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coursekit.course.lectures import Lecture, all_lectures, code_cells, read_notebook
from coursekit.course.results import collect, table
from coursekit.errors import require
from coursekit.io import write_bytes

PICTURE = "picture"  # tag of the cell whose figure stands for its lecture
COVER = "cover"  # tag of the cell whose film stands for the course


def repository(folder: Path) -> str:
    """The published address of the project in `folder`, from its pyproject.toml; "" if it has none.

    Raises:
        CourseError: an address that is not of the form https://github.com/OWNER/NAME.
    """
    file = folder / "pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    address = str(project.get("tool", {}).get("coursekit", {}).get("repository", "")).rstrip("/")
    known = not address or re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address)
    require(
        bool(known),
        f"repository in pyproject.toml was {address!r}; it must be https://github.com/OWNER/NAME, "
        "or empty.",
    )
    return address


def badges(entry: Lecture, address: str) -> str:
    """Links that open a lecture of the repository at `address` in Colab and in Binder."""
    if not address:
        return ""
    where = address.removeprefix("https://github.com/")
    path = f"notebooks/{entry.path.name}"
    colab = f"https://colab.research.google.com/github/{where}/blob/main/{path}"
    binder = f"https://mybinder.org/v2/gh/{where}/main?labpath={path}"
    icons = (
        ("Open in Colab", "https://colab.research.google.com/assets/colab-badge.svg", colab),
        ("Open in Binder", "https://mybinder.org/badge_logo.svg", binder),
    )
    return "".join(f" [![{name}]({icon})]({link})" for name, icon, link in icons)


def lectures(entries: Sequence[Lecture], address: str = "") -> str:
    """The table of the notebooks, in Markdown.

    Args:
        entries: the lectures, in order.
        address: of the published repository, for the badges; "" for none.
    """
    lines = [
        "| | lecture | question | smoke | course | full |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for entry in entries:
        image = f'<img src="notebooks/pictures/{entry.number}.png" width="300" alt="{alt(entry)}">'
        image = image if picture(entry) else ""
        link = f"**[{entry.number} · {entry.title}](notebooks/{entry.path.name})**"
        minutes = " | ".join(f"{value:g} min" for value in entry.minutes.values())
        link += badges(entry, address)
        lines.append(f"| {image} | {link} | {entry.question} | {minutes} |")
    return "\n".join(lines).replace("D*", "D\\*")


def results(rows: Sequence[dict[str, Any]], each: int | None = None) -> str:
    """The recorded figures that a paper has a figure beside, in Markdown.

    Args:
        rows: of `results.table`.
        each: how many of each notebook, the first ones; all if None.
    """
    lines = ["| no. | measured | paper | ours | n |", "| --- | --- | --- | --- | --- |"]
    shown: Counter[str] = Counter()
    for row in rows:
        if row["kind"] == "figure" and row["paper"] != "—":
            shown[row["notebook"]] += 1
            if each is not None and shown[row["notebook"]] > each:
                continue
            cells = [str(row[key]) for key in ("notebook", "claim", "paper", "ours", "n")]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def put(readme: Path, name: str, body: str) -> None:
    """Replace what stands between the marks called `name`.

    Raises:
        CourseError: there is no such file, or it has no such pair of marks.
    """
    require(readme.is_file(), f"There is no file {readme}; name one that has the marks.")
    text = between(readme.read_text(encoding="utf-8"), name, body, readme.name)
    write_bytes(readme, text.encode())


def between(text: str, name: str, body: str, file: str = "README.md") -> str:
    """`text`, which stands in `file`, with `body` between its marks called `name`."""
    marks = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
    new, found = re.subn(marks, lambda m: f"{m[1]}{body}\n{m[2]}", text, flags=re.DOTALL)
    require(found == 1, f"{file} has {found} pairs of marks called {name!r}; it needs one.")
    return new


def update(folder: Path) -> None:
    """Write tables and pictures of the notebooks in `folder`, if a README lies beside it."""
    readme = folder.parent / "README.md"
    if not readme.exists():
        return
    entries = all_lectures(folder)
    for entry in entries:
        if png := picture(entry):
            write_bytes(folder / "pictures" / f"{entry.number}.png", png)
        if film := _shown(entry, COVER, "image/gif"):
            write_bytes(folder / "pictures" / "cover.gif", film)
    put(readme, "lectures", lectures(entries, repository(folder.parent)))
    put(readme, "results", results(table(collect(folder)), each=1))


def picture(entry: Lecture) -> bytes:
    """The bytes of the picture that stands for a lecture; empty if no cell is tagged for it."""
    return _shown(entry, PICTURE, "image/png")


def cover(entries: Sequence[Lecture]) -> bytes:
    """The bytes of the film that stands for the course."""
    return b"".join(_shown(entry, COVER, "image/gif") for entry in entries)


def alt(entry: Lecture) -> str:
    """What the picture of a lecture shows."""
    about = _tagged(entry, PICTURE, "image/png").get("metadata", {}).get("image/png", {})
    return str(about.get("alt", "")).replace('"', "'")


def _shown(entry: Lecture, tag: str, mime: str) -> bytes:
    return base64.b64decode(_tagged(entry, tag, mime).get("data", {}).get(mime, ""))


def _tagged(entry: Lecture, tag: str, mime: str) -> Any:
    """The first output of type `mime` in a cell tagged `tag`; empty if there is none."""
    for cell in code_cells(read_notebook(entry.path)):
        if tag in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if mime in output.get("data", {}):
                    return output
    return {}
