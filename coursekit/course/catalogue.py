"""Which notebooks there are. Each says so itself, in its metadata; there is no second list."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, reads, writes

from coursekit.errors import CourseError, require
from coursekit.lab import PROFILES, project_root

KEYS = ("number", "title", "question", "minutes")


@dataclass(frozen=True)
class Lecture:
    """One notebook of the course.

    Attributes:
        number: two digits, as in the file's name.
        title: plain text, one line.
        question: the question it answers.
        minutes: profile → minutes; smoke and course on two CPU cores, full on a GPU.
        path: where the stored notebook is.
    """

    number: str
    title: str
    question: str
    minutes: dict[str, float]
    path: Path

    @property
    def name(self) -> str:
        """The file's name without its ending, for example `02_gan_theory`."""
        return self.path.stem


def notebooks_folder() -> Path:
    """Where the stored notebooks are: `notebooks/` of the project."""
    return project_root() / "notebooks"


def catalogue(folder: Path | None = None) -> list[Lecture]:
    """Every lecture in `folder` (default: the project's), by number.

    Raises:
        CourseError: there are none, or a notebook cannot be read or does not say what it is.
    """
    folder = folder or notebooks_folder()
    lectures = [lecture(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]
    require(bool(lectures), f"There are no notebooks (NN_name.ipynb) in {folder}.")
    return lectures


def lecture(path: Path) -> Lecture:
    """What the notebook at `path` says about itself.

    Raises:
        CourseError: it is no notebook, or does not say what it is.
    """
    said = read(path).metadata.get("coursekit", {})
    missing = [key for key in KEYS if key not in said]
    require(not missing, f"The metadata of {path} lack coursekit.{', coursekit.'.join(missing)}.")
    try:
        minutes = {profile: float(said["minutes"].get(profile, 0)) for profile in PROFILES}
    except (AttributeError, TypeError, ValueError):
        raise CourseError(
            f"coursekit.minutes of {path} must give a number for each of {', '.join(PROFILES)}."
        ) from None
    return Lecture(said["number"], said["title"], said["question"], minutes, path)


def find(names: Sequence[str], folder: Path | None = None) -> list[Lecture]:
    """The lectures called `names`, in that order; all of them if there are no names.

    Args:
        names: each a number (`02` or `2`), a name (`02_gan_theory`), or the path of a notebook.
        folder: where to look.

    Raises:
        CourseError: a name that no notebook has.
    """
    everything = catalogue(folder)
    found = [_one(name, everything) for name in names] or everything
    return list({entry.path.resolve(): entry for entry in found}.values())


def _one(name: str, everything: list[Lecture]) -> Lecture:
    if Path(name).suffix == ".ipynb" and Path(name).is_file():
        return lecture(Path(name))
    for entry in everything:
        if name in (entry.name, entry.path.name) or name.zfill(2) == entry.number:
            return entry
    known = ", ".join(entry.name for entry in everything)
    raise CourseError(f"notebook was {name!r}; choose one of {known}, its number, or a path.")


def read(path: Path) -> NotebookNode:
    """The notebook at `path`.

    Raises:
        CourseError: there is no such file, or it is not a whole notebook.
    """
    try:
        return reads(path.read_text(encoding="utf-8"), 4)
    except FileNotFoundError:
        raise CourseError(f"There is no notebook {path}.") from None
    except (ValueError, AttributeError, KeyError):  # nbformat raises each of these on broken files
        raise CourseError(f"{path} is not a whole notebook; it may have been cut off.") from None


def text_of(notebook: NotebookNode) -> str:
    """The notebook as the text of its file."""
    return str(writes(notebook, version=4)).rstrip("\n") + "\n"


def code_cells(notebook: NotebookNode) -> list[Any]:
    """Its code cells that hold any code."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
