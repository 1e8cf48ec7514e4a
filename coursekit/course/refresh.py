"""The stored notebooks: executed at `course`, clean, and written back only if all went well."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from nbformat import NotebookNode, reads
from rich.console import Console

from coursekit.course import catalogue, pool, readme
from coursekit.course.board import Board, summary
from coursekit.course.catalogue import Lecture, find
from coursekit.course.configuration import package_digest
from coursekit.course.files import to_oneself, write_whole
from coursekit.course.job import Job, Outcome
from coursekit.course.ready import KERNEL, at_least_one, kernel_present
from coursekit.course.tidy import clean

__all__ = ["clean", "faults", "refresh", "tidied"]


def refresh(
    names: Sequence[str],
    console: Console,
    jobs: int | None = None,
    timeout: int = 3600,
    notebooks: Path | None = None,
) -> list[Outcome]:
    """Execute stored notebooks with their own parameters, clean them, and write them back.

    A notebook that fails stays as it was.

    Raises:
        CourseError: `jobs` or `timeout` below 1, an unknown notebook, a missing kernel, or another
            refresh in progress.
    """
    at_least_one(jobs=jobs, timeout=timeout)
    lectures = {lecture.name: lecture for lecture in find(names, notebooks)}
    kernel_present(KERNEL)
    folder = next(iter(lectures.values())).path.parent
    outcomes = []
    with (
        TemporaryDirectory() as scratch,
        to_oneself(folder),
        Board(list(lectures), console) as board,
    ):
        work = [_job(lecture, timeout, scratch) for lecture in lectures.values()]
        at_once = pool.width(jobs, len(work), [])
        for outcome in pool.on_this_machine(work, at_once, [], board.tell):
            if outcome.status == "done":
                text = catalogue.text_of(clean(reads(outcome.text, 4)))
                write_whole(lectures[outcome.name].path, text)
            board.ended(outcome)
            outcomes.append(outcome)
    readme.update(folder)
    summary(outcomes, console)
    return outcomes


def _job(lecture: Lecture, timeout: int, scratch: str) -> Job:
    return Job(
        name=lecture.name,
        source=catalogue.text_of(catalogue.read(lecture.path)),
        configuration={"package": package_digest()},
        timeout=timeout,
        cwd=str(lecture.path.resolve().parent),
        scratch=scratch,
        kernel=KERNEL,
    )


def faults(lecture: Lecture) -> list[str]:
    """What is wrong with a stored notebook, a sentence each; nothing if it may be committed."""
    notebook = catalogue.read(lecture.path)
    found = []
    counts = [cell.execution_count for cell in catalogue.code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        found.append("it was not executed from top to bottom")
    if _raised(notebook):
        found.append("a cell ended in an error")
    if catalogue.text_of(clean(notebook)) != lecture.path.read_text(encoding="utf-8"):
        found.append("its metadata or outputs are not clean")
    return found


def _raised(notebook: NotebookNode) -> bool:
    cells = catalogue.code_cells(notebook)
    return any(output.output_type == "error" for cell in cells for output in cell.outputs)


def tidied(lecture: Lecture) -> bool:
    """Clean a stored notebook without executing it; return whether that changed anything."""
    text = catalogue.text_of(clean(catalogue.read(lecture.path)))
    changed = text != lecture.path.read_text(encoding="utf-8")
    if changed:
        write_whole(lecture.path, text)
    return changed
