"""The stored notebooks: executed at `course`, clean, and written back only if all went well."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from nbformat import reads
from rich.console import Console

from coursekit.course import executor, readme
from coursekit.course.jobs import Job, Outcome, package_digest
from coursekit.course.lectures import (
    Lecture,
    clean,
    code_cells,
    find_lectures,
    notebook_text,
    read_notebook,
)
from coursekit.course.preflight import KERNEL, at_least_one, kernel_present, locked
from coursekit.course.runner import perform, summary
from coursekit.io import write_bytes


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
    lectures = {lecture.name: lecture for lecture in find_lectures(names, notebooks)}
    kernel_present(KERNEL)
    folder = next(iter(lectures.values())).path.parent

    def keep(outcome: Outcome) -> None:
        if outcome.status == "done":
            text = notebook_text(clean(reads(outcome.text, 4)))
            write_bytes(lectures[outcome.name].path, text.encode())

    with TemporaryDirectory() as scratch, locked(folder):
        work = [_job(lecture, timeout, scratch) for lecture in lectures.values()]
        at_once = executor.width(jobs, len(work), [])
        outcomes = perform(
            list(lectures),
            lambda tell: executor.on_this_machine(work, at_once, [], tell),
            keep,
            console,
            "go on with the names of the others",
        )
    readme.update(folder)
    summary(outcomes, console)
    return outcomes


def _job(lecture: Lecture, timeout: int, scratch: str) -> Job:
    return Job(
        name=lecture.name,
        source=notebook_text(read_notebook(lecture.path)),
        configuration={"package": package_digest()},
        timeout=timeout,
        cwd=str(lecture.path.resolve().parent),
        scratch=scratch,
        kernel=KERNEL,
    )


def faults(lecture: Lecture) -> list[str]:
    """What is wrong with a stored notebook, a sentence each; nothing if it may be committed."""
    notebook = read_notebook(lecture.path)
    cells = code_cells(notebook)
    found = []
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        found.append("it was not executed from top to bottom")
    if any(output.output_type == "error" for cell in cells for output in cell.outputs):
        found.append("a cell ended in an error")
    if notebook_text(clean(notebook)) != lecture.path.read_text(encoding="utf-8"):
        found.append("its metadata or outputs are not clean")
    return found


def clean_stored(lecture: Lecture) -> bool:
    """Clean a stored notebook without executing it; return whether that changed anything."""
    text = notebook_text(clean(read_notebook(lecture.path)))
    changed = text != lecture.path.read_text(encoding="utf-8")
    if changed:
        write_bytes(lecture.path, text.encode())
    return changed
