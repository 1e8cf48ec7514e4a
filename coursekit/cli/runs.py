"""Running the notebooks, storing them, and reporting what they claim and measure."""

from pathlib import Path
from typing import Annotated

import typer

from coursekit.cli.base import Folder, Notebooks, app, console

Jobs = Annotated[
    int | None, typer.Option(help="Notebooks at once; by default one a CPU core, or one a GPU.")
]
Timeout = Annotated[int, typer.Option(help="Seconds that a single cell may take.")]


@app.command("list")
def list_(notebooks: Folder = None) -> None:
    """The catalogue: number, title, question, minutes per profile."""
    from rich.table import Table

    from coursekit.course.catalogue import catalogue

    table = Table("no.", "title", "question", box=None, pad_edge=False)
    for profile in ("smoke", "course", "full"):
        table.add_column(profile, justify="right")
    for lecture in catalogue(notebooks):
        minutes = [f"{value:g}" for value in lecture.minutes.values()]
        table.add_row(lecture.number, lecture.title, lecture.question, *minutes)
    console().print(table)
    console().print("Minutes: smoke and course on two CPU cores, full on a GPU.")


@app.command()
def run(
    names: Notebooks = None,
    profile: Annotated[str, typer.Option(help="smoke, course or full.")] = "course",
    dataset: Annotated[str, typer.Option(help="A name (see data list), or a path.")] = "digits",
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    seeds: Annotated[int, typer.Option(help="Run each notebook with so many seeds.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    jobs: Jobs = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, to run on a cluster.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for what is executed.")] = Path("build"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep what a run like this one has finished in --out.")
    ] = False,
    timeout: Timeout = 3600,
    notebooks: Folder = None,
) -> None:
    """Execute notebooks headless and report what they claim and measure."""
    from coursekit.course.ready import Options
    from coursekit.course.run import run as run_notebooks

    options = Options(profile, dataset, seed, seeds, device, jobs, scheduler, out, resume, timeout)
    outcomes = run_notebooks(names or [], options, console(), notebooks)
    raise typer.Exit(any(outcome.status == "failed" for outcome in outcomes))


@app.command()
def refresh(
    names: Notebooks = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether they are executed and clean.")
    ] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Only clean them; execute nothing.")
    ] = False,
    jobs: Jobs = None,
    timeout: Timeout = 3600,
    notebooks: Folder = None,
) -> None:
    """Execute the stored notebooks at their own parameters, clean them, and write them back."""
    from coursekit.course import refresh as room
    from coursekit.course.catalogue import find

    if not check and not clean:
        outcomes = room.refresh(names or [], console(), jobs, timeout, notebooks)
        raise typer.Exit(any(outcome.status == "failed" for outcome in outcomes))
    bad = False
    for lecture in find(names or [], notebooks):
        if clean:
            room.tidied(lecture)
        found = room.faults(lecture)
        bad |= bool(found)
        console().print(f"{lecture.name}: {'; '.join(found) or 'executed and clean'}.")
    raise typer.Exit(bad)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A folder of executed notebooks.")],
    readme: Annotated[
        Path | None, typer.Option(help="A README whose results table is made from it.")
    ] = None,
) -> None:
    """Collect recorded figures and checks into report.html, report.md and report.json."""
    from coursekit.course import readme as room
    from coursekit.course.collect import collect
    from coursekit.course.report import table, write

    console().print(f"Report: {write(folder)}", soft_wrap=True)
    if readme:
        room.put(readme, "results", room.results(table(collect(folder))))
