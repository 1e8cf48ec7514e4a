"""Floor 3. The command line, a thin skin over `course`: `python -m coursekit --help`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="A course on DeepDream, GANs and adversarial examples, run from the command line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="The data sets: what is here, fetch one, verify one.")
app.add_typer(data_app, name="data", no_args_is_help=True)

Notebooks = Annotated[
    list[str] | None,
    typer.Argument(help="Numbers (02, 2), names (02_gan_theory) or paths; all, if none is given."),
]
Jobs = Annotated[
    int | None, typer.Option(help="Notebooks at once; by default one a CPU core, or one a GPU.")
]
Timeout = Annotated[int, typer.Option(help="Seconds that a single cell may take.")]
Folder = Annotated[
    Path | None, typer.Option("--notebooks", help="Where the notebooks are.", hidden=True)
]


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


@app.command()
def doctor() -> None:
    """Versions, device, threads, memory, data, weights, kernel: why does it not work?"""
    from coursekit.course.doctor import examine, show

    findings = examine()
    show(findings, console())
    raise typer.Exit(any(finding.state == "problem" for finding in findings))


@data_app.command("list")
def data_list() -> None:
    """What is embedded, present or missing, where files go, and how to bring them by hand."""
    from rich.table import Table

    from coursekit import data

    table = Table("name", "state", "what", "where", box=None, pad_edge=False)
    entries = data.catalogue()
    for entry in entries:
        table.add_row(entry.name, entry.state, entry.about, entry.where)
    console().print(table)
    console().print("\nWithout a network:")
    for entry in entries:
        if entry.by_hand:
            console().print(f"  {entry.name}: {entry.by_hand}", soft_wrap=True)


@data_app.command("get")
def data_get(name: Annotated[str, typer.Argument(help="Name of a data set.")]) -> None:
    """Download a data set and verify it, unless it is here and whole."""
    from coursekit import data

    console().print(data.get(name), soft_wrap=True)


@data_app.command("check")
def data_check(name: Annotated[str, typer.Argument(help="Name or path of a data set.")]) -> None:
    """Verify a data set: checksums of a public one, shapes and ranges of your own."""
    from coursekit import data

    console().print(data.check(name), soft_wrap=True)


def console() -> "Console":
    """Standard output, as wide as the terminal, or 100 columns in a log."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Whatever a reader can mend ends in one sentence and exit code 1."""
    try:
        app(arguments)
    except Exception as error:
        from coursekit.course.reasons import of_an_exception

        if (sentence := of_an_exception(error)) is None:
            raise  # a fault of our own keeps its traceback
        print(sentence, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
