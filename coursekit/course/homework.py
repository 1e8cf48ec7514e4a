"""The exercises of the lectures, and a student's own copy of a lecture to solve them in."""

import importlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from coursekit.course.lectures import (
    Lecture,
    clean,
    code_cells,
    notebook_text,
    read_notebook,
    without_outputs,
)
from coursekit.errors import require
from coursekit.io import write_bytes
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
    cells = code_cells(read_notebook(lecture.path))
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


def begin(lecture: Lecture, folder: Path | None = None) -> Path:
    """Copy a lecture for a student to work in, without outputs, so that no answer is given away.

    Links to other lectures lead to the stored ones. A copy that is there already is not touched.

    Args:
        lecture: which.
        folder: where to; `work/` of the project, which git does not look into, if None.

    Returns:
        The copy.

    Raises:
        CourseError: there is a copy already, or it cannot be written.
    """
    path = (folder or project_root() / "work") / lecture.path.name
    require(
        not path.exists(),
        f"{path} is there already and was left as it is; rename it to begin once more.",
    )
    back = Path(os.path.relpath(lecture.path.parent.resolve(), path.parent.resolve())).as_posix()
    copy = without_outputs(clean(read_notebook(lecture.path)))
    for cell in copy.cells:
        cell.source = LINK.sub(lambda link: _link(back, link[1]), cell.source)
    write_bytes(path, notebook_text(copy).encode())
    return path


def _link(folder: str, name: str) -> str:
    if name.startswith("{"):  # a part of an f-string, to which braces in the path are only text
        folder = folder.replace("{", "{{").replace("}", "}}")
    return f"]({folder}/{name}"
