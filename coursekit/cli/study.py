"""For those who study: the exercises, a copy to work in, and what is wrong with a machine."""

from pathlib import Path
from typing import Annotated

import typer

from coursekit.cli.base import Folder, Notebooks, app, console


@app.command()
def exercises(names: Notebooks = None, notebooks: Folder = None) -> None:
    """The exercises of each lecture: what to write, and how many hints there are."""
    from rich.table import Table

    from coursekit.course.catalogue import find
    from coursekit.course.homework import tasks

    table = Table("no.", "exercise", "cell", box=None, pad_edge=False)
    table.add_column("hints", justify="right")
    for lecture in find(names or [], notebooks):
        for task in tasks(lecture):
            hints = str(len(task.exercise.hints))
            table.add_row(lecture.number, task.exercise.title, task.cell, hints)
    console().print(table)
    console().print("coursekit work NN makes your own copy of a lecture to solve them in.")


@app.command()
def work(
    name: Annotated[str, typer.Argument(help="Number, name or path of a lecture.")],
    folder: Annotated[
        Path | None, typer.Option("--to", help="Where your copies lie; work/ by default.")
    ] = None,
    notebooks: Folder = None,
) -> None:
    """Make your own copy of a lecture, which no update of the course will overwrite."""
    from coursekit.course.catalogue import find
    from coursekit.course.homework import begin

    (lecture,) = find([name], notebooks)
    console().print(f"Your copy: {begin(lecture, folder)}", soft_wrap=True)


@app.command()
def doctor() -> None:
    """Versions, device, threads, memory, data, weights, kernel: why does it not work?"""
    from coursekit.course.doctor import examine, show

    findings = examine()
    show(findings, console())
    raise typer.Exit(any(finding.state == "problem" for finding in findings))
