"""The command line, a thin skin over `course`; `zoo` has commands of its own.

Each command imports what it needs when it is called, so that `--help` does not wait for torch.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

EXIT_CODES = """

Exit codes: 0, all went well.

1, a notebook or a check failed, or something must be put right first; one sentence says what.

2, an unknown command, option or kind of value.

3, nothing could be measured (zoo).

130, interrupted by Ctrl-C."""
RUN_CODES = """

Exit codes: 0, every notebook ran and none of its claims failed.

1, a notebook or a claim failed, or the run could not start or write; one sentence says why.

2, an unknown option or kind of value.

130, interrupted by Ctrl-C; --resume goes on."""
app = typer.Typer(
    help="A course on DeepDream, GANs and adversarial examples, run from the command line."
    + EXIT_CODES,
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
Folder = Annotated[
    Path | None, typer.Option("--notebooks", help="Where the notebooks are.", hidden=True)
]
Jobs = Annotated[
    int | None, typer.Option(help="Notebooks at once; by default one a CPU core, or one a GPU.")
]
Timeout = Annotated[int, typer.Option(help="Seconds that a single cell may take.")]


def console() -> "Console":
    """Standard output, as wide as the terminal, or 100 columns in a log.

    Brackets and colons are shown as they are: they come from paths and titles, not from us.
    """
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 100
    return Console(highlight=False, markup=False, emoji=False, width=wide)


# Running the notebooks, storing them, and reporting what they claim and measure


@app.command("list")
def list_(notebooks: Folder = None) -> None:
    """The lectures: number, title, question, minutes per profile."""
    from rich.table import Table

    from coursekit.course.lectures import all_lectures

    table = Table("no.", "title", "question", box=None, pad_edge=False)
    for profile in ("smoke", "course", "full"):
        table.add_column(profile, justify="right")
    for lecture in all_lectures(notebooks):
        minutes = [f"{value:g}" for value in lecture.minutes.values()]
        table.add_row(lecture.number, lecture.title, lecture.question, *minutes)
    console().print(table)
    console().print("Minutes: smoke and course on two CPU cores, full on a GPU.")


@app.command(
    help=f"Execute notebooks headless and report what they claim and measure.\n\n{RUN_CODES}"
)
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
    junit: Annotated[
        Path | None, typer.Option(help="JUnit XML file to write: a test case for each notebook.")
    ] = None,
    notebooks: Folder = None,
) -> None:
    """Execute notebooks headless and report what they claim and measure."""
    from coursekit.course import runner
    from coursekit.course.preflight import Options

    options = Options(
        profile, dataset, seed, seeds, device, jobs, scheduler, out, resume, timeout, junit
    )
    outcomes = runner.run(names or [], options, console(), notebooks)
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
    from coursekit.course import refresh as stored
    from coursekit.course.lectures import find_lectures

    if not check and not clean:
        outcomes = stored.refresh(names or [], console(), jobs, timeout, notebooks)
        raise typer.Exit(any(outcome.status == "failed" for outcome in outcomes))
    bad = False
    for lecture in find_lectures(names or [], notebooks):
        if clean:
            stored.clean_stored(lecture)
        found = stored.faults(lecture)
        bad |= bool(found)
        console().print(f"{lecture.name}: {'; '.join(found) or 'executed and clean'}.")
    raise typer.Exit(bad)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="A folder of executed notebooks.")]) -> None:
    """Collect recorded figures and checks into report.html, report.md and report.json."""
    from coursekit.course.results import write_report

    console().print(f"Report: {write_report(folder)}", soft_wrap=True)


# For those who study, and those who teach


@app.command()
def exercises(names: Notebooks = None, notebooks: Folder = None) -> None:
    """The exercises of each lecture: what to write, as which function, with how many hints.

    Each is graded in its lecture, on inputs drawn anew, and prints a worked solution on request.
    """
    from rich.table import Table

    from coursekit.course.lectures import find_lectures, tasks

    table = Table("no.", "exercise", "function to write", box=None, pad_edge=False)
    table.add_column("hints", justify="right")
    for lecture in find_lectures(names or [], notebooks):
        for task in tasks(lecture):
            name, hints = task.exercise.worked.__name__, str(len(task.exercise.hints))
            table.add_row(lecture.number, task.exercise.title, name, hints)
    console().print(table)
    console().print(
        "coursekit work NN makes your own copy of a lecture to solve them in. There, each\n"
        "exercise answers to .grade(function), .hint(1), .hint(2) and .solution()."
    )


@app.command()
def work(
    name: Annotated[str, typer.Argument(help="Number, name or path of a lecture.")],
    folder: Annotated[
        Path | None, typer.Option("--to", help="Where your copies lie; work/ by default.")
    ] = None,
    notebooks: Folder = None,
) -> None:
    """Make your own copy of a lecture, which no update of the course will overwrite."""
    from coursekit.course.lectures import begin, find_lectures

    (lecture,) = find_lectures([name], notebooks)
    console().print(f"Your copy: {begin(lecture, folder)}", soft_wrap=True)


@app.command()
def doctor() -> None:
    """Versions, device, threads, memory, data, weights, kernel: why does it not work?"""
    from coursekit.course.doctor import examine, show

    findings = examine()
    show(findings, console())
    raise typer.Exit(any(finding.state == "problem" for finding in findings))


@app.command("slides")
def slides_(
    names: Notebooks = None,
    out: Annotated[Path, typer.Option(help="Folder for the decks.")] = Path("build/slides"),
    notebooks: Folder = None,
) -> None:
    """Make a deck of slides from each lecture whose cells are tagged: one file, no network."""
    from coursekit.course import slides
    from coursekit.course.lectures import find_lectures
    from coursekit.errors import require

    lectures = find_lectures(names or [], notebooks)
    chosen = [lecture for lecture in lectures if slides.has_slides(lecture)]
    others = ", ".join(lecture.number for lecture in lectures if lecture not in chosen)
    told = f"No slides have been chosen in {others} (no cell has slideshow metadata)."
    require(bool(chosen), told)
    for lecture in chosen:
        console().print(f"Slides: {slides.write(lecture, out)}", soft_wrap=True)
    if others:
        console().print(told, soft_wrap=True)


@app.command()
def site(
    out: Annotated[Path, typer.Option(help="Folder for the site.")] = Path("build/site"),
    notebooks: Folder = None,
) -> None:
    """Build the course as a static site: lectures, slides, results and the package's reference."""
    from coursekit.course.site import build

    page = build(out, console().print, notebooks)
    console().print(f"The site: {page}", soft_wrap=True)


# The data sets


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

    console().print(data.download(name), soft_wrap=True)


@data_app.command("check")
def data_check(name: Annotated[str, typer.Argument(help="Name or path of a data set.")]) -> None:
    """Verify a data set: checksums of a public one, shapes and ranges of your own."""
    from coursekit import data

    console().print(data.verify(name), soft_wrap=True)


if TYPE_CHECKING:
    from coursekit.zoo import Recipe

zoo_app = typer.Typer(help="The zoo of trained networks: what is stored, train it, check it.")
app.add_typer(zoo_app, name="zoo", no_args_is_help=True)
Names = Annotated[
    list[str] | None, typer.Argument(help="Names of recipes, as zoo list prints them; all if none.")
]
NOTHING_MEASURED = 3  # exit code


def _chosen(names: list[str] | None) -> "list[Recipe]":
    from coursekit.errors import choose
    from coursekit.zoo import RECIPES

    return [RECIPES[choose("recipe", name, RECIPES)] for name in names or RECIPES]


@zoo_app.command("list")
def zoo_list() -> None:
    """Every recipe: its data and steps, what is stored of it, how long it took, its figures.

    A dash for MB: the record is stored, and no weights.
    """
    from rich.table import Table

    from coursekit.zoo import RECIPES
    from coursekit.zoo.store import read_run, zoo_root

    table = Table("name", "data", "steps", "MB", "minutes", "figures", box=None, pad_edge=False)
    for recipe in RECIPES.values():
        path = zoo_root() / recipe.id
        run, file = read_run(path), path.with_name(f"{path.name}.safetensors")
        if run is None:
            table.add_row(recipe.name, recipe.data, f"{recipe.steps:,}", "", "", "not stored")
            continue
        figures = ", ".join(f"{k} {v['value']:.4g}" for k, v in run.figures.items())
        size = f"{file.stat().st_size / 1e6:.1f}" if file.is_file() else "–"
        minutes = f"{run.seconds / 60:.1f}"
        table.add_row(recipe.name, recipe.data, f"{recipe.steps:,}", size, minutes, figures)
    console().print(table)


@zoo_app.command("train")
def zoo_train(
    names: Names = None,
    again: Annotated[
        list[str] | None,
        typer.Option("--again", help="Train this one anew, stored or not, into --out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for what is trained again.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs side by side, one thread each.")] = 1,
) -> None:
    """Train what is not stored. A killed run continues; runs whose data are absent are skipped."""
    from joblib import Parallel, delayed

    from coursekit.errors import require
    from coursekit.zoo.store import read_run, zoo_root

    require(bool(again) == (out is not None), "--again NAME and --out FOLDER are given together.")
    asked = _chosen(again or names)
    wanted = [r for r in asked if again or read_run(zoo_root() / r.id) is None]
    features = [r for r in wanted if r.name.startswith("features-")]  # games are measured with them
    said: list[str] = []
    for group in (features, [r for r in wanted if r not in features]):
        said += Parallel(n_jobs=jobs)(delayed(_train)(recipe, out) for recipe in group)
    for line in said or ["Everything that was asked for is stored."]:
        console().print(line, soft_wrap=True)
    raise typer.Exit(NOTHING_MEASURED if said and all("skipped" in s for s in said) else 0)


def _train(recipe: "Recipe", out: Path | None) -> str:
    import torch

    from coursekit.zoo.store import absent, make, read_run, zoo_root

    if absent(recipe):
        return f"{recipe.name}: skipped (no {recipe.data})"
    torch.set_num_threads(1)
    before, run = read_run(zoo_root() / recipe.id), make(recipe, out)
    rows = []
    for name, row in run.figures.items():
        then = f" (stored: {before.figures[name]['value']:.4g})" if before and out else ""
        rows.append(f"{name} {row['value']:.4g}{then}")
    return f"{recipe.name}: {', '.join(rows)}, {run.seconds / 60:.1f} min"


@zoo_app.command("measure")
def zoo_measure(names: Names = None) -> None:
    """Take the figures of stored runs anew, those that take minutes too, and write them."""
    from coursekit.progress import following
    from coursekit.zoo.store import absent, read_run, record_only, remeasure, zoo_root

    chosen = [recipe for recipe in _chosen(names) if names or not record_only(recipe)]
    done = 0
    for recipe in following(chosen, "zoo measure"):
        if absent(recipe) or not (names or read_run(zoo_root() / recipe.id)):
            said = f"skipped (no {recipe.data})" if absent(recipe) else "not stored"
            console().print(f"{recipe.name}: {said}")
            continue
        figures = remeasure(recipe).figures
        rows = ", ".join(f"{name} {row['value']:.4g}" for name, row in figures.items())
        console().print(f"{recipe.name}: {rows}", soft_wrap=True)
        done += 1
    raise typer.Exit(0 if done else NOTHING_MEASURED)


@zoo_app.command("check")
def zoo_check(
    names: Names = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Take the figures anew from the stored weights.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Run 8 steps anew; stamp what is the same.")
    ] = False,
) -> None:
    """Schema, recipes and tensors of what is stored; figures or replays if asked for.

    Exit code 1 if something is wrong, 3 if figures or replays were asked for and no data were here.
    """
    from coursekit.progress import following
    from coursekit.zoo.store import absent, check, read_run, zoo_root
    from coursekit.zoo.store import replay as replayed

    wrong, done, skipped = [], 0, 0
    for recipe in following(_chosen(names), "zoo check"):
        if not names and read_run(zoo_root() / recipe.id) is None:
            console().print(f"{recipe.name}: not stored")
            continue
        if (measure or replay) and absent(recipe):
            skipped += 1
            console().print(f"{recipe.name}: skipped (no {recipe.data})")
            continue
        found = check(recipe, measure) + (replayed(recipe) if replay else [])
        done += 1
        wrong += found
        console().print("\n".join(found) or f"{recipe.name}: as stored", soft_wrap=True)
    console().print(f"{done} checked, {skipped} skipped, {len(wrong)} differences")
    if wrong:
        raise typer.Exit(1)
    raise typer.Exit(NOTHING_MEASURED if (measure or replay) and not done else 0)
