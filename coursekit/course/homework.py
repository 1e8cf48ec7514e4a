"""The exercises of the lectures, and a student's own copy of a lecture to solve them in."""

import importlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from coursekit.course.catalogue import Lecture, code_cells, read, text_of
from coursekit.course.files import write_whole
from coursekit.course.tidy import clean
from coursekit.errors import CourseError, require
from coursekit.lab import project_root
from coursekit.teaching import Exercise

LINK = re.compile(r"\]\((\d\d_\w+\.ipynb|\{\w+\.path\.name\})")  # to another lecture
ROOM = re.compile(r"from coursekit\.teaching\.exercises import (\w+)(?: as (\w+))?")


@dataclass(frozen=True)
class Task:
    """An exercise where it stands: in which lecture, and in which cell."""

    lecture: Lecture
    cell: str
    exercise: Exercise


def tasks(lecture: Lecture) -> list[Task]:
    """The exercises that a lecture grades, in the order of its cells."""
    cells = code_cells(read(lecture.path))
    rooms = {
        alias or room: importlib.import_module(f"coursekit.teaching.exercises.{room}")
        for cell in cells
        for room, alias in ROOM.findall(cell.source)
    }
    return [
        Task(lecture, cell.id, getattr(rooms[room], name))
        for cell in cells
        for room, name in re.findall(r"^(\w+)\.([A-Z_0-9]+)\.grade\(", cell.source, re.MULTILINE)
        if room in rooms
    ]


def work_folder() -> Path:
    """Where students' copies lie: `work/` of the project, which git does not look into."""
    return project_root() / "work"


def begin(lecture: Lecture, folder: Path | None = None) -> Path:
    """Copy a lecture for a student to work in, without outputs, so that no answer is given away.

    Links to other lectures lead to the stored ones. A copy that is there already is not touched.

    Args:
        lecture: which.
        folder: where to; `work/` of the project if None.

    Returns:
        The copy.

    Raises:
        CourseError: there is a copy already.
    """
    path = (folder or work_folder()) / lecture.path.name
    require(
        not path.exists(),
        f"{path} is there already and was left as it is; rename it to begin once more.",
    )
    back = os.path.relpath(lecture.path.parent.resolve(), path.parent.resolve())
    copy = _emptied(read(lecture.path), Path(back).as_posix())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"{path.parent} cannot be made: {error.strerror}.") from None
    write_whole(path, text_of(copy))
    return path


def _emptied(notebook: NotebookNode, back: str) -> NotebookNode:
    copy = clean(notebook)
    for cell in copy.cells:
        cell.source = LINK.sub(rf"]({back}/\1", cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return copy
